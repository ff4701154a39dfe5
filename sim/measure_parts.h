/* What the files of measure share. */
#ifndef SIM_MEASURE_PARTS_H
#define SIM_MEASURE_PARTS_H
#include "graph.h"
#include "measure.h"
#include "run.h"

/* What a junction's strategies had said when it was last looked at. */
typedef struct sim_words {
    uint64_t entries, requests;
} sim_words;

typedef struct sim_trial {
    const sim_plan *plan;
    const sim_topology *topology;
    sim_figures *figures;
    sim_run *run;
    sim_graph *graph; /* with what is down left out */
    uint64_t draws;   /* state of the numbers that events and pairs are drawn with */
    sim_words *words; /* of each junction */
    sim_curve *curve; /* being drawn; NULL = none */
    slow_time curve_from;
    slow_time first_said, broken_ns; /* since the curve began: 0 = nothing; how long the mesh was not whole */
    slow_time acted_at;              /* when something was last done to the mesh */
    uint64_t curve_base, curve_seen;
    double stretch_sum;
    uint32_t rests, done, total;
    const char *doing;
    uint64_t turns;
    uint32_t pair[2]; /* that the event concerns; UINT32_MAX = none */
    bool *side;       /* of the halves drawn last */
} sim_trial;

/* measure_state.c: time, and what the mesh is like. */
#define SIM_LINKED_LIMIT_NS (180 * SL_SECOND) /* who came back is dialled within 6 s, or held down for 60 */
void *sim_room(size_t count, size_t size);    /* zeroed; aborts without memory */
void sim_trial_tell(const sim_trial *);       /* progress */
/* Runs until `done` holds, looked at every `step_ns`, for at most `limit_ns`. */
bool sim_trial_until(sim_trial *, slow_time step_ns, slow_time limit_ns, bool (*done)(sim_trial *));
void sim_trial_run(sim_trial *, slow_time for_ns);
void sim_trial_curve(sim_trial *,
                     sim_curve *);      /* begins to draw; NULL = nothing, but what else counts from here does */
sim_words sim_trial_words(sim_trial *); /* said since the last call */
bool sim_trial_is_whole(sim_trial *);
bool sim_trial_is_linked(sim_trial *); /* are just those adjacencies up that should be? */
void sim_trial_link(sim_trial *);      /* until they are */
void sim_trial_rest(sim_trial *);      /* until whole, and nothing is said or pending */
uint64_t sim_strategy_memory(const sl_junction *);
/* Whether the words of all its strategies can be counted: they show them, or never say any. */
bool sim_shows_words(const sl_junction *);
static inline slow_time sim_trial_now(const sim_trial *trial) {
    return sl_world_now(trial->run->mesh->world);
}
static inline uint64_t sim_trial_draw(sim_trial *trial, uint64_t below) {
    return sl_splitmix(&trial->draws) % below;
}

/* measure_event.c: doing and undoing, through the run, so that it is written down; the graph follows. */
uint32_t sim_event_subjects(const sim_trial *, const sim_event *);        /* how many of them will be met */
uint32_t sim_event_draw(sim_trial *, const sim_event *, uint32_t number); /* the subject of that many; draws halves */
void sim_event_do(sim_trial *, const sim_event *, uint32_t subject);
void sim_event_undo(sim_trial *, const sim_event *, uint32_t subject);
/* The links that are down by it, to be freed. */
uint32_t *sim_event_links(const sim_trial *, const sim_event *, uint32_t subject, uint32_t *count);

/* measure_courier.c: real packages between some pairs, both ways, round after round. */
enum { SIM_COURIER_PAIRS = 16 };
typedef struct sim_courier {
    sim_trial *trial;
    uint32_t pairs[SIM_COURIER_PAIRS][2], count;
    slow_time step_ns, *round_at; /* when each round left */
    uint32_t rounds;
    uint8_t *arrived; /* by round, pair and way */
    bool weighs;      /* how long they take against how long they could have */
    bool arrive;      /* those that are sent now have to */
    double delay_sum, delay_most;
    uint32_t delays;
} sim_courier;
/* `first` (may be NULL): a pair that has to be among them. */
void sim_courier_begin(sim_courier *, sim_trial *, uint32_t pairs, const uint32_t first[2]);
void sim_courier_round(sim_courier *, slow_time then_ns); /* one round, and time behind it */
void sim_courier_run(sim_courier *, slow_time for_ns);    /* a round in each step */
/* Waits for what is under way, and forgets. Of the packages that left from `since` on, between what the graph connects:
 * how long after `since` the last one left that was lost, a step added; 0 = none was. */
slow_time sim_courier_end(sim_courier *, slow_time since, uint32_t *lost);
/* Some packages at rest: what one costs, and by how much they came later than by the shortest path. Returns how many of
 * `sent` were lost. */
uint32_t sim_courier_sample(sim_trial *, uint32_t *sent, double *transmissions, sim_stretch *);
/* By the next hops in use. */
sim_path sim_trial_path(const sim_trial *, uint32_t from, uint32_t to);
#endif
