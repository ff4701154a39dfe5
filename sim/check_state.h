/* check_state.h - what the files of the checker share: the mirror of the mesh that the changes keep up to date.
 *
 * For each place and each destination, which is a row, there are the next hop in use and a level. They lie by place: one
 * message changes many routes of one place, and what is looked at for them is its own and its neighbours'. A place has
 * the adjacencies that it holds by their slots, so that a candidate's place is one look. */
#ifndef SIM_CHECK_STATE_H
#define SIM_CHECK_STATE_H
#include "check.h"
#include "plugins/routing-distance-vector/inspect.h"
#include <slow/inspect.h>

/* A next hop: a place, or NO_PLACE; and whether the destination is reached by following it. */
enum { NO_PLACE = 0x7fffffff };
#define REACHES UINT32_C(0x80000000)
#define NO_ROW UINT32_MAX
#define NO_LEVEL INT32_MIN

typedef struct check_row {
    uint32_t reaching; /* places that reach it, it itself not counted */
    uint32_t homes;    /* junctions that call themselves so */
    uint32_t home;     /* the last one that came */
    bool touched;      /* since the last look at rest */
} check_row;

typedef struct check_adjacency {
    slow_link number; /* 0 = free */
    slow_link back;   /* the peer's number for it, while it is held */
    uint32_t peer;    /* its place */
    uint64_t start;   /* the peer's, as it was when the adjacency came up */
    bool held;        /* by both ends */
} check_adjacency;

/* What a junction's strategies are, as far as it matters here. */
enum check_class { CLASS_LOOP_FREE, CLASS_TABLE, CLASS_CHOOSING, CLASS_COUNT };

typedef struct check_place {
    bool present;
    uint32_t row;    /* of its own id */
    uint32_t *next;  /* by row */
    int32_t *levels; /* by row; NO_LEVEL = none yet; NULL = none at all */
    uint64_t start;
    check_adjacency *adjacencies; /* by slot: the lower half of the number */
    uint32_t slots;
    enum check_class class;
    bool least_cost;                        /* its strategies promise metrics of Dijkstra's */
    uint32_t strategy_count, last_strategy; /* for which the class holds */
    const dv_inspect *dv;                   /* NULL = it runs no distance vector */
    const void *dv_self;
    uint64_t arrived;             /* packages for it, of this process */
    uint32_t changes;             /* of routes */
    bool ever_chose;              /* a strategy of this process did */
    uint32_t parent, size, homes; /* of the forest of components; the last two at its roots */
} check_place;

/* The feasibility distance that a place had when it was last looked at. */
typedef struct check_distance {
    uint64_t epoch;
    uint32_t seq, metric;
} check_distance;

typedef struct check_delivery check_delivery;

struct sim_check {
    sim_mesh *mesh;
    char *const *names;
    uint32_t count; /* places */
    check_place *places;
    check_row *rows; /* the first `count` are of "n0", "n1", ...; then other ids */
    slow_id *others;
    uint32_t row_count;
    check_distance **distances; /* by place: by row; NULL = none yet */
    check_distance *own;        /* by place: epoch and sequence number */
    uint32_t classes[CLASS_COUNT];
    /* pairs */
    uint64_t reaching, connected;
    bool forest_stale, looked, whole, lost_any; /* lost_any: a junction was gone once, and what it held with it */
    slow_time changed_at, whole_since, last_up, last_down;
    /* verdicts */
    uint64_t counts[SIM_RULE_COUNT];
    int8_t fails[SIM_RULE_COUNT]; /* -1 = as the strategies promise */
    sim_failure failure;
    check_delivery *delivery; /* NULL until a reliable message is sent */
    /* scratch */
    uint32_t *stack, *at, *order, *mark, marker;
    const sl_route **found; /* by place, where marked */
    int32_t *sunk;
    uint32_t sampled; /* rows at rest, for large meshes */
    char row_name[16];
};

/* check.c */
const char *check_name(const sim_check *, uint32_t place);
/* Counts a breach; true when it is the first that fails, and its text is wanted: see check_tell(). */
bool check_breach(sim_check *, enum sim_rule);
/* The rest of the failure's line, behind "seed 1, at 2.345 s: ". */
void check_tell(sim_check *, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint32_t check_row_of(const sim_check *, const slow_id *); /* NO_ROW = none of ours */
slow_id check_row_id(const sim_check *, uint32_t row);
const char *check_row_name(sim_check *, uint32_t row);
static inline bool check_is_home(const sim_check *check, uint32_t place, uint32_t row) {
    const check_row *r = &check->rows[row];
    if (r->homes <= 1)
        return r->homes == 1 && r->home == place;
    return check->places[place].present && check->places[place].row == row;
}
static inline bool check_is_rogue(const sim_check *check, uint32_t place) {
    return check->mesh->nodes[place].rogue;
}
static inline bool check_is_loop_free(const sim_check *check) {
    return check->classes[CLASS_TABLE] + check->classes[CLASS_CHOOSING] == 0;
}
/* The adjacency behind a candidate's `via`, if both ends hold it. */
static inline const check_adjacency *check_held(const sim_check *check, uint32_t place, slow_link via) {
    const check_place *p = &check->places[place];
    uint32_t slot = via & 0xffff;
    return slot < p->slots && p->adjacencies[slot].number == via && p->adjacencies[slot].held ? &p->adjacencies[slot]
                                                                                              : NULL;
}
/* What `peer` holds of `place`; NULL = nothing. */
check_adjacency *check_back(const sim_check *, uint32_t place, uint32_t peer);
const sl_route *check_route(const sim_check *, uint32_t place, uint32_t row);

const slow_routing_inspect *check_inspect(const sl_strategy *); /* NULL = it shows nothing */

/* check_account.c */
void check_bounds(sim_check *, uint32_t place); /* now and then */
void check_account(sim_check *);                /* at rest */

/* check_delivery.c: what the mesh's watch shows of reliable messages. */
void check_sent(void *arg, sim_node *, const slow_package *);
void check_handed(void *arg, sim_node *, const sl_message *);
void check_taken(void *arg, sim_node *, const sl_message *);
void check_outcome(void *arg, sim_node *, const sl_result *);
void check_freed(void *arg, sim_node *);
void check_stood_still(sim_check *, uint32_t place);
void check_delivery_rest(sim_check *); /* at rest */
void check_delivery_free(sim_check *);

/* check_pairs.c: who reaches whom, by the changes alone. */
void check_next_set(sim_check *, uint32_t row, uint32_t place, uint32_t next);
/* A junction with this id came (or went): the row's own place reaches, or no longer. */
void check_home_set(sim_check *, uint32_t row, uint32_t place, bool is);
/* Nobody's next hop leads over it any more. */
void check_edge_gone(sim_check *, uint32_t from, uint32_t to);
void check_joined(sim_check *, uint32_t a, uint32_t b);
void check_pairs_changed(sim_check *);
/* As of the last change. */
void check_pairs_look(sim_check *);

/* check_loops.c: at each change, levels and cycles. */
void check_loops(sim_check *, uint32_t row, uint32_t place, const sl_route *);
/* The next hops in use lead from `place` back to it: names them. */
void check_loop_in_use(sim_check *, uint32_t row, uint32_t place);

/* check_vector.c: the inside of a distance vector. */
void check_vector_changed(sim_check *, uint32_t row, uint32_t place, const slow_id *, const sl_route *);
void check_vector_rest(sim_check *);
void check_vector_forget(sim_check *, uint32_t place);
#endif
