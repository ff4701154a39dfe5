/* The inbox and those who hold what was in it, to the end and beyond. */
#include "inbox.h"
#include "loop_libevent.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 1000 };

typedef struct rig {
    sl_loop *loop;
    sl_inbox *inbox;
    uint32_t taken, held, refused;
    slow_message *free_next; /* as the next one is told to be taken: what another thread may do just then */
} rig;

/* As delivery does: what was taken or refused is freed, what is held is its holder's. */
static void on_taken(void *arg, sl_arrival *arrival) {
    rig *g = arg;
    slow_message *next = g->free_next;
    g->taken++;
    free(arrival);
    g->free_next = NULL;
    slow_message_free(next);
}

static void on_held(void *arg, sl_arrival *arrival) {
    arrival->held = true;
    ((rig *)arg)->held++;
}

static void on_refused(void *arg, sl_arrival *arrival) {
    free(arrival);
    ((rig *)arg)->refused++;
}

static int set_up(void **state) {
    rig *g = calloc(1, sizeof *g);
    sl_inbox_events events = {g, on_taken, on_held, on_refused};
    g->loop = sl_loop_libevent_new(NULL);
    g->inbox = sl_inbox_new(g->loop, &events);
    *state = g;
    return g->inbox == NULL;
}

static int tear_down(void **state) {
    free(*state);
    return 0;
}

static void put(rig *g) {
    sl_arrival *arrival = calloc(1, sizeof *arrival + 1);
    slow_message message = {.struct_size = sizeof message, .type = SLOW_BINARY, .from = "x", .reliable = true};
    assert_true(sl_inbox_put(g->inbox, &message, arrival));
}

static slow_message *take(rig *g) {
    slow_message *message = NULL;
    assert_int_equal(sl_inbox_take(g->inbox, &message, 0), SLOW_OK);
    return message;
}

static void end(rig *g) {
    sl_inbox_close(g->inbox);
    sl_inbox_refuse(g->inbox);
    sl_inbox_end(g->inbox);
    sl_loop_free(g->loop);
}

static void each_message_is_told_of_once(void **state) {
    rig *g = *state;
    slow_message *held[3];
    for (int i = 0; i < MOST; i++)
        put(g);
    for (int i = 0; i < 3; i++)
        held[i] = take(g);
    slow_message_free(held[0]);
    slow_message_free(take(g));
    end(g);
    assert_int_equal(g->taken, 2);
    assert_int_equal(g->held, 2);
    assert_int_equal(g->refused, MOST - 4);
    slow_message_free(held[1]);
    sl_inbox_free(g->inbox);
    slow_message_free(held[2]);
}

static void one_that_is_freed_while_the_end_is_told_is_told_of_too(void **state) {
    rig *g = *state;
    put(g);
    put(g);
    slow_message *first = take(g);
    g->free_next = take(g);
    slow_message_free(first);
    end(g);
    assert_int_equal(g->taken, 1);
    assert_int_equal(g->held, 1); /* its memory is the inbox's to free, and not delivery's */
    sl_inbox_free(g->inbox);
}

static void what_was_put_back_is_taken_first(void **state) {
    rig *g = *state;
    put(g);
    put(g);
    slow_message *first = take(g), *second;
    sl_inbox_put_back(g->inbox, first);
    assert_int_equal(sl_inbox_count(g->inbox), 2);
    assert_ptr_equal(take(g), first);
    second = take(g);
    slow_message_free(second);
    slow_message_free(first);
    end(g);
    assert_int_equal(g->taken, 2);
    sl_inbox_free(g->inbox);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(each_message_is_told_of_once),
        CASE(one_that_is_freed_while_the_end_is_told_is_told_of_too),
        CASE(what_was_put_back_is_taken_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
