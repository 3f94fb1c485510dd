/* SPDX-License-Identifier: MIT */
/* link_message_decode - link messages, from bytes to structs.
 *
 *   in   bytes of another stage, which may be on another machine: all of them
 *        are lies until checked
 *   out  one struct link_message with every value in range, or nothing
 *   owns nothing; texts and payloads are views into the bytes
 *
 * The mirror of link_message_encode.c: each function is one chain over the
 * reader of wire.h, in the order of the struct. What a broken chain leaves
 * behind stays in link_message_decode's own copy.
 *
 * Next on the tour: actors/link.c
 */
#include "hex.h"
#include "messages/link/link_message_row.h"
#include "messages/link/wire.h"

#define MESSAGE_FIELDS_MAX 32 /* of any message; each knows its own number */

/* The head again, now that the id has told how many fields there are. */
static bool
decode_head (struct bytes *in, size_t fields)
{
    uint8_t id;

    return wire_read_array (in, 1 + fields) && wire_read_u8 (in, &id);
}

static bool
decode_command (struct bytes *in, enum command *ret_command)
{
    uint8_t command;

    if (!wire_read_u8 (in, &command) || command >= COMMANDS_)
        return false;
    *ret_command = (enum command)command;
    return true;
}

static bool
decode_verdict (struct bytes *in, enum verdict *ret_verdict)
{
    uint8_t verdict;

    if (!wire_read_u8 (in, &verdict) || verdict >= VERDICTS_)
        return false;
    *ret_verdict = (enum verdict)verdict;
    return true;
}

static bool
decode_peer_state (struct bytes *in, enum peer_state *ret_state)
{
    uint8_t state;

    if (!wire_read_u8 (in, &state) || state >= PEER_STATES_)
        return false;
    *ret_state = (enum peer_state)state;
    return true;
}

static bool
decode_stream (struct bytes *in, uint8_t *ret_stream)
{
    return wire_read_u8 (in, ret_stream) && *ret_stream < LINK_STREAMS;
}

static bool
decode_id (struct bytes *in, struct gov_id *ret_id)
{
    struct bytes id;

    if (!wire_read_bin (in, sizeof ret_id->bytes, &id)
        || id.size != sizeof ret_id->bytes)
        return false;
    memcpy (ret_id->bytes, id.data, id.size);
    return true;
}

/* An id, or an empty bin for none; RET_ID is all zero then. */
static bool
decode_optional_id (struct bytes *in, bool *ret_has_id, struct gov_id *ret_id)
{
    struct bytes rest = *in;
    struct bytes none;

    *ret_has_id = !wire_read_bin (&rest, 0, &none);
    if (*ret_has_id)
        return decode_id (in, ret_id);
    *ret_id = (struct gov_id){0};
    *in = rest;
    return true;
}

static bool
decode_key (struct bytes *in, struct bytes *ret_key)
{
    return wire_read_text (in, LINK_KEY_SECP256K1, ret_key)
           && (ret_key->size == LINK_KEY_ED25519
               || ret_key->size == LINK_KEY_SECP256K1)
           && hex_is_text (*ret_key);
}

/* Of a command that was read, so that it is one. */
static bool
decode_payload (struct bytes *in, enum command command,
                struct bytes *ret_payload)
{
    return wire_read_bin (in, command_max_size (command), ret_payload);
}

static bool
decode_hello (struct bytes *in, struct link_hello *ret_hello)
{
    return decode_head (in, 6) && wire_read_u32 (in, &ret_hello->version)
           && wire_read_text (in, LINK_NAME_MAX, &ret_hello->build)
           && wire_read_text (in, LINK_NAME_MAX, &ret_hello->link)
           && wire_read_text (in, LINK_NAME_MAX, &ret_hello->stage)
           && wire_read_u64 (in, &ret_hello->daemon)
           && wire_read_u64 (in, &ret_hello->incarnation);
}

static bool
decode_refused (struct bytes *in, struct link_words *ret_refused)
{
    return decode_head (in, 1)
           && wire_read_text (in, LINK_WORDS_MAX, &ret_refused->text);
}

static bool
decode_credit (struct bytes *in, struct link_credit *ret_credit)
{
    return decode_head (in, 1) && wire_read_u64 (in, &ret_credit->bytes);
}

static bool
decode_frame (struct bytes *in, struct link_frame *ret_frame)
{
    return decode_head (in, 7) && wire_read_u64 (in, &ret_frame->ticket)
           && wire_read_u64 (in, &ret_frame->peer)
           && wire_read_u32 (in, &ret_frame->group)
           && decode_command (in, &ret_frame->command)
           && wire_read_bool (in, &ret_frame->local)
           && wire_read_i64 (in, &ret_frame->received_us)
           && decode_payload (in, ret_frame->command, &ret_frame->payload);
}

static bool
decode_frame_reply (struct bytes *in, struct link_frame_reply *ret_reply)
{
    return decode_head (in, 3) && wire_read_u64 (in, &ret_reply->ticket)
           && decode_verdict (in, &ret_reply->verdict)
           && decode_optional_id (in, &ret_reply->has_id, &ret_reply->id);
}

static bool
decode_verified (struct bytes *in, struct link_verified *ret_verified)
{
    return decode_head (in, 9) && wire_read_u64 (in, &ret_verified->ticket)
           && wire_read_u32 (in, &ret_verified->group)
           && decode_command (in, &ret_verified->command)
           && wire_read_bool (in, &ret_verified->local)
           && wire_read_i64 (in, &ret_verified->received_us)
           && wire_read_i64 (in, &ret_verified->timestamp)
           && decode_id (in, &ret_verified->id)
           && decode_key (in, &ret_verified->public_key)
           && decode_payload (in, ret_verified->command,
                              &ret_verified->payload);
}

static bool
decode_verified_reply (struct bytes *in, struct link_verified_reply *ret_reply)
{
    return decode_head (in, 2) && wire_read_u64 (in, &ret_reply->ticket)
           && decode_verdict (in, &ret_reply->verdict);
}

static bool
decode_floor (struct bytes *in, struct link_floor *ret_floor)
{
    return decode_head (in, 1) && wire_read_i64 (in, &ret_floor->floor_s);
}

static bool
decode_feed_open (struct bytes *in, struct link_feed_open *ret_open)
{
    return decode_head (in, 5) && decode_stream (in, &ret_open->stream)
           && wire_read_u64 (in, &ret_open->from_seq)
           && wire_read_i64 (in, &ret_open->since_s)
           && wire_read_u64 (in, &ret_open->until_seq)
           && wire_read_bool (in, &ret_open->durable);
}

static bool
decode_feed_close (struct bytes *in, struct link_feed_close *ret_close)
{
    return decode_head (in, 1) && decode_stream (in, &ret_close->stream);
}

static bool
decode_feed_ack (struct bytes *in, struct link_feed_ack *ret_ack)
{
    return decode_head (in, 1) && wire_read_u64 (in, &ret_ack->seq);
}

static bool
decode_feed_entry (struct bytes *in, struct link_feed_entry *ret_entry)
{
    return decode_head (in, 9) && decode_stream (in, &ret_entry->stream)
           && wire_read_u64 (in, &ret_entry->seq)
           && decode_command (in, &ret_entry->command)
           && wire_read_bool (in, &ret_entry->local)
           && wire_read_i64 (in, &ret_entry->received_us)
           && wire_read_i64 (in, &ret_entry->timestamp)
           && decode_id (in, &ret_entry->id)
           && decode_key (in, &ret_entry->public_key)
           && decode_payload (in, ret_entry->command, &ret_entry->payload);
}

static bool
decode_feed_head (struct bytes *in, struct link_feed_head *ret_head)
{
    return decode_head (in, 2) && decode_stream (in, &ret_head->stream)
           && wire_read_u64 (in, &ret_head->seq);
}

static bool
decode_deliver (struct bytes *in, struct link_deliver *ret_deliver)
{
    bool read =
        decode_head (in, 5) && decode_command (in, &ret_deliver->command)
        && decode_id (in, &ret_deliver->id)
        && wire_read_i64 (in, &ret_deliver->received_us)
        && decode_payload (in, ret_deliver->command, &ret_deliver->payload)
        && wire_read_list (in, 1, DELIVER_PEERS_MAX, &ret_deliver->peers_count);
    for (size_t i = 0; read && i < ret_deliver->peers_count; i++)
        read = wire_read_u64 (in, &ret_deliver->peers[i]);
    return read;
}

static bool
decode_peer_ready (struct bytes *in, struct link_peer_ready *ret_ready)
{
    return decode_head (in, 5) && wire_read_u64 (in, &ret_ready->peer)
           && wire_read_u32 (in, &ret_ready->group)
           && wire_read_bool (in, &ret_ready->governance)
           && wire_read_bool (in, &ret_ready->outbound)
           && wire_read_bool (in, &ret_ready->confirmed);
}

static bool
decode_peer_gone (struct bytes *in, struct link_peer_gone *ret_gone)
{
    return decode_head (in, 1) && wire_read_u64 (in, &ret_gone->peer);
}

static bool
decode_drained (struct bytes *in, struct link_drained *ret_drained)
{
    return decode_head (in, 2) && wire_read_u64 (in, &ret_drained->peer)
           && wire_read_u64 (in, &ret_drained->bytes);
}

static bool
decode_status (struct bytes *in, struct link_status *ret_status)
{
    return decode_head (in, 5) && wire_read_u64 (in, &ret_status->ticket)
           && wire_read_u64 (in, &ret_status->peer)
           && wire_read_bool (in, &ret_status->response)
           && decode_id (in, &ret_status->name)
           && decode_payload (in, COMMAND_ECONSTATUS, &ret_status->payload);
}

static bool
decode_status_reply (struct bytes *in, struct link_status_reply *ret_reply)
{
    return decode_head (in, 2) && wire_read_u64 (in, &ret_reply->ticket)
           && decode_verdict (in, &ret_reply->verdict);
}

static bool
decode_relay_mode (struct bytes *in, struct link_relay_mode *ret_mode)
{
    return decode_head (in, 1) && wire_read_bool (in, &ret_mode->on);
}

static bool
decode_status_ask (struct bytes *in, struct link_status_ask *ret_ask)
{
    return decode_head (in, 2) && decode_id (in, &ret_ask->name)
           && decode_payload (in, COMMAND_ECONSTATUS, &ret_ask->payload);
}

static bool
decode_dial (struct bytes *in, struct link_dial *ret_dial)
{
    return decode_head (in, 2)
           && wire_read_text (in, LINK_ADDRESS_MAX, &ret_dial->address)
           && wire_read_bool (in, &ret_dial->automatic);
}

static bool
decode_ban (struct bytes *in, struct link_ban *ret_ban)
{
    return decode_head (in, 3)
           && wire_read_text (in, LINK_ADDRESS_MAX, &ret_ban->address)
           && wire_read_i64 (in, &ret_ban->until_s)
           && wire_read_bool (in, &ret_ban->manual);
}

static bool
decode_points (struct bytes *in, struct link_points *ret_points)
{
    return decode_head (in, 2)
           && wire_read_text (in, LINK_ADDRESS_MAX, &ret_points->address)
           && wire_read_u32 (in, &ret_points->points);
}

static bool
decode_offer (struct bytes *in, struct link_offer *ret_offer)
{
    return decode_head (in, 4)
           && wire_read_text (in, LINK_ADDRESS_MAX, &ret_offer->address)
           && wire_read_u64 (in, &ret_offer->services)
           && wire_read_i64 (in, &ret_offer->seen_s)
           && wire_read_u32 (in, &ret_offer->group);
}

static bool
decode_good (struct bytes *in, struct link_good *ret_good)
{
    return decode_head (in, 4)
           && wire_read_text (in, LINK_ADDRESS_MAX, &ret_good->address)
           && wire_read_u64 (in, &ret_good->services)
           && wire_read_i64 (in, &ret_good->seen_s)
           && wire_read_bool (in, &ret_good->good);
}

static bool
decode_heard (struct bytes *in, struct link_heard *ret_heard)
{
    return decode_head (in, 1) && decode_id (in, &ret_heard->id);
}

static bool
decode_peer (struct bytes *in, struct link_peer_state *ret_peer)
{
    return decode_head (in, 17) && wire_read_u64 (in, &ret_peer->peer)
           && decode_peer_state (in, &ret_peer->state)
           && wire_read_text (in, LINK_ADDRESS_MAX, &ret_peer->address)
           && wire_read_text (in, LINK_ADDRESS_MAX, &ret_peer->dialled)
           && wire_read_bool (in, &ret_peer->outbound)
           && wire_read_bool (in, &ret_peer->governance)
           && wire_read_bool (in, &ret_peer->confirmed)
           && wire_read_i32 (in, &ret_peer->version)
           && wire_read_u64 (in, &ret_peer->services)
           && wire_read_bin (in, LINK_USER_AGENT_MAX, &ret_peer->user_agent)
           && wire_read_i64 (in, &ret_peer->ping_us)
           && wire_read_i64 (in, &ret_peer->connected_s)
           && wire_read_i64 (in, &ret_peer->clock_offset_s)
           && wire_read_u32 (in, &ret_peer->points)
           && wire_read_u64 (in, &ret_peer->received)
           && wire_read_u64 (in, &ret_peer->sent)
           && wire_read_text (in, LINK_WORDS_MAX, &ret_peer->words);
}

static bool
decode_ready (struct bytes *in, struct link_ready *ret_ready)
{
    return decode_head (in, 2) && wire_read_u32 (in, &ret_ready->version)
           && wire_read_text (in, LINK_NAME_MAX, &ret_ready->build);
}

static bool
decode_exited (struct bytes *in, struct link_exited *ret_exited)
{
    return decode_head (in, 2) && wire_read_i32 (in, &ret_exited->error)
           && wire_read_text (in, LINK_WORDS_MAX, &ret_exited->words);
}

static bool
decode_ping (struct bytes *in, struct link_ping *ret_ping)
{
    return decode_head (in, 1) && wire_read_u64 (in, &ret_ping->number);
}

static bool
decode_log_level (struct bytes *in, struct link_log_level *ret_level)
{
    return decode_head (in, 1) && wire_read_u8 (in, &ret_level->level);
}

static bool
decode_stats_reply (struct bytes *in, struct link_stats_reply *ret_stats)
{
    return decode_head (in, 1)
           && wire_read_text (in, LINK_STATS_MAX, &ret_stats->json);
}

static bool
decode_message (struct bytes *in, struct link_message *ret_message)
{
    switch (ret_message->id) {
    case MESSAGE_HELLO:
    case MESSAGE_HELLO_REPLY:
        return decode_hello (in, &ret_message->hello);
    case MESSAGE_REFUSED:
        return decode_refused (in, &ret_message->refused);
    case MESSAGE_CREDIT:
        return decode_credit (in, &ret_message->credit);
    case MESSAGE_FRAME:
        return decode_frame (in, &ret_message->frame);
    case MESSAGE_FRAME_REPLY:
        return decode_frame_reply (in, &ret_message->frame_reply);
    case MESSAGE_VERIFIED:
        return decode_verified (in, &ret_message->verified);
    case MESSAGE_VERIFIED_REPLY:
        return decode_verified_reply (in, &ret_message->verified_reply);
    case MESSAGE_FLOOR:
        return decode_floor (in, &ret_message->floor);
    case MESSAGE_FEED_OPEN:
        return decode_feed_open (in, &ret_message->feed_open);
    case MESSAGE_FEED_CLOSE:
        return decode_feed_close (in, &ret_message->feed_close);
    case MESSAGE_FEED_ACK:
        return decode_feed_ack (in, &ret_message->feed_ack);
    case MESSAGE_FEED_ENTRY:
        return decode_feed_entry (in, &ret_message->feed_entry);
    case MESSAGE_FEED_HEAD:
        return decode_feed_head (in, &ret_message->feed_head);
    case MESSAGE_DELIVER:
        return decode_deliver (in, &ret_message->deliver);
    case MESSAGE_PEER_READY:
        return decode_peer_ready (in, &ret_message->peer_ready);
    case MESSAGE_PEER_GONE:
        return decode_peer_gone (in, &ret_message->peer_gone);
    case MESSAGE_DRAINED:
        return decode_drained (in, &ret_message->drained);
    case MESSAGE_STATUS:
        return decode_status (in, &ret_message->status);
    case MESSAGE_STATUS_REPLY:
        return decode_status_reply (in, &ret_message->status_reply);
    case MESSAGE_RELAY_MODE:
        return decode_relay_mode (in, &ret_message->relay_mode);
    case MESSAGE_STATUS_ASK:
    case MESSAGE_STATUS_ASK_REPLY:
        return decode_status_ask (in, &ret_message->status_ask);
    case MESSAGE_HEARD:
        return decode_heard (in, &ret_message->heard);
    case MESSAGE_DIAL:
        return decode_dial (in, &ret_message->dial);
    case MESSAGE_BAN:
        return decode_ban (in, &ret_message->ban);
    case MESSAGE_POINTS:
        return decode_points (in, &ret_message->points);
    case MESSAGE_OFFER:
        return decode_offer (in, &ret_message->offer);
    case MESSAGE_GOOD:
        return decode_good (in, &ret_message->good);
    case MESSAGE_PEER:
        return decode_peer (in, &ret_message->peer);
    case MESSAGE_READY:
        return decode_ready (in, &ret_message->ready);
    case MESSAGE_EXITED:
        return decode_exited (in, &ret_message->exited);
    case MESSAGE_PING:
    case MESSAGE_PING_REPLY:
        return decode_ping (in, &ret_message->ping);
    case MESSAGE_LOG_LEVEL:
        return decode_log_level (in, &ret_message->log_level);
    case MESSAGE_STATS_REPLY:
        return decode_stats_reply (in, &ret_message->stats_reply);
    case MESSAGE_HEARTBEAT:
    case MESSAGE_BYE:
    case MESSAGE_DRAIN:
    case MESSAGE_DRAIN_REPLY:
    case MESSAGE_STOP:
    case MESSAGE_TAP_OPEN:
    case MESSAGE_STATS:
        return decode_head (in, 0);
    }
    return false;
}

/* Sets *ret_id to the id of the message at the front of INPUT. */
static bool
decode_peek_id (struct bytes input, enum message_id *ret_id)
{
    size_t values;
    uint8_t id;

    if (!wire_read_list (&input, 1, 1 + MESSAGE_FIELDS_MAX, &values)
        || !wire_read_u8 (&input, &id))
        return false;
    *ret_id = (enum message_id)id;
    return true;
}

static bool
decode_may_travel (const struct message_row *row, enum link_id link)
{
    return row->link == link || (row->link == LINK_ANY && link != LINK_CONTROL);
}

int
link_message_decode (enum link_id link, struct bytes *input,
                     struct link_message *ret_message)
{
    struct link_message message;
    if (!decode_peek_id (*input, &message.id))
        return -EPROTO;
    const struct message_row *row = message_row (message.id);
    if (!row || !decode_may_travel (row, link))
        return -EPROTO;

    /* Too large a message runs out of bytes at the size limit of its row. */
    size_t size = input->size < row->max_size ? input->size : row->max_size;
    struct bytes in = bytes_of (input->data, size);
    if (!decode_message (&in, &message))
        return -EPROTO;

    *input = bytes_of (in.data, input->size - (size - in.size));
    *ret_message = message;
    return 0;
}
