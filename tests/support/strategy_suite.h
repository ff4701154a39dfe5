/* strategy_suite.h - what happens to networks, and the tests that every strategy has to pass which routes by what its
 * neighbours tell it: all checks of its own file hold after every event, alone and mixed, on made graphs and on real ones.
 * SLOW_SEED begins the seeds elsewhere. */
#ifndef TEST_STRATEGY_SUITE_H
#define TEST_STRATEGY_SUITE_H
#include "strategy_network.h"

#define SUITE_NOBODY UINT32_MAX
#define SUITE_SKEW_NS (50 * SL_MS) /* within which the ends of a link notice that it is cut */

enum { FIGURES_MAX = 256 };

/* What events of one kind cost. */
struct suite_figures {
    const char *kind;
    unsigned count;
    uint32_t full_ms[FIGURES_MAX], entries[FIGURES_MAX], requests[FIGURES_MAX], loops[FIGURES_MAX];
};

struct suite_moment {
    slow_time at;
    uint64_t entries, requests, loops;
};

typedef void (*suite_deed)(struct network *);

uint64_t suite_first_seed(void);
uint32_t suite_pick(struct network *, uint32_t below);
struct suite_moment suite_before(const struct network *);
/* It has just happened; let everything follow, and check. `figures` may be NULL. */
void suite_event(struct network *, struct suite_moment begin, struct suite_figures *figures, const char *what);
void suite_cold_start(struct network *, struct suite_figures *);
void suite_cut_and_mend(struct network *, uint32_t edge, struct suite_figures *);
void suite_cut_any(struct network *);
void suite_kill_and_return(struct network *, uint32_t victim, bool clock_back);
void suite_chaos(struct network *);

/* The tests. */
void real_network_holds(const char *name, unsigned seeds);
void rings_hold(void **state);
void grids_hold(void **state);
void random_graphs_hold(void **state);
void every_cut_of_a_grid_holds(void **state);
void abilene_holds(void **state);
void arpanet1972_holds(void **state);
void geant2012_holds(void **state);
void germany50_holds(void **state);
void an_idle_network_is_silent(void **state);
void nothing_goes_through_a_leaf(void **state);
void who_leaves_is_routed_round_before_it_goes(void **state);
void the_same_seed_gives_the_same_trace(void **state);

#define STRATEGY_SUITE                                                                                             \
    cmocka_unit_test(rings_hold), cmocka_unit_test(grids_hold), cmocka_unit_test(random_graphs_hold),              \
        cmocka_unit_test(every_cut_of_a_grid_holds), cmocka_unit_test(abilene_holds),                              \
        cmocka_unit_test(arpanet1972_holds), cmocka_unit_test(geant2012_holds), cmocka_unit_test(germany50_holds), \
        cmocka_unit_test(nothing_goes_through_a_leaf), cmocka_unit_test(an_idle_network_is_silent),                \
        cmocka_unit_test(who_leaves_is_routed_round_before_it_goes),                                               \
        cmocka_unit_test(the_same_seed_gives_the_same_trace)

/* With a rule broken the checks have to fail, with every seed; with "none" they have to hold. Between what happens to
 * networks at random the deeds come in turn. */
void strategy_control(const char *rule, const suite_deed *deeds, uint32_t count);
#endif
