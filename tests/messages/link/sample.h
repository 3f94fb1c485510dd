/* SPDX-License-Identifier: MIT */
/* sample - what each link message should hold, told a second time: a table of
 * fields from which samples are made and compared, apart from the codecs. */
#pragma once

#include "messages/link/link_message.h"

/* What a field may hold. */
enum field_kind {
    FIELD_U8,
    FIELD_U32,
    FIELD_U64,
    FIELD_I32,
    FIELD_I64,
    FIELD_BOOL,
    FIELD_COMMAND,
    FIELD_VERDICT,
    FIELD_PEER_STATE,
    FIELD_STREAM,
    FIELD_NAME,
    FIELD_ADDRESS,
    FIELD_WORDS,
    FIELD_JSON,
    FIELD_USER_AGENT,
    FIELD_ID,
    FIELD_OPTIONAL_ID, /* of FRAME_REPLY, with has_id */
    FIELD_KEY,
    FIELD_PAYLOAD,        /* of the command before it */
    FIELD_STATUS_PAYLOAD, /* of econstatus */
    FIELD_PEERS,          /* of DELIVER, with peers_count */
};

/* The families of msgpack's types; a field takes one of them. */
enum family { OF_NONE, OF_INTEGER, OF_BOOL, OF_BIN, OF_TEXT, OF_ARRAY };

struct field {
    enum message_id message;
    enum field_kind kind;
    size_t offset; /* in struct link_message */
};

#define SAMPLE_JSON_MAX 8186
#define SAMPLE_USER_AGENT_MAX 256

enum sample_size { SAMPLE_LEAST, SAMPLE_GREATEST, SAMPLE_RANDOM };

/* A message and the bytes that it points to. */
struct sample {
    struct link_message message;
    uint8_t bytes[GOVERNANCE_PAYLOAD_MAX + 4096];
    size_t used;     /* of bytes */
    uint64_t random; /* state of a small generator */
};

/* All ids of messages.def. */
extern const enum message_id sample_ids[];
extern const size_t sample_ids_count;

/* Returns the link of ID by messages.def. */
enum link_id sample_link (enum message_id id);

/* Returns the fields of ID in wire order, and how many. */
const struct field *sample_fields (enum message_id id, size_t *ret_count);

/* Fills SAMPLE with an ID whose values are all least, all greatest (and no two
 * alike, so that none can stand in another's place), or by SEED. */
void sample_fill (struct sample *sample, enum message_id id,
                  enum sample_size size, uint64_t seed);

/* Returns true if all fields of A and B hold the same. */
bool sample_equal (const struct link_message *a, const struct link_message *b);

enum family sample_family (enum field_kind kind);

/* Returns the most bytes that a text or bin of KIND may hold in MESSAGE. */
size_t sample_most_bytes (enum field_kind kind,
                          const struct link_message *message);

/* Sets OUT to MESSAGE with VALUE in the place of its NTH value; the id is the
 * 0th. */
void sample_replace (struct buffer *out, struct bytes message, size_t nth,
                     struct bytes value);
