#include "check_delivery.h"
#include "check_state.h"
#include "core/loop.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PEERS_LOOKED_AT = 4096 };
#define LATENESS_NS (100 * SL_MS)
#define PAIR_FORGOTTEN_NS (620 * SL_SECOND)

typedef struct message {
    sim_promise promise;
    uint64_t start; /* its sender's process */
    slow_time accepted_at;
    enum sl_outcome outcome;
    bool handed, taken;
} message;

/* One channel of one direction of a pair. */
typedef struct stream {
    uint32_t *messages; /* by number: which one + 1; 0 = not known */
    uint64_t capacity;
    uint64_t lowest; /* no outcome was told of it, and of all below one was */
    uint64_t handed; /* the highest number that was handed over in order */
} stream;

typedef struct session {
    uint64_t number;
    uint32_t from, to;
    uint64_t packet; /* the last one */
    stream *streams[SLOW_CHANNELS];
} session;

/* From one place to another, over all pairs. */
typedef struct way {
    uint64_t from_start, to_start;     /* processes, for which... */
    uint32_t handed[SLOW_CHANNELS][2]; /* ... so many messages + 1 came before: ordered, latest */
    uint64_t unfinished_bytes, credit; /* as last looked at */
} way;

typedef struct sender {
    uint64_t start, accepted;
    bool changed, stood_still;
} sender;

struct check_delivery {
    message *messages;
    uint32_t count, capacity;
    session **sessions; /* open addressing; a power of two */
    uint32_t session_count, session_slots;
    way **ways;      /* from * places + to; NULL = nothing yet */
    sender *senders; /* by place */
    uint32_t *changed, changed_count;
    slow_time sent_at;
    sl_peer_info *peers;
    sim_outcomes outcomes;
};

static void *need(void *memory) {
    if (memory == NULL)
        abort();
    return memory;
}

static slow_time now_of(const sim_check *check) {
    return sl_world_now(check->mesh->world);
}

static slow_time deadline_of(const message *m) {
    return m->accepted_at + m->promise.ttl_ns;
}

/* Its number, sender and receiver, as every breach of it is told. */
#define ABOUT "message %u, %s to %s"
#define ABOUT_ARGS(check, i, m) (i), check_name(check, (m)->promise.from), check_name(check, (m)->promise.to)

/* ---- tables ---- */

static void turned(void *arg);

static check_delivery *delivery_need(sim_check *check) {
    if (check->delivery != NULL)
        return check->delivery;
    check_delivery *d = need(calloc(1, sizeof *d));
    d->ways = need(calloc((size_t)check->count * check->count, sizeof(way *)));
    d->senders = need(calloc(check->count, sizeof *d->senders));
    d->changed = need(calloc(check->count, sizeof *d->changed));
    d->peers = need(calloc(PEERS_LOOKED_AT, sizeof *d->peers));
    d->session_slots = 256;
    d->sessions = need(calloc(d->session_slots, sizeof(session *)));
    check->delivery = d;
    sl_world_on_turn(check->mesh->world, turned, check);
    return d;
}

void check_delivery_free(sim_check *check) {
    check_delivery *d = check->delivery;
    if (d == NULL)
        return;
    sl_world_on_turn(check->mesh->world, NULL, NULL);
    for (uint32_t i = 0; i < d->session_slots; i++) {
        for (uint32_t c = 0; d->sessions[i] != NULL && c < SLOW_CHANNELS; c++)
            if (d->sessions[i]->streams[c] != NULL) {
                free(d->sessions[i]->streams[c]->messages);
                free(d->sessions[i]->streams[c]);
            }
        free(d->sessions[i]);
    }
    for (size_t i = 0; i < (size_t)check->count * check->count; i++)
        free(d->ways[i]);
    free(d->sessions);
    free(d->ways);
    free(d->senders);
    free(d->changed);
    free(d->peers);
    free(d->messages);
    free(d);
    check->delivery = NULL;
}

static session **session_slot(const check_delivery *d, uint64_t number, uint32_t from, uint32_t to) {
    uint64_t at = number ^ (uint64_t)from << 32 ^ to;
    for (;; at++) {
        session **slot = &d->sessions[at & (d->session_slots - 1)];
        if (*slot == NULL || ((*slot)->number == number && (*slot)->from == from && (*slot)->to == to))
            return slot;
    }
}

static session *session_need(check_delivery *d, uint64_t number, uint32_t from, uint32_t to) {
    session **slot = session_slot(d, number, from, to);
    if (*slot != NULL)
        return *slot;
    if (2 * d->session_count >= d->session_slots) {
        session **old = d->sessions;
        uint32_t slots = d->session_slots;
        d->session_slots *= 2;
        d->sessions = need(calloc(d->session_slots, sizeof(session *)));
        for (uint32_t i = 0; i < slots; i++)
            if (old[i] != NULL)
                *session_slot(d, old[i]->number, old[i]->from, old[i]->to) = old[i];
        free(old);
        slot = session_slot(d, number, from, to);
    }
    *slot = need(calloc(1, sizeof **slot));
    **slot = (session){.number = number, .from = from, .to = to};
    d->session_count++;
    return *slot;
}

static stream *stream_need(session *s, uint8_t channel) {
    stream **at = &s->streams[channel];
    if (*at == NULL) {
        *at = need(calloc(1, sizeof **at));
        (*at)->lowest = 1;
    }
    return *at;
}

static uint32_t *stream_at(stream *s, uint64_t number) {
    if (number >= s->capacity) {
        uint64_t capacity = s->capacity == 0 ? 16 : s->capacity;
        while (capacity <= number)
            capacity *= 2;
        s->messages = need(realloc(s->messages, capacity * sizeof *s->messages));
        memset(s->messages + s->capacity, 0, (capacity - s->capacity) * sizeof *s->messages);
        s->capacity = capacity;
    }
    return &s->messages[number];
}

static way *way_need(sim_check *check, uint32_t from, uint32_t to) {
    way **at = &check->delivery->ways[(size_t)from * check->count + to];
    if (*at == NULL)
        *at = need(calloc(1, sizeof **at));
    return *at;
}

static void changed(check_delivery *d, uint32_t place) {
    if (d->senders[place].changed)
        return;
    d->senders[place].changed = true;
    d->changed[d->changed_count++] = place;
}

static message *message_of(const sim_check *check, slow_bytes payload, uint32_t *number) {
    if (check->delivery == NULL || !sim_promise_number(payload, number) || *number >= check->delivery->count)
        return NULL;
    return &check->delivery->messages[*number];
}

/* ---- accepted ---- */

uint32_t sim_check_promise(sim_check *check, const sim_promise *promise) {
    check_delivery *d = delivery_need(check);
    sender *s = &d->senders[promise->from];
    uint64_t start = check->mesh->nodes[promise->from].junction->claim.start;
    if (d->count == d->capacity) {
        d->capacity = d->capacity == 0 ? 256 : d->capacity * 2;
        d->messages = need(realloc(d->messages, d->capacity * sizeof *d->messages));
    }
    if (s->start != start)
        *s = (sender){.start = start, .changed = s->changed};
    s->accepted++;
    d->outcomes.accepted++;
    changed(d, promise->from);
    d->messages[d->count] = (message){.promise = *promise, .start = start, .accepted_at = now_of(check)};
    return d->count++;
}

void sim_check_refused(sim_check *check) {
    check_delivery *d = check->delivery;
    d->senders[d->messages[--d->count].promise.from].accepted--;
    d->outcomes.accepted--;
    d->outcomes.refused++;
}

const sim_promise *sim_check_promised(const sim_check *check, const sl_message *came) {
    uint32_t number;
    const message *m = message_of(check, came->payload, &number);
    return m == NULL ? NULL : &m->promise;
}

sim_outcomes sim_check_outcomes(const sim_check *check) {
    return check->delivery == NULL ? (sim_outcomes){.accepted = 0} : check->delivery->outcomes;
}

/* ---- sent ---- */

static void packet_look(sim_check *check, session *s, const slow_package *package) {
    if (package->packet <= s->packet && check_breach(check, SIM_NUMBER))
        check_tell(check, "%s sends packet %" PRIu64 " of pair %016" PRIx64 " to %s, and had sent %" PRIu64,
                   check_name(check, s->from), package->packet, s->number, check_name(check, s->to), s->packet);
    s->packet = package->packet;
}

static void window_look(sim_check *check, const session *s, stream *t, uint8_t channel, uint64_t number) {
    const check_delivery *d = check->delivery;
    while (t->lowest < number) {
        uint32_t which = *stream_at(t, t->lowest);
        if (which != 0 && d->messages[which - 1].outcome == SL_PENDING)
            break;
        t->lowest++;
    }
    if (number >= t->lowest + SL_WINDOW && check_breach(check, SIM_WINDOW))
        check_tell(check, "%s sends %s number %" PRIu64 " of channel %u, and %" PRIu64 " has no outcome",
                   check_name(check, s->from), check_name(check, s->to), number, channel, t->lowest);
}

static void first_fragment(sim_check *check, session *s, const slow_package *package) {
    stream *t = stream_need(s, package->channel);
    uint32_t which, *at = stream_at(t, package->message);
    message *m = message_of(check, package->payload, &which);
    if (m == NULL)
        return;
    if (*at != 0 && *at != which + 1 && check_breach(check, SIM_NUMBER))
        check_tell(check, ABOUT ": has number %" PRIu64 " of channel %u, as message %u has",
                   ABOUT_ARGS(check, which, m), package->message, package->channel, *at - 1);
    if (*at == 0)
        window_look(check, s, t, package->channel, package->message);
    *at = which + 1;
    if (now_of(check) > deadline_of(m) && check_breach(check, SIM_WINDOW))
        check_tell(check, ABOUT ": sent %.3f s after its deadline", ABOUT_ARGS(check, which, m),
                   (double)(now_of(check) - deadline_of(m)) / 1e9);
}

void check_sent(void *arg, sim_node *node, const slow_package *package) {
    sim_check *check = arg;
    slow_id dst;
    const sim_node *to = sl_id_set(&dst, package->dst) ? sim_mesh_node_of(check->mesh, &dst) : NULL;
    if (check->delivery == NULL || to == NULL)
        return;
    session *s = session_need(check->delivery, package->session, node->place, to->place);
    check->delivery->sent_at = now_of(check);
    changed(check->delivery, node->place);
    packet_look(check, s, package);
    if (package->flags & SLOW_RELIABLE && package->type != SLOW_CONTROL && package->offset == 0)
        first_fragment(check, s, package);
}

/* ---- handed over, and taken ---- */

/* Between two processes, whatever pairs they had. */
static void order_look(sim_check *check, const sim_node *node, uint32_t which, const message *m) {
    way *w = way_need(check, m->promise.from, m->promise.to);
    uint64_t to_start = node->junction->claim.start;
    if (w->from_start != m->start || w->to_start != to_start) {
        memset(w->handed, 0, sizeof w->handed);
        w->from_start = m->start;
        w->to_start = to_start;
    }
    uint32_t *last = &w->handed[m->promise.channel][m->promise.order == SLOW_LATEST];
    if (m->promise.order == 0)
        return;
    if (which + 1 < *last && check_breach(check, SIM_ORDER))
        check_tell(check, ABOUT ": handed over after message %u, which is newer", ABOUT_ARGS(check, which, m),
                   *last - 1);
    *last = which + 1 > *last ? which + 1 : *last;
}

/* What lies between it and the last one was given up, or need not be waited for. */
static void gaps_look(sim_check *check, stream *t, uint32_t which, const message *m, uint64_t number) {
    const check_delivery *d = check->delivery;
    if (number <= t->handed && check_breach(check, SIM_ORDER))
        check_tell(check, ABOUT ": number %" PRIu64 " of its channel handed over after %" PRIu64,
                   ABOUT_ARGS(check, which, m), number, t->handed);
    for (uint64_t n = t->handed + 1; n < number && m->promise.order == SLOW_ORDERED; n++) {
        uint32_t missing = *stream_at(t, n);
        const message *g = missing == 0 ? NULL : &d->messages[missing - 1];
        if (g == NULL || g->handed || g->promise.order == SLOW_LATEST || now_of(check) >= deadline_of(g))
            continue;
        if (check_breach(check, SIM_ORDER))
            check_tell(check,
                       ABOUT ": handed over, and message %u before it (number %" PRIu64 ") was not, nor given up",
                       ABOUT_ARGS(check, which, m), missing - 1, n);
    }
    t->handed = number > t->handed ? number : t->handed;
}

void check_handed(void *arg, sim_node *node, const sl_message *came) {
    sim_check *check = arg;
    uint32_t which;
    message *m = message_of(check, came->payload, &which);
    if (m == NULL)
        return;
    check->delivery->outcomes.handed++;
    if (m->promise.to != node->place && check_breach(check, SIM_TAKEN))
        check_tell(check, ABOUT ": came to %s", ABOUT_ARGS(check, which, m), check_name(check, node->place));
    if (!sim_promise_is_intact(came->payload, which, m->promise.size) && check_breach(check, SIM_TAKEN))
        check_tell(check, ABOUT ": came, and is not what was sent", ABOUT_ARGS(check, which, m));
    if (m->handed && check_breach(check, SIM_TWICE))
        check_tell(check, ABOUT ": handed over twice", ABOUT_ARGS(check, which, m));
    if (m->outcome == SL_NOT_DELIVERED && check_breach(check, SIM_HANDED))
        check_tell(check, ABOUT ": handed over, and was said to be not delivered", ABOUT_ARGS(check, which, m));
    m->handed = true;
    order_look(check, node, which, m);
    if (m->promise.order == 0 || came->arrival->budget == NULL)
        return;
    session *s = session_need(check->delivery, came->session, m->promise.from, node->place);
    gaps_look(check, stream_need(s, m->promise.channel), which, m, came->number);
}

void check_taken(void *arg, sim_node *node, const sl_message *came) {
    uint32_t which;
    message *m = message_of(arg, came->payload, &which);
    (void)node;
    if (m != NULL)
        m->taken = true;
}

/* ---- outcomes ---- */

static void outcome_look(sim_check *check, const sim_node *node, uint32_t which, const message *m,
                         const sl_result *result) {
    bool superseded = m->promise.order == SLOW_LATEST && result->reason == SL_REASON_SUPERSEDED;
    slow_time late_ns = deadline_of(m) + SL_GRACE_NS + LATENESS_NS;
    if ((m->outcome != SL_PENDING || m->promise.from != node->place) && check_breach(check, SIM_OUTCOME))
        check_tell(check, ABOUT ": outcome %d at %s, and had outcome %d", ABOUT_ARGS(check, which, m), result->outcome,
                   check_name(check, node->place), m->outcome);
    if (result->outcome == SL_DELIVERED && !m->taken && check_breach(check, SIM_TAKEN))
        check_tell(check, ABOUT ": said to be delivered, and nobody took it", ABOUT_ARGS(check, which, m));
    if (result->outcome == SL_NOT_DELIVERED && m->handed && check_breach(check, SIM_HANDED))
        check_tell(check, ABOUT ": said to be not delivered (reason %d), and had been handed over",
                   ABOUT_ARGS(check, which, m), result->reason);
    if (node->junction == NULL) /* its process has ended, and with it all that it promised */
        return;
    if (m->promise.arrives && result->outcome != SL_DELIVERED && !superseded && check_breach(check, SIM_UNDELIVERED))
        check_tell(check, ABOUT ": outcome %d (reason %d), and nothing was in its way", ABOUT_ARGS(check, which, m),
                   result->outcome, result->reason);
    if (now_of(check) > late_ns && !check->delivery->senders[node->place].stood_still &&
        check_breach(check, SIM_OUTCOME))
        check_tell(check, ABOUT ": its outcome came %.3f s after its deadline", ABOUT_ARGS(check, which, m),
                   (double)(now_of(check) - deadline_of(m)) / 1e9);
}

void check_outcome(void *arg, sim_node *node, const sl_result *result) {
    sim_check *check = arg;
    uint32_t which;
    message *m = message_of(check, result->message->message.payload, &which);
    if (m == NULL)
        return;
    outcome_look(check, node, which, m, result);
    m->outcome = result->outcome;
    sim_outcomes *all = &check->delivery->outcomes;
    all->delivered += result->outcome == SL_DELIVERED;
    all->not_delivered += result->outcome == SL_NOT_DELIVERED;
    all->unknown += result->outcome == SL_UNKNOWN;
    changed(check->delivery, node->place);
}

/* ---- at the end of a turn ---- */

static void cap(sim_check *check, uint32_t place, const char *what, uint64_t is, uint64_t most) {
    if (is > most && check_breach(check, SIM_WINDOW))
        check_tell(check, "%s of %s: %" PRIu64 ", and at most %" PRIu64 " are allowed", what, check_name(check, place),
                   is, most);
}

/* Credit may shrink under what was sent; nothing more may go then. */
static void credit_look(sim_check *check, uint32_t place, const sl_peer_info *info) {
    const sim_node *to = sim_mesh_node_of(check->mesh, &info->id);
    const sl_sender_info *s = &info->sender;
    if (to == NULL)
        return;
    way *w = way_need(check, place, to->place);
    uint64_t credit = s->credit > w->credit ? s->credit : w->credit;
    if (s->unfinished > 1 && s->unfinished_bytes > credit && s->unfinished_bytes > w->unfinished_bytes &&
        check_breach(check, SIM_WINDOW))
        check_tell(check, "%s has %" PRIu64 " bytes unfinished at %s, and credit for %" PRIu64,
                   check_name(check, place), s->unfinished_bytes, check_name(check, to->place), credit);
    w->unfinished_bytes = s->unfinished_bytes;
    w->credit = s->credit;
    cap(check, place, "messages that wait for a peer", s->queued, SL_PEER_QUEUE_COUNT);
    cap(check, place, "bytes that wait for a peer", s->queued > 1 ? s->queued_bytes : 0, SL_PEER_QUEUE_MAX);
}

static void place_look(sim_check *check, uint32_t place) {
    const sl_junction *junction = check->mesh->nodes[place].junction;
    const sender *s = &check->delivery->senders[place];
    if (junction == NULL)
        return;
    const sl_peers *peers = &junction->delivery.peers;
    const uint64_t *count = junction->stats.count;
    uint64_t told = count[SL_messages_delivered] + count[SL_messages_not_delivered] + count[SL_messages_unknown];
    uint64_t pending = sl_peers_pending(peers) + junction->delivery.own.count;
    uint64_t accepted = s->start == junction->claim.start ? s->accepted : 0;
    if (accepted != told + pending && check_breach(check, SIM_BALANCE))
        check_tell(check, "%s accepted %" PRIu64 " messages, told %" PRIu64 " outcomes, and has %" PRIu64 " pending",
                   check_name(check, place), accepted, told, pending);
    cap(check, place, "bytes of the receive budget", peers->budget.used, peers->budget.most);
    cap(check, place, "bytes without an outcome", peers->waiting, SL_SEND_BUDGET + SL_MESSAGE_MAX);
    size_t known = sl_peers_info(peers, check->delivery->peers, PEERS_LOOKED_AT);
    for (size_t i = 0; i < known && i < PEERS_LOOKED_AT; i++)
        credit_look(check, place, &check->delivery->peers[i]);
}

static void turned(void *arg) {
    sim_check *check = arg;
    check_delivery *d = check->delivery;
    for (uint32_t i = 0; i < d->changed_count; i++) {
        d->senders[d->changed[i]].changed = false;
        place_look(check, d->changed[i]);
    }
    d->changed_count = 0;
}

/* ---- what is left ---- */

void check_stood_still(sim_check *check, uint32_t place) {
    if (check->delivery != NULL)
        check->delivery->senders[place].stood_still = true;
}

/* Of a process that has ended: each of its messages has an outcome now. */
void check_freed(void *arg, sim_node *node) {
    sim_check *check = arg;
    const check_delivery *d = check->delivery;
    for (uint32_t i = 0; d != NULL && i < d->count; i++) {
        const message *m = &d->messages[i];
        if (m->promise.from == node->place && m->outcome == SL_PENDING && check_breach(check, SIM_LEFT))
            check_tell(check, ABOUT ": no outcome, and its sender has ended", ABOUT_ARGS(check, i, m));
    }
}

static void nothing_left(sim_check *check, uint32_t place) {
    const sim_node *node = &check->mesh->nodes[place];
    const sl_peers *peers = &node->junction->delivery.peers;
    uint64_t pending = sl_peers_pending(peers), receiving = 0;
    size_t known = sl_peers_info(peers, check->delivery->peers, PEERS_LOOKED_AT);
    for (size_t i = 0; i < known && i < PEERS_LOOKED_AT; i++)
        receiving += check->delivery->peers[i].receiving;
    bool held = receiving > 0 || sim_reader_count(node->reader) > 0;
    if (((pending == 0 && peers->waiting > 0) || (!held && peers->budget.used > 0)) && check_breach(check, SIM_LEFT))
        check_tell(check, "%s has nothing to send or to read, and accounts for %" PRIu64 " and %" PRIu64 " bytes of it",
                   check_name(check, place), peers->waiting, peers->budget.used);
    bool forgotten = now_of(check) > check->delivery->sent_at + PAIR_FORGOTTEN_NS;
    if (forgotten && (peers->count > 0 || peers->limits.halves > 0 || peers->limits.unasked > 0) &&
        check_breach(check, SIM_LEFT))
        check_tell(check, "%s still has %u peers, %u half and %u unasked openings", check_name(check, place),
                   peers->count, peers->limits.halves, peers->limits.unasked);
}

void check_delivery_rest(sim_check *check) {
    const check_delivery *d = check->delivery;
    if (d == NULL)
        return;
    for (uint32_t i = 0; i < d->count; i++) {
        const message *m = &d->messages[i];
        if (m->outcome != SL_PENDING || sim_mesh_is_frozen(check->mesh, m->promise.from))
            continue;
        if (m->promise.arrives && check_breach(check, SIM_UNDELIVERED))
            check_tell(check, ABOUT ": pending, and nothing was in its way", ABOUT_ARGS(check, i, m));
        if (now_of(check) > deadline_of(m) + SL_GRACE_NS + LATENESS_NS && check_breach(check, SIM_OUTCOME))
            check_tell(check, ABOUT ": no outcome, and its deadline was %.3f s ago", ABOUT_ARGS(check, i, m),
                       (double)(now_of(check) - deadline_of(m)) / 1e9);
    }
    for (uint32_t place = 0; place < check->count; place++)
        if (check->places[place].present)
            nothing_left(check, place);
}
