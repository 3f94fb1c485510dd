/* SPDX-License-Identifier: MIT */
/* link_message - the table of link messages, readable from C.
 *
 *   in   messages.def
 *   out  names, links, size limits
 *   owns nothing
 *
 * Next on the tour: messages/link/link_message_encode.c
 */
#include "messages/link/link_message_row.h"

#define REPLY(NAME)                                                            \
    _Static_assert(MESSAGE_##NAME##_REPLY == MESSAGE_##NAME + 0x80,            \
                   #NAME "_REPLY has the id of " #NAME " plus 0x80")
REPLY (HELLO);
REPLY (FRAME);
REPLY (VERIFIED);
REPLY (STATUS);
REPLY (STATUS_ASK);
REPLY (PING);
REPLY (DRAIN);
REPLY (STATS);
#undef REPLY

const struct message_row *
message_row (enum message_id id)
{
    /* Two messages with one id do not compile. */
    switch (id) {
#define MESSAGES_VERSION(version)
#define MESSAGE(NAME, id, link, from, to, size, sentence)                      \
    case MESSAGE_##NAME: {                                                     \
        static const struct message_row row = {#NAME, LINK_##link, size};      \
        return &row;                                                           \
    }
#include "messages/messages.def"
#undef MESSAGE
#undef MESSAGES_VERSION
    }
    return NULL;
}

const char *
message_id_name (enum message_id id)
{
    const struct message_row *row = message_row (id);

    return row ? row->name : NULL;
}

const char *
link_id_name (enum link_id link)
{
    switch (link) {
    case LINK_FRAMES:
        return "frames";
    case LINK_VERIFIED:
        return "verified";
    case LINK_FEED:
        return "feed";
    case LINK_DELIVERY:
        return "delivery";
    case LINK_STATUS:
        return "status";
    case LINK_PEERING:
        return "peering";
    case LINK_CONTROL:
        return "control";
    case LINK_ANY:
        return "any";
    }
    assert (false); /* not of the enum: a bug of the caller */
    return NULL;
}
