/* What goes wrong between two neighbours: ends that do not agree who is up, acknowledgements that die with their link,
 * frames that overtake one another, links that are refused for ever, and strangers that ask without listening. */
#include "core/link_test.h"
#include "core/neighbour.h"
#include "sim/check.h"
#include <inttypes.h>

static uint64_t seed_of_run(void) {
    const char *text = getenv("SLOW_SEED");
    return text != NULL ? strtoull(text, NULL, 10) : 1;
}

static sim_mesh *pair_of(slow_time latency_ns) {
    sim_mesh *mesh = sim_mesh_new(seed_of_run(), 2);
    assert_non_null(mesh);
    print_message("seed %" PRIu64 "\n", mesh->seed);
    sim_network_cable(mesh->network, 0, 1, latency_ns);
    return mesh;
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

static uint64_t counted(const sim_mesh *mesh, uint32_t place, enum sl_counter counter) {
    return mesh->nodes[place].junction->stats.count[counter];
}

/* ---- whole junctions ---- */

/* On a stream nothing is sent twice: what the end that holds the other down drops must be said again some other way. */
static void an_end_that_held_the_other_down_learns_its_routes_on_a_stream(void **state) {
    sim_mesh *mesh = pair_of(5 * SL_MS);
    (void)state;
    sim_check *check = sim_check_new(mesh, NULL);
    sim_network_cable_at(mesh->network, 1)->stream = true;
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 2 * SL_SECOND);
    for (uint32_t i = 0; i < 4; i++) { /* from the second time on, each end holds the other down for a while */
        sim_cable *cable = sim_network_cable_at(mesh->network, 1);
        cable->cut_way[0] = true;
        cable->latency_ns = 105 * SL_MS; /* n0 hears of it 100 ms later, and so holds n1 down 100 ms longer */
        sim_mesh_run(mesh, 2 * SL_SECOND);
        assert_false(is_up(mesh, 0, "n1") || is_up(mesh, 1, "n0"));
        cable->cut_way[0] = false;
        cable->latency_ns = 5 * SL_MS;
        sim_mesh_run(mesh, 15 * SL_SECOND);
        sim_verdict v = sim_check_routes(check, NULL);
        assert_true(is_up(mesh, 0, "n1") && is_up(mesh, 1, "n0"));
        assert_int_equal(v.routed, 2);
        assert_int_equal(v.missing + v.stale, 0);
    }
    sim_check_free(check);
    sim_mesh_free(mesh);
}

/* Two hops of geostationary satellite: nothing can be heard for longer than three first intervals. */
static void a_link_of_two_seconds_there_and_back_opens_and_stays(void **state) {
    sim_mesh *mesh = pair_of(SL_SECOND);
    (void)state;
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 10 * SL_SECOND);
    assert_true(is_up(mesh, 0, "n1") && is_up(mesh, 1, "n0"));
    sim_mesh_run(mesh, 20 * SL_SECOND);
    assert_true(is_up(mesh, 0, "n1") && is_up(mesh, 1, "n0"));
    assert_int_equal(counted(mesh, 0, SL_links_opened), 1);
    assert_int_equal(counted(mesh, 1, SL_links_opened), 1);
    sim_mesh_free(mesh);
}

/* Three intervals and 50 ms after the last frame, which is at most one interval old: wherever in it the cut falls. */
static void silence_is_noticed_in_time_wherever_the_cut_falls(void **state) {
    slow_time longest_ms = 0;
    (void)state;
    for (uint32_t phase = 0; phase < 20; phase++) {
        sim_mesh *mesh = pair_of(5 * SL_MS + phase * 3 * SL_MS);
        sim_mesh_start_all(mesh);
        sim_mesh_run(mesh, 15 * SL_SECOND + phase * 37 * SL_MS);
        sim_network_cable_at(mesh->network, 1)->cut_way[phase & 1] = true;
        uint32_t deaf = phase & 1 ? 0 : 1;
        slow_time began = sl_world_now(mesh->world);
        while (is_up(mesh, deaf, deaf == 0 ? "n1" : "n0") && sl_world_now(mesh->world) - began < 10 * SL_SECOND)
            sim_mesh_run(mesh, SL_MS);
        slow_time took_ms = (sl_world_now(mesh->world) - began) / SL_MS;
        if (took_ms > longest_ms)
            longest_ms = took_ms;
        sim_mesh_free(mesh);
    }
    print_message("at most %" PRIu64 " ms\n", longest_ms);
    assert_in_range(longest_ms, 450, 650 + 62 + 2); /* what was under way still arrived */
}

static void a_join_that_is_one_too_many_dials_seldom(void **state) {
    sim_mesh *mesh = pair_of(5 * SL_MS);
    (void)state;
    for (int i = 0; i < 4; i++)
        sim_network_cable(mesh->network, 0, 1, 5 * SL_MS);
    sim_mesh_start_all(mesh);
    sim_mesh_run(mesh, 60 * SL_SECOND);
    uint64_t dials = counted(mesh, 0, SL_dials);
    print_message("%" PRIu64 " dials in a minute\n", dials);
    assert_int_equal(neighbour(mesh, 0, "n1")->link_count, 4);
    assert_in_range(dials, 5, 40);
    sim_mesh_free(mesh);
}

/* Two names of one address: the second link replaces the first, which must not come back to replace the second. */
static void two_joins_to_one_address_do_not_replace_each_other_for_ever(void **state) {
    sim_mesh *mesh = pair_of(5 * SL_MS);
    (void)state;
    sim_mesh_start_all(mesh);
    assert_int_equal(sl_junction_join(mesh->nodes[0].junction, "memory://1:01", 1000000, 0, NULL), SLOW_OK);
    sim_mesh_run(mesh, 60 * SL_SECOND);
    uint64_t dials = counted(mesh, 0, SL_dials);
    print_message("%" PRIu64 " dials in a minute\n", dials);
    assert_true(is_up(mesh, 0, "n1") && is_up(mesh, 1, "n0"));
    assert_in_range(dials, 2, 4);
    sim_mesh_kill(mesh, 1);
    sim_mesh_run(mesh, 5 * SL_SECOND);
    sim_mesh_start(mesh, 1);
    sim_mesh_run(mesh, 10 * SL_SECOND);
    assert_true(is_up(mesh, 0, "n1"));
    sim_mesh_free(mesh);
}

/* ---- liveness ---- */

static void a_probe_that_was_overtaken_changes_nothing(void **state) {
    sl_liveness l;
    (void)state;
    sl_liveness_init(&l, SL_SECOND, SL_MS, false, 1000000, 0);
    sl_liveness_take(&l, &(sl_probe){.keep_ms = 1000, .want_ms = 1000, .stamp = 2000}, SL_SECOND);
    sl_liveness_take(&l, &(sl_probe){.keep_ms = 100, .want_ms = 100, .stamp = 1000}, SL_SECOND);
    assert_int_equal(l.peer_keep_ms, 1000); /* it keeps 1 s by now: three times 100 ms would be its death */
    assert_int_equal(l.echo, 2000);
    sl_liveness_take(&l, &(sl_probe){.keep_ms = 300, .want_ms = 1000, .stamp = 2001}, SL_SECOND);
    assert_int_equal(l.peer_keep_ms, 300);
    sl_liveness_take(&l, &(sl_probe){.keep_ms = 300, .want_ms = 1000, .stamp = UINT32_MAX}, SL_SECOND);
    assert_int_equal(l.echo, 2001);
}

/* ---- strangers ---- */

static slow_status take_nothing(void *self, void *cookie, slow_packet *const *packets, size_t n, size_t *taken) {
    (void)self;
    (void)cookie;
    (void)packets;
    (void)n;
    *taken = 0;
    return SLOW_E_AGAIN;
}

static const slow_transport_ops full_ops = {
    .struct_size = sizeof full_ops, .scheme = "test", .max_segments = 1, .send = take_nothing};

static void who_asks_without_listening_is_answered_once(void **state) {
    rig *g = *state;
    uint8_t frame[SL_INIT_SIZE];
    g->b.port.ops = &full_ops;
    wire *w = link_new(&g->b, "test://10.0.0.9:9", 0, SLOW_LINK_INBOUND | SLOW_LINK_STREAM);
    size_t size = make_init(frame, 7, 0);
    for (int i = 0; i < 1000; i++)
        give(w, frame, size);
    print_message("%" PRIu64 " bytes are held\n", sl_pool_bytes(g->pool));
    assert_true(sl_pool_bytes(g->pool) <= 8 * 4096);
    assert_int_equal(w->link->state, SL_LINK_OPENING);
    g->b.port.ops = &port_ops;
}

static void a_stream_asks_once_and_has_five_seconds(void **state) {
    rig *g = *state;
    uint8_t frame[SL_INIT_SIZE];
    wire *w = link_new(&g->b, "test://10.0.0.9:9", 0, SLOW_LINK_INBOUND | SLOW_LINK_STREAM);
    for (uint32_t i = 1; i <= 4; i++) {
        give(w, frame, make_init(frame, i, 0));
        wait_for(g, 2 * SL_SECOND);
    }
    assert_int_equal(w->link->state, SL_LINK_CLOSED);
}

/* ---- what waits ---- */

static void a_flood_of_best_effort_leaves_room_for_what_ranks_higher(void **state) {
    rig *g = *state;
    wire *a, *b;
    uint8_t record[1000] = {0xe6, 0x07}; /* 998 bytes follow */
    open_pair(g, &a, &b);
    a->link->blocked = true;
    while (sl_link_put(a->link, 0, record, sizeof record, 1))
        ;
    assert_true(sl_link_put(a->link, 4, record, sizeof record, 1));
    while (sl_link_put(a->link, 7, record, sizeof record, 1))
        ;
    assert_true(sl_link_put(a->link, 8, record, sizeof record, 1));
    while (sl_link_put(a->link, 11, record, sizeof record, 1))
        ;
    assert_in_range(a->link->out.bytes, SL_OUTBOX_QUOTA * 7 / 8, SL_OUTBOX_QUOTA + SL_TRAIN_MAX);
}

/* ---- the strategy channel of an adjacency, on links that a test holds in its hands ---- */

typedef struct channels {
    sl_neighbours neighbours;
    unsigned restarts[2]; /* of p and of q */
} channels;

static void ignore_neighbour(void *arg, sl_neighbour *n) {
    (void)arg;
    (void)n;
}
static void ignore_down(void *arg, sl_neighbour *n, slow_link adjacency) {
    (void)arg;
    (void)n;
    (void)adjacency;
}
static void ignore_message(void *arg, sl_neighbour *n, const char *protocol, slow_bytes message) {
    (void)arg;
    (void)n;
    (void)protocol;
    (void)message;
}
static void ignore_protocol(void *arg, sl_neighbour *n, const char *protocol) {
    (void)arg;
    (void)n;
    (void)protocol;
}

static void push_too_much(sl_neighbour *n, const char *protocol) {
    static const uint8_t bytes[1000];
    for (uint32_t i = 0; i < SL_CHANNEL_BYTES / 1000 + 1; i++)
        assert_int_equal(sl_neighbour_send(n, protocol, (slow_bytes){bytes, sizeof bytes}), SLOW_OK);
}

/* A strategy whose whole table is more than a channel holds. */
static void restart_too_much(void *arg, sl_neighbour *n, const char *protocol) {
    channels *c = arg;
    if (++c->restarts[protocol[0] - 'p'] < 50)
        push_too_much(n, protocol);
}

static enum sl_close_reason opened_here(void *arg, sl_link *link) {
    return sl_neighbours_opened(&((channels *)arg)->neighbours, link);
}
static void closed_here(void *arg, sl_link *link, enum sl_close_reason reason, bool was_up) {
    if (was_up)
        sl_neighbours_closed(&((channels *)arg)->neighbours, link, reason);
}
static void route_here(void *arg, sl_link *link, const sl_route_frame *route) {
    sl_neighbours_route(&((channels *)arg)->neighbours, link, route);
}
static void route_ack_here(void *arg, sl_link *link, const sl_route_frame *ack) {
    sl_neighbours_route_ack(&((channels *)arg)->neighbours, link, ack);
}
static void fill_here(void *arg, sl_link *link) {
    sl_neighbours_fill(&((channels *)arg)->neighbours, link);
}

static void channels_open(rig *g, end *e, channels *c) {
    static const slow_codec_ops json = {.struct_size = sizeof json, .name = "json"};
    e->codec.ops = &json;
    sl_neighbour_events events = {.arg = c,
                                  .up = ignore_neighbour,
                                  .changed = ignore_neighbour,
                                  .down = ignore_down,
                                  .message = ignore_message,
                                  .parted = ignore_protocol,
                                  .met = restart_too_much};
    sl_neighbours_init(&c->neighbours, g->loop, &e->log, &e->stats, &e->claim, &events);
    e->env.events.arg = c;
    e->env.events.opened = opened_here;
    e->env.events.closed = closed_here;
    e->env.events.route = route_here;
    e->env.events.route_ack = route_ack_here;
    e->env.events.fill = fill_here;
}

static void both_speak_p_and_q(rig *g) {
    static const sl_protocols both = {.names = {.count = 2, .name = {"p", "q"}}, .number = {0, 1}};
    g->a.claim.protocols = g->b.claim.protocols = both;
}

static void channels_close(end *e, channels *c) {
    for (uint32_t i = 0; i < e->wire_count; i++)
        sl_link_close(e->wires[i].link, SL_CLOSE_GOODBYE, false);
    sl_neighbours_free(&c->neighbours);
}

static bool said_ack(const wire *w, uint32_t next) {
    for (uint32_t i = 0; i < w->count; i++) {
        slow_bytes body = {w->sent[i] + SL_DATAGRAM_HEADER, w->sizes[i] - SL_DATAGRAM_HEADER - SL_PLAIN_TAG};
        sl_route_frame ack;
        if (w->sent[i][0] == SL_FRAME_ROUTE_ACK && sl_route_read(body, &ack) && ack.seq == next)
            return true;
    }
    return false;
}

static void give_route(wire *to, uint32_t seq) {
    uint8_t frame[64] = {SL_FRAME_ROUTE}, head[SL_ROUTE_HEADER];
    slow_writer w = slow_writer_of(frame + 4, sizeof frame - 4);
    slow_write_u32(&w, to->link->index);
    slow_write_u64(&w, to->link->highest_number + 1);
    sl_route_write(&(sl_route_frame){.protocol = 0, .epoch = 1, .seq = seq}, head);
    slow_write_bytes(&w, head, sizeof head);
    slow_write_u64(&w, to->link->tag);
    give(to, frame, 4 + slow_writer_size(&w));
}

static void an_acknowledgement_that_died_with_its_link_is_said_on_the_next(void **state) {
    rig *g = *state;
    channels c = {.restarts = {0}};
    wire *a[2], *b[2];
    both_speak_p_and_q(g);
    channels_open(g, &g->b, &c);
    open_pair(g, &a[0], &b[0]);
    g->a.env.events.arg = &g->a;
    a[1] = link_new(&g->a, "test://10.0.0.3:2", 1, 0);
    b[1] = link_new(&g->b, "test://10.0.1.1:1", 0, SLOW_LINK_INBOUND);
    pass(a[1], b[1]);
    pass(b[1], a[1]);
    give(b[1], a[1]->sent[1], a[1]->sizes[1]);
    give_route(b[0], 1);
    assert_true(said_ack(b[0], 2)); /* and is lost */
    sl_link_close(b[0]->link, SL_CLOSE_BROKEN, false);
    sl_link_flush(b[1]->link);
    assert_true(said_ack(b[1], 2));
    channels_close(&g->b, &c);
}

static void a_table_that_no_channel_holds_is_begun_anew_but_not_without_end(void **state) {
    rig *g = *state;
    channels c = {.restarts = {0}};
    wire *a, *b;
    both_speak_p_and_q(g);
    channels_open(g, &g->b, &c);
    open_pair(g, &a, &b);
    wait_for(g, 10 * SL_MS);
    push_too_much(c.neighbours.sorted[0], "p");
    push_too_much(c.neighbours.sorted[0], "q");
    wait_for(g, 100 * SL_MS);
    for (unsigned i = 0; i < 2; i++) /* neither has to wait for the other */
        assert_in_range(c.restarts[i], 1, 2);
    channels_close(&g->b, &c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_end_that_held_the_other_down_learns_its_routes_on_a_stream),
        cmocka_unit_test(a_link_of_two_seconds_there_and_back_opens_and_stays),
        cmocka_unit_test(silence_is_noticed_in_time_wherever_the_cut_falls),
        cmocka_unit_test(a_join_that_is_one_too_many_dials_seldom),
        cmocka_unit_test(two_joins_to_one_address_do_not_replace_each_other_for_ever),
        cmocka_unit_test(a_probe_that_was_overtaken_changes_nothing),
        cmocka_unit_test_setup_teardown(who_asks_without_listening_is_answered_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stream_asks_once_and_has_five_seconds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flood_of_best_effort_leaves_room_for_what_ranks_higher, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_acknowledgement_that_died_with_its_link_is_said_on_the_next, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_table_that_no_channel_holds_is_begun_anew_but_not_without_end, set_up,
                                        tear_down),
    };
    if (getenv("SLOW_TEST") != NULL) /* one test alone, by name or pattern */
        cmocka_set_test_filter(getenv("SLOW_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
