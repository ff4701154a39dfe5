/* What becomes of messages, pings and traces where a link is loaded, or goes away: whole junctions in virtual time. */
#include "sim/mesh.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A line of junctions, all linked. */
static sim_mesh *line_of(uint32_t places) {
    sim_mesh *mesh = sim_mesh_new(1, places);
    assert_non_null(mesh);
    mesh->end_to_end = false; /* packages are made by hand */
    print_message("seed %" PRIu64 ", %u junctions\n", mesh->seed, places);
    for (uint32_t i = 1; i < places; i++)
        sim_network_cable(mesh->network, i - 1, i, 5 * SL_MS);
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, SL_SECOND);
    return mesh;
}

static sl_junction *junction(const sim_mesh *mesh, uint32_t place) {
    return mesh->nodes[place].junction;
}

static void send_to(sl_junction *j, const char *to, uint8_t priority, size_t size) {
    static const uint8_t bytes[SL_BEST_EFFORT_MAX];
    sl_message message = {.type = SLOW_BINARY, .priority = priority, .payload = {bytes, size}};
    sl_outgoing *out;
    assert_true(sl_id_set(&message.peer, (slow_bytes){(const uint8_t *)to, strlen(to)}));
    assert_int_equal(sl_message_check(&message, &out, NULL), SLOW_OK);
    sl_junction_send(j, out);
}

/* The link to a neighbour is as full as if somebody else's packages, `bytes` of them, waited in it. */
static void load(sl_junction *j, const char *to, int64_t bytes) {
    slow_id id;
    sl_id_set(&id, (slow_bytes){(const uint8_t *)to, strlen(to)});
    sl_link *link = sl_neighbour_find(&j->links.neighbours, &id)->best;
    link->out.bytes += (uint64_t)bytes;
    if (bytes < 0)
        sl_link_touch(link);
}

enum { BUSY = SL_OUTBOX_QUOTA / 2, FULL = SL_OUTBOX_QUOTA };

static void what_is_overtaken_by_a_higher_priority_is_no_double(void **state) {
    enum { COUNT = 4000 };
    sim_mesh *mesh = line_of(3);
    (void)state;
    for (int i = 0; i < COUNT; i++)
        send_to(junction(mesh, 0), "n2", 0, 1);
    send_to(junction(mesh, 0), "n2", 3, 1);
    sim_mesh_run(mesh, SL_SECOND);
    assert_int_equal(mesh->nodes[2].received, COUNT + 1);
    assert_int_equal(sl_junction_duplicates(junction(mesh, 2)), 0);
    sim_mesh_free(mesh);
}

static void flooding_knows_what_was_overtaken_too(void **state) {
    enum { COUNT = 4000 };
    sim_mesh *mesh = sim_mesh_new(1, 3);
    (void)state;
    snprintf(mesh->routing, sizeof mesh->routing, "[\"routing-flooding\"]");
    sim_network_cable(mesh->network, 0, 1, 5 * SL_MS);
    sim_network_cable(mesh->network, 1, 2, 5 * SL_MS);
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, SL_SECOND);
    for (int i = 0; i < COUNT; i++)
        send_to(junction(mesh, 0), "n2", 0, 1);
    send_to(junction(mesh, 0), "n2", 3, 1);
    sim_mesh_run(mesh, SL_SECOND);
    assert_int_equal(mesh->nodes[2].received, COUNT + 1);
    sim_mesh_free(mesh);
}

static void a_message_waits_for_room_for_as_long_as_there_is_a_route(void **state) {
    sim_mesh *mesh = line_of(2);
    (void)state;
    load(junction(mesh, 0), "n1", BUSY);
    send_to(junction(mesh, 0), "n1", 0, SL_BEST_EFFORT_MAX);
    send_to(junction(mesh, 0), "n1", 0, 1);
    sim_mesh_run(mesh, 12 * SL_SECOND);
    assert_int_equal(mesh->nodes[1].received, 0);
    load(junction(mesh, 0), "n1", -BUSY);
    sim_mesh_run(mesh, SL_SECOND);
    assert_int_equal(mesh->nodes[1].received, 2);
    assert_int_equal(junction(mesh, 0)->stats.count[SL_drop_message_expired], 0);
    sim_mesh_free(mesh);
}

static void a_hundred_absent_destinations_hold_up_nobody(void **state) {
    sim_mesh *mesh = line_of(2);
    char nobody[16];
    (void)state;
    for (int i = 0; i < 100; i++) {
        snprintf(nobody, sizeof nobody, "absent%d", i);
        send_to(junction(mesh, 0), nobody, 0, 1);
    }
    load(junction(mesh, 0), "n1", BUSY);
    send_to(junction(mesh, 0), "n1", 0, 1);
    sim_mesh_run(mesh, 100 * SL_MS);
    load(junction(mesh, 0), "n1", -BUSY);
    sim_mesh_run(mesh, 100 * SL_MS);
    assert_int_equal(mesh->nodes[1].received, 1);
    sim_mesh_run(mesh, 6 * SL_SECOND);
    assert_int_equal(junction(mesh, 0)->stats.count[SL_drop_message_expired], 100);
    assert_int_equal(junction(mesh, 0)->delivery.count, 0);
    sim_mesh_free(mesh);
}

typedef struct answer {
    unsigned count;
    slow_status status;
    uint64_t rtt_ns;
} answer;

static void take_answer(void *arg, const sl_query_result *result) {
    answer *a = arg;
    a->count++;
    a->status = result->status;
    a->rtt_ns = result->rtt_ns;
}

static const slow_id n1 = {.size = 2, .text = "n1"}, n2 = {.size = 2, .text = "n2"};

static void a_ping_passes_a_link_that_messages_keep_busy(void **state) {
    sim_mesh *mesh = line_of(2);
    answer pong = {.count = 0};
    (void)state;
    load(junction(mesh, 0), "n1", BUSY);
    load(junction(mesh, 1), "n0", BUSY);
    assert_non_null(sl_path_ping(&junction(mesh, 0)->path, &n1, 5 * SL_SECOND, take_answer, &pong));
    sim_mesh_run(mesh, 100 * SL_MS);
    assert_int_equal(pong.count, 1);
    assert_int_equal(pong.status, SLOW_OK);
    sim_mesh_free(mesh);
}

static void a_ping_into_a_full_link_waits_and_has_a_route(void **state) {
    sim_mesh *mesh = line_of(2);
    answer pong = {.count = 0}, late = {.count = 0};
    (void)state;
    load(junction(mesh, 0), "n1", FULL);
    assert_non_null(sl_path_ping(&junction(mesh, 0)->path, &n1, 5 * SL_SECOND, take_answer, &pong));
    assert_non_null(sl_path_ping(&junction(mesh, 0)->path, &n1, SL_SECOND, take_answer, &late));
    sim_mesh_run(mesh, 2 * SL_SECOND);
    assert_int_equal(pong.count, 0);
    assert_int_equal(late.count, 1);
    assert_int_equal(late.status, SLOW_E_TIMEOUT);
    assert_int_equal(junction(mesh, 0)->stats.count[SL_drop_package_queue_full], 0);
    load(junction(mesh, 0), "n1", -FULL);
    sim_mesh_run(mesh, 100 * SL_MS);
    assert_int_equal(pong.count, 1);
    assert_int_equal(pong.status, SLOW_OK);
    assert_int_equal(pong.rtt_ns, 10 * SL_MS);
    sim_mesh_free(mesh);
}

/* The repeat finds no way out; the end must come all the same. */
static void a_trace_ends_in_time_when_its_route_goes_away(void **state) {
    sim_mesh *mesh = line_of(3);
    answer traced = {.count = 0};
    (void)state;
    sim_network_cut(mesh->network, 2, false);
    assert_non_null(sl_path_trace(&junction(mesh, 0)->path, &n2, 2 * SL_SECOND, take_answer, &traced));
    sim_mesh_run(mesh, 100 * SL_MS);
    sim_network_cut(mesh->network, 1, true);
    sim_mesh_run(mesh, 5 * SL_SECOND);
    assert_int_equal(traced.count, 1);
    assert_int_equal(traced.status, SLOW_E_TIMEOUT);
    assert_int_equal(junction(mesh, 0)->path.count, 0);
    sim_mesh_free(mesh);
}

static void a_trace_that_was_repeated_tells_the_round_trip_of_the_repeat(void **state) {
    sim_mesh *mesh = line_of(2);
    answer traced = {.count = 0};
    (void)state;
    sim_network_cut(mesh->network, 1, false);
    assert_non_null(sl_path_trace(&junction(mesh, 0)->path, &n1, 2 * SL_SECOND, take_answer, &traced));
    sim_mesh_run(mesh, 100 * SL_MS);
    sim_network_mend(mesh->network, 1);
    sim_mesh_run(mesh, SL_SECOND);
    assert_int_equal(traced.count, 1);
    assert_int_equal(traced.status, SLOW_OK);
    assert_int_equal(traced.rtt_ns, 10 * SL_MS);
    sim_mesh_free(mesh);
}

/* Whoever sends to us in our own name is no part of us. */
static void a_package_in_our_own_name_is_not_handed_over(void **state) {
    sim_mesh *mesh = line_of(2);
    sl_forward *forward = junction(mesh, 0)->forward;
    const slow_id *self = forward->self;
    (void)state;
    forward->self = &n1;
    send_to(junction(mesh, 0), "n1", 0, 1);
    forward->self = self;
    sim_mesh_run(mesh, 100 * SL_MS);
    assert_int_equal(mesh->nodes[1].received, 0);
    assert_int_equal(junction(mesh, 1)->stats.count[SL_drop_package_own], 1);
    sim_mesh_free(mesh);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_overtaken_by_a_higher_priority_is_no_double),
        cmocka_unit_test(flooding_knows_what_was_overtaken_too),
        cmocka_unit_test(a_message_waits_for_room_for_as_long_as_there_is_a_route),
        cmocka_unit_test(a_hundred_absent_destinations_hold_up_nobody),
        cmocka_unit_test(a_ping_passes_a_link_that_messages_keep_busy),
        cmocka_unit_test(a_ping_into_a_full_link_waits_and_has_a_route),
        cmocka_unit_test(a_trace_ends_in_time_when_its_route_goes_away),
        cmocka_unit_test(a_trace_that_was_repeated_tells_the_round_trip_of_the_repeat),
        cmocka_unit_test(a_package_in_our_own_name_is_not_handed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
