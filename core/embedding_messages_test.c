/* Messages through the public API, with the real plugins over loopback. */
#include "embedding_test.h"
#include <poll.h>
#include <pthread.h>

/* ---- what is sent ---- */

static void white_space_goes_and_numbers_stay(void **state) {
    slow_junction *j = junction_of("alice");
    (void)state;
    assert_int_equal(slow_send_json(j, "alice", " { \"a\" : 1.0 ,\n\t\"b\" : [ 1e2 , \"x y\" ] } ", NULL, NULL, NULL),
                     SLOW_OK);
    recv_json(j, "alice", "{\"a\":1.0,\"b\":[1e2,\"x y\"]}");
    slow_junction_free(j);
}

static void bad_json_is_refused_with_its_place(void **state) {
    slow_junction *j = junction_of("alice");
    slow_error error;
    (void)state;
    assert_int_equal(slow_send_json(j, "bob", "{\"a\": 1,\n \"b\": }", NULL, NULL, &error), SLOW_E_INVAL);
    print_message("%s\n", error.text);
    assert_non_null(strstr(error.text, "line 2"));
    assert_non_null(strstr(error.text, "column 7"));
    assert_int_equal(slow_send_json(j, "bob", "{\"a\": 1, \"a\": 2}", NULL, NULL, &error), SLOW_E_INVAL);
    assert_non_null(strstr(error.text, "duplicate key"));
    slow_junction_free(j);
}

static void best_effort_has_at_most_64_kib(void **state) {
    static uint8_t big[64 * 1024 + 1];
    slow_junction *alice = junction_of("alice"), *bob = junction_of("bob");
    slow_message *message = NULL;
    slow_error error;
    slow_send_options options = SLOW_SEND_INIT;
    (void)state;
    options.reliable = false;
    connect_over("tcp", alice, bob);
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (uint8_t)(i * 7 + i / 251);
    assert_int_equal(slow_send_binary(alice, "bob", big, sizeof big, &options, NULL, &error), SLOW_E_TOOBIG);
    assert_non_null(strstr(error.text, "65536"));
    assert_int_equal(slow_send_binary(alice, "bob", big, sizeof big - 1, &options, NULL, &error), SLOW_OK);
    assert_int_equal(slow_recv(bob, &message, LIMIT), SLOW_OK);
    assert_int_equal(message->type, SLOW_BINARY);
    assert_int_equal(message->size, sizeof big - 1);
    assert_memory_equal(message->data, big, sizeof big - 1);
    assert_int_equal(message->data[message->size], 0);
    slow_message_free(message);
    slow_junction_free(alice);
    slow_junction_free(bob);
}

static void the_cores_control_kinds_are_not_for_applications(void **state) {
    slow_junction *j = junction_of("alice");
    slow_send_options options = SLOW_SEND_INIT;
    slow_message *message = NULL;
    slow_error error;
    (void)state;
    assert_int_equal(slow_send_control(j, "alice", 0x7fff, "x", 1, NULL, NULL, &error), SLOW_E_INVAL);
    assert_non_null(strstr(error.text, "0x8000"));
    options.channel = 63;
    assert_int_equal(slow_send_control(j, "alice", 0x8001, "x", 1, &options, NULL, &error), SLOW_OK);
    assert_int_equal(slow_recv(j, &message, LIMIT), SLOW_OK);
    assert_int_equal(message->type, SLOW_CONTROL);
    assert_int_equal(message->kind, 0x8001);
    assert_int_equal(message->channel, 63);
    slow_message_free(message);
    slow_junction_free(j);
}

static void wrong_options_and_ids_are_refused(void **state) {
    slow_junction *j = junction_of("alice");
    slow_send_options options = SLOW_SEND_INIT;
    slow_error error;
    (void)state;
    assert_int_equal(slow_send_json(j, "", "1", NULL, NULL, &error), SLOW_E_INVAL);
    assert_int_equal(slow_send_json(j, "a\nb", "1", NULL, NULL, &error), SLOW_E_INVAL);
    options.channel = 64;
    assert_int_equal(slow_send_json(j, "bob", "1", &options, NULL, &error), SLOW_E_INVAL);
    options = (slow_send_options)SLOW_SEND_INIT;
    options.priority = 4;
    assert_int_equal(slow_send_json(j, "bob", "1", &options, NULL, &error), SLOW_E_INVAL);
    options = (slow_send_options)SLOW_SEND_INIT;
    options.struct_size = offsetof(slow_send_options, trace); /* less than there was in 1.0 */
    assert_int_equal(slow_send_json(j, "bob", "1", &options, NULL, &error), SLOW_E_INVAL);
    assert_non_null(strstr(error.text, "SLOW_SEND_INIT"));
    slow_junction_free(j);
}

static void an_empty_message_arrives(void **state) {
    slow_junction *j = junction_of("alice");
    slow_message *message = NULL;
    (void)state;
    assert_int_equal(slow_send_binary(j, "alice", NULL, 0, NULL, NULL, NULL), SLOW_OK);
    assert_int_equal(slow_recv(j, &message, LIMIT), SLOW_OK);
    assert_int_equal(message->size, 0);
    assert_string_equal((const char *)message->data, "");
    slow_message_free(message);
    slow_junction_free(j);
}

static void what_is_sent_before_there_is_a_route_waits_for_it(void **state) {
    slow_junction *alice = junction_of("alice"), *bob = junction_of("bob");
    (void)state;
    assert_int_equal(slow_send_json(alice, "bob", "\"early\"", NULL, NULL, NULL), SLOW_OK);
    connect_over("udp", alice, bob);
    recv_json(bob, "alice", "\"early\"");
    slow_junction_free(alice);
    slow_junction_free(bob);
}

static void what_was_accepted_is_sent_before_the_goodbye(void **state) {
    enum { COUNT = 2000 };
    slow_junction *alice = junction_of("alice"), *bob = junction_of("bob");
    uint8_t bytes[1000] = {0};
    slow_message *message;
    (void)state;
    connect_over("tcp", alice, bob);
    assert_int_equal(slow_junction_wait(alice, "bob", LIMIT), SLOW_OK);
    for (int i = 0; i < COUNT; i++)
        send_binary(alice, "bob", bytes, sizeof bytes);
    slow_junction_free(alice);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(slow_recv(bob, &message, LIMIT), SLOW_OK);
        slow_message_free(message);
    }
    slow_junction_free(bob);
}

/* ---- how much ---- */

static void too_much_best_effort_says_again_and_room_comes_back(void **state) {
    static const uint8_t bytes[64 * 1024];
    slow_junction *j = junction_in(SLOW_THREAD_CALLER, NULL, "alice"); /* nothing moves until we say so */
    slow_error error;
    slow_send_options options = SLOW_SEND_INIT;
    (void)state;
    options.reliable = false;
    for (int i = 0; i < 4096; i++)
        assert_int_equal(slow_send_binary(j, "alice", bytes, 1, &options, NULL, NULL), SLOW_OK);
    assert_int_equal(slow_send_binary(j, "alice", bytes, 1, &options, NULL, &error), SLOW_E_AGAIN);
    assert_non_null(strstr(error.text, "4096 messages"));
    assert_int_equal(slow_wait_writable(j, NULL, 0), SLOW_E_TIMEOUT);
    assert_int_equal(slow_wait_writable(j, NULL, LIMIT), SLOW_OK);
    assert_int_equal(slow_junction_waiting(j), 4096);
    for (int i = 0; i < 64; i++)
        assert_int_equal(slow_send_binary(j, "alice", bytes, sizeof bytes, &options, NULL, NULL), SLOW_OK);
    assert_int_equal(slow_send_binary(j, "alice", bytes, 1, &options, NULL, NULL), SLOW_E_AGAIN);
    slow_junction_free(j);
}

static void a_full_inbox_drops_and_counts(void **state) {
    enum { INBOX = 4096, MORE = 100 };
    slow_junction *j = junction_of("alice");
    slow_message *message;
    (void)state;
    for (int i = 0; i < INBOX + MORE; i++)
        send_binary(j, "alice", &i, sizeof i);
    assert_int_equal(slow_junction_counter(j, "drop_message_inbox_full"), MORE); /* comes behind all that was sent */
    assert_int_equal(slow_junction_waiting(j), INBOX);
    for (int i = 0; i < INBOX; i++) {
        assert_int_equal(slow_recv(j, &message, 0), SLOW_OK);
        assert_memory_equal(message->data, &i, sizeof i);
        slow_message_free(message);
    }
    assert_int_equal(slow_recv(j, &message, 0), SLOW_E_TIMEOUT);
    slow_junction_free(j);
}

/* ---- how it is received ---- */

static void try_and_timed_receive_keep_to_their_time(void **state) {
    slow_junction *j = junction_of("alice");
    slow_message *message;
    (void)state;
    slow_time began = test_now();
    assert_int_equal(slow_recv(j, &message, 0), SLOW_E_TIMEOUT);
    assert_true(test_now() - began < SECOND);
    began = test_now();
    assert_int_equal(slow_recv(j, &message, SECOND / 20), SLOW_E_TIMEOUT);
    assert_true(test_now() - began >= SECOND / 20);
    assert_true(test_now() - began < 10 * SECOND);
    slow_junction_free(j);
}

static void the_descriptor_is_readable_while_a_message_waits(void **state) {
    slow_junction *j = junction_of("alice");
    struct pollfd fd = {.fd = slow_junction_fd(j), .events = POLLIN};
    (void)state;
    assert_int_equal(poll(&fd, 1, 0), 0);
    slow_send_json(j, "alice", "1", NULL, NULL, NULL);
    slow_send_json(j, "alice", "2", NULL, NULL, NULL);
    assert_int_equal(poll(&fd, 1, 30000), 1);
    recv_json(j, "alice", "1");
    recv_json(j, "alice", "2");
    assert_int_equal(poll(&fd, 1, 0), 0);
    slow_junction_free(j);
}

typedef struct tally {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    slow_junction *junction;
    unsigned count, wanted;
    uint64_t sum;
    slow_status recv, wait, ping, reached;
} tally;

static void tally_init(tally *t, slow_junction *j, unsigned wanted) {
    *t = (tally){.junction = j, .wanted = wanted};
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->changed, NULL);
}

static void tally_free(tally *t) {
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
}

static void tally_await(tally *t) {
    struct timespec deadline;
    int failure = 0;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += 60;
    pthread_mutex_lock(&t->lock);
    while (t->count < t->wanted && failure == 0)
        failure = pthread_cond_timedwait(&t->changed, &t->lock, &deadline);
    unsigned count = t->count;
    pthread_mutex_unlock(&t->lock);
    assert_int_equal(count, t->wanted);
}

static void tally_one(tally *t, uint64_t value) {
    pthread_mutex_lock(&t->lock);
    t->sum += value;
    if (++t->count >= t->wanted)
        pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

/* Within a callback what needs no waiting works, and waiting is refused, freeing too. */
static void look_from_within(void *arg, const slow_message *message) {
    tally *t = arg;
    slow_message *other;
    t->recv = slow_recv(t->junction, &other, SECOND);
    t->wait = slow_junction_wait(t->junction, "nobody", SECOND);
    t->ping = slow_ping(t->junction, "nobody", SECOND, NULL, NULL, NULL);
    t->reached = slow_junction_wait(t->junction, message->from, 0);
    slow_junction_free(t->junction);
    tally_one(t, message->size);
}

static void a_callback_gets_messages_and_cannot_wait(void **state) {
    slow_junction *j = junction_of("alice");
    tally t;
    (void)state;
    tally_init(&t, j, 1);
    assert_int_equal(slow_on_message(j, look_from_within, &t), SLOW_OK);
    assert_int_equal(slow_send_json(j, "alice", "1", NULL, NULL, NULL), SLOW_OK);
    tally_await(&t);
    assert_int_equal(t.recv, SLOW_E_INVAL);
    assert_int_equal(t.wait, SLOW_E_INVAL);
    assert_int_equal(t.ping, SLOW_E_INVAL);
    assert_int_equal(t.reached, SLOW_OK);
    assert_int_equal(slow_junction_waiting(j), 0);
    assert_int_equal(slow_on_message(j, NULL, NULL), SLOW_OK);
    assert_int_equal(slow_send_json(j, "alice", "2", NULL, NULL, NULL), SLOW_OK);
    recv_json(j, "alice", "2");
    slow_junction_free(j);
    tally_free(&t);
}

/* ---- many threads ---- */

enum { SENDERS = 8, EACH = 1000 };

typedef struct sender {
    slow_junction *junction;
    uint64_t first;
    slow_status status;
} sender;

static void *send_each(void *arg) {
    sender *s = arg;
    for (uint64_t value = s->first; value < s->first + EACH && s->status == SLOW_OK; value++)
        while ((s->status = slow_send_binary(s->junction, "bob", &value, sizeof value, NULL, NULL, NULL)) ==
                   SLOW_E_AGAIN &&
               slow_wait_writable(s->junction, "bob", LIMIT) == SLOW_OK)
            continue;
    return NULL;
}

static void count_value(void *arg, const slow_message *message) {
    uint64_t value = 0;
    if (message->size == sizeof value)
        memcpy(&value, message->data, sizeof value);
    tally_one(arg, value);
}

static void all_that_eight_threads_send_arrives(void **state) {
    slow_junction *alice = junction_of("alice"), *bob = junction_of("bob");
    pthread_t threads[SENDERS];
    sender senders[SENDERS];
    tally t;
    (void)state;
    tally_init(&t, bob, SENDERS * EACH);
    assert_int_equal(slow_on_message(bob, count_value, &t), SLOW_OK);
    connect_over("tcp", alice, bob);
    assert_int_equal(slow_junction_wait(alice, "bob", LIMIT), SLOW_OK);
    for (uint64_t i = 0; i < SENDERS; i++) {
        senders[i] = (sender){.junction = alice, .first = i * EACH};
        assert_int_equal(pthread_create(&threads[i], NULL, send_each, &senders[i]), 0);
    }
    for (size_t i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(senders[i].status, SLOW_OK);
    }
    tally_await(&t);
    assert_int_equal(t.sum, (uint64_t)SENDERS * EACH * (SENDERS * EACH - 1) / 2);
    slow_junction_free(alice);
    slow_junction_free(bob);
    tally_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(white_space_goes_and_numbers_stay),
        cmocka_unit_test(bad_json_is_refused_with_its_place),
        cmocka_unit_test(best_effort_has_at_most_64_kib),
        cmocka_unit_test(the_cores_control_kinds_are_not_for_applications),
        cmocka_unit_test(wrong_options_and_ids_are_refused),
        cmocka_unit_test(an_empty_message_arrives),
        cmocka_unit_test(what_is_sent_before_there_is_a_route_waits_for_it),
        cmocka_unit_test(what_was_accepted_is_sent_before_the_goodbye),
        cmocka_unit_test(too_much_best_effort_says_again_and_room_comes_back),
        cmocka_unit_test(a_full_inbox_drops_and_counts),
        cmocka_unit_test(try_and_timed_receive_keep_to_their_time),
        cmocka_unit_test(the_descriptor_is_readable_while_a_message_waits),
        cmocka_unit_test(a_callback_gets_messages_and_cannot_wait),
        cmocka_unit_test(all_that_eight_threads_send_arrives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
