/* table.c - see table.h. */
#include "table.h"
#include "../common/siphash.h"
#include <stdlib.h>
#include <string.h>

/* Arrays grow by a quarter: doubling would waste more than the packing saves. */
static uint32_t grown(uint32_t capacity) {
    return capacity + capacity / 4 + 16;
}

slow_bytes dv_id_bytes(const slow_id *id) {
    return (slow_bytes){(const uint8_t *)id->text, id->size};
}

bool dv_may_log(const struct dv *dv, slow_time *last) {
    slow_time now = dv_now(dv);
    if (*last != 0 && now < *last + 60 * DV_SECOND)
        return false;
    *last = now;
    return true;
}

/* ---- finding a destination: open addressing, keyed so that a member cannot choose ids that collide */

static uint32_t bucket_of(const struct dv *dv, slow_bytes id) {
    return (uint32_t)siphash(id, dv->hash_key) & (dv->bucket_count - 1);
}

uint32_t dv_dest_find(const struct dv *dv, slow_bytes id) {
    for (uint32_t at = bucket_of(dv, id); dv->buckets[at] != 0; at = (at + 1) & (dv->bucket_count - 1)) {
        uint32_t number = dv->buckets[at] - 1;
        slow_bytes other = store_get(&dv->store, dv->dests[number].id);
        if (other.size == id.size && memcmp(other.data, id.data, id.size) == 0)
            return number;
    }
    return DV_NONE;
}

static void bucket_insert(struct dv *dv, uint32_t number) {
    uint32_t at = bucket_of(dv, store_get(&dv->store, dv->dests[number].id));
    while (dv->buckets[at] != 0)
        at = (at + 1) & (dv->bucket_count - 1);
    dv->buckets[at] = number + 1;
}

/* Takes one out and closes the gap behind it, so that no search ends too early. */
static void bucket_remove(struct dv *dv, uint32_t number) {
    uint32_t mask = dv->bucket_count - 1, hole = bucket_of(dv, store_get(&dv->store, dv->dests[number].id));
    while (dv->buckets[hole] != number + 1)
        hole = (hole + 1) & mask;
    for (uint32_t at = (hole + 1) & mask; dv->buckets[at] != 0; at = (at + 1) & mask) {
        uint32_t home = bucket_of(dv, store_get(&dv->store, dv->dests[dv->buckets[at] - 1].id));
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            dv->buckets[hole] = dv->buckets[at];
            hole = at;
        }
    }
    dv->buckets[hole] = 0;
}

/* At most three quarters full. */
static bool buckets_grow(struct dv *dv) {
    if ((uint64_t)(dv->live + 1) * 4 <= (uint64_t)dv->bucket_count * 3)
        return true;
    uint32_t count = dv->bucket_count == 0 ? 16 : dv->bucket_count * 2;
    uint32_t *buckets = calloc(count, sizeof *buckets);
    if (buckets == NULL)
        return false;
    free(dv->buckets);
    dv->buckets = buckets;
    dv->bucket_count = count;
    for (uint32_t number = 0; number < dv->dest_count; number++)
        if (dv->dests[number].id != 0)
            bucket_insert(dv, number);
    return true;
}

/* ---- destinations */

bool dv_cells_grow(struct dv_neighbour *neighbour, uint32_t capacity) {
    if (capacity <= neighbour->capacity)
        return true;
    struct dv_offer *offers = realloc(neighbour->offers, capacity * sizeof *offers);
    if (offers == NULL)
        return false;
    neighbour->offers = offers;
    uint8_t *flags = realloc(neighbour->flags, capacity);
    if (flags == NULL)
        return false;
    neighbour->flags = flags;
    memset(flags + neighbour->capacity, 0, capacity - neighbour->capacity);
    neighbour->capacity = capacity;
    return true;
}

static bool dests_grow(struct dv *dv) {
    uint32_t capacity = grown(dv->dest_capacity);
    for (uint32_t slot = 0; slot < dv->slot_count; slot++)
        if (dv->neighbours[slot] != NULL && !dv_cells_grow(dv->neighbours[slot], capacity))
            return false;
    struct dv_dest *dests = realloc(dv->dests, capacity * sizeof *dests);
    if (dests == NULL)
        return false;
    dv->dests = dests;
    dv->dest_capacity = capacity;
    return true;
}

uint32_t dv_dest_add(struct dv *dv, slow_bytes id) {
    if (dv->live > (uint64_t)dv->options.max_origins || !buckets_grow(dv))
        return DV_NONE;
    if (dv->vacant == DV_NONE && dv->dest_count == dv->dest_capacity && !dests_grow(dv))
        return DV_NONE;
    uint32_t reference = store_add(&dv->store, id);
    if (reference == 0)
        return DV_NONE;
    uint32_t number = dv->vacant;
    if (number != DV_NONE)
        dv->vacant = dv->dests[number].metric;
    else
        number = dv->dest_count++;
    dv->dests[number] = (struct dv_dest){
        .id = reference,
        .next_hop = DV_NO_SLOT,
        .metric = SLOW_METRIC_INFINITY,
        .fd_metric = SLOW_METRIC_INFINITY,
    };
    bucket_insert(dv, number);
    dv->live++;
    return number;
}

void dv_dest_remove(struct dv *dv, uint32_t number) {
    struct dv_dest *dest = &dv->dests[number];
    bucket_remove(dv, number);
    store_drop(&dv->store, dest->id);
    store_drop(&dv->store, dest->proof);
    *dest = (struct dv_dest){.metric = dv->vacant, .next_hop = DV_NO_SLOT};
    dv->vacant = number;
    dv->live--;
    dv_shown_to_nobody(dv, number);
    for (uint32_t slot = 0; slot < dv->slot_count; slot++)
        if (dv->neighbours[slot] != NULL)
            dv->neighbours[slot]->flags[number] = 0;
}

slow_id dv_dest_id(const struct dv *dv, uint32_t number) {
    slow_bytes bytes = store_get(&dv->store, dv->dests[number].id);
    slow_id id = {.size = (uint8_t)bytes.size};
    memcpy(id.text, bytes.data, bytes.size);
    return id;
}

void dv_shown_to_nobody(struct dv *dv, uint32_t number) {
    for (uint32_t slot = 0; slot < dv->slot_count; slot++) {
        struct dv_neighbour *neighbour = dv->neighbours[slot];
        if (neighbour != NULL && number < neighbour->shown_capacity)
            neighbour->shown[number / 8] &= (uint8_t) ~(1u << number % 8);
    }
}

/* ---- what neighbours say, and the epochs in which they say it */

static bool is_bound(const struct dv *dv, uint32_t slot, uint32_t number) {
    return dv->neighbours[slot] != NULL && (dv->neighbours[slot]->flags[number] & DV_BOUND) != 0;
}

bool dv_bound_by_any(const struct dv *dv, uint32_t number) {
    for (uint32_t slot = 0; slot < dv->slot_count; slot++)
        if (is_bound(dv, slot, number))
            return true;
    return false;
}

/* Stores one epoch for each slot, or more slots than so far. */
static bool epochs_apart(struct dv *dv, uint32_t number) {
    struct dv_trouble *trouble = dv_trouble_need(dv, number);
    if (trouble == NULL)
        return false;
    if (trouble->epochs != NULL && trouble->epoch_count >= dv->slot_count)
        return true;
    uint64_t *epochs = realloc(trouble->epochs, dv->slot_count * sizeof *epochs);
    if (epochs == NULL)
        return false;
    uint32_t kept = trouble->epochs == NULL ? 0 : trouble->epoch_count;
    for (uint32_t slot = kept; slot < dv->slot_count; slot++)
        epochs[slot] = dv->dests[number].epoch;
    trouble->epochs = epochs;
    trouble->epoch_count = dv->slot_count;
    return true;
}

/* Stores a single epoch again when all agree. */
static void epochs_together(struct dv *dv, uint32_t number) {
    struct dv_dest *dest = &dv->dests[number];
    if (dest->trouble == NULL || dest->trouble->epochs == NULL)
        return;
    bool any = false;
    uint64_t common = dest->epoch;
    for (uint32_t slot = 0; slot < dv->slot_count; slot++) {
        if (!is_bound(dv, slot, number))
            continue;
        if (any && dest->trouble->epochs[slot] != common)
            return;
        common = dest->trouble->epochs[slot];
        any = true;
    }
    dest->epoch = common;
    free(dest->trouble->epochs);
    dest->trouble->epochs = NULL;
    dv_trouble_settle(dv, number);
}

bool dv_bind(struct dv *dv, struct dv_neighbour *neighbour, uint32_t number, uint64_t epoch) {
    neighbour->flags[number] &= (uint8_t)~DV_BOUND;
    epochs_together(dv, number);
    struct dv_dest *dest = &dv->dests[number];
    bool apart = dest->trouble != NULL && dest->trouble->epochs != NULL;
    if (!dv_bound_by_any(dv, number)) {
        dest->epoch = epoch;
    } else if (apart || dest->epoch != epoch) {
        if (!epochs_apart(dv, number))
            return false;
        dest->trouble->epochs[neighbour->slot] = epoch;
    }
    neighbour->flags[number] |= DV_BOUND;
    neighbour->offers[number].metric = SLOW_METRIC_INFINITY;
    epochs_together(dv, number);
    return true;
}

void dv_unbind(struct dv *dv, struct dv_neighbour *neighbour, uint32_t number) {
    neighbour->flags[number] &= (uint8_t)~DV_BOUND;
    epochs_together(dv, number);
}

/* ---- trouble */

enum { TROUBLE_DEADLINES = 3 };

struct dv_trouble *dv_trouble_need(struct dv *dv, uint32_t number) {
    struct dv_dest *dest = &dv->dests[number];
    if (dest->trouble != NULL)
        return dest->trouble;
    if (!dv_deadlines_reserve(&dv->deadlines, TROUBLE_DEADLINES))
        return NULL;
    struct dv_trouble *trouble = calloc(1, sizeof *trouble);
    if (trouble == NULL) {
        dv_deadlines_release(&dv->deadlines, TROUBLE_DEADLINES);
        return NULL;
    }
    trouble->number = number;
    dest->trouble = trouble;
    dv->troubles++;
    return trouble;
}

void dv_trouble_end(struct dv *dv, uint32_t number) {
    struct dv_trouble *trouble = dv->dests[number].trouble;
    if (trouble == NULL)
        return;
    dv_deadline_stop(&dv->deadlines, &trouble->ask);
    dv_deadline_stop(&dv->deadlines, &trouble->repair);
    dv_deadline_stop(&dv->deadlines, &trouble->tidy);
    dv_deadlines_release(&dv->deadlines, TROUBLE_DEADLINES);
    free(trouble->epochs);
    free(trouble->askers);
    free(trouble);
    dv->dests[number].trouble = NULL;
    dv->troubles--;
}

void dv_trouble_settle(struct dv *dv, uint32_t number) {
    struct dv_trouble *trouble = dv->dests[number].trouble;
    if (trouble == NULL || trouble->epochs != NULL || dv_deadline_armed(&trouble->ask) ||
        dv_deadline_armed(&trouble->repair) || dv_deadline_armed(&trouble->tidy))
        return;
    dv_trouble_end(dv, number);
}

/* ---- the whole */

bool dv_table_init(struct dv *dv) {
    dv->vacant = DV_NONE;
    dv->host->entropy(dv->host, dv->hash_key, sizeof dv->hash_key);
    return dv_dest_add(dv, dv_id_bytes(dv->routing->self(dv->host))) == DV_SELF;
}

void dv_table_free(struct dv *dv) {
    for (uint32_t number = 0; number < dv->dest_count; number++)
        dv_trouble_end(dv, number);
    store_free(&dv->store);
    free(dv->dests);
    free(dv->buckets);
    free(dv->neighbours);
    free(dv->late_words);
}

size_t dv_table_memory(const struct dv *dv) {
    size_t size = sizeof *dv + dv->dest_capacity * sizeof *dv->dests + dv->bucket_count * sizeof *dv->buckets +
                  dv->slot_count * sizeof *dv->neighbours + store_memory(&dv->store) +
                  dv->deadlines.capacity * sizeof *dv->deadlines.heap;
    for (uint32_t slot = 0; slot < dv->slot_count; slot++) {
        const struct dv_neighbour *neighbour = dv->neighbours[slot];
        if (neighbour != NULL)
            size += sizeof *neighbour + neighbour->capacity * (sizeof *neighbour->offers + 1) +
                    neighbour->handle_count * sizeof *neighbour->handles + neighbour->shown_capacity / 8;
    }
    for (uint32_t number = 0; dv->troubles > 0 && number < dv->dest_count; number++) {
        const struct dv_trouble *trouble = dv->dests[number].trouble;
        if (trouble != NULL)
            size += sizeof *trouble + trouble->asker_capacity * sizeof *trouble->askers +
                    (trouble->epochs == NULL ? 0 : trouble->epoch_count * sizeof *trouble->epochs);
    }
    return size;
}
