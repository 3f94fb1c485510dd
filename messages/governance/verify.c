/* SPDX-License-Identifier: MIT */
/* verify - the one place where a message becomes trusted.
 *
 *   in   a message, its readings, the keys' context
 *   out  struct verified_message, or why not
 *   owns nothing
 *
 * No other file may make a struct verified_message.
 */
#include "messages/governance/message.h"

static enum verdict
verify_refuse (enum verdict verdict, struct refusal *ret_why)
{
    bool key = verdict == VERDICT_BAD_KEY;

    *ret_why =
        (struct refusal){.verdict = verdict,
                         .clause = "4",
                         .what = key ? "public_key is no point" : "signature"};
    return verdict;
}

static void
verify_accept (const struct untrusted_message *message,
               const struct reading *reading, struct verified_message *ret)
{
    *ret = (struct verified_message){
        .command = message->command,
        .id = reading->id,
        .timestamp = message->timestamp,
        .payload = message->payload,
    };
    /* The schema has seen to it that the key has its form. */
    memcpy (ret->public_key, message->public_key,
            strnlen (message->public_key, PUBLIC_KEY_TEXT_MAX));
}

enum verdict
message_verify (struct key_context *keys,
                const struct untrusted_message *message,
                const struct reading *readings, size_t count,
                struct verified_message *ret_verified, struct refusal *ret_why)
{
    bool signed_kind = message->command != COMMAND_ECONSTATUS;
    assert (count >= 1 && signed_kind); /* of our own callers */
    enum verdict verdict = VERDICT_BAD_SIGNATURE;

    for (size_t i = 0; i < count && verdict == VERDICT_BAD_SIGNATURE; i++) {
        verdict =
            signature_verify (keys, bytes_of_text (message->public_key),
                              bytes_of_text (message->signature),
                              bytes_of (readings[i].string, readings[i].size));
        if (verdict == VERDICT_ACCEPTED)
            verify_accept (message, &readings[i], ret_verified);
    }
    return verdict == VERDICT_ACCEPTED ? verdict
                                       : verify_refuse (verdict, ret_why);
}
