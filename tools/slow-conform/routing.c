/* Routing strategies: two neighbours on a bench, and what they are held to in meshes. */
#include "conform.h"
#include <slow/routing.h>

static const slow_id *on_self(const slow_host *host) {
    static const slow_id id = {.size = 2, .text = "n0"};
    bool was = conform_host_enter(conform_instance_of(host), "self");
    conform_host_leave(was);
    return &id;
}

static uint64_t on_epoch(const slow_host *host) {
    bool was = conform_host_enter(conform_instance_of(host), "epoch");
    conform_host_leave(was);
    return 1;
}

static slow_status on_send(const slow_host *host, slow_link to, slow_bytes message) {
    bool was = conform_host_enter(conform_instance_of(host), "send");
    (void)to;
    conform_trace(conform_instance_of(host), message.data, message.size);
    conform_host_leave(was);
    return SLOW_OK;
}

static slow_status on_offer(const slow_host *host, const slow_id *dst, const slow_route *routes, size_t n) {
    bool was = conform_host_enter(conform_instance_of(host), "offer");
    conform_trace(conform_instance_of(host), dst, sizeof *dst);
    for (size_t i = 0; i < n; i++)
        conform_trace(conform_instance_of(host), &routes[i].metric, sizeof routes[i].metric);
    conform_host_leave(was);
    return SLOW_OK;
}

static slow_status on_sign(const slow_host *host, slow_bytes statement, slow_bytes *proof) {
    bool was = conform_host_enter(conform_instance_of(host), "sign");
    (void)statement;
    *proof = (slow_bytes){NULL, 0};
    conform_host_leave(was);
    return SLOW_OK;
}

static bool on_verify(const slow_host *host, const slow_id *origin, uint64_t epoch, slow_bytes statement,
                      slow_bytes proof) {
    bool was = conform_host_enter(conform_instance_of(host), "verify");
    (void)origin;
    (void)epoch;
    (void)statement;
    conform_host_leave(was);
    return proof.size == 0;
}

static bool on_is_leaf(const slow_host *host) {
    bool was = conform_host_enter(conform_instance_of(host), "is_leaf");
    conform_host_leave(was);
    return false;
}

static void on_say_again(const slow_host *host, slow_link link) {
    bool was = conform_host_enter(conform_instance_of(host), "say_again");
    (void)link;
    conform_host_leave(was);
}

static const slow_routing_host routing_host = {
    .struct_size = sizeof routing_host,
    .self = on_self,
    .epoch = on_epoch,
    .send = on_send,
    .offer = on_offer,
    .sign = on_sign,
    .verify = on_verify,
    .is_leaf = on_is_leaf,
    .say_again = on_say_again,
};

static const conform_service services[] = {{SLOW_ROUTING_HOST_ID, &routing_host}, {NULL, NULL}};

static void exercise(conform *c, conform_instance pair[2]) {
    (void)c;
    conform_run(pair, 2, UINT64_C(1000000000));
}

static const conform_test tests[] = {{.name = NULL}};

const conform_kind conform_routing = {.kind = SLOW_ROUTING, .tests = tests, .services = services, .exercise = exercise};
