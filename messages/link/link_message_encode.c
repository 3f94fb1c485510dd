/* SPDX-License-Identifier: MIT */
/* link_message_encode - link messages, from structs to bytes.
 *
 *   in   a struct link_message of our own making
 *   out  one msgpack array [id, field, ...] at the end of a buffer
 *   owns nothing
 *
 * Fields stand in the order of their struct. An id that may be missing
 * (has_id) is an empty bin then. What the decoder would refuse is not encoded:
 * ranges and sizes are asserted, for only our own code can have got them wrong.
 *
 * Next on the tour: messages/link/link_message_decode.c
 */
#include "messages/link/link_message_row.h"
#include "messages/link/wire.h"

/* The head of a message: its array and its id. */
static bool
encode_head (struct buffer *out, enum message_id id, size_t fields)
{
    return wire_write_array (out, 1 + fields)
           && wire_write_u64 (out, (uint64_t)id);
}

static bool
encode_command (struct buffer *out, enum command command)
{
    assert ((unsigned)command < COMMANDS_);
    return wire_write_u64 (out, (uint64_t)command);
}

static bool
encode_verdict (struct buffer *out, enum verdict verdict)
{
    assert ((unsigned)verdict < VERDICTS_);
    return wire_write_u64 (out, (uint64_t)verdict);
}

static bool
encode_stream (struct buffer *out, uint8_t stream)
{
    assert (stream < LINK_STREAMS);
    return wire_write_u64 (out, stream);
}

static bool
encode_id (struct buffer *out, const struct gov_id *id)
{
    return wire_write_bin (out, bytes_of (id->bytes, sizeof id->bytes));
}

static bool
encode_key (struct buffer *out, struct bytes key)
{
    assert (key.size == LINK_KEY_ED25519 || key.size == LINK_KEY_SECP256K1);
    return wire_write_text (out, key);
}

static bool
encode_payload (struct buffer *out, enum command command, struct bytes payload)
{
    assert (payload.size <= command_max_size (command));
    return wire_write_bin (out, payload);
}

static bool
encode_text (struct buffer *out, struct bytes text, size_t max_size)
{
    assert (text.size <= max_size);
    return wire_write_text (out, text);
}

static bool
encode_hello (struct buffer *out, enum message_id id,
              const struct link_hello *hello)
{
    return encode_head (out, id, 6) && wire_write_u64 (out, hello->version)
           && encode_text (out, hello->build, LINK_NAME_MAX)
           && encode_text (out, hello->link, LINK_NAME_MAX)
           && encode_text (out, hello->stage, LINK_NAME_MAX)
           && wire_write_u64 (out, hello->daemon)
           && wire_write_u64 (out, hello->incarnation);
}

static bool
encode_refused (struct buffer *out, const struct link_words *refused)
{
    return encode_head (out, MESSAGE_REFUSED, 1)
           && encode_text (out, refused->text, LINK_WORDS_MAX);
}

static bool
encode_credit (struct buffer *out, const struct link_credit *credit)
{
    return encode_head (out, MESSAGE_CREDIT, 1)
           && wire_write_u64 (out, credit->bytes);
}

static bool
encode_frame (struct buffer *out, const struct link_frame *frame)
{
    return encode_head (out, MESSAGE_FRAME, 7)
           && wire_write_u64 (out, frame->ticket)
           && wire_write_u64 (out, frame->peer)
           && wire_write_u64 (out, frame->group)
           && encode_command (out, frame->command)
           && wire_write_bool (out, frame->local)
           && wire_write_i64 (out, frame->received_us)
           && encode_payload (out, frame->command, frame->payload);
}

static bool
encode_frame_reply (struct buffer *out, const struct link_frame_reply *reply)
{
    size_t id_size = reply->has_id ? sizeof reply->id.bytes : 0;

    return encode_head (out, MESSAGE_FRAME_REPLY, 3)
           && wire_write_u64 (out, reply->ticket)
           && encode_verdict (out, reply->verdict)
           && wire_write_bin (out, bytes_of (reply->id.bytes, id_size));
}

static bool
encode_verified (struct buffer *out, const struct link_verified *verified)
{
    return encode_head (out, MESSAGE_VERIFIED, 9)
           && wire_write_u64 (out, verified->ticket)
           && wire_write_u64 (out, verified->group)
           && encode_command (out, verified->command)
           && wire_write_bool (out, verified->local)
           && wire_write_i64 (out, verified->received_us)
           && wire_write_i64 (out, verified->timestamp)
           && encode_id (out, &verified->id)
           && encode_key (out, verified->public_key)
           && encode_payload (out, verified->command, verified->payload);
}

static bool
encode_verified_reply (struct buffer *out,
                       const struct link_verified_reply *reply)
{
    return encode_head (out, MESSAGE_VERIFIED_REPLY, 2)
           && wire_write_u64 (out, reply->ticket)
           && encode_verdict (out, reply->verdict);
}

static bool
encode_floor (struct buffer *out, const struct link_floor *floor)
{
    return encode_head (out, MESSAGE_FLOOR, 1)
           && wire_write_i64 (out, floor->floor_s);
}

static bool
encode_feed_open (struct buffer *out, const struct link_feed_open *open)
{
    return encode_head (out, MESSAGE_FEED_OPEN, 5)
           && encode_stream (out, open->stream)
           && wire_write_u64 (out, open->from_seq)
           && wire_write_i64 (out, open->since_s)
           && wire_write_u64 (out, open->until_seq)
           && wire_write_bool (out, open->durable);
}

static bool
encode_feed_close (struct buffer *out, const struct link_feed_close *close)
{
    return encode_head (out, MESSAGE_FEED_CLOSE, 1)
           && encode_stream (out, close->stream);
}

static bool
encode_feed_ack (struct buffer *out, const struct link_feed_ack *ack)
{
    return encode_head (out, MESSAGE_FEED_ACK, 1)
           && wire_write_u64 (out, ack->seq);
}

static bool
encode_feed_entry (struct buffer *out, const struct link_feed_entry *entry)
{
    return encode_head (out, MESSAGE_FEED_ENTRY, 9)
           && encode_stream (out, entry->stream)
           && wire_write_u64 (out, entry->seq)
           && encode_command (out, entry->command)
           && wire_write_bool (out, entry->local)
           && wire_write_i64 (out, entry->received_us)
           && wire_write_i64 (out, entry->timestamp)
           && encode_id (out, &entry->id) && encode_key (out, entry->public_key)
           && encode_payload (out, entry->command, entry->payload);
}

static bool
encode_feed_head (struct buffer *out, const struct link_feed_head *head)
{
    return encode_head (out, MESSAGE_FEED_HEAD, 2)
           && encode_stream (out, head->stream)
           && wire_write_u64 (out, head->seq);
}

static bool
encode_deliver (struct buffer *out, const struct link_deliver *deliver)
{
    size_t count = deliver->peers_count;

    assert (count >= 1 && count <= DELIVER_PEERS_MAX);
    bool written = encode_head (out, MESSAGE_DELIVER, 5)
                   && encode_command (out, deliver->command)
                   && encode_id (out, &deliver->id)
                   && wire_write_i64 (out, deliver->received_us)
                   && encode_payload (out, deliver->command, deliver->payload)
                   && wire_write_array (out, count);
    for (size_t i = 0; written && i < count; i++)
        written = wire_write_u64 (out, deliver->peers[i]);
    return written;
}

static bool
encode_peer_ready (struct buffer *out, const struct link_peer_ready *ready)
{
    return encode_head (out, MESSAGE_PEER_READY, 5)
           && wire_write_u64 (out, ready->peer)
           && wire_write_u64 (out, ready->group)
           && wire_write_bool (out, ready->governance)
           && wire_write_bool (out, ready->outbound)
           && wire_write_bool (out, ready->confirmed);
}

static bool
encode_peer_gone (struct buffer *out, const struct link_peer_gone *gone)
{
    return encode_head (out, MESSAGE_PEER_GONE, 1)
           && wire_write_u64 (out, gone->peer);
}

static bool
encode_drained (struct buffer *out, const struct link_drained *drained)
{
    return encode_head (out, MESSAGE_DRAINED, 2)
           && wire_write_u64 (out, drained->peer)
           && wire_write_u64 (out, drained->bytes);
}

static bool
encode_status (struct buffer *out, const struct link_status *status)
{
    return encode_head (out, MESSAGE_STATUS, 5)
           && wire_write_u64 (out, status->ticket)
           && wire_write_u64 (out, status->peer)
           && wire_write_bool (out, status->response)
           && encode_id (out, &status->name)
           && encode_payload (out, COMMAND_ECONSTATUS, status->payload);
}

static bool
encode_status_reply (struct buffer *out, const struct link_status_reply *reply)
{
    return encode_head (out, MESSAGE_STATUS_REPLY, 2)
           && wire_write_u64 (out, reply->ticket)
           && encode_verdict (out, reply->verdict);
}

static bool
encode_relay_mode (struct buffer *out, const struct link_relay_mode *mode)
{
    return encode_head (out, MESSAGE_RELAY_MODE, 1)
           && wire_write_bool (out, mode->on);
}

static bool
encode_status_ask (struct buffer *out, enum message_id id,
                   const struct link_status_ask *ask)
{
    return encode_head (out, id, 2) && encode_id (out, &ask->name)
           && encode_payload (out, COMMAND_ECONSTATUS, ask->payload);
}

static bool
encode_dial (struct buffer *out, const struct link_dial *dial)
{
    return encode_head (out, MESSAGE_DIAL, 2)
           && encode_text (out, dial->address, LINK_ADDRESS_MAX)
           && wire_write_bool (out, dial->automatic);
}

static bool
encode_ban (struct buffer *out, const struct link_ban *ban)
{
    return encode_head (out, MESSAGE_BAN, 3)
           && encode_text (out, ban->address, LINK_ADDRESS_MAX)
           && wire_write_i64 (out, ban->until_s)
           && wire_write_bool (out, ban->manual);
}

static bool
encode_points (struct buffer *out, const struct link_points *points)
{
    return encode_head (out, MESSAGE_POINTS, 2)
           && encode_text (out, points->address, LINK_ADDRESS_MAX)
           && wire_write_u64 (out, points->points);
}

static bool
encode_offer (struct buffer *out, const struct link_offer *offer)
{
    return encode_head (out, MESSAGE_OFFER, 4)
           && encode_text (out, offer->address, LINK_ADDRESS_MAX)
           && wire_write_u64 (out, offer->services)
           && wire_write_i64 (out, offer->seen_s)
           && wire_write_u64 (out, offer->group);
}

static bool
encode_good (struct buffer *out, const struct link_good *good)
{
    return encode_head (out, MESSAGE_GOOD, 4)
           && encode_text (out, good->address, LINK_ADDRESS_MAX)
           && wire_write_u64 (out, good->services)
           && wire_write_i64 (out, good->seen_s)
           && wire_write_bool (out, good->good);
}

static bool
encode_heard (struct buffer *out, const struct link_heard *heard)
{
    return encode_head (out, MESSAGE_HEARD, 1)
           && wire_write_bin (out, bytes_of (heard->id.bytes, 32));
}

static bool
encode_peer (struct buffer *out, const struct link_peer_state *peer)
{
    assert ((unsigned)peer->state < PEER_STATES_);
    assert (peer->user_agent.size <= LINK_USER_AGENT_MAX);
    return encode_head (out, MESSAGE_PEER, 17)
           && wire_write_u64 (out, peer->peer)
           && wire_write_u64 (out, (uint64_t)peer->state)
           && encode_text (out, peer->address, LINK_ADDRESS_MAX)
           && encode_text (out, peer->dialled, LINK_ADDRESS_MAX)
           && wire_write_bool (out, peer->outbound)
           && wire_write_bool (out, peer->governance)
           && wire_write_bool (out, peer->confirmed)
           && wire_write_i64 (out, peer->version)
           && wire_write_u64 (out, peer->services)
           && wire_write_bin (out, peer->user_agent)
           && wire_write_i64 (out, peer->ping_us)
           && wire_write_i64 (out, peer->connected_s)
           && wire_write_i64 (out, peer->clock_offset_s)
           && wire_write_u64 (out, peer->points)
           && wire_write_u64 (out, peer->received)
           && wire_write_u64 (out, peer->sent)
           && encode_text (out, peer->words, LINK_WORDS_MAX);
}

static bool
encode_ready (struct buffer *out, const struct link_ready *ready)
{
    return encode_head (out, MESSAGE_READY, 2)
           && wire_write_u64 (out, ready->version)
           && encode_text (out, ready->build, LINK_NAME_MAX);
}

static bool
encode_exited (struct buffer *out, const struct link_exited *exited)
{
    return encode_head (out, MESSAGE_EXITED, 2)
           && wire_write_i64 (out, exited->error)
           && encode_text (out, exited->words, LINK_WORDS_MAX);
}

static bool
encode_ping (struct buffer *out, enum message_id id,
             const struct link_ping *ping)
{
    return encode_head (out, id, 1) && wire_write_u64 (out, ping->number);
}

static bool
encode_log_level (struct buffer *out, const struct link_log_level *level)
{
    return encode_head (out, MESSAGE_LOG_LEVEL, 1)
           && wire_write_u64 (out, level->level);
}

static bool
encode_stats_reply (struct buffer *out, const struct link_stats_reply *stats)
{
    return encode_head (out, MESSAGE_STATS_REPLY, 1)
           && encode_text (out, stats->json, LINK_STATS_MAX);
}

static bool
encode_message (struct buffer *out, const struct link_message *message)
{
    switch (message->id) {
    case MESSAGE_HELLO:
    case MESSAGE_HELLO_REPLY:
        return encode_hello (out, message->id, &message->hello);
    case MESSAGE_REFUSED:
        return encode_refused (out, &message->refused);
    case MESSAGE_CREDIT:
        return encode_credit (out, &message->credit);
    case MESSAGE_FRAME:
        return encode_frame (out, &message->frame);
    case MESSAGE_FRAME_REPLY:
        return encode_frame_reply (out, &message->frame_reply);
    case MESSAGE_VERIFIED:
        return encode_verified (out, &message->verified);
    case MESSAGE_VERIFIED_REPLY:
        return encode_verified_reply (out, &message->verified_reply);
    case MESSAGE_FLOOR:
        return encode_floor (out, &message->floor);
    case MESSAGE_FEED_OPEN:
        return encode_feed_open (out, &message->feed_open);
    case MESSAGE_FEED_CLOSE:
        return encode_feed_close (out, &message->feed_close);
    case MESSAGE_FEED_ACK:
        return encode_feed_ack (out, &message->feed_ack);
    case MESSAGE_FEED_ENTRY:
        return encode_feed_entry (out, &message->feed_entry);
    case MESSAGE_FEED_HEAD:
        return encode_feed_head (out, &message->feed_head);
    case MESSAGE_DELIVER:
        return encode_deliver (out, &message->deliver);
    case MESSAGE_PEER_READY:
        return encode_peer_ready (out, &message->peer_ready);
    case MESSAGE_PEER_GONE:
        return encode_peer_gone (out, &message->peer_gone);
    case MESSAGE_DRAINED:
        return encode_drained (out, &message->drained);
    case MESSAGE_STATUS:
        return encode_status (out, &message->status);
    case MESSAGE_STATUS_REPLY:
        return encode_status_reply (out, &message->status_reply);
    case MESSAGE_RELAY_MODE:
        return encode_relay_mode (out, &message->relay_mode);
    case MESSAGE_STATUS_ASK:
    case MESSAGE_STATUS_ASK_REPLY:
        return encode_status_ask (out, message->id, &message->status_ask);
    case MESSAGE_HEARD:
        return encode_heard (out, &message->heard);
    case MESSAGE_DIAL:
        return encode_dial (out, &message->dial);
    case MESSAGE_BAN:
        return encode_ban (out, &message->ban);
    case MESSAGE_POINTS:
        return encode_points (out, &message->points);
    case MESSAGE_OFFER:
        return encode_offer (out, &message->offer);
    case MESSAGE_GOOD:
        return encode_good (out, &message->good);
    case MESSAGE_PEER:
        return encode_peer (out, &message->peer);
    case MESSAGE_READY:
        return encode_ready (out, &message->ready);
    case MESSAGE_EXITED:
        return encode_exited (out, &message->exited);
    case MESSAGE_PING:
    case MESSAGE_PING_REPLY:
        return encode_ping (out, message->id, &message->ping);
    case MESSAGE_LOG_LEVEL:
        return encode_log_level (out, &message->log_level);
    case MESSAGE_STATS_REPLY:
        return encode_stats_reply (out, &message->stats_reply);
    case MESSAGE_HEARTBEAT:
    case MESSAGE_BYE:
    case MESSAGE_DRAIN:
    case MESSAGE_DRAIN_REPLY:
    case MESSAGE_STOP:
    case MESSAGE_TAP_OPEN:
    case MESSAGE_STATS:
        return encode_head (out, message->id, 0);
    }
    assert (false); /* not of the table: a bug of the caller */
    return false;
}

int
link_message_encode (struct buffer *out, const struct link_message *message)
{
    const struct message_row *row = message_row (message->id);
    size_t before = out->size;

    assert (row);
    if (!encode_message (out, message)) {
        out->size = before; /* memory is the only thing that can fail */
        return -ENOMEM;
    }
    assert (out->size - before <= row->max_size);
    return (int)(out->size - before);
}
