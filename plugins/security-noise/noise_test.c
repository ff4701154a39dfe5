/* What only security-noise has, beside what slow-conform asks of every security plugin: the network key, the size of a message, and
 * that nothing is left in memory that was given back. */
#include "crypto.h"
#include "tests/support/security_host.h"
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

const slow_module *slow_module_v1_security_noise(void);
void __real_free(void *);
void __wrap_free(void *);

/* The plugin's options, in the order of its table. */
struct config {
    const char *network_key;
    bool accelerate;
};

#define KEY "q7f8kYBzCmV3cZb1JEJ6yG8eWmU1nRZcVhT0bJv1x2E="
#define OTHER_KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static const slow_plugin *plugin(void) {
    return slow_module_v1_security_noise()->plugins[0];
}

/* ---- memory that was given back ---- */

/* While a test watches: blocks that were freed, and those of them that still held something. */
static struct {
    bool on;
    size_t freed, unwiped;
} watch;

void __wrap_free(void *memory) {
    if (memory != NULL && watch.on) {
        enum { ALLOCATOR = 16 }; /* bytes at the end that nobody may have asked for */
        const uint8_t *bytes = memory;
        size_t size = malloc_usable_size(memory), used = 0;
        for (size_t i = 0; i + ALLOCATOR < size; i++)
            used += bytes[i] != 0;
        watch.freed++;
        watch.unwiped += used > 0;
    }
    __real_free(memory);
}

static void step_by(suite_end *ends, slow_session *const sessions[2], int step) {
    uint8_t message[256];
    const slow_bytes claim = {(const uint8_t *)"a claim of some length", 22};
    size_t size;
    bool done;
    slow_bytes payload, key;
    slow_session *from = sessions[step % 2], *to = sessions[1 - step % 2];
    assert_int_equal(ends[0].ops->write(from, claim, message, sizeof message, &size, &done), SLOW_OK);
    message[0] ^= 1;
    assert_true(ends[0].ops->read(to, (slow_bytes){message, size}, &payload, &key, &done) < 0);
    message[0] ^= 1;
    assert_int_equal(ends[0].ops->read(to, (slow_bytes){message, size}, &payload, &key, &done), SLOW_OK);
}

static void all_memory_is_wiped_before_it_is_given_back(void **state) {
    const struct config config = {OTHER_KEY, true};
    suite_end ends[2];
    (void)state;
    for (int steps = 0; steps <= 3; steps++) { /* whenever the session ends */
        slow_session *sessions[2];
        slow_error error;
        for (int i = 0; i < 2; i++) {
            assert_int_equal(suite_end_begin(&ends[i], plugin(), &config, 70 + (uint64_t)i, &error), SLOW_OK);
            assert_int_equal(ends[i].ops->open(ends[i].self, i == 0, (slow_bytes){NULL, 0}, &sessions[i], &error),
                             SLOW_OK);
        }
        watch.on = true;
        watch.freed = watch.unwiped = 0;
        for (int step = 0; step < steps; step++)
            step_by(ends, sessions, step);
        for (int i = 0; i < 2; i++) {
            ends[i].ops->close(sessions[i]);
            ends[i].plugin->destroy(ends[i].self);
        }
        watch.on = false;
        assert_true(watch.freed >= 4); /* the two instances are libsodium's to wipe */
        assert_int_equal(watch.unwiped, 0);
    }
}

/* A session begins with keys of zeros, which anybody has. */
static void a_session_without_keys_opens_nothing(void **state) {
    const struct config config = {KEY, true};
    const uint8_t zeros[NOISE_KEY_SIZE] = {0};
    uint8_t data[4] = "abc", tag[NOISE_TAG_SIZE];
    suite_end end;
    slow_session *session;
    (void)state;
    assert_int_equal(suite_end_begin(&end, plugin(), &config, 80, NULL), SLOW_OK);
    assert_int_equal(end.ops->open(end.self, false, (slow_bytes){NULL, 0}, &session, NULL), SLOW_OK);
    noise_seal(zeros, 1, (slow_bytes){NULL, 0}, data, sizeof data, tag);
    assert_int_equal(end.ops->unseal(session, 1, (slow_bytes){NULL, 0}, data, sizeof data, tag), SLOW_E_INVAL);
    end.ops->close(session);
    suite_end_free(&end);
}

/* ---- the network key ---- */

static void a_network_key_is_32_bytes_in_base64(void **state) {
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {NULL, true},
        {KEY, true},
        {" " KEY "\n", true},
        {"", false},
        {"secret-canary", false},
        {"q7f8kYBzCmV3cZb1JEJ6yG8eWmU1nRZcVhT0bJv1xw==", false},
        {"q7f8kYBzCmV3cZb1JEJ6yG8eWmU1nRZcVhT0bJv1x2Hx", false},
        {KEY KEY, false},
        {"q7f8kYBzCmV3cZb1JEJ6yG8eWmU1nRZcVhT0bJv1x2E", false},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct config config = {cases[i].text, true};
        suite_end end;
        slow_error error = {.code = SLOW_OK};
        slow_status status = suite_end_begin(&end, plugin(), &config, 50, &error);
        assert_int_equal(status, cases[i].good ? SLOW_OK : SLOW_E_INVAL);
        if (status == SLOW_OK) {
            suite_end_free(&end);
            continue;
        }
        assert_string_equal(error.where, "network_key");
        assert_non_null(strstr(error.text, "base64"));
        assert_null(strstr(error.text, "canary")); /* nothing of a secret is shown */
        assert_null(strstr(error.text, "q7f8"));
    }
}

/* ---- sizes ---- */

static void a_message_has_at_most_4096_bytes(void **state) {
    enum { MOST = 4096 };
    static const uint8_t zeros[MOST + 1];
    const struct config config = {KEY, true};
    suite_end end;
    slow_session *initiator, *responder;
    slow_error error;
    slow_bytes payload, key;
    uint8_t *out = malloc(2 * MOST);
    size_t size;
    bool done;
    (void)state;
    assert_non_null(out);
    assert_int_equal(suite_end_begin(&end, plugin(), &config, 60, &error), SLOW_OK);
    assert_int_equal(end.ops->open(end.self, true, (slow_bytes){NULL, 0}, &initiator, &error), SLOW_OK);
    assert_int_equal(end.ops->open(end.self, false, (slow_bytes){NULL, 0}, &responder, &error), SLOW_OK);
    size_t most = MOST - 32 - 16;
    assert_int_equal(end.ops->write(initiator, (slow_bytes){zeros, most + 1}, out, (size_t)2 * MOST, &size, &done),
                     SLOW_E_TOOBIG);
    assert_int_equal(end.ops->write(initiator, (slow_bytes){zeros, SIZE_MAX}, out, (size_t)2 * MOST, &size, &done),
                     SLOW_E_TOOBIG);
    assert_int_equal(end.ops->write(initiator, (slow_bytes){zeros, most}, out, (size_t)2 * MOST, &size, &done),
                     SLOW_OK);
    assert_int_equal(size, MOST);
    assert_int_equal(end.ops->read(responder, (slow_bytes){zeros, MOST + 1}, &payload, &key, &done), SLOW_E_MALFORMED);
    assert_int_equal(end.ops->read(responder, (slow_bytes){out, MOST}, &payload, &key, &done), SLOW_OK);
    assert_int_equal(payload.size, most);
    end.ops->close(initiator);
    end.ops->close(responder);
    suite_end_free(&end);
    free(out);
}

/* ---- prologues, of which the last one's handshake is kept ---- */

/* A responder that began another handshake, with the prologue `before`, just before. */
static slow_status first_message(suite_end *end, slow_bytes of_initiator, slow_bytes before, slow_bytes of_responder) {
    slow_session *initiator, *earlier, *responder;
    slow_bytes payload, key;
    uint8_t message[64];
    size_t size;
    bool done;
    assert_int_equal(end->ops->open(end->self, true, of_initiator, &initiator, NULL), SLOW_OK);
    assert_int_equal(end->ops->open(end->self, false, before, &earlier, NULL), SLOW_OK);
    assert_int_equal(end->ops->open(end->self, false, of_responder, &responder, NULL), SLOW_OK);
    assert_int_equal(end->ops->write(initiator, (slow_bytes){NULL, 0}, message, sizeof message, &size, &done), SLOW_OK);
    slow_status status = end->ops->read(responder, (slow_bytes){message, size}, &payload, &key, &done);
    end->ops->close(initiator);
    end->ops->close(earlier);
    end->ops->close(responder);
    return status;
}

static void prologues_of_any_length_are_told_apart(void **state) {
    static const uint8_t zeros[300];
    static const size_t sizes[] = {0, 1, 11, 63, 64, 65, 200, 299};
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    const struct config config = {KEY, true};
    suite_end end;
    (void)state;
    assert_int_equal(suite_end_begin(&end, plugin(), &config, 90, NULL), SLOW_OK);
    for (size_t i = 0; i < COUNT; i++)
        for (size_t before = 0; before < COUNT; before++)
            for (size_t j = 0; j < COUNT; j++)
                assert_int_equal(first_message(&end, (slow_bytes){zeros, sizes[i]}, (slow_bytes){zeros, sizes[before]},
                                               (slow_bytes){zeros, sizes[j]}),
                                 i == j ? SLOW_OK : SLOW_E_AUTH);
    suite_end_free(&end);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_memory_is_wiped_before_it_is_given_back),
        cmocka_unit_test(a_session_without_keys_opens_nothing),
        cmocka_unit_test(a_network_key_is_32_bytes_in_base64),
        cmocka_unit_test(a_message_has_at_most_4096_bytes),
        cmocka_unit_test(prologues_of_any_length_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
