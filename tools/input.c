/* SPDX-License-Identifier: MIT */
/* input - governance messages from a file or from standard input.
 *
 *   in   a file, a pipe
 *   out  the messages in it, byte for byte
 *   owns the text that the messages lie in
 *
 * Next on the tour: tools/judge.c
 */
#include "tools/input.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "messages/governance/json_shape.h"
#include "supervisor/read_file.h"

static bool
input_is_standard (const char *path)
{
    return path == NULL || strcmp (path, "-") == 0;
}

const char *
input_name (const char *path)
{
    return input_is_standard (path) ? "standard input" : path;
}

int
input_read_text (struct tool *tool, const char *path, size_t max,
                 char **ret_text, size_t *ret_size)
{
    bool standard = input_is_standard (path);
    int fd = standard ? tool->input : open (path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return tool_fail (tool, TOOL_NO, "%s: %s", path, strerror (errno));
    int rc = read_file (fd, max, ret_text, ret_size);
    if (!standard)
        close (fd);
    if (rc == -EFBIG)
        return tool_fail (tool, TOOL_NO, "%s: more than %zu bytes",
                          input_name (path), max);
    if (rc != 0)
        return tool_fail (tool, TOOL_NO, "%s: %s", input_name (path),
                          strerror (-rc));
    return TOOL_YES;
}

/* Takes one line off the front of *TEXT, without its end. */
static struct bytes
line_take (struct bytes *text)
{
    const uint8_t *end = memchr (text->data, '\n', text->size);
    size_t size = end != NULL ? (size_t)(end - text->data) : text->size;
    struct bytes line = bytes_of (text->data, size);
    size_t taken = size + (end != NULL);

    if (end != NULL && line.size > 0 && line.data[line.size - 1] == '\r')
        line.size--;
    *text = bytes_of (text->data + taken, text->size - taken);
    return line;
}

static bool
line_is_blank (struct bytes line)
{
    for (size_t i = 0; i < line.size; i++)
        if (line.data[i] != ' ' && line.data[i] != '\t')
            return false;
    return true;
}

static bool
line_is_object (struct bytes line)
{
    struct json_shape shape;

    return json_shape_of (line, &shape) == 0 && shape.is_object;
}

/* Whether TEXT holds one message a line: its first line is a whole object, and
 * something follows. One that is laid out over lines begins with less. */
static bool
text_is_lines (struct bytes text)
{
    struct bytes line = {0};

    while (text.size > 0 && line_is_blank (line))
        line = line_take (&text);
    if (line_is_blank (line) || !line_is_object (line))
        return false;
    while (text.size > 0)
        if (!line_is_blank (line_take (&text)))
            return true;
    return false;
}

/* Fills MESSAGES (NULL: only counts) with the lines of TEXT. */
static size_t
text_split (struct bytes text, struct bytes *messages)
{
    size_t count = 0;

    while (text.size > 0) {
        struct bytes line = line_take (&text);
        if (line_is_blank (line))
            continue;
        if (messages != NULL)
            messages[count] = line;
        count++;
    }
    return count;
}

static struct bytes
text_without_line_end (struct bytes text)
{
    if (text.size > 0 && text.data[text.size - 1] == '\n') {
        text.size--;
        if (text.size > 0 && text.data[text.size - 1] == '\r')
            text.size--;
    }
    return text;
}

void
input_done (struct input *input)
{
    free (input->messages);
    free (input->text);
    *input = (struct input){0};
}

int
input_read (struct tool *tool, const char *path, struct input *ret)
{
    struct input input = {.count = 1};
    size_t size;

    int rc = input_read_text (tool, path, INPUT_MAX, &input.text, &size);
    if (rc != TOOL_YES)
        return rc;
    struct bytes text = bytes_of (input.text, size);
    bool lines = text_is_lines (text);

    if (lines)
        input.count = text_split (text, NULL);
    input.messages = calloc (input.count, sizeof *input.messages);
    if (input.messages == NULL) {
        input_done (&input);
        return tool_fail (tool, TOOL_NO, "out of memory");
    }
    if (lines)
        (void)text_split (text, input.messages);
    else
        input.messages[0] = text_without_line_end (text);
    *ret = input;
    return TOOL_YES;
}
