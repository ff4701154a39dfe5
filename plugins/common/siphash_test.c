/* siphash_test.c - the published value, and libsodium as a second opinion for every size. */
#include "siphash.h"
#include <setjmp.h>
#include <sodium/crypto_shorthash.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* SipHash: a fast short-input PRF (2012), appendix A: the key 00 01 .. 0f, the input 00 01 .. 0e. */
static void the_papers_value_comes_out(void **state) {
    uint8_t key[SIPHASH_KEY], in[15];
    (void)state;
    for (uint8_t i = 0; i < sizeof key; i++)
        key[i] = i;
    memcpy(in, key, sizeof in);
    assert_true(siphash((slow_bytes){in, sizeof in}, key) == UINT64_C(0xa129ca6149be45e5));
}

static void libsodium_says_the_same_of_every_size(void **state) {
    uint8_t key[SIPHASH_KEY], in[256];
    (void)state;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i * 167 + 13);
    memcpy(key, in + 100, sizeof key);
    for (size_t size = 0; size <= sizeof in; size++) {
        uint64_t expected;
        crypto_shorthash((uint8_t *)&expected, in, size, key);
        assert_true(siphash((slow_bytes){in, size}, key) == expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_papers_value_comes_out),
        cmocka_unit_test(libsodium_says_the_same_of_every_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
