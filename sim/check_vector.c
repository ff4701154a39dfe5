/* The inside of a distance vector (routing.md, rules 1 to 4 and "what must hold"): feasibility distances fall along next
 * hops and never go back, our own sequence number never does, and neighbours believe what we remember to have said.
 *
 * The order of feasibility is written again here: a check that asked the plugin would only repeat its mistake. */
#include "check_state.h"
#include <inttypes.h>
#include <stdlib.h>

enum { ALL_ROWS_UP_TO = 256 }; /* places; above, beliefs are looked at in samples */

static bool is_nearer(uint64_t epoch, uint32_t seq, uint32_t metric, const check_distance *than) {
    if (epoch != than->epoch)
        return epoch > than->epoch;
    return seq != than->seq ? seq > than->seq : metric < than->metric;
}

static check_distance distance(const dv_inspect_word *word) {
    return (check_distance){.epoch = word->epoch, .seq = word->seq, .metric = word->metric};
}

/* Of a destination itself: its own stamp, at no distance. False: none. */
static bool distance_of(const sim_check *check, uint32_t row, uint32_t place, const slow_id *id, check_distance *out) {
    const check_place *p = &check->places[place];
    dv_inspect_word word;
    if (p->dv == NULL)
        return false;
    if (check_is_home(check, place, row))
        word = p->dv->own(p->dv_self);
    else if (!p->dv->feasibility(p->dv_self, id, &word))
        return false;
    *out = distance(&word);
    return true;
}

static check_distance *last_of(sim_check *check, uint32_t row, uint32_t place) {
    if (check->distances[place] == NULL) {
        check->distances[place] = calloc(check->row_count, sizeof **check->distances);
        if (check->distances[place] == NULL)
            abort();
    }
    return &check->distances[place][row];
}

/* A feasibility distance as it is now, and that it did not go back since the last time. */
static bool distance_note(sim_check *check, uint32_t row, uint32_t place, bool known, const check_distance *now) {
    check_distance *last = last_of(check, row, place);
    if (known && last->epoch != 0 && is_nearer(last->epoch, last->seq, last->metric, now) &&
        check_breach(check, SIM_MONOTONE))
        check_tell(
            check, "the feasibility distance of %s to %s went back from sequence number %u, metric %u, to %u, %u",
            check_name(check, place), check_row_name(check, row), last->seq, last->metric, now->seq, now->metric);
    *last = known ? *now : (check_distance){.epoch = 0};
    return known;
}

static bool distance_look(sim_check *check, uint32_t row, uint32_t place, const slow_id *id, check_distance *now) {
    bool known = distance_of(check, row, place, id, now);
    return distance_note(check, row, place, known, now);
}

static void check_own(sim_check *check, uint32_t place) {
    const check_place *p = &check->places[place];
    check_distance *last = &check->own[place];
    dv_inspect_word own = p->dv->own(p->dv_self);
    check_distance now = {.epoch = own.epoch, .seq = own.seq};
    if (last->epoch != 0 && is_nearer(last->epoch, last->seq, 0, &now) && check_breach(check, SIM_MONOTONE))
        check_tell(check, "the sequence number of %s went back from %u to %u", check_name(check, place), last->seq,
                   now.seq);
    *last = now;
}

/* Is the other end of an adjacency nearer than `mine`? Feasibility distances only sink, so one that was low enough when it
 * was last looked at still is, which spares nearly all looks. */
static bool is_peer_nearer(sim_check *check, uint32_t row, uint32_t peer, const slow_id *id, const check_distance *mine,
                           check_distance *theirs) {
    *theirs = *last_of(check, row, peer);
    if (theirs->epoch != 0 && is_nearer(theirs->epoch, theirs->seq, theirs->metric, mine))
        return true;
    return distance_look(check, row, peer, id, theirs) && is_nearer(theirs->epoch, theirs->seq, theirs->metric, mine);
}

/* Every candidate's junction has to be nearer than we are. Who has told nobody yet has no feasibility distance. */
static void check_falls(sim_check *check, uint32_t row, uint32_t place, const sl_route *route, const slow_id *id,
                        const check_distance *mine) {
    for (uint8_t i = 0; i < route->count; i++) {
        const check_adjacency *a = check_held(check, place, route->candidates[i].via);
        check_distance theirs;
        if (a == NULL || check->places[a->peer].dv == NULL || check_is_rogue(check, a->peer) ||
            check_is_rogue(check, place) || route->candidates[i].metric == SLOW_METRIC_INFINITY ||
            is_peer_nearer(check, row, a->peer, id, mine, &theirs) || !check_breach(check, SIM_FEASIBILITY))
            continue;
        check_tell(check,
                   "%s would send to %s by %s, which is no nearer: its sequence number %u, metric %u, ours %u, %u",
                   check_name(check, place), check_row_name(check, row), check_name(check, a->peer), theirs.seq,
                   theirs.metric, mine->seq, mine->metric);
    }
}

void check_vector_changed(sim_check *check, uint32_t row, uint32_t place, const slow_id *id, const sl_route *route) {
    check_distance mine;
    if (check->places[place].dv == NULL || check->places[place].strategy_count != 1)
        return;
    check_own(check, place);
    if (distance_look(check, row, place, id, &mine))
        check_falls(check, row, place, route, id, &mine);
}

void check_vector_forget(sim_check *check, uint32_t place) {
    free(check->distances[place]);
    check->distances[place] = NULL;
    check->own[place] = (check_distance){.epoch = 0};
}

/* ---- at rest ---- */

/* Of a word whose sequence number has grown since it was told, the old number is not remembered: 0. */
static bool is_same(bool is_told, const dv_inspect_word *told, bool is_heard, const dv_inspect_word *heard) {
    return is_told == is_heard && (!is_told || (told->epoch == heard->epoch && told->metric == heard->metric &&
                                                (told->seq == 0 || told->seq == heard->seq)));
}

/* The numbers under which each place knows the destinations: so that nothing is looked up by its id. */
typedef struct numbers {
    uint32_t *of; /* by place, then row; UINT32_MAX = not known */
    bool *wanted; /* rows */
    uint32_t rows;
} numbers;

static bool runs_vector(const sim_check *check, uint32_t place) {
    return check->places[place].present && check->places[place].dv != NULL;
}

/* What we remember to have told over an adjacency is what is heard at its other end. One pair of neighbours after the
 * other, so that what is looked at lies close together. */
static void check_beliefs(sim_check *check, uint32_t place, const check_adjacency *a, const numbers *n) {
    if (check_is_rogue(check, place))
        return;
    const check_place *p = &check->places[place], *peer = &check->places[a->peer];
    const uint32_t *here = n->of + (size_t)place * n->rows, *there = n->of + (size_t)a->peer * n->rows;
    for (uint32_t row = 0; row < n->rows; row++) {
        dv_inspect_word told, heard;
        if (!n->wanted[row] || check_is_home(check, a->peer, row))
            continue;
        bool is_told = p->dv->told_of(p->dv_self, a->number, here[row], &told);
        bool is_heard = peer->dv->heard_of(peer->dv_self, a->back, there[row], &heard);
        if (is_same(is_told, &told, is_heard, &heard) || !check_breach(check, SIM_BELIEFS))
            continue;
        check_tell(check, "%s told %s of %s %s (%u, %u), and that one believes %s (%u, %u)", check_name(check, place),
                   check_name(check, a->peer), check_row_name(check, row), is_told ? "a route" : "nothing",
                   is_told ? told.seq : 0, is_told ? told.metric : 0, is_heard ? "a route" : "nothing",
                   is_heard ? heard.seq : 0, is_heard ? heard.metric : 0);
    }
}

static void check_distances(sim_check *check, uint32_t place, const numbers *n) {
    const check_place *p = &check->places[place];
    const sl_route_table *table = &check->mesh->nodes[place].junction->forward->table;
    for (uint32_t row = 0; row < n->rows; row++) {
        dv_inspect_word word;
        if (!n->wanted[row] || check_is_home(check, place, row))
            continue;
        bool known = p->dv->feasibility_of(p->dv_self, n->of[(size_t)place * n->rows + row], &word);
        check_distance now = known ? distance(&word) : (check_distance){.epoch = 0};
        distance_note(check, row, place, known, &now);
    }
    for (uint32_t i = 0; check->places[place].strategy_count == 1 && i < table->count; i++) {
        slow_id id = sl_route_id(&table->entries[i]);
        uint32_t row = check_row_of(check, &id);
        if (row == NO_ROW || !n->wanted[row] || check->distances[place][row].epoch == 0)
            continue;
        check_falls(check, row, place, &table->entries[i], &id, &check->distances[place][row]);
    }
}

static void numbers_find(const sim_check *check, uint32_t place, numbers *n) {
    const check_place *p = &check->places[place];
    size_t count = p->dv->numbers(p->dv_self);
    uint32_t *of = n->of + (size_t)place * n->rows;
    for (uint32_t row = 0; row < n->rows; row++)
        of[row] = UINT32_MAX;
    for (size_t number = 0; number < count; number++) {
        slow_id id;
        uint32_t row = p->dv->id_of(p->dv_self, number, &id) ? check_row_of(check, &id) : NO_ROW;
        if (row != NO_ROW)
            of[row] = (uint32_t)number;
    }
}

/* Destinations that nothing was said of since the last time are looked at in turns, where there are many. */
void check_vector_rest(sim_check *check) {
    uint32_t share = check->count / ALL_ROWS_UP_TO + 1;
    numbers n = {.rows = check->row_count};
    bool any = false;
    for (uint32_t place = 0; place < check->count && !any; place++)
        any = runs_vector(check, place);
    if (!any)
        return;
    n.of = malloc((size_t)check->count * n.rows * sizeof *n.of);
    n.wanted = calloc(n.rows, sizeof *n.wanted);
    if (n.of == NULL || n.wanted == NULL)
        abort();
    for (uint32_t row = 0; row < n.rows; row++)
        n.wanted[row] = check->rows[row].touched || row % share == check->sampled % share;
    check->sampled++;
    for (uint32_t place = 0; place < check->count; place++)
        if (runs_vector(check, place))
            numbers_find(check, place, &n);
    for (uint32_t place = 0; place < check->count; place++) {
        if (!runs_vector(check, place))
            continue;
        check_distances(check, place, &n);
        for (uint32_t slot = 1; slot < check->places[place].slots; slot++) {
            const check_adjacency *a = &check->places[place].adjacencies[slot];
            if (a->number != 0 && a->held && runs_vector(check, a->peer))
                check_beliefs(check, place, a, &n);
        }
    }
    free(n.of);
    free(n.wanted);
}
