/* SPDX-License-Identifier: MIT */
/* judge - what a relay that has never seen a message would say of it.
 *
 *   in   bytes, the time
 *   out  a verdict with its reason, or the message's name
 *   owns nothing
 *
 * Next on the tour: tools/client.c
 */
#include "tools/judge.h"

/* Keys that only one command has (PROTOCOL 3.1). */
static const struct {
    const char *key;
    enum command command;
} judge_marks[] = {
    {"qualification_data", COMMAND_ECONREG},
    {"node_type", COMMAND_ECONREG},
    {"entity_name", COMMAND_ECONREG},
    {"pr_id", COMMAND_ECONVETO},
    {"signal_type", COMMAND_ECONVETO},
    {"chosen_ruleset", COMMAND_ECONFORK},
    {"decision_reason", COMMAND_ECONFORK},
    {"query_type", COMMAND_ECONSTATUS},
    {"node_identifier", COMMAND_ECONSTATUS},
    {"request_id", COMMAND_ECONSTATUS},
};

/* Returns COMMANDS_ when PAYLOAD does not tell. */
static enum command
judge_command (struct bytes payload)
{
    json_t *object =
        json_loadb ((const char *)payload.data, payload.size, 0, NULL);
    enum command command = COMMANDS_;

    for (size_t i = 0; i < ARRAY_SIZE (judge_marks) && command == COMMANDS_;
         i++)
        if (json_object_get (object, judge_marks[i].key) != NULL)
            command = judge_marks[i].command;
    json_decref (object);
    return command;
}

static struct judgement
judge_refuse (struct judgement judgement, enum verdict verdict,
              const char *clause, const char *what)
{
    judgement.verdict = verdict;
    judgement.why =
        (struct refusal){.verdict = verdict, .clause = clause, .what = what};
    return judgement;
}

/* No key tells what it is: then it is not even JSON, or no message. Whatever
 * the reason, it is one that every command would have. */
static struct judgement
judge_nameless (struct judgement judgement, struct bytes payload)
{
    struct untrusted_message message;
    enum verdict verdict =
        message_parse (COMMAND_ECONREG, payload, &message, &judgement.why);

    if (verdict == VERDICT_ACCEPTED)
        message_done (&message);
    if (verdict == VERDICT_ACCEPTED || verdict == VERDICT_SCHEMA)
        return judge_refuse (judgement, VERDICT_SCHEMA, "3.1",
                             "its keys are those of no command");
    judgement.verdict = verdict;
    return judgement;
}

static struct judgement
judge_proof (struct key_context *keys, struct judgement judgement,
             const struct untrusted_message *message)
{
    struct verified_message verified;
    struct reading readings[2];

    int count = message_readings (message, readings);
    if (count < 0)
        return judge_refuse (judgement, VERDICT_BUSY, "5.7", "out of memory");
    judgement.verdict = message_verify (keys, message, readings, (size_t)count,
                                        &verified, &judgement.why);
    if (judgement.verdict == VERDICT_ACCEPTED) {
        judgement.has_id = true;
        judgement.id = verified.id;
    }
    for (int i = 0; i < count; i++)
        reading_done (&readings[i]);
    return judgement;
}

static struct judgement
judge_parsed (struct key_context *keys, struct judgement judgement,
              const struct untrusted_message *message, const int64_t *now_s)
{
    if (message->command == COMMAND_ECONSTATUS) {
        judgement.has_id = true;
        judgement.id = status_name (message);
        judgement.is_response = message->status.response != NULL;
        return judgement;
    }
    if (now_s != NULL) {
        enum verdict verdict =
            message_judge_time (message->timestamp, *now_s, INT64_MIN);
        if (verdict != VERDICT_ACCEPTED)
            return judge_refuse (judgement, verdict, "5.2",
                                 verdict_sentence (verdict));
    }
    return judge_proof (keys, judgement, message);
}

static struct judgement
judge (struct key_context *keys, enum command command, struct bytes payload,
       const int64_t *now_s)
{
    struct judgement judgement = {.command = command};
    struct untrusted_message message;

    if (command == COMMANDS_)
        judgement.command = judge_command (payload);
    if (judgement.command == COMMANDS_)
        return judge_nameless (judgement, payload);

    judgement.verdict =
        message_parse (judgement.command, payload, &message, &judgement.why);
    if (judgement.verdict != VERDICT_ACCEPTED)
        return judgement;
    judgement = judge_parsed (keys, judgement, &message, now_s);
    message_done (&message);
    return judgement;
}

struct judgement
judge_signature (struct key_context *keys, enum command command,
                 struct bytes payload)
{
    return judge (keys, command, payload, NULL);
}

struct judgement
judge_message (struct key_context *keys, enum command command,
               struct bytes payload, int64_t now_s)
{
    return judge (keys, command, payload, &now_s);
}
