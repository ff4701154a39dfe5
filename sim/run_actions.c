/* Actions, done: a row a kind says to whom it can happen now, and does it. */
#include "core/loop.h"
#include "run_parts.h"
#include "strategies.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct row {
    /* Can it happen to this link or node now? NULL = to any. */
    bool (*fits)(const sim_run *, const sim_action *, uint32_t which);
    bool (*act)(sim_run *, const sim_action *);
    bool of_link;
} row;
static const row rows[SIM_ACTION_COUNT];

static sim_cable *cable_of(const sim_run *run, uint32_t link) {
    return sim_network_cable_at(run->mesh->network, link + 1);
}

static bool lives(const sim_run *run, uint32_t node) {
    return run->mesh->nodes[node].junction != NULL && !sim_mesh_is_frozen(run->mesh, node);
}

static uint32_t below(sim_run *run, uint32_t limit) {
    return (uint32_t)(sl_splitmix(&run->random) % limit);
}

/* ---- links ---- */

static bool is_whole_cable(const sim_run *run, const sim_action *a, uint32_t link) {
    const sim_cable *cable = cable_of(run, link);
    (void)a;
    return !cable->cut && !cable->cut_way[0] && !cable->cut_way[1];
}

static bool is_broken_cable(const sim_run *run, const sim_action *a, uint32_t link) {
    return !is_whole_cable(run, a, link);
}

static bool act_cut(sim_run *run, const sim_action *a) {
    if (cable_of(run, a->link)->cut)
        return false;
    sim_network_cut(run->mesh->network, a->link + 1, !a->silent);
    return true;
}

static bool act_restore(sim_run *run, const sim_action *a) {
    bool some = false;
    for (uint32_t link = 0; link < run->scenario->topology->link_count; link++)
        if ((a->link == SIM_ALL || a->link == link) && is_broken_cable(run, a, link)) {
            sim_network_mend(run->mesh->network, link + 1);
            some = true;
        }
    return some;
}

static bool act_heal(sim_run *run, const sim_action *a) {
    (void)a;
    return act_restore(run, &(sim_action){.kind = SIM_RESTORE, .link = SIM_ALL});
}

static bool act_one_way(sim_run *run, const sim_action *a) {
    sim_cable *cable = cable_of(run, a->link);
    cable->cut_way[cable->ends[0] == a->node ? 0 : 1] = true;
    return true;
}

/* Cut and restored in turns; what is written down are those. */
static bool act_flap(sim_run *run, const sim_action *a) {
    for (uint32_t i = 0; i < a->times; i++) {
        slow_time at_ns = sim_run_now(run) + i * a->every_ns;
        sim_action cut = {.kind = SIM_CUT, .at_ns = at_ns, .link = a->link, .silent = a->silent};
        sim_action restore = {.kind = SIM_RESTORE, .at_ns = at_ns + a->every_ns / 2, .link = a->link};
        sim_run_schedule(run, &cut);
        sim_run_schedule(run, &restore);
    }
    return true;
}

static bool act_cost(sim_run *run, const sim_action *a) {
    cable_of(run, a->link)->latency_ns = a->latency_ns;
    return true;
}

static void set_faults(sim_cable *cable, const sim_faults *faults) {
    if (faults->loss_ppm != SIM_ANY)
        cable->loss_ppm = faults->loss_ppm;
    if (faults->duplicate_ppm != SIM_ANY)
        cable->duplicate_ppm = faults->duplicate_ppm;
    if (faults->reorder_ppm != SIM_ANY)
        cable->reorder_ppm = faults->reorder_ppm;
    if (faults->jitter_ns != UINT64_MAX)
        cable->jitter_ns = faults->jitter_ns;
    if (faults->rate != UINT64_MAX)
        cable->rate = faults->rate;
}

static bool act_faults(sim_run *run, const sim_action *a) {
    for (uint32_t link = 0; link < run->scenario->topology->link_count; link++)
        if (a->link == SIM_ALL || a->link == link)
            set_faults(cable_of(run, link), &a->faults);
    return true;
}

static bool act_partition(sim_run *run, const sim_action *a) {
    bool *marked = calloc(run->mesh->count, sizeof *marked);
    if (marked == NULL)
        abort();
    for (uint32_t i = 0; i < a->node_count; i++)
        marked[a->nodes[i]] = true;
    sim_mesh_partition(run->mesh, marked, !a->silent, NULL, NULL);
    free(marked);
    return true;
}

/* ---- junctions ---- */

static bool fits_living(const sim_run *run, const sim_action *a, uint32_t node) {
    (void)a;
    return lives(run, node);
}

static bool fits_restart(const sim_run *run, const sim_action *a, uint32_t node) {
    return !lives(run, node) && (!a->memory || sim_mesh_is_frozen(run->mesh, node));
}

static bool act_kill(sim_run *run, const sim_action *a) {
    if (!lives(run, a->node))
        return false;
    if (a->memory)
        sim_mesh_freeze(run->mesh, a->node, !a->silent);
    else if (a->silent)
        sim_mesh_kill(run->mesh, a->node);
    else
        sim_mesh_unplug(run->mesh, a->node);
    return true;
}

static void restart(sim_run *run, uint32_t node, bool memory) {
    if (memory && sim_mesh_is_frozen(run->mesh, node)) {
        sim_mesh_thaw(run->mesh, node);
        return;
    }
    sim_mesh_kill(run->mesh, node); /* what stood still, if anything did */
    sim_mesh_start(run->mesh, node);
}

static bool act_restart(sim_run *run, const sim_action *a) {
    bool some = false;
    for (uint32_t node = 0; node < run->mesh->count; node++)
        if ((a->node == SIM_ALL || a->node == node) && !lives(run, node)) {
            restart(run, node, a->memory);
            some = true;
        }
    return some;
}

static bool act_clock(sim_run *run, const sim_action *a) {
    sim_mesh_shift_wall(run->mesh, a->node, a->shift_ms);
    return true;
}

/* Of a junction where it cannot be done (it runs already, or does not) nothing is done. */
static bool change_strategies(sim_run *run, const sim_action *a, uint32_t node, slow_error *error) {
    sl_junction *junction = run->mesh->nodes[node].junction;
    char name[SIM_STRATEGY_NAME_BYTES];
    /* The list of one as the entry itself. */
    slow_bytes entry = {(const uint8_t *)a->routing + 1, strlen(a->routing) - 2};
    sim_strategies_id(a->routing, name);
    switch (a->change) {
    case SIM_ROUTING_ADD:
        return sl_junction_routing_add(junction, entry, error) == SLOW_OK;
    case SIM_ROUTING_PREFER:
        return sl_junction_routing_prefer(junction, name, a->preference, error) == SLOW_OK;
    default:
        return sl_junction_routing_remove(junction, name, error) == SLOW_OK;
    }
}

static bool act_routing(sim_run *run, const sim_action *a) {
    bool some = false;
    for (uint32_t node = 0; node < run->mesh->count; node++)
        if ((a->node == SIM_ALL || a->node == node) && lives(run, node)) {
            slow_error error = {.text = ""};
            some |= change_strategies(run, a, node, &error);
            if (error.text[0] != '\0' && run->mesh->verbose)
                fprintf(stderr, "n%u: %s\n", node, error.text);
        }
    return some;
}

static bool act_send(sim_run *run, const sim_action *a) {
    return sim_traffic_parcel(run->traffic, &(sim_parcel){.at_ns = sim_run_now(run),
                                                          .from = a->node,
                                                          .to = a->to,
                                                          .size = a->size,
                                                          .behind = run->done_count,
                                                          .arrives = a->arrives});
}

/* ---- the table ---- */

static const row rows[SIM_ACTION_COUNT] = {
    [SIM_CUT] = {is_whole_cable, act_cut, true},
    [SIM_RESTORE] = {is_broken_cable, act_restore, true},
    [SIM_ONE_WAY] = {is_whole_cable, act_one_way, true},
    [SIM_FLAP] = {is_whole_cable, act_flap, true},
    [SIM_COST] = {NULL, act_cost, true},
    [SIM_FAULTS] = {NULL, act_faults, true},
    [SIM_KILL] = {fits_living, act_kill, false},
    [SIM_RESTART] = {fits_restart, act_restart, false},
    [SIM_PARTITION] = {NULL, act_partition, true},
    [SIM_HEAL] = {NULL, act_heal, true},
    [SIM_CLOCK] = {fits_living, act_clock, false},
    [SIM_ROUTING] = {fits_living, act_routing, false},
    [SIM_SEND] = {NULL, act_send, false},
};

bool sim_run_act(sim_run *run, const sim_action *a) {
    return rows[a->kind].act(run, a);
}

/* The n-th of those whom it fits; UINT32_MAX = nobody. */
static uint32_t draw_whom(sim_run *run, const sim_action *a, uint32_t count) {
    uint32_t fitting = 0;
    for (uint32_t i = 0; i < count; i++)
        fitting += rows[a->kind].fits == NULL || rows[a->kind].fits(run, a, i);
    if (fitting == 0)
        return UINT32_MAX;
    uint32_t left = below(run, fitting);
    for (uint32_t i = 0;; i++)
        if ((rows[a->kind].fits == NULL || rows[a->kind].fits(run, a, i)) && left-- == 0)
            return i;
}

bool sim_run_resolve(sim_run *run, sim_action *a) {
    const sim_topology *topology = run->scenario->topology;
    bool needs_link = rows[a->kind].of_link && a->kind != SIM_PARTITION && a->kind != SIM_HEAL;
    if (needs_link && a->link == SIM_ANY) {
        a->link = draw_whom(run, a, topology->link_count);
        if (a->link == UINT32_MAX)
            return false;
        a->node = below(run, 2) == 0 ? topology->links[a->link].a : topology->links[a->link].b;
    } else if (!rows[a->kind].of_link && a->node == SIM_ANY) {
        a->node = draw_whom(run, a, topology->node_count);
    }
    return rows[a->kind].of_link || a->node != UINT32_MAX;
}

/* A side that hangs together, of at most half: from one on, who is next to those that are in it. */
static bool draw_side(sim_run *run, sim_action *a) {
    const sim_topology *topology = run->scenario->topology;
    if (topology->node_count < 2)
        return false;
    bool *marked = calloc(topology->node_count, sizeof *marked), grown = true;
    a->nodes = calloc(topology->node_count, sizeof *a->nodes);
    if (marked == NULL || a->nodes == NULL)
        abort();
    uint32_t most = 1 + below(run, topology->node_count / 2);
    a->nodes[a->node_count++] = below(run, topology->node_count);
    marked[a->nodes[0]] = true;
    while (grown && a->node_count < most) {
        grown = false;
        for (uint32_t i = 0; i < topology->link_count && a->node_count < most; i++) {
            const sim_topology_link *link = &topology->links[i];
            if (marked[link->a] == marked[link->b])
                continue;
            uint32_t next = marked[link->a] ? link->b : link->a;
            marked[next] = grown = true;
            a->nodes[a->node_count++] = next;
        }
    }
    free(marked);
    return true;
}

static bool runs_strategy(const sl_junction *junction, const char *id) {
    for (uint32_t i = 0; i < junction->routing.count; i++)
        if (strcmp(sl_instance_plugin(junction->routing.strategies[i].instance)->id, id) == 0)
            return true;
    return false;
}

/* At the junction that was drawn: one that it lacks is added, one that it has is preferred more or less, or goes. The last
 * one stays. */
static void draw_change(sim_run *run, sim_action *a) {
    const sim_random *random = &run->scenario->random;
    const sl_junction *junction = run->mesh->nodes[a->node].junction;
    const char *json = random->strategies[below(run, random->strategy_count)];
    char id[SIM_STRATEGY_NAME_BYTES];
    a->routing = strdup(json);
    if (a->routing == NULL)
        abort();
    sim_strategies_id(json, id);
    a->preference = 1 + below(run, 300);
    if (!runs_strategy(junction, id))
        a->change = SIM_ROUTING_ADD;
    else
        a->change = junction->routing.count > 1 && below(run, 2) == 0 ? SIM_ROUTING_REMOVE : SIM_ROUTING_PREFER;
}

bool sim_run_draw(sim_run *run, sim_action *a) {
    enum sim_action_kind kinds[SIM_ACTION_COUNT];
    uint32_t count = 0;
    for (int kind = 0; kind < SIM_ACTION_COUNT; kind++)
        if (run->scenario->random.kinds >> kind & 1)
            kinds[count++] = (enum sim_action_kind)kind;
    *a = (sim_action){.kind = kinds[below(run, count)], .link = SIM_ANY, .node = SIM_ANY};
    a->faults = sim_faults_as_they_are;
    a->silent = (a->kind == SIM_CUT || a->kind == SIM_KILL || a->kind == SIM_FLAP || a->kind == SIM_PARTITION) &&
                below(run, 2) == 0;
    a->memory = a->kind == SIM_KILL && below(run, 2) == 0;
    a->latency_ns = (5 + below(run, 500)) * 100000ull; /* 0.5 to 50 ms */
    a->times = 2 + below(run, 8);
    a->every_ns = (100 + below(run, 900)) * SL_MS;
    a->shift_ms = (int64_t)below(run, 7200000) - 3600000; /* up to an hour, either way */
    if (a->kind == SIM_FAULTS) {
        a->faults.loss_ppm = below(run, 200001);
        a->faults.duplicate_ppm = below(run, 50001);
        a->faults.reorder_ppm = below(run, 100001);
    }
    if ((a->kind == SIM_PARTITION && !draw_side(run, a)) || !sim_run_resolve(run, a))
        return false;
    if (a->kind == SIM_ROUTING)
        draw_change(run, a);
    if (a->kind == SIM_RESTART)
        a->memory = sim_mesh_is_frozen(run->mesh, a->node) && below(run, 2) == 0;
    return true;
}
