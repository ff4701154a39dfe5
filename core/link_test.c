/* What strangers cannot do to a link, whether it is opening or up. */
#include "link_test.h"

static void a_frame_of_a_stranger_leaves_nothing_and_gets_nothing(void **state) {
    rig *g = *state;
    uint8_t init[SL_INIT_SIZE];
    make_init(init, 1, 0);
    for (unsigned kind = 0; kind < 256; kind++) {
        wire *b = link_new(&g->b, "test://10.9.9.9:9", 0, SLOW_LINK_INBOUND);
        uint8_t frame[40] = {(uint8_t)kind};
        give(b, frame, sizeof frame);
        assert_int_equal(b->link->state, SL_LINK_CLOSED);
        assert_int_equal(b->total, 0);
    }
    for (size_t size = 1; size < 40; size++) {
        wire *b = link_new(&g->b, "test://10.9.9.9:9", 0, SLOW_LINK_INBOUND);
        give(b, init, size);
        assert_int_equal(b->link->state, SL_LINK_CLOSED);
        assert_int_equal(b->total, 0);
    }
    wire *b = link_new(&g->b, "test://10.9.9.9:9", 0, SLOW_LINK_INBOUND);
    give(b, init, SL_INIT_SIZE - 1); /* an answer could be longer than this */
    assert_int_equal(b->link->state, SL_LINK_CLOSED);
    assert_int_equal(b->total, 0);
    assert_int_equal(g->b.env.half_open.count, 0);
    assert_int_equal(g->b.opened, 0);
}

static void a_forged_init_does_not_unseat_a_living_link(void **state) {
    rig *g = *state;
    wire *a, *b;
    uint8_t init[SL_INIT_SIZE];
    open_pair(g, &a, &b);
    uint32_t index = b->link->index, before = b->total;
    give(b, init, make_init(init, 4711, 0)); /* as if from a's address */
    assert_int_equal(b->link->state, SL_LINK_UP);
    assert_int_equal(b->link->index, index);
    assert_true(b->total - before <= SL_INIT_SIZE);
    assert_true(carries(b));
    assert_int_equal(g->b.env.half_open.count, 1);
    before = a->total;
    give(a, init, make_init(init, 4711, 0)); /* a dialled: nobody opens what it has opened */
    assert_int_equal(a->total, before);
    assert_int_equal(g->a.env.half_open.count, 0);
    assert_int_equal(a->link->state, SL_LINK_UP);
    assert_true(carries(a));
    for (int i = 0; i < 60; i++) { /* as long as the peer is heard, the entry goes and the link stays */
        wait_for(g, 100 * SL_MS);
        assert_true(carries(b));
        b->count = 0;
        sl_link_flush(b->link);
    }
    assert_int_equal(b->link->state, SL_LINK_UP);
    assert_int_equal(g->b.env.half_open.count, 0);
    assert_int_equal(g->b.closed, 0);
}

static void a_fin_without_the_tag_opens_nothing(void **state) {
    rig *g = *state;
    uint8_t frame[512];
    wire *a = link_new(&g->a, "test://10.0.0.2:2", 1, 0);
    wire *b = link_new(&g->b, "test://10.0.0.1:1", 0, SLOW_LINK_INBOUND);
    pass(a, b);
    sl_resp resp;
    sl_fin fin;
    assert_true(sl_resp_read((slow_bytes){b->sent[0], b->sizes[0]}, &resp));
    pass(b, a);
    assert_true(sl_fin_read((slow_bytes){a->sent[1], a->sizes[1]}, &fin));
    fin.echo ^= 1;
    give(b, frame, sl_fin_write(&fin, frame, sizeof frame));
    assert_int_equal(b->link->state, SL_LINK_OPENING);
    fin.echo ^= 1;
    fin.peer_index ^= 1;
    give(b, frame, sl_fin_write(&fin, frame, sizeof frame));
    assert_int_equal(b->link->state, SL_LINK_OPENING);
    assert_int_equal(g->b.opened, 0);
    assert_int_equal(b->count, 1);
    fin.peer_index ^= 1; /* and the true one still opens */
    give(b, frame, sl_fin_write(&fin, frame, sizeof frame));
    assert_int_equal(b->link->state, SL_LINK_UP);
}

static void a_resp_without_our_index_is_ignored(void **state) {
    rig *g = *state;
    uint8_t frame[SL_INIT_SIZE];
    wire *a = link_new(&g->a, "test://10.0.0.2:2", 1, 0);
    wire *b = link_new(&g->b, "test://10.0.0.1:1", 0, SLOW_LINK_INBOUND);
    pass(a, b);
    sl_resp resp;
    assert_true(sl_resp_read((slow_bytes){b->sent[0], b->sizes[0]}, &resp));
    resp.peer_index ^= 1;
    give(a, frame, sl_resp_write(&resp, frame, sizeof frame));
    assert_int_equal(a->link->state, SL_LINK_OPENING);
    assert_int_equal(a->count, 1);
    pass(b, a);
    assert_int_equal(a->link->state, SL_LINK_UP);
}

static void a_frame_without_index_number_and_tag_is_silent(void **state) {
    rig *g = *state;
    wire *a, *b;
    open_pair(g, &a, &b);
    const sl_link *link = b->link;
    uint32_t before = b->total;
    uint64_t next = link->highest_number + 1, changes = g->b.env.changes;
    for (uint8_t kind = SL_FRAME_PROBE; kind <= SL_FRAME_BUNDLE; kind++) {
        give_sealed(b, kind, link->index ^ 1, next, link->tag);
        give_sealed(b, kind, link->index, next, link->tag ^ 1);
        give_sealed(b, kind, link->index, 0, link->tag);
    }
    assert_int_equal(b->total, before);
    assert_int_equal(g->b.bundles, 0);
    assert_int_equal(g->b.closed, 0);
    assert_true(g->b.env.changes == changes);
    assert_int_equal(g->b.stats.count[SL_drop_frame_index], 5);
    assert_int_equal(g->b.stats.count[SL_drop_frame_tag], 5);
    assert_int_equal(g->b.stats.count[SL_drop_frame_replayed], 5);
    assert_int_equal(b->link->highest_number + 1, next); /* a failure never advances the window */
}

static void no_frame_is_taken_twice(void **state) {
    rig *g = *state;
    wire *a, *b;
    open_pair(g, &a, &b);
    uint64_t next = b->link->highest_number + 1;
    give_sealed(b, SL_FRAME_BUNDLE, b->link->index, next + 1, b->link->tag);
    give_sealed(b, SL_FRAME_BUNDLE, b->link->index, next + 1, b->link->tag);
    assert_int_equal(g->b.bundles, 1);
    give_sealed(b, SL_FRAME_BUNDLE, b->link->index, next, b->link->tag); /* late is not twice */
    assert_int_equal(g->b.bundles, 2);
    assert_int_equal(g->b.stats.count[SL_drop_frame_replayed], 1);
}

static void a_forged_fin_or_cookie_to_a_living_link_gets_no_answer(void **state) {
    rig *g = *state;
    wire *a, *b, *ends[2];
    uint8_t frame[512];
    open_pair(g, &a, &b);
    ends[0] = a;
    ends[1] = b;
    for (int i = 0; i < 2; i++) {
        uint32_t before = ends[i]->total;
        sl_fin fin = {.peer_index = ends[i]->link->index, .echo = ends[i]->link->tag ^ 1};
        sl_cookie cookie = {.peer_index = ends[i]->link->index, .cookie = 1};
        give(ends[i], frame, sl_fin_write(&fin, frame, sizeof frame));
        give(ends[i], (const uint8_t *)"\x04\0\0\0", 4);
        give(ends[i], frame, sl_cookie_write(&cookie, frame, sizeof frame));
        assert_int_equal(ends[i]->total, before);
        assert_int_equal(ends[i]->link->state, SL_LINK_UP);
    }
    uint32_t before = b->count;
    give(b, a->sent[1], a->sizes[1]); /* but the true one, repeated, gets a sign of life */
    assert_int_equal(b->count, before + 1);
    assert_int_equal(last_kind(b), SL_FRAME_PROBE);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_frame_of_a_stranger_leaves_nothing_and_gets_nothing),
        TEST(a_forged_init_does_not_unseat_a_living_link),
        TEST(a_fin_without_the_tag_opens_nothing),
        TEST(a_resp_without_our_index_is_ignored),
        TEST(a_frame_without_index_number_and_tag_is_silent),
        TEST(no_frame_is_taken_twice),
        TEST(a_forged_fin_or_cookie_to_a_living_link_gets_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
