/* SPDX-License-Identifier: MIT */
/* fuzz_socks - whatever a proxy answers, and however it is split: nothing is
 * said beyond the bounds, nothing behind the answers is taken, and the outcome
 * is that of the same bytes at once.
 *
 * Byte 0: the length of the host. Byte 1: the length of the pieces. The rest:
 * the answers. */
#include <assert.h>

#include "actors/ingress/socks.h"

/* Returns how many bytes were left. */
static size_t
feed (struct socks *socks, struct bytes input, size_t piece)
{
    while (input.size > 0 && socks->state < SOCKS_DONE) {
        size_t size = input.size < piece ? input.size : piece;
        struct bytes part = bytes_of (input.data, size);
        enum socks_state before = socks->state;
        enum socks_state state = socks_feed (socks, &part);
        assert (state >= before && part.size < size);
        assert (state >= SOCKS_DONE || part.size == 0);
        size -= part.size;
        input = bytes_of (input.data + size, input.size - size);
    }
    return input.size;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static const uint8_t secret[SOCKS_SECRET_SIZE];
    char host[SOCKS_HOST_MAX + 1];
    struct socks split, whole;

    if (size < 2)
        return 0;
    memset (host, 'a', sizeof host);
    host[data[0]] = '\0';
    int rc = socks_init (&split, host, 8333, secret);
    assert (rc == (data[0] == 0 ? -EINVAL : 0));
    if (rc != 0)
        return 0;
    whole = split;
    struct bytes input = bytes_of (data + 2, size - 2);
    size_t left = feed (&split, input, data[1] == 0 ? 1 : data[1]);
    struct bytes rest = input;
    enum socks_state state = socks_feed (&whole, &rest);

    assert (state == split.state && rest.size == left);
    assert (strcmp (socks_why (&whole), socks_why (&split)) == 0);
    assert ((state == SOCKS_FAILED) == (socks_why (&whole)[0] != '\0'));
    assert (bytes_equal (socks_output (&whole), socks_output (&split)));
    assert (socks_output (&whole).size <= SOCKS_OUTPUT_MAX);
    assert (input.size - left <= 4 + SOCKS_ANSWER_MAX);
    return 0;
}
