/* action.h - one thing that happens to a mesh: an entry of a scenario's timeline, done at its time.
 *
 * As JSON an action is an object with "at" and one member that names it: {"at": "5s", "cut": ["a", "b"], "silent": true}.
 * The table in action.c has them all: what each reads and prints. A link is named by its ends, a junction by its node's
 * name or number; both may be "any", which is drawn from the seed when the time has come, and written down as what it was.
 *
 *   cut        LINK            carrier is lost at both ends, or "silent": true
 *   restore    LINK or "all"   both ways
 *   one_way    [FROM, TO]      the link swallows what FROM sends
 *   flap       LINK            "times" (10) cut and restored, one of each in "every" (1s); or "silent"
 *   cost       LINK            its "latency" becomes another, so in time its cost does
 *   faults     {...}           "loss", "duplicate", "reorder" (shares, 0..1), "jitter", "rate" (bytes/s, 0 = without
 *                              bound); "on": a link, or "all" (when missing). What is not named stays
 *   kill       NODE            without a word; its cables lose carrier, or "silent". With "memory" it only stands still
 *   restart    NODE or "all"   a new process; with "memory": true the one that stood still goes on. Of one that runs: nothing
 *   partition  [NODE...]       all cables between these and the rest are cut; or "silent"
 *   heal       true            what cut, partition and one_way did is undone everywhere
 *   clock      NODE            its wall clock jumps by "shift": "-1h"
 *   routing    {...}           "add": a strategy as in "routing", "prefer": NAME with "preference", or "remove": NAME;
 *                              "at_junction": a node, or "all" (when missing)
 *   send       [FROM, TO]      a message of "size" bytes (32), best effort; "arrives": true when it has to be there at the
 *                              end. An experiment's packages, as its trace has them; traffic is made by rules */
#ifndef SIM_ACTION_H
#define SIM_ACTION_H
#include "topology.h"

enum sim_action_kind {
    SIM_CUT,
    SIM_RESTORE,
    SIM_ONE_WAY,
    SIM_FLAP,
    SIM_COST,
    SIM_FAULTS,
    SIM_KILL,
    SIM_RESTART,
    SIM_PARTITION,
    SIM_HEAL,
    SIM_CLOCK,
    SIM_ROUTING,
    SIM_SEND,
    SIM_ACTION_COUNT
};

#define SIM_ANY UINT32_MAX       /* a link or a node that is drawn when its time has come */
#define SIM_ALL (UINT32_MAX - 1) /* every one */

/* What a cable does to frames. */
typedef struct sim_faults {
    uint32_t loss_ppm, duplicate_ppm, reorder_ppm; /* SIM_ANY = as it is */
    slow_time jitter_ns;                           /* UINT64_MAX = as it is */
    uint64_t rate;                                 /* bytes/s; 0 = without bound, UINT64_MAX = as it is */
} sim_faults;
extern const sim_faults sim_faults_as_they_are;

/* Made by hand, all but kind and what the kind reads is 0. */
typedef struct sim_action {
    enum sim_action_kind kind;
    slow_time at_ns;
    uint32_t link; /* the topology's; SIM_ANY, SIM_ALL */
    uint32_t node; /* SIM_ANY, SIM_ALL; of one_way, who is not heard */
    bool silent, memory;
    uint32_t times;       /* flap */
    slow_time every_ns;   /* flap */
    slow_time latency_ns; /* cost */
    int64_t shift_ms;     /* clock */
    sim_faults faults;
    uint32_t *nodes; /* partition: one side */
    uint32_t node_count;
    enum { SIM_ROUTING_ADD, SIM_ROUTING_PREFER, SIM_ROUTING_REMOVE } change;
    char *routing; /* JSON: of add a strategy, else its id */
    int64_t preference;
    uint32_t to, size; /* send, from `node` */
    bool arrives;
} sim_action;

/* Reads one; the topology is the one whose names it uses. On failure there is nothing to clear. `plugin_dirs` ends with
 * NULL, and may be NULL: where else the strategies that are added are looked for. */
slow_status sim_action_read(const sl_json *, const sl_json_at *, const sim_topology *, const char *const *plugin_dirs,
                            sim_action *, slow_error *);
/* The number of a node that is written as its name or its number; the error guesses which was meant. */
slow_status sim_action_node(const sl_json *, const sl_json_at *, const sim_topology *, uint32_t *node, slow_error *);
/* As it is read, "at" to the nanosecond. */
void sim_action_write(const sim_action *, const sim_topology *, sl_json_writer *);
/* "cut New York - Chicago, silently": one line. */
void sim_action_describe(const sim_action *, const sim_topology *, char *out, size_t capacity);
sim_action sim_action_copy(const sim_action *);
void sim_action_clear(sim_action *);
const char *sim_action_name(enum sim_action_kind);
/* The members of a faults object into what was there; SLOW_OK when there are none. Its keys are not checked. */
slow_status sim_faults_read(const sl_json *, const sl_json_at *, sim_faults *, slow_error *);
void sim_faults_write(const sim_faults *, sl_json_writer *); /* the members alone */
/* One share of it, 0..1, in parts per million; SIM_ANY = not written. */
slow_status sim_share_read(const sl_json *object, const sl_json_at *, const char *key, uint32_t *ppm, slow_error *);
void sim_share_write(const char *key, uint32_t ppm, sl_json_writer *);
extern const char *const sim_faults_keys[]; /* ends with NULL */
#endif
