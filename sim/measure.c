#include "measure_parts.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEARN_NS (200 * SL_MS)    /* longer than any path takes: by then what is learned from packages is */
#define FORGET_NS (4 * SL_SECOND) /* what is learned from packages dies 3 s after the last */
#define IDLE_NS (10 * SL_SECOND)
#define FLAP_NS (31 * SL_SECOND) /* up for so long, a link that is cut again is no flapping one */
#define COST_NS (40 * SL_SECOND) /* another cost shows in a window of 10 s, and has to stay for 10 s */
enum { EVENT_PAIRS = 4 };        /* between which packages go */
enum { LARGE = 1000 }; /* junctions; in a larger network what was mended is checked at the next event's rest alone */

/* ---- failures ---- */

static void name_trace(const sim_trial *trial, char *out, size_t capacity) {
    const char *folder = trial->plan->trace_folder != NULL ? trial->plan->trace_folder : ".";
    snprintf(out, capacity, "%s/%.80s-%.80s-%" PRIu64 ".trace.json", folder, trial->topology->name,
             trial->figures->routing, trial->figures->seed);
    for (char *c = out + strlen(folder) + 1; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || strchr("/\\\":=*?<>|'`$&;(){}[]", *c) != NULL)
            *c = '-';
}

/* The run is written down while it is what failed: what is done later is not part of it. */
static void note_failure(sim_trial *trial, const char *text) {
    sim_figures *figures = trial->figures;
    slow_error error = {.text = ""};
    if (figures->failed)
        return;
    figures->failed = true;
    snprintf(figures->failure, sizeof figures->failure, "%s", text);
    name_trace(trial, figures->trace_file, sizeof figures->trace_file);
    if (sim_run_write_trace(trial->run, figures->trace_file, &error) == SLOW_OK)
        return;
    figures->trace_file[0] = '\0';
    snprintf(figures->no_trace, sizeof figures->no_trace, "%s", error.text);
}

static void look_for_failure(sim_trial *trial) {
    char text[sizeof trial->figures->failure];
    sim_run_for(trial->run, 0);
    if (!trial->run->failure.found)
        return;
    snprintf(text, sizeof text, "%s: %s", trial->run->failure.rule, trial->run->failure.text);
    note_failure(trial, text);
}

/* Now, so that it is the same in a replay, which ends here. */
static void check_sent(sim_trial *trial) {
    if (!sim_run_check_sent(trial->run))
        look_for_failure(trial);
}

static void check_rest(sim_trial *trial) {
    sim_stretch stretch = {.mean = 0, .most = 0};
    sim_verdict verdict = sim_run_rest(trial->run, &stretch);
    trial->figures->missing += verdict.missing;
    trial->figures->stale += verdict.stale;
    trial->figures->suboptimal += verdict.suboptimal;
    trial->stretch_sum += stretch.mean;
    trial->rests++;
    if (stretch.most > trial->figures->stretch.most)
        trial->figures->stretch.most = stretch.most;
    look_for_failure(trial);
}

/* ---- one event ---- */

static slow_time since(slow_time later, slow_time earlier) {
    return later > earlier ? later - earlier : 0;
}

static void keep_path(const sim_trial *trial, const sim_drawing *drawing, sim_path *path) {
    if (drawing != NULL && drawing->pair[0] != UINT32_MAX)
        *path = sim_trial_path(trial, drawing->pair[0], drawing->pair[1]);
}

static void measure_times(sim_trial *trial, const sim_event *event, slow_time at, sim_case *c) {
    sim_check *check = trial->run->check;
    slow_time noticed = event->mended ? sim_check_last_up(check) : sim_check_last_down(check);
    if (event->slower)
        noticed = trial->first_said; /* another cost; the core tells it when it has lasted */
    if (noticed < at)
        noticed = at;
    c->detection_ns = noticed - at;
    c->recovery_ns = since(sim_trial_is_whole(trial) ? sim_check_whole_since(check) : sim_trial_now(trial), noticed);
    if (event->slower)
        c->recovery_ns = trial->broken_ns; /* each end tells it in its own time, so there are several gaps */
    c->quiet_ns = since(sim_network_routing_at(trial->run->mesh->network), at);
}

/* From here on it counts: what is said, and what is drawn of it. Returns the time. */
static slow_time act(sim_trial *trial, const sim_event *event, sim_case *c) {
    slow_time at = sim_trial_now(trial);
    sim_trial_words(trial);
    sim_trial_curve(trial, c->drawing != NULL ? &c->drawing->said : NULL);
    (event->mended ? sim_event_undo : sim_event_do)(trial, event, c->subject);
    return at;
}

static void measure_by_tables(sim_trial *trial, const sim_event *event, sim_case *c) {
    keep_path(trial, c->drawing, c->drawing != NULL ? &c->drawing->before : NULL);
    slow_time at = act(trial, event, c);
    sim_trial_run(trial, event->slower ? COST_NS : 0);
    sim_trial_link(trial);
    sim_trial_rest(trial);
    measure_times(trial, event, at, c);
    keep_path(trial, c->drawing, c->drawing != NULL ? &c->drawing->after : NULL);
}

static void courier_begin(sim_courier *courier, sim_trial *trial) {
    sim_courier_begin(courier, trial, EVENT_PAIRS, trial->pair[0] != UINT32_MAX ? trial->pair : NULL);
    sim_courier_round(courier, LEARN_NS);
}

static void measure_by_packages(sim_trial *trial, const sim_event *event, sim_case *c) {
    sim_courier courier;
    uint32_t lost;
    courier_begin(&courier, trial);
    keep_path(trial, c->drawing, c->drawing != NULL ? &c->drawing->before : NULL);
    slow_time at = act(trial, event, c), limit = at + SIM_LINKED_LIMIT_NS;
    while (!sim_trial_is_linked(trial) && sim_trial_now(trial) < limit)
        sim_courier_run(&courier, courier.step_ns);
    sim_courier_run(&courier, LEARN_NS);
    keep_path(trial, c->drawing, c->drawing != NULL ? &c->drawing->after : NULL);
    sim_trial_rest(trial);
    measure_times(trial, event, at, c);
    c->recovery_ns = since(sim_courier_end(&courier, at, &lost), c->detection_ns);
    sim_trial_run(trial, FORGET_NS);
}

/* The event itself, with what it costs. */
static void measure_act(sim_trial *trial, const sim_event *event, sim_case *c) {
    const sim_traffic *said = &sim_network_traffic(trial->run->mesh->network)[SIM_TRAFFIC_ROUTING];
    sim_traffic before = *said;
    (trial->figures->chooses ? measure_by_packages : measure_by_tables)(trial, event, c);
    sim_trial_curve(trial, NULL);
    sim_words words = sim_trial_words(trial);
    c->entries = words.entries;
    c->requests = words.requests;
    c->frames = said->frames - before.frames;
    c->bytes = said->bytes - before.bytes;
    check_rest(trial);
}

static bool is_large(const sim_trial *trial) {
    return trial->topology->node_count > LARGE;
}

/* For choosing strategies "reachable" is "a package arrives". The last round counts: what learns from packages may lose one
 * of the first. */
static void check_delivery(sim_trial *trial) {
    uint32_t lost = 0;
    sim_courier courier;
    if (!trial->figures->chooses)
        return;
    courier_begin(&courier, trial);
    courier.arrive = true;
    slow_time last_round = sim_trial_now(trial);
    sim_courier_round(&courier, 0);
    sim_courier_end(&courier, last_round, &lost);
    check_sent(trial);
    sim_trial_run(trial, is_large(trial) ? 0 : FORGET_NS);
    trial->figures->missing += lost;
}

/* Two junctions that the event concerns, if there are. */
static void concerned(sim_trial *trial, const sim_event *event, uint32_t subject, const sim_drawing *drawing,
                      uint32_t pair[2]) {
    uint32_t through = event->subject == SIM_OF_JUNCTIONS ? subject : UINT32_MAX, link = subject;
    if (event->subject == SIM_OF_HALVES)
        link = drawing != NULL && drawing->link_count > 0 ? drawing->links[0] : UINT32_MAX;
    if (link == UINT32_MAX || !sim_graph_concerned(trial->graph, link, through, pair))
        pair[0] = pair[1] = UINT32_MAX;
}

static sim_drawing *drawing_new(sim_trial *trial, const sim_event *event, uint32_t subject) {
    sim_drawing *drawing = sim_room(1, sizeof *drawing);
    drawing->links = sim_event_links(trial, event, subject, &drawing->link_count);
    return drawing;
}

static void measure_event(sim_trial *trial, const sim_event *event, sim_case *c, bool draw) {
    uint32_t parts = sim_graph_parts(trial->graph);
    c->drawing = draw ? drawing_new(trial, event, c->subject) : NULL;
    trial->pair[0] = trial->pair[1] = UINT32_MAX;
    if (draw || trial->figures->chooses)
        concerned(trial, event, c->subject, c->drawing, trial->pair);
    if (draw)
        memcpy(c->drawing->pair, trial->pair, sizeof trial->pair);
    if (event->mended) {
        sim_event_do(trial, event, c->subject);
        sim_trial_link(trial);
        sim_trial_rest(trial);
        c->splits = sim_graph_parts(trial->graph) > parts;
        check_rest(trial);
        measure_act(trial, event, c);
    } else {
        measure_act(trial, event, c);
        c->splits = sim_graph_parts(trial->graph) > parts;
        check_delivery(trial);
        sim_event_undo(trial, event, c->subject);
        sim_trial_run(trial, event->slower ? COST_NS : 0);
        sim_trial_link(trial);
        sim_trial_rest(trial);
        if (!is_large(trial))
            check_rest(trial);
    }
    if (event->mended || !is_large(trial))
        check_delivery(trial);
    if (event->subject == SIM_OF_HALVES)
        sim_trial_run(trial, FLAP_NS);
}

/* ---- the experiment ---- */

/* Of connected pairs, how many have a second candidate that can be used at once. */
static double alternates(const sim_trial *trial) {
    uint64_t with = 0;
    for (uint32_t n = 0; n < trial->run->mesh->count; n++) {
        const sl_junction *junction = trial->run->mesh->nodes[n].junction;
        const sl_route_table *table = junction == NULL ? NULL : &junction->forward->table;
        for (uint32_t r = 0; table != NULL && r < table->count; r++) {
            uint32_t usable = 0;
            for (uint16_t i = 0; i < table->entries[r].count; i++) {
                const sl_candidate *candidate = &table->entries[r].candidates[i];
                usable += candidate->metric != SLOW_METRIC_INFINITY &&
                          sl_neighbour_get(table->neighbours, candidate->via) != NULL;
            }
            with += usable >= 2;
        }
    }
    uint64_t connected = sim_check_connected(trial->run->check);
    return trial->figures->chooses || connected == 0 ? -1 : (double)with / (double)connected;
}

static bool is_linked(const sim_trial *trial, uint32_t link) {
    const sim_topology_link *l = &trial->topology->links[link];
    slow_id id = sim_mesh_id(trial->run->mesh, l->b);
    const sl_neighbour *n = sl_neighbour_find(&trial->run->mesh->nodes[l->a].junction->links.neighbours, &id);
    return n != NULL && n->adjacency != 0;
}

static bool is_warm(const sim_trial *trial, uint32_t link) {
    const sim_topology_link *l = &trial->topology->links[link];
    const uint32_t ends[2] = {l->a, l->b};
    for (unsigned e = 0; e < 2; e++) {
        slow_id id = sim_mesh_id(trial->run->mesh, ends[!e]);
        const sl_neighbour *n = sl_neighbour_find(&trial->run->mesh->nodes[ends[e]].junction->links.neighbours, &id);
        if (n != NULL && n->uses > 0)
            return true;
    }
    return false;
}

/* Both ends keep the interval that the one with the greater need asks for, so a link is warm at both or at none. */
static void measure_idle(sim_trial *trial) {
    sim_network *network = trial->run->mesh->network;
    uint32_t links = trial->topology->link_count, counted = 0, warm = 0;
    uint64_t *before = sim_room(links, sizeof *before), bytes = 0, all = sim_network_bytes(network);
    double seconds = (double)IDLE_NS / (double)SL_SECOND;
    for (uint32_t i = 0; i < links; i++) {
        before[i] = sim_network_cable_at(network, i + 1)->bytes;
        warm += is_warm(trial, i);
    }
    sim_trial_run(trial, IDLE_NS);
    for (uint32_t i = 0; i < links; i++)
        if (warm == 0 || is_warm(trial, i)) {
            bytes += sim_network_cable_at(network, i + 1)->bytes - before[i];
            counted++;
        }
    free(before);
    all = sim_network_bytes(network) - all;
    trial->figures->idle_bytes_per_s = (double)all / seconds / trial->topology->node_count;
    trial->figures->idle_bytes_per_s_per_link = counted > 0 ? (double)bytes / seconds / (2.0 * counted) : -1;
}

/* The core gives a neighbour up that is silent for seconds. Nothing that is measured then means anything, and no trace
 * would show more. */
static void check_linked(sim_trial *trial) {
    sim_figures *figures = trial->figures;
    uint32_t down = 0;
    for (uint32_t i = 0; i < trial->topology->link_count; i++)
        down += !is_linked(trial, i);
    if (down == 0 || figures->failed)
        return;
    figures->failed = true;
    snprintf(figures->failure, sizeof figures->failure,
             "%u of %u links did not come up within %llu s; expected latencies of 2 s at most, with which a neighbour "
             "answers in time",
             down, trial->topology->link_count, (unsigned long long)(SIM_LINKED_LIMIT_NS / SL_SECOND));
}

static void measure_cold_start(sim_trial *trial) {
    sim_figures *figures = trial->figures;
    const sim_mesh *mesh = trial->run->mesh;
    const sim_traffic *said = &sim_network_traffic(mesh->network)[SIM_TRAFFIC_ROUTING];
    trial->doing = "cold start";
    sim_trial_tell(trial);
    sim_trial_curve(trial, &figures->cold_said);
    sim_trial_link(trial);
    check_linked(trial);
    sim_trial_rest(trial);
    figures->cold.detection_ns = sim_check_last_up(trial->run->check);
    figures->cold.recovery_ns =
        since(sim_trial_is_whole(trial) ? sim_check_whole_since(trial->run->check) : sim_trial_now(trial),
              sim_check_last_up(trial->run->check));
    figures->cold.quiet_ns = sim_network_routing_at(mesh->network);
    sim_trial_curve(trial, NULL);
    sim_words words = sim_trial_words(trial);
    figures->cold.entries = words.entries;
    figures->cold.requests = words.requests;
    figures->cold.frames = said->frames;
    figures->cold.bytes = said->bytes;
    check_rest(trial);
    figures->alternates_cold = alternates(trial);
    for (uint32_t n = 0; n < mesh->count; n++)
        if (mesh->nodes[n].junction != NULL)
            figures->strategy_bytes += sim_strategy_memory(mesh->nodes[n].junction);
}

static void measure_packages(sim_trial *trial) {
    uint32_t sent;
    sim_stretch stretch = {.mean = 1, .most = 1};
    uint32_t lost = sim_courier_sample(trial, &sent, &trial->figures->transmissions, &stretch);
    if (trial->figures->chooses) { /* and may lose a first package: check_delivery() looks at that */
        trial->stretch_sum = stretch.mean;
        trial->rests = 1;
        trial->figures->stretch.most = stretch.most;
        return;
    }
    trial->figures->missing += lost;
    check_sent(trial);
}

static void measure_series(sim_trial *trial, const sim_event *event) {
    sim_series *series = &trial->figures->series[trial->figures->series_count++];
    *series = (sim_series){.event = event, .count = sim_event_subjects(trial, event)};
    if (event->subject == SIM_OF_NOTHING) {
        series->count = 1;
        series->cases = sim_room(1, sizeof *series->cases);
        series->cases[0] = trial->figures->cold;
        return;
    }
    series->cases = sim_room(series->count, sizeof *series->cases);
    uint32_t step = trial->plan->paths > 0 ? (series->count + trial->plan->paths - 1) / trial->plan->paths : 0;
    for (uint32_t i = 0; i < series->count; i++) {
        trial->doing = event->name;
        sim_trial_tell(trial);
        series->cases[i].subject = sim_event_draw(trial, event, i);
        measure_event(trial, event, &series->cases[i], step > 0 && i % step == 0);
        trial->done++;
    }
}

static bool chooses(const sim_mesh *mesh) {
    for (uint32_t i = 0; i < mesh->nodes[0].junction->routing.count; i++)
        if (mesh->nodes[0].junction->routing.strategies[i].ops->choose != NULL)
            return true;
    return false;
}

/* A scenario keeps its topology; the figures need one that outlives it. */
static sim_topology *copy_of(const sim_topology *topology, slow_error *error) {
    sl_json_writer out = {.text = NULL};
    sim_topology *copy = NULL;
    sim_topology_write(topology, &out);
    sl_json_text text = {.name = topology->name, .size = 0};
    char *written = sl_json_take(&out, &text.size);
    if (written == NULL)
        abort();
    text.text = written;
    sl_json *value = sl_json_parse(&text, error);
    sl_json_at at = sl_json_at_root(&text);
    if (value != NULL)
        sim_topology_read(value, &at, NULL, 0, &copy, error);
    sl_json_free(value);
    free(written);
    return copy;
}

static sim_run *run_new(const sim_topology *topology, const char *routing, const sim_choice *base, uint64_t seed,
                        slow_error *error) {
    sim_choice choice = *base;
    sim_scenario *scenario;
    sim_topology *copy = copy_of(topology, error);
    choice.routing = routing;
    choice.seed = &seed;
    if (copy == NULL || sim_scenario_of(copy, &choice, &scenario, error) != SLOW_OK)
        return NULL;
    sim_run *run = sim_run_new(scenario);
    run->keep_going = true;
    return run;
}

sim_figures *sim_measure(const sim_plan *plan, slow_error *error) {
    const sim_topology *topology = plan->topology;
    sim_run *run = run_new(topology, plan->strategy.routing, &plan->choice, plan->seed, error);
    if (run == NULL)
        return NULL;
    sim_figures *figures = sim_room(1, sizeof *figures);
    *figures = (sim_figures){.topology = topology, .seed = plan->seed, .transmissions = -1, .alternates_after = -1};
    snprintf(figures->routing, sizeof figures->routing, "%s", plan->strategy.name);
    figures->chooses = chooses(run->mesh);
    figures->shows_words = sim_shows_words(run->mesh->nodes[0].junction);
    sim_trial trial = {.plan = plan,
                       .topology = topology,
                       .figures = figures,
                       .run = run,
                       .graph = sim_graph_new(topology),
                       .draws = plan->seed,
                       .words = sim_room(topology->node_count, sizeof *trial.words),
                       .side = sim_room(topology->node_count, sizeof *trial.side)};
    for (uint32_t i = 0; i < plan->event_count; i++)
        trial.total += sim_event_subjects(&trial, plan->events[i]);
    measure_cold_start(&trial);
    measure_idle(&trial);
    for (uint32_t i = 0; i < plan->event_count; i++)
        measure_series(&trial, plan->events[i]);
    if (trial.done > 0)
        figures->alternates_after = alternates(&trial);
    look_for_failure(&trial);
    sim_trial_tell(&trial);
    measure_packages(&trial);
    figures->loops = sim_check_count(run->check, SIM_LOOP);
    figures->stretch.mean = trial.rests > 0 ? trial.stretch_sum / trial.rests : 1;
    figures->trace_hash = sl_world_trace(run->mesh->world);
    sim_run_free(run);
    sim_graph_free(trial.graph);
    free(trial.words);
    free(trial.side);
    return figures;
}
