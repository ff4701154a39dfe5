/* Traced messages over three relays, whole junctions in virtual time: what each reports, what it costs those that are not
 * traced, and how far a trace shows what was lost. */
#include "sim/mesh.h"
#include <inttypes.h>
#include <setjmp.h>
#include <slow/wire.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PLACES = 5, LATENCY_MS = 5, TICKET = 1 };

typedef struct rig {
    sim_mesh *mesh;
    sl_traces traces;
    unsigned heard;
    sl_hop hops[SL_TRACE_HOPS];
    size_t count;
} rig;

static void on_heard(void *arg) {
    ((rig *)arg)->heard++;
}

static sl_junction *junction(const rig *g, uint32_t place) {
    return g->mesh->nodes[place].junction;
}

/* n0 sends; n1, n2 and n3 are on the way to n4. */
static int set_up(void **state) {
    rig *g = calloc(1, sizeof *g);
    assert_non_null(g);
    g->mesh = sim_mesh_new(1, PLACES);
    assert_non_null(g->mesh);
    for (uint32_t i = 1; i < PLACES; i++)
        sim_network_cable(g->mesh->network, i - 1, i, LATENCY_MS * SL_MS);
    sim_mesh_start_all(g->mesh);
    sim_mesh_run(g->mesh, 2 * SL_SECOND);
    sl_traces_init(&g->traces);
    junction(g, 0)->path.traces = &g->traces;
    junction(g, 0)->path.heard = on_heard;
    junction(g, 0)->path.heard_arg = g;
    *state = g;
    return 0;
}

static int tear_down(void **state) {
    rig *g = *state;
    sim_mesh_free(g->mesh);
    sl_traces_free(&g->traces);
    free(g);
    return 0;
}

static void send_traced(rig *g, const char *to, uint16_t flags, uint8_t hop_limit, size_t size) {
    static const uint8_t bytes[8192];
    sl_message message = {.type = SLOW_BINARY,
                          .flags = flags | SLOW_TRACED,
                          .hop_limit = hop_limit,
                          .ttl_ns = 20 * SL_SECOND,
                          .payload = {bytes, size}};
    sl_outgoing *out;
    assert_true(sl_id_set(&message.peer, (slow_bytes){(const uint8_t *)to, strlen(to)}));
    assert_int_equal(sl_message_check(&message, &out, NULL), SLOW_OK);
    out->ticket = TICKET;
    assert_true(sl_traces_begin(&g->traces, TICKET, &message.peer));
    assert_int_equal(sl_junction_send(junction(g, 0), out), SLOW_OK);
}

static slow_status look(rig *g) {
    return sl_traces_look(&g->traces, TICKET, g->hops, SL_TRACE_HOPS, &g->count);
}

static const sl_hop *hop_at(const rig *g, uint32_t attempt, uint8_t place) {
    for (size_t i = 0; i < g->count; i++)
        if (g->hops[i].attempt == attempt && g->hops[i].report.place == place)
            return &g->hops[i];
    fail_msg("attempt %u: nothing was heard of place %u", attempt, place);
    return NULL;
}

static sl_link *link_to(const rig *g, uint32_t place, const char *id) {
    slow_id wanted;
    sl_id_set(&wanted, (slow_bytes){(const uint8_t *)id, strlen(id)});
    return sl_neighbour_find(&junction(g, place)->links.neighbours, &wanted)->best;
}

static uint64_t counted(const rig *g, uint32_t place, enum sl_counter counter) {
    return junction(g, place)->stats.count[counter];
}

static void every_place_reports(rig *g) {
    assert_int_equal(look(g), SLOW_OK);
    assert_int_equal(g->count, PLACES);
    for (uint8_t place = 0; place < PLACES; place++) {
        const sl_hop *hop = hop_at(g, 1, place);
        assert_int_equal(hop->by.text[1], '0' + place);
        assert_int_equal(hop->report.fate, place + 1 < PLACES ? SL_HOP_PASSED : SL_HOP_ARRIVED);
        assert_int_equal(hop->report.next.size, place + 1 < PLACES ? 2 : 0);
        assert_int_equal(hop->report.delay_us, 0);
        if (place > 0)
            assert_int_equal(hop->report.wall_us - g->hops[0].report.wall_us, place * LATENCY_MS * 1000);
    }
}

static void every_junction_on_the_way_reports_a_reliable_message(void **state) {
    rig *g = *state;
    send_traced(g, "n4", SLOW_RELIABLE, 0, 100);
    sim_mesh_run(g->mesh, SL_SECOND);
    assert_int_equal(g->mesh->nodes[4].received, 1);
    every_place_reports(g);
    assert_int_equal(g->heard, PLACES);
}

static void every_junction_on_the_way_reports_the_first_package_of_best_effort(void **state) {
    rig *g = *state;
    send_traced(g, "n4", 0, 0, 8000);
    sim_mesh_run(g->mesh, SL_SECOND);
    assert_int_equal(g->mesh->nodes[4].received, 1);
    every_place_reports(g);
}

static void a_message_to_ourselves_has_no_way(void **state) {
    rig *g = *state;
    send_traced(g, "n0", SLOW_RELIABLE, 0, 1);
    assert_int_equal(look(g), SLOW_OK);
    assert_int_equal(g->count, 1);
    assert_int_equal(g->hops[0].report.fate, SL_HOP_ARRIVED);
}

static void a_blocked_link_shows_as_a_delay_at_its_relay(void **state) {
    rig *g = *state;
    sl_link *link = link_to(g, 2, "n3");
    link->blocked = true;
    send_traced(g, "n4", 0, 0, 100);
    sim_mesh_run(g->mesh, 50 * SL_MS);
    assert_int_equal(look(g), SLOW_E_TIMEOUT);
    assert_int_equal(g->count, 2); /* n0 and n1; of n2 nothing, while it waits there */
    sl_link_writable(link);
    sim_mesh_run(g->mesh, SL_SECOND);
    assert_int_equal(look(g), SLOW_OK);
    assert_int_equal(hop_at(g, 1, 1)->report.delay_us, 0);
    assert_int_equal(hop_at(g, 1, 2)->report.delay_us, (50 - 2 * LATENCY_MS) * 1000);
    assert_int_equal(hop_at(g, 1, 3)->report.delay_us, 0);
}

static void a_package_that_was_lost_with_its_link_is_reported(void **state) {
    rig *g = *state;
    link_to(g, 2, "n3")->blocked = true;
    send_traced(g, "n4", 0, 0, 100);
    sim_mesh_run(g->mesh, 30 * SL_MS);
    sim_network_cut(g->mesh->network, 3, true);
    sim_mesh_run(g->mesh, SL_SECOND);
    look(g);
    const sl_hop *hop = hop_at(g, 1, 2);
    assert_int_equal(hop->report.fate, SL_HOP_LINK_DOWN);
    assert_memory_equal(hop->report.next.text, "n3", 2);
    assert_int_equal(hop->report.delay_us, (30 - 2 * LATENCY_MS) * 1000);
    assert_int_equal(junction(g, 2)->path.report_count, 0);
}

static void a_full_queue_and_a_hop_limit_are_reported(void **state) {
    rig *g = *state;
    sl_link *link = link_to(g, 1, "n2");
    link->out.bytes += SL_OUTBOX_QUOTA; /* as if somebody else's packages waited in it */
    send_traced(g, "n4", 0, 0, 100);
    sim_mesh_run(g->mesh, 100 * SL_MS);
    link->out.bytes -= SL_OUTBOX_QUOTA;
    look(g);
    assert_int_equal(g->count, 2);
    assert_int_equal(hop_at(g, 1, 1)->report.fate, SL_HOP_QUEUE_FULL);
    assert_memory_equal(hop_at(g, 1, 1)->report.next.text, "n2", 2);
    sl_traces_forget(&g->traces, TICKET);
    send_traced(g, "n4", 0, 3, 100);
    sim_mesh_run(g->mesh, 100 * SL_MS);
    look(g);
    assert_int_equal(g->count, 4);
    assert_int_equal(hop_at(g, 1, 3)->report.fate, SL_HOP_LIMIT);
}

static void a_full_queue_is_hinted_at(rig *g) {
    sl_message message = {.type = SLOW_BINARY, .flags = SLOW_RELIABLE, .payload = {(const uint8_t *)"x", 1}};
    sl_peer_info info;
    assert_int_equal(sim_mesh_send_message(g->mesh, 0, 4, &message), SLOW_OK);
    sim_mesh_run(g->mesh, SL_SECOND);
    link_to(g, 2, "n3")->out.bytes += SL_OUTBOX_QUOTA;
    assert_int_equal(sim_mesh_send_message(g->mesh, 0, 4, &message), SLOW_OK);
    sim_mesh_run(g->mesh, 100 * SL_MS);
    link_to(g, 2, "n3")->out.bytes -= SL_OUTBOX_QUOTA;
    assert_int_equal(sl_peers_info(&junction(g, 0)->delivery.peers, &info, 1), 1);
    assert_memory_equal(info.hint.by.text, "n2", 2);
    assert_int_equal(info.hint.reason, SL_DROP_QUEUE_FULL);
    assert_int_equal(look(g), SLOW_E_INVAL);
    assert_int_equal(g->heard, 0);
}

/* What is not traced is hinted at, too, when it meets a full queue: its sender's next outcome says so. */
static void a_full_queue_reaches_the_sender_of_any_message_as_a_hint(void **state) {
    a_full_queue_is_hinted_at(*state);
}

static void and_where_a_relay_translates(void **state) {
    rig g = {.mesh = sim_mesh_new(1, PLACES)};
    (void)state;
    g.mesh->nodes[3].codecs = "[\"codec-json\"]"; /* n2 has protobuf before it, and JSON behind it */
    for (uint32_t i = 1; i < PLACES; i++)
        sim_network_cable(g.mesh->network, i - 1, i, LATENCY_MS * SL_MS);
    sim_mesh_start_all(g.mesh);
    sim_mesh_run(g.mesh, 2 * SL_SECOND);
    sl_traces_init(&g.traces);
    junction(&g, 0)->path.traces = &g.traces;
    a_full_queue_is_hinted_at(&g);
    assert_true(counted(&g, 2, SL_packages_translated) > 0);
    sim_mesh_free(g.mesh);
    sl_traces_free(&g.traces);
}

static void a_killed_relay_shows_how_far_each_attempt_came(void **state) {
    rig *g = *state;
    send_traced(g, "n4", SLOW_RELIABLE, 0, 100);
    sim_mesh_run(g->mesh, SL_SECOND); /* the pair is open */
    sl_traces_forget(&g->traces, TICKET);
    sim_mesh_kill(g->mesh, 3); /* nobody hears of it before liveness does */
    send_traced(g, "n4", SLOW_RELIABLE, 0, 100);
    sim_mesh_run(g->mesh, 10 * SL_SECOND);
    assert_int_equal(look(g), SLOW_E_TIMEOUT);
    assert_int_equal(hop_at(g, 1, 2)->report.fate, SL_HOP_PASSED);
    assert_memory_equal(hop_at(g, 1, 2)->report.next.text, "n3", 2);
    for (size_t i = 0; i < g->count; i++)
        assert_true(g->hops[i].report.place < 3);
    uint32_t before = g->hops[g->count - 1].attempt;
    sim_mesh_start(g->mesh, 3);
    sim_mesh_run(g->mesh, 10 * SL_SECOND);
    assert_int_equal(look(g), SLOW_OK);
    const sl_hop *end = &g->hops[g->count - 1];
    assert_int_equal(end->report.fate, SL_HOP_ARRIVED);
    assert_true(end->attempt > 1 && end->attempt >= before);
    for (uint8_t place = 0; place < PLACES; place++)
        hop_at(g, end->attempt, place);
}

static void a_junction_can_die_with_traced_packages_in_its_queues(void **state) {
    rig *g = *state;
    link_to(g, 1, "n2")->blocked = true;
    link_to(g, 0, "n1")->blocked = true;
    send_traced(g, "n4", 0, 0, 100);
    sim_mesh_run(g->mesh, 10 * SL_MS);
    assert_int_equal(junction(g, 0)->path.report_count, 1);
    sim_mesh_kill(g->mesh, 0);
    assert_int_equal(look(g), SLOW_E_TIMEOUT);
    assert_int_equal(g->count, 0);
}

static void json_and_flooding_report_as_well(void **state) {
    (void)state;
    rig g = {.mesh = sim_mesh_new(1, PLACES)};
    snprintf(g.mesh->routing, sizeof g.mesh->routing, "[\"routing-flooding\"]");
    g.mesh->nodes[1].codecs = "[\"codec-json\"]"; /* on both sides of n1; behind that protobuf */
    for (uint32_t i = 1; i < PLACES; i++)
        sim_network_cable(g.mesh->network, i - 1, i, LATENCY_MS * SL_MS);
    sim_mesh_start_all(g.mesh);
    sim_mesh_run(g.mesh, 2 * SL_SECOND);
    sl_traces_init(&g.traces);
    junction(&g, 0)->path.traces = &g.traces;
    send_traced(&g, "n4", SLOW_RELIABLE, 0, 100);
    sim_mesh_run(g.mesh, SL_SECOND);
    every_place_reports(&g);
    sim_mesh_free(g.mesh);
    sl_traces_free(&g.traces);
}

/* ---- what strangers say ---- */

static void hear(rig *g, const char *by, const uint8_t *bytes, size_t size) {
    slow_package package = {.type = SLOW_CONTROL,
                            .kind = SL_KIND_TRACE_HOP,
                            .src = {(const uint8_t *)by, strlen(by)},
                            .payload = {bytes, size}};
    sl_path_control(&junction(g, 0)->path, &package);
}

static void forged_and_cut_reports_are_counted_and_change_nothing(void **state) {
    rig *g = *state;
    uint8_t bytes[SLOW_PAYLOAD_MAX];
    send_traced(g, "n4", SLOW_RELIABLE, 0, 100);
    sim_mesh_run(g->mesh, SL_SECOND);
    every_place_reports(g);
    sl_hop_report forged = hop_at(g, 1, 2)->report;
    forged.place = 7;
    size_t size = sl_hop_report_write(bytes, &forged);
    for (size_t cut = 0; cut < size; cut++)
        hear(g, "n9", bytes, cut);
    assert_int_equal(counted(g, 0, SL_drop_control_malformed), size);
    forged.session++; /* nobody who did not see it knows that */
    hear(g, "n9", bytes, sl_hop_report_write(bytes, &forged));
    assert_int_equal(counted(g, 0, SL_drop_hop_report_unknown), 1);
    hear(g, "n2", bytes, sl_hop_report_write(bytes, &hop_at(g, 1, 2)->report));
    assert_int_equal(counted(g, 0, SL_drop_hop_report_double), 1);
    every_place_reports(g);
}

static void a_flood_of_reports_ends_at_its_bound(void **state) {
    rig *g = *state;
    uint8_t bytes[SLOW_PAYLOAD_MAX];
    char by[16];
    send_traced(g, "n4", SLOW_RELIABLE, 0, 100);
    sim_mesh_run(g->mesh, SL_SECOND);
    look(g);
    size_t size = sl_hop_report_write(bytes, &hop_at(g, 1, 2)->report);
    for (int i = 0; i < 1000; i++) {
        snprintf(by, sizeof by, "liar%d", i);
        hear(g, by, bytes, size);
    }
    look(g);
    assert_int_equal(g->count, SL_TRACE_HOPS);
    assert_int_equal(counted(g, 0, SL_drop_hop_report_full), 1000 + PLACES - SL_TRACE_HOPS);
}

/* Marks on packages that somebody sends as fast as he can: 64 reports a second, however many there are. */
static void a_relay_says_no_more_than_it_may(void **state) {
    rig *g = *state;
    uint64_t before = counted(g, 1, SL_packages_out), bare;
    for (int i = 0; i < 1000; i++)
        send_traced(g, "n4", 0, 0, 10);
    sim_mesh_run(g->mesh, 100 * SL_MS);
    bare = counted(g, 1, SL_packages_forwarded);
    assert_true(bare >= 1000);
    assert_int_equal(g->mesh->nodes[4].received, 1000);
    assert_in_range(counted(g, 4, SL_packages_out), 1, 2 * 64 + 10);
    assert_in_range(counted(g, 1, SL_packages_out) - before, 1000, 1000 + 2 * 4 * 64 + 20);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(every_junction_on_the_way_reports_a_reliable_message),
        CASE(every_junction_on_the_way_reports_the_first_package_of_best_effort),
        CASE(a_message_to_ourselves_has_no_way),
        CASE(a_blocked_link_shows_as_a_delay_at_its_relay),
        CASE(a_package_that_was_lost_with_its_link_is_reported),
        CASE(a_full_queue_and_a_hop_limit_are_reported),
        CASE(a_full_queue_reaches_the_sender_of_any_message_as_a_hint),
        cmocka_unit_test(and_where_a_relay_translates),
        CASE(a_killed_relay_shows_how_far_each_attempt_came),
        CASE(a_junction_can_die_with_traced_packages_in_its_queues),
        cmocka_unit_test(json_and_flooding_report_as_well),
        CASE(forged_and_cut_reports_are_counted_and_change_nothing),
        CASE(a_flood_of_reports_ends_at_its_bound),
        CASE(a_relay_says_no_more_than_it_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
