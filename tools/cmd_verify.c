/* SPDX-License-Identifier: MIT */
/* cmd_verify - `govrelay verify`: what a relay would say of a message.
 *
 *   in   messages
 *   out  a verdict, a reason and a gov_id for each
 *   owns nothing
 *
 * Next on the tour: tools/judge.c
 */
#include "tools/cmd.h"
#include "tools/input.h"
#include "tools/judge.h"

enum { VERIFY_COMMAND, VERIFY_AT, VERIFY_JSON };

const struct option_row verify_options[] = {
    [VERIFY_COMMAND] = {"command", "C",
                        "econreg econveto econfork econstatus; default: what "
                        "its keys tell"},
    [VERIFY_AT] = {"at", "UNIX", "judge as of then; default: now"},
    [VERIFY_JSON] = {"json", NULL, "print one JSON object a message"},
    {0},
};

static const char *
judgement_command (const struct judgement *judgement)
{
    return judgement->command != COMMANDS_ ? command_name (judgement->command)
                                           : NULL;
}

static int
verify_print_json (struct tool *tool, const struct judgement *judgement,
                   const char *id)
{
    bool accepted = judgement->verdict == VERDICT_ACCEPTED;

    /* `s?`: NULL is null. */
    json_t *object =
        json_pack ("{s:s, s:s?, s:s?, s:s?, s:s?}", "verdict",
                   verdict_name (judgement->verdict), "command",
                   judgement_command (judgement), "gov_id", id, "clause",
                   accepted ? NULL : judgement->why.clause, "reason",
                   accepted ? NULL : judgement->why.what);
    if (judgement->command == COMMAND_ECONSTATUS && object != NULL)
        (void)json_object_set_new (object, "unauthenticated", json_true ());
    return tool_print_json (tool, object);
}

static int
verify_print (struct tool *tool, const struct judgement *judgement,
              const char *id)
{
    const char *command = judgement_command (judgement);
    bool accepted = judgement->verdict == VERDICT_ACCEPTED;
    char reason[128];

    (void)snprintf (reason, sizeof reason, "PROTOCOL %s: %s",
                    accepted ? "" : judgement->why.clause,
                    accepted ? "" : judgement->why.what);
    tool_print_row (tool, "verdict", verdict_name (judgement->verdict));
    tool_print_row (tool, "command", command != NULL ? command : "unknown");
    if (!accepted)
        tool_print_row (tool, "reason", reason);
    if (id != NULL)
        tool_print_row (tool, "gov_id", id);
    if (judgement->command == COMMAND_ECONSTATUS)
        tool_print_row (tool, "unauthenticated", "nobody signs a status");
    return TOOL_YES;
}

/* Judges and prints one message. Returns TOOL_YES only if it is accepted. */
static int
verify_one (struct tool *tool, struct key_context *keys, enum command command,
            struct bytes payload, int64_t at, bool json)
{
    struct judgement judgement = judge_message (keys, command, payload, at);
    char id[65];

    if (judgement.has_id)
        gov_id_text (&judgement.id, id);
    int code = (json ? verify_print_json : verify_print) (
        tool, &judgement, judgement.has_id ? id : NULL);
    return judgement.verdict == VERDICT_ACCEPTED ? code : TOOL_NO;
}

int
cmd_verify (struct tool *tool, const struct arguments *arguments)
{
    const char *path = arguments->operands > 0 ? arguments->operand[0] : NULL;
    const char *name = arguments->option[VERIFY_COMMAND];
    bool json = arguments->option[VERIFY_JSON] != NULL;
    enum command command = COMMANDS_;
    struct input input;
    int64_t at;

    if (name != NULL && command_from_name (bytes_of_text (name), &command) != 0)
        return tool_usage (tool,
                           "--command: '%s' is none of econreg econveto "
                           "econfork econstatus",
                           name);
    int code = tool_integer (tool, arguments, VERIFY_AT, INT64_MIN, INT64_MAX,
                             clock_unix_s (), &at);
    if (code == TOOL_YES)
        code = input_read (tool, path, &input);
    if (code != TOOL_YES)
        return code;

    owned (key_context_destroy) struct key_context *keys =
        key_context_create (NULL);
    if (keys == NULL) {
        input_done (&input);
        return tool_fail (tool, TOOL_NO, "out of memory");
    }
    for (size_t i = 0; i < input.count; i++) {
        if (i > 0 && !json)
            (void)fputc ('\n', tool->output);
        if (verify_one (tool, keys, command, input.messages[i], at, json)
            != TOOL_YES)
            code = TOOL_NO;
    }
    input_done (&input);
    return code;
}
