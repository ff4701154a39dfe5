/* neighbour.c - see neighbour.h.
 *
 * What waits to be told is a flag in the neighbour's byte for that destination, with a range around the flagged ones: a
 * queue that allocates nothing, holds nothing twice, and is emptied in the order of numbers. A scan skips eight
 * destinations at a step, so emptying one that is sparse costs some microseconds at ten thousand destinations, at most
 * once in 5 ms. */
#include "neighbour.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_EMPTY ((struct dv_queue){.low = UINT32_MAX, .high = 0})

/* ---- slots */

static uint32_t slot_find(struct dv *dv) {
    for (uint32_t slot = 0; slot < dv->slot_count; slot++)
        if (dv->neighbours[slot] == NULL)
            return slot;
    if (dv->slot_count >= DV_NO_SLOT)
        return DV_NONE;
    struct dv_neighbour **all = realloc(dv->neighbours, (dv->slot_count + 1) * sizeof *all);
    if (all == NULL)
        return DV_NONE;
    dv->neighbours = all;
    all[dv->slot_count] = NULL;
    return dv->slot_count++;
}

struct dv_neighbour *dv_neighbour_add(struct dv *dv, const slow_neighbour *from) {
    uint32_t slot = slot_find(dv);
    struct dv_neighbour *neighbour = slot == DV_NONE ? NULL : calloc(1, sizeof *neighbour);
    if (neighbour == NULL)
        return NULL;
    neighbour->link = from->link;
    neighbour->cost = from->cost;
    neighbour->id = from->id;
    neighbour->leaf = (from->flags & SLOW_NEIGHBOUR_LEAF) != 0;
    neighbour->slot = (uint16_t)slot;
    neighbour->now = neighbour->soon = QUEUE_EMPTY;
    if (!dv_cells_grow(neighbour, dv->dest_capacity) || !dv_deadlines_reserve(&dv->deadlines, 1)) {
        free(neighbour->offers);
        free(neighbour->flags);
        free(neighbour);
        return NULL;
    }
    dv->neighbours[slot] = neighbour;
    return neighbour;
}

struct dv_neighbour *dv_neighbour_find(const struct dv *dv, slow_link link) {
    for (uint32_t slot = 0; slot < dv->slot_count; slot++)
        if (dv->neighbours[slot] != NULL && dv->neighbours[slot]->link == link)
            return dv->neighbours[slot];
    return NULL;
}

void dv_neighbour_detach(struct dv *dv, struct dv_neighbour *neighbour) {
    dv_deadline_stop(&dv->deadlines, &neighbour->batch);
    dv_deadlines_release(&dv->deadlines, 1);
    dv->neighbours[neighbour->slot] = NULL;
}

void dv_neighbour_free(struct dv *dv, struct dv_neighbour *neighbour) {
    if (dv_neighbour_at(dv, neighbour->slot) == neighbour)
        dv_neighbour_detach(dv, neighbour);
    free(neighbour->offers);
    free(neighbour->flags);
    free(neighbour->handles);
    free(neighbour->shown);
    free(neighbour);
}

/* ---- handles */

uint32_t dv_handle_of(const struct dv_neighbour *neighbour, uint32_t handle) {
    uint32_t number = handle < neighbour->handle_count ? neighbour->handles[handle] : DV_NONE;
    if (number < neighbour->capacity && (neighbour->flags[number] & DV_BOUND) == 0)
        return DV_NONE;
    return number;
}

bool dv_handles_grow(struct dv_neighbour *neighbour, uint32_t count) {
    if (count <= neighbour->handle_count)
        return true;
    uint32_t room = count + neighbour->handle_count / 8 + 8;
    uint32_t *handles = realloc(neighbour->handles, room * sizeof *handles);
    if (handles == NULL)
        return false;
    for (uint32_t handle = neighbour->handle_count; handle < room; handle++)
        handles[handle] = DV_NONE;
    neighbour->handles = handles;
    neighbour->handle_count = room;
    return true;
}

void dv_handle_set(struct dv_neighbour *neighbour, uint32_t handle, uint32_t number) {
    neighbour->handles[handle] = number;
}

/* ---- what is to be told */

static void mark(struct dv_neighbour *neighbour, struct dv_queue *queue, enum dv_flag flag, uint32_t number) {
    neighbour->flags[number] |= (uint8_t)flag;
    if (number < queue->low)
        queue->low = number;
    if (number > queue->high)
        queue->high = number;
}

void dv_tell_now(struct dv_neighbour *neighbour, uint32_t number) {
    mark(neighbour, &neighbour->now, DV_NOW, number);
}

void dv_tell_soon(struct dv_neighbour *neighbour, uint32_t number) {
    mark(neighbour, &neighbour->soon, DV_SOON, number);
}

void dv_tell_now_all(struct dv *dv, uint32_t number) {
    for (uint32_t slot = 0; slot < dv->slot_count; slot++)
        if (dv->neighbours[slot] != NULL)
            dv_tell_now(dv->neighbours[slot], number);
}

void dv_tell_soon_all(struct dv *dv, uint32_t number) {
    for (uint32_t slot = 0; slot < dv->slot_count; slot++)
        if (dv->neighbours[slot] != NULL)
            dv_tell_soon(dv->neighbours[slot], number);
}

static void flag_all_told(struct dv *dv, uint32_t number, enum dv_flag flag) {
    for (uint32_t slot = 0; slot < dv->slot_count; slot++)
        if (dv->neighbours[slot] != NULL && (dv->neighbours[slot]->flags[number] & DV_TOLD) != 0)
            dv->neighbours[slot]->flags[number] |= (uint8_t)flag;
}

void dv_older_all(struct dv *dv, uint32_t number) {
    flag_all_told(dv, number, DV_OLDER);
}

void dv_stale_all(struct dv *dv, uint32_t number) {
    flag_all_told(dv, number, DV_STALE);
}

uint32_t dv_queue_next(const struct dv_neighbour *neighbour, const struct dv_queue *queue, enum dv_flag flag,
                       uint32_t from) {
    uint64_t eight, every = UINT64_C(0x0101010101010101) * (unsigned)flag;
    uint32_t at = from > queue->low ? from : queue->low;
    while (at <= queue->high) {
        if (queue->high - at >= sizeof eight) {
            memcpy(&eight, neighbour->flags + at, sizeof eight);
            if ((eight & every) == 0) {
                at += (uint32_t)sizeof eight;
                continue;
            }
        }
        if ((neighbour->flags[at] & flag) != 0)
            return at;
        at++;
    }
    return DV_NONE;
}

/* ---- messages */

void dv_outbox_flush(struct dv *dv, struct dv_neighbour *neighbour) {
    if (neighbour->waiting == 0)
        return;
    slow_bytes message = {neighbour->outbox, neighbour->waiting};
    slow_status status = dv->routing->send(dv->host, neighbour->link, message);
    neighbour->waiting = 0;
    neighbour->sent++;
    /* CLOSED: neighbour_down is on its way. Anything else breaks the channel's promise. */
    if (status != SLOW_OK && status != SLOW_E_CLOSED && dv_may_log(dv, &dv->lost_logged_at)) {
        char text[160];
        snprintf(
            text, sizeof text,
            "link %u: a routing message of %zu bytes was not sent (status %d): routes over it may be wrong until it "
            "comes up again",
            neighbour->link, message.size, status);
        dv->host->log(dv->host, SLOW_LOG_ERROR, text);
    }
}

void dv_outbox_add(struct dv *dv, struct dv_neighbour *neighbour, const struct dv_record *record) {
    if (record->kind == DV_REQUEST)
        dv->requests++;
    else if (record->kind == DV_ORIGIN || record->kind == DV_UPDATE)
        dv->entries++;
    for (int try = 0; try < 2; try++) {
        slow_writer out =
            slow_writer_of(neighbour->outbox + neighbour->waiting, sizeof neighbour->outbox - neighbour->waiting);
        if (dv_record_write(&out, record)) {
            neighbour->waiting += slow_writer_size(&out);
            return;
        }
        dv_outbox_flush(dv, neighbour);
    }
}
