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
    mesh->stack = calloc(places, sizeof *mesh->stack);
    mesh->mark = calloc(places, sizeof *mesh->mark);
    if (mesh->network == NULL || mesh->nodes == NULL || mesh->stack == NULL || mesh->mark == NULL)
        abort();
    for (uint32_t i = 0; i < places; i++)
        mesh->nodes[i] = (sim_node){.mesh = mesh, .place = i};
    snprintf(mesh->routing, sizeof mesh->routing, "[\"routing-distance-vector\"]");
    snprintf(mesh->codecs, sizeof mesh->codecs, "[\"codec-protobuf\", \"codec-json\"]");
    mesh->hop_limit = 255;
    mesh->check_cycles = true;
    mesh->verbose = getenv("SIM_VERBOSE") != NULL;
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
    free(mesh->stack);
    free(mesh->mark);
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

static bool has_cable(const sim_mesh *mesh, uint32_t a, uint32_t b) {
    for (uint32_t c = 1; c <= sim_network_cables(mesh->network); c++) {
        const sim_cable *cable = sim_network_cable_at(mesh->network, c);
        if ((cable->ends[0] == a && cable->ends[1] == b) || (cable->ends[0] == b && cable->ends[1] == a))
            return true;
    }
    return false;
}

/* A random tree, and random cables on top; latencies of 1 to 20 ms in steps of 0.1 ms. */
void sim_mesh_random(sim_mesh *mesh, uint32_t degree) {
    sl_world *world = mesh->world;
    for (uint32_t i = 1; i < mesh->count; i++)
        sim_network_cable(mesh->network, (uint32_t)(sl_world_random(world) % i), i,
                          (10 + sl_world_random(world) % 190) * 100000);
    uint32_t wanted = mesh->count * degree / 2, tries = wanted * 20;
    while (sim_network_cables(mesh->network) < wanted && tries-- > 0) {
        uint32_t a = (uint32_t)(sl_world_random(world) % mesh->count),
                 b = (uint32_t)(sl_world_random(world) % mesh->count);
        slow_time latency_ns = (10 + sl_world_random(world) % 190) * 100000;
        if (a != b && !has_cable(mesh, a, b))
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

static void count_message(void *arg, const sl_message *message) {
    sim_node *node = arg;
    size_t kept = message->payload.size < sizeof node->last_payload ? message->payload.size : sizeof node->last_payload;
    node->received++;
    node->received_bytes += message->payload.size;
    node->last = *message;
    memcpy(node->last_payload, message->payload.data, kept);
    node->last.payload = (slow_bytes){node->last_payload, kept};
    if (node->mesh->on_message != NULL)
        node->mesh->on_message(node->mesh->arg, node, message);
}

static void check_offer(void *arg, const slow_id *dst);

static char *config_text(const sim_mesh *mesh, uint32_t place) {
    const sim_node *node = &mesh->nodes[place];
    char id[16];
    char *text = NULL;
    size_t size;
    bool first = true;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        abort();
    snprintf(id, sizeof id, "n%u", place);
    fprintf(out,
            "{\"id\": \"%s\", \"network\": \"%s\", \"hop_limit\": %u, \"routing\": %s, \"codecs\": %s,\n"
            " \"plugin_dirs\": [\"%s/lib/slow/1\"],\n"
            " \"transports\": [{\"plugin\": \"transport-memory\", \"listen\": [\"memory://%u:0\"]}],\n \"join\": [",
            node->id != NULL ? node->id : id, node->network != NULL ? node->network : "slow", mesh->hop_limit,
            mesh->routing, node->codecs != NULL ? node->codecs : mesh->codecs,
            getenv("SLOW_BUILD") != NULL ? getenv("SLOW_BUILD") : "build/dev", place);
    for (uint32_t c = 1; c <= sim_network_cables(mesh->network); c++) {
        const sim_cable *cable = sim_network_cable_at(mesh->network, c);
        uint32_t low = cable->ends[0] < cable->ends[1] ? 0 : 1;
        if (cable->ends[low] != place)
            continue;
        fprintf(out, "%s\"memory://%u:%u\"", first ? "" : ", ", cable->ends[!low], c);
        first = false;
    }
    fprintf(out, "]}\n");
    fclose(out);
    return text;
}

void sim_mesh_start(sim_mesh *mesh, uint32_t place) {
    sim_node *node = &mesh->nodes[place];
    slow_error error = {.code = SLOW_OK};
    sl_config *config;
    sl_log log = {.sink = take_log, .arg = node, .level = mesh->verbose ? SLOW_LOG_DEBUG : SLOW_LOG_WARN};
    char *text = config_text(mesh, place);
    if (node->junction != NULL)
        abort();
    node->loop = sl_loop_virtual_new(mesh->world);
    if (node->loop == NULL)
        abort();
    sl_loop_virtual_shift_wall(node->loop, node->wall_shift_ms);
    sl_service extra[] = {{SIM_PLACE_ID, sim_network_place(mesh->network, place, node->loop)}, {NULL, NULL}};
    if (sl_config_parse("simulation", text, strlen(text), &config, &error) != SLOW_OK ||
        sl_junction_new(node->loop, config, &log, extra, &node->junction, &error) != SLOW_OK) {
        fprintf(stderr, "n%u: %s\n%s\n", place, error.text, text);
        abort();
    }
    free(text);
    node->junction->on_message = count_message;
    node->junction->arg = node;
    node->junction->forward->table.changed = check_offer;
    node->junction->forward->table.changed_arg = node;
    if (sl_junction_start(node->junction, &error) != SLOW_OK) {
        fprintf(stderr, "n%u: %s\n", place, error.text);
        abort();
    }
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
    node->junction = NULL;
    unsigned leaks = sl_junction_free(junction);
    sim_network_place(mesh->network, place, NULL);
    sl_loop_free(node->loop);
    node->loop = NULL;
    if (leaks == 0)
        return;
    fprintf(stderr, "n%u: %u leaks\n", place, leaks);
    abort();
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

slow_status sim_mesh_send(sim_mesh *mesh, uint32_t from, uint32_t to, const char *json) {
    sl_outgoing *out;
    sl_message message = {.type = SLOW_JSON, .payload = {(const uint8_t *)json, strlen(json)}};
    message.peer.size = (uint8_t)snprintf(message.peer.text, sizeof message.peer.text, "n%u", to);
    slow_status status = sl_message_check(&message, &out, NULL);
    if (status == SLOW_OK)
        sl_junction_send(mesh->nodes[from].junction, out);
    return status;
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

/* ---- checking ---- */

static bool same_connection(const sl_link *a, const sl_link *b) {
    return !a->cookie_dead && !b->cookie_dead && sim_same_connection(a->cookie, b->cookie);
}

/* Do both ends hold the same adjacency? Returns the node at the other end. */
static sim_node *holds(sim_mesh *mesh, const sim_node *from, const sl_neighbour *n) {
    sim_node *node = sim_mesh_node_of(mesh, &n->id);
    if (node == NULL || node->junction == NULL || n->adjacency == 0)
        return NULL;
    const sl_neighbour *back = sl_neighbour_find(&node->junction->links.neighbours, &from->junction->claim.id);
    if (back == NULL || back->adjacency == 0)
        return NULL;
    for (uint32_t i = 0; i < n->link_count; i++)
        for (uint32_t k = 0; k < back->link_count; k++)
            if (same_connection(n->links[i], back->links[k]))
                return node;
    return NULL;
}

static const sl_route *route_to(const sim_node *node, const slow_id *dst) {
    const sl_route_table *table = &node->junction->forward->table;
    uint32_t hash = sl_route_table_hash(table, (const uint8_t *)dst->text, dst->size);
    return sl_route_table_find(table, hash, (const uint8_t *)dst->text, dst->size);
}

/* Can `start`'s installed next hops to dst lead back to it? Over all candidates, not only the ones in use. */
static bool leads_back(sim_mesh *mesh, sim_node *start, const slow_id *dst) {
    uint32_t depth = 0;
    mesh->marker++;
    mesh->stack[depth++] = start->place;
    while (depth > 0) {
        sim_node *node = &mesh->nodes[mesh->stack[--depth]];
        if (node->junction == NULL || sl_id_equal(&node->junction->claim.id, dst))
            continue;
        const sl_route *route = route_to(node, dst);
        for (uint16_t i = 0; route != NULL && i < route->count; i++) {
            const sl_neighbour *n = sl_neighbour_get(&node->junction->links.neighbours, route->candidates[i].via);
            sim_node *next =
                n == NULL || route->candidates[i].metric == SLOW_METRIC_INFINITY ? NULL : holds(mesh, node, n);
            if (next == start)
                return true;
            if (next == NULL || mesh->mark[next->place] == mesh->marker)
                continue;
            mesh->mark[next->place] = mesh->marker;
            mesh->stack[depth++] = next->place;
        }
    }
    return false;
}

static void check_offer(void *arg, const slow_id *dst) {
    sim_node *node = arg;
    sim_mesh *mesh = node->mesh;
    if (!mesh->check_cycles || node->junction == NULL || !leads_back(mesh, node, dst))
        return;
    if (mesh->cycles++ == 0)
        mesh->first_cycle_at = sl_world_now(mesh->world);
    take_log(node, SLOW_LOG_ERROR, "check", "a cycle");
}

uint32_t sim_mesh_count_cycles(sim_mesh *mesh) {
    uint32_t cycles = 0;
    for (uint32_t i = 0; i < mesh->count; i++)
        for (uint32_t r = 0; mesh->nodes[i].junction != NULL && r < mesh->nodes[i].junction->forward->table.count; r++)
            cycles += leads_back(mesh, &mesh->nodes[i], &mesh->nodes[i].junction->forward->table.entries[r].id);
    return cycles;
}

/* Distances of all to `target` over the costs that the strategies were told (Dijkstra, quadratic: at rest only). */
static void distances(sim_mesh *mesh, uint32_t target, uint64_t *distance, bool *final) {
    for (uint32_t i = 0; i < mesh->count; i++) {
        distance[i] = UINT64_MAX;
        final[i] = false;
    }
    distance[target] = 0;
    for (;;) {
        uint32_t next = mesh->count;
        for (uint32_t i = 0; i < mesh->count; i++)
            if (!final[i] && distance[i] != UINT64_MAX && (next == mesh->count || distance[i] < distance[next]))
                next = i;
        if (next == mesh->count)
            return;
        final[next] = true;
        const sl_neighbours *around = &mesh->nodes[next].junction->links.neighbours;
        for (uint32_t i = 0; i < around->count; i++) {
            const sl_neighbour *n = around->sorted[i];
            sim_node *peer = holds(mesh, &mesh->nodes[next], n);
            if (peer == NULL)
                continue;
            const sl_neighbour *back =
                sl_neighbour_find(&peer->junction->links.neighbours, &mesh->nodes[next].junction->claim.id);
            if (back != NULL && distance[next] + back->cost < distance[peer->place])
                distance[peer->place] = distance[next] + back->cost;
        }
    }
}

sim_verdict sim_mesh_verify(sim_mesh *mesh) {
    sim_verdict verdict = {.connected = 0};
    uint64_t *distance = calloc(mesh->count, sizeof *distance);
    bool *final = calloc(mesh->count, sizeof *final);
    if (distance == NULL || final == NULL)
        abort();
    for (uint32_t target = 0; target < mesh->count; target++) {
        slow_id id = {.size = 0};
        id.size = (uint8_t)snprintf(id.text, sizeof id.text, "n%u", target);
        bool alive = mesh->nodes[target].junction != NULL;
        if (alive)
            distances(mesh, target, distance, final);
        for (uint32_t i = 0; i < mesh->count; i++) {
            if (i == target || mesh->nodes[i].junction == NULL)
                continue;
            const sl_route *route = route_to(&mesh->nodes[i], &id);
            bool routed = route != NULL && route->next_hop != NULL;
            verdict.routed += routed;
            if (!alive || distance[i] == UINT64_MAX) {
                verdict.stale += routed;
                continue;
            }
            verdict.connected++;
            if (!routed)
                verdict.missing++;
            else if (route->candidates[route->chosen].metric != distance[i])
                verdict.suboptimal++;
        }
    }
    free(distance);
    free(final);
    return verdict;
}

/* The count alone, as it is asked after every turn: components by the adjacencies that both ends hold. */
bool sim_mesh_converged(sim_mesh *mesh, void *unused) {
    (void)unused;
    sim_verdict verdict = sim_mesh_verify(mesh);
    return verdict.missing == 0 && verdict.stale == 0 && verdict.suboptimal == 0;
}
