/* advertise.c - see advertise.h.
 *
 * Two queues a neighbour, by urgency (rule 5): at the end of the turn (a lost route, one that is found again, an answer
 * to a request), or with the batch (another metric, epoch or next hop). The batch's first goes at once, so that a single
 * change crosses the network at the speed of its links; while more come, the pause grows from 5 to 20 ms, which takes the
 * transient words out of a storm of them.
 *
 * A newer sequence number alone is told to those who asked for it and to nobody else (rule 6). It used to follow to all
 * within 300 ms, "so that alternates stay feasible", and that was four of five entries that a cut caused. It did the
 * reverse: whoever passes a newer number on moves its own feasibility distance to it, and thereby loses all alternates
 * whose words bear the old one, until those neighbours have it too. A junction that nobody asks keeps the number it has,
 * and the alternates with it; one that was asked, and lost alternates by its answer, asks for them (rule 7b).
 *
 * What leaves is decided when it leaves, not when it was queued: the word is our present one, and when the neighbour
 * has been told that already, nothing goes. A full table is paced: at most PACE messages a batch to one neighbour. */
#include "advertise.h"
#include <stdlib.h>

#define BATCH_FIRST_NS (5 * DV_MS)
#define BATCH_MOST_NS (20 * DV_MS)
#define PACE 64u /* messages, of up to SLOW_ROUTE_MESSAGE_MAX bytes */

/* ---- DV_BREAK_LATE_FD: what the rule forbids, for tests */

static void late_fire(void *owner, struct dv_deadline *deadline) {
    struct dv *dv = owner;
    size_t kept = 0;
    for (size_t i = 0; i < dv->late_count; i++) {
        struct dv_late late = dv->late_words[i];
        if (late.when > dv_now(dv))
            dv->late_words[kept++] = late;
        else if (dv->dests[late.number].id != 0)
            dv_lower_fd(dv, late.number, late.word);
    }
    dv->late_count = kept;
    slow_time next = UINT64_MAX;
    for (size_t i = 0; i < kept; i++)
        next = dv->late_words[i].when < next ? dv->late_words[i].when : next;
    if (kept > 0)
        dv_deadline_at(&dv->deadlines, deadline, next, late_fire);
}

/* After a round trip, as the cost tells it. */
static void lower_fd_late(struct dv *dv, const struct dv_neighbour *neighbour, uint32_t number, struct dv_word word) {
    if (dv->late_count == dv->late_capacity) {
        size_t capacity = dv->late_capacity * 2 + 16;
        struct dv_late *words = realloc(dv->late_words, capacity * sizeof *words);
        if (words == NULL)
            return;
        dv->late_words = words;
        dv->late_capacity = capacity;
    }
    slow_time when = dv_now(dv) + 2 * (uint64_t)neighbour->cost * (DV_MS / 10);
    dv->late_words[dv->late_count++] = (struct dv_late){.when = when, .number = number, .word = word};
    if (!dv_deadline_armed(&dv->late) || when < dv->late.when)
        dv_deadline_at(&dv->deadlines, &dv->late, when, late_fire);
}

/* ---- one word */

struct dv_word dv_word_for(const struct dv *dv, const struct dv_neighbour *neighbour, uint32_t number) {
    if (dv->leaving)
        return DV_RETRACTION;
    if (number == DV_SELF)
        return (struct dv_word){dv->own, 0};
    if (dv->dests[number].next_hop == neighbour->slot || dv->leaf)
        return DV_RETRACTION;
    struct dv_word word = dv_selected(dv, number);
    /* What we cannot prove would be refused: it is not said, until the newest epoch is selected again. */
    return dv_is_proven(dv, number, word.stamp) ? word : DV_RETRACTION;
}

/* Rule 6: to one who did not ask, a newer number of the same word is no news. */
static bool is_new_to(const struct dv_neighbour *neighbour, uint32_t number, struct dv_word word, bool asked) {
    uint8_t flags = neighbour->flags[number];
    if (!dv_finite(word) || (flags & DV_TOLD) == 0)
        return dv_finite(word) != ((flags & DV_TOLD) != 0);
    return (flags & DV_STALE) != 0 || (asked && (flags & DV_OLDER) != 0);
}

static void set_told(struct dv_neighbour *neighbour, uint32_t number, bool finite, bool current) {
    uint8_t *flags = &neighbour->flags[number];
    *flags &= (uint8_t) ~(DV_TOLD | DV_STALE | DV_OLDER);
    if (finite)
        *flags |= DV_TOLD | DV_HANDED;
    if (finite && current)
        *flags |= DV_CURRENT;
}

static void tell(struct dv *dv, struct dv_neighbour *neighbour, uint32_t number, bool asked) {
    struct dv_word word = dv_word_for(dv, neighbour, number);
    if (!is_new_to(neighbour, number, word, asked))
        return;
    if (dv_finite(word) && number != DV_SELF) {
        if (dv->options.break_rule == DV_BREAK_LATE_FD)
            lower_fd_late(dv, neighbour, number, word);
        else
            dv_lower_fd(dv, number, word); /* rule 3: before it leaves */
    }
    struct dv_record record = {.kind = DV_UPDATE, .handle = number, .word = word};
    bool current = number == DV_SELF || dv->dests[number].fd_epoch == word.stamp.epoch;
    if (dv_finite(word) && !(current && (neighbour->flags[number] & DV_CURRENT) != 0)) {
        record.kind = DV_ORIGIN;
        record.id = store_get(&dv->store, dv->dests[number].id);
        dv_proof_attach(dv, neighbour, number, &record);
    } else if (dv_finite(word)) {
        dv_proof_show(dv, neighbour, number);
    }
    set_told(neighbour, number, dv_finite(word), current);
    if (!dv_finite(word))
        record.word.stamp.seq = dv_ask_along(dv, neighbour, number);
    dv_outbox_add(dv, neighbour, &record);
}

/* ---- the queues */

/* Tells what is queued, in order of numbers; what exceeds the pace stays queued. */
static void queue_flush(struct dv *dv, struct dv_neighbour *neighbour, struct dv_queue *queue, enum dv_flag flag,
                        uint32_t pace) {
    uint32_t first_sent = neighbour->sent, number = queue->low;
    while ((number = dv_queue_next(neighbour, queue, flag, number)) != DV_NONE) {
        if (neighbour->sent - first_sent >= pace) {
            queue->low = number;
            return;
        }
        neighbour->flags[number] &= (uint8_t)~flag;
        tell(dv, neighbour, number, flag == DV_NOW);
        number++;
    }
    *queue = (struct dv_queue){.low = UINT32_MAX, .high = 0};
}

static void batch_fire(void *owner, struct dv_deadline *deadline);

static void batch_send(struct dv *dv, struct dv_neighbour *neighbour, slow_time hold_ns) {
    neighbour->hold_ns = hold_ns;
    queue_flush(dv, neighbour, &neighbour->soon, DV_SOON, PACE);
    dv_deadline_at(&dv->deadlines, &neighbour->batch, dv_now(dv) + hold_ns, batch_fire);
}

static void batch_fire(void *owner, struct dv_deadline *deadline) {
    struct dv_neighbour *neighbour = DV_OWNER(deadline, struct dv_neighbour, batch);
    slow_time hold_ns = neighbour->hold_ns * 2;
    if (!dv_queue_empty(&neighbour->soon))
        batch_send(owner, neighbour, hold_ns < BATCH_MOST_NS ? hold_ns : BATCH_MOST_NS);
}

void dv_advertise(struct dv *dv) {
    for (uint32_t slot = 0; slot < dv->slot_count; slot++)
        if (dv->neighbours[slot] != NULL)
            queue_flush(dv, dv->neighbours[slot], &dv->neighbours[slot]->now, DV_NOW, UINT32_MAX);
    for (uint32_t slot = 0; slot < dv->slot_count; slot++) {
        struct dv_neighbour *neighbour = dv->neighbours[slot];
        if (neighbour == NULL)
            continue;
        if (!dv_queue_empty(&neighbour->soon) && !dv_deadline_armed(&neighbour->batch))
            batch_send(dv, neighbour, BATCH_FIRST_NS);
        dv_outbox_flush(dv, neighbour);
    }
}

void dv_advertise_all_to(struct dv *dv, struct dv_neighbour *neighbour) {
    for (uint32_t number = 0; number < dv->dest_count; number++)
        if (number == DV_SELF || dv->dests[number].next_hop != DV_NO_SLOT)
            dv_tell_soon(neighbour, number);
}

void dv_advertise_forget(struct dv *dv, uint32_t number) {
    struct dv_record record = {.kind = DV_FORGET, .handle = number};
    for (uint32_t slot = 0; slot < dv->slot_count; slot++) {
        struct dv_neighbour *neighbour = dv->neighbours[slot];
        if (neighbour == NULL || (neighbour->flags[number] & DV_HANDED) == 0)
            continue;
        neighbour->flags[number] &= (uint8_t) ~(DV_HANDED | DV_CURRENT);
        dv_outbox_add(dv, neighbour, &record);
    }
}
