/* SPDX-License-Identifier: MIT */
/* frame_test - the frame parser against vectors, every split, and lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "hex.h"
#include "messages/bitcoin/frame.h"

#define SCRIPT_MAX 65536

/* Bytes of a peer, put together message by message. */
struct script {
    uint8_t data[SCRIPT_MAX];
    size_t size;
};

static void
script_add (struct script *script, struct bytes bytes)
{
    assert_true (bytes.size <= sizeof script->data - script->size);
    if (bytes.size != 0)
        memcpy (script->data + script->size, bytes.data, bytes.size);
    script->size += bytes.size;
}

/* Appends a message and returns its header, for the test to spoil. */
static uint8_t *
script_say (struct script *script, const char *command, struct bytes payload)
{
    uint8_t header[FRAME_HEADER_SIZE];
    size_t at = script->size;

    frame_header_write (header, NETWORK_REGTEST, command, payload);
    script_add (script, bytes_of (header, sizeof header));
    script_add (script, payload);
    return script->data + at;
}

/* What a parser said, as text: "message ping 8 0102030405060708", one line an
 * event, so that two runs are compared in one assertion. */
struct said {
    char text[16384];
    size_t size;
};

static const char *const event_names[] = {
    [FRAME_MESSAGE] = "message",           [FRAME_SKIPPED] = "skipped",
    [FRAME_BAD_CHECKSUM] = "bad checksum", [FRAME_BAD_COMMAND] = "bad command",
    [FRAME_OVERSIZE] = "oversize",         [FRAME_BAD_MAGIC] = "bad magic",
    [FRAME_TOO_LONG] = "too long",
};

static const char *
frame_command_text (enum frame_command command)
{
    static const char *const names[] = {
#define X(NAME, name, size) name,
        FRAME_COMMANDS (X)
#undef X
            "other",
    };
    return names[command];
}

static void
said_event (struct said *said, enum frame_event event,
            const struct frame *frame)
{
    char *at = said->text + said->size;
    size_t room = sizeof said->text - said->size;
    int size;

    if (event == FRAME_MESSAGE)
        size =
            snprintf (at, room, "message %s %zu %08x\n",
                      frame_command_text (frame->command), frame->payload.size,
                      (unsigned)frame_checksum (frame->payload));
    else if (event == FRAME_SKIPPED || event == FRAME_OVERSIZE)
        size = snprintf (at, room, "%s %s\n", event_names[event],
                         frame_command_text (frame->command));
    else
        size = snprintf (at, room, "%s\n", event_names[event]);
    assert_in_range (size, 1, room - 1);
    said->size += (size_t)size;
}

/* Feeds one piece, from a heap copy of exactly its size. Returns false when the
 * parser is done for. */
static bool
parser_feed (struct frame_parser *parser, struct bytes piece, struct said *said)
{
    uint8_t *copy = malloc (piece.size != 0 ? piece.size : 1);
    assert_non_null (copy);
    if (piece.size != 0)
        memcpy (copy, piece.data, piece.size);
    struct bytes input = bytes_of (copy, piece.size);
    bool alive = true;

    for (;;) {
        struct frame frame;
        enum frame_event event = frame_parser_next (parser, &input, &frame);
        if (event == FRAME_MORE)
            break;
        said_event (said, event, &frame);
        if (event == FRAME_BAD_MAGIC || event == FRAME_TOO_LONG) {
            assert_int_equal (frame_parser_next (parser, &input, &frame),
                              event);
            alive = false;
            break;
        }
    }
    if (alive)
        assert_int_equal (input.size, 0);
    free (copy);
    return alive;
}

/* Parses all in pieces of SIZE bytes. */
static void
parse_in_pieces (struct bytes all, size_t size, struct said *ret_said)
{
    struct frame_parser parser;

    *ret_said = (struct said){0};
    frame_parser_init (&parser, NETWORK_REGTEST);
    for (size_t at = 0; at < all.size; at += size) {
        size_t left = all.size - at;
        if (!parser_feed (&parser,
                          bytes_of (all.data + at, left < size ? left : size),
                          ret_said))
            break;
    }
    frame_parser_done (&parser);
}

static void
assert_said (struct bytes all, const char *expected)
{
    struct said said;

    parse_in_pieces (all, all.size, &said);
    assert_string_equal (said.text, expected);
    parse_in_pieces (all, 1, &said);
    assert_string_equal (said.text, expected);
}

static struct bytes
script_bytes (const struct script *script)
{
    return bytes_of (script->data, script->size);
}

/* One of everything that a living connection may see. */
static void
script_fill (struct script *script)
{
    static uint8_t body[5000];

    script_say (script, "version", bytes_of (body, 110));
    script_say (script, "verack", bytes_of (NULL, 0));
    script_say (script, "wtxidrelay", bytes_of (NULL, 0));
    script_say (script, "econveto", bytes_of (body, 4096));
    script_say (script, "inv", bytes_of (body, 37));
    script_say (script, "ping", bytes_of (body, 8))[20] ^= 1;
    script_say (script, "ping", bytes_of (body, 8));
    script_say (script, "econfork", bytes_of (body, 4097));
    script_say (script, "ver\x01on", bytes_of (body, 300));
    script_say (script, "econstatus", bytes_of (body, 1));
    script_say (script, "econreg", bytes_of (body, 5000));
    script_say (script, "verack", bytes_of (body, 7));
    script_say (script, "getaddr", bytes_of (NULL, 0));
}

static const char *
vector_text (const json_t *vector, const char *key)
{
    return json_string_value (json_object_get (vector, key));
}

/* Sets the payload that the vector states in words: JSON as it is, or hex.
 * Those of version and feature have fields instead (payload_test reads them);
 * for them it is what follows the header. */
static struct bytes
vector_payload (const json_t *vector, struct bytes wire, uint8_t *room)
{
    const char *text = vector_text (vector, "payload");
    const char *hex = vector_text (vector, "payload_hex");

    if (text != NULL)
        return bytes_of_text (text);
    if (hex == NULL)
        return bytes_of (wire.data + FRAME_HEADER_SIZE,
                         wire.size - FRAME_HEADER_SIZE);
    assert_int_equal (hex_decode (bytes_of_text (hex), room, strlen (hex) / 2),
                      0);
    return bytes_of (room, strlen (hex) / 2);
}

static void
check_vector (const json_t *vector)
{
    static uint8_t room[4096];
    static uint8_t wire[4096];
    const char *hex = vector_text (vector, "frame");
    const char *command = vector_text (vector, "command");
    size_t size = strlen (hex) / 2;
    enum network network;

    assert_in_range (size, FRAME_HEADER_SIZE, sizeof wire);
    assert_int_equal (hex_decode (bytes_of_text (hex), wire, size), 0);
    assert_int_equal (
        network_from_name (vector_text (vector, "network"), &network), 0);
    struct bytes payload = vector_payload (vector, bytes_of (wire, size), room);

    struct frame_parser parser;
    struct frame frame;
    struct bytes input = bytes_of (wire, size);
    frame_parser_init (&parser, network);
    assert_int_equal (frame_parser_next (&parser, &input, &frame),
                      FRAME_MESSAGE);
    assert_string_equal (frame_command_text (frame.command), command);
    assert_true (bytes_equal (frame.payload, payload));
    assert_int_equal (frame_parser_next (&parser, &input, &frame), FRAME_MORE);
    frame_parser_done (&parser);

    uint8_t header[FRAME_HEADER_SIZE];
    frame_header_write (header, network, command, payload);
    assert_memory_equal (header, wire, sizeof header);

    /* And no other network takes it. */
    input = bytes_of (wire, size);
    frame_parser_init (&parser, (enum network) ((network + 1) % NETWORKS_));
    assert_int_equal (frame_parser_next (&parser, &input, &frame),
                      FRAME_BAD_MAGIC);
    frame_parser_done (&parser);
}

static void
test_vectors_of_all_networks_are_read_and_written (void **state)
{
    json_t *vectors = json_load_file ("tests/vectors/frames.json", 0, NULL);
    (void)state;

    assert_true (json_array_size (vectors) >= 3 * NETWORKS_);
    for (size_t i = 0; i < json_array_size (vectors); i++)
        check_vector (json_array_get (vectors, i));
    json_decref (vectors);
}

static void
test_every_chunk_size_says_the_same (void **state)
{
    static struct script script;
    static struct said whole;
    static struct said said;
    (void)state;

    script_fill (&script);
    parse_in_pieces (script_bytes (&script), script.size, &whole);
    for (size_t size = 1; size < script.size; size++) {
        parse_in_pieces (script_bytes (&script), size, &said);
        if (strcmp (said.text, whole.text) != 0)
            fail_msg ("pieces of %zu bytes:\n%s", size, said.text);
    }
}

static void
test_header_may_be_split_at_every_byte (void **state)
{
    static const char *const expected = "message ping 8 94fa0225\n"
                                        "message verack 0 e2e0f65d\n";
    static struct script script;
    (void)state;

    script_say (&script, "ping", bytes_of ("\1\2\3\4\5\6\7\10", 8));
    script_say (&script, "verack", bytes_of (NULL, 0));
    for (size_t cut = 0; cut <= script.size; cut++) {
        struct frame_parser parser;
        struct said said = {0};
        frame_parser_init (&parser, NETWORK_REGTEST);
        parser_feed (&parser, bytes_of (script.data, cut), &said);
        parser_feed (&parser, bytes_of (script.data + cut, script.size - cut),
                     &said);
        frame_parser_done (&parser);
        assert_string_equal (said.text, expected);
    }
}

static void
test_random_splits_say_the_same (void **state)
{
    static struct script script;
    static struct said whole;
    static struct said said;
    unsigned seed = (unsigned)time (NULL);
    (void)state;

    print_message ("seed %u\n", seed);
    srandom (seed);
    script_fill (&script);
    parse_in_pieces (script_bytes (&script), script.size, &whole);
    for (int run = 0; run < 2000; run++) {
        struct frame_parser parser;
        size_t at = 0;
        size_t largest = (size_t)1 << (random () % 13);
        said = (struct said){0};
        frame_parser_init (&parser, NETWORK_REGTEST);
        while (at < script.size) {
            size_t size = (size_t)random () % (largest + 1);
            if (size > script.size - at)
                size = script.size - at;
            parser_feed (&parser, bytes_of (script.data + at, size), &said);
            at += size;
        }
        frame_parser_done (&parser);
        if (strcmp (said.text, whole.text) != 0)
            fail_msg ("seed %u run %d:\n%s", seed, run, said.text);
    }
}

static void
test_whole_payload_is_not_copied (void **state)
{
    static struct script script;
    struct frame_parser parser;
    struct frame frame;
    (void)state;

    script_say (&script, "econveto", bytes_of_text ("{}"));
    struct bytes input = script_bytes (&script);
    frame_parser_init (&parser, NETWORK_REGTEST);
    assert_int_equal (frame_parser_next (&parser, &input, &frame),
                      FRAME_MESSAGE);
    assert_ptr_equal (frame.payload.data, script.data + FRAME_HEADER_SIZE);
    assert_null (parser.payload);
    frame_parser_done (&parser);
}

static void
test_bad_checksum_drops_that_message_only (void **state)
{
    static struct script script;
    (void)state;

    for (int i = 20; i < 24; i++)
        script_say (&script, "econveto", bytes_of_text ("{}"))[i] ^= 0x80;
    script_say (&script, "verack", bytes_of (NULL, 0))[20] ^= 1;
    script_say (&script, "verack", bytes_of (NULL, 0));
    assert_said (script_bytes (&script), "bad checksum\nbad checksum\n"
                                         "bad checksum\nbad checksum\n"
                                         "bad checksum\n"
                                         "message verack 0 e2e0f65d\n");
}

static void
test_bad_command_drops_that_message_only (void **state)
{
    static const uint8_t bad[][12] = {
        "pi\x1fg", "pi\x7fg", "pi\x80g",
        "ping\0x", "\0ping",  "ping\0\0\0\0\0\0\0x",
        "pin\ng",
    };
    static struct script script;
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE (bad); i++) {
        uint8_t *header =
            script_say (&script, "ping", bytes_of ("12345678", 8));
        memcpy (header + 4, bad[i], 12);
    }
    script_say (&script, "verack", bytes_of (NULL, 0));
    assert_said (script_bytes (&script), "bad command\nbad command\n"
                                         "bad command\nbad command\n"
                                         "bad command\nbad command\n"
                                         "bad command\n"
                                         "message verack 0 e2e0f65d\n");
}

static void
test_unknown_commands_are_skipped_whatever_their_checksum (void **state)
{
    static struct script script;
    (void)state;

    script_say (&script, "twelve_chars", bytes_of ("x", 1))[20] ^= 1;
    script_say (&script, "", bytes_of (NULL, 0));
    script_say (&script, "pingx", bytes_of ("12345678", 8));
    script_say (&script, "PING", bytes_of ("12345678", 8));
    assert_said (script_bytes (&script), "skipped other\nskipped other\n"
                                         "skipped other\nskipped other\n");
}

static void
test_wrong_magic_is_told_at_its_first_byte (void **state)
{
    static struct script script;
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        struct frame_parser parser;
        struct frame frame;
        script.size = 0;
        script_say (&script, "version", bytes_of (NULL, 0))[i] ^= 1;
        frame_parser_init (&parser, NETWORK_REGTEST);
        struct bytes input = bytes_of (script.data, i);
        assert_int_equal (frame_parser_next (&parser, &input, &frame),
                          FRAME_MORE);
        input = bytes_of (script.data + i, 1);
        assert_int_equal (frame_parser_next (&parser, &input, &frame),
                          FRAME_BAD_MAGIC);
        frame_parser_done (&parser);
    }
}

static void
test_length_limit_is_four_million (void **state)
{
    static struct script script;
    struct said said;
    (void)state;

    uint8_t *header = script_say (&script, "block", bytes_of (NULL, 0));
    memcpy (header + 16, "\x00\x09\x3d\x00", 4); /* 4,000,000 */
    parse_in_pieces (script_bytes (&script), script.size, &said);
    assert_string_equal (said.text, "");
    memcpy (header + 16, "\x01\x09\x3d\x00", 4);
    assert_said (script_bytes (&script), "too long\n");
    memcpy (header + 16, "\xff\xff\xff\xff", 4);
    assert_said (script_bytes (&script), "too long\n");
}

static void
test_governance_limits_are_told_at_the_header (void **state)
{
    static const struct {
        const char *command;
        uint32_t limit;
    } cases[] = {{"econreg", 65536},
                 {"econveto", 4096},
                 {"econfork", 4096},
                 {"econstatus", 4096}};
    static uint8_t body[65537];
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        uint8_t header[FRAME_HEADER_SIZE];
        char expected[64];
        struct said said;

        frame_header_write (header, NETWORK_REGTEST, cases[i].command,
                            bytes_of (body, cases[i].limit));
        parse_in_pieces (bytes_of (header, sizeof header), 24, &said);
        assert_string_equal (said.text, ""); /* wants the payload */

        frame_header_write (header, NETWORK_REGTEST, cases[i].command,
                            bytes_of (body, cases[i].limit + 1));
        snprintf (expected, sizeof expected, "oversize %s\n", cases[i].command);
        assert_said (bytes_of (header, sizeof header), expected);
    }
}

static void
test_all_of_a_governance_payload_of_full_size_arrives (void **state)
{
    static uint8_t wire[FRAME_HEADER_SIZE + 65536];
    struct said said;
    char expected[64];
    (void)state;

    memset (wire, 'x', sizeof wire);
    struct bytes payload = bytes_of (wire + FRAME_HEADER_SIZE, 65536);
    frame_header_write (wire, NETWORK_REGTEST, "econreg", payload);
    snprintf (expected, sizeof expected, "message econreg 65536 %08x\n",
              (unsigned)frame_checksum (payload));
    for (size_t size = 1; size <= 131072; size = size * 3 + 1) {
        parse_in_pieces (bytes_of (wire, sizeof wire), size, &said);
        assert_string_equal (said.text, expected);
    }
}

/* PROTOCOL 1.5: memory follows what arrived, not what was announced. */
static void
test_payload_buffer_is_at_most_256_kib_ahead (void **state)
{
    static uint8_t payload[531003];
    uint8_t header[FRAME_HEADER_SIZE];
    struct frame_parser parser;
    struct frame frame;
    (void)state;

    frame_header_write (header, NETWORK_REGTEST, "addrv2",
                        bytes_of (payload, sizeof payload));
    frame_parser_init (&parser, NETWORK_REGTEST);
    struct bytes input = bytes_of (header, sizeof header);
    assert_int_equal (frame_parser_next (&parser, &input, &frame), FRAME_MORE);
    assert_int_equal (parser.payload_room, 0);

    for (size_t at = 0; at < sizeof payload; at += 999) {
        size_t left = sizeof payload - at;
        input = bytes_of (payload + at, left < 999 ? left : 999);
        enum frame_event event = frame_parser_next (&parser, &input, &frame);
        assert_int_equal (event, left <= 999 ? FRAME_MESSAGE : FRAME_MORE);
        assert_true (parser.payload_room
                     <= parser.payload_fill + FRAME_AHEAD_MAX);
        assert_true (parser.payload_room <= 2 * parser.payload_fill + 512);
    }
    assert_int_equal (frame.payload.size, sizeof payload);
    input = bytes_of (NULL, 0);
    assert_int_equal (frame_parser_next (&parser, &input, &frame), FRAME_MORE);
    assert_null (parser.payload); /* idle: nothing is kept */
    frame_parser_done (&parser);
}

static void
test_skipped_megabytes_take_no_memory (void **state)
{
    static const uint8_t chunk[1447];
    static uint8_t body[4000000];
    struct frame_parser parser;
    struct frame frame;
    uint8_t header[FRAME_HEADER_SIZE];
    int skipped = 0;
    (void)state;

    frame_header_write (header, NETWORK_REGTEST, "block",
                        bytes_of (body, sizeof body));
    frame_parser_init (&parser, NETWORK_REGTEST);
    for (int i = 0; i < 80; i++) {
        struct bytes input = bytes_of (header, sizeof header);
        assert_int_equal (frame_parser_next (&parser, &input, &frame),
                          FRAME_MORE);
        for (size_t left = sizeof body; left > 0;) {
            input = bytes_of (chunk, left < sizeof chunk ? left : sizeof chunk);
            left -= input.size;
            enum frame_event event =
                frame_parser_next (&parser, &input, &frame);
            skipped += event == FRAME_SKIPPED;
            assert_int_equal (event, left == 0 ? FRAME_SKIPPED : FRAME_MORE);
            assert_int_equal (input.size, 0);
            assert_null (parser.payload);
        }
    }
    assert_int_equal (skipped, 80);
    frame_parser_done (&parser);
}

static void
test_governance_frames_know_their_command (void **state)
{
    enum command command;
    int found = 0;
    (void)state;

    for (int i = 0; i <= FRAME_OTHER; i++) {
        if (frame_governance_command ((enum frame_command)i, &command) != 0)
            continue;
        assert_string_equal (command_name (command),
                             frame_command_text ((enum frame_command)i));
        found++;
    }
    assert_int_equal (found, COMMANDS_);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_vectors_of_all_networks_are_read_and_written),
        cmocka_unit_test (test_every_chunk_size_says_the_same),
        cmocka_unit_test (test_header_may_be_split_at_every_byte),
        cmocka_unit_test (test_random_splits_say_the_same),
        cmocka_unit_test (test_whole_payload_is_not_copied),
        cmocka_unit_test (test_bad_checksum_drops_that_message_only),
        cmocka_unit_test (test_bad_command_drops_that_message_only),
        cmocka_unit_test (
            test_unknown_commands_are_skipped_whatever_their_checksum),
        cmocka_unit_test (test_wrong_magic_is_told_at_its_first_byte),
        cmocka_unit_test (test_length_limit_is_four_million),
        cmocka_unit_test (test_governance_limits_are_told_at_the_header),
        cmocka_unit_test (
            test_all_of_a_governance_payload_of_full_size_arrives),
        cmocka_unit_test (test_payload_buffer_is_at_most_256_kib_ahead),
        cmocka_unit_test (test_skipped_megabytes_take_no_memory),
        cmocka_unit_test (test_governance_frames_know_their_command),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
