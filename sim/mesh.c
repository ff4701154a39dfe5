#include "mesh.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making ---- */

sim_mesh *sim_mesh_new(uint64_t seed, uint32_t places) {
    sim_mesh *mesh = calloc(1, sizeof *mesh);
    if (mesh == NULL)
        return NULL;
    mesh->seed = seed;
    mesh->count = places;
    mesh->world = sl_world_new(seed);
    mesh->network = mesh->world == NULL ? NULL : sim_network_new(mesh->world, places);
    mesh->nodes = calloc(places, sizeof *mesh->nodes);
    if (mesh->network == NULL || mesh->nodes == NULL)
        abort();
    for (uint32_t i = 0; i < places; i++)
        mesh->nodes[i] = (sim_node){.mesh = mesh, .place = i};
    snprintf(mesh->routing, sizeof mesh->routing, "[\"routing-distance-vector\"]");
    snprintf(mesh->codecs, sizeof mesh->codecs, "[\"codec-protobuf\", \"codec-json\"]");
    snprintf(mesh->built_plugins, sizeof mesh->built_plugins, "[\"%s/lib/slow/1\"]",
             getenv("SLOW_BUILD") != NULL ? getenv("SLOW_BUILD") : "build/dev");
    mesh->hop_limit = 255;
    mesh->verbose = getenv("SIM_VERBOSE") != NULL;
    mesh->secure = getenv("SIM_SECURE") != NULL;
    mesh->end_to_end = true;
    return mesh;
}

void sim_mesh_free(sim_mesh *mesh) {
    if (mesh == NULL)
        return;
    for (uint32_t i = 0; i < mesh->count; i++)
        sim_mesh_kill(mesh, i);
    sl_world_free(mesh->world);
    sim_network_free(mesh->network);
    free(mesh->nodes);
    free(mesh);
}

void sim_mesh_ring(sim_mesh *mesh, slow_time latency_ns) {
    for (uint32_t i = 0; i < mesh->count; i++)
        sim_network_cable(mesh->network, i, (i + 1) % mesh->count, latency_ns);
}

void sim_mesh_grid(sim_mesh *mesh, uint32_t width, slow_time latency_ns) {
    for (uint32_t i = 0; i < mesh->count; i++) {
        if (i % width + 1 < width && i + 1 < mesh->count)
            sim_network_cable(mesh->network, i, i + 1, latency_ns);
        if (i + width < mesh->count)
            sim_network_cable(mesh->network, i, i + width, latency_ns);
    }
}

/* A random tree, and random cables on top; latencies of 1 to 20 ms in steps of 0.1 ms. */
void sim_mesh_random(sim_mesh *mesh, uint32_t degree) {
    sl_world *world = mesh->world;
    for (uint32_t i = 1; i < mesh->count; i++) {
        uint32_t other = (uint32_t)(sl_world_random(world) % i); /* in an order of its own: arguments have none */
        sim_network_cable(mesh->network, other, i, (10 + sl_world_random(world) % 190) * 100000);
    }
    uint32_t wanted = mesh->count * degree / 2, tries = wanted * 20;
    while (sim_network_cables(mesh->network) < wanted && tries-- > 0) {
        uint32_t a = (uint32_t)(sl_world_random(world) % mesh->count),
                 b = (uint32_t)(sl_world_random(world) % mesh->count);
        slow_time latency_ns = (10 + sl_world_random(world) % 190) * 100000;
        if (a != b && sim_network_cable_between(mesh->network, a, b) == 0)
            sim_network_cable(mesh->network, a, b, latency_ns);
    }
}

/* ---- junctions ---- */

static void take_log(void *arg, int level, const char *who, const char *text) {
    sim_node *node = arg;
    if (level <= SLOW_LOG_WARN) {
        node->warnings++;
        snprintf(node->last_warning, sizeof node->last_warning, "%s", text);
    }
    if (!node->mesh->verbose)
        return;
    fprintf(stderr, "%10.3f n%u %s %s: %s\n", (double)sl_world_now(node->mesh->world) / 1e6, node->place,
            sl_log_level_name(level), who, text);
}

static void on_message(void *arg, const sl_message *message) {
    sim_node *node = arg;
    if (message->arrival != NULL)
        sim_reader_offer(node->reader, message);
    else
        sim_node_take(node, message);
}

static bool on_withdraw(void *arg, sl_arrival *arrival) {
    return sim_reader_withdraw(((sim_node *)arg)->reader, arrival);
}

static void on_outcome(void *arg, const sl_result *result) {
    sim_node *node = arg;
    if (node->mesh->watch.outcome != NULL)
        node->mesh->watch.outcome(node->mesh->watch.arg, node, result);
}

/* Whose keys a junction has: those of whoever's id it has, as where an identity was copied with all else. */
static uint32_t place_of_keys(sim_mesh *mesh, uint32_t place) {
    slow_id id = sim_mesh_id(mesh, place);
    const sim_node *owner = sim_mesh_node_of(mesh, &id);
    return owner != NULL ? owner->place : place;
}

void sim_node_take(sim_node *node, const sl_message *message) {
    size_t kept = message->payload.size < sizeof node->last_payload ? message->payload.size : sizeof node->last_payload;
    node->received++;
    node->received_bytes += message->payload.size;
    node->last = *message;
    memcpy(node->last_payload, message->payload.data, kept);
    node->last.payload = (slow_bytes){node->last_payload, kept};
    if (node->mesh->on_message != NULL)
        node->mesh->on_message(node->mesh->arg, node, message);
}

static char *config_text(const sim_mesh *mesh, uint32_t place) {
    const sim_node *node = &mesh->nodes[place];
    slow_id id = sim_mesh_id(mesh, place);
    char *text = NULL;
    size_t size;
    uint32_t cable_count;
    bool first = true;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        abort();
    fprintf(out,
            "{\"id\": \"%.*s\", \"network\": \"%s\", \"hop_limit\": %u, \"routing\": %s, \"codecs\": %s,\n"
            " \"plugin_dirs\": %s,%s\n"
            " \"transports\": [{\"plugin\": \"transport-memory\", \"listen\": [\"memory://%u:0\"]}],\n \"join\": [",
            SL_ID_ARG(&id), node->network != NULL ? node->network : "slow", mesh->hop_limit,
            node->routing != NULL ? node->routing : mesh->routing, node->codecs != NULL ? node->codecs : mesh->codecs,
            mesh->plugin_dirs != NULL ? mesh->plugin_dirs : mesh->built_plugins,
            mesh->secure ? " \"security\": {\"plugin\": \"security-noise\"}," : "", place);
    const uint32_t *cables = sim_network_cables_of(mesh->network, place, &cable_count);
    for (uint32_t i = 0; i < cable_count; i++) {
        const sim_cable *cable = sim_network_cable_at(mesh->network, cables[i]);
        uint32_t low = cable->ends[0] < cable->ends[1] ? 0 : 1;
        if (cable->ends[low] != place)
            continue;
        fprintf(out, "%s{\"address\": \"memory://%u:%u\", \"cost_bias\": %u}", first ? "" : ", ", cable->ends[!low],
                cables[i], mesh->cost_bias);
        first = false;
    }
    fprintf(out, "]}\n");
    fclose(out);
    return text;
}

/* ---- what a watcher is shown ---- */

static void on_routed(void *arg, const sl_route *route) {
    sim_node *node = arg;
    node->mesh->watch.routed(node->mesh->watch.arg, node, route);
}

/* A watcher stands between a junction's layers, where they speak to each other by tables of functions anyway; what they
 * say goes on to whom it was for. */
static sim_node *node_of_routing(void *arg) {
    return ((sl_junction *)(void *)((char *)arg - offsetof(sl_junction, routing)))->arg;
}

static sim_node *node_of_delivery(void *arg) {
    return ((sl_junction *)(void *)((char *)arg - offsetof(sl_junction, delivery)))->arg;
}

static void on_up(void *arg, sl_neighbour *n) {
    sim_node *node = node_of_routing(arg);
    if (node->mesh->watch.up != NULL)
        node->mesh->watch.up(node->mesh->watch.arg, node, n);
    node->up(arg, n);
}

static void on_down(void *arg, sl_neighbour *n, slow_link adjacency) {
    sim_node *node = node_of_routing(arg);
    if (node->mesh->watch.downing != NULL)
        node->mesh->watch.downing(node->mesh->watch.arg, node, n, adjacency);
    node->down(arg, n, adjacency);
    if (node->mesh->watch.down != NULL)
        node->mesh->watch.down(node->mesh->watch.arg, node, n, adjacency);
}

static void on_local(void *arg, const slow_package *package, const sl_link *from) {
    sim_node *node = ((sl_junction *)arg)->arg;
    if (node->mesh->watch.arrived != NULL)
        node->mesh->watch.arrived(node->mesh->watch.arg, node, package);
    if (node->mesh->divert == NULL || !node->mesh->divert(node->mesh->divert_arg, node, package))
        node->local(arg, package, from);
}

/* In front of the strategies that choose, of a junction that is a black hole at times. */
static size_t on_choose(void *arg, slow_bytes package, const slow_route_view *view, slow_link in, const sl_route *route,
                        slow_link *out, size_t n) {
    const sim_node *node = node_of_routing(arg);
    slow_time now = sl_world_now(node->mesh->world);
    slow_id self = sim_mesh_id(node->mesh, node->place);
    bool passes = in == 0 || sl_id_is(&self, package.data + view->dst.at, view->dst.size);
    if (!passes && now >= node->drops_from && now < node->drops_until)
        return 0;
    return node->choose != NULL ? node->choose(arg, package, view, in, route, out, n) : SIZE_MAX;
}

static void on_sent(void *arg, const slow_package *package) {
    sim_node *node = node_of_delivery(arg);
    if (node->mesh->watch.sent != NULL)
        node->mesh->watch.sent(node->mesh->watch.arg, node, package);
}

static void watch_junction(sim_node *node) {
    sl_junction *junction = node->junction;
    const sim_watch *watch = &node->mesh->watch;
    if (watch->came != NULL)
        watch->came(watch->arg, node);
    node->up = junction->links.neighbours.events.up;
    node->down = junction->links.neighbours.events.down;
    node->local = junction->forward->events.local;
    junction->links.neighbours.events.up = on_up;
    junction->links.neighbours.events.down = on_down;
    junction->forward->events.local = on_local;
    junction->delivery.peers.events.sent = on_sent;
    if (node->drops_until > node->drops_from) {
        node->choose = junction->forward->events.choose;
        junction->forward->events.choose_arg = &junction->routing;
        junction->forward->events.choose = on_choose;
    }
    if (watch->routed != NULL) {
        junction->forward->table.changed = on_routed;
        junction->forward->table.changed_arg = node;
    }
}

static void unwatch_junction(sim_node *node) {
    sl_junction *junction = node->junction;
    junction->links.neighbours.events.up = node->up;
    junction->links.neighbours.events.down = node->down;
    junction->forward->events.local = node->local;
    junction->delivery.peers.events.sent = NULL;
    junction->forward->table.changed = NULL;
}

void sim_mesh_unwatch(sim_mesh *mesh) {
    mesh->watch = (sim_watch){.arg = NULL};
    for (uint32_t i = 0; i < mesh->count; i++)
        if (mesh->nodes[i].junction != NULL)
            mesh->nodes[i].junction->forward->table.changed = NULL;
}

/* ---- coming and going ---- */

slow_status sim_mesh_try_start(sim_mesh *mesh, uint32_t place, slow_error *error) {
    sim_node *node = &mesh->nodes[place];
    sl_config *config;
    sl_log log = {.sink = take_log, .arg = node, .level = mesh->verbose ? SLOW_LOG_DEBUG : SLOW_LOG_WARN};
    if (node->junction != NULL)
        abort();
    node->loop = sl_loop_virtual_new(mesh->world);
    if (node->loop == NULL)
        abort();
    sl_loop_virtual_shift_wall(node->loop, node->wall_shift_ms);
    char *text = config_text(mesh, place);
    sl_service extra[] = {{SIM_PLACE_ID, sim_network_place(mesh->network, place, node->loop)}, {NULL, NULL}};
    slow_status status = sl_config_parse("simulation", text, strlen(text), &config, error);
    free(text);
    if (status == SLOW_OK && mesh->secure) {
        if (!sim_keys_give(config, mesh->seed, mesh->own_keys ? place : place_of_keys(mesh, place)))
            abort();
        config->end_to_end = mesh->end_to_end;
    }
    if (status == SLOW_OK)
        status = sl_junction_new(node->loop, config, &log, NULL, extra, &node->junction, error);
    if (status != SLOW_OK) {
        node->junction = NULL;
        sim_network_place(mesh->network, place, NULL);
        sl_loop_free(node->loop);
        node->loop = NULL;
        return status;
    }
    node->reader = sim_reader_new(node);
    node->junction->on_message = on_message;
    node->junction->on_withdraw = on_withdraw;
    node->junction->on_outcome = on_outcome;
    node->junction->arg = node;
    node->junction->delivery.peers.broken = mesh->broken;
    if (mesh->pairs_most != 0)
        node->junction->delivery.peers.pairs_most = mesh->pairs_most;
    if (mesh->receive_most != 0)
        node->junction->delivery.peers.budget.most = mesh->receive_most;
    watch_junction(node);
    status = sl_junction_start(node->junction, error);
    if (status != SLOW_OK)
        sim_mesh_kill(mesh, place);
    return status;
}

void sim_mesh_start(sim_mesh *mesh, uint32_t place) {
    slow_error error = {.code = SLOW_OK};
    if (sim_mesh_try_start(mesh, place, &error) == SLOW_OK)
        return;
    fprintf(stderr, "n%u: %s\n", place, error.text);
    abort();
}

void sim_mesh_start_all(sim_mesh *mesh) {
    for (uint32_t i = 0; i < mesh->count; i++)
        sim_mesh_start(mesh, i);
}

void sim_mesh_kill(sim_mesh *mesh, uint32_t place) {
    sim_node *node = &mesh->nodes[place];
    if (node->junction == NULL)
        return;
    sl_junction *junction = node->junction;
    if (mesh->watch.gone != NULL)
        mesh->watch.gone(mesh->watch.arg, node);
    for (unsigned i = 0; i < SL_COUNTER_COUNT; i++)
        node->past.count[i] += junction->stats.count[i];
    unwatch_junction(node);
    sim_reader_free(node->reader);
    node->reader = NULL;
    node->junction = NULL;
    unsigned leaks = sl_junction_free(junction);
    sim_network_place(mesh->network, place, NULL);
    sl_loop_free(node->loop);
    node->loop = NULL;
    if (mesh->watch.freed != NULL)
        mesh->watch.freed(mesh->watch.arg, node);
    if (leaks == 0)
        return;
    fprintf(stderr, "n%u: %u leaks\n", place, leaks);
    abort();
}

static void neighbours_lose_carrier(sim_mesh *mesh, uint32_t place) {
    uint32_t count;
    const uint32_t *cables = sim_network_cables_of(mesh->network, place, &count);
    for (uint32_t i = 0; i < count; i++) {
        const sim_cable *cable = sim_network_cable_at(mesh->network, cables[i]);
        sim_network_carrier_lost(mesh->network, cables[i], cable->ends[cable->ends[0] == place]);
    }
}

void sim_mesh_unplug(sim_mesh *mesh, uint32_t place) {
    sim_mesh_kill(mesh, place);
    neighbours_lose_carrier(mesh, place);
}

void sim_mesh_freeze(sim_mesh *mesh, uint32_t place, bool carrier) {
    sim_node *node = &mesh->nodes[place];
    if (node->junction == NULL || sl_loop_virtual_paused(node->loop))
        return;
    sl_loop_virtual_pause(node->loop);
    if (mesh->watch.gone != NULL)
        mesh->watch.gone(mesh->watch.arg, node);
    if (carrier)
        neighbours_lose_carrier(mesh, place);
}

void sim_mesh_thaw(sim_mesh *mesh, uint32_t place) {
    sim_node *node = &mesh->nodes[place];
    if (!sim_mesh_is_frozen(mesh, place))
        return;
    sl_loop_virtual_resume(node->loop);
    if (mesh->watch.came != NULL)
        mesh->watch.came(mesh->watch.arg, node);
}

bool sim_mesh_is_frozen(const sim_mesh *mesh, uint32_t place) {
    return mesh->nodes[place].junction != NULL && sl_loop_virtual_paused(mesh->nodes[place].loop);
}

void sim_mesh_shift_wall(sim_mesh *mesh, uint32_t place, int64_t shift_ms) {
    sim_node *node = &mesh->nodes[place];
    node->wall_shift_ms += shift_ms;
    if (node->loop != NULL)
        sl_loop_virtual_shift_wall(node->loop, shift_ms);
}

uint32_t sim_mesh_partition(sim_mesh *mesh, const bool *marked, bool carrier, void (*each)(void *arg, uint32_t cable),
                            void *arg) {
    uint32_t count = 0;
    for (uint32_t c = 1; c <= sim_network_cables(mesh->network); c++) {
        const sim_cable *cable = sim_network_cable_at(mesh->network, c);
        if (cable->cut || marked[cable->ends[0]] == marked[cable->ends[1]])
            continue;
        sim_network_cut(mesh->network, c, carrier);
        count++;
        if (each != NULL)
            each(arg, c);
    }
    return count;
}

void sim_mesh_goodbye(sim_mesh *mesh, uint32_t place) {
    sl_junction_goodbye(mesh->nodes[place].junction);
    sim_mesh_run(mesh, SL_MS);
    sim_mesh_kill(mesh, place);
}

/* ---- running ---- */

void sim_mesh_run(sim_mesh *mesh, slow_time for_ns) {
    sl_world_run(mesh->world, sl_world_now(mesh->world) + for_ns);
}

bool sim_mesh_until(sim_mesh *mesh, slow_time limit_ns, bool (*done)(sim_mesh *, void *), void *arg) {
    slow_time limit = sl_world_now(mesh->world) + limit_ns;
    while (!done(mesh, arg))
        if (!sl_world_turn(mesh->world, limit))
            return false;
    return true;
}

slow_status sim_mesh_send_message(sim_mesh *mesh, uint32_t from, uint32_t to, const sl_message *wanted) {
    sl_message message = *wanted;
    sl_outgoing *out;
    message.peer = sim_mesh_id(mesh, to);
    slow_status status = sl_message_check(&message, &out, NULL);
    if (status != SLOW_OK)
        return status;
    status = sl_junction_send(mesh->nodes[from].junction, out);
    if (status != SLOW_OK)
        free(out);
    return status;
}

slow_status sim_mesh_send(sim_mesh *mesh, uint32_t from, uint32_t to, const char *json) {
    sl_message message = {.type = SLOW_JSON, .payload = {(const uint8_t *)json, strlen(json)}};
    return sim_mesh_send_message(mesh, from, to, &message);
}

slow_status sim_mesh_send_bytes(sim_mesh *mesh, uint32_t from, uint32_t to, size_t size, uint8_t priority) {
    slow_time now = sl_world_now(mesh->world);
    size = size < sizeof now ? sizeof now : size;
    uint8_t *bytes = calloc(1, size);
    if (bytes == NULL)
        return SLOW_E_NOMEM;
    memcpy(bytes, &now, sizeof now);
    sl_message message = {.type = SLOW_BINARY, .priority = priority, .payload = {bytes, size}};
    slow_status status = sim_mesh_send_message(mesh, from, to, &message);
    free(bytes);
    return status;
}

slow_time sim_mesh_sent_at(const sl_message *message) {
    slow_time at;
    if (message->type != SLOW_BINARY || message->payload.size < sizeof at)
        return 0;
    memcpy(&at, message->payload.data, sizeof at);
    return at;
}

slow_id sim_mesh_id(const sim_mesh *mesh, uint32_t place) {
    const char *given = mesh->nodes[place].id;
    slow_id id = {.size = 0};
    id.size = (uint8_t)(given != NULL ? snprintf(id.text, sizeof id.text, "%s", given)
                                      : snprintf(id.text, sizeof id.text, "n%u", place));
    return id;
}

uint64_t sim_mesh_counted(const sim_mesh *mesh, enum sl_counter counter) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < mesh->count; i++) {
        const sim_node *node = &mesh->nodes[i];
        count += node->past.count[counter] + (node->junction != NULL ? node->junction->stats.count[counter] : 0);
    }
    return count;
}

sim_node *sim_mesh_node_of(sim_mesh *mesh, const slow_id *id) {
    uint32_t place = 0;
    if (id->size < 2 || id->size > 8 || id->text[0] != 'n')
        return NULL;
    for (size_t i = 1; i < id->size; i++)
        if (id->text[i] < '0' || id->text[i] > '9')
            return NULL;
        else
            place = place * 10 + (uint32_t)(id->text[i] - '0');
    return place < mesh->count ? &mesh->nodes[place] : NULL;
}
