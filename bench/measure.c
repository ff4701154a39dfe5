/* measure.c - see measure.h.
 *
 * The window of 16 chunks keeps the relay busy (1 MiB of a stream, 16 trains or 1,024 datagrams) and below what any socket
 * on the way can hold, so that nothing is lost; should something be, the row says so, and credit is given back after 300 ms
 * of silence.
 *
 * What the kernel does for the relay in the context of the ends (loopback delivers in the sender's) is charged to them, in
 * every row alike. */
#include "measure.h"
#include "process.h"
#include <poll.h>
#include <stdlib.h>

enum { WINDOW_CHUNKS = 16 };
static const uint64_t LOST_AFTER = 300 * BENCH_MS, PING_LOST_AFTER = BENCH_SECOND;

static void tick(end *e, uint64_t now) {
    if (e->wire->tick != NULL && !e->sending)
        e->wire->tick(e, now);
}

typedef struct credit {
    uint64_t sent, received, window, lost, heard_at;
} credit;

/* One round of both ends; waits when neither could do anything. */
static void turn(end *a, end *b, credit *c) {
    uint64_t now = bench_now();
    tick(a, now);
    tick(b, now);
    bool may_send = c->sent - c->received < c->window;
    size_t sent = may_send ? end_send(a) : 0, received = end_receive(b);
    c->sent += sent;
    c->received += received;
    if (received > 0)
        c->heard_at = now;
    else if (now - c->heard_at > LOST_AFTER) {
        c->lost += c->sent - c->received;
        c->received = c->sent;
        c->heard_at = now;
    }
    struct pollfd p[2] = {{.fd = a->fd, .events = POLLIN}, {.fd = b->fd, .events = POLLIN}};
    if (may_send && sent == 0)
        p[0].events |= POLLOUT;
    bool idle = received == 0 && (sent == 0 || !may_send);
    poll(p, 2, idle ? 20 : 0);
    if (p[0].revents & POLLIN)
        end_receive(a);
}

bool measure_flow(end *a, end *b, pid_t relay, uint64_t warm_up_ns, uint64_t window_ns, flow *out) {
    uint64_t count = 0;
    for (size_t i = 0; i < a->chunk_count; i++)
        count += a->chunks[i].count;
    credit c = {.window = WINDOW_CHUNKS * count / a->chunk_count, .heard_at = bench_now()};
    uint64_t begin = bench_now() + warm_up_ns;
    while (bench_now() < begin && !a->broken && !b->broken)
        turn(a, b, &c);
    begin = bench_now();
    uint64_t before = c.received, lost = c.lost, now = begin;
    double cpu = process_cpu_seconds(relay);
    while (now < begin + window_ns && !a->broken && !b->broken) {
        turn(a, b, &c);
        now = bench_now();
    }
    *out = (flow){.messages = c.received - before - (c.lost - lost),
                  .lost = c.lost - lost,
                  .seconds = (double)(now - begin) / 1e9,
                  .cpu_seconds = process_cpu_seconds(relay) - cpu};
    if (a->broken || b->broken)
        bench_error("the connection of %s broke", a->broken ? a->id : b->id);
    else if (out->messages == 0)
        bench_error("nothing arrived at %s", b->id);
    return !a->broken && !b->broken && out->messages > 0;
}

/* Waits until a message came; false: none within a second. */
static bool await(end *e, end *other) {
    uint64_t deadline = bench_now() + PING_LOST_AFTER;
    while (!e->broken && bench_now() < deadline) {
        if (end_wait(e, POLLIN, 20 * BENCH_MS) && end_receive(e) > 0)
            return true;
        tick(e, bench_now());
        tick(other, bench_now());
    }
    return false;
}

static int by_time(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

bool measure_round_trips(end *a, end *b, uint64_t *times_ns, size_t count) {
    enum { WARM_UP = 50 };
    for (size_t i = 0; i < WARM_UP + count; i++) {
        uint64_t begin = bench_now();
        if (!end_send_ping(a) || !await(b, a) || !end_send_ping(b) || !await(a, b)) {
            bench_error("round trip %zu of %s did not come back", i, a->id);
            return false;
        }
        if (i >= WARM_UP)
            times_ns[i - WARM_UP] = bench_now() - begin;
        tick(a, bench_now());
        tick(b, bench_now());
        while (end_wait(a, POLLIN, 0) && !a->broken)
            end_receive(a);
        while (end_wait(b, POLLIN, 0) && !b->broken)
            end_receive(b);
    }
    qsort(times_ns, count, sizeof *times_ns, by_time);
    return true;
}
