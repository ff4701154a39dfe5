/* Certificates: what was signed is what is read, and nothing else is. */
#include "certificate.h"
#include "id.h"
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static sl_identity identity_of(uint8_t number) {
    sl_identity identity;
    const uint8_t seed[SL_KEY_SIZE] = {number};
    sl_identity_from_seed(&identity, seed);
    return identity;
}

static slow_id id_of(const char *text) {
    slow_id id;
    assert_true(sl_id_set(&id, (slow_bytes){(const uint8_t *)text, strlen(text)}));
    return id;
}

static sl_certificate certificate_of(const sl_identity *authority) {
    sl_certificate certificate = {.network = "plant",
                                  .id = id_of("alice"),
                                  .grant = {.key = identity_of(1).key,
                                            .roles = SL_ROLE_RELAY | SL_ROLE_ADMIN,
                                            .not_before = 1600000000,
                                            .not_after = 1700000000}};
    sl_certificate_sign(&certificate, authority);
    return certificate;
}

static void a_grant_is_for_its_network_its_id_and_its_authority(void **state) {
    (void)state;
    sl_identity authority = identity_of(9), other = identity_of(8);
    sl_certificate c = certificate_of(&authority);
    slow_id bob = id_of("bob"), tail = id_of("talice");
    assert_true(sl_grant_verify(&c.grant, "plant", &c.id, &authority.key));
    assert_false(sl_grant_verify(&c.grant, "office", &c.id, &authority.key));
    assert_false(sl_grant_verify(&c.grant, "plant", &bob, &authority.key));
    assert_false(sl_grant_verify(&c.grant, "plan", &tail, &authority.key)); /* the same letters, cut elsewhere */
    assert_false(sl_grant_verify(&c.grant, "plant", &c.id, &other.key));
    memcpy(c.grant.issuer, other.key.bytes, sizeof c.grant.issuer);
    assert_false(sl_grant_verify(&c.grant, "plant", &c.id, &other.key));
}

static void any_changed_bit_of_a_grant_is_noticed(void **state) {
    (void)state;
    sl_identity authority = identity_of(9);
    sl_certificate c = certificate_of(&authority);
    uint8_t bytes[SL_GRANT_SIZE];
    sl_grant read;
    sl_grant_write(&c.grant, bytes);
    assert_true(sl_grant_read((slow_bytes){bytes, sizeof bytes}, &read));
    assert_true(sl_grant_verify(&read, "plant", &c.id, &authority.key));
    for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(sl_grant_read((slow_bytes){bytes, sizeof bytes}, &read) &&
                     sl_grant_verify(&read, "plant", &c.id, &authority.key));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_false(sl_grant_read((slow_bytes){bytes, sizeof bytes - 1}, &read));
    assert_false(sl_grant_read((slow_bytes){NULL, 0}, &read));
}

static void roles_that_contradict_are_refused(void **state) {
    (void)state;
    sl_identity authority = identity_of(9);
    sl_certificate c = certificate_of(&authority);
    uint8_t bytes[SL_GRANT_SIZE];
    sl_grant read;
    for (unsigned roles = 0; roles < 256; roles++) {
        bool right = roles == SL_ROLE_LEAF || roles == SL_ROLE_RELAY || roles == (SL_ROLE_LEAF | SL_ROLE_ADMIN) ||
                     roles == (SL_ROLE_RELAY | SL_ROLE_ADMIN);
        c.grant.roles = (uint8_t)roles;
        sl_grant_write(&c.grant, bytes);
        assert_int_equal(sl_grant_read((slow_bytes){bytes, sizeof bytes}, &read), right);
    }
    c.grant.roles = SL_ROLE_LEAF;
    c.grant.not_after = c.grant.not_before - 1;
    sl_grant_write(&c.grant, bytes);
    assert_false(sl_grant_read((slow_bytes){bytes, sizeof bytes}, &read));
    assert_int_equal(sl_role_of("leaf"), SL_ROLE_LEAF);
    assert_int_equal(sl_role_of("Leaf"), 0);
    assert_string_equal(sl_role_name(SL_ROLE_ADMIN), "admin");
    assert_null(sl_role_name(3));
}

static void a_certificate_comes_back_from_its_text(void **state) {
    (void)state;
    sl_identity authority = identity_of(9);
    sl_certificate c = certificate_of(&authority), read;
    char text[SL_CERTIFICATE_TEXT_MAX], spaced[2 * SL_CERTIFICATE_TEXT_MAX];
    slow_error error;
    size_t size = sl_certificate_write(&c, text, sizeof text);
    assert_true(size > 0 && size == strlen(text));
    assert_int_equal(sl_certificate_parse(text, size, &read, &error), SLOW_OK);
    assert_memory_equal(&read.grant.signature, &c.grant.signature, SL_SIGNATURE_SIZE);
    assert_string_equal(read.network, "plant");
    assert_true(sl_id_equal(&read.id, &c.id));
    assert_true(sl_grant_verify(&read.grant, read.network, &read.id, &authority.key));
    assert_int_equal(sl_certificate_write(&c, text, size), 0);
    assert_int_equal(sl_certificate_write(&c, text, size + 1), size);
    size_t used = 0; /* as mail has it */
    spaced[used++] = '\n';
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\n')
            spaced[used++] = '\r';
        spaced[used++] = *at;
    }
    assert_int_equal(sl_certificate_parse(spaced, used, &read, &error), SLOW_OK);
}

static void the_largest_certificate_fits(void **state) {
    (void)state;
    sl_identity authority = identity_of(9);
    sl_certificate c = certificate_of(&authority), read;
    char text[SL_CERTIFICATE_TEXT_MAX];
    slow_error error;
    memset(c.network, 'n', 63);
    c.id = (slow_id){.size = 63};
    memset(c.id.text, 'i', 63);
    sl_certificate_sign(&c, &authority);
    size_t size = sl_certificate_write(&c, text, sizeof text);
    assert_true(size > 0);
    assert_int_equal(sl_certificate_parse(text, size, &read, &error), SLOW_OK);
    assert_true(sl_grant_verify(&read.grant, read.network, &read.id, &authority.key));
}

static void what_is_no_certificate_is_refused(void **state) {
    (void)state;
    sl_identity authority = identity_of(9);
    sl_certificate c = certificate_of(&authority), read;
    char text[SL_CERTIFICATE_TEXT_MAX + 64];
    slow_error error;
    size_t size = sl_certificate_write(&c, text, sizeof text);
    for (size_t cut = 0; cut < size - 1; cut++)
        assert_int_equal(sl_certificate_parse(text, cut, &read, &error), SLOW_E_INVAL);
    assert_int_equal(sl_certificate_parse(text + 1, size - 1, &read, &error), SLOW_E_INVAL);
    strcpy(text + size, "more");
    assert_int_equal(sl_certificate_parse(text, size + 4, &read, &error), SLOW_E_INVAL);
    static const char empty[] = "-----BEGIN SLOW CERTIFICATE----------END SLOW CERTIFICATE-----";
    assert_int_equal(sl_certificate_parse(empty, sizeof empty - 1, &read, &error), SLOW_E_INVAL);
    assert_non_null(strstr(error.text, "damaged"));
    c.id.text[0] = '\n'; /* no id */
    sl_certificate_sign(&c, &authority);
    size = sl_certificate_write(&c, text, sizeof text);
    assert_int_equal(sl_certificate_parse(text, size, &read, &error), SLOW_E_INVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grant_is_for_its_network_its_id_and_its_authority),
        cmocka_unit_test(any_changed_bit_of_a_grant_is_noticed),
        cmocka_unit_test(roles_that_contradict_are_refused),
        cmocka_unit_test(a_certificate_comes_back_from_its_text),
        cmocka_unit_test(the_largest_certificate_fits),
        cmocka_unit_test(what_is_no_certificate_is_refused),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
