/* run.h - a scenario being played: a mesh made from a topology, its checks, its traffic, and a record of what was done.
 *
 * Whatever plays a mesh (a scenario's timeline, an experiment that cuts every link) does it through actions, and each is
 * written down with its time. So a failure always leaves a scenario behind that shows it again: the topology, the seed and
 * the actions so far.
 *
 *     sim_run *run = sim_run_new(scenario);              all junctions start
 *     sim_run_until_whole(run, 60 * SL_SECOND);
 *     sim_run_do(run, &(sim_action){.kind = SIM_CUT, .link = 3});
 *     sim_run_for(run, SL_SECOND);
 *     sim_run_settle(run, 30 * SL_SECOND);
 *     sim_run_rest(run, &stretch);
 *     if (run->failure.found) sim_run_write_trace(run, "trace.json", &error);
 *
 * Cable N + 1 of the mesh's network is link N of the topology, place N its node N, whose id is "nN" unless the scenario
 * says otherwise. */
#ifndef SIM_RUN_H
#define SIM_RUN_H
#include "detour.h"
#include "mesh.h"
#include "scenario.h"
#include "traffic.h"

/* What failed first: a rule of the checks, or "lost" or "duplicates". */
typedef struct sim_run_failure {
    bool found;
    const char *rule;
    slow_time at_ns;
    uint64_t trace_hash;
    char text[512];
} sim_run_failure;

typedef struct sim_run {
    sim_scenario *scenario;
    sim_mesh *mesh;
    sim_check *check;
    sim_traffic_play *traffic;
    sim_detour detour;
    bool keep_going; /* after a failure: for experiments that count */
    sim_run_failure failure;
    sim_action *done; /* what was done, in its order; no any, no flap; what was sent is traffic's */
    uint32_t done_count, done_capacity;
    sim_action *pending; /* what is to be done, by time, from pending_next on; the rest is done and cleared */
    uint32_t pending_count, pending_capacity, pending_next;
    uint64_t random;     /* for what is drawn */
    slow_time random_at; /* of the next drawn action; UINT64_MAX = none */
    slow_time noted_down,
        *recoveries; /* how long each loss of adjacencies kept some pair apart, as far as it is over */
    uint32_t recovery_count;
    sim_stretch stretch; /* of the rest of a scenario that was played */
    bool played, rested;
    void (*on_action)(void *arg, const struct sim_run *, const sim_action *); /* before it is done; may be NULL */
    void (*on_time)(void *arg, const struct sim_run *); /* each second of a scenario that is played; may be NULL */
    void *arg;
} sim_run;

/* Takes the scenario. All junctions but the absent ones are started, and nothing has happened yet. Aborts where a mesh
 * cannot be made: the scenario was checked. */
sim_run *sim_run_new(sim_scenario *);
void sim_run_free(sim_run *);
slow_time sim_run_now(const sim_run *);
/* Does an action now, whatever its time says, and writes it down. False: nothing to do (what is cut was cut before, nobody
 * to draw from), and nothing written. Not from inside a turn. */
bool sim_run_do(sim_run *, const sim_action *);
/* To be done when its time comes. Copied. */
void sim_run_schedule(sim_run *, const sim_action *);
/* Lets time pass, with what was scheduled. False: a check failed, and time stands where it did, unless keep_going. */
bool sim_run_for(sim_run *, slow_time for_ns);
/* Until each cable that can carry an adjacency does, and all connected pairs reach each other; looked at every millisecond
 * (when exactly it was, the checks know). False: `limit_ns` passed, or as above. */
bool sim_run_until_whole(sim_run *, slow_time limit_ns);
/* Until nothing was said by a strategy for a while, and none has begun what it has not ended (sim_check_settle). Nothing is
 * done meanwhile that was scheduled. False: `limit_ns` passed, or as above. */
bool sim_run_settle(sim_run *, slow_time limit_ns);
/* Looks at what must hold at rest. */
sim_verdict sim_run_rest(sim_run *, sim_stretch *);
/* The whole scenario: its timeline, then its rest. True: everything held. */
bool sim_run_play(sim_run *);
/* Has all that has to arrive (a "send" with "arrives") done so? Else that is the run's failure, unless it has one. */
bool sim_run_check_sent(sim_run *);
/* What was done so far as a scenario of its own, with what failed. */
slow_status sim_run_write_trace(const sim_run *, const char *path, slow_error *);
/* The failure as it is told to a person, seed, time, junctions and routes, and on further lines what was done last. */
void sim_run_explain(const sim_run *, char *out, size_t capacity);
#endif
