/* routing-avoid.c - a routing strategy: the cheapest way that avoids the junctions which you name.
 *
 * Some junctions may be reached, and are yet to relay nothing of ours if that can be helped: a metered link, another firm's
 * machine. So neighbours tell each other over whom a way goes: a path vector, as BGP has it (RFC 4271). Who finds itself on a
 * way does not take it, so nothing counts to infinity when a link is cut. Each junction avoids whom it likes. Left out: whoever
 * says that he is somebody is believed (against that slow/routing.h has sign() and verify()). */
#include <slow/routing.h>
#include <slow/wire.h>
#include <stdlib.h>
#include <string.h>

/* ---- 1. State ---- */

#define NEIGHBOURS_MAX 32
#define DESTINATIONS_MAX 1024u
#define HOPS_MAX 30u
#define BATCH UINT64_C(10000000) /* nanoseconds: how long news are collected before neighbours are told */
#define PENALTY 10000000u        /* for each junction that is to be avoided: more than any way can cost */

struct options {
    const char *avoid;
};

/* What a way costs and over whom it goes, nearest first, the destination last. A junction is told by a hash of its id: two ids
 * with one hash cost a route now and then, and never make a loop. */
struct way {
    uint32_t cost, hops; /* no hops = there is none */
    uint32_t avoided;    /* how many of them are to be avoided; the destination is not, it relays nothing to itself */
    uint32_t over[HOPS_MAX];
};

struct destination {
    slow_id id;
    struct way ours; /* without ourselves */
    int place;       /* the neighbour over whom it goes; -1 = none */
    bool changed;    /* and the neighbours have not been told */
    struct way told[NEIGHBOURS_MAX];
};

struct neighbour {
    slow_link link; /* 0 = nobody at this place */
    uint32_t cost;
    bool new; /* it has been told nothing yet */
};

struct strategy {
    const slow_host *host;            /* time, timers, log */
    const slow_routing_host *routing; /* send, offer */
    const char *avoid;
    struct neighbour neighbours[NEIGHBOURS_MAX];
    struct destination *destinations;
    uint32_t count, own; /* own: the hash of our id */
    slow_timer *timer;
    bool armed;
};

static int place_of(const struct strategy *s, slow_link link) {
    for (int place = 0; place < NEIGHBOURS_MAX; place++)
        if (s->neighbours[place].link == link)
            return place;
    return -1;
}

/* NULL = no room. What neighbours can make us keep has a limit, and what nobody reaches any more makes room. */
static struct destination *destination_of(struct strategy *s, slow_bytes id) {
    struct destination *d = NULL, *all;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->destinations[i].id.size == id.size && memcmp(s->destinations[i].id.text, id.data, id.size) == 0)
            return &s->destinations[i];
        if (s->destinations[i].place < 0 && !s->destinations[i].changed)
            d = &s->destinations[i];
    }
    if (d == NULL) {
        all = s->count == DESTINATIONS_MAX ? NULL : realloc(s->destinations, (s->count + 1) * sizeof *all);
        if (all == NULL)
            return NULL;
        s->destinations = all;
        d = &all[s->count++];
    }
    *d = (struct destination){.id.size = (uint8_t)id.size, .place = -1};
    memcpy(d->id.text, id.data, id.size);
    return d;
}

/* ---- 2. Deciding ---- */

/* What changes again and again within BATCH is told once (RFC 4271, 9.2.1.1, has the same for the same reason). */
static void news(struct strategy *s) {
    if (!s->armed)
        s->host->timer_at(s->timer, s->host->now(s->host) + BATCH);
    s->armed = true;
}

/* Of the way over this neighbour. */
static uint32_t price(const struct strategy *s, const struct destination *d, int place) {
    const struct way *way = place < 0 ? NULL : &d->told[place];
    return way == NULL || way->hops == 0 ? UINT32_MAX : way->cost + s->neighbours[place].cost + way->avoided * PENALTY;
}

/* All ways are offered, the best one first: when its link dies the core has another in the same instant. */
static void offer(struct strategy *s, const struct destination *d) {
    slow_route routes[NEIGHBOURS_MAX];
    size_t n = d->place >= 0 ? 1 : 0;
    for (int place = 0; place < NEIGHBOURS_MAX; place++)
        if (d->told[place].hops > 0)
            routes[place == d->place ? 0 : n++] = (slow_route){s->neighbours[place].link, price(s, d, place), {0, 0}};
    s->routing->offer(s->host, &d->id, routes, n);
}

/* Called whenever a way or a link has changed. */
static void decide(struct strategy *s, struct destination *d) {
    d->place = -1;
    for (int place = 0; place < NEIGHBOURS_MAX; place++)
        if (price(s, d, place) < price(s, d, d->place))
            d->place = place;
    offer(s, d);
    struct way ours = d->place < 0 ? (struct way){.hops = 0} : d->told[d->place];
    ours.cost += d->place < 0 ? 0 : s->neighbours[d->place].cost;
    if (memcmp(&ours, &d->ours, sizeof ours) != 0) {
        d->ours = ours;
        d->changed = true;
        news(s);
    }
}

/* ---- 3. Telling: a message is {id, cost u32, hops u8, hops times a hash u32}; no hops: there is no way any more ---- */

/* FNV-1a: the same number at every junction. */
static uint32_t hash(const char *text, size_t size) {
    uint32_t h = UINT32_C(2166136261);
    while (size-- > 0)
        h = (h ^ (uint8_t)*text++) * UINT32_C(16777619);
    return h;
}

/* With ourselves in front. A way that is as long as can be told ends here. */
static void say(struct strategy *s, slow_link to, const slow_id *id, const struct way *way, bool none) {
    uint32_t hops = none || way->hops == HOPS_MAX ? 0 : way->hops + 1;
    uint8_t bytes[1 + SLOW_ID_MAX + 4 + 1 + 4 * HOPS_MAX];
    slow_writer out = slow_writer_of(bytes, sizeof bytes);
    slow_write_short(&out, id->text, id->size);
    slow_write_u32(&out, way->cost);
    slow_write_u8(&out, (uint8_t)hops);
    for (uint32_t i = 0; i < hops; i++)
        slow_write_u32(&out, i == 0 ? s->own : way->over[i - 1]);
    s->routing->send(s->host, to, (slow_bytes){bytes, slow_writer_size(&out)});
}

/* The timer: to each neighbour what has changed, and to a new one everything. Nobody goes through a leaf. */
static void tell(void *self) {
    static const struct way here = {.hops = 0};
    struct strategy *s = self;
    uint32_t count = s->routing->is_leaf(s->host) ? 0 : s->count;
    for (struct neighbour *n = s->neighbours; n < s->neighbours + NEIGHBOURS_MAX; n++) {
        if (n->new)
            say(s, n->link, s->routing->self(s->host), &here, false);
        for (const struct destination *d = s->destinations; d < s->destinations + count; d++)
            if (n->link != 0 && (n->new || d->changed))
                say(s, n->link, &d->id, &d->ours, d->place < 0);
        n->new = false;
    }
    for (uint32_t i = 0; i < s->count; i++)
        s->destinations[i].changed = false;
    s->armed = false;
}

/* ---- 4. Events ---- */

static void neighbour_up(void *self, const slow_neighbour *neighbour) {
    struct strategy *s = self;
    int place = place_of(s, 0);
    if (place >= 0)
        s->neighbours[place] = (struct neighbour){.link = neighbour->link, .cost = neighbour->cost, .new = true};
    else
        s->host->log(s->host, SLOW_LOG_WARN, "more neighbours than this strategy can hold: one is not used");
    news(s);
}

static void neighbour_changed(void *self, const slow_neighbour *neighbour) {
    struct strategy *s = self;
    int place = place_of(s, neighbour->link);
    if (place < 0)
        return;
    s->neighbours[place].cost = neighbour->cost;
    for (uint32_t i = 0; i < s->count; i++)
        decide(s, &s->destinations[i]);
}

static void neighbour_down(void *self, slow_link link) {
    struct strategy *s = self;
    int place = place_of(s, link);
    if (place < 0)
        return;
    s->neighbours[place] = (struct neighbour){.link = 0};
    for (uint32_t i = 0; i < s->count; i++) {
        s->destinations[i].told[place] = (struct way){.hops = 0};
        decide(s, &s->destinations[i]);
    }
}

static bool is_avoided(const struct strategy *s, uint32_t junction) {
    for (const char *at = s->avoid; *at != '\0'; at += strcspn(at, ","), at += strspn(at, ","))
        if (hash(at, strcspn(at, ",")) == junction)
            return true;
    return false;
}

/* The bytes are a stranger's: all of them are read before anything is changed. */
static slow_status message(void *self, slow_link from, slow_bytes bytes) {
    struct strategy *s = self;
    slow_reader in = slow_reader_of(bytes);
    slow_bytes id = slow_read_short(&in);
    struct way way = {.cost = slow_read_u32(&in)};
    bool round = false; /* are we on it? Then it is none for us */
    way.hops = slow_read_u8(&in);
    for (uint32_t i = 0; i < way.hops && i < HOPS_MAX; i++) {
        way.over[i] = slow_read_u32(&in);
        round = round || way.over[i] == s->own;
        way.avoided += i + 1 < way.hops && is_avoided(s, way.over[i]);
    }
    if (!slow_reader_ok(&in) || slow_reader_left(&in) > 0 || id.size == 0 || id.size > SLOW_ID_MAX ||
        way.hops > HOPS_MAX || way.cost >= PENALTY)
        return SLOW_E_MALFORMED;
    int place = place_of(s, from);
    struct destination *d = place < 0 || hash((const char *)id.data, id.size) == s->own ? NULL : destination_of(s, id);
    if (d != NULL) {
        d->told[place] = round ? (struct way){.hops = 0} : way;
        decide(s, d);
    }
    return SLOW_OK;
}

/* ---- 5. Life ---- */

static void destroy(void *self) {
    struct strategy *s = self;
    s->host->timer_free(s->timer);
    free(s->destinations);
    free(s);
}

static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    struct strategy *s = calloc(1, sizeof *s);
    slow_timer *timer = s == NULL ? NULL : host->timer_new(host, tell, s);
    if (timer == NULL) {
        free(s);
        *error = (slow_error){.code = SLOW_E_NOMEM, .text = "no memory for routing-avoid"};
        return error->code;
    }
    *s = (struct strategy){.host = host, .routing = host->service(host, SLOW_ROUTING_HOST_ID), .timer = timer};
    s->own = hash(s->routing->self(host)->text, s->routing->self(host)->size);
    s->avoid = ((const struct options *)config)->avoid; /* it lives until destroy() */
    *self = s;
    return SLOW_OK;
}

/* ---- 6. Tables ---- */

static const slow_option options[] = {
    {.key = "avoid",
     .type = SLOW_OPT_STRING,
     .offset = offsetof(struct options, avoid),
     .default_text = "",
     .help = "ids of the junctions that are to relay nothing of ours if that can be helped, with commas between them"},
    {.key = NULL},
};

static const slow_routing_ops ops = {
    .struct_size = sizeof ops,
    .protocol = "com.example.avoid/1",
    .neighbour_up = neighbour_up,
    .neighbour_changed = neighbour_changed,
    .neighbour_down = neighbour_down,
    .message = message,
};

static const slow_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = SLOW_ROUTING,
    .id = "routing-avoid",
    .version = "1.0.0",
    .summary = "The cheapest way that avoids the junctions which you name",
    .license = "MIT",
    .options = options,
    .config_size = sizeof(struct options),
    .create = create,
    .destroy = destroy,
    .ops = &ops,
};

static const slow_plugin *const plugins[] = {&plugin, NULL};
static const slow_module module = {
    .struct_size = sizeof module,
    .abi_major = SLOW_ABI_MAJOR,
    .build = __VERSION__,
    .plugins = plugins,
};

SLOW_MODULE(routing_avoid, &module)
