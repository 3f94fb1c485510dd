/* SPDX-License-Identifier: MIT */
/* telling - what an ingress has been told, and what it is to be told next.
 *
 *   in   the address book, who is not welcome
 *   out  BAN and GOOD, one at a time
 *   owns where each pass stands
 */
#include "actors/registry/telling.h"

/* Returns false when all up to VERSION was told. What changed behind a pass that
 * had stopped is for the next one. */
static bool
telling_begin (struct telling_pass *pass, uint64_t version)
{
    if (pass->at == 0)
        pass->upto = version;
    return pass->done != version;
}

static void
telling_end (struct telling_pass *pass)
{
    *pass = (struct telling_pass){.done = pass->upto};
}

static bool
telling_next_ban (struct telling_pass *pass, const struct standing *standing,
                  char text[PLACE_TEXT_MAX + 1],
                  struct link_message *ret_message)
{
    while (telling_begin (pass, standing_version (standing))) {
        for (; standing_changed (standing, pass->done, &pass->at); pass->at++) {
            const struct standing_row *row = standing_at (standing, pass->at);
            if (!row)
                continue; /* over, and ingress knows when */
            place_net_write (&row->net, text);
            *ret_message =
                (struct link_message){.id = MESSAGE_BAN,
                                      .ban = {.address = bytes_of_text (text),
                                              .until_s = row->until_s,
                                              .manual = row->manual}};
            return true;
        }
        telling_end (pass);
    }
    return false;
}

static bool
telling_next_good (struct telling_pass *pass, const struct addrbook *book,
                   int64_t now_s, char text[PLACE_TEXT_MAX + 1],
                   struct link_message *ret_message)
{
    while (telling_begin (pass, addrbook_version (book))) {
        for (; addrbook_changed (book, pass->done, &pass->at); pass->at++) {
            const struct addrbook_row *row = addrbook_at (book, pass->at);
            bool good = addrbook_is_good (book, pass->at, now_s);
            if (!row || (!good && row->good_s == 0))
                continue; /* nobody was ever told of it */
            place_write (&row->place, text);
            *ret_message =
                (struct link_message){.id = MESSAGE_GOOD,
                                      .good = {.address = bytes_of_text (text),
                                               .services = row->services,
                                               .seen_s = row->seen_s,
                                               .good = good}};
            return true;
        }
        telling_end (pass);
    }
    return false;
}

bool
telling_next (struct telling *telling, const struct standing *standing,
              const struct addrbook *book, int64_t now_s,
              char text[PLACE_TEXT_MAX + 1], struct link_message *ret_message)
{
    return telling_next_ban (&telling->bans, standing, text, ret_message)
           || telling_next_good (&telling->goods, book, now_s, text,
                                 ret_message);
}

void
telling_said (struct telling *telling, const struct link_message *message)
{
    if (message->id == MESSAGE_BAN)
        telling->bans.at++;
    else
        telling->goods.at++;
}
