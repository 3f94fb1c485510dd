/* SPDX-License-Identifier: MIT */
/* supervisor - keeps the children of a plan running, and ends them in order.
 *
 *   in   READY, EXITED, PING_REPLY, DRAIN_REPLY from each child; signals
 *   out  PING, DRAIN, STOP, TAP_OPEN to each child; supervisor.* on the tap
 *   owns a row per child: thread, lifeline, state, deadline, restarts
 *
 * Two tables: what to do on entering a state, and which state follows an event.
 * Stages start from the last row of the plan to the first, each when the one
 * after it is ready; they drain and stop from the first to the last.
 *
 * TERM and INT drain and stop within 10 s, a second one stops at once; HUP is
 * noted; USR1 restarts every stage, one after the other, while the others run.
 *
 * Next on the tour: actors/actor.c
 */
#include "supervisor/supervisor.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "supervisor/log.h"
#include "supervisor/run_thread.h"

#define BACKOFF_US (SECOND_US / 10) /* doubled at each failure in a row */
#define BACKOFF_MAX_US (10 * SECOND_US)
#define RESTARTS_MAX 5 /* more of them in RESTARTS_US: give up */
#define RESTARTS_US (60 * SECOND_US)
#define PING_US (5 * SECOND_US)
#define DRAIN_US (10 * SECOND_US) /* all stages together */
#define ROUND_US SECOND_US        /* a round takes at most this when idle */

enum child_state {
    CHILD_IDLE,     /* not started yet, or stopped for good */
    CHILD_STARTING, /* its thread runs, READY has not come */
    CHILD_READY,
    CHILD_STOPPING, /* STOP was said */
    CHILD_WAITING,  /* it failed; started again when its back-off is over */
};

enum child_event {
    EVENT_START,
    EVENT_READY,
    EVENT_STOP,
    EVENT_EXITED,
    EVENT_OVERDUE, /* the deadline of its state has passed */
};

struct child {
    const struct plan_child *plan;    /* borrowed */
    const struct topology_stage *row; /* borrowed */
    enum child_state state;
    struct instant deadline; /* of the state; .us INT64_MAX: none */
    struct actor_args args;  /* what its thread was given */
    zactor_t *thread;        /* owned; NULL when none runs */
    int fd;                  /* our end of its lifeline; -1 */
    uint64_t ping;           /* number of the last ping */
    struct instant pinged;
    struct instant answered; /* its last answer, or READY */
    bool drained;
    bool rolling;                   /* it stops in order to be started again */
    int32_t error;                  /* errno of its last end */
    char words[LINK_WORDS_MAX + 1]; /* of its last end */
    int64_t backoff_us;
    struct instant restarted[RESTARTS_MAX]; /* the latest; a ring */
    uint64_t restarts;
};

enum phase {
    PHASE_STARTING, /* not all stages have been ready yet */
    PHASE_RUNNING,
    PHASE_DRAINING,
    PHASE_STOPPING,
    PHASE_ENDED,
};

struct supervisor {
    const struct config *config; /* borrowed */
    const struct plan *plan;     /* borrowed */
    uint64_t daemon;
    struct child child[PLAN_CHILDREN_MAX]; /* rows of the plan */
    size_t count;
    enum phase phase;
    size_t step; /* the row that starts, drains or stops */
    size_t roll; /* the row that USR1 has come to; count: none */
    struct instant drain_by;
    struct moment now;
    struct instant round; /* when the round before this one ended */
    struct tap_port *tap; /* our own events; owned */
    int signals;          /* signalfd; owned */
    enum exit_code code;
};

static void
child_tell (struct child *child, const struct link_message *message)
{
    owned (buffer_done) struct buffer out = {0};
    if (child->fd < 0 || link_message_encode (&out, message) < 0)
        return;
    send (child->fd, out.data, out.size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
child_tell_plain (struct child *child, enum message_id id)
{
    struct link_message message = {.id = id};
    child_tell (child, &message);
}

static void
supervisor_show (struct supervisor *self, enum topic topic,
                 const struct child *child)
{
    struct tap_event event = {.topic = topic,
                              .command = TAP_NO_COMMAND,
                              .subject = child ? child->plan->name : NULL};
    if (child && topic != TOPIC_SUPERVISOR_CHILD_READY) {
        event.reason = child->words[0] ? child->words : NULL;
        event.numbers[0].name = "errno";
        event.numbers[0].value = child->error;
        event.numbers[1].name = "restarts";
        event.numbers[1].value = (int64_t)child->restarts;
    }
    tap_show (self->tap, &event, self->now);
}

/*~ What happens on entering a state. */

static void
supervisor_fail (struct supervisor *self, enum exit_code code)
{
    if (self->code == EXIT_CODE_STOPPED)
        self->code = code;
    if (self->phase < PHASE_STOPPING) {
        self->phase = PHASE_STOPPING;
        self->step = 0;
    }
}

static void
child_enter_starting (struct supervisor *self, struct child *child)
{
    int pair[2];
    child->deadline = instant_after (self->now.mono, child->row->start_us);
    child->drained = false;
    child->words[0] = '\0';
    child->error = 0;
    if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        log_warn ("SUPERVISOR-START", "stage=%s error=\"%s\"",
                  child->plan->name, strerror (errno));
        supervisor_fail (self, EXIT_CODE_STAGE);
        return;
    }
    child->fd = pair[0];
    child->args = (struct actor_args){.stage = child->row->name,
                                      .name = child->plan->name,
                                      .control_fd = pair[1],
                                      .daemon = self->daemon,
                                      .config = self->config,
                                      .endpoints = &self->plan->endpoints};
    child->thread = run_thread_start (child->plan->stage, &child->args);
    if (!child->thread) {
        log_warn ("SUPERVISOR-START", "stage=%s words=\"no thread\"",
                  child->plan->name);
        supervisor_fail (self, EXIT_CODE_STAGE);
    }
}

static void
child_enter_ready (struct supervisor *self, struct child *child)
{
    child->deadline.us = INT64_MAX;
    child->answered = self->now.mono;
    child->pinged = self->now.mono;
    log_debug ("SUPERVISOR-CHILD", "stage=%s state=ready", child->plan->name);
    if (child->plan->stage == STAGE_TAP) {
        /* Its inside is a new one: everybody connects again. */
        tap_port_reopen (self->tap);
        for (size_t i = 0; i < self->count; i++)
            if (self->child[i].state == CHILD_READY)
                child_tell_plain (&self->child[i], MESSAGE_TAP_OPEN);
    }
    supervisor_show (self,
                     child->restarts > 0 ? TOPIC_SUPERVISOR_CHILD_RESTARTED
                                         : TOPIC_SUPERVISOR_CHILD_READY,
                     child);
}

static void
child_enter_stopping (struct supervisor *self, struct child *child)
{
    child->deadline = instant_after (self->now.mono, child->row->stop_us);
    child_tell_plain (child, MESSAGE_STOP);
}

/* The thread has said its last word, or hung up. */
static void
child_enter_idle (struct supervisor *self, struct child *child)
{
    child->deadline.us = INT64_MAX;
    run_thread_join (&child->thread);
    if (child->fd >= 0)
        close (child->fd);
    child->fd = -1;
    supervisor_show (self, TOPIC_SUPERVISOR_CHILD_EXITED, child);
}

static bool
child_restarts_too_often (struct supervisor *self, struct child *child)
{
    struct instant *oldest = &child->restarted[child->restarts % RESTARTS_MAX];
    bool often = child->restarts >= RESTARTS_MAX
                 && instant_since (self->now.mono, *oldest) < RESTARTS_US;
    *oldest = self->now.mono;
    child->restarts++;
    return often;
}

static enum exit_code
child_exit_code (const struct child *child)
{
    bool stores = child->plan->stage == STAGE_DEDUP
                  || child->plan->stage == STAGE_FORWARDER
                  || child->plan->stage == STAGE_RECEIVER;
    if (child->error == EADDRINUSE)
        return EXIT_CODE_TEMPORARY;
    return stores ? EXIT_CODE_DISK : EXIT_CODE_STAGE;
}

static void
child_enter_waiting (struct supervisor *self, struct child *child)
{
    child_enter_idle (self, child);
    if (self->phase == PHASE_STARTING) {
        /* It never served: an operator is watching, tell him at once. */
        log_warn ("SUPERVISOR-FAILED", "stage=%s error=\"%s\" words=\"%s\"",
                  child->plan->name, strerror (child->error), child->words);
        supervisor_fail (self, child_exit_code (child));
        child->state = CHILD_IDLE;
        return;
    }
    if (child->rolling) {
        child->rolling = false;
        child->restarts++;
        child->deadline = self->now.mono;
        return;
    }
    if (child_restarts_too_often (self, child)) {
        log_warn ("SUPERVISOR-GIVE-UP",
                  "stage=%s restarts=%d seconds=60 error=\"%s\" words=\"%s\"",
                  child->plan->name, RESTARTS_MAX, strerror (child->error),
                  child->words);
        supervisor_fail (self, EXIT_CODE_STAGE);
        child->state = CHILD_IDLE;
        return;
    }
    child->backoff_us = child->backoff_us ? child->backoff_us * 2 : BACKOFF_US;
    if (child->backoff_us > BACKOFF_MAX_US)
        child->backoff_us = BACKOFF_MAX_US;
    child->deadline = instant_after (self->now.mono, child->backoff_us);
    log_warn ("SUPERVISOR-RESTART",
              "stage=%s error=\"%s\" words=\"%s\" again_in_ms=%lld",
              child->plan->name, strerror (child->error), child->words,
              (long long)(child->backoff_us / MILLISECOND_US));
}

/* A thread that does not answer cannot be ended: the process is. */
static void
child_is_stuck (const struct child *child, const char *why)
{
    log_warn ("SUPERVISOR-STUCK",
              "stage=%s why=\"%s\" words=\"the process ends with code %d\"",
              child->plan->name, why, EXIT_CODE_STAGE);
    _exit (EXIT_CODE_STAGE);
}

static void
child_enter (struct supervisor *self, struct child *child,
             enum child_state state)
{
    child->state = state;
    switch (state) {
    case CHILD_IDLE:
        child_enter_idle (self, child);
        return;
    case CHILD_STARTING:
        child_enter_starting (self, child);
        return;
    case CHILD_READY:
        child_enter_ready (self, child);
        return;
    case CHILD_STOPPING:
        child_enter_stopping (self, child);
        return;
    case CHILD_WAITING:
        child_enter_waiting (self, child);
        return;
    }
}

/*~ Which state follows which event. What is not here changes nothing. */

static const struct transition {
    enum child_state from;
    enum child_event event;
    enum child_state to;
} transitions[] = {
    {CHILD_IDLE, EVENT_START, CHILD_STARTING},
    {CHILD_STARTING, EVENT_READY, CHILD_READY},
    {CHILD_STARTING, EVENT_EXITED, CHILD_WAITING},
    {CHILD_STARTING, EVENT_STOP, CHILD_STOPPING},
    {CHILD_READY, EVENT_EXITED, CHILD_WAITING},
    {CHILD_READY, EVENT_STOP, CHILD_STOPPING},
    {CHILD_STOPPING, EVENT_EXITED, CHILD_IDLE},
    {CHILD_WAITING, EVENT_OVERDUE, CHILD_STARTING},
    {CHILD_WAITING, EVENT_STOP, CHILD_IDLE},
};

static void
child_on_event (struct supervisor *self, struct child *child,
                enum child_event event)
{
    if (event == EVENT_OVERDUE && child->state != CHILD_WAITING)
        child_is_stuck (child, child->state == CHILD_STARTING
                                   ? "not ready in time"
                                   : "did not stop in time");
    for (size_t i = 0; i < ARRAY_SIZE (transitions); i++) {
        const struct transition *row = &transitions[i];
        if (row->from != child->state || row->event != event)
            continue;
        /* One that stops so as to start again goes the way of a failed one. */
        bool again = row->to == CHILD_IDLE && child->rolling;
        child_enter (self, child, again ? CHILD_WAITING : row->to);
        return;
    }
}

static void
child_on_message (struct supervisor *self, struct child *child,
                  const struct link_message *message)
{
    if (message->id == MESSAGE_READY) {
        bool ours = message->ready.version == MESSAGES_TABLE_VERSION
                    && bytes_equal (message->ready.build,
                                    bytes_of_text (GOVRELAY_VERSION));
        assert (ours); /* a thread is of our own build */
        child_on_event (self, child, EVENT_READY);
    } else if (message->id == MESSAGE_EXITED) {
        child->error = message->exited.error;
        struct bytes words = message->exited.words;
        memcpy (child->words, words.data, words.size);
        child->words[words.size] = '\0';
        child_on_event (self, child, EVENT_EXITED);
    } else if (message->id == MESSAGE_PING_REPLY)
        child->answered = self->now.mono;
    else if (message->id == MESSAGE_DRAIN_REPLY)
        child->drained = true;
    else
        log_broken ("SUPERVISOR-MESSAGE", "stage=%s message=%s",
                    child->plan->name, message_id_name (message->id));
}

static void
child_receive (struct supervisor *self, struct child *child)
{
    uint8_t datagram[16384];
    while (child->fd >= 0) {
        ssize_t size =
            recv (child->fd, datagram, sizeof datagram, MSG_DONTWAIT);
        if (size < 0)
            return;
        if (size == 0) {
            child_on_event (self, child, EVENT_EXITED);
            return;
        }
        struct bytes input = bytes_of (datagram, (size_t)size);
        struct link_message message;
        if (link_message_decode (LINK_CONTROL, &input, &message) == 0)
            child_on_message (self, child, &message);
        else
            log_broken ("SUPERVISOR-MESSAGE", "stage=%s bytes=%zd",
                        child->plan->name, size);
    }
}

/* Stuck: unanswered for as long as the row says, while our own timer was on
 * time (a machine that sleeps makes nobody stuck). */
static void
child_ping (struct supervisor *self, struct child *child)
{
    if (child->state != CHILD_READY)
        return;
    int64_t late = instant_since (self->now.mono, self->round) - 2 * ROUND_US;
    if (late > 0)
        child->answered = instant_after (child->answered, late);
    if (instant_since (self->now.mono, child->answered)
        >= child->row->stuck_us + PING_US)
        child_is_stuck (child, "pings are not answered");
    if (instant_since (self->now.mono, child->pinged) < PING_US)
        return;
    child->pinged = self->now.mono;
    struct link_message ping = {.id = MESSAGE_PING,
                                .ping = {.number = ++child->ping}};
    child_tell (child, &ping);
}

/*~ The daemon as a whole: it starts, runs, drains, stops. */

static void
supervisor_begin_drain (struct supervisor *self)
{
    self->phase = PHASE_DRAINING;
    self->step = 0;
    self->drain_by = instant_after (self->now.mono, DRAIN_US);
    supervisor_show (self, TOPIC_SUPERVISOR_DRAINING, NULL);
    sd_notify (0, "STOPPING=1");
    log_info ("SUPERVISOR-DRAINING", "stages=%zu", self->count);
}

/* Starts stages from the last row to the first, each when the one after it is
 * ready. */
static void
supervisor_step_start (struct supervisor *self)
{
    while (self->step > 0) {
        struct child *child = &self->child[self->step - 1];
        if (child->state == CHILD_IDLE)
            child_on_event (self, child, EVENT_START);
        if (child->state != CHILD_READY)
            return;
        self->step--;
    }
    self->phase = PHASE_RUNNING;
    log_info ("SUPERVISOR-READY", "stages=%zu version=%s network=%s",
              self->count, GOVRELAY_VERSION, self->config->node_network);
    sd_notify (0, "READY=1");
}

/* Drains from the first row to the last, each when the one before it has
 * nothing in hand; then stops. */
static void
supervisor_step_drain (struct supervisor *self)
{
    if (instant_reached (self->now.mono, self->drain_by)) {
        log_warn ("SUPERVISOR-DRAIN",
                  "stage=%s words=\"not drained in time; stopped as it is\"",
                  self->child[self->step].plan->name);
        self->step = self->count;
    }
    while (self->step < self->count) {
        struct child *child = &self->child[self->step];
        if (child->state == CHILD_READY && !child->drained) {
            child_tell_plain (child, MESSAGE_DRAIN);
            return;
        }
        self->step++;
    }
    self->phase = PHASE_STOPPING;
    self->step = 0;
}

static void
supervisor_step_stop (struct supervisor *self)
{
    while (self->step < self->count) {
        struct child *child = &self->child[self->step];
        child->rolling = false;
        if (child->state != CHILD_STOPPING)
            child_on_event (self, child, EVENT_STOP);
        if (child->state != CHILD_IDLE)
            return;
        self->step++;
    }
    self->phase = PHASE_ENDED;
}

/* USR1: one stage after the other is stopped and started while the others run,
 * as an operator does after a change, and a test to see that nothing is lost. */
static void
supervisor_step_roll (struct supervisor *self)
{
    while (self->roll < self->count) {
        struct child *child = &self->child[self->roll];
        if (child->state != CHILD_READY)
            return; /* it comes back first */
        if (child->rolling)
            return;
        self->roll++;
        if (self->roll == self->count) {
            log_info ("SUPERVISOR-ROLLED", "stages=%zu", self->count);
            return;
        }
        self->child[self->roll].rolling = true;
        child_on_event (self, &self->child[self->roll], EVENT_STOP);
    }
}

static void
supervisor_begin_roll (struct supervisor *self)
{
    if (self->phase != PHASE_RUNNING || self->roll < self->count)
        return;
    self->roll = 0;
    self->child[0].rolling = true;
    child_on_event (self, &self->child[0], EVENT_STOP);
}

static void
supervisor_step (struct supervisor *self)
{
    for (size_t i = 0; i < self->count; i++) {
        struct child *child = &self->child[i];
        child_ping (self, child);
        if (instant_reached (self->now.mono, child->deadline))
            child_on_event (self, child, EVENT_OVERDUE);
    }
    if (self->phase == PHASE_STARTING)
        supervisor_step_start (self);
    if (self->phase == PHASE_RUNNING)
        supervisor_step_roll (self);
    if (self->phase == PHASE_DRAINING)
        supervisor_step_drain (self);
    if (self->phase == PHASE_STOPPING)
        supervisor_step_stop (self);
}

static void
supervisor_on_signal (struct supervisor *self)
{
    struct signalfd_siginfo signal;
    while (read (self->signals, &signal, sizeof signal)
           == (ssize_t)sizeof signal) {
        bool end = signal.ssi_signo == SIGTERM || signal.ssi_signo == SIGINT;
        if (end && self->phase == PHASE_RUNNING)
            supervisor_begin_drain (self);
        else if (end && self->phase < PHASE_STOPPING) {
            self->phase = PHASE_STOPPING;
            self->step = 0;
        } else if (signal.ssi_signo == SIGUSR1)
            supervisor_begin_roll (self);
        else if (signal.ssi_signo == SIGHUP)
            log_warn ("SUPERVISOR-HUP",
                      "words=\"this version reads its configuration at the "
                      "start only; restart it\"");
    }
}

static struct instant
supervisor_deadline (const struct supervisor *self)
{
    struct instant deadline = instant_after (self->now.mono, ROUND_US);
    for (size_t i = 0; i < self->count; i++)
        if (self->child[i].deadline.us < deadline.us)
            deadline = self->child[i].deadline;
    return deadline;
}

static void
supervisor_round (struct supervisor *self)
{
    zmq_pollitem_t items[2 + PLAN_CHILDREN_MAX];
    struct child *owner[PLAN_CHILDREN_MAX];
    size_t count = 2;

    items[0] = (zmq_pollitem_t){.fd = self->signals, .events = ZMQ_POLLIN};
    items[1] = (zmq_pollitem_t){.socket = tap_port_socket (self->tap),
                                .events = ZMQ_POLLIN};
    for (size_t i = 0; i < self->count; i++)
        if (self->child[i].fd >= 0) {
            owner[count - 2] = &self->child[i];
            items[count++] =
                (zmq_pollitem_t){.fd = self->child[i].fd, .events = ZMQ_POLLIN};
        }
    int64_t wait_us =
        instant_since (supervisor_deadline (self), moment_now ().mono);
    zmq_poll (items, (int)count,
              wait_us <= 0 ? 0 : (long)(wait_us + 999) / 1000);
    self->round = self->now.mono;
    self->now = moment_now ();

    if (items[1].revents)
        tap_port_receive (self->tap);
    for (size_t i = 2; i < count; i++)
        if (items[i].revents)
            child_receive (self, owner[i - 2]);
    if (items[0].revents)
        supervisor_on_signal (self);
    supervisor_step (self);
}

static int
supervisor_open (struct supervisor *self)
{
    sigset_t all;
    sigfillset (&all);
    self->signals = signalfd (-1, &all, SFD_NONBLOCK | SFD_CLOEXEC);
    if (self->signals < 0)
        return -errno;
    return tap_port_open (&self->tap, self->plan->endpoints.tap, "supervisor");
}

enum exit_code
supervisor_run (const struct config *config, const struct plan *plan,
                uint64_t daemon)
{
    struct supervisor self = {.config = config,
                              .plan = plan,
                              .daemon = daemon,
                              .count = plan->count,
                              .step = plan->count,
                              .roll = plan->count,
                              .now = moment_now ()};
    self.round = self.now.mono;
    for (size_t i = 0; i < plan->count; i++)
        self.child[i] =
            (struct child){.plan = &plan->child[i],
                           .row = topology_stage (plan->child[i].stage),
                           .fd = -1,
                           .deadline = {.us = INT64_MAX}};

    int rc = supervisor_open (&self);
    if (rc != 0) {
        log_warn ("SUPERVISOR-FAILED", "error=\"%s\"", strerror (-rc));
        self.code = EXIT_CODE_STAGE;
        self.phase = PHASE_ENDED;
    }
    supervisor_step (&self);
    while (self.phase != PHASE_ENDED)
        supervisor_round (&self);

    tap_port_close (&self.tap);
    if (self.signals >= 0)
        close (self.signals);
    log_info ("SUPERVISOR-STOPPED", "code=%d", self.code);
    return self.code;
}
