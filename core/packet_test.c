/* The packet pool: room, references, owners, and an account that comes out even. */
#include "packet.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_packet_has_headroom_and_the_room_asked_for(void **state) {
    (void)state;
    static const uint32_t sizes[] = {0, 1, 2048, 2049, 65536, 131072, 131073, 1000000};
    sl_pool *pool = sl_pool_new();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        slow_packet *p = sl_packet_new(pool, sizes[i], NULL);
        assert_non_null(p);
        assert_int_equal(p->offset, SLOW_PACKET_HEADROOM);
        assert_int_equal(p->size, 0);
        assert_int_equal(p->segment, 0);
        assert_int_equal(*sl_packet_records(p), 0);
        assert_true(p->capacity >= p->offset + sizes[i]);
        memset(p->base, 0xaa, p->capacity);
        assert_int_equal(sl_pool_bytes(pool), p->capacity);
        sl_packet_drop(p);
        assert_int_equal(sl_pool_bytes(pool), 0);
    }
    sl_pool_free(pool);
}

static void a_size_that_cannot_be_is_refused(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    assert_null(sl_packet_new(pool, UINT32_MAX, NULL));
    assert_null(sl_packet_new(pool, UINT32_MAX - SLOW_PACKET_HEADROOM + 1, NULL));
    assert_int_equal(sl_pool_bytes(pool), 0);
    sl_pool_free(pool);
}

static void a_dropped_packet_is_used_again_as_new(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    sl_packet_owner owner = {.packets = 0};
    slow_packet *p = sl_packet_new(pool, 100, &owner);
    p->size = 50;
    p->segment = 10;
    p->offset = 0;
    *sl_packet_records(p) = 7;
    sl_packet_drop(p);
    slow_packet *again = sl_packet_new(pool, 2000, NULL);
    assert_ptr_equal(again, p);
    assert_int_equal(again->offset, SLOW_PACKET_HEADROOM);
    assert_int_equal(again->size, 0);
    assert_int_equal(again->segment, 0);
    assert_int_equal(*sl_packet_records(again), 0);
    assert_int_equal(owner.packets, 0);
    sl_packet_drop(again);
    sl_pool_free(pool);
}

static void the_last_reference_frees(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    slow_packet *p = sl_packet_new(pool, 10, NULL);
    assert_ptr_equal(sl_packet_ref(p), p);
    sl_packet_drop(p);
    assert_int_equal(sl_pool_bytes(pool), p->capacity);
    sl_packet_drop(p);
    assert_int_equal(sl_pool_bytes(pool), 0);
    sl_packet_drop(NULL);
    sl_pool_free(pool);
}

static void owning_copies_only_what_is_shared(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    sl_packet_owner owner = {.packets = 0};
    slow_packet *p = sl_packet_new(pool, 10, &owner);
    memcpy(slow_packet_data(p), "hello", 5);
    p->size = 5;
    assert_ptr_equal(sl_packet_own(p), p);
    sl_packet_ref(p);
    slow_packet *mine = sl_packet_own(p);
    assert_non_null(mine);
    assert_ptr_not_equal(mine, p);
    assert_int_equal(mine->size, 5);
    assert_memory_equal(slow_packet_data(mine), "hello", 5);
    assert_int_equal(owner.packets, 2);
    slow_packet_data(mine)[0] = 'j';
    assert_memory_equal(slow_packet_data(p), "hello", 5);
    sl_packet_drop(mine);
    sl_packet_drop(p);
    assert_int_equal(owner.packets, 0);
    sl_pool_free(pool);
}

static void growing_keeps_content_and_owner(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    sl_packet_owner owner = {.packets = 0};
    slow_packet *p = sl_packet_new(pool, 100, &owner);
    memset(slow_packet_data(p), 'x', 100);
    p->size = 100;
    p->segment = 50;
    *sl_packet_records(p) = 3;
    p = sl_packet_grow(p, 50000);
    assert_non_null(p);
    assert_true(p->capacity >= p->offset + 50000);
    assert_int_equal(p->size, 100);
    assert_int_equal(p->segment, 50);
    assert_int_equal(*sl_packet_records(p), 3);
    assert_int_equal(slow_packet_data(p)[0], 'x');
    assert_int_equal(slow_packet_data(p)[99], 'x');
    assert_int_equal(owner.packets, 1);
    assert_int_equal(sl_pool_bytes(pool), p->capacity);
    sl_packet_drop(p);
    assert_int_equal(owner.packets, 0);
    sl_pool_free(pool);
}

static void an_owner_is_counted_what_it_holds(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    sl_packet_owner a = {.packets = 0}, b = {.packets = 0};
    slow_packet *p = sl_packet_new(pool, 10, &a);
    assert_int_equal(a.packets, 1);
    sl_packet_give(p, &b);
    assert_int_equal(a.packets, 0);
    assert_int_equal(b.packets, 1);
    sl_packet_give(p, NULL);
    assert_int_equal(b.packets, 0);
    sl_packet_drop(p);
    sl_pool_free(pool);
}

static void a_packet_outlives_its_pool(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    slow_packet *one = sl_packet_new(pool, 10, NULL), *two = sl_packet_new(pool, 10, NULL);
    sl_packet_drop(two); /* in the free list */
    sl_pool_free(pool);
    memset(slow_packet_data(one), 1, 10);
    sl_packet_drop(one);
}

static void a_queue_keeps_the_order_and_counts_records(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    sl_packet_queue queue = {.first = NULL};
    slow_packet *packets[3];
    assert_null(sl_packet_queue_pop(&queue));
    for (uint32_t i = 0; i < 3; i++) {
        packets[i] = sl_packet_new(pool, 10, NULL);
        *sl_packet_records(packets[i]) = i + 1;
        sl_packet_queue_push(&queue, packets[i]);
    }
    assert_int_equal(queue.count, 3);
    assert_int_equal(sl_packet_queue_records(&queue), 6);
    assert_ptr_equal(sl_packet_queue_pop(&queue), packets[0]);
    sl_packet_queue_push(&queue, packets[0]);
    assert_ptr_equal(sl_packet_queue_pop(&queue), packets[1]);
    sl_packet_drop(packets[1]);
    assert_int_equal(sl_packet_queue_records(&queue), 4);
    sl_packet_queue_clear(&queue);
    assert_int_equal(queue.count, 0);
    assert_null(sl_packet_queue_pop(&queue));
    assert_int_equal(sl_pool_bytes(pool), 0);
    sl_pool_free(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_has_headroom_and_the_room_asked_for),
        cmocka_unit_test(a_size_that_cannot_be_is_refused),
        cmocka_unit_test(a_dropped_packet_is_used_again_as_new),
        cmocka_unit_test(the_last_reference_frees),
        cmocka_unit_test(owning_copies_only_what_is_shared),
        cmocka_unit_test(growing_keeps_content_and_owner),
        cmocka_unit_test(an_owner_is_counted_what_it_holds),
        cmocka_unit_test(a_packet_outlives_its_pool),
        cmocka_unit_test(a_queue_keeps_the_order_and_counts_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
