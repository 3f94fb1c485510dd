/* SPDX-License-Identifier: MIT */
/* inhand - slots for frames that wait for an answer.
 *
 *   in   frames, tickets
 *   out  tickets, frames
 *   owns its copies of the frames
 *
 * A ticket is a count of uses of its slot above the number of the slot.
 */
#include "actors/verifier/inhand.h"

#include <stdlib.h>

#define INHAND_ROOM_MIN 64
#define INHAND_SLOT_BITS 32

struct inhand_slot {
    struct inhand_frame frame;
    uint64_t ticket; /* of the use it is in, or was in last */
    bool is_used;
    uint32_t next_free; /* slot number + 1; 0: none */
};

struct inhand {
    struct inhand_slot *slots; /* owned */
    size_t room;
    size_t count;
    uint32_t free; /* slot number + 1; 0: none */
};

static struct inhand_slot *
inhand_slot (const struct inhand *inhand, uint64_t ticket)
{
    size_t number = (size_t)(ticket & UINT32_MAX);
    if (number >= inhand->room)
        return NULL;
    struct inhand_slot *slot = &inhand->slots[number];
    return slot->is_used && slot->ticket == ticket ? slot : NULL;
}

static int
inhand_grow (struct inhand *inhand)
{
    size_t room = inhand->room > 0 ? 2 * inhand->room : INHAND_ROOM_MIN;
    struct inhand_slot *slots =
        realloc (inhand->slots, room * sizeof *inhand->slots);
    if (slots == NULL)
        return -ENOMEM;
    inhand->slots = slots;
    for (size_t i = room; i-- > inhand->room;) {
        slots[i] = (struct inhand_slot){.ticket = i, .next_free = inhand->free};
        inhand->free = (uint32_t)i + 1;
    }
    inhand->room = room;
    return 0;
}

struct inhand *
inhand_create (void)
{
    return calloc (1, sizeof (struct inhand));
}

void
inhand_destroy (struct inhand **inhand)
{
    if (*inhand == NULL)
        return;
    free ((*inhand)->slots);
    free (*inhand);
    *inhand = NULL;
}

int
inhand_add (struct inhand *inhand, const struct inhand_frame *frame,
            uint64_t *ret_ticket)
{
    if (inhand->free == 0) {
        int rc = inhand_grow (inhand);
        if (rc != 0)
            return rc;
    }
    struct inhand_slot *slot = &inhand->slots[inhand->free - 1];
    inhand->free = slot->next_free;
    slot->frame = *frame;
    slot->ticket += UINT64_C (1) << INHAND_SLOT_BITS;
    slot->is_used = true;
    inhand->count++;
    *ret_ticket = slot->ticket;
    return 0;
}

const struct inhand_frame *
inhand_find (const struct inhand *inhand, uint64_t ticket)
{
    const struct inhand_slot *slot = inhand_slot (inhand, ticket);
    return slot != NULL ? &slot->frame : NULL;
}

void
inhand_remove (struct inhand *inhand, uint64_t ticket)
{
    struct inhand_slot *slot = inhand_slot (inhand, ticket);

    assert (slot != NULL);
    slot->is_used = false;
    slot->next_free = inhand->free;
    inhand->free = (uint32_t)(ticket & UINT32_MAX) + 1;
    inhand->count--;
}

bool
inhand_next (const struct inhand *inhand, size_t *place, uint64_t *ret_ticket)
{
    for (; *place < inhand->room; (*place)++) {
        const struct inhand_slot *slot = &inhand->slots[*place];
        if (!slot->is_used)
            continue;
        *ret_ticket = slot->ticket;
        (*place)++;
        return true;
    }
    return false;
}

size_t
inhand_count (const struct inhand *inhand)
{
    return inhand->count;
}
