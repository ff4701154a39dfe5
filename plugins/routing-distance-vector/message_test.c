/* What goes between neighbours is read as it was written, and nothing else is read. */
#include "message.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct dv_record samples[] = {
    {.kind = DV_ORIGIN,
     .handle = 300,
     .word = {{UINT64_C(1600000000123), 0xfffffffe}, 77},
     .id = {(const uint8_t *)"\xc3\xa4lice", 6},
     .proven = 0xffffffff,
     .proof = {(const uint8_t *)"proof", 5}},
    {.kind = DV_UPDATE, .handle = DV_HANDLES - 1, .word = {{0, 5}, SLOW_METRIC_INFINITY}},
    {.kind = DV_FORGET, .handle = 0, .word = {{0, 0}, SLOW_METRIC_INFINITY}},
    {.kind = DV_REQUEST,
     .ttl = 255,
     .word = {{DV_EPOCH_MAX, 9}, SLOW_METRIC_INFINITY},
     .id = {(const uint8_t *)"bob", 3}},
    {.kind = DV_PROOF,
     .proven = 7,
     .word = {{5, 0}, SLOW_METRIC_INFINITY},
     .id = {(const uint8_t *)"bob", 3},
     .proof = {(const uint8_t *)"p", 1}},
    {.kind = DV_ORIGIN, .handle = 0, .word = {{1, 1}, 0}, .id = {(const uint8_t *)"c", 1}},
};
enum { SAMPLES = sizeof samples / sizeof samples[0] };

static void assert_same_bytes(slow_bytes a, slow_bytes b) {
    assert_int_equal(a.size, b.size);
    if (a.size > 0)
        assert_memory_equal(a.data, b.data, a.size);
}

static void assert_same(const struct dv_record *a, const struct dv_record *b) {
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->ttl, b->ttl);
    assert_int_equal(a->handle, b->handle);
    assert_int_equal(a->word.metric, b->word.metric);
    assert_int_equal(dv_stamp_compare(a->word.stamp, b->word.stamp), 0);
    assert_same_bytes(a->id, b->id);
    assert_same_bytes(a->proof, b->proof);
    assert_int_equal(a->proven, b->proven);
}

static void records_are_read_as_they_were_written(void **state) {
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    slow_writer out = slow_writer_of(bytes, sizeof bytes);
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++)
        assert_true(dv_record_write(&out, &samples[i]));
    slow_reader in = slow_reader_of((slow_bytes){bytes, slow_writer_size(&out)});
    struct dv_record record;
    for (size_t i = 0; i < SAMPLES; i++) {
        assert_true(dv_record_read(&in, &record));
        assert_same(&record, &samples[i]);
    }
    assert_false(dv_record_read(&in, &record));
    assert_true(slow_reader_ok(&in));
}

static void a_truncated_record_is_refused(void **state) {
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        slow_writer out = slow_writer_of(bytes, sizeof bytes);
        assert_true(dv_record_write(&out, &samples[i]));
        for (size_t size = 1; size < slow_writer_size(&out); size++) {
            slow_reader in = slow_reader_of((slow_bytes){bytes, size});
            struct dv_record record;
            assert_false(dv_record_read(&in, &record));
            assert_false(slow_reader_ok(&in));
        }
    }
}

static void a_record_without_room_leaves_no_trace(void **state) {
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        slow_writer whole = slow_writer_of(bytes, sizeof bytes);
        assert_true(dv_record_write(&whole, &samples[i]));
        for (size_t room = 0; room < slow_writer_size(&whole); room++) {
            slow_writer out = slow_writer_of(bytes, room);
            assert_false(dv_record_write(&out, &samples[i]));
            assert_int_equal(slow_writer_size(&out), 0);
            assert_true(slow_writer_ok(&out));
        }
    }
}

/* A number alone, one that is too long, and a PROOF that shows none. */
static void a_proof_that_is_none_is_refused(void **state) {
    uint8_t most[DV_PROOF_MAX + 1] = {0}, bytes[SLOW_ROUTE_MESSAGE_MAX];
    struct dv_record record = {.kind = DV_ORIGIN, .id = {(const uint8_t *)"a", 1}, .word.stamp = {1, 1}};
    const size_t head = 1 + 1 + 2 + 8; /* of an ORIGIN, up to its proof */
    (void)state;
    record.proof = (slow_bytes){most, DV_PROOF_MAX};
    for (unsigned over = 0; over < 2; over++, record.proof.size++) {
        slow_writer out = slow_writer_of(bytes, sizeof bytes);
        assert_true(dv_record_write(&out, &record));
        slow_reader in = slow_reader_of((slow_bytes){bytes, slow_writer_size(&out)});
        struct dv_record read;
        assert_int_equal(dv_record_read(&in, &read), over == 0);
    }
    record.proof.size = 8;
    for (uint8_t size = 1; size <= 4; size++) {
        slow_writer out = slow_writer_of(bytes, sizeof bytes);
        assert_true(dv_record_write(&out, &record));
        bytes[head] = size;
        slow_reader in = slow_reader_of((slow_bytes){bytes, slow_writer_size(&out)});
        struct dv_record read;
        assert_false(dv_record_read(&in, &read));
    }
    static const uint8_t shows_none[] = {DV_PROOF, 1, 'a', 0, 0, 0, 0, 0, 0, 0, 1, 0};
    slow_reader in = slow_reader_of((slow_bytes){shows_none, sizeof shows_none});
    assert_false(dv_record_read(&in, &record));
}

static void an_update_is_at_most_twelve_bytes(void **state) {
    uint8_t bytes[64];
    slow_writer out = slow_writer_of(bytes, sizeof bytes);
    (void)state;
    assert_true(dv_record_write(&out, &samples[1]));
    assert_int_equal(slow_writer_size(&out), 12);
}

static void a_statement_names_who_when_and_which(void **state) {
    uint8_t one[DV_STATEMENT_MAX], other[DV_STATEMENT_MAX];
    char longest[SLOW_ID_MAX];
    (void)state;
    memset(longest, 'x', sizeof longest);
    size_t size = dv_statement(one, (slow_bytes){(const uint8_t *)longest, sizeof longest}, (struct dv_stamp){5, 1});
    assert_in_range(size, 1 + sizeof longest + 8, DV_STATEMENT_MAX);
    assert_int_equal(
        dv_statement(other, (slow_bytes){(const uint8_t *)longest, sizeof longest}, (struct dv_stamp){6, 1}), size);
    assert_memory_not_equal(one, other, size);
    assert_int_equal(
        dv_statement(other, (slow_bytes){(const uint8_t *)longest, sizeof longest}, (struct dv_stamp){5, 2}), size);
    assert_memory_not_equal(one, other, size);
    assert_int_not_equal(dv_statement(other, (slow_bytes){(const uint8_t *)longest, 62}, (struct dv_stamp){5, 1}),
                         size);
}

static void stamps_compare_as_one_number(void **state) {
    const struct dv_stamp rising[] = {{0, 0}, {0, UINT32_MAX}, {1, 0}, {1, 1}, {2, 0}, {DV_EPOCH_MAX, 0}};
    (void)state;
    for (size_t a = 0; a < 6; a++)
        for (size_t b = 0; b < 6; b++)
            assert_int_equal(dv_stamp_compare(rising[a], rising[b]) > 0, a > b);
    struct dv_stamp after = dv_stamp_next((struct dv_stamp){7, UINT32_MAX});
    assert_int_equal(after.epoch, 8);
    assert_int_equal(after.seq, 1);
    const struct dv_stamp largest = {DV_EPOCH_MAX, UINT32_MAX};
    assert_int_equal(dv_stamp_compare(dv_stamp_next(largest), largest), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_read_as_they_were_written), cmocka_unit_test(a_truncated_record_is_refused),
        cmocka_unit_test(a_record_without_room_leaves_no_trace), cmocka_unit_test(a_proof_that_is_none_is_refused),
        cmocka_unit_test(an_update_is_at_most_twelve_bytes),     cmocka_unit_test(a_statement_names_who_when_and_which),
        cmocka_unit_test(stamps_compare_as_one_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
