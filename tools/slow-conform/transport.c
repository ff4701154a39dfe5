/* Transports: a stand-in for the core above them, and what they are held to. */
#include "conform.h"
#include <slow/transport.h>

static slow_link on_link_up(const slow_host *host, void *cookie, const slow_link_info *info) {
    bool was = conform_host_enter(conform_instance_of(host), "link_up");
    (void)cookie;
    (void)info;
    conform_host_leave(was);
    return 0;
}

static void on_dial_failed(const slow_host *host, uint64_t dial, const slow_error *error) {
    bool was = conform_host_enter(conform_instance_of(host), "dial_failed");
    (void)dial;
    (void)error;
    conform_host_leave(was);
}

static const slow_transport_host transport_host = {
    .struct_size = sizeof transport_host,
    .link_up = on_link_up,
    .dial_failed = on_dial_failed,
};

static const conform_service services[] = {{SLOW_TRANSPORT_HOST_ID, &transport_host}, {NULL, NULL}};

static void exercise(conform *c, conform_instance pair[2]) {
    (void)c;
    conform_turn(pair, 2);
}

static const conform_test tests[] = {{.name = NULL}};

const conform_kind conform_transport = {
    .kind = SLOW_TRANSPORT, .real_time = true, .tests = tests, .services = services, .exercise = exercise};
