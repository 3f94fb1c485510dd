/* SPDX-License-Identifier: MIT */
/* secret - keys from files that nobody else can read, or from the environment.
 *
 *   in   a path, an environment
 *   out  the secret, in memory that is wiped
 *   owns nothing
 */
#include "supervisor/secret.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/read_file.h"

#define WHITE " \t\r\n"

/* Returns a copy of TEXT without the white space around it; NULL: no memory. */
static char *
trimmed (const char *text)
{
    text += strspn (text, WHITE);
    size_t size = strlen (text);
    while (size > 0 && strchr (WHITE, text[size - 1]) != NULL)
        size--;
    return strndup (text, size);
}

static int
secret_take (const char *text, char **ret_secret)
{
    char *secret = trimmed (text);
    if (secret == NULL)
        return -ENOMEM;
    if (*secret == '\0') {
        free (secret);
        return -ENODATA;
    }
    *ret_secret = secret;
    return 0;
}

/* The rights are those of the open file, so that it cannot be exchanged after
 * the look. */
static int
secret_read (int fd, size_t max, char **ret_secret)
{
    struct stat status;
    if (fstat (fd, &status) != 0)
        return -errno;
    if (!S_ISREG (status.st_mode))
        return -EINVAL;
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return -EPERM;

    char *text;
    size_t size;
    int rc = read_file (fd, max, &text, &size);
    if (rc != 0)
        return rc;
    rc = strlen (text) == size ? secret_take (text, ret_secret) : -EINVAL;
    explicit_bzero (text, size);
    free (text);
    return rc;
}

int
secret_file_read (const char *path, size_t max, char **ret_secret)
{
    /* A FIFO under that name must not hold us up. */
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    int rc = secret_read (fd, max, ret_secret);
    close (fd);
    return rc;
}

const char *
environment_find (char *const *environment, const char *name)
{
    size_t size = strlen (name);

    for (; environment != NULL && *environment != NULL; environment++)
        if (strncmp (*environment, name, size) == 0
            && (*environment)[size] == '=')
            return *environment + size + 1;
    return NULL;
}

int
secret_find (const char *path, const char *variable, char *const *environment,
             char **ret_secret)
{
    const char *value = environment_find (environment, variable);
    char *secret = NULL;
    int rc = -ENOENT;

    if (*path != '\0')
        rc = secret_file_read (path, SECRET_MAX, &secret);
    else if (value != NULL)
        rc = secret_take (value, &secret);
    if (rc != 0)
        return rc;

    for (const char *at = secret; *at != '\0'; at++)
        if (*at <= ' ' || *at >= 0x7f) {
            secret_destroy (&secret);
            return -EINVAL;
        }
    *ret_secret = secret;
    return 0;
}

void
secret_destroy (char **secret)
{
    if (*secret == NULL)
        return;
    explicit_bzero (*secret, strlen (*secret));
    free (*secret);
    *secret = NULL;
}

const char *
secret_error_text (int error)
{
    switch (error) {
    case -EPERM:
        return "group or others have rights on it; chmod 600 it";
    case -EFBIG:
        return "it is too long; put the key alone into it";
    case -ENODATA:
        return "it is empty; put the key into it";
    case -EINVAL:
        return "it holds no key; put the key alone, as text, into a file";
    case -ENOENT:
        return "there is none; create the file with mode 0600";
    default:
        return strerror (-error);
    }
}
