/* measure.h - an experiment: a network starts cold, the same kind of thing happens to it again and again, and what each
 * costs is written down.
 *
 * One experiment is one topology under one strategy. It starts all junctions, waits until they are linked, whole and at
 * rest, leaves them alone for ten seconds to see what an idle network sends, and then, for each event: does it, waits until
 * whole and at rest, checks everything that must hold at rest, undoes it, and waits again. Which events are drawn from a
 * large network depends on the seed and the topology alone, so strategies meet the same ones.
 *
 * What the figures mean:
 *   cold start   from the moment at which the last adjacency came up until all connected pairs reach each other
 *   detection    from the event until the last junction knows of it (neighbour_down, or neighbour_up of what comes back)
 *   recovery     from there until all connected pairs reach each other again; 0 where they never ceased to
 *   quiet        from the event until the strategies have said their last word about it
 *   bytes        of frames with the strategies' messages and their acknowledgements, over all cables
 * An event that leaves the network in more parts than it was in is counted apart (`splits`): its recovery, of what is still
 * connected, is mostly 0, and would make the medians better than they are.
 *
 * A strategy that chooses for each package has no table to look at. There real packages go between some pairs, every 5 ms,
 * in a large network every 10; the recovery ends when the first package leaves of which, and of all later ones, every one
 * arrives. */
#ifndef SIM_MEASURE_H
#define SIM_MEASURE_H
#include "scenario.h"

/* ---- kinds of events ---- */

enum sim_subject { SIM_OF_NOTHING, SIM_OF_LINKS, SIM_OF_JUNCTIONS, SIM_OF_HALVES };

typedef struct sim_event {
    const char *name;  /* "cut-every-link" */
    const char *title; /* "a link is cut": what happens, for a sentence */
    enum sim_subject subject;
    bool silent, slower;
    bool mended; /* what is measured is the end of it: a restored link, a rebooted junction */
} sim_event;

const sim_event *sim_events(uint32_t *count);
const sim_event *sim_event_find(const char *name); /* NULL = none */

/* ---- what is to be done ---- */

typedef struct sim_progress {
    const char *topology, *routing, *doing; /* "cold start", or an event's name */
    uint32_t done, total;                   /* events of the experiment; 0 of 0 at the cold start */
} sim_progress;

/* A strategy as a person writes it: NAME, with or without "routing-", and its options, "flooding:learn=false". */
typedef struct sim_strategy {
    char name[96];     /* as it was written, without "routing-" */
    char routing[512]; /* as JSON */
} sim_strategy;

/* Also checks that there is such a plugin, and that it takes these options and those of the choice, whose routing does not
 * count. */
slow_status sim_strategy_read(const char *text, const sim_choice *, sim_strategy *, slow_error *);

enum { SIM_MEASURE_EVENTS = 16 };
typedef struct sim_plan {
    const sim_topology *topology;
    sim_strategy strategy;
    sim_choice choice; /* of its plugin folders and options */
    uint64_t seed;
    const sim_event *events[SIM_MEASURE_EVENTS];
    uint32_t event_count;
    uint32_t sample;          /* of each kind at most so many; 0 = every one, and ten halves */
    uint32_t paths;           /* of each kind for so many the way before and after is kept; 0 = of none */
    const char *trace_folder; /* where a failing run is written to; NULL = the working one */
    void (*progress)(void *arg, const sim_progress *); /* may be NULL */
    void *arg;
} sim_plan;

/* ---- what came of it ---- */

/* Bytes said since some moment; thinned out as it grows. */
enum { SIM_CURVE_POINTS = 200 };
typedef struct sim_curve {
    slow_time step_ns;
    uint32_t count;
    struct {
        slow_time at_ns;
        uint64_t bytes;
    } points[SIM_CURVE_POINTS];
} sim_curve;

typedef struct sim_path {
    uint32_t *nodes;
    uint32_t count; /* 0 = there is none */
} sim_path;

/* What is kept for drawing. */
typedef struct sim_drawing {
    uint32_t pair[2]; /* UINT32_MAX = the event concerns nobody's path */
    sim_path before, after;
    uint32_t *links; /* that are down by it */
    uint32_t link_count;
    sim_curve said;
} sim_drawing;

typedef struct sim_case {
    uint32_t subject; /* the link, the junction, or the number of the draw */
    bool splits;
    slow_time detection_ns, recovery_ns, quiet_ns;
    uint64_t entries, requests, frames, bytes;
    sim_drawing *drawing; /* NULL = not kept */
} sim_case;

typedef struct sim_series {
    const sim_event *event;
    sim_case *cases;
    uint32_t count;
} sim_series;

typedef struct sim_figures {
    const sim_topology *topology; /* the plan's */
    char routing[96];
    uint64_t seed;
    bool chooses;     /* its choice is no table */
    bool shows_words; /* it counts its entries and requests, or says none at all */
    sim_case cold;    /* its recovery is the cold start; bytes, entries and quiet since the first junction started */
    sim_curve cold_said;
    sim_series series[SIM_MEASURE_EVENTS];
    uint32_t series_count;
    uint64_t loops, missing, stale, suboptimal;
    sim_stretch stretch;
    double idle_bytes_per_s;                  /* a junction sends */
    double idle_bytes_per_s_per_link;         /* each way over a link that some route uses; over any, if none is used */
    double alternates_cold, alternates_after; /* share of connected pairs with two usable candidates; < 0 = no table */
    double transmissions;                     /* links that a package crosses, copies counted, mean */
    uint64_t strategy_bytes; /* that the strategies say they hold, all junctions; 0 = they do not say */
    uint64_t trace_hash;
    bool failed;
    char failure[600];    /* what failed first: one line */
    char trace_file[256]; /* in which the run is until then; "" = it could not be written... */
    char no_trace[300];   /* ... and why; "" = a trace would not show it */
    double wall_s;        /* the caller's to fill in, as the next */
    uint64_t rss_bytes;
} sim_figures;

/* NULL and an error: it could not begin. A failed check is a figure, not an error. */
sim_figures *sim_measure(const sim_plan *, slow_error *);
void sim_figures_free(sim_figures *);

/* The contract's object, and the one for the page, which also has the topology's. */
void sim_figures_write(const sim_figures *, sl_json_writer *);
void sim_figures_write_drawings(const sim_figures *, sl_json_writer *);
void sim_map_write(const sim_topology *, sl_json_writer *); /* members: name, nodes, links, places */

/* The median of what `of` returns, of cases that split nothing, or where all do, of all; < 0 = there are none. */
double sim_series_median(const sim_series *, double (*of)(const sim_case *));
double sim_series_most(const sim_series *, double (*of)(const sim_case *));
uint32_t sim_series_splits(const sim_series *);
double sim_case_recovery_ms(const sim_case *);
double sim_case_detection_ms(const sim_case *);
double sim_case_quiet_ms(const sim_case *);
double sim_case_entries(const sim_case *);
double sim_case_requests(const sim_case *);
double sim_case_frames(const sim_case *);
double sim_case_bytes(const sim_case *);
#endif
