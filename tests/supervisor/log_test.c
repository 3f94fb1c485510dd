/* SPDX-License-Identifier: MIT */
/* log_test - lines as people and machines read them, through a pipe. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base.h"
#include "supervisor/log.h"

#define TIME_SIZE (sizeof ("2026-11-23T09:50:01.123Z") - 1)

/* A pipe behind the log. */
struct desk {
    int ends[2];
    char text[8192]; /* what came last */
};

static int
desk_open (void **state)
{
    struct desk *desk = calloc (1, sizeof (*desk));

    assert_non_null (desk);
    assert_int_equal (pipe2 (desk->ends, O_CLOEXEC | O_NONBLOCK), 0);
    log_open (desk->ends[1], LEVEL_INFO, LOG_TEXT);
    log_name_thread ("test.0");
    *state = desk;
    return 0;
}

static int
desk_close (void **state)
{
    struct desk *desk = *state;

    log_open (STDERR_FILENO, LEVEL_INFO, LOG_TEXT);
    close (desk->ends[0]);
    close (desk->ends[1]);
    free (desk);
    return 0;
}

/* Returns what was written since, "" when nothing was. */
static const char *
taken (struct desk *desk)
{
    ssize_t size = read (desk->ends[0], desk->text, sizeof (desk->text) - 1);
    desk->text[size > 0 ? size : 0] = '\0';
    return desk->text;
}

static void
test_text_line_has_time_level_stage_id_and_text (void **state)
{
    struct desk *desk = *state;
    int year, month, day, hour, minute, second, ms, end = 0;

    log_info ("DEDUP-OPEN", "journal=%s entries=%zu", "j.db", (size_t)7);
    const char *line = taken (desk);
    assert_int_equal (sscanf (line, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year,
                              &month, &day, &hour, &minute, &second, &ms, &end),
                      7);
    assert_int_equal (end, TIME_SIZE);
    assert_true (year >= 2024);
    assert_string_equal (line + TIME_SIZE,
                         " info  test.0 DEDUP-OPEN journal=j.db entries=7\n");
    log_broken ("A-B", "x=%d", 1);
    assert_string_equal (taken (desk) + TIME_SIZE, " broken test.0 A-B x=1\n");
}

static void
test_less_important_lines_are_not_shown (void **state)
{
    struct desk *desk = *state;

    log_debug ("A-B", "x=1");
    log_line (LEVEL_WIRE, "A-B", "x=1");
    assert_string_equal (taken (desk), "");
    assert_false (log_shows (LEVEL_DEBUG));
    log_set_level (LEVEL_DEBUG);
    assert_true (log_shows (LEVEL_DEBUG));
    log_debug ("A-B", "x=1");
    assert_string_equal (taken (desk) + TIME_SIZE, " debug test.0 A-B x=1\n");
    log_set_level (LEVEL_BROKEN);
    log_warn ("A-B", "x=1");
    assert_string_equal (taken (desk), "");
}

static void
test_levels_have_names (void **state)
{
    (void)state;
    enum log_level level = LEVEL_INFO;

    assert_int_equal (log_level_from_name ("wire", &level), 0);
    assert_int_equal (level, LEVEL_WIRE);
    assert_int_equal (log_level_from_name ("broken", &level), 0);
    assert_int_equal (level, LEVEL_BROKEN);
    assert_int_equal (log_level_from_name ("loud", &level), -ENOENT);
    assert_int_equal (level, LEVEL_BROKEN);
}

static void
test_text_cannot_make_a_second_line (void **state)
{
    struct desk *desk = *state;

    log_info ("A-B", "x=%s", "1\n2026 broken \x1b[31m\x7f\xff\xc3\xa4");
    assert_string_equal (taken (desk) + TIME_SIZE,
                         " info  test.0 A-B x=1?2026 broken ?[31m??\xc3\xa4\n");
}

static void
test_long_line_is_cut_and_says_so (void **state)
{
    struct desk *desk = *state;
    char text[6000];
    static const char tail[] = "xxx [cut]\n";

    memset (text, 'x', sizeof (text) - 1);
    text[sizeof (text) - 1] = '\0';
    log_info ("A-B", "%s", text);
    size_t size = strlen (taken (desk));
    assert_true (size <= 4096 && size > 4000);
    assert_string_equal (desk->text + size - strlen (tail), tail);
}

static void
test_json_line_is_one_object_with_escapes (void **state)
{
    struct desk *desk = *state;
    static const char text[] = "a\"b\\c\nd\x01\x7f \xc3\xa4 \xff\xed\xa0\x80";

    log_open (desk->ends[1], LEVEL_INFO, LOG_JSON);
    log_warn ("P-Q", "%s", text);
    const char *line = taken (desk);
    assert_int_equal (strchr (line, '\n') - line + 1, strlen (line));
    json_t *root = json_loads (line, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null (root);
    assert_int_equal (json_object_size (root), 5);
    assert_int_equal (json_string_length (json_object_get (root, "time")),
                      TIME_SIZE);
    assert_string_equal (json_string_value (json_object_get (root, "level")),
                         "warn");
    assert_string_equal (json_string_value (json_object_get (root, "stage")),
                         "test.0");
    assert_string_equal (json_string_value (json_object_get (root, "id")),
                         "P-Q");
    assert_string_equal (json_string_value (json_object_get (root, "text")),
                         "a\"b\\c\nd\x01\x7f \xc3\xa4 \xef\xbf\xbd\xef\xbf\xbd"
                         "\xef\xbf\xbd\xef\xbf\xbd");
    json_decref (root);
}

static void
test_json_line_that_is_cut_is_still_an_object (void **state)
{
    struct desk *desk = *state;
    char text[5000];

    log_open (desk->ends[1], LEVEL_INFO, LOG_JSON);
    /* Every phase of a six-byte escape and of a two-byte character. */
    for (size_t phase = 0; phase < 7; phase++) {
        memset (text, 'x', phase);
        for (size_t i = phase; i < sizeof (text) - 1; i++)
            text[i] = phase % 2 == 0 ? '\x01' : "\xc3\xa4"[(i - phase) % 2];
        text[sizeof (text) - 1] = '\0';
        log_info ("A-B", "%s", text);
        size_t size = strlen (taken (desk));
        assert_true (size <= 4096 && size > 4000);
        json_t *root = json_loads (desk->text, 0, NULL);
        assert_non_null (root);
        const char *cut = json_string_value (json_object_get (root, "text"));
        assert_string_equal (cut + strlen (cut) - 6, " [cut]");
        json_decref (root);
    }
}

static void
test_quote_keeps_a_stranger_inside_its_quotes (void **state)
{
    (void)state;
    char buffer[64];

    assert_string_equal (
        log_quote (buffer, sizeof (buffer), bytes_of_text ("/Satoshi:27.0.0/")),
        "\"/Satoshi:27.0.0/\"");
    assert_string_equal (log_quote (buffer, sizeof (buffer),
                                    bytes_of ("a\"\\\n\t\r\0\x1b\x7f\xff", 10)),
                         "\"a\\\"\\\\\\n\\t\\r\\x00\\x1b\\x7f\\xff\"");
    assert_string_equal (
        log_quote (buffer, sizeof (buffer), bytes_of (NULL, 0)), "\"\"");
}

static void
test_quote_fits_every_room (void **state)
{
    (void)state;
    struct bytes text = bytes_of_text ("abc\xff\xff\xff"
                                       "def");

    for (size_t room = 1; room <= 40; room++) {
        char *buffer = malloc (room); /* the sanitizer watches its end */
        assert_non_null (buffer);
        assert_ptr_equal (log_quote (buffer, room, text), buffer);
        assert_true (strlen (buffer) < room);
        if (room == 12)
            assert_string_equal (buffer, "\"abc\"...");
        free (buffer);
    }
}

static void
test_errno_survives_a_line (void **state)
{
    struct desk *desk = *state;

    log_open (-1, LEVEL_INFO, LOG_TEXT); /* EBADF inside */
    errno = ENOSPC;
    log_info ("A-B", "x=1");
    assert_int_equal (errno, ENOSPC);
    assert_string_equal (taken (desk), "");
}

#define THREADS 8
#define LINES 200

static void *
write_lines (void *argument)
{
    char name[16], text[300];
    int number = *(const int *)argument;

    snprintf (name, sizeof (name), "t.%d", number);
    log_name_thread (name);
    memset (text, 'a' + number, sizeof (text) - 1);
    text[sizeof (text) - 1] = '\0';
    for (int i = 0; i < LINES; i++)
        log_info ("T-L", "%s", text);
    return NULL;
}

static void
test_lines_of_threads_are_never_mixed (void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    int numbers[THREADS], counts[THREADS] = {0};
    char line[512];
    FILE *file = tmpfile ();

    assert_non_null (file);
    log_open (fileno (file), LEVEL_INFO, LOG_TEXT);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal (
            pthread_create (&threads[i], NULL, write_lines, &numbers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join (threads[i], NULL);

    rewind (file);
    while (fgets (line, sizeof (line), file) != NULL) {
        int number;
        assert_int_equal (sscanf (line + TIME_SIZE, " info t.%d T-L ", &number),
                          1);
        const char *text = strstr (line, "T-L ") + 4;
        char letter[2] = {(char)('a' + number), '\0'};
        assert_int_equal (strspn (text, letter), 299);
        assert_string_equal (text + 299, "\n");
        counts[number]++;
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal (counts[i], LINES);
    fclose (file);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, desk_open, desk_close)

int
main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (test_text_line_has_time_level_stage_id_and_text),
        TEST (test_less_important_lines_are_not_shown),
        TEST (test_levels_have_names),
        TEST (test_text_cannot_make_a_second_line),
        TEST (test_long_line_is_cut_and_says_so),
        TEST (test_json_line_is_one_object_with_escapes),
        TEST (test_json_line_that_is_cut_is_still_an_object),
        TEST (test_quote_keeps_a_stranger_inside_its_quotes),
        TEST (test_quote_fits_every_room),
        TEST (test_errno_survives_a_line),
        TEST (test_lines_of_threads_are_never_mixed),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
