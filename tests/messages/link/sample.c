/* SPDX-License-Identifier: MIT */
/* sample - what each link message should hold, told a second time.
 *
 *   in   an id, a size, a seed
 *   out  a message within the limits of link_message.h
 *   owns nothing
 */
#include "sample.h"

#include "messages/link/wire.h"

const enum message_id sample_ids[] = {
#define MESSAGES_VERSION(version)
#define MESSAGE(NAME, id, link, from, to, size, sentence) MESSAGE_##NAME,
#include "messages/messages.def"
#undef MESSAGE
#undef MESSAGES_VERSION
};
const size_t sample_ids_count = ARRAY_SIZE (sample_ids);

#define F(MESSAGE, KIND, member)                                               \
    {                                                                          \
        MESSAGE_##MESSAGE, FIELD_##KIND,                                       \
            offsetof (struct link_message, member)                             \
    }

static const struct field sample_table[] = {
    F (HELLO, U32, hello.version),
    F (HELLO, NAME, hello.build),
    F (HELLO, NAME, hello.link),
    F (HELLO, NAME, hello.stage),
    F (HELLO, U64, hello.daemon),
    F (HELLO, U64, hello.incarnation),
    F (HELLO_REPLY, U32, hello.version),
    F (HELLO_REPLY, NAME, hello.build),
    F (HELLO_REPLY, NAME, hello.link),
    F (HELLO_REPLY, NAME, hello.stage),
    F (HELLO_REPLY, U64, hello.daemon),
    F (HELLO_REPLY, U64, hello.incarnation),
    F (REFUSED, WORDS, refused.text),
    F (CREDIT, U64, credit.bytes),
    F (FRAME, U64, frame.ticket),
    F (FRAME, U64, frame.peer),
    F (FRAME, U32, frame.group),
    F (FRAME, COMMAND, frame.command),
    F (FRAME, BOOL, frame.local),
    F (FRAME, I64, frame.received_us),
    F (FRAME, PAYLOAD, frame.payload),
    F (FRAME_REPLY, U64, frame_reply.ticket),
    F (FRAME_REPLY, VERDICT, frame_reply.verdict),
    F (FRAME_REPLY, OPTIONAL_ID, frame_reply.id),
    F (VERIFIED, U64, verified.ticket),
    F (VERIFIED, U32, verified.group),
    F (VERIFIED, COMMAND, verified.command),
    F (VERIFIED, BOOL, verified.local),
    F (VERIFIED, I64, verified.received_us),
    F (VERIFIED, I64, verified.timestamp),
    F (VERIFIED, ID, verified.id),
    F (VERIFIED, KEY, verified.public_key),
    F (VERIFIED, PAYLOAD, verified.payload),
    F (VERIFIED_REPLY, U64, verified_reply.ticket),
    F (VERIFIED_REPLY, VERDICT, verified_reply.verdict),
    F (FLOOR, I64, floor.floor_s),
    F (FEED_OPEN, STREAM, feed_open.stream),
    F (FEED_OPEN, U64, feed_open.from_seq),
    F (FEED_OPEN, I64, feed_open.since_s),
    F (FEED_OPEN, U64, feed_open.until_seq),
    F (FEED_OPEN, BOOL, feed_open.durable),
    F (FEED_CLOSE, STREAM, feed_close.stream),
    F (FEED_ACK, U64, feed_ack.seq),
    F (FEED_ENTRY, STREAM, feed_entry.stream),
    F (FEED_ENTRY, U64, feed_entry.seq),
    F (FEED_ENTRY, COMMAND, feed_entry.command),
    F (FEED_ENTRY, BOOL, feed_entry.local),
    F (FEED_ENTRY, I64, feed_entry.received_us),
    F (FEED_ENTRY, I64, feed_entry.timestamp),
    F (FEED_ENTRY, ID, feed_entry.id),
    F (FEED_ENTRY, KEY, feed_entry.public_key),
    F (FEED_ENTRY, PAYLOAD, feed_entry.payload),
    F (FEED_HEAD, STREAM, feed_head.stream),
    F (FEED_HEAD, U64, feed_head.seq),
    F (DELIVER, COMMAND, deliver.command),
    F (DELIVER, ID, deliver.id),
    F (DELIVER, I64, deliver.received_us),
    F (DELIVER, PAYLOAD, deliver.payload),
    F (DELIVER, PEERS, deliver.peers),
    F (PEER_READY, U64, peer_ready.peer),
    F (PEER_READY, U32, peer_ready.group),
    F (PEER_READY, BOOL, peer_ready.governance),
    F (PEER_READY, BOOL, peer_ready.outbound),
    F (PEER_READY, BOOL, peer_ready.confirmed),
    F (PEER_GONE, U64, peer_gone.peer),
    F (DRAINED, U64, drained.peer),
    F (DRAINED, U64, drained.bytes),
    F (STATUS, U64, status.ticket),
    F (STATUS, U64, status.peer),
    F (STATUS, BOOL, status.response),
    F (STATUS, ID, status.name),
    F (STATUS, STATUS_PAYLOAD, status.payload),
    F (STATUS_REPLY, U64, status_reply.ticket),
    F (STATUS_REPLY, VERDICT, status_reply.verdict),
    F (RELAY_MODE, BOOL, relay_mode.on),
    F (STATUS_ASK, ID, status_ask.name),
    F (STATUS_ASK, STATUS_PAYLOAD, status_ask.payload),
    F (STATUS_ASK_REPLY, ID, status_ask.name),
    F (STATUS_ASK_REPLY, STATUS_PAYLOAD, status_ask.payload),
    F (HEARD, ID, heard.id),
    F (DIAL, ADDRESS, dial.address),
    F (DIAL, BOOL, dial.automatic),
    F (BAN, ADDRESS, ban.address),
    F (BAN, I64, ban.until_s),
    F (BAN, BOOL, ban.manual),
    F (POINTS, ADDRESS, points.address),
    F (POINTS, U32, points.points),
    F (OFFER, ADDRESS, offer.address),
    F (OFFER, U64, offer.services),
    F (OFFER, I64, offer.seen_s),
    F (OFFER, U32, offer.group),
    F (GOOD, ADDRESS, good.address),
    F (GOOD, U64, good.services),
    F (GOOD, I64, good.seen_s),
    F (GOOD, BOOL, good.good),
    F (PEER, U64, peer.peer),
    F (PEER, PEER_STATE, peer.state),
    F (PEER, ADDRESS, peer.address),
    F (PEER, ADDRESS, peer.dialled),
    F (PEER, BOOL, peer.outbound),
    F (PEER, BOOL, peer.governance),
    F (PEER, BOOL, peer.confirmed),
    F (PEER, I32, peer.version),
    F (PEER, U64, peer.services),
    F (PEER, USER_AGENT, peer.user_agent),
    F (PEER, I64, peer.ping_us),
    F (PEER, I64, peer.connected_s),
    F (PEER, I64, peer.clock_offset_s),
    F (PEER, U32, peer.points),
    F (PEER, U64, peer.received),
    F (PEER, U64, peer.sent),
    F (PEER, WORDS, peer.words),
    F (READY, U32, ready.version),
    F (READY, NAME, ready.build),
    F (EXITED, I32, exited.error),
    F (EXITED, WORDS, exited.words),
    F (PING, U64, ping.number),
    F (PING_REPLY, U64, ping.number),
    F (LOG_LEVEL, U8, log_level.level),
    F (STATS_REPLY, JSON, stats_reply.json),
};

#undef F

enum link_id
sample_link (enum message_id id)
{
    static const enum link_id links[] = {
#define MESSAGES_VERSION(version)
#define MESSAGE(NAME, id, link, from, to, size, sentence) [id] = LINK_##link,
#include "messages/messages.def"
#undef MESSAGE
#undef MESSAGES_VERSION
    };

    return links[id];
}

const struct field *
sample_fields (enum message_id id, size_t *ret_count)
{
    size_t first = 0;
    while (first < ARRAY_SIZE (sample_table)
           && sample_table[first].message != id)
        first++;
    size_t end = first;
    while (end < ARRAY_SIZE (sample_table) && sample_table[end].message == id)
        end++;
    *ret_count = end - first;
    return &sample_table[first];
}

/* Numbers of every width are equally likely. */
static uint64_t
sample_random (struct sample *sample)
{
    sample->random =
        sample->random * UINT64_C (6364136223846793005) + 1442695040888963407;
    uint64_t mixed = sample->random ^ sample->random >> 29;
    return mixed * UINT64_C (0x9e3779b97f4a7c15) >> (mixed >> 58);
}

/* A number from LEAST to GREATEST; greatest ones differ by NTH. */
static uint64_t
sample_number (struct sample *sample, enum sample_size size, uint64_t least,
               uint64_t greatest, uint64_t nth)
{
    if (size == SAMPLE_LEAST)
        return least;
    if (size == SAMPLE_GREATEST)
        return greatest - nth;
    uint64_t random = sample_random (sample);
    uint64_t range = greatest - least;
    return range == UINT64_MAX ? random : least + random % (range + 1);
}

/* SIZE bytes of the sample's own, all FILL, or any if FILL is 0. */
static struct bytes
sample_bytes (struct sample *sample, size_t size, uint8_t fill)
{
    uint8_t *start = sample->bytes + sample->used;

    assert (size <= sizeof sample->bytes - sample->used);
    for (size_t i = 0; i < size; i++)
        start[i] = fill ? fill : (uint8_t)sample_random (sample);
    sample->used += size;
    return bytes_of (start, size);
}

/* At most MAX bytes; random ones are short, so that tests are fast. */
static struct bytes
sample_some (struct sample *sample, enum sample_size size, size_t max,
             uint8_t fill)
{
    size_t most = size == SAMPLE_RANDOM && max > 60 ? 60 : max;
    return sample_bytes (
        sample, (size_t)sample_number (sample, size, 0, most, 0), fill);
}

static struct bytes
sample_key (struct sample *sample, enum sample_size size)
{
    bool longer = sample_number (sample, size, 0, 1, 0) == 1;
    return sample_bytes (sample, longer ? 66 : 64, longer ? 'f' : '0');
}

static void
sample_id (struct sample *sample, enum sample_size size, struct gov_id *ret_id)
{
    for (size_t i = 0; i < sizeof ret_id->bytes; i++)
        ret_id->bytes[i] =
            (uint8_t)sample_number (sample, size, 0, UINT8_MAX, i);
}

static void
sample_peers (struct sample *sample, enum sample_size size,
              struct link_deliver *deliver)
{
    deliver->peers_count =
        (size_t)sample_number (sample, size, 1, DELIVER_PEERS_MAX, 0);
    for (size_t i = 0; i < deliver->peers_count; i++)
        deliver->peers[i] = sample_number (sample, size, 0, UINT64_MAX, i);
}

/* Sets the field at AT, the NTH of its message. */
static void
sample_fill_field (struct sample *sample, const struct field *field, void *at,
                   enum sample_size size, uint64_t nth)
{
    struct link_message *message = &sample->message;
    uint8_t letter = (uint8_t)('a' + nth);
    /* The first command has the largest payload: greatest values have that. */
    enum command command = (enum command) (
        COMMANDS_ - 1 - sample_number (sample, size, 0, COMMANDS_ - 1, 0));

    switch (field->kind) {
    case FIELD_U8:
        *(uint8_t *)at =
            (uint8_t)sample_number (sample, size, 0, UINT8_MAX, nth);
        break;
    case FIELD_U32:
        *(uint32_t *)at =
            (uint32_t)sample_number (sample, size, 0, UINT32_MAX, nth);
        break;
    case FIELD_U64:
        *(uint64_t *)at = sample_number (sample, size, 0, UINT64_MAX, nth);
        break;
    case FIELD_I32:
        *(int32_t *)at =
            (int32_t)((int64_t)sample_number (sample, size, 0, UINT32_MAX, nth)
                      + INT32_MIN);
        break;
    case FIELD_I64:
        *(int64_t *)at =
            (int64_t)(sample_number (sample, size, 0, UINT64_MAX, nth)
                      ^ UINT64_C (1) << 63);
        break;
    case FIELD_BOOL:
        *(bool *)at = sample_number (sample, size, 0, 1, 0) == 1;
        break;
    case FIELD_COMMAND:
        *(enum command *)at = command;
        break;
    case FIELD_VERDICT:
        *(enum verdict *)at =
            (enum verdict)sample_number (sample, size, 0, VERDICTS_ - 1, 0);
        break;
    case FIELD_PEER_STATE:
        *(enum peer_state *)at = (enum peer_state)sample_number (
            sample, size, 0, PEER_STATES_ - 1, 0);
        break;
    case FIELD_STREAM:
        *(uint8_t *)at = (uint8_t)sample_number (sample, size, 0, 7, 0);
        break;
    case FIELD_NAME:
        *(struct bytes *)at = sample_some (sample, size, LINK_NAME_MAX, letter);
        break;
    case FIELD_ADDRESS:
        *(struct bytes *)at =
            sample_some (sample, size, LINK_ADDRESS_MAX, letter);
        break;
    case FIELD_WORDS:
        *(struct bytes *)at =
            sample_some (sample, size, LINK_WORDS_MAX, letter);
        break;
    case FIELD_JSON:
        *(struct bytes *)at =
            sample_some (sample, size, SAMPLE_JSON_MAX, letter);
        break;
    case FIELD_USER_AGENT:
        *(struct bytes *)at =
            sample_some (sample, size, SAMPLE_USER_AGENT_MAX, 0);
        break;
    case FIELD_ID:
        sample_id (sample, size, at);
        break;
    case FIELD_OPTIONAL_ID:
        message->frame_reply.has_id =
            sample_number (sample, size, 0, 1, 0) == 1;
        if (message->frame_reply.has_id)
            sample_id (sample, size, at);
        break;
    case FIELD_KEY:
        *(struct bytes *)at = sample_key (sample, size);
        break;
    case FIELD_PAYLOAD: /* the least command, when sizes are greatest */
        *(struct bytes *)at = sample_some (
            sample, size,
            size == SAMPLE_GREATEST ? GOVERNANCE_PAYLOAD_MAX : 4096, 0);
        break;
    case FIELD_STATUS_PAYLOAD:
        *(struct bytes *)at = sample_some (sample, size, 4096, 0);
        break;
    case FIELD_PEERS:
        sample_peers (sample, size, &message->deliver);
        break;
    }
}

void
sample_fill (struct sample *sample, enum message_id id, enum sample_size size,
             uint64_t seed)
{
    size_t count;
    const struct field *fields = sample_fields (id, &count);

    memset (&sample->message, 0, sizeof sample->message);
    sample->message.id = id;
    sample->used = 0;
    sample->random = seed;
    for (size_t i = 0; i < count; i++)
        sample_fill_field (sample, &fields[i],
                           (uint8_t *)&sample->message + fields[i].offset, size,
                           i);
}

static bool
sample_field_equal (enum field_kind kind, const struct link_message *a,
                    const struct link_message *b, size_t offset)
{
    const void *at_a = (const uint8_t *)a + offset;
    const void *at_b = (const uint8_t *)b + offset;

    switch (kind) {
    case FIELD_U8:
    case FIELD_STREAM:
        return memcmp (at_a, at_b, sizeof (uint8_t)) == 0;
    case FIELD_BOOL:
        return *(const bool *)at_a == *(const bool *)at_b;
    case FIELD_U32:
    case FIELD_I32:
        return memcmp (at_a, at_b, sizeof (uint32_t)) == 0;
    case FIELD_COMMAND:
    case FIELD_VERDICT:
    case FIELD_PEER_STATE:
        return memcmp (at_a, at_b, sizeof (enum verdict)) == 0;
    case FIELD_U64:
    case FIELD_I64:
        return memcmp (at_a, at_b, sizeof (uint64_t)) == 0;
    case FIELD_NAME:
    case FIELD_ADDRESS:
    case FIELD_WORDS:
    case FIELD_JSON:
    case FIELD_USER_AGENT:
    case FIELD_KEY:
    case FIELD_PAYLOAD:
    case FIELD_STATUS_PAYLOAD:
        return bytes_equal (*(const struct bytes *)at_a,
                            *(const struct bytes *)at_b);
    case FIELD_OPTIONAL_ID:
        return a->frame_reply.has_id == b->frame_reply.has_id
               && memcmp (at_a, at_b, sizeof (struct gov_id)) == 0;
    case FIELD_ID:
        return memcmp (at_a, at_b, sizeof (struct gov_id)) == 0;
    case FIELD_PEERS:
        return a->deliver.peers_count == b->deliver.peers_count
               && memcmp (at_a, at_b,
                          a->deliver.peers_count * sizeof (uint64_t))
                      == 0;
    }
    return false;
}

bool
sample_equal (const struct link_message *a, const struct link_message *b)
{
    if (a->id != b->id)
        return false;

    size_t count;
    const struct field *fields = sample_fields (a->id, &count);
    for (size_t i = 0; i < count; i++)
        if (!sample_field_equal (fields[i].kind, a, b, fields[i].offset))
            return false;
    return true;
}

enum family
sample_family (enum field_kind kind)
{
    switch (kind) {
    case FIELD_U8:
    case FIELD_U32:
    case FIELD_U64:
    case FIELD_I32:
    case FIELD_I64:
    case FIELD_COMMAND:
    case FIELD_VERDICT:
    case FIELD_PEER_STATE:
    case FIELD_STREAM:
        return OF_INTEGER;
    case FIELD_BOOL:
        return OF_BOOL;
    case FIELD_NAME:
    case FIELD_ADDRESS:
    case FIELD_WORDS:
    case FIELD_JSON:
    case FIELD_KEY:
        return OF_TEXT;
    case FIELD_USER_AGENT:
    case FIELD_ID:
    case FIELD_OPTIONAL_ID:
    case FIELD_PAYLOAD:
    case FIELD_STATUS_PAYLOAD:
        return OF_BIN;
    case FIELD_PEERS:
        return OF_ARRAY;
    }
    return OF_NONE;
}

size_t
sample_most_bytes (enum field_kind kind, const struct link_message *message)
{
    if (kind == FIELD_NAME)
        return LINK_NAME_MAX;
    if (kind == FIELD_ADDRESS)
        return LINK_ADDRESS_MAX;
    if (kind == FIELD_WORDS)
        return LINK_WORDS_MAX;
    if (kind == FIELD_JSON)
        return SAMPLE_JSON_MAX;
    if (kind == FIELD_USER_AGENT)
        return SAMPLE_USER_AGENT_MAX;
    if (kind == FIELD_KEY)
        return PUBLIC_KEY_TEXT_MAX;
    if (kind == FIELD_STATUS_PAYLOAD)
        return 4096;
    if (kind != FIELD_PAYLOAD)
        return sizeof (struct gov_id);
    if (message->id == MESSAGE_FRAME)
        return command_max_size (message->frame.command);
    if (message->id == MESSAGE_VERIFIED)
        return command_max_size (message->verified.command);
    if (message->id == MESSAGE_FEED_ENTRY)
        return command_max_size (message->feed_entry.command);
    assert (message->id == MESSAGE_DELIVER);
    return command_max_size (message->deliver.command);
}

/* Returns the size of the value at the front of IN, as wire writes it. */
static size_t
sample_value_size (struct bytes in)
{
    struct bytes rest = in;
    uint64_t number;
    int64_t number_signed;
    bool truth;
    struct bytes view;
    size_t count;

    if (wire_read_u64 (&rest, &number) || wire_read_i64 (&rest, &number_signed)
        || wire_read_bool (&rest, &truth)
        || wire_read_bin (&rest, SIZE_MAX, &view)
        || wire_read_text (&rest, SIZE_MAX, &view))
        return in.size - rest.size;
    bool array = wire_read_list (&rest, 0, SIZE_MAX, &count);
    assert (array);
    for (size_t i = 0; i < count; i++)
        rest = bytes_of (rest.data + sample_value_size (rest),
                         rest.size - sample_value_size (rest));
    return in.size - rest.size;
}

/* Returns where the NTH value of MESSAGE's array begins; the id is the 0th. */
static size_t
sample_value_start (struct bytes message, size_t nth)
{
    size_t count;
    struct bytes rest = message;

    bool array = wire_read_list (&rest, 1, 99, &count);
    assert (array);
    for (size_t i = 0; i < nth; i++) {
        size_t size = sample_value_size (rest);
        rest = bytes_of (rest.data + size, rest.size - size);
    }
    return message.size - rest.size;
}

void
sample_replace (struct buffer *out, struct bytes message, size_t nth,
                struct bytes value)
{
    size_t start = sample_value_start (message, nth);
    size_t end = start
                 + sample_value_size (
                     bytes_of (message.data + start, message.size - start));

    struct bytes rest = bytes_of (message.data + end, message.size - end);
    buffer_clear (out);
    int rc = buffer_append (out, bytes_of (message.data, start));
    if (rc == 0)
        rc = buffer_append (out, value);
    if (rc == 0)
        rc = buffer_append (out, rest);
    assert (rc == 0);
}
