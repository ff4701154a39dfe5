/* request.c - see request.h.
 *
 * A junction whose only offers are infeasible must not use them, even where they are loop-free: it cannot know. What
 * makes them feasible is a newer sequence number, which the origin alone may give; so the junction asks, and the
 * request runs down the others' routes to the origin (RFC 8966 sections 3.8.1 and 3.8.2). Here it is asked in two cases
 * only. A lost route: at once and loudly, since packages are being dropped. A better route or an alternate that is
 * infeasible: after 300 ms, of that neighbour, with long pauses, since nothing is broken.
 *
 * When a link dies, many junctions side by side lose their routes and ask, each all its neighbours. So whoever asks for
 * itself asks for the others too, for the newest number that anybody wants of it: junctions know different numbers
 * (rule 6), and an answer that is too old for the next one in the row would cost it 200 ms. Nobody asks back: a
 * neighbour that asked us and offers nothing has no route either, and tells us when it finds one (rule 5). And whoever
 * is told that the route is lost is asked by the same record: the sequence number of a retraction, which means nothing
 * else, is the one that is wanted.
 *
 * Both end by themselves: (a) when no neighbour offers the destination any more, so the dead are not asked after; (b)
 * when the offer is taken back, or becomes feasible. */
#include "request.h"
#include <stdlib.h>

#define ASK_AFTER_NS 1           /* so in another turn: the retraction goes first */
#define ASK_GAP_NS (200 * DV_MS) /* doubles with each round */
#define ASK_REPEATS 5u
#define REPAIR_FIRST_NS (300 * DV_MS) /* more than what suppresses a repeat, or the gap between two bumps */
#define REPAIR_NEXT_NS (4 * DV_SECOND)
#define REPAIR_MOST_NS (300 * DV_SECOND)
#define REMEMBER_NS (10 * DV_SECOND)

bool dv_feasible(const struct dv *dv, const struct dv_dest *dest, struct dv_word word) {
    return dv_nearer(word, dv_dest_fd(dest)) || dv->options.break_rule == DV_BREAK_NO_FEASIBILITY;
}

void dv_request_send(struct dv *dv, struct dv_neighbour *neighbour, uint32_t number, struct dv_stamp stamp,
                     uint8_t ttl) {
    struct dv_record record = {
        .kind = DV_REQUEST,
        .id = store_get(&dv->store, dv->dests[number].id),
        .word.stamp = stamp,
        .ttl = ttl,
    };
    dv_proof_show_epoch(dv, neighbour, number, stamp.epoch);
    dv_outbox_add(dv, neighbour, &record);
}

/* ---- (a) */

static bool is_offered(const struct dv *dv, uint32_t number) {
    for (uint32_t slot = 0; slot < dv->slot_count; slot++)
        if (dv->neighbours[slot] != NULL && dv_finite(dv_offer_of(dv, dv->neighbours[slot], number)))
            return true;
    return false;
}

/* What to ask for: FD's number and one, or the newest that was asked of us in this epoch. */
static struct dv_stamp wanted_of(const struct dv *dv, const struct dv_trouble *trouble) {
    struct dv_stamp wanted = dv_stamp_next(dv_dest_fd(&dv->dests[trouble->number]).stamp);
    for (uint32_t at = 0; at < trouble->asker_count; at++) {
        const struct dv_asker *asker = &trouble->askers[at];
        if (asker->until >= dv_now(dv) && asker->stamp.epoch == wanted.epoch && asker->stamp.seq > wanted.seq)
            wanted = asker->stamp;
    }
    return wanted;
}

/* It offers nothing and asked us for as much: it has no route either. */
static bool is_as_poor(const struct dv *dv, const struct dv_trouble *trouble, uint16_t slot, struct dv_stamp wanted) {
    if (dv_finite(dv_offer_of(dv, dv->neighbours[slot], trouble->number)))
        return false;
    for (uint32_t at = 0; at < trouble->asker_count; at++) {
        const struct dv_asker *asker = &trouble->askers[at];
        if (asker->slot == slot)
            return asker->until >= dv_now(dv) && dv_stamp_compare(asker->stamp, wanted) >= 0;
    }
    return false;
}

static bool was_asked_along(const struct dv_trouble *trouble, const struct dv_neighbour *neighbour,
                            struct dv_stamp wanted) {
    return (neighbour->flags[trouble->number] & (DV_TOLD | DV_ASKED)) == DV_ASKED &&
           dv_stamp_compare(trouble->along, wanted) >= 0;
}

static void ask_round(void *owner, struct dv_deadline *deadline) {
    struct dv *dv = owner;
    struct dv_trouble *trouble = DV_OWNER(deadline, struct dv_trouble, ask);
    uint32_t number = trouble->number;
    const struct dv_dest *dest = &dv->dests[number];
    bool over = trouble->ask_round > ASK_REPEATS || (trouble->ask_round > 0 && !is_offered(dv, number));
    if (dest->next_hop != DV_NO_SLOT || over) {
        trouble->asked = false;
        dv_trouble_settle(dv, number);
        return;
    }
    struct dv_stamp wanted = wanted_of(dv, trouble);
    for (uint32_t slot = 0; slot < dv->slot_count; slot++) {
        struct dv_neighbour *neighbour = dv->neighbours[slot];
        if (neighbour == NULL)
            continue;
        if (trouble->ask_round > 0 ||
            (!is_as_poor(dv, trouble, (uint16_t)slot, wanted) && !was_asked_along(trouble, neighbour, wanted)))
            dv_request_send(dv, neighbour, number, wanted, DV_TTL);
    }
    trouble->asked = true;
    trouble->asked_at = trouble->passed_at = dv_now(dv);
    trouble->passed = wanted;
    dv_deadline_at(&dv->deadlines, deadline, trouble->asked_at + (ASK_GAP_NS << trouble->ask_round), ask_round);
    trouble->ask_round++;
}

void dv_ask(struct dv *dv, uint32_t number) {
    if (dv->dests[number].fd_metric == SLOW_METRIC_INFINITY)
        return;
    struct dv_trouble *trouble = dv_trouble_need(dv, number);
    if (trouble == NULL)
        return;
    slow_time soon = dv_now(dv) + ASK_AFTER_NS, when = trouble->asked ? trouble->asked_at + ASK_GAP_NS : soon;
    trouble->ask_round = 0;
    trouble->along = (struct dv_stamp){.epoch = 0};
    dv_deadline_at(&dv->deadlines, &trouble->ask, when > soon ? when : soon, ask_round);
    for (uint32_t slot = 0; slot < dv->slot_count; slot++)
        if (dv->neighbours[slot] != NULL && (dv->neighbours[slot]->flags[number] & DV_TOLD) == 0)
            dv->neighbours[slot]->flags[number] &= (uint8_t)~DV_ASKED;
}

bool dv_is_asking(const struct dv_dest *dest) {
    return dest->trouble != NULL && dv_deadline_armed(&dest->trouble->ask);
}

bool dv_asks_next(const struct dv *dv, uint32_t number) {
    const struct dv_dest *dest = &dv->dests[number];
    return dest->next_hop == DV_NO_SLOT && dv_is_asking(dest) && dest->trouble->ask.when <= dv_now(dv) + ASK_AFTER_NS;
}

uint32_t dv_ask_along(struct dv *dv, struct dv_neighbour *neighbour, uint32_t number) {
    if (number == DV_SELF || !dv_asks_next(dv, number) || (neighbour->flags[number] & DV_CURRENT) == 0)
        return 0;
    struct dv_trouble *trouble = dv->dests[number].trouble;
    struct dv_stamp wanted = wanted_of(dv, trouble);
    if (wanted.epoch != dv->dests[number].fd_epoch)
        return 0;
    trouble->along = wanted;
    neighbour->flags[number] |= DV_ASKED;
    return wanted.seq;
}

/* ---- (b) */

/* What an infeasible offer that is nearer than our own route would cost; infinite if it is none of these. */
static uint64_t useful_metric(const struct dv *dv, uint32_t slot, uint32_t number) {
    const struct dv_dest *dest = &dv->dests[number];
    const struct dv_neighbour *neighbour = dv->neighbours[slot];
    struct dv_word offer = neighbour == NULL ? DV_RETRACTION : dv_offer_of(dv, neighbour, number);
    if (offer.metric >= dest->metric || offer.stamp.epoch != dest->fd_epoch || dv_feasible(dv, dest, offer))
        return UINT64_MAX;
    return (uint64_t)offer.metric + neighbour->cost;
}

static void repair_ask(struct dv *dv, uint32_t slot, uint32_t number) {
    struct dv_neighbour *neighbour = dv->neighbours[slot];
    struct dv_word fd = dv_dest_fd(&dv->dests[number]);
    bool below = dv_offer_of(dv, neighbour, number).metric < fd.metric;
    dv_request_send(dv, neighbour, number, below ? fd.stamp : dv_stamp_next(fd.stamp), DV_TTL);
}

/* One alternate is enough: so the first time only the best one is asked, beside all that would be better routes. */
static void repair_round(void *owner, struct dv_deadline *deadline) {
    struct dv *dv = owner;
    struct dv_trouble *trouble = DV_OWNER(deadline, struct dv_trouble, repair);
    uint32_t number = trouble->number, best = 0;
    bool first = trouble->repair_wait_ns == REPAIR_NEXT_NS;
    for (uint32_t slot = 1; slot < dv->slot_count; slot++)
        if (useful_metric(dv, slot, number) < useful_metric(dv, best, number))
            best = slot;
    for (uint32_t slot = 0; slot < dv->slot_count; slot++) {
        uint64_t metric = useful_metric(dv, slot, number);
        if (metric != UINT64_MAX && (!first || slot == best || metric < dv->dests[number].metric))
            repair_ask(dv, slot, number);
    }
    dv_deadline_at(&dv->deadlines, deadline, dv_now(dv) + trouble->repair_wait_ns, repair_round);
    trouble->repair_wait_ns *= 2;
    if (trouble->repair_wait_ns > REPAIR_MOST_NS)
        trouble->repair_wait_ns = REPAIR_MOST_NS;
}

void dv_repair(struct dv *dv, uint32_t number, bool useful) {
    struct dv_trouble *trouble = useful ? dv_trouble_need(dv, number) : dv->dests[number].trouble;
    if (trouble == NULL)
        return;
    if (!useful) {
        dv_deadline_stop(&dv->deadlines, &trouble->repair);
        dv_trouble_settle(dv, number);
    } else if (!dv_deadline_armed(&trouble->repair)) {
        trouble->repair_wait_ns = REPAIR_NEXT_NS;
        dv_deadline_at(&dv->deadlines, &trouble->repair, dv_now(dv) + REPAIR_FIRST_NS, repair_round);
    }
}

/* ---- who asked us: at most one entry a neighbour */

static void asker_drop(struct dv_trouble *trouble, uint32_t at) {
    trouble->asker_count--;
    for (; at < trouble->asker_count; at++)
        trouble->askers[at] = trouble->askers[at + 1];
}

static void tidy(void *owner, struct dv_deadline *deadline) {
    struct dv *dv = owner;
    struct dv_trouble *trouble = DV_OWNER(deadline, struct dv_trouble, tidy);
    slow_time now = dv_now(dv);
    for (uint32_t at = trouble->asker_count; at-- > 0;)
        if (trouble->askers[at].until <= now)
            asker_drop(trouble, at);
    if (trouble->asker_count > 0)
        dv_deadline_at(&dv->deadlines, deadline, now + REMEMBER_NS, tidy);
    else
        dv_trouble_settle(dv, trouble->number);
}

void dv_asker_add(struct dv *dv, uint32_t number, uint16_t slot, struct dv_stamp stamp) {
    struct dv_trouble *trouble = dv_trouble_need(dv, number);
    if (trouble == NULL)
        return;
    uint32_t at = 0;
    while (at < trouble->asker_count && trouble->askers[at].slot != slot)
        at++;
    if (at == trouble->asker_capacity) {
        uint32_t capacity = trouble->asker_capacity * 2 + 2;
        struct dv_asker *askers = realloc(trouble->askers, capacity * sizeof *askers);
        if (askers == NULL)
            return;
        trouble->askers = askers;
        trouble->asker_capacity = capacity;
    }
    if (at == trouble->asker_count)
        trouble->asker_count++;
    trouble->askers[at] = (struct dv_asker){.stamp = stamp, .until = dv_now(dv) + REMEMBER_NS, .slot = slot};
    if (!dv_deadline_armed(&trouble->tidy))
        dv_deadline_at(&dv->deadlines, &trouble->tidy, dv_now(dv) + REMEMBER_NS, tidy);
}

/* Whoever asked for more than there is gets what there is. Otherwise one who asks for a number that its origin never
 * reaches could make us ask for that, and wait in vain. */
void dv_answer(struct dv *dv, uint32_t number, struct dv_stamp stamp, bool renewed) {
    struct dv_trouble *trouble = dv->dests[number].trouble;
    for (uint32_t at = trouble == NULL ? 0 : trouble->asker_count; at-- > 0;) {
        const struct dv_asker *asker = &trouble->askers[at];
        bool answered = dv_stamp_compare(stamp, asker->stamp) >= 0;
        struct dv_neighbour *neighbour = dv_neighbour_at(dv, asker->slot);
        if ((answered || renewed) && neighbour != NULL)
            dv_tell_now(neighbour, number);
        if (answered || asker->until < dv_now(dv))
            asker_drop(trouble, at);
    }
}

/* The old next hop may have lost the request with its route, and no newer number would come by itself (rule 6). */
void dv_ask_on(struct dv *dv, uint32_t number, struct dv_stamp stamp) {
    struct dv_trouble *trouble = dv->dests[number].trouble;
    struct dv_stamp most = stamp;
    uint16_t next_hop = dv->dests[number].next_hop;
    for (uint32_t at = 0; trouble != NULL && at < trouble->asker_count; at++) {
        const struct dv_asker *asker = &trouble->askers[at];
        if (asker->slot != next_hop && asker->until >= dv_now(dv) && dv_stamp_compare(asker->stamp, most) > 0)
            most = asker->stamp;
    }
    if (dv_stamp_compare(most, stamp) == 0)
        return;
    trouble->passed = most;
    trouble->passed_at = dv_now(dv);
    dv_request_send(dv, dv_neighbour_at(dv, next_hop), number, most, DV_TTL);
}

void dv_asker_forget(struct dv *dv, uint32_t number, uint16_t slot) {
    struct dv_trouble *trouble = dv->dests[number].trouble;
    for (uint32_t at = trouble == NULL ? 0 : trouble->asker_count; at-- > 0;)
        if (trouble->askers[at].slot == slot)
            asker_drop(trouble, at);
}
