/* The classic scenarios over real sockets: flooding on a square of four junctions in one process, over UDP and over TCP. What
 * is exact in virtual time (scenario_test.c) is here: accepted once, and at least one double dropped. */
#include <slow/junction.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND = 1000000000 };

static slow_junction *open_flooding(const char *id, const char *scheme) {
    char text[512];
    slow_error error = {.code = SLOW_OK};
    snprintf(text, sizeof text,
             "{\"id\": \"%s\", \"plugin_dirs\": [\"%s/lib/slow/1\"], \"routing\": [\"routing-flooding\"],\n"
             " \"transports\": [{\"plugin\": \"transport-%s\"}]}",
             id, getenv("SLOW_BUILD"), scheme);
    slow_junction *junction = slow_junction_open_text(id, text, strlen(text), NULL, &error);
    if (junction == NULL)
        fail_msg("%s", error.text);
    return junction;
}

static void link_up(slow_junction *from, slow_junction *to, const char *scheme) {
    char any[64], bound[128];
    slow_error error = {.code = SLOW_OK};
    snprintf(any, sizeof any, "%s://127.0.0.1:0", scheme);
    if (slow_junction_listen(to, any, bound, &error) != SLOW_OK || slow_junction_join(from, bound, &error) != SLOW_OK)
        fail_msg("%s: %s", error.where, error.text);
}

/* Both ends, each as many neighbours as it was given. */
static void wait_for_neighbours(slow_junction *const *junctions, size_t count, size_t each) {
    for (int tries = 0; tries < 5000; tries++) {
        size_t ready = 0;
        for (size_t i = 0; i < count; i++)
            ready += slow_junction_neighbours(junctions[i], NULL, 0) == each;
        if (ready == count)
            return;
        slow_message *none;
        slow_recv(junctions[0], &none, SECOND / 500); /* nothing comes: it paces the look */
    }
    fail_msg("the square did not come up");
}

static void receive_one(slow_junction *at, const char *from) {
    slow_message *message;
    assert_int_equal(slow_recv(at, &message, 5 * (slow_time)SECOND), SLOW_OK);
    assert_string_equal(message->from, from);
    assert_string_equal((const char *)message->data, "{\"n\":1}");
    slow_message_free(message);
    assert_int_equal(slow_recv(at, &message, SECOND / 5), SLOW_E_TIMEOUT);
}

static void square(const char *scheme) {
    slow_junction *j[4];
    for (int i = 0; i < 4; i++) {
        char id[2] = {(char)('a' + i), 0};
        j[i] = open_flooding(id, scheme);
    }
    link_up(j[0], j[1], scheme);
    link_up(j[1], j[3], scheme);
    link_up(j[3], j[2], scheme);
    link_up(j[2], j[0], scheme);
    wait_for_neighbours(j, 4, 2);
    assert_int_equal(slow_send_json(j[0], "d", "{\"n\": 1}", NULL, NULL, NULL), SLOW_OK);
    receive_one(j[3], "a");
    assert_true(slow_junction_duplicates(j[3]) >= 1);
    slow_route_info route;
    assert_int_equal(slow_junction_best_route(j[3], "a", &route), SLOW_OK);
    assert_int_equal(slow_send_json(j[3], "a", "{\"n\": 1}", NULL, NULL, NULL), SLOW_OK);
    receive_one(j[0], "d");
    unsigned hops;
    assert_int_equal(slow_ping(j[0], "d", SECOND, NULL, &hops, NULL), SLOW_OK);
    assert_int_equal(hops, 2);
    for (int i = 0; i < 4; i++)
        slow_junction_free(j[i]);
}

static void a_square_over_udp_accepts_once(void **state) {
    (void)state;
    square("udp");
}

static void a_square_over_tcp_accepts_once(void **state) {
    (void)state;
    square("tcp");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_square_over_udp_accepts_once),
        cmocka_unit_test(a_square_over_tcp_accepts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
