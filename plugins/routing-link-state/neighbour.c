/* neighbour.c - see state.h. */
#include "state.h"
#include <stdio.h>
#include <stdlib.h>

bool ls_may_log(const struct ls *ls, slow_time *last) {
    slow_time now = ls_now(ls);
    if (*last != 0 && now < *last + 60 * LS_SECOND)
        return false;
    *last = now;
    return true;
}

void ls_plan(slow_time *plan, slow_time when) {
    if (*plan == 0 || when < *plan)
        *plan = when > 0 ? when : 1;
}

bool ls_allowed(const struct ls *ls, struct ls_allowance *allowance, int64_t most, slow_time refill_ns) {
    slow_time now = ls_now(ls);
    int64_t more = (int64_t)((now - allowance->counted_at) / refill_ns);
    allowance->counted_at += (slow_time)more * refill_ns;
    allowance->left += more;
    if (allowance->left >= most) {
        allowance->left = most;
        allowance->counted_at = now;
    }
    return allowance->left > 0;
}

static uint32_t slot_find(struct ls *ls) {
    for (uint32_t slot = 0; slot < ls->slot_count; slot++)
        if (ls->neighbours[slot] == NULL)
            return slot;
    if (ls->slot_count >= LS_NO_SLOT)
        return LS_NONE;
    struct ls_neighbour **all = realloc(ls->neighbours, (ls->slot_count + 1) * sizeof *all);
    if (all == NULL)
        return LS_NONE;
    ls->neighbours = all;
    slow_link *links = realloc(ls->links, (ls->slot_count + 1) * sizeof *links);
    if (links == NULL)
        return LS_NONE;
    ls->links = links;
    all[ls->slot_count] = NULL;
    links[ls->slot_count] = 0;
    return ls->slot_count++;
}

/* The adjacency over which a node is reached: of several (two with one id), the cheapest. */
static void slot_choose(struct ls *ls, uint32_t node) {
    const struct ls_neighbour *best = NULL;
    if (node == LS_SELF)
        return;
    for (uint32_t slot = 0; slot < ls->slot_count; slot++) {
        const struct ls_neighbour *neighbour = ls->neighbours[slot];
        if (neighbour != NULL && !neighbour->gone && neighbour->node == node &&
            (best == NULL || neighbour->cost < best->cost))
            best = neighbour;
    }
    ls->graph.nodes[node].slot = best != NULL ? best->slot : LS_NO_SLOT;
    ls_touch(&ls->graph, node);
}

struct ls_neighbour *ls_neighbour_add(struct ls *ls, const slow_neighbour *from) {
    uint32_t slot = slot_find(ls), node = slot != LS_NONE ? ls_node_need(&ls->graph, ls_id_bytes(&from->id)) : LS_NONE;
    if (node == LS_NONE)
        return NULL;
    struct ls_neighbour *neighbour = calloc(1, sizeof *neighbour);
    if (neighbour == NULL) {
        ls_node_release(&ls->graph, node);
        return NULL;
    }
    *neighbour = (struct ls_neighbour){
        .link = from->link,
        .leaf = (from->flags & SLOW_NEIGHBOUR_LEAF) != 0,
        .cost = from->cost,
        .measured = from->cost,
        .node = node,
        .slot = (uint16_t)slot,
        .fragment = LS_NO_FRAGMENT,
        .up_order = ls->graph.order,
        .has_count = ls->graph.lsa_count,
    };
    ls->neighbours[slot] = neighbour;
    ls->links[slot] = neighbour->link;
    slot_choose(ls, node);
    return neighbour;
}

struct ls_neighbour *ls_neighbour_find(const struct ls *ls, slow_link link) {
    for (uint32_t slot = 0; slot < ls->slot_count; slot++)
        if (ls->links[slot] == link)
            return ls->neighbours[slot];
    return NULL;
}

struct ls_neighbour *ls_neighbour_at(const struct ls *ls, uint16_t slot) {
    struct ls_neighbour *neighbour = slot < ls->slot_count ? ls->neighbours[slot] : NULL;
    return neighbour != NULL && !neighbour->gone ? neighbour : NULL;
}

void ls_neighbour_end(struct ls *ls, struct ls_neighbour *neighbour) {
    neighbour->gone = true;
    ls->links[neighbour->slot] = 0;
    slot_choose(ls, neighbour->node);
}

void ls_neighbour_free(struct ls *ls, struct ls_neighbour *neighbour) {
    ls->neighbours[neighbour->slot] = NULL;
    ls->links[neighbour->slot] = 0;
    free(neighbour->has);
    free(neighbour);
}

void ls_neighbours_tidy(struct ls *ls) {
    for (uint32_t slot = 0; slot < ls->slot_count; slot++) {
        struct ls_neighbour *neighbour = ls->neighbours[slot];
        if (neighbour == NULL || !neighbour->gone)
            continue;
        ls_node_release(&ls->graph, neighbour->node);
        ls_neighbour_free(ls, neighbour);
    }
}

void ls_send(struct ls *ls, const struct ls_neighbour *neighbour, slow_bytes message) {
    slow_status status = ls->routing->send(ls->host, neighbour->link, message);
    /* CLOSED: neighbour_down is on its way. Anything else breaks the channel's promise. */
    if (status != SLOW_OK && status != SLOW_E_CLOSED && ls_may_log(ls, &ls->lost_logged_at)) {
        char text[160];
        snprintf(text, sizeof text,
                 "link %u: a routing message of %zu bytes was not sent (status %d): routes may be wrong until it comes "
                 "up again",
                 neighbour->link, message.size, status);
        ls->host->log(ls->host, SLOW_LOG_ERROR, text);
    }
}
