/* SPDX-License-Identifier: MIT */
/* connection_test - the handshake in both directions, and what a peer may say
 * before, in and after it (PROTOCOL 1.2-1.8, 1.10, 2.3, 2.4). */
#include "connection_fixture.h"

static void
test_inbound_is_sent_nothing_before_its_version (void **state)
{
    struct peer peer;
    (void)state;

    peer_open (&peer, false);
    assert_next (&peer, CONNECTION_NONE);
    assert_string_equal (peer_hears (&peer), "");
    peer_close (&peer);
}

static void
test_v2_hello_is_closed_without_a_byte (void **state)
{
    uint8_t hello[64];
    struct peer peer;
    (void)state;

    memset (hello, 0xc3, sizeof hello);
    for (size_t size = 1; size <= sizeof hello; size += 21) {
        peer_open (&peer, false);
        peer_send (&peer, bytes_of (hello, size));
        assert_closed (&peer, CONNECTION_CLOSE_MAGIC);
        assert_int_equal (connection_output (peer.connection).size, 0);
        peer_close (&peer);
    }
}

static void
test_dribbled_version_is_answered_at_its_last_byte (void **state)
{
    uint8_t wire[512];
    struct version_payload version = {.version = 70017};
    struct peer peer;
    (void)state;

    size_t size = version_encode (&version, wire + FRAME_HEADER_SIZE,
                                  sizeof wire - FRAME_HEADER_SIZE);
    frame_header_write (wire, NETWORK_REGTEST, "version",
                        bytes_of (wire + FRAME_HEADER_SIZE, size));
    size += FRAME_HEADER_SIZE;

    peer_open (&peer, false);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal (connection_output (peer.connection).size, 0);
        assert_next (&peer, CONNECTION_NONE);
        peer_send (&peer, bytes_of (wire + i, 1));
    }
    assert_next (&peer, CONNECTION_VERSION);
    assert_next (&peer, CONNECTION_NONE);
    assert_string_equal (peer_hears (&peer),
                         "version sendaddrv2 feature verack ");
    peer_close (&peer);
}

static void
test_answers_follow_the_common_version (void **state)
{
    static const struct {
        int32_t version;
        const char *answer;
    } cases[] = {
        {31800, "verack "},
        {70015, "verack "},
        {70016, "sendaddrv2 verack "},
        {70017, "sendaddrv2 feature verack "},
        {INT32_MAX, "sendaddrv2 feature verack "},
    };
    (void)state;

    for (size_t i = 0; i < 2 * ARRAY_SIZE (cases); i++) {
        bool outbound = i % 2 != 0;
        char expected[64];
        struct peer peer;
        peer_open (&peer, outbound);
        assert_string_equal (peer_hears (&peer), outbound ? "version " : "");

        peer_say_version (&peer, cases[i / 2].version, 0);
        peer_say_nothing (&peer, "verack");
        assert_next (&peer, CONNECTION_VERSION);
        assert_int_equal (connection_output (peer.connection).size, 0);
        assert_next (&peer, CONNECTION_READY);
        snprintf (expected, sizeof expected, "%s%s", outbound ? "" : "version ",
                  cases[i / 2].answer);
        assert_string_equal (peer_hears (&peer), expected);
        assert_true (connection_is_ready (peer.connection));
        peer_close (&peer);
    }
}

static void
test_peer_below_31800_is_refused (void **state)
{
    static const int32_t versions[] = {31799, 0, -1, INT32_MIN};
    (void)state;

    for (size_t i = 0; i < 2 * ARRAY_SIZE (versions); i++) {
        struct peer peer;
        peer_open (&peer, i % 2 != 0);
        peer_hears (&peer);
        peer_say_version (&peer, versions[i / 2], 0);
        assert_closed (&peer, CONNECTION_CLOSE_VERSION);
        assert_string_equal (peer_hears (&peer), "");
        peer_close (&peer);
    }
}

static void
test_malformed_or_huge_version_is_closed (void **state)
{
    static const uint8_t zeros[5000];
    static const size_t sizes[] = {0, 45, 47, 5000};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE (sizes); i++) {
        struct peer peer;
        peer_open (&peer, false);
        peer_say (&peer, "version", bytes_of (zeros, sizes[i]));
        assert_closed (&peer, CONNECTION_CLOSE_VERSION);
        peer_close (&peer);
    }
}

static void
test_our_version_promises_governance_and_nothing_else (void **state)
{
    struct version_payload version;
    struct peer peer;
    (void)state;

    peer_open (&peer, true);
    struct bytes output = connection_output (peer.connection);
    output.data += FRAME_HEADER_SIZE;
    output.size -= FRAME_HEADER_SIZE;
    assert_int_equal (version_decode (output, &version), 0);
    assert_int_equal (version.version, 70017);
    assert_int_equal (version.services, NODE_GOVERNANCE);
    assert_int_equal (version.time, 1764361549);
    assert_int_equal (version.nonce, 0x1234);
    assert_memory_equal (version.user_agent, "/govrelay:", 10);
    assert_int_equal (version.start_height, 0);
    assert_false (version.relay);
    assert_memory_equal (version.addr_recv,
                         "\0\0\0\0\0\0\0\0"
                         "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1"
                         "\x48\x0c",
                         26);
    peer_close (&peer);
}

/* PROTOCOL 1.8: the shell compares the nonce at VERSION and closes. */
static void
test_self_connection_has_heard_nothing_when_it_is_recognised (void **state)
{
    struct peer peer;
    (void)state;

    peer_open (&peer, false);
    peer_say_version (&peer, 70017, 0);
    peer_say_nothing (&peer, "verack");
    assert_next (&peer, CONNECTION_VERSION);
    assert_int_equal (connection_version (peer.connection)->nonce, PEER_NONCE);
    assert_true (peer_tick (&peer));
    assert_int_equal (connection_output (peer.connection).size, 0);
    peer_close (&peer);
}

static void
test_second_version_is_ignored (void **state)
{
    struct peer peer;
    (void)state;

    peer_open (&peer, false);
    peer_say_version (&peer, 70016, 0);
    assert_next (&peer, CONNECTION_VERSION);
    peer_say_version (&peer, 70017, NODE_GOVERNANCE);
    peer_say (&peer, "version", bytes_of ("junk", 4));
    assert_next (&peer, CONNECTION_NONE);
    assert_string_equal (peer_hears (&peer), "version sendaddrv2 verack ");
    peer_say_nothing (&peer, "verack");
    assert_next (&peer, CONNECTION_READY);
    peer_say_version (&peer, 1, NODE_GOVERNANCE);
    assert_next (&peer, CONNECTION_NONE);
    assert_int_equal (connection_version (peer.connection)->version, 70016);
    assert_string_equal (peer_hears (&peer), "");
    peer_close (&peer);
}

static void
test_verack_counts_once_and_after_version_only (void **state)
{
    struct peer peer;
    (void)state;

    peer_open (&peer, true);
    peer_say_nothing (&peer, "verack");
    assert_next (&peer, CONNECTION_NONE);
    peer_say_version (&peer, 70017, 0);
    assert_next (&peer, CONNECTION_VERSION);
    assert_next (&peer, CONNECTION_NONE);
    assert_false (connection_is_ready (peer.connection));
    peer_say_nothing (&peer, "verack");
    assert_next (&peer, CONNECTION_READY);
    peer_say_nothing (&peer, "verack");
    assert_next (&peer, CONNECTION_NONE);
    peer_close (&peer);
}

static void
say_all_that_waits_for_verack (struct peer *peer)
{
    static const uint8_t big[5000];

    peer_say_nonce (peer, "ping", 7);
    peer_say_nonce (peer, "pong", 7);
    peer_say_veto (peer);
    peer_say (peer, "econveto", bytes_of (big, sizeof big));
    peer_say (peer, "addr", bytes_of (big, 31));
    peer_say (peer, "addrv2", bytes_of (big, 31));
    peer_say_nothing (peer, "getaddr");
    peer_say_nothing (peer, "sendaddrv2");
    peer_say (peer, "inv", bytes_of (big, 37));
}

static void
test_messages_before_verack_are_ignored (void **state)
{
    struct peer peer;
    (void)state;

    peer_open (&peer, false);
    say_all_that_waits_for_verack (&peer);
    assert_next (&peer, CONNECTION_NONE);
    assert_string_equal (peer_hears (&peer), "");
    peer_say_version (&peer, 70017, 0);
    assert_next (&peer, CONNECTION_VERSION);
    say_all_that_waits_for_verack (&peer);
    assert_next (&peer, CONNECTION_NONE);
    assert_string_equal (peer_hears (&peer),
                         "version sendaddrv2 feature verack ");
    assert_int_equal (connection_unjudged (peer.connection), 0);

    peer_say_nothing (&peer, "verack");
    assert_next (&peer, CONNECTION_READY);
    assert_next (&peer, CONNECTION_NONE);
    peer_close (&peer);
}

static void
test_messages_after_verack_become_events (void **state)
{
    struct peer peer;
    (void)state;

    peer_open_ready (&peer);
    say_all_that_waits_for_verack (&peer);
    assert_next (&peer, CONNECTION_GOVERNANCE);
    assert_int_equal (peer.event.command, COMMAND_ECONVETO);
    assert_true (bytes_equal (peer.event.payload,
                              bytes_of_text ("{\"some\":\"veto\"}")));
    assert_string_equal (peer_hears (&peer), "pong:7 ");
    assert_next (&peer, CONNECTION_OVERSIZE);
    assert_int_equal (peer.event.command, COMMAND_ECONVETO);
    assert_next (&peer, CONNECTION_ADDRESSES);
    assert_false (peer.event.addrv2);
    assert_int_equal (peer.event.payload.size, 31);
    assert_next (&peer, CONNECTION_ADDRESSES);
    assert_true (peer.event.addrv2);
    assert_next (&peer, CONNECTION_GETADDR);
    assert_next (&peer, CONNECTION_NONE);

    peer_say_nothing (&peer, "getaddr"); /* once per connection */
    assert_next (&peer, CONNECTION_NONE);
    peer_close (&peer);
}

/* PROTOCOL 1.6: it is one of the negotiation messages. */
static void
test_addrv2_is_wanted_by_whoever_said_so_before_verack (void **state)
{
    struct peer peer;
    (void)state;

    for (int when = 0; when < 4; when++) {
        peer_open (&peer, false);
        if (when == 0)
            peer_say_nothing (&peer, "sendaddrv2");
        peer_say_version (&peer, 70017, 0);
        assert_next (&peer, CONNECTION_VERSION);
        if (when == 1)
            peer_say_nothing (&peer, "sendaddrv2");
        peer_say_nothing (&peer, "verack");
        assert_next (&peer, CONNECTION_READY);
        if (when == 2)
            peer_say_nothing (&peer, "sendaddrv2");
        assert_next (&peer, CONNECTION_NONE);
        assert_int_equal (connection_wants_addrv2 (peer.connection), when == 1);
        peer_close (&peer);
    }
}

static void
test_what_the_shell_says_stands_behind_the_handshake (void **state)
{
    struct peer peer;
    (void)state;

    peer_open (&peer, true);
    peer_say_version (&peer, 70017, 0);
    assert_next (&peer, CONNECTION_VERSION);
    peer_say_nothing (&peer, "verack");
    assert_next (&peer, CONNECTION_READY);
    connection_say (peer.connection, "getaddr", (struct bytes){0});
    assert_string_equal (peer_hears (&peer),
                         "version sendaddrv2 feature verack getaddr ");
    peer_close (&peer);
}

static void
test_spoilt_messages_are_dropped_and_the_peer_stays (void **state)
{
    uint8_t wire[FRAME_HEADER_SIZE + 2] = {[24] = '{', '}'};
    struct peer peer;
    (void)state;

    peer_open_ready (&peer);
    frame_header_write (wire, NETWORK_REGTEST, "econveto",
                        bytes_of (wire + 24, 2));
    wire[20] ^= 1;
    peer_send (&peer, bytes_of (wire, sizeof wire));
    wire[5] = 0x80;
    peer_send (&peer, bytes_of (wire, sizeof wire));
    peer_say_veto (&peer);
    assert_next (&peer, CONNECTION_DROPPED);
    assert_next (&peer, CONNECTION_DROPPED);
    assert_next (&peer, CONNECTION_GOVERNANCE);
    assert_next (&peer, CONNECTION_NONE);
    peer_close (&peer);
}

static void
test_wrong_magic_later_on_is_closed (void **state)
{
    struct peer peer;
    (void)state;

    peer_open_ready (&peer);
    peer_say_veto (&peer);
    peer_send (&peer, bytes_of_text ("{\"raw\":\"json\"}"));
    assert_next (&peer, CONNECTION_GOVERNANCE);
    assert_closed (&peer, CONNECTION_CLOSE_MAGIC);
    peer_close (&peer);
}

static void
test_length_above_four_million_is_closed (void **state)
{
    uint8_t header[FRAME_HEADER_SIZE];
    struct peer peer;
    (void)state;

    peer_open_ready (&peer);
    frame_header_write (header, NETWORK_REGTEST, "block", bytes_of (NULL, 0));
    little_endian_write (header + 16, 4, FRAME_LENGTH_MAX + 1);
    peer_send (&peer, bytes_of (header, sizeof header));
    assert_closed (&peer, CONNECTION_CLOSE_LENGTH);
    peer_close (&peer);
}

/* PROTOCOL 2.4, every combination. */
static void
test_governance_enabled_follows_announcement_or_bit (void **state)
{
    static const struct {
        int32_t version;
        bool bit;
        bool feature;
        bool announced;
        bool enabled;
    } cases[] = {
        {70015, false, false, false, false},
        {70015, true, false, false, true},
        {70015, false, true, false, false}, /* both must be 70017 */
        {70015, true, true, false, true},
        {70016, false, false, false, false},
        {70016, true, false, false, true},
        {70016, false, true, false, false},
        {70017, false, false, false, false},
        {70017, true, false, false, false}, /* the bit alone is a hint */
        {70017, false, true, true, true},
        {70017, true, true, true, true},
        {70018, true, false, false, false},
        {70018, false, true, true, true},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        struct peer peer;
        peer_open (&peer, i % 2 != 0);
        peer_say_version (&peer, cases[i].version,
                          1 | (cases[i].bit ? NODE_GOVERNANCE : 0));
        assert_next (&peer, CONNECTION_VERSION);
        if (cases[i].feature)
            peer_say_feature (&peer);
        peer_say_nothing (&peer, "verack");
        assert_next (&peer, CONNECTION_READY);
        if (connection_announced (peer.connection) != cases[i].announced
            || connection_governance (peer.connection) != cases[i].enabled)
            fail_msg ("row %zu", i);
        peer_close (&peer);
    }
}

static void
test_feature_counts_between_version_and_verack_only (void **state)
{
    struct peer peer;
    (void)state;

    peer_open (&peer, false);
    peer_say_feature (&peer);
    peer_say (&peer, "feature", bytes_of ("junk", 4));
    assert_next (&peer, CONNECTION_NONE);
    peer_shake (&peer, 70017, 0);
    peer_say_feature (&peer);
    peer_say (&peer, "feature", bytes_of ("junk", 4));
    assert_next (&peer, CONNECTION_NONE);
    assert_false (connection_announced (peer.connection));
    peer_close (&peer);
}

static void
test_malformed_feature_is_closed (void **state)
{
    static const uint8_t zeros[2000];
    static const struct bytes cases[] = {
        {(const uint8_t *)"", 0},
        {(const uint8_t *)"\3abc\0", 5},   /* id under 4 bytes */
        {(const uint8_t *)"\4abcd\0x", 7}, /* trailing bytes */
        {(const uint8_t *)"\4abcd\5x", 7}, /* cut off */
        {zeros, 2000},                     /* above what is buffered */
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        struct peer peer;
        peer_open (&peer, false);
        peer_say_version (&peer, 70017, 0);
        assert_next (&peer, CONNECTION_VERSION);
        peer_say (&peer, "feature", cases[i]);
        assert_closed (&peer, CONNECTION_CLOSE_FEATURE);
        peer_close (&peer);

        peer_open (&peer, false); /* to 70016 it means nothing */
        peer_say_version (&peer, 70016, 0);
        assert_next (&peer, CONNECTION_VERSION);
        peer_say (&peer, "feature", cases[i]);
        assert_next (&peer, CONNECTION_NONE);
        peer_close (&peer);
    }
}

static void
test_only_econ_relay_with_its_data_is_an_announcement (void **state)
{
    static const struct {
        const char *id;
        size_t id_size;
        const char *data;
        size_t data_size;
        bool announced;
    } cases[] = {
        {"econ-relay", 10, "\1\0\0\0\0\0\0\0\0", 9, true},
        {"econ-relay", 10, "\1\xff\0\0\0\0\0\0\x80", 9, true},
        {"econ-relay", 10, "\2\0\0\0\0\0\0\0\0more", 13, true},
        {"econ-relay", 10, "\0\0\0\0\0\0\0\0\0", 9, false},
        {"econ-relay", 10, "\1\0\0\0\0\0\0\0", 8, false},
        {"econ-relay", 10, "", 0, false},
        {"econ-rela", 9, "\1\0\0\0\0\0\0\0\0", 9, false},
        {"Econ-relay", 10, "\1\0\0\0\0\0\0\0\0", 9, false},
        {"econ-relay\0", 11, "\1\0\0\0\0\0\0\0\0", 9, false},
        {"something", 9, "x", 1, false},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        uint8_t payload[64];
        size_t id_size = cases[i].id_size;
        struct peer peer;
        peer_open (&peer, false);
        peer_say_version (&peer, 70017, 0);
        assert_next (&peer, CONNECTION_VERSION);
        payload[0] = (uint8_t)id_size;
        memcpy (payload + 1, cases[i].id, id_size);
        payload[1 + id_size] = (uint8_t)cases[i].data_size;
        memcpy (payload + 2 + id_size, cases[i].data, cases[i].data_size);
        peer_say (&peer, "feature",
                  bytes_of (payload, 2 + id_size + cases[i].data_size));
        assert_next (&peer, CONNECTION_NONE);
        if (connection_announced (peer.connection) != cases[i].announced)
            fail_msg ("row %zu", i);
        peer_close (&peer);
    }
}

static void
test_handshake_has_sixty_seconds (void **state)
{
    struct peer peer;
    (void)state;

    for (int i = 0; i < 3; i++) {
        peer_open (&peer, i == 2);
        if (i > 0)
            peer_say_version (&peer, 70017, 0);
        while (peer_next (&peer) != CONNECTION_NONE)
            ;
        assert_int_equal (peer_deadline_us (&peer), 60 * SECOND_US);
        peer_wait (&peer, 60 * SECOND_US - 1);
        peer_say_nothing (&peer, "sendaddrv2"); /* does not help */
        assert_true (peer_tick (&peer));
        peer_wait (&peer, 1);
        assert_false (peer_tick (&peer));
        assert_closed (&peer, CONNECTION_CLOSE_HANDSHAKE);
        peer_close (&peer);
    }
}

static void
test_output_that_is_not_taken_is_bounded (void **state)
{
    struct peer peer;
    int pings = 0;
    (void)state;

    peer_open_ready (&peer);
    do {
        peer_say_nonce (&peer, "ping", 7);
        assert_true (connection_output (peer.connection).size
                     <= CONNECTION_OUTPUT_MAX);
        assert_true (++pings < 3000);
    } while (peer_next (&peer) == CONNECTION_NONE);
    assert_closed (&peer, CONNECTION_CLOSE_OUTPUT);
    assert_int_equal (pings, CONNECTION_OUTPUT_MAX / 32 + 1);
    peer_send (&peer, bytes_of ("more", 4)); /* is not kept */
    peer_close (&peer);
}

static void
test_output_may_be_taken_in_any_pieces (void **state)
{
    struct peer peer;
    struct frame_parser parser;
    struct frame frame;
    char heard[64] = "";
    (void)state;

    peer_open (&peer, false);
    peer_say_version (&peer, 70016, 0);
    assert_next (&peer, CONNECTION_VERSION);
    assert_next (&peer, CONNECTION_NONE);
    frame_parser_init (&parser, NETWORK_REGTEST);
    while (connection_output (peer.connection).size > 0) {
        struct bytes output = connection_output (peer.connection);
        output.size = output.size < 7 ? output.size : 7;
        connection_output_taken (peer.connection, 0);
        struct bytes piece = output;
        while (frame_parser_next (&parser, &piece, &frame) == FRAME_MESSAGE)
            strcat (heard, frame.command == FRAME_VERSION      ? "version "
                           : frame.command == FRAME_SENDADDRV2 ? "sendaddrv2 "
                                                               : "verack ");
        connection_output_taken (peer.connection, output.size);
    }
    assert_string_equal (heard, "version sendaddrv2 verack ");
    frame_parser_done (&parser);
    peer_close (&peer);
}

static void
test_every_reason_to_close_has_its_sentence (void **state)
{
    (void)state;
    for (int i = 0; i < CONNECTION_CLOSES_; i++)
        assert_non_null (connection_close_text ((enum connection_close)i));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_inbound_is_sent_nothing_before_its_version),
        cmocka_unit_test (test_v2_hello_is_closed_without_a_byte),
        cmocka_unit_test (test_dribbled_version_is_answered_at_its_last_byte),
        cmocka_unit_test (test_answers_follow_the_common_version),
        cmocka_unit_test (test_peer_below_31800_is_refused),
        cmocka_unit_test (test_malformed_or_huge_version_is_closed),
        cmocka_unit_test (
            test_our_version_promises_governance_and_nothing_else),
        cmocka_unit_test (
            test_self_connection_has_heard_nothing_when_it_is_recognised),
        cmocka_unit_test (test_second_version_is_ignored),
        cmocka_unit_test (test_verack_counts_once_and_after_version_only),
        cmocka_unit_test (test_messages_before_verack_are_ignored),
        cmocka_unit_test (test_messages_after_verack_become_events),
        cmocka_unit_test (
            test_addrv2_is_wanted_by_whoever_said_so_before_verack),
        cmocka_unit_test (test_what_the_shell_says_stands_behind_the_handshake),
        cmocka_unit_test (test_spoilt_messages_are_dropped_and_the_peer_stays),
        cmocka_unit_test (test_wrong_magic_later_on_is_closed),
        cmocka_unit_test (test_length_above_four_million_is_closed),
        cmocka_unit_test (test_governance_enabled_follows_announcement_or_bit),
        cmocka_unit_test (test_feature_counts_between_version_and_verack_only),
        cmocka_unit_test (test_malformed_feature_is_closed),
        cmocka_unit_test (
            test_only_econ_relay_with_its_data_is_an_announcement),
        cmocka_unit_test (test_handshake_has_sixty_seconds),
        cmocka_unit_test (test_output_that_is_not_taken_is_bounded),
        cmocka_unit_test (test_output_may_be_taken_in_any_pieces),
        cmocka_unit_test (test_every_reason_to_close_has_its_sentence),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
