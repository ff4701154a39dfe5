/* A link without memory: each allocation of an opening fails once, in a link that is new and in one that lives. The linker
 * lets this test stand between the library and malloc(). */
#include "link_test.h"

static uint32_t fails_in; /* allocations until one fails; 0 = none does */

static bool fails(void) {
    return fails_in > 0 && --fails_in == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}
void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}

/* The frame comes, and the nth allocation that it causes fails. True: there were as many. */
static bool give_without_memory(wire *to, const uint8_t *bytes, uint32_t size, uint32_t nth) {
    uint8_t copy[2048];
    memcpy(copy, bytes, size);
    fails_in = nth;
    sl_link_receive(to->link, &(slow_slice){.data = copy, .size = size});
    bool failed = fails_in == 0;
    fails_in = 0;
    sl_link_flush(to->link);
    return failed;
}

/* What was told of it is what it is. */
static void is_told_right(const wire *w, unsigned before) {
    unsigned up = w->link->state == SL_LINK_UP && w->link->opened;
    assert_int_equal(w->end->opened - w->end->closed, before + up);
}

/* bob has a link with alice, who dials again from the same address, and her FIN comes. The link lives on, in its old life or in
 * the new one. */
static void a_link_that_cannot_be_replaced_lives_on(void **state) {
    rig *g = *state;
    bool failed = true;
    uint32_t nth = 0;
    while (failed) {
        wire *a, *b;
        unsigned before = g->b.opened - g->b.closed;
        wait_for(g, SL_SECOND);
        open_pair(g, &a, &b);
        uint32_t old = b->link->index;
        wait_for(g, 100 * SL_MS);
        wire *again = link_new(&g->a, "test://10.0.0.2:2", 1, 0);
        b->count = 0;
        pass(again, b);
        assert_int_equal(b->sent[0][0], SL_FRAME_RESP);
        give(again, b->sent[0], b->sizes[0]);
        assert_int_equal(again->sent[1][0], SL_FRAME_FIN);
        failed = give_without_memory(b, again->sent[1], again->sizes[1], ++nth);
        assert_int_equal(b->link->state, SL_LINK_UP);
        is_told_right(b, before);
        assert_true((b->link->index == old) == failed);
        assert_true(carries(b));
        assert_int_equal(g->b.env.half_open.count, 0);
        sl_link_close(b->link, SL_CLOSE_GOODBYE, false);
        assert_int_equal(g->b.opened - g->b.closed, before);
    }
    assert_true(nth > 2);
}

/* Of alice's INIT, and of her FIN. */
static void a_link_that_cannot_open_is_told_to_nobody(void **state) {
    rig *g = *state;
    for (int of_fin = 0; of_fin <= 1; of_fin++) {
        bool failed = true;
        uint32_t nth = 0;
        while (failed) {
            unsigned before = g->b.opened - g->b.closed;
            wait_for(g, SL_SECOND);
            wire *a = link_new(&g->a, "test://10.0.0.2:2", 1, 0);
            wire *b = link_new(&g->b, "test://10.0.0.1:1", 0, SLOW_LINK_INBOUND);
            if (of_fin == 1) {
                pass(a, b);
                pass(b, a);
                assert_int_equal(a->sent[1][0], SL_FRAME_FIN);
            }
            failed = give_without_memory(b, a->sent[of_fin], a->sizes[of_fin], ++nth);
            is_told_right(b, before);
            assert_true(of_fin == 0 || (b->link->state == SL_LINK_UP) != failed);
            sl_link_close(a->link, SL_CLOSE_GOODBYE, false);
            sl_link_close(b->link, SL_CLOSE_GOODBYE, false);
            sl_link_opening_drop(b->link);
            assert_int_equal(g->b.env.half_open.count, 0);
            assert_int_equal(g->b.opened - g->b.closed, before);
        }
        assert_true(nth > 2);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_link_that_cannot_be_replaced_lives_on),
        TEST(a_link_that_cannot_open_is_told_to_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
