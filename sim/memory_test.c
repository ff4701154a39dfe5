/* Cables: rates, reordering and what is counted, under a mesh of two junctions. */
#include "mesh.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 1000 };

typedef struct arrivals {
    uint32_t count, overtaken; /* overtaken: came behind a later one */
    slow_time last_sent, first, last;
} arrivals;

static void on_message(void *arg, sim_node *node, const sl_message *message) {
    arrivals *a = arg;
    slow_time sent = sim_mesh_sent_at(message);
    assert_int_not_equal(sent, 0);
    a->overtaken += sent < a->last_sent;
    a->last_sent = sent > a->last_sent ? sent : a->last_sent;
    a->last = sl_world_now(node->mesh->world);
    if (a->count++ == 0)
        a->first = a->last;
}

static sim_mesh *pair(arrivals *a) {
    const char *text = getenv("SLOW_SEED");
    sim_mesh *mesh = sim_mesh_new(text != NULL ? strtoull(text, NULL, 10) : 1, 2);
    assert_non_null(mesh);
    print_message("seed %" PRIu64 "\n", mesh->seed);
    memset(a, 0, sizeof *a);
    mesh->on_message = on_message;
    mesh->arg = a;
    assert_int_equal(sim_network_cable(mesh->network, 0, 1, 5 * SL_MS), 1);
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    return mesh;
}

static void send(sim_mesh *mesh, unsigned count, slow_time every_ns) {
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(sim_mesh_send_bytes(mesh, 0, 1, SIZE, 1), SLOW_OK);
        sim_mesh_run(mesh, every_ns);
    }
}

static void a_rate_is_kept(void **state) {
    arrivals a;
    sim_mesh *mesh = pair(&a);
    (void)state;
    sim_network_cable_at(mesh->network, 1)->rate = 100000; /* 10 ms a message */
    send(mesh, 40, SL_MS);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    assert_int_equal(a.count, 40);
    assert_in_range((a.last - a.first) / SL_MS, 39 * 10, 39 * 13); /* headers, and probes between them */
    assert_int_equal(a.overtaken, 0);
    sim_mesh_free(mesh);
}

static void what_the_queue_has_no_room_for_is_lost_at_the_tail(void **state) {
    arrivals a;
    sim_mesh *mesh = pair(&a);
    sim_cable *cable = sim_network_cable_at(mesh->network, 1);
    (void)state;
    cable->rate = 100000;
    cable->queue_bytes = 10 * SIZE;
    send(mesh, 50, SL_MS);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    assert_in_range(a.count, 12, 25); /* ten wait, and one leaves every 10 ms */
    assert_int_equal(cable->queue_full + a.count, 50);
    assert_int_equal(cable->lost, 0);
    sim_mesh_free(mesh);
}

static void a_frame_that_stays_behind_is_overtaken_and_arrives(void **state) {
    arrivals a;
    sim_mesh *mesh = pair(&a);
    (void)state;
    sim_network_cable_at(mesh->network, 1)->reorder_ppm = 200000;
    sim_network_cable_at(mesh->network, 1)->reorder_ns = 20 * SL_MS;
    send(mesh, 200, 2 * SL_MS);
    sim_mesh_run(mesh, SL_SECOND);
    assert_int_equal(a.count, 200);
    assert_in_range(a.overtaken, 15, 70);
    sim_mesh_free(mesh);
}

static void one_way_swallows_one_way(void **state) {
    arrivals a;
    sim_mesh *mesh = pair(&a);
    sim_cable *cable = sim_network_cable_at(mesh->network, 1);
    (void)state;
    cable->cut_way[1] = true;
    send(mesh, 10, SL_MS);
    sim_mesh_run(mesh, 100 * SL_MS);
    assert_int_equal(a.count, 10);
    assert_true(cable->lost > 0); /* n1's probes and acknowledgements */
    cable->cut_way[0] = true;
    send(mesh, 10, SL_MS);
    assert_int_equal(a.count, 10);
    sim_mesh_free(mesh);
}

static void traffic_is_counted_by_what_it_is(void **state) {
    arrivals a;
    sim_mesh *mesh = pair(&a);
    const sim_traffic *all = sim_network_traffic(mesh->network);
    (void)state;
    sim_mesh_run(mesh, 5 * SL_SECOND);
    slow_time routing_at = sim_network_routing_at(mesh->network);
    uint64_t routing = all[SIM_TRAFFIC_ROUTING].frames, probes = all[SIM_TRAFFIC_PROBES].frames;
    assert_true(routing > 0 && routing_at > 0 && all[SIM_TRAFFIC_OPENING].frames >= 3);
    assert_int_equal(all[SIM_TRAFFIC_PACKAGES].frames, 0);
    sim_mesh_run(mesh, 5 * SL_SECOND);
    assert_int_equal(all[SIM_TRAFFIC_ROUTING].frames, routing); /* at rest: probes alone */
    assert_int_equal(sim_network_routing_at(mesh->network), routing_at);
    assert_true(all[SIM_TRAFFIC_PROBES].frames > probes);
    send(mesh, 7, SL_MS);
    assert_int_equal(all[SIM_TRAFFIC_PACKAGES].frames, 7);
    assert_true(all[SIM_TRAFFIC_PACKAGES].bytes > 7 * SIZE);
    uint64_t sum = 0;
    for (unsigned kind = 0; kind < SIM_TRAFFIC_COUNT; kind++)
        sum += all[kind].frames;
    assert_int_equal(sum, sim_network_frames(mesh->network));
    sim_mesh_free(mesh);
}

static void cables_are_found_by_their_ends(void **state) {
    sl_world *world = sl_world_new(1);
    sim_network *network = sim_network_new(world, 4);
    uint32_t count;
    (void)state;
    for (uint32_t i = 0; i < 40; i++)
        assert_int_equal(sim_network_cable(network, i % 2, 2 + i % 2, SL_MS), i + 1);
    assert_int_equal(sim_network_cable_between(network, 3, 1), 2);
    assert_int_equal(sim_network_cable_between(network, 0, 1), 0);
    const uint32_t *cables = sim_network_cables_of(network, 2, &count);
    assert_int_equal(count, 20);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(cables[i], 1 + 2 * i);
    sim_network_free(network);
    sl_world_free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_is_kept),
        cmocka_unit_test(what_the_queue_has_no_room_for_is_lost_at_the_tail),
        cmocka_unit_test(a_frame_that_stays_behind_is_overtaken_and_arrives),
        cmocka_unit_test(one_way_swallows_one_way),
        cmocka_unit_test(traffic_is_counted_by_what_it_is),
        cmocka_unit_test(cables_are_found_by_their_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
