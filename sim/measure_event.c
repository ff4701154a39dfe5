#include "measure_parts.h"
#include <stdlib.h>
#include <string.h>

enum { HALVES = 10, SLOWER = 10 };

static const sim_event events[] = {
    {.name = "cold-start", .title = "all junctions start at once", .subject = SIM_OF_NOTHING},
    {.name = "cut-every-link", .title = "a link is cut and both ends see it", .subject = SIM_OF_LINKS},
    {.name = "cut-silently", .title = "a link goes dead without a sign", .subject = SIM_OF_LINKS, .silent = true},
    {.name = "restore-every-link", .title = "a link that was cut comes back", .subject = SIM_OF_LINKS, .mended = true},
    {.name = "cost-change", .title = "a link becomes ten times as slow", .subject = SIM_OF_LINKS, .slower = true},
    {.name = "kill-every-junction", .title = "a junction dies and its neighbours see it", .subject = SIM_OF_JUNCTIONS},
    {.name = "kill-silently",
     .title = "a junction goes dead without a sign",
     .subject = SIM_OF_JUNCTIONS,
     .silent = true},
    {.name = "reboot-every-junction",
     .title = "a junction that died starts anew",
     .subject = SIM_OF_JUNCTIONS,
     .mended = true},
    {.name = "partition", .title = "the network is split into halves", .subject = SIM_OF_HALVES},
    {.name = "partition-heals", .title = "two halves come together again", .subject = SIM_OF_HALVES, .mended = true},
};

const sim_event *sim_events(uint32_t *count) {
    *count = sizeof events / sizeof events[0];
    return events;
}

const sim_event *sim_event_find(const char *name) {
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (strcmp(events[i].name, name) == 0)
            return &events[i];
    return NULL;
}

/* ---- which ---- */

static uint32_t all_subjects(const sim_trial *trial, const sim_event *event) {
    switch (event->subject) {
    case SIM_OF_LINKS:
        return trial->topology->link_count;
    case SIM_OF_JUNCTIONS:
        return trial->topology->node_count;
    case SIM_OF_HALVES:
        return trial->topology->node_count > 1 ? HALVES : 0;
    default:
        return 0;
    }
}

uint32_t sim_event_subjects(const sim_trial *trial, const sim_event *event) {
    uint32_t all = all_subjects(trial, event);
    return trial->plan->sample > 0 && trial->plan->sample < all ? trial->plan->sample : all;
}

/* A half that hangs together: what is nearest, in hops, to a node that is drawn. */
static void draw_half(sim_trial *trial) {
    const sim_topology *topology = trial->topology;
    uint32_t *queue = sim_room(topology->node_count, sizeof *queue), count = 0;
    memset(trial->side, 0, topology->node_count);
    queue[count++] = (uint32_t)sim_trial_draw(trial, topology->node_count);
    trial->side[queue[0]] = true;
    for (uint32_t at = 0; at < count; at++)
        for (uint32_t i = trial->graph->first[queue[at]]; i < trial->graph->first[queue[at] + 1]; i++) {
            const sim_topology_link *link = &topology->links[trial->graph->links[i]];
            uint32_t to = link->a == queue[at] ? link->b : link->a;
            if (trial->side[to] || count >= topology->node_count / 2)
                continue;
            trial->side[to] = true;
            queue[count++] = to;
        }
    free(queue);
}

/* One of each of equal parts of the list, so that the sample is spread over the map as files have it. */
uint32_t sim_event_draw(sim_trial *trial, const sim_event *event, uint32_t number) {
    uint64_t all = all_subjects(trial, event), count = sim_event_subjects(trial, event);
    if (event->subject == SIM_OF_HALVES)
        draw_half(trial);
    if (event->subject == SIM_OF_HALVES || count == all)
        return number;
    uint64_t low = number * all / count, high = (number + 1) * all / count;
    return (uint32_t)(low + sim_trial_draw(trial, high - low));
}

static bool leads_across(const sim_trial *trial, const sim_topology_link *link) {
    return trial->side[link->a] != trial->side[link->b];
}

uint32_t *sim_event_links(const sim_trial *trial, const sim_event *event, uint32_t subject, uint32_t *count) {
    uint32_t *links = sim_room(trial->topology->link_count, sizeof *links);
    *count = 0;
    for (uint32_t i = 0; i < trial->topology->link_count; i++) {
        const sim_topology_link *link = &trial->topology->links[i];
        if ((event->subject == SIM_OF_LINKS && i == subject) ||
            (event->subject == SIM_OF_JUNCTIONS && (link->a == subject || link->b == subject)) ||
            (event->subject == SIM_OF_HALVES && leads_across(trial, link)))
            links[(*count)++] = i;
    }
    return links;
}

/* ---- doing ---- */

/* What an action breaks at once is noted before time goes on, as in a replay. */
static void act(sim_trial *trial, const sim_action *action) {
    sim_run_do(trial->run, action);
    sim_run_for(trial->run, 0);
}

static void set_latency(sim_trial *trial, uint32_t link, slow_time latency_ns) {
    act(trial, &(sim_action){.kind = SIM_COST, .link = link, .latency_ns = latency_ns});
    trial->graph->latency_ns[link] = latency_ns;
}

static void part(sim_trial *trial) {
    uint32_t *nodes = sim_room(trial->topology->node_count, sizeof *nodes), count = 0;
    for (uint32_t n = 0; n < trial->topology->node_count; n++)
        if (trial->side[n])
            nodes[count++] = n;
    act(trial, &(sim_action){.kind = SIM_PARTITION, .nodes = nodes, .node_count = count});
    free(nodes);
    for (uint32_t i = 0; i < trial->topology->link_count; i++)
        trial->graph->link_gone[i] = leads_across(trial, &trial->topology->links[i]);
}

void sim_event_do(sim_trial *trial, const sim_event *event, uint32_t subject) {
    trial->acted_at = sim_trial_now(trial);
    switch (event->subject) {
    case SIM_OF_LINKS:
        if (event->slower) {
            set_latency(trial, subject, SLOWER * trial->topology->links[subject].latency_ns);
            return;
        }
        act(trial, &(sim_action){.kind = SIM_CUT, .link = subject, .silent = event->silent});
        trial->graph->link_gone[subject] = true;
        return;
    case SIM_OF_JUNCTIONS:
        act(trial, &(sim_action){.kind = SIM_KILL, .node = subject, .silent = event->silent});
        trial->graph->node_gone[subject] = true;
        return;
    case SIM_OF_HALVES:
        part(trial);
        return;
    default:
        return;
    }
}

void sim_event_undo(sim_trial *trial, const sim_event *event, uint32_t subject) {
    trial->acted_at = sim_trial_now(trial);
    switch (event->subject) {
    case SIM_OF_LINKS:
        if (event->slower) {
            set_latency(trial, subject, trial->topology->links[subject].latency_ns);
            return;
        }
        act(trial, &(sim_action){.kind = SIM_RESTORE, .link = subject});
        trial->graph->link_gone[subject] = false;
        return;
    case SIM_OF_JUNCTIONS:
        act(trial, &(sim_action){.kind = SIM_RESTART, .node = subject});
        trial->graph->node_gone[subject] = false;
        return;
    case SIM_OF_HALVES:
        act(trial, &(sim_action){.kind = SIM_HEAL});
        for (uint32_t i = 0; i < trial->topology->link_count; i++)
            trial->graph->link_gone[i] = false;
        return;
    default:
        return;
    }
}
