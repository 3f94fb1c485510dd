/* SPDX-License-Identifier: MIT */
/* stage - one real stage on a bench, and ends that write down what they hear.
 *
 *   in   an entry of a stage, links
 *   out  messages, in the order they came
 *   owns what was heard; the rest is the bench's
 */
#include "stage.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "supervisor/topology.h"

void
room_open (struct room *room, enum bench_transport transport,
           const char *const *options)
{
    *room = (struct room){0};
    bench_open (&room->bench, transport, options);
    CHECK_OK (mkdir (config_network_dir (room->bench.config), 0700));
}

void
room_close (struct room *room)
{
    bench_close (&room->bench);
}

void
room_pump (struct room *room)
{
    bench_pump (&room->bench,
                instant_after (moment_now ().mono, 20 * MILLISECOND_US));
}

void
stage_start (struct room *room, zactor_fn *run, const char *stage)
{
    assert_null (room->stage);
    room->stage = bench_start (&room->bench, run, stage, stage);
}

int
stage_stop (struct room *room)
{
    int error = bench_stop (&room->bench, room->stage);
    room->stage = NULL;
    return error;
}

int64_t
stage_count (struct room *room, const char *name)
{
    return bench_counter (&room->bench, room->stage, name);
}

void
stage_wait_count (struct room *room, const char *name, int64_t value)
{
    struct instant until = instant_after (moment_now ().mono, BENCH_WAIT_US);

    /* The stage does not tell when it changes: it is asked again and again. */
    while (stage_count (room, name) != value) {
        if (instant_reached (moment_now ().mono, until))
            bench_fail (&room->bench, name, __FILE__, __LINE__);
        room_pump (room);
    }
}

static void
end_on_up (void *self, struct link *link, struct link_peer *peer)
{
    (void)link;
    ((struct end *)self)->peer = peer;
}

static void
end_on_down (void *self, struct link *link, struct link_peer *peer)
{
    struct end *end = self;
    (void)link;
    if (end->peer == peer)
        end->peer = NULL;
}

static enum link_use
end_on_message (void *self, struct link *link, struct link_peer *peer,
                const struct link_message *message, size_t size)
{
    struct end *end = self;
    struct heard *heard = calloc (1, sizeof *heard);
    (void)link;
    (void)peer;

    assert_non_null (heard);
    assert_true (link_message_encode (&heard->bytes, message) > 0);
    struct bytes bytes = buffer_bytes (&heard->bytes);
    CHECK_OK (link_message_decode (end->id, &bytes, &heard->message));
    heard->size = size;
    *end->last = heard;
    end->last = &heard->next;
    end->count++;
    return end->holds ? LINK_HELD : LINK_DONE;
}

static const struct link_handlers end_handlers = {
    .up = end_on_up,
    .down = end_on_down,
    .message = end_on_message,
};

void
end_open (struct room *room, struct end *end, enum link_id id, const char *name,
          int64_t credit)
{
    struct bench *bench = &room->bench;
    char stage[LINK_NAME_MAX + 1];
    snprintf (stage, sizeof stage, "%.*s", (int)strcspn (name, "."), name);
    bool binds = topology_binds (id, stage);
    struct link_options options = {
        .id = id,
        .side = binds ? LINK_BINDS : LINK_CONNECTS,
        .endpoint = bench->endpoints.link[id],
        .stage = name,
        .daemon = bench->daemon,
        .incarnation = random_u64 (),
        .receive_credit = credit >= 0 ? credit : topology_credit (id, binds),
        .send_limited = topology_credit (id, !binds) > 0,
    };

    *end = (struct end){.room = room, .id = id};
    end->last = &end->heard;
    assert_true (bench->links_count < BENCH_LINKS_MAX);
    CHECK_OK (link_open (&options, &end_handlers, end, moment_now ().mono,
                         &end->link));
    bench->links[bench->links_count++] = end->link;
}

void
heard_free (struct heard **heard)
{
    if (*heard == NULL)
        return;
    buffer_done (&(*heard)->bytes);
    free (*heard);
    *heard = NULL;
}

static struct heard *
end_take (struct end *end)
{
    struct heard *heard = end->heard;

    end->heard = heard->next;
    if (end->heard == NULL)
        end->last = &end->heard;
    end->count--;
    return heard;
}

void
end_close (struct end *end)
{
    bench_link_close (&end->room->bench, &end->link);
    while (end->heard != NULL) {
        struct heard *heard = end_take (end);
        heard_free (&heard);
    }
    end->peer = NULL;
}

struct link_peer *
end_wait_up (struct end *end)
{
    BENCH_WAIT (&end->room->bench, end->peer != NULL);
    return end->peer;
}

void
end_wait_many (struct end *end, size_t count)
{
    BENCH_WAIT (&end->room->bench, end->count >= count);
}

struct heard *
end_wait (struct end *end, enum message_id id)
{
    end_wait_many (end, 1);
    struct heard *heard = end_take (end);
    if (heard->message.id != id)
        fail_msg ("heard %s, not %s", message_id_name (heard->message.id),
                  message_id_name (id));
    return heard;
}

void
end_send (struct end *end, const struct link_message *message)
{
    BENCH_WAIT (&end->room->bench,
                link_send (end->link, end_wait_up (end), message) == 0);
    link_flush (end->link);
}
