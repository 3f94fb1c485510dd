/* SPDX-License-Identifier: MIT */
/* fuzz_link_message - what the decoder takes from any bytes, the encoder writes
 * so that it is taken again, and writes the same the second time.
 *
 * Byte 0: the link. The rest: messages back to back. */
#include "messages/link/link_message.h"

/* Decodes all of WRITTEN, one message, and encodes it again. */
static void
check_again (enum link_id link, struct bytes written)
{
    owned (buffer_done) struct buffer again = {0};
    struct link_message message;
    struct bytes in = written;

    int rc = link_message_decode (link, &in, &message);
    assert (rc == 0 && in.size == 0);
    int size = link_message_encode (&again, &message);
    assert (size > 0);
    assert (bytes_equal (buffer_bytes (&again), written));
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    enum link_id link = (enum link_id) (data[0] % (LINK_ANY + 1));
    struct bytes in = bytes_of (data + 1, size - 1);
    owned (buffer_done) struct buffer written = {0};
    struct link_message message;

    for (;;) {
        struct bytes before = in;
        if (link_message_decode (link, &in, &message) != 0)
            break;
        assert (message_id_name (message.id) != NULL);
        buffer_clear (&written);
        int written_size = link_message_encode (&written, &message);
        /* Ours is the shortest form. */
        assert (written_size > 0
                && (size_t)written_size <= before.size - in.size);
        check_again (link, buffer_bytes (&written));
    }
    return 0;
}
