#include "libslow.h"
#include "process.h"
#include <poll.h>
#include <slow/junction.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

typedef struct flowing {
    slow_junction *from, *to;
    slow_send_options options;
    size_t size;
    uint64_t accepted;
    _Atomic uint64_t taken;
} flowing;

static void count_message(void *arg, const slow_message *message) {
    (void)message;
    atomic_fetch_add_explicit((_Atomic uint64_t *)arg, 1, memory_order_relaxed);
}

static bool send_until(flowing *f, uint64_t until) {
    static const uint8_t payload[1024];
    slow_error error;
    while (bench_now() < until) {
        slow_status status = slow_send_binary(f->from, BENCH_BOB, payload, f->size, &f->options, NULL, &error);
        f->accepted += status == SLOW_OK;
        if (status == SLOW_E_AGAIN)
            status = slow_wait_writable(f->from, f->options.reliable ? BENCH_BOB : NULL, 100 * BENCH_MS);
        if (status != SLOW_OK && status != SLOW_E_TIMEOUT) {
            bench_error("a message is refused: %s", error.text);
            return false;
        }
    }
    return true;
}

/* Of what was accepted; waits until all has come, or nothing more does. */
static uint64_t lost_of(const flowing *f) {
    uint64_t before, taken = atomic_load(&f->taken);
    do {
        before = taken;
        for (int i = 0; i < 50 && taken < f->accepted; i++) {
            poll(NULL, 0, 10);
            taken = atomic_load(&f->taken);
        }
    } while (taken != before && taken < f->accepted);
    return f->accepted - taken;
}

static bool flow_run(flowing *f, pid_t relay, uint64_t warm_up_ns, uint64_t window_ns, flow *out) {
    if (slow_on_message(f->to, count_message, &f->taken) != SLOW_OK || !send_until(f, bench_now() + warm_up_ns))
        return false;
    uint64_t begin = bench_now(), before = atomic_load(&f->taken);
    double cpu = process_cpu_seconds(relay);
    if (!send_until(f, begin + window_ns))
        return false;
    *out = (flow){.messages = atomic_load(&f->taken) - before,
                  .seconds = (double)(bench_now() - begin) / 1e9,
                  .cpu_seconds = process_cpu_seconds(relay) - cpu};
    out->lost = lost_of(f);
    if (out->messages == 0)
        bench_error("nothing arrived at %s", BENCH_BOB);
    return out->messages > 0;
}

static bool joined(slow_junction *j, const char *address, const char *other, slow_error *error) {
    if (slow_junction_join(j, address, error) != SLOW_OK)
        return false;
    return slow_junction_wait(j, other, 10 * BENCH_SECOND) == SLOW_OK;
}

static slow_junction *junction_of(const shape *s, const keys *k, const char *id, slow_error *error) {
    char config[CONFIG_MOST];
    keys_config(k, id, s->sealing, "", config);
    return slow_junction_open_text(id, config, strlen(config), NULL, error);
}

bool libslow_flow(const shape *s, const keys *k, uint16_t port, pid_t relay, uint64_t warm_up_ns, uint64_t window_ns,
                  flow *out) {
    char address[64];
    slow_error error = {.text = "no route within ten seconds"};
    flowing f = {.options = SLOW_SEND_INIT, .size = s->payload_most};
    f.options.reliable = s->way != LIBSLOW_BEST_EFFORT;
    f.options.order = s->way == LIBSLOW_ORDERED ? SLOW_ORDER_ORDERED : SLOW_ORDER_NONE;
    snprintf(address, sizeof address, "tcp://127.0.0.1:%u", (unsigned)port);
    f.from = junction_of(s, k, BENCH_ALICE, &error);
    f.to = junction_of(s, k, BENCH_BOB, &error);
    bool ready = f.from != NULL && f.to != NULL && slow_junction_join(f.from, address, &error) == SLOW_OK &&
                 joined(f.to, address, BENCH_ALICE, &error) && joined(f.from, address, BENCH_BOB, &error);
    if (!ready)
        bench_error("%s and %s do not meet: %s", BENCH_ALICE, BENCH_BOB, error.text);
    bool done = ready && flow_run(&f, relay, warm_up_ns, window_ns, out);
    slow_junction_free(f.from);
    slow_junction_free(f.to);
    return done;
}
