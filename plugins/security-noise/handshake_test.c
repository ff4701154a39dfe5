#include "handshake.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static const char *const NAMES[] = {
    "Noise_NN_25519_ChaChaPoly_SHA256",          "Noise_NNpsk0_25519_ChaChaPoly_SHA256",
    "Noise_NKpsk2_25519_ChaChaPoly_SHA256",      "Noise_KK_25519_ChaChaPoly_SHA256",
    "Noise_XKpsk3_25519_ChaChaPoly_SHA256",      "Noise_XX_25519_ChaChaPoly_SHA256",
    "Noise_XXpsk0_25519_ChaChaPoly_SHA256",      "Noise_XXpsk0+psk1+psk2+psk3_25519_ChaChaPoly_SHA256",
    "Noise_IKpsk0+psk2_25519_ChaChaPoly_SHA256", "Noise_IX_25519_ChaChaPoly_SHA256",
};
enum { NAMES_COUNT = sizeof NAMES / sizeof NAMES[0] };

static void draw(void *arg, uint8_t secret[NOISE_KEY_SIZE]) {
    uint8_t *next = arg;
    memset(secret, ++*next, NOISE_KEY_SIZE);
}

/* Two ends that know all that a pattern can want. */
struct ends {
    struct noise_protocol protocol;
    struct noise_keypair local[2];
    uint8_t psks[NOISE_PSKS][NOISE_KEY_SIZE], drawn;
    struct noise_setup setup[2];
    struct noise_handshake handshake[2];
};

static void ends_begin(struct ends *ends, const char *name) {
    *ends = (struct ends){.drawn = 100};
    assert_true(noise_protocol_of(name, &ends->protocol));
    for (int i = 0; i < NOISE_PSKS; i++)
        memset(ends->psks[i], 20 + i, NOISE_KEY_SIZE);
    size_t psk_count = 0;
    for (int place = 0; place < NOISE_PSKS; place++)
        psk_count += ends->protocol.psk_places >> place & 1;
    for (int i = 0; i < 2; i++) {
        uint8_t secret[NOISE_KEY_SIZE];
        memset(secret, 10 + i, sizeof secret);
        noise_keypair_of(&ends->local[i], secret);
    }
    for (int i = 0; i < 2; i++) {
        ends->setup[i] = (struct noise_setup){.protocol = &ends->protocol,
                                              .initiator = i == 0,
                                              .local = &ends->local[i],
                                              .remote = ends->local[1 - i].public,
                                              .psks = (const uint8_t(*)[NOISE_KEY_SIZE])ends->psks,
                                              .psk_count = psk_count,
                                              .draw = draw,
                                              .draw_arg = &ends->drawn};
        assert_int_equal(noise_handshake_begin(&ends->handshake[i], &ends->setup[i]), SLOW_OK);
    }
}

static void names_are_read_whole(void **state) {
    static const char *const bad[] = {
        "",
        "Noise_",
        "Noise__25519_ChaChaPoly_SHA256",
        "Noise_25519_ChaChaPoly_SHA256",
        "Noise_XX_25519_ChaChaPoly_SHA512",
        "Noise_XX_25519_AESGCM_SHA256",
        "Noise_XX_448_ChaChaPoly_SHA256",
        "Noise_ZZ_25519_ChaChaPoly_SHA256",
        "Noise_XXX_25519_ChaChaPoly_SHA256",
        "Noise_XXpsk_25519_ChaChaPoly_SHA256",
        "Noise_XXpsk4_25519_ChaChaPoly_SHA256",
        "Noise_NNpsk3_25519_ChaChaPoly_SHA256",
        "Noise_XXpsk0psk3_25519_ChaChaPoly_SHA256",
        "Noise_XXpsk0+psk0_25519_ChaChaPoly_SHA256",
        "Noise_XXpsk0+_25519_ChaChaPoly_SHA256",
        "Noise_XX+psk0_25519_ChaChaPoly_SHA256",
        "Noise_XXfallback_25519_ChaChaPoly_SHA256",
        "Noise_XX_25519_ChaChaPoly_SHA256 ",
        "Noise_XXpsk0+psk1+psk2+psk3+psk0+psk1_25519_ChaChaPoly_SHA256xxxxxxxxxxxxxxxx",
    };
    struct noise_protocol protocol;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (noise_protocol_of(bad[i], &protocol))
            fail_msg("\"%s\" was taken", bad[i]);
    assert_true(noise_protocol_of("Noise_XXpsk0+psk3_25519_ChaChaPoly_SHA256", &protocol));
    assert_string_equal(protocol.pattern->name, "XX");
    assert_int_equal(protocol.psk_places, 1 << 0 | 1 << 3);
}

static void a_handshake_without_a_key_it_needs_does_not_begin(void **state) {
    struct ends ends;
    struct noise_handshake handshake;
    (void)state;
    ends_begin(&ends, "Noise_XKpsk3_25519_ChaChaPoly_SHA256");
    struct noise_setup none = ends.setup[0];
    none.local = NULL;
    assert_int_equal(noise_handshake_begin(&handshake, &none), SLOW_E_INVAL);
    none = ends.setup[0];
    none.remote = NULL;
    assert_int_equal(noise_handshake_begin(&handshake, &none), SLOW_E_INVAL);
    none = ends.setup[0];
    none.psk_count = 0;
    assert_int_equal(noise_handshake_begin(&handshake, &none), SLOW_E_INVAL);
    none = ends.setup[1];
    none.local = NULL; /* the responder's, which the initiator knows */
    assert_int_equal(noise_handshake_begin(&handshake, &none), SLOW_E_INVAL);
    none = ends.setup[1];
    none.remote = NULL; /* the initiator's comes in a message */
    assert_int_equal(noise_handshake_begin(&handshake, &none), SLOW_OK);
}

/* Of any pattern, and down to the last byte of the state. */
static void what_fails_leaves_the_state_as_it_was(void **state) {
    (void)state;
    for (int n = 0; n < NAMES_COUNT; n++) {
        struct ends ends;
        ends_begin(&ends, NAMES[n]);
        for (int step = 0; step < ends.protocol.pattern->count; step++) {
            struct noise_handshake *from = &ends.handshake[step % 2], *to = &ends.handshake[1 - step % 2];
            struct noise_handshake was_from = *from, was_to = *to;
            const slow_bytes payload = {(const uint8_t *)"payload", 7};
            uint8_t out[256], got[256];
            size_t size = 0, got_size = 0, overhead = noise_handshake_overhead(from);
            assert_int_equal(noise_handshake_overhead(to), overhead);
            assert_int_equal(noise_handshake_write(from, payload, out, overhead + 6, &size), SLOW_E_NOSPACE);
            assert_int_equal(noise_handshake_write(to, payload, out, sizeof out, &size), SLOW_E_INVAL);
            assert_int_equal(noise_handshake_read(from, payload, got, &got_size), SLOW_E_INVAL);
            assert_memory_equal(from, &was_from, sizeof was_from);
            assert_int_equal(noise_handshake_write(from, payload, out, sizeof out, &size), SLOW_OK);
            assert_int_equal(size, overhead + 7);
            assert_int_equal(noise_handshake_read(to, (slow_bytes){out, overhead - 1}, got, &got_size),
                             SLOW_E_MALFORMED);
            if (from->symmetric.has_key) { /* there is a tag */
                out[size - 1] ^= 1;
                assert_int_equal(noise_handshake_read(to, (slow_bytes){out, size}, got, &got_size), SLOW_E_AUTH);
                out[size - 1] ^= 1;
            }
            assert_memory_equal(to, &was_to, sizeof was_to);
            assert_int_equal(noise_handshake_read(to, (slow_bytes){out, size}, got, &got_size), SLOW_OK);
            assert_int_equal(got_size, 7);
            assert_memory_equal(got, "payload", 7);
        }
        uint8_t keys[2][2][NOISE_KEY_SIZE];
        for (int i = 0; i < 2; i++) {
            assert_true(noise_handshake_done(&ends.handshake[i]));
            noise_handshake_split(&ends.handshake[i], keys[i][i], keys[i][1 - i]);
        }
        assert_memory_equal(keys[0], keys[1], sizeof keys[0]);
        assert_memory_not_equal(keys[0][0], keys[0][1], NOISE_KEY_SIZE);
    }
}

static void a_public_key_of_small_order_is_refused(void **state) {
    /* u = 0, 1, and one of order 8 (RFC 7748 and cr.yp.to/ecdh.html#validate). */
    static const uint8_t small[3][NOISE_KEY_SIZE] = {
        {0},
        {1},
        {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
         0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
    };
    (void)state;
    for (size_t i = 0; i < sizeof small / sizeof small[0]; i++) {
        struct ends ends;
        uint8_t out[256];
        size_t size;
        ends_begin(&ends, "Noise_NN_25519_ChaChaPoly_SHA256");
        assert_int_equal(noise_handshake_read(&ends.handshake[1], (slow_bytes){small[i], NOISE_KEY_SIZE}, out, &size),
                         SLOW_OK);
        struct noise_handshake was = ends.handshake[1];
        assert_int_equal(noise_handshake_write(&ends.handshake[1], (slow_bytes){NULL, 0}, out, sizeof out, &size),
                         SLOW_E_AUTH);
        assert_memory_equal(&ends.handshake[1], &was, sizeof was);
    }
}

static void a_message_has_at_most_65535_bytes(void **state) {
    static uint8_t zeros[NOISE_MESSAGE_MAX + 1], out[NOISE_MESSAGE_MAX + 1];
    struct ends ends;
    size_t size;
    (void)state;
    ends_begin(&ends, "Noise_NN_25519_ChaChaPoly_SHA256");
    size_t most = NOISE_MESSAGE_MAX - NOISE_KEY_SIZE;
    assert_int_equal(noise_handshake_write(&ends.handshake[0], (slow_bytes){zeros, most + 1}, out, sizeof out, &size),
                     SLOW_E_TOOBIG);
    assert_int_equal(noise_handshake_write(&ends.handshake[0], (slow_bytes){zeros, most}, out, sizeof out, &size),
                     SLOW_OK);
    assert_int_equal(noise_handshake_read(&ends.handshake[1], (slow_bytes){out, sizeof out}, zeros, &size),
                     SLOW_E_MALFORMED);
    assert_int_equal(noise_handshake_read(&ends.handshake[1], (slow_bytes){out, size}, zeros, &size), SLOW_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read_whole),
        cmocka_unit_test(a_handshake_without_a_key_it_needs_does_not_begin),
        cmocka_unit_test(what_fails_leaves_the_state_as_it_was),
        cmocka_unit_test(a_public_key_of_small_order_is_refused),
        cmocka_unit_test(a_message_has_at_most_65535_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
