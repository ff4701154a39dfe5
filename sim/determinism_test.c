/* The same seed gives the same trace: again in one process, in another, whose memory lies elsewhere, and in every build.
 *
 * The last is held by the hashes below, of one small experiment for each strategy: gcc and clang, with optimisation and
 * with sanitizers, have to come to the same ones. Whatever changes what junctions say, or when, changes them, and then the
 * new ones belong here; they stand in what the failed test prints. A change that was to change nothing must not. */
#include "measure.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char TOPOLOGY[] = "attachment:40:2";
static const char EVENT[] = "kill-every-junction";
enum { SEED = 5, SAMPLE = 2 };

static const struct {
    const char *routing;
    uint64_t trace;
} pinned[] = {
    {"distance-vector", UINT64_C(0x15200775fdde50ee)},
    {"link-state", UINT64_C(0x1d12996890bce412)},
    {"flooding", UINT64_C(0x19f93ac9e5db4e0d)},
};
enum { COUNT = sizeof pinned / sizeof *pinned };

static uint64_t trace_here(const char *routing) {
    slow_error error;
    sim_topology *topology = NULL;
    sl_json_text whole = {.name = "test", .text = TOPOLOGY, .size = sizeof TOPOLOGY - 1};
    sl_json_at at = sl_json_at_root(&whole);
    sl_json *value = sl_json_new_string(TOPOLOGY);
    sim_plan plan = {.seed = SEED, .events = {sim_event_find(EVENT)}, .event_count = 1, .sample = SAMPLE};
    assert_non_null(value);
    if (sim_topology_read(value, &at, NULL, SEED, &topology, &error) != SLOW_OK ||
        sim_strategy_read(routing, &plan.choice, &plan.strategy, &error) != SLOW_OK)
        fail_msg("%s", error.text);
    plan.topology = topology;
    sim_figures *figures = sim_measure(&plan, &error);
    if (figures == NULL)
        fail_msg("%s", error.text);
    assert_false(figures->failed);
    uint64_t trace = figures->trace_hash;
    sim_figures_free(figures);
    sim_topology_free(topology);
    sl_json_free(value);
    return trace;
}

/* As slow-sim says it. */
static uint64_t trace_elsewhere(const char *routing) {
    static const char key[] = "\"trace_hash\"";
    const char *build = getenv("SLOW_BUILD");
    char command[512], line[65536];
    uint64_t trace = 0;
    bool found = false;
    snprintf(command, sizeof command,
             "%s/bin/slow-sim topology %s --routing %s --seed %d --event %s --sample %d --json",
             build != NULL ? build : ".", TOPOLOGY, routing, SEED, EVENT, SAMPLE);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    while (fgets(line, sizeof line, out) != NULL) {
        const char *at = strstr(line, key);
        if (at != NULL && !found)
            found = sscanf(at + sizeof key - 1, " : \"%" SCNx64, &trace) == 1;
    }
    assert_int_equal(pclose(out), 0);
    assert_true(found);
    return trace;
}

static void a_seed_gives_its_trace_again(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        assert_true(trace_here(pinned[i].routing) == trace_here(pinned[i].routing));
}

static void another_process_gives_the_same_trace(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        assert_true(trace_elsewhere(pinned[i].routing) == trace_here(pinned[i].routing));
}

static void every_build_gives_the_same_trace(void **state) {
    bool same = true;
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        uint64_t trace = trace_here(pinned[i].routing);
        if (trace != pinned[i].trace)
            print_message("%s: 0x%016" PRIx64 ", and 0x%016" PRIx64 " is written down\n", pinned[i].routing, trace,
                          pinned[i].trace);
        same &= trace == pinned[i].trace;
    }
    assert_true(same);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_gives_its_trace_again),
        cmocka_unit_test(another_process_gives_the_same_trace),
        cmocka_unit_test(every_build_gives_the_same_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
