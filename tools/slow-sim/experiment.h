/* experiment.h - what `topology` and `compare` share: their options, and one experiment for each topology and strategy,
 * with progress on stderr when it takes longer than two seconds. */
#ifndef SLOW_SIM_EXPERIMENT_H
#define SLOW_SIM_EXPERIMENT_H
#include "sim/measure.h"

enum { EXPERIMENT_STRATEGIES = 16, EXPERIMENT_OPTIONS = 32 };

typedef struct experiment {
    const char *command; /* "topology": for texts */
    char **topologies;   /* as on the command line */
    int topology_count;
    sim_strategy strategies[EXPERIMENT_STRATEGIES];
    uint32_t strategy_count;
    const sim_event *events[SIM_MEASURE_EVENTS];
    uint32_t event_count, sample;
    uint64_t seed;
    bool json;
    const char *html, *trace_folder, *security;
    const char *options[EXPERIMENT_OPTIONS + 1], *plugin_dirs[EXPERIMENT_OPTIONS + 1]; /* end with NULL */
} experiment;

/* 0, or the exit code for a mistake, which was told; -1 when help was printed. */
int experiment_read(experiment *, const char *command, int argc, char **argv);
/* One experiment. NULL: it could not begin, which was told. */
sim_figures *experiment_run(const experiment *, const sim_topology *, uint32_t strategy, uint32_t paths);
/* Opens one of the topologies; NULL as above. */
sim_topology *experiment_topology(const experiment *, int number);
/* Tells what failed and how to see it again; 1 when something did. */
int experiment_verdict(const experiment *, const sim_figures *);
#endif
