/* scenario.h - what is to be played: a topology, strategies, what happens when, and what must hold.
 *
 * A scenario is a JSON file. A trace, which a failed run leaves behind, is one too: with the topology inside, every action
 * as it was drawn, and what is expected to fail. Only "topology" must be there.
 *
 *   name, about   for people
 *   topology      "ring:8" and its like, a file (relative to the scenario's folder), or an object: topology.h
 *   routing       a strategy by its name, with or without "routing-", or an object with "plugin", its options and its
 *                 "preference", or a list of those, which run side by side. "distance-vector" when missing
 *   strategies    the names of those for which it makes sense; tests are made of it
 *   seed          1 when missing
 *   duration      of the timeline and the traffic. 10 s after the last action, when missing
 *   settle        how long the mesh has to come to rest after that; all of it passes before what must hold at rest is
 *                 looked at. 30 s when missing
 *   links         of all cables: "latency" (instead of the map's), "jitter", "loss", "duplicate", "reorder", "rate", "stream",
 *                 "cost_bias" (0.1 ms: so much dearer is a cable for the end that dials, which is the one whose junction
 *                 comes first in the map; so the two directions differ)
 *   junctions     {NODE: {...}}: "id" (instead of its own), "routing" (likewise), "absent" (until it is restarted),
 *                 "rogue" (it lies, and nothing is measured by it: check.h), "lies" (the same, and how: it runs
 *                 routing-rogue-STRATEGY with that as its "lie"), "drops_from" and "drops_until" (between them
 *                 it drops all that it should pass on, and announces what it always does)
 *   timeline      a list of actions: action.h. Those of one instant are done in the order of the list
 *   random        "from", "until", "every", "kinds": one action of a drawn kind in each "every" on average. For "routing"
 *                 also "strategies", of which one is added, preferred or removed at a junction that is drawn
 *   security      "noise": links and pairs are sealed, and each junction is a member by a key of its own (keys.h). "none"
 *                 when missing
 *   packages      what happens to packages in front of their destination: "loss", "duplicate", "late" (shares: of the last, a
 *                 second copy comes by up to "late_by" later, 45s), "jitter" (each is late by up to that), "from", "until"
 *                 (the duration)
 *   traffic       a list of {"from", "to" (a node or "any", also when missing), "every" (100ms), "size" (32 bytes), "begin",
 *                 "until" (the duration)}: JSON messages, best effort. With "reliable": "order" ("unordered", "ordered" or
 *                 "latest"), "channel" (0), "ttl" (30s); "read" and "accept": the application reads it up to so long after
 *                 it could, and accepts it up to so long after that; "arrives": it has to be delivered
 *   caps          of each junction, to press on what else nobody reaches: "pairs", "receive" (bytes of the receive budget)
 *   break         a rule of reliable delivery that all junctions break, for tests: "held-is-barred", "no-order", "no-latest",
 *                 "window", "resend", "numbers-by-start", "two-way", "blind"
 *   checks        {RULE: "fail" or "count"} for the rules of check.h, and "lost" and "duplicates": how many messages at
 *                 most
 *   expect        of a trace: "rule", "at", "trace_hash" */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H
#include "action.h"
#include "check.h"
#include "promise.h"

typedef struct sim_traffic_rule {
    uint32_t from, to; /* SIM_ANY */
    uint32_t size;
    slow_time every_ns, begin_ns, until_ns;
    bool reliable;
    sim_promise promise; /* of reliable ones: all but whom and its size */
} sim_traffic_rule;

/* What packages suffer in front of their destination: detour.h. */
typedef struct sim_package_faults {
    uint32_t loss_ppm, duplicate_ppm, late_ppm;
    slow_time jitter_ns, late_by_ns, from_ns, until_ns; /* until 0 = none of it */
} sim_package_faults;

typedef struct sim_place_setup {
    char *id, *routing; /* NULL = as everybody's; routing is JSON, a list */
    bool absent, rogue;
    char *lie; /* NULL = it does not */
    slow_time drops_from_ns, drops_until_ns;
} sim_place_setup;

enum sim_severity { SIM_AS_PROMISED, SIM_COUNTS, SIM_FAILS };

typedef struct sim_random {
    slow_time from_ns, until_ns, every_ns; /* every 0 = none */
    uint32_t kinds;                        /* bits, by sim_action_kind */
    char **strategies; /* each as a list of one, JSON: of which one is added, preferred or removed */
    uint32_t strategy_count;
} sim_random;

typedef struct sim_scenario {
    char *name, *about;
    sim_topology *topology;
    char *routing;     /* JSON: a list for the configs */
    char *plugin_dirs; /* JSON: a list; NULL = none */
    uint64_t seed;
    slow_time duration_ns, settle_ns;
    sim_faults links;
    int64_t cost_bias; /* 0.1 ms, for the end that dials */
    bool stream;
    sim_place_setup *places; /* of each node; NULL = nothing special */
    sim_action *actions;     /* by time */
    uint32_t action_count, action_capacity;
    sim_random random;
    bool secure;
    sim_package_faults packages;
    sim_traffic_rule *traffic;
    uint32_t traffic_count;
    uint32_t pairs_most; /* 0 = the core's */
    uint64_t receive_most;
    const char *broken; /* NULL = nothing is; its name */
    enum sim_severity checks[SIM_RULE_COUNT];
    int64_t lost_most, duplicates_most; /* -1 = not looked at */
    struct {
        char rule[32]; /* "" = nothing is expected */
        slow_time at_ns;
        uint64_t trace_hash;
    } expect;
} sim_scenario;

/* What the command line says instead of the file. All may be NULL or 0. */
typedef struct sim_choice {
    const uint64_t *seed;
    const char *routing;            /* one name, or what else "routing" takes as JSON */
    const char *const *options;     /* "KEY=VALUE"; ends with NULL. For each strategy */
    const char *const *plugin_dirs; /* ends with NULL; before the standard ones */
    const char *security;           /* "noise" or "none" */
} sim_choice;

/* The error is one line for a person: file, line, path, what was expected, the nearest key. Plugins are loaded to check
 * their options. */
slow_status sim_scenario_open(const char *path, const sim_choice *, sim_scenario **, slow_error *);
/* The same of a text; files are looked for from `folder` (NULL = the working one). */
slow_status sim_scenario_parse(const sl_json_text *, const char *folder, const sim_choice *, sim_scenario **,
                               slow_error *);
/* One of nothing but a topology, which is taken, also on failure: for experiments, which do their own actions. */
slow_status sim_scenario_of(sim_topology *, const sim_choice *, sim_scenario **, slow_error *);
void sim_scenario_free(sim_scenario *);
/* random.c, for scenario.c: "random", into what is zeroed; cleared also after a failure. */
slow_status sim_random_read(const sl_json *, const sl_json_at *, const char *const *plugin_dirs, sim_random *,
                            slow_error *);
void sim_random_clear(sim_random *);
/* scenario_traffic.c, for scenario.c and the writer: a rule of "traffic"; "packages"; "caps"; "break". */
slow_status sim_traffic_rule_read(const sl_json *, const sl_json_at *, const sim_topology *, sim_traffic_rule *,
                                  slow_error *);
void sim_traffic_rule_write(const sim_traffic_rule *, sl_json_writer *);
slow_status sim_package_faults_read(const sl_json *, const sl_json_at *, sim_package_faults *, slow_error *);
void sim_package_faults_write(const sim_package_faults *, sl_json_writer *);
slow_status sim_caps_read(const sl_json *, const sl_json_at *, sim_scenario *, slow_error *);
void sim_caps_write(const sim_scenario *, sl_json_writer *);
slow_status sim_broken_read(const sl_json *, const sl_json_at *, const char **name, slow_error *);
sl_broken sim_broken_of(const char *name); /* NULL = nothing */
/* Is that what "security" may be? */
bool sim_security_is(const char *text, bool *secure);
/* By time, behind those of the same time. Copied. */
void sim_scenario_add(sim_scenario *, const sim_action *);
/* The scenario as a file, with these actions instead of its own and of random ones. The caller frees the text. */
char *sim_scenario_write(const sim_scenario *, const sim_action *actions, uint32_t count, size_t *size);
/* The strategies' names without "routing-", joined by '+'. */
void sim_scenario_strategies(const sim_scenario *, char *out, size_t capacity);
#endif
