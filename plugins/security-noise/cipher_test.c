/* Whichever library did it: the same bytes, and the same refusals. Sizes are on both sides of where engines are looked for. */
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

/* What dlopen() was asked for, and what alone it may find. */
static struct {
    const char *only; /* NULL: nothing */
    unsigned asked;
} libraries;

void *__wrap_dlopen(const char *name, int flags) {
    libraries.asked++;
    return libraries.only != NULL && strcmp(name, libraries.only) == 0 ? __real_dlopen(name, flags) : NULL;
}

static const char *const LIBRARIES[] = {"libIPSec_MB.so.1", "libcrypto.so.3"};
enum { LIBRARIES_COUNT = 2 };

enum { MOST = 66000, AD = 40 };

static const size_t SIZES[] = {0,    1,    15,   16,   17,   63,   64,   65,   255,   511,   1000,
                               1023, 1024, 1025, 1368, 2047, 2048, 2049, 4096, 16384, 65535, MOST};
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

/* A fresh one that has found this library and no other, and uses it from the first byte; or none: then it is said. */
static bool found(const char *library, struct noise_cipher *cipher) {
    frame *f = frame_new(MOST, 0);
    *cipher = (struct noise_cipher){.accelerate = true};
    libraries.only = library;
    seal(cipher, f);
    free(f);
    if (cipher->engine == NULL) {
        print_message("SKIPPED: %s is not on this machine, or of no use to its processor\n", library);
        return false;
    }
    cipher->engine->least = 0;
    return true;
}

static void all_libraries_make_the_same_bytes(void **state) {
    (void)state;
    struct noise_cipher fast, sodium = {.accelerate = false};
    for (size_t l = 0; l < LIBRARIES_COUNT; l++) {
        if (!found(LIBRARIES[l], &fast))
            continue;
        for (size_t i = 0; i < SIZES_COUNT; i++)
            for (size_t ad = 0; ad <= AD; ad += 8) {
                frame *a = frame_new(SIZES[i], ad), *b = frame_new(SIZES[i], ad), *plain = frame_new(SIZES[i], ad);
                seal(&fast, a);
                seal(&sodium, b);
                assert_memory_equal(a, b, sizeof *a); /* what lies behind the data, too */
                assert_true(unseal(&sodium, a) && unseal(&fast, b));
                assert_memory_equal(a->data, plain->data, MOST);
                assert_memory_equal(b->data, plain->data, MOST);
                free(a);
                free(b);
                free(plain);
            }
        noise_cipher_free(&fast);
    }
    assert_null(sodium.engine);
}

static void what_is_refused_is_as_it_was(void **state) {
    (void)state;
    struct noise_cipher fast;
    for (size_t l = 0; l < LIBRARIES_COUNT; l++) {
        if (!found(LIBRARIES[l], &fast))
            continue;
        frame *f = frame_new(4096, 16), *was = calloc(1, sizeof *was);
        assert_non_null(was);
        seal(&fast, f);
        uint8_t *const places[] = {f->data,    f->data + 2000, f->data + 4095,       f->tag, f->tag + 15, f->ad,
                                   f->ad + 15, f->key,         (uint8_t *)&f->number};
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            *places[i] ^= 4;
            memcpy(was, f, sizeof *f);
            assert_false(unseal(&fast, f));
            assert_memory_equal(f, was, sizeof *f);
            *places[i] ^= 4;
        }
        assert_true(unseal(&fast, f));
        free(f);
        free(was);
        noise_cipher_free(&fast);
    }
}

static void small_frames_load_no_library(void **state) {
    (void)state;
    struct noise_cipher cipher = {.accelerate = true};
    frame *f = frame_new(1023, 16);
    libraries.only = LIBRARIES[0];
    libraries.asked = 0;
    seal(&cipher, f);
    assert_true(unseal(&cipher, f));
    assert_int_equal(libraries.asked, 0);
    free(f);
}

static void a_full_datagram_does_not_load_openssl(void **state) {
    (void)state;
    struct noise_cipher cipher = {.accelerate = true};
    frame *f = frame_new(1368, 16);
    libraries.only = LIBRARIES[1];
    libraries.asked = 0;
    seal(&cipher, f);
    assert_int_equal(libraries.asked, 1);
    assert_null(cipher.engine);
    free(f);
}

static void without_any_libsodium_does_it(void **state) {
    (void)state;
    struct noise_cipher cipher = {.accelerate = true};
    frame *f = frame_new(16384, 16), *plain = frame_new(16384, 16);
    libraries.only = NULL;
    libraries.asked = 0;
    for (int i = 0; i < 3; i++) {
        seal(&cipher, f);
        assert_memory_not_equal(f->data, plain->data, f->size);
        assert_true(unseal(&cipher, f));
        assert_memory_equal(f->data, plain->data, f->size);
    }
    assert_null(cipher.engine);
    assert_int_equal(libraries.asked, LIBRARIES_COUNT); /* not at every frame */
    free(f);
    free(plain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_libraries_make_the_same_bytes), cmocka_unit_test(what_is_refused_is_as_it_was),
        cmocka_unit_test(small_frames_load_no_library),      cmocka_unit_test(a_full_datagram_does_not_load_openssl),
        cmocka_unit_test(without_any_libsodium_does_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
