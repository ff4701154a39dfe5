/* The checker: a healthy mesh has no breach, and each rule's breach is caught when it happens, with a line that says what. */
#include "check_state.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RING = 5 };

static uint64_t seed_of_run(void) {
    const char *text = getenv("SLOW_SEED");
    return text != NULL ? strtoull(text, NULL, 10) : 1;
}

static void mesh_end(sim_mesh *mesh) {
    sim_check_free(mesh->check);
    sim_mesh_free(mesh);
}

/* A ring at rest. */
static sim_mesh *ring_of(uint32_t places, const char *routing) {
    sim_mesh *mesh = sim_mesh_new(seed_of_run(), places);
    assert_non_null(mesh);
    print_message("seed %" PRIu64 "\n", mesh->seed);
    assert_non_null(sim_check_new(mesh, NULL));
    if (routing != NULL)
        snprintf(mesh->routing, sizeof mesh->routing, "%s", routing);
    sim_mesh_ring(mesh, 5 * SL_MS);
    sim_mesh_start_all(mesh);
    assert_true(sim_check_settle(mesh->check, 60 * SL_SECOND));
    return mesh;
}

static slow_link adjacency(const sim_mesh *mesh, uint32_t from, uint32_t to) {
    slow_id id = sim_mesh_id(mesh, to);
    const sl_neighbour *n = sl_neighbour_find(&mesh->nodes[from].junction->links.neighbours, &id);
    assert_non_null(n);
    assert_int_not_equal(n->adjacency, 0);
    return n->adjacency;
}

/* As if the strategy of `from` had offered this; `by` == from: it withdraws. */
static void offer(sim_mesh *mesh, uint32_t from, uint32_t to, uint32_t by, uint32_t metric) {
    sl_junction *junction = mesh->nodes[from].junction;
    slow_id id = sim_mesh_id(mesh, to);
    slow_route route = {.metric = metric};
    if (by != from)
        route.via = adjacency(mesh, from, by);
    assert_int_equal(sl_route_table_offer(&junction->forward->table, junction->routing.strategies[0].number,
                                          junction->routing.strategies[0].preference, &id, &route, by != from),
                     SLOW_OK);
}

static void assert_caught(const sim_mesh *mesh, enum sim_rule rule, const char *text) {
    const sim_failure *failure = sim_check_failure(mesh->check);
    assert_true(failure->found);
    print_message("%s\n", failure->text);
    assert_string_equal(sim_rule_name(failure->rule), sim_rule_name(rule));
    assert_true(sim_check_count(mesh->check, rule) > 0);
    if (strstr(failure->text, text) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", text, failure->text);
}

static void a_healthy_mesh_has_no_breach(void **state) {
    sim_mesh *mesh = ring_of(RING, NULL);
    sim_stretch stretch;
    (void)state;
    sim_verdict v = sim_check_rest(mesh->check, &stretch);
    assert_int_equal(v.connected, RING * (RING - 1));
    assert_int_equal(v.routed, v.connected);
    assert_true(stretch.mean == 1 && stretch.most == 1);
    for (enum sim_rule rule = 0; rule < SIM_RULE_COUNT; rule++)
        assert_int_equal(sim_check_count(mesh->check, rule), 0);
    assert_string_equal(sim_check_failure(mesh->check)->text, "");
    mesh_end(mesh);
}

static void a_loop_among_candidates_is_caught_as_it_closes(void **state) {
    sim_mesh *mesh = ring_of(RING, NULL);
    (void)state;
    sim_check_set(mesh->check, SIM_FEASIBILITY, false);
    offer(mesh, 2, 0, 3, 150);
    offer(mesh, 1, 0, 2, 200);
    assert_false(sim_check_failure(mesh->check)->found);
    assert_true(sim_check_is_whole(mesh->check)); /* n1 > n2 > n3 > n4 > n0 */
    offer(mesh, 2, 0, 1, 200);
    assert_caught(mesh, SIM_LOOP, "a loop of 2 junctions on the way to n0, by candidates: n2 > n1 > n2");
    assert_false(sim_check_is_whole(mesh->check));
    assert_int_equal(sim_check_reaching(mesh->check), RING * (RING - 1) - 2);
    offer(mesh, 2, 0, 3, 150);
    assert_true(sim_check_is_whole(mesh->check));
    mesh_end(mesh);
}

static void of_a_strategy_that_promises_nothing_loops_in_use_are_counted(void **state) {
    sim_mesh *mesh = ring_of(RING, NULL);
    (void)state;
    sim_check_set(mesh->check, SIM_FEASIBILITY, false);
    mesh->check->classes[CLASS_TABLE]++; /* as if there were one */
    offer(mesh, 1, 0, 2, 150);           /* and that one goes by n1 */
    assert_int_equal(sim_check_count(mesh->check, SIM_LOOP), 1);
    assert_false(sim_check_failure(mesh->check)->found);
    sim_check_set(mesh->check, SIM_LOOP, true);
    offer(mesh, 2, 0, 3, 150);
    offer(mesh, 2, 0, 1, 200);
    assert_caught(mesh, SIM_LOOP, "by the next hops in use: n2 > n1 > n2");
    mesh->check->classes[CLASS_TABLE]--;
    mesh_end(mesh);
}

static void a_next_hop_that_is_no_nearer_is_caught(void **state) {
    sim_mesh *mesh = ring_of(RING, NULL);
    (void)state;
    sim_check_set(mesh->check, SIM_LOOP, false);
    offer(mesh, 1, 0, 2, 150);
    assert_caught(mesh, SIM_FEASIBILITY, "n1 would send to n0 by n2, which is no nearer");
    mesh_end(mesh);
}

static void a_feasibility_distance_that_goes_back_is_caught(void **state) {
    sim_mesh *mesh = ring_of(RING, NULL);
    (void)state;
    sim_check_rest(mesh->check, NULL);
    assert_false(sim_check_failure(mesh->check)->found);
    mesh->check->distances[1][0].metric = 1; /* as if it had been so low */
    sim_check_rest(mesh->check, NULL);
    assert_caught(mesh, SIM_MONOTONE, "the feasibility distance of n1 to n0 went back");
    mesh_end(mesh);
}

static void a_route_over_what_is_down_is_caught(void **state) {
    sim_mesh *mesh = ring_of(RING, NULL);
    slow_id nobody = {.size = 4, .text = "else"};
    slow_route route = {.via = adjacency(mesh, 0, 1), .metric = 1};
    (void)state;
    /* Of a strategy that does not hear of the cut. */
    sl_route_table_offer(&mesh->nodes[0].junction->forward->table, 99, 1, &nobody, &route, 1);
    sim_network_cut(mesh->network, 1, true);
    assert_caught(mesh, SIM_DEAD_HOP, "n0 still has a route to else by n1");
    mesh_end(mesh);
}

static void missing_and_suboptimal_routes_are_caught_at_rest(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        sim_mesh *mesh = ring_of(RING, NULL);
        sim_check_set(mesh->check, SIM_FEASIBILITY, false);
        offer(mesh, 2, 0, i == 0 ? 2 : 1, 101);
        sim_verdict v = sim_check_rest(mesh->check, NULL);
        assert_int_equal(i == 0 ? v.missing : v.suboptimal, 1);
        if (i == 0)
            assert_caught(mesh, SIM_MISSING, "n2 has no route to n0, which is at cost 100");
        else
            assert_caught(mesh, SIM_SUBOPTIMAL, "n2 reaches n0 at metric 101, and the least cost is 100");
        mesh_end(mesh);
    }
}

static void a_route_to_the_dead_is_caught_at_rest(void **state) {
    sim_mesh *mesh = ring_of(RING, NULL);
    (void)state;
    sim_mesh_unplug(mesh, 3);
    assert_true(sim_check_settle(mesh->check, 60 * SL_SECOND));
    sim_check_rest(mesh->check, NULL);
    assert_false(sim_check_failure(mesh->check)->found);
    assert_int_equal(sim_check_connected(mesh->check), (RING - 1) * (RING - 2));
    offer(mesh, 1, 3, 2, 100);
    assert_int_equal(sim_check_rest(mesh->check, NULL).stale, 1);
    assert_caught(mesh, SIM_STALE, "n1 has a route to n3, which is not there");
    mesh_end(mesh);
}

static void who_still_speaks_is_not_at_rest(void **state) {
    sim_mesh *mesh = ring_of(RING, NULL);
    (void)state;
    sim_network_cut(mesh->network, 1, true);
    sim_mesh_run(mesh, 400 * SL_MS);
    sim_check_rest(mesh->check, NULL);
    assert_caught(mesh, SIM_RESTLESS, "");
    mesh_end(mesh);
}

static void every_package_is_accounted_for(void **state) {
    sim_mesh *mesh = ring_of(RING, NULL);
    (void)state;
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(sim_mesh_send_bytes(mesh, i % RING, (i + 2) % RING, 3000, 1), SLOW_OK);
    assert_true(sim_check_settle(mesh->check, 60 * SL_SECOND));
    assert_int_equal(sim_mesh_counted(mesh, SL_messages_received), 20);
    assert_int_equal(sim_mesh_counted(mesh, SL_packages_forwarded), sim_mesh_counted(mesh, SL_packages_in) / 2);
    sim_check_rest(mesh->check, NULL);
    assert_string_equal(sim_check_failure(mesh->check)->text, "");
    mesh->nodes[2].junction->stats.count[SL_packages_forwarded]--; /* as if one had been lost without a word */
    sim_check_rest(mesh->check, NULL);
    assert_caught(mesh, SIM_PACKAGES, "packages came to n2, and ");
    mesh_end(mesh);
}

static void a_message_from_nowhere_is_caught(void **state) {
    sim_mesh *mesh = ring_of(RING, NULL);
    (void)state;
    mesh->nodes[2].junction->stats.count[SL_messages_received]++;
    sim_check_rest(mesh->check, NULL);
    assert_caught(mesh, SIM_PACKAGES, "junctions sent 0 messages, and took 1");
    mesh_end(mesh);
}

static void what_grows_beyond_its_cap_is_caught(void **state) {
    sim_mesh *mesh = ring_of(RING, NULL);
    (void)state;
    mesh->nodes[3].junction->delivery.queued += SL_QUEUED_MAX + 1;
    sim_check_rest(mesh->check, NULL);
    mesh->nodes[3].junction->delivery.queued -= SL_QUEUED_MAX + 1;
    assert_caught(mesh, SIM_BOUNDS, "bytes of messages that wait of n3");
    mesh_end(mesh);
}

/* What it takes to break a belief from outside: the strategy's own broken rule. */
static void a_belief_that_is_not_what_was_told_is_caught(void **state) {
    (void)state;
    bool caught = false;
    for (uint64_t seed = seed_of_run(); seed < seed_of_run() + 10 && !caught; seed++) {
        sim_mesh *mesh = sim_mesh_new(seed, 12);
        sim_check *check = sim_check_new(mesh, NULL);
        snprintf(mesh->routing, sizeof mesh->routing,
                 "[{\"plugin\": \"routing-distance-vector\", \"break_rule\": \"lost-memory\"}]");
        sim_mesh_random(mesh, 4);
        sim_mesh_start_all(mesh);
        sim_check_settle(check, 20 * SL_SECOND);
        for (uint32_t c = 1; c <= sim_network_cables(mesh->network); c += 3) {
            sim_network_cut(mesh->network, c, true);
            sim_check_settle(check, 20 * SL_SECOND);
            sim_check_rest(check, NULL);
        }
        caught = sim_check_count(check, SIM_BELIEFS) > 0;
        mesh_end(mesh);
    }
    assert_true(caught);
}

/* ---- pairs ---- */

static uint32_t next_of(const sim_mesh *mesh, uint32_t from, uint32_t to) {
    const sl_route *route = check_route(mesh->check, from, to);
    if (route == NULL || route->next_hop == NULL)
        return NO_PLACE;
    const check_adjacency *a = check_held(mesh->check, from, route->candidates[route->chosen].via);
    return a == NULL ? NO_PLACE : a->peer;
}

/* All paths walked anew. */
static uint64_t reaching(const sim_mesh *mesh) {
    uint64_t count = 0;
    for (uint32_t to = 0; to < mesh->count; to++)
        for (uint32_t from = 0; from < mesh->count; from++) {
            uint32_t at = from, steps = 0;
            while (at != to && at != NO_PLACE && mesh->check->places[at].present && steps++ < mesh->count)
                at = next_of(mesh, at, to);
            count += from != to && at == to && mesh->check->places[to].present && mesh->check->places[from].present;
        }
    return count;
}

/* Whatever happens, and in the middle of it. */
static void pairs_that_reach_are_counted_by_the_changes_alone(void **state) {
    sim_mesh *mesh = sim_mesh_new(seed_of_run(), 25);
    sim_check *check = sim_check_new(mesh, NULL);
    uint32_t broken = 0;
    (void)state;
    print_message("seed %" PRIu64 "\n", mesh->seed);
    sim_mesh_random(mesh, 3);
    sim_mesh_start_all(mesh);
    for (int i = 0; i < 400; i++) {
        uint64_t random = sl_world_random(mesh->world);
        uint32_t cable = 1 + (uint32_t)(random / 64 % sim_network_cables(mesh->network));
        uint32_t place = (uint32_t)(random / 64 % mesh->count);
        if (random % 8 < 4)
            sim_network_cut(mesh->network, cable, random % 2 == 0);
        else if (random % 8 < 6)
            sim_network_mend(mesh->network, cable);
        else if (mesh->nodes[place].junction == NULL)
            sim_mesh_start(mesh, place);
        else if (sim_mesh_is_frozen(mesh, place))
            sim_mesh_thaw(mesh, place);
        else if (random % 8 == 6)
            sim_mesh_freeze(mesh, place, random % 3 == 0);
        else
            sim_mesh_kill(mesh, place);
        sim_mesh_run(mesh, sl_world_random(mesh->world) % (100 * SL_MS));
        uint64_t expected = reaching(mesh);
        if (sim_check_reaching(check) != expected)
            fail_msg("seed %" PRIu64 ", step %d: %" PRIu64 " pairs, not %" PRIu64, mesh->seed, i,
                     sim_check_reaching(check), expected);
        assert_true(sim_check_reaching(check) <= sim_check_connected(check));
        broken += expected != sim_check_connected(check);
    }
    assert_true(broken > 20);
    assert_string_equal(sim_check_failure(check)->text, "");
    mesh_end(mesh);
}

static void a_mesh_is_whole_again_when_the_last_pair_is(void **state) {
    sim_mesh *mesh = ring_of(RING, NULL);
    sim_check *check = mesh->check;
    slow_time cut_at = sl_world_now(mesh->world);
    (void)state;
    assert_true(sim_check_whole_since(check) > 0 && sim_check_whole_since(check) < 100 * SL_MS);
    sim_network_cut(mesh->network, 1, false);
    sim_mesh_run(mesh, 10 * SL_MS);
    assert_true(sim_check_is_whole(check)); /* nobody has noticed yet */
    assert_true(sim_check_settle(check, 60 * SL_SECOND));
    assert_true(sim_check_is_whole(check));
    assert_true(sim_check_last_down(check) > cut_at);
    assert_true(sim_check_whole_since(check) >= sim_check_last_down(check));
    assert_true(sim_check_whole_since(check) < sim_check_last_down(check) + 200 * SL_MS);
    sim_mesh_freeze(mesh, 3, true);
    assert_int_equal(sim_check_connected(check), 4); /* n4 and n0, n1 and n2 */
    mesh_end(mesh);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_mesh_has_no_breach),
        cmocka_unit_test(a_loop_among_candidates_is_caught_as_it_closes),
        cmocka_unit_test(of_a_strategy_that_promises_nothing_loops_in_use_are_counted),
        cmocka_unit_test(a_next_hop_that_is_no_nearer_is_caught),
        cmocka_unit_test(a_feasibility_distance_that_goes_back_is_caught),
        cmocka_unit_test(a_route_over_what_is_down_is_caught),
        cmocka_unit_test(missing_and_suboptimal_routes_are_caught_at_rest),
        cmocka_unit_test(a_route_to_the_dead_is_caught_at_rest),
        cmocka_unit_test(who_still_speaks_is_not_at_rest),
        cmocka_unit_test(every_package_is_accounted_for),
        cmocka_unit_test(a_message_from_nowhere_is_caught),
        cmocka_unit_test(what_grows_beyond_its_cap_is_caught),
        cmocka_unit_test(a_belief_that_is_not_what_was_told_is_caught),
        cmocka_unit_test(pairs_that_reach_are_counted_by_the_changes_alone),
        cmocka_unit_test(a_mesh_is_whole_again_when_the_last_pair_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
