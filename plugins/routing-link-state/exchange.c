/* exchange.c - see exchange.h.
 *
 * Each tells the other the stamps of what it had when they met, and END. Each then sends what it has and the other has
 * not: nobody has to ask for anything, so this takes two ways over the link, where OSPF's database descriptions and
 * requests take six. What is installed after they met is flooded to the other anyway, so it is neither stamped nor sent
 * again; at a cold start, when everybody has met before anybody has said a word, the exchange is two ENDs.
 *
 * What a node cannot reach it tells too, since the other may be the way to it, with the age that it has here. Everybody
 * counts on from that, so a dead origin's last words get older however often they are passed to and fro, and two
 * neighbours cannot keep them alive between them.
 *
 * The channel takes everything, and breaks above 4 MiB. So each 64th message ends with ASK, and nothing more is sent
 * until GO comes back: a table of any size crosses a link of any speed, and flooding finds room beside it. */
#include "exchange.h"
#include "flood.h"
#include <stdlib.h>

#define WINDOW 64u /* messages, of up to SLOW_ROUTE_MESSAGE_MAX bytes */

static bool met_without(const struct ls *ls, const struct ls_neighbour *neighbour, uint32_t lsa) {
    return ls->graph.lsas[lsa].node != LS_NONE && ls->graph.lsas[lsa].order <= neighbour->up_order;
}

void ls_exchange_has(struct ls *ls, struct ls_neighbour *neighbour, uint32_t lsa) {
    if (neighbour->phase == LS_DONE || lsa >= neighbour->has_count || !met_without(ls, neighbour, lsa))
        return;
    if (neighbour->has == NULL)
        neighbour->has = calloc(neighbour->has_count / 8 + 1, 1);
    if (neighbour->has != NULL) /* else it is sent for nothing */
        neighbour->has[lsa / 8] |= (uint8_t)(1u << lsa % 8);
}

static void stamp_heard(struct ls *ls, struct ls_neighbour *neighbour, const struct ls_record *record) {
    uint32_t node = ls_node_find(&ls->graph, record->id);
    uint32_t lsa = node != LS_NONE ? ls_lsa_find(&ls->graph, node, record->fragment) : LS_NONE;
    if (neighbour->end_heard || lsa == LS_NONE)
        return;
    struct ls_stamp ours = {ls->graph.nodes[node].epoch, ls->graph.lsas[lsa].seq};
    if (ls_stamp_compare(record->stamp, ours) >= 0)
        ls_exchange_has(ls, neighbour, lsa);
}

void ls_exchange_heard(struct ls *ls, struct ls_neighbour *neighbour, const struct ls_record *record) {
    if (record->kind == LS_STAMP)
        stamp_heard(ls, neighbour, record);
    else if (record->kind == LS_END)
        neighbour->end_heard = true;
    else if (record->kind == LS_ASK)
        neighbour->answer = true;
    else if (record->kind == LS_GO)
        neighbour->asked = false;
}

/* ---- telling */

/* One message under way, to one neighbour. */
struct parcel {
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    slow_writer out;
};

static void parcel_send(struct ls *ls, struct ls_neighbour *neighbour, struct parcel *parcel) {
    size_t size = slow_writer_size(&parcel->out);
    if (size > 0) {
        neighbour->sent++;
        ls_send(ls, neighbour, (slow_bytes){parcel->bytes, size});
    }
    parcel->out = slow_writer_of(parcel->bytes, sizeof parcel->bytes);
}

/* False when the window is full: then this record has to wait, with all behind it. */
static bool parcel_add(struct ls *ls, struct ls_neighbour *neighbour, struct parcel *parcel,
                       const struct ls_record *record) {
    static const struct ls_record ask = {.kind = LS_ASK};
    if (ls_record_write(&parcel->out, record))
        return true;
    parcel_send(ls, neighbour, parcel);
    if (neighbour->sent < WINDOW)
        return ls_record_write(&parcel->out, record);
    neighbour->sent = 0;
    neighbour->asked = true;
    (void)ls_record_write(&parcel->out, &ask);
    return false;
}

/* Goes on with one phase; true when it has come to its end. */
static bool tell(struct ls *ls, struct ls_neighbour *neighbour, struct parcel *parcel) {
    uint8_t links[LS_LINKS_MAX];
    struct ls_record record;
    bool stamps = neighbour->phase == LS_TELLING_STAMPS;
    for (; neighbour->cursor < neighbour->has_count; neighbour->cursor++) {
        uint32_t lsa = neighbour->cursor;
        bool has = neighbour->has != NULL && (neighbour->has[lsa / 8] & 1u << lsa % 8) != 0;
        if (!met_without(ls, neighbour, lsa) || (!stamps && has) || !ls_flood_record(ls, lsa, links, &record))
            continue;
        if (stamps)
            record.kind = LS_STAMP;
        if (!parcel_add(ls, neighbour, parcel, &record))
            return false;
        ls->entries++;
    }
    neighbour->cursor = 0;
    return true;
}

static void go_on(struct ls *ls, struct ls_neighbour *neighbour) {
    static const struct ls_record end = {.kind = LS_END}, go = {.kind = LS_GO};
    struct parcel parcel;
    parcel.out = slow_writer_of(parcel.bytes, sizeof parcel.bytes);
    if (neighbour->answer)
        (void)ls_record_write(&parcel.out, &go);
    neighbour->answer = false;
    if (neighbour->phase == LS_TELLING_STAMPS && !neighbour->asked && tell(ls, neighbour, &parcel) &&
        parcel_add(ls, neighbour, &parcel, &end))
        neighbour->phase = LS_WAITING;
    if (neighbour->phase == LS_WAITING && neighbour->end_heard)
        neighbour->phase = ls->options.break_rule == LS_BREAK_NO_EXCHANGE ? LS_DONE : LS_TELLING_LSAS;
    if (neighbour->phase == LS_TELLING_LSAS && !neighbour->asked && tell(ls, neighbour, &parcel))
        neighbour->phase = LS_DONE;
    if (neighbour->phase == LS_DONE) {
        free(neighbour->has);
        neighbour->has = NULL;
    }
    parcel_send(ls, neighbour, &parcel);
}

void ls_exchange(struct ls *ls) {
    for (uint32_t slot = 0; slot < ls->slot_count; slot++) {
        struct ls_neighbour *neighbour = ls_neighbour_at(ls, (uint16_t)slot);
        if (neighbour != NULL && (neighbour->phase != LS_DONE || neighbour->answer))
            go_on(ls, neighbour);
    }
}
