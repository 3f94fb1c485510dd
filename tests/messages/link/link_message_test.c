/* SPDX-License-Identifier: MIT */
/* link_message_test - each message there and back, and every way in which one
 * can be wrong: cut, longer, of another type, size, range or link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "messages/link/wire.h"
#include "sample.h"

#define BYTES(...)                                                             \
    bytes_of ((const uint8_t[]){__VA_ARGS__},                                  \
              sizeof ((const uint8_t[]){__VA_ARGS__}))
#define RANDOM_ROUNDS 200

/* Makes the next call of realloc but AFTER fail; below 0: none. Set by the
 * tests about memory; the linker puts __wrap_realloc in realloc's place. */
static int realloc_after = -1;
void *__real_realloc (void *block, size_t size);
void *__wrap_realloc (void *block, size_t size);

void *
__wrap_realloc (void *block, size_t size)
{
    if (realloc_after >= 0 && realloc_after-- == 0)
        return NULL;
    return __real_realloc (block, size);
}

static struct sample *
sample_create (void)
{
    struct sample *sample = calloc (1, sizeof *sample);
    assert_non_null (sample);
    return sample;
}

static void
sample_destroy (struct sample **sample)
{
    free (*sample);
    *sample = NULL;
}

static void
encode (struct buffer *out, const struct link_message *message)
{
    size_t before = out->size;
    int size = link_message_encode (out, message);

    assert_true (size > 0);
    assert_int_equal (out->size, before + (size_t)size);
}

/* Checks that INPUT is refused and that nothing is touched by that. */
static void
check_refused (enum link_id link, struct bytes input)
{
    struct link_message message;
    struct link_message untouched;
    struct bytes in = input;

    memset (&message, 0xa5, sizeof message);
    memset (&untouched, 0xa5, sizeof untouched);
    if (link_message_decode (link, &in, &message) != -EPROTO)
        fail_msg ("taken as %s", message_id_name (message.id));
    assert_ptr_equal (in.data, input.data);
    assert_int_equal (in.size, input.size);
    assert_memory_equal (&message, &untouched, sizeof message);
}

/* Checks that VALUE is refused as the NTH value of MESSAGE. */
static void
check_value_refused (const struct link_message *message, size_t nth,
                     struct bytes value)
{
    owned (buffer_done) struct buffer good = {0};
    owned (buffer_done) struct buffer bad = {0};

    encode (&good, message);
    sample_replace (&bad, buffer_bytes (&good), nth, value);
    check_refused (sample_link (message->id), buffer_bytes (&bad));
}

static void
check_round_trip (const struct sample *sample)
{
    owned (buffer_done) struct buffer out = {0};
    owned (buffer_done) struct buffer again = {0};
    struct link_message decoded;

    encode (&out, &sample->message);
    struct bytes in = buffer_bytes (&out);
    assert_int_equal (
        link_message_decode (sample_link (sample->message.id), &in, &decoded),
        0);
    assert_int_equal (in.size, 0);
    assert_true (sample_equal (&sample->message, &decoded));
    encode (&again, &decoded);
    assert_true (bytes_equal (buffer_bytes (&out), buffer_bytes (&again)));
}

static void
test_every_message_comes_back_as_it_was (void **state)
{
    (void)state;
    owned (sample_destroy) struct sample *sample = sample_create ();

    for (size_t i = 0; i < sample_ids_count; i++) {
        sample_fill (sample, sample_ids[i], SAMPLE_LEAST, 0);
        check_round_trip (sample);
        /* Also shows that the table's limits suffice: encode asserts them. */
        sample_fill (sample, sample_ids[i], SAMPLE_GREATEST, 0);
        check_round_trip (sample);
        for (uint64_t seed = 0; seed < RANDOM_ROUNDS; seed++) {
            sample_fill (sample, sample_ids[i], SAMPLE_RANDOM, seed);
            check_round_trip (sample);
        }
    }
}

static void
test_every_message_has_its_own_number_of_fields (void **state)
{
    (void)state;
    owned (sample_destroy) struct sample *sample = sample_create ();
    owned (buffer_done) struct buffer out = {0};

    for (size_t i = 0; i < sample_ids_count; i++) {
        size_t fields;
        (void)sample_fields (sample_ids[i], &fields);
        sample_fill (sample, sample_ids[i], SAMPLE_RANDOM, i);
        buffer_clear (&out);
        encode (&out, &sample->message);
        struct bytes in = buffer_bytes (&out);
        uint8_t id = 0;
        assert_true (wire_read_array (&in, 1 + fields));
        assert_true (wire_read_u8 (&in, &id));
        assert_int_equal (id, sample_ids[i]);
    }
}

static void
test_messages_back_to_back_decode_one_after_the_other (void **state)
{
    (void)state;
    owned (sample_destroy) struct sample *sample = sample_create ();
    owned (buffer_done) struct buffer out = {0};

    for (size_t i = 0; i < 2 * sample_ids_count; i++) {
        sample_fill (sample, sample_ids[i / 2], SAMPLE_RANDOM, i);
        encode (&out, &sample->message);
    }
    struct bytes in = buffer_bytes (&out);
    for (size_t i = 0; i < 2 * sample_ids_count; i++) {
        struct link_message decoded;
        sample_fill (sample, sample_ids[i / 2], SAMPLE_RANDOM, i);
        assert_int_equal (link_message_decode (sample_link (sample_ids[i / 2]),
                                               &in, &decoded),
                          0);
        assert_true (sample_equal (&sample->message, &decoded));
    }
    assert_int_equal (in.size, 0);
}

static void
test_every_message_cut_off_at_any_byte_is_refused (void **state)
{
    (void)state;
    owned (sample_destroy) struct sample *sample = sample_create ();
    owned (buffer_done) struct buffer out = {0};

    for (size_t i = 0; i < sample_ids_count; i++)
        for (uint64_t seed = 0; seed < 8; seed++) {
            sample_fill (sample, sample_ids[i], SAMPLE_RANDOM, seed);
            buffer_clear (&out);
            encode (&out, &sample->message);
            for (size_t size = 0; size < out.size; size++) {
                uint8_t *cut = malloc (size + 1);
                assert_non_null (cut);
                memcpy (cut + 1, out.data, size); /* asan watches the end */
                check_refused (sample_link (sample_ids[i]),
                               bytes_of (cut + 1, size));
                free (cut);
            }
        }
}

static void
test_the_largest_messages_cut_off_are_refused (void **state)
{
    (void)state;
    owned (sample_destroy) struct sample *sample = sample_create ();
    owned (buffer_done) struct buffer out = {0};

    for (size_t i = 0; i < sample_ids_count; i++) {
        sample_fill (sample, sample_ids[i], SAMPLE_GREATEST, 0);
        buffer_clear (&out);
        encode (&out, &sample->message);
        for (size_t size = 0; size < out.size; size++)
            check_refused (sample_link (sample_ids[i]),
                           bytes_of (out.data, size));
    }
}

static void
test_one_value_more_or_less_in_the_array_is_refused (void **state)
{
    (void)state;
    owned (sample_destroy) struct sample *sample = sample_create ();
    owned (buffer_done) struct buffer out = {0};
    owned (buffer_done) struct buffer bad = {0};

    for (size_t i = 0; i < sample_ids_count; i++) {
        enum link_id link = sample_link (sample_ids[i]);
        size_t count;
        sample_fill (sample, sample_ids[i], SAMPLE_LEAST, 0);
        buffer_clear (&out);
        encode (&out, &sample->message);
        struct bytes values = buffer_bytes (&out);
        assert_true (wire_read_list (&values, 1, 99, &count));

        for (size_t wrong = 0; wrong <= count + 2; wrong++) {
            if (wrong == count)
                continue;
            buffer_clear (&bad);
            assert_true (wire_write_array (&bad, wrong));
            assert_int_equal (buffer_append (&bad, values), 0);
            check_refused (link, buffer_bytes (&bad)); /* too short, if more */
            assert_int_equal (buffer_append (&bad, BYTES (0, 0)), 0);
            check_refused (link, buffer_bytes (&bad));
        }
    }
}

static void
test_bytes_after_a_message_are_left_for_the_next (void **state)
{
    (void)state;
    struct bytes in = BYTES (0x91, MESSAGE_BYE, 0xc0);
    struct link_message message;

    assert_int_equal (link_message_decode (LINK_FEED, &in, &message), 0);
    assert_int_equal (message.id, MESSAGE_BYE);
    assert_int_equal (in.size, 1);
    check_refused (LINK_FEED, in);
}

static void
test_every_wrong_type_in_every_field_is_refused (void **state)
{
    (void)state;
    owned (sample_destroy) struct sample *sample = sample_create ();
    const struct {
        enum family family;
        struct bytes value;
    } aliens[] = {
        {OF_NONE, BYTES (0xc0)},                         /* nil */
        {OF_NONE, BYTES (0xc1)},                         /* never used */
        {OF_NONE, BYTES (0xca, 0, 0, 0, 0)},             /* float */
        {OF_NONE, BYTES (0xcb, 0, 0, 0, 0, 0, 0, 0, 0)}, /* double */
        {OF_NONE, BYTES (0x80)},                         /* map */
        {OF_NONE, BYTES (0xde, 0, 0)},                   /* map 16 */
        {OF_NONE, BYTES (0xdf, 0, 0, 0, 0)},             /* map 32 */
        {OF_NONE, BYTES (0xd4, 1, 0)},                   /* fixext 1 */
        {OF_NONE, BYTES (0xd6, 0xff, 0, 0, 0, 0)},       /* timestamp */
        {OF_NONE, BYTES (0xc7, 0, 1)},                   /* ext 8 */
        {OF_INTEGER, BYTES (0)},
        {OF_INTEGER, BYTES (1)},
        {OF_INTEGER, BYTES (0xff)},
        {OF_INTEGER, BYTES (0xcd, 0, 1)},
        {OF_INTEGER, BYTES (0xd3, 0, 0, 0, 0, 0, 0, 0, 1)},
        {OF_BOOL, BYTES (0xc2)},
        {OF_BOOL, BYTES (0xc3)},
        {OF_BIN, BYTES (0xc4, 0)},
        {OF_BIN, BYTES (0xc5, 0, 1, 'x')},
        {OF_TEXT, BYTES (0xa0)},
        {OF_TEXT, BYTES (0xd9, 1, 'x')},
        {OF_ARRAY, BYTES (0x90)},
        {OF_ARRAY, BYTES (0x91, 1)},
        {OF_ARRAY, BYTES (0xdc, 0, 1, 1)},
    };

    for (size_t i = 0; i < sample_ids_count; i++) {
        size_t count;
        const struct field *fields = sample_fields (sample_ids[i], &count);
        sample_fill (sample, sample_ids[i], SAMPLE_RANDOM, i);
        for (size_t a = 0; a < ARRAY_SIZE (aliens); a++) {
            if (aliens[a].family != OF_INTEGER)
                check_value_refused (&sample->message, 0, aliens[a].value);
            for (size_t nth = 0; nth < count; nth++)
                if (aliens[a].family != sample_family (fields[nth].kind))
                    check_value_refused (&sample->message, 1 + nth,
                                         aliens[a].value);
        }
    }
}

/* Checks every number that FIELD, the NTH value, must not hold. */
static void
check_numbers_refused (const struct link_message *message,
                       const struct field *field, size_t nth)
{
    static const struct {
        enum field_kind kind;
        uint64_t above; /* the first that is too large */
    } rows[] = {
        {FIELD_U8, UINT64_C (1) << 8},    {FIELD_U32, UINT64_C (1) << 32},
        {FIELD_I32, UINT64_C (1) << 31},  {FIELD_I64, UINT64_C (1) << 63},
        {FIELD_COMMAND, COMMANDS_},       {FIELD_VERDICT, VERDICTS_},
        {FIELD_PEER_STATE, PEER_STATES_}, {FIELD_STREAM, 8},
    };
    owned (buffer_done) struct buffer value = {0};

    for (size_t i = 0; i < ARRAY_SIZE (rows); i++) {
        if (field->kind != rows[i].kind)
            continue;
        for (uint64_t above = rows[i].above; above != 0; above <<= 1) {
            buffer_clear (&value);
            assert_true (wire_write_u64 (&value, above));
            check_value_refused (message, nth, buffer_bytes (&value));
        }
    }
    if (field->kind == FIELD_I32) {
        buffer_clear (&value);
        assert_true (wire_write_i64 (&value, (int64_t)INT32_MIN - 1));
        check_value_refused (message, nth, buffer_bytes (&value));
    } else if (field->kind != FIELD_I64) {
        check_value_refused (message, nth, BYTES (0xff));
        check_value_refused (message, nth, BYTES (0xd0, 0x80));
    }
}

static void
test_numbers_out_of_range_are_refused (void **state)
{
    (void)state;
    owned (sample_destroy) struct sample *sample = sample_create ();

    for (size_t i = 0; i < sample_ids_count; i++) {
        size_t count;
        const struct field *fields = sample_fields (sample_ids[i], &count);
        sample_fill (sample, sample_ids[i], SAMPLE_RANDOM, i);
        for (size_t nth = 0; nth < count; nth++)
            if (sample_family (fields[nth].kind) == OF_INTEGER)
                check_numbers_refused (&sample->message, &fields[nth], 1 + nth);
    }
}

static void
test_texts_and_bins_over_their_size_are_refused (void **state)
{
    (void)state;
    owned (sample_destroy) struct sample *sample = sample_create ();
    owned (buffer_done) struct buffer value = {0};
    uint8_t *filler = calloc (1, GOVERNANCE_PAYLOAD_MAX + 1);
    assert_non_null (filler);
    memset (filler, 'a', GOVERNANCE_PAYLOAD_MAX + 1);

    for (size_t i = 0; i < sample_ids_count; i++) {
        size_t count;
        const struct field *fields = sample_fields (sample_ids[i], &count);
        for (uint64_t seed = 0; seed < 16; seed++) { /* every command */
            sample_fill (sample, sample_ids[i], SAMPLE_RANDOM, seed);
            for (size_t nth = 0; nth < count; nth++) {
                enum family family = sample_family (fields[nth].kind);
                struct bytes over = bytes_of (
                    filler,
                    1 + sample_most_bytes (fields[nth].kind, &sample->message));
                buffer_clear (&value);
                if (family == OF_TEXT)
                    assert_true (wire_write_text (&value, over));
                else if (family == OF_BIN)
                    assert_true (wire_write_bin (&value, over));
                else
                    continue;
                check_value_refused (&sample->message, 1 + nth,
                                     buffer_bytes (&value));
            }
        }
    }
    free (filler);
}

static void
test_control_characters_in_any_text_are_refused (void **state)
{
    (void)state;
    owned (sample_destroy) struct sample *sample = sample_create ();

    for (size_t i = 0; i < sample_ids_count; i++) {
        size_t count;
        const struct field *fields = sample_fields (sample_ids[i], &count);
        sample_fill (sample, sample_ids[i], SAMPLE_RANDOM, i);
        for (size_t nth = 0; nth < count; nth++) {
            if (sample_family (fields[nth].kind) != OF_TEXT)
                continue;
            check_value_refused (&sample->message, 1 + nth,
                                 BYTES (0xa3, 'a', 0, 'b'));
            check_value_refused (&sample->message, 1 + nth,
                                 BYTES (0xa2, 'a', '\n'));
            check_value_refused (&sample->message, 1 + nth, BYTES (0xa1, 0x7f));
        }
    }
}

static void
test_public_keys_are_lower_case_hex_of_two_sizes (void **state)
{
    (void)state;
    owned (sample_destroy) struct sample *sample = sample_create ();
    owned (buffer_done) struct buffer value = {0};
    const size_t nth = 8; /* of VERIFIED: its public_key */
    char key[PUBLIC_KEY_TEXT_MAX + 1];

    sample_fill (sample, MESSAGE_VERIFIED, SAMPLE_RANDOM, 0);
    for (size_t size = 0; size <= sizeof key; size++) {
        if (size == 64 || size == 66)
            continue;
        memset (key, 'a', sizeof key);
        buffer_clear (&value);
        assert_true (wire_write_text (&value, bytes_of (key, size)));
        check_value_refused (&sample->message, nth, buffer_bytes (&value));
    }
    for (const char *bad = "AFGg/:`@ \xc3"; *bad; bad++)
        for (size_t at = 0; at < 66; at += 13) {
            memset (key, '9', sizeof key);
            key[at] = *bad;
            buffer_clear (&value);
            assert_true (wire_write_text (&value, bytes_of (key, 66)));
            check_value_refused (&sample->message, nth, buffer_bytes (&value));
        }
}

static void
test_ids_have_exactly_their_size (void **state)
{
    (void)state;
    owned (sample_destroy) struct sample *sample = sample_create ();
    owned (buffer_done) struct buffer value = {0};
    const uint8_t zeros[40] = {0};

    for (size_t size = 0; size <= sizeof zeros; size++) {
        if (size == 32)
            continue;
        buffer_clear (&value);
        assert_true (wire_write_bin (&value, bytes_of (zeros, size)));
        sample_fill (sample, MESSAGE_STATUS_ASK, SAMPLE_RANDOM, 0);
        check_value_refused (&sample->message, 1, buffer_bytes (&value));
        sample_fill (sample, MESSAGE_FRAME_REPLY, SAMPLE_RANDOM, 0);
        if (size != 0) /* none */
            check_value_refused (&sample->message, 3, buffer_bytes (&value));
    }
}

static void
test_a_delivery_names_1_to_256_peers (void **state)
{
    (void)state;
    owned (sample_destroy) struct sample *sample = sample_create ();
    owned (buffer_done) struct buffer value = {0};

    sample_fill (sample, MESSAGE_DELIVER, SAMPLE_RANDOM, 0);
    check_value_refused (&sample->message, 5, BYTES (0x90));
    check_value_refused (&sample->message, 5, BYTES (0x91, 0xff));
    check_value_refused (&sample->message, 5, BYTES (0x92, 1, 0xc0));
    assert_true (wire_write_array (&value, DELIVER_PEERS_MAX + 1));
    for (size_t i = 0; i <= DELIVER_PEERS_MAX; i++)
        assert_true (wire_write_u64 (&value, i));
    check_value_refused (&sample->message, 5, buffer_bytes (&value));
}

static void
test_a_message_of_another_link_is_refused (void **state)
{
    (void)state;
    owned (sample_destroy) struct sample *sample = sample_create ();
    owned (buffer_done) struct buffer out = {0};

    for (size_t i = 0; i < sample_ids_count; i++)
        for (unsigned link = LINK_FRAMES; link <= LINK_ANY; link++) {
            enum link_id own = sample_link (sample_ids[i]);
            bool allowed =
                link == own || (own == LINK_ANY && link != LINK_CONTROL);
            struct link_message decoded;
            sample_fill (sample, sample_ids[i], SAMPLE_RANDOM, i);
            buffer_clear (&out);
            encode (&out, &sample->message);
            struct bytes in = buffer_bytes (&out);
            if (allowed)
                assert_int_equal (
                    link_message_decode ((enum link_id)link, &in, &decoded), 0);
            else
                check_refused ((enum link_id)link, in);
        }
}

static void
test_unknown_ids_are_refused (void **state)
{
    (void)state;

    for (unsigned id = 0; id <= 0x1ff; id++) {
        if (message_id_name ((enum message_id)id))
            continue;
        const uint8_t bytes[] = {0x91, 0xcd, (uint8_t)(id >> 8), (uint8_t)id};
        for (unsigned link = LINK_FRAMES; link <= LINK_ANY; link++)
            check_refused ((enum link_id)link, bytes_of (bytes, sizeof bytes));
    }
}

static void
test_values_are_taken_in_any_width (void **state)
{
    (void)state;
    struct bytes in =
        BYTES (0xdd, 0, 0, 0, 2, 0xcd, 0, MESSAGE_CREDIT, 0xd1, 0, 7);
    struct link_message message;

    assert_int_equal (link_message_decode (LINK_FRAMES, &in, &message), 0);
    assert_int_equal (message.id, MESSAGE_CREDIT);
    assert_int_equal (message.credit.bytes, 7);
}

static void
test_a_message_larger_than_the_table_says_is_refused (void **state)
{
    (void)state;
    struct link_message message;

    /* A heartbeat has 8 bytes at most: in one form it fits, in another not. */
    struct bytes in = BYTES (0xdd, 0, 0, 0, 1, 0xcd, 0, MESSAGE_HEARTBEAT);
    assert_int_equal (link_message_decode (LINK_FRAMES, &in, &message), 0);
    check_refused (LINK_FRAMES,
                   BYTES (0xdd, 0, 0, 0, 1, 0xce, 0, 0, 0, MESSAGE_HEARTBEAT));
    /* 16 for the close of a stream. */
    check_refused (LINK_FEED,
                   BYTES (0xdc, 0, 2, 0xcf, 0, 0, 0, 0, 0, 0, 0,
                          MESSAGE_FEED_CLOSE, 0xcf, 0, 0, 0, 0, 0, 0, 0, 1));
}

static void
test_encoding_without_memory_leaves_the_buffer_as_it_was (void **state)
{
    (void)state;
    owned (sample_destroy) struct sample *sample = sample_create ();
    owned (buffer_done) struct buffer out = {0};

    sample_fill (sample, MESSAGE_FRAME, SAMPLE_GREATEST, 0);
    realloc_after = 0; /* not even the head */
    assert_int_equal (link_message_encode (&out, &sample->message), -ENOMEM);
    assert_int_equal (out.size, 0);
    assert_int_equal (buffer_append (&out, bytes_of_text ("abc")), 0);
    realloc_after = 0; /* not the payload */
    assert_int_equal (link_message_encode (&out, &sample->message), -ENOMEM);
    realloc_after = -1;
    assert_true (bytes_equal (buffer_bytes (&out), bytes_of_text ("abc")));
    encode (&out, &sample->message);
}

static void
test_replies_have_the_name_and_id_of_what_they_answer (void **state)
{
    (void)state;

    for (size_t i = 0; i < sample_ids_count; i++) {
        const char *name = message_id_name (sample_ids[i]);
        const char *end = strstr (name, "_REPLY");
        assert_int_equal (end != NULL, sample_ids[i] >= 0x80);
        if (!end)
            continue;
        const char *asked =
            message_id_name ((enum message_id) (sample_ids[i] - 0x80));
        assert_non_null (asked);
        assert_true (bytes_equal (bytes_of (name, (size_t)(end - name)),
                                  bytes_of_text (asked)));
    }
    assert_string_equal (message_id_name (MESSAGE_FRAME), "FRAME");
    assert_null (message_id_name ((enum message_id)0x7f));
}

static void
test_links_have_names (void **state)
{
    (void)state;

    assert_string_equal (link_id_name (LINK_FRAMES), "frames");
    assert_string_equal (link_id_name (LINK_VERIFIED), "verified");
    assert_string_equal (link_id_name (LINK_FEED), "feed");
    assert_string_equal (link_id_name (LINK_DELIVERY), "delivery");
    assert_string_equal (link_id_name (LINK_STATUS), "status");
    assert_string_equal (link_id_name (LINK_PEERING), "peering");
    assert_string_equal (link_id_name (LINK_CONTROL), "control");
    assert_string_equal (link_id_name (LINK_ANY), "any");
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_every_message_comes_back_as_it_was),
        cmocka_unit_test (test_every_message_has_its_own_number_of_fields),
        cmocka_unit_test (
            test_messages_back_to_back_decode_one_after_the_other),
        cmocka_unit_test (test_every_message_cut_off_at_any_byte_is_refused),
        cmocka_unit_test (test_the_largest_messages_cut_off_are_refused),
        cmocka_unit_test (test_one_value_more_or_less_in_the_array_is_refused),
        cmocka_unit_test (test_bytes_after_a_message_are_left_for_the_next),
        cmocka_unit_test (test_every_wrong_type_in_every_field_is_refused),
        cmocka_unit_test (test_numbers_out_of_range_are_refused),
        cmocka_unit_test (test_texts_and_bins_over_their_size_are_refused),
        cmocka_unit_test (test_control_characters_in_any_text_are_refused),
        cmocka_unit_test (test_public_keys_are_lower_case_hex_of_two_sizes),
        cmocka_unit_test (test_ids_have_exactly_their_size),
        cmocka_unit_test (test_a_delivery_names_1_to_256_peers),
        cmocka_unit_test (test_a_message_of_another_link_is_refused),
        cmocka_unit_test (test_unknown_ids_are_refused),
        cmocka_unit_test (test_values_are_taken_in_any_width),
        cmocka_unit_test (test_a_message_larger_than_the_table_says_is_refused),
        cmocka_unit_test (
            test_encoding_without_memory_leaves_the_buffer_as_it_was),
        cmocka_unit_test (
            test_replies_have_the_name_and_id_of_what_they_answer),
        cmocka_unit_test (test_links_have_names),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
