/* SPDX-License-Identifier: MIT */
/* log - lines for people and for machines, on standard error.
 *
 *   in   ids and texts of the shells
 *   out  one line and one write each, at most 4 KiB
 *   owns the one process-wide state: where lines go, and what is shown
 *
 * Next on the tour: supervisor/config.c
 */
#include "supervisor/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* A write of up to PIPE_BUF (4,096) bytes into a pipe is never interleaved
 * with those of other processes: no line is longer. */
#define LINE_MAX_BYTES 4096
/* At the end of a line that was cut. */
#define CUT_MARK " [cut]"
#define THREAD_NAME_MAX 31

static struct {
    atomic_int fd;
    atomic_int level;
    atomic_int format;
    pthread_mutex_t mutex; /* a write that is cut short goes on undisturbed */
} log_state = {
    .fd = STDERR_FILENO,
    .level = LEVEL_INFO,
    .format = LOG_TEXT,
    .mutex = PTHREAD_MUTEX_INITIALIZER,
};

static _Thread_local char log_thread[THREAD_NAME_MAX + 1] = "-";

static const char *const level_names[] = {"broken", "warn", "info", "debug",
                                          "wire"};
_Static_assert(ARRAY_SIZE (level_names) == LOG_LEVELS_, "a name per level");

void
log_open (int fd, enum log_level level, enum log_format format)
{
    atomic_store (&log_state.fd, fd);
    atomic_store (&log_state.format, (int)format);
    log_set_level (level);
}

void
log_set_level (enum log_level level)
{
    atomic_store (&log_state.level, (int)level);
}

int
log_level_from_name (const char *name, enum log_level *ret_level)
{
    for (size_t i = 0; i < ARRAY_SIZE (level_names); i++)
        if (strcmp (level_names[i], name) == 0) {
            *ret_level = (enum log_level)i;
            return 0;
        }
    return -ENOENT;
}

void
log_name_thread (const char *name)
{
    char short_name[16]; /* what Linux shows in top and gdb */

    snprintf (log_thread, sizeof (log_thread), "%s", name);
    snprintf (short_name, sizeof (short_name), "%s", name);
    pthread_setname_np (pthread_self (), short_name);
}

bool
log_shows (enum log_level level)
{
    return (int)level
           <= atomic_load_explicit (&log_state.level, memory_order_relaxed);
}

/* Writes BYTE escaped as in C: at most four characters and a NUL. */
static size_t
escape_byte (char out[5], uint8_t byte)
{
    const char *short_form = NULL;

    if (byte == '"' || byte == '\\') {
        out[0] = '\\';
        out[1] = (char)byte;
        out[2] = '\0';
        return 2;
    }
    if (byte == '\n')
        short_form = "\\n";
    else if (byte == '\t')
        short_form = "\\t";
    else if (byte == '\r')
        short_form = "\\r";
    if (short_form != NULL)
        return (size_t)snprintf (out, 5, "%s", short_form);
    /* Beyond ASCII are letters that look like others and marks that turn the
     * line around: as numbers they do no harm. */
    if (byte < 0x20 || byte >= 0x7f)
        return (size_t)snprintf (out, 5, "\\x%02x", byte);
    out[0] = (char)byte;
    out[1] = '\0';
    return 1;
}

const char *
log_quote (char *buffer, size_t room, struct bytes text)
{
    static const char cut[] = "\"...";
    size_t size = 0;

    assert (room > 0);
    if (room < sizeof (cut) + 1) { /* not even "... fits */
        buffer[0] = '\0';
        return buffer;
    }
    buffer[size++] = '"';
    for (size_t i = 0; i < text.size; i++) {
        char escaped[5];
        size_t more = escape_byte (escaped, text.data[i]);
        if (size + more + sizeof (cut) > room) {
            memcpy (buffer + size, cut, sizeof (cut));
            return buffer;
        }
        memcpy (buffer + size, escaped, more);
        size += more;
    }
    buffer[size++] = '"';
    buffer[size] = '\0';
    return buffer;
}

/* A line that is being made. END leaves room for the cut mark and the tail. */
struct line {
    char text[LINE_MAX_BYTES];
    size_t size;
    size_t end;
    bool cut;
};

/* Appends all of PIECE or, when it does not fit, nothing ever again: a piece
 * is an escape or a character, which must not be halved. */
static void
line_add (struct line *line, const char *piece, size_t size)
{
    if (line->cut || line->size + size > line->end) {
        line->cut = true;
        return;
    }
    memcpy (line->text + line->size, piece, size);
    line->size += size;
}

static void
line_add_text (struct line *line, const char *text)
{
    line_add (line, text, strlen (text));
}

/* Ends the line; there is always room for it. */
static void
line_finish (struct line *line, const char *tail)
{
    line->end = sizeof (line->text);
    if (line->cut) {
        line->cut = false;
        line_add_text (line, CUT_MARK);
    }
    line_add_text (line, tail);
    assert (!line->cut);
}

/* Returns the size of the UTF-8 character at AT, 0 when it is none: too long a
 * form, a surrogate, beyond U+10FFFF. The text ends in a NUL. */
static size_t
character_size (const char *at)
{
    const uint8_t *byte = (const uint8_t *)at;
    size_t size = byte[0] < 0x80   ? 1
                  : byte[0] < 0xc2 ? 0
                  : byte[0] < 0xe0 ? 2
                  : byte[0] < 0xf0 ? 3
                  : byte[0] < 0xf5 ? 4
                                   : 0;

    for (size_t i = 1; i < size; i++)
        if ((byte[i] & 0xc0) != 0x80)
            return 0;
    if ((byte[0] == 0xe0 && byte[1] < 0xa0)
        || (byte[0] == 0xed && byte[1] > 0x9f)
        || (byte[0] == 0xf0 && byte[1] < 0x90)
        || (byte[0] == 0xf4 && byte[1] > 0x8f))
        return 0;
    return size;
}

/* Adds TEXT as the inside of a JSON string. */
static void
line_add_json (struct line *line, const char *text)
{
    while (*text != '\0') {
        char escaped[8];
        size_t size = character_size (text);

        if (size == 0) {
            line_add_text (line, "\xef\xbf\xbd"); /* U+FFFD */
            text++;
        } else if (*text == '"' || *text == '\\') {
            snprintf (escaped, sizeof (escaped), "\\%c", *text++);
            line_add_text (line, escaped);
        } else if ((uint8_t)*text < 0x20 || *text == 0x7f) {
            snprintf (escaped, sizeof (escaped), "\\u%04x",
                      (unsigned)(uint8_t)*text++);
            line_add_text (line, escaped);
        } else {
            line_add (line, text, size);
            text += size;
        }
    }
}

/* Adds TEXT for people. Control characters should not be in it; if they are,
 * they cannot make a second line. */
static void
line_add_plain (struct line *line, const char *text)
{
    while (*text != '\0') {
        size_t size = character_size (text);
        bool control = (uint8_t)*text < 0x20 || *text == 0x7f;

        if (size == 0 || control)
            line_add_text (line, "?");
        else
            line_add (line, text, size);
        text += size == 0 ? 1 : size;
    }
}

/* 2026-11-23T09:50:01.123Z */
static void
now_format (char *buffer, size_t room)
{
    struct timespec now;
    struct tm utc;
    char seconds[32];

    clock_gettime (CLOCK_REALTIME, &now);
    gmtime_r (&now.tv_sec, &utc);
    strftime (seconds, sizeof (seconds), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf (buffer, room, "%s.%03ldZ", seconds, now.tv_nsec / 1000000);
}

static void
line_make_text (struct line *line, enum log_level level, const char *id,
                const char *text)
{
    char head[128], time[48];

    line->end = sizeof (line->text) - sizeof (CUT_MARK "\n");
    now_format (time, sizeof (time));
    snprintf (head, sizeof (head), "%s %-5s ", time, level_names[level]);
    line_add_text (line, head);
    line_add_plain (line, log_thread);
    line_add_text (line, " ");
    line_add_plain (line, id);
    line_add_text (line, " ");
    line_add_plain (line, text);
    line_finish (line, "\n");
}

static void
line_make_json (struct line *line, enum log_level level, const char *id,
                const char *text)
{
    char head[128], time[48];

    line->end = sizeof (line->text) - sizeof (CUT_MARK "\"}\n");
    now_format (time, sizeof (time));
    snprintf (head, sizeof (head),
              "{\"time\":\"%s\",\"level\":\"%s\",\"stage\":\"", time,
              level_names[level]);
    line_add_text (line, head);
    line_add_json (line, log_thread);
    line_add_text (line, "\",\"id\":\"");
    line_add_json (line, id);
    line_add_text (line, "\",\"text\":\"");
    line_add_json (line, text);
    line_finish (line, "\"}\n");
}

/* Writes the line. What the other side does not take is lost: the log is the
 * last place to complain. */
static void
line_write (const struct line *line)
{
    int fd = atomic_load (&log_state.fd);
    size_t done = 0;

    pthread_mutex_lock (&log_state.mutex);
    while (done < line->size) {
        ssize_t wrote = write (fd, line->text + done, line->size - done);
        if (wrote < 0 && errno != EINTR)
            break;
        if (wrote > 0)
            done += (size_t)wrote;
    }
    pthread_mutex_unlock (&log_state.mutex);
}

void
log_line (enum log_level level, const char *id, const char *format, ...)
{
    char text[LINE_MAX_BYTES + 1]; /* one more, so that a cut is seen later */
    struct line line = {.size = 0};
    int saved_errno = errno;
    va_list arguments;

    if (!log_shows (level))
        return;
    va_start (arguments, format);
    vsnprintf (text, sizeof (text), format, arguments);
    va_end (arguments);

    if (atomic_load (&log_state.format) == LOG_JSON)
        line_make_json (&line, level, id, text);
    else
        line_make_text (&line, level, id, text);
    line_write (&line);
    errno = saved_errno;
}
