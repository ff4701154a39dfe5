/* An instance: its life in order, what it takes and does not give back, and what it left on its way. */
#include "instance.h"
#include "loop_libevent.h"
#include "loop_virtual.h"
#include <setjmp.h>
#include <slow/transport.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct rig {
    sl_world *world; /* NULL = the real loop */
    sl_loop *loop;
    sl_pool *pool;
    sl_log log;
    sl_instance *instance;
    const slow_host *host;
    char calls[16];  /* a letter for each call of the plugin's */
    char line[256];  /* the last one of the log */
    unsigned errors; /* lines of level ERROR */
    unsigned ran, configs_freed;
    bool refuse;
    sl_calls hears;
    char told[160]; /* what calling() was told of, and when a call ended */
} rig;

static void call(rig *g, char letter) {
    size_t size = strlen(g->calls);
    assert_true(size + 1 < sizeof g->calls);
    g->calls[size] = letter;
}

/* The plugin's config is the rig. */
static slow_status stub_create(const slow_host *host, const void *config, void **self, slow_error *error) {
    rig *g = *(rig *const *)config;
    call(g, 'c');
    g->host = host;
    *self = g;
    if (!g->refuse)
        return SLOW_OK;
    snprintf(error->text, sizeof error->text, "will not");
    return SLOW_E_INVAL;
}
static slow_status stub_start(void *self, slow_error *error) {
    (void)error;
    call(self, 's');
    return SLOW_OK;
}
static void stub_leave(void *self) {
    call(self, 'l');
}
static void stub_stop(void *self) {
    call(self, 'p');
}
static void stub_destroy(void *self) {
    call(self, 'd');
}

static const slow_plugin stub = {.struct_size = sizeof stub,
                                 .kind = SLOW_CODEC,
                                 .id = "codec-stub",
                                 .create = stub_create,
                                 .start = stub_start,
                                 .leave = stub_leave,
                                 .stop = stub_stop,
                                 .destroy = stub_destroy};
static const slow_plugin quiet = {.struct_size = sizeof quiet,
                                  .kind = SLOW_CODEC,
                                  .id = "codec-quiet",
                                  .create = stub_create,
                                  .destroy = stub_destroy};

static void keep_line(void *arg, int level, const char *who, const char *text) {
    rig *g = arg;
    snprintf(g->line, sizeof g->line, "%s: %s", who, text);
    g->errors += level == SLOW_LOG_ERROR;
}

static void free_config(const slow_plugin *plugin, void *config) {
    assert_non_null(plugin);
    (*(rig **)config)->configs_freed++;
    free(config);
}

static slow_status make(rig *g, const slow_plugin *plugin, slow_error *error) {
    static const sl_service services[] = {{"test.service/1", "a table"}, {NULL, NULL}};
    sl_instance_env env = {
        .loop = g->loop, .pool = g->pool, .log = &g->log, .services = services, .layer = g, .calls = g->hears};
    rig **config = malloc(sizeof *config);
    assert_non_null(config);
    *config = g;
    return sl_instance_new(plugin, config, free_config, &env, &g->instance, error);
}

static int set_up(void **state, bool real) {
    rig *g = calloc(1, sizeof *g);
    g->world = real ? NULL : sl_world_new(1);
    g->loop = real ? sl_loop_libevent_new(NULL) : sl_loop_virtual_new(g->world);
    g->pool = sl_pool_new();
    g->log = (sl_log){.sink = keep_line, .arg = g, .level = SLOW_LOG_DEBUG};
    *state = g;
    return g->loop == NULL || g->pool == NULL;
}

static int set_up_virtual(void **state) {
    return set_up(state, false);
}

static int set_up_real(void **state) {
    return set_up(state, true);
}

static int tear_down(void **state) {
    rig *g = *state;
    sl_loop_free(g->loop);
    sl_world_free(g->world);
    sl_pool_free(g->pool);
    free(g);
    return 0;
}

static void turn(rig *g) {
    sl_world_run(g->world, sl_world_now(g->world) + SL_SECOND);
}

static void count(void *arg) {
    ((rig *)arg)->ran++;
}

/* ---- life ---- */

static void each_step_of_a_life_is_taken_once_and_in_order(void **state) {
    rig *g = *state;
    slow_error error;
    assert_int_equal(make(g, &stub, &error), SLOW_OK);
    assert_ptr_equal(sl_instance_self(g->instance), g);
    assert_ptr_equal(sl_instance_plugin(g->instance), &stub);
    assert_ptr_equal(sl_instance_of(g->host), g->instance);
    assert_ptr_equal(sl_instance_layer(g->host), g);
    sl_instance_leave(g->instance); /* it was never started */
    assert_string_equal(g->calls, "c");
    assert_int_equal(sl_instance_start(g->instance, NULL), SLOW_OK);
    sl_instance_leave(g->instance);
    sl_instance_leave(g->instance);
    sl_instance_stop(g->instance);
    sl_instance_stop(g->instance);
    assert_string_equal(g->calls, "cslp");
    assert_int_equal(sl_instance_free(g->instance), 0);
    assert_string_equal(g->calls, "cslpd");
    assert_int_equal(g->configs_freed, 1);
    assert_int_equal(g->errors, 0);
    assert_int_equal(sl_instance_free(NULL), 0);
}

static void note_call(void *arg, const char *plugin, const char *name) {
    rig *g = arg;
    size_t size = strlen(g->told);
    if (plugin == NULL) {
        assert_null(name);
        snprintf(g->told + size, sizeof g->told - size, "%zu ", strlen(g->calls));
        return;
    }
    assert_string_equal(plugin, "codec-stub");
    snprintf(g->told + size, sizeof g->told - size, "%s:%zu-", name, strlen(g->calls));
}

/* Each is told of when the plugin was not called yet, and its end when it was. */
static void whoever_asked_hears_of_each_call_before_and_after(void **state) {
    rig *g = *state;
    g->hears = (sl_calls){.calling = note_call, .arg = g};
    assert_int_equal(make(g, &stub, NULL), SLOW_OK);
    assert_int_equal(sl_instance_start(g->instance, NULL), SLOW_OK);
    sl_instance_leave(g->instance);
    sl_instance_free(g->instance);
    assert_string_equal(g->told, "create:0-1 start:1-2 leave:2-3 stop:3-4 destroy:4-5 ");
}

static void a_create_that_refuses_is_told_of_to_its_end(void **state) {
    rig *g = *state;
    slow_error error;
    g->hears = (sl_calls){.calling = note_call, .arg = g};
    g->refuse = true;
    assert_int_equal(make(g, &stub, &error), SLOW_E_INVAL);
    assert_string_equal(g->told, "create:0-1 ");
}

static void what_is_only_tried_is_made_and_destroyed(void **state) {
    rig *g = *state;
    g->hears = (sl_calls){.only_create = true};
    assert_int_equal(make(g, &stub, NULL), SLOW_OK);
    assert_int_equal(sl_instance_start(g->instance, NULL), SLOW_OK);
    sl_instance_leave(g->instance);
    assert_int_equal(sl_instance_free(g->instance), 0);
    assert_string_equal(g->calls, "cd");
}

static void freeing_stops_first(void **state) {
    rig *g = *state;
    assert_int_equal(make(g, &stub, NULL), SLOW_OK);
    assert_int_equal(sl_instance_start(g->instance, NULL), SLOW_OK);
    assert_int_equal(sl_instance_free(g->instance), 0);
    assert_string_equal(g->calls, "cspd");
}

static void what_a_plugin_does_not_do_is_left_out(void **state) {
    rig *g = *state;
    assert_int_equal(make(g, &quiet, NULL), SLOW_OK);
    assert_int_equal(sl_instance_start(g->instance, NULL), SLOW_OK);
    sl_instance_leave(g->instance);
    assert_int_equal(sl_instance_free(g->instance), 0);
    assert_string_equal(g->calls, "cd");
}

static void a_plugin_that_refuses_leaves_nothing_behind(void **state) {
    rig *g = *state;
    slow_error error;
    g->refuse = true;
    assert_int_equal(make(g, &stub, &error), SLOW_E_INVAL);
    assert_string_equal(error.text, "will not");
    assert_string_equal(g->calls, "c"); /* and destroy() is not called */
    assert_int_equal(g->configs_freed, 1);
    assert_int_equal(make(g, &stub, NULL), SLOW_E_INVAL); /* nobody wants to know why */
    assert_int_equal(g->configs_freed, 2);
}

static void services_are_found_by_their_id(void **state) {
    rig *g = *state;
    assert_int_equal(make(g, &stub, NULL), SLOW_OK);
    assert_string_equal(g->host->service(g->host, "test.service/1"), "a table");
    assert_null(g->host->service(g->host, "test.service/2"));
    if (g->world != NULL)
        assert_null(g->host->service(g->host, SLOW_IO_ID)); /* virtual time has no file descriptors */
    else
        assert_non_null(g->host->service(g->host, SLOW_IO_ID));
    assert_int_equal(sl_instance_free(g->instance), 0);
}

static void a_line_in_the_log_bears_the_plugins_name(void **state) {
    rig *g = *state;
    assert_int_equal(make(g, &stub, NULL), SLOW_OK);
    g->host->log(g->host, SLOW_LOG_INFO, "100% true");
    assert_string_equal(g->line, "codec-stub: 100% true");
    assert_int_equal(sl_instance_free(g->instance), 0);
}

/* ---- leaks ---- */

static void timers_that_were_not_given_back_are_named_and_taken(void **state) {
    rig *g = *state;
    assert_int_equal(make(g, &stub, NULL), SLOW_OK);
    slow_timer *kept = g->host->timer_new(g->host, count, g), *freed = g->host->timer_new(g->host, count, g);
    g->host->timer_at(kept, SL_MS);
    g->host->timer_at(freed, SL_MS);
    g->host->timer_free(freed);
    g->host->timer_free(NULL);
    assert_int_equal(sl_instance_free(g->instance), 1);
    assert_int_equal(g->errors, 1);
    assert_non_null(strstr(g->line, "codec-stub: leaked 1 timers, 0 watches and 0 packets"));
    turn(g);
    assert_int_equal(g->ran, 0);
}

/* What is left of an instance whose packet is still somewhere stays for ever: it holds the packet's account. */
static sl_instance *remains;

static void packets_that_were_not_given_back_are_named(void **state) {
    rig *g = *state;
    assert_int_equal(make(g, &stub, NULL), SLOW_OK);
    slow_packet *given = g->host->packet_new(g->host, 10), *kept = g->host->packet_new(g->host, 10),
                *dropped = g->host->packet_new(g->host, 10);
    sl_packet_give(given, NULL); /* sent: the transport's now */
    g->host->packet_drop(dropped);
    remains = g->instance;
    assert_int_equal(sl_instance_free(g->instance), 1);
    assert_int_equal(g->errors, 1);
    assert_non_null(strstr(g->line, "codec-stub: leaked 0 timers, 0 watches and 1 packets"));
    sl_packet_drop(given);
    sl_packet_drop(kept); /* late, but nobody is hurt */
    assert_int_equal(sl_pool_bytes(g->pool), 0);
}

static void never_ready(void *arg, int fd, unsigned events) {
    (void)fd;
    (void)events;
    count(arg);
}

static void watches_that_were_not_given_back_are_named_and_taken(void **state) {
    rig *g = *state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(make(g, &stub, NULL), SLOW_OK);
    const slow_io *io = g->host->service(g->host, SLOW_IO_ID);
    slow_watch *freed = io->watch(g->host, fds[0], SLOW_IO_READ, never_ready, g);
    assert_non_null(io->watch(g->host, fds[1], SLOW_IO_WRITE, never_ready, g));
    io->unwatch(freed);
    io->unwatch(NULL);
    assert_int_equal(sl_instance_free(g->instance), 1);
    assert_non_null(strstr(g->line, "codec-stub: leaked 0 timers, 1 watches and 0 packets"));
    sl_loop_libevent_step(g->loop, 0);
    assert_int_equal(g->ran, 0); /* though the pipe is writable */
    close(fds[0]);
    close(fds[1]);
}

/* ---- errands ---- */

static void what_is_posted_and_deferred_runs(void **state) {
    rig *g = *state;
    assert_int_equal(make(g, &stub, NULL), SLOW_OK);
    assert_int_equal(g->host->post(g->host, count, g), SLOW_OK);
    assert_int_equal(g->host->defer(g->host, count, g), SLOW_OK);
    assert_int_equal(g->host->defer(g->host, count, g), SLOW_OK); /* once for each call */
    assert_int_equal(g->ran, 0);
    turn(g);
    assert_int_equal(g->ran, 3);
    assert_int_equal(sl_instance_free(g->instance), 0);
}

static void errands_die_with_their_instance(void **state) {
    rig *g = *state;
    assert_int_equal(make(g, &stub, NULL), SLOW_OK);
    assert_int_equal(g->host->post(g->host, count, g), SLOW_OK);
    assert_int_equal(g->host->defer(g->host, count, g), SLOW_OK);
    assert_int_equal(sl_instance_free(g->instance), 0);
    turn(g); /* they find out that nobody wants them, and the last one takes what is left of the instance along */
    assert_int_equal(g->ran, 0);
}

static void after_stop_errands_neither_run_nor_begin(void **state) {
    rig *g = *state;
    assert_int_equal(make(g, &stub, NULL), SLOW_OK);
    assert_int_equal(g->host->post(g->host, count, g), SLOW_OK);
    sl_instance_stop(g->instance);
    assert_int_equal(g->host->post(g->host, count, g), SLOW_E_CLOSED);
    assert_int_equal(g->host->defer(g->host, count, g), SLOW_E_CLOSED);
    turn(g);
    assert_int_equal(g->ran, 0);
    assert_int_equal(sl_instance_free(g->instance), 0);
}

#define VIRTUAL(test) cmocka_unit_test_setup_teardown(test, set_up_virtual, tear_down)
#define REAL(test) cmocka_unit_test_setup_teardown(test, set_up_real, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        VIRTUAL(each_step_of_a_life_is_taken_once_and_in_order),
        VIRTUAL(whoever_asked_hears_of_each_call_before_and_after),
        VIRTUAL(a_create_that_refuses_is_told_of_to_its_end),
        VIRTUAL(what_is_only_tried_is_made_and_destroyed),
        VIRTUAL(freeing_stops_first),
        VIRTUAL(what_a_plugin_does_not_do_is_left_out),
        VIRTUAL(a_plugin_that_refuses_leaves_nothing_behind),
        VIRTUAL(services_are_found_by_their_id),
        REAL(services_are_found_by_their_id),
        VIRTUAL(a_line_in_the_log_bears_the_plugins_name),
        VIRTUAL(timers_that_were_not_given_back_are_named_and_taken),
        VIRTUAL(packets_that_were_not_given_back_are_named),
        REAL(watches_that_were_not_given_back_are_named_and_taken),
        VIRTUAL(what_is_posted_and_deferred_runs),
        VIRTUAL(errands_die_with_their_instance),
        VIRTUAL(after_stop_errands_neither_run_nor_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
