#include "reader.h"
#include "mesh.h"
#include <stdlib.h>

typedef struct letter {
    struct letter *next;
    sl_message message; /* what it borrows is its arrival's */
    slow_time due, accept_ns;
} letter;

struct sim_reader {
    sim_node *node;
    letter *unread, **end; /* in the order in which they came */
    letter *read;          /* by the time at which each is accepted */
    uint32_t count;
    sl_timer *timer;
    bool reading;
};

static void pace(const sim_reader *reader, letter *l) {
    const sim_mesh *mesh = reader->node->mesh;
    slow_time read_ns = 0;
    l->accept_ns = 0;
    if (mesh->pace != NULL)
        mesh->pace(mesh->pace_arg, &l->message, &read_ns, &l->accept_ns);
    l->due = sl_now(reader->node->loop) + read_ns;
}

static void accept(sim_reader *reader, letter *l) {
    sim_node *node = reader->node;
    reader->count--;
    if (node->mesh->watch.taken != NULL)
        node->mesh->watch.taken(node->mesh->watch.arg, node, &l->message);
    sl_delivery_taken(&node->junction->delivery, l->message.arrival);
    free(l);
}

static void read_next(sim_reader *reader, slow_time now) {
    sim_node *node = reader->node;
    letter *l = reader->unread, **at = &reader->read;
    reader->unread = l->next;
    if (reader->unread == NULL)
        reader->end = &reader->unread;
    else
        pace(reader, reader->unread);
    if (node->mesh->watch.handed != NULL)
        node->mesh->watch.handed(node->mesh->watch.arg, node, &l->message);
    sl_delivery_held(&node->junction->delivery, l->message.arrival);
    sim_node_take(node, &l->message);
    if (l->accept_ns == 0) {
        accept(reader, l);
        return;
    }
    l->due = now + l->accept_ns;
    while (*at != NULL && (*at)->due <= l->due)
        at = &(*at)->next;
    l->next = *at;
    *at = l;
}

/* What it does may offer it more: that is read here, not from inside. */
static void serve(void *arg) {
    sim_reader *reader = arg;
    slow_time now = sl_now(reader->node->loop), next = UINT64_MAX;
    if (reader->reading)
        return;
    reader->reading = true;
    for (letter *l; (l = reader->read) != NULL && l->due <= now;) {
        reader->read = l->next;
        accept(reader, l);
    }
    while (reader->unread != NULL && reader->unread->due <= now)
        read_next(reader, now);
    reader->reading = false;
    if (reader->unread != NULL)
        next = reader->unread->due;
    if (reader->read != NULL && reader->read->due < next)
        next = reader->read->due;
    if (next != UINT64_MAX)
        sl_timer_at(reader->timer, next);
}

sim_reader *sim_reader_new(sim_node *node) {
    sim_reader *reader = malloc(sizeof *reader);
    if (reader == NULL)
        abort();
    *reader = (sim_reader){.node = node, .timer = sl_timer_new(node->loop, serve, reader)};
    reader->end = &reader->unread;
    if (reader->timer == NULL)
        abort();
    return reader;
}

/* Those to itself are its loopback's. */
static void drop(letter *l) {
    for (letter *next; l != NULL; l = next) {
        next = l->next;
        if (l->message.arrival->budget != NULL)
            sl_arrival_drop(l->message.arrival);
        free(l);
    }
}

void sim_reader_free(sim_reader *reader) {
    if (reader == NULL)
        return;
    drop(reader->unread);
    drop(reader->read);
    sl_timer_free(reader->timer);
    free(reader);
}

void sim_reader_offer(sim_reader *reader, const sl_message *message) {
    letter *l = malloc(sizeof *l);
    if (l == NULL)
        abort();
    *l = (letter){.message = *message};
    *reader->end = l;
    reader->end = &l->next;
    reader->count++;
    if (reader->unread == l)
        pace(reader, l);
    serve(reader);
}

bool sim_reader_withdraw(sim_reader *reader, sl_arrival *arrival) {
    letter **at = &reader->unread;
    while (*at != NULL && (*at)->message.arrival != arrival)
        at = &(*at)->next;
    letter *l = *at;
    if (l == NULL)
        return false;
    *at = l->next;
    if (reader->end == &l->next)
        reader->end = at;
    if (at == &reader->unread && l->next != NULL)
        pace(reader, l->next);
    reader->count--;
    free(l);
    return true;
}

uint32_t sim_reader_count(const sim_reader *reader) {
    return reader->count;
}
