/* Whichever library did it: the same bytes, and the same refusals. Sizes are on both sides of NOISE_LARGE. */
#include "cipher.h"
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

void *__real_dlopen(const char *name, int flags);
void *__wrap_dlopen(const char *name, int flags);

/* What dlopen() was asked for, and whether it may find it. */
static struct {
    bool absent;
    unsigned asked;
} libraries;

void *__wrap_dlopen(const char *name, int flags) {
    libraries.asked++;
    return libraries.absent ? NULL : __real_dlopen(name, flags);
}

enum { MOST = 66000, AD = 40 };

static const size_t SIZES[] = {0,    1,    63,    64,    1000, NOISE_LARGE - 1, NOISE_LARGE, NOISE_LARGE + 1,
                               2047, 4096, 16384, 65535, MOST};
enum { SIZES_COUNT = sizeof SIZES / sizeof SIZES[0] };

typedef struct frame {
    size_t size, ad_size;
    uint64_t number;
    uint8_t key[NOISE_KEY_SIZE], ad[AD], tag[NOISE_TAG_SIZE], data[MOST];
} frame;

static frame *frame_new(size_t size, size_t ad_size) {
    uint8_t seed[randombytes_SEEDBYTES] = {(uint8_t)size, (uint8_t)(size >> 8), (uint8_t)ad_size};
    frame *f = calloc(1, sizeof *f);
    assert_non_null(f);
    randombytes_buf_deterministic(f, sizeof *f, seed);
    f->size = size;
    f->ad_size = ad_size;
    return f;
}

static void seal(struct noise_cipher *cipher, frame *f) {
    noise_cipher_seal(cipher, f->key, f->number, (slow_bytes){f->ad, f->ad_size}, f->data, f->size, f->tag);
}

static bool unseal(struct noise_cipher *cipher, frame *f) {
    return noise_cipher_unseal(cipher, f->key, f->number, (slow_bytes){f->ad, f->ad_size}, f->data, f->size, f->tag);
}

/* A fresh one, which is seen to have found libcrypto. */
static struct noise_cipher found(void) {
    struct noise_cipher cipher = {.try_openssl = true};
    frame *f = frame_new(NOISE_LARGE, 0);
    seal(&cipher, f);
    free(f);
    if (cipher.openssl == NULL) {
        print_message("SKIPPED: no libcrypto.so.3 on this machine\n");
        skip();
    }
    return cipher;
}

static void both_libraries_make_the_same_bytes(void **state) {
    (void)state;
    struct noise_cipher openssl = found(), sodium = {.try_openssl = false};
    for (size_t i = 0; i < SIZES_COUNT; i++)
        for (size_t ad = 0; ad <= AD; ad += 13) {
            frame *a = frame_new(SIZES[i], ad), *b = frame_new(SIZES[i], ad), *plain = frame_new(SIZES[i], ad);
            seal(&openssl, a);
            seal(&sodium, b);
            assert_memory_equal(a, b, sizeof *a); /* what lies behind the data, too */
            assert_true(unseal(&sodium, a) && unseal(&openssl, b));
            assert_memory_equal(a->data, plain->data, MOST);
            assert_memory_equal(b->data, plain->data, MOST);
            free(a);
            free(b);
            free(plain);
        }
    assert_null(sodium.openssl);
    noise_cipher_free(&openssl);
}

static void what_is_refused_is_as_it_was(void **state) {
    (void)state;
    struct noise_cipher openssl = found();
    frame *f = frame_new(4096, 16), *was = calloc(1, sizeof *was);
    assert_non_null(was);
    seal(&openssl, f);
    uint8_t *const places[] = {f->data,    f->data + 2000, f->data + 4095,       f->tag, f->tag + 15, f->ad,
                               f->ad + 15, f->key,         (uint8_t *)&f->number};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        *places[i] ^= 4;
        memcpy(was, f, sizeof *f);
        assert_false(unseal(&openssl, f));
        assert_memory_equal(f, was, sizeof *f);
        *places[i] ^= 4;
    }
    assert_true(unseal(&openssl, f));
    free(f);
    free(was);
    noise_cipher_free(&openssl);
}

static void small_frames_do_not_load_openssl(void **state) {
    (void)state;
    struct noise_cipher cipher = {.try_openssl = true};
    frame *f = frame_new(NOISE_LARGE - 1, 16);
    seal(&cipher, f);
    assert_true(unseal(&cipher, f));
    assert_true(cipher.try_openssl && cipher.openssl == NULL);
    free(f);
}

static void without_openssl_libsodium_does_it(void **state) {
    (void)state;
    struct noise_cipher cipher = {.try_openssl = true};
    frame *f = frame_new(16384, 16), *plain = frame_new(16384, 16);
    libraries.absent = true;
    libraries.asked = 0;
    for (int i = 0; i < 3; i++) {
        seal(&cipher, f);
        assert_memory_not_equal(f->data, plain->data, f->size);
        assert_true(unseal(&cipher, f));
        assert_memory_equal(f->data, plain->data, f->size);
    }
    libraries.absent = false;
    assert_null(cipher.openssl);
    assert_int_equal(libraries.asked, 1); /* not at every frame */
    free(f);
    free(plain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_libraries_make_the_same_bytes),
        cmocka_unit_test(what_is_refused_is_as_it_was),
        cmocka_unit_test(small_frames_do_not_load_openssl),
        cmocka_unit_test(without_openssl_libsodium_does_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
