/* SPDX-License-Identifier: MIT */
/* address - what an IP address means to policy: local, listed, of a group. */
#pragma once

#include <sys/socket.h>

#include "base.h"
#include "supervisor/config.h"

#define ADDRESS_CULPRIT_MAX 52 /* an IPv6 address, "/64" and the end */

/* Returns false for AF_UNSPEC: a peer that only a proxy can find. Nothing may be
 * held against such an address, it is that of all of them. */
bool address_is_known (const struct sockaddr *address);

/* Writes ADDRESS as 16 bytes of IPv6 (IPv4 mapped) and its port; one that is
 * not known as zeros. */
void address_bytes (const struct sockaddr *address, uint8_t ret_bytes[16],
                    uint16_t *ret_port);

/* Reads "10.1.2.3", "10.0.0.0/8" or "fd00::/8" as 16 bytes and a count of bits
 * (IPv4 mapped: 96 more). Returns false when TEXT is none of these. */
bool address_read_network (const char *text, uint8_t ret_bytes[16],
                           unsigned *ret_bits);

/* Returns true for 127.0.0.0/8 and ::1. */
bool address_is_loopback (const struct sockaddr *address);

/* Returns true for what is not of the internet: loopback, private, shared
 * (100.64.0.0/10) and link-local addresses. */
bool address_is_private (const struct sockaddr *address);

/* Returns true when ADDRESS is in one of NETWORKS ("10.1.2.3", "10.0.0.0/8",
 * "fd00::/8"), which the configuration has checked. */
bool address_is_listed (const struct sockaddr *address,
                        const struct string_list *networks);

/* Returns a keyed hash of the network group: IPv4 /16, IPv6 /32 (PROTOCOL 5.7).
 * Keyed, so that nobody can choose addresses that collide. */
uint32_t address_group (const struct sockaddr *address, uint64_t key);

/* Returns a keyed hash of the network that one person may have: IPv4 /24, IPv6
 * /64. */
uint64_t address_network (const struct sockaddr *address, uint64_t key);

/* Writes what points and discouragement are kept for (PROTOCOL 5.4): "1.2.3.4",
 * or "2001:db8:1:2::/64". */
void address_culprit (const struct sockaddr *address,
                      char ret_text[ADDRESS_CULPRIT_MAX]);

/* Returns a keyed hash of the host in "host:port", the group of a peer that has
 * no address. */
uint32_t address_group_of_name (const char *host_port, uint64_t key);
