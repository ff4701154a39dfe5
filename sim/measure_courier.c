/* Real packages, for strategies whose choice is no table: what such a strategy would do with a package is known only when
 * there is one. Between each pair one goes each way in every round, and the mesh tells the time at which what arrives was
 * sent; with the places of the two ends that says which one it was. */
#include "measure_parts.h"
#include <stdlib.h>
#include <string.h>

#define ROUND_NS (5 * SL_MS)
#define UNDER_WAY_NS (2 * SL_SECOND)
enum { PARCEL_SIZE = 32, WAYS = 2, LARGE = 1000 };

static size_t parcel_index(const sim_courier *courier, uint32_t round, uint32_t pair, unsigned way) {
    return ((size_t)round * courier->count + pair) * WAYS + way;
}

static void weigh_parcel(sim_courier *courier, uint32_t from, uint32_t to, slow_time delay_ns) {
    sim_graph_search(courier->trial->graph, from);
    double stretch = (double)delay_ns / (double)courier->trial->graph->distance_ns[to];
    courier->delay_sum += stretch;
    courier->delays++;
    if (stretch > courier->delay_most)
        courier->delay_most = stretch;
}

/* The round that began then; UINT32_MAX = none did. */
static uint32_t round_at(const sim_courier *courier, slow_time at) {
    uint32_t low = 0, high = courier->rounds;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (courier->round_at[middle] == at)
            return middle;
        if (courier->round_at[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    return UINT32_MAX;
}

static void take_parcel(void *arg, sim_node *node, const sl_message *message) {
    sim_courier *courier = arg;
    const sim_node *from = sim_mesh_node_of(node->mesh, &message->peer);
    slow_time sent_at = sim_mesh_sent_at(message), now = sl_world_now(node->mesh->world);
    uint32_t round = round_at(courier, sent_at);
    for (uint32_t i = 0; i < courier->count && round != UINT32_MAX && from != NULL; i++)
        for (unsigned way = 0; way < WAYS; way++) {
            uint8_t *arrived = &courier->arrived[parcel_index(courier, round, i, way)];
            if (courier->pairs[i][way] != from->place || courier->pairs[i][!way] != node->place || *arrived)
                continue;
            *arrived = 1;
            if (courier->weighs)
                weigh_parcel(courier, from->place, node->place, now - sent_at);
            return;
        }
}

static bool is_new(const sim_courier *courier, uint32_t a, uint32_t b) {
    for (uint32_t i = 0; i < courier->count; i++)
        if ((courier->pairs[i][0] == a && courier->pairs[i][1] == b) ||
            (courier->pairs[i][0] == b && courier->pairs[i][1] == a))
            return false;
    return a != b;
}

static void add_pair(sim_courier *courier, uint32_t a, uint32_t b) {
    if (!is_new(courier, a, b))
        return;
    courier->pairs[courier->count][0] = a;
    courier->pairs[courier->count++][1] = b;
}

void sim_courier_begin(sim_courier *courier, sim_trial *trial, uint32_t pairs, const uint32_t first[2]) {
    uint32_t nodes = trial->topology->node_count;
    *courier = (sim_courier){.trial = trial, .step_ns = nodes <= LARGE ? ROUND_NS : 2 * ROUND_NS};
    if (first != NULL)
        add_pair(courier, first[0], first[1]);
    for (uint32_t tries = 4 * pairs; tries > 0 && courier->count < pairs; tries--) {
        uint32_t to = (uint32_t)sim_trial_draw(trial, nodes); /* in an order of its own: arguments have none */
        add_pair(courier, (uint32_t)sim_trial_draw(trial, nodes), to);
    }
    trial->run->traffic->watch = take_parcel;
    trial->run->traffic->arg = courier;
}

/* One parcel, through the run, so that it is written down. Between those that no links connect none has to arrive. */
static void send_parcel(sim_courier *courier, uint32_t pair, unsigned way) {
    sim_trial *trial = courier->trial;
    sim_action send = {
        .kind = SIM_SEND, .node = courier->pairs[pair][way], .to = courier->pairs[pair][!way], .size = PARCEL_SIZE};
    if (courier->arrive) {
        sim_graph_search(trial->graph, send.node);
        send.arrives = !trial->graph->node_gone[send.to] && trial->graph->distance_ns[send.to] != UINT64_MAX;
    }
    sim_run_do(trial->run, &send);
}

/* Room for one more round, in which nothing has arrived yet. */
static void add_round(sim_courier *courier) {
    size_t begin = parcel_index(courier, courier->rounds, 0, 0), end = parcel_index(courier, ++courier->rounds, 0, 0);
    courier->arrived = realloc(courier->arrived, end + 1);
    courier->round_at = realloc(courier->round_at, courier->rounds * sizeof *courier->round_at);
    if (courier->arrived == NULL || courier->round_at == NULL)
        abort();
    memset(courier->arrived + begin, 0, end - begin);
    courier->round_at[courier->rounds - 1] = sim_trial_now(courier->trial);
}

void sim_courier_round(sim_courier *courier, slow_time then_ns) {
    add_round(courier);
    for (uint32_t i = 0; i < courier->count; i++)
        for (unsigned way = 0; way < WAYS; way++)
            send_parcel(courier, i, way);
    sim_trial_run(courier->trial, then_ns);
}

void sim_courier_run(sim_courier *courier, slow_time for_ns) {
    slow_time until = sim_trial_now(courier->trial) + for_ns;
    while (sim_trial_now(courier->trial) < until)
        sim_courier_round(courier, courier->step_ns);
}

/* Longer than any of its parcels takes by the shortest path. */
static slow_time under_way(const sim_courier *courier) {
    const sim_trial *trial = courier->trial;
    slow_time longest = 0;
    for (uint32_t i = 0; i < courier->count; i++) {
        sim_graph_search(trial->graph, courier->pairs[i][0]);
        slow_time distance_ns = trial->graph->distance_ns[courier->pairs[i][1]];
        if (distance_ns != UINT64_MAX && distance_ns > longest)
            longest = distance_ns;
    }
    return longest + UNDER_WAY_NS;
}

slow_time sim_courier_end(sim_courier *courier, slow_time since, uint32_t *lost) {
    sim_trial *trial = courier->trial;
    slow_time last = 0;
    *lost = 0;
    sim_trial_run(trial, under_way(courier));
    trial->run->traffic->watch = NULL;
    for (uint32_t i = 0; i < courier->count; i++) {
        sim_graph_search(trial->graph, courier->pairs[i][0]);
        if (trial->graph->node_gone[courier->pairs[i][1]] ||
            trial->graph->distance_ns[courier->pairs[i][1]] == UINT64_MAX)
            continue;
        for (uint32_t round = 0; round < courier->rounds; round++) {
            slow_time sent_at = courier->round_at[round];
            for (unsigned way = 0; way < WAYS; way++) {
                if (sent_at < since || courier->arrived[parcel_index(courier, round, i, way)])
                    continue;
                (*lost)++;
                if (sent_at + courier->step_ns - since > last)
                    last = sent_at + courier->step_ns - since;
            }
        }
    }
    free(courier->arrived);
    free(courier->round_at);
    return last;
}

uint32_t sim_courier_sample(sim_trial *trial, uint32_t *sent, double *transmissions, sim_stretch *stretch) {
    sim_courier courier;
    uint32_t lost = 0;
    uint64_t before = sim_mesh_counted(trial->run->mesh, SL_packages_out);
    sim_courier_begin(&courier, trial, SIM_COURIER_PAIRS, NULL);
    courier.weighs = true;
    courier.arrive = !trial->figures->chooses; /* of those that choose the first may be lost */
    slow_time since = sim_trial_now(trial);
    *sent = WAYS * courier.count;
    add_round(&courier);
    for (uint32_t i = 0; i < courier.count; i++)
        send_parcel(&courier, i, 0);
    sim_trial_run(trial, under_way(&courier));
    add_round(&courier); /* of the answers */
    for (uint32_t i = 0; i < courier.count; i++) {
        courier.arrived[parcel_index(&courier, 0, i, 1)] = 1;
        courier.arrived[parcel_index(&courier, 1, i, 0)] = 1;
        send_parcel(&courier, i, 1);
    }
    sim_courier_end(&courier, since, &lost);
    uint64_t crossed = sim_mesh_counted(trial->run->mesh, SL_packages_out) - before;
    *transmissions = *sent > lost ? (double)crossed / (*sent - lost) : -1;
    if (courier.delays > 0)
        *stretch = (sim_stretch){.mean = courier.delay_sum / courier.delays, .most = courier.delay_most};
    return lost;
}

/* ---- paths ---- */

static uint32_t next_of(const sim_trial *trial, uint32_t at, uint32_t to) {
    sim_mesh *mesh = trial->run->mesh;
    const sim_node *node = &mesh->nodes[at];
    if (node->junction == NULL)
        return UINT32_MAX;
    slow_id id = sim_mesh_id(mesh, to);
    const sl_route_table *table = &node->junction->forward->table;
    uint32_t hash = sl_route_table_hash(table, (const uint8_t *)id.text, id.size);
    const sl_route *route = sl_route_table_find(table, hash, (const uint8_t *)id.text, id.size);
    if (route == NULL || route->next_hop == NULL)
        return UINT32_MAX;
    const sim_node *next = sim_mesh_node_of(mesh, &route->next_hop->id);
    return next == NULL ? UINT32_MAX : next->place;
}

sim_path sim_trial_path(const sim_trial *trial, uint32_t from, uint32_t to) {
    uint32_t most = trial->topology->node_count;
    sim_path path = {.nodes = sim_room(most, sizeof *path.nodes)};
    uint32_t at = from;
    path.nodes[path.count++] = at;
    while (at != to && at != UINT32_MAX && path.count < most) {
        at = next_of(trial, at, to);
        if (at != UINT32_MAX)
            path.nodes[path.count++] = at;
    }
    if (at == to)
        return path;
    free(path.nodes);
    return (sim_path){.count = 0};
}
