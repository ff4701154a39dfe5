/* Every way to write a scenario wrong, as the whole line that a person sees; and what is written of one is the same one. */
#include "scenario.h"
#include "core/loop.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static slow_status parse(const char *text, sim_scenario **scenario, slow_error *error) {
    const sl_json_text source = {.name = "s.json", .text = text, .size = strlen(text)};
    return sim_scenario_parse(&source, NULL, NULL, scenario, error);
}

static sim_scenario *parsed(const char *text) {
    sim_scenario *scenario;
    slow_error error = {.text = ""};
    if (parse(text, &scenario, &error) != SLOW_OK)
        fail_msg("%s", error.text);
    return scenario;
}

/* In front of what is tested: three nodes in a chain. */
#define WITH(rest) "{\"topology\": \"chain:3\",\n " rest "}"

static void what_is_wrong_is_one_line_with_its_place(void **state) {
    static const char *const cases[][2] = {
        {"[]", "s.json:1: is a list; expected an object such as {\"topology\": \"ring:8\"}"},
        {"{\"name\": \"x\"}", "s.json:1: topology: missing; expected a map such as \"topology\": \"ring:8\""},
        {WITH("\"timline\": []"), "s.json:2: timline: unknown key; did you mean \"timeline\"?"},
        {WITH("\"seed\": -1"), "s.json:2: seed: -1 is wrong; expected an integer, 0..9223372036854775807"},
        {WITH("\"duration\": \"5 s\""),
         "s.json:2: duration: \"5 s\" is wrong; expected a duration, such as \"250ms\", \"2s\", \"5min\", \"1h\" or a "
         "number of seconds"},
        {WITH("\"routing\": {\"plugin\": \"flooding\", \"lern\": true}"),
         "s.json:2: routing[0].lern: unknown key; did you mean \"learn\"?"},
        {WITH("\"routing\": 7"),
         "s.json:2: routing[0]: is an integer; expected an object with \"plugin\", or just the id of a routing plugin"},
        {WITH("\"links\": {\"loss\": 1.5}"), "s.json:2: links.loss: is wrong; expected a share, 0..1, such as 0.01"},
        {WITH("\"links\": {\"los\": 0.5}"), "s.json:2: links.los: unknown key; did you mean \"loss\"?"},
        {WITH("\"links\": {\"latency\": \"0.1ms\"}"),
         "s.json:2: links.latency: \"0.1ms\" is wrong; expected a duration, 500us..1min, such as \"250ms\", \"2s\", "
         "\"5min\", \"1h\" or a number of seconds"},
        {WITH("\"junctions\": {\"n4\": {}}"),
         "s.json:2: junctions.n4: is no junction; expected the name of a node in \"chain:3\", or its number, 0..2"},
        {WITH("\"timeline\": [{\"kill\": 0}]"), "s.json:2: timeline[0].at: missing; expected a duration"},
        {WITH("\"timeline\": [{\"at\": \"1s\"}]"),
         "s.json:2: timeline[0]: names no action; expected one of cut, restore, one_way, flap, cost, faults, kill, "
         "restart, partition, heal, clock, routing, send"},
        {WITH("\"timeline\": [{\"at\": \"1s\", \"cutt\": [0, 1]}]"),
         "s.json:2: timeline[0].cutt: unknown key; did you mean \"cut\"?"},
        {WITH("\"timeline\": [{\"at\": \"1s\", \"cut\": [0, 2]}]"),
         "s.json:2: timeline[0].cut: no link joins \"n0\" and \"n2\"; expected the ends of one"},
        {WITH("\"timeline\": [{\"at\": \"1s\", \"cut\": [\"n0\", \"m1\"]}]"),
         "s.json:2: timeline[0].cut[1]: \"m1\" is no junction; did you mean \"n1\"?"},
        {WITH("\"timeline\": [{\"at\": \"1s\", \"kill\": 3}]"),
         "s.json:2: timeline[0].kill: is no junction; expected the name of a node in \"chain:3\", or its number, 0..2"},
        {WITH("\"timeline\": [{\"at\": \"1s\", \"kill\": 0, \"silnt\": true}]"),
         "s.json:2: timeline[0].silnt: unknown key; did you mean \"silent\"?"},
        {WITH("\"timeline\": [{\"at\": \"1s\", \"cost\": [0, 1]}]"),
         "s.json:2: timeline[0].latency: missing; expected a duration, 500us..1min"},
        {WITH("\"timeline\": [{\"at\": \"1s\", \"clock\": 0, \"shift\": \"-1 h\"}]"),
         "s.json:2: timeline[0].shift: \"1 h\" is wrong; expected a duration, 0s..8760h, such as \"250ms\", \"2s\", "
         "\"5min\", \"1h\" or a number of seconds"},
        {WITH("\"timeline\": [{\"at\": \"1s\", \"restart\": 0, \"memory\": true}]"),
         "s.json:2: timeline[0]: restarts with memory what kept none; expected an earlier \"kill\" with \"memory\": "
         "true"},
        {WITH("\"timeline\": [{\"at\": \"1s\", \"partition\": [0, 1, 2]}]"),
         "s.json:2: timeline[0].partition: is everybody; expected the junctions on one side"},
        {WITH("\"timeline\": [{\"at\": \"1s\", \"routing\": {}}]"),
         "s.json:2: timeline[0].routing: changes nothing; expected one of add, prefer, remove"},
        {WITH("\"timeline\": [{\"at\": \"1s\", \"routing\": {\"add\": \"flooding\", \"remove\": \"flooding\"}}]"),
         "s.json:2: timeline[0].routing: changes several things at once; expected one of add, prefer, remove"},
        {WITH("\"timeline\": [{\"at\": \"1s\", \"routing\": {\"add\": [\"flooding\", \"link-state\"]}}]"),
         "s.json:2: timeline[0].routing.add: is a list; expected one strategy"},
        {WITH("\"timeline\": [{\"at\": \"1s\", \"routing\": {\"prefer\": \"flooding\"}}]"),
         "s.json:2: timeline[0].routing.preference: missing; expected a number, 0..65535; the strategy with the "
         "greatest "
         "is the one in use"},
        {WITH("\"timeline\": [{\"at\": \"1s\", \"routing\": {\"add\": \"flooding\", \"preference\": 7}}]"),
         "s.json:2: timeline[0].routing.preference: stands beside what takes none; expected it beside \"prefer\", or "
         "inside what is added"},
        {WITH("\"random\": {\"until\": \"9s\", \"every\": \"1s\", \"kinds\": [\"routing\"]}"),
         "s.json:2: random.strategies: missing; expected those of which \"routing\" adds, prefers and removes one, "
         "such "
         "as [\"distance-vector\", \"flooding\"]"},
        {WITH("\"random\": {\"until\": \"9s\", \"every\": \"1s\", \"kinds\": [\"routing\"], \"strategies\": "
              "[{\"plugin\": \"flooding\", \"lern\": 1}]}"),
         "s.json:2: random.strategies[0][0].lern: unknown key; did you mean \"learn\"?"},
        {WITH("\"random\": {\"until\": \"9s\", \"every\": \"1s\", \"kinds\": [\"send\"]}"),
         "s.json:2: random.kinds[0]: cannot be drawn; expected one of cut, restore, one_way, flap, cost, faults, kill, "
         "restart, clock, heal, partition, routing"},
        {WITH("\"traffic\": [{\"from\": \"n9\"}]"),
         "s.json:2: traffic[0].from: \"n9\" is no junction; did you mean \"n0\"?"},
        {WITH("\"traffic\": [{\"order\": \"latest\"}]"), "s.json:2: traffic[0].order: stands at best effort, of which "
                                                         "nothing is promised; expected \"reliable\": true"},
        {WITH("\"traffic\": [{\"reliable\": true, \"order\": \"last\"}]"),
         "s.json:2: traffic[0].order: \"last\" is wrong; expected \"unordered\", \"ordered\" or \"latest\"; did you "
         "mean "
         "\"latest\"?"},
        {WITH("\"traffic\": [{\"reliable\": true, \"channel\": 64}]"),
         "s.json:2: traffic[0].channel: 64 is wrong; expected an integer, 0..63"},
        {WITH("\"traffic\": [{\"size\": 60001}]"),
         "s.json:2: traffic[0].size: 60001 is wrong; expected at most 60000 of best effort"},
        {WITH("\"packages\": {\"lost\": 0.1}"), "s.json:2: packages.lost: unknown key; did you mean \"loss\"?"},
        {WITH("\"packages\": {\"late\": 2}"),
         "s.json:2: packages.late: is wrong; expected a share, 0..1, such as 0.01"},
        {WITH("\"caps\": {\"pairs\": 5000}"), "s.json:2: caps.pairs: 5000 is wrong; expected an integer, 0..4096"},
        {WITH("\"break\": \"no-orders\""),
         "s.json:2: break: \"no-orders\" is wrong; expected \"held-is-barred\", \"no-order\", \"no-latest\", "
         "\"window\", "
         "\"resend\", \"numbers-by-start\", \"two-way\" or \"blind\"; did you mean \"no-order\"?"},
        {WITH("\"checks\": {\"lop\": \"fail\"}"), "s.json:2: checks.lop: unknown key; did you mean \"loop\"?"},
        {WITH("\"checks\": {\"loop\": \"fial\"}"),
         "s.json:2: checks.loop: \"fial\" is wrong; expected \"promised\", \"count\" or \"fail\"; did you mean "
         "\"fail\"?"},
        {"{\"nodes\": [\"a\"], \"links\": []}",
         "s.json:1: is a topology; expected a scenario, which names one: {\"topology\": \"FILE\", ...}"},
        {"{\"topology\": \"chain:0\"}", "s.json:1: topology: \"chain:0\" is wrong; expected chain:N, with N 1..20000"},
        {"{\"topology\": {\"nodes\": [\"a\"],\n \"links\": [[0, 1]]}}",
         "s.json:2: topology.links[0][1]: is no node; expected a name from \"nodes\", or a number, 0..0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sim_scenario *scenario;
        slow_error error = {.text = ""};
        assert_int_not_equal(parse(cases[i][0], &scenario, &error), SLOW_OK);
        assert_string_equal(error.text, cases[i][1]);
        assert_null(scenario);
    }
}

static void what_is_not_said_has_a_sense(void **state) {
    sim_scenario *s = parsed(WITH("\"timeline\": [{\"at\": \"7s\", \"kill\": 1}]"));
    char strategies[64];
    (void)state;
    sim_scenario_strategies(s, strategies, sizeof strategies);
    assert_string_equal(strategies, "distance-vector");
    assert_int_equal(s->seed, 1);
    assert_int_equal(s->duration_ns, 17 * SL_SECOND);
    assert_int_equal(s->settle_ns, 30 * SL_SECOND);
    assert_string_equal(s->name, "chain:3");
    sim_scenario_free(s);
}

static void the_timeline_is_in_the_order_of_time(void **state) {
    sim_scenario *s = parsed(WITH("\"timeline\": [{\"at\": \"7s\", \"kill\": 1}, {\"at\": \"2s\", \"cut\": [0, 1]}, "
                                  "{\"at\": \"2s\", \"restore\": \"all\"}]"));
    (void)state;
    assert_int_equal(s->actions[0].kind, SIM_CUT);
    assert_int_equal(s->actions[1].kind, SIM_RESTORE);
    assert_int_equal(s->actions[2].kind, SIM_KILL);
    sim_scenario_free(s);
}

/* One of each action, and everything else that a scenario can say. */
static void what_is_written_is_read_as_the_same(void **state) {
    sim_scenario *s = parsed(
        "{\"name\": \"all\", \"about\": \"it\", \"topology\": \"grid:3x3\", \"seed\": 9, \"settle\": \"1s\", "
        "\"routing\": [\"distance-vector\", {\"plugin\": \"routing-flooding\", \"learn\": false, \"preference\": 7}],\n"
        "\"links\": {\"loss\": 0.015, \"rate\": 5000, \"jitter\": \"2ms\", \"stream\": true},"
        "\"junctions\": {\"n3\": {\"id\": \"other\", \"routing\": \"flooding\", \"absent\": true}},"
        "\"timeline\": [{\"at\": \"1s\", \"cut\": [0, 1], \"silent\": true}, {\"at\": \"2s\", \"restore\": \"all\"},"
        "{\"at\": \"3s\", \"one_way\": [1, 0]}, {\"at\": \"4s\", \"flap\": \"any\", \"times\": 3, \"every\": \"1s\"},"
        "{\"at\": \"5s\", \"cost\": [\"n0\", \"n1\"], \"latency\": \"50ms\"},"
        "{\"at\": \"6s\", \"faults\": {\"duplicate\": 1, \"reorder\": 0.5}, \"on\": [0, 3]},"
        "{\"at\": \"7s\", \"kill\": \"any\", \"memory\": true}, {\"at\": \"8s\", \"restart\": \"all\", \"memory\": "
        "true},"
        "{\"at\": \"9s\", \"partition\": [0, 1, 2]}, {\"at\": \"10s\", \"heal\": true},"
        "{\"at\": \"11s\", \"clock\": 2, \"shift\": \"-90min\"},"
        "{\"at\": \"12s\", \"routing\": {\"add\": {\"plugin\": \"flooding\", \"learn\": false}}, \"at_junction\": 4},"
        "{\"at\": \"13s\", \"routing\": {\"prefer\": \"flooding\", \"preference\": 300}},"
        "{\"at\": \"14s\", \"routing\": {\"remove\": \"flooding\"}},"
        "{\"at\": \"15s\", \"send\": [2, \"n7\"], \"size\": 99, \"arrives\": true}],"
        "\"traffic\": [{\"from\": 1, \"every\": \"2ms\", \"size\": 100}, {\"reliable\": true, \"order\": \"latest\","
        "\"channel\": 5, \"ttl\": \"2s\", \"read\": \"1s\", \"accept\": \"3s\", \"arrives\": true}],"
        "\"packages\": {\"loss\": 0.3, \"late\": 0.01, \"jitter\": \"5ms\", \"until\": \"9s\"},"
        "\"caps\": {\"pairs\": 8, \"receive\": 90000}, \"break\": \"two-way\", \"checks\": {\"loop\": \"count\", "
        "\"lost\": "
        "3},"
        "\"expect\": {\"rule\": \"loop\", \"at\": \"5s\", \"trace_hash\": \"00000000deadbeef\"}}");
    char *first = sim_scenario_write(s, s->actions, s->action_count, NULL);
    sim_scenario *again = parsed(first);
    char *second = sim_scenario_write(again, again->actions, again->action_count, NULL);
    (void)state;
    assert_string_equal(first, second);
    assert_int_equal(again->action_count, 15);
    assert_int_equal(again->actions[14].node, 2);
    assert_int_equal(again->actions[14].to, 7);
    assert_true(again->actions[14].size == 99 && again->actions[14].arrives);
    assert_int_equal(again->actions[10].shift_ms, -90 * 60000);
    assert_int_equal(again->actions[2].node, 1);
    assert_int_equal(again->actions[5].faults.duplicate_ppm, 1000000);
    assert_int_equal(again->expect.trace_hash, 0xdeadbeef);
    assert_int_equal(again->lost_most, 3);
    const sim_traffic_rule *rule = &again->traffic[1];
    assert_true(rule->reliable && rule->promise.order == SLOW_LATEST && rule->promise.channel == 5);
    assert_true(rule->promise.arrives && rule->promise.accept_ns == 3 * SL_SECOND &&
                rule->promise.ttl_ns == 2 * SL_SECOND);
    assert_int_equal(again->packages.loss_ppm, 300000);
    assert_int_equal(again->packages.late_by_ns, 45 * SL_SECOND);
    assert_true(again->pairs_most == 8 && again->receive_most == 90000);
    assert_string_equal(again->broken, "two-way");
    assert_true(again->stream && again->places[3].absent);
    free(first);
    free(second);
    sim_scenario_free(again);
    sim_scenario_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_one_line_with_its_place),
        cmocka_unit_test(what_is_not_said_has_a_sense),
        cmocka_unit_test(the_timeline_is_in_the_order_of_time),
        cmocka_unit_test(what_is_written_is_read_as_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
