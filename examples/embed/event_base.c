/* Your own event_base: the junction lives on it, beside your timers and sockets, and everything happens on your thread.
 * No locks, and no call that waits: what would wait for is an event, and you dispatch. */
#include <slow/junction.h>
#include <event2/event.h>
#include <stdio.h>

enum { TICKS = 3 };

typedef struct program {
    struct event_base *base;
    slow_junction *alice, *bob;
    struct event *clock; /* something of the program's own */
    int sent, heard, delivered;
    slow_error error;
} program;

static void tick(evutil_socket_t fd, short what, void *arg) {
    program *p = arg;
    char json[32];
    slow_ticket ticket;
    (void)fd;
    (void)what;
    snprintf(json, sizeof json, "{\"tick\":%d}", ++p->sent);
    if (slow_send_json(p->alice, "bob", json, NULL, &ticket, &p->error) != SLOW_OK || p->sent == TICKS)
        event_del(p->clock);
}

static void hear(void *arg, const slow_message *message) {
    program *p = arg;
    printf("bob hears %s\n", (const char *)message->data);
    p->heard++;
}

static void take_outcome(void *arg, const slow_outcome *outcome) {
    program *p = arg;
    p->delivered += outcome->outcome == SLOW_DELIVERED;
    if (p->delivered == TICKS)
        event_base_loopbreak(p->base);
}

static bool begin(program *p) {
    slow_options options = SLOW_OPTIONS_INIT;
    char address[SLOW_ADDRESS_SIZE];
    options.thread = SLOW_THREAD_BASE;
    options.event_base = p->base;
    return (p->alice = slow_junction_new("alice", &options, &p->error)) != NULL &&
           (p->bob = slow_junction_new("bob", &options, &p->error)) != NULL &&
           slow_on_message(p->bob, hear, p) == SLOW_OK && slow_on_outcome(p->alice, take_outcome, p) == SLOW_OK &&
           slow_junction_listen(p->bob, "udp://127.0.0.1:0", address, &p->error) == SLOW_OK &&
           slow_junction_join(p->alice, address, &p->error) == SLOW_OK;
}

int main(void) {
    const struct timeval interval = {.tv_usec = 10000}, limit = {.tv_sec = 10};
    program p = {.base = event_base_new()};
    p.clock = event_new(p.base, -1, EV_PERSIST, tick, &p);
    if (begin(&p) && event_add(p.clock, &interval) == 0 && event_base_loopexit(p.base, &limit) == 0)
        event_base_dispatch(p.base);
    printf("%d of %d ticks were heard, %d delivered\n", p.heard, TICKS, p.delivered);
    if (p.error.text[0] != '\0')
        fprintf(stderr, "event_base: %s\n", p.error.text);
    slow_junction_free(p.alice);
    slow_junction_free(p.bob);
    event_free(p.clock);
    event_base_free(p.base); /* it is yours: after the junctions that live on it */
    return p.heard == TICKS && p.delivered == TICKS ? 0 : 1;
}
