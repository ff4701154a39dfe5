/* Whole junctions in virtual time: how links open, live, end and are refused, and what becomes of best-effort messages on
 * lossy, cut and foreign cables. */
#include "sim/check.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed_of_run(void) {
    const char *text = getenv("SLOW_SEED");
    return text != NULL ? strtoull(text, NULL, 10) : 1;
}

static sim_mesh *line_of(uint32_t places) {
    sim_mesh *mesh = sim_mesh_new(seed_of_run(), places);
    assert_non_null(mesh);
    print_message("seed %" PRIu64 "\n", mesh->seed);
    mesh->end_to_end = false; /* what packages hold is looked at */
    for (uint32_t i = 0; i + 1 < places; i++)
        sim_network_cable(mesh->network, i, i + 1, 5 * SL_MS);
    return mesh;
}

static uint64_t counted(const sim_mesh *mesh, uint32_t place, enum sl_counter counter) {
    return mesh->nodes[place].junction->stats.count[counter];
}

static const sl_neighbour *neighbour(const sim_mesh *mesh, uint32_t place, const char *id) {
    slow_id wanted = {.size = (uint8_t)strlen(id)};
    memcpy(wanted.text, id, wanted.size);
    return sl_neighbour_find(&mesh->nodes[place].junction->links.neighbours, &wanted);
}

static bool is_up(const sim_mesh *mesh, uint32_t place, const char *id) {
    const sl_neighbour *n = neighbour(mesh, place, id);
    return n != NULL && n->adjacency != 0;
}

static void send_bytes(sim_mesh *mesh, uint32_t from, const char *to, const uint8_t *bytes, size_t size,
                       uint8_t limit) {
    sl_outgoing *out;
    sl_message message = {.type = SLOW_BINARY, .hop_limit = limit, .payload = {bytes, size}};
    message.peer.size = (uint8_t)strlen(to);
    memcpy(message.peer.text, to, message.peer.size);
    assert_int_equal(sl_message_check(&message, &out, NULL), SLOW_OK);
    sl_junction_send(mesh->nodes[from].junction, out);
}

/* ---- who may be a neighbour ---- */

/* `ends`: at how many it is said. With keys who is no member of ours gets no word, and cannot know. */
static void refused(sim_mesh *mesh, const char *why, uint32_t ends) {
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 20 * SL_SECOND);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(mesh->nodes[i].junction->links.neighbours.adjacencies.used, 0);
    for (uint32_t i = 0; i < ends; i++) {
        assert_true(counted(mesh, i, SL_links_refused) >= 1);
        if (strstr(mesh->nodes[i].last_warning, why) == NULL)
            fail_msg("the log of %u says \"%s\", not \"%s\"", i, mesh->nodes[i].last_warning, why);
        assert_true(mesh->nodes[i].warnings <= 12); /* told at a bounded rate, though it dials for ever */
    }
    sim_mesh_free(mesh);
}

static void another_network_is_refused_and_both_logs_say_so(void **state) {
    sim_mesh *mesh = line_of(2);
    (void)state;
    mesh->nodes[1].network = "fast";
    refused(mesh, "another network", mesh->secure ? 1 : 2);
}

static void our_own_id_is_refused_and_both_logs_say_so(void **state) {
    sim_mesh *mesh = line_of(2);
    (void)state;
    mesh->nodes[1].id = "n0";
    refused(mesh, "the id is our own", mesh->secure ? 1 : 2);
}

static void no_common_codec_is_refused_and_both_logs_say_so(void **state) {
    sim_mesh *mesh = line_of(2);
    (void)state;
    mesh->nodes[0].codecs = "[\"codec-json\"]";
    mesh->nodes[1].codecs = "[\"codec-protobuf\"]";
    refused(mesh, "no codec in common", 2);
}

/* ---- several links ---- */

static void of_two_dials_one_stays_and_satisfies_both(void **state) {
    sim_mesh *mesh = line_of(2);
    (void)state;
    sim_mesh_start_all(mesh);
    assert_int_equal(sl_junction_join(mesh->nodes[1].junction, "memory://0:1", 1000000, 0, NULL), SLOW_OK);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    assert_int_equal(neighbour(mesh, 0, "n1")->link_count, 1);
    assert_int_equal(neighbour(mesh, 1, "n0")->link_count, 1);
    assert_int_equal(neighbour(mesh, 0, "n1")->best->dial != 0, 1); /* the lower id's */
    assert_int_equal(mesh->nodes[1].junction->links.joins.first->state, SL_JOIN_SATISFIED);
    sim_mesh_kill(mesh, 0);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    assert_int_not_equal(mesh->nodes[1].junction->links.joins.first->state, SL_JOIN_SATISFIED);
    sim_mesh_free(mesh);
}

static void a_second_cable_takes_over_without_the_strategies_noticing(void **state) {
    sim_mesh *mesh = line_of(2);
    (void)state;
    uint32_t second = sim_network_cable(mesh->network, 0, 1, 9 * SL_MS);
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    const sl_neighbour *n = neighbour(mesh, 0, "n1");
    slow_link adjacency = n->adjacency;
    assert_int_equal(n->link_count, 2);
    assert_int_equal(n->cost, 50);
    sim_network_cut(mesh->network, 1, true);
    assert_int_equal(sim_mesh_send(mesh, 0, 1, "1"), SLOW_OK);
    sim_mesh_run(mesh, 50 * SL_MS);
    assert_int_equal(mesh->nodes[1].received, 1);
    assert_int_equal(n->adjacency, adjacency);
    assert_int_equal(n->cost, 90);
    (void)second;
    sim_mesh_free(mesh);
}

static void a_fifth_link_is_refused(void **state) {
    sim_mesh *mesh = line_of(2);
    (void)state;
    for (int i = 0; i < 4; i++)
        sim_network_cable(mesh->network, 0, 1, 5 * SL_MS);
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    assert_int_equal(neighbour(mesh, 0, "n1")->link_count, 4);
    assert_int_equal(neighbour(mesh, 1, "n0")->link_count, 4);
    sim_mesh_free(mesh);
}

/* ---- leaves ---- */

/* n1 would relay, as it always did; at n0 it is known as a leaf. */
static void what_a_leaf_passes_on_is_dropped_and_counted(void **state) {
    sim_mesh *mesh = line_of(3);
    (void)state;
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 5 * SL_SECOND);
    assert_int_equal(sim_mesh_send(mesh, 2, 0, "1"), SLOW_OK);
    sim_mesh_run(mesh, SL_SECOND);
    assert_int_equal(mesh->nodes[0].received, 1);
    sl_link *link = neighbour(mesh, 0, "n1")->best;
    link->member = (sl_member){.id = neighbour(mesh, 0, "n1")->id, .roles = SL_ROLE_LEAF};
    assert_int_equal(sim_mesh_send(mesh, 2, 0, "2"), SLOW_OK);
    sim_mesh_run(mesh, SL_SECOND);
    assert_int_equal(mesh->nodes[0].received, 1);
    assert_true(counted(mesh, 0, SL_drop_package_leaf) >= 1);
    assert_int_equal(sim_mesh_send(mesh, 1, 0, "3"), SLOW_OK); /* its own goes through */
    sim_mesh_run(mesh, SL_SECOND);
    assert_int_equal(mesh->nodes[0].received, 2);
    sim_mesh_free(mesh);
}

static void and_by_a_codec_that_cannot_peek(void **state) {
    sim_mesh *mesh = line_of(3);
    (void)state;
    snprintf(mesh->codecs, sizeof mesh->codecs, "[\"codec-json\"]");
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 5 * SL_SECOND);
    sl_link *link = neighbour(mesh, 0, "n1")->best;
    link->member = (sl_member){.id = neighbour(mesh, 0, "n1")->id, .roles = SL_ROLE_LEAF | SL_ROLE_ADMIN};
    assert_int_equal(sim_mesh_send(mesh, 2, 0, "2"), SLOW_OK);
    assert_int_equal(sim_mesh_send(mesh, 1, 0, "3"), SLOW_OK);
    sim_mesh_run(mesh, SL_SECOND);
    assert_int_equal(mesh->nodes[0].received, 1);
    assert_true(counted(mesh, 0, SL_drop_package_leaf) >= 1);
    sim_mesh_free(mesh);
}

/* ---- members no more ---- */

static void a_revoked_junction_is_out_at_once_and_its_routes_with_it(void **state) {
    sim_mesh *mesh = line_of(3);
    sl_identity identity;
    (void)state;
    mesh->secure = true;
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 5 * SL_SECOND);
    assert_true(is_up(mesh, 0, "n1"));
    sim_keys_identity(mesh->seed, 1, &identity);
    assert_true(sl_key_equal(&neighbour(mesh, 0, "n1")->best->member.key, &identity.key));
    assert_int_equal(mesh->nodes[0].junction->forward->table.count, 2);
    assert_int_equal(sl_junction_revoke(mesh->nodes[0].junction, &identity.key, 1, NULL), SLOW_OK);
    assert_false(is_up(mesh, 0, "n1"));
    sim_mesh_run(mesh, 20 * SL_SECOND);
    assert_false(is_up(mesh, 0, "n1"));
    assert_true(counted(mesh, 0, SL_refused_revoked) >= 1);
    const sl_route_table *table = &mesh->nodes[0].junction->forward->table;
    for (uint32_t i = 0; i < table->count; i++)
        assert_null(table->entries[i].next_hop);
    assert_true(is_up(mesh, 2, "n1")); /* nobody told n2 */
    sim_mesh_free(mesh);
}

/* ---- liveness ---- */

static slow_time time_to_notice(sim_mesh *mesh, uint32_t place, const char *id) {
    slow_time began = sl_world_now(mesh->world);
    while (is_up(mesh, place, id) && sl_world_now(mesh->world) - began < 10 * SL_SECOND)
        sim_mesh_run(mesh, SL_MS);
    return (sl_world_now(mesh->world) - began) / SL_MS;
}

/* A link that a route uses is warm: 200 ms. With data in the last 10 s it is hot: 100 ms. */
static void a_silent_cut_is_noticed_as_the_mode_says(void **state) {
    sim_mesh *mesh = line_of(2);
    (void)state;
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 15 * SL_SECOND);
    sim_network_cut(mesh->network, 1, false);
    slow_time warm_ms = time_to_notice(mesh, 0, "n1");
    sim_network_mend(mesh->network, 1);
    sim_mesh_run(mesh, 15 * SL_SECOND);
    for (int i = 0; i < 10; i++) {
        sim_mesh_send(mesh, 0, 1, "1");
        sim_mesh_run(mesh, 200 * SL_MS);
    }
    sim_network_cut(mesh->network, 1, false);
    slow_time hot_ms = time_to_notice(mesh, 0, "n1");
    print_message("warm %" PRIu64 " ms, hot %" PRIu64 " ms\n", warm_ms, hot_ms);
    assert_in_range(warm_ms, 440, 660);
    assert_in_range(hot_ms, 240, 360);
    sim_mesh_free(mesh);
}

static void a_one_way_failure_is_noticed_at_both_ends(void **state) {
    sim_mesh *mesh = line_of(2);
    (void)state;
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    sim_network_cable_at(mesh->network, 1)->cut_way[0] = true;
    sim_mesh_run(mesh, SL_SECOND);
    assert_false(is_up(mesh, 1, "n0"));
    assert_false(is_up(mesh, 0, "n1")); /* told by CLOSE, which comes through */
    sim_network_cable_at(mesh->network, 1)->cut_way[0] = false;
    sim_mesh_run(mesh, 10 * SL_SECOND);
    assert_true(is_up(mesh, 1, "n0") && is_up(mesh, 0, "n1"));
    sim_mesh_free(mesh);
}

static void a_goodbye_is_heard_at_once(void **state) {
    sim_mesh *mesh = line_of(3);
    (void)state;
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    sim_mesh_goodbye(mesh, 1);
    sim_mesh_run(mesh, 10 * SL_MS);
    assert_false(is_up(mesh, 0, "n1"));
    assert_false(is_up(mesh, 2, "n1"));
    sim_mesh_free(mesh);
}

static void a_flapping_link_comes_back_later_and_later(void **state) {
    sim_mesh *mesh = line_of(2);
    slow_time waited[4];
    (void)state;
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 5 * SL_SECOND);
    for (int i = 0; i < 4; i++) {
        sim_network_cut(mesh->network, 1, true);
        sim_mesh_run(mesh, SL_MS);
        sim_network_mend(mesh->network, 1);
        slow_time began = sl_world_now(mesh->world);
        while (!is_up(mesh, 0, "n1") && sl_world_now(mesh->world) - began < 100 * SL_SECOND)
            sim_mesh_run(mesh, SL_MS);
        waited[i] = (sl_world_now(mesh->world) - began) / SL_MS;
        print_message("flap %d: up after %" PRIu64 " ms\n", i, waited[i]);
    }
    assert_true(waited[0] < 500);
    assert_in_range(waited[1], 900, 1500);
    assert_in_range(waited[2], 1900, 2500);
    assert_in_range(waited[3], 3900, 4500);
    sim_mesh_run(mesh, 31 * SL_SECOND);
    sim_network_cut(mesh->network, 1, true);
    sim_network_mend(mesh->network, 1);
    sim_mesh_run(mesh, 500 * SL_MS);
    assert_true(is_up(mesh, 0, "n1")); /* steady for 30 s: forgiven */
    sim_mesh_free(mesh);
}

/* ---- bad cables ---- */

static void strategies_and_messages_live_through_loss(void **state) {
    sim_mesh *mesh = sim_mesh_new(seed_of_run(), 12);
    (void)state;
    print_message("seed %" PRIu64 "\n", mesh->seed);
    sim_check *check = sim_check_new(mesh, NULL);
    sim_mesh_random(mesh, 4);
    for (uint32_t c = 1; c <= sim_network_cables(mesh->network); c++) {
        sim_cable *cable = sim_network_cable_at(mesh->network, c);
        cable->loss_ppm = 150000;
        cable->duplicate_ppm = 100000;
        cable->jitter_ns = 10 * SL_MS;
    }
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 20 * SL_SECOND);
    assert_string_equal(sim_check_failure(check)->text, "");
    for (int i = 0; i < 200; i++) {
        sim_mesh_send(mesh, 0, 11, "{}");
        sim_mesh_run(mesh, 20 * SL_MS);
    }
    sim_mesh_run(mesh, SL_SECOND);
    print_message("%" PRIu64 " of 200 arrived\n", mesh->nodes[11].received);
    assert_true(mesh->nodes[11].received <= 200); /* never twice */
    assert_true(mesh->nodes[11].received >= 60);
    assert_string_equal(sim_check_failure(check)->text, "");
    sim_check_free(check);
    sim_mesh_free(mesh);
}

/* ---- messages ---- */

static void json_edges_are_translated_through_a_protobuf_middle(void **state) {
    static const char text[] = "{\"a\":1.0,\"b\":[1e2,\"\\u0041\\/\",null],\"\xc3\xa9\":-0}";
    sim_mesh *mesh = line_of(5);
    (void)state;
    mesh->nodes[0].codecs = mesh->nodes[4].codecs = "[\"codec-json\"]";
    mesh->nodes[2].codecs = "[\"codec-protobuf\"]";
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    assert_int_equal(sim_mesh_send(mesh, 0, 4, text), SLOW_OK);
    sim_mesh_run(mesh, SL_SECOND);
    assert_int_equal(mesh->nodes[4].received, 1);
    assert_int_equal(mesh->nodes[4].last.payload.size, sizeof text - 1);
    assert_memory_equal(mesh->nodes[4].last_payload, text, sizeof text - 1);
    assert_int_equal(counted(mesh, 1, SL_packages_translated), 1);
    assert_int_equal(counted(mesh, 2, SL_packages_translated), 0);
    assert_int_equal(counted(mesh, 3, SL_packages_translated), 1);
    sim_mesh_free(mesh);
}

/* Protobuf carries any bytes as JSON: who receives them must not be handed what is none. */
static void what_is_not_json_is_not_handed_over_as_json(void **state) {
    sim_mesh *mesh = line_of(2);
    (void)state;
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    sl_message message = {
        .peer = {.size = 2, .text = "n1"}, .type = SLOW_JSON, .payload = {(const uint8_t *)"1,\"x\":{", 7}};
    sl_junction_send(mesh->nodes[0].junction, sl_outgoing_new(&message)); /* past the sender's own check */
    sim_mesh_send(mesh, 0, 1, "{}");
    sim_mesh_run(mesh, SL_SECOND);
    assert_int_equal(mesh->nodes[1].received, 1);
    assert_int_equal(counted(mesh, 1, SL_drop_message_malformed), 1);
    sim_mesh_free(mesh);
}

static void a_message_of_64_kib_arrives_whole(void **state) {
    static uint8_t bytes[SL_BEST_EFFORT_MAX];
    sim_mesh *mesh = line_of(3);
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 256);
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    send_bytes(mesh, 0, "n2", bytes, sizeof bytes, 0);
    sim_mesh_run(mesh, SL_SECOND);
    assert_int_equal(mesh->nodes[2].received, 1);
    assert_int_equal(mesh->nodes[2].received_bytes, sizeof bytes);
    assert_memory_equal(mesh->nodes[2].last_payload, bytes, sizeof mesh->nodes[2].last_payload);
    sim_mesh_free(mesh);
}

static void a_lost_fragment_is_forgotten_and_counted(void **state) {
    static uint8_t bytes[SL_BEST_EFFORT_MAX];
    sim_mesh *mesh = line_of(2);
    (void)state;
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    sim_network_cable_at(mesh->network, 1)->loss_ppm = 300000;
    send_bytes(mesh, 0, "n1", bytes, sizeof bytes, 0);
    sim_mesh_run(mesh, 10 * SL_MS);
    assert_true(sl_reassembly_bytes(mesh->nodes[1].junction->delivery.reassembly) > 0);
    sim_network_cable_at(mesh->network, 1)->loss_ppm = 0;
    sim_mesh_run(mesh, 3 * SL_SECOND);
    assert_int_equal(mesh->nodes[1].received, 0);
    assert_int_equal(counted(mesh, 1, SL_drop_fragment_timeout), 1);
    assert_int_equal(sl_reassembly_bytes(mesh->nodes[1].junction->delivery.reassembly), 0);
    sim_mesh_free(mesh);
}

static void a_message_waits_five_seconds_for_a_route(void **state) {
    sim_mesh *mesh = line_of(2);
    (void)state;
    sim_mesh_start(mesh, 0);
    sim_mesh_send(mesh, 0, 1, "1");
    sim_mesh_run(mesh, 4 * SL_SECOND);
    sim_mesh_send(mesh, 0, 1, "2");
    sim_mesh_run(mesh, 2 * SL_SECOND);
    assert_int_equal(counted(mesh, 0, SL_drop_message_expired), 1);
    sim_mesh_start(mesh, 1);
    sim_mesh_run(mesh, 3 * SL_SECOND);
    assert_int_equal(mesh->nodes[1].received, 1);
    assert_memory_equal(mesh->nodes[1].last_payload, "2", 1);
    sim_mesh_free(mesh);
}

static void a_limit_of_n_hops_is_n_links(void **state) {
    sim_mesh *mesh = line_of(4);
    (void)state;
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    send_bytes(mesh, 0, "n3", (const uint8_t *)"x", 1, 2);
    sim_mesh_run(mesh, SL_SECOND);
    assert_int_equal(mesh->nodes[3].received, 0);
    assert_int_equal(counted(mesh, 2, SL_drop_package_hop_limit), 1);
    send_bytes(mesh, 0, "n3", (const uint8_t *)"x", 1, 3);
    sim_mesh_run(mesh, SL_SECOND);
    assert_int_equal(mesh->nodes[3].received, 1);
    sim_mesh_free(mesh);
}

/* ---- looking along a path ---- */

typedef struct answers {
    unsigned count;
    slow_status status;
    size_t hops;
    slow_id hop[8];
    slow_time at;
    sim_mesh *mesh;
} answers;

static void take_answer(void *arg, const sl_query_result *result) {
    answers *a = arg;
    a->count++;
    a->status = result->status;
    a->hops = result->trace_count;
    a->at = sl_world_now(a->mesh->world);
    for (size_t i = 0; i < result->trace_count && i < 8; i++)
        a->hop[i] = result->trace[i].id;
}

static const slow_id n4 = {.size = 2, .text = "n4"};

static void a_trace_names_every_hop_and_a_silent_one_is_unknown(void **state) {
    sim_mesh *mesh = line_of(5);
    answers a = {.mesh = mesh};
    (void)state;
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    sl_path_trace(&mesh->nodes[0].junction->path, &n4, SL_SECOND, take_answer, &a);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.status, SLOW_OK);
    assert_int_equal(a.hops, 4);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(a.hop[i].text[1], '1' + (char)i);
    /* n2 has said all that it may say in this second. */
    memset(mesh->nodes[2].junction->path.said, 0xff, sizeof mesh->nodes[2].junction->path.said);
    mesh->nodes[2].junction->path.said_at = sl_world_now(mesh->world) + 10 * SL_MS;
    sl_path_trace(&mesh->nodes[0].junction->path, &n4, SL_SECOND / 2, take_answer, &a);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    assert_int_equal(a.count, 2);
    assert_int_equal(a.status, SLOW_OK);
    assert_int_equal(a.hops, 4);
    assert_int_equal(a.hop[1].size, 0);
    assert_int_equal(a.hop[2].text[1], '3');
    sim_mesh_free(mesh);
}

static void a_ping_to_nobody_ends_within_a_second(void **state) {
    sim_mesh *mesh = line_of(2);
    answers a = {.mesh = mesh};
    (void)state;
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    slow_time began = sl_world_now(mesh->world);
    sl_path_ping(&mesh->nodes[0].junction->path, &n4, 5 * SL_SECOND, take_answer, &a);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.status, SLOW_E_NOROUTE);
    assert_true(a.at - began <= SL_SECOND);
    sim_mesh_free(mesh);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_network_is_refused_and_both_logs_say_so),
        cmocka_unit_test(our_own_id_is_refused_and_both_logs_say_so),
        cmocka_unit_test(no_common_codec_is_refused_and_both_logs_say_so),
        cmocka_unit_test(of_two_dials_one_stays_and_satisfies_both),
        cmocka_unit_test(a_second_cable_takes_over_without_the_strategies_noticing),
        cmocka_unit_test(a_fifth_link_is_refused),
        cmocka_unit_test(what_a_leaf_passes_on_is_dropped_and_counted),
        cmocka_unit_test(and_by_a_codec_that_cannot_peek),
        cmocka_unit_test(a_revoked_junction_is_out_at_once_and_its_routes_with_it),
        cmocka_unit_test(a_silent_cut_is_noticed_as_the_mode_says),
        cmocka_unit_test(a_one_way_failure_is_noticed_at_both_ends),
        cmocka_unit_test(a_goodbye_is_heard_at_once),
        cmocka_unit_test(a_flapping_link_comes_back_later_and_later),
        cmocka_unit_test(strategies_and_messages_live_through_loss),
        cmocka_unit_test(json_edges_are_translated_through_a_protobuf_middle),
        cmocka_unit_test(what_is_not_json_is_not_handed_over_as_json),
        cmocka_unit_test(a_message_of_64_kib_arrives_whole),
        cmocka_unit_test(a_lost_fragment_is_forgotten_and_counted),
        cmocka_unit_test(a_message_waits_five_seconds_for_a_route),
        cmocka_unit_test(a_limit_of_n_hops_is_n_links),
        cmocka_unit_test(a_trace_names_every_hop_and_a_silent_one_is_unknown),
        cmocka_unit_test(a_ping_to_nobody_ends_within_a_second),
    };
    if (getenv("SLOW_TEST") != NULL) /* one test alone, by name or pattern */
        cmocka_set_test_filter(getenv("SLOW_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
