/* SPDX-License-Identifier: MIT */
/* judge - what a relay that has never seen a message would say of it. */
#pragma once

#include "base.h"
#include "messages/governance/message.h"

struct judgement {
    enum verdict verdict;
    enum command command; /* COMMANDS_: nobody told, and the keys do not */
    struct refusal why;   /* unless accepted */
    bool has_id;          /* accepted; then ID is the gov_id, or D (5.6) */
    struct gov_id id;
    bool is_response; /* accepted, and the answer to a status query */
};

/* Judges PAYLOAD at NOW_S by PROTOCOL 5.1, as far as its bytes and the time can
 * tell: not whether it is known, listed or within a budget. COMMAND may be
 * COMMANDS_: then the keys tell. */
struct judgement judge_message (struct key_context *keys, enum command command,
                                struct bytes payload, int64_t now_s);

/* Judges everything but the time. */
struct judgement judge_signature (struct key_context *keys,
                                  enum command command, struct bytes payload);
