/* SPDX-License-Identifier: MIT */
/* tap_view - what a tap shows, as lines; and what it has lost on the way.
 *
 *   in   the three frames of an event
 *   out  a line; on the other stream, how many events are missing
 *   owns the last number of each topic
 *
 * A topic's numbers go up by one. A tick says the last number of every topic:
 * so a loss shows even if nothing came after it.
 */
#include "tools/tap_view.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#include "messages/bitcoin/little_endian.h"
#include "tools/tool.h"

#define TAP_TICK_TOPIC "tap.tick"
#define TAP_TOPIC_MAX 64    /* bytes of a topic: ours have 30 */
#define TAP_SEQUENCE_SIZE 4 /* u32 LE */

/* What the columns show by themselves; the rest follows as name=value. */
#define TAP_GOV_ID_SHOWN 12 /* characters of it */

struct tap_view {
    struct tap_view_options options;
    json_t *last; /* topic -> last number seen or ticked; owned */
};

/* The colour of a line, by a word of its topic. */
static const struct {
    const char *word;
    const char *colour;
} tap_colours[] = {
    {".rejected", "\033[31m"}, {".dead", "\033[31m"},
    {".banned", "\033[31m"},   {".exited", "\033[31m"},
    {".ignored", "\033[33m"},  {".retry", "\033[33m"},
    {".held", "\033[33m"},     {".accepted", "\033[32m"},
    {".verified", "\033[32m"}, {".delivered", "\033[32m"},
    {".stored", "\033[32m"},
};

static bool
topic_is_asked_for (const struct tap_view *view, const char *topic)
{
    const struct tap_view_options *options = &view->options;

    for (size_t i = 0; i < options->topics_count; i++)
        if (strncmp (topic, options->topics[i], strlen (options->topics[i]))
            == 0)
            return true;
    return options->topics_count == 0 && strcmp (topic, TAP_TICK_TOPIC) != 0;
}

/* Notes that NUMBER of TOPIC is there (or, TICKED, should have been), and says
 * what is missing before it. */
static void
view_follow (struct tap_view *view, const char *topic, uint32_t number,
             bool ticked)
{
    const json_t *known = json_object_get (view->last, topic);
    uint32_t last = (uint32_t)json_integer_value (known);
    uint32_t ahead = number - last; /* the numbers wrap around */
    uint32_t missing = ahead - !ticked;

    if (known == NULL && json_object_size (view->last) >= TAP_TOPICS_MAX)
        return;
    if (json_object_set_new (view->last, topic, json_integer (number)) != 0
        || known == NULL || missing == 0)
        return;
    if (ahead > UINT32_MAX / 2 || ahead < missing)
        (void)fprintf (view->options.errors,
                       "govrelay tap: the numbers of %s began anew: the daemon "
                       "was restarted\n",
                       topic);
    else
        (void)fprintf (view->options.errors,
                       "govrelay tap: %" PRIu32 " of %s lost %s number "
                       "%" PRIu32 "\n",
                       missing, topic, ticked ? "up to" : "before", number);
    (void)fflush (view->options.errors);
}

/* Compares what a tick says with what has come. */
static void
view_follow_tick (struct tap_view *view, const json_t *body)
{
    json_t *sequences = json_object_get (body, "sequences");
    const char *topic;
    json_t *number;

    json_object_foreach (sequences, topic, number)
    {
        json_int_t value = json_integer_value (number);
        if (strlen (topic) <= TAP_TOPIC_MAX && json_is_integer (number)
            && value >= 0 && value <= UINT32_MAX
            && strcmp (topic, TAP_TICK_TOPIC) != 0
            && topic_is_asked_for (view, topic))
            view_follow (view, topic, (uint32_t)value, true);
    }
}

static void
view_print_json (struct tap_view *view, const char *topic, uint32_t number,
                 json_t *body)
{
    json_t *line = json_pack ("{s:s, s:I}", "topic", topic, "sequence",
                              (json_int_t)number);
    char *text = NULL;

    /* What the body says of itself does not replace what the frames say. */
    if (line != NULL && json_object_update_missing (line, body) == 0)
        text = json_dumps (line, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref (line);
    if (text != NULL)
        (void)fprintf (view->options.output, "%s\n", text);
    free (text);
}

/* "10:15:02.123", UTC; what the daemon says of the time may be
 * anything. */
static void
view_print_time (FILE *file, const json_t *time)
{
    int64_t time_us = json_is_integer (time) ? json_integer_value (time) : -1;
    time_t seconds = (time_t)(time_us / SECOND_US);
    struct tm utc;

    if (time_us < 0 || gmtime_r (&seconds, &utc) == NULL) {
        (void)fprintf (file, "%-12s", "-");
        return;
    }
    (void)fprintf (file, "%02d:%02d:%02d.%03d", utc.tm_hour, utc.tm_min,
                   utc.tm_sec, (int)(time_us % SECOND_US / MILLISECOND_US));
}

/* Whether KEY has a column, or says what the topic says already. */
static bool
key_is_shown (const char *key)
{
    static const char *const shown[] = {
        "time",    "stage",  "event",   "command",        "gov_id",
        "verdict", "reason", "message", "message_base64", "sequences",
    };

    for (size_t i = 0; i < ARRAY_SIZE (shown); i++)
        if (strcmp (key, shown[i]) == 0)
            return true;
    return false;
}

static void
view_print_rest (FILE *file, const json_t *body)
{
    const char *message = json_string_value (json_object_get (body, "message"));
    const char *reason = json_string_value (json_object_get (body, "reason"));
    const char *key;
    json_t *value;

    if (reason != NULL) {
        (void)fprintf (file, "  ");
        text_print (file, reason);
    }
    json_object_foreach ((json_t *)body, key, value)
    {
        if (key_is_shown (key))
            continue;
        char *text = json_dumps (value, JSON_COMPACT | JSON_ENCODE_ANY);
        (void)fprintf (file, "  ");
        text_print (file, key);
        (void)fputc ('=', file);
        text_print (file, json_is_string (value) ? json_string_value (value)
                          : text != NULL         ? text
                                                 : "?");
        free (text);
    }
    if (message != NULL)
        (void)fprintf (file, "  %zuB", strlen (message));
}

static void
view_print_column (FILE *file, const json_t *body, const char *key, int width)
{
    const char *text = json_string_value (json_object_get (body, key));

    /* One of our own words; a stranger's would have no place here. */
    if (text == NULL
        || strspn (text, "abcdefghijklmnopqrstuvwxyz_0123456789")
               != strlen (text))
        text = "-";
    (void)fprintf (file, "  %-*.*s", width, width, text);
}

static void
view_print_columns (struct tap_view *view, const char *topic,
                    const json_t *body)
{
    FILE *file = view->options.output;
    const char *colour = "";

    for (size_t i = 0; i < ARRAY_SIZE (tap_colours) && view->options.colour;
         i++)
        if (strstr (topic, tap_colours[i].word) != NULL)
            colour = tap_colours[i].colour;

    view_print_time (file, json_object_get (body, "time"));
    (void)fprintf (file, "  %s%-28s%s", colour, topic,
                   *colour != '\0' ? "\033[0m" : "");
    view_print_column (file, body, "gov_id", TAP_GOV_ID_SHOWN);
    view_print_column (file, body, "verdict", 13);
    view_print_rest (file, body);
    (void)fputc ('\n', file);
}

static enum tap_sight
view_complain (const struct tap_view *view, const char *what)
{
    (void)fprintf (view->options.errors,
                   "govrelay tap: passed over: %s; is this a tap of govrelayd?"
                   "\n",
                   what);
    return TAP_STRANGE;
}

/* Our topics are words with dots; nothing else may reach a terminal. */
static bool
topic_read (struct bytes frame, char ret_topic[TAP_TOPIC_MAX + 1])
{
    if (frame.size == 0 || frame.size > TAP_TOPIC_MAX)
        return false;
    memcpy (ret_topic, frame.data, frame.size);
    ret_topic[frame.size] = '\0';
    return strspn (ret_topic, "abcdefghijklmnopqrstuvwxyz_0123456789.")
           == frame.size;
}

enum tap_sight
tap_view_show (struct tap_view *view, struct bytes topic, struct bytes body,
               struct bytes sequence)
{
    char name[TAP_TOPIC_MAX + 1];

    if (!topic_read (topic, name))
        return view_complain (view, "a topic that is none of ours");
    if (sequence.size != TAP_SEQUENCE_SIZE)
        return view_complain (view, "an event without a number");
    json_t *object = json_loadb ((const char *)body.data, body.size, 0, NULL);
    if (!json_is_object (object)) {
        json_decref (object);
        return view_complain (view, "a body that is no JSON object");
    }

    uint32_t number =
        (uint32_t)little_endian_read (sequence.data, sequence.size);
    bool tick = strcmp (name, TAP_TICK_TOPIC) == 0;
    view_follow (view, name, number, false);
    if (tick)
        view_follow_tick (view, object);
    bool shown = topic_is_asked_for (view, name);
    if (shown) {
        if (view->options.json)
            view_print_json (view, name, number, object);
        else
            view_print_columns (view, name, object);
        (void)fflush (view->options.output);
    }
    json_decref (object);
    if (tick)
        return shown ? TAP_TICK_SHOWN : TAP_TICK;
    return TAP_SHOWN;
}

struct tap_view *
tap_view_create (const struct tap_view_options *options)
{
    struct tap_view *view = calloc (1, sizeof *view);

    if (view == NULL)
        return NULL;
    view->options = *options;
    view->last = json_object ();
    if (view->last == NULL)
        tap_view_destroy (&view);
    return view;
}

void
tap_view_destroy (struct tap_view **view)
{
    if (*view == NULL)
        return;
    json_decref ((*view)->last);
    free (*view);
    *view = NULL;
}
