/* The JSON of actions: one table, a row a kind. A row says which keys stand beside the one that names the kind (an option
 * table, so types, ranges and durations are checked as everywhere), and how the value of that key is read and written. */
#include "action.h"
#include "core/option.h"
#include "strategies.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the options of all kinds are filled into. */
typedef struct beside {
    slow_time at_ns, every_ns, latency_ns;
    int64_t times, size;
    bool silent, memory, arrives;
    char *shift;
} beside;

#define AT \
    { .key = "at", .type = SLOW_OPT_DURATION, .flags = SLOW_OPT_REQUIRED, .offset = offsetof(beside, at_ns) }
#define SILENT \
    { .key = "silent", .type = SLOW_OPT_BOOL, .offset = offsetof(beside, silent) }
#define MEMORY \
    { .key = "memory", .type = SLOW_OPT_BOOL, .offset = offsetof(beside, memory) }
#define END \
    { .key = NULL }
#define MINUTE_NS INT64_C(60000000000)

static const slow_option only_at[] = {AT, END};
static const slow_option at_silent[] = {AT, SILENT, END};
static const slow_option at_memory[] = {AT, MEMORY, END};
static const slow_option at_silent_memory[] = {AT, SILENT, MEMORY, END};
static const slow_option flap_options[] = {
    AT,
    SILENT,
    {.key = "times",
     .type = SLOW_OPT_INT,
     .offset = offsetof(beside, times),
     .default_text = "10",
     .min = 1,
     .max = 10000},
    {.key = "every",
     .type = SLOW_OPT_DURATION,
     .offset = offsetof(beside, every_ns),
     .default_text = "1s",
     .min = 1000000,
     .max = 60 * MINUTE_NS},
    END,
};
static const slow_option cost_options[] = {
    AT,
    {.key = "latency",
     .type = SLOW_OPT_DURATION,
     .flags = SLOW_OPT_REQUIRED,
     .offset = offsetof(beside, latency_ns),
     .min = (int64_t)SIM_LATENCY_LEAST,
     .max = MINUTE_NS},
    END,
};
static const slow_option clock_options[] = {
    AT,
    {.key = "shift", .type = SLOW_OPT_STRING, .flags = SLOW_OPT_REQUIRED, .offset = offsetof(beside, shift)},
    END,
};

static const slow_option send_options[] = {
    AT,
    {.key = "size",
     .type = SLOW_OPT_INT,
     .offset = offsetof(beside, size),
     .default_text = "32",
     .min = 8,
     .max = 60000},
    {.key = "arrives", .type = SLOW_OPT_BOOL, .offset = offsetof(beside, arrives)},
    END,
};

typedef slow_status value_reader(const sl_json *, const sl_json_at *, const sim_topology *, sim_action *, slow_error *);
typedef void value_writer(const sim_action *, const sim_topology *, sl_json_writer *);

typedef struct row {
    const char *name;
    const slow_option *options;
    const char *other; /* one more key beside, NULL = none: read_other() */
    value_reader *read;
    value_writer *write;
} row;
static const row rows[SIM_ACTION_COUNT];

/* ---- names of nodes and links ---- */

slow_status sim_action_node(const sl_json *value, const sl_json_at *at, const sim_topology *topology, uint32_t *node,
                            slow_error *error) {
    const char *name = sl_json_string(value);
    int64_t number = sl_json_integer(value);
    sl_nearest nearest = {.wrong = name};
    *node = UINT32_MAX;
    if (name != NULL)
        *node = sim_topology_node(topology, name);
    else if (sl_json_type(value) == SL_JSON_INTEGER && number >= 0 && number < topology->node_count)
        *node = (uint32_t)number;
    if (*node != UINT32_MAX)
        return SLOW_OK;
    if (name == NULL)
        return sl_json_error(at, error, SLOW_E_INVAL,
                             "is no junction; expected the name of a node in \"%.60s\", or its number, 0..%u",
                             topology->name, topology->node_count - 1);
    for (uint32_t i = 0; i < topology->node_count; i++)
        sl_nearest_try(&nearest, topology->nodes[i]);
    return nearest.best != NULL
               ? sl_json_error(at, error, SLOW_E_INVAL, "\"%.60s\" is no junction; did you mean \"%s\"?", name,
                               nearest.best)
               : sl_json_error(
                     at, error, SLOW_E_INVAL,
                     "\"%.60s\" is no junction; expected the name of a node in \"%.60s\", or its number, 0..%u", name,
                     topology->name, topology->node_count - 1);
}

static bool is_word(const sl_json *value, const char *word) {
    return sl_json_string(value) != NULL && strcmp(sl_json_string(value), word) == 0;
}

static slow_status read_ends(const sl_json *value, const sl_json_at *at, const sim_topology *topology, sim_action *a,
                             slow_error *error) {
    uint32_t ends[2] = {0, 0};
    if (sl_json_type(value) != SL_JSON_ARRAY || sl_json_count(value) != 2)
        return sl_json_error(at, error, SLOW_E_INVAL, "is no link; expected its two ends, [A, B], or \"any\"");
    for (size_t i = 0; i < 2; i++) {
        sl_json_at item = sl_json_at_index(at, i);
        slow_status status = sim_action_node(sl_json_item(value, i), &item, topology, &ends[i], error);
        if (status != SLOW_OK)
            return status;
    }
    a->node = ends[0];
    a->link = sim_topology_link_between(topology, ends[0], ends[1]);
    if (a->link != UINT32_MAX)
        return SLOW_OK;
    return sl_json_error(at, error, SLOW_E_INVAL, "no link joins \"%.60s\" and \"%.60s\"; expected the ends of one",
                         topology->nodes[ends[0]], topology->nodes[ends[1]]);
}

static slow_status read_link(const sl_json *value, const sl_json_at *at, const sim_topology *topology, sim_action *a,
                             slow_error *error) {
    a->link = a->node = SIM_ANY;
    if (topology->link_count == 0)
        return sl_json_error(at, error, SLOW_E_INVAL, "there are no links in \"%.60s\"", topology->name);
    return is_word(value, "any") ? SLOW_OK : read_ends(value, at, topology, a, error);
}

static slow_status read_link_or_all(const sl_json *value, const sl_json_at *at, const sim_topology *topology,
                                    sim_action *a, slow_error *error) {
    a->link = SIM_ALL;
    return is_word(value, "all") ? SLOW_OK : read_link(value, at, topology, a, error);
}

static slow_status read_place(const sl_json *value, const sl_json_at *at, const sim_topology *topology, sim_action *a,
                              slow_error *error) {
    a->node = SIM_ANY;
    return is_word(value, "any") ? SLOW_OK : sim_action_node(value, at, topology, &a->node, error);
}

static slow_status read_place_or_all(const sl_json *value, const sl_json_at *at, const sim_topology *topology,
                                     sim_action *a, slow_error *error) {
    a->node = SIM_ALL;
    return is_word(value, "all") ? SLOW_OK : read_place(value, at, topology, a, error);
}

/* By its name, unless that name means something else. */
static void write_node(const sim_topology *topology, uint32_t node, sl_json_writer *w) {
    const char *name = node < topology->node_count ? topology->nodes[node] : "";
    if (node == SIM_ANY || node == SIM_ALL)
        sl_json_put_string(w, node == SIM_ANY ? "any" : "all");
    else if (strcmp(name, "any") == 0 || strcmp(name, "all") == 0 || sim_topology_node(topology, name) != node)
        sl_json_put_unsigned(w, node);
    else
        sl_json_put_string(w, name);
}

static void write_link(const sim_action *a, const sim_topology *topology, sl_json_writer *w) {
    if (a->link == SIM_ANY || a->link == SIM_ALL) {
        sl_json_put_string(w, a->link == SIM_ANY ? "any" : "all");
        return;
    }
    const sim_topology_link *link = &topology->links[a->link];
    bool turned = a->kind == SIM_ONE_WAY && a->node == link->b;
    sl_json_begin(w, '[');
    write_node(topology, turned ? link->b : link->a, w);
    write_node(topology, turned ? link->a : link->b, w);
    sl_json_end(w, ']');
}

static void write_place(const sim_action *a, const sim_topology *topology, sl_json_writer *w) {
    write_node(topology, a->node, w);
}

/* ---- faults ---- */

static slow_status read_faults(const sl_json *value, const sl_json_at *at, const sim_topology *topology, sim_action *a,
                               slow_error *error) {
    (void)topology;
    a->faults = sim_faults_as_they_are;
    a->link = SIM_ALL;
    if (sl_json_type(value) != SL_JSON_OBJECT)
        return sl_json_error(at, error, SLOW_E_INVAL, "is %s; expected an object such as {\"loss\": 0.01}",
                             sl_json_type_name(value));
    slow_status status = sl_option_check_keys(NULL, sim_faults_keys, value, at, error);
    return status == SLOW_OK ? sim_faults_read(value, at, &a->faults, error) : status;
}

static void write_faults(const sim_action *a, const sim_topology *topology, sl_json_writer *w) {
    sl_json_begin(w, '{');
    sim_faults_write(&a->faults, w);
    sl_json_end(w, '}');
    sl_json_key(w, "on");
    write_link(a, topology, w);
}

/* ---- the other values ---- */

/* Somebody has to be on the other side. */
static slow_status check_side(const sim_action *a, const sl_json_at *at, const sim_topology *topology,
                              slow_error *error) {
    bool *marked = calloc(topology->node_count, sizeof *marked);
    uint32_t count = 0;
    if (marked == NULL)
        abort();
    for (uint32_t i = 0; i < a->node_count; i++) {
        count += !marked[a->nodes[i]];
        marked[a->nodes[i]] = true;
    }
    free(marked);
    return count < topology->node_count
               ? SLOW_OK
               : sl_json_error(at, error, SLOW_E_INVAL, "is everybody; expected the junctions on one side");
}

static slow_status read_side(const sl_json *value, const sl_json_at *at, const sim_topology *topology, sim_action *a,
                             slow_error *error) {
    size_t count = sl_json_count(value);
    if (sl_json_type(value) != SL_JSON_ARRAY || count == 0 || count > topology->node_count)
        return sl_json_error(at, error, SLOW_E_INVAL, "is %s; expected a list of the junctions on one side",
                             sl_json_type(value) != SL_JSON_ARRAY ? sl_json_type_name(value)
                             : count == 0                         ? "empty"
                                                                  : "too long");
    a->nodes = calloc(count, sizeof *a->nodes);
    if (a->nodes == NULL)
        abort();
    for (; a->node_count < count; a->node_count++) {
        sl_json_at item = sl_json_at_index(at, a->node_count);
        slow_status status =
            sim_action_node(sl_json_item(value, a->node_count), &item, topology, &a->nodes[a->node_count], error);
        if (status != SLOW_OK)
            return status;
    }
    return check_side(a, at, topology, error);
}

static void write_side(const sim_action *a, const sim_topology *topology, sl_json_writer *w) {
    sl_json_begin(w, '[');
    for (uint32_t i = 0; i < a->node_count; i++)
        write_node(topology, a->nodes[i], w);
    sl_json_end(w, ']');
}

static slow_status read_way(const sl_json *value, const sl_json_at *at, const sim_topology *topology, sim_action *a,
                            slow_error *error) {
    sl_json_at from_at = sl_json_at_index(at, 0), to_at = sl_json_at_index(at, 1);
    if (sl_json_type(value) != SL_JSON_ARRAY || sl_json_count(value) != 2)
        return sl_json_error(at, error, SLOW_E_INVAL, "is no way; expected two junctions, [FROM, TO]");
    slow_status status = sim_action_node(sl_json_item(value, 0), &from_at, topology, &a->node, error);
    return status == SLOW_OK ? sim_action_node(sl_json_item(value, 1), &to_at, topology, &a->to, error) : status;
}

static void write_way(const sim_action *a, const sim_topology *topology, sl_json_writer *w) {
    sl_json_begin(w, '[');
    write_node(topology, a->node, w);
    write_node(topology, a->to, w);
    sl_json_end(w, ']');
}

static slow_status read_true(const sl_json *value, const sl_json_at *at, const sim_topology *topology, sim_action *a,
                             slow_error *error) {
    (void)topology, (void)a;
    return sl_json_true(value) ? SLOW_OK : sl_json_error(at, error, SLOW_E_INVAL, "is wrong; expected true");
}

static void write_true(const sim_action *a, const sim_topology *topology, sl_json_writer *w) {
    (void)a, (void)topology;
    sl_json_put_bool(w, true);
}

static const char *const changes[] = {
    [SIM_ROUTING_ADD] = "add", [SIM_ROUTING_PREFER] = "prefer", [SIM_ROUTING_REMOVE] = "remove"};

/* Which of its three members says what to change; the error is that of none, and of several. */
static slow_status read_change(const sl_json *value, const sl_json_at *at, sim_action *a, slow_error *error) {
    unsigned found = 0;
    for (unsigned i = 0; i < sizeof changes / sizeof changes[0]; i++)
        if (sl_json_get(value, changes[i]) != NULL) {
            a->change = i;
            found++;
        }
    if (found == 1)
        return SLOW_OK;
    return sl_json_error(at, error, SLOW_E_INVAL, "changes %s; expected one of add, prefer, remove",
                         found == 0 ? "nothing" : "several things at once");
}

/* More than a value_reader is told: where plugins are looked for. */
static slow_status read_routing(const sl_json *value, const sl_json_at *at, const char *const *plugin_dirs,
                                sim_action *a, slow_error *error) {
    static const char *const keys[] = {"add", "prefer", "remove", "preference", NULL};
    static const slow_option preference = {.key = "preference", .type = SLOW_OPT_INT, .min = 0, .max = 65535};
    a->node = SIM_ALL;
    if (sl_json_type(value) != SL_JSON_OBJECT)
        return sl_json_error(at, error, SLOW_E_INVAL, "is %s; expected an object such as {\"add\": \"link-state\"}",
                             sl_json_type_name(value));
    slow_status status = sl_option_check_keys(NULL, keys, value, at, error);
    if (status == SLOW_OK)
        status = read_change(value, at, a, error);
    if (status != SLOW_OK)
        return status;
    const sl_json *change = sl_json_get(value, changes[a->change]), *number = sl_json_get(value, preference.key);
    sl_json_at change_at = sl_json_at_key(at, changes[a->change]), number_at = sl_json_at_key(at, preference.key);
    bool fits = a->change == SIM_ROUTING_ADD ? sl_json_type(change) != SL_JSON_ARRAY : sl_json_string(change) != NULL;
    if (!fits)
        return sl_json_error(&change_at, error, SLOW_E_INVAL, "is %s; expected one strategy%s",
                             sl_json_type_name(change), a->change == SIM_ROUTING_ADD ? "" : "'s name");
    status = sim_strategies_read(change, &change_at, NULL, plugin_dirs, &a->routing, error);
    if (status == SLOW_OK && (number != NULL) != (a->change == SIM_ROUTING_PREFER))
        return sl_json_error(
            &number_at, error, SLOW_E_INVAL, "%s",
            number == NULL ? "missing; expected a number, 0..65535; the strategy with the greatest is the one in use"
                           : "stands beside what takes none; expected it beside \"prefer\", or inside what is added");
    if (status == SLOW_OK && number != NULL)
        status = sl_option_set(&preference, number, &number_at, &a->preference, error);
    return status;
}

static void write_routing(const sim_action *a, const sim_topology *topology, sl_json_writer *w) {
    char name[128];
    sl_json_begin(w, '{');
    sl_json_key(w, changes[a->change]);
    if (a->change == SIM_ROUTING_ADD) /* the one element of the list */
        sl_json_put_raw(w, a->routing + 1, strlen(a->routing) - 2);
    else {
        sim_strategies_names(a->routing, name, sizeof name);
        sl_json_put_string(w, name);
    }
    if (a->change == SIM_ROUTING_PREFER) {
        sl_json_key(w, "preference");
        sl_json_put_integer(w, a->preference);
    }
    sl_json_end(w, '}');
    sl_json_key(w, "at_junction");
    write_place(a, topology, w);
}

/* ---- the table ---- */

static const row rows[SIM_ACTION_COUNT] = {
    [SIM_CUT] = {"cut", at_silent, NULL, read_link, write_link},
    [SIM_RESTORE] = {"restore", only_at, NULL, read_link_or_all, write_link},
    [SIM_ONE_WAY] = {"one_way", only_at, NULL, read_link, write_link},
    [SIM_FLAP] = {"flap", flap_options, NULL, read_link, write_link},
    [SIM_COST] = {"cost", cost_options, NULL, read_link, write_link},
    [SIM_FAULTS] = {"faults", only_at, "on", read_faults, write_faults},
    [SIM_KILL] = {"kill", at_silent_memory, NULL, read_place, write_place},
    [SIM_RESTART] = {"restart", at_memory, NULL, read_place_or_all, write_place},
    [SIM_PARTITION] = {"partition", at_silent, NULL, read_side, write_side},
    [SIM_HEAL] = {"heal", only_at, NULL, read_true, write_true},
    [SIM_CLOCK] = {"clock", clock_options, NULL, read_place, write_place},
    [SIM_SEND] = {"send", send_options, NULL, read_way, write_way},
    [SIM_ROUTING] = {"routing", only_at, "at_junction", NULL /* read_routing() */, write_routing},
};

const char *sim_action_name(enum sim_action_kind kind) {
    return rows[kind].name;
}

/* "-1h": a duration, backwards where it begins with '-'. */
static slow_status read_shift(const char *text, const sl_json_at *at, int64_t *shift_ms, slow_error *error) {
    static const slow_option option = {
        .key = "shift", .type = SLOW_OPT_DURATION, .min = 0, .max = 365 * 24 * 60 * MINUTE_NS};
    slow_time ns = 0;
    bool back = text[0] == '-';
    sl_json *value = sl_json_new_string(back ? text + 1 : text);
    if (value == NULL)
        abort();
    slow_status status = sl_option_set(&option, value, at, &ns, error);
    *shift_ms = (back ? -1 : 1) * (int64_t)(ns / 1000000);
    sl_json_free(value);
    return status;
}

static slow_status read_beside(const sl_json *value, const sl_json_at *at, const row *r, sim_action *a,
                               slow_error *error) {
    beside b;
    sl_json_at shift_at = sl_json_at_key(at, "shift");
    slow_status status = sl_option_fill(r->options, sizeof b, value, at, &b, error);
    if (status != SLOW_OK)
        return status;
    if (b.shift != NULL)
        status = read_shift(b.shift, &shift_at, &a->shift_ms, error);
    a->at_ns = b.at_ns;
    a->every_ns = b.every_ns;
    a->latency_ns = b.latency_ns;
    a->times = (uint32_t)b.times;
    a->silent = b.silent;
    a->memory = b.memory;
    a->size = (uint32_t)b.size;
    a->arrives = b.arrives;
    sl_option_clear(r->options, &b);
    return status;
}

static slow_status unnamed(const sl_json *value, const sl_json_at *at, slow_error *error) {
    const char *names[SIM_ACTION_COUNT + 1];
    char known[160] = "";
    for (int i = 0; i < SIM_ACTION_COUNT; i++) {
        names[i] = rows[i].name;
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i == 0 ? "" : ", ", names[i]);
    }
    names[SIM_ACTION_COUNT] = NULL;
    slow_status status = sl_option_check_keys(flap_options, names, value, at, error);
    return status != SLOW_OK ? status
                             : sl_json_error(at, error, SLOW_E_INVAL, "names no action; expected one of %s", known);
}

slow_status sim_action_read(const sl_json *value, const sl_json_at *at, const sim_topology *topology,
                            const char *const *plugin_dirs, sim_action *a, slow_error *error) {
    const row *r = NULL;
    *a = (sim_action){.link = SIM_ANY, .node = SIM_ANY, .faults = sim_faults_as_they_are};
    if (sl_json_type(value) != SL_JSON_OBJECT)
        return sl_json_error(at, error, SLOW_E_INVAL, "is %s; expected an object such as {\"at\": \"5s\", \"kill\": 3}",
                             sl_json_type_name(value));
    for (int i = 0; i < SIM_ACTION_COUNT && r == NULL; i++)
        if (sl_json_get(value, rows[i].name) != NULL) {
            r = &rows[i];
            a->kind = (enum sim_action_kind)i;
        }
    if (r == NULL)
        return unnamed(value, at, error);
    const char *const others[] = {r->name, r->other, NULL};
    sl_json_at named = sl_json_at_key(at, r->name), other_at = sl_json_at_key(at, r->other);
    slow_status status = sl_option_check_keys(r->options, others, value, at, error);
    if (status == SLOW_OK)
        status = read_beside(value, at, r, a, error);
    const sl_json *named_value = sl_json_get(value, r->name);
    if (status == SLOW_OK)
        status = a->kind == SIM_ROUTING ? read_routing(named_value, &named, plugin_dirs, a, error)
                                        : r->read(named_value, &named, topology, a, error);
    const sl_json *other = r->other == NULL ? NULL : sl_json_get(value, r->other);
    if (status == SLOW_OK && other != NULL)
        status = (a->kind == SIM_FAULTS ? read_link_or_all : read_place_or_all)(other, &other_at, topology, a, error);
    if (status != SLOW_OK)
        sim_action_clear(a);
    return status;
}

static void write_time(const char *key, slow_time ns, sl_json_writer *w) {
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64 "ns", ns);
    sl_json_key(w, key);
    sl_json_put_string(w, text);
}

void sim_action_write(const sim_action *a, const sim_topology *topology, sl_json_writer *w) {
    char shift[32];
    sl_json_begin(w, '{');
    write_time("at", a->at_ns, w);
    sl_json_key(w, rows[a->kind].name);
    rows[a->kind].write(a, topology, w);
    if (a->silent) {
        sl_json_key(w, "silent");
        sl_json_put_bool(w, true);
    }
    if (a->memory) {
        sl_json_key(w, "memory");
        sl_json_put_bool(w, true);
    }
    if (a->kind == SIM_FLAP) {
        sl_json_key(w, "times");
        sl_json_put_unsigned(w, a->times);
        write_time("every", a->every_ns, w);
    } else if (a->kind == SIM_COST) {
        write_time("latency", a->latency_ns, w);
    } else if (a->kind == SIM_CLOCK) {
        snprintf(shift, sizeof shift, "%" PRId64 "ms", a->shift_ms);
        sl_json_key(w, "shift");
        sl_json_put_string(w, shift);
    } else if (a->kind == SIM_SEND) {
        sl_json_key(w, "size");
        sl_json_put_unsigned(w, a->size);
        sl_json_key(w, "arrives");
        sl_json_put_bool(w, a->arrives);
    }
    sl_json_end(w, '}');
}

/* ---- for people ---- */

static const char *node_text(const sim_topology *topology, uint32_t node) {
    return node == SIM_ALL ? "all" : node >= topology->node_count ? "any" : topology->nodes[node];
}

static void whom_text(const sim_action *a, const sim_topology *topology, char *out, size_t capacity) {
    bool of_link = a->kind <= SIM_FAULTS;
    if (a->kind == SIM_HEAL)
        out[0] = '\0';
    else if (a->kind == SIM_PARTITION)
        snprintf(out, capacity, " %.60s and %u more", node_text(topology, a->nodes[0]), a->node_count - 1);
    else if (!of_link)
        snprintf(out, capacity, " %.60s", node_text(topology, a->node));
    else if (a->link >= topology->link_count)
        snprintf(out, capacity, " %s", a->link == SIM_ALL ? "all" : "any");
    else {
        const sim_topology_link *link = &topology->links[a->link];
        bool turned = a->kind == SIM_ONE_WAY && a->node == link->b;
        snprintf(out, capacity, " %.60s %s %.60s", node_text(topology, turned ? link->b : link->a),
                 a->kind == SIM_ONE_WAY ? "-x>" : "--", node_text(topology, turned ? link->a : link->b));
    }
}

void sim_action_describe(const sim_action *a, const sim_topology *topology, char *out, size_t capacity) {
    char whom[160], name[48], more[64] = "";
    whom_text(a, topology, whom, sizeof whom);
    if (a->kind == SIM_COST)
        snprintf(more, sizeof more, ", %.1f ms", (double)a->latency_ns / 1e6);
    else if (a->kind == SIM_CLOCK)
        snprintf(more, sizeof more, ", %+.1f s", (double)a->shift_ms / 1e3);
    else if (a->kind == SIM_FLAP)
        snprintf(more, sizeof more, ", %u times", a->times);
    else if (a->kind == SIM_SEND)
        snprintf(more, sizeof more, " to %.50s", node_text(topology, a->to));
    else if (a->kind == SIM_ROUTING) {
        sim_strategies_names(a->routing, name, sizeof name);
        snprintf(more, sizeof more, ": %s %s", changes[a->change], name);
    }
    snprintf(out, capacity, "%s%s%s%s%s", rows[a->kind].name, whom, more, a->silent ? ", silently" : "",
             a->memory ? ", with its memory" : "");
}

sim_action sim_action_copy(const sim_action *a) {
    sim_action copy = *a;
    if (a->nodes != NULL) {
        copy.nodes = malloc(a->node_count * sizeof *copy.nodes);
        if (copy.nodes == NULL)
            abort();
        memcpy(copy.nodes, a->nodes, a->node_count * sizeof *copy.nodes);
    }
    if (a->routing != NULL && (copy.routing = strdup(a->routing)) == NULL)
        abort();
    return copy;
}

void sim_action_clear(sim_action *a) {
    free(a->nodes);
    free(a->routing);
    *a = (sim_action){.kind = a->kind};
}
