/* origin.c - see origin.h.
 *
 * A sequence number grows by exactly one, and only when somebody asks for more than it is (RFC 8966 section 3.8.1.2):
 * if it jumped to what was asked, one liar could use the numbers up. It grows at most once in 100 ms; a request that
 * comes earlier waits for that, because the asker repeats only after 200 ms and more.
 *
 * An epoch that is newer than ours under our own id means one of two things: we started with a clock gone back, and our
 * earlier self is still remembered; then its epoch + 1 is right, once. Or somebody else has our name; then each of us
 * outbids the other, and it must stop: three times in ten minutes, and a line in the log. Whoever stopped cannot tell
 * when the other is gone: the neighbours remember the newest epoch, and nobody shows it any more. So the outbidding goes
 * on as soon as those ten minutes allow it, shown or not. */
#include "origin.h"
#include <stdio.h>

#define BUMP_GAP_NS (100 * DV_MS)
#define SUPPRESS_NS (200 * DV_MS)
#define TAKES 3u
#define TAKES_PER_NS (600 * DV_SECOND)

void dv_origin_sign(struct dv *dv) {
    uint8_t bytes[DV_STATEMENT_MAX];
    slow_bytes id = dv_id_bytes(dv->routing->self(dv->host)), proof = {NULL, 0};
    slow_bytes statement = {bytes, dv_statement(bytes, id, dv->own)};
    slow_status status = dv->routing->sign(dv->host, statement, &proof);
    if (status != SLOW_OK || proof.size > DV_PROOF_MAX) {
        char text[160];
        snprintf(
            text, sizeof text,
            "our own announcement could not be signed (status %d, %zu bytes of at most %u): others may refuse our id",
            status, proof.size, DV_PROOF_MAX);
        dv->host->log(dv->host, SLOW_LOG_ERROR, text);
        return;
    }
    dv_proof_keep(dv, NULL, DV_SELF, dv->own, proof);
}

/* ---- our own stamp */

static void own_stamp_set(struct dv *dv, struct dv_stamp stamp) {
    bool epoch_changed = stamp.epoch != dv->own.epoch;
    dv->own = stamp;
    dv_origin_sign(dv);
    if (!epoch_changed) {
        dv_older_all(dv, DV_SELF);
        return;
    }
    dv_stale_all(dv, DV_SELF);
    for (uint32_t slot = 0; slot < dv->slot_count; slot++)
        if (dv->neighbours[slot] != NULL)
            dv->neighbours[slot]->flags[DV_SELF] &= (uint8_t)~DV_CURRENT;
}

static void bump(void *owner, struct dv_deadline *deadline) {
    struct dv *dv = owner;
    (void)deadline;
    dv->bumped = true;
    dv->bumped_at = dv_now(dv);
    own_stamp_set(dv, dv_stamp_next(dv->own));
    dv_answer(dv, DV_SELF, dv->own, true);
}

static void own_request(struct dv *dv, struct dv_neighbour *asker, struct dv_stamp wanted) {
    if (wanted.epoch > dv->own.epoch) {
        if (dv->open) /* else it has been shown, with a proof, or it is none of ours */
            dv_own_id_shown(dv, wanted.epoch);
        return;
    }
    if (dv_stamp_compare(dv->own, wanted) >= 0) {
        dv_tell_now(asker, DV_SELF);
        return;
    }
    dv_asker_add(dv, DV_SELF, asker->slot, wanted);
    slow_time now = dv_now(dv), due = dv->bumped ? dv->bumped_at + BUMP_GAP_NS : now;
    if (!dv_deadline_armed(&dv->bump))
        dv_deadline_at(&dv->deadlines, &dv->bump, due > now ? due : now, bump);
}

static void take_again(void *owner, struct dv_deadline *deadline) {
    struct dv *dv = owner;
    (void)deadline;
    dv_own_id_shown(dv, dv->shown_epoch);
}

void dv_own_id_shown(struct dv *dv, uint64_t epoch) {
    slow_time now = dv_now(dv);
    unsigned kept = 0;
    if (epoch <= dv->own.epoch)
        return;
    for (unsigned i = 0; i < dv->take_count; i++)
        if (now - dv->takes[i] < TAKES_PER_NS)
            dv->takes[kept++] = dv->takes[i];
    dv->take_count = kept;
    if (kept == TAKES || epoch >= DV_EPOCH_MAX) {
        if (dv_may_log(dv, &dv->twin_logged_at)) {
            char text[160];
            slow_id self = dv_dest_id(dv, DV_SELF);
            snprintf(
                text, sizeof text,
                "another junction calls itself %.*s as we do: only one of the two can be reached; give one another id",
                self.size, self.text);
            dv->host->log(dv->host, SLOW_LOG_ERROR, text);
        }
        if (epoch < DV_EPOCH_MAX && epoch > dv->shown_epoch)
            dv->shown_epoch = epoch;
        if (kept == TAKES)
            dv_deadline_at(&dv->deadlines, &dv->take, dv->takes[0] + TAKES_PER_NS, take_again);
        return;
    }
    dv->takes[dv->take_count++] = now;
    own_stamp_set(dv, (struct dv_stamp){epoch + 1, 1});
    dv_tell_soon_all(dv, DV_SELF);
}

/* ---- others' */

/* Rule 8: to our next hop; if that is who asks, to the best other one that offers it; without a route, to all that offer
 * it, and while we ask ourselves, to all: what it asks for is newer than what we asked for. */
static void pass_on(struct dv *dv, struct dv_neighbour *asker, uint32_t number, struct dv_stamp stamp, uint8_t ttl) {
    const struct dv_dest *dest = &dv->dests[number];
    struct dv_neighbour *best = NULL;
    uint64_t best_metric = UINT64_MAX;
    bool to_all = dest->next_hop == DV_NO_SLOT && dv_is_asking(dest);
    if (dest->next_hop != DV_NO_SLOT && dest->next_hop != asker->slot) {
        dv_request_send(dv, dv_neighbour_at(dv, dest->next_hop), number, stamp, ttl);
        return;
    }
    for (uint32_t slot = 0; slot < dv->slot_count; slot++) {
        struct dv_neighbour *neighbour = dv->neighbours[slot];
        if (neighbour == NULL || neighbour == asker || (!to_all && !dv_finite(dv_offer_of(dv, neighbour, number))))
            continue;
        uint64_t metric = (uint64_t)dv_offer_of(dv, neighbour, number).metric + neighbour->cost;
        if (dest->next_hop == DV_NO_SLOT)
            dv_request_send(dv, neighbour, number, stamp, ttl);
        else if (metric < best_metric) {
            best = neighbour;
            best_metric = metric;
        }
    }
    if (best != NULL)
        dv_request_send(dv, best, number, stamp, ttl);
}

/* True when this or a newer one was passed on a moment ago. If not, it is now. */
static bool is_repeat(struct dv *dv, uint32_t number, struct dv_stamp stamp) {
    struct dv_trouble *trouble = dv_trouble_need(dv, number);
    if (trouble == NULL)
        return true;
    slow_time now = dv_now(dv);
    if (dv_stamp_compare(stamp, trouble->passed) <= 0 && now < trouble->passed_at + SUPPRESS_NS)
        return true;
    trouble->passed = stamp;
    trouble->passed_at = now;
    return false;
}

/* DV_BREAK_FOREIGN_BUMP: raises the sequence number in the origin's stead. */
static void bump_foreign(struct dv *dv, struct dv_neighbour *asker, uint32_t number, struct dv_stamp stamp) {
    struct dv_neighbour *next_hop = dv_neighbour_at(dv, dv->dests[number].next_hop);
    struct dv_word before = dv_offer_of(dv, next_hop, number);
    if (stamp.epoch == before.stamp.epoch)
        next_hop->offers[number].seq = stamp.seq;
    dv_reselect(dv, number, next_hop->slot, before, next_hop->cost);
    dv_tell_now(asker, number);
}

void dv_request_heard(struct dv *dv, struct dv_neighbour *asker, slow_bytes id, struct dv_stamp stamp, uint8_t ttl) {
    uint32_t number = dv_dest_find(dv, id);
    if (number == DV_SELF) {
        own_request(dv, asker, stamp);
        return;
    }
    /* Of a destination that is not even known there is nobody to ask, and if a route comes, all are told. */
    if (number == DV_NONE)
        return;
    slow_bytes proof;
    if (!dv->open && stamp.epoch > dv_proven(dv, number, &proof).epoch)
        return;
    uint16_t next_hop = dv->dests[number].next_hop;
    bool through_other = next_hop != DV_NO_SLOT && next_hop != asker->slot;
    if (through_other && dv_stamp_compare(dv_selected(dv, number).stamp, stamp) >= 0) {
        dv_tell_now(asker, number);
        return;
    }
    if (dv->options.break_rule == DV_BREAK_SWALLOW_REQUESTS)
        return;
    if (dv->options.break_rule == DV_BREAK_FOREIGN_BUMP && through_other) {
        bump_foreign(dv, asker, number, stamp);
        return;
    }
    if (dv->options.break_rule == DV_BREAK_LOST_MEMORY)
        asker->flags[number] &= (uint8_t)~DV_TOLD;
    dv_asker_add(dv, number, asker->slot, stamp);
    if (next_hop == asker->slot)
        dv_tell_now(asker, number);
    if (ttl > 0 && !dv_asks_next(dv, number) && !is_repeat(dv, number, stamp))
        pass_on(dv, asker, number, stamp, (uint8_t)(ttl - 1));
}
