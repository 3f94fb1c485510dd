/* SPDX-License-Identifier: MIT */
/* config_form - the forms that texts in the configuration must have. Pure.
 *
 * Each form_x returns NULL when TEXT has the form, else a static sentence that
 * says what would do.
 */
#pragma once

#include "base.h"

#define HOST_MAX 253 /* RFC 1035: the longest name, without its last dot */

/* The parts of commons_url that others need. */
struct url {
    bool https;              /* else http */
    char host[HOST_MAX + 1]; /* without brackets */
    unsigned port;           /* said or implied */
};

/* Returns 0 and sets *ret_url when TEXT is http(s)://host[:port][/path] with
 * neither user, query nor fragment; else -EINVAL. */
int url_split (const char *text, struct url *ret_url);

/* Returns true for an IPv4 or IPv6 address, without brackets. */
bool host_is_address (const char *host);

/* Returns true for localhost, 127.0.0.0/8 and ::1. */
bool host_is_loopback (const char *host);

const char *form_some_text (const char *text);     /* not empty */
const char *form_host (const char *text);          /* a name or an address */
const char *form_peer (const char *text);          /* host:port */
const char *form_listen (const char *text);        /* host:port, 0 = any port */
const char *form_listen_or_off (const char *text); /* the same, or off */
const char *form_address (const char *text);       /* an IP address, or empty */
const char *form_addresses (const char *text);     /* address or CIDR network */
const char *form_proxy (const char *text); /* socks5://IP:port, or empty */
const char *form_commons_url (const char *text); /* url_split, or empty */
const char *form_interface (const char *text);   /* of Linux, or empty */
const char *form_pin (const char *text);         /* sha256//…, or empty */
const char *form_public_key (const char *text);  /* PROTOCOL 4, first column */
const char *form_tap (const char *text);      /* empty, off, ipc:// or tcp:// */
const char *form_database (const char *text); /* sqlite:FILE */
const char *form_endpoint_bind (const char *text);    /* tcp://, may be * */
const char *form_endpoint_connect (const char *text); /* tcp:// */
const char *form_curve_key (const char *text);        /* 40 of Z85 */
