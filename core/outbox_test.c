/* The outbox: records go in, frames and trains come out, complete, in order, and within their sizes. */
#include "outbox.h"
#include "loop.h"
#include <setjmp.h>
#include <slow/wire.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KIND = 9, HEADER = 16, TAG = 8, FRAME = 1400, RECORD_MAX = 3000 };

static sl_outbox an_outbox(sl_pool *pool) {
    return (sl_outbox){
        .pool = pool, .header = HEADER, .tag = TAG, .frame = FRAME, .frame_most = 2048, .segments = 64, .kind = KIND};
}

/* A record of `size` bytes of package, which begins with its number. */
static size_t make_record(uint8_t *out, uint32_t number, size_t size) {
    slow_writer w = slow_writer_of(out, RECORD_MAX);
    slow_write_varint(&w, size);
    slow_write_u32(&w, number);
    uint8_t *rest = slow_write_room(&w, size - 4);
    assert_non_null(rest);
    memset(rest, (int)(number & 0xff), size - 4);
    return slow_writer_size(&w);
}

/* Puts one; true when it was taken. */
static bool put(sl_outbox *outbox, unsigned priority, uint32_t number, size_t size) {
    uint8_t record[RECORD_MAX];
    uint32_t taken, too_big;
    size_t record_size = make_record(record, number, size);
    size_t done = sl_outbox_put(outbox, priority, record, record_size, 1, SL_OUTBOX_QUOTA, &taken, &too_big);
    assert_int_equal(done, taken + too_big == 1 ? record_size : 0);
    return taken == 1;
}

/* What came out: the numbers of the records, and the sizes of the frames. */
typedef struct output {
    uint32_t numbers[20000];
    size_t count, frames, packets;
    uint32_t sizes[20000];
} output;

static void read_frame(output *out, const uint8_t *frame, uint32_t size) {
    assert_int_equal(frame[0], KIND);
    for (uint32_t i = 1; i < HEADER; i++)
        assert_int_equal(frame[i], 0);
    slow_reader r = slow_reader_of((slow_bytes){frame + HEADER, size - HEADER - TAG});
    while (slow_reader_left(&r) > 0) {
        uint64_t length = slow_read_varint(&r);
        if (length == 0)
            break;
        assert_true(length >= 4);
        out->numbers[out->count] = slow_read_u32(&r);
        const uint8_t *rest = slow_read_bytes(&r, (size_t)length - 4);
        assert_non_null(rest);
        for (size_t i = 0; i < length - 4; i++)
            assert_int_equal(rest[i], out->numbers[out->count] & 0xff);
        out->count++;
    }
    while (slow_reader_left(&r) > 0)
        assert_int_equal(slow_read_u8(&r), 0);
    out->sizes[out->frames++] = size;
}

/* One packet: all its frames but the last are of one size. False when the outbox is empty. */
static bool take(sl_outbox *outbox, output *out) {
    slow_packet *packet = sl_outbox_take(outbox);
    if (packet == NULL)
        return false;
    size_t before = out->count;
    uint32_t step = packet->segment != 0 ? packet->segment : packet->size, frames = 0;
    assert_true(packet->offset + packet->size <= packet->capacity);
    for (uint32_t at = 0; at < packet->size; at += step, frames++)
        read_frame(out, slow_packet_data(packet) + at, packet->size - at < step ? packet->size - at : step);
    assert_true(frames <= outbox->segments);
    assert_true(packet->segment == 0 || packet->segment <= outbox->frame);
    assert_int_equal(*sl_packet_records(packet), out->count - before);
    out->packets++;
    sl_packet_drop(packet);
    return true;
}

static void take_all(sl_outbox *outbox, output *out) {
    memset(out, 0, sizeof *out);
    while (take(outbox, out))
        ;
    assert_true(sl_outbox_empty(outbox));
    assert_int_equal(outbox->bytes, 0);
    assert_int_equal(sl_outbox_records(outbox), 0);
}

static void assert_in_order(const output *out, uint32_t first, size_t count) {
    assert_int_equal(out->count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(out->numbers[i], first + i);
}

/* ---- frames and trains ---- */

static output out;

static void a_lone_package_is_one_frame_of_its_size(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    sl_outbox o = an_outbox(pool);
    assert_true(sl_outbox_empty(&o));
    assert_null(sl_outbox_take(&o));
    assert_true(put(&o, 0, 1, 100));
    assert_false(sl_outbox_empty(&o));
    assert_int_equal(sl_outbox_records(&o), 1);
    take_all(&o, &out);
    assert_in_order(&out, 1, 1);
    assert_int_equal(out.frames, 1);
    assert_int_equal(out.sizes[0], HEADER + 1 + 100 + TAG);
    assert_int_equal(sl_pool_bytes(pool), 0);
    sl_pool_free(pool);
}

static void packages_of_one_turn_share_a_frame(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    sl_outbox o = an_outbox(pool);
    for (uint32_t i = 0; i < 10; i++)
        assert_true(put(&o, 0, i, 100));
    take_all(&o, &out);
    assert_in_order(&out, 0, 10);
    assert_int_equal(out.frames, 1);
    assert_int_equal(out.sizes[0], HEADER + 10 * 101 + TAG);
    sl_pool_free(pool);
}

static void a_run_is_cut_into_frames_at_whole_records(void **state) {
    (void)state;
    static uint8_t run[200 * 101];
    sl_pool *pool = sl_pool_new();
    sl_outbox o = an_outbox(pool);
    uint32_t taken, too_big;
    size_t size = 0;
    for (uint32_t i = 0; i < 200; i++)
        size += make_record(run + size, i, 100);
    assert_int_equal(sl_outbox_put(&o, 0, run, size, 200, SL_OUTBOX_QUOTA, &taken, &too_big), size);
    assert_int_equal(taken, 200);
    assert_int_equal(too_big, 0);
    take_all(&o, &out);
    assert_in_order(&out, 0, 200);
    assert_int_equal(out.packets, 1);
    assert_int_equal(out.frames, 16); /* 13 records fit a frame of 1,400 */
    for (size_t i = 0; i < 15; i++)
        assert_int_equal(out.sizes[i], HEADER + 13 * 101 + TAG);
    assert_int_equal(out.sizes[15], HEADER + 5 * 101 + TAG);
    sl_pool_free(pool);
}

static void a_train_is_padded_to_the_stride_of_its_first_frame(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    sl_outbox o = an_outbox(pool);
    for (uint32_t i = 0; i < 3; i++)
        assert_true(put(&o, 0, i, 1000)); /* one a frame */
    assert_true(put(&o, 0, 3, 100));      /* into the third one? no: 1002 + 101 > the stride */
    assert_true(put(&o, 0, 4, 990));
    take_all(&o, &out);
    assert_in_order(&out, 0, 5);
    assert_int_equal(out.packets, 1);
    assert_int_equal(out.frames, 5);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(out.sizes[i], HEADER + 1002 + TAG);
    assert_int_equal(out.sizes[4], HEADER + 992 + TAG);
    sl_pool_free(pool);
}

static void after_a_package_that_broke_a_train_trains_are_wide(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    sl_outbox o = an_outbox(pool);
    assert_true(put(&o, 0, 0, 800));
    assert_true(put(&o, 0, 1, 800));
    assert_true(put(&o, 0, 2, 1300)); /* does not fit the stride of 800 */
    take_all(&o, &out);
    assert_in_order(&out, 0, 3);
    assert_int_equal(out.packets, 2);
    assert_true(put(&o, 0, 3, 800));
    assert_true(put(&o, 0, 4, 800));
    assert_true(put(&o, 0, 5, 1300));
    take_all(&o, &out);
    assert_in_order(&out, 3, 3);
    assert_int_equal(out.packets, 1);
    assert_int_equal(out.sizes[0], FRAME);
    assert_int_equal(out.sizes[1], FRAME);
    sl_pool_free(pool);
}

static void a_package_larger_than_a_frame_travels_alone(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    sl_outbox o = an_outbox(pool);
    size_t most = 2048 - HEADER - TAG - 2;
    assert_true(put(&o, 0, 0, 100));
    assert_true(put(&o, 0, 1, most));
    assert_true(put(&o, 0, 2, 100));
    take_all(&o, &out);
    assert_in_order(&out, 0, 3);
    assert_int_equal(out.packets, 3);
    assert_int_equal(out.sizes[1], 2048);
    assert_false(put(&o, 0, 3, most + 1));
    take_all(&o, &out);
    assert_int_equal(out.count, 0);
    assert_int_equal(sl_pool_bytes(pool), 0);
    sl_pool_free(pool);
}

static void a_run_goes_on_behind_a_package_that_is_too_big(void **state) {
    (void)state;
    static uint8_t run[3 * RECORD_MAX];
    sl_pool *pool = sl_pool_new();
    sl_outbox o = an_outbox(pool);
    uint32_t taken, too_big;
    size_t size = make_record(run, 1, 50);
    size += make_record(run + size, 2, 2500);
    size += make_record(run + size, 3, 50);
    assert_int_equal(sl_outbox_put(&o, 0, run, size, 3, SL_OUTBOX_QUOTA, &taken, &too_big), size);
    assert_int_equal(taken, 2);
    assert_int_equal(too_big, 1);
    take_all(&o, &out);
    assert_int_equal(out.count, 2);
    assert_int_equal(out.numbers[0], 1);
    assert_int_equal(out.numbers[1], 3);
    sl_pool_free(pool);
}

static void on_a_stream_a_packet_is_one_frame(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    sl_outbox o = an_outbox(pool);
    o.segments = 1;
    o.frame = o.frame_most = 16384;
    for (uint32_t i = 0; i < 400; i++)
        assert_true(put(&o, 0, i, 100));
    take_all(&o, &out);
    assert_in_order(&out, 0, 400);
    assert_int_equal(out.packets, 3); /* 161 records a frame */
    assert_int_equal(out.frames, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(out.sizes[i] <= 16384);
    sl_pool_free(pool);
}

/* ---- order ---- */

static void the_higher_priority_overtakes(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    sl_outbox o = an_outbox(pool);
    for (uint32_t i = 0; i < 100; i++)
        assert_true(put(&o, 0, 100 + i, 1000));
    assert_true(put(&o, 11, 1, 100));
    assert_true(put(&o, 4, 2, 100));
    assert_true(put(&o, 200, 0, 100)); /* no such priority: as the highest, behind the one that is there */
    memset(&out, 0, sizeof out);
    assert_true(take(&o, &out));
    assert_int_equal(out.count, 2);
    assert_int_equal(out.numbers[0], 1);
    assert_int_equal(out.numbers[1], 0);
    assert_true(take(&o, &out));
    assert_int_equal(out.numbers[2], 2);
    assert_true(take(&o, &out));
    assert_true(put(&o, 11, 3, 100)); /* between two trains of the lower one */
    size_t so_far = out.count;
    assert_true(take(&o, &out));
    assert_int_equal(out.numbers[so_far], 3);
    take_all(&o, &out);
    sl_pool_free(pool);
}

/* Any sizes, any priorities, taken out at any time: each priority keeps its order, nothing is lost, nothing doubled. */
static void mixed_sizes_come_out_complete_and_in_order(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        sl_pool *pool = sl_pool_new();
        sl_outbox o = an_outbox(pool);
        uint64_t random = seed;
        uint32_t next_in[SL_PRIORITIES] = {0}, next_out[SL_PRIORITIES] = {0};
        if (seed % 3 == 0)
            o.segments = 1;
        memset(&out, 0, sizeof out);
        size_t checked = 0;
        for (int step = 0; step <= 2000; step++) {
            unsigned priority = (unsigned)(sl_splitmix(&random) % SL_PRIORITIES);
            size_t size = 4 + sl_splitmix(&random) % (sl_splitmix(&random) % 4 == 0 ? 2018 : 150);
            if (step < 2000 && put(&o, priority, (uint32_t)priority << 16 | next_in[priority], size))
                next_in[priority]++;
            while (step == 2000 || sl_splitmix(&random) % 20 == 0)
                if (!take(&o, &out))
                    break;
            for (; checked < out.count; checked++)
                if ((out.numbers[checked] & 0xffff) != next_out[out.numbers[checked] >> 16]++)
                    fail_msg("record %x out of order (seed %llu)", out.numbers[checked], (unsigned long long)seed);
        }
        assert_memory_equal(next_in, next_out, sizeof next_in);
        assert_int_equal(sl_pool_bytes(pool), 0);
        sl_pool_free(pool);
    }
}

/* ---- bounds ---- */

static void what_exceeds_the_quota_is_refused(void **state) {
    (void)state;
    enum { QUOTA = 200000 };
    uint8_t record[RECORD_MAX];
    sl_pool *pool = sl_pool_new();
    sl_outbox o = an_outbox(pool);
    uint32_t taken = 1, too_big, count = 0;
    size_t size = make_record(record, 7, 1000);
    while (taken == 1) {
        size_t done = sl_outbox_put(&o, 0, record, size, 1, QUOTA, &taken, &too_big);
        assert_int_equal(done, taken == 1 ? size : 0);
        count += taken;
    }
    assert_int_equal(too_big, 0);
    assert_in_range(o.bytes, QUOTA / 2, QUOTA + SL_TRAIN_MAX + 1000);
    assert_int_equal(o.bytes, sl_pool_bytes(pool));
    assert_int_equal(sl_outbox_records(&o), count);
    memset(&out, 0, sizeof out);
    assert_true(take(&o, &out));
    sl_outbox_put(&o, 0, record, size, 1, QUOTA, &taken, &too_big);
    assert_int_equal(taken, 1);
    take_all(&o, &out);
    assert_int_equal(sl_pool_bytes(pool), 0);
    sl_pool_free(pool);
}

/* ---- to another link ---- */

static void what_waits_moves_to_another_outbox(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    sl_outbox from = an_outbox(pool), to = an_outbox(pool);
    for (uint32_t i = 0; i < 50; i++)
        assert_true(put(&from, 0, i, i % 3 == 0 ? 1200 : 300));
    assert_true(put(&from, 5, 1000, 100));
    to.frame = 1200;
    assert_int_equal(sl_outbox_move(&from, &to), 0);
    assert_true(sl_outbox_empty(&from));
    assert_int_equal(from.bytes, 0);
    assert_int_equal(sl_outbox_records(&to), 51);
    take_all(&to, &out);
    assert_int_equal(out.numbers[0], 1000);
    for (uint32_t i = 0; i < 50; i++)
        assert_int_equal(out.numbers[i + 1], i);
    sl_pool_free(pool);
}

static void what_has_nowhere_to_go_is_counted(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    sl_outbox from = an_outbox(pool), to = an_outbox(pool);
    for (uint32_t i = 0; i < 50; i++)
        assert_true(put(&from, i % 12, i, 300));
    assert_int_equal(sl_outbox_move(&from, NULL), 50);
    assert_true(sl_outbox_empty(&from));
    assert_int_equal(sl_pool_bytes(pool), 0);
    for (uint32_t i = 0; i < 6; i++)
        assert_true(put(&from, 0, i, i % 2 == 0 ? 300 : 1800));
    to.frame = to.frame_most = 1000; /* a smaller link */
    assert_int_equal(sl_outbox_move(&from, &to), 3);
    take_all(&to, &out);
    assert_int_equal(out.count, 3);
    assert_int_equal(sl_pool_bytes(pool), 0);
    sl_pool_free(pool);
}

static void open_frames_can_be_closed_before_the_size_changes(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    sl_outbox o = an_outbox(pool);
    assert_true(put(&o, 0, 0, 1300));
    assert_true(put(&o, 3, 1, 1300));
    sl_outbox_close_frames(&o);
    o.frame = 600;
    assert_true(put(&o, 0, 2, 500));
    assert_true(put(&o, 0, 3, 500));
    memset(&out, 0, sizeof out);
    while (take(&o, &out))
        ;
    assert_int_equal(out.count, 4);
    assert_int_equal(out.numbers[0], 1);
    assert_int_equal(out.numbers[1], 0);
    assert_true(out.sizes[2] <= 600 && out.sizes[3] <= 600);
    assert_int_equal(sl_pool_bytes(pool), 0);
    sl_pool_free(pool);
}

/* ---- who waits for a package to leave ---- */

typedef struct waiter {
    sl_departure departure;
    unsigned left, lost;
} waiter;

static void on_gone(sl_departure *departure, bool left) {
    waiter *w = (waiter *)departure;
    if (left)
        w->left++;
    else
        w->lost++;
}

static waiter waiting(void) {
    return (waiter){.departure = {.gone = on_gone}};
}

/* As a link does it, when its transport took the packet. */
static bool send_next(sl_outbox *o) {
    slow_packet *packet = sl_outbox_take(o);
    if (packet == NULL)
        return false;
    sl_departures_end(sl_packet_departures(packet, 0, UINT32_MAX), true);
    sl_packet_drop(packet);
    return true;
}

static void a_departure_comes_with_the_packet_of_its_package(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    sl_outbox o = an_outbox(pool);
    o.segments = 1;
    waiter first = waiting(), second = waiting(), urgent = waiting(), alone = waiting();
    assert_true(put(&o, 0, 0, 1300));
    sl_outbox_await(&o, 0, &first.departure);
    assert_true(put(&o, 0, 1, 1300)); /* the next packet */
    sl_outbox_await(&o, 0, &second.departure);
    assert_true(put(&o, 5, 2, 100));
    sl_outbox_await(&o, 5, &urgent.departure);
    assert_true(put(&o, 3, 3, 1900)); /* larger than frames are filled to: its packet is closed at once */
    sl_outbox_await(&o, 3, &alone.departure);
    assert_true(send_next(&o));
    assert_true(urgent.left == 1 && alone.left == 0 && first.left == 0 && second.left == 0);
    assert_true(send_next(&o));
    assert_true(alone.left == 1 && first.left == 0 && second.left == 0);
    assert_true(send_next(&o));
    assert_true(first.left == 1 && second.left == 0);
    assert_true(send_next(&o));
    assert_true(second.left == 1 && first.left == 1);
    assert_int_equal(first.lost + second.lost + urgent.lost + alone.lost, 0);
    assert_int_equal(sl_pool_bytes(pool), 0);
    sl_pool_free(pool);
}

static void a_departure_stays_with_a_packet_that_grows_and_hears_when_that_is_lost(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    sl_outbox o = an_outbox(pool);
    waiter w = waiting(), same = waiting();
    assert_true(put(&o, 0, 0, 300));
    sl_outbox_await(&o, 0, &w.departure);
    for (uint32_t i = 1; i < 100; i++)
        assert_true(put(&o, 0, i, 300));
    sl_outbox_await(&o, 0, &same.departure);
    assert_int_equal(w.left + w.lost, 0);
    assert_int_equal(sl_outbox_move(&o, NULL), 100);
    assert_true(w.lost == 1 && w.left == 0 && same.lost == 1 && same.left == 0);
    assert_int_equal(sl_pool_bytes(pool), 0);
    sl_pool_free(pool);
}

static void a_departure_moves_with_its_package_or_hears_that_it_had_no_place(void **state) {
    (void)state;
    sl_pool *pool = sl_pool_new();
    sl_outbox from = an_outbox(pool), to = an_outbox(pool);
    waiter w[6];
    for (uint32_t i = 0; i < 6; i++) {
        w[i] = waiting();
        assert_true(put(&from, 0, i, i % 2 == 0 ? 300 : 1800));
        sl_outbox_await(&from, 0, &w[i].departure);
    }
    to.frame = to.frame_most = 1000; /* a smaller link */
    assert_int_equal(sl_outbox_move(&from, &to), 3);
    for (uint32_t i = 0; i < 6; i++)
        assert_true(w[i].left == 0 && w[i].lost == i % 2);
    while (send_next(&to))
        ;
    for (uint32_t i = 0; i < 6; i++)
        assert_true(w[i].left == 1 - i % 2 && w[i].lost == i % 2);
    assert_int_equal(sl_pool_bytes(pool), 0);
    sl_pool_free(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lone_package_is_one_frame_of_its_size),
        cmocka_unit_test(packages_of_one_turn_share_a_frame),
        cmocka_unit_test(a_run_is_cut_into_frames_at_whole_records),
        cmocka_unit_test(a_train_is_padded_to_the_stride_of_its_first_frame),
        cmocka_unit_test(after_a_package_that_broke_a_train_trains_are_wide),
        cmocka_unit_test(a_package_larger_than_a_frame_travels_alone),
        cmocka_unit_test(a_run_goes_on_behind_a_package_that_is_too_big),
        cmocka_unit_test(on_a_stream_a_packet_is_one_frame),
        cmocka_unit_test(the_higher_priority_overtakes),
        cmocka_unit_test(mixed_sizes_come_out_complete_and_in_order),
        cmocka_unit_test(what_exceeds_the_quota_is_refused),
        cmocka_unit_test(what_waits_moves_to_another_outbox),
        cmocka_unit_test(what_has_nowhere_to_go_is_counted),
        cmocka_unit_test(open_frames_can_be_closed_before_the_size_changes),
        cmocka_unit_test(a_departure_comes_with_the_packet_of_its_package),
        cmocka_unit_test(a_departure_stays_with_a_packet_that_grows_and_hears_when_that_is_lost),
        cmocka_unit_test(a_departure_moves_with_its_package_or_hears_that_it_had_no_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
