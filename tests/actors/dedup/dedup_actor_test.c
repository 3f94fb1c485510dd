/* SPDX-License-Identifier: MIT */
/* dedup_actor_test - the real stage, over real links: what it says is on the
 * disk, once, and stays there. */
#include "tests/actors/stage.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "actors/dedup/journal.h"

struct fixture {
    struct room room;
    struct end verified; /* a verifier */
    struct end feed;     /* a reader */
};

static int64_t
now_s (void)
{
    return moment_unix_s (moment_now ());
}

static struct gov_id
id_of (uint64_t number)
{
    struct gov_id id = {{0}};
    memcpy (id.bytes, &number, sizeof number);
    memset (id.bytes + sizeof number, 0x77, sizeof id.bytes - sizeof number);
    return id;
}

/* Sends message NUMBER, ticket NUMBER, of that timestamp. */
static void
send_verified (struct end *end, uint64_t number, int64_t timestamp)
{
    static const char key[] =
        "031b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd078f";
    char payload[401];

    snprintf (payload, sizeof payload, "%-400d", (int)number);
    struct link_message message = {
        .id = MESSAGE_VERIFIED,
        .verified = {.ticket = number,
                     .command = COMMAND_ECONVETO,
                     .received_us = moment_now ().unix_us,
                     .timestamp = timestamp,
                     .id = id_of (number),
                     .public_key = bytes_of_text (key),
                     .payload = bytes_of_text (payload)},
    };
    end_send (end, &message);
}

static enum verdict
wait_verdict (struct end *end, uint64_t ticket)
{
    owned (heard_free) struct heard *heard =
        end_wait (end, MESSAGE_VERIFIED_REPLY);
    assert_int_equal (heard->message.verified_reply.ticket, ticket);
    return heard->message.verified_reply.verdict;
}

static void
accept_all (struct fixture *fixture, uint64_t first, uint64_t last)
{
    for (uint64_t i = first; i <= last; i++)
        send_verified (&fixture->verified, i, now_s ());
    for (uint64_t i = first; i <= last; i++)
        CHECK_VERDICT (wait_verdict (&fixture->verified, i), VERDICT_ACCEPTED);
}

static int64_t
wait_floor (struct end *end)
{
    owned (heard_free) struct heard *heard = end_wait (end, MESSAGE_FLOOR);
    return heard->message.floor.floor_s;
}

static void
open_feed (struct end *end, uint8_t stream, uint64_t from, int64_t since_s)
{
    struct link_message message = {
        .id = MESSAGE_FEED_OPEN,
        .feed_open = {.stream = stream, .from_seq = from, .since_s = since_s},
    };
    end_send (end, &message);
}

static void
check_entry (struct end *end, uint64_t seq, uint64_t number)
{
    owned (heard_free) struct heard *heard = end_wait (end, MESSAGE_FEED_ENTRY);
    const struct link_feed_entry *entry = &heard->message.feed_entry;
    struct gov_id id = id_of (number);

    assert_int_equal (entry->seq, seq);
    assert_memory_equal (&entry->id, &id, sizeof id);
    assert_int_equal (entry->payload.size, 400);
    assert_int_equal (atoi ((const char *)entry->payload.data), number);
}

static void
check_head (struct end *end, uint8_t stream, uint64_t seq)
{
    owned (heard_free) struct heard *heard = end_wait (end, MESSAGE_FEED_HEAD);
    assert_int_equal (heard->message.feed_head.stream, stream);
    assert_int_equal (heard->message.feed_head.seq, seq);
}

static int
setup_with (void **state, const char *const *options)
{
    struct fixture *fixture = calloc (1, sizeof *fixture);
    *state = fixture;
    room_open (&fixture->room, BENCH_INPROC, options);
    stage_start (&fixture->room, dedup_actor, "dedup");
    end_open (&fixture->room, &fixture->verified, LINK_VERIFIED, "verifier.0",
              -1);
    end_open (&fixture->room, &fixture->feed, LINK_FEED, "gossip", -1);
    assert_int_equal (wait_floor (&fixture->verified), INT64_MIN);
    end_wait_up (&fixture->feed);
    return 0;
}

static int
setup (void **state)
{
    return setup_with (state, NULL);
}

static int
setup_of_three_ids (void **state)
{
    static const char *const options[] = {"limits.max_ids", "3", NULL};
    return setup_with (state, options);
}

static int
teardown (void **state)
{
    struct fixture *fixture = *state;
    if (fixture->verified.link != NULL)
        end_close (&fixture->verified);
    if (fixture->feed.link != NULL)
        end_close (&fixture->feed);
    room_close (&fixture->room);
    free (fixture);
    return 0;
}

static int
count_entry (void *self, const struct entry *entry)
{
    (void)entry;
    ++*(size_t *)self;
    return 0;
}

/* Returns how many entries a copy of the files, made now, has: what a power
 * cut would leave. */
static size_t
entries_on_disk (struct room *room)
{
    char command[400], path[200];
    struct journal *journal;
    size_t count = 0;

    snprintf (command, sizeof command, "cd %s && mkdir copy && cp %s/j* copy",
              room->bench.dir, config_network_dir (room->bench.config));
    assert_int_equal (system (command), 0);
    snprintf (path, sizeof path, "%s/copy/journal.db", room->bench.dir);
    assert_int_equal (
        journal_open (path, now_s (), count_entry, &count, &journal), 0);
    journal_close (&journal);
    return count;
}

static void
test_verdict_comes_after_the_journal_has_it (void **state)
{
    struct fixture *fixture = *state;

    send_verified (&fixture->verified, 1, now_s ());
    CHECK_VERDICT (wait_verdict (&fixture->verified, 1), VERDICT_ACCEPTED);
    assert_int_equal (entries_on_disk (&fixture->room), 1);
}

static void
test_copies_are_duplicates_in_one_batch_and_later (void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 3; i++)
        send_verified (&fixture->verified, 1, now_s ());
    CHECK_VERDICT (wait_verdict (&fixture->verified, 1), VERDICT_ACCEPTED);
    CHECK_VERDICT (wait_verdict (&fixture->verified, 1), VERDICT_DUPLICATE);
    CHECK_VERDICT (wait_verdict (&fixture->verified, 1), VERDICT_DUPLICATE);
    send_verified (&fixture->verified, 1, now_s ());
    CHECK_VERDICT (wait_verdict (&fixture->verified, 1), VERDICT_DUPLICATE);
    assert_int_equal (stage_count (&fixture->room, "entries"), 1);
    assert_int_equal (stage_count (&fixture->room, "accepted"), 1);
    assert_int_equal (stage_count (&fixture->room, "duplicate"), 3);
}

static void
test_time_is_judged_by_dedup_too (void **state)
{
    struct fixture *fixture = *state;

    send_verified (&fixture->verified, 1, now_s () - 3700);
    CHECK_VERDICT (wait_verdict (&fixture->verified, 1), VERDICT_STALE);
    send_verified (&fixture->verified, 2, now_s () + 400);
    CHECK_VERDICT (wait_verdict (&fixture->verified, 2), VERDICT_FUTURE);
    assert_int_equal (stage_count (&fixture->room, "entries"), 0);
}

static void
test_full_index_of_young_ids_is_busy (void **state)
{
    struct fixture *fixture = *state;

    accept_all (fixture, 1, 3);
    send_verified (&fixture->verified, 4, now_s ());
    CHECK_VERDICT (wait_verdict (&fixture->verified, 4), VERDICT_BUSY);
}

/* Old entries of the journal are over the bound at the next start: forgotten,
 * and the verifiers told so. */
static void
test_risen_floor_is_told_to_verifiers (void **state)
{
    struct fixture *fixture = *state;
    struct room *room = &fixture->room;
    struct journal *journal;
    char path[200];
    size_t count = 0;

    assert_int_equal (stage_stop (room), 0);
    snprintf (path, sizeof path, "%s/journal.db",
              config_network_dir (room->bench.config));
    assert_int_equal (
        journal_open (path, now_s (), count_entry, &count, &journal), 0);
    struct entry entries[5], *places[5];
    for (uint64_t i = 0; i < 5; i++) {
        entries[i] = (struct entry){.timestamp = 1000 + (int64_t)i,
                                    .id = id_of (i),
                                    .public_key = bytes_of_text ("02"),
                                    .payload = bytes_of_text ("{}")};
        places[i] = &entries[i];
    }
    assert_int_equal (journal_append (journal, places, 5, INT64_MIN), 0);
    journal_close (&journal);

    end_close (&fixture->verified);
    stage_start (room, dedup_actor, "dedup");
    end_open (room, &fixture->verified, LINK_VERIFIED, "verifier.0", -1);
    assert_int_equal (wait_floor (&fixture->verified), 1001);
    /* One more has to go for the next one; now it rises while it runs. */
    send_verified (&fixture->verified, 9, now_s ());
    CHECK_VERDICT (wait_verdict (&fixture->verified, 9), VERDICT_ACCEPTED);
    assert_int_equal (wait_floor (&fixture->verified), 1002);
}

static void
test_each_verifier_gets_its_own_verdicts (void **state)
{
    struct fixture *fixture = *state;
    struct end other;

    end_open (&fixture->room, &other, LINK_VERIFIED, "verifier.1", -1);
    wait_floor (&other);
    send_verified (&fixture->verified, 1, now_s ());
    send_verified (&other, 2, now_s ());
    assert_int_equal (wait_verdict (&other, 2), VERDICT_ACCEPTED);
    CHECK_VERDICT (wait_verdict (&fixture->verified, 1), VERDICT_ACCEPTED);
    end_close (&other);
}

static void
test_more_than_the_credit_is_judged_in_batches (void **state)
{
    struct fixture *fixture = *state;
    enum { COUNT = 12000 }; /* of 600 bytes: more than 4 MiB */

    for (uint64_t i = 0; i < COUNT; i++)
        send_verified (&fixture->verified, i, now_s ());
    for (uint64_t i = 0; i < COUNT; i++)
        CHECK_VERDICT (wait_verdict (&fixture->verified, i), VERDICT_ACCEPTED);
    assert_int_equal (stage_count (&fixture->room, "entries"), COUNT);
    assert_true (stage_count (&fixture->room, "batches") >= COUNT / 256);
}

static void
test_reader_gets_the_journal_and_then_what_comes (void **state)
{
    struct fixture *fixture = *state;

    accept_all (fixture, 11, 15);
    open_feed (&fixture->feed, 2, 3, 0);
    for (uint64_t seq = 3; seq <= 5; seq++)
        check_entry (&fixture->feed, seq, 10 + seq);
    check_head (&fixture->feed, 2, 5);
    accept_all (fixture, 16, 17);
    check_entry (&fixture->feed, 6, 16);
    check_entry (&fixture->feed, 7, 17);
}

static void
test_reader_begins_at_a_time (void **state)
{
    struct fixture *fixture = *state;
    int64_t start_s = now_s ();

    for (uint64_t i = 1; i <= 4; i++) {
        send_verified (&fixture->verified, i, start_s - 50 + (int64_t)i * 10);
        CHECK_VERDICT (wait_verdict (&fixture->verified, i), VERDICT_ACCEPTED);
    }
    open_feed (&fixture->feed, 0, 0, start_s - 25);
    check_entry (&fixture->feed, 3, 3);
    check_entry (&fixture->feed, 4, 4);
    check_head (&fixture->feed, 0, 4);
}

static void
test_reader_that_keeps_its_credit_loses_nothing (void **state)
{
    struct fixture *fixture = *state;
    enum { COUNT = 6000 }; /* of 600 bytes: more than 1 MiB */
    struct end *feed = &fixture->feed;

    feed->holds = true;
    open_feed (feed, 0, 1, 0);
    check_head (feed, 0, 0);
    accept_all (fixture, 1, COUNT); /* which the slow reader does not hold up */
    size_t first = feed->count;
    assert_true (first < COUNT);
    for (uint64_t i = 1; i <= COUNT; i++) {
        end_wait_many (feed, 1);
        link_release (feed->link, feed->peer, feed->heard->size);
        check_entry (feed, i, i);
    }
}

static void
test_restart_keeps_all (void **state)
{
    struct fixture *fixture = *state;
    struct room *room = &fixture->room;

    accept_all (fixture, 1, 300);
    assert_int_equal (stage_stop (room), 0);
    stage_start (room, dedup_actor, "dedup");
    wait_floor (&fixture->verified);
    assert_int_equal (stage_count (room, "ids"), 300);
    send_verified (&fixture->verified, 7, now_s ());
    CHECK_VERDICT (wait_verdict (&fixture->verified, 7), VERDICT_DUPLICATE);
    accept_all (fixture, 301, 302);
    open_feed (&fixture->feed, 0, 1, 0);
    for (uint64_t i = 1; i <= 302; i++)
        check_entry (&fixture->feed, i, i);
    check_head (&fixture->feed, 0, 302);
}

static void
test_acks_are_durable_within_a_second (void **state)
{
    struct fixture *fixture = *state;
    struct link_message open = {
        .id = MESSAGE_FEED_OPEN,
        .feed_open = {.from_seq = 1, .durable = true},
    };
    struct link_message ack = {.id = MESSAGE_FEED_ACK, .feed_ack = {.seq = 2}};
    struct journal *journal;
    char path[200];
    size_t count = 0;

    accept_all (fixture, 1, 3);
    end_send (&fixture->feed, &open);
    end_send (&fixture->feed, &ack);
    end_wait_many (&fixture->feed, 4);
    stage_wait_count (&fixture->room, "unsaved_acks", 0);
    assert_int_equal (stage_stop (&fixture->room), 0);
    snprintf (path, sizeof path, "%s/journal.db",
              config_network_dir (fixture->room.bench.config));
    assert_int_equal (
        journal_open (path, now_s (), count_entry, &count, &journal), 0);
    assert_int_equal (journal_ack (journal, "gossip"), 2);
    journal_close (&journal);
}

static void
test_full_disk_holds_and_goes_on_when_there_is_room (void **state)
{
    struct fixture *fixture = *state;
    struct rlimit old, none;

    accept_all (fixture, 1, 3);
    signal (SIGXFSZ, SIG_IGN);
    getrlimit (RLIMIT_FSIZE, &old);
    none = old;
    none.rlim_cur = 4096;
    setrlimit (RLIMIT_FSIZE, &none);
    send_verified (&fixture->verified, 4, now_s ());
    stage_wait_count (&fixture->room, "holding", 1);
    send_verified (&fixture->verified, 5, now_s ());
    stage_wait_count (&fixture->room, "waiting", 2);
    assert_int_equal (fixture->verified.count, 0); /* nothing was said */
    setrlimit (RLIMIT_FSIZE, &old);
    CHECK_VERDICT (wait_verdict (&fixture->verified, 4), VERDICT_ACCEPTED);
    CHECK_VERDICT (wait_verdict (&fixture->verified, 5), VERDICT_ACCEPTED);
    assert_int_equal (stage_count (&fixture->room, "holding"), 0);
    assert_int_equal (entries_on_disk (&fixture->room), 5);
}

static void
test_verifier_that_leaves_takes_nothing_along (void **state)
{
    struct fixture *fixture = *state;

    for (uint64_t i = 1; i <= 100; i++)
        send_verified (&fixture->verified, i, now_s ());
    end_close (&fixture->verified);
    stage_wait_count (&fixture->room, "waiting", 0);
    end_open (&fixture->room, &fixture->verified, LINK_VERIFIED, "verifier.0",
              -1);
    wait_floor (&fixture->verified);
    send_verified (&fixture->verified, 1, now_s ());
    wait_verdict (&fixture->verified, 1); /* accepted before, or now */
    send_verified (&fixture->verified, 1, now_s ());
    CHECK_VERDICT (wait_verdict (&fixture->verified, 1), VERDICT_DUPLICATE);
}

/* What this program does as `dedup_actor_test serve DIR VERIFIED FEED`. */
static _Noreturn void
serve (char **argv)
{
    struct endpoints endpoints = {.tap = "inproc://tap"};
    struct config_override override[] = {
        {"node.datadir", "--datadir", argv[2]}};
    struct config_request request = {.override = override, .override_count = 1};
    struct config_problems problems = {0};
    struct config *config;
    int pair[2];

    zsys_handler_set (NULL);
    snprintf (endpoints.link[LINK_VERIFIED], 128, "%s", argv[3]);
    snprintf (endpoints.link[LINK_FEED], 128, "%s", argv[4]);
    if (config_load (&request, &config, &problems) != 0
        || socketpair (AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0)
        _exit (1);
    struct actor_args args = {.stage = "dedup",
                              .name = "dedup",
                              .control_fd = pair[1],
                              .daemon = 1,
                              .config = config,
                              .endpoints = &endpoints};
    zactor_new (dedup_actor, &args);
    for (;;)
        pause ();
}

static pid_t
spawn (const struct room *room)
{
    pid_t child = fork ();
    if (child == 0) {
        execl ("/proc/self/exe", "dedup_actor_test", "serve", room->bench.dir,
               room->bench.endpoints.link[LINK_VERIFIED],
               room->bench.endpoints.link[LINK_FEED], (char *)NULL);
        _exit (127);
    }
    return child;
}

/* Returns the seq of message NUMBER in the feed from the start, 0 if it is not
 * there; each at most once. */
static void
read_feed (struct end *feed, uint64_t *ret_seq, size_t numbers)
{
    memset (ret_seq, 0, numbers * sizeof *ret_seq);
    open_feed (feed, 0, 1, 0);
    for (uint64_t seq = 1;; seq++) {
        end_wait_many (feed, 1);
        if (feed->heard->message.id == MESSAGE_FEED_HEAD)
            break;
        owned (heard_free) struct heard *heard =
            end_wait (feed, MESSAGE_FEED_ENTRY);
        uint64_t number;
        memcpy (&number, heard->message.feed_entry.id.bytes, sizeof number);
        assert_int_equal (heard->message.feed_entry.seq, seq);
        assert_true (number < numbers);
        assert_int_equal (ret_seq[number], 0);
        ret_seq[number] = seq;
    }
}

static void
test_kill_loses_no_accepted_message_and_counts_none_twice (void **state)
{
    enum { COUNT = 3000, KILL_AFTER = 700 };
    static uint64_t seqs[COUNT];
    bool is_accepted[COUNT] = {false};
    struct room room;
    struct end verified, feed;
    int status;
    (void)state;

    room_open (&room, BENCH_IPC, NULL);
    pid_t child = spawn (&room);
    end_open (&room, &verified, LINK_VERIFIED, "verifier.0", -1);
    wait_floor (&verified);
    for (uint64_t i = 0; i < COUNT; i++)
        send_verified (&verified, i, now_s ());
    for (size_t heard = 0; heard < KILL_AFTER; heard++) {
        end_wait_many (&verified, 1);
        uint64_t ticket = verified.heard->message.verified_reply.ticket;
        assert_int_equal (wait_verdict (&verified, ticket), VERDICT_ACCEPTED);
        is_accepted[ticket] = true;
    }
    kill (child, SIGKILL);
    waitpid (child, &status, 0);
    end_close (&verified);

    stage_start (&room, dedup_actor, "dedup");
    end_open (&room, &verified, LINK_VERIFIED, "verifier.0", -1);
    end_open (&room, &feed, LINK_FEED, "gossip", -1);
    wait_floor (&verified);
    read_feed (&feed, seqs, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        assert_true (!is_accepted[i] || seqs[i] > 0);
    /* Ingress sends what was not answered again. */
    for (uint64_t i = 0; i < COUNT; i++)
        send_verified (&verified, i, now_s ());
    for (uint64_t i = 0; i < COUNT; i++)
        assert_int_equal (wait_verdict (&verified, i),
                          seqs[i] > 0 ? VERDICT_DUPLICATE : VERDICT_ACCEPTED);
    assert_int_equal (stage_count (&room, "entries"), COUNT);
    end_close (&feed);
    end_close (&verified);
    room_close (&room);
}

static void
test_acceptance_is_shown_to_whoever_listens (void **state)
{
    struct fixture *fixture = *state;
    struct room *room = &fixture->room;
    char endpoint[200];

    snprintf (endpoint, sizeof endpoint, "@%s", room->bench.endpoints.tap);
    zsock_t *tap = zsock_new_sub (endpoint, "dedup.");
    assert_non_null (tap);
    /* The subscription travels by itself; ask until it has arrived. */
    zsock_set_rcvtimeo (tap, 20);
    char *topic = NULL, *body = NULL;
    for (uint64_t i = 1; topic == NULL; i++) {
        assert_true (i < 1000);
        accept_all (fixture, i, i);
        topic = zstr_recv (tap);
    }
    body = zstr_recv (tap);
    assert_string_equal (topic, "dedup.accepted.econveto");
    json_t *object = json_loads (body, 0, NULL);
    assert_non_null (object);
    assert_string_equal (
        json_string_value (json_object_get (object, "verdict")), "accepted");
    assert_true (json_integer_value (json_object_get (object, "seq")) >= 1);
    assert_true (
        json_is_integer (json_object_get (object, "us_since_ingress")));
    assert_int_equal (json_string_length (json_object_get (object, "message")),
                      400);
    json_decref (object);
    freen (topic);
    freen (body);
    zsock_destroy (&tap);
}

static void
test_missing_directory_ends_the_stage_with_words (void **state)
{
    struct room room;
    (void)state;

    room_open (&room, BENCH_INPROC, NULL);
    rmdir (config_network_dir (room.bench.config));
    struct bench_stage *stage =
        bench_launch (&room.bench, dedup_actor, "dedup", "dedup");
    assert_int_equal (bench_join (&room.bench, stage), ENOENT);
    assert_non_null (strstr (stage->words, "journal.db"));
    room_close (&room);
}

int
main (int argc, char **argv)
{
    if (argc == 5 && strcmp (argv[1], "serve") == 0)
        serve (argv);

#define T(test) cmocka_unit_test_setup_teardown (test, setup, teardown)
#define T3(test)                                                               \
    cmocka_unit_test_setup_teardown (test, setup_of_three_ids, teardown)
    const struct CMUnitTest tests[] = {
        T (test_verdict_comes_after_the_journal_has_it),
        T (test_copies_are_duplicates_in_one_batch_and_later),
        T (test_time_is_judged_by_dedup_too),
        T3 (test_full_index_of_young_ids_is_busy),
        T3 (test_risen_floor_is_told_to_verifiers),
        T (test_each_verifier_gets_its_own_verdicts),
        T (test_more_than_the_credit_is_judged_in_batches),
        T (test_reader_gets_the_journal_and_then_what_comes),
        T (test_reader_begins_at_a_time),
        T (test_reader_that_keeps_its_credit_loses_nothing),
        T (test_restart_keeps_all),
        T (test_acks_are_durable_within_a_second),
        T (test_full_disk_holds_and_goes_on_when_there_is_room),
        T (test_verifier_that_leaves_takes_nothing_along),
        cmocka_unit_test (
            test_kill_loses_no_accepted_message_and_counts_none_twice),
        T (test_acceptance_is_shown_to_whoever_listens),
        cmocka_unit_test (test_missing_directory_ends_the_stage_with_words),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
