/* Many junctions in a process: nothing in the library is global, so a process has as many as it likes, and with an
 * event_base one thread runs them all. Here 50 are a tree, and each sends to the first one, over up to five links. */
#include <slow/junction.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 50 };

typedef struct mesh {
    struct event_base *base;
    slow_junction *junctions[COUNT];
    char addresses[COUNT][SLOW_ADDRESS_SIZE];
    bool heard[COUNT];
    int delivered;
    slow_error error;
} mesh;

static void hear(void *arg, const slow_message *message) {
    mesh *m = arg;
    m->heard[atoi((const char *)message->data)] = true; /* JSON is a C string */
}

static void take_outcome(void *arg, const slow_outcome *outcome) {
    mesh *m = arg;
    m->delivered += outcome->outcome == SLOW_DELIVERED;
    if (m->delivered == COUNT - 1)
        event_base_loopbreak(m->base);
}

static bool grow(mesh *m, int i) {
    slow_options options = SLOW_OPTIONS_INIT;
    char name[16], number[16];
    slow_ticket ticket;
    options.thread = SLOW_THREAD_BASE;
    options.event_base = m->base;
    snprintf(name, sizeof name, "j%d", i);
    snprintf(number, sizeof number, "%d", i);
    m->junctions[i] = slow_junction_new(name, &options, &m->error);
    if (m->junctions[i] == NULL || slow_on_outcome(m->junctions[i], take_outcome, m) != SLOW_OK ||
        slow_junction_listen(m->junctions[i], "udp://127.0.0.1:0", m->addresses[i], &m->error) != SLOW_OK)
        return false;
    if (i == 0)
        return slow_on_message(m->junctions[0], hear, m) == SLOW_OK;
    return slow_junction_join(m->junctions[i], m->addresses[(i - 1) / 2], &m->error) == SLOW_OK &&
           slow_send_json(m->junctions[i], "j0", number, NULL, &ticket, &m->error) == SLOW_OK;
}

int main(void) {
    const struct timeval limit = {.tv_sec = 20};
    mesh m = {.base = event_base_new()};
    int count = 0, heard = 0;
    while (count < COUNT && grow(&m, count))
        count++;
    event_base_loopexit(m.base, &limit);
    if (count == COUNT)
        event_base_dispatch(m.base);
    for (int i = 1; i < COUNT; i++)
        heard += m.heard[i];
    printf("%d junctions on one thread; j0 heard %d, %d were delivered\n", count, heard, m.delivered);
    if (m.error.text[0] != '\0')
        fprintf(stderr, "many: %s\n", m.error.text);
    for (int i = COUNT - 1; i >= 0; i--)
        slow_junction_free(m.junctions[i]);
    event_base_free(m.base);
    return heard == COUNT - 1 && m.delivered == COUNT - 1 ? 0 : 1;
}
