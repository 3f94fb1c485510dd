/* SPDX-License-Identifier: MIT */
/* tap_view - what a tap shows, as lines; and what it has lost on the way. */
#pragma once

#include <stdio.h>

#include "base.h"

#define TAP_TOPICS_MAX                                                         \
    512 /* whose numbers are followed: 4 times all there
                              are; beyond, gaps are not noticed */

struct tap_view;

struct tap_view_options {
    FILE *output;              /* lines; borrowed */
    FILE *errors;              /* gaps, and what is no event; borrowed */
    bool json;                 /* one object a line, else columns */
    bool colour;               /* of the columns */
    const char *const *topics; /* prefixes asked for; borrowed */
    size_t topics_count;       /* 0: everything but the ticks */
};

/* Returns a view, or NULL when there is no memory. */
struct tap_view *tap_view_create (const struct tap_view_options *options);
void tap_view_destroy (struct tap_view **view);

enum tap_sight {
    TAP_SHOWN,
    TAP_TICK,       /* a sign of life that nobody asked to see */
    TAP_TICK_SHOWN, /* one that was asked for */
    TAP_STRANGE,    /* no event of a tap; said on ERRORS */
};

/* Shows one event: its three frames (architecture.md, Taps). */
enum tap_sight tap_view_show (struct tap_view *view, struct bytes topic,
                              struct bytes body, struct bytes sequence);
