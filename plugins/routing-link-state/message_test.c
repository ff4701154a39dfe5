/* What goes between neighbours is read as it was written, and nothing else is read. */
#include "message.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define LINKS     \
    "\x03"        \
    "bob\x00\x19" \
    "\x06\xc3\xa4lice\xff\xfe"

static const struct ls_record samples[] = {
    {.kind = LS_LSA,
     .fragment = 255,
     .age = 61,
     .stamp = {UINT64_C(1600000000123), 0xfffffffe},
     .id = {(const uint8_t *)"carol", 5},
     .proof = {(const uint8_t *)"proof", 5},
     .links = {(const uint8_t *)LINKS, sizeof LINKS - 1}},
    {.kind = LS_LSA, .stamp = {1, 1}, .id = {(const uint8_t *)"bob", 3}},
    {.kind = LS_STAMP, .fragment = 3, .stamp = {LS_EPOCH_MAX, 9}, .id = {(const uint8_t *)"bob", 3}},
    {.kind = LS_END},
    {.kind = LS_ASK},
    {.kind = LS_GO},
};
enum { SAMPLES = sizeof samples / sizeof samples[0] };

static void assert_same_bytes(slow_bytes a, slow_bytes b) {
    assert_int_equal(a.size, b.size);
    if (a.size > 0)
        assert_memory_equal(a.data, b.data, a.size);
}

static void assert_same(const struct ls_record *a, const struct ls_record *b) {
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->fragment, b->fragment);
    assert_int_equal(a->age, b->age);
    assert_int_equal(ls_stamp_compare(a->stamp, b->stamp), 0);
    assert_same_bytes(a->id, b->id);
    assert_same_bytes(a->proof, b->proof);
    assert_same_bytes(a->links, b->links);
}

static void records_are_read_as_they_were_written(void **state) {
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    slow_writer out = slow_writer_of(bytes, sizeof bytes);
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++)
        assert_true(ls_record_write(&out, &samples[i]));
    slow_reader in = slow_reader_of((slow_bytes){bytes, slow_writer_size(&out)});
    struct ls_record record;
    for (size_t i = 0; i < SAMPLES; i++) {
        assert_true(ls_record_read(&in, &record));
        assert_same(&record, &samples[i]);
    }
    assert_false(ls_record_read(&in, &record));
    assert_true(slow_reader_ok(&in));
}

static void a_truncated_record_is_refused(void **state) {
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        slow_writer out = slow_writer_of(bytes, sizeof bytes);
        assert_true(ls_record_write(&out, &samples[i]));
        for (size_t size = 1; size < slow_writer_size(&out); size++) {
            slow_reader in = slow_reader_of((slow_bytes){bytes, size});
            struct ls_record record;
            assert_false(ls_record_read(&in, &record));
            assert_false(slow_reader_ok(&in));
        }
    }
}

static void a_record_without_room_leaves_no_trace(void **state) {
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        slow_writer whole = slow_writer_of(bytes, sizeof bytes);
        assert_true(ls_record_write(&whole, &samples[i]));
        for (size_t room = 0; room < slow_writer_size(&whole); room++) {
            slow_writer out = slow_writer_of(bytes, room);
            assert_false(ls_record_write(&out, &samples[i]));
            assert_int_equal(slow_writer_size(&out), 0);
            assert_true(slow_writer_ok(&out));
        }
    }
}

/* A wrong link inside of right bytes. */
static void a_wrong_link_spoils_its_record(void **state) {
    static const struct {
        const char *bytes;
        size_t size;
    } wrong[] = {{"\x03"
                  "bob\x00\x00",
                  6},
                 {"\x03"
                  "bob\xff\xff",
                  6},
                 {"\x00\x00\x01", 3},
                 {"\x03"
                  "b\nb\x00\x19",
                  6},
                 {"\x03"
                  "bob\x00",
                  5},
                 {"\x04"
                  "bob\x00\x19",
                  6}};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
        struct ls_record record = samples[1];
        record.links = (slow_bytes){(const uint8_t *)wrong[i].bytes, wrong[i].size};
        slow_writer out = slow_writer_of(bytes, sizeof bytes);
        assert_true(ls_record_write(&out, &record));
        slow_reader in = slow_reader_of((slow_bytes){bytes, slow_writer_size(&out)});
        assert_false(ls_record_read(&in, &record));
        assert_false(slow_reader_ok(&in));
    }
}

/* The largest LSA there can be fits one message. */
static void the_largest_lsa_fits_a_message(void **state) {
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX], links[LS_LINKS_MAX], proof[LS_PROOF_MAX] = {0};
    char longest[SLOW_ID_MAX];
    slow_writer all = slow_writer_of(links, sizeof links), out = slow_writer_of(bytes, sizeof bytes);
    (void)state;
    memset(longest, 'x', sizeof longest);
    slow_bytes id = {(const uint8_t *)longest, sizeof longest};
    while (ls_link_write(&all, id, 1, false))
        ;
    struct ls_record record = {.kind = LS_LSA, .stamp = {1, 1}, .id = id, .proof = {proof, sizeof proof}};
    record.links = (slow_bytes){links, slow_writer_size(&all)};
    assert_in_range(record.links.size, LS_LINKS_MAX - (1 + SLOW_ID_MAX + 2), LS_LINKS_MAX);
    assert_true(ls_record_write(&out, &record));
    uint8_t statement[LS_STATEMENT_MAX];
    assert_in_range(ls_statement(statement, &record), record.links.size + sizeof longest, LS_STATEMENT_MAX);
}

static void a_statement_covers_all_but_age_and_proof(void **state) {
    uint8_t one[LS_STATEMENT_MAX], other[LS_STATEMENT_MAX];
    struct ls_record record = samples[0];
    (void)state;
    size_t size = ls_statement(one, &record);
    record.age++;
    record.proof.size = 0;
    assert_int_equal(ls_statement(other, &record), size);
    assert_memory_equal(one, other, size);
    struct ls_record differ[5] = {samples[0], samples[0], samples[0], samples[0], samples[0]};
    differ[0].fragment--;
    differ[1].stamp.epoch++;
    differ[2].stamp.seq++;
    differ[3].id = (slow_bytes){(const uint8_t *)"carot", 5};
    differ[4].links.size = 6;
    for (size_t i = 0; i < 5; i++) {
        size_t changed = ls_statement(other, &differ[i]);
        assert_true(changed != size || memcmp(one, other, size) != 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_read_as_they_were_written),
        cmocka_unit_test(a_truncated_record_is_refused),
        cmocka_unit_test(a_record_without_room_leaves_no_trace),
        cmocka_unit_test(a_wrong_link_spoils_its_record),
        cmocka_unit_test(the_largest_lsa_fits_a_message),
        cmocka_unit_test(a_statement_covers_all_but_age_and_proof),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
