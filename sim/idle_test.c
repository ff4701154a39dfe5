/* What a network costs when nothing happens: probes alone, as many on a link in use whether there are fifty junctions or
 * hundreds. */
#include "core/loop.h"
#include "run.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const slow_time WINDOW_NS = 10 * SL_SECOND;

static sim_run *at_rest(const char *line, const char *routing) {
    const char *seed_text = getenv("SLOW_SEED");
    uint64_t seed = seed_text != NULL ? strtoull(seed_text, NULL, 10) : 1;
    sim_choice choice = {.routing = routing, .seed = &seed};
    sim_topology *topology = NULL;
    sim_scenario *scenario = NULL;
    slow_error error = {.text = ""};
    if (sim_topology_open(line, seed, &topology, &error) != SLOW_OK ||
        sim_scenario_of(topology, &choice, &scenario, &error) != SLOW_OK)
        fail_msg("%s", error.text);
    print_message("%s, %s, seed %" PRIu64 "\n", line, routing, seed);
    sim_run *run = sim_run_new(scenario);
    assert_true(sim_run_until_whole(run, 60 * SL_SECOND));
    assert_true(sim_run_settle(run, 60 * SL_SECOND));
    sim_run_for(run, 20 * SL_SECOND); /* until links that no route uses are probed rarely */
    assert_string_equal(run->failure.text, "");
    return run;
}

/* A link is in use when a route of either end leads over it. */
static bool is_warm(const sim_run *run, uint32_t link) {
    const sim_topology_link *l = &run->scenario->topology->links[link];
    const uint32_t ends[2] = {l->a, l->b};
    for (unsigned e = 0; e < 2; e++) {
        slow_id id = sim_mesh_id(run->mesh, ends[!e]);
        const sl_neighbour *n = sl_neighbour_find(&run->mesh->nodes[ends[e]].junction->links.neighbours, &id);
        if (n != NULL && n->uses > 0)
            return true;
    }
    return false;
}

/* Bytes that went over each warm link in the window, both ways together; they are as many on all. */
static uint64_t bytes_on_a_warm_link(sim_run *run) {
    uint32_t links = run->scenario->topology->link_count, warm = 0;
    uint64_t *before = calloc(links, sizeof *before), bytes = 0;
    assert_non_null(before);
    for (uint32_t i = 0; i < links; i++)
        before[i] = sim_network_cable_at(run->mesh->network, i + 1)->bytes;
    sim_run_for(run, WINDOW_NS);
    for (uint32_t i = 0; i < links; i++) {
        uint64_t here = sim_network_cable_at(run->mesh->network, i + 1)->bytes - before[i];
        if (!is_warm(run, i))
            continue;
        bytes = warm++ == 0 ? here : bytes;
        assert_int_equal(here, bytes);
    }
    free(before);
    print_message("%u of %u links are warm: %" PRIu64 " bytes/s each way\n", warm, links,
                  bytes * SL_SECOND / WINDOW_NS / 2);
    assert_true(warm >= links / 2);
    return bytes;
}

static uint64_t idle_bytes(const char *line, const char *routing) {
    sim_run *run = at_rest(line, routing);
    uint64_t said = sim_network_traffic(run->mesh->network)[SIM_TRAFFIC_ROUTING].frames;
    uint64_t bytes = bytes_on_a_warm_link(run);
    /* No word of a strategy in all that time, and nothing asked that waits for an answer. */
    assert_int_equal(sim_network_traffic(run->mesh->network)[SIM_TRAFFIC_ROUTING].frames, said);
    assert_int_equal(sim_check_pending(run->check, NULL), 0);
    sim_run_free(run);
    return bytes;
}

static void a_link_of_an_idle_network_carries_as_much_however_large_that_is(void **state) {
    static const char *const strategies[] = {"distance-vector", "link-state"};
    (void)state;
    for (size_t i = 0; i < sizeof strategies / sizeof strategies[0]; i++) {
        uint64_t small = idle_bytes("geometric:50:3", strategies[i]);
        assert_true(small > 0);
        assert_int_equal(idle_bytes("geometric:300:3", strategies[i]), small);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_of_an_idle_network_carries_as_much_however_large_that_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
