/* The inside of a sealed package: what is written is read, the longest fits, and any bytes are either refused or written
 * back the same. The bytes themselves are held by docs/vectors. */
#include "sealed_wire.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void the_longest_inside_fits_into_every_package(void **state) {
    static uint8_t payload[SLOW_PAYLOAD_MAX], out[SL_INSIDE_MAX];
    (void)state;
    slow_package package = {.type = SLOW_CONTROL,
                            .kind = 0xffff,
                            .channel = SLOW_CHANNELS - 1,
                            .flags = SLOW_RELIABLE | SLOW_LATEST,
                            .message = SLOW_NUMBER_MAX,
                            .offset = UINT32_MAX - SLOW_PAYLOAD_MAX,
                            .total = UINT32_MAX,
                            .payload = {payload, sizeof payload}};
    size_t size = sl_inside_write(out, &package);
    assert_int_equal(size, SL_INSIDE_MAX);
    assert_true(size + SL_SEAL_TAG_MAX <= SL_SEALED_MAX);
    slow_package got = {.type = 0};
    assert_true(sl_inside_read((slow_bytes){out, size}, &got));
    assert_int_equal(got.message, SLOW_NUMBER_MAX);
    assert_int_equal(got.total, UINT32_MAX);
}

static void what_could_not_be_read_is_not_written(void **state) {
    uint8_t out[SL_INSIDE_MAX];
    static const uint8_t bytes[SLOW_PAYLOAD_MAX + 1];
    (void)state;
    const slow_package good = {.type = SLOW_BINARY, .message = 1, .total = 4, .payload = {bytes, 4}};
    assert_true(sl_inside_write(out, &good) > 0);
    slow_package bad[5];
    for (int i = 0; i < 5; i++)
        bad[i] = good;
    bad[0].type = SLOW_SEALED;
    bad[1].channel = SLOW_CHANNELS;
    bad[2].message = SLOW_NUMBER_MAX + 1;
    bad[3].total = 3;
    bad[4].payload.size = bad[4].total = sizeof bytes;
    for (int i = 0; i < 5; i++)
        assert_int_equal(sl_inside_write(out, &bad[i]), 0);
}

/* Of all that begins so, what is read is written back, but for varints that were longer than need be. */
static void any_first_bytes_are_refused_or_come_back(void **state) {
    uint8_t out[SL_INSIDE_MAX];
    uint32_t taken = 0;
    (void)state;
    for (uint32_t head = 0; head < 256; head++)
        for (uint32_t second = 0; second < 256; second++) {
            const uint8_t bytes[] = {(uint8_t)head, (uint8_t)second, 5, 1, 0, 9, 0xaa, 0xbb};
            slow_package package = {.type = 0};
            if (!sl_inside_read((slow_bytes){bytes, sizeof bytes}, &package))
                continue;
            taken++;
            assert_int_equal(sl_inside_write(out, &package), sizeof bytes);
            assert_memory_equal(out, bytes, sizeof bytes);
        }
    assert_int_equal(taken, 3 * 8 * 64);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_inside_fits_into_every_package),
        cmocka_unit_test(what_could_not_be_read_is_not_written),
        cmocka_unit_test(any_first_bytes_are_refused_or_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
