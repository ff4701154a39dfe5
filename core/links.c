#include "links.h"
#include "id.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TURN_BYTES = 512 * 1024, LINK_BYTES_LEAST = 16 * 1024 };
static const slow_time RECHECK_EVERY = 60 * SL_SECOND;

static sl_links *layer_of(const slow_host *host) {
    return sl_instance_layer(host);
}

/* ---- the end of a turn ---- */

static int compare_numbers(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a & 0xffff, y = *(const uint32_t *)b & 0xffff;
    return x < y ? -1 : x > y;
}

static void link_end(sl_links *links, sl_link *link) {
    if (!link->cookie_dead)
        link->port->ops->close(link->port->self, link->cookie);
    sl_slots_remove(&links->links, link->number);
    sl_link_free(link);
}

static void flush_links(void *arg) {
    sl_links *links = arg;
    links->turn++;
    links->last_turn_links = links->turn_links;
    links->turn_bytes = links->turn_links = 0;
    qsort(links->dirty, links->dirty_count, sizeof *links->dirty, compare_numbers);
    for (uint32_t i = 0; i < links->dirty_count; i++) { /* it may grow meanwhile */
        sl_link *link = sl_links_get(links, links->dirty[i]);
        if (link == NULL)
            continue;
        sl_link_flush(link);
        if (link->state == SL_LINK_CLOSED)
            link_end(links, link);
    }
    links->dirty_count = 0;
    for (uint32_t i = 0; i < links->port_count; i++)
        if (SLOW_HAS(links->ports[i]->ops, flush))
            links->ports[i]->ops->flush(links->ports[i]->self);
    if (links->flushed != NULL)
        links->flushed(links->flushed_arg);
}

static void on_dirty(void *arg, sl_link *link) {
    sl_links *links = arg;
    if (links->dirty_count == links->dirty_capacity) {
        uint32_t capacity = links->dirty_capacity == 0 ? 64 : links->dirty_capacity * 2;
        uint32_t *dirty = realloc(links->dirty, capacity * sizeof *dirty);
        if (dirty == NULL) {
            link->dirty = false; /* the next touch tries again; liveness touches every link */
            return;
        }
        links->dirty = dirty;
        links->dirty_capacity = capacity;
    }
    links->dirty[links->dirty_count++] = link->number;
    sl_defer(links->env.loop, &links->flush);
}

/* ---- who may be here ---- */

static slow_bytes gate_credentials(void *arg) {
    sl_links *links = arg;
    const sl_opening_env *env = &links->env.opening;
    return sl_membership_credentials(links->membership, "link", env->security->static_key(env->security_self));
}

/* Both keys may have been vouched for: that two live under one id is wrong all the same. NULL = nobody has it. */
static const sl_link *holder_of(const sl_links *links, const slow_id *id, const sl_key *key) {
    const sl_neighbour *n = sl_neighbour_find(&links->neighbours, id);
    for (uint32_t i = 0; n != NULL && i < n->link_count; i++)
        if (!sl_key_equal(&n->links[i]->member.key, key))
            return n->links[i];
    return NULL;
}

static enum sl_refusal gate_judge(void *arg, const sl_claim *theirs, slow_bytes proved, sl_member *member) {
    sl_links *links = arg;
    if (proved.size == 0) { /* nobody can be bound to nothing */
        SL_COUNT(links->env.stats, refused_no_identity);
        return SL_REFUSED_NO_IDENTITY;
    }
    enum sl_refusal refusal =
        sl_membership_judge(links->membership, "link", &theirs->id, proved, theirs->credentials, member);
    if (refusal != SL_WELCOME)
        return refusal;
    if (holder_of(links, &member->id, &member->key) == NULL)
        return SL_WELCOME;
    SL_COUNT(links->env.stats, refused_other_key);
    return SL_REFUSED_OTHER_KEY;
}

static void gate_explain(void *arg, const slow_id *id, const sl_key *key, enum sl_refusal refusal, char *out,
                         size_t size) {
    const sl_links *links = arg;
    const sl_member *bound = sl_membership_bound(links->membership, id, key);
    const sl_link *holder = holder_of(links, id, key);
    char text[SL_KEY_TEXT];
    if (refusal != SL_REFUSED_OTHER_KEY)
        return;
    if (bound != NULL && sl_id_equal(&bound->id, id)) {
        sl_key_text(&bound->key, text);
        snprintf(out, size, "; our config binds the id to the key %s", text);
    } else if (bound != NULL) {
        snprintf(out, size, "; our config binds that key to the id %.*s", SL_ID_ARG(&bound->id));
    } else if (holder != NULL) {
        sl_key_text(&holder->member.key, text);
        snprintf(out, size, "; the id is held by the key %s, at %s", text, holder->remote);
    } else {
        snprintf(out, size, "; its certificate is for another key");
    }
}

/* No later than in a minute; no later than when the next one's time is over. */
static void recheck_by(sl_links *links, uint64_t until) {
    slow_time now = sl_now(links->env.loop), when = now + RECHECK_EVERY;
    uint64_t now_s = sl_wall_ms(links->env.loop) / 1000;
    if (until != 0 && until <= now_s + RECHECK_EVERY / SL_SECOND)
        when = now + (until >= now_s ? until - now_s + 1 : 1) * SL_SECOND;
    if (links->recheck == NULL || (links->recheck_at > now && links->recheck_at <= when))
        return;
    links->recheck_at = when;
    sl_timer_at(links->recheck, when);
}

/* Ours may run out as well: then it is the others who let us out, each by its own clock. */
static void check_own(sl_links *links) {
    sl_member self;
    char when[SL_DATE_TEXT];
    sl_membership_self(links->membership, &self);
    if (self.until == 0 || links->own_end_told)
        return;
    if (sl_wall_ms(links->env.loop) / 1000 <= self.until) {
        recheck_by(links, self.until);
        return;
    }
    links->own_end_told = true;
    sl_date_text(self.until, when);
    sl_log_write(links->env.log, SLOW_LOG_WARN, "link",
                 "our certificate ran out at %s: others let us out; expected a new one, and a restart", when);
}

void sl_links_recheck(sl_links *links) {
    for (uint32_t at = 0; (at = sl_slots_next(&links->links, at)) != 0;) {
        sl_link *link = sl_links_get(links, at);
        if (link->state != SL_LINK_UP || links->env.opening.gate.judge == NULL)
            continue;
        enum sl_refusal refusal = sl_membership_still(links->membership, &link->member);
        if (refusal == SL_WELCOME && sl_membership_is_outdated(links->membership, &link->member))
            refusal = SL_REFUSED_STALE; /* or who has no identity to date others with would keep it for ever */
        if (refusal == SL_WELCOME) {
            recheck_by(links, link->member.until);
            continue;
        }
        if (refusal == SL_REFUSED_REVOKED)
            SL_COUNT(links->env.stats, refused_revoked);
        else if (refusal == SL_REFUSED_STALE)
            SL_COUNT(links->env.stats, refused_stale);
        else
            SL_COUNT(links->env.stats, refused_expired);
        sl_log_write(links->env.log, SLOW_LOG_WARN, "link", "%.*s at %s is let out: %s", SL_ID_ARG(&link->member.id),
                     link->remote, sl_refusal_text(refusal));
        sl_link_close(link, SL_CLOSE_NOT_A_MEMBER, true);
    }
}

static void recheck_timer(void *arg) {
    sl_links *links = arg;
    sl_links_recheck(links);
    check_own(links);
    recheck_by(links, 0);
}

static bool gate_init(sl_links *links, sl_membership *membership) {
    links->membership = membership;
    if (membership == NULL || !sl_membership_is_closed(membership))
        return true;
    links->env.opening.gate =
        (sl_gate){.arg = links, .credentials = gate_credentials, .judge = gate_judge, .explain = gate_explain};
    links->recheck = sl_timer_new(links->env.loop, recheck_timer, links);
    recheck_by(links, 0);
    if (links->recheck != NULL)
        check_own(links);
    return links->recheck != NULL;
}

/* ---- what links say ---- */

static enum sl_close_reason on_opened(void *arg, sl_link *link) {
    sl_links *links = arg;
    enum sl_close_reason reason = sl_neighbours_opened(&links->neighbours, link);
    if (reason != 0)
        return reason;
    sl_joins_linked(&links->joins, link->dial);
    recheck_by(links, link->member.until);
    return 0;
}

static void on_closed(void *arg, sl_link *link, enum sl_close_reason reason, bool was_up) {
    sl_links *links = arg;
    if (was_up)
        sl_neighbours_closed(&links->neighbours, link, reason);
    sl_joins_closed(&links->joins, link, reason, was_up);
}

static void on_bundle(void *arg, sl_link *link, uint8_t *records, size_t size) {
    sl_links *links = arg;
    links->bundle(links->arg, link, records, size);
}

static void on_route(void *arg, sl_link *link, const sl_route_frame *route) {
    sl_neighbours_route(&((sl_links *)arg)->neighbours, link, route);
}

static void on_route_ack(void *arg, sl_link *link, const sl_route_frame *ack) {
    sl_neighbours_route_ack(&((sl_links *)arg)->neighbours, link, ack);
}

static void on_protocols(void *arg, sl_link *link, const sl_protocols *protocols) {
    sl_neighbours_protocols(&((sl_links *)arg)->neighbours, link, protocols);
}

static void on_protocols_ack(void *arg, sl_link *link, uint32_t generation) {
    sl_neighbours_protocols_ack(&((sl_links *)arg)->neighbours, link, generation);
}

static void on_fill(void *arg, sl_link *link) {
    sl_neighbours_fill(&((sl_links *)arg)->neighbours, link);
}

static void on_cost(void *arg, sl_link *link) {
    sl_neighbours_cost(&((sl_links *)arg)->neighbours, link);
}

/* ---- what transports say ---- */

static sl_port *port_of(const sl_links *links, const slow_host *host) {
    for (uint32_t i = 0; i < links->port_count; i++)
        if (sl_instance_host(links->ports[i]->instance) == host)
            return links->ports[i];
    return NULL;
}

static slow_link host_link_up(const slow_host *host, void *cookie, const slow_link_info *info) {
    sl_links *links = layer_of(host);
    sl_port *port = port_of(links, host);
    const sl_join *join = sl_join_of_dial(&links->joins, info->dial);
    if (port == NULL || (info->dial != 0 && join == NULL))
        return 0;
    uint32_t number = sl_slots_add(&links->links, links);
    sl_link *link = NULL;
    if (number != 0)
        link = sl_link_new(&links->env, port, number, cookie, info, join != NULL ? join->factor_ppm : 1000000,
                           join != NULL ? join->bias : 0);
    if (link == NULL) {
        slow_error error = {.text = "no memory for a link"};
        sl_slots_remove(&links->links, number);
        sl_joins_failed(&links->joins, info->dial, &error);
        return 0;
    }
    if (join != NULL && join->renewal == info->dial)
        link->renews = join->dial;
    links->links.slots[number & 0xffff].thing = link;
    sl_link_touch(link); /* what it already has to say is said at the end of this turn */
    return number;
}

static void host_link_down(const slow_host *host, slow_link number, slow_status why) {
    sl_link *link = sl_links_get(layer_of(host), number);
    (void)why;
    if (link != NULL)
        sl_link_gone(link);
}

static slow_status host_receive(const slow_host *host, slow_link number, slow_slice *slices, size_t count) {
    sl_links *links = layer_of(host);
    sl_link *link = sl_links_get(links, number);
    if (link == NULL)
        return SLOW_OK;
    if (link->turn != links->turn) {
        link->turn = links->turn;
        link->turn_bytes = 0;
        links->turn_links += link->state == SL_LINK_UP; /* strangers take no share from those who live */
    }
    sl_defer(links->env.loop, &links->flush);
    for (size_t i = 0; i < count; i++) {
        link->turn_bytes += slices[i].size;
        links->turn_bytes += slices[i].size;
        sl_link_receive(link, &slices[i]);
    }
    uint64_t share = TURN_BYTES / (links->last_turn_links > 0 ? links->last_turn_links : 1);
    if (share < LINK_BYTES_LEAST)
        share = LINK_BYTES_LEAST;
    return links->turn_bytes >= TURN_BYTES || link->turn_bytes >= share ? SLOW_E_AGAIN : SLOW_OK;
}

static void host_writable(const slow_host *host, slow_link number) {
    sl_links *links = layer_of(host);
    sl_link *link = sl_links_get(links, number);
    if (link != NULL) {
        sl_link_writable(link);
        return;
    }
    if (number != 0)
        return;
    for (uint32_t at = 0; (at = sl_slots_next(&links->links, at)) != 0;) {
        link = sl_links_get(links, at);
        if (sl_instance_host(link->port->instance) == host)
            sl_link_writable(link);
    }
}

static void host_link_changed(const slow_host *host, slow_link number, const slow_link_info *info) {
    sl_link *link = sl_links_get(layer_of(host), number);
    if (link != NULL)
        sl_link_resize(link, info->mtu);
}

static void host_dial_failed(const slow_host *host, uint64_t dial, const slow_error *error) {
    sl_joins_failed(&layer_of(host)->joins, dial, error);
}

static void host_discovered(const slow_host *host, const char *address) {
    sl_links *links = layer_of(host);
    sl_log_write(links->env.log, SLOW_LOG_DEBUG, "link", "discovered %s", address);
}

static const slow_transport_host transport_host = {
    .struct_size = sizeof transport_host,
    .link_up = host_link_up,
    .link_down = host_link_down,
    .receive = host_receive,
    .writable = host_writable,
    .link_changed = host_link_changed,
    .dial_failed = host_dial_failed,
    .discovered = host_discovered,
};

const sl_service *sl_links_services(void) {
    static const sl_service services[] = {{SLOW_TRANSPORT_HOST_ID, &transport_host}, {NULL, NULL}};
    return services;
}

/* ---- life ---- */

bool sl_links_init(sl_links *links, const sl_links_setup *setup) {
    *links = (sl_links){
        .env = {.opening = {.loop = setup->loop,
                            .security = setup->security,
                            .security_self = setup->security_self,
                            .has_secret = setup->has_secret,
                            .claim = setup->claim},
                .loop = setup->loop,
                .pool = setup->pool,
                .log = setup->log,
                .stats = setup->stats,
                .codecs = setup->codecs,
                .codec_count = setup->codec_count},
        .bundle = setup->bundle,
        .arg = setup->arg,
        .flushed = setup->flushed,
        .flushed_arg = setup->flushed_arg,
        .turn = 1,
    };
    links->env.events = (sl_link_events){.arg = links,
                                         .opened = on_opened,
                                         .closed = on_closed,
                                         .bundle = on_bundle,
                                         .route = on_route,
                                         .route_ack = on_route_ack,
                                         .protocols = on_protocols,
                                         .protocols_ack = on_protocols_ack,
                                         .fill = on_fill,
                                         .cost = on_cost,
                                         .dirty = on_dirty};
    links->flush = (sl_deferred){.fn = flush_links, .arg = links};
    sl_neighbours_init(&links->neighbours, setup->loop, setup->log, setup->stats, setup->claim,
                       &setup->neighbour_events);
    sl_joins_init(&links->joins, setup->loop, setup->log, setup->stats, &links->neighbours);
    links->joins.renew_after = setup->security->tag_size > 0 ? SL_RENEW_AFTER : 0;
    /* A port says nothing to who has not its network key. */
    if (setup->security->tag_size > 0)
        links->joins.silence = setup->has_secret
                                   ? "no answer: is a junction there, and is the network key the same at both ends?"
                                   : "no answer: is a junction there, and has it a network key, which we have not?";
    return gate_init(links, setup->membership);
}

sl_port *sl_links_add_port(sl_links *links, sl_instance *instance) {
    if (links->port_count == SL_PORTS_MAX)
        return NULL;
    sl_port *port = malloc(sizeof *port);
    if (port == NULL)
        return NULL;
    *port = (sl_port){.instance = instance, .ops = sl_instance_ops(instance), .self = sl_instance_self(instance)};
    links->ports[links->port_count++] = port;
    return port;
}

sl_port *sl_links_port(const sl_links *links, const char *address) {
    for (uint32_t i = 0; i < links->port_count; i++) {
        const char *scheme = links->ports[i]->ops->scheme;
        size_t size = strlen(scheme);
        if (strncmp(address, scheme, size) == 0 && strncmp(address + size, "://", 3) == 0)
            return links->ports[i];
    }
    return NULL;
}

slow_status sl_links_listen(sl_links *links, sl_port *port, const char *address, char bound[SL_ADDRESS_SIZE],
                            slow_error *error) {
    sl_listener *grown = realloc(links->listeners, (links->listener_count + 1) * sizeof *grown);
    if (grown == NULL)
        return sl_error(error, SLOW_E_NOMEM, address, "no memory for a listener");
    links->listeners = grown;
    sl_listener *listener = &grown[links->listener_count];
    *listener = (sl_listener){.port = port};
    slow_status status = port->ops->listen(port->self, address, listener->bound, error);
    if (status != SLOW_OK)
        return status;
    size_t size = strnlen(address, sizeof listener->address - 1);
    memcpy(listener->address, address, size);
    memcpy(bound, listener->bound, SL_ADDRESS_SIZE);
    links->listener_count++;
    sl_log_write(links->env.log, SLOW_LOG_INFO, "link", "listening on %s", listener->bound);
    return SLOW_OK;
}

slow_status sl_links_join(sl_links *links, sl_port *port, const char *address, uint32_t factor_ppm, uint32_t bias,
                          slow_error *error) {
    if (strlen(address) >= SL_ADDRESS_SIZE)
        return sl_error(error, SLOW_E_INVAL, "join", "the address is longer than %d bytes", SL_ADDRESS_SIZE - 1);
    if (sl_join_find(&links->joins, address) != NULL)
        return SLOW_OK;
    if (sl_join_add(&links->joins, port, address, factor_ppm, bias) == NULL)
        return sl_error(error, SLOW_E_NOMEM, address, "no memory for a join");
    return SLOW_OK;
}

/* The dial of the link whose place that of this dial has taken, and which may still retire; 0 = none. */
static uint64_t renewed_by(const sl_links *links, uint64_t dial) {
    for (uint32_t at = 0; (at = sl_slots_next(&links->links, at)) != 0;)
        if (dial != 0 && sl_links_get(links, at)->dial == dial)
            return sl_links_get(links, at)->renews;
    return 0;
}

slow_status sl_links_leave(sl_links *links, const char *address, slow_error *error) {
    sl_join *join = sl_join_find(&links->joins, address);
    if (join == NULL)
        return sl_error(error, SLOW_E_INVAL, address,
                        "nothing was joined at this address; `slowctl status` lists joins");
    const uint64_t dials[] = {join->dial, join->renewal, renewed_by(links, join->dial)};
    bool satisfied = join->state == SL_JOIN_SATISFIED;
    slow_id peer = join->peer;
    sl_join_remove(join);
    for (uint32_t at = 0; (at = sl_slots_next(&links->links, at)) != 0;) {
        sl_link *link = sl_links_get(links, at);
        bool its_own = link->dial != 0 && (link->dial == dials[0] || link->dial == dials[1] || link->dial == dials[2]);
        if (its_own || (satisfied && link->peer != NULL && sl_id_equal(&link->peer->id, &peer)))
            sl_link_close(link, SL_CLOSE_LEAVE, true);
    }
    return SLOW_OK;
}

void sl_links_goodbye(sl_links *links) {
    sl_joins_free(&links->joins);
    for (uint32_t at = 0; (at = sl_slots_next(&links->links, at)) != 0;)
        sl_link_close(sl_links_get(links, at), SL_CLOSE_GOODBYE, true);
}

unsigned sl_links_free(sl_links *links) {
    unsigned leaks = 0;
    sl_joins_free(&links->joins);
    for (uint32_t at = 0; (at = sl_slots_next(&links->links, at)) != 0;) {
        sl_link *link = sl_links_get(links, at);
        sl_link_close(link, SL_CLOSE_GOODBYE, false);
        link_end(links, link);
    }
    sl_defer_cancel(links->env.loop, &links->flush);
    sl_timer_free(links->recheck);
    for (uint32_t i = 0; i < links->port_count; i++) {
        leaks += sl_instance_free(links->ports[i]->instance);
        free(links->ports[i]);
    }
    sl_neighbours_free(&links->neighbours);
    sl_slots_free(&links->links);
    sl_link_env_end(&links->env);
    free(links->listeners);
    free(links->dirty);
    return leaks;
}
