/* How links open: by the book, past claims that do not go together, and under load. */
#include "address.h"
#include "link_test.h"

/* ---- by the book ---- */

static void a_link_opens_by_init_resp_and_fin(void **state) {
    rig *g = *state;
    wire *a = link_new(&g->a, "test://10.0.0.2:2", 1, 0);
    wire *b = link_new(&g->b, "test://10.0.0.1:1", 0, SLOW_LINK_INBOUND);
    assert_int_equal(last_kind(a), SL_FRAME_INIT);
    assert_int_equal(a->sizes[0], SL_INIT_SIZE);
    pass(a, b);
    assert_int_equal(b->count, 1);
    assert_int_equal(last_kind(b), SL_FRAME_RESP);
    assert_true(b->sizes[0] <= SL_INIT_SIZE);
    assert_int_equal(g->b.opened, 0); /* half open: nobody above is told */
    assert_int_equal(g->b.env.half_open.count, 1);
    wait_for(g, 10 * SL_MS);
    pass(b, a);
    assert_int_equal(a->sent[1][0], SL_FRAME_FIN);
    assert_int_equal(g->a.opened, 1);
    give(b, a->sent[1], a->sizes[1]);
    assert_int_equal(g->b.opened, 1);
    assert_int_equal(g->b.env.half_open.count, 0);
    assert_true(sl_id_equal(&a->link->peer->id, &g->b.claim.id));
    assert_true(sl_id_equal(&b->link->peer->id, &g->a.claim.id));
    assert_int_equal(a->link->peer_index, b->link->index);
    assert_true(a->link->peer_tag == b->link->tag && b->link->peer_tag == a->link->tag);
    assert_true(a->link->live.srtt_ns == 10 * SL_MS);
    assert_true(carries(a) && carries(b));
}

static void lost_frames_are_repeated(void **state) {
    rig *g = *state;
    wire *a = link_new(&g->a, "test://10.0.0.2:2", 1, 0);
    wire *b = link_new(&g->b, "test://10.0.0.1:1", 0, SLOW_LINK_INBOUND);
    wait_for(g, 100 * SL_MS);
    sl_link_flush(a->link);
    assert_int_equal(a->count, 2); /* the first INIT was lost */
    assert_memory_equal(a->sent[0], a->sent[1], SL_INIT_SIZE);
    pass(a, b);
    pass(a, b); /* RESP was lost: the same once more, and no second half-open entry */
    assert_int_equal(b->count, 2);
    assert_memory_equal(b->sent[0], b->sent[1], b->sizes[0]);
    assert_int_equal(g->b.env.half_open.count, 1);
    pass(b, a);
    assert_int_equal(a->sent[2][0], SL_FRAME_FIN);
    assert_true(a->link->live.guess); /* which INIT was answered nobody knows */
    uint32_t before = a->count;
    wait_for(g, 100 * SL_MS);
    sl_link_flush(a->link);
    assert_int_equal(a->sent[before][0], SL_FRAME_FIN); /* FIN was lost */
    give(b, a->sent[before], a->sizes[before]);
    assert_int_equal(b->link->state, SL_LINK_UP);
    assert_true(carries(a)); /* heard: FIN need not be repeated */
    assert_null(a->link->opening);
}

static void an_opening_that_nobody_answers_ends_after_five_seconds(void **state) {
    rig *g = *state;
    wire *a = link_new(&g->a, "test://10.0.0.2:2", 1, 0);
    wait_for(g, 5 * SL_SECOND - 1);
    assert_int_equal(a->link->state, SL_LINK_OPENING);
    wait_for(g, 1);
    assert_int_equal(a->link->state, SL_LINK_CLOSED);
    assert_int_equal(g->a.last_reason, SL_CLOSE_TIMEOUT);
}

static void a_half_open_entry_lives_five_seconds(void **state) {
    rig *g = *state;
    wire *a = link_new(&g->a, "test://10.0.0.2:2", 1, 0);
    wire *b = link_new(&g->b, "test://10.0.0.1:1", 0, SLOW_LINK_INBOUND);
    pass(a, b);
    wait_for(g, 5 * SL_SECOND - 1);
    assert_int_equal(b->link->state, SL_LINK_OPENING);
    wait_for(g, 1);
    assert_int_equal(b->link->state, SL_LINK_CLOSED);
    assert_int_equal(g->b.opened, 0);
}

/* ---- claims that do not go together ---- */

static void assert_both_refuse(rig *g, enum sl_close_reason reason, const char *words) {
    wire *a = link_new(&g->a, "test://10.0.0.2:2", 1, 0);
    wire *b = link_new(&g->b, "test://10.0.0.1:1", 0, SLOW_LINK_INBOUND);
    pass(a, b);
    pass(b, a);
    assert_int_equal(last_kind(a), SL_FRAME_FIN); /* so that the other end can say why, too */
    assert_int_equal(a->link->state, SL_LINK_CLOSED);
    pass(a, b);
    assert_int_equal(b->link->state, SL_LINK_CLOSED);
    assert_int_equal(g->a.last_reason, reason);
    assert_int_equal(g->b.last_reason, reason);
    assert_int_equal(g->a.opened + g->b.opened, 0);
    assert_non_null(strstr(g->a.line, words));
    assert_non_null(strstr(g->b.line, words));
}

static void another_network_is_refused_at_both_ends(void **state) {
    rig *g = *state;
    snprintf(g->b.claim.network, sizeof g->b.claim.network, "other");
    assert_both_refuse(g, SL_CLOSE_NETWORK, "another network: ours is");
}

static void another_version_is_refused_at_both_ends(void **state) {
    rig *g = *state;
    g->b.claim.version = 2;
    assert_both_refuse(g, SL_CLOSE_VERSION, "another protocol version");
}

static void our_own_id_is_refused_at_both_ends(void **state) {
    rig *g = *state;
    g->b.claim.id = g->a.claim.id;
    assert_both_refuse(g, SL_CLOSE_OWN_ID, "our own");
}

static void no_codec_in_common_is_refused_at_both_ends(void **state) {
    rig *g = *state;
    snprintf(g->b.claim.codecs.name[0], SL_NAME_SIZE, "protobuf");
    assert_both_refuse(g, SL_CLOSE_NO_CODEC, "no codec in common");
}

static void names_in_common_stand_in_the_order_of_the_lower_id(void **state) {
    rig *g = *state;
    sl_names at_a, at_b;
    g->a.claim.codecs = (sl_names){.count = 3, .name = {"x", "y", "z"}};
    g->b.claim.codecs = (sl_names){.count = 4, .name = {"z", "w", "y", "z"}};
    sl_names_common(&g->a.claim, &g->b.claim, &g->a.claim.codecs, &g->b.claim.codecs, &at_a);
    sl_names_common(&g->b.claim, &g->a.claim, &g->b.claim.codecs, &g->a.claim.codecs, &at_b);
    assert_int_equal(at_a.count, 2); /* alice is lower than bob */
    assert_string_equal(at_a.name[0], "y");
    assert_string_equal(at_a.name[1], "z");
    assert_int_equal(at_b.count, 2);
    assert_string_equal(at_b.name[0], "y");
    assert_string_equal(at_b.name[1], "z");
}

/* ---- under load ---- */

/* Strangers, each of a host of its own. */
static wire *stranger(end *e, unsigned number, uint64_t cookie) {
    char remote[64];
    uint8_t init[SL_INIT_SIZE];
    snprintf(remote, sizeof remote, "test://10.1.%u.%u:9", number / 256, number % 256);
    wire *w = link_new(e, remote, 0, SLOW_LINK_INBOUND);
    give(w, init, make_init(init, 1000 + number, cookie));
    return w;
}

static void under_load_the_answer_is_a_cookie_and_nothing_is_kept(void **state) {
    rig *g = *state;
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(last_kind(stranger(&g->b, i, 0)), SL_FRAME_RESP);
    assert_int_equal(g->b.env.half_open.count, 50);
    wire *w = stranger(&g->b, 50, 0); /* the 51st within a second */
    sl_cookie cookie;
    assert_int_equal(w->count, 1);
    assert_true(sl_cookie_read((slow_bytes){w->sent[0], w->sizes[0]}, &cookie));
    assert_int_equal(cookie.peer_index, 1050);
    assert_true(w->sizes[0] <= 64);
    assert_int_equal(w->link->state, SL_LINK_CLOSED);
    assert_int_equal(g->b.env.half_open.count, 50);
    assert_int_equal(last_kind(stranger(&g->b, 50, cookie.cookie ^ 1)), SL_FRAME_COOKIE);
    assert_int_equal(last_kind(stranger(&g->b, 51, cookie.cookie)), SL_FRAME_COOKIE); /* another address's */
    assert_int_equal(last_kind(stranger(&g->b, 50, cookie.cookie)), SL_FRAME_RESP);
    assert_int_equal(g->b.env.half_open.count, 51);
    wait_for(g, SL_SECOND);
    assert_int_equal(last_kind(stranger(&g->b, 52, 0)), SL_FRAME_RESP); /* it is calm again */
}

static void an_initiator_says_its_init_again_with_the_cookie(void **state) {
    rig *g = *state;
    uint8_t frame[64];
    sl_init init;
    wire *a = link_new(&g->a, "test://10.0.0.2:2", 1, 0);
    sl_cookie cookie = {.peer_index = a->link->opening->index ^ 1, .cookie = 77};
    give(a, frame, sl_cookie_write(&cookie, frame, sizeof frame)); /* not to ours */
    assert_int_equal(a->count, 1);
    cookie.peer_index ^= 1;
    give(a, frame, sl_cookie_write(&cookie, frame, sizeof frame));
    assert_int_equal(a->count, 2);
    assert_true(sl_init_read((slow_bytes){a->sent[1], a->sizes[1]}, SL_INIT_SIZE, &init));
    assert_true(init.cookie == 77);
    assert_int_equal(init.index, cookie.peer_index);
    give(a, frame, sl_cookie_write(&cookie, frame, sizeof frame)); /* the same once more: nothing new to say */
    assert_int_equal(a->count, 2);
}

static void a_cookie_is_good_for_two_minutes_at_least_and_four_at_most(void **state) {
    rig *g = *state;
    sl_cookie_jar jar = {.renewed_at = 0};
    uint64_t cookie = sl_cookie_make(&jar, g->loop, "test://10.0.0.1:1");
    assert_true(cookie != 0);
    assert_true(sl_cookie_good(&jar, g->loop, "test://10.0.0.1:1", cookie));
    assert_false(sl_cookie_good(&jar, g->loop, "test://10.0.0.1:2", cookie));
    assert_false(sl_cookie_good(&jar, g->loop, "test://10.0.0.1:1", cookie + 1));
    assert_false(sl_cookie_good(&jar, g->loop, "test://10.0.0.1:1", 0));
    wait_for(g, 120 * SL_SECOND);
    assert_true(sl_cookie_good(&jar, g->loop, "test://10.0.0.1:1", cookie));
    wait_for(g, 120 * SL_SECOND - 1);
    assert_true(sl_cookie_good(&jar, g->loop, "test://10.0.0.1:1", cookie));
    wait_for(g, 1);
    assert_false(sl_cookie_good(&jar, g->loop, "test://10.0.0.1:1", cookie));
}

static wire *stranger_with_cookie(rig *g, unsigned number) {
    char remote[64];
    snprintf(remote, sizeof remote, "test://10.1.%u.%u:9", number / 256, number % 256);
    return stranger(&g->b, number, sl_cookie_make(&g->b.env.jar, g->loop, remote));
}

static wire *first_half_open(end *e) {
    uint32_t i = 0;
    while (e->wires[i].link != e->env.half_open.list[0].link)
        i++;
    return &e->wires[i];
}

static void half_open_entries_are_256_at_most(void **state) {
    rig *g = *state;
    unsigned number = 0;
    for (; number < SL_STRANGERS_MAX; number++) {
        if (number % 50 == 0)
            wait_for(g, SL_SECOND - 50 * SL_MS);
        wire *w = stranger(&g->b, number, 0);
        if (last_kind(w) == SL_FRAME_RESP)
            continue;
        sl_cookie cookie; /* beyond 64 even a calm second asks for one */
        assert_true(sl_cookie_read((slow_bytes){w->sent[0], w->sizes[0]}, &cookie));
        sl_link_free(w->link); /* its place is needed again */
        g->b.wire_count--;
        memset(w, 0, sizeof *w);
        assert_int_equal(last_kind(stranger(&g->b, number, cookie.cookie)), SL_FRAME_RESP);
    }
    assert_int_equal(g->b.env.half_open.count, SL_STRANGERS_MAX);
    wire *oldest = first_half_open(&g->b);
    wire *w = stranger_with_cookie(g, number); /* the oldest had its half second, and gives way */
    assert_int_equal(last_kind(w), SL_FRAME_RESP);
    assert_int_equal(oldest->link->state, SL_LINK_CLOSED);
    assert_int_equal(g->b.stats.count[SL_drop_opening_cap], 1);
    assert_int_equal(g->b.env.half_open.count, SL_STRANGERS_MAX);
}

/* Those that came together are all served, and who comes next is served when they had their time. */
static void what_has_just_been_answered_gives_way_to_nobody(void **state) {
    rig *g = *state;
    for (unsigned i = 0; i < SL_STRANGERS_MAX; i++)
        assert_int_equal(last_kind(stranger_with_cookie(g, i)), SL_FRAME_RESP);
    wire *oldest = first_half_open(&g->b), *w = stranger_with_cookie(g, SL_STRANGERS_MAX);
    assert_int_equal(w->count, 0);
    assert_int_equal(w->link->state, SL_LINK_CLOSED);
    assert_int_equal(oldest->link->state, SL_LINK_OPENING);
    wait_for(g, SL_STRANGERS_GRACE);
    assert_int_equal(last_kind(stranger_with_cookie(g, SL_STRANGERS_MAX)), SL_FRAME_RESP);
    assert_int_equal(oldest->link->state, SL_LINK_CLOSED);
}

static void a_host_has_four_half_open_entries_at_most(void **state) {
    rig *g = *state;
    char remote[64];
    uint8_t init[SL_INIT_SIZE];
    stranger(&g->b, 1, 0); /* of another host, and the oldest */
    wire *oldest = NULL;
    for (unsigned i = 0; i < 7; i++) {
        snprintf(remote, sizeof remote, "test://10.0.0.7:%u", i);
        if (i == 6)
            wait_for(g, SL_STRANGERS_GRACE);
        wire *w = link_new(&g->b, remote, 0, SLOW_LINK_INBOUND);
        oldest = i == 0 ? w : oldest;
        give(w, init, make_init(init, 1 + i, 0));
        bool taken = i < 4 || i == 6;
        assert_int_equal(w->count, taken ? 1 : 0);
        assert_int_equal(w->link->state, taken ? SL_LINK_OPENING : SL_LINK_CLOSED);
    }
    assert_int_equal(oldest->link->state, SL_LINK_CLOSED);
    assert_int_equal(g->b.wires[0].link->state, SL_LINK_OPENING);
    assert_int_equal(g->b.env.half_open.count, 5);
    assert_int_equal(g->b.stats.count[SL_drop_opening_cap], 3);
}

static void a_host_of_ipv6_is_its_64(void **state) {
    (void)state;
    assert_true(sl_address_same_net("udp://[2001:db8:1:2::1]:9", "udp://[2001:db8:1:2:ffff::1]:8"));
    assert_false(sl_address_same_net("udp://[2001:db8:1:2::1]:9", "udp://[2001:db8:1:3::1]:9"));
    assert_true(sl_address_same_net("udp://[fe80::1%eth0]:9", "udp://[fe80::2%eth0]:9"));
    assert_true(sl_address_same_net("udp://10.0.0.1:9", "udp://10.0.0.1:8"));
    assert_false(sl_address_same_net("udp://10.0.0.1:9", "udp://10.0.0.2:9"));
    assert_false(sl_address_same_net("udp://[::ffff:10.0.0.1]:9", "udp://[::ffff:10.0.0.2]:9"));
    assert_false(sl_address_same_net("udp://[::1]:9", "udp://10.0.0.1:9"));
}

/* Connections that say nothing: of one host sixteen, and as an opening they give way to others after a while. */
static void streams_that_have_not_opened_are_bounded(void **state) {
    rig *g = *state;
    char remote[64];
    for (unsigned i = 0; i < SL_STREAMS_PER_HOST; i++) {
        snprintf(remote, sizeof remote, "test://10.0.0.7:%u", i);
        link_new(&g->b, remote, 0, SLOW_LINK_INBOUND | SLOW_LINK_STREAM);
    }
    const slow_link_info info = {.struct_size = sizeof info,
                                 .local = "test://10.0.0.1:1",
                                 .remote = "test://10.0.0.7:999",
                                 .mtu = 1400,
                                 .flags = SLOW_LINK_INBOUND | SLOW_LINK_STREAM};
    assert_null(sl_link_new(&g->b.env, &g->b.port, 999, NULL, &info, 1000000, 0));
    assert_int_equal(g->b.stats.count[SL_drop_opening_cap], 1);
    for (unsigned i = 0; g->b.env.streams.count < SL_STRANGERS_MAX; i++) {
        snprintf(remote, sizeof remote, "test://10.2.%u.%u:1", i / 256, i % 256);
        link_new(&g->b, remote, 0, SLOW_LINK_INBOUND | SLOW_LINK_STREAM);
    }
    wait_for(g, SL_STRANGERS_GRACE);
    wire *w = link_new(&g->b, info.remote, 0, info.flags);
    assert_int_equal(w->link->state, SL_LINK_OPENING);
    assert_int_equal(g->b.wires[0].link->state, SL_LINK_CLOSED); /* the oldest of the same host */
    assert_int_equal(g->b.env.streams.count, SL_STRANGERS_MAX);
    wire *a = link_new(&g->a, "test://10.0.0.2:2", 1, SLOW_LINK_STREAM);
    pass(a, w);
    pass(w, a);
    give(w, a->sent[1], a->sizes[1]);
    assert_int_equal(w->link->state, SL_LINK_UP);
    assert_int_equal(g->b.env.streams.count, SL_STRANGERS_MAX - 1); /* it is no stranger any more */
}

/* ---- what the peer may make us do ---- */

static void cookies_come_one_for_each_init_and_three_in_all(void **state) {
    rig *g = *state;
    uint8_t frame[64];
    sl_init init;
    wire *a = link_new(&g->a, "test://10.0.0.2:2", 1, 0);
    for (uint64_t i = 1; i <= 100; i++) {
        sl_cookie cookie = {.peer_index = a->link->opening->index, .cookie = i};
        give(a, frame, sl_cookie_write(&cookie, frame, sizeof frame));
    }
    assert_int_equal(a->count,
                     2); /* the first was answered at once, the second waits, and the others came to nothing */
    wait_for(g, 100 * SL_MS);
    sl_link_flush(a->link);
    assert_int_equal(a->count, 3);
    assert_true(sl_init_read((slow_bytes){a->sent[2], a->sizes[2]}, SL_INIT_SIZE, &init));
    assert_true(init.cookie == 2);
    for (uint64_t i = 101; i <= 102; i++) {
        sl_cookie cookie = {.peer_index = init.index, .cookie = i};
        give(a, frame, sl_cookie_write(&cookie, frame, sizeof frame));
        wait_for(g, SL_SECOND);
        sl_link_flush(a->link);
    }
    assert_true(sl_init_read((slow_bytes){a->sent[a->count - 1], a->sizes[a->count - 1]}, SL_INIT_SIZE, &init));
    assert_true(init.cookie == 101);
    assert_int_equal(g->a.stats.count[SL_drop_opening_cookie], 99);
}

static unsigned reads; /* the plugin's table has no room for an argument */

static slow_status refuse_and_count(slow_session *s, slow_bytes in, slow_bytes *payload, slow_bytes *key, bool *done) {
    bool rubbish = in.size == 1;
    reads += rubbish;
    return rubbish ? SLOW_E_AUTH : clear_read(s, in, payload, key, done);
}

/* Each would cost a Diffie-Hellman. */
static void rubbish_in_the_name_of_the_peer_is_read_eight_times_in_100_ms(void **state) {
    rig *g = *state;
    uint8_t frame[SL_INIT_SIZE];
    slow_security_ops ops = in_the_clear;
    ops.read = refuse_and_count;
    g->a.env.opening.security = g->b.env.opening.security = &ops;
    wire *a = link_new(&g->a, "test://10.0.0.2:2", 1, 0);
    wire *b = link_new(&g->b, "test://10.0.0.1:1", 0, SLOW_LINK_INBOUND);
    pass(a, b);
    sl_resp resp = {.index = 1, .peer_index = a->link->opening->index, .handshake = {(const uint8_t *)"x", 1}};
    sl_fin fin = {
        .peer_index = b->link->opening->index, .echo = b->link->opening->tag, .handshake = {(const uint8_t *)"x", 1}};
    reads = 0;
    for (unsigned i = 0; i < 50; i++)
        give(a, frame, sl_resp_write(&resp, frame, sizeof frame));
    assert_int_equal(reads, 8);
    for (unsigned i = 0; i < 50; i++)
        give(b, frame, sl_fin_write(&fin, frame, sizeof frame));
    assert_int_equal(reads, 16);
    wait_for(g, 100 * SL_MS);
    pass(b, a); /* and the true ones come through */
    assert_int_equal(a->link->state, SL_LINK_UP);
    for (uint32_t i = 0; i < a->count; i++)
        if (a->sent[i][0] == SL_FRAME_FIN)
            give(b, a->sent[i], a->sizes[i]);
    assert_int_equal(b->link->state, SL_LINK_UP);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_link_opens_by_init_resp_and_fin),
        TEST(lost_frames_are_repeated),
        TEST(an_opening_that_nobody_answers_ends_after_five_seconds),
        TEST(a_half_open_entry_lives_five_seconds),
        TEST(another_network_is_refused_at_both_ends),
        TEST(another_version_is_refused_at_both_ends),
        TEST(our_own_id_is_refused_at_both_ends),
        TEST(no_codec_in_common_is_refused_at_both_ends),
        TEST(names_in_common_stand_in_the_order_of_the_lower_id),
        TEST(under_load_the_answer_is_a_cookie_and_nothing_is_kept),
        TEST(an_initiator_says_its_init_again_with_the_cookie),
        TEST(a_cookie_is_good_for_two_minutes_at_least_and_four_at_most),
        TEST(half_open_entries_are_256_at_most),
        TEST(what_has_just_been_answered_gives_way_to_nobody),
        TEST(a_host_has_four_half_open_entries_at_most),
        TEST(a_host_of_ipv6_is_its_64),
        TEST(streams_that_have_not_opened_are_bounded),
        TEST(cookies_come_one_for_each_init_and_three_in_all),
        TEST(rubbish_in_the_name_of_the_peer_is_read_eight_times_in_100_ms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
