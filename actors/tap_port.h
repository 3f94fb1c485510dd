/* SPDX-License-Identifier: MIT */
/* tap_port - a stage's own end of the tap: what it would show, if anybody
 * listens. Costs a comparison when nobody does. */
#pragma once

#include "base.h"
#include "messages/governance/command.h"
#include "messages/governance/message.h"
#include "messages/link/topic.h"
#include "messages/verdict.h"

#define TAP_NUMBERS_MAX 8
#define TAP_NO_COMMAND COMMANDS_

struct tap_port;

struct tap_event {
    enum topic topic;
    enum command command;    /* TAP_NO_COMMAND: none */
    const struct gov_id *id; /* NULL: none */
    bool has_verdict;
    enum verdict verdict;
    const char *reason;   /* NULL: none; our own words */
    struct bytes message; /* verbatim payload; size 0: none */
    const char *subject;  /* NULL, or e.g. a peer's address, a child */
    struct {
        const char *name; /* NULL ends the list */
        int64_t value;
    } numbers[TAP_NUMBERS_MAX];
};

/* Returns 0 and sets *ret_port; -errno. ENDPOINT is where the tap actor binds
 * its inside; it need not be there yet. STAGE stands in each body. */
int tap_port_open (struct tap_port **ret_port, const char *endpoint,
                   const char *stage);
void tap_port_close (struct tap_port **port);

/* The tap actor was started anew: connect again. */
int tap_port_reopen (struct tap_port *port);

/* Returns the ØMQ socket; when readable call tap_port_receive, which learns
 * what is subscribed to. */
void *tap_port_socket (const struct tap_port *port);
void tap_port_receive (struct tap_port *port);

/* Returns true when somebody listens to TOPIC (of any command). */
bool tap_wants (const struct tap_port *port, enum topic topic);

/* Shows EVENT at NOW to whoever listens. Never blocks, never fails. */
void tap_show (struct tap_port *port, const struct tap_event *event,
               struct moment now);
