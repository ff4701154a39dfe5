/* trust.c - see trust.h.
 *
 * Epochs only grow, and so does the newest that is proven: who has stolen a key can sign one that the owner's clock reaches
 * tomorrow (the host refuses what is later). When the key is revoked the owner comes back with another key and an epoch of
 * today, which is older: rules 1 and 2 would have nobody follow it. So a proof that does not hold any more must not stand
 * in the way of one that does, nor must what was built on it: the feasibility distance, and the words.
 *
 * Nothing of that is thrown away before another key speaks for the id: as long as none does, the core bars the destination, and
 * there is nothing to be had instead. That may be before we hear of the revocation or after it. After: the older proof
 * comes, and the newer one is checked again. Before: its words were kept, as infeasible ones are, and their epoch differs
 * from the proven one; those few destinations are checked when keys are revoked. The words go with the rest, since of an
 * older epoch the proof was not kept (see proof.c): so whoever said them is to say all again.
 *
 * Forgetting a feasibility distance is where loop freedom ends; else it is forgotten with the last word of anybody. Here a
 * neighbour that has not heard of the revocation still holds our word of the epoch that we forget, until our retraction is
 * there. Should it, in that time, be the one that we now follow, and have chosen us, packages go to and fro between the two
 * until then: once for each revocation of such a key, for a destination that could not be reached before. */
#include "trust.h"
#include "route.h"

/* What it says under that handle counts again when it has introduced the destination again. */
static void unbind(struct dv *dv, struct dv_neighbour *neighbour, uint32_t number) {
    for (uint32_t handle = 0; handle < neighbour->handle_count; handle++)
        if (dv_handle_of(neighbour, handle) == number)
            dv_handle_set(neighbour, handle, DV_HANDLE_IGNORED);
    dv_unbind(dv, neighbour, number);
}

/* As if nobody had ever spoken of it. `from` says something new in this moment, and is not asked to. */
static void disown(struct dv *dv, const struct dv_neighbour *from, uint32_t number) {
    struct dv_dest *dest = &dv->dests[number];
    slow_bytes proof;
    uint64_t epoch = dv_proven(dv, number, &proof).epoch;
    for (uint32_t slot = 0; slot < dv->slot_count; slot++) {
        struct dv_neighbour *neighbour = dv->neighbours[slot];
        if (neighbour == NULL || (neighbour->flags[number] & DV_BOUND) == 0)
            continue;
        if (dv_bound_epoch(dv, neighbour, number) != epoch && neighbour != from && SLOW_HAS(dv->routing, say_again))
            dv->routing->say_again(dv->host, neighbour->link);
        unbind(dv, neighbour, number);
    }
    store_drop(&dv->store, dest->proof);
    dest->proof = 0;
    dv_shown_to_nobody(dv, number);
    dv_trouble_end(dv, number);
    dest->fd_metric = SLOW_METRIC_INFINITY;
    dest->fd_epoch = dest->fd_seq = 0;
    if (dest->next_hop != DV_NO_SLOT)
        dv_reselect(dv, number, dest->next_hop, DV_RETRACTION, 0);
}

bool dv_trust_older(struct dv *dv, struct dv_neighbour *from, uint32_t number, struct dv_stamp stamp) {
    slow_bytes proof;
    if (dv->open || stamp.epoch >= dv_proven(dv, number, &proof).epoch || !dv_proof_is_void(dv, number))
        return false;
    disown(dv, from, number);
    return true;
}

/* Does some neighbour speak of another epoch than the proven one? */
static bool is_contested(const struct dv *dv, uint32_t number) {
    slow_bytes proof;
    uint64_t epoch = dv_proven(dv, number, &proof).epoch;
    for (uint32_t slot = 0; slot < dv->slot_count; slot++) {
        const struct dv_neighbour *neighbour = dv->neighbours[slot];
        if (neighbour != NULL && (neighbour->flags[number] & DV_BOUND) != 0 &&
            dv_bound_epoch(dv, neighbour, number) != epoch)
            return true;
    }
    return false;
}

void dv_trust_changed(struct dv *dv) {
    for (uint32_t number = DV_SELF + 1; number < dv->dest_count; number++)
        if (dv->dests[number].proof != 0 && is_contested(dv, number) && dv_proof_is_void(dv, number))
            disown(dv, NULL, number);
}
