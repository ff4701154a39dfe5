/* Experiments: what their figures are called, that a seed gives them again, that they are right where they can be worked
 * out by hand, and that a strategy that is wrong is found out. */
#include "measure.h"
#include "run.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char RING[] = "{\"name\": \"square\", \"nodes\": [\"a\", \"b\", \"c\", \"d\"],"
                           " \"links\": [[0, 1, 4], [1, 2, 6], [2, 3, 8], [3, 0, 11]]}";

static sim_topology *topology_of(const char *text) {
    slow_error error;
    sim_topology *topology = NULL;
    sl_json_text whole = {.name = "test", .text = text, .size = strlen(text)};
    sl_json_at at = sl_json_at_root(&whole);
    sl_json *value = text[0] == '{' ? sl_json_parse(&whole, &error) : sl_json_new_string(text);
    assert_non_null(value);
    if (sim_topology_read(value, &at, NULL, 1, &topology, &error) != SLOW_OK)
        fail_msg("%s", error.text);
    sl_json_free(value);
    return topology;
}

static sim_figures *measure_with(const sim_topology *topology, const char *routing, uint64_t seed, const char *event,
                                 uint32_t sample, const char *folder) {
    slow_error error;
    sim_plan plan = {.topology = topology,
                     .seed = seed,
                     .events = {sim_event_find(event)},
                     .event_count = 1,
                     .sample = sample,
                     .paths = 100,
                     .trace_folder = folder};
    if (sim_strategy_read(routing, &plan.choice, &plan.strategy, &error) != SLOW_OK)
        fail_msg("%s", error.text);
    sim_figures *figures = sim_measure(&plan, &error);
    if (figures == NULL)
        fail_msg("%s", error.text);
    return figures;
}

static sim_figures *measure(const sim_topology *topology, const char *routing, uint64_t seed, const char *event) {
    return measure_with(topology, routing, seed, event, 0, NULL);
}

/* ---- JSON ---- */

static void assert_keys(const sl_json *object, const char *const *keys) {
    void *i = sl_json_first(object);
    for (; *keys != NULL; keys++, i = sl_json_next(object, i)) {
        assert_non_null(i);
        assert_string_equal(sl_json_key_of(i), *keys);
    }
}

static sl_json *written(const sim_figures *figures) {
    sl_json_writer out = {.text = NULL};
    slow_error error;
    sim_figures_write(figures, &out);
    sl_json_text text = {.name = "figures"};
    char *json = sl_json_take(&out, &text.size);
    text.text = json;
    sl_json *value = sl_json_parse(&text, &error);
    if (value == NULL)
        fail_msg("%s", error.text);
    free(json);
    return value;
}

static void figures_have_the_names_that_scripts_rely_on(void **state) {
    static const char *const names[] = {
        "topology",   "routing", "junctions", "links",      "seed",         "cold_start_ms", "events",
        "loops",      "stale",   "missing",   "suboptimal", "stretch_mean", "stretch_max",   "idle_bytes_per_s",
        "trace_hash", "wall_s",  "rss_bytes", NULL};
    static const char *const of_events[] = {
        "kind", "count", "recovery_ms_median", "recovery_ms_max", "entries_median", "bytes_median", NULL};
    sim_topology *topology = topology_of(RING);
    (void)state;
    sim_figures *figures = measure(topology, "routing-distance-vector", 1, "cut-every-link");
    sl_json *value = written(figures);
    assert_keys(value, names);
    assert_string_equal(sl_json_string(sl_json_get(value, "routing")), "distance-vector");
    assert_string_equal(sl_json_string(sl_json_get(value, "topology")), "square");
    assert_int_equal(sl_json_integer(sl_json_get(value, "links")), 4);
    assert_int_equal(strspn(sl_json_string(sl_json_get(value, "trace_hash")), "0123456789abcdef"), 16);
    const sl_json *events = sl_json_get(value, "events");
    assert_int_equal(sl_json_count(events), 1);
    assert_keys(sl_json_item(events, 0), of_events);
    assert_int_equal(sl_json_integer(sl_json_get(sl_json_item(events, 0), "count")), 4);
    sl_json_free(value);
    sim_figures_free(figures);
    sim_topology_free(topology);
}

/* ---- seeds ---- */

static void a_seed_gives_its_trace_again_and_another_gives_another(void **state) {
    static const char *const strategies[] = {"distance-vector", "flooding"};
    sim_topology *topology = topology_of("geometric:12");
    (void)state;
    for (size_t i = 0; i < sizeof strategies / sizeof strategies[0]; i++) {
        sim_figures *first = measure_with(topology, strategies[i], 7, "kill-every-junction", 3, NULL);
        sim_figures *again = measure_with(topology, strategies[i], 7, "kill-every-junction", 3, NULL);
        sim_figures *other = measure_with(topology, strategies[i], 8, "kill-every-junction", 3, NULL);
        assert_true(first->trace_hash == again->trace_hash);
        assert_true(first->trace_hash != other->trace_hash);
        assert_int_equal(first->series[0].count, 3);
        for (uint32_t c = 0; c < 3; c++) {
            assert_int_equal(first->series[0].cases[c].subject / 4, c); /* spread: one of each third */
            assert_int_equal(first->series[0].cases[c].recovery_ns, again->series[0].cases[c].recovery_ns);
        }
        sim_figures_free(first);
        sim_figures_free(again);
        sim_figures_free(other);
    }
    sim_topology_free(topology);
}

/* ---- figures that can be worked out ---- */

/* In a ring the ends of the cut have no feasible alternate to each other: a request goes all the way round, and the answer
 * the same way back. */
static void a_ring_is_whole_after_one_round_trip_along_the_rest_of_it(void **state) {
    sim_topology *topology = topology_of(RING);
    (void)state;
    sim_figures *figures = measure(topology, "distance-vector", 1, "cut-every-link");
    assert_false(figures->failed);
    for (uint32_t i = 0; i < 4; i++) {
        const sim_case *c = &figures->series[0].cases[i];
        slow_time rest_ns = 29 * SL_MS - topology->links[i].latency_ns;
        print_message("link %u: %.3f ms, and the way round is %.3f ms\n", i, (double)c->recovery_ns / 1e6,
                      (double)rest_ns / 1e6);
        assert_int_equal(c->subject, i);
        assert_false(c->splits);
        assert_int_equal(c->detection_ns, 0);
        assert_int_equal(c->recovery_ns, 2 * rest_ns);
        assert_int_equal(c->drawing->before.count, 2 + (c->drawing->before.count > 2));
        assert_int_equal(c->drawing->pair[0], c->drawing->before.nodes[0]);
    }
    assert_true(figures->stretch.mean > 0.999 && figures->stretch.most < 1.001);
    sim_figures_free(figures);
    sim_topology_free(topology);
}

static void an_idle_ring_sends_probes_alone(void **state) {
    sim_topology *topology = topology_of(RING);
    (void)state;
    sim_figures *figures = measure_with(topology, "distance-vector", 1, "cut-every-link", 1, NULL);
    print_message("%.1f bytes/s each way\n", figures->idle_bytes_per_s_per_link);
    assert_true(figures->idle_bytes_per_s_per_link > 0);
    /* four links with two ways, four junctions */
    assert_true(figures->idle_bytes_per_s > 1.999 * figures->idle_bytes_per_s_per_link &&
                figures->idle_bytes_per_s < 2.001 * figures->idle_bytes_per_s_per_link);
    sim_figures_free(figures);
    sim_topology_free(topology);
}

static void cuts_that_split_are_counted_apart(void **state) {
    sim_topology *topology = topology_of("{\"name\": \"kite\", \"nodes\": [\"a\", \"b\", \"c\", \"tail\"],"
                                         " \"links\": [[0, 1, 2], [1, 2, 3], [2, 0, 4], [2, 3, 5]]}");
    (void)state;
    sim_figures *figures = measure(topology, "distance-vector", 1, "cut-every-link");
    const sim_series *series = &figures->series[0];
    assert_int_equal(series->count, 4);
    assert_int_equal(sim_series_splits(series), 1);
    assert_true(series->cases[3].splits);
    assert_true(sim_series_median(series, sim_case_recovery_ms) > 0);
    assert_false(figures->failed);
    sim_figures_free(figures);
    sim_topology_free(topology);
}

static void flooding_has_each_link_of_a_tree_crossed_and_no_words(void **state) {
    sim_topology *topology = topology_of("star:6");
    (void)state;
    sim_figures *figures = measure(topology, "flooding:learn=false", 1, "kill-every-junction");
    assert_false(figures->failed);
    assert_int_equal(figures->cold.bytes, 0);
    assert_int_equal(figures->missing, 0);
    assert_true(figures->chooses);
    assert_true(figures->alternates_cold < 0);
    assert_true(figures->transmissions > 4 && figures->transmissions < 5.001); /* all links, but to the hub one */
    assert_string_equal(figures->routing, "flooding:learn=false");
    sim_figures_free(figures);
    sim_topology_free(topology);
}

static void every_kind_of_event_leaves_a_right_network_behind(void **state) {
    sim_topology *topology = topology_of("grid:3x3");
    uint32_t count;
    const sim_event *events = sim_events(&count);
    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        sim_figures *figures = measure_with(topology, "distance-vector", 3, events[i].name, 2, NULL);
        const sim_case *c = &figures->series[0].cases[0];
        print_message("%s: noticed after %.1f ms, whole after %.1f ms\n", events[i].name, sim_case_detection_ms(c),
                      sim_case_recovery_ms(c));
        assert_false(figures->failed);
        assert_int_equal(figures->missing + figures->stale + figures->suboptimal, 0);
        assert_int_equal(figures->series[0].count, events[i].subject == SIM_OF_NOTHING ? 1 : 2);
        sim_figures_free(figures);
    }
    sim_topology_free(topology);
}

/* ---- a strategy that is wrong ---- */

static void play_again(const sim_figures *figures) {
    slow_error error;
    sim_choice choice = {.routing = NULL};
    sim_scenario *scenario;
    if (sim_scenario_open(figures->trace_file, &choice, &scenario, &error) != SLOW_OK)
        fail_msg("%s", error.text);
    sim_run *run = sim_run_new(scenario);
    assert_false(sim_run_play(run));
    assert_non_null(strstr(figures->failure, run->failure.text));
    assert_string_equal(run->failure.rule, scenario->expect.rule);
    assert_true(run->failure.at_ns == scenario->expect.at_ns);
    assert_true(run->failure.trace_hash == scenario->expect.trace_hash);
    sim_run_free(run);
}

static void a_broken_rule_is_found_and_its_run_can_be_played_again(void **state) {
    static const char *const rules[] = {"no-feasibility", "no-refilter", "late-fd"};
    char folder[] = "/tmp/measure-test-XXXXXX", strategy[80];
    sim_topology *topology = topology_of("random:14:4");
    (void)state;
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        snprintf(strategy, sizeof strategy, "distance-vector:break_rule=%s", rules[i]);
        sim_figures *figures = measure_with(topology, strategy, 1, "cut-every-link", 0, folder);
        print_message("%s\n%s\n", figures->failure, figures->trace_file);
        assert_true(figures->failed);
        assert_string_not_equal(figures->trace_file, "");
        play_again(figures);
        unlink(figures->trace_file);
        sim_figures_free(figures);
    }
    rmdir(folder);
    sim_topology_free(topology);
}

/* ---- strategies as people write them ---- */

static void a_strategy_takes_options_and_says_what_is_wrong_with_them(void **state) {
    sim_choice choice = {.routing = NULL};
    sim_strategy strategy;
    slow_error error;
    (void)state;
    assert_int_equal(sim_strategy_read("flooding:learn=false:max_learned=16", &choice, &strategy, &error), SLOW_OK);
    assert_string_equal(strategy.routing, "{\"plugin\":\"routing-flooding\",\"learn\":false,\"max_learned\":16}");
    assert_int_equal(sim_strategy_read("routing-flooding", &choice, &strategy, &error), SLOW_OK);
    assert_string_equal(strategy.name, "flooding");
    static const char *const wrong[] = {"",
                                        "nobody-has-this",
                                        "flooding:lern=false",
                                        "flooding:learn",
                                        "flooding:=1",
                                        "flooding:learn=\"",
                                        "flooding:learn=maybe"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        error.text[0] = '\0';
        assert_int_not_equal(sim_strategy_read(wrong[i], &choice, &strategy, &error), SLOW_OK);
        assert_string_not_equal(error.text, "");
        assert_null(strchr(error.text, '\n'));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_have_the_names_that_scripts_rely_on),
        cmocka_unit_test(a_seed_gives_its_trace_again_and_another_gives_another),
        cmocka_unit_test(a_ring_is_whole_after_one_round_trip_along_the_rest_of_it),
        cmocka_unit_test(an_idle_ring_sends_probes_alone),
        cmocka_unit_test(cuts_that_split_are_counted_apart),
        cmocka_unit_test(flooding_has_each_link_of_a_tree_crossed_and_no_words),
        cmocka_unit_test(every_kind_of_event_leaves_a_right_network_behind),
        cmocka_unit_test(a_broken_rule_is_found_and_its_run_can_be_played_again),
        cmocka_unit_test(a_strategy_takes_options_and_says_what_is_wrong_with_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
