/* failover-probe: how long after an event do all junctions of a ring reach each other again?
 *
 *   failover-probe FOLDER NODES [--cut K] [--dead K] [--limit MS] [--quiet] EVENT...
 *
 * Junction k of NODES has its admin socket at FOLDER/k.sock; its neighbours are k - 1 and k + 1 (modulo NODES). EVENT is a
 * command, which is run as the clock starts. Then all live junctions are asked for their routes, over and over, until from
 * each of them the walk along next hops leads to every other one, without the cable K (between K and K + 1) and the junction
 * K that the event took away. The output is that time in milliseconds: the worst pair's. At the end one ping a pair shows
 * that the routes carry packages, too, unless --quiet says that the links shall stay without data.
 *
 * Routes are watched and no packages sent meanwhile, since data would make the links hot and detection faster (routing.md's
 * modes). A Unix socket is found by its path, whatever network namespace it was made in, so one process sees all junctions.
 * A round of questions takes a few milliseconds; that is the precision. */
#include <curl/curl.h>
#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NODES_MOST = 32, ANSWER_MOST = 256 * 1024 };

typedef struct probe {
    const char *folder;
    int nodes, cut, dead; /* -1 = none */
    uint64_t limit_ms;
    bool quiet;
    CURL *curl[NODES_MOST];
    int next[NODES_MOST][NODES_MOST]; /* [from][to]: the next hop, -1 = none */
    char answer[ANSWER_MOST];
    size_t answer_size;
} probe;

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ---- asking ---- */

static size_t take(char *bytes, size_t unit, size_t count, void *arg) {
    probe *p = arg;
    size_t size = unit * count;
    if (size >= ANSWER_MOST - p->answer_size)
        return 0;
    memcpy(p->answer + p->answer_size, bytes, size);
    p->answer_size += size;
    return size;
}

static bool curls_make(probe *p) {
    for (int k = 0; k < p->nodes; k++) {
        char socket_path[256];
        p->curl[k] = curl_easy_init();
        if (p->curl[k] == NULL)
            return false;
        snprintf(socket_path, sizeof socket_path, "%s/%d.sock", p->folder, k);
        curl_easy_setopt(p->curl[k], CURLOPT_UNIX_SOCKET_PATH, socket_path);
        curl_easy_setopt(p->curl[k], CURLOPT_WRITEFUNCTION, take);
        curl_easy_setopt(p->curl[k], CURLOPT_WRITEDATA, p);
    }
    return true;
}

/* `body` NULL = GET. NULL: no answer, or not one of JSON. */
static json_t *ask(probe *p, int k, const char *url, const char *body, long timeout_ms) {
    long code = 0;
    p->answer_size = 0;
    curl_easy_setopt(p->curl[k], CURLOPT_URL, url);
    curl_easy_setopt(p->curl[k], CURLOPT_TIMEOUT_MS, timeout_ms);
    if (body != NULL)
        curl_easy_setopt(p->curl[k], CURLOPT_POSTFIELDS, body);
    else
        curl_easy_setopt(p->curl[k], CURLOPT_HTTPGET, 1L);
    if (curl_easy_perform(p->curl[k]) != CURLE_OK)
        return NULL;
    curl_easy_getinfo(p->curl[k], CURLINFO_RESPONSE_CODE, &code);
    return code == 200 ? json_loadb(p->answer, p->answer_size, 0, NULL) : NULL;
}

static int node_of(const json_t *id) {
    const char *text = json_string_value(id);
    int node;
    return text != NULL && sscanf(text, "node-%d", &node) == 1 && node >= 0 && node < NODES_MOST ? node : -1;
}

static bool routes_read(probe *p, int from) {
    json_t *answer = ask(p, from, "http://junction/v1/routes", NULL, 500), *route;
    size_t i;
    for (int to = 0; to < p->nodes; to++)
        p->next[from][to] = -1;
    json_array_foreach(json_object_get(answer, "routes"), i, route) {
        int to = node_of(json_object_get(route, "id"));
        if (to >= 0)
            p->next[from][to] = node_of(json_object_get(route, "next_hop"));
    }
    json_decref(answer);
    return answer != NULL;
}

/* ---- judging ---- */

static bool cable_is_there(const probe *p, int a, int b) {
    int lower = (a + 1) % p->nodes == b ? a : (b + 1) % p->nodes == a ? b : -1;
    return lower >= 0 && lower != p->cut;
}

static bool walk_arrives(const probe *p, int from, int to) {
    int at = from;
    for (int hops = 0; hops < p->nodes && at != to; hops++) {
        int next = p->next[at][to];
        if (next < 0 || next == p->dead || !cable_is_there(p, at, next))
            return false;
        at = next;
    }
    return at == to;
}

static bool all_arrive(probe *p) {
    for (int k = 0; k < p->nodes; k++)
        if (k != p->dead && !routes_read(p, k))
            return false;
    for (int from = 0; from < p->nodes; from++)
        for (int to = 0; to < p->nodes; to++)
            if (from != to && from != p->dead && to != p->dead && !walk_arrives(p, from, to))
                return false;
    return true;
}

static bool all_answer(probe *p) {
    for (int from = 0; from < p->nodes; from++)
        for (int to = 0; to < p->nodes; to++) {
            char body[96];
            if (from == to || from == p->dead || to == p->dead)
                continue;
            snprintf(body, sizeof body, "{\"id\": \"node-%d\", \"timeout_ms\": 1000}", to);
            json_t *answer = ask(p, from, "http://junction/v1/ping", body, 2000);
            json_decref(answer);
            if (answer == NULL) {
                fprintf(stderr, "failover-probe: node-%d has a route to node-%d, but a ping does not come back\n", from,
                        to);
                return false;
            }
        }
    return true;
}

/* ---- the event ---- */

static pid_t event_run(char **argv) {
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[0], argv);
        fprintf(stderr, "failover-probe: cannot run %s\n", argv[0]);
        _exit(127);
    }
    return pid;
}

static int measure(probe *p, char **event) {
    int status = 1;
    double began = now_ms();
    pid_t pid = event_run(event);
    while (!all_arrive(p) && now_ms() - began < (double)p->limit_ms)
        poll(NULL, 0, 2);
    double took = now_ms() - began;
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        fprintf(stderr, "failover-probe: %s failed\n", event[0]);
        return 1;
    }
    if (took >= (double)p->limit_ms) {
        fprintf(stderr, "failover-probe: not all pairs were reachable again within %llu ms\n",
                (unsigned long long)p->limit_ms);
        return 1;
    }
    printf("%.0f\n", took);
    return p->quiet || all_answer(p) ? 0 : 1;
}

int main(int argc, char **argv) {
    probe *p = calloc(1, sizeof *p);
    int at = 3, status = 1;
    if (p == NULL || argc < 4)
        goto usage;
    *p = (probe){.folder = argv[1], .nodes = atoi(argv[2]), .cut = -1, .dead = -1, .limit_ms = 20000};
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at++)
        if (strcmp(argv[at], "--quiet") == 0)
            p->quiet = true;
        else if (strcmp(argv[at], "--cut") == 0)
            p->cut = atoi(argv[++at]);
        else if (strcmp(argv[at], "--dead") == 0)
            p->dead = atoi(argv[++at]);
        else if (strcmp(argv[at], "--limit") == 0)
            p->limit_ms = strtoull(argv[++at], NULL, 10);
        else
            goto usage;
    if (p->nodes < 3 || p->nodes > NODES_MOST || at >= argc)
        goto usage;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == 0 && curls_make(p))
        status = measure(p, argv + at);
    for (int k = 0; k < p->nodes; k++)
        curl_easy_cleanup(p->curl[k]);
    curl_global_cleanup();
    free(p);
    return status;
usage:
    fprintf(stderr, "usage: failover-probe FOLDER NODES [--cut K] [--dead K] [--limit MS] [--quiet] EVENT...\n");
    free(p);
    return 2;
}
