/* SPDX-License-Identifier: MIT */
/* link_message - what stages say to each other (messages.def), as structs.
 *
 * On the wire each is one msgpack array [id, field, ...]; a link frame carries
 * one or more of them back to back. Views in a decoded message point into the
 * bytes that were decoded.
 */
#pragma once

#include "base.h"
#include "buffer.h"
#include "messages/governance/command.h"
#include "messages/governance/message.h"
#include "messages/verdict.h"

enum message_id {
#define MESSAGES_VERSION(version)
#define MESSAGE(NAME, id, link, from, to, size, sentence) MESSAGE_##NAME = id,
#include "messages/messages.def"
#undef MESSAGE
#undef MESSAGES_VERSION
};

enum {
#define MESSAGES_VERSION(version) MESSAGES_TABLE_VERSION = version
#define MESSAGE(NAME, id, link, from, to, size, sentence)
#include "messages/messages.def"
#undef MESSAGE
#undef MESSAGES_VERSION
};

/* The links of the topology (supervisor/topology.def), and two pseudo ones: a
 * message of ANY may be spoken on all, CONTROL is the supervisor's own. */
enum link_id {
    LINK_FRAMES,
    LINK_VERIFIED,
    LINK_FEED,
    LINK_DELIVERY,
    LINK_STATUS,
    LINK_PEERING,
    LINKS_,
    LINK_CONTROL = LINKS_,
    LINK_ANY
};

#define LINK_NAME_MAX 63       /* "verifier.0", builds, link names */
#define LINK_ADDRESS_MAX 263   /* a DNS name, a colon and a port */
#define LINK_WORDS_MAX 400     /* sentences for people */
#define DELIVER_PEERS_MAX 256  /* 9 bytes each; longer lists are split */
#define LINK_FRAME_MAX 1048576 /* one zmq frame: many messages, one bound */

struct link_hello {       /* HELLO, HELLO_REPLY */
    uint32_t version;     /* MESSAGES_TABLE_VERSION of the speaker */
    struct bytes build;   /* its release, "0.1.0" */
    struct bytes link;    /* link name: a wrong plug is refused */
    struct bytes stage;   /* "verifier.0" */
    uint64_t daemon;      /* random, one per daemon */
    uint64_t incarnation; /* random, one per start of the stage */
};

struct link_words { /* REFUSED */
    struct bytes text;
};

struct link_credit { /* CREDIT */
    uint64_t bytes;
};

struct link_frame {  /* FRAME */
    uint64_t ticket; /* ingress's name for it; echoed */
    uint64_t peer;   /* the connection that it came from */
    uint32_t group;  /* keyed hash of the peer's network group */
    enum command command;
    bool local;          /* handed in: its sender came to us from loopback or
                             a noban address */
    int64_t received_us; /* Unix µs of its last byte at ingress */
    struct bytes payload;
};

struct link_frame_reply { /* FRAME_REPLY */
    uint64_t ticket;
    enum verdict verdict;
    bool has_id; /* accepted and duplicate name the message */
    struct gov_id id;
};

struct link_verified { /* VERIFIED */
    uint64_t ticket;
    uint32_t group;
    enum command command;
    bool local;
    int64_t received_us;
    int64_t timestamp;
    struct gov_id id;
    struct bytes public_key; /* hex text, 64 or 66 */
    struct bytes payload;
};

struct link_verified_reply { /* VERIFIED_REPLY */
    uint64_t ticket;
    enum verdict verdict;
};

struct link_floor {  /* FLOOR */
    int64_t floor_s; /* PROTOCOL 5.2; INT64_MIN: nothing forgotten */
};

struct link_feed_open { /* FEED_OPEN */
    uint8_t stream;     /* the reader's number for it, below 8 */
    uint64_t from_seq;  /* first wanted; 0: by time */
    int64_t since_s;    /* first with timestamp >= this, if from_seq is 0 */
    uint64_t until_seq; /* last wanted; 0: live for ever */
    bool durable;       /* the journal is not pruned past its acks */
};

struct link_feed_close { /* FEED_CLOSE */
    uint8_t stream;
};

struct link_feed_ack { /* FEED_ACK */
    uint64_t seq;
};

struct link_feed_entry { /* FEED_ENTRY */
    uint8_t stream;
    uint64_t seq; /* 1, 2, 3 … for ever */
    enum command command;
    bool local;
    int64_t received_us;
    int64_t timestamp;
    struct gov_id id;
    struct bytes public_key;
    struct bytes payload;
};

struct link_feed_head { /* FEED_HEAD */
    uint8_t stream;
    uint64_t seq; /* the newest, 0 when the journal is empty */
};

struct link_deliver { /* DELIVER */
    enum command command;
    struct gov_id id;    /* of a status message: its D */
    int64_t received_us; /* 0 for status messages */
    struct bytes payload;
    uint64_t peers[DELIVER_PEERS_MAX];
    size_t peers_count; /* 1 .. DELIVER_PEERS_MAX */
};

struct link_peer_ready { /* PEER_READY */
    uint64_t peer;
    uint32_t group;
    bool governance;
    bool outbound;
    bool confirmed;
};

struct link_peer_gone { /* PEER_GONE */
    uint64_t peer;
};

struct link_drained { /* DRAINED */
    uint64_t peer;
    uint64_t bytes; /* of payload, sent or found to be known */
};

struct link_heard { /* HEARD: a message that was handed in locally came
                             from a peer of the network */
    struct gov_id id;
};

struct link_status { /* STATUS */
    uint64_t ticket;
    uint64_t peer;
    bool response;
    struct gov_id name; /* D */
    struct bytes payload;
};

struct link_status_reply { /* STATUS_REPLY */
    uint64_t ticket;
    enum verdict verdict;
};

struct link_relay_mode { /* RELAY_MODE */
    bool on;
};

struct link_status_ask { /* STATUS_ASK, and STATUS_ASK_REPLY with the
                                response's payload: empty, nobody knows */
    struct gov_id name;
    struct bytes payload;
};

struct link_dial {        /* DIAL */
    struct bytes address; /* "host:port" as configured */
    bool automatic;       /* from the address book: dropped if unconfirmed */
};

struct link_ban {         /* BAN */
    struct bytes address; /* "1.2.3.4", "2001:db8::/64" */
    int64_t until_s;      /* Unix seconds; 0: lifted */
    bool manual;          /* an operator's: closed and refused; else it is
                             discouraged: refused when slots are scarce */
};

struct link_points {      /* POINTS */
    struct bytes address; /* "1.2.3.4" or "2001:db8:1:2::/64" */
    uint32_t points;      /* to be added to what it has */
};

struct link_offer {       /* OFFER: from addr and addrv2 */
    struct bytes address; /* "1.2.3.4:8643", "[v6]:1", "x.onion:1" */
    uint64_t services;
    int64_t seen_s; /* as told, Unix seconds */
    uint32_t group; /* keyed hash of the network group of who told it */
};

struct link_good { /* GOOD: a confirmed address, for getaddr */
    struct bytes address;
    uint64_t services;
    int64_t seen_s;
    bool good; /* false: not any more */
};

enum peer_state {
    PEER_DIALLING,
    PEER_CONNECTED,
    PEER_SHAKEN, /* handshake complete */
    PEER_LEFT,   /* for inbound: gone; for dialled: failed or gone */
    PEER_STATES_
};

struct link_peer_state { /* PEER */
    uint64_t peer;
    enum peer_state state;
    struct bytes address; /* "1.2.3.4:8333" */
    struct bytes dialled; /* as in DIAL; empty for inbound */
    bool outbound;
    bool governance;
    bool confirmed;
    int32_t version;
    uint64_t services;
    struct bytes user_agent;
    int64_t ping_us;        /* -1: not measured yet */
    int64_t connected_s;    /* Unix seconds */
    int64_t clock_offset_s; /* its clock less ours, at its version */
    uint32_t points;
    uint64_t received; /* bytes */
    uint64_t sent;
    struct bytes words; /* LEFT: why */
};

struct link_ready { /* READY */
    uint32_t version;
    struct bytes build;
};

struct link_exited {    /* EXITED */
    int32_t error;      /* an errno, 0: as asked */
    struct bytes words; /* last words, for people */
};

struct link_ping { /* PING, PING_REPLY */
    uint64_t number;
};

struct link_log_level { /* LOG_LEVEL */
    uint8_t level;
};

struct link_stats_reply { /* STATS_REPLY */
    struct bytes json;
};

struct link_message {
    enum message_id id;
    union {
        struct link_hello hello; /* HELLO, HELLO_REPLY */
        struct link_words refused;
        struct link_credit credit;
        struct link_frame frame;
        struct link_frame_reply frame_reply;
        struct link_verified verified;
        struct link_verified_reply verified_reply;
        struct link_floor floor;
        struct link_feed_open feed_open;
        struct link_feed_close feed_close;
        struct link_feed_ack feed_ack;
        struct link_feed_entry feed_entry;
        struct link_feed_head feed_head;
        struct link_deliver deliver;
        struct link_peer_ready peer_ready;
        struct link_peer_gone peer_gone;
        struct link_drained drained;
        struct link_heard heard;
        struct link_status status;
        struct link_status_reply status_reply;
        struct link_relay_mode relay_mode;
        struct link_status_ask status_ask; /* STATUS_ASK, STATUS_ASK_REPLY */
        struct link_dial dial;
        struct link_ban ban;
        struct link_points points;
        struct link_offer offer;
        struct link_good good;
        struct link_peer_state peer;
        struct link_ready ready;
        struct link_exited exited;
        struct link_ping ping; /* PING, PING_REPLY */
        struct link_log_level log_level;
        struct link_stats_reply stats_reply;
    };
};

/* Appends MESSAGE to OUT. Returns its size in bytes, or -ENOMEM (OUT as it
 * was). A message above its size limit is a bug of the caller: assert. */
int link_message_encode (struct buffer *out,
                         const struct link_message *message);

/* Takes one message off the front of *INPUT. Returns 0, or -EPROTO when the
 * bytes are not exactly one declared message of LINK (or of ANY), with every
 * value in range and no larger than the table says. *INPUT and *ret_message
 * are untouched on failure. */
int link_message_decode (enum link_id link, struct bytes *input,
                         struct link_message *ret_message);

/* Returns the NAME of ID as in messages.def, or NULL for an unknown id. */
const char *message_id_name (enum message_id id);

/* Returns the link's name, "frames"; of ANY and CONTROL too. */
const char *link_id_name (enum link_id link);
