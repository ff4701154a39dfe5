/* The strategies of a junction: which run, and adding, preferring and removing them while packages pass. */
#include "admin_parts.h"
#include "option.h"
#include <slow/inspect.h>

/* ---- looking ---- */

/* Of how many destinations it has candidates, and for how many of them one of its candidates is in use. */
static void count_routes(const sl_route_table *table, uint32_t strategy, uint64_t *offered, uint64_t *in_use) {
    *offered = *in_use = 0;
    for (uint32_t i = 0; i < table->count; i++) {
        const sl_route *route = &table->entries[i];
        bool has = false;
        for (uint8_t k = 0; k < route->count; k++)
            has |= route->candidates[k].strategy == strategy;
        *offered += has;
        *in_use += route->next_hop != NULL && route->candidates[route->chosen].strategy == strategy;
    }
}

static void put_speakers(sl_json_writer *w, const sl_neighbours *neighbours, const sl_strategy *strategy) {
    sl_json_key(w, "neighbours");
    sl_json_begin(w, '[');
    for (uint32_t i = 0; i < neighbours->count; i++) {
        const sl_neighbour *n = neighbours->sorted[i];
        if (sl_routing_sees(strategy, n))
            sl_json_put_text(w, n->id.text, n->id.size);
    }
    sl_json_end(w, ']');
}

static void put_size(sl_json_writer *w, const char *key, size_t (*size)(const void *), const void *self) {
    if (size != NULL)
        sl_admin_put_number(w, key, size(self));
    else
        sl_admin_put_text(w, key, NULL);
}

/* What the plugin tells of itself; null where it does not. */
static void put_inspection(sl_json_writer *w, const sl_strategy *strategy) {
    const slow_plugin *plugin = sl_instance_plugin(strategy->instance);
    const slow_routing_inspect *inspect = NULL;
    if (SLOW_HAS(plugin, extension))
        inspect = plugin->extension(strategy->self, SLOW_ROUTING_INSPECT_ID);
    put_size(w, "known", inspect != NULL && SLOW_HAS(inspect, destinations) ? inspect->destinations : NULL,
             strategy->self);
    put_size(w, "pending", inspect != NULL && SLOW_HAS(inspect, pending) ? inspect->pending : NULL, strategy->self);
    put_size(w, "memory_bytes", inspect != NULL && SLOW_HAS(inspect, memory) ? inspect->memory : NULL, strategy->self);
}

static void put_strategy(sl_json_writer *w, const sl_junction *j, const sl_strategy *strategy) {
    uint64_t offered, in_use;
    count_routes(&j->forward->table, strategy->number, &offered, &in_use);
    sl_json_begin(w, '{');
    sl_admin_put_text(w, "plugin", sl_instance_plugin(strategy->instance)->id);
    sl_admin_put_text(w, "protocol", strategy->ops->protocol);
    sl_admin_put_number(w, "preference", (uint64_t)strategy->preference);
    sl_admin_put_bool(w, "chooses", SLOW_HAS(strategy->ops, choose));
    sl_admin_put_number(w, "destinations", offered);
    sl_admin_put_number(w, "in_use", in_use);
    put_speakers(w, &j->links.neighbours, strategy);
    put_inspection(w, strategy);
    sl_json_end(w, '}');
}

void sl_admin_routing(void *arg, sl_http_request *request) {
    const sl_junction *j = ((sl_admin *)arg)->junction;
    sl_json_writer w = {0};
    sl_json_begin(&w, '{');
    sl_json_key(&w, "routing");
    sl_json_begin(&w, '[');
    for (uint32_t i = 0; i < j->routing.count; i++)
        if (!j->routing.strategies[i].leaving)
            put_strategy(&w, j, &j->routing.strategies[i]);
    sl_json_end(&w, ']');
    sl_json_end(&w, '}');
    sl_http_answer(request, &w);
}

/* ---- changing ---- */

/* The strategies as they are after it. */
static void answer(sl_admin *admin, sl_http_request *request, slow_status status, const slow_error *error) {
    if (status == SLOW_OK)
        sl_admin_routing(admin, request);
    else
        sl_http_refuse(request, error);
}

void sl_admin_routing_add(void *arg, sl_http_request *request) {
    sl_admin *admin = arg;
    slow_error error;
    slow_status status = sl_junction_routing_add(admin->junction, sl_http_body(request), &error);
    answer(admin, request, status, &error);
}

typedef struct change {
    char *plugin;
    int64_t preference;
} change;

#define PLUGIN                                                                                                    \
    {                                                                                                             \
        .key = "plugin", .type = SLOW_OPT_STRING, .flags = SLOW_OPT_REQUIRED, .offset = offsetof(change, plugin), \
        .min = 1                                                                                                  \
    }

static const slow_option prefer_options[] = {
    PLUGIN,
    {.key = "preference",
     .type = SLOW_OPT_INT,
     .flags = SLOW_OPT_REQUIRED,
     .offset = offsetof(change, preference),
     .min = 0,
     .max = SL_PREFERENCE_MAX},
    {.key = NULL},
};

static const slow_option remove_options[] = {PLUGIN, {.key = NULL}};

void sl_admin_routing_prefer(void *arg, sl_http_request *request) {
    sl_admin *admin = arg;
    change what = {.plugin = NULL};
    slow_error error;
    slow_status status = sl_admin_read_body(request, prefer_options, &what, sizeof what, &error);
    if (status == SLOW_OK)
        status = sl_junction_routing_prefer(admin->junction, what.plugin, what.preference, &error);
    answer(admin, request, status, &error);
    sl_option_clear(prefer_options, &what);
}

void sl_admin_routing_remove(void *arg, sl_http_request *request) {
    sl_admin *admin = arg;
    change what = {.plugin = NULL};
    slow_error error;
    slow_status status = sl_admin_read_body(request, remove_options, &what, sizeof what, &error);
    if (status == SLOW_OK)
        status = sl_junction_routing_remove(admin->junction, what.plugin, &error);
    answer(admin, request, status, &error);
    sl_option_clear(remove_options, &what);
}
