/* docs/vectors/pairs.json against the code that seals: vectors.py is the other reader of the same file. The AEAD is
 * libsodium's here, called as RFC 8439 has it; that security-noise does the same is shown by the published vectors. */
#include "core/id.h"
#include "core/sealed_wire.h"
#include "support/vectors.h"
#include <sodium.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static slow_id id_of(const json_t *v, const char *key) {
    slow_id id;
    const char *text = text_of(v, key);
    assert_true(sl_id_set(&id, (slow_bytes){(const uint8_t *)text, strlen(text)}));
    return id;
}

static bool is_record(const json_t *v, const char *record) {
    return strcmp(text_of(v, "record"), record) == 0;
}

/* Everything that its tag covers but the inside. */
typedef struct outside {
    slow_id src, dst;
    slow_package package;
    octets key, bytes;
    uint8_t nonce[12], ad_bytes[SL_SEALED_AD_MAX];
    slow_bytes ad;
} outside;

static void outside_of(const json_t *v, outside *o) {
    o->src = id_of(v, "src");
    o->dst = id_of(v, "dst");
    o->package = (slow_package){.src = sl_id_bytes(&o->src),
                                .dst = sl_id_bytes(&o->dst),
                                .session = hex64_of(v, "session"),
                                .packet = number_of(v, "packet")};
    o->key = octets_of(v, "key");
    o->bytes = octets_of(v, "bytes");
    memset(o->nonce, 0, sizeof o->nonce);
    for (int i = 0; i < 8; i++)
        o->nonce[4 + i] = (uint8_t)(o->package.packet >> 8 * i);
    o->ad = sl_sealed_ad(o->ad_bytes, &o->package);
}

static bool unsealed(const outside *o, uint8_t out[SL_SEALED_MAX], slow_bytes *inside) {
    unsigned long long size;
    if (crypto_aead_chacha20poly1305_ietf_decrypt(out, &size, NULL, o->bytes.data, o->bytes.size, o->ad.data,
                                                  o->ad.size, o->nonce, o->key.data) != 0)
        return false;
    *inside = (slow_bytes){out, (size_t)size};
    return true;
}

static uint8_t type_of(const json_t *f) {
    const char *type = text_of(f, "type");
    return strcmp(type, "json") == 0 ? SLOW_JSON : strcmp(type, "binary") == 0 ? SLOW_BINARY : SLOW_CONTROL;
}

static void sealed_is(const json_t *v, const char *name) {
    const json_t *f = json_object_get(v, "fields");
    octets payload = octets_of(f, "payload");
    uint8_t written[SL_INSIDE_MAX], bytes[SL_SEALED_MAX];
    slow_bytes inside;
    outside o;
    outside_of(v, &o);
    slow_package package = o.package, got = o.package;
    package.type = type_of(f);
    package.flags = (uint16_t)number_of(f, "flags");
    package.channel = (uint8_t)number_of(f, "channel");
    package.kind = (uint16_t)number_of(f, "kind");
    package.message = number_of(f, "message");
    package.offset = (uint32_t)number_of(f, "offset");
    package.total = (uint32_t)number_of(f, "total");
    package.payload = bytes_of(&payload);
    size_t size = sl_inside_write(written, &package);
    unsigned long long sealed_size;
    crypto_aead_chacha20poly1305_ietf_encrypt(bytes, &sealed_size, written, size, o.ad.data, o.ad.size, NULL, o.nonce,
                                              o.key.data);
    is_octets((slow_bytes){bytes, (size_t)sealed_size}, &o.bytes, name);
    assert_true(unsealed(&o, bytes, &inside));
    assert_true(sl_inside_read(inside, &got));
    is_field(got.flags, f, "flags", name);
    is_field(got.channel, f, "channel", name);
    is_field(got.kind, f, "kind", name);
    is_field(got.message, f, "message", name);
    is_field(got.offset, f, "offset", name);
    is_field(got.total, f, "total", name);
    is_number(got.type, package.type, "type", name);
    is_octets(got.payload, &payload, name);
}

static void pair_is(const json_t *v, const char *name) {
    const json_t *f = json_object_get(v, "fields");
    octets bytes = octets_of(v, "bytes");
    if (is_record(v, "SEALED")) {
        sealed_is(v, name);
    } else if (is_record(v, "PROLOGUE")) {
        uint8_t out[SL_PAIR_PROLOGUE_MAX];
        slow_id lower = id_of(f, "lower"), higher = id_of(f, "higher");
        assert_true(sl_id_compare(&lower, &higher) < 0);
        is_octets(
            sl_pair_prologue(out, text_of(f, "network"), &lower, &higher, hex64_of(f, "number"), hex64_of(f, "was")),
            &bytes, name);
    } else {
        uint8_t out[SL_PAIR_HELLO_MAX];
        octets credentials = octets_of(f, "credentials");
        sl_pair_hello hello = {hex64_of(f, "mine"), (uint32_t)number_of(f, "alone_ms"), bytes_of(&credentials)}, got;
        is_octets((slow_bytes){out, sl_pair_hello_write(out, &hello)}, &bytes, name);
        assert_true(sl_pair_hello_read(bytes_of(&bytes), &got));
        is_hex64(got.mine, f, "mine", name);
        is_field(got.alone_ms, f, "alone_ms", name);
        is_hex(got.credentials, f, "credentials", name);
    }
}

static void pair_is_refused(const json_t *v, const char *name) {
    uint8_t room[SL_SEALED_MAX];
    octets bytes = octets_of(v, "bytes");
    slow_bytes inside = bytes_of(&bytes);
    slow_package package;
    sl_pair_hello hello;
    outside o;
    bool taken;
    if (is_record(v, "SEALED")) {
        outside_of(v, &o);
        taken = unsealed(&o, room, &inside);
    } else if (is_record(v, "INSIDE")) {
        taken = sl_inside_read(inside, &package);
    } else {
        taken = sl_pair_hello_read(inside, &hello);
    }
    if (taken)
        fail_msg("%s: was taken", name);
}

static void what_pairs_say_unseen_is_as_specified(void **state) {
    (void)state;
    vectors_each("pairs", "accepted", pair_is);
    vectors_each("pairs", "refused", pair_is_refused);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_pairs_say_unseen_is_as_specified)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
