/* SPDX-License-Identifier: MIT */
/* cmd_status - `govrelay status`: ask what Commons knows of a node.
 *
 *   in   a relay, a node's number or key
 *   out  the first answer to our question; nobody has signed it
 *   owns nothing
 *
 * Next on the tour: actors/gossip/gossip_actor.c
 */
#include <sodium.h>
#include <stdlib.h>

#include "messages/governance/compose.h"
#include "tools/client.h"
#include "tools/cmd.h"

enum {
    STATUS_NETWORK,
    STATUS_ID,
    STATUS_PUBLIC_KEY,
    STATUS_TIMEOUT,
    STATUS_JSON,
    STATUS_PROXY,
};

const struct option_row status_options[] = {
    [STATUS_NETWORK] = {"network", "NAME",
                        "main (default) test testnet4 signet regtest"},
    [STATUS_ID] = {"id", "N", "the node's number"},
    [STATUS_PUBLIC_KEY] = {"public-key", "K", "or its public key"},
    [STATUS_TIMEOUT] = {"timeout", "S",
                        "for connecting and the answer each; default: 30"},
    [STATUS_JSON] = {"json", NULL, "print one JSON object"},
    [STATUS_PROXY] = {"proxy", "URL", "not supported yet"},
    {0},
};

/* A question under way. */
struct question {
    struct gov_id name; /* D of PROTOCOL 5.6 */
    json_t *answer;     /* the whole response; NULL so far; owned */
};

/* Takes the first answer that is to our question and to no other. */
static void
question_on_message (void *self, enum command command, struct bytes payload)
{
    struct question *question = self;
    struct untrusted_message message;
    struct refusal why;

    if (command != COMMAND_ECONSTATUS || question->answer != NULL
        || message_parse (command, payload, &message, &why) != VERDICT_ACCEPTED)
        return;
    struct gov_id name = status_name (&message);
    if (message.status.response != NULL
        && memcmp (&name, &question->name, sizeof name) == 0)
        question->answer = json_incref (message.root);
    message_done (&message);
}

/* Fills FIELDS with what is asked; its text is borrowed from the options. */
static int
status_question (struct tool *tool, const struct arguments *arguments,
                 struct status_query_fields *fields)
{
    const char *id = arguments->option[STATUS_ID];
    const char *public_key = arguments->option[STATUS_PUBLIC_KEY];
    enum key_scheme scheme;
    uint64_t random;

    if ((id == NULL) == (public_key == NULL))
        return tool_usage (tool, "give --id N or --public-key K, one of them");
    if (public_key != NULL
        && public_key_form (bytes_of_text (public_key), &scheme) != 0)
        return tool_usage (tool, "--public-key: 66 (secp256k1, compressed) or "
                                 "64 (ed25519) lower-case hex characters");
    int64_t number;
    int code =
        tool_integer (tool, arguments, STATUS_ID, 0, INT32_MAX, 0, &number);
    if (code != TOOL_YES)
        return code;

    /* The same question twice in 300 s would be answered once (5.6). */
    randombytes_buf (&random, sizeof random);
    *fields = (struct status_query_fields){
        .request_id = (int64_t)(random >> 1),
        .node_identifier = id != NULL ? id : public_key,
        .query_type = id != NULL ? QUERY_BY_ID : QUERY_BY_PUBLIC_KEY,
    };
    return TOOL_YES;
}

static int
status_print (struct tool *tool, const json_t *answer, bool json)
{
    const json_t *status = json_object_get (answer, "status");
    const char *key;
    json_t *value;

    if (json) {
        json_t *object = json_copy ((json_t *)answer);
        if (object != NULL)
            (void)json_object_set_new (object, "unauthenticated", json_true ());
        return tool_print_json (tool, object);
    }
    tool_print_row (tool, "unauthenticated", "nobody has signed this answer");
    json_object_foreach ((json_t *)status, key, value)
    {
        char *text =
            json_dumps (value, JSON_ENCODE_ANY | JSON_REAL_PRECISION (7));
        tool_print_row (tool, key,
                        json_is_string (value) ? json_string_value (value)
                        : text != NULL         ? text
                                               : "?");
        free (text);
    }
    return TOOL_YES;
}

/* Sends QUERY and waits for its answer. */
static int
status_wait (struct tool *tool, struct client *client, const char *query,
             struct question *question, int64_t timeout_us)
{
    struct instant deadline = instant_after (clock_moment ().mono, timeout_us);

    client_listen (client,
                   (struct client_listener){.message = question_on_message,
                                            .self = question});
    int rc = client_send (client, COMMAND_ECONSTATUS, bytes_of_text (query));
    if (rc != 0)
        return tool_fail (tool, TOOL_NO, "%s", strerror (-rc));
    while (rc == 0 && question->answer == NULL
           && client_problem (client) == NULL)
        rc = clients_turn (&client, 1, deadline);
    if (question->answer != NULL)
        return TOOL_YES;
    if (rc == 0)
        return tool_fail (tool, TOOL_UNREACHABLE, "%s",
                          client_problem (client));
    return tool_fail (
        tool, TOOL_NO,
        "no answer within %lld s (unauthenticated): no such node, "
        "or no relay in relay mode was reached",
        (long long)(timeout_us / SECOND_US));
}

static int
status_ask (struct tool *tool, const struct target *target, const char *query,
            int64_t timeout_us, bool json)
{
    char problem[CLIENT_PROBLEM_MAX];
    struct question question = {.answer = NULL};
    struct untrusted_message message;
    struct refusal why;

    if (message_parse (COMMAND_ECONSTATUS, bytes_of_text (query), &message,
                       &why)
        != VERDICT_ACCEPTED)
        return tool_usage (tool, "refused: PROTOCOL %s: %s", why.clause,
                           why.what);
    question.name = status_name (&message);
    message_done (&message);

    owned (client_close) struct client *client = NULL;
    struct instant deadline = instant_after (clock_moment ().mono, timeout_us);
    if (client_meet (target, deadline, &client, problem) != 0)
        return tool_fail (tool, TOOL_UNREACHABLE, "%s: %s", target->text,
                          problem);
    int code = status_wait (tool, client, query, &question, timeout_us);
    if (code == TOOL_YES)
        code = status_print (tool, question.answer, json);
    json_decref (question.answer);
    return code;
}

int
cmd_status (struct tool *tool, const struct arguments *arguments)
{
    enum network network = NETWORK_MAIN;
    struct status_query_fields fields;
    struct target target;
    int64_t timeout_s;

    if (arguments->option[STATUS_PROXY] != NULL)
        return tool_usage (tool, "--proxy is not supported yet; nothing was "
                                 "sent, so that no address shows");
    int code = tool_network (tool, arguments, STATUS_NETWORK, &network);
    if (code == TOOL_YES)
        code = tool_integer (tool, arguments, STATUS_TIMEOUT, 1, 3600, 30,
                             &timeout_s);
    if (code == TOOL_YES)
        code = tool_target (tool, arguments->operand[0], network, &target);
    if (code == TOOL_YES)
        code = status_question (tool, arguments, &fields);
    if (code != TOOL_YES)
        return code;

    char *query = compose_status_query (&fields);
    if (query == NULL)
        return tool_fail (tool, TOOL_NO, "out of memory");
    code = status_ask (tool, &target, query, timeout_s * SECOND_US,
                       arguments->option[STATUS_JSON] != NULL);
    free (query);
    return code;
}
