#include "sender_channel.h"
#include <stdlib.h>

enum { SLOTS_LEAST = 8 };

void sl_sender_channel_reset(sl_sender_channel *c) {
    free(c->slots);
    *c = (sl_sender_channel){
        .next = c->next, .queue = c->queue, .lowest = 1, .following = 1, .number = c->number, .in_turn = c->in_turn};
}

sl_sender_channel *sl_sender_channel_new(uint8_t number) {
    sl_sender_channel *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->number = number;
    sl_outgoing_list_init(&c->queue);
    sl_sender_channel_reset(c);
    return c;
}

void sl_sender_channel_free(sl_sender_channel *c) {
    free(c->slots);
    free(c);
}

static sl_outgoing **slot_of(const sl_sender_channel *c, uint64_t number) {
    return &c->slots[number & (c->capacity - 1)];
}

bool sl_sender_channel_reserve(sl_sender_channel *c) {
    if (c->following - c->lowest < c->capacity)
        return true;
    uint32_t capacity = c->capacity == 0 ? SLOTS_LEAST : c->capacity * 2;
    sl_outgoing **slots = calloc(capacity, sizeof(sl_outgoing *));
    if (slots == NULL)
        return false;
    for (uint64_t n = c->lowest; n < c->following; n++)
        slots[n & (capacity - 1)] = *slot_of(c, n);
    free(c->slots);
    c->slots = slots;
    c->capacity = capacity;
    return true;
}

void sl_sender_channel_place(sl_sender_channel *c, sl_outgoing *out) {
    out->number = c->following++;
    *slot_of(c, out->number) = out;
    c->unfinished++;
}

sl_outgoing *sl_sender_channel_get(const sl_sender_channel *c, uint64_t number) {
    return number >= c->lowest && number < c->following ? *slot_of(c, number) : NULL;
}

void sl_sender_channel_remove(sl_sender_channel *c, const sl_outgoing *out) {
    *slot_of(c, out->number) = NULL;
    c->unfinished--;
    c->barred -= out->barred;
    c->settled -= out->settled;
    while (c->lowest < c->following && *slot_of(c, c->lowest) == NULL)
        c->lowest++;
    if (c->unfinished == 0 && c->capacity > SLOTS_LEAST) {
        free(c->slots);
        c->slots = NULL;
        c->capacity = 0;
    }
}

void sl_sender_channel_ask(const sl_sender_channel *c, sl_ask *ask) {
    bool open = false; /* the last range may be made longer */
    *ask = (sl_ask){.channel = c->number, .from = c->lowest};
    if (c->barred == 0)
        return;
    for (uint64_t n = c->lowest; n < c->following && n < c->lowest + SL_WINDOW; n++) {
        const sl_outgoing *out = *slot_of(c, n);
        if (out == NULL)
            continue;
        if (out->barred && open)
            ask->bars[ask->bar_count - 1].last = n;
        else if (out->barred && ask->bar_count < SL_ASK_BARS)
            ask->bars[ask->bar_count++] = (sl_range){n, n};
        else if (out->barred)
            return;
        open = out->barred;
    }
}
