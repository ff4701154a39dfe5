/* right_routing.h - a strategy that keeps the contract: what the faulty ones beside it are made of, each with one function or
 * one number of its own in place of one of these. routing-right.c is all of them as they are, and passes.
 *
 * Fewest hops, as RIP has it (RFC 2453): a message is a row of {id, hops}, and what has changed is told a moment later to every
 * neighbour, with the ways that lead through it as unreachable. */
#ifndef RIGHT_ROUTING_H
#define RIGHT_ROUTING_H
#include <slow/inspect.h>
#include <slow/routing.h>
#include <slow/wire.h>
#include <stdlib.h>
#include <string.h>

#ifndef RIGHT_FAR
#define RIGHT_FAR 16u /* hops: no way */
#endif

enum { RIGHT_NEIGHBOURS = 32, RIGHT_KNOWN = 64, RIGHT_ROW = 1 + SLOW_ID_MAX + 4 };

#ifndef RIGHT_PAUSE_NS
#define RIGHT_PAUSE_NS UINT64_C(10000000)
#endif

typedef struct right_known {
    slow_id id;
    uint32_t hops, heard[RIGHT_NEIGHBOURS];
    slow_link via;
} right_known;

typedef struct right_routing {
    const slow_host *host;
    const slow_routing_host *routing;
    slow_timer *timer;
    slow_neighbour neighbours[RIGHT_NEIGHBOURS]; /* link 0 = a free place */
    right_known known[RIGHT_KNOWN];
    size_t known_count;
    bool leaving;
    void *kept; /* for those that keep more than they should */
} right_routing;

static inline int right_place(const right_routing *r, slow_link link) {
    for (int i = 0; i < RIGHT_NEIGHBOURS; i++)
        if (r->neighbours[i].link == link)
            return i;
    return -1;
}

static inline right_known *right_find(right_routing *r, slow_bytes id) {
    right_known *room = NULL;
    if (id.size == 0 || id.size > SLOW_ID_MAX)
        return NULL;
    for (size_t i = 0; i < r->known_count; i++) {
        if (r->known[i].id.size == id.size && memcmp(r->known[i].id.text, id.data, id.size) == 0)
            return &r->known[i];
        if (r->known[i].hops == RIGHT_FAR)
            room = &r->known[i];
    }
    if (room == NULL && r->known_count < RIGHT_KNOWN)
        room = &r->known[r->known_count++];
    if (room == NULL)
        return NULL;
    *room = (right_known){.id.size = (uint8_t)id.size, .hops = RIGHT_FAR};
    memcpy(room->id.text, id.data, id.size);
    for (int i = 0; i < RIGHT_NEIGHBOURS; i++)
        room->heard[i] = RIGHT_FAR;
    return room;
}

static inline void right_soon(right_routing *r) {
    r->host->timer_at(r->timer, r->host->now(r->host) + RIGHT_PAUSE_NS);
}

static inline void right_decide(right_routing *r, right_known *d) {
    uint32_t hops = RIGHT_FAR;
    slow_link via = 0;
    for (int i = 0; i < RIGHT_NEIGHBOURS; i++)
        if (r->neighbours[i].link != 0 && d->heard[i] < RIGHT_FAR - 1 && d->heard[i] + 1 < hops) {
            hops = d->heard[i] + 1;
            via = r->neighbours[i].link;
        }
    if (hops == d->hops && via == d->via)
        return;
    d->hops = hops;
    d->via = via;
    slow_route route = {.via = via, .metric = hops};
    r->routing->offer(r->host, &d->id, &route, via != 0 ? 1 : 0);
    right_soon(r);
}

static inline void right_row(slow_writer *w, const slow_id *id, uint32_t hops) {
    slow_write_short(w, id->text, id->size);
    slow_write_u32(w, hops);
}

static inline void right_tell(right_routing *r, const slow_neighbour *to) {
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    slow_writer w = slow_writer_of(bytes, sizeof bytes);
    right_row(&w, r->routing->self(r->host), 0);
    for (size_t i = 0; i < r->known_count && !r->routing->is_leaf(r->host); i++) {
        const right_known *d = &r->known[i];
        if (slow_writer_size(&w) + RIGHT_ROW > sizeof bytes) {
            r->routing->send(r->host, to->link, (slow_bytes){bytes, slow_writer_size(&w)});
            w = slow_writer_of(bytes, sizeof bytes);
        }
        right_row(&w, &d->id, d->via == to->link || r->leaving ? RIGHT_FAR : d->hops);
    }
    r->routing->send(r->host, to->link, (slow_bytes){bytes, slow_writer_size(&w)});
}

static inline void right_fired(void *arg) {
    right_routing *r = arg;
    for (int i = 0; i < RIGHT_NEIGHBOURS; i++)
        if (r->neighbours[i].link != 0)
            right_tell(r, &r->neighbours[i]);
}

static inline void right_up(void *self, const slow_neighbour *neighbour) {
    right_routing *r = self;
    int place = right_place(r, 0);
    if (place < 0)
        return;
    r->neighbours[place] = *neighbour;
    right_soon(r);
}

static inline void right_changed(void *self, const slow_neighbour *neighbour) {
    (void)self;
    (void)neighbour;
}

static inline void right_down(void *self, slow_link link) {
    right_routing *r = self;
    int place = right_place(r, link);
    if (place < 0)
        return;
    r->neighbours[place].link = 0;
    for (size_t i = 0; i < r->known_count; i++) {
        r->known[i].heard[place] = RIGHT_FAR;
        right_decide(r, &r->known[i]);
    }
}

static inline void right_heard(right_routing *r, int place, slow_bytes id, uint32_t hops) {
    const slow_id *self = r->routing->self(r->host), *from = &r->neighbours[place].id;
    bool itself = from->size == id.size && memcmp(from->text, id.data, id.size) == 0;
    bool leaf = (r->neighbours[place].flags & SLOW_NEIGHBOUR_LEAF) != 0;
    if ((self->size == id.size && memcmp(self->text, id.data, id.size) == 0) || (leaf && !itself))
        return;
    right_known *d = right_find(r, id);
    if (d == NULL)
        return;
    d->heard[place] = hops < RIGHT_FAR ? hops : RIGHT_FAR;
    right_decide(r, d);
}

static inline slow_status right_message(void *self, slow_link from, slow_bytes message) {
    right_routing *r = self;
    int place = right_place(r, from);
    slow_reader in = slow_reader_of(message);
    while (place >= 0 && slow_reader_left(&in) > 0) {
        slow_bytes id = slow_read_short(&in);
        uint32_t hops = slow_read_u32(&in);
        if (!slow_reader_ok(&in))
            return SLOW_E_MALFORMED;
        right_heard(r, place, id, hops);
    }
    return SLOW_OK;
}

static inline void right_leave(void *self) {
    right_routing *r = self;
    r->leaving = true;
    right_fired(r);
}

static inline void right_destroy(void *self) {
    right_routing *r = self;
    r->host->timer_free(r->timer);
    free(r);
}

static inline slow_status right_create(const slow_host *host, const void *config, void **self, slow_error *error) {
    right_routing *r = calloc(1, sizeof *r);
    slow_timer *timer = r != NULL ? host->timer_new(host, right_fired, r) : NULL;
    (void)config;
    if (timer == NULL) {
        free(r);
        *error = (slow_error){.code = SLOW_E_NOMEM, .text = "no memory for an instance"};
        return SLOW_E_NOMEM;
    }
    r->host = host;
    r->routing = host->service(host, SLOW_ROUTING_HOST_ID);
    r->timer = timer;
    *self = r;
    return SLOW_OK;
}

#define RIGHT_ROUTING(symbol, name, create_fn, destroy_fn, down_fn, message_fn, extension_fn)                 \
    static const slow_routing_ops ops = {.struct_size = sizeof ops,                                           \
                                         .protocol = "right/1",                                               \
                                         .neighbour_up = right_up,                                            \
                                         .neighbour_changed = right_changed,                                  \
                                         .neighbour_down = down_fn,                                           \
                                         .message = message_fn};                                              \
    static const slow_plugin plugin = {.struct_size = sizeof plugin,                                          \
                                       .kind = SLOW_ROUTING,                                                  \
                                       .id = name,                                                            \
                                       .version = "1.0.0",                                                    \
                                       .summary = "Fewest hops, for tests of slow-conform",                   \
                                       .license = "MIT",                                                      \
                                       .create = create_fn,                                                   \
                                       .leave = right_leave,                                                  \
                                       .destroy = destroy_fn,                                                 \
                                       .extension = extension_fn,                                             \
                                       .ops = &ops};                                                          \
    static const slow_plugin *const plugins[] = {&plugin, NULL};                                              \
    static const slow_module module = {                                                                       \
        .struct_size = sizeof module, .abi_major = SLOW_ABI_MAJOR, .build = __VERSION__, .plugins = plugins}; \
    SLOW_MODULE(symbol, &module)
#endif
