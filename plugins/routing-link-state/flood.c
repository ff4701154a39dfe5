/* flood.c - see flood.h.
 *
 * The channel between two neighbours is reliable and ordered, so an LSA is sent once to each, there are no
 * acknowledgements, no retransmission lists and no refresh every half hour, as OSPF (RFC 2328) and IS-IS have them; an
 * idle network is silent. What an LSA needs to survive in OSPF, a periodic age, it does not need here: see link_state.c.
 *
 * News goes on at the end of the turn in which it came, and before the routes are computed from it: on a link that keeps
 * the order it then arrives ahead of any package that was sent by the new routes; see route.c. In a storm, a cold start
 * say, that would be one message for each LSA and link. So there is an allowance, 20 times at once and one more every
 * 6 ms (less often for a hub, to whom each time costs hundreds of messages): a cut or a death never uses it up, and in a
 * storm LSAs share messages and copies that cross are not sent.
 *
 * Where LSAs are signed, each costs everybody a signature, and who signs news without end would have us pass it on, at our
 * own charge with each neighbour. OSPF has MinLSArrival against that (RFC 2328, 13(5a)): what comes within a second is thrown
 * away, and comes again since nobody acknowledged it. Here nothing comes again, and who throws away different news than another
 * routes by another map for ever. So we take the newest always, and tell it no more often than an origin may say something:
 * 32 times at once and once a second from then on, the last word in any case. An origin with several fragments says them
 * together, and may do so for each, up to 64. So an origin costs a junction for each neighbour a signature a second, 64 at most;
 * what the origin's own neighbours check is charged to itself (the host's budget). An honest one speaks 13 times in half a
 * second and then once a second (origin.c): a link may hold its words back for 18 s before any of them is told late. */
#include "flood.h"
#include <stdlib.h>

#define FLOODS_AT_ONCE 20
#define FLOOD_NS (6 * LS_MS)
#define HUB 256u    /* with so many neighbours, half as often */
#define CHUNK 64u   /* LSAs made into bytes at a time */
#define RECENT 128u /* how far back a copy is looked for */
#define TICKS 256u  /* a second */
#define ORIGIN_AT_ONCE 32u
#define ORIGIN_FRAGMENTS 64u
#define LATE_NS (100 * LS_MS) /* between two looks at what is late */

static bool skip_add(struct ls *ls, uint32_t queued, uint16_t slot) {
    struct ls_neighbour *neighbour = ls_neighbour_at(ls, slot);
    if (neighbour == NULL)
        return true;
    if (ls->skip_count == ls->skip_capacity) {
        uint32_t capacity = ls->skip_capacity * 2 + 16;
        struct ls_skip *skips = realloc(ls->skips, capacity * sizeof *skips);
        if (skips == NULL)
            return false;
        ls->skips = skips;
        ls->skip_capacity = capacity;
    }
    ls->skips[ls->skip_count++] = (struct ls_skip){.queued = queued, .next = neighbour->skip};
    neighbour->skip = ls->skip_count;
    return true;
}

static void queue_add(struct ls *ls, uint32_t lsa, uint16_t from) {
    if (ls->queue_count == ls->queue_capacity) {
        uint32_t capacity = ls->queue_capacity * 2 + 16;
        struct ls_queued *queue = realloc(ls->queue, capacity * sizeof *queue);
        if (queue == NULL) {
            ls->host->log(ls->host, SLOW_LOG_ERROR, "no memory to pass routing news on: others may route wrongly");
            return;
        }
        ls->queue = queue;
        ls->queue_capacity = capacity;
    }
    ls->queue[ls->queue_count] = (struct ls_queued){.lsa = lsa, .order = ls->graph.lsas[lsa].order};
    (void)skip_add(ls, ls->queue_count++, from); /* without memory it hears its own words again */
}

/* ---- not more often than an origin may speak */

static uint32_t ticks(const struct ls *ls) {
    return (uint32_t)(ls_now(ls) / (LS_SECOND / TICKS));
}

static uint32_t fragments_of(const struct ls *ls, const struct ls_node *node) {
    uint32_t count = 0;
    for (uint32_t lsa = node->lsas; lsa != LS_NONE && count < ORIGIN_FRAGMENTS; lsa = ls->graph.lsas[lsa].next)
        count++;
    return count;
}

/* May it be told now? Then it is charged to its origin. */
static bool may_pass(struct ls *ls, const struct ls_lsa *lsa) {
    struct ls_node *node = &ls->graph.nodes[lsa->node];
    uint32_t most = ORIGIN_AT_ONCE * TICKS, owed = node->paid_at - ticks(ls);
    if (lsa->proof == 0 || lsa->node == LS_SELF)
        return true;
    if (owed > most + TICKS) /* more than there can be: it is a time long past */
        owed = 0;
    if (owed > most)
        return false;
    node->paid_at = ticks(ls) + owed + TICKS / fragments_of(ls, node);
    return true;
}

static void late_release(struct ls *ls) {
    ls->late_at = 0;
    for (uint32_t number = 0; number < ls->graph.lsa_count; number++) {
        struct ls_lsa *lsa = &ls->graph.lsas[number];
        if (lsa->node == LS_NONE || !lsa->late)
            continue;
        lsa->late = !may_pass(ls, lsa);
        if (lsa->late)
            ls_plan(&ls->late_at, ls_now(ls) + LATE_NS);
        else
            queue_add(ls, number, LS_NO_SLOT);
    }
}

/* ---- what has come */

void ls_flood_add(struct ls *ls, uint32_t lsa, uint16_t from) {
    for (uint32_t slot = 0; slot < ls->slot_count; slot++)
        if (ls->neighbours[slot] != NULL && ls->neighbours[slot]->has != NULL && lsa < ls->neighbours[slot]->has_count)
            ls->neighbours[slot]->has[lsa / 8] &= (uint8_t) ~(1u << lsa % 8);
    ls->graph.lsas[lsa].late = !may_pass(ls, &ls->graph.lsas[lsa]);
    if (ls->graph.lsas[lsa].late)
        ls_plan(&ls->late_at, ls_now(ls) + LATE_NS);
    else
        queue_add(ls, lsa, from);
}

void ls_flood_heard(struct ls *ls, uint32_t lsa, uint16_t from) {
    uint32_t order = ls->graph.lsas[lsa].order;
    for (uint32_t i = ls->queue_count; i > 0 && ls->queue_count - i < RECENT; i--)
        if (ls->queue[i - 1].lsa == lsa && ls->queue[i - 1].order == order) {
            (void)skip_add(ls, i - 1, from);
            return;
        }
}

bool ls_flood_record(const struct ls *ls, uint32_t lsa, uint8_t links[LS_LINKS_MAX], struct ls_record *record) {
    uint32_t node = ls->graph.lsas[lsa].node, lost_at = ls->graph.nodes[node].lost_at;
    uint32_t age = lost_at == 0 || node == LS_SELF ? 0 : ls_seconds(ls) - lost_at;
    *record = ls_lsa_record(&ls->graph, lsa, links);
    record->age = (uint16_t)(age < UINT16_MAX ? age : UINT16_MAX);
    return age < LS_LOST_TELL_S && !ls->graph.lsas[lsa].hollow;
}

/* ---- to all */

struct chunk {
    uint8_t *bytes;
    uint32_t first, count;   /* of the queue */
    uint32_t end[CHUNK];     /* of each one's bytes; as the one before: it is not told */
    uint16_t skipped[CHUNK]; /* the slot that is not told, + 1 */
};

static void chunk_fill(struct ls *ls, struct chunk *chunk) {
    uint8_t links[LS_LINKS_MAX];
    uint32_t size = 0;
    for (uint32_t i = 0; i < chunk->count; i++) {
        const struct ls_queued *queued = &ls->queue[chunk->first + i];
        const struct ls_lsa *lsa = &ls->graph.lsas[queued->lsa];
        struct ls_record record;
        slow_writer out = slow_writer_of(chunk->bytes + size, SLOW_ROUTE_MESSAGE_MAX);
        /* One that was replaced or dropped meanwhile is queued again, or gone. */
        if (lsa->node != LS_NONE && lsa->order == queued->order && ls_flood_record(ls, queued->lsa, links, &record))
            (void)ls_record_write(&out, &record);
        size += (uint32_t)slow_writer_size(&out);
        chunk->end[i] = size;
        chunk->skipped[i] = 0;
    }
}

static void chunk_send(struct ls *ls, struct chunk *chunk, const struct ls_neighbour *neighbour) {
    uint8_t message[SLOW_ROUTE_MESSAGE_MAX];
    slow_writer out = slow_writer_of(message, sizeof message);
    for (uint32_t skip = neighbour->skip; skip != 0; skip = ls->skips[skip - 1].next)
        if (ls->skips[skip - 1].queued - chunk->first < chunk->count)
            chunk->skipped[ls->skips[skip - 1].queued - chunk->first] = (uint16_t)(neighbour->slot + 1);
    for (uint32_t i = 0; i < chunk->count; i++) {
        uint32_t begin = i > 0 ? chunk->end[i - 1] : 0, size = chunk->end[i] - begin;
        uint32_t lsa = ls->queue[chunk->first + i].lsa;
        bool has =
            neighbour->has != NULL && lsa < neighbour->has_count && (neighbour->has[lsa / 8] & 1u << lsa % 8) != 0;
        if (size == 0 || has || chunk->skipped[i] == neighbour->slot + 1)
            continue;
        if (slow_writer_size(&out) + size > sizeof message) {
            ls_send(ls, neighbour, (slow_bytes){message, slow_writer_size(&out)});
            out = slow_writer_of(message, sizeof message);
        }
        slow_write_bytes(&out, chunk->bytes + begin, size);
        ls->entries++;
    }
    if (slow_writer_size(&out) > 0)
        ls_send(ls, neighbour, (slow_bytes){message, slow_writer_size(&out)});
}

static bool flush(struct ls *ls) {
    struct chunk chunk = {.first = 0};
    uint32_t most = ls->queue_count < CHUNK ? ls->queue_count : CHUNK;
    chunk.bytes = malloc((size_t)most * SLOW_ROUTE_MESSAGE_MAX);
    if (chunk.bytes == NULL)
        return false;
    for (; chunk.first < ls->queue_count; chunk.first += chunk.count) {
        chunk.count = ls->queue_count - chunk.first < CHUNK ? ls->queue_count - chunk.first : CHUNK;
        chunk_fill(ls, &chunk);
        for (uint32_t slot = 0; slot < ls->slot_count; slot++)
            if (ls_neighbour_at(ls, (uint16_t)slot) != NULL)
                chunk_send(ls, &chunk, ls->neighbours[slot]);
    }
    free(chunk.bytes);
    for (uint32_t slot = 0; slot < ls->slot_count; slot++)
        if (ls->neighbours[slot] != NULL)
            ls->neighbours[slot]->skip = 0;
    free(ls->queue);
    free(ls->skips);
    ls->queue = NULL;
    ls->skips = NULL;
    ls->queue_count = ls->queue_capacity = ls->skip_count = ls->skip_capacity = 0;
    return true;
}

void ls_flood(struct ls *ls) {
    slow_time apart_ns = FLOOD_NS * (1 + ls->slot_count / HUB);
    ls->flood_at = 0;
    if (ls->late_at != 0 && ls->late_at <= ls_now(ls))
        late_release(ls);
    if (ls->queue_count == 0)
        return;
    if (ls_allowed(ls, &ls->floods, FLOODS_AT_ONCE, apart_ns) && flush(ls))
        ls->floods.left--;
    else
        ls_plan(&ls->flood_at, ls->floods.counted_at + apart_ns);
}
