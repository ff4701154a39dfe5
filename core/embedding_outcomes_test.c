/* Outcomes, room and acceptance through the public API, with the real plugins over loopback. */
#include "embedding_test.h"
#include <event2/event.h>
#include <poll.h>
#include <pthread.h>

static slow_send_options within(slow_time ttl_ns) {
    slow_send_options options = SLOW_SEND_INIT;
    options.ttl_ns = ttl_ns;
    return options;
}

static slow_ticket send_ticket(slow_junction *j, const char *to, const char *json, const slow_send_options *options) {
    slow_error error = {.text = ""};
    slow_ticket ticket = 0;
    if (slow_send_json(j, to, json, options, &ticket, &error) != SLOW_OK)
        fail_msg("%s", error.text);
    assert_true(ticket != 0);
    return ticket;
}

static slow_outcome outcome_of(slow_junction *j, slow_ticket ticket) {
    slow_outcome outcome;
    assert_int_equal(slow_wait_outcome(j, ticket, LIMIT, &outcome), SLOW_OK);
    assert_true(outcome.ticket == ticket);
    return outcome;
}

typedef struct pair {
    slow_junction *alice, *bob;
} pair;

static pair pair_new(void) {
    pair p = {.alice = junction_of("alice"), .bob = junction_of("bob")};
    connect_over("tcp", p.alice, p.bob);
    assert_int_equal(slow_junction_wait(p.alice, "bob", LIMIT), SLOW_OK);
    assert_int_equal(slow_junction_wait(p.bob, "alice", LIMIT), SLOW_OK);
    return p;
}

static void pair_free(pair p) {
    slow_junction_free(p.alice);
    slow_junction_free(p.bob);
}

static void ignore(void *arg, const slow_message *message) {
    (void)arg;
    (void)message;
}

/* ---- delivered ---- */

static void a_message_is_delivered_when_the_callback_returned(void **state) {
    pair p = pair_new();
    (void)state;
    slow_on_message(p.bob, ignore, NULL);
    slow_outcome outcome = outcome_of(p.alice, send_ticket(p.alice, "bob", "1", NULL));
    assert_int_equal(outcome.outcome, SLOW_DELIVERED);
    assert_int_equal(outcome.reason, SLOW_REASON_NONE);
    assert_string_equal(outcome.text, "delivered");
    assert_true(outcome.rtt_ns > 0);
    pair_free(p);
}

static void a_message_is_delivered_when_it_is_freed_and_not_before(void **state) {
    pair p = pair_new();
    slow_message *message = NULL;
    slow_outcome outcome;
    (void)state;
    slow_ticket ticket = send_ticket(p.alice, "bob", "{\"n\": 1}", NULL);
    assert_int_equal(slow_recv(p.bob, &message, LIMIT), SLOW_OK);
    expect_json(message, "alice", "{\"n\":1}");
    assert_true(message->reliable);
    assert_true(message->session != 0);
    assert_true(message->number == 1);
    assert_int_equal(slow_wait_outcome(p.alice, ticket, SECOND / 20, &outcome), SLOW_E_TIMEOUT);
    slow_message_free(message);
    assert_int_equal(outcome_of(p.alice, ticket).outcome, SLOW_DELIVERED);
    assert_int_equal(slow_wait_outcome(p.alice, ticket, 0, &outcome), SLOW_E_INVAL); /* it was asked for */
    assert_int_equal(slow_wait_outcome(p.alice, 12345678, 0, &outcome), SLOW_E_INVAL);
    pair_free(p);
}

static void keep_message(void *arg, slow_message *message) {
    atomic_store((_Atomic(slow_message *) *)arg, message);
}

static slow_message *await_kept(_Atomic(slow_message *) *kept) {
    slow_message *message;
    slow_time until = test_now() + LIMIT;
    while ((message = atomic_load(kept)) == NULL && test_now() < until)
        sched_yield();
    assert_non_null(message);
    return message;
}

static void what_is_accepted_by_hand_is_delivered_then(void **state) {
    pair p = pair_new();
    _Atomic(slow_message *) kept = NULL;
    slow_outcome outcome;
    (void)state;
    assert_int_equal(slow_on_message_manual(p.bob, keep_message, &kept), SLOW_OK);
    slow_ticket ticket = send_ticket(p.alice, "bob", "1", NULL);
    slow_message *message = await_kept(&kept);
    assert_int_equal(slow_wait_outcome(p.alice, ticket, SECOND / 20, &outcome), SLOW_E_TIMEOUT);
    expect_json(message, "alice", "1");
    slow_message_accept(message);
    assert_int_equal(outcome_of(p.alice, ticket).outcome, SLOW_DELIVERED);
    pair_free(p);
}

static void a_large_message_arrives_whole(void **state) {
    enum { SIZE = 3 * 1024 * 1024 + 7 };
    pair p = pair_new();
    uint8_t *bytes = malloc(SIZE);
    slow_message *message = NULL;
    slow_ticket ticket;
    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    assert_int_equal(slow_send_binary(p.alice, "bob", bytes, SIZE, NULL, &ticket, NULL), SLOW_OK);
    assert_int_equal(slow_recv(p.bob, &message, LIMIT), SLOW_OK);
    assert_int_equal(message->size, SIZE);
    assert_memory_equal(message->data, bytes, SIZE);
    assert_int_equal(message->data[SIZE], 0);
    slow_message_free(message);
    assert_int_equal(outcome_of(p.alice, ticket).outcome, SLOW_DELIVERED);
    free(bytes);
    pair_free(p);
}

/* ---- not delivered ---- */

static void a_message_for_nobody_expires(void **state) {
    slow_junction *j = junction_of("alice");
    slow_send_options options = within(SECOND / 50);
    (void)state;
    slow_outcome outcome = outcome_of(j, send_ticket(j, "nobody", "1", &options));
    assert_int_equal(outcome.outcome, SLOW_NOT_DELIVERED);
    assert_int_equal(outcome.reason, SLOW_REASON_EXPIRED);
    assert_non_null(strstr(outcome.text, "within 0.02 s"));
    slow_junction_free(j);
}

static void fail_fast_does_not_wait_for_a_route(void **state) {
    slow_junction *j = junction_of("alice");
    slow_send_options options = SLOW_SEND_INIT;
    (void)state;
    options.fail_fast = true;
    slow_outcome outcome = outcome_of(j, send_ticket(j, "nobody", "1", &options));
    assert_int_equal(outcome.outcome, SLOW_NOT_DELIVERED);
    assert_int_equal(outcome.reason, SLOW_REASON_NO_ROUTE);
    slow_junction_free(j);
}

static void a_newer_value_takes_the_place_of_an_older_one(void **state) {
    slow_junction *alice = junction_of("alice"), *bob = junction_of("bob");
    slow_send_options options = SLOW_SEND_INIT;
    (void)state;
    options.order = SLOW_ORDER_LATEST;
    slow_ticket older = send_ticket(alice, "bob", "1", &options), newer = send_ticket(alice, "bob", "2", &options);
    slow_outcome outcome = outcome_of(alice, older);
    assert_int_equal(outcome.outcome, SLOW_NOT_DELIVERED);
    assert_int_equal(outcome.reason, SLOW_REASON_SUPERSEDED);
    connect_over("tcp", alice, bob);
    recv_json(bob, "alice", "2");
    assert_int_equal(outcome_of(alice, newer).outcome, SLOW_DELIVERED);
    slow_junction_free(alice);
    slow_junction_free(bob);
}

static void a_deadline_takes_a_message_back_out_of_the_inbox(void **state) {
    pair p = pair_new();
    slow_send_options options = within(SECOND / 5);
    slow_message *message;
    (void)state;
    slow_outcome outcome = outcome_of(p.alice, send_ticket(p.alice, "bob", "1", &options));
    assert_int_equal(outcome.outcome, SLOW_NOT_DELIVERED);
    assert_int_equal(outcome.reason, SLOW_REASON_EXPIRED);
    assert_string_equal(outcome.text, "expired: nobody took it there within 0.2 s: is somebody receiving?");
    assert_int_equal(slow_junction_waiting(p.bob), 0);
    assert_int_equal(slow_recv(p.bob, &message, 0), SLOW_E_TIMEOUT);
    pair_free(p);
}

static void what_nobody_took_is_refused_when_its_junction_goes(void **state) {
    pair p = pair_new();
    (void)state;
    slow_ticket ticket = send_ticket(p.alice, "bob", "1", NULL);
    slow_time until = test_now() + LIMIT;
    while (slow_junction_waiting(p.bob) == 0 && test_now() < until)
        sched_yield();
    slow_junction_free(p.bob);
    slow_outcome outcome = outcome_of(p.alice, ticket);
    assert_int_equal(outcome.outcome, SLOW_NOT_DELIVERED);
    assert_int_equal(outcome.reason, SLOW_REASON_REFUSED);
    slow_junction_free(p.alice);
}

/* ---- the end ---- */

typedef struct waiter {
    slow_junction *junction;
    slow_ticket ticket;
    slow_status status;
    slow_outcome outcome;
    _Atomic bool began;
} waiter;

static void *wait_for_it(void *arg) {
    waiter *w = arg;
    atomic_store(&w->began, true);
    w->status = slow_wait_outcome(w->junction, w->ticket, SLOW_FOREVER, &w->outcome);
    return NULL;
}

static void note_outcome(void *arg, const slow_outcome *outcome) {
    slow_outcome *noted = arg;
    *noted = *outcome;
}

static void freeing_a_junction_ends_every_wait_with_an_outcome(void **state) {
    slow_junction *j = junction_of("alice");
    waiter w = {.junction = j, .ticket = send_ticket(j, "nobody", "1", NULL), .status = SLOW_E_FAIL};
    slow_outcome told = {.ticket = 0};
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_it, &w), 0);
    while (!atomic_load(&w.began))
        sched_yield();
    slow_outcome outcome;
    assert_int_equal(slow_wait_outcome(j, w.ticket, SECOND / 20, &outcome), SLOW_E_TIMEOUT); /* it waits by now */
    assert_int_equal(slow_on_outcome(j, note_outcome, &told), SLOW_OK);
    slow_junction_free(j);
    pthread_join(thread, NULL);
    assert_int_equal(w.status, SLOW_OK);
    assert_int_equal(w.outcome.outcome, SLOW_NOT_DELIVERED);
    assert_int_equal(w.outcome.reason, SLOW_REASON_CLOSED);
    assert_true(told.ticket == w.ticket);
    assert_int_equal(told.reason, SLOW_REASON_CLOSED);
}

static void a_message_outlives_its_junction(void **state) {
    pair p = pair_new();
    slow_message *mine = NULL, *own = NULL;
    (void)state;
    slow_ticket ticket = send_ticket(p.alice, "bob", "\"kept\"", NULL);
    assert_int_equal(slow_recv(p.bob, &mine, LIMIT), SLOW_OK);
    send_ticket(p.bob, "bob", "\"own\"", NULL);
    assert_int_equal(slow_recv(p.bob, &own, LIMIT), SLOW_OK);
    slow_junction_free(p.bob);
    expect_json(mine, "alice", "\"kept\"");
    expect_json(own, "bob", "\"own\"");
    slow_message_free(mine);
    slow_message_accept(own);
    slow_outcome outcome;
    assert_int_equal(slow_wait_outcome(p.alice, ticket, 0, &outcome), SLOW_E_TIMEOUT); /* nobody said anything */
    slow_junction_free(p.alice);
}

typedef struct outcomes {
    _Atomic unsigned delivered, others;
} outcomes;

static void tally_outcome(void *arg, const slow_outcome *outcome) {
    outcomes *o = arg;
    atomic_fetch_add(outcome->outcome == SLOW_DELIVERED ? &o->delivered : &o->others, 1);
}

static void a_junction_that_is_full_ends_with_an_outcome_for_each(void **state) {
    enum { COUNT = 1000 };
    pair p = pair_new();
    outcomes of_alice = {0}, of_bob = {0};
    slow_ticket ticket;
    (void)state;
    assert_int_equal(slow_on_outcome(p.alice, tally_outcome, &of_alice), SLOW_OK);
    assert_int_equal(slow_on_outcome(p.bob, tally_outcome, &of_bob), SLOW_OK);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(slow_send_binary(p.alice, "bob", &i, sizeof i, NULL, &ticket, NULL), SLOW_OK);
        assert_int_equal(slow_send_binary(p.bob, "nobody", &i, sizeof i, NULL, &ticket, NULL), SLOW_OK);
        assert_int_equal(slow_send_binary(p.bob, "bob", &i, sizeof i, NULL, &ticket, NULL), SLOW_OK);
    }
    slow_time until = test_now() + LIMIT;
    while (slow_junction_waiting(p.bob) < 2 * COUNT && test_now() < until)
        sched_yield();
    slow_message *kept = NULL;
    assert_int_equal(slow_recv(p.bob, &kept, LIMIT), SLOW_OK);
    slow_junction_free(p.bob);
    assert_int_equal(atomic_load(&of_bob.delivered), 0);
    assert_int_equal(atomic_load(&of_bob.others), 2 * COUNT);
    slow_junction_free(p.alice);
    assert_int_equal(atomic_load(&of_alice.delivered), 0);
    assert_int_equal(atomic_load(&of_alice.others), COUNT);
    slow_message_free(kept);
}

static void ends_full(slow_junction *j) {
    enum { COUNT = 1000 };
    outcomes o = {0};
    slow_ticket ticket;
    slow_message *kept[2] = {NULL, NULL};
    assert_int_equal(slow_on_outcome(j, tally_outcome, &o), SLOW_OK);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(slow_send_binary(j, "alice", &i, sizeof i, NULL, &ticket, NULL), SLOW_OK);
        assert_int_equal(slow_send_binary(j, "nobody", &i, sizeof i, NULL, &ticket, NULL), SLOW_OK);
        if (i == COUNT / 2 && slow_junction_step(j, 0) == SLOW_OK) { /* the rest is found in the mailbag */
            assert_int_equal(slow_recv(j, &kept[0], 0), SLOW_OK);
            assert_int_equal(slow_recv(j, &kept[1], 0), SLOW_OK);
            slow_message_free(kept[0]);
        }
    }
    slow_junction_free(j);
    assert_int_equal(atomic_load(&o.delivered), kept[0] != NULL);
    assert_int_equal(atomic_load(&o.delivered) + atomic_load(&o.others), 2 * COUNT);
    slow_message_free(kept[1]);
}

static void a_full_junction_ends_so_on_the_callers_thread_too(void **state) {
    (void)state;
    ends_full(junction_in(SLOW_THREAD_CALLER, NULL, "alice"));
}

static void and_on_the_callers_base(void **state) {
    struct event_base *base = event_base_new();
    (void)state;
    ends_full(junction_in(SLOW_THREAD_BASE, base, "alice"));
    event_base_free(base);
}

/* ---- to ourselves ---- */

static void send_on(void *arg, const slow_message *message) {
    slow_junction *j = *(slow_junction **)arg;
    int left = 0;
    slow_ticket ticket;
    memcpy(&left, message->data, sizeof left);
    if (--left > 0)
        slow_send_binary(j, "alice", &left, sizeof left, NULL, &ticket, NULL);
}

static void a_callback_sends_to_its_own_junction(void **state) {
    enum { COUNT = 100 };
    slow_junction *j = junction_of("alice");
    outcomes o = {0};
    int left = COUNT;
    slow_ticket ticket;
    (void)state;
    assert_int_equal(slow_on_outcome(j, tally_outcome, &o), SLOW_OK);
    assert_int_equal(slow_on_message(j, send_on, &j), SLOW_OK);
    assert_int_equal(slow_send_binary(j, "alice", &left, sizeof left, NULL, &ticket, NULL), SLOW_OK);
    slow_time until = test_now() + LIMIT;
    while (atomic_load(&o.delivered) < COUNT && test_now() < until)
        sched_yield();
    assert_int_equal(atomic_load(&o.delivered), COUNT);
    slow_junction_free(j);
}

static void accept_at_once(void *arg, slow_message *message) {
    atomic_fetch_add((_Atomic unsigned *)arg, message->session != 0);
    slow_message_accept(message);
}

static void our_own_messages_are_taken_like_others(void **state) {
    slow_junction *j = junction_of("alice");
    slow_send_options soon = within(SECOND / 5);
    _Atomic(slow_message *) kept = NULL;
    _Atomic unsigned accepted = 0;
    slow_message *message;
    slow_outcome outcome;
    (void)state;
    slow_ticket ticket = send_ticket(j, "alice", "1", NULL);
    assert_int_equal(slow_recv(j, &message, LIMIT), SLOW_OK);
    expect_json(message, "alice", "1");
    assert_int_equal(slow_wait_outcome(j, ticket, 0, &outcome), SLOW_E_TIMEOUT);
    slow_message_free(message);
    assert_int_equal(outcome_of(j, ticket).outcome, SLOW_DELIVERED);
    outcome = outcome_of(j, send_ticket(j, "alice", "2", &soon)); /* nobody takes it */
    assert_int_equal(outcome.reason, SLOW_REASON_EXPIRED);
    assert_int_equal(slow_recv(j, &message, 0), SLOW_E_TIMEOUT);
    assert_int_equal(slow_on_message_manual(j, keep_message, &kept), SLOW_OK);
    ticket = send_ticket(j, "alice", "3", NULL);
    message = await_kept(&kept);
    assert_int_equal(slow_wait_outcome(j, ticket, 0, &outcome), SLOW_E_TIMEOUT);
    slow_message_accept(message);
    assert_int_equal(outcome_of(j, ticket).outcome, SLOW_DELIVERED);
    assert_int_equal(slow_on_message_manual(j, accept_at_once, &accepted), SLOW_OK);
    assert_int_equal(outcome_of(j, send_ticket(j, "alice", "4", NULL)).outcome, SLOW_DELIVERED);
    assert_int_equal(atomic_load(&accepted), 1);
    slow_junction_free(j);
}

/* ---- by callback, and on the caller's thread ---- */

static void every_ticket_is_told_once(void **state) {
    enum { COUNT = 5000 };
    pair p = pair_new();
    outcomes o = {0};
    slow_ticket ticket, last = 0;
    slow_status status;
    slow_outcome outcome;
    (void)state;
    slow_on_message(p.bob, ignore, NULL);
    assert_int_equal(slow_on_outcome(p.alice, tally_outcome, &o), SLOW_OK);
    for (int i = 0; i < COUNT; i++) {
        while ((status = slow_send_binary(p.alice, "bob", &i, sizeof i, NULL, &ticket, NULL)) == SLOW_E_AGAIN)
            assert_int_equal(slow_wait_writable(p.alice, "bob", LIMIT), SLOW_OK);
        assert_int_equal(status, SLOW_OK);
        assert_true(ticket > last);
        last = ticket;
    }
    slow_time until = test_now() + LIMIT;
    while (atomic_load(&o.delivered) < COUNT && test_now() < until)
        sched_yield();
    assert_int_equal(atomic_load(&o.delivered), COUNT);
    assert_int_equal(atomic_load(&o.others), 0);
    assert_int_equal(slow_wait_outcome(p.alice, last, 0, &outcome), SLOW_E_INVAL); /* told, and not kept */
    pair_free(p);
}

static void one_thread_polls_for_the_outcomes_of_all(void **state) {
    enum { COUNT = 100 };
    pair p = pair_new();
    slow_outcome outcome;
    (void)state;
    slow_on_message(p.bob, ignore, NULL);
    assert_int_equal(slow_next_outcome(p.alice, &outcome), SLOW_E_TIMEOUT);
    slow_ticket first = 0, last = 0;
    for (int i = 0; i < COUNT; i++) {
        last = send_ticket(p.alice, "bob", "1", NULL);
        first = first != 0 ? first : last;
    }
    struct pollfd asked = {.fd = slow_outcome_fd(p.alice), .events = POLLIN};
    uint64_t sum = 0;
    for (int got = 0; got < COUNT; got++) {
        assert_int_equal(poll(&asked, 1, (int)(LIMIT / 1000000)), 1);
        assert_int_equal(slow_next_outcome(p.alice, &outcome), SLOW_OK);
        assert_int_equal(outcome.outcome, SLOW_DELIVERED);
        sum += outcome.ticket - first;
    }
    assert_int_equal(sum, COUNT * (COUNT - 1) / 2);
    assert_int_equal(last - first, COUNT - 1);
    assert_int_equal(poll(&asked, 1, 0), 0);
    pair_free(p);
}

static void the_callers_thread_waits_by_running_the_junction(void **state) {
    slow_junction *j = junction_in(SLOW_THREAD_CALLER, NULL, "alice");
    (void)state;
    slow_on_message(j, ignore, NULL);
    slow_ticket ticket = send_ticket(j, "alice", "1", NULL);
    slow_outcome outcome;
    assert_int_equal(slow_wait_outcome(j, ticket, 0, &outcome), SLOW_E_TIMEOUT);
    assert_int_equal(outcome_of(j, ticket).outcome, SLOW_DELIVERED);
    slow_junction_free(j);
}

/* ---- how much ---- */

typedef struct writable {
    _Atomic unsigned count;
    char id[64];
} writable;

static void note_writable(void *arg, const char *id) {
    writable *w = arg;
    snprintf(w->id, sizeof w->id, "%s", id != NULL ? id : "best effort");
    atomic_fetch_add(&w->count, 1);
}

static void a_full_destination_says_again_and_stops_nobody_else(void **state) {
    slow_junction *j = junction_of("alice");
    slow_send_options options = within(SECOND);
    slow_error error;
    writable w = {.count = 0};
    slow_ticket ticket = 7;
    (void)state;
    slow_on_message(j, ignore, NULL);
    assert_int_equal(slow_on_writable(j, note_writable, &w), SLOW_OK);
    for (int i = 0; i < 4096; i++)
        assert_int_equal(slow_send_json(j, "nobody", "1", &options, NULL, NULL), SLOW_OK);
    assert_int_equal(slow_send_json(j, "nobody", "1", &options, &ticket, &error), SLOW_E_AGAIN);
    assert_true(ticket == 0);
    assert_non_null(strstr(error.text, "4096 messages"));
    assert_int_equal(slow_wait_writable(j, "nobody", 0), SLOW_E_TIMEOUT);
    assert_int_equal(slow_wait_writable(j, "alice", 0), SLOW_OK);
    assert_int_equal(outcome_of(j, send_ticket(j, "alice", "1", NULL)).outcome, SLOW_DELIVERED);
    assert_int_equal(slow_wait_writable(j, "nobody", LIMIT), SLOW_OK);
    slow_time until = test_now() + LIMIT;
    while (atomic_load(&w.count) == 0 && test_now() < until)
        sched_yield();
    assert_int_equal(slow_on_writable(j, NULL, NULL), SLOW_OK);
    assert_int_equal(atomic_load(&w.count), 1);
    assert_string_equal(w.id, "nobody");
    assert_int_equal(slow_send_json(j, "nobody", "1", &options, NULL, NULL), SLOW_OK);
    slow_junction_free(j);
}

static void bytes_are_bounded_and_one_large_message_goes_alone(void **state) {
    enum { LARGE = 5 * 1024 * 1024 };
    slow_junction *j = junction_of("alice");
    uint8_t *bytes = calloc(1, LARGE);
    (void)state;
    assert_int_equal(slow_send_binary(j, "x", bytes, LARGE, NULL, NULL, NULL), SLOW_OK);
    assert_int_equal(slow_send_binary(j, "x", bytes, 1, NULL, NULL, NULL), SLOW_E_AGAIN);
    char id[8];
    int taken = 0;
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof id, "y%d", i);
        taken += slow_send_binary(j, id, bytes, LARGE, NULL, NULL, NULL) == SLOW_OK;
    }
    assert_int_equal(taken, 11); /* 12 of 5 MiB are 60 MiB; one more would be above 64 */
    slow_junction_free(j);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_delivered_when_the_callback_returned),
        cmocka_unit_test(a_message_is_delivered_when_it_is_freed_and_not_before),
        cmocka_unit_test(what_is_accepted_by_hand_is_delivered_then),
        cmocka_unit_test(a_large_message_arrives_whole),
        cmocka_unit_test(a_message_for_nobody_expires),
        cmocka_unit_test(fail_fast_does_not_wait_for_a_route),
        cmocka_unit_test(a_newer_value_takes_the_place_of_an_older_one),
        cmocka_unit_test(a_deadline_takes_a_message_back_out_of_the_inbox),
        cmocka_unit_test(what_nobody_took_is_refused_when_its_junction_goes),
        cmocka_unit_test(freeing_a_junction_ends_every_wait_with_an_outcome),
        cmocka_unit_test(a_message_outlives_its_junction),
        cmocka_unit_test(a_junction_that_is_full_ends_with_an_outcome_for_each),
        cmocka_unit_test(a_full_junction_ends_so_on_the_callers_thread_too),
        cmocka_unit_test(and_on_the_callers_base),
        cmocka_unit_test(a_callback_sends_to_its_own_junction),
        cmocka_unit_test(our_own_messages_are_taken_like_others),
        cmocka_unit_test(every_ticket_is_told_once),
        cmocka_unit_test(one_thread_polls_for_the_outcomes_of_all),
        cmocka_unit_test(the_callers_thread_waits_by_running_the_junction),
        cmocka_unit_test(a_full_destination_says_again_and_stops_nobody_else),
        cmocka_unit_test(bytes_are_bounded_and_one_large_message_goes_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
