/* From a scenario's JSON to checked values: one table of keys, read in its order, since links, places and actions speak
 * of the topology's nodes. As with a config, the first thing that is wrong is the error, one line with its place, and
 * nothing is played of a scenario with a mistake in it. */
#include "scenario.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/option.h"
#include "strategies.h"
#include "text_file.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCENARIO_MAX = 64 << 20, TRAFFIC_MAX = 1000, PLACES_ID_MAX = 63 };
static const slow_time AFTER_LAST_NS = 10 * SL_SECOND;
static const slow_time UNSET = UINT64_MAX;

typedef struct reading {
    sim_scenario *scenario;
    const char *folder;
    const sim_choice *choice;
    slow_error *error;
} reading;

static void *need(void *memory) {
    if (memory == NULL)
        abort();
    return memory;
}

/* ---- parts ---- */

static slow_status expect_object(const sl_json *value, const sl_json_at *at, const char *example, slow_error *error) {
    return sl_json_type(value) == SL_JSON_OBJECT
               ? SLOW_OK
               : sl_json_error(at, error, SLOW_E_INVAL, "is %s; expected an object such as %s",
                               sl_json_type_name(value), example);
}

static slow_status expect_list(const sl_json *value, const sl_json_at *at, const char *what, slow_error *error) {
    return sl_json_type(value) == SL_JSON_ARRAY
               ? SLOW_OK
               : sl_json_error(at, error, SLOW_E_INVAL, "is %s; expected a list of %s", sl_json_type_name(value), what);
}

static slow_status read_text(const sl_json *value, const sl_json_at *at, char **out, slow_error *error) {
    static const slow_option option = {.key = "text", .type = SLOW_OPT_STRING, .min = 0, .max = 1000};
    return sl_option_set(&option, value, at, out, error);
}

static slow_status read_name(reading *r, const sl_json *value, const sl_json_at *at) {
    return read_text(value, at, &r->scenario->name, r->error);
}

static slow_status read_about(reading *r, const sl_json *value, const sl_json_at *at) {
    return read_text(value, at, &r->scenario->about, r->error);
}

static slow_status read_seed(reading *r, const sl_json *value, const sl_json_at *at) {
    static const slow_option option = {.key = "seed", .type = SLOW_OPT_INT, .min = 0, .max = INT64_MAX};
    int64_t seed = 0;
    slow_status status = sl_option_set(&option, value, at, &seed, r->error);
    r->scenario->seed = (uint64_t)seed;
    return status;
}

static slow_status read_topology(reading *r, const sl_json *value, const sl_json_at *at) {
    uint64_t seed = r->choice->seed != NULL ? *r->choice->seed : r->scenario->seed;
    return sim_topology_read(value, at, r->folder, seed, &r->scenario->topology, r->error);
}

static slow_status read_routing(reading *r, const sl_json *value, const sl_json_at *at) {
    if (r->choice->routing != NULL)
        return SLOW_OK;
    return sim_strategies_read(value, at, r->choice->options, r->choice->plugin_dirs, &r->scenario->routing, r->error);
}

/* Who makes tests reads them; here they only have to be names. */
static slow_status read_strategies(reading *r, const sl_json *value, const sl_json_at *at) {
    slow_status status = expect_list(value, at, "strategies' names", r->error);
    for (size_t i = 0; i < sl_json_count(value) && status == SLOW_OK; i++) {
        sl_json_at item = sl_json_at_index(at, i);
        if (sl_json_string(sl_json_item(value, i)) == NULL)
            status = sl_json_error(&item, r->error, SLOW_E_INVAL, "is %s; expected a strategy's name",
                                   sl_json_type_name(sl_json_item(value, i)));
    }
    return status;
}

static slow_status read_duration(const sl_json *value, const sl_json_at *at, slow_time *ns, slow_error *error) {
    static const slow_option option = {.key = "duration", .type = SLOW_OPT_DURATION};
    return sl_option_set(&option, value, at, ns, error);
}

static slow_status read_whole_duration(reading *r, const sl_json *value, const sl_json_at *at) {
    return read_duration(value, at, &r->scenario->duration_ns, r->error);
}

static slow_status read_settle(reading *r, const sl_json *value, const sl_json_at *at) {
    return read_duration(value, at, &r->scenario->settle_ns, r->error);
}

static slow_status read_links(reading *r, const sl_json *value, const sl_json_at *at) {
    static const slow_option options[] = {
        {.key = "latency",
         .type = SLOW_OPT_DURATION,
         .min = (int64_t)SIM_LATENCY_LEAST,
         .max = INT64_C(60000000000),
         .offset = 0},
        {.key = "stream", .type = SLOW_OPT_BOOL},
        {.key = "cost_bias", .type = SLOW_OPT_INT, .min = 0, .max = 60000},
        {.key = NULL},
    };
    sim_topology *topology = r->scenario->topology;
    const sl_json *latency = sl_json_get(value, "latency"), *stream = sl_json_get(value, "stream");
    const sl_json *bias = sl_json_get(value, "cost_bias");
    sl_json_at latency_at = sl_json_at_key(at, "latency"), stream_at = sl_json_at_key(at, "stream");
    sl_json_at bias_at = sl_json_at_key(at, "cost_bias");
    slow_time latency_ns = 0;
    slow_status status = expect_object(value, at, "{\"loss\": 0.01}", r->error);
    if (status == SLOW_OK)
        status = sl_option_check_keys(options, sim_faults_keys, value, at, r->error);
    if (status == SLOW_OK)
        status = sim_faults_read(value, at, &r->scenario->links, r->error);
    if (status == SLOW_OK && stream != NULL)
        status = sl_option_set(&options[1], stream, &stream_at, &r->scenario->stream, r->error);
    if (status == SLOW_OK && bias != NULL)
        status = sl_option_set(&options[2], bias, &bias_at, &r->scenario->cost_bias, r->error);
    if (status == SLOW_OK && latency != NULL)
        status = sl_option_set(&options[0], latency, &latency_at, &latency_ns, r->error);
    for (uint32_t i = 0; status == SLOW_OK && latency != NULL && i < topology->link_count; i++)
        topology->links[i].latency_ns = latency_ns;
    return status;
}

static slow_status read_place(reading *r, const sl_json *value, const sl_json_at *at, sim_place_setup *place) {
    static const slow_option options[] = {
        {.key = "id", .type = SLOW_OPT_STRING, .offset = offsetof(sim_place_setup, id), .min = 1, .max = PLACES_ID_MAX},
        {.key = "absent", .type = SLOW_OPT_BOOL, .offset = offsetof(sim_place_setup, absent)},
        {.key = "rogue", .type = SLOW_OPT_BOOL, .offset = offsetof(sim_place_setup, rogue)},
        {.key = "lies", .type = SLOW_OPT_STRING, .offset = offsetof(sim_place_setup, lie), .min = 1, .max = 31},
        {.key = "drops_from", .type = SLOW_OPT_DURATION, .offset = offsetof(sim_place_setup, drops_from_ns)},
        {.key = "drops_until", .type = SLOW_OPT_DURATION, .offset = offsetof(sim_place_setup, drops_until_ns)},
        {.key = NULL},
    };
    static const char *const others[] = {"routing", NULL};
    const sl_json *routing = sl_json_get(value, "routing");
    sl_json_at routing_at = sl_json_at_key(at, "routing");
    slow_status status = expect_object(value, at, "{\"absent\": true}", r->error);
    if (status == SLOW_OK)
        status = sl_option_check_keys(options, others, value, at, r->error);
    if (status == SLOW_OK)
        status = sl_option_fill(options, sizeof *place, value, at, place, r->error);
    if (status == SLOW_OK && routing != NULL)
        status = sim_strategies_read(routing, &routing_at, NULL, r->choice->plugin_dirs, &place->routing, r->error);
    return status;
}

static slow_status read_places(reading *r, const sl_json *value, const sl_json_at *at) {
    const sim_topology *topology = r->scenario->topology;
    slow_status status = expect_object(value, at, "{\"3\": {\"absent\": true}}", r->error);
    r->scenario->places = need(calloc(topology->node_count, sizeof *r->scenario->places));
    for (void *i = status == SLOW_OK ? sl_json_first(value) : NULL; i != NULL && status == SLOW_OK;
         i = sl_json_next(value, i)) {
        const char *key = sl_json_key_of(i);
        sl_json_at item = sl_json_at_key(at, key);
        uint32_t node = sim_topology_node(topology, key);
        if (strncmp(key, "//", 2) == 0)
            continue;
        if (node == UINT32_MAX)
            return sl_json_error(&item, r->error, SLOW_E_INVAL,
                                 "is no junction; expected the name of a node in \"%.60s\", or its number, 0..%u",
                                 topology->name, topology->node_count - 1);
        status = read_place(r, sl_json_get(value, key), &item, &r->scenario->places[node]);
    }
    return status;
}

/* What stood still can go on, and nothing else can: said here, not found while it is played. */
static slow_status check_memory(const sim_scenario *scenario, const sim_action *a, const sl_json_at *at,
                                slow_error *error) {
    bool standing = false;
    if (a->kind != SIM_RESTART || !a->memory)
        return SLOW_OK;
    for (uint32_t i = 0; i < scenario->action_count; i++)
        if (scenario->actions[i].kind == SIM_KILL && scenario->actions[i].memory &&
            scenario->actions[i].at_ns <= a->at_ns)
            standing |=
                scenario->actions[i].node == a->node || a->node >= SIM_ALL || scenario->actions[i].node >= SIM_ALL;
    if (standing)
        return SLOW_OK;
    return sl_json_error(at, error, SLOW_E_INVAL,
                         "restarts with memory what kept none; expected an earlier \"kill\" with \"memory\": true");
}

static slow_status read_timeline(reading *r, const sl_json *value, const sl_json_at *at) {
    slow_status status = expect_list(value, at, "actions, such as {\"at\": \"5s\", \"kill\": 3}", r->error);
    for (size_t i = 0; i < sl_json_count(value) && status == SLOW_OK; i++) {
        sim_action action;
        sl_json_at item = sl_json_at_index(at, i);
        status = sim_action_read(sl_json_item(value, i), &item, r->scenario->topology, r->choice->plugin_dirs, &action,
                                 r->error);
        if (status != SLOW_OK)
            break;
        status = check_memory(r->scenario, &action, &item, r->error);
        sim_scenario_add(r->scenario, &action);
        sim_action_clear(&action);
    }
    return status;
}

static slow_status read_random(reading *r, const sl_json *value, const sl_json_at *at) {
    return sim_random_read(value, at, r->choice->plugin_dirs, &r->scenario->random, r->error);
}

static slow_status read_traffic(reading *r, const sl_json *value, const sl_json_at *at) {
    sim_scenario *s = r->scenario;
    slow_status status = expect_list(value, at, "rules, such as {\"from\": 0, \"to\": \"any\"}", r->error);
    if (status == SLOW_OK && sl_json_count(value) > TRAFFIC_MAX)
        status = sl_json_error(at, r->error, SLOW_E_TOOBIG, "are over %d rules", TRAFFIC_MAX);
    if (status != SLOW_OK)
        return status;
    s->traffic = need(calloc(sl_json_count(value) + 1, sizeof *s->traffic));
    for (size_t i = 0; i < sl_json_count(value) && status == SLOW_OK; i++) {
        sl_json_at item = sl_json_at_index(at, i);
        status = sim_traffic_rule_read(sl_json_item(value, i), &item, s->topology, &s->traffic[s->traffic_count++],
                                       r->error);
    }
    return status;
}

static slow_status read_packages(reading *r, const sl_json *value, const sl_json_at *at) {
    return sim_package_faults_read(value, at, &r->scenario->packages, r->error);
}

static const char *const securities[] = {"none", "noise", NULL};

bool sim_security_is(const char *text, bool *secure) {
    for (size_t i = 0; securities[i] != NULL; i++)
        if (strcmp(text, securities[i]) == 0) {
            *secure = i != 0;
            return true;
        }
    return false;
}

static slow_status read_security(reading *r, const sl_json *value, const sl_json_at *at) {
    static const slow_option option = {.key = "security", .type = SLOW_OPT_ENUM, .choices = securities};
    int64_t which = 0;
    slow_status status = sl_option_set(&option, value, at, &which, r->error);
    r->scenario->secure = which != 0;
    return status;
}

static slow_status read_caps(reading *r, const sl_json *value, const sl_json_at *at) {
    return sim_caps_read(value, at, r->scenario, r->error);
}

static slow_status read_break(reading *r, const sl_json *value, const sl_json_at *at) {
    return sim_broken_read(value, at, &r->scenario->broken, r->error);
}

static slow_status read_checks(reading *r, const sl_json *value, const sl_json_at *at) {
    typedef struct limits {
        int64_t lost, duplicates;
    } limits;
    static const slow_option most[] = {
        {.key = "lost",
         .type = SLOW_OPT_INT,
         .offset = offsetof(limits, lost),
         .default_text = "-1",
         .min = -1,
         .max = INT64_MAX},
        {.key = "duplicates",
         .type = SLOW_OPT_INT,
         .offset = offsetof(limits, duplicates),
         .default_text = "-1",
         .min = -1,
         .max = INT64_MAX},
        {.key = NULL},
    };
    static const char *const severities[] = {"promised", "count", "fail", NULL};
    static const slow_option severity = {.key = "severity", .type = SLOW_OPT_ENUM, .choices = severities};
    const char *names[SIM_RULE_COUNT + 1];
    limits l;
    for (int i = 0; i < SIM_RULE_COUNT; i++)
        names[i] = sim_rule_name((enum sim_rule)i);
    names[SIM_RULE_COUNT] = NULL;
    slow_status status = expect_object(value, at, "{\"loop\": \"fail\"}", r->error);
    if (status == SLOW_OK)
        status = sl_option_check_keys(most, names, value, at, r->error);
    if (status == SLOW_OK)
        status = sl_option_fill(most, sizeof l, value, at, &l, r->error);
    for (int i = 0; i < SIM_RULE_COUNT && status == SLOW_OK; i++) {
        sl_json_at rule = sl_json_at_key(at, names[i]);
        const sl_json *wanted = sl_json_get(value, names[i]);
        int64_t choice = SIM_AS_PROMISED;
        if (wanted != NULL)
            status = sl_option_set(&severity, wanted, &rule, &choice, r->error);
        r->scenario->checks[i] = (enum sim_severity)choice;
    }
    if (status != SLOW_OK)
        return status;
    r->scenario->lost_most = l.lost;
    r->scenario->duplicates_most = l.duplicates;
    return SLOW_OK;
}

static slow_status read_expect(reading *r, const sl_json *value, const sl_json_at *at) {
    typedef struct expected {
        char *rule, *hash;
        slow_time at_ns;
    } expected;
    static const slow_option options[] = {
        {.key = "rule",
         .type = SLOW_OPT_STRING,
         .flags = SLOW_OPT_REQUIRED,
         .offset = offsetof(expected, rule),
         .min = 1,
         .max = 31},
        {.key = "at", .type = SLOW_OPT_DURATION, .flags = SLOW_OPT_REQUIRED, .offset = offsetof(expected, at_ns)},
        {.key = "trace_hash",
         .type = SLOW_OPT_STRING,
         .flags = SLOW_OPT_REQUIRED,
         .offset = offsetof(expected, hash),
         .min = 16,
         .max = 16},
        {.key = NULL},
    };
    expected e;
    slow_status status = expect_object(value, at, "{\"rule\": \"loop\", \"at\": \"5s\"}", r->error);
    if (status == SLOW_OK)
        status = sl_option_check_keys(options, NULL, value, at, r->error);
    if (status == SLOW_OK)
        status = sl_option_fill(options, sizeof e, value, at, &e, r->error);
    if (status != SLOW_OK)
        return status;
    snprintf(r->scenario->expect.rule, sizeof r->scenario->expect.rule, "%s", e.rule);
    r->scenario->expect.at_ns = e.at_ns;
    r->scenario->expect.trace_hash = strtoull(e.hash, NULL, 16);
    sl_option_clear(options, &e);
    return SLOW_OK;
}

/* ---- the whole ---- */

static const struct {
    const char *key;
    slow_status (*read)(reading *, const sl_json *, const sl_json_at *);
} sections[] = {
    {"name", read_name},
    {"about", read_about},
    {"seed", read_seed},
    {"topology", read_topology},
    {"routing", read_routing},
    {"strategies", read_strategies},
    {"duration", read_whole_duration},
    {"settle", read_settle},
    {"links", read_links},
    {"junctions", read_places},
    {"timeline", read_timeline},
    {"random", read_random},
    {"security", read_security},
    {"packages", read_packages},
    {"traffic", read_traffic},
    {"caps", read_caps},
    {"break", read_break},
    {"checks", read_checks},
    {"expect", read_expect},
};
enum { SECTIONS = sizeof sections / sizeof sections[0] };

static sim_scenario *scenario_new(const sim_choice *choice) {
    sim_scenario *s = need(calloc(1, sizeof *s));
    s->seed = choice->seed != NULL ? *choice->seed : 1;
    s->duration_ns = UNSET;
    s->settle_ns = 30 * SL_SECOND;
    s->links = (sim_faults){0};
    s->lost_most = s->duplicates_most = -1;
    if (choice->plugin_dirs != NULL) {
        sl_json_writer w = {0};
        sl_json_begin(&w, '[');
        for (const char *const *directory = choice->plugin_dirs; *directory != NULL; directory++)
            sl_json_put_string(&w, *directory);
        sl_json_end(&w, ']');
        size_t size;
        s->plugin_dirs = need(sl_json_take(&w, &size));
    }
    return s;
}

/* What was not said follows from what was. */
static void complete(sim_scenario *s, const sim_choice *choice) {
    slow_time last = s->random.until_ns;
    for (uint32_t i = 0; i < s->action_count; i++) {
        const sim_action *a = &s->actions[i];
        slow_time end = a->at_ns + (a->kind == SIM_FLAP ? a->times * a->every_ns : 0);
        last = end > last ? end : last;
    }
    if (s->duration_ns == UNSET)
        s->duration_ns = last + AFTER_LAST_NS;
    for (uint32_t i = 0; i < s->traffic_count; i++)
        if (s->traffic[i].until_ns > s->duration_ns)
            s->traffic[i].until_ns = s->duration_ns;
    if (s->packages.until_ns > s->duration_ns)
        s->packages.until_ns = s->duration_ns;
    if (choice->seed != NULL)
        s->seed = *choice->seed;
    if (choice->security != NULL)
        (void)sim_security_is(choice->security, &s->secure);
    if (s->name == NULL)
        s->name = need(strdup(s->topology->name));
}

/* Who lies does it in the protocol that all speak. */
static slow_status hire_liars(const reading *r) {
    const sim_scenario *s = r->scenario;
    char strategy[96], text[256];
    slow_status status = SLOW_OK;
    sim_strategies_names(s->routing, strategy, sizeof strategy);
    for (uint32_t i = 0; s->places != NULL && i < s->topology->node_count && status == SLOW_OK; i++) {
        sim_place_setup *place = &s->places[i];
        if (place->lie == NULL)
            continue;
        snprintf(text, sizeof text, "{\"plugin\": \"routing-rogue-%s\", \"lie\": \"%s\"}", strategy, place->lie);
        free(place->routing);
        place->routing = NULL;
        place->rogue = true;
        status = sim_strategies_parse(text, NULL, r->choice->plugin_dirs, &place->routing, r->error);
    }
    return status;
}

static slow_status read_sections(reading *r, const sl_json *root, const sl_json_at *at) {
    const char *keys[SECTIONS + 1];
    for (size_t i = 0; i < SECTIONS; i++)
        keys[i] = sections[i].key;
    keys[SECTIONS] = NULL;
    if (sl_json_get(root, "nodes") != NULL && sl_json_get(root, "topology") == NULL)
        return sl_json_error(at, r->error, SLOW_E_INVAL,
                             "is a topology; expected a scenario, which names one: {\"topology\": \"FILE\", ...}");
    slow_status status = sl_option_check_keys(NULL, keys, root, at, r->error);
    for (size_t i = 0; i < SECTIONS && status == SLOW_OK; i++) {
        const sl_json *value = sl_json_get(root, keys[i]);
        sl_json_at here = sl_json_at_key(at, keys[i]);
        if (value != NULL)
            status = sections[i].read(r, value, &here);
        else if (sections[i].read == read_topology)
            status = sl_json_error(&here, r->error, SLOW_E_INVAL,
                                   "missing; expected a map such as \"topology\": \"ring:8\"");
    }
    if (status == SLOW_OK && r->scenario->routing == NULL)
        status = sim_strategies_parse(r->choice->routing, r->choice->options, r->choice->plugin_dirs,
                                      &r->scenario->routing, r->error);
    return status == SLOW_OK ? hire_liars(r) : status;
}

slow_status sim_scenario_parse(const sl_json_text *text, const char *folder, const sim_choice *choice,
                               sim_scenario **out, slow_error *error) {
    static const sim_choice none = {.seed = NULL};
    reading r = {.folder = folder, .choice = choice != NULL ? choice : &none, .error = error};
    sl_json_at at = sl_json_at_root(text);
    slow_status status = SLOW_E_INVAL;
    *out = NULL;
    sl_json *root = sl_json_parse(text, error);
    if (root == NULL)
        return status;
    r.scenario = scenario_new(r.choice);
    status = expect_object(root, &at, "{\"topology\": \"ring:8\"}", error);
    if (status == SLOW_OK)
        status = read_sections(&r, root, &at);
    sl_json_free(root);
    if (status == SLOW_OK) {
        complete(r.scenario, r.choice);
        *out = r.scenario;
        return SLOW_OK;
    }
    sim_scenario_free(r.scenario);
    return status;
}

slow_status sim_scenario_open(const char *path, const sim_choice *choice, sim_scenario **out, slow_error *error) {
    char *text = NULL;
    size_t size = 0;
    *out = NULL;
    slow_status status = sim_text_read(path, SCENARIO_MAX, "a scenario", &text, &size, error);
    if (status != SLOW_OK)
        return status;
    const sl_json_text source = {.name = path, .text = text, .size = size};
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? NULL : need(strndup(path, (size_t)(slash - path)));
    status = sim_scenario_parse(&source, folder, choice, out, error);
    free(folder);
    free(text);
    return status;
}

slow_status sim_scenario_of(sim_topology *topology, const sim_choice *choice, sim_scenario **out, slow_error *error) {
    static const sim_choice none = {.seed = NULL};
    const sim_choice *chosen = choice != NULL ? choice : &none;
    sim_scenario *s = scenario_new(chosen);
    s->topology = topology;
    *out = NULL;
    slow_status status =
        sim_strategies_parse(chosen->routing, chosen->options, chosen->plugin_dirs, &s->routing, error);
    if (status == SLOW_OK) {
        complete(s, chosen);
        *out = s;
        return SLOW_OK;
    }
    sim_scenario_free(s);
    return status;
}

void sim_scenario_free(sim_scenario *s) {
    if (s == NULL)
        return;
    for (uint32_t i = 0; s->places != NULL && i < s->topology->node_count; i++) {
        free(s->places[i].id);
        free(s->places[i].routing);
        free(s->places[i].lie);
    }
    for (uint32_t i = 0; i < s->action_count; i++)
        sim_action_clear(&s->actions[i]);
    sim_random_clear(&s->random);
    free(s->places);
    free(s->actions);
    free(s->traffic);
    free(s->routing);
    free(s->plugin_dirs);
    free(s->name);
    free(s->about);
    sim_topology_free(s->topology);
    free(s);
}

void sim_scenario_add(sim_scenario *s, const sim_action *action) {
    if (s->action_count == s->action_capacity) {
        s->action_capacity = s->action_capacity == 0 ? 16 : s->action_capacity * 2;
        s->actions = need(realloc(s->actions, s->action_capacity * sizeof *s->actions));
    }
    uint32_t place = s->action_count++;
    for (; place > 0 && s->actions[place - 1].at_ns > action->at_ns; place--)
        s->actions[place] = s->actions[place - 1];
    s->actions[place] = sim_action_copy(action);
}

void sim_scenario_strategies(const sim_scenario *s, char *out, size_t capacity) {
    sim_strategies_names(s->routing, out, capacity);
}
