/* Project Wycheproof's vectors through the plugin's own doors to libsodium: what is valid passes, what is invalid is refused.
 * Of X25519 the "acceptable" ones are judged as well: a shared secret of zeros is refused, any other (public keys that are
 * not canonical, or on the twist) has to be right, as RFC 7748 says. Ed25519 is the core's, for identities; its vectors
 * stand here because it comes from the same library. */
#include "engine.h"
#include "tests/support/published.h"
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* Calls `holds` for each test of a file, and prints how many of each result held. */
static void each(const char *path, bool (*holds)(const json_t *group, const json_t *test, const char *result)) {
    static const char *const results[] = {"valid", "invalid", "acceptable"};
    unsigned count[3] = {0}, held[3] = {0};
    size_t g, t;
    json_t *file = published_open(path), *group, *test;
    json_array_foreach(json_object_get(file, "testGroups"), g, group) {
        json_array_foreach(json_object_get(group, "tests"), t, test) {
            const char *result = text_of(test, "result");
            size_t kind = strcmp(result, results[0]) == 0 ? 0 : strcmp(result, results[1]) == 0 ? 1 : 2;
            assert_string_equal(result, results[kind]);
            count[kind]++;
            if (holds(group, test, result))
                held[kind]++;
            else
                print_message("%s: test %u (%s, %s) does not hold\n", path, (unsigned)number_of(test, "tcId"), result,
                              text_of(test, "comment"));
        }
    }
    unsigned all = (unsigned)number_of(file, "numberOfTests");
    json_decref(file);
    print_message("%s: valid %u of %u, invalid %u of %u, acceptable %u of %u\n", path, held[0], count[0], held[1],
                  count[1], held[2], count[2]);
    assert_int_equal(count[0] + count[1] + count[2], all);
    assert_int_equal(held[0] + held[1] + held[2], all);
}

/* By one library's doors; with a nonce of another length there is no way in. */
static bool aead_holds_by(struct noise_engine *engine, const json_t *test, bool valid) {
    octets key = octets_of(test, "key"), nonce = octets_of(test, "iv"), aad = octets_of(test, "aad");
    octets plain = octets_of(test, "msg"), sealed = octets_of(test, "ct"), tag = octets_of(test, "tag"), work = sealed;
    uint8_t made[NOISE_TAG_SIZE];
    slow_bytes ad = bytes_of(&aad);
    if (nonce.size != NOISE_NONCE_SIZE)
        return !valid;
    bool good = engine == NULL ? noise_aead_unseal(key.data, nonce.data, ad, work.data, work.size, tag.data)
                               : engine->unseal(engine, key.data, nonce.data, ad, work.data, work.size, tag.data);
    if (good != valid)
        return false;
    if (!valid)
        return memcmp(work.data, sealed.data, sealed.size) == 0;
    if (memcmp(work.data, plain.data, plain.size) != 0)
        return false;
    if (engine == NULL)
        noise_aead_seal(key.data, nonce.data, ad, work.data, work.size, made);
    else
        engine->seal(engine, key.data, nonce.data, ad, work.data, work.size, made);
    return memcmp(work.data, sealed.data, sealed.size) == 0 && memcmp(made, tag.data, sizeof made) == 0;
}

/* libsodium, and each engine that is on this machine. */
static bool aead_holds(const json_t *group, const json_t *test, const char *result) {
    struct noise_engine *const engines[] = {NULL, noise_engine_ipsec_mb(), noise_engine_openssl()};
    bool holds = true;
    (void)group;
    for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++) {
        if (i == 0 || engines[i] != NULL)
            holds = aead_holds_by(engines[i], test, strcmp(result, "valid") == 0) && holds;
        if (engines[i] != NULL)
            engines[i]->free(engines[i]);
    }
    return holds;
}

static bool dh_holds(const json_t *group, const json_t *test, const char *result) {
    octets secret = octets_of(test, "private"), public = octets_of(test, "public"), shared = octets_of(test, "shared");
    uint8_t got[NOISE_KEY_SIZE];
    (void)group;
    (void)result;
    if (!noise_dh(secret.data, public.data, got))
        return sodium_is_zero(shared.data, shared.size);
    return !sodium_is_zero(shared.data, shared.size) && memcmp(got, shared.data, sizeof got) == 0;
}

static bool signature_holds(const json_t *group, const json_t *test, const char *result) {
    octets key = octets_of(json_object_get(group, "publicKey"), "pk");
    octets message = octets_of(test, "msg"), signature = octets_of(test, "sig");
    bool good = signature.size == crypto_sign_BYTES &&
                crypto_sign_verify_detached(signature.data, message.data, message.size, key.data) == 0;
    return good == (strcmp(result, "valid") == 0);
}

static void chacha20_poly1305_is_as_wycheproof_says(void **state) {
    (void)state;
    each("wycheproof/chacha20_poly1305_test.json", aead_holds);
}

static void x25519_is_as_wycheproof_says(void **state) {
    (void)state;
    each("wycheproof/x25519_test.json", dh_holds);
}

static void ed25519_is_as_wycheproof_says(void **state) {
    (void)state;
    each("wycheproof/ed25519_test.json", signature_holds);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chacha20_poly1305_is_as_wycheproof_says),
        cmocka_unit_test(x25519_is_as_wycheproof_says),
        cmocka_unit_test(ed25519_is_as_wycheproof_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
