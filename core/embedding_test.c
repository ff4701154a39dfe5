/* The life of embedded junctions, their threads, and the mesh that they see: real plugins, real sockets, loopback
 * only. */
#include "embedding_test.h"
#include "errand.h"
#include <dirent.h>
#include <event2/event.h>
#include <poll.h>
#include <unistd.h>

/* Bounded: until it holds, with the other threads let run. */
#define AWAIT(condition)                                                                  \
    do {                                                                                  \
        for (slow_time until_ = test_now() + LIMIT; !(condition) && test_now() < until_;) \
            sched_yield();                                                                \
        assert_true(condition);                                                           \
    } while (0)

static size_t entries_in(const char *path) {
    size_t count = 0;
    DIR *entries = opendir(path);
    assert_non_null(entries);
    while (readdir(entries) != NULL)
        count++;
    closedir(entries);
    return count;
}

/* ---- hello in each thread mode ---- */

/* Runs an application's base until a message is there. */
static void dispatch_until_message(struct event_base *base, slow_junction *j) {
    const struct timeval tick = {.tv_usec = 10000};
    for (slow_time until = test_now() + LIMIT; slow_junction_waiting(j) == 0 && test_now() < until;) {
        event_base_loopexit(base, &tick);
        event_base_dispatch(base);
    }
}

static void hello(const char *scheme, uint32_t thread) {
    struct event_base *base = thread == SLOW_THREAD_BASE ? event_base_new() : NULL;
    slow_junction *alice = junction_in(thread, base, "alice"), *bob = junction_of("bob");
    slow_error error = {.text = ""};
    connect_over(scheme, alice, bob);
    if (slow_send_json(alice, "bob", "{\"hello\": \"world\"}", NULL, NULL, &error) != SLOW_OK)
        fail_msg("%s", error.text);
    if (thread == SLOW_THREAD_CALLER) {
        slow_time rtt = 0;
        unsigned hops = 0;
        assert_int_equal(slow_junction_wait(alice, "bob", LIMIT), SLOW_OK);
        assert_int_equal(slow_ping(alice, "bob", LIMIT, &rtt, &hops, NULL), SLOW_OK);
        assert_int_equal(hops, 1);
        assert_true(rtt > 0);
    }
    if (thread == SLOW_THREAD_BASE) {
        assert_int_equal(slow_junction_wait(alice, "bob", SECOND), SLOW_E_INVAL);
        slow_send_json(bob, "alice", "\"so that it wakes\"", NULL, NULL, NULL);
        dispatch_until_message(base, alice);
        recv_json(alice, "bob", "\"so that it wakes\"");
        assert_int_equal(slow_junction_wait(alice, "bob", 0), SLOW_OK);
    }
    recv_json(bob, "alice", "{\"hello\":\"world\"}");
    assert_int_equal(slow_send_json(bob, "alice", "{\"hello\":\"yourself\"}", NULL, NULL, &error), SLOW_OK);
    if (thread == SLOW_THREAD_BASE)
        dispatch_until_message(base, alice);
    recv_json(alice, "bob", "{\"hello\":\"yourself\"}");
    slow_junction_free(alice);
    /* The goodbye was heard: long before a silent neighbour would be given up. */
    AWAIT(slow_junction_neighbours(bob, NULL, 0) == 0);
    slow_junction_free(bob);
    if (base != NULL)
        event_base_free(base);
}

static void hello_over_udp_on_a_thread_of_its_own(void **state) {
    (void)state;
    hello("udp", SLOW_THREAD_OWN);
}

static void hello_over_tcp_on_a_thread_of_its_own(void **state) {
    (void)state;
    hello("tcp", SLOW_THREAD_OWN);
}

static void hello_over_udp_on_the_callers_thread(void **state) {
    (void)state;
    hello("udp", SLOW_THREAD_CALLER);
}

static void hello_over_tcp_on_the_callers_thread(void **state) {
    (void)state;
    hello("tcp", SLOW_THREAD_CALLER);
}

static void hello_over_udp_on_the_callers_base(void **state) {
    (void)state;
    hello("udp", SLOW_THREAD_BASE);
}

static void hello_over_tcp_on_the_callers_base(void **state) {
    (void)state;
    hello("tcp", SLOW_THREAD_BASE);
}

/* ---- threads that come, take over and are let go ---- */

static void *run_it(void *junction) {
    slow_status status = slow_junction_run(junction);
    return (void *)(intptr_t)status;
}

static void another_thread_runs_it_and_is_broken_off(void **state) {
    slow_junction *j = junction_in(SLOW_THREAD_CALLER, NULL, "alice");
    pthread_t thread;
    void *status;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, run_it, j), 0);
    assert_int_equal(slow_send_json(j, "alice", "1", NULL, NULL, NULL), SLOW_OK);
    AWAIT(slow_junction_waiting(j) == 1); /* it runs: our calls are now errands */
    assert_int_equal(slow_junction_counter(j, "messages_received"), 1);
    assert_int_equal(slow_junction_wait(j, "nobody", SECOND / 100), SLOW_E_TIMEOUT);
    slow_junction_break(j);
    pthread_join(thread, &status);
    assert_int_equal((intptr_t)status, SLOW_OK);
    assert_int_equal(slow_junction_step(j, 0), SLOW_OK); /* and is ours again */
    slow_junction_free(j);
}

static void only_a_callers_junction_is_run_by_callers(void **state) {
    slow_junction *j = junction_of("alice");
    (void)state;
    assert_int_equal(slow_junction_step(j, 0), SLOW_E_INVAL);
    assert_int_equal(slow_junction_run(j), SLOW_E_INVAL);
    slow_junction_break(j);
    assert_int_equal(slow_junction_wait(j, "alice", 0), SLOW_OK); /* its own thread still runs */
    slow_junction_free(j);
}

static void *receive(void *junction) {
    slow_message *message;
    return (void *)(intptr_t)slow_recv(junction, &message, SLOW_FOREVER);
}

static void *wait_for_nobody(void *junction) {
    return (void *)(intptr_t)slow_junction_wait(junction, "nobody", SLOW_FOREVER);
}

static void *ping_nobody(void *junction) {
    return (void *)(intptr_t)slow_ping(junction, "nobody", LIMIT, NULL, NULL, NULL);
}

static bool has_guests(slow_junction *j, unsigned count) {
    pthread_mutex_lock(&j->lock);
    bool enough = j->guests == count;
    pthread_mutex_unlock(&j->lock);
    return enough;
}

static void freed_under(uint32_t mode) {
    void *(*const calls[])(void *) = {receive, wait_for_nobody, ping_nobody};
    enum { CALLS = sizeof calls / sizeof calls[0] };
    slow_junction *j = junction_in(mode, NULL, "alice");
    pthread_t threads[CALLS];
    for (size_t i = 0; i < CALLS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, calls[i], j), 0);
    AWAIT(has_guests(j, CALLS));
    slow_junction_free(j);
    for (size_t i = 0; i < CALLS; i++) {
        void *status;
        pthread_join(threads[i], &status);
        assert_int_equal((intptr_t)status, SLOW_E_CLOSED);
    }
}

static void free_lets_go_of_threads_that_wait(void **state) {
    (void)state;
    freed_under(SLOW_THREAD_OWN);
}

static void free_lets_go_of_threads_that_nobody_served(void **state) {
    (void)state;
    freed_under(SLOW_THREAD_CALLER);
}

/* A thread that has made the junction its own, and then waits in it: by running it. */
typedef struct runner {
    slow_junction *junction;
    void *(*call)(void *);
    atomic_bool began;
} runner;

static void *step_and_call(void *arg) {
    runner *r = arg;
    slow_junction_step(r->junction, 0);
    atomic_store(&r->began, true);
    return r->call(r->junction);
}

static bool is_run(slow_junction *j) {
    pthread_mutex_lock(&j->lock);
    bool run = j->depth > 0;
    pthread_mutex_unlock(&j->lock);
    return run;
}

static void free_lets_go_of_the_thread_that_runs_it(void **state) {
    void *(*const calls[])(void *) = {run_it, receive, wait_for_nobody};
    const slow_status ends[] = {SLOW_OK, SLOW_E_CLOSED, SLOW_E_CLOSED};
    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        runner r = {.junction = junction_in(SLOW_THREAD_CALLER, NULL, "alice"), .call = calls[i]};
        pthread_t thread;
        void *status;
        assert_int_equal(pthread_create(&thread, NULL, step_and_call, &r), 0);
        AWAIT(atomic_load(&r.began) && is_run(r.junction));
        slow_junction_free(r.junction);
        pthread_join(thread, &status);
        assert_int_equal((intptr_t)status, ends[i]);
    }
}

/* ---- errors ---- */

static void a_plugin_that_is_nowhere_is_an_error_that_says_where_it_looked(void **state) {
    static const char text[] = "{\"id\": \"a\", \"plugin_dirs\": [\"/no/such\"],\n \"routing\": [\"routing-gossip\"]}";
    slow_error error;
    (void)state;
    assert_null(slow_junction_open_text("a.json", text, sizeof text - 1, NULL, &error));
    print_message("%s\n", error.text);
    assert_non_null(strstr(error.text, "a.json:2: "));
    assert_non_null(strstr(error.text, "routing-gossip"));
    assert_non_null(strstr(error.text, "/no/such"));
}

static void wrong_options_are_refused(void **state) {
    static const char text[] = "{\"id\": \"a\"}";
    slow_options options = SLOW_OPTIONS_INIT;
    slow_error error;
    (void)state;
    options.thread = SLOW_THREAD_BASE;
    assert_null(slow_junction_new("a", &options, &error));
    assert_int_equal(error.code, SLOW_E_INVAL);
    options = (slow_options)SLOW_OPTIONS_INIT;
    options.network = "home";
    assert_null(slow_junction_open_text("a.json", text, sizeof text - 1, &options, &error));
    assert_int_equal(error.code, SLOW_E_INVAL);
    assert_null(slow_junction_new("", NULL, &error));
    assert_null(slow_junction_open("/no/such/slow.json", NULL, &error));
    assert_non_null(strstr(error.text, "/no/such/slow.json"));
    assert_null(slow_junction_open("/no/such/slow.json", NULL, NULL));
}

/* Compiled against a newer header, they are longer. Shorter than in 1.0 they are of nobody's. */
static void options_are_as_long_as_in_1_0_or_longer(void **state) {
    struct {
        slow_options options;
        uint64_t appended;
    } newer = {.options = SLOW_OPTIONS_INIT, .appended = UINT64_MAX};
    slow_error error = {.text = ""};
    (void)state;
    newer.options.struct_size = sizeof newer;
    slow_junction *j = slow_junction_new("a", &newer.options, &error);
    if (j == NULL)
        fail_msg("%s", error.text);
    slow_junction_free(j);
    newer.options.struct_size = offsetof(slow_options, calling_arg);
    assert_null(slow_junction_new("a", &newer.options, &error));
    newer.options.struct_size = 8;
    assert_null(slow_junction_new("a", &newer.options, &error));
    assert_string_equal(error.text, "struct_size is 8; start from SLOW_OPTIONS_INIT");
}

static void a_port_that_is_taken_is_an_error_that_names_it(void **state) {
    static const char *const schemes[] = {"udp", "tcp"};
    slow_junction *alice = junction_of("alice"), *bob = junction_of("bob");
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char wanted[64], bound[128];
        slow_error error = {.text = ""};
        snprintf(wanted, sizeof wanted, "%s://127.0.0.1:0", schemes[i]);
        assert_int_equal(slow_junction_listen(alice, wanted, bound, &error), SLOW_OK);
        assert_int_not_equal(slow_junction_listen(bob, bound, NULL, &error), SLOW_OK);
        print_message("%s\n", error.text);
        assert_non_null(strstr(error.text, strrchr(bound, ':') + 1));
        assert_non_null(strstr(error.text, "in use"));
    }
    slow_junction_free(alice);
    slow_junction_free(bob);
}

static void addresses_that_are_none_are_refused(void **state) {
    static const char *const bad[] = {"udp://127.0.0.1",   "127.0.0.1:4100", "pigeon://coop:1",
                                      "tcp://127.0.0.1:0", "udp://:",        ""};
    slow_junction *j = junction_of("alice");
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        slow_error error = {.text = ""};
        assert_int_equal(slow_junction_join(j, bad[i], &error), SLOW_E_INVAL);
        print_message("\"%s\": %s\n", bad[i], error.text);
        assert_true(strlen(error.text) > 10);
    }
    assert_int_equal(slow_junction_leave(j, "udp://127.0.0.1:9", NULL), SLOW_E_INVAL);
    slow_junction_free(j);
}

static void ping_without_a_route_fails_within_a_second(void **state) {
    slow_junction *j = junction_of("alice");
    slow_error error;
    slow_hop hops[4];
    size_t count = 4;
    (void)state;
    slow_time began = test_now();
    assert_int_equal(slow_ping(j, "nobody", LIMIT, NULL, NULL, &error), SLOW_E_NOROUTE);
    assert_true(test_now() - began < SECOND * 3 / 2); /* a second, and a busy machine */
    assert_non_null(strstr(error.text, "no route to \"nobody\""));
    assert_int_equal(slow_ping(j, "nobody", 0, NULL, NULL, &error), SLOW_E_TIMEOUT);
    assert_int_equal(slow_trace(j, "nobody", SECOND / 100, hops, &count, &error), SLOW_E_NOROUTE);
    assert_int_equal(count, 0);
    assert_int_equal(slow_junction_best_route(j, "nobody", &(slow_route_info){.metric = 0}), SLOW_E_NOROUTE);
    slow_junction_free(j);
}

/* ---- the mesh ---- */

static void the_mesh_is_seen_as_it_is(void **state) {
    slow_junction *alice = junction_of("alice"), *bob = junction_of("bob"), *carol = junction_of("carol");
    slow_neighbour_info neighbours[4];
    slow_route_info routes[4], best;
    slow_hop hops[4];
    size_t count = 4;
    (void)state;
    connect_over("udp", alice, bob);
    connect_over("tcp", carol, bob);
    assert_int_equal(slow_junction_wait(alice, "carol", LIMIT), SLOW_OK);
    assert_int_equal(slow_junction_wait(carol, "alice", LIMIT), SLOW_OK);
    assert_string_equal(slow_junction_id(alice), "alice");

    assert_int_equal(slow_junction_neighbours(bob, neighbours, 1), 2);
    assert_string_equal(neighbours[0].id, "alice");
    assert_int_equal(slow_junction_neighbours(bob, neighbours, 4), 2);
    assert_string_equal(neighbours[1].id, "carol");
    assert_int_equal(strncmp(neighbours[1].address, "tcp://127.0.0.1:", 16), 0);
    assert_string_equal(neighbours[1].codec, "protobuf");
    assert_int_equal(neighbours[1].links, 1);

    assert_int_equal(slow_junction_routes(alice, routes, 4), 2);
    assert_string_equal(routes[0].id, "bob");
    assert_string_equal(routes[1].id, "carol");
    assert_string_equal(routes[1].next_hop, "bob");
    assert_string_equal(routes[1].strategy, "routing-distance-vector");
    assert_int_equal(slow_junction_best_route(alice, "carol", &best), SLOW_OK);
    assert_string_equal(best.next_hop, "bob");
    assert_int_equal(best.alternatives, 0);

    assert_int_equal(slow_trace(alice, "carol", LIMIT, hops, &count, NULL), SLOW_OK);
    assert_int_equal(count, 2);
    assert_string_equal(hops[0].id, "bob");
    assert_string_equal(hops[1].id, "carol");
    count = 1;
    assert_int_equal(slow_trace(alice, "carol", LIMIT, hops, &count, NULL), SLOW_E_NOSPACE);
    assert_int_equal(count, 1);
    assert_int_equal(slow_junction_duplicates(alice), 0);
    assert_int_equal(slow_junction_counter(alice, "links_opened"), 1);
    assert_int_equal(slow_junction_counter(alice, "no such counter"), 0);
    slow_junction_free(alice);
    slow_junction_free(bob);
    slow_junction_free(carol);
}

static void leaving_ends_the_link(void **state) {
    slow_junction *alice = junction_of("alice"), *bob = junction_of("bob");
    slow_neighbour_info bob_info;
    (void)state;
    connect_over("udp", alice, bob);
    assert_int_equal(slow_junction_wait(alice, "bob", LIMIT), SLOW_OK);
    assert_int_equal(slow_junction_neighbours(alice, &bob_info, 1), 1);
    assert_int_equal(slow_junction_leave(alice, bob_info.address, NULL), SLOW_OK);
    AWAIT(slow_junction_wait(bob, "alice", 0) == SLOW_E_TIMEOUT);
    slow_junction_free(alice);
    slow_junction_free(bob);
}

static void strategies_come_and_go_under_messages(void **state) {
    slow_junction *js[2] = {junction_of("alice"), junction_of("bob")};
    slow_route_info route;
    slow_error error = {.text = ""};
    (void)state;
    connect_over("udp", js[0], js[1]);
    assert_int_equal(slow_junction_wait(js[0], "bob", LIMIT), SLOW_OK);
    assert_int_equal(slow_junction_routing_remove(js[0], "routing-distance-vector", &error), SLOW_E_INVAL);
    assert_non_null(strstr(error.text, "only strategy"));
    assert_int_equal(slow_junction_routing_add(js[0], "\"routing-floding\"", &error), SLOW_E_INVAL);
    assert_non_null(strstr(error.text, "did you mean \"routing-flooding\""));
    for (size_t i = 0; i < 2; i++) {
        const char *entry = i == 0 ? "\"routing-flooding\"" : "{\"plugin\": \"routing-flooding\", \"learn\": false}";
        assert_int_equal(slow_junction_routing_add(js[i], entry, &error), SLOW_OK);
        assert_int_equal(slow_junction_routing_prefer(js[i], "routing-flooding", 65536, &error), SLOW_E_INVAL);
        assert_int_equal(slow_junction_routing_prefer(js[i], "routing-flooding", 65535, &error), SLOW_OK);
        assert_int_equal(slow_junction_routing_remove(js[i], "routing-distance-vector", &error), SLOW_OK);
    }
    assert_int_equal(slow_send_json(js[0], "bob", "\"flooded\"", NULL, NULL, NULL), SLOW_OK);
    recv_json(js[1], "alice", "\"flooded\"");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(slow_junction_routing_add(js[i], "\"routing-distance-vector\"", &error), SLOW_OK);
        assert_int_equal(slow_junction_routing_remove(js[i], "routing-flooding", NULL), SLOW_OK);
    }
    assert_int_equal(slow_junction_wait(js[0], "bob", LIMIT), SLOW_OK);
    assert_int_equal(slow_junction_best_route(js[0], "bob", &route), SLOW_OK);
    assert_string_equal(route.strategy, "routing-distance-vector");
    assert_int_equal(slow_send_json(js[0], "bob", "\"routed\"", NULL, NULL, NULL), SLOW_OK);
    recv_json(js[1], "alice", "\"routed\"");
    assert_int_equal(slow_junction_counter(js[0], "links_lost"), 0);
    for (size_t i = 0; i < 2; i++)
        slow_junction_free(js[i]);
}

static void junctions_of_other_networks_do_not_link(void **state) {
    slow_options options = options_of(SLOW_THREAD_OWN, NULL);
    slow_junction *alice = junction_of("alice");
    (void)state;
    options.network = "elsewhere";
    slow_junction *bob = slow_junction_new("bob", &options, NULL);
    assert_non_null(bob);
    connect_over("udp", alice, bob);
    AWAIT(slow_junction_counter(bob, "links_refused") + slow_junction_counter(alice, "links_refused") > 0);
    assert_int_equal(slow_junction_neighbours(bob, NULL, 0), 0);
    slow_junction_free(alice);
    slow_junction_free(bob);
}

static void fifty_junctions_in_a_chain_reach_from_end_to_end(void **state) {
    enum { COUNT = 50 };
    slow_junction *chain[COUNT];
    unsigned hops = 0;
    slow_error error = {.text = ""};
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        char id[16];
        snprintf(id, sizeof id, "n%d", i);
        chain[i] = junction_of(id);
        if (i > 0)
            connect_over(i % 2 == 0 ? "udp" : "tcp", chain[i], chain[i - 1]);
    }
    assert_int_equal(slow_junction_wait(chain[0], "n49", LIMIT), SLOW_OK);
    assert_int_equal(slow_junction_wait(chain[COUNT - 1], "n0", LIMIT), SLOW_OK);
    if (slow_ping(chain[0], "n49", LIMIT, NULL, &hops, &error) != SLOW_OK)
        fail_msg("%s", error.text);
    assert_int_equal(hops, COUNT - 1);
    assert_int_equal(slow_send_json(chain[0], "n49", "\"along the chain\"", NULL, NULL, NULL), SLOW_OK);
    recv_json(chain[COUNT - 1], "n0", "\"along the chain\"");
    for (int i = 0; i < COUNT; i++)
        slow_junction_free(chain[i]);
}

/* A log callback that does all that one cannot do there, and what came of it. */
typedef struct rude {
    slow_junction *_Atomic junction;
    atomic_uint calls;
    _Atomic slow_status wait, recv, add, prefer, remove;
} rude;

static void rude_log(void *arg, int level, const char *who, const char *text) {
    rude *r = arg;
    slow_junction *j = atomic_load(&r->junction);
    slow_message *message;
    (void)level;
    (void)who;
    (void)text;
    if (j == NULL || atomic_fetch_add(&r->calls, 1) > 1000)
        return;
    atomic_store(&r->wait, slow_junction_wait(j, "nobody", SECOND));
    atomic_store(&r->recv, slow_recv(j, &message, SECOND));
    atomic_store(&r->add, slow_junction_routing_add(j, "\"routing-flooding\"", NULL));
    atomic_store(&r->prefer, slow_junction_routing_prefer(j, "routing-distance-vector", 7, NULL));
    atomic_store(&r->remove, slow_junction_routing_remove(j, "routing-distance-vector", NULL));
    slow_junction_free(j);
}

static void a_log_callback_can_neither_wait_nor_free_nor_change_strategies(void **state) {
    static const uint32_t modes[] = {SLOW_THREAD_OWN, SLOW_THREAD_CALLER};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        rude r = {.junction = NULL};
        slow_options options = options_of(modes[i], NULL);
        options.log = rude_log;
        options.log_arg = &r;
        slow_junction *j = slow_junction_new("alice", &options, NULL);
        assert_non_null(j);
        atomic_store(&r.junction, j);
        assert_int_equal(slow_junction_listen(j, "udp://127.0.0.1:0", NULL, NULL), SLOW_OK);
        atomic_store(&r.junction, NULL);
        assert_int_equal(atomic_load(&r.calls), 1); /* for "listening on"; what it caused is not told to itself */
        assert_int_equal(atomic_load(&r.wait), SLOW_E_INVAL);
        assert_int_equal(atomic_load(&r.recv), SLOW_E_INVAL);
        assert_int_equal(atomic_load(&r.add), SLOW_E_INVAL);
        assert_int_equal(atomic_load(&r.prefer), SLOW_E_INVAL);
        assert_int_equal(atomic_load(&r.remove), SLOW_E_INVAL);
        slow_junction_free(j);
    }
}

/* Not one descriptor and not one thread stays behind. (Memory is the sanitizer's business.) */
static size_t descriptors, threads;

static int count_before(void **state) {
    (void)state;
    slow_junction_free(junction_of("first")); /* what a process opens once, e.g. for random numbers */
    descriptors = entries_in("/proc/self/fd");
    threads = entries_in("/proc/self/task");
    return 0;
}

static int count_after(void **state) {
    (void)state;
    AWAIT(entries_in("/proc/self/task") == threads); /* a joined thread's entry goes a moment later */
    return entries_in("/proc/self/fd") == descriptors ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_over_udp_on_a_thread_of_its_own),
        cmocka_unit_test(hello_over_tcp_on_a_thread_of_its_own),
        cmocka_unit_test(hello_over_udp_on_the_callers_thread),
        cmocka_unit_test(hello_over_tcp_on_the_callers_thread),
        cmocka_unit_test(hello_over_udp_on_the_callers_base),
        cmocka_unit_test(hello_over_tcp_on_the_callers_base),
        cmocka_unit_test(another_thread_runs_it_and_is_broken_off),
        cmocka_unit_test(only_a_callers_junction_is_run_by_callers),
        cmocka_unit_test(free_lets_go_of_threads_that_wait),
        cmocka_unit_test(free_lets_go_of_threads_that_nobody_served),
        cmocka_unit_test(free_lets_go_of_the_thread_that_runs_it),
        cmocka_unit_test(a_plugin_that_is_nowhere_is_an_error_that_says_where_it_looked),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(options_are_as_long_as_in_1_0_or_longer),
        cmocka_unit_test(a_port_that_is_taken_is_an_error_that_names_it),
        cmocka_unit_test(addresses_that_are_none_are_refused),
        cmocka_unit_test(ping_without_a_route_fails_within_a_second),
        cmocka_unit_test(the_mesh_is_seen_as_it_is),
        cmocka_unit_test(leaving_ends_the_link),
        cmocka_unit_test(strategies_come_and_go_under_messages),
        cmocka_unit_test(junctions_of_other_networks_do_not_link),
        cmocka_unit_test(a_log_callback_can_neither_wait_nor_free_nor_change_strategies),
        cmocka_unit_test(fifty_junctions_in_a_chain_reach_from_end_to_end),
    };
    return cmocka_run_group_tests(tests, count_before, count_after);
}
