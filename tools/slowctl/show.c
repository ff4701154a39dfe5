/* What only looks, and join and leave: the router's answer as it stands, or as tables. */
#include "slowctl.h"
#include "table.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double PATIENCE_S = 10;

/* ---- values ---- */

const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "-";
}

long long number_of(const json_t *object, const char *key) {
    return (long long)json_integer_value(json_object_get(object, key));
}

/* Costs and metrics are in units of 0.1 ms. */
static double cost_ms(const json_t *object, const char *key) {
    return (double)number_of(object, key) / 10;
}

static void add_duration(table *t, long long ms) {
    long long s = ms / 1000;
    if (s < 60)
        table_add(t, "%lld.%lld s", s, ms % 1000 / 100);
    else if (s < 3600)
        table_add(t, "%lld min %lld s", s / 60, s % 60);
    else if (s < 86400)
        table_add(t, "%lld h %lld min", s / 3600, s % 3600 / 60);
    else
        table_add(t, "%lld d %lld h", s / 86400, s % 86400 / 3600);
}

static void add_bytes(table *t, long long bytes) {
    if (bytes < 10000)
        table_add(t, "%lld B", bytes);
    else if (bytes < 10000 * 1024LL)
        table_add(t, "%lld KiB", bytes / 1024);
    else
        table_add(t, "%lld MiB", bytes / 1024 / 1024);
}

/* ---- one answer ---- */

typedef void (*print_answer)(const json_t *);

int finish(const request *r, bool ok, print_answer print) {
    if (!ok)
        return complain("%s", client_error(r->client));
    if (r->json) {
        puts(client_text(r->client));
        return EXIT_SUCCESS;
    }
    json_t *answer = client_json(r->client);
    if (answer == NULL)
        return complain("%s", client_error(r->client));
    print(answer);
    json_decref(answer);
    return EXIT_SUCCESS;
}

static int show(const request *r, const char *path, print_answer print) {
    return finish(r, client_get(r->client, path, PATIENCE_S), print);
}

/* ---- peers ---- */

static void add_ms(table *t, const json_t *object, const char *key) {
    const json_t *ms = json_object_get(object, key);
    if (json_is_number(ms))
        table_add(t, "%.3f ms", json_number_value(ms));
    else
        table_add(t, "-");
}

static void print_peers(const json_t *peers) {
    size_t i;
    const json_t *peer;
    table t;
    table_begin(&t, (const char *const[]){"PEER", "PAIR", ">ROUND TRIP", ">CWND", ">IN FLIGHT", ">SENT AGAIN",
                                          ">WAITING", ">UNFINISHED", ">UNREAD", "LAST HINT", NULL});
    json_array_foreach(peers, i, peer) {
        table_add(&t, "%s", text_of(peer, "id"));
        const char *paired = json_is_true(json_object_get(peer, "sealed")) ? "sealed" : "yes";
        table_add(&t, "%s", json_is_true(json_object_get(peer, "paired")) ? paired : "no");
        add_ms(&t, peer, "rtt_ms");
        add_bytes(&t, number_of(peer, "cwnd"));
        add_bytes(&t, number_of(peer, "in_flight"));
        table_add(&t, "%lld", number_of(peer, "retransmissions"));
        table_add(&t, "%lld", number_of(peer, "waiting"));
        table_add(&t, "%lld", number_of(peer, "unfinished"));
        table_add(&t, "%lld", number_of(peer, "unread"));
        if (json_object_get(peer, "hint") != NULL)
            table_add(&t, "%s: %s", text_of(peer, "hint_by"), text_of(peer, "hint"));
        else
            table_add(&t, "-");
    }
    table_end(&t, 0);
}

static void print_peers_answer(const json_t *answer) {
    print_peers(json_object_get(answer, "peers"));
}

int show_peers(const request *r) {
    return show(r, "/v1/peers", print_peers_answer);
}

/* ---- status ---- */

static void print_facts(const json_t *status) {
    const json_t *memory = json_object_get(status, "memory"), *queue = json_object_get(status, "queue");
    table t;
    table_begin(&t, (const char *const[]){"id", text_of(status, "id"), NULL});
    table_add(&t, "network");
    table_add(&t, "%s", text_of(status, "network"));
    table_add(&t, "version");
    table_add(&t, "%s", text_of(status, "version"));
    table_add(&t, "up for");
    add_duration(&t, number_of(status, "uptime_ms"));
    table_add(&t, "neighbours");
    table_add(&t, "%lld", number_of(status, "neighbours"));
    table_add(&t, "routes");
    table_add(&t, "%lld", number_of(status, "routes"));
    table_add(&t, "inbox");
    table_add(&t, "%lld messages", number_of(json_object_get(status, "inbox"), "messages"));
    table_add(&t, "queue");
    table_add(&t, "%lld messages, %lld B", number_of(queue, "messages"), number_of(queue, "bytes"));
    table_add(&t, "doubles");
    table_add(&t, "%lld dropped", number_of(status, "duplicates"));
    table_add(&t, "memory");
    table_add(&t, "%lld KiB at most, %lld B in packets", number_of(memory, "peak_rss_kib"),
              number_of(memory, "packet_bytes"));
    table_add(&t, "wake-ups");
    table_add(&t, "%lld", number_of(status, "wakeups"));
    table_end(&t, 0);
}

static void print_listeners(const json_t *listeners) {
    size_t i;
    const json_t *listener;
    table t;
    if (json_array_size(listeners) == 0)
        return;
    table_begin(&t, (const char *const[]){"LISTENS ON", "TRANSPORT", NULL});
    json_array_foreach(listeners, i, listener) {
        table_add(&t, "%s", text_of(listener, "address"));
        table_add(&t, "%s", text_of(listener, "transport"));
    }
    putchar('\n');
    table_end(&t, 0);
}

static void print_joins(const json_t *joins) {
    size_t i;
    const json_t *join;
    table t;
    if (json_array_size(joins) == 0)
        return;
    table_begin(&t, (const char *const[]){"JOINS", "STATE", "PEER", ">TRIES", "LAST ERROR", NULL});
    json_array_foreach(joins, i, join) {
        table_add(&t, "%s", text_of(join, "address"));
        table_add(&t, "%s", text_of(join, "state"));
        table_add(&t, "%s", text_of(join, "peer"));
        table_add(&t, "%lld", number_of(join, "tries"));
        table_add(&t, "%s", text_of(join, "last_error"));
    }
    putchar('\n');
    table_end(&t, 0);
}

/* Those that have counted something: the rest says nothing. */
static void print_counters(json_t *counters) {
    const char *name;
    const json_t *value;
    table t;
    table_begin(&t, (const char *const[]){"COUNTER", ">COUNT", NULL});
    json_object_foreach(counters, name, value) {
        if (json_integer_value(value) == 0)
            continue;
        table_add(&t, "%s", name);
        table_add(&t, "%lld", (long long)json_integer_value(value));
    }
    putchar('\n');
    table_end(&t, 0);
}

static void print_status(const json_t *status) {
    print_facts(status);
    print_listeners(json_object_get(status, "listeners"));
    print_joins(json_object_get(status, "joins"));
    if (json_array_size(json_object_get(status, "peers")) > 0) {
        putchar('\n');
        print_peers(json_object_get(status, "peers"));
    }
    print_counters(json_object_get(status, "counters"));
}

int show_status(const request *r) {
    return show(r, "/v1/status", print_status);
}

/* ---- neighbours ---- */

/* "noise 4Fz0aXk2 relay": the plugin, without what all of its kind have in common; the key's beginning; the roles. */
static void add_member(table *t, const json_t *neighbour) {
    const json_t *key = json_object_get(neighbour, "key"), *role;
    const char *plugin = text_of(neighbour, "security");
    char roles[64] = "";
    size_t i;
    if (strncmp(plugin, "security-", 9) == 0)
        plugin += 9;
    json_array_foreach(json_object_get(neighbour, "roles"), i, role) {
        size_t used = strlen(roles);
        snprintf(roles + used, sizeof roles - used, "%s%s", i > 0 ? "," : " ", json_string_value(role));
    }
    table_add(t, "%s%s%.8s%s", plugin, json_is_string(key) ? " " : "",
              json_is_string(key) ? json_string_value(key) : "", roles);
}

/* "812 of 820": of what we sent through it to others, how much arrived; and for how long it has been gone round. */
static void add_transit(table *t, const json_t *neighbour) {
    const json_t *transit = json_object_get(neighbour, "transit");
    long long passed = number_of(transit, "passed_on"), all = passed + number_of(transit, "not_passed_on");
    const char *shunned = json_is_true(json_object_get(transit, "shunned")) ? ", shunned" : "";
    if (number_of(transit, "suspected_to") > 0)
        table_add(t, "%lld of %lld, suspected for %lld s%s", passed, all, number_of(transit, "suspected_ms") / 1000,
                  shunned);
    else if (*shunned != '\0')
        table_add(t, "%lld of %lld%s", passed, all, shunned);
    else if (all > 0)
        table_add(t, "%lld of %lld", passed, all);
    else
        table_add(t, "-");
}

static void add_link(table *t, const json_t *neighbour, const json_t *link, bool first) {
    const json_t *rtt = json_object_get(link, "rtt_ms");
    table_add(t, "%s", first ? text_of(neighbour, "id") : "");
    table_add(t, "%s", text_of(link, "remote"));
    table_add(t, "%s", json_is_true(json_object_get(link, "in_use")) ? "yes" : "no");
    table_add(t, "%s", text_of(link, "codec"));
    table_add(t, "%.1f ms", cost_ms(link, "cost"));
    if (json_is_number(rtt))
        table_add(t, "%.3f ms", json_number_value(rtt));
    else
        table_add(t, "-");
    table_add(t, "%.1f %%", (double)number_of(link, "loss_ppm") / 10000);
    add_duration(t, number_of(link, "uptime_ms"));
    add_bytes(t, number_of(link, "bytes_in"));
    add_bytes(t, number_of(link, "bytes_out"));
    add_bytes(t, number_of(link, "queued_bytes"));
    if (first) {
        add_transit(t, neighbour);
        add_member(t, neighbour);
    } else {
        table_add(t, "%s", "");
        table_add(t, "%s", "");
    }
}

static void print_neighbours(const json_t *answer) {
    size_t i, k;
    const json_t *neighbour, *link;
    table t;
    table_begin(&t, (const char *const[]){"NEIGHBOUR", "LINK TO", "IN USE", "CODEC", ">COST", ">ROUND TRIP", ">LOSS",
                                          ">UP FOR", ">IN", ">OUT", ">QUEUED", "PASSED ON", "SECURITY", NULL});
    json_array_foreach(json_object_get(answer, "neighbours"), i, neighbour)
        json_array_foreach(json_object_get(neighbour, "links"), k, link) add_link(&t, neighbour, link, k == 0);
    table_end(&t, 0);
}

int show_neighbours(const request *r) {
    return show(r, "/v1/neighbours", print_neighbours);
}

/* ---- routes ---- */

static void print_routes(const json_t *answer) {
    size_t i;
    const json_t *route;
    table t;
    table_begin(&t, (const char *const[]){"TO", "NEXT HOP", ">METRIC", "STRATEGY", ">CANDIDATES", NULL});
    json_array_foreach(json_object_get(answer, "routes"), i, route) {
        table_add(&t, "%s", text_of(route, "id"));
        table_add(&t, "%s", text_of(route, "next_hop"));
        table_add(&t, "%.1f ms", cost_ms(route, "metric"));
        table_add(&t, "%s", text_of(route, "strategy"));
        table_add(&t, "%zu", json_array_size(json_object_get(route, "candidates")));
    }
    table_end(&t, 0);
}

static void print_candidates(const json_t *answer) {
    const json_t *route = json_array_get(json_object_get(answer, "routes"), 0), *c;
    size_t i;
    table t;
    table_begin(&t, (const char *const[]){"TO", "VIA", "IN USE", ">METRIC", "STRATEGY", ">PREFERENCE", NULL});
    json_array_foreach(json_object_get(route, "candidates"), i, c) {
        table_add(&t, "%s", text_of(route, "id"));
        table_add(&t, "%s", text_of(c, "via"));
        table_add(&t, "%s", json_is_true(json_object_get(c, "in_use")) ? "yes" : "no");
        table_add(&t, "%.1f ms", cost_ms(c, "metric"));
        table_add(&t, "%s", text_of(c, "strategy"));
        table_add(&t, "%lld", number_of(c, "preference"));
    }
    table_end(&t, 0);
}

/* An answer holds a page of them: more pages until there are no more. */
static json_t *all_routes(const request *r) {
    json_t *all = json_array();
    char path[256] = "/v1/routes";
    for (bool more = true; more;) {
        json_t *page = client_get(r->client, path, PATIENCE_S) ? client_json(r->client) : NULL;
        json_t *routes = json_object_get(page, "routes");
        more = json_is_true(json_object_get(page, "more"));
        if (page == NULL || json_array_extend(all, routes) != 0) {
            json_decref(page);
            json_decref(all);
            return NULL;
        }
        char *last = client_escape(r->client, text_of(json_array_get(routes, json_array_size(routes) - 1), "id"));
        snprintf(path, sizeof path, "/v1/routes?after=%s", last != NULL ? last : "");
        more = more && last != NULL;
        client_unescape(last);
        json_decref(page);
    }
    return json_pack("{s:o}", "routes", all);
}

int show_routes(const request *r) {
    char path[256];
    if (r->operand_count == 1) {
        char *id = client_escape(r->client, r->operands[0]);
        snprintf(path, sizeof path, "/v1/routes?id=%s", id != NULL ? id : "");
        client_unescape(id);
        return show(r, path, print_candidates);
    }
    json_t *answer = all_routes(r);
    if (answer == NULL)
        return complain("%s", client_error(r->client));
    if (r->json) {
        json_dumpf(answer, stdout, JSON_COMPACT);
        putchar('\n');
    } else
        print_routes(answer);
    json_decref(answer);
    return EXIT_SUCCESS;
}

/* ---- plugins ---- */

static void print_plugins(const json_t *answer) {
    size_t i;
    const json_t *plugin;
    table t;
    table_begin(&t, (const char *const[]){"PLUGIN", "KIND", "VERSION", ">PREFERENCE", "SUMMARY", NULL});
    json_array_foreach(json_object_get(answer, "plugins"), i, plugin) {
        const json_t *preference = json_object_get(plugin, "preference");
        table_add(&t, "%s", text_of(plugin, "id"));
        table_add(&t, "%s", text_of(plugin, "kind"));
        table_add(&t, "%s", text_of(plugin, "version"));
        if (preference != NULL)
            table_add(&t, "%lld", (long long)json_integer_value(preference));
        else
            table_add(&t, "-");
        table_add(&t, "%s", text_of(plugin, "summary"));
    }
    table_end(&t, 0);
}

int show_plugins(const request *r) {
    return show(r, "/v1/plugins", print_plugins);
}

/* ---- joins ---- */

static void print_joined(const json_t *answer) {
    printf("joined %s: it is dialled until it is there; slowctl status shows how it goes\n",
           text_of(answer, "address"));
}

static void print_left(const json_t *answer) {
    printf("left %s\n", text_of(answer, "address"));
}

int join_address(const request *r) {
    json_t *body = json_pack("{s:s}", "address", r->operands[0]);
    return finish(r, client_post_json(r->client, "/v1/join", body, PATIENCE_S), print_joined);
}

int leave_address(const request *r) {
    json_t *body = json_pack("{s:s}", "address", r->operands[0]);
    return finish(r, client_post_json(r->client, "/v1/leave", body, PATIENCE_S), print_left);
}
