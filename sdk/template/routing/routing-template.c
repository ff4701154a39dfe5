/* routing-template.c - a routing strategy to copy: fewest hops.
 *
 * It works, and it is small; what it leaves out is what makes a strategy good. Every junction tells its neighbours how
 * many hops away each destination is, and uses the neighbour that tells the least. This is RIP's idea (RFC 2453),
 * without its timers: the host's channel between two neighbours loses nothing and keeps the order, so a thing is said
 * once, when it has changed. As in RIP, routes may loop for a moment after a failure, while both ends of the loop count
 * up to `max_hops`; routing-distance-vector, in the same project, shows how that is prevented.
 *
 * What every strategy has, in the order of this file:
 *
 *   1. its state, behind one pointer: no global variables, since a thousand junctions may live in one process;
 *   2. what it decides, and host->offer() that says so: the core owns the forwarding table;
 *   3. what it tells its neighbours: host->send();
 *   4. events: neighbours come, change and go; messages arrive;
 *   5. its life: create, leave, destroy;
 *   6. tables that say all this to the host.
 *
 * A strategy has no sockets, threads, clock or rand(). Time is host->now(), a timer is host->timer_new(), randomness is
 * host->random(). That is why the same shared object runs in the simulator. */
#include <slow/routing.h>
#include <slow/wire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- 1. State ---- */

#define NEIGHBOURS_MAX 32u
#define UNREACHABLE 255u /* hops */

/* The host fills this from the config; the table of options below says how. */
struct options {
    int64_t max_hops, max_destinations;
};

struct destination {
    slow_id id;
    uint8_t hops;                  /* ours; UNREACHABLE = no route */
    bool changed;                  /* and the neighbours have not been told */
    uint32_t through;              /* places that are next hops, as bits */
    uint8_t heard[NEIGHBOURS_MAX]; /* theirs, by place in `links` */
};

struct strategy {
    const slow_host *host;            /* services for every plugin: time, timers, log, memory for packets */
    const slow_routing_host *routing; /* services for a routing strategy: send, offer */
    struct options options;
    slow_link links[NEIGHBOURS_MAX]; /* 0 = no neighbour at this place */
    uint32_t leaves;                 /* places of leaves, as bits */
    struct destination *destinations;
    uint32_t count, capacity;
    bool turn_pending, leaving, full_logged;
};

static bool id_is(const slow_id *id, slow_bytes bytes) {
    return id->size == bytes.size && memcmp(id->text, bytes.data, bytes.size) == 0;
}

static int place_of(const struct strategy *s, slow_link link) {
    for (unsigned place = 0; place < NEIGHBOURS_MAX; place++)
        if (s->links[place] == link)
            return (int)place;
    return -1;
}

/* A search from one end: fine for a template, not for ten thousand destinations. */
static struct destination *destination_find(struct strategy *s, slow_bytes id) {
    for (uint32_t i = 0; i < s->count; i++)
        if (id_is(&s->destinations[i].id, id))
            return &s->destinations[i];
    return NULL;
}

/* A place in the array for a new destination: one that is no longer reached, or another. What a neighbour can make us
 * keep MUST have a limit. NULL = no room. */
static struct destination *destination_room(struct strategy *s) {
    for (uint32_t i = 0; i < s->count; i++)
        if (s->destinations[i].hops == UNREACHABLE && !s->destinations[i].changed)
            return &s->destinations[i];
    if (s->count == s->options.max_destinations)
        return NULL;
    if (s->count == s->capacity) {
        uint32_t capacity = s->capacity * 2 + 16;
        struct destination *all = realloc(s->destinations, capacity * sizeof *all);
        if (all == NULL)
            return NULL;
        s->destinations = all;
        s->capacity = capacity;
    }
    return &s->destinations[s->count++];
}

/* A limit that is reached is logged once, not with every message: a neighbour could fill the disk. */
static struct destination *destination_add(struct strategy *s, slow_bytes id) {
    struct destination *d = destination_room(s);
    if (d == NULL) {
        if (!s->full_logged)
            s->host->log(s->host, SLOW_LOG_WARN, "the table is full (max_destinations): new destinations are ignored");
        s->full_logged = true;
        return NULL;
    }
    *d = (struct destination){.id.size = (uint8_t)id.size, .hops = UNREACHABLE};
    memcpy(d->id.text, id.data, id.size);
    memset(d->heard, UNREACHABLE, sizeof d->heard);
    return d;
}

/* ---- 2. Deciding ---- */

static void turn(struct strategy *s);

/* Call it whenever something in `heard` has changed. All neighbours that are as near as the nearest are offered, best
 * first; the core uses the first whose link is up, and falls to the next in the moment in which a link dies. */
static void decide(struct strategy *s, struct destination *d) {
    slow_route routes[NEIGHBOURS_MAX];
    uint8_t least = UNREACHABLE;
    uint32_t through = 0;
    size_t n = 0;
    for (unsigned place = 0; place < NEIGHBOURS_MAX; place++)
        if (d->heard[place] < least)
            least = d->heard[place];
    uint8_t hops = least < s->options.max_hops ? (uint8_t)(least + 1) : UNREACHABLE;
    for (unsigned place = 0; hops != UNREACHABLE && place < NEIGHBOURS_MAX; place++) {
        if (d->heard[place] != least)
            continue;
        through |= UINT32_C(1) << place;
        routes[n++] = (slow_route){.via = s->links[place], .metric = hops};
    }
    s->routing->offer(s->host, &d->id, routes, n); /* n == 0 takes back what was offered before */
    if (hops == d->hops && through == d->through)
        return;
    d->hops = hops;
    d->through = through;
    d->changed = true;
    turn(s);
}

/* ---- 3. Telling ----
 *
 * A message is a row of {id, hops}, at most SLOW_ROUTE_MESSAGE_MAX bytes. slow/wire.h writes and reads it, and
 * remembers whether anything did not fit: ask once, at the end. */

struct letter {
    slow_writer out;
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
};

static void letter_send(struct strategy *s, slow_link to, struct letter *letter) {
    if (slow_writer_size(&letter->out) > 0)
        s->routing->send(s->host, to, (slow_bytes){letter->bytes, slow_writer_size(&letter->out)});
    letter->out = slow_writer_of(letter->bytes, sizeof letter->bytes);
}

static void letter_add(struct strategy *s, slow_link to, struct letter *letter, const slow_id *id, uint8_t hops) {
    if (slow_writer_size(&letter->out) + 2 + id->size > sizeof letter->bytes)
        letter_send(s, to, letter);
    slow_write_short(&letter->out, id->text, id->size);
    slow_write_u8(&letter->out, hops);
}

/* To a neighbour through which we go ourselves we say UNREACHABLE, so that two never point at each other (RFC 2453
 * section 3.4.3, poisoned reverse). */
static uint8_t hops_for(const struct strategy *s, const struct destination *d, unsigned place) {
    bool through_it = (d->through >> place & 1) != 0;
    return s->leaving || through_it ? UNREACHABLE : d->hops;
}

/* A leaf relays nothing for others: it tells of itself alone, or they would come through it. */
static void tell(struct strategy *s, unsigned place, bool everything) {
    uint32_t count = s->routing->is_leaf(s->host) ? 0 : s->count;
    struct letter letter;
    letter.out = slow_writer_of(letter.bytes, sizeof letter.bytes);
    if (everything)
        letter_add(s, s->links[place], &letter, s->routing->self(s->host), s->leaving ? UNREACHABLE : 0);
    for (uint32_t i = 0; i < count; i++)
        if (everything || s->destinations[i].changed)
            letter_add(s, s->links[place], &letter, &s->destinations[i].id, hops_for(s, &s->destinations[i], place));
    letter_send(s, s->links[place], &letter);
}

/* defer() calls this when the events of this turn are over: ten messages that came together are answered by one. */
static void turn_end(void *self) {
    struct strategy *s = self;
    s->turn_pending = false;
    for (unsigned place = 0; place < NEIGHBOURS_MAX; place++)
        if (s->links[place] != 0)
            tell(s, place, s->leaving);
    for (uint32_t i = 0; i < s->count; i++)
        s->destinations[i].changed = false;
}

static void turn(struct strategy *s) {
    if (!s->turn_pending && s->host->defer(s->host, turn_end, s) == SLOW_OK)
        s->turn_pending = true;
}

/* ---- 4. Events ----
 *
 * All come one after another on one thread, and never from inside a call of ours to the host: no locks. */

static void neighbour_up(void *self, const slow_neighbour *neighbour) {
    struct strategy *s = self;
    int place = place_of(s, 0);
    if (place < 0) {
        s->host->log(s->host, SLOW_LOG_WARN, "more neighbours than this strategy can hold: one is not used");
        return;
    }
    s->links[place] = neighbour->link;
    s->leaves &= ~(UINT32_C(1) << place);
    if ((neighbour->flags & SLOW_NEIGHBOUR_LEAF) != 0)
        s->leaves |= UINT32_C(1) << place;
    tell(s, (unsigned)place, true);
}

/* The link costs more or less than before. Hops do not care; yours may: look at neighbour->cost, rtt and loss. */
static void neighbour_changed(void *self, const slow_neighbour *neighbour) {
    (void)self;
    (void)neighbour;
}

static void neighbour_down(void *self, slow_link link) {
    struct strategy *s = self;
    int place = place_of(s, link);
    if (place < 0)
        return;
    s->links[place] = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->destinations[i].heard[place] == UNREACHABLE)
            continue;
        s->destinations[i].heard[place] = UNREACHABLE;
        decide(s, &s->destinations[i]);
    }
}

/* The bytes are a stranger's. Read all of them before anything is changed: a malformed message changes nothing. */
static bool message_ok(slow_bytes message) {
    slow_reader in = slow_reader_of(message);
    while (slow_reader_left(&in) > 0) {
        slow_bytes id = slow_read_short(&in);
        slow_read_u8(&in);
        if (id.size == 0 || id.size > SLOW_ID_MAX)
            return false;
    }
    return slow_reader_ok(&in);
}

static slow_status message(void *self, slow_link from, slow_bytes bytes) {
    struct strategy *s = self;
    int place = place_of(s, from);
    if (place < 0)
        return SLOW_OK; /* one for which there was no place */
    if (!message_ok(bytes))
        return SLOW_E_MALFORMED;
    bool from_leaf = (s->leaves >> place & 1) != 0;
    slow_reader in = slow_reader_of(bytes);
    while (slow_reader_left(&in) > 0) {
        slow_bytes id = slow_read_short(&in);
        uint8_t hops = slow_read_u8(&in);
        if (id_is(s->routing->self(s->host), id) || (from_leaf && hops > 0 && hops != UNREACHABLE))
            continue; /* a leaf relays nothing: what it says of others does not count */
        struct destination *d = destination_find(s, id);
        if (d == NULL && hops != UNREACHABLE)
            d = destination_add(s, id);
        if (d == NULL || d->heard[place] == hops)
            continue;
        d->heard[place] = hops;
        decide(s, d);
    }
    return SLOW_OK;
}

/* ---- 5. Life ---- */

static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    const slow_routing_host *routing = host->service(host, SLOW_ROUTING_HOST_ID);
    struct strategy *s = routing == NULL ? NULL : calloc(1, sizeof *s);
    if (s == NULL) { /* say what is wrong; leave nothing behind */
        *error = (slow_error){.code = routing == NULL ? SLOW_E_UNSUPPORTED : SLOW_E_NOMEM};
        snprintf(error->text, sizeof error->text, "%s",
                 routing == NULL ? "this host has no " SLOW_ROUTING_HOST_ID " for a routing strategy" : "no memory");
        return error->code;
    }
    *s = (struct strategy){.host = host, .routing = routing, .options = *(const struct options *)config};
    *self = s;
    return SLOW_OK;
}

/* An orderly end is near: take everything back while the links still work, so that nobody has to notice by himself. */
static void leave(void *self) {
    struct strategy *s = self;
    s->leaving = true;
    turn(s);
}

/* Give back whatever was taken: memory here, and timers (host->timer_free) if there were any. */
static void destroy(void *self) {
    struct strategy *s = self;
    free(s->destinations);
    free(s);
}

/* ---- 6. Tables ---- */

/* The host parses, checks and fills in defaults; `slow-router --describe` prints this. */
static const slow_option options[] = {
    {
        .key = "max_hops",
        .type = SLOW_OPT_INT,
        .offset = offsetof(struct options, max_hops),
        .default_text = "16",
        .min = 1,
        .max = UNREACHABLE - 1,
        .help = "a destination that is farther away is unreachable; the higher, the longer routes may loop",
    },
    {
        .key = "max_destinations",
        .type = SLOW_OPT_INT,
        .offset = offsetof(struct options, max_destinations),
        .default_text = "1024",
        .min = 1,
        .max = 1 << 20,
        .help = "most destinations to know; those that come when the table is full are ignored",
    },
    {.key = NULL},
};

static const slow_routing_ops ops = {
    .struct_size = sizeof ops,        /* so that the host knows which members there are */
    .protocol = "com.example.hops/1", /* yours: neighbours exchange messages where both have the same */
    .neighbour_up = neighbour_up,
    .neighbour_changed = neighbour_changed,
    .neighbour_down = neighbour_down,
    .message = message,
    /* .choose, .hint: optional, and NULL here; see slow/routing.h */
};

static const slow_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = SLOW_ROUTING,
    .id = "routing-template", /* the file's name without .so, and what a config calls it */
    .version = "1.0.0",
    .summary = "Fewest hops: a template to copy",
    .license = "MIT",
    .options = options,
    .config_size = sizeof(struct options),
    .create = create,
    .leave = leave,
    .destroy = destroy,
    .ops = &ops,
};

static const slow_plugin *const plugins[] = {&plugin, NULL};
static const slow_module module = {
    .struct_size = sizeof module,
    .abi_major = SLOW_ABI_MAJOR,
    .abi_minor_required = 0, /* nothing younger than ABI 1.0 is used */
    .build = __VERSION__,
    .plugins = plugins,
};

/* Defines the one symbol that the shared object exports. */
SLOW_MODULE(routing_template, &module)
