#include "measure_parts.h"
#include <slow/inspect.h>
#include <stdlib.h>

#define WHOLE_LIMIT_NS (60 * SL_SECOND)
#define REST_LIMIT_NS (30 * SL_SECOND)
#define LOOK_NS SL_MS
#define LOOK_AT_ALL_NS (10 * SL_MS) /* at every junction */
enum { TURNS_TOLD = 20000 };        /* progress is told every so many */

void *sim_room(size_t count, size_t size) {
    void *place = calloc(count + 1, size);
    if (place == NULL)
        abort();
    return place;
}

void sim_trial_tell(const sim_trial *trial) {
    if (trial->plan->progress == NULL)
        return;
    sim_progress progress = {.topology = trial->topology->name,
                             .routing = trial->figures->routing,
                             .doing = trial->doing,
                             .done = trial->done,
                             .total = trial->total};
    trial->plan->progress(trial->plan->arg, &progress);
}

/* ---- time, and what is said in it ---- */

bool sim_trial_is_whole(sim_trial *trial) {
    return sim_check_is_whole(trial->run->check);
}

static uint64_t bytes_said(const sim_trial *trial) {
    return sim_network_traffic(trial->run->mesh->network)[SIM_TRAFFIC_ROUTING].bytes;
}

/* Every second point goes, and from here on they are twice as far apart. */
static void curve_thin(sim_curve *curve) {
    uint32_t kept = 0;
    for (uint32_t i = 1; i < curve->count; i += 2)
        curve->points[kept++] = curve->points[i];
    curve->count = kept;
    curve->step_ns *= 2;
}

static void curve_note(sim_trial *trial) {
    sim_curve *curve = trial->curve;
    uint64_t bytes = bytes_said(trial);
    if (bytes == trial->curve_seen)
        return;
    slow_time at_ns = sim_trial_now(trial) - trial->curve_from;
    trial->curve_seen = bytes;
    if (trial->first_said == 0)
        trial->first_said = sim_trial_now(trial);
    if (curve == NULL)
        return;
    if (curve->count == SIM_CURVE_POINTS)
        curve_thin(curve);
    if (curve->count == 0 || at_ns - curve->points[curve->count - 1].at_ns >= curve->step_ns)
        curve->points[curve->count++].at_ns = at_ns;
    curve->points[curve->count - 1].bytes = bytes - trial->curve_base;
}

void sim_trial_curve(sim_trial *trial, sim_curve *curve) {
    trial->curve = curve;
    trial->curve_from = sim_trial_now(trial);
    trial->first_said = trial->broken_ns = 0;
    trial->curve_base = trial->curve_seen = bytes_said(trial);
    if (curve != NULL)
        *curve = (sim_curve){.step_ns = SL_MS / 10, .count = 1};
}

/* The mesh is looked at between instants, never in the middle of one. */
bool sim_trial_until(sim_trial *trial, slow_time step_ns, slow_time limit_ns, bool (*done)(sim_trial *)) {
    sl_world *world = trial->run->mesh->world;
    slow_time limit = sl_world_now(world) + limit_ns;
    for (;;) {
        slow_time now = sl_world_now(world), until = now + step_ns < limit ? now + step_ns : limit;
        bool whole = sim_trial_is_whole(trial);
        if (done != NULL && done(trial))
            return true;
        if (now == limit)
            return false;
        while (sl_world_turn(world, until)) {
            curve_note(trial);
            if (sim_check_failure(trial->run->check)->found && !trial->run->failure.found)
                sim_run_for(trial->run, 0); /* takes note of it, and of the trace at this point */
            if (++trial->turns % TURNS_TOLD == 0)
                sim_trial_tell(trial);
        }
        sl_world_run(world, until);
        trial->broken_ns += whole ? 0 : until - now;
    }
}

void sim_trial_run(sim_trial *trial, slow_time for_ns) {
    sim_trial_until(trial, for_ns, for_ns, NULL);
}

/* ---- what a mesh is like ---- */

static const slow_routing_inspect *inspection_of(const sl_strategy *strategy) {
    const slow_plugin *plugin = sl_instance_plugin(strategy->instance);
    return plugin->extension != NULL ? plugin->extension(strategy->self, SLOW_ROUTING_INSPECT_ID) : NULL;
}

/* One figure of all strategies of a junction, 0 where they do not show it. */
static sim_words words_of(const sl_junction *junction) {
    sim_words words = {0, 0};
    for (uint32_t i = 0; i < junction->routing.count; i++) {
        const sl_strategy *strategy = &junction->routing.strategies[i];
        const slow_routing_inspect *inspect = inspection_of(strategy);
        if (inspect != NULL && inspect->entries != NULL)
            words.entries += inspect->entries(strategy->self);
        if (inspect != NULL && inspect->requests != NULL)
            words.requests += inspect->requests(strategy->self);
    }
    return words;
}

uint64_t sim_strategy_memory(const sl_junction *junction) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < junction->routing.count; i++) {
        const sl_strategy *strategy = &junction->routing.strategies[i];
        const slow_routing_inspect *inspect = inspection_of(strategy);
        if (inspect != NULL && inspect->memory != NULL)
            bytes += inspect->memory(strategy->self);
    }
    return bytes;
}

/* Whether the words of all strategies can be counted: they show them, or never say any. */
bool sim_shows_words(const sl_junction *junction) {
    for (uint32_t i = 0; i < junction->routing.count; i++) {
        const sl_strategy *strategy = &junction->routing.strategies[i];
        const slow_routing_inspect *inspect = inspection_of(strategy);
        if (strategy->ops->message != NULL && (inspect == NULL || inspect->entries == NULL))
            return false;
    }
    return true;
}

/* What was said since the last call, by all that are there. A junction that started anew counts from 0. */
sim_words sim_trial_words(sim_trial *trial) {
    sim_words sum = {0, 0};
    for (uint32_t n = 0; n < trial->run->mesh->count; n++) {
        const sl_junction *junction = trial->run->mesh->nodes[n].junction;
        sim_words now = {0, 0}, *then = &trial->words[n];
        if (junction != NULL)
            now = words_of(junction);
        sum.entries += now.entries - (now.entries >= then->entries ? then->entries : 0);
        sum.requests += now.requests - (now.requests >= then->requests ? then->requests : 0);
        *then = now;
    }
    return sum;
}

/* Adjacencies that are up, each end counted, against those that there should be. */
bool sim_trial_is_linked(sim_trial *trial) {
    uint64_t up = 0, wanted = 0;
    for (uint32_t n = 0; n < trial->run->mesh->count; n++) {
        const sl_junction *junction = trial->run->mesh->nodes[n].junction;
        for (uint32_t i = 0; junction != NULL && i < junction->links.neighbours.count; i++)
            up += junction->links.neighbours.sorted[i]->adjacency != 0;
    }
    for (uint32_t i = 0; i < trial->topology->link_count; i++) {
        const sim_topology_link *link = &trial->topology->links[i];
        if (!trial->graph->link_gone[i] && !trial->graph->node_gone[link->a] && !trial->graph->node_gone[link->b])
            wanted += 2;
    }
    return up == wanted;
}

static bool is_at_rest(sim_trial *trial) {
    sim_check *check = trial->run->check;
    slow_time last = trial->acted_at, times[] = {sim_check_last_said(check), sim_check_last_up(check),
                                                 sim_check_last_down(check), sim_check_whole_since(check)};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        if (times[i] > last)
            last = times[i];
    return sim_trial_now(trial) >= last + SIM_QUIET && sim_check_pending(check, NULL) == 0;
}

void sim_trial_rest(sim_trial *trial) {
    sim_trial_until(trial, LOOK_NS, WHOLE_LIMIT_NS, sim_trial_is_whole);
    sim_trial_until(trial, LOOK_AT_ALL_NS, REST_LIMIT_NS, is_at_rest);
}

void sim_trial_link(sim_trial *trial) {
    sim_trial_until(trial, LOOK_AT_ALL_NS, SIM_LINKED_LIMIT_NS, sim_trial_is_linked);
}
