/* Whole junctions with the real plugins, in virtual time: the five classic scenarios of flooding, and distance vector on
 * rings, grids and random graphs, through every cut and every death. */
#include "sim/check.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char FLOODING[] = "[\"routing-flooding\"]";

static uint64_t seed_of_run(void) {
    const char *text = getenv("SLOW_SEED");
    return text != NULL ? strtoull(text, NULL, 10) : 1;
}

static sim_mesh *mesh_of(uint64_t seed, uint32_t places, const char *routing) {
    sim_mesh *mesh = sim_mesh_new(seed, places);
    assert_non_null(mesh);
    print_message("seed %" PRIu64 ", %u junctions\n", seed, places);
    assert_non_null(sim_check_new(mesh, NULL));
    if (routing != NULL)
        snprintf(mesh->routing, sizeof mesh->routing, "%s", routing);
    return mesh;
}

static void mesh_end(sim_mesh *mesh) {
    sim_check_free(mesh->check);
    sim_mesh_free(mesh);
}

static uint64_t duplicates(const sim_mesh *mesh, uint32_t place) {
    return sl_junction_duplicates(mesh->nodes[place].junction);
}

static const sl_route *route(const sim_mesh *mesh, uint32_t from, uint32_t to) {
    char id[SLOW_ID_MAX];
    int size = snprintf(id, sizeof id, "n%u", to);
    const sl_route_table *table = &mesh->nodes[from].junction->forward->table;
    uint32_t hash = sl_route_table_hash(table, (const uint8_t *)id, (size_t)size);
    return sl_route_table_find(table, hash, (const uint8_t *)id, (size_t)size);
}

static void send_one(sim_mesh *mesh, uint32_t from, uint32_t to) {
    assert_int_equal(sim_mesh_send(mesh, from, to, "{\"n\": 1}"), SLOW_OK);
    sim_mesh_run(mesh, 500 * SL_MS);
}

/* ---- the five classic scenarios, under flooding ---- */

static void cables(sim_mesh *mesh, const uint32_t (*pairs)[2], size_t count) {
    for (size_t i = 0; i < count; i++)
        sim_network_cable(mesh->network, pairs[i][0], pairs[i][1], 5 * SL_MS);
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, SL_SECOND);
}

static void pair_delivers_once(void **state) {
    static const uint32_t pairs[][2] = {{0, 1}};
    sim_mesh *mesh = mesh_of(seed_of_run(), 2, FLOODING);
    (void)state;
    cables(mesh, pairs, 1);
    send_one(mesh, 0, 1);
    assert_int_equal(mesh->nodes[1].received, 1);
    assert_memory_equal(mesh->nodes[1].last_payload, "{\"n\":1}", 7);
    assert_int_equal(duplicates(mesh, 0) + duplicates(mesh, 1), 0);
    mesh_end(mesh);
}

typedef struct answer {
    unsigned count;
    sl_query_result result;
    slow_id hops[16];
} answer;

static void take_answer(void *arg, const sl_query_result *result) {
    answer *a = arg;
    a->count++;
    a->result = *result;
    for (size_t i = 0; i < result->trace_count && i < 16; i++)
        a->hops[i] = result->trace[i].id;
}

static void line_of_four_replies_and_reports_its_last_hop(void **state) {
    static const uint32_t pairs[][2] = {{0, 1}, {1, 2}, {2, 3}};
    sim_mesh *mesh = mesh_of(seed_of_run(), 4, FLOODING);
    slow_id far = {.size = 2, .text = "n3"};
    answer traced = {.count = 0};
    (void)state;
    cables(mesh, pairs, 3);
    send_one(mesh, 0, 3);
    send_one(mesh, 3, 0);
    assert_int_equal(mesh->nodes[3].received, 1);
    assert_int_equal(mesh->nodes[0].received, 1);
    assert_non_null(sl_path_trace(&mesh->nodes[0].junction->path, &far, SL_SECOND, take_answer, &traced));
    sim_mesh_run(mesh, 2 * SL_SECOND);
    assert_int_equal(traced.count, 1);
    assert_int_equal(traced.result.status, SLOW_OK);
    assert_int_equal(traced.result.trace_count, 3);
    assert_true(sl_id_equal(&traced.hops[2], &far));
    assert_memory_equal(traced.hops[0].text, "n1", 2);
    mesh_end(mesh);
}

/* The reply takes the learned path alone: nobody but the relays on it sees a package. */
static void reply_takes_the_learned_path(sim_mesh *mesh, uint32_t from, uint32_t to) {
    uint64_t before = 0, after = 0;
    assert_non_null(route(mesh, to, from));
    assert_non_null(route(mesh, to, from)->next_hop);
    for (uint32_t i = 0; i < mesh->count; i++)
        before += mesh->nodes[i].junction->stats.count[SL_packages_in];
    send_one(mesh, to, from);
    for (uint32_t i = 0; i < mesh->count; i++)
        after += mesh->nodes[i].junction->stats.count[SL_packages_in];
    assert_int_equal(after - before, 2); /* one relay, and the source */
    assert_int_equal(mesh->nodes[from].received, 1);
}

static void square_counts_one_double_at_the_far_corner(void **state) {
    static const uint32_t pairs[][2] = {{0, 1}, {1, 3}, {3, 2}, {2, 0}};
    sim_mesh *mesh = mesh_of(seed_of_run(), 4, FLOODING);
    (void)state;
    cables(mesh, pairs, 4);
    send_one(mesh, 0, 3);
    assert_int_equal(mesh->nodes[3].received, 1);
    assert_int_equal(duplicates(mesh, 3), 1);
    assert_int_equal(duplicates(mesh, 0) + duplicates(mesh, 1) + duplicates(mesh, 2), 0);
    reply_takes_the_learned_path(mesh, 0, 3);
    assert_int_equal(duplicates(mesh, 3), 1);
    mesh_end(mesh);
}

static void pyramid_counts_two_doubles_at_the_far_corner_and_at_the_hub(void **state) {
    static const uint32_t pairs[][2] = {{0, 1}, {1, 3}, {3, 2}, {2, 0}, {4, 0}, {4, 1}, {4, 2}, {4, 3}};
    sim_mesh *mesh = mesh_of(seed_of_run(), 5, FLOODING);
    (void)state;
    cables(mesh, pairs, 8);
    send_one(mesh, 0, 3);
    assert_int_equal(mesh->nodes[3].received, 1);
    assert_int_equal(duplicates(mesh, 3), 2);
    assert_int_equal(duplicates(mesh, 4), 2);
    reply_takes_the_learned_path(mesh, 0, 3);
    mesh_end(mesh);
}

static void ping_counts_one_pong(void **state) {
    static const uint32_t pairs[][2] = {{0, 1}, {1, 3}, {3, 2}, {2, 0}};
    sim_mesh *mesh = mesh_of(seed_of_run(), 4, FLOODING);
    slow_id far = {.size = 2, .text = "n3"};
    answer pong = {.count = 0};
    (void)state;
    cables(mesh, pairs, 4);
    assert_non_null(sl_path_ping(&mesh->nodes[0].junction->path, &far, SL_SECOND, take_answer, &pong));
    sim_mesh_run(mesh, 2 * SL_SECOND);
    assert_int_equal(pong.count, 1);
    assert_int_equal(pong.result.status, SLOW_OK);
    assert_int_equal(pong.result.hops, 2);
    assert_int_equal(pong.result.rtt_ns, 20 * SL_MS);
    mesh_end(mesh);
}

/* A strategy that offers while it chooses moves the table under the core's feet (seen by AddressSanitizer). */
static void choosing_may_move_the_table(void **state) {
    static const uint32_t pairs[][2] = {{0, 1}, {1, 2}, {1, 3}};
    static const char *const routings[] = {
        "[{\"plugin\": \"routing-flooding\", \"max_learned\": 1}]",
        "[{\"plugin\": \"routing-distance-vector\", \"preference\": 200}, {\"plugin\": \"routing-flooding\", "
        "\"preference\": 100, \"max_learned\": 1}]"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        sim_mesh *mesh = mesh_of(seed_of_run(), 4, routings[i]);
        cables(mesh, pairs, 3);
        send_one(mesh, 0, 2);
        send_one(mesh, 2, 0);
        send_one(mesh, 3, 0);
        send_one(mesh, 2, 3);
        assert_int_equal(mesh->nodes[0].received, 2);
        assert_int_equal(mesh->nodes[2].received, 1);
        assert_int_equal(mesh->nodes[3].received, 1);
        mesh_end(mesh);
    }
}

static void distance_vector_makes_no_double(void **state) {
    static const uint32_t pairs[][2] = {{0, 1}, {1, 3}, {3, 2}, {2, 0}, {4, 0}, {4, 1}, {4, 2}, {4, 3}};
    sim_mesh *mesh = mesh_of(seed_of_run(), 5, NULL);
    (void)state;
    cables(mesh, pairs, 8);
    for (uint32_t a = 0; a < 5; a++)
        for (uint32_t b = 0; b < 5; b++)
            if (a != b)
                send_one(mesh, a, b);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(mesh->nodes[i].received, 4);
        assert_int_equal(duplicates(mesh, i), 0);
    }
    mesh_end(mesh);
}

/* ---- distance vector through every cut and every death ---- */

/* Every connected pair is routed now, nothing else is, and no cycle ever was. The best metric may take longer: a better
 * but infeasible offer is asked for after half a second, and again after four (routing-distance-vector, rule 7b). */
static void assert_right(sim_mesh *mesh, const char *after, uint32_t which) {
    const sim_failure *failure = sim_check_failure(mesh->check);
    sim_verdict v = sim_check_routes(mesh->check, NULL);
    slow_time limit = sl_world_now(mesh->world) + 30 * SL_SECOND;
    while (v.missing + v.stale == 0 && !failure->found && v.suboptimal > 0 && sl_world_now(mesh->world) < limit) {
        sim_mesh_run(mesh, SL_SECOND);
        v = sim_check_routes(mesh->check, NULL);
    }
    if (v.missing + v.stale + v.suboptimal > 0 || failure->found)
        fail_msg("seed %" PRIu64 ", at %.3f s, after %s %u: %" PRIu64 " pairs connected, %" PRIu64 " missing, %" PRIu64
                 " stale, %" PRIu64 " suboptimal; %s",
                 mesh->seed, (double)sl_world_now(mesh->world) / 1e9, after, which, v.connected, v.missing, v.stale,
                 v.suboptimal, failure->text);
    assert_int_equal(sim_check_connected(mesh->check), v.connected);
    assert_int_equal(sim_check_reaching(mesh->check), v.connected);
}

/* And once nothing is said any more: all that must hold at rest. */
static void assert_rest(sim_mesh *mesh) {
    if (!sim_check_settle(mesh->check, 400 * SL_SECOND))
        fail_msg("seed %" PRIu64 ": no rest", mesh->seed);
    sim_check_rest(mesh->check, NULL);
    assert_string_equal(sim_check_failure(mesh->check)->text, "");
}

static void cold_start(sim_mesh *mesh) {
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 3 * SL_SECOND);
    assert_int_equal(sim_check_connected(mesh->check), mesh->count * (mesh->count - 1));
    assert_right(mesh, "cold start", 0);
    assert_rest(mesh);
}

/* With the carrier told, so that what is measured is routing; every third cut is silent and found by liveness. */
static void through_every_cut(sim_mesh *mesh, uint32_t step) {
    for (uint32_t c = 1; c <= sim_network_cables(mesh->network); c += step) {
        sim_network_cut(mesh->network, c, c % 3 != 0);
        sim_mesh_run(mesh, 3 * SL_SECOND);
        assert_right(mesh, "the cut of cable", c);
        sim_network_mend(mesh->network, c);
        sim_mesh_run(mesh, 8 * SL_SECOND); /* a dialler waits up to 6.25 s */
        assert_right(mesh, "the repair of cable", c);
    }
    assert_rest(mesh);
}

static void through_every_death(sim_mesh *mesh, uint32_t step) {
    for (uint32_t i = 0; i < mesh->count; i += step) {
        sim_mesh_kill(mesh, i);
        sim_mesh_run(mesh, 4 * SL_SECOND);
        assert_right(mesh, "the death of junction", i);
        sim_mesh_start(mesh, i);
        sim_mesh_run(mesh, 8 * SL_SECOND);
        assert_right(mesh, "the return of junction", i);
    }
    assert_rest(mesh);
}

static void a_ring_heals(void **state) {
    sim_mesh *mesh = mesh_of(seed_of_run(), 12, NULL);
    (void)state;
    sim_mesh_ring(mesh, 5 * SL_MS);
    cold_start(mesh);
    through_every_cut(mesh, 1);
    through_every_death(mesh, 1);
    mesh_end(mesh);
}

static void a_grid_heals(void **state) {
    sim_mesh *mesh = mesh_of(seed_of_run(), 25, NULL);
    (void)state;
    sim_mesh_grid(mesh, 5, 5 * SL_MS);
    cold_start(mesh);
    through_every_cut(mesh, 1);
    through_every_death(mesh, 1);
    mesh_end(mesh);
}

static void random_graphs_heal(void **state) {
    (void)state;
    for (uint64_t seed = seed_of_run(); seed < seed_of_run() + 3; seed++) {
        sim_mesh *mesh = mesh_of(seed, 30, NULL);
        sim_mesh_random(mesh, 4);
        cold_start(mesh);
        through_every_cut(mesh, 1);
        through_every_death(mesh, 1);
        mesh_end(mesh);
    }
}

/* ThreadSanitizer is twenty times slower here, and a world of one thread has little for it to see: fewer samples. */
#if defined(__SANITIZE_THREAD__)
enum { SAMPLE = 100 };
#else
enum { SAMPLE = 20 };
#endif

static void two_hundred_junctions_heal(void **state) {
    sim_mesh *mesh = mesh_of(seed_of_run(), 200, NULL);
    (void)state;
    sim_mesh_random(mesh, 4);
    cold_start(mesh);
    through_every_cut(mesh, SAMPLE);
    through_every_death(mesh, SAMPLE);
    mesh_end(mesh);
}

/* All 400 cables and all 200 junctions: minutes, so only with SLOW_LONG. */
static void two_hundred_junctions_heal_from_everything(void **state) {
    (void)state;
    if (getenv("SLOW_LONG") == NULL) {
        print_message("SKIPPED: set SLOW_LONG to run it, as scripts/test.sh --all does\n");
        skip();
    }
    sim_mesh *mesh = mesh_of(seed_of_run(), 200, NULL);
    sim_mesh_random(mesh, 4);
    cold_start(mesh);
    through_every_cut(mesh, 1);
    through_every_death(mesh, 1);
    mesh_end(mesh);
}

/* ---- determinism, and controls that have to fail ---- */

static uint64_t trace_of(uint64_t seed) {
    sim_mesh *mesh = sim_mesh_new(seed, 25);
    sim_mesh_random(mesh, 4);
    for (uint32_t c = 1; c <= sim_network_cables(mesh->network); c++) {
        sim_cable *cable = sim_network_cable_at(mesh->network, c);
        cable->loss_ppm = 50000;
        cable->duplicate_ppm = 50000;
        cable->jitter_ns = 3 * SL_MS;
    }
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 3 * SL_SECOND);
    sim_mesh_kill(mesh, 7);
    sim_mesh_run(mesh, 3 * SL_SECOND);
    uint64_t trace = sl_world_trace(mesh->world);
    mesh_end(mesh);
    return trace;
}

static void the_same_seed_gives_the_same_trace(void **state) {
    uint64_t first = trace_of(seed_of_run());
    (void)state;
    print_message("seed %" PRIu64 ": trace %016" PRIx64 "\n", seed_of_run(), first);
    assert_int_equal(trace_of(seed_of_run()), first);
    assert_int_equal(trace_of(seed_of_run()), first);
    assert_int_not_equal(trace_of(seed_of_run() + 1), first);
}

/* Cuts and repairs at short distance, which is where a broken rule shows. Returns the loops found. */
static uint64_t cycles_under_stress(const char *routing, uint64_t seed) {
    sim_mesh *mesh = sim_mesh_new(seed, 20);
    sim_check *check = sim_check_new(mesh, NULL);
    snprintf(mesh->routing, sizeof mesh->routing, "%s", routing);
    sim_mesh_random(mesh, 4);
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    for (int i = 0; i < 40; i++) {
        uint32_t cable = 1 + (uint32_t)(sl_world_random(mesh->world) % sim_network_cables(mesh->network));
        if (sim_network_cable_at(mesh->network, cable)->cut)
            sim_network_mend(mesh->network, cable);
        else
            sim_network_cut(mesh->network, cable, true);
        sim_mesh_run(mesh, sl_world_random(mesh->world) % (400 * SL_MS));
    }
    uint64_t cycles = sim_check_count(check, SIM_LOOP);
    mesh_end(mesh);
    return cycles;
}

static void no_cycle_under_stress(void **state) {
    (void)state;
    for (uint64_t seed = seed_of_run(); seed < seed_of_run() + 20; seed++)
        if (cycles_under_stress("[\"routing-distance-vector\"]", seed) != 0)
            fail_msg("seed %" PRIu64 ": a cycle", seed);
}

static void assert_control_fails(const char *rule) {
    char routing[128];
    uint64_t cycles = 0;
    snprintf(routing, sizeof routing, "[{\"plugin\": \"routing-distance-vector\", \"break_rule\": \"%s\"}]", rule);
    for (uint64_t seed = seed_of_run(); seed < seed_of_run() + 10 && cycles == 0; seed++)
        cycles = cycles_under_stress(routing, seed);
    if (cycles == 0)
        fail_msg("without the rule (%s) no cycle was found: the check does not see them", rule);
}

static void without_feasibility_the_check_finds_cycles(void **state) {
    (void)state;
    assert_control_fails("no-feasibility");
}

static void without_refiltering_the_check_finds_cycles(void **state) {
    (void)state;
    assert_control_fails("no-refilter");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pair_delivers_once),
        cmocka_unit_test(line_of_four_replies_and_reports_its_last_hop),
        cmocka_unit_test(square_counts_one_double_at_the_far_corner),
        cmocka_unit_test(pyramid_counts_two_doubles_at_the_far_corner_and_at_the_hub),
        cmocka_unit_test(ping_counts_one_pong),
        cmocka_unit_test(choosing_may_move_the_table),
        cmocka_unit_test(distance_vector_makes_no_double),
        cmocka_unit_test(a_ring_heals),
        cmocka_unit_test(a_grid_heals),
        cmocka_unit_test(random_graphs_heal),
        cmocka_unit_test(two_hundred_junctions_heal),
        cmocka_unit_test(two_hundred_junctions_heal_from_everything),
        cmocka_unit_test(the_same_seed_gives_the_same_trace),
        cmocka_unit_test(no_cycle_under_stress),
        cmocka_unit_test(without_feasibility_the_check_finds_cycles),
        cmocka_unit_test(without_refiltering_the_check_finds_cycles),
    };
    if (getenv("SLOW_TEST") != NULL) /* one test alone, by name or pattern */
        cmocka_set_test_filter(getenv("SLOW_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
