/* SPDX-License-Identifier: MIT */
/* actor_bench - a place where a test runs real stages and is the other end of
 * their links.
 *
 *   in   options, entries of stages
 *   out  stages that run, links to them
 *   owns the threads, the control lines, the test's links, a directory
 */
#include "actor_bench.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "supervisor/log.h"
#include "supervisor/topology.h"

#define BENCH_OPTIONS_MAX 16
#define BENCH_DATAGRAM_MAX 65536

/* Returns a port of 127.0.0.1 that was free just now. */
static unsigned
bench_free_port (void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl (INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true (fd >= 0);
    assert_int_equal (bind (fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal (getsockname (fd, (struct sockaddr *)&address, &size), 0);
    close (fd);
    return ntohs (address.sin_port);
}

void
bench_endpoint (const struct bench *bench, const char *name, char *ret,
                size_t room)
{
    if (bench->transport == BENCH_TCP)
        snprintf (ret, room, "tcp://127.0.0.1:%u", bench_free_port ());
    else
        snprintf (ret, room, "%s://%s/%s",
                  bench->transport == BENCH_IPC ? "ipc" : "inproc", bench->dir,
                  name);
}

static void
bench_load_config (struct bench *bench, const char *const *options)
{
    struct config_override override[BENCH_OPTIONS_MAX] = {
        {"node.datadir", "--node.datadir", bench->dir}};
    struct config_request request = {.override = override, .override_count = 1};
    struct config_problems problems = {0};

    for (; options && options[0]; options += 2) {
        assert_in_range (request.override_count, 1, BENCH_OPTIONS_MAX - 1);
        override[request.override_count++] = (struct config_override){
            .name = options[0], .flag = options[0], .value = options[1]};
    }
    int rc = config_load (&request, &bench->config, &problems);
    if (problems.count > 0)
        print_error ("%s\n", problems.text[0]);
    CHECK_OK (rc);
    config_problems_done (&problems);
}

void
bench_open (struct bench *bench, enum bench_transport transport,
            const char *const *options)
{
    zsys_handler_set (NULL);
    *bench = (struct bench){.transport = transport, .daemon = random_u64 ()};
    snprintf (bench->dir, sizeof bench->dir, "/tmp/bench-XXXXXX");
    assert_non_null (mkdtemp (bench->dir));
    bench->log_fd = memfd_create ("log", MFD_CLOEXEC);
    assert_true (bench->log_fd >= 0);
    log_open (bench->log_fd, LEVEL_DEBUG, LOG_TEXT);
    bench_load_config (bench, options);
    for (size_t id = 0; id < LINKS_; id++)
        bench_endpoint (bench, link_id_name ((enum link_id)id),
                        bench->endpoints.link[id],
                        sizeof bench->endpoints.link[id]);
    bench_endpoint (bench, "tap-inside", bench->endpoints.tap,
                    sizeof bench->endpoints.tap);
}

struct bench_stage *
bench_launch (struct bench *bench, zactor_fn *entry, const char *stage,
              const char *name)
{
    int pair[2];
    assert_true (bench->stages_count < BENCH_STAGES_MAX);
    CHECK_OK (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
    struct bench_stage *started = &bench->stages[bench->stages_count++];
    *started = (struct bench_stage){.fd = pair[0],
                                    .args = {.stage = stage,
                                             .name = name,
                                             .control_fd = pair[1],
                                             .daemon = bench->daemon,
                                             .config = bench->config,
                                             .endpoints = &bench->endpoints}};
    started->thread = zactor_new (entry, &started->args);
    assert_non_null (started->thread);
    return started;
}

struct bench_stage *
bench_start (struct bench *bench, zactor_fn *entry, const char *stage,
             const char *name)
{
    struct bench_stage *started = bench_launch (bench, entry, stage, name);
    BENCH_WAIT (bench, started->ready || started->exited);
    if (started->exited)
        print_error ("%s ended: %s\n", name, started->words);
    assert_true (started->ready);
    return started;
}

static void
bench_tell_message (struct bench_stage *stage,
                    const struct link_message *message)
{
    owned (buffer_done) struct buffer out = {0};
    assert_true (link_message_encode (&out, message) > 0);
    send (stage->fd, out.data, out.size, MSG_NOSIGNAL);
}

void
bench_tell (struct bench_stage *stage, enum message_id id)
{
    struct link_message message = {.id = id};
    bench_tell_message (stage, &message);
}

static void
bench_on_exited (struct bench_stage *stage, const struct link_exited *exited)
{
    stage->exited = true;
    stage->error = exited->error;
    memcpy (stage->words, exited->words.data, exited->words.size);
    stage->words[exited->words.size] = '\0';
}

/* Takes what STAGE has said on its control line. */
static void
bench_hear (struct bench_stage *stage)
{
    static _Thread_local uint8_t datagram[BENCH_DATAGRAM_MAX];
    ssize_t size;

    while ((size = recv (stage->fd, datagram, sizeof datagram, MSG_DONTWAIT))
           > 0) {
        struct bytes input = bytes_of (datagram, (size_t)size);
        struct link_message message;
        CHECK_OK (link_message_decode (LINK_CONTROL, &input, &message));
        if (message.id == MESSAGE_READY)
            stage->ready = true;
        if (message.id == MESSAGE_DRAIN_REPLY)
            stage->drained = true;
        if (message.id == MESSAGE_PING_REPLY)
            stage->pong = message.ping.number;
        if (message.id == MESSAGE_STATS_REPLY) {
            json_decref (stage->stats);
            stage->stats =
                json_loadb ((const char *)message.stats_reply.json.data,
                            message.stats_reply.json.size, 0, NULL);
        }
        if (message.id == MESSAGE_EXITED)
            bench_on_exited (stage, &message.exited);
    }
}

int
bench_join (struct bench *bench, struct bench_stage *stage)
{
    BENCH_WAIT (bench, stage->exited);
    zactor_destroy (&stage->thread);
    close (stage->fd);
    stage->fd = -1;
    json_decref (stage->stats);
    stage->stats = NULL;
    return stage->error;
}

int
bench_stop (struct bench *bench, struct bench_stage *stage)
{
    bench_tell (stage, MESSAGE_STOP);
    return bench_join (bench, stage);
}

int64_t
bench_counter (struct bench *bench, struct bench_stage *stage, const char *name)
{
    json_decref (stage->stats);
    stage->stats = NULL;
    bench_tell (stage, MESSAGE_STATS);
    BENCH_WAIT (bench, stage->stats != NULL);
    const json_t *value = json_object_get (stage->stats, name);
    if (!json_is_integer (value))
        fail_msg ("%s has no counter %s", stage->args.name, name);
    return json_integer_value (value);
}

struct link *
bench_link (struct bench *bench, enum link_id id, const char *stage,
            const char *name, const struct link_handlers *handlers, void *self)
{
    bool binds = topology_binds (id, stage);
    struct link_options options = {
        .id = id,
        .side = binds ? LINK_BINDS : LINK_CONNECTS,
        .endpoint = bench->endpoints.link[id],
        .stage = name,
        .daemon = bench->daemon,
        .incarnation = random_u64 (),
        .receive_credit = topology_credit (id, binds),
        .send_limited = topology_credit (id, !binds) > 0};
    assert_true (bench->links_count < BENCH_LINKS_MAX);
    struct link **place = &bench->links[bench->links_count];
    CHECK_OK (link_open (&options, handlers, self, moment_now ().mono, place));
    bench->links_count++;
    return *place;
}

void
bench_link_close (struct bench *bench, struct link **link)
{
    for (size_t i = 0; i < bench->links_count; i++)
        if (bench->links[i] == *link) {
            bench->links[i] = bench->links[--bench->links_count];
            break;
        }
    link_close (link);
}

void
bench_watch (struct bench *bench, int fd)
{
    assert_true (bench->watches_count < BENCH_WATCHES_MAX);
    bench->watches[bench->watches_count++] = fd;
}

void
bench_unwatch (struct bench *bench, int fd)
{
    for (size_t i = 0; i < bench->watches_count; i++)
        if (bench->watches[i] == fd)
            bench->watches[i] = bench->watches[--bench->watches_count];
}

static size_t
bench_poll_items (const struct bench *bench, zmq_pollitem_t *items)
{
    size_t count = 0;
    for (size_t i = 0; i < bench->links_count; i++)
        items[count++] = (zmq_pollitem_t){
            .socket = link_socket (bench->links[i]), .events = ZMQ_POLLIN};
    for (size_t i = 0; i < bench->stages_count; i++)
        if (bench->stages[i].fd >= 0 && !bench->stages[i].exited)
            items[count++] = (zmq_pollitem_t){.fd = bench->stages[i].fd,
                                              .events = ZMQ_POLLIN};
    for (size_t i = 0; i < bench->watches_count; i++)
        items[count++] =
            (zmq_pollitem_t){.fd = bench->watches[i], .events = ZMQ_POLLIN};
    return count;
}

bool
bench_pump (struct bench *bench, struct instant until)
{
    zmq_pollitem_t
        items[BENCH_LINKS_MAX + BENCH_STAGES_MAX + BENCH_WATCHES_MAX];
    struct instant now = moment_now ().mono;
    struct instant wake = until;

    for (size_t i = 0; i < bench->links_count; i++) {
        struct instant wanted = link_tick (bench->links[i], now);
        link_flush (bench->links[i]);
        if (wanted.us < wake.us)
            wake = wanted;
    }
    size_t count = bench_poll_items (bench, items);
    int64_t left_us = instant_since (wake, now);
    zmq_poll (items, (int)count,
              left_us <= 0 ? 0 : (long)((left_us + 999) / 1000));

    now = moment_now ().mono;
    for (size_t i = 0; i < bench->links_count; i++) {
        link_receive (bench->links[i], now);
        link_flush (bench->links[i]);
    }
    for (size_t i = 0; i < bench->stages_count; i++)
        if (bench->stages[i].fd >= 0)
            bench_hear (&bench->stages[i]);
    return !instant_reached (now, until);
}

char *
bench_log (const struct bench *bench)
{
    off_t end = lseek (bench->log_fd, 0, SEEK_END);
    assert_true (end >= 0);
    char *text = calloc ((size_t)end + 1, 1);
    assert_non_null (text);
    assert_int_equal (pread (bench->log_fd, text, (size_t)end, 0), end);
    return text;
}

bool
bench_logged (const struct bench *bench, const char *wanted)
{
    char *text = bench_log (bench);
    bool found = strstr (text, wanted) != NULL;
    free (text);
    return found;
}

void
bench_fail (struct bench *bench, const char *condition, const char *file,
            int line)
{
    char *text = bench_log (bench);
    print_error ("waited in vain for: %s\nthe log:\n%s\n", condition, text);
    free (text);
    _fail (file, line);
}

/* The endpoints of ipc, and whatever stages keep on disk. */
static void
bench_remove (const char *path)
{
    DIR *dir = opendir (path);
    for (struct dirent *entry; dir && (entry = readdir (dir));) {
        char inside[320];
        if (strcmp (entry->d_name, ".") == 0
            || strcmp (entry->d_name, "..") == 0)
            continue;
        snprintf (inside, sizeof inside, "%s/%s", path, entry->d_name);
        if (entry->d_type == DT_DIR)
            bench_remove (inside);
        else
            unlink (inside);
    }
    if (dir)
        closedir (dir);
    rmdir (path);
}

void
bench_close (struct bench *bench)
{
    for (size_t i = 0; i < bench->stages_count; i++)
        if (bench->stages[i].thread)
            bench_stop (bench, &bench->stages[i]);
    while (bench->links_count > 0)
        bench_link_close (bench, &(struct link *){bench->links[0]});
    log_open (STDERR_FILENO, LEVEL_INFO, LOG_TEXT);
    char *text = bench_log (bench);
    if (strstr (text, " broken ") != NULL)
        fail_msg ("the log has a broken line:\n%s", text);
    free (text);
    close (bench->log_fd);
    config_destroy (&bench->config);
    bench_remove (bench->dir);
}
