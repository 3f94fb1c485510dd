/* SPDX-License-Identifier: MIT */
/* status - who asked what, and who may answer (PROTOCOL 5.6).
 *
 * Pure: queries and responses in, decisions out. econstatus is unauthenticated:
 * nothing in here makes an answer more than hearsay, it only keeps answers from
 * looping, multiplying, or going to those who did not ask.
 */
#pragma once

#include "base.h"
#include "messages/governance/message.h"

#define STATUS_QUERIES_MAX 4096          /* 300 s at 10 a second, and room */
#define STATUS_LIFE_US (300 * SECOND_US) /* the first D in this is served */
#define STATUS_ANSWER_LIFE_US (30 * SECOND_US)
#define STATUS_ASKERS_MAX 8
#define STATUS_SENT_MAX 3
#define STATUS_PASS_RATE 1 /* queries passed on, a second */
#define STATUS_PASS_BURST 10

struct status_query {
    struct gov_id name; /* D */
    struct instant since;
    uint64_t askers[STATUS_ASKERS_MAX];
    size_t askers_count;
    uint64_t sent[STATUS_SENT_MAX]; /* peers that may answer */
    size_t sent_count;
    bool commons; /* Commons may answer */
    bool answered;
    struct instant answered_at;
    uint8_t *answer; /* the response's payload; owned */
    size_t answer_size;
};

struct status_table;

struct status_table *status_table_create (struct instant now);
void status_table_destroy (struct status_table **table);

enum status_step {
    STATUS_PASS,   /* pass it on; then say to whom with status_sent_* */
    STATUS_ANSWER, /* it was answered lately: *ret_query has the answer */
    STATUS_IGNORE, /* *ret_verdict says why */
};

/* PEER asks NAME. Sets *ret_query (borrowed until the next call) for PASS and
 * ANSWER; *ret_verdict always. */
enum status_step status_on_query (struct status_table *table, uint64_t peer,
                                  const struct gov_id *name, struct instant now,
                                  struct status_query **ret_query,
                                  enum verdict *ret_verdict);

/* The query cannot be passed on after all: forget it. */
void status_forget (struct status_table *table, struct status_query *query);

/* PEER responds to NAME with PAYLOAD (kept for 30 s). Returns the query whose
 * askers are to have it, or NULL: PEER was not asked, or was not the first. */
struct status_query *status_on_response (struct status_table *table,
                                         uint64_t peer,
                                         const struct gov_id *name,
                                         struct bytes payload,
                                         struct instant now);

/* Commons responds. The same otherwise. */
struct status_query *status_on_commons (struct status_table *table,
                                        const struct gov_id *name,
                                        struct bytes payload,
                                        struct instant now);
