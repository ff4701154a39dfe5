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
    *out = (check_distance){.epoch = word.epoch, .seq = word.seq, .metric = word.metric};
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

/* Looks at a feasibility distance, and that it did not go back since the last time. */
static bool distance_look(sim_check *check, uint32_t row, uint32_t place, const slow_id *id, check_distance *now) {
    check_distance *last = last_of(check, row, place);
    bool known = distance_of(check, row, place, id, now);
    if (known && last->epoch != 0 && is_nearer(last->epoch, last->seq, last->metric, now) &&
        check_breach(check, SIM_MONOTONE))
        check_tell(
            check, "the feasibility distance of %s to %s went back from sequence number %u, metric %u, to %u, %u",
            check_name(check, place), check_row_name(check, row), last->seq, last->metric, now->seq, now->metric);
    *last = known ? *now : (check_distance){.epoch = 0};
    return known;
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
        if (a == NULL || check->places[a->peer].dv == NULL || route->candidates[i].metric == SLOW_METRIC_INFINITY ||
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

static bool is_same(bool a_is, const dv_inspect_word *a, bool b_is, const dv_inspect_word *b) {
    return a_is == b_is && (!a_is || (a->epoch == b->epoch && a->seq == b->seq && a->metric == b->metric));
}

/* What we remember to have told over each adjacency is what is heard at its other end. `numbers`: each place's own for the
 * destination. */
static void check_beliefs(sim_check *check, uint32_t row, uint32_t place, const size_t *numbers) {
    const check_place *p = &check->places[place];
    for (uint32_t slot = 1; slot < p->slots; slot++) {
        const check_adjacency *a = &p->adjacencies[slot];
        if (a->number == 0 || !a->held || check->places[a->peer].dv == NULL || check_is_home(check, a->peer, row))
            continue;
        const check_place *peer = &check->places[a->peer];
        dv_inspect_word told, heard;
        bool is_told = p->dv->told_of(p->dv_self, a->number, numbers[place], &told);
        bool is_heard = peer->dv->heard_of(peer->dv_self, a->back, numbers[a->peer], &heard);
        if (is_same(is_told, &told, is_heard, &heard) || !check_breach(check, SIM_BELIEFS))
            continue;
        check_tell(check, "%s told %s of %s %s (%u, %u), and that one believes %s (%u, %u)", check_name(check, place),
                   check_name(check, a->peer), check_row_name(check, row), is_told ? "a route" : "nothing",
                   is_told ? told.seq : 0, is_told ? told.metric : 0, is_heard ? "a route" : "nothing",
                   is_heard ? heard.seq : 0, is_heard ? heard.metric : 0);
    }
}

static void check_row_at_rest(sim_check *check, uint32_t row, size_t *numbers) {
    slow_id id = check_row_id(check, row);
    for (uint32_t place = 0; place < check->count; place++)
        if (check->places[place].present && check->places[place].dv != NULL)
            numbers[place] = check->places[place].dv->number(check->places[place].dv_self, &id);
    for (uint32_t place = 0; place < check->count; place++) {
        check_distance mine;
        if (!check->places[place].present || check->places[place].dv == NULL)
            continue;
        check_beliefs(check, row, place, numbers);
        if (check_is_home(check, place, row) || !distance_look(check, row, place, &id, &mine) ||
            check->places[place].strategy_count != 1)
            continue;
        const sl_route *route = check_route(check, place, row);
        if (route != NULL)
            check_falls(check, row, place, route, &id, &mine);
    }
}

/* Destinations that nothing was said of since the last time are looked at in turns, where there are many. */
void check_vector_rest(sim_check *check) {
    uint32_t share = check->count / ALL_ROWS_UP_TO + 1;
    bool any = false;
    for (uint32_t place = 0; place < check->count && !any; place++)
        any = check->places[place].present && check->places[place].dv != NULL;
    size_t *numbers = any ? calloc(check->count, sizeof *numbers) : NULL;
    if (numbers == NULL)
        return;
    for (uint32_t row = 0; row < check->row_count; row++)
        if (check->rows[row].touched || row % share == check->sampled % share)
            check_row_at_rest(check, row, numbers);
    check->sampled++;
    free(numbers);
}
