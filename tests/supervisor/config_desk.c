/* SPDX-License-Identifier: MIT */
/* config_desk - a private directory, one load after the other. */
#include "tests/supervisor/config_desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

int
desk_open (void **state)
{
    struct desk *desk = calloc (1, sizeof (*desk));

    assert_non_null (desk);
    snprintf (desk->directory, sizeof (desk->directory),
              "/tmp/config_test.XXXXXX");
    assert_non_null (mkdtemp (desk->directory));
    snprintf (desk->file, sizeof (desk->file), "%s/t.toml", desk->directory);
    *state = desk;
    return 0;
}

static void
desk_clear (struct desk *desk)
{
    config_destroy (&desk->config);
    config_problems_done (&desk->problems);
    arguments_done (&desk->arguments);
}

int
desk_close (void **state)
{
    struct desk *desk = *state;

    desk_clear (desk);
    unlink (desk->file);
    assert_int_equal (rmdir (desk->directory), 0);
    free (desk);
    return 0;
}

void
write_file (const char *path, const char *text, size_t size)
{
    FILE *file = fopen (path, "w");
    assert_non_null (file);
    assert_int_equal (fwrite (text, 1, size, file), size);
    assert_int_equal (fclose (file), 0);
}

int
load_from (struct desk *desk, const char *file, char *const *environment,
           char *const *argv)
{
    int argc = 0;

    desk_clear (desk);
    while (argv[argc] != NULL)
        argc++;
    int rc = arguments_parse (argc, argv, &desk->arguments, &desk->problems);
    if (rc != 0)
        return rc;
    struct config_request request = {
        .file = file,
        .override = desk->arguments.override,
        .override_count = desk->arguments.override_count,
        .environment = environment,
        .home = desk->directory,
    };
    return config_load (&request, &desk->config, &desk->problems);
}

int
load (struct desk *desk, const char *text, char *const *environment,
      char *const *argv)
{
    write_file (desk->file, text, strlen (text));
    return load_from (desk, desk->file, environment, argv);
}

void
check_problem (const struct desk *desk, size_t index, const char *place,
               const char *what)
{
    char expected[512];

    snprintf (expected, sizeof (expected), "%s%s: %s", desk->file, place, what);
    assert_true (index < desk->problems.count);
    assert_string_equal (desk->problems.text[index], expected);
}

void
check_refused (struct desk *desk, const char *text, const char *place,
               const char *what)
{
    assert_int_equal (load (desk, text, NOTHING, NO_FLAGS), -EINVAL);
    assert_null (desk->config);
    assert_int_equal (config_problems_total (&desk->problems), 1);
    check_problem (desk, 0, place, what);
}

void
check_loaded (struct desk *desk, int rc)
{
    for (size_t i = 0; i < desk->problems.count; i++)
        print_message ("%s\n", desk->problems.text[i]);
    assert_int_equal (rc, 0);
    assert_int_equal (config_problems_total (&desk->problems), 0);
}
