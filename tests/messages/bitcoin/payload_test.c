/* SPDX-License-Identifier: MIT */
/* payload_test - version, feature and CompactSize, whole and cut off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "hex.h"
#include "messages/bitcoin/network.h"
#include "messages/bitcoin/payload.h"

/* A copy of exactly SIZE bytes on the heap, so that the sanitizer sees every
 * byte that is read too far. */
static uint8_t *
exact_copy (const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc (size != 0 ? size : 1);
    assert_non_null (copy);
    memcpy (copy, data, size);
    return copy;
}

static struct version_payload
sample_version (void)
{
    struct version_payload version = {
        .version = 70017,
        .services = NODE_GOVERNANCE | 1,
        .time = 1764361549,
        .nonce = UINT64_C (0x1122334455667788),
        .user_agent = "/Satoshi:31.99.0/",
        .start_height = 900000,
        .relay = true,
    };
    for (size_t i = 0; i < sizeof version.addr_recv; i++)
        version.addr_recv[i] = (uint8_t)(i + 1);
    return version;
}

static void
test_version_reads_back_what_was_written (void **state)
{
    struct version_payload in = sample_version ();
    struct version_payload out;
    uint8_t payload[512];
    (void)state;

    size_t size = version_encode (&in, payload, sizeof payload);
    assert_int_equal (size, 46 + 26 + 8 + 1 + 17 + 4 + 1);
    assert_int_equal (version_decode (bytes_of (payload, size), &out), 0);
    assert_int_equal (out.version, in.version);
    assert_int_equal (out.services, in.services);
    assert_int_equal (out.time, in.time);
    assert_memory_equal (out.addr_recv, in.addr_recv, sizeof in.addr_recv);
    assert_int_equal (out.nonce, in.nonce);
    assert_string_equal (out.user_agent, in.user_agent);
    assert_int_equal (out.start_height, in.start_height);
    assert_true (out.relay);
}

static void
test_version_lies_on_the_wire_as_bitcoin_has_it (void **state)
{
    static const uint8_t expected[] = {
        0x81, 0x11, 1,    0,                 /* 70017 */
        0,    0,    0,    0x20, 0,  0, 0, 0, /* bit 29 */
        0x8d, 3,    0x2a, 0x69, 0,  0, 0, 0, /* time */
        0,    0,    0,    0,    0,  0, 0, 0, /* addr_recv */
        0,    0,    0,    0,    0,  0, 0, 0, /* its address */
        0,    0,    0xff, 0xff, 10, 0, 0, 1, /* 10.0.0.1 */
        0x20, 0x8d,                          /* port 8333 */
        0,    0,    0,    0,    0,  0, 0, 0, /* addr_from */
        0,    0,    0,    0,    0,  0, 0, 0, /* is */
        0,    0,    0,    0,    0,  0, 0, 0, /* all */
        0,    0,                             /* zero */
        8,    7,    6,    5,    4,  3, 2, 1, /* nonce */
        3,    '/',  'x',  '/',               /* user agent */
        0,    0,    0,    0,                 /* height */
        0,                                   /* relay */
    };
    struct version_payload version = {
        .version = 70017,
        .services = NODE_GOVERNANCE,
        .time = 0x692a038d,
        .addr_recv = {[18] = 0xff, 0xff, 10, 0, 0, 1, 0x20, 0x8d},
        .nonce = UINT64_C (0x0102030405060708),
        .user_agent = "/x/",
    };
    uint8_t payload[512];
    (void)state;

    size_t size = version_encode (&version, payload, sizeof payload);
    assert_int_equal (size, sizeof expected);
    assert_memory_equal (payload, expected, sizeof expected);
}

/* The bytes may end between two fields from addr_from on, nowhere else. */
static void
test_version_may_end_between_optional_fields_only (void **state)
{
    static const size_t ends[] = {46, 72, 80, 98, 102, 103};
    struct version_payload in = sample_version ();
    struct version_payload out;
    uint8_t payload[512];
    (void)state;

    size_t full = version_encode (&in, payload, sizeof payload);
    for (size_t size = 0; size <= full; size++) {
        bool allowed = false;
        for (size_t i = 0; i < ARRAY_SIZE (ends); i++)
            allowed = allowed || ends[i] == size;
        uint8_t *cut = exact_copy (payload, size);
        int rc = version_decode (bytes_of (cut, size), &out);
        free (cut);
        assert_int_equal (rc, allowed ? 0 : -EPROTO);
    }
}

static void
test_absent_version_fields_have_their_defaults (void **state)
{
    struct version_payload in = sample_version ();
    struct version_payload out;
    uint8_t payload[512];
    (void)state;

    version_encode (&in, payload, sizeof payload);
    assert_int_equal (version_decode (bytes_of (payload, 46), &out), 0);
    assert_int_equal (out.nonce, 0);
    assert_string_equal (out.user_agent, "");
    assert_int_equal (out.start_height, 0);
    assert_true (out.relay);
}

static void
test_version_with_later_fields_is_read (void **state)
{
    struct version_payload in = sample_version ();
    struct version_payload out;
    uint8_t payload[600] = {0};
    (void)state;

    size_t size = version_encode (&in, payload, sizeof payload);
    assert_int_equal (version_decode (bytes_of (payload, size + 60), &out), 0);
    assert_int_equal (out.start_height, 900000);
}

static void
test_user_agent_of_256_is_read_and_of_257_refused (void **state)
{
    struct version_payload in = sample_version ();
    struct version_payload out = {.nonce = 77};
    uint8_t payload[512];
    uint8_t longer[512];
    (void)state;

    memset (in.user_agent, 'a', USER_AGENT_MAX);
    in.user_agent[USER_AGENT_MAX] = '\0';
    size_t size = version_encode (&in, payload, sizeof payload);
    assert_int_equal (version_decode (bytes_of (payload, size), &out), 0);
    assert_int_equal (strlen (out.user_agent), USER_AGENT_MAX);

    memcpy (longer, payload, 80);
    memcpy (longer + 80, (uint8_t[]){0xfd, 1, 1}, 3);
    memset (longer + 83, 'a', 257);
    memset (longer + 83 + 257, 0, 5);
    out.nonce = 77;
    assert_int_equal (version_decode (bytes_of (longer, 345), &out), -EPROTO);
    assert_int_equal (out.nonce, 77); /* left alone */
}

static void
test_our_feature_is_econ_relay_version_1 (void **state)
{
    static const uint8_t expected[] = {10,  'e', 'c', 'o', 'n', '-', 'r',
                                       'e', 'l', 'a', 'y', 9,   1,   0,
                                       0,   0,   0,   0,   0,   0,   0};
    uint8_t payload[640];
    (void)state;

    size_t size = feature_encode_econ_relay (payload, sizeof payload);
    assert_int_equal (size, sizeof expected);
    assert_memory_equal (payload, expected, size);
}

static void
test_feature_reads_back_what_was_written (void **state)
{
    struct feature_payload out;
    uint8_t payload[640];
    uint8_t data[FEATURE_DATA_MAX];
    char id[FEATURE_ID_MAX + 1];
    (void)state;

    memset (data, 0x5a, sizeof data);
    memset (id, 'i', FEATURE_ID_MAX);
    id[FEATURE_ID_MAX] = '\0';
    size_t size = feature_encode (id, bytes_of (data, sizeof data), payload,
                                  sizeof payload);
    uint8_t *copy = exact_copy (payload, size);
    assert_int_equal (feature_decode (bytes_of (copy, size), &out), 0);
    assert_string_equal (out.id, id);
    assert_int_equal (out.id_size, FEATURE_ID_MAX);
    assert_true (bytes_equal (out.data, bytes_of (data, sizeof data)));
    free (copy);
}

static void
test_malformed_features_are_refused (void **state)
{
    static const struct {
        const char *what;
        const char *bytes;
        size_t size;
    } cases[] = {
        {"nothing", "", 0},
        {"id of 3", "\3abc\0", 5},
        {"id cut off", "\5abcd", 5},
        {"no data size", "\4abcd", 5},
        {"data cut off", "\4abcd\2x", 7},
        {"bytes left over", "\4abcd\1xy", 8},
        {"long form of 4", "\xfd\4\0abcd\0", 8},
        {"id of 2^64-1", "\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9},
    };
    struct feature_payload out = {.id = "left alone"};
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        uint8_t *copy =
            exact_copy ((const uint8_t *)cases[i].bytes, cases[i].size);
        int rc = feature_decode (bytes_of (copy, cases[i].size), &out);
        free (copy);
        if (rc != -EPROTO)
            fail_msg ("%s: %d", cases[i].what, rc);
    }
    assert_string_equal (out.id, "left alone");
}

static void
test_feature_beyond_its_limits_is_refused (void **state)
{
    struct feature_payload out;
    uint8_t payload[700];
    uint8_t data[FEATURE_DATA_MAX + 1] = {0};
    char id[FEATURE_ID_MAX + 2];
    (void)state;

    size_t size = feature_encode ("abcd", bytes_of (data, sizeof data), payload,
                                  sizeof payload);
    assert_int_equal (feature_decode (bytes_of (payload, size), &out), -EPROTO);

    memset (id, 'i', FEATURE_ID_MAX + 1);
    id[FEATURE_ID_MAX + 1] = '\0';
    size = feature_encode (id, bytes_of (NULL, 0), payload, sizeof payload);
    assert_int_equal (feature_decode (bytes_of (payload, size), &out), -EPROTO);
}

static void
test_compact_sizes_are_read_in_their_shortest_form_only (void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        int rc;
        uint64_t value;
    } cases[] = {
        {"", 0, -EPROTO, 0},
        {"\x00", 1, 0, 0},
        {"\xfc", 1, 0, 0xfc},
        {"\xfd", 1, -EPROTO, 0},
        {"\xfd\xfd", 2, -EPROTO, 0},
        {"\xfd\xfd\x00", 3, 0, 0xfd},
        {"\xfd\xfc\x00", 3, -EPROTO, 0},
        {"\xfd\xff\xff", 3, 0, 0xffff},
        {"\xfe\xff\xff\x00\x00", 5, -EPROTO, 0},
        {"\xfe\x00\x00\x01\x00", 5, 0, 0x10000},
        {"\xfe\xff\xff\xff\xff", 5, 0, 0xffffffff},
        {"\xff\xff\xff\xff\xff\x00\x00\x00\x00", 9, -EPROTO, 0},
        {"\xff\x00\x00\x00\x00\x01\x00\x00\x00", 9, 0, UINT64_C (1) << 32},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9, 0, UINT64_MAX},
        {"\xff\xff\xff\xff\xff\xff\xff\xff", 8, -EPROTO, 0},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        uint8_t *copy =
            exact_copy ((const uint8_t *)cases[i].bytes, cases[i].size);
        struct bytes input = bytes_of (copy, cases[i].size);
        uint64_t value = 0;
        assert_int_equal (compact_size_read (&input, &value), cases[i].rc);
        assert_int_equal (value, cases[i].value);
        assert_int_equal (input.size, cases[i].rc == 0 ? 0 : cases[i].size);
        free (copy);
    }
}

/* Sets the payload of the frame vector for COMMAND, and its fields. */
static json_t *
vector_load (const char *command, struct bytes *ret_payload,
             const json_t **ret_fields)
{
    static uint8_t wire[1024];
    json_t *vectors = json_load_file ("tests/vectors/frames.json", 0, NULL);

    for (size_t i = 0; i < json_array_size (vectors); i++) {
        const json_t *vector = json_array_get (vectors, i);
        const char *hex = json_string_value (json_object_get (vector, "frame"));
        if (strcmp (json_string_value (json_object_get (vector, "command")),
                    command)
            != 0)
            continue;
        size_t size = strlen (hex) / 2;
        assert_in_range (size, 24, sizeof wire);
        assert_int_equal (hex_decode (bytes_of_text (hex), wire, size), 0);
        *ret_payload = bytes_of (wire + 24, size - 24);
        *ret_fields = json_object_get (vector, "fields");
        return vectors;
    }
    fail_msg ("no vector for %s", command);
    return NULL;
}

static void
test_version_vector_is_read_and_written (void **state)
{
    struct bytes payload;
    const json_t *fields;
    json_t *vectors = vector_load ("version", &payload, &fields);
    struct version_payload version;
    uint8_t written[512];
    (void)state;

    assert_int_equal (version_decode (payload, &version), 0);
    assert_int_equal (version.version,
                      json_integer_value (json_object_get (fields, "version")));
    assert_int_equal (version.services, json_integer_value (json_object_get (
                                            fields, "services")));
    assert_int_equal (version.time,
                      json_integer_value (json_object_get (fields, "time")));
    assert_int_equal (version.nonce,
                      json_integer_value (json_object_get (fields, "nonce")));
    assert_string_equal (
        version.user_agent,
        json_string_value (json_object_get (fields, "user_agent")));
    assert_int_equal (
        version.start_height,
        json_integer_value (json_object_get (fields, "start_height")));
    assert_int_equal (version.relay,
                      json_is_true (json_object_get (fields, "relay")));

    size_t size = version_encode (&version, written, sizeof written);
    assert_true (bytes_equal (payload, bytes_of (written, size)));
    json_decref (vectors);
}

static void
test_feature_vector_is_ours (void **state)
{
    struct bytes payload;
    const json_t *fields;
    json_t *vectors = vector_load ("feature", &payload, &fields);
    uint8_t written[640];
    (void)state;

    size_t size = feature_encode_econ_relay (written, sizeof written);
    assert_true (bytes_equal (payload, bytes_of (written, size)));
    json_decref (vectors);
}

static void
test_networks_are_found_by_their_names (void **state)
{
    enum network network;
    (void)state;

    for (int i = 0; i < NETWORKS_; i++) {
        const char *name = network_name ((enum network)i);
        assert_int_equal (network_from_name (name, &network), 0);
        assert_int_equal (network, i);
    }
    network = NETWORK_SIGNET;
    assert_int_equal (network_from_name ("mainnet", &network), -ENOENT);
    assert_int_equal (network_from_name ("", &network), -ENOENT);
    assert_int_equal (network, NETWORK_SIGNET);
    assert_int_equal (network_port (NETWORK_REGTEST), 18743);
    assert_memory_equal (network_magic (NETWORK_MAIN), "\xf9\xbe\xb4\xd9", 4);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_version_reads_back_what_was_written),
        cmocka_unit_test (test_version_lies_on_the_wire_as_bitcoin_has_it),
        cmocka_unit_test (test_version_may_end_between_optional_fields_only),
        cmocka_unit_test (test_absent_version_fields_have_their_defaults),
        cmocka_unit_test (test_version_with_later_fields_is_read),
        cmocka_unit_test (test_user_agent_of_256_is_read_and_of_257_refused),
        cmocka_unit_test (test_our_feature_is_econ_relay_version_1),
        cmocka_unit_test (test_feature_reads_back_what_was_written),
        cmocka_unit_test (test_malformed_features_are_refused),
        cmocka_unit_test (test_feature_beyond_its_limits_is_refused),
        cmocka_unit_test (
            test_compact_sizes_are_read_in_their_shortest_form_only),
        cmocka_unit_test (test_version_vector_is_read_and_written),
        cmocka_unit_test (test_feature_vector_is_ours),
        cmocka_unit_test (test_networks_are_found_by_their_names),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
