#include "path.h"
#include <stdlib.h>
#include <string.h>

enum { REPORTS_PER_SOURCE = 64, ERRORS_PER_SOURCE = 10, TRACE_TRIES = 4 };
static const slow_time ROUTE_PATIENCE = 900 * SL_MS, REPEAT = 300 * SL_MS, STRAGGLERS = 200 * SL_MS, BUSY = 20 * SL_MS;

/* What is to be told to the source of a package, now or when that has left. */
struct sl_report {
    sl_departure departure; /* first: a departure is a report */
    sl_report *next;
    sl_path *path;
    slow_id to;
    slow_time put_at;
    bool error; /* an ERROR about `dst`; else a TRACE_HOP */
    enum sl_drop_reason reason;
    slow_id dst;
    sl_hop_report hop; /* of an ERROR: the packet number */
};

struct sl_query {
    sl_path *path;
    sl_query *next;
    slow_id dst;
    uint16_t kind;
    uint64_t nonce;
    slow_time began_at, until;
    unsigned tries;
    bool busy; /* the way out was full when it was last tried */
    sl_query_done done;
    void *arg;
    sl_timer *timer;
    sl_query_result result;
    sl_trace_hop *hops;
    size_t reach; /* the farthest place heard of */
    struct {
        uint64_t packet;
        slow_time at;
    } sent[TRACE_TRIES];
    bool arrived;
};

static void say_reports(void *arg);

/* ---- reports ---- */

static sl_report *report_new(sl_path *path, const slow_id *to) {
    sl_report *report = path->report_count < SL_REPORTS_MAX ? calloc(1, sizeof *report) : NULL;
    if (report == NULL) {
        SL_COUNT(path->stats, drop_report_limit);
        return NULL;
    }
    path->report_count++;
    report->path = path;
    report->to = *to;
    return report;
}

static void report_free(sl_report *report) {
    report->path->report_count--;
    free(report);
}

static sl_report *report_next(sl_path *path) {
    sl_report *report = path->reports;
    path->reports = report->next;
    if (path->reports == NULL)
        path->reports_end = &path->reports;
    return report;
}

static void report_soon(sl_report *report) {
    sl_path *path = report->path;
    report->next = NULL;
    *path->reports_end = report;
    path->reports_end = &report->next;
    sl_defer(path->loop, &path->say);
}

/* ---- life ---- */

void sl_path_init(sl_path *path, sl_loop *loop, const sl_log *log, sl_stats *stats, sl_delivery *delivery) {
    *path = (sl_path){.loop = loop, .log = log, .stats = stats, .delivery = delivery};
    path->reports_end = &path->reports;
    path->say = (sl_deferred){.fn = say_reports, .arg = path};
}

void sl_query_cancel(sl_query *query) {
    sl_query **at = &query->path->first;
    while (*at != query)
        at = &(*at)->next;
    *at = query->next;
    query->path->count--;
    sl_timer_free(query->timer);
    free(query->hops);
    free(query);
}

static void query_end(sl_query *query, slow_status status) {
    sl_query_done done = query->done;
    query->result.status = status;
    query->result.trace = query->hops;
    query->result.trace_count = query->reach;
    if (query->reach > 0 && query->arrived)
        query->result.rtt_ns = query->hops[query->reach - 1].rtt_ns;
    done(query->arg, &query->result);
    sl_query_cancel(query);
}

void sl_path_free(sl_path *path) {
    while (path->first != NULL)
        query_end(path->first, SLOW_E_CLOSED);
    path->over = true;
    while (path->reports != NULL)
        report_free(report_next(path));
    if (path->loop != NULL)
        sl_defer_cancel(path->loop, &path->say);
}

/* ---- asking ---- */

static void query_send(sl_query *query) {
    uint64_t packet;
    uint8_t nonce[SLOW_PAYLOAD_MAX];
    size_t size = sl_echo_write(nonce, query->nonce);
    uint16_t flags = query->kind == SL_KIND_TRACE ? SLOW_TRACED : 0;
    slow_time now = sl_now(query->path->loop);
    slow_status status =
        sl_delivery_control(query->path->delivery, &query->dst, query->kind, flags, (slow_bytes){nonce, size}, &packet);
    query->busy = status == SLOW_E_AGAIN;
    if (status != SLOW_OK)
        return;
    query->sent[query->tries].packet = packet;
    query->sent[query->tries++].at = now;
}

static bool is_to_be_sent(const sl_query *query) {
    return query->tries == 0 || (query->kind == SL_KIND_TRACE && query->tries < TRACE_TRIES);
}

/* Always, however the sending went: nothing else may ever come of it. */
static void query_wait(sl_query *query, slow_time now) {
    slow_time next = query->until;
    if (query->busy)
        next = now + BUSY;
    else if (query->tries == 0)
        next = query->began_at + ROUTE_PATIENCE;
    else if (is_to_be_sent(query))
        next = now + REPEAT;
    sl_timer_at(query->timer, next < query->until ? next : query->until);
}

static void ask_self(sl_query *query) {
    query->arrived = true;
    query->result.hops = 0;
    query_end(query, SLOW_OK);
}

static void query_tick(void *arg) {
    sl_query *query = arg;
    slow_time now = sl_now(query->path->loop);
    if (sl_id_equal(&query->dst, query->path->delivery->self))
        ask_self(query);
    else if (query->arrived)
        query_end(query, SLOW_OK);
    else if (query->tries == 0 && !query->busy && now >= query->began_at + ROUTE_PATIENCE)
        query_end(query, SLOW_E_NOROUTE);
    else if (now >= query->until)
        query_end(query, query->tries == 0 && !query->busy ? SLOW_E_NOROUTE : SLOW_E_TIMEOUT);
    else {
        if (is_to_be_sent(query))
            query_send(query);
        query_wait(query, now);
    }
}

static sl_query *query_new(sl_path *path, uint16_t kind, const slow_id *dst, slow_time timeout, sl_query_done done,
                           void *arg) {
    if (path->count >= SL_QUERIES_MAX)
        return NULL;
    sl_query *query = calloc(1, sizeof *query);
    if (query == NULL)
        return NULL;
    query->path = path;
    query->kind = kind;
    query->dst = *dst;
    query->done = done;
    query->arg = arg;
    query->began_at = sl_now(path->loop);
    query->until = query->began_at + timeout;
    sl_entropy(path->loop, &query->nonce, sizeof query->nonce);
    query->timer = sl_timer_new(path->loop, query_tick, query);
    if (kind == SL_KIND_TRACE)
        query->hops = calloc(SL_TRACE_HOPS_MAX, sizeof *query->hops);
    if (query->timer == NULL || (kind == SL_KIND_TRACE && query->hops == NULL)) {
        sl_timer_free(query->timer);
        free(query->hops);
        free(query);
        return NULL;
    }
    query->next = path->first;
    path->first = query;
    path->count++;
    sl_timer_at(query->timer, query->began_at);
    return query;
}

sl_query *sl_path_ping(sl_path *path, const slow_id *dst, slow_time timeout, sl_query_done done, void *arg) {
    return query_new(path, SL_KIND_ECHO, dst, timeout, done, arg);
}

sl_query *sl_path_trace(sl_path *path, const slow_id *dst, slow_time timeout, sl_query_done done, void *arg) {
    return query_new(path, SL_KIND_TRACE, dst, timeout, done, arg);
}

void sl_path_kick(sl_path *path) {
    for (sl_query *query = path->first; query != NULL; query = query->next)
        if (query->tries == 0)
            sl_timer_at(query->timer, sl_now(path->loop));
}

/* ---- answering ---- */

static void answer(sl_path *path, const slow_package *package, uint16_t kind, slow_bytes payload) {
    slow_id src;
    if (sl_id_set(&src, package->src))
        sl_delivery_control(path->delivery, &src, kind, 0, payload, NULL);
}

static void take_echo(sl_path *path, const slow_package *package) {
    uint8_t bytes[SLOW_PAYLOAD_MAX];
    sl_echo_reply reply = {.hops = package->hops};
    if (sl_echo_read(package->payload, &reply.nonce))
        answer(path, package, SL_KIND_ECHO_REPLY, (slow_bytes){bytes, sl_echo_reply_write(bytes, &reply)});
}

static sl_query *query_find(const sl_path *path, uint16_t kind, uint64_t nonce) {
    sl_query *query = path->first;
    while (query != NULL && (query->kind != kind || query->nonce != nonce))
        query = query->next;
    return query;
}

static void take_echo_reply(sl_path *path, const slow_package *package) {
    sl_echo_reply reply;
    if (!sl_echo_reply_read(package->payload, &reply))
        return;
    sl_query *query = query_find(path, SL_KIND_ECHO, reply.nonce);
    if (query == NULL || !sl_id_is(&query->dst, package->src.data, package->src.size))
        return;
    query->result.rtt_ns = sl_now(path->loop) - query->sent[0].at;
    query->result.hops = reply.hops;
    query_end(query, SLOW_OK);
}

static bool is_complete(const sl_query *query) {
    for (size_t i = 0; i < query->reach; i++)
        if (query->hops[i].id.size == 0)
            return false;
    return true;
}

/* When it was sent in that package; NULL = in none of that number. */
static const slow_time *sent_in(const sl_query *query, uint64_t packet) {
    for (unsigned i = 0; i < query->tries; i++)
        if (query->sent[i].packet == packet)
            return &query->sent[i].at;
    return NULL;
}

static void query_hop(sl_query *query, const slow_package *package, const sl_hop_report *report, slow_time sent_at) {
    sl_trace_hop *hop = &query->hops[report->place - 1];
    slow_time now = sl_now(query->path->loop);
    if (hop->id.size == 0) {
        sl_id_set(&hop->id, package->src);
        if (report->fate == SL_HOP_PASSED)
            hop->next = report->next;
        hop->rtt_ns = now - sent_at;
        hop->delay_us = report->delay_us;
    }
    if (report->place > query->reach && !query->arrived)
        query->reach = report->place;
    if (report->fate == SL_HOP_ARRIVED && !query->arrived &&
        sl_id_is(&query->dst, package->src.data, package->src.size)) {
        query->arrived = true;
        query->reach = report->place;
        query->result.hops = report->place;
        slow_time soon = now + STRAGGLERS;
        sl_timer_at(query->timer, soon < query->until ? soon : query->until);
    }
    if (query->arrived && is_complete(query))
        query_end(query, SLOW_OK);
}

static void message_hop(sl_path *path, const slow_package *package, const sl_hop_report *report) {
    slow_id by;
    enum sl_heard heard = SL_HEARD_UNKNOWN;
    if (path->traces != NULL && sl_id_set(&by, package->src))
        heard = sl_traces_heard(path->traces, &by, report);
    if (heard == SL_HEARD && path->heard != NULL)
        path->heard(path->heard_arg);
    else if (heard == SL_HEARD_UNKNOWN)
        SL_COUNT(path->stats, drop_hop_report_unknown);
    else if (heard == SL_HEARD_DOUBLE)
        SL_COUNT(path->stats, drop_hop_report_double);
    else if (heard == SL_HEARD_FULL)
        SL_COUNT(path->stats, drop_hop_report_full);
}

static void take_hop(sl_path *path, const slow_package *package) {
    sl_hop_report report;
    if (!sl_hop_report_read(package->payload, &report)) {
        SL_COUNT(path->stats, drop_control_malformed);
        return;
    }
    for (sl_query *query = path->first; query != NULL && report.session == path->delivery->session;
         query = query->next) {
        const slow_time *sent_at = sent_in(query, report.packet);
        if (query->kind != SL_KIND_TRACE || sent_at == NULL)
            continue;
        query_hop(query, package, &report, *sent_at);
        return;
    }
    message_hop(path, package, &report);
}

static void take_error(sl_path *path, const slow_package *package) {
    sl_drop_report report;
    if (!sl_drop_report_read(package->payload, &report))
        return;
    enum sl_drop_reason reason = (enum sl_drop_reason)report.reason;
    sl_log_limited(path->log, &path->rate_error, sl_now(path->loop), SLOW_LOG_DEBUG, "path",
                   "%.*s dropped package %llu to %.*s: %s", (int)package->src.size, (const char *)package->src.data,
                   (unsigned long long)report.packet, SL_ID_ARG(&report.dst), sl_drop_text(reason));
    sl_hint hint = {.reason = report.reason, .at = sl_now(path->loop)};
    if (sl_id_set(&hint.by, package->src))
        sl_peers_hint(&path->delivery->peers, &report.dst, &hint);
    for (sl_query *query = path->first; query != NULL; query = query->next)
        if (sent_in(query, report.packet) != NULL) {
            sl_id_set(&query->result.dropped_by, package->src);
            query->result.drop_reason = reason;
        }
}

void sl_path_control(sl_path *path, const slow_package *package) {
    switch (package->kind) {
    case SL_KIND_ECHO:
        take_echo(path, package);
        break;
    case SL_KIND_ECHO_REPLY:
        take_echo_reply(path, package);
        break;
    case SL_KIND_TRACE: /* its flag says it all: see sl_path_arrived() */
        break;
    case SL_KIND_TRACE_HOP:
        take_hop(path, package);
        break;
    case SL_KIND_ERROR:
        take_error(path, package);
        break;
    default:
        SL_COUNT(path->stats, drop_control_kind);
    }
}

/* ---- reporting ---- */

const char *sl_drop_text(enum sl_drop_reason reason) {
    return reason == SL_DROP_NO_ROUTE ? "no route" : reason == SL_DROP_HOP_LIMIT ? "hop limit" : "queue full";
}

/* At most `limit` reports a second to one source (sources that share a hash share it). */
static bool may_say(sl_path *path, const slow_id *src, unsigned limit) {
    slow_time now = sl_now(path->loop);
    uint8_t *said =
        &path->said[sl_id_hash(path->delivery->forward->table.key, (const uint8_t *)src->text, src->size) % 256];
    if (now - path->said_at >= SL_SECOND) {
        path->said_at = now;
        memset(path->said, 0, sizeof path->said);
    }
    if (*said >= limit)
        return false;
    ++*said;
    return true;
}

static void say_error(sl_path *path, const slow_id *to, uint64_t packet, enum sl_drop_reason reason, slow_bytes dst) {
    uint8_t bytes[SLOW_PAYLOAD_MAX];
    sl_drop_report report = {.packet = packet, .reason = (uint8_t)reason};
    if (!sl_id_set(&report.dst, dst))
        return;
    size_t size = sl_drop_report_write(bytes, &report);
    sl_delivery_control(path->delivery, to, SL_KIND_ERROR, 0, (slow_bytes){bytes, size}, NULL);
}

static void say_hop(sl_path *path, const slow_id *to, const sl_hop_report *hop) {
    uint8_t bytes[SLOW_PAYLOAD_MAX];
    size_t size = sl_hop_report_write(bytes, hop);
    sl_delivery_control(path->delivery, to, SL_KIND_TRACE_HOP, 0, (slow_bytes){bytes, size}, NULL);
}

/* Of our own packages nobody has to be told, and a TRACE of ours is no message. */
static void hear_own(sl_path *path, const sl_hop_report *hop) {
    if (path->traces != NULL && sl_traces_heard(path->traces, path->delivery->self, hop) == SL_HEARD &&
        path->heard != NULL)
        path->heard(path->heard_arg);
}

static void say_reports(void *arg) {
    sl_path *path = arg;
    while (path->reports != NULL) {
        sl_report *report = report_next(path);
        if (report->error)
            say_error(path, &report->to, report->hop.packet, report->reason, sl_id_bytes(&report->dst));
        else if (sl_id_equal(&report->to, path->delivery->self))
            hear_own(path, &report->hop);
        else
            say_hop(path, &report->to, &report->hop);
        report_free(report);
    }
}

static sl_hop_report hop_of(sl_path *path, const sl_transit *transit, enum sl_hop_fate fate,
                            const sl_neighbour *next_hop) {
    sl_hop_report hop = {.session = transit->session,
                         .packet = transit->packet,
                         .place = transit->hops,
                         .fate = (uint8_t)fate,
                         .wall_us = sl_wall_us(path->loop)};
    if (next_hop != NULL)
        hop.next = next_hop->id;
    return hop;
}

/* A full queue is met in the middle of a run of packages. */
static void drop_error(sl_path *path, const sl_transit *transit, const slow_id *src, enum sl_drop_reason reason) {
    if (!may_say(path, src, ERRORS_PER_SOURCE))
        return;
    if (reason != SL_DROP_QUEUE_FULL) {
        say_error(path, src, transit->packet, reason, transit->dst);
        return;
    }
    sl_report *report = report_new(path, src);
    if (report == NULL)
        return;
    report->error = true;
    report->reason = reason;
    report->hop.packet = transit->packet;
    if (sl_id_set(&report->dst, transit->dst))
        report_soon(report);
    else
        report_free(report);
}

/* Never about the core's own CONTROL packages, or reports would cause reports. */
void sl_path_dropped(sl_path *path, const sl_transit *transit, enum sl_drop_reason reason,
                     const sl_neighbour *next_hop) {
    static const enum sl_hop_fate fates[] = {[SL_DROP_NO_ROUTE] = SL_HOP_NO_ROUTE,
                                             [SL_DROP_HOP_LIMIT] = SL_HOP_LIMIT,
                                             [SL_DROP_QUEUE_FULL] = SL_HOP_QUEUE_FULL};
    slow_id src;
    bool is_traced = (transit->flags & SLOW_TRACED) != 0;
    if ((transit->priority >= 8 && !is_traced) || !sl_id_set(&src, transit->src))
        return;
    drop_error(path, transit, &src, reason);
    sl_report *report = is_traced && may_say(path, &src, REPORTS_PER_SOURCE) ? report_new(path, &src) : NULL;
    if (report == NULL)
        return;
    report->hop = hop_of(path, transit, fates[reason], next_hop);
    report_soon(report);
}

static void on_departure(sl_departure *departure, bool left) {
    sl_report *report = (sl_report *)departure;
    sl_path *path = report->path;
    if (path->over) {
        report_free(report);
        return;
    }
    slow_time waited_us = (sl_now(path->loop) - report->put_at) / SL_US;
    report->hop.fate = left ? SL_HOP_PASSED : SL_HOP_LINK_DOWN;
    report->hop.delay_us = waited_us < UINT32_MAX ? (uint32_t)waited_us : UINT32_MAX;
    report->hop.wall_us += waited_us; /* since it was put in: now the transport may have sent it already */
    report_soon(report);
}

sl_departure *sl_path_traced(sl_path *path, const sl_transit *transit, const sl_neighbour *next_hop) {
    slow_id src;
    if (!sl_id_set(&src, transit->src) || (transit->hops > 0 && !may_say(path, &src, REPORTS_PER_SOURCE)))
        return NULL;
    sl_report *report = report_new(path, &src);
    if (report == NULL)
        return NULL;
    report->hop = hop_of(path, transit, SL_HOP_PASSED, next_hop);
    report->put_at = sl_now(path->loop);
    report->departure.gone = on_departure;
    return &report->departure;
}

void sl_path_arrived(sl_path *path, const slow_package *package) {
    slow_id src;
    if (!sl_id_set(&src, package->src) || !may_say(path, &src, REPORTS_PER_SOURCE))
        return;
    sl_hop_report hop = {.session = package->session,
                         .packet = package->packet,
                         .place = package->hops,
                         .fate = SL_HOP_ARRIVED,
                         .wall_us = sl_wall_us(path->loop)};
    say_hop(path, &src, &hop);
}

/* Numbers on the wire begin at 1, so this one is nobody else's. */
void sl_path_own(sl_path *path, const sl_outgoing *out) {
    sl_hop_report hop = {.fate = SL_HOP_ARRIVED, .wall_us = sl_wall_us(path->loop)};
    if (path->traces == NULL)
        return;
    sl_traces_sent(path->traces, out->ticket, hop.session, hop.packet, 0);
    hear_own(path, &hop);
}
