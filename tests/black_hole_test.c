/* A junction that passes nothing on, and what must not be taken for one: whole junctions in virtual time. */
#include "sim/mesh.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct outcomes {
    uint32_t delivered, other;
} outcomes;

static void on_outcome(void *arg, sim_node *node, const sl_result *result) {
    outcomes *o = arg;
    (void)node;
    o->delivered += result->outcome == SL_DELIVERED;
    o->other += result->outcome != SL_DELIVERED;
}

static sim_mesh *mesh_of(uint32_t places, outcomes *o) {
    sim_mesh *mesh = sim_mesh_new(1, places);
    assert_non_null(mesh);
    mesh->watch.arg = o;
    mesh->watch.outcome = on_outcome;
    print_message("seed %" PRIu64 ", %u junctions\n", mesh->seed, places);
    return mesh;
}

static void send_reliably(sim_mesh *mesh, uint32_t from, uint32_t to) {
    sl_message message = {.type = SLOW_BINARY, .flags = SLOW_RELIABLE, .payload = {(const uint8_t *)"x", 1}};
    assert_int_equal(sim_mesh_send_message(mesh, from, to, &message), SLOW_OK);
}

static const sl_doubt *doubt_of(const sim_mesh *mesh, uint32_t place, uint32_t about) {
    slow_id id = sim_mesh_id(mesh, about);
    return &sl_neighbour_find(&mesh->nodes[place].junction->links.neighbours, &id)->doubt;
}

/* Is any neighbour of anybody's held to pass nothing on? */
static bool anybody_is_doubted(const sim_mesh *mesh) {
    bool any = false;
    for (uint32_t i = 0; i < mesh->count; i++) {
        const sl_neighbours *neighbours = &mesh->nodes[i].junction->links.neighbours;
        for (uint32_t k = 0; k < neighbours->count; k++)
            any |= neighbours->sorted[k]->doubt.shunned || neighbours->sorted[k]->doubt.convictions > 0;
    }
    return any;
}

static void a_hole_is_noticed_by_its_neighbours_and_gone_round(void **state) {
    outcomes o = {0};
    uint32_t sent = 0, suspected = 0, shunned = 0;
    (void)state;
    sim_mesh *mesh = mesh_of(8, &o);
    sim_mesh_ring(mesh, 5 * SL_MS);
    mesh->nodes[1].drops_from = 10 * SL_SECOND;
    mesh->nodes[1].drops_until = UINT64_MAX;
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    for (int i = 0; i < 580; i++) { /* until 60 s */
        send_reliably(mesh, 0, 2);
        send_reliably(mesh, 0, 3);
        sent += 2;
        sim_mesh_run(mesh, 100 * SL_MS);
        suspected += doubt_of(mesh, 0, 1)->convictions > 0;
        shunned += doubt_of(mesh, 0, 1)->shunned;
    }
    const sl_doubt *d = doubt_of(mesh, 0, 1);
    print_message("n1, by n0: %" PRIu64 " passed on of %" PRIu64 ", suspected in %u looks of 580, shunned in %u\n",
                  d->passed_on, d->passed_on + d->not_passed_on, suspected, shunned);
    assert_true(suspected > 0 && shunned > 200);
    assert_true(d->passed_on >= 150 && d->not_passed_on > 0);
    assert_int_equal(doubt_of(mesh, 0, 7)->convictions, 0);
    sim_mesh_run(mesh, 30 * SL_SECOND);
    assert_int_equal(o.delivered, sent);
    assert_int_equal(o.other, 0);
    sim_mesh_free(mesh);
}

static bool swallow(void *arg, sim_node *node, const slow_package *package) {
    (void)package;
    return node->place == *(uint32_t *)arg;
}

static void of_a_destination_that_answers_nobody_no_neighbour_is_suspected(void **state) {
    outcomes o = {0};
    uint32_t dead = 8;
    (void)state;
    sim_mesh *mesh = mesh_of(9, &o);
    sim_mesh_grid(mesh, 3, 5 * SL_MS);
    mesh->divert = swallow;
    mesh->divert_arg = &dead;
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    for (int i = 0; i < 1200; i++) {
        send_reliably(mesh, 0, dead);
        send_reliably(mesh, 0, 5);
        send_reliably(mesh, 0, 7);
        sim_mesh_run(mesh, 100 * SL_MS);
        assert_false(anybody_is_doubted(mesh));
    }
    sim_mesh_run(mesh, 60 * SL_SECOND);
    assert_int_equal(o.delivered, 2400);
    assert_int_equal(o.other, 1200);
    sim_mesh_free(mesh);
}

static void of_loss_and_congestion_no_neighbour_is_suspected(void **state) {
    outcomes o = {0};
    uint32_t sent = 0;
    (void)state;
    sim_mesh *mesh = mesh_of(9, &o);
    sim_mesh_grid(mesh, 3, 5 * SL_MS);
    for (uint32_t i = 1; i <= sim_network_cables(mesh->network); i++) {
        sim_network_cable_at(mesh->network, i)->loss_ppm = 50000;
        sim_network_cable_at(mesh->network, i)->rate = 20000; /* bytes a second */
    }
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 5 * SL_SECOND);
    for (int i = 0; i < 1200; i++) {
        for (uint32_t from = 0; from < 9 && i < 1000; from += 2, sent++)
            send_reliably(mesh, from, 8 - from == from ? 0 : 8 - from);
        sim_mesh_run(mesh, 50 * SL_MS);
        assert_false(anybody_is_doubted(mesh));
    }
    print_message("%u sent, %u delivered\n", sent, o.delivered);
    assert_true(o.delivered > sent / 2);
    sim_mesh_free(mesh);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hole_is_noticed_by_its_neighbours_and_gone_round),
        cmocka_unit_test(of_a_destination_that_answers_nobody_no_neighbour_is_suspected),
        cmocka_unit_test(of_loss_and_congestion_no_neighbour_is_suspected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
