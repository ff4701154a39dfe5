#include "join.h"
#include <stdlib.h>
#include <string.h>

static const slow_time RETRY_FIRST = 100 * SL_MS, RETRY_MOST = 5 * SL_SECOND, RENEW_RETRY = 60 * SL_SECOND;

void sl_joins_init(sl_joins *joins, sl_loop *loop, const sl_log *log, sl_stats *stats,
                   const sl_neighbours *neighbours) {
    *joins = (sl_joins){.loop = loop, .log = log, .stats = stats, .neighbours = neighbours};
}

static void wait_about(sl_join *join, slow_time wait) {
    wait = wait * 3 / 4 + sl_random_below(join->all->loop, wait / 2);
    sl_timer_at(join->timer, sl_now(join->all->loop) + wait);
}

static void join_retry(sl_join *join) {
    slow_time wait = RETRY_FIRST << (join->tries < 6 ? join->tries : 6);
    wait = wait < RETRY_MOST ? wait : RETRY_MOST;
    join->tries++;
    join->state = SL_JOIN_WAITING;
    join->dial = 0;
    wait_about(join, wait);
}

static void join_failed(sl_join *join, const char *why) {
    SL_COUNT(join->all->stats, dials_failed);
    size_t size = strnlen(why, sizeof join->last_error - 1);
    memcpy(join->last_error, why, size);
    join->last_error[size] = '\0';
    sl_log_limited(join->all->log, &join->rate, sl_now(join->all->loop), SLOW_LOG_INFO, "join", "%s: %s; trying again",
                   join->address, why);
    join_retry(join);
}

static void renewal_failed(sl_join *join) {
    join->renewal = 0;
    wait_about(join, RENEW_RETRY);
}

static void join_renew(sl_join *join) {
    slow_error error = {.code = SLOW_OK};
    join->renewal = ++join->all->last_dial;
    SL_COUNT(join->all->stats, dials);
    if (join->port->ops->connect(join->port->self, join->renewal, join->address, &error) != SLOW_OK)
        renewal_failed(join);
}

static void join_dial(void *arg) {
    sl_join *join = arg;
    slow_error error = {.code = SLOW_OK};
    if (join->state == SL_JOIN_LINKED) {
        join_renew(join);
        return;
    }
    join->state = SL_JOIN_DIALLING;
    join->dial = ++join->all->last_dial;
    SL_COUNT(join->all->stats, dials);
    if (join->port->ops->connect(join->port->self, join->dial, join->address, &error) != SLOW_OK)
        join_failed(join, error.text);
}

sl_join *sl_join_add(sl_joins *joins, sl_port *port, const char *address, uint32_t factor_ppm, uint32_t bias) {
    sl_join *join = calloc(1, sizeof *join);
    if (join == NULL)
        return NULL;
    join->all = joins;
    join->port = port;
    join->factor_ppm = factor_ppm;
    join->bias = bias;
    size_t size = strnlen(address, sizeof join->address - 1);
    memcpy(join->address, address, size);
    join->timer = sl_timer_new(joins->loop, join_dial, join);
    if (join->timer == NULL) {
        free(join);
        return NULL;
    }
    sl_join **end = &joins->first;
    while (*end != NULL)
        end = &(*end)->next;
    *end = join;
    sl_timer_at(join->timer, sl_now(joins->loop));
    return join;
}

sl_join *sl_join_find(const sl_joins *joins, const char *address) {
    sl_join *join = joins->first;
    while (join != NULL && strcmp(join->address, address) != 0)
        join = join->next;
    return join;
}

sl_join *sl_join_of_dial(const sl_joins *joins, uint64_t dial) {
    sl_join *join = joins->first;
    while (join != NULL && (dial == 0 || (join->dial != dial && join->renewal != dial)))
        join = join->next;
    return join;
}

void sl_join_remove(sl_join *join) {
    sl_join **at = &join->all->first;
    while (*at != join)
        at = &(*at)->next;
    *at = join->next;
    if (join->state == SL_JOIN_DIALLING)
        join->port->ops->cancel(join->port->self, join->dial);
    if (join->renewal != 0)
        join->port->ops->cancel(join->port->self, join->renewal);
    sl_timer_free(join->timer);
    free(join);
}

void sl_joins_free(sl_joins *joins) {
    while (joins->first != NULL)
        sl_join_remove(joins->first);
}

void sl_joins_failed(sl_joins *joins, uint64_t dial, const slow_error *error) {
    sl_join *join = sl_join_of_dial(joins, dial);
    if (join != NULL && dial == join->renewal)
        renewal_failed(join);
    else if (join != NULL)
        join_failed(join, error->text);
}

void sl_joins_linked(sl_joins *joins, uint64_t dial) {
    sl_join *join = sl_join_of_dial(joins, dial);
    if (join == NULL)
        return;
    if (dial == join->renewal)
        SL_COUNT(joins->stats, links_renewed);
    join->dial = dial;
    join->renewal = 0;
    join->state = SL_JOIN_LINKED;
    if (joins->renew_after != 0)
        wait_about(join, joins->renew_after);
}

/* A neighbour lost a link: joins that it satisfied may have to dial again. */
static void unsatisfied(sl_joins *joins, const slow_id *peer) {
    const sl_neighbour *n = sl_neighbour_find(joins->neighbours, peer);
    if (n != NULL && n->link_count > 0)
        return;
    for (sl_join *join = joins->first; join != NULL; join = join->next)
        if (join->state == SL_JOIN_SATISFIED && sl_id_equal(&join->peer, peer)) {
            join->tries = 0;
            join_retry(join);
        }
}

static void own_link_closed(sl_joins *joins, sl_join *join, const sl_link *link, enum sl_close_reason reason,
                            bool was_up) {
    const sl_neighbour *n = link->peer != NULL ? sl_neighbour_find(joins->neighbours, &link->peer->id) : NULL;
    bool has_another = n != NULL && n->link_count > 0; /* as when two joins are two names of one address */
    bool hopeless = (reason >= SL_CLOSE_TOO_MANY && reason <= SL_CLOSE_NOT_A_MEMBER) || reason == SL_CLOSE_LET_OUT;
    bool unheard = link->peer == NULL && (reason == SL_CLOSE_TIMEOUT || reason == SL_CLOSE_BROKEN);
    if (link->dial == join->renewal)
        renewal_failed(join);
    else if (join->renewal != 0) { /* the next one is on its way already */
        join->dial = join->renewal;
        join->renewal = 0;
        join->state = SL_JOIN_DIALLING;
    } else if (link->peer != NULL && (reason == SL_CLOSE_DUPLICATE || (reason == SL_CLOSE_REPLACED && has_another))) {
        sl_timer_stop(join->timer);
        join->state = SL_JOIN_SATISFIED;
        join->dial = 0;
        join->tries = 0;
        join->peer = link->peer->id;
    } else if (was_up && !hopeless) { /* begin with short waits again */
        join->tries = 0;
        join->last_error[0] = '\0';
        join_retry(join);
    } else {
        join->tries = hopeless ? 6 : join->tries;
        join_failed(join, unheard && joins->silence != NULL ? joins->silence : sl_close_text(reason));
    }
}

void sl_joins_closed(sl_joins *joins, const sl_link *link, enum sl_close_reason reason, bool was_up) {
    sl_join *join = sl_join_of_dial(joins, link->dial);
    if (join != NULL)
        own_link_closed(joins, join, link, reason, was_up);
    if (link->peer != NULL)
        unsatisfied(joins, &link->peer->id);
}
