#include "epochs.h"
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static const uint64_t EPOCH = UINT64_C(1) << NOISE_EPOCH_BITS;
static const slow_bytes NOTHING = {NULL, 0};

typedef struct frame {
    uint64_t number;
    uint8_t data[32], tag[NOISE_TAG_SIZE];
} frame;

static void both_begin(struct noise_epochs *send, struct noise_epochs *receive) {
    static const uint8_t key[NOISE_KEY_SIZE] = {1, 2, 3};
    noise_epochs_begin(send, key);
    noise_epochs_begin(receive, key);
}

static frame seal(struct noise_epochs *send, uint64_t number) {
    frame f = {.number = number, .data = "some text"};
    assert_true(noise_epochs_seal(send, &(struct noise_cipher){.accelerate = false}, number, NOTHING, f.data,
                                  sizeof f.data, f.tag));
    return f;
}

static bool opens(struct noise_epochs *receive, frame f) {
    bool good = noise_epochs_unseal(receive, &(struct noise_cipher){.accelerate = false}, f.number, NOTHING, f.data,
                                    sizeof f.data, f.tag);
    if (good)
        assert_string_equal(f.data, "some text");
    return good;
}

/* By libsodium alone: k = ENCRYPT(k, 2^64 - 1, nothing, 32 zeros), without its tag (Noise, section 4.2). */
static void the_key_of_an_epoch_is_that_of_noise(void **state) {
    (void)state;
    struct noise_epochs send, receive;
    uint8_t key[NOISE_KEY_SIZE] = {1, 2, 3}, expected[32];
    both_begin(&send, &receive);
    for (uint64_t epoch = 0; epoch < 5; epoch++) {
        const uint8_t zeros[32] = {0}, last[12] = {0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255};
        uint8_t nonce[12] = {0}, tag[16], next[32];
        uint64_t number = epoch * EPOCH + 77;
        for (int i = 0; i < 8; i++)
            nonce[4 + i] = (uint8_t)(number >> 8 * i);
        frame f = seal(&send, number), plain = {.data = "some text"};
        crypto_aead_chacha20poly1305_ietf_encrypt_detached(expected, tag, NULL, plain.data, sizeof plain.data, NULL, 0,
                                                           NULL, nonce, key);
        assert_memory_equal(f.data, expected, sizeof expected);
        assert_memory_equal(f.tag, tag, sizeof tag);
        crypto_aead_chacha20poly1305_ietf_encrypt_detached(next, tag, NULL, zeros, sizeof zeros, NULL, 0, NULL, last,
                                                           key);
        memcpy(key, next, sizeof key);
    }
}

static void one_past_epoch_is_kept(void **state) {
    (void)state;
    struct noise_epochs send, receive;
    both_begin(&send, &receive);
    frame first = seal(&send, 1), second = seal(&send, EPOCH), late = seal(&send, EPOCH - 1);
    frame third = seal(&send, 2 * EPOCH), last = seal(&send, 2 * EPOCH - 1);
    assert_true(opens(&receive, second));
    assert_true(opens(&receive, first) && opens(&receive, late));
    assert_true(opens(&receive, third));
    assert_true(opens(&receive, second) && opens(&receive, last));
    assert_false(opens(&receive, first) || opens(&receive, late));
    /* Nor does the sender have it any more: nothing is sealed with another key instead. */
    frame old = {.number = 2, .data = "some text"};
    const uint8_t zeros[sizeof old.data] = {0};
    assert_false(noise_epochs_seal(&send, &(struct noise_cipher){.accelerate = false}, old.number, NOTHING, old.data,
                                   sizeof old.data, old.tag));
    assert_memory_equal(old.data, zeros, sizeof old.data);
}

static void what_was_lost_in_between_does_not_matter(void **state) {
    (void)state;
    struct noise_epochs send, receive;
    both_begin(&send, &receive);
    frame before = {0}, f;
    for (uint64_t epoch = 1; epoch <= NOISE_EPOCHS_AHEAD + 1; epoch++)
        f = seal(&send, epoch * EPOCH);
    assert_false(opens(&receive, f)); /* 17 ahead */
    both_begin(&send, &receive);
    for (uint64_t epoch = 1; epoch <= NOISE_EPOCHS_AHEAD; epoch++) {
        before = f;
        f = seal(&send, epoch * EPOCH);
    }
    assert_true(opens(&receive, f));
    assert_int_equal(receive.epoch, NOISE_EPOCHS_AHEAD);
    assert_true(opens(&receive, before));
}

static void a_wrong_tag_moves_no_epoch(void **state) {
    (void)state;
    struct noise_epochs send, receive, was;
    both_begin(&send, &receive);
    frame first = seal(&send, 1), ahead = seal(&send, 3 * EPOCH);
    was = receive;
    ahead.tag[0] ^= 1;
    assert_false(opens(&receive, ahead));
    ahead.number = UINT64_MAX - 1;
    assert_false(opens(&receive, ahead));
    assert_memory_equal(&receive, &was, sizeof was);
    assert_true(opens(&receive, first));
}

/* The reserved number seals zeros into the next key: as a message's number it would hand that key out. */
static void the_number_of_rekey_is_never_used(void **state) {
    (void)state;
    struct noise_epochs send, receive;
    uint8_t zeros[32] = {0}, data[32] = {0}, tag[NOISE_TAG_SIZE];
    both_begin(&send, &receive);
    send.epoch = receive.epoch = NOISE_NUMBER_RESERVED >> NOISE_EPOCH_BITS;
    assert_false(noise_epochs_seal(&send, &(struct noise_cipher){.accelerate = false}, NOISE_NUMBER_RESERVED, NOTHING,
                                   data, sizeof data, tag));
    assert_memory_equal(data, zeros, sizeof data);
    noise_seal(receive.key, NOISE_NUMBER_RESERVED, NOTHING, data, sizeof data, tag);
    assert_false(noise_epochs_unseal(&receive, &(struct noise_cipher){.accelerate = false}, NOISE_NUMBER_RESERVED,
                                     NOTHING, data, sizeof data, tag));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_of_an_epoch_is_that_of_noise),     cmocka_unit_test(one_past_epoch_is_kept),
        cmocka_unit_test(what_was_lost_in_between_does_not_matter), cmocka_unit_test(a_wrong_tag_moves_no_epoch),
        cmocka_unit_test(the_number_of_rekey_is_never_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
