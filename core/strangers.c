#include "strangers.h"
#include "address.h"
#include <stdlib.h>
#include <string.h>

void sl_strangers_free(sl_strangers *all) {
    free(all->list);
    *all = (sl_strangers){.list = NULL};
}

static void remove_at(sl_strangers *all, uint32_t at) {
    all->count--;
    memmove(&all->list[at], &all->list[at + 1], (all->count - at) * sizeof all->list[0]);
}

void sl_strangers_remove(sl_strangers *all, const struct sl_link *link) {
    for (uint32_t i = 0; i < all->count; i++)
        if (all->list[i].link == link) {
            remove_at(all, i);
            return;
        }
}

bool sl_strangers_add(sl_strangers *all, const sl_stranger *stranger, uint32_t per_host, struct sl_link **gives_way) {
    uint32_t same = 0, oldest_of_host = 0, at = 0;
    *gives_way = NULL;
    if (all->list == NULL)
        all->list = malloc(SL_STRANGERS_MAX * sizeof *all->list);
    if (all->list == NULL)
        return false;
    for (uint32_t i = all->count; i-- > 0;)
        if (sl_address_same_net(all->list[i].remote, stranger->remote)) {
            same++;
            oldest_of_host = i;
        }
    if ((per_host != 0 && same >= per_host) || all->count == SL_STRANGERS_MAX) {
        at = same > 0 ? oldest_of_host : 0;
        if (stranger->since - all->list[at].since < SL_STRANGERS_GRACE)
            return false;
        *gives_way = all->list[at].link;
        remove_at(all, at);
    }
    all->list[all->count++] = *stranger;
    return true;
}
