/* embedding_test.h - what both tests of the embedding API need: junctions that must come up, and bounded waiting. */
#ifndef SL_EMBEDDING_TEST_H
#define SL_EMBEDDING_TEST_H
#include <slow/junction.h>
#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)
static const slow_time LIMIT = 30 * SECOND; /* for what has to happen; nothing here takes a tenth of it */

static inline slow_time test_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (slow_time)t.tv_sec * SECOND + (slow_time)t.tv_nsec;
}

/* A plugin that kept something is named in the log with this word. */
static inline void fail_on_leak(void *arg, int level, const char *who, const char *text) {
    (void)arg;
    (void)level;
    if (strstr(text, "leaked") != NULL) {
        fprintf(stderr, "%s: %s\n", who, text);
        abort();
    }
}

static inline slow_options options_of(uint32_t thread, struct event_base *base) {
    slow_options options = SLOW_OPTIONS_INIT;
    options.thread = thread;
    options.event_base = base;
    options.log = fail_on_leak;
    return options;
}

static inline slow_junction *junction_in(uint32_t thread, struct event_base *base, const char *id) {
    slow_options options = options_of(thread, base);
    slow_error error = {.text = ""};
    slow_junction *j = slow_junction_new(id, &options, &error);
    if (j == NULL)
        fail_msg("%s", error.text);
    return j;
}

static inline slow_junction *junction_of(const char *id) {
    return junction_in(SLOW_THREAD_OWN, NULL, id);
}

/* `to` listens, `from` joins; they may be linked a little later. */
static inline void connect_over(const char *scheme, slow_junction *from, slow_junction *to) {
    slow_error error = {.text = ""};
    char wanted[64], bound[128];
    snprintf(wanted, sizeof wanted, "%s://127.0.0.1:0", scheme);
    if (slow_junction_listen(to, wanted, bound, &error) != SLOW_OK ||
        slow_junction_join(from, bound, &error) != SLOW_OK)
        fail_msg("%s", error.text);
}

static inline void expect_json(const slow_message *message, const char *from, const char *json) {
    assert_int_equal(message->type, SLOW_JSON);
    assert_string_equal(message->from, from);
    assert_string_equal((const char *)message->data, json);
    assert_int_equal(message->size, strlen(json));
}

static inline void recv_json(slow_junction *j, const char *from, const char *json) {
    slow_message *message = NULL;
    assert_int_equal(slow_recv(j, &message, LIMIT), SLOW_OK);
    expect_json(message, from, json);
    slow_message_free(message);
}

/* Sends as best effort, waiting for room where there is none. */
static inline void send_binary(slow_junction *j, const char *to, const void *data, size_t size) {
    slow_status status;
    slow_error error = {.text = ""};
    slow_send_options options = SLOW_SEND_INIT;
    options.reliable = false;
    while ((status = slow_send_binary(j, to, data, size, &options, NULL, &error)) == SLOW_E_AGAIN)
        if (slow_wait_writable(j, NULL, LIMIT) != SLOW_OK)
            break;
    if (status != SLOW_OK)
        fail_msg("%s", error.text);
}
#endif
