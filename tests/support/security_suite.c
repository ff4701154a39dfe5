/* security_suite.c: what every security plugin is held to, whoever wrote it.
 *
 *  - Three messages, the initiator's first, open a session at both ends; payloads of the second and third arrive.
 *  - What is out of turn, has no room, or comes after the end is refused, and has changed nothing.
 *  - Sessions and instances know nothing of each other.
 *
 * And where there is an AEAD:
 *
 *  - Any bit flipped, any byte cut off or added, in any message of the handshake or in anything sealed, is refused; so is
 *    what comes from another network, another prologue, another session, another number, or from oneself. After each such
 *    refusal the session goes on as if nothing had been, and the refused bytes are as they were.
 *  - Numbers come in any order, within 66,000 (far more than the core's windows) of the highest, also where keys change.
 *
 * Whether keys are wiped only the plugin's own tests can know. */
#include "security_host.h"
#include "security_suite.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MESSAGE_MAX = 2048, TAG = 16, WINDOW = 66000 };

/* ---- a handshake, message by message ---- */

typedef struct message {
    uint8_t bytes[MESSAGE_MAX];
    size_t size;
} message;

/* Two ends and a session at each: [0] is the initiator's. */
typedef struct couple {
    suite_end ends[2];
    slow_session *sessions[2];
    bool done[2];
    message sent[3];
} couple;

static const security_subject *subject_of(void **state) {
    return *state;
}

static slow_bytes text_bytes(const char *text) {
    return (slow_bytes){(const uint8_t *)text, strlen(text)};
}

static void sessions_open(couple *c, const char *prologue) {
    for (int i = 0; i < 2; i++) {
        slow_error error;
        c->done[i] = false;
        assert_int_equal(c->ends[i].ops->open(c->ends[i].self, i == 0, text_bytes(prologue), &c->sessions[i], &error),
                         SLOW_OK);
    }
}

static void couple_begin(couple *c, const slow_plugin *plugin, const void *config, const void *other_config,
                         uint64_t seed) {
    slow_error error;
    assert_int_equal(suite_end_begin(&c->ends[0], plugin, config, seed, &error), SLOW_OK);
    assert_int_equal(suite_end_begin(&c->ends[1], plugin, other_config, seed + 1, &error), SLOW_OK);
    sessions_open(c, "suite");
}

static void sessions_close(couple *c) {
    for (int i = 0; i < 2; i++)
        c->ends[i].ops->close(c->sessions[i]);
}

static void couple_free(couple *c) {
    sessions_close(c);
    for (int i = 0; i < 2; i++)
        suite_end_free(&c->ends[i]);
}

static const char *payload_of(int step) {
    static const char *const payloads[] = {"", "the responder's claim", "the initiator's claim"};
    return payloads[step];
}

static void step_write(couple *c, int step) {
    int from = step % 2;
    message *m = &c->sent[step];
    assert_int_equal(c->ends[from].ops->write(c->sessions[from], text_bytes(payload_of(step)), m->bytes,
                                              sizeof m->bytes, &m->size, &c->done[from]),
                     SLOW_OK);
}

static slow_status try_read(couple *c, int step, slow_bytes in) {
    int to = 1 - step % 2;
    slow_bytes payload, key;
    return c->ends[to].ops->read(c->sessions[to], in, &payload, &key, &c->done[to]);
}

static void step_read(couple *c, int step) {
    int from = step % 2, to = 1 - from;
    slow_bytes payload = {NULL, 0}, key = {NULL, 0}, in = {c->sent[step].bytes, c->sent[step].size};
    slow_bytes expected = c->ends[from].ops->static_key != NULL ? c->ends[from].ops->static_key(c->ends[from].self)
                                                                : (slow_bytes){NULL, 0};
    assert_int_equal(c->ends[to].ops->read(c->sessions[to], in, &payload, &key, &c->done[to]), SLOW_OK);
    assert_int_equal(payload.size, strlen(payload_of(step)));
    if (payload.size > 0)
        assert_memory_equal(payload.data, payload_of(step), payload.size);
    if (step == 0 || expected.data == NULL) { /* nobody has shown a key yet */
        assert_int_equal(key.size, 0);
    } else {
        assert_int_equal(key.size, expected.size);
        assert_memory_equal(key.data, expected.data, key.size);
    }
}

static void couple_shake(couple *c, int steps) {
    for (int step = 0; step < steps; step++) {
        step_write(c, step);
        step_read(c, step);
    }
}

/* ---- the shape ---- */

static void three_messages_open_a_session(void **state) {
    const security_subject *s = subject_of(state);
    couple c;
    couple_begin(&c, s->plugin, s->config, s->config, 1);
    for (int step = 0; step < 3; step++) {
        step_write(&c, step);
        assert_int_equal(c.done[step % 2], step == 2);
        step_read(&c, step);
        assert_int_equal(c.done[1 - step % 2], step == 2);
    }
    couple_free(&c);
    c.ends[0].ops->close(NULL);
}

static void what_is_out_of_turn_changes_nothing(void **state) {
    const security_subject *s = subject_of(state);
    couple c;
    couple_begin(&c, s->plugin, s->config, s->config, 2);
    for (int step = 0; step < 4; step++) { /* the fourth: all is done */
        const slow_security_ops *ops = c.ends[0].ops;
        message m;
        bool done;
        slow_bytes before = {c.sent[step > 0 ? step - 1 : 0].bytes, step > 0 ? c.sent[step - 1].size : 0};
        for (int i = 0; i < 2; i++) {
            bool writes = step < 3 && step % 2 == i;
            slow_bytes payload, key;
            if (!writes)
                assert_true(ops->write(c.sessions[i], text_bytes("x"), m.bytes, sizeof m.bytes, &m.size, &done) < 0);
            if ((writes && step == 0) || step == 3)
                assert_true(ops->read(c.sessions[i], before, &payload, &key, &done) < 0);
        }
        if (step == 3)
            break;
        step_write(&c, step);
        step_read(&c, step);
    }
    couple_free(&c);
}

/* Two answer the same first message; the one that is not wanted comes first. */
static void another_message_may_be_read_in_place_of_the_last(void **state) {
    const security_subject *s = subject_of(state);
    couple c, other;
    couple_begin(&c, s->plugin, s->config, s->config, 4);
    couple_begin(&other, s->plugin, s->config, s->config, 40);
    couple_shake(&c, 1);
    other.sent[0] = c.sent[0];
    step_read(&other, 0);
    step_write(&other, 1);
    assert_int_equal(try_read(&c, 1, (slow_bytes){other.sent[1].bytes, other.sent[1].size}), SLOW_OK);
    if (c.ends[0].ops->tag_size > 0) {
        message m = other.sent[1];
        m.bytes[m.size - 1] ^= 1;
        assert_int_equal(try_read(&c, 1, (slow_bytes){m.bytes, m.size}), SLOW_E_AUTH);
    }
    step_write(&c, 1);
    step_read(&c, 1);
    step_read(&c, 1);
    step_write(&c, 2);
    assert_true(try_read(&c, 1, (slow_bytes){c.sent[1].bytes, c.sent[1].size}) < 0);
    step_read(&c, 2);
    assert_true(c.done[0] && c.done[1]);
    couple_free(&c);
    couple_free(&other);
}

static void a_message_without_room_is_written_later(void **state) {
    const security_subject *s = subject_of(state);
    couple c;
    couple_begin(&c, s->plugin, s->config, s->config, 3);
    couple_shake(&c, 1);
    message m;
    slow_bytes payload = text_bytes(payload_of(1));
    step_write(&c, 1);
    size_t needed = c.sent[1].size;
    sessions_close(&c);
    sessions_open(&c, "suite");
    couple_shake(&c, 1);
    for (size_t room = 0; room < needed; room++) {
        memset(m.bytes, 0x55, sizeof m.bytes);
        assert_int_equal(c.ends[1].ops->write(c.sessions[1], payload, m.bytes, room, &m.size, &c.done[1]),
                         SLOW_E_NOSPACE);
        assert_int_equal(m.bytes[room], 0x55);
    }
    step_write(&c, 1);
    assert_int_equal(c.sent[1].size, needed);
    step_read(&c, 1);
    step_write(&c, 2);
    step_read(&c, 2);
    couple_free(&c);
}

static void sessions_and_instances_know_nothing_of_each_other(void **state) {
    const security_subject *s = subject_of(state);
    enum { COUPLES = 5 };
    couple *c = calloc(COUPLES, sizeof *c);
    assert_non_null(c);
    for (int i = 0; i < COUPLES; i++)
        couple_begin(&c[i], s->plugin, s->config, s->config, 10 + (uint64_t)i);
    for (int step = 0; step < 3; step++) {
        for (int i = 0; i < COUPLES; i++)
            step_write(&c[i], step);
        for (int i = COUPLES; i-- > 0;)
            step_read(&c[i], step);
        if (step == 1)
            couple_free(&c[COUPLES / 2]);
        if (step == 1)
            couple_begin(&c[COUPLES / 2], s->plugin, s->config, s->config, 20);
        if (step == 1)
            couple_shake(&c[COUPLES / 2], 2);
    }
    for (int i = 0; i < COUPLES; i++) {
        assert_true(c[i].done[0] && c[i].done[1]);
        couple_free(&c[i]);
    }
    free(c);
}

/* ---- a handshake that was tampered with ---- */

static void any_flipped_bit_of_a_message_is_refused(void **state) {
    const security_subject *s = subject_of(state);
    couple c;
    couple_begin(&c, s->plugin, s->config, s->config, 30);
    for (int step = 0; step < 3; step++) {
        step_write(&c, step);
        for (size_t bit = 0; bit < c.sent[step].size * 8; bit++) {
            message m = c.sent[step];
            m.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            slow_status status = try_read(&c, step, (slow_bytes){m.bytes, m.size});
            assert_true(status == SLOW_E_AUTH || status == SLOW_E_MALFORMED);
            assert_false(c.done[1 - step % 2]);
        }
        step_read(&c, step);
    }
    couple_free(&c);
}

static void a_message_of_another_length_is_refused(void **state) {
    const security_subject *s = subject_of(state);
    couple c;
    couple_begin(&c, s->plugin, s->config, s->config, 31);
    for (int step = 0; step < 3; step++) {
        step_write(&c, step);
        for (size_t size = 0; size < c.sent[step].size + 20; size++) {
            uint8_t *exact = calloc(1, size > 0 ? size : 1); /* so that a sanitizer sees the first byte too many */
            assert_non_null(exact);
            memcpy(exact, c.sent[step].bytes, size < c.sent[step].size ? size : c.sent[step].size);
            if (size != c.sent[step].size) {
                slow_status status = try_read(&c, step, (slow_bytes){exact, size});
                assert_true(status == SLOW_E_AUTH || status == SLOW_E_MALFORMED);
            }
            free(exact);
        }
        step_read(&c, step);
    }
    couple_free(&c);
}

static void garbage_of_any_size_is_refused(void **state) {
    const security_subject *s = subject_of(state);
    couple c;
    uint64_t seed = 32;
    couple_begin(&c, s->plugin, s->config, s->config, seed);
    for (int step = 0; step < 3; step++) {
        step_write(&c, step);
        for (int i = 0; i < 300; i++) {
            size_t size = i == 0 ? 100000 : suite_draw(&seed) % 1500;
            uint8_t *garbage = malloc(size + 1);
            assert_non_null(garbage);
            for (size_t at = 0; at < size; at++)
                garbage[at] = (uint8_t)suite_draw(&seed);
            slow_status status = try_read(&c, step, (slow_bytes){garbage, size});
            assert_true(status == SLOW_E_AUTH || status == SLOW_E_MALFORMED);
            free(garbage);
        }
        step_read(&c, step);
    }
    couple_free(&c);
}

static void a_stranger_is_refused_at_its_first_message(void **state) {
    const security_subject *s = subject_of(state);
    couple c;
    if (s->foreign == NULL)
        skip();
    couple_begin(&c, s->plugin, s->foreign, s->config, 33);
    step_write(&c, 0);
    assert_int_equal(try_read(&c, 0, (slow_bytes){c.sent[0].bytes, c.sent[0].size}), SLOW_E_AUTH);
    couple_free(&c);
}

static void another_prologue_is_refused(void **state) {
    const security_subject *s = subject_of(state);
    couple c;
    slow_error error;
    couple_begin(&c, s->plugin, s->config, s->config, 34);
    c.ends[1].ops->close(c.sessions[1]);
    assert_int_equal(c.ends[1].ops->open(c.ends[1].self, false, text_bytes("suitf"), &c.sessions[1], &error), SLOW_OK);
    step_write(&c, 0);
    assert_int_equal(try_read(&c, 0, (slow_bytes){c.sent[0].bytes, c.sent[0].size}), SLOW_E_AUTH);
    couple_free(&c);
}

/* Messages of an earlier session between the same two, and a session's own ones sent back at it. */
static void replayed_and_reflected_messages_are_refused(void **state) {
    const security_subject *s = subject_of(state);
    couple c;
    couple_begin(&c, s->plugin, s->config, s->config, 35);
    couple_shake(&c, 3);
    message old[3];
    memcpy(old, c.sent, sizeof old);
    sessions_close(&c);
    sessions_open(&c, "suite");
    for (int step = 0; step < 3; step++) {
        step_write(&c, step);
        if (step > 0) { /* the first says nothing that is fresh: the second is what a replay cannot answer */
            assert_int_equal(try_read(&c, step, (slow_bytes){old[step].bytes, old[step].size}), SLOW_E_AUTH);
            const message *own = &c.sent[step - 1];
            slow_status status = try_read(&c, step, (slow_bytes){own->bytes, own->size});
            assert_true(status == SLOW_E_AUTH || status == SLOW_E_MALFORMED);
        }
        step_read(&c, step);
    }
    couple_free(&c);
    couple_begin(&c, s->plugin, s->config, s->config, 36);
    assert_int_equal(try_read(&c, 0, (slow_bytes){old[0].bytes, old[0].size}), SLOW_OK);
    step_write(&c, 1);
    assert_int_equal(c.ends[1].ops->read(c.sessions[1], (slow_bytes){old[2].bytes, old[2].size}, &(slow_bytes){NULL, 0},
                                         &(slow_bytes){NULL, 0}, &c.done[1]),
                     SLOW_E_AUTH);
    couple_free(&c);
}

/* ---- sealed frames ---- */

/* One frame of `from`, and what was in it. */
typedef struct frame {
    uint64_t number;
    uint8_t ad[20], plain[200], data[200], tag[TAG];
    size_t ad_size, size;
} frame;

static void frame_seal(couple *c, int from, frame *f, uint64_t number, size_t size) {
    uint64_t seed = number ^ size;
    *f = (frame){.number = number, .ad_size = sizeof f->ad, .size = size};
    for (size_t i = 0; i < sizeof f->ad; i++)
        f->ad[i] = (uint8_t)suite_draw(&seed);
    for (size_t i = 0; i < size; i++)
        f->plain[i] = f->data[i] = (uint8_t)suite_draw(&seed);
    c->ends[from].ops->seal(c->sessions[from], number, (slow_bytes){f->ad, f->ad_size}, f->data, size, f->tag);
}

static slow_status frame_unseal(couple *c, int to, frame *f) {
    return c->ends[to].ops->unseal(c->sessions[to], f->number, (slow_bytes){f->ad, f->ad_size}, f->data, f->size,
                                   f->tag);
}

static void frame_opens(couple *c, int to, const frame *sealed) {
    frame f = *sealed;
    assert_int_equal(frame_unseal(c, to, &f), SLOW_OK);
    assert_memory_equal(f.data, f.plain, f.size);
    assert_memory_equal(f.tag, sealed->tag, TAG);
}

/* And is as it was. */
static void frame_fails(couple *c, int to, const frame *sealed) {
    frame f = *sealed;
    assert_int_equal(frame_unseal(c, to, &f), SLOW_E_AUTH);
    assert_memory_equal(&f, sealed, sizeof f);
}

static void couple_open(couple *c, const security_subject *s, uint64_t seed) {
    couple_begin(c, s->plugin, s->config, s->config, seed);
    couple_shake(c, 3);
}

static void what_is_sealed_opens_at_the_other_end(void **state) {
    couple c;
    frame f;
    couple_open(&c, subject_of(state), 40);
    for (size_t size = 0; size <= sizeof f.data; size++)
        for (int from = 0; from < 2; from++) {
            frame_seal(&c, from, &f, 1 + size, size);
            if (size >= 16)
                assert_memory_not_equal(f.data, f.plain, size);
            frame_opens(&c, 1 - from, &f);
        }
    couple_free(&c);
}

static void any_flipped_bit_of_a_frame_is_refused(void **state) {
    couple c;
    frame f;
    couple_open(&c, subject_of(state), 41);
    frame_seal(&c, 0, &f, 5, 100);
    for (size_t bit = 0; bit < f.size * 8; bit++) {
        frame bad = f;
        bad.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        frame_fails(&c, 1, &bad);
    }
    for (size_t bit = 0; bit < sizeof f.tag * 8; bit++) {
        frame bad = f;
        bad.tag[bit / 8] ^= (uint8_t)(1u << bit % 8);
        frame_fails(&c, 1, &bad);
    }
    for (size_t bit = 0; bit < f.ad_size * 8; bit++) {
        frame bad = f;
        bad.ad[bit / 8] ^= (uint8_t)(1u << bit % 8);
        frame_fails(&c, 1, &bad);
    }
    for (size_t bit = 0; bit < 64; bit++) {
        frame bad = f;
        bad.number ^= UINT64_C(1) << bit;
        frame_fails(&c, 1, &bad);
    }
    frame shorter = f;
    for (shorter.size = 0; shorter.size < f.size; shorter.size++)
        frame_fails(&c, 1, &shorter);
    frame_opens(&c, 1, &f);
    couple_free(&c);
}

static void a_frame_of_another_session_or_direction_is_refused(void **state) {
    couple a, b;
    frame f;
    couple_open(&a, subject_of(state), 42);
    couple_open(&b, subject_of(state), 43);
    frame_seal(&a, 0, &f, 1, 50);
    frame_fails(&a, 0, &f);
    frame_fails(&b, 0, &f);
    frame_fails(&b, 1, &f);
    sessions_close(&b);
    couple_free(&a);
    /* The same two junctions again. */
    sessions_open(&b, "suite");
    couple_shake(&b, 3);
    frame_seal(&b, 0, &f, 1, 50);
    sessions_close(&b);
    sessions_open(&b, "suite");
    couple_shake(&b, 3);
    frame_fails(&b, 1, &f);
    couple_free(&b);
}

static void nothing_is_sealed_or_opened_before_the_end(void **state) {
    const security_subject *s = subject_of(state);
    couple c;
    frame f;
    couple_begin(&c, s->plugin, s->config, s->config, 44);
    for (int step = 0; step < 3; step++) {
        for (int i = 0; i < 2; i++) {
            uint8_t zeros[64] = {0};
            frame_seal(&c, i, &f, 1, sizeof zeros);
            assert_memory_equal(f.data, zeros, sizeof zeros);
            assert_true(frame_unseal(&c, i, &f) < 0);
        }
        step_write(&c, step);
        if (step < 2)
            step_read(&c, step);
    }
    frame_seal(&c, 0, &f, 1, 64); /* the initiator is done with its last message, before it was read */
    step_read(&c, 2);
    frame_opens(&c, 1, &f);
    couple_free(&c);
}

static void numbers_come_in_any_order(void **state) {
    enum { FRAMES = 400 };
    couple c;
    uint64_t seed = 45;
    frame *frames = calloc(FRAMES, sizeof *frames);
    assert_non_null(frames);
    couple_open(&c, subject_of(state), seed);
    for (size_t i = 0; i < FRAMES; i++) /* around 2^20, where keys may change, as far apart as a window */
        frame_seal(&c, 1, &frames[i], (UINT64_C(1) << 20) - WINDOW / 2 + i * (WINDOW / FRAMES), 60);
    for (size_t i = FRAMES; i-- > 1;) {
        size_t j = suite_draw(&seed) % (i + 1);
        frame f = frames[i];
        frames[i] = frames[j];
        frames[j] = f;
    }
    for (size_t i = 0; i < FRAMES; i++)
        frame_opens(&c, 0, &frames[i]);
    for (size_t i = 0; i < FRAMES; i++) { /* replays are the core's to find */
        frame_opens(&c, 0, &frames[i]);
        frames[i].number++;
        frame_fails(&c, 0, &frames[i]);
    }
    free(frames);
    couple_free(&c);
}

/* Several times over the places where keys may change, with forgeries of numbers far away between. */
static void forged_numbers_change_nothing(void **state) {
    couple c;
    frame f, late;
    couple_open(&c, subject_of(state), 46);
    for (uint64_t epoch = 1; epoch <= 6; epoch++) {
        uint64_t edge = epoch << 20;
        frame_seal(&c, 0, &late, edge - 1000, 40);
        frame_seal(&c, 0, &f, edge - 1, 40);
        frame_opens(&c, 1, &f);
        frame_seal(&c, 0, &f, edge, 40);
        for (int shift = 0; shift < 64; shift++) {
            frame bad = f;
            bad.number = edge + (UINT64_C(1) << shift);
            frame_fails(&c, 1, &bad);
            bad.number = edge - 1000 - (UINT64_C(1) << shift);
            frame_fails(&c, 1, &bad);
        }
        frame_opens(&c, 1, &f);
        frame_opens(&c, 1, &late);
    }
    couple_free(&c);
}

int security_suite(const security_subject *subject) {
    security_subject s = *subject;
#define SUITE(test) \
    { .name = #test, .test_func = test, .initial_state = &s }
    const struct CMUnitTest shape[] = {
        SUITE(three_messages_open_a_session),
        SUITE(what_is_out_of_turn_changes_nothing),
        SUITE(another_message_may_be_read_in_place_of_the_last),
        SUITE(a_message_without_room_is_written_later),
        SUITE(sessions_and_instances_know_nothing_of_each_other),
    };
    const struct CMUnitTest secrecy[] = {
        SUITE(any_flipped_bit_of_a_message_is_refused),
        SUITE(a_message_of_another_length_is_refused),
        SUITE(garbage_of_any_size_is_refused),
        SUITE(a_stranger_is_refused_at_its_first_message),
        SUITE(another_prologue_is_refused),
        SUITE(replayed_and_reflected_messages_are_refused),
        SUITE(what_is_sealed_opens_at_the_other_end),
        SUITE(any_flipped_bit_of_a_frame_is_refused),
        SUITE(a_frame_of_another_session_or_direction_is_refused),
        SUITE(nothing_is_sealed_or_opened_before_the_end),
        SUITE(numbers_come_in_any_order),
        SUITE(forged_numbers_change_nothing),
    };
    int failed = cmocka_run_group_tests_name("security suite: the handshake's shape", shape, NULL, NULL);
    if (((const slow_security_ops *)s.plugin->ops)->tag_size > 0)
        failed += cmocka_run_group_tests_name("security suite: secrecy", secrecy, NULL, NULL);
    return failed;
}
