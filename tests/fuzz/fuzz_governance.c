/* SPDX-License-Identifier: MIT */
/* fuzz_governance - any bytes as each of the four commands.
 *
 * Holds that nothing crashes; that our grammar and jansson's agree; that what
 * was decoded, encoded and decoded again is the same message, and encodes to
 * the same bytes.
 */
#include <stdlib.h>

#include "messages/governance/canonical.h"
#include "messages/governance/compose.h"
#include "messages/governance/json_shape.h"
#include "messages/governance/message.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_same_text (char *a, char *b)
{
    assert (a != NULL && b != NULL && strcmp (a, b) == 0);
    free (a);
    free (b);
}

/* Encodes VALUE in ORDER; what that decodes to must encode to the same. */
static void
check_canonical (const json_t *value, enum canonical_order order)
{
    size_t size, size_again;
    char *text = canonical_text (value, order, &size);
    json_t *again = json_loadb (text, size, JSON_REJECT_DUPLICATES, NULL);

    assert (again != NULL);
    char *same = canonical_text (again, CANONICAL_DOCUMENT, &size_again);
    assert (size == size_again);
    check_same_text (text, same);
    json_decref (again);
}

static void
check_json (struct bytes input)
{
    struct json_shape shape;
    json_error_t error = {0};
    bool ours = json_shape_of (input, &shape) == 0;
    json_t *value = json_loadb ((const char *)input.data, input.size,
                                JSON_REJECT_DUPLICATES, &error);
    enum json_error_code code = json_error_code (&error);

    if (value != NULL) {
        /* jansson reads over a raw NUL behind a real number. */
        assert (ours || input.size > JSON_SHAPE_TEXT_MAX
                || memchr (input.data, 0, input.size) != NULL);
        check_canonical (value, CANONICAL_DOCUMENT);
        check_canonical (value, CANONICAL_SORTED);
    } else if (ours && shape.is_object && shape.nesting < 2000) {
        assert (code == json_error_duplicate_key
                || code == json_error_numeric_overflow
                || code == json_error_null_character
                || code == json_error_null_byte_in_key);
    }
    json_decref (value);
}

/* The readings of an accepted message, made again from other bytes. */
static void
check_readings (enum command command, const struct untrusted_message *message)
{
    struct untrusted_message again;
    struct reading readings[2], others[2];
    struct refusal why;
    char *text = compose_attach (message->payload, message->signature);
    struct bytes encoded = bytes_of_text (text);

    check_same_text (compose_attach (encoded, message->signature),
                     strdup (text));
    int count = message_readings (message, readings);
    assert (count == 1 || count == 2);
    enum verdict verdict = message_parse (command, encoded, &again, &why);
    if (verdict == VERDICT_ACCEPTED) {
        assert (message_readings (&again, others) == count);
        for (int i = 0; i < count; i++) {
            assert (
                memcmp (&readings[i].id, &others[i].id, sizeof readings[i].id)
                == 0);
            reading_done (&others[i]);
        }
        message_done (&again);
    } else {
        /* 1e15 takes fewer bytes than its canonical form. */
        assert (verdict == VERDICT_OVERSIZE);
    }
    for (int i = 0; i < count; i++)
        reading_done (&readings[i]);
    free (text);
}

static void
check_command (enum command command, struct bytes input)
{
    struct untrusted_message message;
    struct refusal why;

    enum verdict verdict = message_parse (command, input, &message, &why);
    if (verdict != VERDICT_ACCEPTED) {
        assert (why.verdict == verdict && why.clause != NULL
                && why.what != NULL);
        return;
    }
    if (command == COMMAND_ECONSTATUS)
        (void)status_name (&message);
    else
        check_readings (command, &message);
    message_done (&message);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of (data, size);

    for (unsigned i = 0; i < COMMANDS_; i++)
        check_command ((enum command)i, input);
    check_json (input);
    return 0;
}
