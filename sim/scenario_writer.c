/* A scenario as a file again: what a trace is. Everything in it is concrete, so that it needs no other file. */
#include "scenario.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_text(sl_json_writer *w, const char *key, const char *text) {
    sl_json_key(w, key);
    sl_json_put_string(w, text);
}

static void put_time(sl_json_writer *w, const char *key, slow_time ns) {
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64 "ns", ns);
    put_text(w, key, text);
}

static void put_json(sl_json_writer *w, const char *key, const char *json) {
    sl_json_key(w, key);
    sl_json_put_raw(w, json, strlen(json));
}

static void put_places(const sim_scenario *s, sl_json_writer *w) {
    char number[16];
    sl_json_key(w, "junctions");
    sl_json_begin(w, '{');
    for (uint32_t i = 0; s->places != NULL && i < s->topology->node_count; i++) {
        const sim_place_setup *place = &s->places[i];
        if (place->id == NULL && place->routing == NULL && !place->absent && !place->rogue &&
            place->drops_until_ns == 0)
            continue;
        /* By its name, unless another's is that. */
        snprintf(number, sizeof number, "%u", i);
        sl_json_key(w, sim_topology_node(s->topology, s->topology->nodes[i]) == i ? s->topology->nodes[i] : number);
        sl_json_begin(w, '{');
        if (place->id != NULL)
            put_text(w, "id", place->id);
        if (place->routing != NULL)
            put_json(w, "routing", place->routing);
        if (place->absent) {
            sl_json_key(w, "absent");
            sl_json_put_bool(w, true);
        }
        if (place->rogue) {
            sl_json_key(w, "rogue");
            sl_json_put_bool(w, true);
        }
        if (place->drops_until_ns != 0) {
            put_time(w, "drops_from", place->drops_from_ns);
            put_time(w, "drops_until", place->drops_until_ns);
        }
        sl_json_end(w, '}');
    }
    sl_json_end(w, '}');
}

static void put_checks(const sim_scenario *s, sl_json_writer *w) {
    sl_json_key(w, "checks");
    sl_json_begin(w, '{');
    for (int i = 0; i < SIM_RULE_COUNT; i++)
        if (s->checks[i] != SIM_AS_PROMISED)
            put_text(w, sim_rule_name((enum sim_rule)i), s->checks[i] == SIM_FAILS ? "fail" : "count");
    sl_json_key(w, "lost");
    sl_json_put_integer(w, s->lost_most);
    sl_json_key(w, "duplicates");
    sl_json_put_integer(w, s->duplicates_most);
    sl_json_end(w, '}');
}

static void put_expect(const sim_scenario *s, sl_json_writer *w) {
    char hash[20];
    if (s->expect.rule[0] == '\0')
        return;
    snprintf(hash, sizeof hash, "%016" PRIx64, s->expect.trace_hash);
    sl_json_key(w, "expect");
    sl_json_begin(w, '{');
    put_text(w, "rule", s->expect.rule);
    put_time(w, "at", s->expect.at_ns);
    put_text(w, "trace_hash", hash);
    sl_json_end(w, '}');
}

char *sim_scenario_write(const sim_scenario *s, const sim_action *actions, uint32_t count, size_t *size) {
    sl_json_writer w = {0};
    sl_json_begin(&w, '{');
    put_text(&w, "name", s->name);
    if (s->about != NULL)
        put_text(&w, "about", s->about);
    put_json(&w, "routing", s->routing);
    sl_json_key(&w, "seed");
    sl_json_put_unsigned(&w, s->seed);
    put_time(&w, "duration", s->duration_ns);
    put_time(&w, "settle", s->settle_ns);
    put_expect(s, &w);
    sl_json_key(&w, "timeline");
    sl_json_begin(&w, '[');
    for (uint32_t i = 0; i < count; i++)
        sim_action_write(&actions[i], s->topology, &w);
    sl_json_end(&w, ']');
    sl_json_key(&w, "links");
    sl_json_begin(&w, '{');
    sim_faults_write(&s->links, &w);
    sl_json_key(&w, "stream");
    sl_json_put_bool(&w, s->stream);
    sl_json_key(&w, "cost_bias");
    sl_json_put_integer(&w, s->cost_bias);
    sl_json_end(&w, '}');
    if (s->places != NULL)
        put_places(s, &w);
    sl_json_key(&w, "traffic");
    sl_json_begin(&w, '[');
    for (uint32_t i = 0; i < s->traffic_count; i++)
        sim_traffic_rule_write(&s->traffic[i], &w);
    sl_json_end(&w, ']');
    if (s->secure)
        put_text(&w, "security", "noise");
    if (s->packages.until_ns > 0) {
        sl_json_key(&w, "packages");
        sim_package_faults_write(&s->packages, &w);
    }
    if (s->pairs_most != 0 || s->receive_most != 0)
        sim_caps_write(s, &w);
    if (s->broken != NULL)
        put_text(&w, "break", s->broken);
    put_checks(s, &w);
    sl_json_key(&w, "topology");
    sim_topology_write(s->topology, &w);
    sl_json_end(&w, '}');
    char *text = sl_json_take(&w, size);
    if (text == NULL)
        abort();
    return text;
}
