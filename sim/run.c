/* Playing. Time goes from one thing that is to be done to the next: all turns up to and including that instant, then the
 * thing. So a junction's own events of an instant are always before what is done to it, in the first run and in its replay.
 *
 * What is drawn comes from streams of the seed that know nothing of each other: the cables' faults (the world's), the
 * actions and their "any", the traffic, who is slow to read it, and the packages' faults. A trace has the actions as they
 * were drawn, and draws none; the other
 * streams then give what they gave before. */
#include "run_parts.h"
#include "core/log.h"
#include "core/loop.h"
#include "text_file.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEVER UINT64_MAX

static void *need(void *memory) {
    if (memory == NULL)
        abort();
    return memory;
}

/* ---- making ---- */

static void set_cables(sim_run *run) {
    const sim_scenario *s = run->scenario;
    for (uint32_t i = 0; i < s->topology->link_count; i++) {
        const sim_topology_link *link = &s->topology->links[i];
        uint32_t number = sim_network_cable(run->mesh->network, link->a, link->b, link->latency_ns);
        if (number != i + 1)
            abort();
        sim_cable *cable = sim_network_cable_at(run->mesh->network, number);
        cable->loss_ppm = s->links.loss_ppm;
        cable->duplicate_ppm = s->links.duplicate_ppm;
        cable->reorder_ppm = s->links.reorder_ppm;
        cable->jitter_ns = s->links.jitter_ns;
        cable->rate = s->links.rate;
        cable->stream = s->stream;
    }
}

static void set_checks(sim_run *run) {
    for (int i = 0; i < SIM_RULE_COUNT; i++)
        if (run->scenario->checks[i] != SIM_AS_PROMISED)
            sim_check_set(run->check, (enum sim_rule)i, run->scenario->checks[i] == SIM_FAILS);
}

sim_run *sim_run_new(sim_scenario *scenario) {
    sim_run *run = need(calloc(1, sizeof *run));
    run->scenario = scenario;
    run->mesh = need(sim_mesh_new(scenario->seed, scenario->topology->node_count));
    run->random = scenario->seed + 1;
    run->random_at = scenario->random.every_ns == 0 ? NEVER : scenario->random.from_ns;
    run->mesh->cost_bias = (uint32_t)scenario->cost_bias;
    run->mesh->plugin_dirs = scenario->plugin_dirs != NULL ? scenario->plugin_dirs : "[]";
    if (strlen(scenario->routing) >= sizeof run->mesh->routing)
        abort();
    snprintf(run->mesh->routing, sizeof run->mesh->routing, "%s", scenario->routing);
    set_cables(run);
    run->check = need(sim_check_new(run->mesh, scenario->topology->nodes));
    set_checks(run);
    run->traffic = sim_traffic_new(run->mesh, scenario);
    sim_detour_init(&run->detour, run->mesh, &scenario->packages, scenario->seed + 4);
    run->mesh->secure = run->mesh->secure || scenario->secure;
    run->mesh->pairs_most = scenario->pairs_most;
    run->mesh->receive_most = scenario->receive_most;
    run->mesh->broken = sim_broken_of(scenario->broken);
    for (uint32_t i = 0; i < scenario->action_count; i++)
        sim_run_schedule(run, &scenario->actions[i]);
    for (uint32_t i = 0; i < run->mesh->count; i++) {
        const sim_place_setup *place = scenario->places == NULL ? NULL : &scenario->places[i];
        if (place != NULL) {
            run->mesh->nodes[i].id = place->id;
            run->mesh->nodes[i].routing = place->routing;
            run->mesh->nodes[i].rogue = place->rogue;
            run->mesh->nodes[i].drops_from = place->drops_from_ns;
            run->mesh->nodes[i].drops_until = place->drops_until_ns;
        }
        if (place == NULL || !place->absent)
            sim_mesh_start(run->mesh, i);
    }
    return run;
}

static void actions_free(sim_action *actions, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        sim_action_clear(&actions[i]);
    free(actions);
}

void sim_run_free(sim_run *run) {
    if (run == NULL)
        return;
    sim_check_free(run->check);
    sim_mesh_free(run->mesh);
    sim_traffic_free(run->traffic);
    actions_free(run->done, run->done_count);
    actions_free(run->pending, run->pending_count);
    sim_scenario_free(run->scenario);
    free(run->recoveries);
    free(run);
}

slow_time sim_run_now(const sim_run *run) {
    return sl_world_now(run->mesh->world);
}

/* ---- doing ---- */

static void append(sim_action **actions, uint32_t *count, uint32_t *capacity, const sim_action *action) {
    if (*count == *capacity) {
        *capacity = *capacity == 0 ? 32 : *capacity * 2;
        *actions = need(realloc(*actions, *capacity * sizeof **actions));
    }
    (*actions)[(*count)++] = sim_action_copy(action);
}

void sim_run_schedule(sim_run *run, const sim_action *action) {
    append(&run->pending, &run->pending_count, &run->pending_capacity, action);
    uint32_t place = run->pending_count - 1;
    sim_action added = run->pending[place];
    for (; place > run->pending_next && run->pending[place - 1].at_ns > added.at_ns; place--)
        run->pending[place] = run->pending[place - 1];
    run->pending[place] = added;
}

/* How long the last thing that took an adjacency down kept some pair from reaching each other. */
static void note_recovery(sim_run *run) {
    slow_time down = sim_check_last_down(run->check);
    if (down <= run->noted_down || !sim_check_is_whole(run->check))
        return;
    slow_time whole = sim_check_whole_since(run->check);
    run->noted_down = down;
    run->recoveries = need(realloc(run->recoveries, (run->recovery_count + 1) * sizeof *run->recoveries));
    run->recoveries[run->recovery_count++] = whole > down ? whole - down : 0;
}

static void mix(sim_run *run, const sim_action *action) {
    sl_json_writer w = {0};
    size_t size = 0;
    sim_action_write(action, run->scenario->topology, &w);
    char *text = need(sl_json_take(&w, &size));
    sl_world_mix(run->mesh->world, text, size);
    free(text);
}

bool sim_run_do(sim_run *run, const sim_action *wanted) {
    sim_action action = sim_action_copy(wanted);
    action.at_ns = sim_run_now(run);
    note_recovery(run);
    bool done = sim_run_resolve(run, &action);
    if (done && run->on_action != NULL)
        run->on_action(run->arg, run, &action);
    done = done && sim_run_act(run, &action);
    if (done && action.kind != SIM_FLAP && action.kind != SIM_SEND) {
        mix(run, &action);
        append(&run->done, &run->done_count, &run->done_capacity, &action);
    }
    sim_action_clear(&action);
    return done;
}

static void do_pending(sim_run *run) {
    sim_action action = run->pending[run->pending_next];
    run->pending[run->pending_next++] = (sim_action){.kind = action.kind};
    sim_run_do(run, &action);
    sim_action_clear(&action);
}

static void do_random(sim_run *run) {
    sim_action action;
    if (sim_run_draw(run, &action))
        sim_run_do(run, &action);
    sim_action_clear(&action);
    run->random_at += 1 + sl_splitmix(&run->random) % (2 * run->scenario->random.every_ns);
    if (run->random_at >= run->scenario->random.until_ns)
        run->random_at = NEVER;
}

/* ---- time ---- */

static void fail(sim_run *run, const char *rule, slow_time at_ns, const char *text) {
    run->failure =
        (sim_run_failure){.found = true, .rule = rule, .at_ns = at_ns, .trace_hash = sl_world_trace(run->mesh->world)};
    snprintf(run->failure.text, sizeof run->failure.text, "%s", text);
}

/* True: something failed, and that is the end. */
static bool has_failed(sim_run *run) {
    const sim_failure *found = sim_check_failure(run->check);
    if (found->found && !run->failure.found)
        fail(run, sim_rule_name(found->rule), found->at, found->text);
    return run->failure.found && !run->keep_going;
}

static slow_time next_of(const sim_run *run) {
    slow_time next = run->pending_next < run->pending_count ? run->pending[run->pending_next].at_ns : NEVER;
    slow_time traffic = sim_traffic_next(run->traffic);
    next = run->random_at < next ? run->random_at : next;
    return traffic < next ? traffic : next;
}

static void do_what_is_due(sim_run *run) {
    slow_time now = sim_run_now(run);
    if (run->pending_next < run->pending_count && run->pending[run->pending_next].at_ns <= now)
        do_pending(run);
    else if (run->random_at <= now)
        do_random(run);
    else
        sim_traffic_send(run->traffic, now);
}

bool sim_run_for(sim_run *run, slow_time for_ns) {
    sl_world *world = run->mesh->world;
    slow_time until = sl_world_now(world) + for_ns;
    for (;;) {
        slow_time next = next_of(run);
        slow_time target = next < until ? next : until;
        while (!has_failed(run) && sl_world_turn(world, target))
            continue;
        if (has_failed(run))
            return false;
        if (target > sl_world_now(world))
            sl_world_run(world, target); /* sets the clock */
        if (next > until)
            return true;
        do_what_is_due(run);
    }
}

/* Has every cable that can carry an adjacency one? */
static bool all_up(const sim_run *run) {
    for (uint32_t i = 1; i <= sim_network_cables(run->mesh->network); i++) {
        const sim_cable *cable = sim_network_cable_at(run->mesh->network, i);
        const sim_node *a = &run->mesh->nodes[cable->ends[0]], *b = &run->mesh->nodes[cable->ends[1]];
        if (cable->cut || cable->cut_way[0] || cable->cut_way[1] || a->junction == NULL || b->junction == NULL ||
            sim_mesh_is_frozen(run->mesh, a->place) || sim_mesh_is_frozen(run->mesh, b->place))
            continue;
        const sl_neighbour *n = sl_neighbour_find(&a->junction->links.neighbours, &b->junction->claim.id);
        const sl_neighbour *back = sl_neighbour_find(&b->junction->links.neighbours, &a->junction->claim.id);
        if (n == NULL || back == NULL || n->adjacency == 0 || back->adjacency == 0)
            return false;
    }
    return true;
}

bool sim_run_until_whole(sim_run *run, slow_time limit_ns) {
    slow_time limit = sim_run_now(run) + limit_ns;
    while (!all_up(run) || !sim_check_is_whole(run->check))
        if (sim_run_now(run) >= limit || !sim_run_for(run, SL_MS))
            return false;
    return true;
}

static void tell_time(sim_run *run) {
    if (run->on_time != NULL)
        run->on_time(run->arg, run);
}

/* In slices, so that a failure is seen soon after it happened; each is long enough to be quiet in. */
bool sim_run_settle(sim_run *run, slow_time limit_ns) {
    slow_time limit = sim_run_now(run) + limit_ns;
    while (!has_failed(run) && sim_run_now(run) < limit) {
        slow_time left = limit - sim_run_now(run);
        if (sim_check_settle(run->check, left < 2 * SIM_QUIET ? left : 2 * SIM_QUIET))
            return !has_failed(run);
    }
    return false;
}

sim_verdict sim_run_rest(sim_run *run, sim_stretch *stretch) {
    sim_verdict verdict = sim_check_rest(run->check, stretch);
    run->rested = true;
    note_recovery(run);
    has_failed(run);
    return verdict;
}

bool sim_run_check_sent(sim_run *run) {
    const sim_parcel *missed = sim_traffic_missed(run->traffic);
    char *const *names = run->scenario->topology->nodes;
    char text[320];
    if (missed == NULL || run->failure.found)
        return missed == NULL;
    snprintf(text, sizeof text, "seed %" PRIu64 ", at %.6f s: what %.100s sent to %.100s at %.6f s has not arrived",
             run->scenario->seed, (double)sim_run_now(run) / 1e9, names[missed->from], names[missed->to],
             (double)missed->at_ns / 1e9);
    fail(run, "lost", sim_run_now(run), text);
    return false;
}

/* Messages that were lost, or came twice: more than the scenario allows? */
static void check_traffic(sim_run *run) {
    const sim_scenario *s = run->scenario;
    char text[160];
    uint64_t lost = sim_traffic_lost(run->traffic), doubles = run->traffic->duplicates;
    bool too_many = s->lost_most >= 0 && lost > (uint64_t)s->lost_most;
    bool twice = s->duplicates_most >= 0 && doubles > (uint64_t)s->duplicates_most;
    if (run->failure.found || (!too_many && !twice))
        return;
    snprintf(text, sizeof text,
             "seed %" PRIu64 ", at %.6f s: of %" PRIu64 " messages %" PRIu64 " were lost, and %" PRIu64 " came twice",
             s->seed, (double)sim_run_now(run) / 1e9, run->traffic->sent, lost, doubles);
    fail(run, too_many ? "lost" : "duplicates", sim_run_now(run), text);
}

/* What waits for a route does so for 5 s, and is then dropped. */
static bool let_messages_land(sim_run *run) {
    slow_time limit = sim_run_now(run) + 6 * SL_SECOND;
    while (sim_traffic_lost(run->traffic) > 0 && sim_run_now(run) < limit)
        if (!sim_run_for(run, 100 * SL_MS))
            return false;
    return true;
}

static bool run_timeline(sim_run *run) {
    const slow_time end = run->scenario->duration_ns;
    do {
        slow_time left = end - sim_run_now(run);
        if (!sim_run_for(run, left < SL_SECOND ? left : SL_SECOND))
            return false;
        tell_time(run);
    } while (sim_run_now(run) < end);
    return true;
}

/* All of the time that it has, quiet or not: what went dead without a sign is noticed after seconds, and a link that
 * flapped is held down for a minute. In slices, which are the same in a replay. */
static bool let_it_rest(sim_run *run) {
    slow_time limit = sim_run_now(run) + run->scenario->settle_ns;
    while (!has_failed(run) && sim_run_now(run) < limit) {
        slow_time left = limit - sim_run_now(run);
        sl_world_run(run->mesh->world, sim_run_now(run) + (left < SL_SECOND / 4 ? left : SL_SECOND / 4));
        tell_time(run);
    }
    return !has_failed(run);
}

bool sim_run_play(sim_run *run) {
    run->played = true;
    if (!run_timeline(run) || !let_messages_land(run))
        return false;
    if (!let_it_rest(run) || !sim_run_check_sent(run))
        return false;
    sim_run_rest(run, &run->stretch);
    check_traffic(run);
    return !run->failure.found;
}

/* ---- what is left behind ---- */

/* All actions in their order, what was sent put back among them. */
static sim_action *done_and_sent(const sim_run *run) {
    const sim_traffic_play *traffic = run->traffic;
    sim_action *all = need(malloc(((size_t)run->done_count + traffic->parcel_count + 1) * sizeof *all));
    uint32_t done = 0, sent = 0;
    while (done < run->done_count || sent < traffic->parcel_count) {
        const sim_parcel *parcel = sent < traffic->parcel_count ? &traffic->parcels[sent] : NULL;
        if (parcel == NULL || parcel->behind > done) {
            all[sent + done] = run->done[done];
            done++;
            continue;
        }
        all[sent + done] = (sim_action){.kind = SIM_SEND,
                                        .at_ns = parcel->at_ns,
                                        .node = parcel->from,
                                        .to = parcel->to,
                                        .size = parcel->size,
                                        .arrives = parcel->arrives};
        sent++;
    }
    return all;
}

slow_status sim_run_write_trace(const sim_run *run, const char *path, slow_error *error) {
    sim_scenario copy = *run->scenario; /* shares all that it points to */
    size_t size = 0;
    slow_time now = sim_run_now(run);
    if (run->failure.found) {
        snprintf(copy.expect.rule, sizeof copy.expect.rule, "%s", run->failure.rule);
        copy.expect.at_ns = run->failure.at_ns;
        copy.expect.trace_hash = run->failure.trace_hash;
    }
    if (!run->played) { /* an experiment: it lasted until now, and its rest was looked at now */
        copy.duration_ns = now;
        copy.settle_ns = 0;
    }
    sim_action *all = done_and_sent(run); /* borrows what the actions point to */
    char *text = sim_scenario_write(&copy, all, run->done_count + run->traffic->parcel_count, &size);
    slow_status status = sim_text_write(path, text, size, error);
    free(text);
    free(all);
    return status;
}

void sim_run_explain(const sim_run *run, char *out, size_t capacity) {
    char what[256];
    int used = snprintf(out, capacity, "%s: %s", run->failure.rule, run->failure.text);
    uint32_t first = run->done_count > 3 ? run->done_count - 3 : 0;
    for (uint32_t i = first; i < run->done_count && used > 0 && (size_t)used < capacity; i++) {
        sim_action_describe(&run->done[i], run->scenario->topology, what, sizeof what);
        used += snprintf(out + used, capacity - (size_t)used, "\n  %s %.3f s: %s", i == first ? "before it, at" : "at",
                         (double)run->done[i].at_ns / 1e9, what);
    }
}
