/* SPDX-License-Identifier: MIT */
/* fuzz_netaddr - addr, addrv2 and addresses as text: what decodes encodes, and
 * decodes to the same again. Byte 0 picks the form, the rest is its bytes. */
#include <stdlib.h>

#include "messages/bitcoin/netaddr.h"

struct shown {
    struct netaddr netaddr[NETADDR_MAX];
    size_t count;
};

/* Reads what netaddr_to_text makes of NETADDR, which cannot say port 0. */
static void
check_text (const struct netaddr *netaddr)
{
    char text[NETADDR_TEXT_MAX];
    struct netaddr again;

    if (netaddr_to_text (netaddr, text) != 0 || netaddr->port == 0)
        return;
    int rc = netaddr_from_text (bytes_of_text (text), &again);
    assert (rc == 0);
    assert (netaddr_is_same (netaddr, &again));
    assert (netaddr_is_public (netaddr) == netaddr_is_public (&again));
}

static void
show (void *self, const struct netaddr *netaddr)
{
    struct shown *shown = self;

    assert (shown->count < NETADDR_MAX);
    shown->netaddr[shown->count++] = *netaddr;
    check_text (netaddr);
}

static void
fuzz_payload (struct bytes payload, bool addrv2)
{
    static struct shown first;
    static struct shown second;
    static uint8_t encoded[NETADDR_ADDRV2_ROOM (NETADDR_MAX)];

    first.count = 0;
    second.count = 0;
    if (netaddr_decode (payload, addrv2, show, &first) != 0) {
        assert (first.count == 0);
        return;
    }
    size_t size = netaddr_encode (first.netaddr, first.count, addrv2, encoded,
                                  sizeof encoded);
    assert (size <= payload.size); /* less what was passed over */
    int rc = netaddr_decode (bytes_of (encoded, size), addrv2, show, &second);
    assert (rc == 0 && first.count == second.count);
    for (size_t i = 0; i < first.count; i++)
        assert (netaddr_is_same (&first.netaddr[i], &second.netaddr[i])
                && first.netaddr[i].services == second.netaddr[i].services
                && first.netaddr[i].seen_s == second.netaddr[i].seen_s);
}

static void
fuzz_text (struct bytes text)
{
    struct netaddr netaddr;

    if (netaddr_from_text (text, &netaddr) == 0)
        check_text (&netaddr);
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
    struct bytes bytes = bytes_of (copy, size - 1);

    if (data[0] % 3 == 2)
        fuzz_text (bytes);
    else
        fuzz_payload (bytes, data[0] % 3 == 1);
    free (copy);
    return 0;
}
