/* SPDX-License-Identifier: MIT */
/* keyfile - a signer's secret key on disk.
 *
 *   in   a path; random bytes for a new key
 *   out  a key in memory that is wiped after use
 *   owns nothing
 *
 * Read and written by hand, not through jansson and stdio: those would leave
 * copies of the secret in memory that was freed.
 */
#include "tools/keyfile.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hex.h"
#include "supervisor/secret.h"

#define KEYFILE_DRAWS 16 /* one draw in 2^127 is no secp256k1 secret */
#define KEYFILE_WHITE " \t\r\n"

enum keyfile_key {
    KEYFILE_TYPE,
    KEYFILE_NETWORK,
    KEYFILE_SECRET,
    KEYFILE_PUBLIC_KEY,
    KEYFILE_KEYS_
};

static const char *const keyfile_names[KEYFILE_KEYS_] = {
    [KEYFILE_TYPE] = "type",
    [KEYFILE_NETWORK] = "network",
    [KEYFILE_SECRET] = "secret",
    [KEYFILE_PUBLIC_KEY] = "public_key",
};

/* The values, in the text of the file. */
struct keyfile_fields {
    struct bytes value[KEYFILE_KEYS_]; /* borrowed; data NULL: not there */
};

static bool
take_character (const char **at, char character)
{
    *at += strspn (*at, KEYFILE_WHITE);
    if (**at != character)
        return false;
    (*at)++;
    return true;
}

/* Takes a JSON string. None of ours needs an escape, so none may have one. */
static bool
take_string (const char **at, struct bytes *ret)
{
    if (!take_character (at, '"'))
        return false;
    size_t size = strcspn (*at, "\"\\\n");
    if ((*at)[size] != '"')
        return false;
    *ret = bytes_of (*at, size);
    *at += size + 1;
    return true;
}

/* Takes `"name": "value"` of a name that is ours and was not there yet. */
static bool
take_field (const char **at, struct keyfile_fields *fields)
{
    struct bytes name, value;

    if (!take_string (at, &name) || !take_character (at, ':')
        || !take_string (at, &value))
        return false;
    for (size_t i = 0; i < KEYFILE_KEYS_; i++)
        if (bytes_equal (name, bytes_of_text (keyfile_names[i]))
            && fields->value[i].data == NULL) {
            fields->value[i] = value;
            return true;
        }
    return false;
}

/* Reads TEXT as an object of exactly our four keys, each a string. */
static bool
keyfile_split (const char *text, struct keyfile_fields *ret)
{
    const char *at = text;
    bool good = take_character (&at, '{');

    for (size_t i = 0; i < KEYFILE_KEYS_ && good; i++)
        good = (i == 0 || take_character (&at, ',')) && take_field (&at, ret);
    return good && take_character (&at, '}')
           && at[strspn (at, KEYFILE_WHITE)] == '\0';
}

static int
scheme_from_name (struct bytes name, enum key_scheme *ret_scheme)
{
    for (unsigned i = 0; i < KEY_SCHEMES_; i++)
        if (bytes_equal (
                name, bytes_of_text (key_scheme_name ((enum key_scheme)i)))) {
            *ret_scheme = (enum key_scheme)i;
            return 0;
        }
    return -ENOENT;
}

static int
network_from_bytes (struct bytes name, enum network *ret_network)
{
    for (unsigned i = 0; i < NETWORKS_; i++)
        if (bytes_equal (name,
                         bytes_of_text (network_name ((enum network)i)))) {
            *ret_network = (enum network)i;
            return 0;
        }
    return -ENOENT;
}

static int
keyfile_key (struct key_context *keys, const struct keyfile_fields *fields,
             struct secret_key *ret_key)
{
    uint8_t secret[32];
    enum key_scheme scheme;

    int rc = scheme_from_name (fields->value[KEYFILE_TYPE], &scheme);
    if (rc == 0)
        rc = hex_decode (fields->value[KEYFILE_SECRET], secret, sizeof secret);
    if (rc == 0)
        rc = secret_key_init (keys, ret_key, scheme, secret);
    explicit_bzero (secret, sizeof secret);
    return rc == 0 ? 0 : -EBADMSG;
}

static int
keyfile_parse (struct key_context *keys, const char *text, struct keyfile *ret)
{
    struct keyfile_fields fields = {0};
    struct keyfile file = {0};

    if (!keyfile_split (text, &fields)
        || network_from_bytes (fields.value[KEYFILE_NETWORK], &file.network)
               != 0)
        return -EBADMSG;
    int rc = keyfile_key (keys, &fields, &file.key);
    if (rc == 0 && secret_key_public (keys, &file.key, file.public_key) != 0)
        rc = -EBADMSG;
    if (rc == 0
        && !bytes_equal (fields.value[KEYFILE_PUBLIC_KEY],
                         bytes_of_text (file.public_key)))
        rc = -EKEYREJECTED;
    if (rc == 0)
        *ret = file;
    keyfile_done (&file);
    return rc;
}

static int
write_all (int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t done = write (fd, text, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -errno;
        text += done;
        size -= (size_t)done;
    }
    return 0;
}

/* Writes the object into TEXT and returns its size. */
static size_t
keyfile_text (const struct keyfile *file, char text[KEYFILE_MAX])
{
    char secret[sizeof file->key.bytes * 2 + 1];

    hex_encode (bytes_of (file->key.bytes, sizeof file->key.bytes), secret);
    int size =
        snprintf (text, KEYFILE_MAX,
                  "{\"type\":\"%s\",\"network\":\"%s\","
                  "\"secret\":\"%s\",\"public_key\":\"%s\"}\n",
                  key_scheme_name (file->key.scheme),
                  network_name (file->network), secret, file->public_key);
    explicit_bzero (secret, sizeof secret);
    assert (size > 0 && size < KEYFILE_MAX);
    return (size_t)size;
}

void
keyfile_done (struct keyfile *file)
{
    secret_key_done (&file->key);
}

const char *
keyfile_error_text (int error)
{
    switch (error) {
    case -EPERM:
        return "group or others have rights on it; chmod 600 it, and think of "
               "who may have read it";
    case -EFBIG:
    case -EINVAL:
    case -ENODATA:
    case -EBADMSG:
        return "it is no key file; `govrelay key new` makes one";
    case -EKEYREJECTED:
        return "its public_key is not that of its secret; restore it from a "
               "copy";
    case -EEXIST:
        return "it exists, and a key is never overwritten; give another name";
    default:
        return strerror (-error);
    }
}

int
keyfile_make (struct key_context *keys, enum key_scheme scheme,
              enum network network, struct keyfile *ret)
{
    struct keyfile file = {.network = network};
    uint8_t random[32];
    int rc = -EIO;

    for (int i = 0; i < KEYFILE_DRAWS && rc != 0; i++) {
        randombytes_buf (random, sizeof random);
        rc = secret_key_init (keys, &file.key, scheme, random);
    }
    explicit_bzero (random, sizeof random);
    if (rc == 0)
        rc = secret_key_public (keys, &file.key, file.public_key);
    if (rc == 0)
        *ret = file;
    keyfile_done (&file);
    return rc == 0 ? 0 : -EIO;
}

int
keyfile_write (const struct keyfile *file, const char *path)
{
    char text[KEYFILE_MAX];

    /* O_EXCL: neither a key nor what a link points to is ever overwritten. */
    int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    size_t size = keyfile_text (file, text);
    int rc = fchmod (fd, 0600) == 0 ? write_all (fd, text, size) : -errno;
    if (rc == 0 && fsync (fd) != 0)
        rc = -errno;
    if (close (fd) != 0 && rc == 0)
        rc = -errno;
    if (rc != 0)
        (void)unlink (path);
    explicit_bzero (text, sizeof text);
    return rc;
}

int
keyfile_read (struct key_context *keys, const char *path, struct keyfile *ret)
{
    char *text;

    int rc = secret_file_read (path, KEYFILE_MAX, &text);
    if (rc != 0)
        return rc;
    rc = keyfile_parse (keys, text, ret);
    secret_destroy (&text);
    return rc;
}
