/* failover-probe: how long after an event do all nodes of a network reach each other again?
 *
 *   failover-probe slow|ip FOLDER [--cut CABLE] [--dead NODE] [--before MS] [--limit MS] [--hold MS] [--interval MS]
 *                  [--data RATE] [--quiet] EVENT...
 *
 * FOLDER/cables has a line "A B" for each cable. EVENT is a command, which is run as the clock starts; it takes away the CABLE
 * (a line's number, from 0) and the NODE. The output is the time until all pairs that are left reach each other and go on so
 * for HOLD, in milliseconds: the worst pair's; and behind it how many packets ran out of hops meanwhile, which means a loop.
 * With --before all pairs must have reached each other for that long before the event. reach_slow.c and reach_ip.c say how
 * it is looked at; --quiet leaves out the pings at Slow's end, so that the links stay without data. */
#include "reach.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct probe {
    const reach_kind *kind;
    reach_options options;
    int cut, dead;
    double before_ms, limit_ms, hold_ms;
    bool quiet, broke; /* broke: some pair did not reach each other, since the event */
    topology topology;
    reach *reach;
} probe;

double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static pid_t event_run(char **argv) {
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[0], argv);
        fprintf(stderr, "failover-probe: cannot run %s\n", argv[0]);
        _exit(127);
    }
    return pid;
}

/* Looks until all pairs have reached each other for `hold_ms`, and returns since when; < 0: not within the limit. `pid`: a
 * process whose end is waited for, too, 0 = none. */
static double all_since(probe *p, double hold_ms, pid_t *pid, int *status) {
    double began = now_ms(), since = -1, at;
    while (now_ms() - began < p->limit_ms + hold_ms) {
        verdict v = p->kind->look(p->reach, &at);
        if (*pid > 0 && waitpid(*pid, status, WNOHANG) == *pid)
            *pid = 0;
        if (v == VERDICT_NOT_ALL) {
            since = -1;
            p->broke = true;
        } else if (v == VERDICT_ALL && since < 0)
            since = at;
        if (since >= 0 && *pid == 0 && now_ms() - since >= hold_ms)
            return since;
    }
    return -1;
}

static int measure(probe *p, char **event) {
    int status = 0;
    pid_t pid = 0;
    if (p->before_ms > 0 && all_since(p, p->before_ms, &pid, &status) < 0) {
        fprintf(stderr, "failover-probe: not all pairs reached each other before the event\n");
        return 1;
    }
    uint64_t looped = p->kind->looped(p->reach);
    double began = now_ms();
    if ((pid = event_run(event)) < 0) {
        fprintf(stderr, "failover-probe: cannot fork\n");
        return 1;
    }
    p->topology.cut = p->cut;
    p->topology.dead = p->dead;
    p->kind->forget(p->reach);
    p->broke = false;
    double since = all_since(p, p->hold_ms, &pid, &status);
    if (pid > 0)
        waitpid(pid, &status, 0);
    if (status != 0) {
        fprintf(stderr, "failover-probe: %s failed\n", event[0]);
        return 1;
    }
    if (since < 0) {
        fprintf(stderr, "failover-probe: not all pairs reached each other within %.0f ms\n", p->limit_ms);
        return 1;
    }
    if (p->kind->sees_each_break && !p->broke) {
        fprintf(stderr, "failover-probe: the event broke nothing; expected a cable or a node that is used\n");
        return 1;
    }
    printf("%.0f %llu\n", since - began, (unsigned long long)(p->kind->looped(p->reach) - looped));
    return p->quiet || p->kind->confirm(p->reach) ? 0 : 1;
}

/* The index of the event's first word; -1: not understood. */
static int read_options(probe *p, int argc, char **argv) {
    int at = 3;
    if (argc < 4)
        return -1;
    p->kind = strcmp(argv[1], "slow") == 0 ? &reach_slow : strcmp(argv[1], "ip") == 0 ? &reach_ip : NULL;
    p->options.folder = argv[2];
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        const char *name = argv[at] + 2;
        if (strcmp(name, "quiet") == 0) {
            p->quiet = true;
            continue;
        }
        if (++at >= argc)
            return -1;
        double value = atof(argv[at]);
        if (strcmp(name, "cut") == 0)
            p->cut = (int)value;
        else if (strcmp(name, "dead") == 0)
            p->dead = (int)value;
        else if (strcmp(name, "before") == 0)
            p->before_ms = value;
        else if (strcmp(name, "limit") == 0)
            p->limit_ms = value;
        else if (strcmp(name, "hold") == 0)
            p->hold_ms = value;
        else if (strcmp(name, "interval") == 0)
            p->options.interval_ms = value;
        else if (strcmp(name, "data") == 0)
            p->options.data_rate = (unsigned)value;
        else
            return -1;
    }
    return p->kind != NULL && p->options.interval_ms >= 1 && at < argc ? at : -1;
}

int main(int argc, char **argv) {
    probe p = {.cut = -1, .dead = -1, .limit_ms = 20000, .hold_ms = 1000, .options.interval_ms = 10};
    char path[256];
    int status = 1, event = read_options(&p, argc, argv);
    if (event < 0) {
        fprintf(stderr, "usage: failover-probe slow|ip FOLDER [--cut CABLE] [--dead NODE] [--before MS] [--limit MS] "
                        "[--hold MS] [--interval MS] [--data RATE] [--quiet] EVENT...\n");
        return 2;
    }
    snprintf(path, sizeof path, "%s/cables", p.options.folder);
    if (!topology_read(&p.topology, path) || curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return 1;
    p.reach = p.kind->open(&p.topology, &p.options);
    if (p.reach != NULL) {
        status = measure(&p, argv + event);
        p.kind->close(p.reach);
    }
    curl_global_cleanup();
    return status;
}
