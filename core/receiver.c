/* Three things are worth saying of how this is done.
 *
 * What is remembered. A channel has two bits for each of its last 4,096 numbers, and a message that is open and of which
 * anything came stands in one table of the whole pair, by channel and number. So a used channel costs some 1,100 bytes
 * however much was sent on it, and a number can be open in two ways, with a message and without, but settled in one. All
 * pairs together have at most 65,536 channels, some 70 MiB, and beyond that a pair its first one. The `front` of a channel
 * is its lowest number that is neither offered nor settled: nothing ever goes back to that, so the front only rises, and an
 * ordered message may be offered exactly when it stands there. Asking each lower number again for each message would be
 * quadratic.
 *
 * Memory. A message counts in full from its first fragment on, in the pair and in the junction's budget, so whatever was
 * begun can be finished, and two halves never wait for each other. Its memory is had at once, too: one fragment that
 * claims 16 MiB makes malloc() map pages that nobody has touched, and they cost nothing until fragments fill them. It is
 * never cleared: each byte is written before the message is whole. Growing it instead would copy, and fragments come in any
 * order. What does not fit is dropped without a trace, as if the network had lost it: its sender will try again.
 *
 * Credit is a promise and reserves nothing. It begins with 256 KiB, and doubles when more than half of it came in a second:
 * were it too little for a path whose round trip is shorter than two seconds, that much would come. How much lies here says
 * nothing: a fast application leaves nothing lying, and still its sender waits for credit on a long path. It is never more
 * than a quarter of what the junction has left, so it shrinks for all as the budget fills, by itself, and what one pair
 * gets leaves room for others. All the promises together may be more than there is; then the budget decides, and its last
 * quarter is for those who hold no more than 256 KiB, so a few that hold 16 MiB each do not stop everybody. What was
 * promised once in a pair is never held against its sender: the STATE that took it back may be late. (A fair share counted
 * in pairs was rejected: most of 4,096 pairs are idle.) */
#include "receiver.h"
#include "number_set.h"
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_FIRST = 16, STATES_IN_WORD = 32 };
static const slow_time ACK_DELAY_NS = 5 * UINT64_C(1000) * 1000;
static const slow_time CREDIT_SPAN_NS = UINT64_C(1000) * 1000 * 1000;

typedef struct channel {
    uint64_t high;  /* the highest number heard of */
    uint64_t front; /* the lowest that is not offered, held, taken or barred */
    uint64_t offered_high;
    uint64_t changed, changed_last; /* those whose state is to be told lie between; 0 = none */
    uint64_t asked;                 /* the sender wants to hear from here on; 0 = it does not */
    uint64_t states[SL_WINDOW / STATES_IN_WORD];
} channel;

struct sl_receiver {
    sl_receive_budget *budget;
    sl_stats *stats;
    sl_receiver_events events;
    channel *channels[SLOW_CHANNELS];
    uint32_t channel_count;
    uint64_t due_channels; /* a bit each: it has something to tell */
    sl_arrival *all;
    sl_arrival **buckets; /* of the open ones; NULL until there is one */
    uint32_t bucket_count, open_count;
    uint64_t bytes;
    uint32_t waiting;
    sl_number_set packets;
    slow_time highest_at, unreported_at;
    uint32_t unreported; /* packets */
    bool is_due;
    uint64_t credit, promised; /* bytes; promised: the most that a STATE ever said */
    uint64_t came;             /* bytes of data since came_from */
    slow_time came_from;
    enum sl_receiver_break broken;
};

/* ---- the states of a channel's numbers ---- */

static uint64_t window_low(const channel *c) {
    return c->high >= SL_WINDOW ? c->high - (SL_WINDOW - 1) : 1;
}

static bool in_window(const channel *c, uint64_t number) {
    return number <= c->high && number >= window_low(c);
}

static unsigned state_shift(uint64_t number) {
    return (unsigned)(number % STATES_IN_WORD) * 2;
}

static enum sl_number_state state_of(const channel *c, uint64_t number) {
    return (enum sl_number_state)(c->states[number % SL_WINDOW / STATES_IN_WORD] >> state_shift(number) & 3);
}

static void put_state(channel *c, uint64_t number, enum sl_number_state state) {
    uint64_t *word = &c->states[number % SL_WINDOW / STATES_IN_WORD];
    *word = (*word & ~(UINT64_C(3) << state_shift(number))) | (uint64_t)state << state_shift(number);
}

/* NULL: no memory, or too many are used already. */
static channel *channel_of(sl_receiver *r, uint8_t number) {
    channel **c = &r->channels[number];
    bool has_room = r->channel_count == 0 || r->budget->channels < SL_RECEIVE_CHANNELS;
    if (*c != NULL || !has_room || (*c = calloc(1, sizeof **c)) == NULL)
        return *c;
    (*c)->front = 1;
    r->channel_count++;
    r->budget->channels++;
    return *c;
}

/* The state of a number is to be told: it changed, or the sender seems not to know it. */
static void tell(sl_receiver *r, uint8_t channel_number, uint64_t number) {
    channel *c = r->channels[channel_number];
    if (c->changed == 0 || number < c->changed)
        c->changed = number;
    if (number > c->changed_last)
        c->changed_last = number;
    r->due_channels |= UINT64_C(1) << channel_number;
}

static void settle(sl_receiver *r, uint8_t channel_number, uint64_t number, enum sl_number_state state) {
    if (!in_window(r->channels[channel_number], number))
        return;
    put_state(r->channels[channel_number], number, state);
    tell(r, channel_number, number);
}

/* ---- the table of what is open ---- */

static uint32_t bucket_of(uint32_t bucket_count, uint8_t channel_number, uint64_t number) {
    uint32_t place = (uint32_t)channel_number * SL_WINDOW + (uint32_t)(number % SL_WINDOW);
    return (uint32_t)(place * 0x9e3779b1u) >> 7 & (bucket_count - 1);
}

static sl_arrival **open_find(sl_receiver *r, uint8_t channel_number, uint64_t number) {
    if (r->open_count == 0)
        return NULL;
    sl_arrival **at = &r->buckets[bucket_of(r->bucket_count, channel_number, number)];
    while (*at != NULL && ((*at)->number != number || (*at)->channel != channel_number))
        at = &(*at)->chain;
    return *at == NULL ? NULL : at;
}

static void open_insert(sl_receiver *r, sl_arrival *a) {
    sl_arrival **bucket = &r->buckets[bucket_of(r->bucket_count, a->channel, a->number)];
    a->chain = *bucket;
    *bucket = a;
}

/* Room for one more. Longer chains will do where a larger table cannot be had. */
static bool open_reserve(sl_receiver *r) {
    if (r->buckets != NULL && r->open_count < r->bucket_count)
        return true;
    uint32_t count = r->buckets == NULL ? BUCKETS_FIRST : r->bucket_count * 2, old_count = r->bucket_count;
    sl_arrival **buckets = calloc(count, sizeof(sl_arrival *)), **old = r->buckets;
    if (buckets == NULL)
        return old != NULL;
    r->buckets = buckets;
    r->bucket_count = count;
    for (uint32_t i = 0; i < old_count; i++)
        for (sl_arrival *a = old[i], *next; a != NULL; a = next) {
            next = a->chain;
            open_insert(r, a);
        }
    free(old);
    return true;
}

static void open_remove(sl_receiver *r, uint8_t channel_number, uint64_t number) {
    sl_arrival **at = open_find(r, channel_number, number);
    if (at == NULL)
        return;
    *at = (*at)->chain;
    if (--r->open_count > 0 || r->bucket_count == BUCKETS_FIRST)
        return;
    free(r->buckets); /* it grew, and is not needed now */
    r->buckets = NULL;
    r->bucket_count = 0;
}

/* ---- messages ---- */

static size_t have_words(uint32_t size) {
    uint32_t fragments = (size + SLOW_PAYLOAD_MAX - 1) / SLOW_PAYLOAD_MAX;
    return fragments <= 1 ? 0 : (fragments + 63) / 64;
}

static uint64_t cost_of(uint32_t size) {
    return sizeof(sl_arrival) + SL_ARRIVAL_AROUND + size + have_words(size) * sizeof(uint64_t);
}

static bool has_room(const sl_receiver *r, uint32_t size) {
    const sl_receive_budget *budget = r->budget;
    bool is_small = r->bytes + size <= SL_RECEIVE_FIRST;
    uint64_t most = is_small ? budget->most : budget->most - budget->most / 4;
    return (r->bytes == 0 || r->bytes + size <= r->promised) &&
           (budget->used == 0 || budget->used + cost_of(size) <= most);
}

static sl_arrival *arrival_new(sl_receiver *r, const slow_package *package) {
    size_t words = have_words(package->total);
    sl_arrival *a = malloc(sizeof *a + package->total + 1);
    uint64_t *have = words == 0 ? NULL : calloc(words, sizeof *have);
    if (a == NULL || (words > 0 && have == NULL) || !open_reserve(r)) {
        free(a);
        free(have);
        return NULL;
    }
    *a = (sl_arrival){.next = r->all,
                      .here = &r->all,
                      .have = have,
                      .receiver = r,
                      .budget = r->budget,
                      .number = package->message,
                      .kind = package->kind,
                      .flags = package->flags,
                      .type = package->type,
                      .channel = package->channel,
                      .size = package->total};
    a->bytes[a->size] = 0;
    if (r->all != NULL)
        r->all->here = &a->next;
    r->all = a;
    open_insert(r, a);
    r->open_count++;
    r->bytes += a->size;
    r->budget->used += cost_of(a->size);
    return a;
}

static void arrival_free(sl_arrival *a) {
    sl_receiver *r = a->receiver;
    a->budget->used -= cost_of(a->size);
    if (r != NULL) {
        if (!a->held)
            open_remove(r, a->channel, a->number);
        *a->here = a->next;
        if (a->next != NULL)
            a->next->here = a->here;
        r->bytes -= a->size;
        r->waiting -= a->offered;
    }
    free(a->have);
    free(a);
}

static bool is_aligned(const slow_package *package) {
    uint32_t left = package->total - package->offset;
    return package->offset % SLOW_PAYLOAD_MAX == 0 &&
           package->payload.size == (left < SLOW_PAYLOAD_MAX ? left : SLOW_PAYLOAD_MAX);
}

static bool is_of(const sl_arrival *a, const slow_package *package) {
    unsigned order = SLOW_ORDERED | SLOW_LATEST;
    return a->size == package->total && a->type == package->type && a->kind == package->kind &&
           (a->flags & order) == (package->flags & order) && is_aligned(package);
}

/* False: it was there already. */
static bool add_fragment(sl_arrival *a, const slow_package *package) {
    uint32_t place = package->offset / SLOW_PAYLOAD_MAX;
    uint64_t bit = UINT64_C(1) << place % 64;
    if (a->have != NULL && a->have[place / 64] & bit)
        return false;
    if (a->have != NULL)
        a->have[place / 64] |= bit;
    if (package->payload.size > 0)
        memcpy(a->bytes + package->offset, package->payload.data, package->payload.size);
    a->got += (uint32_t)package->payload.size;
    a->hops = package->hops;
    a->whole = a->got == a->size;
    if (a->whole) {
        free(a->have);
        a->have = NULL;
    }
    return true;
}

/* ---- order ---- */

/* The message may be handed over: its predecessors need not be waited for. */
static void offer(sl_receiver *r, channel *c, sl_arrival *a) {
    if (a->flags & SLOW_LATEST && a->number < c->offered_high && r->broken != SL_BREAK_NO_LATEST) {
        SL_COUNT(r->stats, drop_message_superseded);
        settle(r, a->channel, a->number, SL_BARRED);
        arrival_free(a);
        return;
    }
    if (a->number > c->offered_high)
        c->offered_high = a->number;
    a->offered = true;
    r->waiting++;
    r->events.offer(r->events.arg, a);
}

static bool waits_for_order(const sl_receiver *r, const sl_arrival *a) {
    return a->flags & SLOW_ORDERED && r->broken != SL_BREAK_NO_ORDER;
}

/* Moves the front on, and offers the ordered messages that it comes to. */
static void release(sl_receiver *r, uint8_t channel_number) {
    channel *c = r->channels[channel_number];
    while (c->front <= c->high) {
        if (state_of(c, c->front) == SL_OPEN) {
            sl_arrival **at = open_find(r, channel_number, c->front);
            if (at == NULL || !(*at)->whole)
                return;
            if (!(*at)->offered)
                offer(r, c, *at);
        }
        c->front++;
    }
}

/* A number leaves the window: no honest sender has one unfinished so far behind. What was offered stays with the floor above. */
static void leave(sl_receiver *r, uint8_t channel_number, uint64_t number) {
    sl_arrival **at = open_find(r, channel_number, number);
    if (at == NULL)
        return;
    if ((*at)->offered) {
        open_remove(r, channel_number, number);
        return;
    }
    SL_COUNT(r->stats, drop_message_unfinished);
    arrival_free(*at);
}

static void advance(sl_receiver *r, uint8_t channel_number, uint64_t number) {
    channel *c = r->channels[channel_number];
    uint64_t low = window_low(c), old = c->high;
    if (number <= old)
        return;
    c->high = number;
    for (uint64_t n = low; n <= old && n < window_low(c); n++)
        leave(r, channel_number, n);
    for (uint64_t n = old + 1 > window_low(c) ? old + 1 : window_low(c); n <= number; n++)
        put_state(c, n, SL_OPEN);
    if (c->front < window_low(c))
        c->front = window_low(c);
}

/* ---- packets ---- */

/* The packet is to be acknowledged. */
static void acknowledge(sl_receiver *r, uint64_t packet, slow_time now) {
    if (r->packets.count == 0 || packet > r->packets.ranges[0].last)
        r->highest_at = now;
    sl_number_set_add(&r->packets, packet);
    if (r->unreported++ == 0)
        r->unreported_at = now;
}

static void raise_credit(sl_receiver *r, size_t size, slow_time now) {
    if (now - r->came_from > CREDIT_SPAN_NS) {
        r->came_from = now;
        r->came = 0;
    }
    r->came += size;
    if (r->came <= r->credit / 2 || r->credit >= SL_RECEIVE_MESSAGE)
        return;
    r->credit *= 2;
    r->came_from = now;
    r->came = 0;
}

static bool is_sound(const slow_package *package) {
    return package->channel < SLOW_CHANNELS && package->packet >= 1 && package->packet <= SLOW_NUMBER_MAX &&
           package->message >= 1 && package->message <= SLOW_NUMBER_MAX && package->total <= SL_RECEIVE_MESSAGE &&
           package->payload.size <= SLOW_PAYLOAD_MAX &&
           (package->offset < package->total || (package->offset == 0 && package->total == 0));
}

/* True: there is nothing in it that is not known. */
static bool is_known(sl_receiver *r, const channel *c, const slow_package *package) {
    if (!in_window(c, package->message))
        return false;
    sl_arrival **at = open_find(r, package->channel, package->message);
    return state_of(c, package->message) != SL_OPEN || (at != NULL && (*at)->whole);
}

/* The message that a fragment is of, begun if need be. NULL: dropped, and counted. */
static sl_arrival *message_of(sl_receiver *r, const channel *c, const slow_package *package) {
    bool is_new = package->message > c->high; /* nothing of it can be here */
    sl_arrival **at = is_new ? NULL : open_find(r, package->channel, package->message);
    if (at != NULL && is_of(*at, package))
        return *at;
    if (at != NULL || !is_aligned(package)) {
        SL_COUNT(r->stats, drop_data_mismatch);
        if (at != NULL)
            arrival_free(*at);
        return NULL;
    }
    sl_arrival *a = has_room(r, package->total) ? arrival_new(r, package) : NULL;
    if (a == NULL)
        SL_COUNT(r->stats, drop_data_budget);
    return a;
}

static void take_data(sl_receiver *r, const slow_package *package, slow_time now) {
    channel *c = r->channels[package->channel];
    sl_arrival *a = message_of(r, c, package);
    if (a == NULL)
        return;
    advance(r, package->channel, package->message);
    acknowledge(r, package->packet, now);
    raise_credit(r, package->payload.size, now);
    if (!add_fragment(a, package)) {
        SL_COUNT(r->stats, drop_data_duplicate);
        r->is_due = true;
    } else if (a->whole && !waits_for_order(r, a)) {
        offer(r, c, a);
    }
    release(r, package->channel);
}

void sl_receiver_data(sl_receiver *r, const slow_package *package, slow_time now) {
    if (!is_sound(package)) {
        SL_COUNT(r->stats, drop_message_malformed);
        return;
    }
    if (sl_number_set_has(&r->packets, package->packet)) {
        SL_COUNT(r->stats, drop_data_duplicate);
        r->is_due = true;
        return;
    }
    channel *c = channel_of(r, package->channel);
    if (c == NULL) {
        SL_COUNT(r->stats, drop_data_budget);
        return;
    }
    if (package->message < window_low(c)) {
        SL_COUNT(r->stats, drop_data_old);
        acknowledge(r, package->packet, now);
    } else if (is_known(r, c, package)) {
        SL_COUNT(r->stats, drop_data_duplicate);
        acknowledge(r, package->packet, now);
        tell(r, package->channel, package->message);
    } else {
        take_data(r, package, now);
    }
}

static void bar(sl_receiver *r, uint8_t channel_number, uint64_t number) {
    channel *c = r->channels[channel_number];
    enum sl_number_state state = state_of(c, number);
    if (state == SL_HELD && r->broken == SL_BREAK_HELD_IS_BARRED)
        settle(r, channel_number, number, SL_BARRED);
    if (state != SL_OPEN)
        return;
    sl_arrival **at = open_find(r, channel_number, number);
    if (at != NULL && (*at)->offered && !r->events.withdraw(r->events.arg, *at)) {
        sl_arrival_held(*at);
        return;
    }
    settle(r, channel_number, number, SL_BARRED);
    if (at == NULL)
        return;
    SL_COUNT(r->stats, drop_message_barred);
    arrival_free(*at);
}

void sl_receiver_ask(sl_receiver *r, const sl_ask *ask, uint64_t packet, slow_time now) {
    if (sl_number_set_has(&r->packets, packet)) {
        r->is_due = true;
        return;
    }
    channel *c = channel_of(r, ask->channel);
    if (c == NULL) {
        SL_COUNT(r->stats, drop_data_budget);
        return;
    }
    acknowledge(r, packet, now);
    for (uint32_t i = 0; i < ask->bar_count; i++) {
        advance(r, ask->channel, ask->bars[i].last);
        for (uint64_t n = ask->bars[i].first; n <= ask->bars[i].last; n++)
            if (in_window(c, n))
                bar(r, ask->channel, n);
    }
    release(r, ask->channel);
    c->asked = ask->from;
    r->due_channels |= UINT64_C(1) << ask->channel;
}

bool sl_receiver_has_told(const sl_receiver *r, uint8_t number, uint64_t message) {
    const channel *c = r->channels[number % SLOW_CHANNELS];
    if (c == NULL || message > c->high)
        return false;
    enum sl_number_state state = message < window_low(c) ? SL_TAKEN : state_of(c, message);
    return state == SL_TAKEN || state == SL_BARRED;
}

/* ---- STATE ---- */

slow_time sl_receiver_due(const sl_receiver *r) {
    if (r->is_due || r->due_channels != 0 || r->unreported >= 2)
        return 0;
    return r->unreported > 0 ? r->unreported_at + ACK_DELAY_NS : UINT64_MAX;
}

static uint64_t credit_now(sl_receiver *r) {
    uint64_t left = r->budget->used < r->budget->most ? r->budget->most - r->budget->used : 0;
    uint64_t credit = r->credit < left / 4 ? r->credit : left / 4;
    if (credit < SL_RECEIVE_FIRST)
        credit = SL_RECEIVE_FIRST;
    if (credit > r->promised)
        r->promised = credit;
    return credit;
}

/* Fills in the runs from state->from on; returns the first number that there was no room for. */
static uint64_t describe_runs(const channel *c, sl_state *state) {
    uint64_t n = state->from;
    for (; n <= c->high; n++) {
        enum sl_number_state s = state_of(c, n);
        if (state->run_count > 0 && state->runs[state->run_count - 1].state == s)
            state->runs[state->run_count - 1].count++;
        else if (state->run_count < SL_STATE_RUNS)
            state->runs[state->run_count++] = (sl_run){.count = 1, .state = (uint8_t)s};
        else
            break;
    }
    if (state->run_count > 0 && state->runs[state->run_count - 1].state == SL_OPEN)
        state->run_count--;
    return n;
}

static void describe_channel(sl_receiver *r, sl_state *state) {
    uint8_t number = 0;
    while (!(r->due_channels >> number & 1))
        number++;
    channel *c = r->channels[number];
    uint64_t from = c->asked != 0 ? c->asked : c->changed, low = window_low(c);
    state->has_channel = true;
    state->channel = number;
    state->from = from > low ? from : low;
    uint64_t next = describe_runs(c, state);
    c->asked = 0;
    c->changed = next;
    if (next <= c->changed_last)
        return;
    c->changed = c->changed_last = 0;
    r->due_channels &= ~(UINT64_C(1) << number);
}

bool sl_receiver_state(sl_receiver *r, sl_state *state, slow_time now) {
    if (sl_receiver_due(r) > now)
        return false;
    *state = (sl_state){.ack_count = r->packets.count, .credit = credit_now(r)};
    memcpy(state->ack, r->packets.ranges, r->packets.count * sizeof *state->ack);
    uint64_t delay_us = r->packets.count > 0 ? (now - r->highest_at) / 1000 : 0;
    state->delay_us = delay_us < UINT32_MAX ? (uint32_t)delay_us : UINT32_MAX;
    if (r->due_channels != 0)
        describe_channel(r, state);
    r->unreported = 0;
    r->is_due = false;
    return true;
}

void sl_receiver_describe(sl_receiver *r) {
    r->is_due = true;
    for (uint8_t i = 0; i < SLOW_CHANNELS; i++)
        if (r->channels[i] != NULL && r->channels[i]->high > 0) {
            r->channels[i]->asked = 0;
            tell(r, i, window_low(r->channels[i]));
            tell(r, i, r->channels[i]->high);
        }
}

/* ---- arrivals, from above ---- */

void sl_arrival_held(sl_arrival *a) {
    if (a->receiver != NULL) {
        open_remove(a->receiver, a->channel, a->number);
        settle(a->receiver, a->channel, a->number, SL_HELD);
    }
    a->held = true;
}

void sl_arrival_taken(sl_arrival *a) {
    if (a->receiver != NULL)
        settle(a->receiver, a->channel, a->number, SL_TAKEN);
    arrival_free(a);
}

void sl_arrival_refused(sl_arrival *a) {
    if (a->receiver != NULL)
        settle(a->receiver, a->channel, a->number, SL_BARRED);
    arrival_free(a);
}

void sl_arrival_drop(sl_arrival *a) {
    arrival_free(a);
}

/* ---- life ---- */

sl_receiver *sl_receiver_new(sl_receive_budget *budget, sl_stats *stats, const sl_receiver_events *events) {
    sl_receiver *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->budget = budget;
    r->stats = stats;
    r->events = *events;
    r->credit = r->promised = SL_RECEIVE_FIRST;
    return r;
}

void *sl_receiver_arg(const sl_receiver *r) {
    return r->events.arg;
}

void sl_receiver_free(sl_receiver *r) {
    if (r == NULL)
        return;
    for (sl_arrival *a = r->all, *next; a != NULL; a = next) {
        next = a->next;
        if (a->offered) {
            a->receiver = NULL;
        } else {
            SL_COUNT(r->stats, drop_message_unfinished);
            arrival_free(a);
        }
    }
    for (uint8_t i = 0; i < SLOW_CHANNELS; i++)
        free(r->channels[i]);
    r->budget->channels -= r->channel_count;
    free(r->buckets);
    free(r);
}

uint64_t sl_receiver_bytes(const sl_receiver *r) {
    return r->bytes;
}

uint32_t sl_receiver_waiting(const sl_receiver *r) {
    return r->waiting;
}

void sl_receiver_break(sl_receiver *r, enum sl_receiver_break rule) {
    r->broken = rule;
}
