/* SPDX-License-Identifier: MIT */
/* target - the HOST:PORT of a relay, as people write it.
 *
 *   in   text, a network
 *   out  a host and a port
 *   owns nothing
 */
#include "tools/target.h"

#include "tools/options.h"

/* Sets host and *ret_rest, which begins with the colon of the port if any. */
static int
target_split (const char *text, struct bytes *ret_host, const char **ret_rest)
{
    const char *end = strchr (text, ']');
    size_t size = strcspn (text, ":");

    if (text[0] == '[') {
        if (end == NULL)
            return -EINVAL;
        *ret_host = bytes_of (text + 1, (size_t)(end - text) - 1);
        *ret_rest = end + 1;
        return 0;
    }
    /* An IPv6 address without brackets: where does it end? */
    if (text[size] == ':' && strchr (text + size + 1, ':') != NULL)
        return -EINVAL;
    *ret_host = bytes_of (text, size);
    *ret_rest = text + size;
    return 0;
}

int
target_read (const char *text, enum network network, struct target *ret)
{
    int64_t port = network_port (network);
    struct bytes host;
    const char *rest;

    if (target_split (text, &host, &rest) != 0 || host.size == 0
        || host.size > TARGET_HOST_MAX)
        return -EINVAL;
    if (*rest != '\0'
        && (*rest != ':' || integer_read (rest + 1, 1, UINT16_MAX, &port) != 0))
        return -EINVAL;

    *ret = (struct target){
        .text = text, .network = network, .port = (uint16_t)port};
    memcpy (ret->host, host.data, host.size);
    return 0;
}
