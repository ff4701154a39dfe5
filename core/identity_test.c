/* Keys as RFC 8032 has them, and files of secrets that nobody else may read. */
#include "identity.h"
#include "id.h"
#include <fcntl.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct rig {
    char folder[64], path[96];
} rig;

static int set_up(void **state) {
    rig *r = calloc(1, sizeof *r);
    strcpy(r->folder, "/tmp/slow-identity-XXXXXX");
    if (mkdtemp(r->folder) == NULL)
        return -1;
    snprintf(r->path, sizeof r->path, "%s/key", r->folder);
    *state = r;
    return sodium_init() < 0;
}

static int tear_down(void **state) {
    rig *r = *state;
    unlink(r->path);
    rmdir(r->folder);
    free(r);
    return 0;
}

static void put(const rig *r, const char *text, size_t size) {
    unlink(r->path);
    FILE *file = fopen(r->path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
    assert_int_equal(chmod(r->path, 0600), 0);
}

/* RFC 8032, 7.1, test 2. */
static const char seed_hex[] = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
static const char key_hex[] = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
static const char signature_hex[] = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e"
                                    "458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

static void unhex(uint8_t *out, size_t size, const char *hex) {
    size_t got;
    assert_int_equal(sodium_hex2bin(out, size, hex, strlen(hex), NULL, &got, NULL), 0);
    assert_int_equal(got, size);
}

static void make_identity(sl_identity *identity) {
    uint8_t seed[SL_KEY_SIZE];
    unhex(seed, sizeof seed, seed_hex);
    sl_identity_from_seed(identity, seed);
}

static void keys_and_signatures_are_those_of_the_rfc(void **state) {
    (void)state;
    sl_identity identity;
    uint8_t key[SL_KEY_SIZE], expected[SL_SIGNATURE_SIZE], signature[SL_SIGNATURE_SIZE];
    make_identity(&identity);
    unhex(key, sizeof key, key_hex);
    unhex(expected, sizeof expected, signature_hex);
    assert_memory_equal(identity.key.bytes, key, sizeof key);
    sl_identity_sign(&identity, (slow_bytes){(const uint8_t *)"r", 1}, signature);
    assert_memory_equal(signature, expected, sizeof expected);
    assert_true(sl_key_verify(&identity.key, (slow_bytes){(const uint8_t *)"r", 1}, signature));
    assert_false(sl_key_verify(&identity.key, (slow_bytes){(const uint8_t *)"s", 1}, signature));
    sl_identity_wipe(&identity);
    assert_true(sodium_is_zero(identity.secret, sizeof identity.secret));
}

/* S + L is the same scalar, written in another way: two signatures of one statement must not both be right. */
static void a_signature_that_is_not_canonical_is_refused(void **state) {
    (void)state;
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                      0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
    sl_identity identity;
    uint8_t signature[SL_SIGNATURE_SIZE];
    unsigned carry = 0;
    make_identity(&identity);
    sl_identity_sign(&identity, (slow_bytes){(const uint8_t *)"r", 1}, signature);
    for (size_t i = 0; i < 32; i++) {
        carry += (unsigned)signature[32 + i] + order[i];
        signature[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_false(sl_key_verify(&identity.key, (slow_bytes){(const uint8_t *)"r", 1}, signature));
}

/* With a key of order 1, 2, 4 or 8 some signatures are right for many statements. */
static void a_small_order_key_is_refused(void **state) {
    (void)state;
    static const char *const small[] = {
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* 0, not canonical */
    };
    for (size_t i = 0; i < sizeof small / sizeof small[0]; i++) {
        sl_key key, parsed;
        char text[SL_KEY_TEXT];
        uint8_t signature[SL_SIGNATURE_SIZE] = {1}; /* R = 1, S = 0 */
        unhex(key.bytes, sizeof key.bytes, small[i]);
        assert_false(sl_key_verify(&key, (slow_bytes){(const uint8_t *)"any", 3}, signature));
        sl_key_text(&key, text);
        assert_false(sl_key_parse(text, strlen(text), &parsed));
    }
}

static void a_key_comes_back_from_its_text(void **state) {
    (void)state;
    sl_identity identity;
    sl_key parsed;
    char text[SL_KEY_TEXT];
    make_identity(&identity);
    sl_key_text(&identity.key, text);
    assert_string_equal(text, "PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=");
    assert_true(sl_key_parse(text, strlen(text), &parsed) && sl_key_equal(&parsed, &identity.key));
    assert_false(sl_key_parse(text, strlen(text) - 1, &parsed));
    text[3] = '*';
    assert_false(sl_key_parse(text, strlen(text), &parsed));
}

/* The expected text comes from Python's hashlib and base64. */
static void a_fingerprint_is_an_id(void **state) {
    (void)state;
    sl_identity identity;
    slow_id id, checked;
    make_identity(&identity);
    sl_key_fingerprint(&identity.key, &id);
    assert_int_equal(id.size, SL_FINGERPRINT_SIZE);
    assert_true(sl_id_is(&id, (const uint8_t *)"n3e6svnbtor4t4zykaebud3d7jo7dxhy", SL_FINGERPRINT_SIZE));
    assert_true(sl_id_set(&checked, sl_id_bytes(&id)) && sl_id_equal(&checked, &id));
}

static void a_key_file_is_made_once_and_read_again(void **state) {
    const rig *r = *state;
    uint8_t made[SL_KEY_SIZE], again[SL_KEY_SIZE], read[SL_KEY_SIZE];
    sl_identity identity;
    slow_error error;
    struct stat info;
    mode_t mask = umask(0); /* however careless */
    assert_int_equal(sl_secret_make_key(r->path, made, &error), SLOW_OK);
    umask(mask);
    assert_int_equal(stat(r->path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(info.st_size, SL_KEY_TEXT);
    assert_int_equal(sl_secret_make_key(r->path, again, &error), SLOW_E_INVAL);
    assert_non_null(strstr(error.text, "never overwritten"));
    assert_non_null(strstr(error.text, r->path));
    assert_true(sodium_is_zero(again, sizeof again));
    assert_int_equal(sl_secret_read_key(r->path, "key", read, &error), SLOW_OK);
    assert_memory_equal(read, made, sizeof made);
    assert_int_equal(sl_identity_read(r->path, "identity", &identity, &error), SLOW_OK);
}

static void a_file_that_others_can_open_is_refused(void **state) {
    const rig *r = *state;
    static const mode_t modes[] = {0640, 0620, 0610, 0604, 0602, 0601, 0644, 0777};
    uint8_t key[SL_KEY_SIZE];
    char chmod_hint[160];
    slow_error error;
    snprintf(chmod_hint, sizeof chmod_hint, "chmod 600 %s", r->path);
    assert_int_equal(sl_secret_make_key(r->path, key, &error), SLOW_OK);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(r->path, modes[i]), 0);
        assert_int_equal(sl_secret_read_key(r->path, "key", key, &error), SLOW_E_INVAL);
        assert_non_null(strstr(error.text, chmod_hint));
    }
    assert_int_equal(chmod(r->path, 0400), 0);
    assert_int_equal(sl_secret_read_key(r->path, "key", key, &error), SLOW_OK);
}

static void what_is_no_regular_file_is_refused_at_once(void **state) {
    const rig *r = *state;
    uint8_t key[SL_KEY_SIZE];
    slow_error error;
    assert_int_equal(mkfifo(r->path, 0600), 0); /* with nobody at the other end */
    assert_int_equal(sl_secret_read_key(r->path, "key", key, &error), SLOW_E_INVAL);
    assert_non_null(strstr(error.text, "no regular file"));
    assert_int_equal(sl_secret_read_key(r->folder, "key", key, &error), SLOW_E_INVAL);
    assert_int_equal(sl_secret_read_key("/nowhere/at-all", "key", key, &error), SLOW_E_FAIL);
    assert_non_null(strstr(error.text, "No such file"));
}

static void what_is_no_key_is_refused(void **state) {
    const rig *r = *state;
    static const char key[] = "TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs=";
    static const char *const wrong[] = {
        "",
        "\n",
        "TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs",
        "TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs=\nTM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs=\n",
        "TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs=",
        "TM0Imyj/ltqdtsNG7BFO D1uKMZ81q6Yk2oz27U+4pvs=",
        "TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvt=", /* bits behind the end */
    };
    uint8_t out[SL_KEY_SIZE];
    char spaced[64], nul[64];
    slow_error error;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        put(r, wrong[i], strlen(wrong[i]));
        assert_int_equal(sl_secret_read_key(r->path, "network key", out, &error), SLOW_E_INVAL);
        assert_non_null(strstr(error.text, "no network key; expected 32 bytes in base64 on one line"));
        assert_null(strstr(error.text, "TM0I"));
    }
    memcpy(nul, key, sizeof key);
    put(r, nul, sizeof key); /* with the NUL */
    assert_int_equal(sl_secret_read_key(r->path, "key", out, &error), SLOW_E_INVAL);
    int size = snprintf(spaced, sizeof spaced, " \t%s \r\n\n", key);
    put(r, spaced, (size_t)size);
    assert_int_equal(sl_secret_read_key(r->path, "key", out, &error), SLOW_OK);
    char *large = calloc(1, 100000);
    put(r, large, 100000);
    free(large);
    assert_int_equal(sl_secret_read_key(r->path, "key", out, &error), SLOW_E_TOOBIG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_signatures_are_those_of_the_rfc),
        cmocka_unit_test(a_signature_that_is_not_canonical_is_refused),
        cmocka_unit_test(a_small_order_key_is_refused),
        cmocka_unit_test(a_key_comes_back_from_its_text),
        cmocka_unit_test(a_fingerprint_is_an_id),
        cmocka_unit_test_setup_teardown(a_key_file_is_made_once_and_read_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_others_can_open_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_regular_file_is_refused_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_key_is_refused, set_up, tear_down),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
