/* SPDX-License-Identifier: MIT */
/* connection_handshake - from the first byte to verack (PROTOCOL 1.6-1.8, 2.3).
 *
 *   in   version, feature, verack of the peer
 *   out  ours, in the order that Bitcoin Core insists on
 *   owns the handshake's part of struct connection
 *
 * Next on the tour: actors/ingress/connection_pings.c
 */
#include "actors/ingress/connection_private.h"

#define CONNECTION_USER_AGENT "/govrelay:" GOVRELAY_VERSION "/"

/* u8 version, u64 capabilities (PROTOCOL 2.3). */
#define ECON_RELAY_DATA_MIN 9

int32_t
connection_common_version (const struct connection *connection)
{
    int32_t theirs = connection->peer.version;
    return theirs < P2P_VERSION ? theirs : P2P_VERSION;
}

void
connection_say_version (struct connection *connection, struct moment now)
{
    const struct connection_options *options = &connection->options;
    struct version_payload version = {
        .version = P2P_VERSION,
        .services = NODE_GOVERNANCE, /* and nothing else: PROTOCOL 1.7 */
        .time = moment_unix_s (now),
        .nonce = options->nonce,
        .user_agent = CONNECTION_USER_AGENT,
    };
    uint8_t payload[512];

    /* addr_recv: 8 bytes of services, not known yet; address; port, the one
     * big-endian number of the protocol. */
    memcpy (version.addr_recv + 8, options->peer_address,
            sizeof options->peer_address);
    version.addr_recv[24] = (uint8_t)(options->peer_port >> 8);
    version.addr_recv[25] = (uint8_t)options->peer_port;

    size_t size = version_encode (&version, payload, sizeof payload);
    connection_say (connection, "version", bytes_of (payload, size));
}

void
connection_answer_version (struct connection *connection, struct moment now)
{
    static const struct bytes nothing = {0};
    int32_t common = connection_common_version (connection);
    uint8_t feature[640];

    connection->answer_due = false;
    if (!connection->options.outbound)
        connection_say_version (connection, now);
    /* PROTOCOL 1.6: "None of those three after our `verack`". */
    if (common >= P2P_VERSION_ADDRV2)
        connection_say (connection, "sendaddrv2", nothing);
    if (common >= P2P_VERSION_FEATURE) {
        size_t size = feature_encode_econ_relay (feature, sizeof feature);
        connection_say (connection, "feature", bytes_of (feature, size));
    }
    connection_say (connection, "verack", nothing);
    connection->verack_sent = true;
}

bool
connection_on_version (struct connection *connection, struct bytes payload)
{
    struct version_payload version;

    if (connection->version_received)
        return false; /* PROTOCOL 1.8: "A second `version` is ignored." */
    if (version_decode (payload, &version) != 0
        || version.version < P2P_VERSION_MIN) {
        connection_fail (connection, CONNECTION_CLOSE_VERSION);
        return false;
    }
    connection->peer = version;
    connection->version_received = true;
    connection->answer_due = true;
    return true;
}

void
connection_on_feature (struct connection *connection,
                       const struct bytes *payload)
{
    struct feature_payload feature;

    /* PROTOCOL 2.3: "sent between `version` and `verack` and only when both
     * sides are ≥ 70017": any other is no announcement, whatever it holds. */
    if (!connection->version_received || connection->ready
        || connection_common_version (connection) < P2P_VERSION_FEATURE)
        return;
    if (payload == NULL || feature_decode (*payload, &feature) != 0) {
        connection_fail (connection, CONNECTION_CLOSE_FEATURE);
        return;
    }

    /* Later versions of the data may append to it, so more bytes and higher
     * versions are as good. Fewer, or version 0, announce nothing; 2.3 does
     * not make that a reason to close. */
    if (bytes_equal (bytes_of (feature.id, feature.id_size),
                     bytes_of_text (FEATURE_ECON_RELAY))
        && feature.data.size >= ECON_RELAY_DATA_MIN
        && feature.data.data[0] >= 1)
        connection->announced = true;
}

bool
connection_on_verack (struct connection *connection, struct moment now)
{
    if (!connection->version_received || !connection->verack_sent
        || connection->ready)
        return false;
    connection->ready = true;
    connection->ping_at =
        instant_after (now.mono, connection->options.times.ping_us);
    return true;
}

const struct version_payload *
connection_version (const struct connection *connection)
{
    return &connection->peer;
}

bool
connection_is_ready (const struct connection *connection)
{
    return connection->ready;
}

bool
connection_announced (const struct connection *connection)
{
    return connection->announced;
}

bool
connection_wants_addrv2 (const struct connection *connection)
{
    return connection->wants_addrv2;
}

/* PROTOCOL 2.4: "when it announced `econ-relay`, or when its common protocol
 * version is below 70017 and it advertises bit 29." */
bool
connection_governance (const struct connection *connection)
{
    return connection->announced
           || (connection_common_version (connection) < P2P_VERSION_FEATURE
               && (connection->peer.services & NODE_GOVERNANCE) != 0);
}
