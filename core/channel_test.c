/* The strategy channel: order and completeness over a wire that loses, doubles and reorders; and epochs. */
#include "channel.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const slow_time SOON = 20 * SL_MS;

static slow_bytes text(const char *string) {
    return (slow_bytes){(const uint8_t *)string, strlen(string)};
}

static void push(sl_channel *channel, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(sl_channel_push(channel, text("x")), SLOW_OK);
}

/* Transmits all that may be transmitted; returns how many, and the last one's number. */
static unsigned transmit(sl_channel *channel, slow_time now, uint32_t *last) {
    const sl_channel_message *message;
    unsigned count = 0;
    while ((message = sl_channel_next(channel, now, 0, false)) != NULL) {
        *last = message->seq;
        count++;
    }
    return count;
}

static void only_the_next_in_order_is_taken(void **state) {
    (void)state;
    sl_channel c;
    sl_channel_init(&c, 1);
    assert_int_equal(sl_channel_receive(&c, 1, 2), SL_CHANNEL_DROP);
    assert_int_equal(sl_channel_receive(&c, 1, 1), SL_CHANNEL_TAKE);
    assert_int_equal(sl_channel_receive(&c, 1, 1), SL_CHANNEL_DROP);
    assert_int_equal(sl_channel_receive(&c, 1, 3), SL_CHANNEL_DROP);
    assert_int_equal(sl_channel_receive(&c, 1, 2), SL_CHANNEL_TAKE);
    assert_int_equal(c.wanted, 3);
    assert_true(c.ack_due);
    sl_channel_free(&c);
}

static void messages_go_out_as_they_were_pushed(void **state) {
    (void)state;
    sl_channel c;
    sl_channel_init(&c, 1);
    assert_null(sl_channel_next(&c, 0, 0, false));
    assert_int_equal(sl_channel_push(&c, text("one")), SLOW_OK);
    assert_int_equal(sl_channel_push(&c, (slow_bytes){NULL, 0}), SLOW_OK);
    const sl_channel_message *m = sl_channel_next(&c, 0, 0, false);
    assert_int_equal(m->seq, 1);
    assert_int_equal(m->size, 3);
    assert_memory_equal(m->bytes, "one", 3);
    m = sl_channel_next(&c, 0, 0, false);
    assert_int_equal(m->seq, 2);
    assert_int_equal(m->size, 0);
    assert_null(sl_channel_next(&c, 0, 0, false));
    sl_channel_free(&c);
}

static void at_most_64_are_in_flight(void **state) {
    (void)state;
    sl_channel c;
    uint32_t last = 0;
    sl_channel_init(&c, 1);
    push(&c, 100);
    assert_int_equal(transmit(&c, 0, &last), 64);
    assert_int_equal(last, 64);
    sl_channel_acked(&c, 1, 11, 0, 0); /* ten are there */
    assert_int_equal(transmit(&c, 0, &last), 10);
    assert_int_equal(last, 74);
    sl_channel_acked(&c, 1, 75, 0, 0);
    assert_int_equal(transmit(&c, 0, &last), 26);
    sl_channel_acked(&c, 1, 101, 0, 0);
    assert_null(c.first);
    assert_int_equal(c.bytes, 0);
    assert_int_equal(c.flight, 0);
    assert_int_equal(c.resend_at, 0);
    push(&c, 1);
    assert_int_equal(transmit(&c, 0, &last), 1);
    assert_int_equal(last, 101);
    sl_channel_free(&c);
}

static void an_acknowledgement_of_what_was_never_said_is_ignored(void **state) {
    (void)state;
    sl_channel c;
    uint32_t last = 0;
    sl_channel_init(&c, 1);
    push(&c, 3);
    transmit(&c, 0, &last);
    assert_int_equal(sl_channel_acked(&c, 1, 5, 0, 0), SL_CHANNEL_DROP);
    assert_int_equal(c.first->seq, 1);
    assert_int_equal(sl_channel_acked(&c, 1, UINT32_MAX, 0, 0), SL_CHANNEL_DROP);
    assert_int_equal(c.first->seq, 1);
    assert_int_equal(c.flight, 3);
    sl_channel_free(&c);
}

/* ---- epochs ---- */

/* Or two ends that remember differently would wait for each other for ever. */
static void of_two_epochs_that_differ_one_is_newer(void **state) {
    (void)state;
    for (unsigned a = 0; a <= UINT8_MAX; a++)
        for (unsigned b = 0; b <= UINT8_MAX; b++)
            assert_int_equal(sl_epoch_newer((uint8_t)a, (uint8_t)b) + sl_epoch_newer((uint8_t)b, (uint8_t)a), a != b);
}

static void a_newer_epoch_is_told_and_changes_nothing_by_itself(void **state) {
    (void)state;
    sl_channel c;
    sl_channel_init(&c, 5);
    assert_int_equal(sl_channel_receive(&c, 6, 1), SL_CHANNEL_NEWER);
    assert_int_equal(sl_channel_acked(&c, 6, 1, 0, 0), SL_CHANNEL_NEWER);
    assert_int_equal(c.epoch, 5);
    assert_int_equal(c.wanted, 1);
    assert_false(c.ack_due);
    sl_channel_init(&c, 6); /* as its owner does, and asks again */
    assert_int_equal(sl_channel_receive(&c, 6, 1), SL_CHANNEL_TAKE);
    sl_channel_free(&c);
}

static void an_older_epoch_is_answered_with_ours(void **state) {
    (void)state;
    sl_channel c;
    uint32_t last = 0;
    sl_channel_init(&c, 5);
    push(&c, 2);
    transmit(&c, 0, &last);
    assert_int_equal(sl_channel_acked(&c, 4, 3, 0, 0), SL_CHANNEL_DROP);
    assert_int_equal(c.first->seq, 1);
    assert_int_equal(sl_channel_receive(&c, 4, 1), SL_CHANNEL_DROP);
    assert_true(c.ack_due);
    assert_int_equal(c.wanted, 1);
    sl_channel_free(&c);
}

static void epochs_are_compared_as_serial_numbers(void **state) {
    (void)state;
    sl_channel c;
    sl_channel_init(&c, 255);
    assert_int_equal(sl_channel_receive(&c, 0, 1), SL_CHANNEL_NEWER);
    assert_int_equal(sl_channel_receive(&c, 126, 1), SL_CHANNEL_NEWER);
    assert_int_equal(sl_channel_receive(&c, 128, 1), SL_CHANNEL_DROP);
    assert_int_equal(sl_channel_receive(&c, 254, 1), SL_CHANNEL_DROP);
    sl_channel_free(&c);
}

/* ---- repeating ---- */

static void what_is_not_acknowledged_is_sent_again_later_and_later(void **state) {
    (void)state;
    sl_channel c;
    uint32_t last = 0;
    slow_time now = SL_SECOND, wait = SOON;
    sl_channel_init(&c, 1);
    push(&c, 2);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(transmit(&c, now, &last), 2);
        assert_true(c.resend_at == now + wait);
        sl_channel_tick(&c, now + wait - 1);
        assert_int_equal(transmit(&c, now, &last), 0);
        sl_channel_tick(&c, now + wait);
        now += wait;
        wait = wait * 2 < SL_SECOND ? wait * 2 : SL_SECOND;
    }
    assert_true(wait == SL_SECOND);
    assert_int_equal(transmit(&c, now, &last), 2);
    sl_channel_acked(&c, 1, 2, now, 0); /* news: patient no more */
    assert_true(c.resend_at == now + SOON);
    sl_channel_free(&c);
}

static void the_first_repetition_waits_two_round_trips(void **state) {
    (void)state;
    sl_channel c;
    sl_channel_init(&c, 1);
    push(&c, 1);
    assert_non_null(sl_channel_next(&c, SL_SECOND, 150 * SL_MS, false));
    assert_true(c.resend_at == SL_SECOND + 300 * SL_MS);
    sl_channel_free(&c);
}

static void on_a_stream_no_timer_runs(void **state) {
    (void)state;
    sl_channel c;
    sl_channel_init(&c, 1);
    push(&c, 1);
    assert_non_null(sl_channel_next(&c, SL_SECOND, 0, true));
    assert_int_equal(c.resend_at, 0);
    sl_channel_tick(&c, 1000 * SL_SECOND);
    assert_null(sl_channel_next(&c, 1000 * SL_SECOND, 0, true));
    sl_channel_free(&c);
}

static void a_second_acknowledgement_repeats_once_a_round_trip(void **state) {
    (void)state;
    sl_channel c;
    uint32_t last = 0;
    slow_time now = SL_SECOND;
    uint64_t srtt_ns = 30 * SL_MS;
    sl_channel_init(&c, 1);
    push(&c, 3);
    assert_int_equal(transmit(&c, now, &last), 3);
    sl_channel_acked(&c, 1, 1, now, srtt_ns); /* the first one is missed there */
    assert_int_equal(transmit(&c, now, &last), 3);
    sl_channel_acked(&c, 1, 1, now + srtt_ns - 1, srtt_ns);
    assert_int_equal(transmit(&c, now, &last), 0);
    sl_channel_acked(&c, 1, 1, now + srtt_ns, srtt_ns);
    assert_int_equal(transmit(&c, now, &last), 3);
    sl_channel_free(&c);
}

static void another_link_begins_with_the_first_unacknowledged(void **state) {
    (void)state;
    sl_channel c;
    uint32_t last = 0;
    sl_channel_init(&c, 1);
    push(&c, 5);
    transmit(&c, 0, &last);
    sl_channel_acked(&c, 1, 3, 0, 0);
    sl_channel_rewind(&c);
    const sl_channel_message *m = sl_channel_next(&c, 0, 0, false);
    assert_int_equal(m->seq, 3);
    sl_channel_rewind(&c);
    sl_channel_acked(&c, 1, 6, 0, 0); /* a late one overtakes the repetition */
    assert_null(sl_channel_next(&c, 0, 0, false));
    assert_int_equal(c.flight, 0);
    assert_null(c.first);
    sl_channel_free(&c);
}

/* ---- bounds ---- */

static void a_channel_holds_4_mib_and_no_more(void **state) {
    (void)state;
    static const uint8_t bytes[1000];
    sl_channel c;
    unsigned count = 0;
    sl_channel_init(&c, 1);
    while (sl_channel_push(&c, (slow_bytes){bytes, sizeof bytes}) == SLOW_OK)
        count++;
    assert_in_range(c.bytes, SL_CHANNEL_BYTES - 1000, SL_CHANNEL_BYTES + sizeof(sl_channel_message));
    assert_int_equal(c.last_seq, count); /* the refused one has no number */
    sl_channel_acked(&c, 1, 2, 0, 0);
    assert_int_equal(sl_channel_push(&c, (slow_bytes){bytes, sizeof bytes}), SLOW_OK);
    assert_int_equal(sl_channel_push(&c, (slow_bytes){bytes, sizeof bytes}), SLOW_E_NOSPACE);
    sl_channel_free(&c);
    assert_null(c.first);
}

/* ---- two ends and a bad wire ---- */

typedef struct frame {
    slow_time arrives;
    bool ack;
    uint32_t seq;
    uint32_t value;
} frame;

typedef struct wire {
    frame frames[4096];
    size_t count;
    uint64_t random;
    unsigned loss; /* of 100 */
} wire;

static void wire_send(wire *w, slow_time now, frame f) {
    for (int copies = sl_splitmix(&w->random) % 10 == 0 ? 2 : 1; copies > 0; copies--) {
        if (sl_splitmix(&w->random) % 100 < w->loss || w->count == sizeof w->frames / sizeof w->frames[0])
            continue;
        f.arrives = now + (1 + sl_splitmix(&w->random) % 20) * SL_MS;
        w->frames[w->count++] = f;
    }
}

/* Takes what has arrived; one after the other in any order. */
static bool wire_take(wire *w, slow_time now, frame *out) {
    for (size_t i = 0; i < w->count; i++)
        if (w->frames[i].arrives <= now) {
            *out = w->frames[i];
            w->frames[i] = w->frames[--w->count];
            return true;
        }
    return false;
}

static void one_way(uint64_t seed, unsigned loss, uint32_t total) {
    static wire w;
    sl_channel from, to;
    uint32_t pushed = 0, received = 0;
    w = (wire){.random = seed, .loss = loss};
    sl_channel_init(&from, 3);
    sl_channel_init(&to, 3);
    slow_time now = SL_SECOND, limit = now + 600 * SL_SECOND;
    for (; received < total && now < limit; now += SL_MS) {
        frame f;
        for (; pushed < total && sl_splitmix(&w.random) % 2 == 0; pushed++)
            sl_channel_push(&from, (slow_bytes){(const uint8_t *)&pushed, sizeof pushed});
        sl_channel_tick(&from, now);
        const sl_channel_message *m;
        while ((m = sl_channel_next(&from, now, 20 * SL_MS, false)) != NULL) {
            f = (frame){.seq = m->seq};
            memcpy(&f.value, m->bytes, sizeof f.value);
            wire_send(&w, now, f);
        }
        while (wire_take(&w, now, &f)) {
            if (f.ack)
                sl_channel_acked(&from, 3, f.seq, now, 20 * SL_MS);
            else if (sl_channel_receive(&to, 3, f.seq) == SL_CHANNEL_TAKE && f.value != received++)
                fail_msg("message %u came as number %u (seed %llu)", f.value, received - 1, (unsigned long long)seed);
        }
        if (to.ack_due)
            wire_send(&w, now, (frame){.ack = true, .seq = to.wanted});
        to.ack_due = false;
    }
    if (received != total)
        fail_msg("%u of %u arrived (seed %llu)", received, total, (unsigned long long)seed);
    sl_channel_free(&from);
    sl_channel_free(&to);
}

static void all_arrive_once_and_in_order_whatever_the_wire_does(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        one_way(seed, 0, 1000);
        one_way(seed, 20, 500);
        one_way(seed, 60, 50);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_next_in_order_is_taken),
        cmocka_unit_test(messages_go_out_as_they_were_pushed),
        cmocka_unit_test(at_most_64_are_in_flight),
        cmocka_unit_test(an_acknowledgement_of_what_was_never_said_is_ignored),
        cmocka_unit_test(a_newer_epoch_is_told_and_changes_nothing_by_itself),
        cmocka_unit_test(an_older_epoch_is_answered_with_ours),
        cmocka_unit_test(epochs_are_compared_as_serial_numbers),
        cmocka_unit_test(of_two_epochs_that_differ_one_is_newer),
        cmocka_unit_test(what_is_not_acknowledged_is_sent_again_later_and_later),
        cmocka_unit_test(the_first_repetition_waits_two_round_trips),
        cmocka_unit_test(on_a_stream_no_timer_runs),
        cmocka_unit_test(a_second_acknowledgement_repeats_once_a_round_trip),
        cmocka_unit_test(another_link_begins_with_the_first_unacknowledged),
        cmocka_unit_test(a_channel_holds_4_mib_and_no_more),
        cmocka_unit_test(all_arrive_once_and_in_order_whatever_the_wire_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
