/* link_state.c - routing-link-state: the plugin, its options, and its events.
 *
 * Everybody says what links it has and what they cost, everybody keeps what all have said, and computes the shortest
 * paths from that: OSPF (RFC 2328) and IS-IS (ISO 10589), without areas, without a designated router and without what
 * these need because their messages may be lost. The channel to a neighbour is reliable and ordered, so there are no
 * acknowledgements and no refresh; an idle network is silent, however large it is. Against the distance vector it heals
 * in one flooding, with no requests, and knows alternates it has not been told of; the price is that each junction keeps
 * all links of the network, and that routes may loop for the time in which two databases differ (route.c says what is
 * done about that).
 *
 *     message.c    the bytes
 *     graph.c      the database, and the links that count
 *     tree.c       shortest paths, change by change
 *     neighbour.c  adjacencies
 *     flood.c      what is new goes to all
 *     exchange.c   two databases that meet
 *     origin.c     what we say of ourselves, and whether we are the only one to say so
 *     route.c      when routes are computed, alternates, what the core is offered
 *
 * An event changes the state at once; what follows is done at the end of the turn, in this order: say what is new of us,
 * flood, go on with exchanges, compute routes. A message is read twice: checked whole, then applied, so that a malformed
 * one changes nothing. What a neighbour can make us keep is bounded: junctions that say something by max_origins, links, and
 * with them junctions that are only spoken of, by max_links, LSAs by what these two can fill.
 *
 * An origin to which there is no way is remembered, since a healed partition then has little to tell, and forgotten
 * after twelve minutes. That is the only age there is: an LSA of somebody who can be reached stands until he says
 * another. While he cannot, its age is told along with it; see exchange.c. */
#include "exchange.h"
#include "flood.h"
#include "inspect.h"
#include "origin.h"
#include "route.h"
#include <slow/inspect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SWEEP_NS (60 * LS_SECOND)
/* Of the shortest there are, STAMPs of 16 bytes, and room for what ends a row; more are no message. */
#define RECORDS_MOST (SLOW_ROUTE_MESSAGE_MAX / 16u + 8u)

/* ---- forgetting */

static void sweep(struct ls *ls) {
    bool again = ls->usurped;
    ls->sweep_at = 0;
    for (uint32_t number = LS_SELF + 1; number < ls->graph.node_count; number++) {
        struct ls_node *node = &ls->graph.nodes[number];
        if (node->id == 0 || node->lsas == LS_NONE || node->lost_at == 0)
            continue;
        if (ls_seconds(ls) - node->lost_at < LS_LOST_KEEP_S) {
            again = true;
            continue;
        }
        ls_lsas_drop(&ls->graph, number);
        ls_node_release(&ls->graph, number);
    }
    ls_origin_reclaim(ls);
    if (again)
        ls_plan(&ls->sweep_at, ls_now(ls) + SWEEP_NS);
}

/* ---- turns */

/* What waits for something else has no time of its own: a run for the flooding, the neighbours' trees and the sweep for
 * the run. */
static void timer_set(struct ls *ls) {
    slow_time next = 0;
    slow_time run_at = ls->queue_count > 0 ? 0 : ls->run_at, views_at = ls->run_at != 0 ? 0 : ls->views_at;
    slow_time sweep_at = ls->run_at != 0 ? 0 : ls->sweep_at;
    const slow_time plans[] = {ls->originate_at, ls->flood_at, ls->late_at, run_at, views_at, ls->release_at, sweep_at};
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++)
        if (plans[i] != 0)
            ls_plan(&next, plans[i]);
    if (next != 0)
        ls->host->timer_at(ls->timer, next);
    else
        ls->host->timer_stop(ls->timer);
}

static void turn_end(void *self) {
    struct ls *ls = self;
    ls->turn_pending = false;
    bool routed = ls->run_at == 0 && ls->graph.touched.count == 0 && !ls->graph.touched.all;
    if (ls->sweep_at != 0 && ls->sweep_at <= ls_now(ls) && routed) /* else some may have a way again */
        sweep(ls);
    ls_origin(ls);
    ls_flood(ls);
    ls_exchange(ls);
    ls_route(ls);
    timer_set(ls);
}

static void turn(struct ls *ls) {
    if (ls->turn_pending)
        return;
    ls->turn_pending = ls->host->defer(ls->host, turn_end, ls) == SLOW_OK;
    if (!ls->turn_pending) /* no memory to wait for the end of the turn */
        turn_end(ls);
}

static void lost_exist(struct ls *ls) {
    ls_plan(&ls->sweep_at, ls_now(ls) + SWEEP_NS);
}

/* ---- neighbours */

static void neighbour_up(void *self, const slow_neighbour *from) {
    struct ls *ls = self;
    struct ls_neighbour *neighbour = ls_neighbour_add(ls, from);
    if (neighbour == NULL) {
        ls->host->log(ls->host, SLOW_LOG_ERROR, "no room for another neighbour: no routes will go over it");
        return;
    }
    ls_origin_add(ls, neighbour);
    turn(ls);
}

static void neighbour_down(void *self, slow_link link) {
    struct ls *ls = self;
    struct ls_neighbour *neighbour = ls_neighbour_find(ls, link);
    if (neighbour == NULL)
        return;
    ls_origin_remove(ls, neighbour);
    ls_neighbour_end(ls, neighbour);
    ls_view_end(ls, neighbour->slot);
    ls->review_all = true;
    ls_route_plan(ls, true);
    lost_exist(ls);
    turn(ls);
}

static void neighbour_changed(void *self, const slow_neighbour *now) {
    struct ls *ls = self;
    struct ls_neighbour *neighbour = ls_neighbour_find(ls, now->link);
    if (neighbour == NULL || neighbour->measured == now->cost)
        return;
    ls_origin_cost(ls, neighbour, now->cost);
    turn(ls);
}

/* ---- messages */

/* Would this LSA change anything? */
static bool is_news(const struct ls *ls, uint32_t node, const struct ls_record *record) {
    if (node != LS_SELF || ls->usurped)
        return ls_is_news(&ls->graph, node, record->fragment, record->stamp);
    uint32_t seq = record->fragment < ls->fragment_count ? ls->fragments[record->fragment].seq : 0;
    return ls_stamp_compare(record->stamp, (struct ls_stamp){ls->epoch, seq}) > 0;
}

static bool verify(const struct ls *ls, const struct ls_record *record, uint64_t epoch) {
    uint8_t bytes[LS_STATEMENT_MAX];
    slow_bytes statement = {bytes, ls_statement(bytes, record)};
    slow_id id = {.size = (uint8_t)record->id.size};
    memcpy(id.text, record->id.data, record->id.size);
    return ls->routing->verify(ls->host, &id, epoch, statement, record->proof);
}

static bool is_proven(const struct ls *ls, const struct ls_record *record) {
    return verify(ls, record, record->stamp.epoch);
}

/* ---- what was taken back */

/* Epochs only grow, and who has stolen a key can sign one that the owner's clock reaches tomorrow (the host refuses what is
 * later). When the key is revoked the owner comes back with another key and an epoch of today. So an epoch whose proofs do
 * not hold any more gives way to an older one, whose proofs do. Nothing is thrown away before: as long as no other key
 * speaks for the id, the core bars it, and there is nothing to be had instead. Where the older one came first it was
 * refused as old; then the node was marked, and when keys are revoked the neighbours are to say all again. */
static bool is_void(const struct ls *ls, uint32_t node) {
    uint8_t links[LS_LINKS_MAX];
    uint32_t lsa = ls->graph.nodes[node].lsas;
    while (lsa != LS_NONE && ls->graph.lsas[lsa].hollow) /* its proof was not kept */
        lsa = ls->graph.lsas[lsa].next;
    if (lsa == LS_NONE)
        return false;
    struct ls_record record = ls_lsa_record(&ls->graph, lsa, links);
    return !verify(ls, &record, 0); /* it was in time when it came, whatever the clock is set to since */
}

/* Of an older epoch than what we have, which does not count any more. */
static bool is_heir(struct ls *ls, uint32_t node, const struct ls_record *record) {
    if (node == LS_NONE || node == LS_SELF || ls->graph.nodes[node].lsas == LS_NONE ||
        record->stamp.epoch >= ls->graph.nodes[node].epoch)
        return false;
    ls->graph.nodes[node].flags |= LS_CONTESTED;
    return is_void(ls, node);
}

static void disown(struct ls *ls, uint32_t node) {
    ls->graph.nodes[node].flags &= (uint8_t)~LS_CONTESTED;
    ls_lsas_drop(&ls->graph, node);
}

static void trust_changed(void *self) {
    struct ls *ls = self;
    bool is_any = false;
    for (uint32_t node = LS_SELF + 1; node < ls->graph.node_count; node++) {
        const struct ls_node *of = &ls->graph.nodes[node];
        if (of->id == 0 || (of->flags & LS_CONTESTED) == 0 || of->lsas == LS_NONE || !is_void(ls, node))
            continue;
        disown(ls, node);
        ls_node_release(&ls->graph, node);
        is_any = true;
    }
    for (uint32_t slot = 0; is_any && slot < ls->slot_count; slot++) {
        const struct ls_neighbour *neighbour = ls_neighbour_at(ls, (uint16_t)slot);
        if (neighbour != NULL && SLOW_HAS(ls->routing, say_again))
            ls->routing->say_again(ls->host, neighbour->link);
    }
    if (is_any)
        turn(ls);
}

/* ---- LSAs */

/* All records of a message, which are borrowed from it; 0: it is none, or one of them is wrong. */
static uint32_t records_read(slow_bytes message, struct ls_record records[RECORDS_MOST]) {
    slow_reader in = slow_reader_of(message);
    uint32_t count = 0;
    while (count < RECORDS_MOST && ls_record_read(&in, &records[count]))
        count++;
    return slow_reader_ok(&in) && slow_reader_left(&in) == 0 ? count : 0;
}

static void full_log(struct ls *ls, const struct ls_record *record) {
    if (!ls_may_log(ls, &ls->full_logged_at))
        return;
    char text[224];
    snprintf(text, sizeof text,
             "no room for what %.*s says of its links: %u junctions say something, of %u links; max_origins allows "
             "%lld and "
             "max_links %lld",
             (int)record->id.size, (const char *)record->id.data, ls->graph.origins, ls->graph.edges_live,
             (long long)ls->options.max_origins, (long long)ls->options.max_links);
    ls->host->log(ls->host, SLOW_LOG_WARN, text);
}

/* A node without a way to it is as old as the younger of what we knew and what we are told. */
static void age_set(struct ls *ls, uint32_t number, uint32_t age) {
    struct ls_node *node = &ls->graph.nodes[number];
    uint32_t lost_at = ls_seconds(ls) - age;
    if (number == LS_SELF || ls_reachable(ls, number))
        return;
    if (node->lost_at < lost_at)
        node->lost_at = lost_at;
    lost_exist(ls);
}

static void lsa_heard(struct ls *ls, struct ls_neighbour *from, const struct ls_record *record, uint32_t guess) {
    uint32_t node = ls_node_find_near(&ls->graph, record->id, guess), lsa = LS_NONE;
    bool news = is_news(ls, node, record), heir = !news && is_heir(ls, node, record);
    if (!news && !heir) {
        lsa = node != LS_NONE ? ls_lsa_find(&ls->graph, node, record->fragment) : LS_NONE;
        if (lsa == LS_NONE || ls->graph.nodes[node].epoch != record->stamp.epoch ||
            ls->graph.lsas[lsa].seq != record->stamp.seq)
            return;
        ls_flood_heard(ls, lsa, from->slot);
        ls_exchange_has(ls, from, lsa);
        age_set(ls, node, record->age);
        return;
    }
    /* A neighbour may pass on in good faith what we must refuse: a key may be revoked here first. So it is only this one. */
    if (record->age >= LS_LOST_KEEP_S || !is_proven(ls, record))
        return;
    if (heir)
        disown(ls, node);
    if (node == LS_SELF) {
        if (!ls_origin_shown(ls, record))
            return;
        lost_exist(ls); /* our id: see ls_origin_reclaim() */
    }
    enum ls_verdict verdict = ls_lsa_install(&ls->graph, record, &lsa);
    if (verdict == LS_NEWS) {
        age_set(ls, ls->graph.lsas[lsa].node, record->age);
        ls_flood_add(ls, lsa, from->slot);
    } else if (verdict != LS_OLD) {
        full_log(ls, record);
    }
}

static slow_status message(void *self, slow_link link, slow_bytes bytes) {
    struct ls *ls = self;
    struct ls_neighbour *from = ls_neighbour_find(ls, link);
    if (from == NULL)
        return SLOW_E_CLOSED;
    struct ls_record records[RECORDS_MOST];
    uint32_t count = records_read(bytes, records), guesses[LS_EXPECTED];
    uint32_t expected = ls_nodes_expect(&ls->graph, records, count, guesses);
    for (uint32_t i = 0; i < expected; i++)
        if (guesses[i] < ls->own.capacity)
            __builtin_prefetch(&ls->own.at[guesses[i]]);
    if (count == 0)
        return SLOW_E_MALFORMED;
    for (uint32_t i = 0; i < count; i++)
        if (records[i].kind == LS_LSA)
            lsa_heard(ls, from, &records[i], i < expected ? guesses[i] : LS_NONE);
        else
            ls_exchange_heard(ls, from, &records[i]);
    turn(ls);
    return SLOW_OK;
}

/* ---- life */

static void destroy(void *self) {
    struct ls *ls = self;
    for (uint32_t slot = 0; slot < ls->slot_count; slot++)
        if (ls->neighbours[slot] != NULL)
            ls_neighbour_free(ls, ls->neighbours[slot]);
    for (uint32_t i = 0; i < LS_ALTERNATES; i++)
        ls_tree_free(&ls->views[i].tree);
    ls_tree_free(&ls->own);
    ls_graph_free(&ls->graph);
    ls->host->timer_free(ls->timer);
    free(ls->neighbours);
    free(ls->links);
    free(ls->fragments);
    free(ls->queue);
    free(ls->skips);
    free(ls);
}

static uint32_t adjacency(const void *arg, uint32_t node) {
    const struct ls *ls = arg;
    const struct ls_neighbour *neighbour = ls_neighbour_at(ls, ls->graph.nodes[node].slot);
    uint32_t cost = neighbour != NULL ? neighbour->cost : 0;
    return cost != 0 && neighbour->leaf ? cost + LS_LAST : cost;
}

static bool begin(struct ls *ls) {
    slow_bytes self = ls_id_bytes(ls->routing->self(ls->host));
    for (uint32_t i = 0; i < LS_ALTERNATES; i++)
        ls->views[i].tree.root = LS_NONE;
    ls->host->entropy(ls->host, ls->graph.hash_key, sizeof ls->graph.hash_key);
    ls->timer = ls->host->timer_new(ls->host, turn_end, ls);
    ls->floods.left = ls->runs.left = INT32_MAX; /* cut to what there is at most */
    ls->graph.one_sided = ls->options.break_rule == LS_BREAK_ONE_SIDED;
    ls->graph.take_stale = ls->options.break_rule == LS_BREAK_TAKE_STALE;
    if (ls->timer == NULL ||
        !ls_graph_init(&ls->graph, self, (uint32_t)ls->options.max_origins + 1, (uint32_t)ls->options.max_links) ||
        !ls_tree_init(&ls->own, &ls->graph, LS_SELF, true))
        return false;
    ls->own.adjacency = adjacency;
    ls->own.arg = ls;
    ls->own.skip_decrease = ls->options.break_rule == LS_BREAK_SKIP_DECREASE;
    return true;
}

static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    const slow_routing_host *routing = host->service(host, SLOW_ROUTING_HOST_ID);
    struct ls *ls = calloc(1, sizeof *ls);
    if (routing == NULL || ls == NULL) {
        free(ls);
        *error = (slow_error){.code = routing == NULL ? SLOW_E_UNSUPPORTED : SLOW_E_NOMEM};
        snprintf(error->text, sizeof error->text,
                 routing == NULL ? "this host has no " SLOW_ROUTING_HOST_ID " for a routing strategy" : "no memory");
        return error->code;
    }
    ls->host = host;
    ls->routing = routing;
    ls->options = *(const struct ls_options *)config;
    if (!begin(ls)) {
        destroy(ls);
        *error = (slow_error){.code = SLOW_E_NOMEM, .text = "no memory for the database of links"};
        return SLOW_E_NOMEM;
    }
    *self = ls;
    return SLOW_OK;
}

static slow_status start(void *self, slow_error *error) {
    struct ls *ls = self;
    (void)error;
    ls->epoch = ls->routing->epoch(ls->host);
    if (ls->options.break_rule != LS_BREAK_NONE)
        ls->host->log(ls->host, SLOW_LOG_WARN, "break_rule is set: this junction routes wrongly on purpose");
    return SLOW_OK;
}

/* Takes back all that we ever said, so that the others route round us while we still forward. */
static void leave(void *self) {
    struct ls *ls = self;
    ls_origin_leave(ls);
    turn(ls);
}

/* ---- inspection */

static size_t inspect_memory(const void *self) {
    const struct ls *ls = self;
    size_t size = sizeof *ls + ls_graph_memory(&ls->graph) + ls_tree_memory(&ls->own) +
                  ls->slot_count * (sizeof *ls->neighbours + sizeof *ls->links) +
                  ls->fragment_capacity * sizeof *ls->fragments + ls->queue_capacity * sizeof *ls->queue +
                  ls->skip_capacity * sizeof *ls->skips;
    for (uint32_t i = 0; i < LS_ALTERNATES; i++)
        size += ls->views[i].tree.root != LS_NONE ? ls_tree_memory(&ls->views[i].tree) : 0;
    for (uint32_t slot = 0; slot < ls->slot_count; slot++) {
        const struct ls_neighbour *neighbour = ls->neighbours[slot];
        if (neighbour != NULL)
            size += sizeof *neighbour + (neighbour->has != NULL ? neighbour->has_count / 8 + 1 : 0);
    }
    return size;
}

static size_t inspect_destinations(const void *self) {
    const struct ls *ls = self;
    return ls->graph.live;
}

static size_t inspect_pending(const void *self) {
    const struct ls *ls = self;
    size_t pending = ls->queue_count + (ls->originate_at != 0) + (ls->late_at != 0) + (ls->run_at != 0) +
                     (ls->views_at != 0) + (ls->release_at != 0);
    for (uint32_t slot = 0; slot < ls->slot_count; slot++) {
        const struct ls_neighbour *neighbour = ls_neighbour_at(ls, (uint16_t)slot);
        pending += neighbour != NULL && neighbour->phase != LS_DONE;
    }
    return pending;
}

static uint64_t inspect_entries(const void *self) {
    const struct ls *ls = self;
    return ls->entries;
}

static uint64_t inspect_requests(const void *self) {
    (void)self;
    return 0;
}

static const slow_routing_inspect routing_inspection = {
    .struct_size = sizeof routing_inspection,
    .memory = inspect_memory,
    .destinations = inspect_destinations,
    .pending = inspect_pending,
    .entries = inspect_entries,
    .requests = inspect_requests,
    .promises = SLOW_PROMISE_LEAST_COST,
};

/* FNV-1a, 64 bits: the same in every junction, which the keyed hash of the table is not. */
static uint64_t fnv(uint64_t hash, const void *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t inspect_digest(const void *self) {
    const struct ls *ls = self;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < ls->graph.lsa_count; i++) {
        const struct ls_lsa *lsa = &ls->graph.lsas[i];
        uint8_t bytes[1 + SLOW_ID_MAX + 1 + 8 + 4];
        slow_writer out = slow_writer_of(bytes, sizeof bytes);
        if (lsa->node == LS_NONE || !ls_reachable(ls, lsa->node))
            continue;
        slow_bytes id = ls_node_id(&ls->graph, lsa->node);
        slow_write_short(&out, id.data, id.size);
        slow_write_u8(&out, lsa->fragment);
        slow_write_u64(&out, ls->graph.nodes[lsa->node].epoch);
        slow_write_u32(&out, lsa->seq);
        sum += fnv(UINT64_C(0xcbf29ce484222325), bytes, slow_writer_size(&out));
    }
    return sum;
}

static bool inspect_selected(const void *self, const slow_id *dst, slow_link *via, uint32_t *metric) {
    const struct ls *ls = self;
    slow_route routes[1 + LS_ALTERNATES];
    uint32_t node = ls_node_find(&ls->graph, ls_id_bytes(dst));
    if (node == LS_NONE || node == LS_SELF || ls_candidates(ls, node, routes) == 0)
        return false;
    *via = routes[0].via;
    *metric = routes[0].metric;
    return true;
}

static size_t inspect_origins(const void *self) {
    const struct ls *ls = self;
    size_t origins = 0;
    for (uint32_t node = 0; node < ls->graph.node_count; node++)
        origins += ls->graph.nodes[node].id != 0 && ls->graph.nodes[node].lsas != LS_NONE;
    return origins;
}

static size_t inspect_links(const void *self) {
    const struct ls *ls = self;
    return ls->graph.edges_live;
}

static uint64_t inspect_runs(const void *self) {
    const struct ls *ls = self;
    return ls->run_count;
}

static const ls_inspect inspection = {
    .struct_size = sizeof inspection,
    .digest = inspect_digest,
    .selected = inspect_selected,
    .origins = inspect_origins,
    .links = inspect_links,
    .runs = inspect_runs,
};

static const void *extension(void *self, const char *id) {
    (void)self;
    if (strcmp(id, SLOW_ROUTING_INSPECT_ID) == 0)
        return &routing_inspection;
    return strcmp(id, LS_INSPECT_ID) == 0 ? &inspection : NULL;
}

/* ---- the plugin */

static const char *const rules[] = {"none",          "one-sided-links", "stale-lsa",    "skip-decrease",
                                    "no-inequality", "no-exchange",     "no-take-over", NULL};

static const slow_option options[] = {
    {
        .key = "max_origins",
        .type = SLOW_OPT_INT,
        .offset = offsetof(struct ls_options, max_origins),
        .default_text = "65536",
        .min = 1,
        .max = 1 << 20,
        .help = "most junctions to hear of themselves; what further ones say is ignored, with a line in the log",
    },
    {
        .key = "max_links",
        .type = SLOW_OPT_INT,
        .offset = offsetof(struct ls_options, max_links),
        .default_text = "1048576",
        .min = 1,
        .max = 1 << 24,
        .help = "most links to know, each counted once for either end (8 bytes each); what brings more is ignored",
    },
    {
        .key = "break_rule",
        .type = SLOW_OPT_ENUM,
        .offset = offsetof(struct ls_options, break_rule),
        .default_text = "none",
        .choices = rules,
        .help = "for tests of the checks only: breaks one rule of the protocol, and makes routes wrong",
    },
    {.key = NULL},
};

static const slow_routing_ops ops = {
    .struct_size = sizeof ops,
    .protocol = "link-state/1",
    .neighbour_up = neighbour_up,
    .neighbour_changed = neighbour_changed,
    .neighbour_down = neighbour_down,
    .message = message,
    .trust_changed = trust_changed,
};

static const slow_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = SLOW_ROUTING,
    .id = "routing-link-state",
    .version = "1.0.0",
    .summary = "Shortest paths over a map of all links, with alternates; heals in one flooding",
    .license = "MIT",
    .options = options,
    .config_size = sizeof(struct ls_options),
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

SLOW_MODULE(routing_link_state, &module)
