/* Slow: all live junctions are asked for their routes, over and over; all pairs reach each other when from each junction the
 * walk along next hops leads to every other one, without the cable and the junction that the event took away. At the end one
 * ping a pair shows that the routes carry packages, too.
 *
 * Routes are watched, and packages sent only if data is asked for, since data makes the links hot and detection faster
 * (idle, warm, hot): both kinds of rows are wanted. A round of questions takes a few milliseconds, and the pause between two
 * leaves the processors to the junctions; that is the precision.
 *
 * A loop is seen by packages that ran out of hops, so only while data flows: the messages of a thread of its own, which go to
 * all pairs in turn and are not read at their ends. */
#include "admin.h"
#include "reach.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct reach {
    const topology *topology;
    const reach_options *options;
    admin *admin;
    int next[NODES_MOST][NODES_MOST]; /* [from][to]: the next hop, -1 = none */
    uint64_t looped[NODES_MOST];      /* as last heard */
    pthread_t sender;
    atomic_bool sending;
};

/* ---- data ---- */

static void *data_send(void *arg) {
    reach *r = arg;
    admin *own = admin_open(r->options->folder, r->topology->nodes); /* a handle of curl serves one thread */
    int nodes = r->topology->nodes;
    double due = now_ms();
    for (int pair = 0; own != NULL && r->sending; pair = (pair + 1) % (nodes * nodes)) {
        /* neighbouring turns go to different junctions, so that none has all the work at once */
        int from = pair % nodes, to = (pair / nodes + from) % nodes;
        char path[64];
        if (!topology_counts(r->topology, from, to))
            continue;
        snprintf(path, sizeof path, "/v1/send?to=node-%d", to);
        json_decref(admin_ask(own, from, path, "1", 100));
        due += 1e3 / r->options->data_rate;
        if (now_ms() < due)
            poll(NULL, 0, (int)(due - now_ms()) + 1);
        else if (now_ms() - due > 100)
            due = now_ms(); /* what could not be sent in time is not made up for in a burst */
    }
    admin_close(own);
    return NULL;
}

/* ---- opening ---- */

static void slow_close(reach *r) {
    if (r->sending) {
        r->sending = false;
        pthread_join(r->sender, NULL);
    }
    admin_close(r->admin);
    free(r);
}

static reach *slow_open(const topology *t, const reach_options *options) {
    reach *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->topology = t;
    r->options = options;
    r->admin = admin_open(options->folder, t->nodes);
    if (r->admin == NULL)
        goto failed;
    if (options->data_rate > 0) {
        r->sending = true;
        if (pthread_create(&r->sender, NULL, data_send, r) != 0) {
            r->sending = false;
            goto failed;
        }
    }
    return r;
failed:
    fprintf(stderr, "failover-probe: no memory\n");
    slow_close(r);
    return NULL;
}

/* ---- looking ---- */

static int node_of(const json_t *id) {
    const char *text = json_string_value(id);
    int node;
    return text != NULL && sscanf(text, "node-%d", &node) == 1 && node >= 0 && node < NODES_MOST ? node : -1;
}

static bool routes_read(reach *r, int from) {
    json_t *answer = admin_ask(r->admin, from, "/v1/routes", NULL, 500), *route;
    size_t i;
    for (int to = 0; to < r->topology->nodes; to++)
        r->next[from][to] = -1;
    json_array_foreach(json_object_get(answer, "routes"), i, route) {
        int to = node_of(json_object_get(route, "id"));
        if (to >= 0)
            r->next[from][to] = node_of(json_object_get(route, "next_hop"));
    }
    json_decref(answer);
    return answer != NULL;
}

static bool walk_arrives(const reach *r, int from, int to) {
    int at = from;
    for (int hops = 0; hops < r->topology->nodes && at != to; hops++) {
        int next = r->next[at][to];
        if (next < 0 || next == r->topology->dead || !topology_joins(r->topology, at, next))
            return false;
        at = next;
    }
    return at == to;
}

static bool all_arrive(reach *r) {
    const topology *t = r->topology;
    for (int k = 0; k < t->nodes; k++)
        if (k != t->dead && !routes_read(r, k))
            return false;
    for (int from = 0; from < t->nodes; from++)
        for (int to = 0; to < t->nodes; to++)
            if (topology_counts(t, from, to) && !walk_arrives(r, from, to))
                return false;
    return true;
}

static verdict slow_look(reach *r, double *at_ms) {
    poll(NULL, 0, (int)r->options->interval_ms);
    bool all = all_arrive(r);
    *at_ms = now_ms();
    return all ? VERDICT_ALL : VERDICT_NOT_ALL;
}

static void slow_forget(reach *r) {
    (void)r; /* each look begins afresh */
}

static uint64_t slow_looped(reach *r) {
    uint64_t sum = 0;
    for (int k = 0; k < r->topology->nodes; k++) {
        json_t *status = admin_ask(r->admin, k, "/v1/status", NULL, 500);
        const json_t *counters = json_object_get(status, "counters");
        if (counters != NULL)
            r->looped[k] = (uint64_t)json_integer_value(json_object_get(counters, "drop_package_hop_limit"));
        sum += r->looped[k]; /* a killed junction's: as it was before */
        json_decref(status);
    }
    return sum;
}

static bool slow_confirm(reach *r) {
    const topology *t = r->topology;
    for (int from = 0; from < t->nodes; from++)
        for (int to = 0; to < t->nodes; to++) {
            char body[96];
            if (!topology_counts(t, from, to))
                continue;
            snprintf(body, sizeof body, "{\"id\": \"node-%d\", \"timeout_ms\": 1000}", to);
            json_t *answer = admin_ask(r->admin, from, "/v1/ping", body, 2000);
            json_decref(answer);
            if (answer == NULL) {
                fprintf(stderr, "failover-probe: node-%d has a route to node-%d, but a ping does not come back\n", from,
                        to);
                return false;
            }
        }
    return true;
}

const reach_kind reach_slow = {
    .open = slow_open,
    .look = slow_look,
    .forget = slow_forget,
    .looped = slow_looped,
    .confirm = slow_confirm,
    .close = slow_close,
};
