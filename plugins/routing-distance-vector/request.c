/* request.c - see request.h.
 *
 * A junction whose only offers are infeasible must not use them, even where they are loop-free: it cannot know. What
 * makes them feasible is a newer sequence number, which the origin alone may give; so the junction asks, and the
 * request runs down the others' routes to the origin (RFC 8966 sections 3.8.1 and 3.8.2). Here it is asked in two cases
 * only. A lost route: at once and loudly, since packages are being dropped. A better route or an alternate that is
 * infeasible: after half a second, of that neighbour, with long pauses, since nothing is broken.
 *
 * Both end by themselves: (a) when no neighbour offers the destination any more, so the dead are not asked after; (b)
 * when the offer is taken back, or becomes feasible. */
#include "request.h"
#include <stdlib.h>

#define ASK_GAP_NS (200 * DV_MS) /* doubles with each round */
#define ASK_REPEATS 5u
#define REPAIR_FIRST_NS (500 * DV_MS)
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
    dv_outbox_add(dv, neighbour, &record);
}

/* ---- (a) */

static bool is_offered(const struct dv *dv, uint32_t number) {
    for (uint32_t slot = 0; slot < dv->slot_count; slot++)
        if (dv->neighbours[slot] != NULL && dv_finite(dv_offer_of(dv, dv->neighbours[slot], number)))
            return true;
    return false;
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
    struct dv_stamp wanted = dv_stamp_next(dv_dest_fd(dest).stamp);
    for (uint32_t slot = 0; slot < dv->slot_count; slot++)
        if (dv->neighbours[slot] != NULL)
            dv_request_send(dv, dv->neighbours[slot], number, wanted, DV_TTL);
    trouble->asked = true;
    trouble->asked_at = dv_now(dv);
    dv_deadline_at(&dv->deadlines, deadline, trouble->asked_at + (ASK_GAP_NS << trouble->ask_round), ask_round);
    trouble->ask_round++;
}

void dv_ask(struct dv *dv, uint32_t number) {
    if (dv->dests[number].fd_metric == SLOW_METRIC_INFINITY)
        return;
    struct dv_trouble *trouble = dv_trouble_need(dv, number);
    if (trouble == NULL)
        return;
    slow_time now = dv_now(dv), when = trouble->asked ? trouble->asked_at + ASK_GAP_NS : now;
    trouble->ask_round = 0;
    dv_deadline_at(&dv->deadlines, &trouble->ask, when > now ? when : now, ask_round);
}

/* ---- (b) */

static void repair_round(void *owner, struct dv_deadline *deadline) {
    struct dv *dv = owner;
    struct dv_trouble *trouble = DV_OWNER(deadline, struct dv_trouble, repair);
    uint32_t number = trouble->number;
    const struct dv_dest *dest = &dv->dests[number];
    struct dv_word fd = dv_dest_fd(dest);
    for (uint32_t slot = 0; slot < dv->slot_count; slot++) {
        struct dv_neighbour *neighbour = dv->neighbours[slot];
        struct dv_word offer = neighbour == NULL ? DV_RETRACTION : dv_offer_of(dv, neighbour, number);
        if (offer.metric >= dest->metric || dv_feasible(dv, dest, offer))
            continue;
        struct dv_stamp wanted = offer.metric < fd.metric ? fd.stamp : dv_stamp_next(fd.stamp);
        dv_request_send(dv, neighbour, number, wanted, DV_TTL);
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

void dv_answer(struct dv *dv, uint32_t number, struct dv_stamp stamp) {
    struct dv_trouble *trouble = dv->dests[number].trouble;
    for (uint32_t at = trouble == NULL ? 0 : trouble->asker_count; at-- > 0;) {
        const struct dv_asker *asker = &trouble->askers[at];
        bool answered = dv_stamp_compare(stamp, asker->stamp) >= 0;
        if (!answered && asker->until >= dv_now(dv))
            continue;
        struct dv_neighbour *neighbour = dv_neighbour_at(dv, asker->slot);
        if (answered && neighbour != NULL)
            dv_tell_now(neighbour, number);
        asker_drop(trouble, at);
    }
}

void dv_asker_forget(struct dv *dv, uint32_t number, uint16_t slot) {
    struct dv_trouble *trouble = dv->dests[number].trouble;
    for (uint32_t at = trouble == NULL ? 0 : trouble->asker_count; at-- > 0;)
        if (trouble->askers[at].slot == slot)
            asker_drop(trouble, at);
}
