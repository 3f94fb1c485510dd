/* SPDX-License-Identifier: MIT */
/* payload - what is inside the P2P messages of the handshake (PROTOCOL 1.6,
 * 1.7, 2.3).
 *
 *   in   payloads of a peer, or what to say to it
 *   out  plain structs, or bytes
 *   owns nothing
 *
 * Next on the tour: actors/ingress/connection_handshake.c
 */
#include "messages/bitcoin/payload.h"

#include "messages/bitcoin/little_endian.h"

#define ADDRESS_SIZE 26      /* services, 16 bytes, port: no time */
#define ECON_RELAY_VERSION 1 /* of the data of our feature */

/* Takes SIZE bytes off the front of *INPUT. Returns NULL when there are fewer,
 * and leaves *INPUT alone. */
static const uint8_t *
payload_take (struct bytes *input, size_t size)
{
    const uint8_t *taken = input->data;

    if (input->size < size)
        return NULL;
    input->data += size;
    input->size -= size;
    return taken;
}

static bool
payload_take_integer (struct bytes *input, size_t size, uint64_t *ret)
{
    const uint8_t *taken = payload_take (input, size);

    if (taken == NULL)
        return false;
    *ret = little_endian_read (taken, size);
    return true;
}

int
compact_size_read (struct bytes *input, uint64_t *ret)
{
    struct bytes rest = *input;
    uint64_t value;

    if (!payload_take_integer (&rest, 1, &value))
        return -EPROTO;
    if (value >= 0xfd) {
        size_t size = (size_t)2 << (value - 0xfd);
        uint64_t least = size == 2 ? 0xfd : UINT64_C (1) << (size * 4);
        if (!payload_take_integer (&rest, size, &value) || value < least)
            return -EPROTO;
    }
    *input = rest;
    *ret = value;
    return 0;
}

/* Takes a CompactSize and as many bytes. Returns 0 or -EPROTO. */
static int
payload_take_string (struct bytes *input, size_t max, struct bytes *ret)
{
    uint64_t size;
    int rc = compact_size_read (input, &size);

    if (rc != 0)
        return rc;
    if (size > max || size > input->size)
        return -EPROTO;
    *ret = bytes_of (input->data, (size_t)size);
    (void)payload_take (input, (size_t)size);
    return 0;
}

/* The fields that may be absent, from addr_from on: the bytes may end between
 * two fields, not inside one. What follows the last is of later versions. */
static int
version_decode_optional (struct bytes rest, struct version_payload *version)
{
    struct bytes agent;
    uint64_t value;

    if (rest.size == 0)
        return 0;
    if (payload_take (&rest, ADDRESS_SIZE) == NULL)
        return -EPROTO;
    if (rest.size == 0)
        return 0;
    if (!payload_take_integer (&rest, 8, &version->nonce))
        return -EPROTO;
    if (rest.size == 0)
        return 0;
    if (payload_take_string (&rest, USER_AGENT_MAX, &agent) != 0)
        return -EPROTO;
    if (agent.size != 0)
        memcpy (version->user_agent, agent.data, agent.size);
    if (rest.size == 0)
        return 0;
    if (!payload_take_integer (&rest, 4, &value))
        return -EPROTO;
    version->start_height = (int32_t)value;
    if (payload_take_integer (&rest, 1, &value))
        version->relay = value != 0;
    return 0;
}

int
version_decode (struct bytes payload, struct version_payload *ret)
{
    struct version_payload version = {.relay = true}; /* absent means yes */
    struct bytes rest = payload;
    uint64_t number;
    uint64_t time;

    if (!payload_take_integer (&rest, 4, &number)
        || !payload_take_integer (&rest, 8, &version.services)
        || !payload_take_integer (&rest, 8, &time))
        return -EPROTO;
    const uint8_t *address = payload_take (&rest, ADDRESS_SIZE);
    if (address == NULL)
        return -EPROTO;

    version.version = (int32_t)number;
    version.time = (int64_t)time;
    memcpy (version.addr_recv, address, sizeof version.addr_recv);
    int rc = version_decode_optional (rest, &version);
    if (rc == 0)
        *ret = version;
    return rc;
}

int
feature_decode (struct bytes payload, struct feature_payload *ret)
{
    struct bytes rest = payload;
    struct bytes id;
    struct bytes data;

    if (payload_take_string (&rest, FEATURE_ID_MAX, &id) != 0
        || id.size < FEATURE_ID_MIN
        || payload_take_string (&rest, FEATURE_DATA_MAX, &data) != 0
        || rest.size != 0)
        return -EPROTO;

    *ret = (struct feature_payload){.id_size = id.size, .data = data};
    memcpy (ret->id, id.data, id.size);
    return 0;
}

/* Where an encoder writes; what does not fit is our own bug. */
struct payload_writer {
    uint8_t *at;  /* borrowed */
    size_t room;  /* bytes left */
    size_t total; /* bytes written */
};

static void
payload_put (struct payload_writer *writer, struct bytes bytes)
{
    assert (bytes.size <= writer->room);
    if (bytes.size != 0)
        memcpy (writer->at, bytes.data, bytes.size);
    writer->at += bytes.size;
    writer->room -= bytes.size;
    writer->total += bytes.size;
}

static void
payload_put_integer (struct payload_writer *writer, size_t size, uint64_t value)
{
    uint8_t bytes[8];

    little_endian_write (bytes, size, value);
    payload_put (writer, bytes_of (bytes, size));
}

/* Writes a CompactSize and as many bytes. Ours are at most 512 long. */
static void
payload_put_string (struct payload_writer *writer, struct bytes string)
{
    assert (string.size <= UINT16_MAX);
    if (string.size < 0xfd) {
        payload_put_integer (writer, 1, string.size);
    } else {
        payload_put_integer (writer, 1, 0xfd);
        payload_put_integer (writer, 2, string.size);
    }
    payload_put (writer, string);
}

size_t
version_encode (const struct version_payload *version, uint8_t *ret,
                size_t room)
{
    static const uint8_t addr_from[ADDRESS_SIZE];
    struct payload_writer writer = {.at = ret, .room = room};

    payload_put_integer (&writer, 4, (uint32_t)version->version);
    payload_put_integer (&writer, 8, version->services);
    payload_put_integer (&writer, 8, (uint64_t)version->time);
    payload_put (&writer,
                 bytes_of (version->addr_recv, sizeof version->addr_recv));
    payload_put (&writer, bytes_of (addr_from, sizeof addr_from));
    payload_put_integer (&writer, 8, version->nonce);
    payload_put_string (&writer, bytes_of_text (version->user_agent));
    payload_put_integer (&writer, 4, (uint32_t)version->start_height);
    payload_put_integer (&writer, 1, version->relay);
    return writer.total;
}

size_t
feature_encode (const char *id, struct bytes data, uint8_t *ret, size_t room)
{
    struct payload_writer writer = {.at = ret, .room = room};

    payload_put_string (&writer, bytes_of_text (id));
    payload_put_string (&writer, data);
    return writer.total;
}

size_t
feature_encode_econ_relay (uint8_t *ret, size_t room)
{
    /* PROTOCOL 2.3: "data = u8 version (1) then u64 LE capability bits". */
    static const uint8_t data[9] = {ECON_RELAY_VERSION};

    return feature_encode (FEATURE_ECON_RELAY, bytes_of (data, sizeof data),
                           ret, room);
}
