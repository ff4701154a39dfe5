/* origin.c - see origin.h.
 *
 * A neighbour is put into the first fragment with room and stays there; only fragments in which something changed are
 * said again. What is lost is said at once; what has come or costs otherwise, 50 ms later, since links come up together
 * and have a better cost a round trip after: a cold start of 1,000 junctions so says less than half. We route by another
 * cost only from when we say it: who alone knows that a link has become dearer goes round it to those who send back to him.
 *
 * Eight times we may speak without a pause; then we are silent for 5, 20, 80, 320, 1000 ms, a step further with each time,
 * and a step back for each second: so one that flaps cannot keep the network busy, and who loses one link after the other
 * says each loss at once.
 *
 * News of our own id that we have not said means one of two things: we started with a clock gone back, or at once and
 * with the same, and our earlier self is still remembered; then its epoch + 1 is right, once, and it makes all earlier
 * LSAs of ours disappear. Or somebody else has our name; then each of us outbids the other, and it must stop: three
 * times in ten minutes, and a line in the log. We then pass the other's words on, and try again ten minutes later. */
#include "origin.h"
#include "flood.h"
#include <stdio.h>
#include <stdlib.h>

#define COLLECT_NS (50 * LS_MS)
#define AT_ONCE 8u
#define STEP_BACK_NS (1 * LS_SECOND)
#define TAKES 3u
#define TAKES_PER_NS (600 * LS_SECOND)

/* By level: how often we spoke lately. */
static const slow_time holds_ns[] = {
    [AT_ONCE] = 5 * LS_MS, 20 * LS_MS, 80 * LS_MS, 320 * LS_MS, 1000 * LS_MS,
};
enum { HOLDS = sizeof holds_ns / sizeof holds_ns[0] };

/* ---- which links stand where */

static uint16_t link_size(const struct ls *ls, const struct ls_neighbour *neighbour) {
    return (uint16_t)(1 + ls_node_id(&ls->graph, neighbour->node).size + 2);
}

static void plan(struct ls *ls, slow_time after_ns) {
    slow_time now = ls_now(ls), silent = ls->originated_at + holds_ns[ls->hold_level];
    ls_plan(&ls->originate_at, ls->spoken && silent > now + after_ns ? silent : now + after_ns);
}

static bool fragment_need(struct ls *ls) {
    if (ls->fragment_count < ls->fragment_capacity)
        return true;
    uint32_t capacity = ls->fragment_capacity * 2 + 1;
    if (capacity > LS_FRAGMENTS)
        capacity = LS_FRAGMENTS;
    struct ls_fragment *fragments = realloc(ls->fragments, capacity * sizeof *fragments);
    if (fragments == NULL || ls->fragment_count == capacity)
        return false;
    ls->fragments = fragments;
    ls->fragment_capacity = capacity;
    return true;
}

/* Another adjacency to the same node that stands in a fragment, or should. */
static struct ls_neighbour *same_node(const struct ls *ls, const struct ls_neighbour *neighbour, bool stands) {
    for (uint32_t slot = 0; slot < ls->slot_count; slot++) {
        struct ls_neighbour *other = ls_neighbour_at(ls, (uint16_t)slot);
        if (other != NULL && other != neighbour && other->node == neighbour->node &&
            (other->fragment != LS_NO_FRAGMENT) == stands)
            return other;
    }
    return NULL;
}

static void place(struct ls *ls, struct ls_neighbour *neighbour) {
    uint16_t size = link_size(ls, neighbour);
    uint32_t fragment = 0;
    while (fragment < ls->fragment_count && ls->fragments[fragment].size + size > (uint16_t)LS_LINKS_MAX)
        fragment++;
    if (fragment == ls->fragment_count) {
        if (!fragment_need(ls)) {
            ls->host->log(ls->host, SLOW_LOG_ERROR,
                          "no room in our announcements for another neighbour: others will not route over that link");
            return;
        }
        ls->fragments[ls->fragment_count++] = (struct ls_fragment){.seq = 0};
    }
    neighbour->fragment = (uint16_t)fragment;
    ls->fragments[fragment].size = (uint16_t)(ls->fragments[fragment].size + size);
    ls->fragments[fragment].changed = true;
}

void ls_origin_add(struct ls *ls, struct ls_neighbour *neighbour) {
    if (neighbour->node == LS_SELF || same_node(ls, neighbour, true) != NULL)
        return;
    place(ls, neighbour);
    plan(ls, COLLECT_NS);
}

void ls_origin_remove(struct ls *ls, struct ls_neighbour *neighbour) {
    if (neighbour->fragment == LS_NO_FRAGMENT)
        return;
    struct ls_fragment *fragment = &ls->fragments[neighbour->fragment];
    fragment->size = (uint16_t)(fragment->size - link_size(ls, neighbour));
    fragment->changed = true;
    neighbour->fragment = LS_NO_FRAGMENT;
    struct ls_neighbour *other = same_node(ls, neighbour, false);
    if (other != NULL)
        place(ls, other);
    ls->loss_unsaid = true;
    plan(ls, 0);
}

static void cost_take(struct ls *ls, struct ls_neighbour *neighbour) {
    if (neighbour->cost == neighbour->measured)
        return;
    neighbour->cost = neighbour->measured;
    ls_touch(&ls->graph, neighbour->node);
}

void ls_origin_cost(struct ls *ls, struct ls_neighbour *neighbour, uint32_t cost) {
    neighbour->measured = cost;
    if (neighbour->fragment == LS_NO_FRAGMENT || ls->usurped) /* it will not be said */
        cost_take(ls, neighbour);
    if (neighbour->fragment == LS_NO_FRAGMENT)
        return;
    ls->fragments[neighbour->fragment].changed = true;
    plan(ls, COLLECT_NS);
}

void ls_origin_leave(struct ls *ls) {
    ls->leaving = true;
    for (uint32_t fragment = 0; fragment < ls->fragment_count; fragment++)
        ls->fragments[fragment].changed = true;
    ls->originate_at = ls_now(ls);
}

/* ---- saying it */

static slow_bytes links_of(struct ls *ls, uint32_t fragment, uint8_t links[LS_LINKS_MAX]) {
    slow_writer out = slow_writer_of(links, LS_LINKS_MAX);
    for (uint32_t slot = 0; !ls->leaving && slot < ls->slot_count; slot++) {
        struct ls_neighbour *neighbour = ls_neighbour_at(ls, (uint16_t)slot);
        if (neighbour == NULL || neighbour->fragment != fragment)
            continue;
        cost_take(ls, neighbour);
        (void)ls_link_write(&out, ls_node_id(&ls->graph, neighbour->node), (uint16_t)neighbour->cost, neighbour->leaf);
    }
    return (slow_bytes){links, slow_writer_size(&out)};
}

static void say(struct ls *ls, uint32_t number) {
    uint8_t links[LS_LINKS_MAX], bytes[LS_STATEMENT_MAX];
    struct ls_fragment *fragment = &ls->fragments[number];
    struct ls_record record = {
        .kind = LS_LSA,
        .fragment = (uint8_t)number,
        .stamp = {ls->epoch, ++fragment->seq},
        .id = ls_id_bytes(ls->routing->self(ls->host)),
        .links = links_of(ls, number, links),
    };
    uint32_t lsa;
    slow_bytes statement = {bytes, ls_statement(bytes, &record)};
    slow_status status = ls->routing->sign(ls->host, statement, &record.proof);
    fragment->changed = false;
    if (status != SLOW_OK || record.proof.size > LS_PROOF_MAX) {
        char text[160];
        snprintf(text, sizeof text,
                 "our own announcement could not be signed (status %d, %zu bytes of at most %u): others may refuse it",
                 status, record.proof.size, LS_PROOF_MAX);
        ls->host->log(ls->host, SLOW_LOG_ERROR, text);
        record.proof.size = 0;
    }
    ls->graph.edge_limit += LS_LINKS_MOST; /* strangers must not be able to silence us */
    ls->graph.lsa_limit += LS_FRAGMENTS;
    enum ls_verdict verdict = ls_lsa_install(&ls->graph, &record, &lsa);
    ls->graph.edge_limit -= LS_LINKS_MOST;
    ls->graph.lsa_limit -= LS_FRAGMENTS;
    if (verdict == LS_NEWS) {
        ls_flood_add(ls, lsa, LS_NO_SLOT);
        return;
    }
    ls->host->log(ls->host, SLOW_LOG_ERROR, "no room for our own announcement: others will not route over our links");
}

/* All that we have said so far is void. */
static void epoch_take(struct ls *ls, uint64_t epoch) {
    ls->epoch = epoch;
    ls->usurped = false;
    if (ls->fragment_count == 0 && fragment_need(ls))
        ls->fragments[ls->fragment_count++] = (struct ls_fragment){.seq = 0};
    for (uint32_t fragment = 0; fragment < ls->fragment_count; fragment++) {
        ls->fragments[fragment].seq = 0;
        ls->fragments[fragment].changed = true;
    }
}

void ls_origin(struct ls *ls) {
    slow_time now = ls_now(ls);
    if (ls->originate_at == 0 || now < ls->originate_at)
        return;
    ls->originate_at = 0;
    if (ls->usurped)
        return;
    slow_time quiet = (now - ls->originated_at) / STEP_BACK_NS;
    ls->hold_level = ls->spoken && quiet < ls->hold_level ? ls->hold_level - (unsigned)quiet : 0;
    if (ls->hold_level < HOLDS - 1)
        ls->hold_level++;
    ls->spoken = true;
    ls->loss_unsaid = false;
    ls->originated_at = now;
    for (uint32_t fragment = 0; fragment < ls->fragment_count; fragment++)
        if (ls->fragments[fragment].seq == UINT32_MAX)
            epoch_take(ls, ls->epoch + 1);
    for (uint32_t fragment = 0; fragment < ls->fragment_count; fragment++)
        if (ls->fragments[fragment].changed)
            say(ls, fragment);
}

/* ---- whose id it is */

static bool may_take(struct ls *ls, uint64_t epoch) {
    slow_time now = ls_now(ls);
    unsigned kept = 0;
    for (unsigned i = 0; i < ls->take_count; i++)
        if (now - ls->takes[i] < TAKES_PER_NS)
            ls->takes[kept++] = ls->takes[i];
    ls->take_count = kept;
    if (kept == TAKES || epoch >= LS_EPOCH_MAX || ls->options.break_rule == LS_BREAK_NO_TAKE_OVER)
        return false;
    ls->takes[ls->take_count++] = now;
    return true;
}

bool ls_origin_shown(struct ls *ls, const struct ls_record *record) {
    if (ls->leaving)
        return false;
    if (may_take(ls, record->stamp.epoch)) {
        epoch_take(ls, record->stamp.epoch + 1);
        plan(ls, 0);
        return false;
    }
    ls->usurped = true;
    if (ls_may_log(ls, &ls->twin_logged_at)) {
        char text[160];
        snprintf(text, sizeof text,
                 "another junction calls itself %.*s as we do: only one of the two can be reached; give one another id",
                 (int)record->id.size, (const char *)record->id.data);
        ls->host->log(ls->host, SLOW_LOG_ERROR, text);
    }
    return true;
}

void ls_origin_reclaim(struct ls *ls) {
    uint64_t epoch = ls->graph.nodes[LS_SELF].epoch;
    if (!ls->usurped || (ls->take_count > 0 && ls_now(ls) - ls->takes[ls->take_count - 1] < TAKES_PER_NS) ||
        !may_take(ls, epoch))
        return;
    epoch_take(ls, epoch + 1);
    plan(ls, 0);
}
