/* SPDX-License-Identifier: MIT */
/* cmd_send - `govrelay send`: hand messages to a relay, and see that they
 * arrive.
 *
 *   in   signed messages
 *   out  "handed over" once the relay has judged them; "confirmed" once they
 *        came back from another relay
 *   owns nothing
 *
 * Next on the tour: tools/client.c
 */
#include <stdlib.h>

#include "tools/client.h"
#include "tools/cmd.h"
#include "tools/input.h"
#include "tools/judge.h"

#define SEND_RATE 10 /* PROTOCOL 5.7: messages a second that a relay takes */

enum { SEND_NETWORK, SEND_CONFIRM, SEND_TIMEOUT, SEND_JSON, SEND_PROXY };

const struct option_row send_options[] = {
    [SEND_NETWORK] = {"network", "NAME",
                      "main (default) test testnet4 signet regtest"},
    [SEND_CONFIRM] = {"confirm", "HOST:PORT",
                      "another relay, from which it must come back"},
    [SEND_TIMEOUT] = {"timeout", "S",
                      "for connecting, hand-over, confirmation each; "
                      "default: 30"},
    [SEND_JSON] = {"json", NULL, "print one JSON object a message"},
    [SEND_PROXY] = {"proxy", "URL", "not supported yet"},
    {0},
};

struct outgoing {
    struct bytes payload; /* verbatim; in one of the inputs */
    struct judgement judgement;
    bool confirmed;
};

struct delivery {
    struct tool *tool;
    struct key_context *keys; /* owned */
    struct input *inputs;     /* owned, with what they hold */
    size_t inputs_count;
    struct outgoing *messages; /* owned */
    size_t count;
    size_t unconfirmed;
    struct client *relay;   /* that takes them; owned */
    struct client *witness; /* that they must come back from; NULL: none is
                               asked for; owned */
    int64_t timeout_us;
    bool json;
};

static void
delivery_done (struct delivery *delivery)
{
    client_close (&delivery->relay);
    client_close (&delivery->witness);
    key_context_destroy (&delivery->keys);
    free (delivery->messages);
    for (size_t i = 0; i < delivery->inputs_count; i++)
        input_done (&delivery->inputs[i]);
    free (delivery->inputs);
}

/* Reads all files; none means standard input. */
static int
delivery_read (struct delivery *delivery, const char *const *paths,
               size_t count)
{
    size_t files = count > 0 ? count : 1;

    delivery->inputs = calloc (files, sizeof *delivery->inputs);
    if (delivery->inputs == NULL)
        return tool_fail (delivery->tool, TOOL_NO, "out of memory");
    for (size_t i = 0; i < files; i++) {
        int code = input_read (delivery->tool, count > 0 ? paths[i] : NULL,
                               &delivery->inputs[i]);
        if (code != TOOL_YES)
            return code;
        delivery->inputs_count++;
        delivery->count += delivery->inputs[i].count;
    }
    return TOOL_YES;
}

static int
delivery_refuse (struct delivery *delivery, const char *path, size_t number,
                 const struct judgement *judgement)
{
    return tool_fail (delivery->tool, TOOL_NO,
                      "%s, message %zu: refused, %s: PROTOCOL %s: %s; "
                      "nothing was sent",
                      input_name (path), number,
                      verdict_name (judgement->verdict), judgement->why.clause,
                      judgement->why.what);
}

/* Judges everything before anything is sent. */
static int
delivery_judge (struct delivery *delivery, const char *const *paths)
{
    struct outgoing *next;
    int64_t now_s = clock_unix_s ();
    int code = TOOL_YES;

    delivery->keys = key_context_create (NULL);
    delivery->messages = calloc (delivery->count, sizeof *delivery->messages);
    if (delivery->keys == NULL || delivery->messages == NULL)
        return tool_fail (delivery->tool, TOOL_NO, "out of memory");
    next = delivery->messages;
    for (size_t i = 0; i < delivery->inputs_count; i++)
        for (size_t k = 0; k < delivery->inputs[i].count; k++, next++) {
            next->payload = delivery->inputs[i].messages[k];
            next->judgement =
                judge_message (delivery->keys, COMMANDS_, next->payload, now_s);
            if (next->judgement.verdict != VERDICT_ACCEPTED)
                code = delivery_refuse (delivery, paths[i], k + 1,
                                        &next->judgement);
        }
    return code;
}

/* A status goes to at most three relays, which forget it: it proves nothing
 * that it does not come back. */
static int
delivery_check_confirmable (struct delivery *delivery)
{
    for (size_t i = 0; i < delivery->count; i++)
        if (delivery->messages[i].judgement.command == COMMAND_ECONSTATUS)
            return tool_usage (delivery->tool,
                               "--confirm: a status message cannot be "
                               "confirmed; use `govrelay status`");
    return TOOL_YES;
}

/* The witness has sent PAYLOAD: is it one of ours? By gov_id: somebody on the
 * way may have changed what the signature does not cover. */
static void
delivery_on_witness (void *self, enum command command, struct bytes payload)
{
    struct delivery *delivery = self;
    struct judgement judgement = {.verdict = VERDICTS_};

    for (size_t i = 0; i < delivery->count; i++) {
        struct outgoing *message = &delivery->messages[i];
        bool same = bytes_equal (message->payload, payload);
        if (message->confirmed || message->judgement.command != command)
            continue;
        if (!same && judgement.verdict == VERDICTS_)
            judgement = judge_signature (delivery->keys, command, payload);
        if (same
            || (judgement.verdict == VERDICT_ACCEPTED
                && memcmp (&judgement.id, &message->judgement.id,
                           sizeof judgement.id)
                       == 0)) {
            message->confirmed = true;
            delivery->unconfirmed--;
        }
    }
}

static struct instant
delivery_deadline (const struct delivery *delivery)
{
    return instant_after (clock_moment ().mono, delivery->timeout_us);
}

static int
delivery_meet (struct delivery *delivery, const struct target *target,
               struct client **ret)
{
    char problem[CLIENT_PROBLEM_MAX];

    int rc = client_meet (target, delivery_deadline (delivery), ret, problem);
    if (rc != 0)
        return tool_fail (delivery->tool, TOOL_UNREACHABLE, "%s: %s",
                          target->text, problem);
    return TOOL_YES;
}

static int
delivery_turn (struct delivery *delivery, struct instant deadline)
{
    struct client *clients[CLIENTS_MAX] = {delivery->relay, delivery->witness};

    return clients_turn (clients, delivery->witness != NULL ? 2 : 1, deadline);
}

/* Sends everything and waits for the pong behind it. */
static int
delivery_hand_over (struct delivery *delivery, const struct target *target)
{
    struct instant deadline =
        instant_after (delivery_deadline (delivery),
                       (int64_t)(delivery->count / SEND_RATE) * SECOND_US);
    int rc = 0;

    for (size_t i = 0; i < delivery->count && rc == 0; i++)
        rc = client_send (delivery->relay,
                          delivery->messages[i].judgement.command,
                          delivery->messages[i].payload);
    if (rc == 0)
        rc = client_ping (delivery->relay);
    if (rc != 0)
        return tool_fail (delivery->tool, TOOL_NO, "%s", strerror (-rc));

    while (rc == 0 && !client_is_judged (delivery->relay)
           && client_problem (delivery->relay) == NULL)
        rc = delivery_turn (delivery, deadline);
    if (client_is_judged (delivery->relay))
        return TOOL_YES;
    return tool_fail (delivery->tool, TOOL_UNREACHABLE,
                      "%s: sent, but not acknowledged: %s; it may have "
                      "arrived: sending it again does no harm",
                      target->text,
                      rc != 0 ? "no pong in time"
                              : client_problem (delivery->relay));
}

static int
delivery_confirm (struct delivery *delivery, const struct target *witness)
{
    struct instant deadline = delivery_deadline (delivery);
    int rc = 0;

    while (rc == 0 && delivery->unconfirmed > 0
           && client_problem (delivery->witness) == NULL)
        rc = delivery_turn (delivery, deadline);
    if (delivery->unconfirmed == 0)
        return TOOL_YES;
    return tool_fail (delivery->tool, rc != 0 ? TOOL_NO : TOOL_UNREACHABLE,
                      "%s: %zu of %zu not confirmed: %s; a relay holds what "
                      "its own host sent back for up to half a minute, and "
                      "refuses what it is told above its budgets",
                      witness->text, delivery->unconfirmed, delivery->count,
                      rc != 0 ? "not there in time"
                              : client_problem (delivery->witness));
}

static int
delivery_print (struct delivery *delivery, const struct outgoing *message,
                const struct target *target, const struct target *witness)
{
    const char *command = command_name (message->judgement.command);
    char id[65];

    gov_id_text (&message->judgement.id, id);
    if (delivery->json)
        return tool_print_json (
            delivery->tool,
            json_pack ("{s:s, s:s, s:b, s:o}", "command", command, "gov_id", id,
                       "handed_over", 1, "confirmed",
                       witness != NULL ? json_boolean (message->confirmed)
                                       : json_null ()));
    (void)fprintf (delivery->tool->output, "%-10s %s handed over to %s",
                   command, id, target->text);
    if (message->confirmed)
        (void)fprintf (delivery->tool->output, ", confirmed by %s",
                       witness->text);
    (void)fputc ('\n', delivery->tool->output);
    return TOOL_YES;
}

/* All of it, once TARGET and WITNESS (NULL: none) are known. */
static int
delivery_run (struct delivery *delivery, const struct target *target,
              const struct target *witness)
{
    int code = TOOL_YES;

    delivery->unconfirmed = delivery->count;
    if (witness != NULL) {
        code = delivery_meet (delivery, witness, &delivery->witness);
        if (code != TOOL_YES)
            return code;
        client_listen (delivery->witness,
                       (struct client_listener){.message = delivery_on_witness,
                                                .self = delivery});
    }
    code = delivery_meet (delivery, target, &delivery->relay);
    if (code == TOOL_YES)
        code = delivery_hand_over (delivery, target);
    if (code != TOOL_YES)
        return code;
    if (witness != NULL)
        code = delivery_confirm (delivery, witness);
    for (size_t i = 0; i < delivery->count; i++) {
        int printed =
            delivery_print (delivery, &delivery->messages[i], target, witness);
        code = code != TOOL_YES ? code : printed;
    }
    return code;
}

int
cmd_send (struct tool *tool, const struct arguments *arguments)
{
    struct delivery delivery = {.tool = tool,
                                .json = arguments->option[SEND_JSON] != NULL};
    const char *confirm = arguments->option[SEND_CONFIRM];
    enum network network = NETWORK_MAIN;
    struct target target, witness;
    int64_t timeout_s;

    if (arguments->option[SEND_PROXY] != NULL)
        return tool_usage (tool, "--proxy is not supported yet; nothing was "
                                 "sent, so that no address shows");
    int code = tool_network (tool, arguments, SEND_NETWORK, &network);
    if (code == TOOL_YES)
        code = tool_integer (tool, arguments, SEND_TIMEOUT, 1, 3600, 30,
                             &timeout_s);
    if (code == TOOL_YES)
        code = tool_target (tool, arguments->operand[0], network, &target);
    if (code == TOOL_YES && confirm != NULL)
        code = tool_target (tool, confirm, network, &witness);
    if (code != TOOL_YES)
        return code;

    delivery.timeout_us = timeout_s * SECOND_US;
    code = delivery_read (&delivery, arguments->operand + 1,
                          arguments->operands - 1);
    if (code == TOOL_YES)
        code = delivery_judge (&delivery, arguments->operand + 1);
    if (code == TOOL_YES && confirm != NULL)
        code = delivery_check_confirmable (&delivery);
    if (code == TOOL_YES)
        code = delivery_run (&delivery, &target,
                             confirm != NULL ? &witness : NULL);
    delivery_done (&delivery);
    return code;
}
