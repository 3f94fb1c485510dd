/* SPDX-License-Identifier: MIT */
/* config_form - the forms that texts in the configuration must have.
 *
 *   in   texts of the operator
 *   out  NULL, or what would do
 *   owns nothing
 *
 * Names are not resolved here: a configuration can be checked without network.
 */
#include "supervisor/config_form.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>

/* sun_path of a local socket holds 108 bytes, the NUL included. */
#define SOCKET_PATH_MAX 107
#define INTERFACE_MAX 15 /* IFNAMSIZ of Linux, less the NUL */

#define LOWER_HEX "0123456789abcdef"
#define BASE64                                                                 \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
#define Z85                                                                    \
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"           \
    ".-:+=^!/*?&<>()[]{}@%$#"

static bool
is_ipv4 (const char *text)
{
    struct in_addr address;
    return inet_pton (AF_INET, text, &address) == 1;
}

static bool
is_ipv6 (const char *text)
{
    struct in6_addr address;
    return inet_pton (AF_INET6, text, &address) == 1;
}

bool
host_is_address (const char *host)
{
    return is_ipv4 (host) || is_ipv6 (host);
}

bool
host_is_loopback (const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (inet_pton (AF_INET, host, &v4) == 1)
        return ntohl (v4.s_addr) >> 24 == 127;
    if (inet_pton (AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK (&v6);
    return strcasecmp (host, "localhost") == 0;
}

/* A DNS name by RFC 1123, underscores tolerated. Its last label is not all
 * digits, or 10.0.0.256 would be a name. */
static bool
is_name (const char *text)
{
    size_t label = 0;
    bool digits = true;

    if (*text == '\0' || strlen (text) > HOST_MAX)
        return false;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '.') {
            if (label == 0 || at[-1] == '-' || at[1] == '\0')
                return false;
            label = 0;
            digits = true;
            continue;
        }
        if (!isalnum ((unsigned char)*at) && *at != '_'
            && (*at != '-' || label == 0))
            return false;
        if (++label > 63)
            return false;
        digits = digits && isdigit ((unsigned char)*at);
    }
    return !digits && text[strlen (text) - 1] != '-';
}

/* Returns 0 and the port when TEXT is 1 to 5 digits up to 65535. */
static int
port_read (const char *text, unsigned *ret_port)
{
    size_t size = strspn (text, "0123456789");
    if (size == 0 || size > 5 || text[size] != '\0')
        return -EINVAL;
    unsigned long port = strtoul (text, NULL, 10);
    if (port > 65535)
        return -EINVAL;
    *ret_port = (unsigned)port;
    return 0;
}

/* Copies SIZE bytes of a host, brackets taken off, and checks it. */
static int
host_read (const char *text, size_t size, char ret_host[HOST_MAX + 1])
{
    char host[HOST_MAX + 1];
    bool bracketed = size >= 2 && text[0] == '[' && text[size - 1] == ']';

    if (bracketed) {
        text++;
        size -= 2;
    }
    if (size == 0 || size > HOST_MAX)
        return -EINVAL;
    memcpy (host, text, size);
    host[size] = '\0';
    if (bracketed ? !is_ipv6 (host) : !is_ipv4 (host) && !is_name (host))
        return -EINVAL;
    memcpy (ret_host, host, size + 1);
    return 0;
}

/* Splits host:port or [v6]:port. */
static int
host_port_read (const char *text, char ret_host[HOST_MAX + 1],
                unsigned *ret_port)
{
    const char *colon = strrchr (text, ':');
    unsigned port;

    if (colon == NULL || port_read (colon + 1, &port) != 0)
        return -EINVAL;
    if (host_read (text, (size_t)(colon - text), ret_host) != 0)
        return -EINVAL;
    *ret_port = port;
    return 0;
}

/* Returns what follows PREFIX in TEXT, or NULL. */
static const char *
after (const char *text, const char *prefix)
{
    size_t size = strlen (prefix);
    return strncmp (text, prefix, size) == 0 ? text + size : NULL;
}

int
url_split (const char *text, struct url *ret_url)
{
    struct url url = {0};
    const char *rest = after (text, "https://");

    url.https = rest != NULL;
    if (rest == NULL)
        rest = after (text, "http://");
    if (rest == NULL)
        return -EINVAL;
    /* Also keeps user:password@ out: @ is in no host. */
    for (const char *at = rest; *at != '\0'; at++)
        if (*at <= ' ' || *at >= 0x7f || strchr ("?#\\\"<>^`{|}", *at) != NULL)
            return -EINVAL;

    size_t size = strcspn (rest, "/");
    char authority[HOST_MAX + sizeof ("[]:65535")];
    if (size >= sizeof (authority))
        return -EINVAL;
    memcpy (authority, rest, size);
    authority[size] = '\0';

    url.port = url.https ? 443 : 80;
    const char *colon = strrchr (authority, ':');
    const char *bracket = strrchr (authority, ']');
    bool has_port = colon != NULL && (bracket == NULL || colon > bracket);
    int rc = has_port ? host_port_read (authority, url.host, &url.port)
                      : host_read (authority, size, url.host);
    if (rc != 0 || url.port == 0)
        return -EINVAL;
    *ret_url = url;
    return 0;
}

const char *
form_some_text (const char *text)
{
    return *text != '\0' ? NULL : "it must not be empty";
}

const char *
form_host (const char *text)
{
    if (is_name (text) || host_is_address (text))
        return NULL;
    return "write a host name, as \"seed.example.com\"";
}

const char *
form_peer (const char *text)
{
    char host[HOST_MAX + 1];
    unsigned port;

    if (host_port_read (text, host, &port) == 0 && port != 0)
        return NULL;
    return "write \"host:port\" or \"[IPv6 address]:port\"";
}

const char *
form_listen (const char *text)
{
    char host[HOST_MAX + 1];
    unsigned port;

    if (host_port_read (text, host, &port) == 0)
        return NULL;
    return "write \"address:port\" or \"[IPv6 address]:port\"";
}

const char *
form_listen_or_off (const char *text)
{
    if (strcmp (text, "off") == 0 || form_listen (text) == NULL)
        return NULL;
    return "write \"address:port\", \"[IPv6 address]:port\" or \"off\"";
}

const char *
form_address (const char *text)
{
    if (*text == '\0' || host_is_address (text))
        return NULL;
    return "write an IPv4 or IPv6 address";
}

const char *
form_addresses (const char *text)
{
    static const char would_do[] =
        "write an address or a network, as \"10.0.0.0/8\" or \"fd00::/8\"";
    char address[INET6_ADDRSTRLEN];
    size_t size = strcspn (text, "/");
    unsigned bits = 0;

    if (size >= sizeof (address))
        return would_do;
    memcpy (address, text, size);
    address[size] = '\0';
    bool v4 = is_ipv4 (address);
    if (!v4 && !is_ipv6 (address))
        return would_do;
    if (text[size] == '/' && port_read (text + size + 1, &bits) != 0)
        return would_do;
    return bits <= (v4 ? 32u : 128u) ? NULL : would_do;
}

const char *
form_proxy (const char *text)
{
    const char *rest = after (text, "socks5://");
    char host[HOST_MAX + 1];
    unsigned port;

    if (*text == '\0')
        return NULL;
    if (rest == NULL || host_port_read (rest, host, &port) != 0 || port == 0)
        return "write \"socks5://127.0.0.1:9050\" or "
               "\"socks5://[IPv6 address]:port\"";
    if (!host_is_address (host))
        return "a look-up of the proxy's name would go around it; write its IP "
               "address, as \"socks5://127.0.0.1:9050\"";
    return NULL;
}

const char *
form_commons_url (const char *text)
{
    struct url url;
    if (*text == '\0' || url_split (text, &url) == 0)
        return NULL;
    return "write as \"https://commons.example.com/api\", with neither user, "
           "query nor fragment";
}

const char *
form_interface (const char *text)
{
    size_t size = strlen (text);
    if (size <= INTERFACE_MAX && strpbrk (text, "/: \t") == NULL
        && strcmp (text, ".") != 0 && strcmp (text, "..") != 0)
        return NULL;
    return "write the name of a network interface, as \"wg0\"";
}

const char *
form_pin (const char *text)
{
    const char *rest = after (text, "sha256//");
    /* 32 bytes are 43 characters and one = */
    if (*text == '\0'
        || (rest != NULL && strspn (rest, BASE64) == 43
            && strcmp (rest + 43, "=") == 0))
        return NULL;
    return "write \"sha256//\" and the key's SHA-256 in base64";
}

const char *
form_public_key (const char *text)
{
    size_t size = strlen (text);
    bool hex = strspn (text, LOWER_HEX) == size;
    bool compressed = text[0] == '0' && (text[1] == '2' || text[1] == '3');

    if (hex && (size == 64 || (size == 66 && compressed)))
        return NULL;
    return "write a public key in lower-case hex: 66 characters from 02 or 03 "
           "on, or 64";
}

const char *
form_endpoint_bind (const char *text)
{
    const char *rest = after (text, "tcp://");
    const char *wild = rest != NULL ? after (rest, "*:") : NULL;
    unsigned port;

    if (wild != NULL ? port_read (wild, &port) == 0
                     : rest != NULL && form_listen (rest) == NULL)
        return NULL;
    return "write \"tcp://address:port\"";
}

const char *
form_endpoint_connect (const char *text)
{
    const char *rest = after (text, "tcp://");
    if (rest != NULL && form_peer (rest) == NULL)
        return NULL;
    return "write \"tcp://host:port\"";
}

const char *
form_curve_key (const char *text)
{
    if (strlen (text) == 40 && strspn (text, Z85) == 40)
        return NULL;
    return "write the 40 characters that `govrelay curve new` shows";
}

const char *
form_tap (const char *text)
{
    const char *path = after (text, "ipc://");

    if (*text == '\0' || strcmp (text, "off") == 0)
        return NULL;
    if (path != NULL && *path != '\0' && strlen (path) <= SOCKET_PATH_MAX)
        return NULL;
    if (path == NULL && form_endpoint_bind (text) == NULL)
        return NULL;
    return "write \"off\", \"tcp://127.0.0.1:28640\" or \"ipc://PATH\" with a "
           "path of at most 107 bytes";
}

const char *
form_database (const char *text)
{
    const char *path = after (text, "sqlite:");

    if (path != NULL && *path != '\0')
        return NULL;
    if (after (text, "postgresql://") != NULL)
        return "PostgreSQL is not supported by this version; write "
               "\"sqlite:FILE\"";
    return "write \"sqlite:FILE\"";
}
