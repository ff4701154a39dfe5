/* distance_vector.c - routing-distance-vector: the plugin, its options, and its events.
 *
 * Babel's loop freedom (RFC 8966: feasibility distance, sequence numbers that the origin alone raises, requests for
 * newer ones) as *hard state*: the channel between two neighbours is reliable and ordered while the adjacency lasts, so
 * only changes are sent, there is no periodic dump, and an idle network sends nothing at all, however large it is.
 * Babel itself repeats its whole table, because it speaks over datagrams that may be lost; the price is minutes until a
 * lost word is said again. Link state was the alternative: it needs no requests, but loops while its databases differ.
 *
 * The rules bear the numbers of docs/routing.md. Where they live:
 *
 *     1, 7, 8 (askers)   request.c     feasibility; asking for a newer sequence number, and who asked us
 *     2, 3, 11           route.c       selection; the feasibility distance; candidates for the core
 *     4, 5, 6            advertise.c   what is told to whom, and when
 *     8, 10              origin.c      requests that reach us; our own sequence number and epoch
 *     9, forgetting      here
 *     12, 14             proof.c, trust.c  what origins have signed, and what is left when a key is revoked
 *
 * An event changes the state at once and marks what has to be told; everything is sent at the end of the turn, so ten
 * messages that came together cause one. A message is read twice: checked whole, then applied, so that a malformed one
 * changes nothing. What a neighbour can make us keep is bounded: destinations by max_origins, handles by DV_HANDLES,
 * one asker's entry a neighbour and destination. */
#include "inspect.h"
#include "origin.h"
#include "trust.h"
#include <slow/inspect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A destination without a route is looked at in each sweep, and forgotten in the third: after 10 to 15 minutes. */
#define SWEEP_NS (300 * DV_SECOND)
#define SWEEPS 3u

/* ---- turns */

static void turn_end(void *self) {
    struct dv *dv = self;
    dv->turn_pending = false;
    dv_advertise(dv);
}

static void turn(void *self) {
    struct dv *dv = self;
    if (dv->turn_pending)
        return;
    dv->turn_pending = true;
    dv->host->defer(dv->host, turn_end, dv);
}

/* ---- forgetting */

/* The feasibility distance goes with the destination, so it stays while anybody still offers it: it could be our own
 * old word that comes back. The number stays while a neighbour has a handle of it. */
static void forget(struct dv *dv, uint32_t number) {
    for (uint32_t slot = 0; slot < dv->slot_count; slot++)
        if (dv->neighbours[slot] != NULL && dv_finite(dv_offer_of(dv, dv->neighbours[slot], number)))
            return;
    struct dv_dest *dest = &dv->dests[number];
    dest->fd_metric = SLOW_METRIC_INFINITY;
    dest->fd_epoch = dest->fd_seq = 0;
    dv_advertise_forget(dv, number);
    if (dv_bound_by_any(dv, number))
        return;
    dv_trouble_end(dv, number);
    dv_dest_remove(dv, number);
}

static void sweep(void *owner, struct dv_deadline *deadline) {
    struct dv *dv = owner;
    bool again = false;
    for (uint32_t number = DV_SELF + 1; number < dv->dest_count; number++) {
        struct dv_dest *dest = &dv->dests[number];
        if (dest->id == 0 || dest->next_hop != DV_NO_SLOT)
            continue;
        if (dest->age < SWEEPS)
            dest->age++;
        if (dest->age == SWEEPS)
            forget(dv, number);
        again = again || dest->id != 0;
    }
    if (again)
        dv_deadline_at(&dv->deadlines, deadline, dv_now(dv) + SWEEP_NS, sweep);
}

static void sweep_soon(struct dv *dv) {
    if (!dv_deadline_armed(&dv->sweep))
        dv_deadline_at(&dv->deadlines, &dv->sweep, dv_now(dv) + SWEEP_NS, sweep);
}

/* ---- neighbours: rule 9 */

static void neighbour_up(void *self, const slow_neighbour *from) {
    struct dv *dv = self;
    struct dv_neighbour *neighbour = dv_neighbour_add(dv, from);
    if (neighbour == NULL) {
        dv->host->log(dv->host, SLOW_LOG_ERROR, "no memory for another neighbour: no routes will go over it");
        return;
    }
    dv_advertise_all_to(dv, neighbour);
    turn(dv);
}

static void neighbour_down(void *self, slow_link link) {
    struct dv *dv = self;
    struct dv_neighbour *neighbour = dv_neighbour_find(dv, link);
    if (neighbour == NULL)
        return;
    dv_neighbour_detach(dv, neighbour);
    for (uint32_t number = 0; number < dv->dest_count; number++) {
        dv_asker_forget(dv, number, neighbour->slot);
        struct dv_word before = dv_offer_of(dv, neighbour, number);
        if ((neighbour->flags[number] & DV_BOUND) != 0)
            dv_unbind(dv, neighbour, number);
        if (number != DV_SELF && dv_finite(before))
            dv_reselect(dv, number, neighbour->slot, before, neighbour->cost);
    }
    dv_neighbour_free(dv, neighbour);
    sweep_soon(dv);
    turn(dv);
}

static void neighbour_changed(void *self, const slow_neighbour *now) {
    struct dv *dv = self;
    struct dv_neighbour *neighbour = dv_neighbour_find(dv, now->link);
    if (neighbour == NULL || neighbour->cost == now->cost)
        return;
    uint32_t cost_before = neighbour->cost;
    neighbour->cost = now->cost;
    for (uint32_t number = DV_SELF + 1; number < dv->dest_count; number++) {
        struct dv_word offer = dv_offer_of(dv, neighbour, number);
        if (dv_finite(offer))
            dv_reselect(dv, number, neighbour->slot, offer, cost_before);
    }
    sweep_soon(dv);
    turn(dv);
}

/* ---- messages */

/* Is `handle` bound by a record of `message` that stands before `end`? A change in the turn in which a destination was
 * first told comes in the same message. */
static bool bound_before(slow_bytes message, const uint8_t *end, uint32_t handle) {
    slow_reader in = slow_reader_of((slow_bytes){message.data, (size_t)(end - message.data)});
    struct dv_record record;
    while (dv_record_read(&in, &record))
        if (record.kind == DV_ORIGIN && record.handle == handle)
            return true;
    return false;
}

/* A large table is in no cache, and a message is about many destinations: they are fetched while it is checked, so that the
 * waits are for all at once and not one after the other. */
static void prefetch(const struct dv *dv, uint32_t number) {
    __builtin_prefetch(&dv->dests[number]);
    for (uint32_t slot = 0; slot < dv->slot_count; slot++)
        if (dv->neighbours[slot] != NULL) {
            __builtin_prefetch(&dv->neighbours[slot]->offers[number]);
            __builtin_prefetch(&dv->neighbours[slot]->flags[number]);
        }
}

/* Checks the form of a whole message, and makes room for the handles it brings. */
static slow_status message_check(struct dv *dv, struct dv_neighbour *from, slow_bytes message) {
    slow_reader in = slow_reader_of(message);
    struct dv_record record;
    uint32_t handles = 0;
    for (const uint8_t *at = in.at; dv_record_read(&in, &record); at = in.at) {
        bool needs_handle = record.kind == DV_UPDATE || record.kind == DV_FORGET;
        uint32_t number = needs_handle ? dv_handle_of(from, record.handle) : DV_NONE;
        if (needs_handle && number == DV_NONE && !bound_before(message, at, record.handle))
            return SLOW_E_MALFORMED;
        if (number < dv->dest_count)
            prefetch(dv, number);
        if (record.kind == DV_ORIGIN && record.handle >= handles)
            handles = record.handle + 1;
    }
    if (!slow_reader_ok(&in) || message.size == 0)
        return SLOW_E_MALFORMED;
    return dv_handles_grow(from, handles) ? SLOW_OK : SLOW_E_NOMEM;
}

/* A neighbour now says `word` of a destination that it has BOUND, and said `before` so far. */
static void word_heard(struct dv *dv, struct dv_neighbour *from, uint32_t number, struct dv_word word,
                       struct dv_word before) {
    from->offers[number] = (struct dv_offer){.seq = word.stamp.seq, .metric = word.metric};
    dv_reselect(dv, number, from->slot, before, from->cost);
    if (dv_finite(word) && dv->dests[number].next_hop == DV_NO_SLOT)
        dv_ask(dv, number);
    if (dv->dests[number].next_hop == DV_NO_SLOT)
        sweep_soon(dv);
}

/* The handle means nothing any more, nor does what was said under it. */
static void handle_release(struct dv *dv, struct dv_neighbour *from, uint32_t handle) {
    uint32_t number = dv_handle_of(from, handle);
    dv_handle_set(from, handle, DV_NONE);
    if (number >= dv->dest_count)
        return;
    struct dv_word before = dv_offer_of(dv, from, number);
    if (number != DV_SELF && dv_finite(before))
        word_heard(dv, from, number, DV_RETRACTION, before);
    dv_unbind(dv, from, number);
}

static void origin_heard(struct dv *dv, struct dv_neighbour *from, const struct dv_record *record) {
    uint32_t number = dv_dest_find(dv, record->id);
    bool is_first = number == DV_NONE;
    if (!dv_origin_counts(dv, from, number, record)) {
        handle_release(dv, from, record->handle);
        dv_handle_set(from, record->handle, DV_HANDLE_IGNORED);
        return;
    }
    if (!is_first && number != DV_SELF && dv_trust_older(dv, from, number, record->word.stamp)) {
        dv_proof_keep(dv, from, number, (struct dv_stamp){record->word.stamp.epoch, record->proven}, record->proof);
        sweep_soon(dv);
    }
    if (is_first)
        number = dv_dest_add(dv, record->id);
    if (dv_handle_of(from, record->handle) != number)
        handle_release(dv, from, record->handle);
    if (number == DV_NONE) {
        dv_handle_set(from, record->handle, DV_HANDLE_IGNORED);
        if (dv_may_log(dv, &dv->full_logged_at)) {
            char text[160];
            snprintf(text, sizeof text, "no room for destination %.*s: %u are known, max_origins allows %lld",
                     (int)record->id.size, (const char *)record->id.data, dv->live - 1,
                     (long long)dv->options.max_origins);
            dv->host->log(dv->host, SLOW_LOG_WARN, text);
        }
        return;
    }
    struct dv_word before = dv_offer_of(dv, from, number), word = record->word;
    if (!dv_bind(dv, from, number, word.stamp.epoch)) {
        dv_handle_set(from, record->handle, DV_HANDLE_IGNORED);
        if (number != DV_SELF && dv_finite(before))
            dv_reselect(dv, number, from->slot, before, from->cost);
        return;
    }
    dv_handle_set(from, record->handle, number);
    if (number == DV_SELF) {
        if (dv_finite(word))
            dv_own_id_shown(dv, word.stamp.epoch);
        return;
    }
    if (is_first) /* else it has been kept, if it is true: the word may count for what was proven before */
        dv_proof_keep(dv, from, number, (struct dv_stamp){word.stamp.epoch, record->proven}, record->proof);
    word_heard(dv, from, number, word, before);
}

static void update_heard(struct dv *dv, struct dv_neighbour *from, const struct dv_record *record) {
    uint32_t number = dv_handle_of(from, record->handle);
    if (number >= dv->dest_count)
        return;
    struct dv_word before = dv_offer_of(dv, from, number);
    struct dv_stamp wanted = record->word.stamp;
    wanted.epoch = dv_bound_epoch(dv, from, number);
    bool counts = !dv_finite(record->word) || dv_update_counts(dv, number, wanted);
    if (number != DV_SELF)
        word_heard(dv, from, number, counts ? record->word : DV_RETRACTION, before);
    if (!dv_finite(record->word) && wanted.seq != 0)
        dv_request_heard(dv, from, store_get(&dv->store, dv->dests[number].id), wanted, DV_TTL);
}

/* Of our own id it tells that we were here, in that epoch. */
static void proof_heard(struct dv *dv, struct dv_neighbour *from, const struct dv_record *record) {
    uint32_t number = dv->open ? DV_NONE : dv_dest_find(dv, record->id);
    struct dv_stamp proven = {record->word.stamp.epoch, record->proven};
    if (number == DV_NONE)
        return;
    if (number != DV_SELF)
        (void)dv_proof_heard(dv, from, number, proven, record->proof);
    else if (proven.epoch > dv->own.epoch && dv_proof_verify(dv, record->id, proven, record->proof))
        dv_own_id_shown(dv, proven.epoch);
}

static slow_status message(void *self, slow_link link, slow_bytes bytes) {
    struct dv *dv = self;
    struct dv_neighbour *from = dv_neighbour_find(dv, link);
    if (from == NULL)
        return SLOW_E_CLOSED;
    slow_status status = message_check(dv, from, bytes);
    if (status != SLOW_OK)
        return status;
    slow_reader in = slow_reader_of(bytes);
    struct dv_record record;
    while (dv_record_read(&in, &record)) {
        if (record.kind == DV_ORIGIN)
            origin_heard(dv, from, &record);
        else if (record.kind == DV_UPDATE)
            update_heard(dv, from, &record);
        else if (record.kind == DV_FORGET)
            handle_release(dv, from, record.handle);
        else if (record.kind == DV_PROOF)
            proof_heard(dv, from, &record);
        else
            dv_request_heard(dv, from, record.id, record.word.stamp, record.ttl);
    }
    turn(dv);
    return SLOW_OK;
}

static void trust_changed(void *self) {
    struct dv *dv = self;
    dv_trust_changed(dv);
    sweep_soon(dv);
    turn(dv);
}

/* ---- life */

static void destroy(void *self) {
    struct dv *dv = self;
    for (uint32_t slot = 0; slot < dv->slot_count; slot++)
        if (dv->neighbours[slot] != NULL)
            dv_neighbour_free(dv, dv->neighbours[slot]);
    dv_table_free(dv);
    dv_deadlines_free(&dv->deadlines);
    free(dv);
}

static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    const slow_routing_host *routing = host->service(host, SLOW_ROUTING_HOST_ID);
    struct dv *dv = calloc(1, sizeof *dv);
    if (routing == NULL || dv == NULL) {
        free(dv);
        *error = (slow_error){.code = routing == NULL ? SLOW_E_UNSUPPORTED : SLOW_E_NOMEM};
        snprintf(error->text, sizeof error->text,
                 routing == NULL ? "this host has no " SLOW_ROUTING_HOST_ID " for a routing strategy" : "no memory");
        return error->code;
    }
    dv->host = host;
    dv->routing = routing;
    dv->options = *(const struct dv_options *)config;
    enum { OWN_DEADLINES = 5 }; /* sweep, bump, proved, take, late */
    if (!dv_deadlines_init(&dv->deadlines, host, dv, turn) || !dv_deadlines_reserve(&dv->deadlines, OWN_DEADLINES) ||
        !dv_table_init(dv)) {
        destroy(dv);
        *error = (slow_error){.code = SLOW_E_NOMEM, .text = "no memory for the routing table"};
        return SLOW_E_NOMEM;
    }
    *self = dv;
    return SLOW_OK;
}

static slow_status start(void *self, slow_error *error) {
    struct dv *dv = self;
    (void)error;
    dv->own = (struct dv_stamp){.epoch = dv->routing->epoch(dv->host), .seq = 1};
    if (dv->options.break_rule != DV_BREAK_NONE)
        dv->host->log(dv->host, SLOW_LOG_WARN, "break_rule is set: this junction makes routing loops on purpose");
    dv->leaf = dv->routing->is_leaf(dv->host);
    dv->open = dv_proof_verify(dv, dv_id_bytes(dv->routing->self(dv->host)), dv->own, (slow_bytes){NULL, 0});
    dv_origin_sign(dv);
    return SLOW_OK;
}

/* Takes back all that we ever said, so that the others route round us while we still forward. */
static void leave(void *self) {
    struct dv *dv = self;
    dv->leaving = true;
    for (uint32_t number = 0; number < dv->dest_count; number++)
        dv_tell_now_all(dv, number);
    turn(dv);
}

/* ---- inspection */

static dv_inspect_word shown(struct dv_word word) {
    return (dv_inspect_word){.epoch = word.stamp.epoch, .seq = word.stamp.seq, .metric = word.metric};
}

static bool show(struct dv_word word, dv_inspect_word *out) {
    *out = shown(word);
    return dv_finite(word);
}

static dv_inspect_word inspect_own(const void *self) {
    const struct dv *dv = self;
    return shown((struct dv_word){.stamp = dv->own});
}

static bool is_number_of(const struct dv *dv, uint32_t number, slow_bytes id) {
    if (number >= dv->dest_count || dv->dests[number].id == 0)
        return false;
    slow_bytes own = store_get(&dv->store, dv->dests[number].id);
    return own.size == id.size && memcmp(own.data, id.data, id.size) == 0;
}

static bool inspect_feasibility(const void *self, const slow_id *dst, dv_inspect_word *out) {
    const struct dv *dv = self;
    slow_bytes id = dv_id_bytes(dst);
    uint32_t number = is_number_of(dv, dv->offering, id) ? dv->offering : dv_dest_find(dv, id);
    return number != DV_NONE && show(dv_dest_fd(&dv->dests[number]), out);
}

static bool inspect_selected(const void *self, const slow_id *dst, slow_link *via, dv_inspect_word *out) {
    const struct dv *dv = self;
    uint32_t number = dv_dest_find(dv, dv_id_bytes(dst));
    const struct dv_neighbour *next_hop = number == DV_NONE ? NULL : dv_neighbour_at(dv, dv->dests[number].next_hop);
    if (next_hop == NULL)
        return false;
    *via = next_hop->link;
    return show(dv_selected(dv, number), out);
}

static size_t inspect_numbers(const void *self) {
    return ((const struct dv *)self)->dest_count;
}

static bool inspect_id_of(const void *self, size_t number, slow_id *out) {
    const struct dv *dv = self;
    if (number >= dv->dest_count || dv->dests[number].id == 0)
        return false;
    *out = dv_dest_id(dv, (uint32_t)number);
    return true;
}

static size_t number_of(const void *self, const slow_id *dst) {
    uint32_t number = dv_dest_find(self, dv_id_bytes(dst));
    return number == DV_NONE ? SIZE_MAX : number;
}

static bool inspect_heard_of(const void *self, slow_link link, size_t number, dv_inspect_word *out) {
    const struct dv *dv = self;
    const struct dv_neighbour *neighbour = dv_neighbour_find(dv, link);
    return number < dv->dest_count && neighbour != NULL && show(dv_offer_of(dv, neighbour, (uint32_t)number), out);
}

static bool inspect_told_of(const void *self, slow_link link, size_t number, dv_inspect_word *out) {
    const struct dv *dv = self;
    const struct dv_neighbour *neighbour = dv_neighbour_find(dv, link);
    if (number >= dv->dest_count || neighbour == NULL || (neighbour->flags[number] & (DV_TOLD | DV_STALE)) != DV_TOLD)
        return false;
    struct dv_word word = number == DV_SELF ? (struct dv_word){.stamp = dv->own} : dv_selected(dv, (uint32_t)number);
    if ((neighbour->flags[number] & DV_OLDER) != 0)
        word.stamp.seq = 0;
    return show(word, out);
}

static bool inspect_feasibility_of(const void *self, size_t number, dv_inspect_word *out) {
    const struct dv *dv = self;
    return number < dv->dest_count && show(dv_dest_fd(&dv->dests[number]), out);
}

static bool inspect_heard(const void *self, slow_link link, const slow_id *dst, dv_inspect_word *out) {
    return inspect_heard_of(self, link, number_of(self, dst), out);
}

static bool inspect_told(const void *self, slow_link link, const slow_id *dst, dv_inspect_word *out) {
    return inspect_told_of(self, link, number_of(self, dst), out);
}

static size_t inspect_destinations(const void *self) {
    const struct dv *dv = self;
    return dv->live;
}

static size_t inspect_routes(const void *self) {
    const struct dv *dv = self;
    size_t routes = 0;
    for (uint32_t number = 0; number < dv->dest_count; number++)
        routes += dv->dests[number].next_hop != DV_NO_SLOT;
    return routes;
}

static size_t inspect_pending(const void *self) {
    const struct dv *dv = self;
    size_t pending = 0;
    for (uint32_t number = 0; number < dv->dest_count; number++) {
        const struct dv_trouble *trouble = dv->dests[number].trouble;
        pending += trouble != NULL && (dv_deadline_armed(&trouble->ask) || dv_deadline_armed(&trouble->repair));
    }
    return pending;
}

static size_t inspect_memory(const void *self) {
    return dv_table_memory(self);
}

static const dv_inspect inspection = {
    .struct_size = sizeof inspection,
    .own = inspect_own,
    .feasibility = inspect_feasibility,
    .selected = inspect_selected,
    .heard = inspect_heard,
    .told = inspect_told,
    .destinations = inspect_destinations,
    .routes = inspect_routes,
    .pending = inspect_pending,
    .memory = inspect_memory,
    .numbers = inspect_numbers,
    .id_of = inspect_id_of,
    .heard_of = inspect_heard_of,
    .told_of = inspect_told_of,
    .feasibility_of = inspect_feasibility_of,
};

static uint64_t inspect_entries(const void *self) {
    return ((const struct dv *)self)->entries;
}

static uint64_t inspect_requests(const void *self) {
    return ((const struct dv *)self)->requests;
}

static const slow_routing_inspect common_inspection = {
    .struct_size = sizeof common_inspection,
    .memory = inspect_memory,
    .destinations = inspect_destinations,
    .pending = inspect_pending,
    .entries = inspect_entries,
    .requests = inspect_requests,
    .promises = SLOW_ROUTING_LOOP_FREE,
};

static const void *extension(void *self, const char *id) {
    (void)self;
    if (strcmp(id, SLOW_ROUTING_INSPECT_ID) == 0)
        return &common_inspection;
    return strcmp(id, DV_INSPECT_ID) == 0 ? &inspection : NULL;
}

/* ---- the plugin */

static const char *const rules[] = {"none",        "no-feasibility", "late-fd",          "no-refilter",
                                    "lost-memory", "foreign-bump",   "swallow-requests", NULL};

static const slow_option options[] = {
    {
        .key = "max_origins",
        .type = SLOW_OPT_INT,
        .offset = offsetof(struct dv_options, max_origins),
        .default_text = "65536",
        .min = 1,
        .max = DV_HANDLES - 1,
        .help = "most destinations to know; those that come when it is full are ignored, with a line in the log",
    },
    {
        .key = "break_rule",
        .type = SLOW_OPT_ENUM,
        .offset = offsetof(struct dv_options, break_rule),
        .default_text = "none",
        .choices = rules,
        .help = "for tests of the checks only: breaks one rule of the protocol, and makes routing loop",
    },
    {.key = NULL},
};

static const slow_routing_ops ops = {
    .struct_size = sizeof ops,
    .protocol = "distance-vector/1",
    .neighbour_up = neighbour_up,
    .neighbour_changed = neighbour_changed,
    .neighbour_down = neighbour_down,
    .message = message,
    .trust_changed = trust_changed,
};

static const slow_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = SLOW_ROUTING,
    .id = "routing-distance-vector",
    .version = "1.0.0",
    .summary = "Least-cost routes without loops at any moment; sends changes only",
    .license = "MIT",
    .options = options,
    .config_size = sizeof(struct dv_options),
    .create = create,
    .start = start,
    .leave = leave,
    .destroy = destroy,
    .extension = extension,
    .ops = &ops,
};

static const slow_plugin *const plugins[] = {&plugin, NULL};
static const slow_module module = {
    .struct_size = sizeof module,
    .abi_major = SLOW_ABI_MAJOR,
    .abi_minor_required = SLOW_ABI_MINOR,
    .build = __VERSION__,
    .plugins = plugins,
};

SLOW_MODULE(routing_distance_vector, &module)
