/* SPDX-License-Identifier: MIT */
/* fuzz_payload - version, feature and CompactSize: what decodes encodes to the
 * same bytes again. Byte 0 picks the decoder, the rest is its payload. */
#include <stdlib.h>

#include "messages/bitcoin/payload.h"

#define ADDR_FROM_AT 46
#define ADDR_FROM_SIZE 26

static void
fuzz_version (struct bytes payload)
{
    struct version_payload first;
    struct version_payload second;
    uint8_t encoded[512];
    uint8_t again[512];

    if (version_decode (payload, &first) != 0)
        return;
    assert (memchr (first.user_agent, '\0', sizeof first.user_agent) != NULL);
    size_t size = version_encode (&first, encoded, sizeof encoded);
    int rc = version_decode (bytes_of (encoded, size), &second);
    assert (rc == 0);
    assert (version_encode (&second, again, sizeof again) == size);
    assert (memcmp (encoded, again, size) == 0);

    /* The same bytes, but for what we do not keep: addr_from, a user agent
     * behind its first NUL, a relay byte above 1. */
    assert (memcmp (encoded, payload.data, ADDR_FROM_AT) == 0);
    size_t nonce_at = ADDR_FROM_AT + ADDR_FROM_SIZE;
    if (payload.size >= nonce_at + 8)
        assert (memcmp (encoded + nonce_at, payload.data + nonce_at, 8) == 0);
}

static void
fuzz_feature (struct bytes payload)
{
    struct feature_payload feature;
    uint8_t encoded[640];

    if (feature_decode (payload, &feature) != 0)
        return;
    assert (feature.id_size >= FEATURE_ID_MIN
            && feature.id_size <= FEATURE_ID_MAX);
    if (strlen (feature.id) != feature.id_size)
        return; /* a NUL inside: not one that we could say */
    size_t size =
        feature_encode (feature.id, feature.data, encoded, sizeof encoded);
    assert (bytes_equal (payload, bytes_of (encoded, size)));
}

static void
fuzz_compact_size (struct bytes payload)
{
    struct bytes rest = payload;
    uint64_t value;

    if (compact_size_read (&rest, &value) != 0) {
        assert (rest.size == payload.size);
        return;
    }
    size_t expected = value < 0xfd          ? 1
                      : value <= UINT16_MAX ? 3
                      : value <= UINT32_MAX ? 5
                                            : 9;
    assert (payload.size - rest.size == expected);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    /* A copy of its own, so that the sanitizer sees what is read too far. */
    uint8_t *copy = malloc (size);
    assert (copy != NULL);
    memcpy (copy, data + 1, size - 1);
    struct bytes payload = bytes_of (copy, size - 1);

    switch (data[0] % 3) {
    case 0:
        fuzz_version (payload);
        break;
    case 1:
        fuzz_feature (payload);
        break;
    case 2:
        fuzz_compact_size (payload);
        break;
    }
    free (copy);
    return 0;
}
