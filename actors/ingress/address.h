/* SPDX-License-Identifier: MIT */
/* address - what an IP address means to policy: local, listed, of a group. */
#pragma once

#include <sys/socket.h>

#include "base.h"
#include "supervisor/config.h"

/* Returns false for AF_UNSPEC: a peer that only a proxy can find. Nothing may be
 * held against such an address, it is that of all of them. */
bool address_is_known (const struct sockaddr *address);

/* Writes ADDRESS as 16 bytes of IPv6 (IPv4 mapped) and its port; one that is
 * not known as zeros. */
void address_bytes (const struct sockaddr *address, uint8_t ret_bytes[16],
                    uint16_t *ret_port);

/* Returns true for 127.0.0.0/8 and ::1. */
bool address_is_loopback (const struct sockaddr *address);

/* Returns true when ADDRESS is in one of NETWORKS ("10.1.2.3", "10.0.0.0/8",
 * "fd00::/8"), which the configuration has checked. */
bool address_is_listed (const struct sockaddr *address,
                        const struct string_list *networks);

/* Returns a keyed hash of the network group: IPv4 /16, IPv6 /32 (PROTOCOL 5.7).
 * Keyed, so that nobody can choose addresses that collide. */
uint32_t address_group (const struct sockaddr *address, uint64_t key);

/* Returns a keyed hash of the host in "host:port", the group of a peer that has
 * no address. */
uint32_t address_group_of_name (const char *host_port, uint64_t key);
