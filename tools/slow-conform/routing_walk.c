/* Where packages go in a mesh: by the candidates that were offered, or by choose() where a strategy has that, as the core
 * does it. A package by choose() may take many ways at once, so all of them are followed; each junction asks once a package,
 * for the core drops doubles. */
#include "routing_mesh.h"
#include <stdio.h>
#include <string.h>

enum { PACKAGE_ROOM = 256, LINKS_MAX = 64, HOP_LIMIT = 64, SENTENCE = 384 };

#define OFFER "slow/routing.h, slow_routing_host.offer()"
#define NAME(place) mesh_id(place)->size, mesh_id(place)->text

mesh_node *mesh_next(const mesh_node *node, int dst) {
    const mesh_offer *offer = &node->offers[dst];
    for (size_t i = 0; i < offer->count; i++) {
        if (offer->routes[i].metric == SLOW_METRIC_INFINITY || mesh_edge_of(node, offer->routes[i].via) == NULL)
            continue;
        return mesh_peer(node, offer->routes[i].via); /* NULL: a link that its other end has lost already */
    }
    return NULL;
}

/* "node03 -> node04 -> node03" */
static void way_add(char way[SENTENCE], int place) {
    size_t used = strlen(way);
    snprintf(way + used, SENTENCE - used, "%s%.*s", used > 0 ? " -> " : "", NAME(place));
}

void mesh_no_cycle(const mesh_node *node, int dst) {
    char way[SENTENCE] = "";
    const mesh_node *at = node->place == dst ? NULL : node;
    for (int hops = 0; at != NULL && hops < MESH_NODES; hops++) {
        way_add(way, at->place);
        at = at->place == dst ? NULL : mesh_next(at, dst);
        if (at != node)
            continue;
        way_add(way, node->place);
        conform_fail(node->mesh->c, "slow/inspect.h, SLOW_PROMISE_LOOP_FREE",
                     "at no moment, whatever links do, the next hops for one destination form a cycle",
                     "had the next hops %s for %.*s at %.3f s in %s", way, NAME(dst), (double)node->mesh->c->now / 1e9,
                     node->mesh->shape);
    }
}

/* ---- packages that are asked for ---- */

typedef struct walk {
    routing_mesh *mesh;
    uint8_t bytes[PACKAGE_ROOM];
    size_t size;
    slow_route_view view;
    int dst;
    bool seen[MESH_NODES];
    struct {
        int place, hops;
        slow_link in;
    } queue[MESH_NODES * LINKS_MAX];
    size_t head, tail;
} walk;

static slow_span span_put(walk *w, const void *bytes, size_t size) {
    slow_span span = {.at = (uint16_t)w->size, .size = (uint16_t)size};
    memcpy(w->bytes + w->size, bytes, size);
    w->size += size;
    return span;
}

static void hint_put(walk *w, const mesh_node *src) {
    const slow_routing_ops *ops = src->instance->ops;
    uint8_t hint[SLOW_HINT_MAX];
    size_t size = 0;
    if (SLOW_HAS(ops, hint))
        CONFORM_CALL(w->mesh->c, "hint()", size = ops->hint(src->instance->self, mesh_id(w->dst), hint, sizeof hint));
    if (size > sizeof hint)
        conform_fail(w->mesh->c, "slow/routing.h, slow_routing_ops.hint()", "returns the bytes written",
                     "returned %zu where there is room for %zu", size, sizeof hint);
    w->view.hint = span_put(w, hint, size);
}

static void choices_follow(walk *w, const mesh_node *node, slow_link in, int hops) {
    conform *c = w->mesh->c;
    const slow_routing_ops *ops = node->instance->ops;
    slow_link out[LINKS_MAX];
    size_t count;
    w->view.hops = (uint8_t)hops;
    CONFORM_CALL(c, "choose()",
                 count =
                     ops->choose(node->instance->self, (slow_bytes){w->bytes, w->size}, &w->view, in, out, LINKS_MAX));
    if (count > LINKS_MAX)
        conform_fail(c, "slow/routing.h, slow_routing_ops.choose()", "fill at most n links, return how many",
                     "returned %zu where n was %d", count, LINKS_MAX);
    for (size_t i = 0; node->place != w->dst && i < count; i++) {
        if (mesh_edge_of(node, out[i]) == NULL)
            conform_fail(c, "slow/routing.h, slow_routing_ops.choose()", "the links that it fills are its neighbours'",
                         "named link %llu at %.*s, where no neighbour has that number", (unsigned long long)out[i],
                         NAME(node->place));
        const mesh_node *peer = mesh_peer(node, out[i]);
        if (peer == NULL || hops + 1 >= HOP_LIMIT || w->tail == sizeof w->queue / sizeof w->queue[0])
            continue;
        w->queue[w->tail].place = peer->place;
        w->queue[w->tail].hops = hops + 1;
        w->queue[w->tail++].in = out[i];
    }
}

static bool chosen_arrives(routing_mesh *m, int src, int dst) {
    walk w = {.mesh = m, .dst = dst};
    w.view = (slow_route_view){.hop_limit = HOP_LIMIT, .session = 1, .packet = ++m->packages};
    w.view.src = span_put(&w, mesh_id(src)->text, mesh_id(src)->size);
    w.view.dst = span_put(&w, mesh_id(dst)->text, mesh_id(dst)->size);
    hint_put(&w, &m->nodes[src]);
    w.queue[w.tail++].place = src;
    while (w.head < w.tail) {
        size_t at = w.head++;
        int place = w.queue[at].place;
        if (w.seen[place])
            continue;
        w.seen[place] = true;
        choices_follow(&w, &m->nodes[place], w.queue[at].in, w.queue[at].hops);
    }
    return w.seen[dst];
}

/* ---- packages by the table ---- */

/* Where it ends: at dst, or where no route is, or in a circle. */
static void offered_arrives(const routing_mesh *m, int src, int dst, const char *what) {
    char way[SENTENCE] = "";
    bool passed[MESH_NODES] = {false};
    const mesh_node *at = &m->nodes[src];
    int hops = 0;
    for (; at != NULL && at->place != dst && !passed[at->place]; hops++) {
        way_add(way, at->place);
        passed[at->place] = true;
        at = mesh_next(at, dst);
        if (at != NULL && at->place >= MESH_PLACES && at->place != dst)
            conform_fail(
                m->c, "slow/routing.h, SLOW_NEIGHBOUR_LEAF", "a leaf relays nothing: no route leads through it",
                "led packages for %.*s over %s and then through the leaf %.*s", NAME(dst), way, NAME(at->place));
    }
    if (at == NULL && hops == 1)
        conform_fail(m->c, OFFER, "the candidates for a destination are the ways to it",
                     "had offered no way from %.*s to %.*s %.0f s after %s in %s, where there is one", NAME(src),
                     NAME(dst), (double)MESH_REST / 1e9, what, m->shape);
    if (at != NULL)
        way_add(way, at->place);
    if (at == NULL || at->place != dst)
        conform_fail(m->c, OFFER, "the candidates for a destination are the ways to it",
                     "led packages from %.*s to %.*s %s %.0f s after %s in %s: %s", NAME(src), NAME(dst),
                     at == NULL ? "where it goes no further" : "in a circle", (double)MESH_REST / 1e9, what, m->shape,
                     way);
}

void mesh_arrives(routing_mesh *m, const char *what) {
    for (int src = 0; src < MESH_NODES; src++)
        for (int dst = 0; dst < MESH_NODES; dst++) {
            if (src == dst || !m->nodes[src].there || !m->nodes[dst].there || !mesh_connected(m, src, dst))
                continue;
            if (!SLOW_HAS((const slow_routing_ops *)m->c->plugin->ops, choose))
                offered_arrives(m, src, dst, what);
            else if (!chosen_arrives(m, src, dst))
                conform_fail(m->c, "slow/routing.h, slow_routing_ops.choose()",
                             "the links that it fills lead a package to its destination",
                             "led none from %.*s to %.*s %.0f s after %s in %s, where there is a way", NAME(src),
                             NAME(dst), (double)MESH_REST / 1e9, what, m->shape);
        }
}

void mesh_withdrawn(routing_mesh *m, const char *what) {
    for (int src = 0; src < MESH_NODES; src++)
        for (int dst = 0; m->nodes[src].there && dst < MESH_NODES; dst++) {
            const mesh_node *node = &m->nodes[src];
            const mesh_offer *offer = &node->offers[dst];
            bool away = !m->nodes[dst].there || !mesh_connected(m, src, dst);
            for (size_t i = 0; i < offer->count; i++) {
                if (offer->routes[i].metric == SLOW_METRIC_INFINITY)
                    continue;
                if (away)
                    conform_fail(m->c, OFFER, "n == 0 withdraws",
                                 "still offered a way from %.*s to %.*s %.0f s after %s in %s, where there is none",
                                 NAME(src), NAME(dst), (double)MESH_REST / 1e9, what, m->shape);
                if (mesh_edge_of(node, offer->routes[i].via) == NULL)
                    conform_fail(m->c, OFFER, "its candidates are neighbours: each neighbour_down() ends one",
                                 "still offered %.*s a way to %.*s over an adjacency that was down, %.0f s after %s",
                                 NAME(src), NAME(dst), (double)MESH_REST / 1e9, what);
            }
        }
}
