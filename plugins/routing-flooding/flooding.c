/* flooding.c - routing-flooding: every package once over every link, and the way back learned.
 *
 * A package goes to every neighbour but the one it came from, and never on from its destination. The core has dropped
 * doubles before it asks, and bounds the hops, so each junction handles a package once and it ends. That needs no
 * message between junctions and no state, and delivers whenever any path exists: with `learn` off it is the oracle
 * against which the other strategies are tested. Its price is one package a link, whoever it is for.
 *
 * With `learn` on, as a bridge does (IEEE 802.1D section 7.8), the neighbour from which a source's package came *first*
 * is the next hop to that source: the first copy took the quickest path. So replies go straight, and only a first
 * contact floods. What was learned is a guess about the past and is kept briefly: it dies after 3 s without a package
 * from that source, and with its neighbour. Unlike a bridge nothing needs a spanning tree, since doubles are known by
 * their number.
 *
 * To a leaf goes only what is for it, and a leaf that is asked to relay sends nothing: nothing leads through it.
 *
 * An entry that points back to where a package came from is not used: the neighbour that sent it here has lost its own
 * entry, so ours is as old as that, and the package is flooded. What is learned is also offered to the core, where
 * people see it as a route. A source is a mere name here: one that lies about its name draws that name's replies for 3
 * s, and can use up the numbers of packages that it sees or guesses (core/seen.h); so this strategy is for networks whose
 * members trust each other. */
#include "learned.h"
#include <slow/inspect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEARNED_NS (3 * UINT64_C(1000000000))
#define METRIC_OF_HOP 10u /* 0.1 ms; hops are all that a package tells */

struct options {
    int64_t max_learned;
    bool learn;
};

struct port {
    slow_link link;
    bool leaf;
    slow_id id; /* of a leaf */
};

struct flooding {
    const slow_host *host;
    const slow_routing_host *routing;
    struct options options;
    struct port *links; /* in the order in which they came up */
    size_t link_count, link_capacity;
    bool leaf; /* we are one */
    struct learned learned;
    slow_timer *expiry;
    bool expiry_armed;
};

/* ---- neighbours */

static size_t link_place(const struct flooding *flooding, slow_link link) {
    size_t at = 0;
    while (at < flooding->link_count && flooding->links[at].link != link)
        at++;
    return at;
}

static void neighbour_up(void *self, const slow_neighbour *neighbour) {
    struct flooding *flooding = self;
    if (link_place(flooding, neighbour->link) < flooding->link_count)
        return;
    if (flooding->link_count == flooding->link_capacity) {
        size_t capacity = flooding->link_capacity * 2 + 8;
        struct port *links = realloc(flooding->links, capacity * sizeof *links);
        if (links == NULL) {
            flooding->host->log(flooding->host, SLOW_LOG_ERROR, "no memory for another neighbour: nothing goes to it");
            return;
        }
        flooding->links = links;
        flooding->link_capacity = capacity;
    }
    flooding->links[flooding->link_count++] = (struct port){
        .link = neighbour->link, .leaf = (neighbour->flags & SLOW_NEIGHBOUR_LEAF) != 0, .id = neighbour->id};
}

/* What a link costs does not matter: the quickest path shows itself. */
static void neighbour_changed(void *self, const slow_neighbour *neighbour) {
    (void)self;
    (void)neighbour;
}

static void forget(struct flooding *flooding, struct learned_source *source) {
    slow_id id = source->id;
    learned_remove(&flooding->learned, source);
    flooding->routing->offer(flooding->host, &id, NULL, 0);
}

static void neighbour_down(void *self, slow_link link) {
    struct flooding *flooding = self;
    size_t at = link_place(flooding, link);
    if (at == flooding->link_count)
        return;
    flooding->link_count--;
    memmove(&flooding->links[at], &flooding->links[at + 1], (flooding->link_count - at) * sizeof *flooding->links);
    for (struct learned_source *source = learned_oldest(&flooding->learned), *after; source != NULL; source = after) {
        after = learned_after(&flooding->learned, source);
        if (source->via == link)
            forget(flooding, source);
    }
}

/* ---- learning */

static void expire(void *self) {
    struct flooding *flooding = self;
    slow_time now = flooding->host->now(flooding->host);
    struct learned_source *oldest;
    while ((oldest = learned_oldest(&flooding->learned)) != NULL && oldest->heard_at + LEARNED_NS <= now)
        forget(flooding, oldest);
    flooding->expiry_armed = oldest != NULL;
    if (oldest != NULL)
        flooding->host->timer_at(flooding->expiry, oldest->heard_at + LEARNED_NS);
}

/* The entry of a source that was not known, made at the cost of the one that was silent longest. NULL = no memory. */
static struct learned_source *source_new(struct flooding *flooding, slow_bytes id, slow_time now) {
    if (flooding->learned.count == flooding->learned.limit)
        forget(flooding, learned_oldest(&flooding->learned));
    struct learned_source *source = learned_add(&flooding->learned, id, now);
    if (source != NULL && !flooding->expiry_armed) {
        flooding->expiry_armed = true;
        flooding->host->timer_at(flooding->expiry, now + LEARNED_NS);
    }
    return source;
}

static bool is_id(slow_bytes id, const slow_id *other) {
    return other->size == id.size && memcmp(other->text, id.data, id.size) == 0;
}

static bool is_self(const struct flooding *flooding, slow_bytes id) {
    return is_id(id, flooding->routing->self(flooding->host));
}

static void learn(struct flooding *flooding, slow_bytes id, slow_link from, uint8_t hops) {
    if (from == 0 || id.size == 0 || id.size > SLOW_ID_MAX || is_self(flooding, id))
        return;
    slow_time now = flooding->host->now(flooding->host);
    uint32_t metric = (hops > 0 ? hops : 1) * METRIC_OF_HOP;
    struct learned_source *source = learned_find(&flooding->learned, id);
    if (source == NULL)
        source = source_new(flooding, id, now);
    if (source == NULL)
        return;
    learned_renew(&flooding->learned, source, now);
    if (source->via == from && source->metric == metric)
        return;
    source->via = from;
    source->metric = metric;
    slow_route route = {.via = from, .metric = metric};
    flooding->routing->offer(flooding->host, &source->id, &route, 1);
}

/* ---- choosing */

static size_t flood(const struct flooding *flooding, slow_bytes dst, slow_link in, slow_link *out, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < flooding->link_count && count < n; i++) {
        const struct port *port = &flooding->links[i];
        if (port->link != in && (!port->leaf || is_id(dst, &port->id)))
            out[count++] = port->link;
    }
    return count;
}

/* What was learned needs no such care: the core drops what a leaf sends of others before it gets here. */
static bool may_relay(const struct flooding *flooding, slow_link in) {
    return in == 0 || !flooding->leaf;
}

static size_t choose(void *self, slow_bytes package, const slow_route_view *view, slow_link in, slow_link *out,
                     size_t n) {
    struct flooding *flooding = self;
    slow_bytes src = {package.data + view->src.at, view->src.size}, dst = {package.data + view->dst.at, view->dst.size};
    if (flooding->options.learn)
        learn(flooding, src, in, view->hops);
    if (n == 0 || is_self(flooding, dst) || !may_relay(flooding, in))
        return 0;
    const struct learned_source *known = learned_find(&flooding->learned, dst);
    if (known == NULL || known->via == in)
        return flood(flooding, dst, in, out, n);
    out[0] = known->via;
    return 1;
}

/* ---- life */

static void destroy(void *self) {
    struct flooding *flooding = self;
    flooding->host->timer_free(flooding->expiry);
    learned_free(&flooding->learned);
    free(flooding->links);
    free(flooding);
}

static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    const slow_routing_host *routing = host->service(host, SLOW_ROUTING_HOST_ID);
    struct flooding *flooding = routing == NULL ? NULL : calloc(1, sizeof *flooding);
    slow_timer *expiry = flooding == NULL ? NULL : host->timer_new(host, expire, flooding);
    uint8_t key[16];
    if (expiry == NULL) {
        free(flooding);
        *error = (slow_error){.code = routing == NULL ? SLOW_E_UNSUPPORTED : SLOW_E_NOMEM};
        snprintf(error->text, sizeof error->text, "%s",
                 routing == NULL ? "this host has no " SLOW_ROUTING_HOST_ID " for a routing strategy" : "no memory");
        return error->code;
    }
    *flooding = (struct flooding){
        .host = host, .routing = routing, .options = *(const struct options *)config, .expiry = expiry};
    flooding->leaf = routing->is_leaf(host);
    host->entropy(host, key, sizeof key);
    learned_init(&flooding->learned, (uint32_t)flooding->options.max_learned, key);
    *self = flooding;
    return SLOW_OK;
}

/* ---- inspection: it says nothing to its neighbours, and begins nothing that has to end */

static size_t inspect_memory(const void *self) {
    const struct flooding *flooding = self;
    const struct learned *learned = &flooding->learned;
    return sizeof *flooding + flooding->link_capacity * sizeof *flooding->links +
           learned->capacity * sizeof *learned->sources + learned->bucket_count * sizeof *learned->buckets;
}

static size_t inspect_destinations(const void *self) {
    return ((const struct flooding *)self)->learned.count + 1;
}

static const slow_routing_inspect inspection = {
    .struct_size = sizeof inspection,
    .memory = inspect_memory,
    .destinations = inspect_destinations,
};

static const void *extension(void *self, const char *id) {
    (void)self;
    return strcmp(id, SLOW_ROUTING_INSPECT_ID) == 0 ? &inspection : NULL;
}

static const slow_option options[] = {
    {
        .key = "learn",
        .type = SLOW_OPT_BOOL,
        .offset = offsetof(struct options, learn),
        .default_text = "true",
        .help = "send replies back the way on which a package came first, instead of flooding them",
    },
    {
        .key = "max_learned",
        .type = SLOW_OPT_INT,
        .offset = offsetof(struct options, max_learned),
        .default_text = "65536",
        .min = 1,
        .max = 1 << 20,
        .help = "most sources to remember; beyond them the one that was silent longest is forgotten",
    },
    {.key = NULL},
};

static const slow_routing_ops ops = {
    .struct_size = sizeof ops,
    .protocol = "flooding/1",
    .neighbour_up = neighbour_up,
    .neighbour_changed = neighbour_changed,
    .neighbour_down = neighbour_down,
    .choose = choose,
};

static const slow_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = SLOW_ROUTING,
    .id = "routing-flooding",
    .version = "1.0.0",
    .summary = "Every package over every link, and replies back on the way that was learned",
    .license = "MIT",
    .options = options,
    .config_size = sizeof(struct options),
    .create = create,
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

SLOW_MODULE(routing_flooding, &module)
