/* SPDX-License-Identifier: MIT */
/* verifier_actor_test - the real stage between an ingress, a dedup and a gossip
 * of ours: who gets what, who waits, and who is told. */
#include "tests/actors/stage.h"

#include <stdlib.h>

#include "messages/governance/compose.h"

#define PEER 0x5ec7e7 /* the connection of all frames: it must not be shown */

struct fixture {
    struct room room;
    struct end frames;   /* an ingress */
    struct end verified; /* dedup */
    struct end status;   /* gossip */
    struct key_context *keys;
    struct secret_key key;
    char public_key[PUBLIC_KEY_TEXT_MAX + 1];
};

/* Returns a signed veto on pull request NUMBER, for the caller to free (). */
static char *
veto (const struct fixture *fixture, int32_t number)
{
    struct veto_fields fields = {
        .public_key = fixture->public_key,
        .pr_id = number,
        .signal_type = SIGNAL_VETO,
        .timestamp = moment_unix_s (moment_now ()),
        .message_id = "label",
    };
    struct refusal why;
    char *text = NULL;
    char *bare = compose_veto (&fields, NULL);
    assert_int_equal (compose_signed (fixture->keys, &fixture->key,
                                      COMMAND_ECONVETO, bytes_of_text (bare),
                                      &text, &why),
                      0);
    free (bare);
    return text;
}

static void
send_frame (struct end *end, uint64_t ticket, enum command command,
            const char *payload)
{
    struct link_message message = {
        .id = MESSAGE_FRAME,
        .frame = {.ticket = ticket,
                  .peer = PEER,
                  .group = 7,
                  .command = command,
                  .local = true,
                  .received_us = moment_now ().unix_us,
                  .payload = bytes_of_text (payload)},
    };
    end_send (end, &message);
}

/* Sends a new veto with the number of TICKET. */
static void
send_veto (struct fixture *fixture, uint64_t ticket)
{
    char *payload = veto (fixture, (int32_t)ticket + 1);
    send_frame (&fixture->frames, ticket, COMMAND_ECONVETO, payload);
    free (payload);
}

static struct link_frame_reply
wait_reply (struct fixture *fixture, uint64_t ticket)
{
    owned (heard_free) struct heard *heard =
        end_wait (&fixture->frames, MESSAGE_FRAME_REPLY);
    assert_int_equal (heard->message.frame_reply.ticket, ticket);
    return heard->message.frame_reply;
}

static enum verdict
wait_verdict (struct fixture *fixture, uint64_t ticket)
{
    return wait_reply (fixture, ticket).verdict;
}

static void
answer_verified (struct fixture *fixture, uint64_t ticket, enum verdict verdict)
{
    struct link_message reply = {
        .id = MESSAGE_VERIFIED_REPLY,
        .verified_reply = {.ticket = ticket, .verdict = verdict},
    };
    end_send (&fixture->verified, &reply);
}

/* Answers the next message for dedup, and returns its gov_id. */
static struct gov_id
judge_next (struct fixture *fixture, enum verdict verdict)
{
    owned (heard_free) struct heard *heard =
        end_wait (&fixture->verified, MESSAGE_VERIFIED);
    answer_verified (fixture, heard->message.verified.ticket, verdict);
    return heard->message.verified.id;
}

static void
open_dedup (struct fixture *fixture, int64_t credit)
{
    end_open (&fixture->room, &fixture->verified, LINK_VERIFIED, "dedup",
              credit);
    end_wait_up (&fixture->verified);
}

static int
setup_alone (void **state)
{
    static const uint8_t random32[32] = {9, 9, 9};
    struct fixture *fixture = calloc (1, sizeof *fixture);
    *state = fixture;
    fixture->keys = key_context_create (random32);
    assert_int_equal (
        secret_key_init (fixture->keys, &fixture->key, KEY_SECP256K1, random32),
        0);
    assert_int_equal (
        secret_key_public (fixture->keys, &fixture->key, fixture->public_key),
        0);
    room_open (&fixture->room, BENCH_INPROC, NULL);
    end_open (&fixture->room, &fixture->frames, LINK_FRAMES, "ingress", -1);
    stage_start (&fixture->room, verifier_actor, "verifier");
    end_wait_up (&fixture->frames);
    return 0;
}

static int
setup (void **state)
{
    int rc = setup_alone (state);
    struct fixture *fixture = *state;
    open_dedup (fixture, -1);
    end_open (&fixture->room, &fixture->status, LINK_STATUS, "gossip", -1);
    end_wait_up (&fixture->status);
    return rc;
}

static int
teardown (void **state)
{
    struct fixture *fixture = *state;
    struct end *ends[] = {&fixture->frames, &fixture->verified,
                          &fixture->status};
    for (size_t i = 0; i < ARRAY_SIZE (ends); i++) {
        if (ends[i]->link != NULL)
            end_close (ends[i]);
    }
    room_close (&fixture->room);
    key_context_destroy (&fixture->keys);
    free (fixture);
    return 0;
}

static void
test_proven_message_goes_to_dedup_and_its_verdict_back (void **state)
{
    struct fixture *fixture = *state;
    char *payload = veto (fixture, 5);

    send_frame (&fixture->frames, 77, COMMAND_ECONVETO, payload);
    struct heard *heard = end_wait (&fixture->verified, MESSAGE_VERIFIED);
    const struct link_verified *verified = &heard->message.verified;
    assert_true (bytes_equal (verified->payload, bytes_of_text (payload)));
    assert_true (bytes_equal (verified->public_key,
                              bytes_of_text (fixture->public_key)));
    assert_int_equal (verified->group, 7);
    assert_int_equal (verified->command, COMMAND_ECONVETO);
    assert_true (verified->local);
    assert_true (verified->received_us > 0 && verified->timestamp > 0);
    assert_int_equal (stage_count (&fixture->room, "in_hand"), 1);
    answer_verified (fixture, verified->ticket, VERDICT_ACCEPTED);

    struct link_frame_reply reply = wait_reply (fixture, 77);
    assert_int_equal (reply.verdict, VERDICT_ACCEPTED);
    assert_true (reply.has_id);
    assert_memory_equal (&reply.id, &verified->id, sizeof reply.id);
    assert_int_equal (stage_count (&fixture->room, "in_hand"), 0);
    assert_int_equal (stage_count (&fixture->room, "accepted"), 1);
    heard_free (&heard);
    free (payload);
}

static void
test_junk_is_refused_without_asking_dedup (void **state)
{
    struct fixture *fixture = *state;
    char *payload = veto (fixture, 5);

    send_frame (&fixture->frames, 1, COMMAND_ECONVETO, "{");
    assert_int_equal (wait_verdict (fixture, 1), VERDICT_MALFORMED);
    send_frame (&fixture->frames, 2, COMMAND_ECONVETO, "{}");
    assert_int_equal (wait_verdict (fixture, 2), VERDICT_SCHEMA);
    send_frame (&fixture->frames, 3, COMMAND_ECONFORK, payload);
    assert_int_equal (wait_verdict (fixture, 3), VERDICT_SCHEMA);
    /* Another label than was signed. */
    memcpy (strstr (payload, "label"), "lapel", 5);
    send_frame (&fixture->frames, 4, COMMAND_ECONVETO, payload);
    struct link_frame_reply reply = wait_reply (fixture, 4);
    assert_int_equal (reply.verdict, VERDICT_BAD_SIGNATURE);
    assert_false (reply.has_id);
    assert_int_equal (fixture->verified.count, 0);
    assert_int_equal (stage_count (&fixture->room, "verified"), 0);
    free (payload);
}

static void
test_copy_of_an_accepted_message_does_not_go_to_dedup (void **state)
{
    struct fixture *fixture = *state;
    char *payload = veto (fixture, 5);

    send_frame (&fixture->frames, 1, COMMAND_ECONVETO, payload);
    struct gov_id id = judge_next (fixture, VERDICT_ACCEPTED);
    assert_int_equal (wait_verdict (fixture, 1), VERDICT_ACCEPTED);
    send_frame (&fixture->frames, 2, COMMAND_ECONVETO, payload);
    struct link_frame_reply reply = wait_reply (fixture, 2);
    assert_int_equal (reply.verdict, VERDICT_DUPLICATE);
    assert_true (reply.has_id);
    assert_memory_equal (&reply.id, &id, sizeof id);
    assert_int_equal (fixture->verified.count, 0);
    free (payload);
}

static void
test_message_that_dedup_refused_is_asked_about_again (void **state)
{
    struct fixture *fixture = *state;
    char *payload = veto (fixture, 5);

    send_frame (&fixture->frames, 1, COMMAND_ECONVETO, payload);
    judge_next (fixture, VERDICT_BUSY);
    struct link_frame_reply reply = wait_reply (fixture, 1);
    assert_int_equal (reply.verdict, VERDICT_BUSY);
    assert_false (reply.has_id);
    send_frame (&fixture->frames, 2, COMMAND_ECONVETO, payload);
    judge_next (fixture, VERDICT_DUPLICATE);
    reply = wait_reply (fixture, 2);
    assert_int_equal (reply.verdict, VERDICT_DUPLICATE);
    assert_true (reply.has_id);
    free (payload);
}

static void
test_floor_of_dedup_makes_messages_stale (void **state)
{
    struct fixture *fixture = *state;
    struct link_message floor = {
        .id = MESSAGE_FLOOR,
        .floor = {.floor_s = moment_unix_s (moment_now ()) + 100}};

    end_send (&fixture->verified, &floor);
    /* The two links are not in step: ask until it has arrived. */
    for (uint64_t i = 0; i < 1000; i++) {
        send_veto (fixture, i);
        while (fixture->frames.count == 0 && fixture->verified.count == 0)
            room_pump (&fixture->room);
        if (fixture->frames.count > 0) {
            assert_int_equal (wait_verdict (fixture, i), VERDICT_STALE);
            return;
        }
        judge_next (fixture, VERDICT_ACCEPTED);
        wait_verdict (fixture, i);
    }
    fail_msg ("the floor never came");
}

static void
test_message_waits_for_a_dedup_that_is_away (void **state)
{
    struct fixture *fixture = *state;

    for (uint64_t i = 0; i < 20; i++)
        send_veto (fixture, i);
    stage_wait_count (&fixture->room, "waiting", 20);
    assert_int_equal (fixture->frames.count, 0);
    open_dedup (fixture, -1);
    for (uint64_t i = 0; i < 20; i++) {
        judge_next (fixture, VERDICT_ACCEPTED);
        assert_int_equal (wait_verdict (fixture, i), VERDICT_ACCEPTED);
    }
}

static void
test_message_waits_for_credit_of_dedup_in_order (void **state)
{
    struct fixture *fixture = *state;

    open_dedup (fixture, 2000); /* three or four */
    fixture->verified.holds = true;
    for (uint64_t i = 0; i < 30; i++)
        send_veto (fixture, i);
    stage_wait_count (&fixture->room, "verified", 30);
    size_t first = fixture->verified.count;
    assert_true (first >= 2 && first <= 6);
    assert_int_equal (stage_count (&fixture->room, "waiting") + (int)first, 30);
    for (uint64_t i = 0; i < 30; i++) {
        end_wait_many (&fixture->verified, 1);
        link_release (fixture->verified.link, fixture->verified.peer,
                      fixture->verified.heard->size);
        judge_next (fixture, VERDICT_ACCEPTED);
        assert_int_equal (wait_verdict (fixture, i), VERDICT_ACCEPTED);
    }
}

static void
wait_credit (struct fixture *fixture, int64_t credit)
{
    BENCH_WAIT (&fixture->room.bench,
                link_credit (end_wait_up (&fixture->frames)) == credit);
}

static void
test_frame_in_hand_keeps_its_credit_until_its_verdict (void **state)
{
    struct fixture *fixture = *state;

    while (link_credit (fixture->frames.peer) == 0)
        room_pump (&fixture->room);
    int64_t full = link_credit (fixture->frames.peer);
    send_veto (fixture, 1);
    end_wait_many (&fixture->verified, 1);
    assert_int_equal (stage_count (&fixture->room, "in_hand"), 1);
    assert_true (link_credit (fixture->frames.peer) < full);
    judge_next (fixture, VERDICT_ACCEPTED);
    wait_verdict (fixture, 1);
    wait_credit (fixture, full);
}

static void
test_what_dedup_had_in_hand_is_left_to_ingress (void **state)
{
    struct fixture *fixture = *state;

    while (link_credit (fixture->frames.peer) == 0)
        room_pump (&fixture->room);
    int64_t full = link_credit (fixture->frames.peer);
    for (uint64_t i = 0; i < 5; i++)
        send_veto (fixture, i);
    end_wait_many (&fixture->verified, 5);
    end_close (&fixture->verified);
    stage_wait_count (&fixture->room, "unanswered", 5);
    assert_int_equal (stage_count (&fixture->room, "in_hand"), 0);
    wait_credit (fixture, full);
    assert_int_equal (fixture->frames.count, 0);

    open_dedup (fixture, -1);
    send_veto (fixture, 3); /* again, as ingress does */
    judge_next (fixture, VERDICT_ACCEPTED);
    assert_int_equal (wait_verdict (fixture, 3), VERDICT_ACCEPTED);
}

static void
test_frames_of_an_ingress_that_is_gone_are_forgotten (void **state)
{
    struct fixture *fixture = *state;

    for (uint64_t i = 0; i < 3; i++)
        send_veto (fixture, i);
    end_wait_many (&fixture->verified, 3);
    end_close (&fixture->frames);
    stage_wait_count (&fixture->room, "in_hand", 0);
    for (uint64_t i = 0; i < 3; i++)
        judge_next (fixture, VERDICT_ACCEPTED); /* for nobody */

    end_open (&fixture->room, &fixture->frames, LINK_FRAMES, "ingress", -1);
    end_wait_up (&fixture->frames);
    send_veto (fixture, 9);
    judge_next (fixture, VERDICT_ACCEPTED);
    assert_int_equal (wait_verdict (fixture, 9), VERDICT_ACCEPTED);
}

static void
test_waiting_frames_of_an_ingress_that_is_gone_are_forgotten (void **state)
{
    struct fixture *fixture = *state;

    for (uint64_t i = 0; i < 3; i++)
        send_veto (fixture, i);
    stage_wait_count (&fixture->room, "waiting", 3);
    end_close (&fixture->frames);
    stage_wait_count (&fixture->room, "waiting", 0);
    end_open (&fixture->room, &fixture->frames, LINK_FRAMES, "ingress", -1);
    end_wait_up (&fixture->frames);
    send_veto (fixture, 9);
    stage_wait_count (&fixture->room, "waiting", 1);
    open_dedup (fixture, -1);
    judge_next (fixture, VERDICT_ACCEPTED);
    assert_int_equal (wait_verdict (fixture, 9), VERDICT_ACCEPTED);
}

static const char query[] =
    "{\"request_id\":1,\"node_identifier\":\"5\",\"query_type\":\"by_id\"}";

static void
test_status_goes_to_gossip_and_its_verdict_back (void **state)
{
    struct fixture *fixture = *state;

    send_frame (&fixture->frames, 1, COMMAND_ECONSTATUS, query);
    struct heard *heard = end_wait (&fixture->status, MESSAGE_STATUS);
    assert_int_equal (heard->message.status.peer, PEER);
    assert_false (heard->message.status.response);
    assert_true (
        bytes_equal (heard->message.status.payload, bytes_of_text (query)));
    struct link_message reply = {
        .id = MESSAGE_STATUS_REPLY,
        .status_reply = {.ticket = heard->message.status.ticket,
                         .verdict = VERDICT_DUPLICATE},
    };
    heard_free (&heard);
    end_send (&fixture->status, &reply);
    struct link_frame_reply said = wait_reply (fixture, 1);
    assert_int_equal (said.verdict, VERDICT_DUPLICATE);
    assert_false (said.has_id);
    assert_int_equal (fixture->verified.count, 0);
}

static void
test_status_without_gossip_is_busy (void **state)
{
    struct fixture *fixture = *state;

    send_frame (&fixture->frames, 1, COMMAND_ECONSTATUS, query);
    end_wait_many (&fixture->status, 1);
    end_close (&fixture->status);
    assert_int_equal (wait_verdict (fixture, 1), VERDICT_BUSY);
    send_frame (&fixture->frames, 2, COMMAND_ECONSTATUS, query);
    assert_int_equal (wait_verdict (fixture, 2), VERDICT_BUSY);
}

/* Returns the object of the next event of TOPIC, asking with PAYLOAD until the
 * subscription has arrived. */
static json_t *
wait_tap (struct fixture *fixture, const char *topic, const char *payload)
{
    char endpoint[200];
    snprintf (endpoint, sizeof endpoint, "@%s",
              fixture->room.bench.endpoints.tap);
    zsock_t *tap = zsock_new_sub (endpoint, topic);
    assert_non_null (tap);
    zsock_set_rcvtimeo (tap, 20);

    char *heard = NULL;
    for (uint64_t i = 0; heard == NULL; i++) {
        assert_true (i < 1000);
        send_frame (&fixture->frames, i, COMMAND_ECONVETO, payload);
        heard = zstr_recv (tap);
        while (fixture->verified.count + fixture->frames.count == 0)
            room_pump (&fixture->room);
        if (fixture->verified.count > 0)
            judge_next (fixture, VERDICT_BUSY);
        wait_verdict (fixture, i);
    }
    char *body = zstr_recv (tap);
    assert_string_equal (heard, topic);
    json_t *object = json_loads (body, 0, NULL);
    assert_non_null (object);
    /* PROTOCOL 5.8: nothing names where it came from. */
    assert_null (json_object_get (object, "peer"));
    assert_null (strstr (body, "6211559")); /* PEER */
    freen (heard);
    freen (body);
    zsock_destroy (&tap);
    return object;
}

static const char *
text_of (const json_t *object, const char *key)
{
    return json_string_value (json_object_get (object, key));
}

static void
test_refusal_is_shown_with_its_reason (void **state)
{
    struct fixture *fixture = *state;
    char *payload = veto (fixture, 5);
    memcpy (strstr (payload, "\"veto\""), "\"Veto\"", 6);

    json_t *object = wait_tap (fixture, "verifier.rejected.econveto", payload);
    assert_string_equal (text_of (object, "verdict"), "schema");
    assert_string_equal (text_of (object, "reason"),
                         "PROTOCOL 3.2: signal_type");
    assert_string_equal (text_of (object, "message"), payload);
    json_decref (object);
    free (payload);
}

static void
test_proof_is_shown_with_its_name (void **state)
{
    struct fixture *fixture = *state;
    char *payload = veto (fixture, 5);

    json_t *object = wait_tap (fixture, "verifier.verified.econveto", payload);
    assert_int_equal (strlen (text_of (object, "gov_id")), 64);
    assert_string_equal (text_of (object, "message"), payload);
    assert_true (
        json_is_integer (json_object_get (object, "us_since_ingress")));
    json_decref (object);
    free (payload);
}

static void
test_stale_message_is_shown_as_ignored (void **state)
{
    struct fixture *fixture = *state;
    char *payload = veto (fixture, 5);
    memcpy (strstr (payload, "\"timestamp\":") + 12, "1", 1);
    memcpy (strstr (payload, "\"timestamp\":") + 13, "0", 1);

    json_t *object = wait_tap (fixture, "verifier.ignored.econveto", payload);
    assert_string_equal (text_of (object, "verdict"), "stale");
    assert_string_equal (text_of (object, "reason"), "PROTOCOL 5.2: timestamp");
    json_decref (object);
    free (payload);
}

int
main (void)
{
#define T(test) cmocka_unit_test_setup_teardown (test, setup, teardown)
#define TA(test) cmocka_unit_test_setup_teardown (test, setup_alone, teardown)
    const struct CMUnitTest tests[] = {
        T (test_proven_message_goes_to_dedup_and_its_verdict_back),
        T (test_junk_is_refused_without_asking_dedup),
        T (test_copy_of_an_accepted_message_does_not_go_to_dedup),
        T (test_message_that_dedup_refused_is_asked_about_again),
        T (test_floor_of_dedup_makes_messages_stale),
        TA (test_message_waits_for_a_dedup_that_is_away),
        TA (test_message_waits_for_credit_of_dedup_in_order),
        T (test_frame_in_hand_keeps_its_credit_until_its_verdict),
        T (test_what_dedup_had_in_hand_is_left_to_ingress),
        T (test_frames_of_an_ingress_that_is_gone_are_forgotten),
        TA (test_waiting_frames_of_an_ingress_that_is_gone_are_forgotten),
        T (test_status_goes_to_gossip_and_its_verdict_back),
        T (test_status_without_gossip_is_busy),
        T (test_refusal_is_shown_with_its_reason),
        T (test_proof_is_shown_with_its_name),
        T (test_stale_message_is_shown_as_ignored),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
