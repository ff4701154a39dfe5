/* Tickets: what is kept, what is told, and what is forgotten. */
#include "ticket.h"
#include "path.h"
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int set_up(void **state) {
    sl_tickets *all = malloc(sizeof *all);
    *state = all;
    return !sl_tickets_init(all);
}

static int tear_down(void **state) {
    sl_tickets_free(*state);
    free(*state);
    return 0;
}

static bool end(sl_tickets *all, slow_ticket ticket, enum sl_outcome outcome, enum sl_reason reason) {
    sl_outgoing out = {.ticket = ticket, .message = {.ttl_ns = 30 * SL_SECOND}};
    sl_result result = {.message = &out, .outcome = outcome, .reason = reason, .rtt_ns = 5};
    return sl_tickets_ended(all, &result);
}

static void an_outcome_is_kept_until_it_is_asked_for(void **state) {
    sl_tickets *all = *state;
    slow_outcome outcome;
    slow_ticket a = sl_tickets_draw(all), b = sl_tickets_draw(all);
    assert_true(a != 0 && b > a);
    assert_int_equal(sl_tickets_take(all, a, &outcome), SLOW_E_TIMEOUT);
    assert_false(end(all, a, SL_UNKNOWN, SL_REASON_NO_ANSWER));
    assert_int_equal(sl_tickets_take(all, a, &outcome), SLOW_OK);
    assert_int_equal(outcome.outcome, SLOW_UNKNOWN);
    assert_string_equal(outcome.text, "it was sent, but within 40 s nobody said what became of it");
    assert_int_equal(sl_tickets_take(all, a, &outcome), SLOW_E_INVAL);
    sl_tickets_forget(all, b);
    assert_int_equal(sl_tickets_take(all, b, &outcome), SLOW_E_INVAL);
    assert_int_equal(all->count, 0);
}

static void of_too_many_the_oldest_outcome_goes(void **state) {
    sl_tickets *all = *state;
    slow_outcome outcome;
    slow_ticket pending = sl_tickets_draw(all), first = sl_tickets_draw(all), second = sl_tickets_draw(all);
    end(all, first, SL_DELIVERED, SL_REASON_NONE);
    end(all, second, SL_DELIVERED, SL_REASON_NONE);
    for (int i = 0; i < SL_TICKETS_KEPT - 1; i++)
        end(all, sl_tickets_draw(all), SL_DELIVERED, SL_REASON_NONE);
    assert_int_equal(sl_tickets_take(all, first, &outcome), SLOW_E_INVAL);
    assert_int_equal(sl_tickets_take(all, second, &outcome), SLOW_OK);
    assert_int_equal(sl_tickets_take(all, pending, &outcome), SLOW_E_TIMEOUT);
}

static bool is_readable(int fd) {
    struct pollfd asked = {.fd = fd, .events = POLLIN};
    return poll(&asked, 1, 0) == 1;
}

static void what_is_kept_can_be_polled_for_and_taken_without_its_ticket(void **state) {
    sl_tickets *all = *state;
    slow_outcome outcome;
    slow_ticket a = sl_tickets_draw(all), b = sl_tickets_draw(all);
    assert_int_equal(sl_tickets_take_kept(all, &outcome), SLOW_E_TIMEOUT);
    end(all, b, SL_DELIVERED, SL_REASON_NONE);
    int fd = sl_tickets_fd(all);
    assert_true(is_readable(fd));
    assert_int_equal(sl_tickets_fd(all), fd);
    end(all, a, SL_UNKNOWN, SL_REASON_NO_ANSWER);
    assert_int_equal(sl_tickets_take_kept(all, &outcome), SLOW_OK);
    assert_int_equal(outcome.ticket, b);
    assert_true(is_readable(fd));
    assert_int_equal(sl_tickets_take(all, a, &outcome), SLOW_OK);
    assert_false(is_readable(fd));
    assert_int_equal(sl_tickets_take_kept(all, &outcome), SLOW_E_TIMEOUT);
    slow_ticket c = sl_tickets_draw(all);
    end(all, c, SL_DELIVERED, SL_REASON_NONE);
    assert_true(is_readable(fd));
    assert_int_equal(all->count, 1);
}

static void who_joins_a_ticket_has_its_outcome_alone(void **state) {
    sl_tickets *all = *state;
    slow_outcome outcome;
    slow_ticket a = sl_tickets_draw(all);
    end(all, a, SL_DELIVERED, SL_REASON_NONE);
    assert_int_equal(sl_tickets_join(all, a), SLOW_OK);
    assert_false(is_readable(sl_tickets_fd(all)));
    assert_int_equal(sl_tickets_take_kept(all, &outcome), SLOW_E_TIMEOUT);
    assert_int_equal(sl_tickets_take(all, a, &outcome), SLOW_OK);
    sl_tickets_part(all, a);
    assert_int_equal(all->count, 0);
}

static void with_a_callback_outcomes_are_told_and_not_kept(void **state) {
    sl_tickets *all = *state;
    slow_outcome outcome;
    slow_ticket a = sl_tickets_draw(all), b = sl_tickets_draw(all);
    sl_tickets_tell(all, true);
    assert_int_equal(sl_tickets_join(all, b), SLOW_OK); /* somebody waits for this one */
    assert_true(end(all, a, SL_DELIVERED, SL_REASON_NONE));
    assert_true(end(all, b, SL_NOT_DELIVERED, SL_REASON_CLOSED));
    assert_true(sl_tickets_next_told(all, &outcome) && outcome.ticket == a);
    assert_true(sl_tickets_next_told(all, &outcome) && outcome.ticket == b);
    assert_false(sl_tickets_next_told(all, &outcome));
    assert_int_equal(sl_tickets_take(all, a, &outcome), SLOW_E_INVAL);
    assert_int_equal(sl_tickets_take(all, b, &outcome), SLOW_OK);
    sl_tickets_part(all, b);
    assert_int_equal(sl_tickets_take(all, b, &outcome), SLOW_E_INVAL);
    assert_int_equal(all->count, 0);
}

static void a_relays_hint_stands_behind_the_reason(void **state) {
    sl_outgoing out = {.message = {.ttl_ns = 30 * SL_SECOND}};
    sl_result result = {.message = &out,
                        .outcome = SL_NOT_DELIVERED,
                        .reason = SL_REASON_EXPIRED,
                        .hint = {.by = {.size = 3, .text = "bob"}, .reason = SL_DROP_HOP_LIMIT}};
    char text[128], wanted[128];
    (void)state;
    sl_result_explain(&result, text, sizeof text);
    snprintf(wanted, sizeof wanted, "expired: it could not be sent within 30 s; bob dropped it: %s",
             sl_drop_text(SL_DROP_HOP_LIMIT));
    assert_string_equal(text, wanted);
    result.hint.by.size = 0;
    result.opening = SL_OPENING_UNANSWERED;
    sl_result_explain(&result, text, sizeof text);
    assert_string_equal(text,
                        "expired: it could not be sent within 30 s; it does not answer our openings: its log says why");
    result.opening = SL_OPENING_WELL;
    out.number = 1;
    result.arrived = true;
    sl_result_explain(&result, text, sizeof text);
    assert_string_equal(text, "expired: nobody took it there within 30 s: is somebody receiving?");
    result.arrived = false;
    sl_result_explain(&result, text, 24); /* cut, and terminated */
    assert_string_equal(text, "expired: it was sent, b");
}

/* It may well have an identity, and leave its pairs open by its config: nobody can tell from here. */
static void of_a_peer_that_does_not_seal_no_more_is_said_than_is_known(void **state) {
    sl_outgoing out = {.message = {.ttl_ns = 30 * SL_SECOND}};
    sl_result result = {.message = &out, .outcome = SL_NOT_DELIVERED, .reason = SL_REASON_UNSEALED};
    char text[128];
    (void)state;
    sl_result_explain(&result, text, sizeof text);
    assert_string_equal(
        text, "the peer does not seal: within 30 s it offered no handshake; has it an identity, and end_to_end?");
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(an_outcome_is_kept_until_it_is_asked_for),
        T(of_too_many_the_oldest_outcome_goes),
        T(what_is_kept_can_be_polled_for_and_taken_without_its_ticket),
        T(who_joins_a_ticket_has_its_outcome_alone),
        T(with_a_callback_outcomes_are_told_and_not_kept),
        T(a_relays_hint_stands_behind_the_reason),
        T(of_a_peer_that_does_not_seal_no_more_is_said_than_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
