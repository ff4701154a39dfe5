/* What only looks: status, neighbours, routes, plugins. Each answer is written straight from the junction's own
 * structures, inside one turn of the loop, so it shows one instant. */
#include "admin_parts.h"
#include "module.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { ROUTES_PER_ANSWER = 4096 };

/* ---- writing ---- */

void sl_admin_put_id(sl_json_writer *w, const char *key, const slow_id *id) {
    sl_json_key(w, key);
    if (id->size == 0)
        sl_json_put_string(w, NULL);
    else
        sl_json_put_text(w, id->text, id->size);
}

void sl_admin_put_text(sl_json_writer *w, const char *key, const char *text) {
    sl_json_key(w, key);
    sl_json_put_string(w, text);
}

void sl_admin_put_number(sl_json_writer *w, const char *key, uint64_t number) {
    sl_json_key(w, key);
    sl_json_put_unsigned(w, number);
}

void sl_admin_put_bool(sl_json_writer *w, const char *key, bool value) {
    sl_json_key(w, key);
    sl_json_put_bool(w, value);
}

void sl_admin_put_ms(sl_json_writer *w, const char *key, uint64_t ns) {
    char text[32];
    int size = snprintf(text, sizeof text, "%" PRIu64 ".%03" PRIu64, ns / SL_MS, ns % SL_MS / 1000);
    sl_json_key(w, key);
    sl_json_put_raw(w, text, (size_t)size);
}

static void begin_list(sl_json_writer *w, const char *key) {
    sl_json_key(w, key);
    sl_json_begin(w, '[');
}

static void begin_object(sl_json_writer *w, const char *key) {
    sl_json_key(w, key);
    sl_json_begin(w, '{');
}

/* ---- status ---- */

static void put_listeners(sl_json_writer *w, const sl_links *links) {
    begin_list(w, "listeners");
    for (uint32_t i = 0; i < links->listener_count; i++) {
        sl_json_begin(w, '{');
        sl_admin_put_text(w, "address", links->listeners[i].bound);
        sl_admin_put_text(w, "transport", sl_instance_plugin(links->listeners[i].port->instance)->id);
        sl_json_end(w, '}');
    }
    sl_json_end(w, ']');
}

/* Who is at the other end: known by the join itself only where the other end dialled. */
static const slow_id *join_peer(const sl_links *links, const sl_join *join) {
    for (uint32_t i = 0; join->state == SL_JOIN_LINKED && i < links->neighbours.count; i++) {
        const sl_neighbour *n = links->neighbours.sorted[i];
        for (uint32_t k = 0; k < n->link_count; k++)
            if (n->links[k]->dial == join->dial)
                return &n->id;
    }
    return &join->peer;
}

static void put_joins(sl_json_writer *w, const sl_links *links) {
    static const char *const states[] = {
        [SL_JOIN_WAITING] = "waiting",     /* between two attempts */
        [SL_JOIN_DIALLING] = "dialling",   /* an attempt is under way */
        [SL_JOIN_LINKED] = "linked",       /* by a link of its own */
        [SL_JOIN_SATISFIED] = "satisfied", /* by a link that the other end dialled */
    };
    begin_list(w, "joins");
    for (const sl_join *join = links->joins.first; join != NULL; join = join->next) {
        sl_json_begin(w, '{');
        sl_admin_put_text(w, "address", join->address);
        sl_admin_put_text(w, "state", states[join->state]);
        sl_admin_put_id(w, "peer", join_peer(links, join));
        sl_admin_put_number(w, "tries", join->tries);
        sl_admin_put_text(w, "last_error", join->last_error[0] != '\0' ? join->last_error : NULL);
        sl_json_end(w, '}');
    }
    sl_json_end(w, ']');
}

static void put_counters(sl_json_writer *w, const sl_stats *stats) {
    begin_object(w, "counters");
    for (enum sl_counter i = 0; i < SL_COUNTER_COUNT; i++)
        sl_admin_put_number(w, sl_counter_name(i), stats->count[i]);
    sl_json_end(w, '}');
}

/* A thread's voluntary switches are the times it went to sleep: of a loop's thread, its wake-ups. */
static void put_process(sl_json_writer *w, const sl_junction *j) {
    struct rusage thread = {.ru_nvcsw = 0}, process = {.ru_maxrss = 0};
    getrusage(RUSAGE_THREAD, &thread);
    getrusage(RUSAGE_SELF, &process);
    sl_admin_put_number(w, "wakeups", (uint64_t)thread.ru_nvcsw);
    begin_object(w, "memory");
    sl_admin_put_number(w, "packet_bytes", sl_pool_bytes(j->pool));
    sl_admin_put_number(w, "peak_rss_kib", (uint64_t)process.ru_maxrss);
    sl_json_end(w, '}');
}

static uint64_t live_neighbours(const sl_neighbours *neighbours) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < neighbours->count; i++)
        count += neighbours->sorted[i]->adjacency != 0;
    return count;
}

static uint64_t live_routes(const sl_route_table *table) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < table->count; i++)
        count += table->entries[i].next_hop != NULL;
    return count;
}

void sl_admin_status(void *arg, sl_http_request *request) {
    const sl_admin *admin = arg;
    const sl_junction *j = admin->junction;
    sl_json_writer w = {0};
    sl_json_begin(&w, '{');
    sl_admin_put_id(&w, "id", sl_junction_id(j));
    sl_admin_put_text(&w, "network", j->config->network);
    sl_admin_put_text(&w, "version", SL_VERSION);
    sl_admin_put_number(&w, "uptime_ms", (sl_now(j->loop) - j->began_at) / SL_MS);
    sl_admin_put_number(&w, "neighbours", live_neighbours(&j->links.neighbours));
    sl_admin_put_number(&w, "routes", live_routes(&j->forward->table));
    put_listeners(&w, &j->links);
    put_joins(&w, &j->links);
    sl_admin_put_peers(&w, j);
    begin_object(&w, "inbox");
    sl_admin_put_number(&w, "messages", sl_inbox_count(admin->inbox));
    sl_json_end(&w, '}');
    begin_object(&w, "queue"); /* best effort on its way out: it waits for a route, or for room on a link */
    sl_admin_put_number(&w, "messages", j->delivery.count);
    sl_admin_put_number(&w, "bytes", j->delivery.queued);
    sl_json_end(&w, '}');
    sl_admin_put_number(&w, "duplicates", sl_junction_duplicates(j));
    put_process(&w, j);
    put_counters(&w, &j->stats);
    sl_json_end(&w, '}');
    sl_http_answer(request, &w);
}

/* ---- neighbours ---- */

static void put_link(sl_json_writer *w, const sl_link *link, bool best, slow_time now) {
    static const char *const modes[] = {[SL_LINK_IDLE] = "idle", [SL_LINK_WARM] = "warm", [SL_LINK_HOT] = "hot"};
    sl_json_begin(w, '{');
    sl_admin_put_text(w, "local", link->local);
    sl_admin_put_text(w, "remote", link->remote);
    sl_admin_put_bool(w, "in_use", best);
    sl_admin_put_bool(w, "dialled", link->dial != 0);
    sl_admin_put_bool(w, "retiring", link->retire_at != 0);
    sl_admin_put_text(w, "codec", sl_link_codec(link)->ops->name);
    sl_admin_put_number(w, "cost", link->live.told_cost);
    if (link->live.srtt_ns != 0)
        sl_admin_put_ms(w, "rtt_ms", link->live.srtt_ns);
    else
        sl_admin_put_text(w, "rtt_ms", NULL);
    sl_admin_put_number(w, "loss_ppm", link->live.loss_ppm);
    sl_admin_put_text(w, "mode", modes[link->live.mode]);
    sl_admin_put_number(w, "mtu", link->mtu);
    sl_admin_put_number(w, "uptime_ms", (now - link->opened_at) / SL_MS);
    sl_admin_put_number(w, "bytes_in", link->bytes_in);
    sl_admin_put_number(w, "bytes_out", link->bytes_out);
    sl_admin_put_number(w, "queued_bytes", link->out.bytes);
    sl_json_end(w, '}');
}

/* Who it proved to be: the same on each of its links. Null, and no roles, where nobody has to prove anything. */
static void put_member(sl_json_writer *w, const sl_link *link) {
    char key[SL_KEY_TEXT];
    const sl_member *member = &link->member;
    bool proved = member->roles != 0;
    sl_key_text(&member->key, key);
    sl_admin_put_text(w, "key", proved ? key : NULL);
    begin_list(w, "roles");
    for (uint8_t bit = 1; bit != 0; bit = (uint8_t)(bit << 1))
        if ((member->roles & bit) && sl_role_name(bit) != NULL)
            sl_json_put_string(w, sl_role_name(bit));
    sl_json_end(w, ']');
    if (member->until != 0)
        sl_admin_put_number(w, "until", member->until);
}

/* What is known of our own packages that went through it to others. */
static void put_transit(sl_json_writer *w, const sl_neighbour *n, slow_time now) {
    begin_object(w, "transit");
    sl_admin_put_number(w, "passed_on", n->doubt.passed_on);
    sl_admin_put_number(w, "not_passed_on", n->doubt.not_passed_on);
    sl_admin_put_number(w, "suspected_to", n->doubt.convictions);
    if (n->doubt.convictions > 0)
        sl_admin_put_number(w, "suspected_ms", (now - n->doubt.convicted_at) / SL_MS);
    else
        sl_admin_put_text(w, "suspected_ms", NULL);
    sl_admin_put_bool(w, "shunned", n->doubt.shunned);
    sl_json_end(w, '}');
}

static void put_neighbour(sl_json_writer *w, const sl_neighbour *n, const char *security, slow_time now) {
    sl_json_begin(w, '{');
    sl_admin_put_id(w, "id", &n->id);
    sl_admin_put_number(w, "cost", n->cost);
    sl_admin_put_number(w, "uptime_ms", (now - n->up_at) / SL_MS);
    sl_admin_put_number(w, "flaps", n->flaps);
    sl_admin_put_number(w, "routes", n->uses);
    sl_admin_put_text(w, "security", security);
    put_member(w, n->best);
    put_transit(w, n, now);
    begin_list(w, "protocols");
    for (unsigned i = 0; i < n->all->places; i++)
        if (n->talks[i].open)
            sl_json_put_string(w, n->all->names[i]);
    sl_json_end(w, ']');
    begin_list(w, "links");
    for (uint32_t i = 0; i < n->link_count; i++)
        put_link(w, n->links[i], n->links[i] == n->best, now);
    sl_json_end(w, ']');
    sl_json_end(w, '}');
}

void sl_admin_neighbours(void *arg, sl_http_request *request) {
    const sl_junction *j = ((sl_admin *)arg)->junction;
    const sl_neighbours *neighbours = &j->links.neighbours;
    sl_json_writer w = {0};
    sl_json_begin(&w, '{');
    begin_list(&w, "neighbours");
    for (uint32_t i = 0; i < neighbours->count; i++)
        if (neighbours->sorted[i]->adjacency != 0)
            put_neighbour(&w, neighbours->sorted[i], sl_instance_plugin(j->security)->id, sl_now(j->loop));
    sl_json_end(&w, ']');
    sl_json_end(&w, '}');
    sl_http_answer(request, &w);
}

/* ---- routes ---- */

static void put_candidate(sl_json_writer *w, const sl_junction *j, const sl_route *route, uint8_t i) {
    const sl_candidate *c = &route->candidates[i];
    const sl_neighbour *via = sl_neighbour_get(&j->links.neighbours, c->via);
    sl_json_begin(w, '{');
    sl_admin_put_id(w, "via", via != NULL ? &via->id : &(slow_id){.size = 0});
    sl_admin_put_number(w, "metric", c->metric);
    sl_admin_put_text(w, "strategy", sl_junction_strategy_name(j, c->strategy));
    sl_json_key(w, "preference");
    sl_json_put_integer(w, c->preference);
    sl_admin_put_bool(w, "in_use", route->next_hop != NULL && route->chosen == i);
    sl_json_end(w, '}');
}

static void put_route(sl_json_writer *w, const sl_junction *j, const sl_route *route) {
    const sl_candidate *chosen = &route->candidates[route->chosen];
    slow_id id = sl_route_id(route);
    sl_json_begin(w, '{');
    sl_admin_put_id(w, "id", &id);
    sl_admin_put_id(w, "next_hop", &route->next_hop->id);
    sl_admin_put_number(w, "metric", chosen->metric);
    sl_admin_put_text(w, "strategy", sl_junction_strategy_name(j, chosen->strategy));
    begin_list(w, "candidates");
    for (uint8_t i = 0; i < route->count; i++)
        put_candidate(w, j, route, i);
    sl_json_end(w, ']');
    sl_json_end(w, '}');
}

static int route_compare(const void *a, const void *b) {
    return sl_route_compare(*(const sl_route *const *)a, *(const sl_route *const *)b);
}

static bool is_behind(const sl_route *route, const slow_id *after) {
    slow_id id = sl_route_id(route);
    return sl_id_compare(&id, after) > 0;
}

/* The usable routes behind `after`, by id; NULL = no memory. */
static const sl_route **routes_sorted(const sl_route_table *table, const slow_id *after, size_t *count) {
    const sl_route **sorted = malloc((table->count + 1) * sizeof *sorted);
    *count = 0;
    for (uint32_t i = 0; sorted != NULL && i < table->count; i++)
        if (table->entries[i].next_hop != NULL && (after->size == 0 || is_behind(&table->entries[i], after)))
            sorted[(*count)++] = &table->entries[i];
    if (sorted != NULL)
        qsort(sorted, *count, sizeof *sorted, route_compare);
    return sorted;
}

static const sl_route *route_to(const sl_route_table *table, const slow_id *id) {
    const uint8_t *text = (const uint8_t *)id->text;
    const sl_route *route = sl_route_table_find(table, sl_route_table_hash(table, text, id->size), text, id->size);
    return route != NULL && route->next_hop != NULL ? route : NULL;
}

/* An id from the query; its size stays 0 where the parameter is not there. */
static slow_status id_parameter(const sl_http_request *request, const char *key, slow_id *id, slow_error *error) {
    const char *text = sl_http_parameter(request, key);
    *id = (slow_id){.size = 0};
    return text == NULL ? SLOW_OK : sl_id_parse(text, strlen(text), id, error);
}

void sl_admin_routes(void *arg, sl_http_request *request) {
    static const char *const parameters[] = {"id", "after", NULL};
    const sl_junction *j = ((sl_admin *)arg)->junction;
    const sl_route_table *table = &j->forward->table;
    const sl_route *one = NULL, **all = NULL;
    size_t count = 1;
    slow_id id, after;
    slow_error error;
    sl_json_writer w = {0};
    if (sl_http_check_parameters(request, parameters, &error) != SLOW_OK ||
        id_parameter(request, "id", &id, &error) != SLOW_OK ||
        id_parameter(request, "after", &after, &error) != SLOW_OK)
        goto refuse;
    if (id.size > 0)
        one = route_to(table, &id);
    else
        all = routes_sorted(table, &after, &count);
    if (one == NULL && all == NULL) {
        if (id.size > 0)
            sl_error(&error, SLOW_E_NOROUTE, NULL, "there is no route to %.*s", SL_ID_ARG(&id));
        else
            sl_error(&error, SLOW_E_NOMEM, NULL, "no memory for the answer");
        goto refuse;
    }
    sl_json_begin(&w, '{');
    begin_list(&w, "routes");
    for (size_t i = 0; i < count && i < ROUTES_PER_ANSWER; i++)
        put_route(&w, j, all != NULL ? all[i] : one);
    sl_json_end(&w, ']');
    sl_admin_put_bool(&w, "more", count > ROUTES_PER_ANSWER);
    sl_json_end(&w, '}');
    free(all);
    sl_http_answer(request, &w);
    return;
refuse:
    sl_http_refuse(request, &error);
}

/* ---- plugins ---- */

/* One instance; the caller ends the object, and may add to it before. */
static void begin_plugin(sl_json_writer *w, const sl_instance *instance) {
    const slow_plugin *plugin = sl_instance_plugin(instance);
    sl_json_begin(w, '{');
    sl_admin_put_text(w, "id", plugin->id);
    sl_admin_put_text(w, "kind", sl_kind_name(plugin->kind));
    sl_admin_put_text(w, "version", plugin->version);
    sl_admin_put_text(w, "summary", plugin->summary);
}

void sl_admin_plugins(void *arg, sl_http_request *request) {
    const sl_junction *j = ((sl_admin *)arg)->junction;
    sl_json_writer w = {0};
    sl_json_begin(&w, '{');
    begin_list(&w, "plugins");
    for (uint32_t i = 0; i < j->links.port_count; i++) {
        begin_plugin(&w, j->links.ports[i]->instance);
        sl_admin_put_text(&w, "scheme", j->links.ports[i]->ops->scheme);
        sl_json_end(&w, '}');
    }
    for (uint32_t i = 0; i < j->routing.count; i++) {
        begin_plugin(&w, j->routing.strategies[i].instance);
        sl_admin_put_text(&w, "protocol", j->routing.strategies[i].ops->protocol);
        sl_json_key(&w, "preference");
        sl_json_put_integer(&w, j->routing.strategies[i].preference);
        sl_json_end(&w, '}');
    }
    for (size_t i = 0; i < j->config->codec_count; i++) {
        begin_plugin(&w, j->codec_instances[i]);
        sl_admin_put_text(&w, "name", j->codecs[i].ops->name);
        sl_json_end(&w, '}');
    }
    begin_plugin(&w, j->security);
    sl_json_end(&w, '}');
    sl_json_end(&w, ']');
    sl_json_end(&w, '}');
    sl_http_answer(request, &w);
}
