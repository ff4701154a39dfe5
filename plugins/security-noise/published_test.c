/* The published vectors of Noise (cacophony, snow, noise-c), byte for byte: every handshake message as both ends write and
 * read it, the handshake's hash where the vector has it, and the messages after it by the keys of the epochs. */
#include "epochs.h"
#include "handshake.h"
#include "tests/support/published.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* One end, with the keys of a vector. */
struct end {
    struct noise_handshake handshake;
    struct noise_epochs send, receive;
    uint64_t sent, received;
    octets ephemeral;
    struct noise_keypair pair;
    uint8_t psks[NOISE_PSKS][NOISE_KEY_SIZE];
};

static void draw(void *arg, uint8_t secret[NOISE_KEY_SIZE]) {
    const struct end *end = arg;
    assert_int_equal(end->ephemeral.size, NOISE_KEY_SIZE);
    memcpy(secret, end->ephemeral.data, NOISE_KEY_SIZE);
}

/* A member that may be missing, as "init" or "resp" and its name. */
static bool member(const json_t *vector, bool initiator, const char *what, octets *out) {
    char key[64];
    snprintf(key, sizeof key, "%s_%s", initiator ? "init" : "resp", what);
    const char *text = json_string_value(json_object_get(vector, key));
    *out = hex(text != NULL ? text : "");
    return text != NULL;
}

static void begin(struct end *end, const json_t *vector, const struct noise_protocol *protocol, bool initiator) {
    octets prologue, local, remote;
    *end = (struct end){.sent = 0};
    struct noise_setup setup = {.protocol = protocol, .initiator = initiator, .draw = draw, .draw_arg = end};
    member(vector, initiator, "prologue", &prologue);
    member(vector, initiator, "ephemeral", &end->ephemeral);
    setup.prologue = bytes_of(&prologue);
    if (member(vector, initiator, "static", &local)) {
        noise_keypair_of(&end->pair, local.data);
        setup.local = &end->pair;
    }
    if (member(vector, initiator, "remote_static", &remote))
        setup.remote = remote.data;
    const json_t *list = json_object_get(vector, initiator ? "init_psks" : "resp_psks");
    setup.psk_count = json_array_size(list);
    assert_true(setup.psk_count <= NOISE_PSKS);
    for (size_t i = 0; i < setup.psk_count; i++) {
        octets psk = hex(json_string_value(json_array_get(list, i)));
        assert_int_equal(psk.size, NOISE_KEY_SIZE);
        memcpy(end->psks[i], psk.data, NOISE_KEY_SIZE);
    }
    setup.psks = (const uint8_t(*)[NOISE_KEY_SIZE])end->psks;
    assert_int_equal(noise_handshake_begin(&end->handshake, &setup), SLOW_OK);
}

static void handshake_message(struct end *from, struct end *to, const octets *payload, const octets *expected,
                              const char *name) {
    uint8_t out[VECTOR_MAX], got[VECTOR_MAX];
    size_t size = 0;
    assert_true(noise_handshake_writes(&from->handshake) && !noise_handshake_writes(&to->handshake));
    assert_int_equal(noise_handshake_overhead(&from->handshake), expected->size - payload->size);
    assert_int_equal(noise_handshake_write(&from->handshake, bytes_of(payload), out, sizeof out, &size), SLOW_OK);
    is_octets((slow_bytes){out, size}, expected, name);
    assert_int_equal(noise_handshake_read(&to->handshake, bytes_of(expected), got, &size), SLOW_OK);
    is_octets((slow_bytes){got, size}, payload, name);
}

static void split(struct end *end) {
    uint8_t send[NOISE_KEY_SIZE], receive[NOISE_KEY_SIZE];
    noise_handshake_split(&end->handshake, send, receive);
    noise_epochs_begin(&end->send, send);
    noise_epochs_begin(&end->receive, receive);
}

static void transport_message(struct end *from, struct end *to, const octets *payload, const octets *expected,
                              const char *name) {
    const slow_bytes nothing = {NULL, 0};
    octets sealed = *payload, opened = *expected;
    assert_int_equal(expected->size, payload->size + NOISE_TAG_SIZE);
    assert_true(noise_epochs_seal(&from->send, &(struct noise_cipher){.accelerate = false}, from->sent++, nothing,
                                  sealed.data, payload->size, sealed.data + payload->size));
    sealed.size += NOISE_TAG_SIZE;
    is_octets(bytes_of(&sealed), expected, name);
    assert_true(noise_epochs_unseal(&to->receive, &(struct noise_cipher){.accelerate = false}, to->received++, nothing,
                                    opened.data, payload->size, opened.data + payload->size));
    opened.size -= NOISE_TAG_SIZE;
    is_octets(bytes_of(&opened), payload, name);
}

static void vector_holds(const json_t *vector, const struct noise_protocol *protocol) {
    struct end initiator, responder;
    size_t i;
    json_t *messages = json_object_get(vector, "messages"), *message;
    begin(&initiator, vector, protocol, true);
    begin(&responder, vector, protocol, false);
    assert_true(json_array_size(messages) > protocol->pattern->count);
    json_array_foreach(messages, i, message) {
        octets payload = octets_of(message, "payload"), expected = octets_of(message, "ciphertext");
        bool ours = i % 2 == 0 || protocol->pattern->count == 1;
        struct end *from = ours ? &initiator : &responder, *to = ours ? &responder : &initiator;
        if (i < protocol->pattern->count)
            handshake_message(from, to, &payload, &expected, protocol->name);
        else
            transport_message(from, to, &payload, &expected, protocol->name);
        if (i + 1 != protocol->pattern->count)
            continue;
        assert_true(noise_handshake_done(&initiator.handshake) && noise_handshake_done(&responder.handshake));
        assert_memory_equal(initiator.handshake.symmetric.hash, responder.handshake.symmetric.hash, NOISE_HASH_SIZE);
        if (json_object_get(vector, "handshake_hash") != NULL)
            is_hex((slow_bytes){initiator.handshake.symmetric.hash, NOISE_HASH_SIZE}, vector, "handshake_hash",
                   protocol->name);
        split(&initiator);
        split(&responder);
    }
}

static const char *name_of(const json_t *vector) {
    const char *name = json_string_value(json_object_get(vector, "protocol_name"));
    return name != NULL ? name : text_of(vector, "name");
}

/* The part between "Noise_" and "_25519". */
static bool is_modified_pattern(const char *name, const char *pattern) {
    size_t size = strlen(pattern);
    return strncmp(name, "Noise_", 6) == 0 && strncmp(name + 6, pattern, size) == 0 && name[6 + size] == '_';
}

static void every_published_vector_of_our_ciphers_holds(void **state) {
    (void)state;
    static const char *const files[] = {"cacophony",     "cacophony-extra", "snow",
                                        "snow-multipsk", "noise-c-basic",   "noise-c-cacophony"};
    static const char *const musts[] = {"XX", "IK", "XXpsk3", "NNpsk0", "XXpsk0+psk3"};
    unsigned held = 0, ours = 0, seen[sizeof musts / sizeof musts[0]] = {0};
    for (size_t f = 0; f < sizeof files / sizeof files[0]; f++) {
        char path[128];
        size_t i;
        snprintf(path, sizeof path, "noise-vectors/%s.json", files[f]);
        json_t *file = published_open(path), *vector;
        json_array_foreach(json_object_get(file, "vectors"), i, vector) {
            struct noise_protocol protocol;
            const char *name = name_of(vector);
            if (strstr(name, "_25519_ChaChaPoly_SHA256") == NULL)
                continue;
            ours++;
            if (!noise_protocol_of(name, &protocol)) {
                print_message("no pattern for %s, %s\n", path, name);
                continue;
            }
            vector_holds(vector, &protocol);
            held++;
            print_message("holds: %s, %s\n", path, name);
            for (size_t m = 0; m < sizeof musts / sizeof musts[0]; m++)
                seen[m] += is_modified_pattern(name, musts[m]);
        }
        json_decref(file);
    }
    print_message("%u of %u published vectors with 25519, ChaChaPoly and SHA256 hold\n", held, ours);
    for (size_t m = 0; m < sizeof musts / sizeof musts[0]; m++)
        if (seen[m] == 0)
            fail_msg("no vector of %s was run", musts[m]);
    assert_int_equal(held, ours);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_published_vector_of_our_ciphers_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
