/* SPDX-License-Identifier: MIT */
/* tool_support - what the tests of the tool share. */
#include "tool_support.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int
input_make (const char *input, size_t size)
{
    int fd = memfd_create ("input", MFD_CLOEXEC);

    assert_true (fd >= 0);
    if (size > 0)
        assert_int_equal (write (fd, input, size), (ssize_t)size);
    assert_int_equal (lseek (fd, 0, SEEK_SET), 0);
    return fd;
}

struct run
run_words (const char *input, size_t input_size, const char *const *words)
{
    struct run run = {0};
    size_t output_size, errors_size, count = 0;
    struct tool tool = {
        .input = input_make (input, input_size),
        .output = open_memstream (&run.output, &output_size),
        .errors = open_memstream (&run.errors, &errors_size),
    };

    assert_true (sodium_init () >= 0);
    while (words[count] != NULL)
        count++;
    run.code = commands_run (&tool, (char *const *)words, count);
    fclose (tool.output);
    fclose (tool.errors);
    close (tool.input);
    return run;
}

void
run_done (struct run *run)
{
    free (run->output);
    free (run->errors);
}

void
run_check (struct run run, int code, const char *text, const char *file,
           int line)
{
    const char *said = code == 0 ? run.output : run.errors;

    if (run.code != code || (text != NULL && strstr (said, text) == NULL)) {
        print_error ("%s:%d: ended with %d, not %d%s%s\nout: %s\nerr: %s\n",
                     file, line, run.code, code,
                     text != NULL ? ", or does not say: " : "",
                     text != NULL ? text : "", run.output, run.errors);
        _fail (file, line);
    }
    /* What fails says why, and nothing that looks like an answer. */
    if (code == 3) {
        assert_string_equal (run.output, "");
        assert_string_not_equal (run.errors, "");
    }
    run_done (&run);
}

int
directory_make (void **state)
{
    char *path = strdup ("/tmp/govrelay-tool-XXXXXX");

    if (path == NULL || mkdtemp (path) == NULL)
        return -1;
    *state = path;
    return 0;
}

int
directory_remove (void **state)
{
    char command[128];

    (void)snprintf (command, sizeof command, "rm -rf '%s'",
                    (const char *)*state);
    int rc = system (command);
    free (*state);
    return rc;
}

char *
path_in (void **state, const char *name)
{
    char *path;

    assert_true (asprintf (&path, "%s/%s", (const char *)*state, name) > 0);
    return path;
}

char *
file_make (void **state, const char *name, const char *text)
{
    char *path = path_in (state, name);
    FILE *file = fopen (path, "wx");

    assert_non_null (file);
    assert_true (fputs (text, file) >= 0);
    assert_int_equal (fclose (file), 0);
    return path;
}

char *
key_make (void **state, const char *name, const char *type)
{
    char *path = path_in (state, name);

    CHECK_RUN (0, "regtest", "key", "new", "--network", "regtest", "--type",
               type, path);
    return path;
}

char *
veto_make (const char *key, const char *pr)
{
    struct run run =
        RUN ("sign", "veto", "--pr", pr, "--signal", "veto", "--key", key);

    assert_int_equal (run.code, 0);
    char *message = strndup (run.output, strcspn (run.output, "\n"));
    run_done (&run);
    return message;
}

char *
json_text_of (const char *line, const char *key)
{
    json_t *object = json_loads (line, 0, NULL);
    const char *text = json_string_value (json_object_get (object, key));

    assert_non_null (text);
    char *copy = strdup (text);
    json_decref (object);
    return copy;
}
