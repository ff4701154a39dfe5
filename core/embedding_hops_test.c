/* The way of traced messages through the public API, with the real plugins over loopback: alice, a relay, and bob. */
#include "embedding_test.h"
#include <pthread.h>

typedef struct mesh {
    slow_junction *alice, *relay, *bob;
} mesh;

static mesh mesh_of(uint32_t alices_thread) {
    mesh m = {
        .alice = junction_in(alices_thread, NULL, "alice"), .relay = junction_of("relay"), .bob = junction_of("bob")};
    connect_over("tcp", m.alice, m.relay);
    connect_over("udp", m.relay, m.bob);
    assert_int_equal(slow_junction_wait(m.alice, "bob", LIMIT), SLOW_OK);
    assert_int_equal(slow_junction_wait(m.bob, "alice", LIMIT), SLOW_OK);
    return m;
}

static void mesh_free(mesh m) {
    slow_junction_free(m.alice);
    slow_junction_free(m.relay);
    slow_junction_free(m.bob);
}

static slow_ticket send_traced(slow_junction *j, const char *to, bool reliable) {
    slow_send_options options = SLOW_SEND_INIT;
    slow_error error = {.text = ""};
    slow_ticket ticket = 0;
    options.reliable = reliable;
    options.trace = true;
    if (slow_send_json(j, to, "[1]", &options, &ticket, &error) != SLOW_OK)
        fail_msg("%s", error.text);
    assert_true(ticket != 0);
    return ticket;
}

static void ignore(void *arg, const slow_message *message) {
    (void)arg;
    (void)message;
}

static void is_the_way(const slow_message_hop *hops, size_t count, slow_ticket ticket) {
    static const char *const ids[] = {"alice", "relay", "bob", ""};
    assert_int_equal(count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(hops[i].ticket == ticket);
        assert_int_equal(hops[i].attempt, 1);
        assert_int_equal(hops[i].offset, 0);
        assert_int_equal(hops[i].place, i);
        assert_string_equal(hops[i].id, ids[i]);
        assert_string_equal(hops[i].next, ids[i + 1]);
        assert_int_equal(hops[i].fate, i < 2 ? SLOW_HOP_PASSED : SLOW_HOP_ARRIVED);
        assert_true(hops[i].queued_ns < LIMIT);
        assert_true(hops[i].time_ns / SECOND >= 1700000000); /* one clock: this machine's */
    }
}

static void hops_can_be_waited_for(void **state) {
    mesh m = mesh_of(SLOW_THREAD_OWN);
    slow_message_hop hops[8];
    (void)state;
    slow_on_message(m.bob, ignore, NULL);
    for (int reliable = 0; reliable <= 1; reliable++) {
        slow_ticket ticket = send_traced(m.alice, "bob", reliable);
        slow_outcome outcome;
        size_t count = 8;
        assert_int_equal(slow_message_hops(m.alice, ticket, LIMIT, hops, &count), SLOW_OK);
        is_the_way(hops, count, ticket);
        assert_int_equal(slow_wait_outcome(m.alice, ticket, LIMIT, &outcome), reliable ? SLOW_OK : SLOW_E_INVAL);
        count = 8; /* the outcome was asked for: the hops are there still */
        assert_int_equal(slow_message_hops(m.alice, ticket, 0, hops, &count), SLOW_OK);
        assert_int_equal(count, 3);
        count = 2;
        assert_int_equal(slow_message_hops(m.alice, ticket, 0, hops, &count), SLOW_E_NOSPACE);
        assert_int_equal(count, 2);
    }
    mesh_free(m);
}

static void the_callers_thread_can_wait_for_hops(void **state) {
    mesh m = mesh_of(SLOW_THREAD_CALLER);
    slow_message_hop hops[8];
    size_t count = 8;
    (void)state;
    slow_ticket ticket = send_traced(m.alice, "bob", true);
    assert_int_equal(slow_message_hops(m.alice, ticket, 0, hops, &count), SLOW_E_TIMEOUT); /* it is known at once */
    assert_int_equal(count, 0);
    count = 8;
    assert_int_equal(slow_message_hops(m.alice, ticket, LIMIT, hops, &count), SLOW_OK);
    is_the_way(hops, count, ticket);
    mesh_free(m);
}

typedef struct told {
    pthread_mutex_t lock;
    slow_junction *alice;
    slow_message_hop hops[16];
    size_t count;
} told;

static void on_hop(void *arg, const slow_message_hop *hop) {
    told *t = arg;
    slow_message_hop looked[8];
    size_t count = 8;
    slow_status status = slow_message_hops(t->alice, hop->ticket, 0, looked, &count); /* may be asked here, too */
    pthread_mutex_lock(&t->lock);
    if (t->count < 16 && count > 0 && (status == SLOW_OK || status == SLOW_E_TIMEOUT))
        t->hops[t->count++] = *hop;
    pthread_mutex_unlock(&t->lock);
}

static size_t told_count(told *t) {
    pthread_mutex_lock(&t->lock);
    size_t count = t->count;
    pthread_mutex_unlock(&t->lock);
    return count;
}

static int by_place(const void *a, const void *b) {
    return (int)((const slow_message_hop *)a)->place - (int)((const slow_message_hop *)b)->place;
}

static void hops_are_told_as_they_come(void **state) {
    mesh m = mesh_of(SLOW_THREAD_OWN);
    told t = {.lock = PTHREAD_MUTEX_INITIALIZER, .alice = m.alice};
    slow_message_hop hops[8];
    size_t count = 8;
    (void)state;
    slow_on_message(m.bob, ignore, NULL);
    assert_int_equal(slow_on_hop(m.alice, on_hop, &t), SLOW_OK);
    slow_ticket ticket = send_traced(m.alice, "bob", true);
    for (slow_time end = test_now() + LIMIT; told_count(&t) < 3 && test_now() < end;)
        sched_yield();
    assert_int_equal(slow_on_hop(m.alice, NULL, NULL), SLOW_OK);
    qsort(t.hops, t.count, sizeof *t.hops, by_place);
    is_the_way(t.hops, t.count, ticket);
    assert_int_equal(slow_message_hops(m.alice, ticket, 0, hops, &count), SLOW_OK);
    ticket = send_traced(m.alice, "bob", true);
    count = 8;
    assert_int_equal(slow_message_hops(m.alice, ticket, LIMIT, hops, &count), SLOW_OK);
    assert_int_equal(t.count, 3); /* nobody is called any more */
    mesh_free(m);
}

static void what_is_not_traced_has_no_hops(void **state) {
    mesh m = mesh_of(SLOW_THREAD_OWN);
    slow_message_hop hop;
    slow_ticket ticket;
    slow_error error;
    slow_send_options options = SLOW_SEND_INIT;
    size_t count = 1;
    (void)state;
    assert_int_equal(slow_send_json(m.alice, "bob", "1", NULL, &ticket, &error), SLOW_OK);
    assert_int_equal(slow_message_hops(m.alice, ticket, LIMIT, &hop, &count), SLOW_E_INVAL);
    assert_int_equal(count, 0);
    options.trace = true;
    assert_int_equal(slow_send_json(m.alice, "bob", "1", &options, NULL, &error), SLOW_E_INVAL);
    assert_string_equal(error.where, "trace");
    mesh_free(m);
}

static void *wait_for_hops(void *arg) {
    slow_message_hop hops[8];
    size_t count = 8;
    slow_junction *alice = arg;
    slow_ticket ticket = send_traced(alice, "nobody", true);
    slow_status status = slow_message_hops(alice, ticket, SLOW_FOREVER, hops, &count);
    return (void *)(intptr_t)(status == SLOW_E_CLOSED && count == 0);
}

static void a_junction_that_is_freed_ends_the_wait(void **state) {
    slow_junction *alice = junction_of("alice");
    pthread_t thread;
    void *good = NULL;
    slow_time end = test_now() + LIMIT;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_hops, alice), 0);
    while (slow_junction_counter(alice, "messages_sent") == 0 && test_now() < end)
        sched_yield();
    slow_junction_free(alice);
    pthread_join(thread, &good);
    assert_non_null(good);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hops_can_be_waited_for),
        cmocka_unit_test(the_callers_thread_can_wait_for_hops),
        cmocka_unit_test(hops_are_told_as_they_come),
        cmocka_unit_test(what_is_not_traced_has_no_hops),
        cmocka_unit_test(a_junction_that_is_freed_ends_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
