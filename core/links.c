#include "links.h"
#include <stdlib.h>
#include <string.h>

enum { TURN_BYTES = 512 * 1024, LINK_BYTES_LEAST = 16 * 1024 };

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

/* ---- what links say ---- */

static enum sl_close_reason on_opened(void *arg, sl_link *link) {
    sl_links *links = arg;
    sl_joins_linked(&links->joins, link->dial);
    return sl_neighbours_opened(&links->neighbours, link);
}

static void on_closed(void *arg, sl_link *link, enum sl_close_reason reason, bool was_up) {
    sl_links *links = arg;
    if (was_up)
        sl_neighbours_closed(&links->neighbours, link, reason);
    sl_joins_closed(&links->joins, link, reason);
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
        links->turn_links++;
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

void sl_links_init(sl_links *links, const sl_links_setup *setup) {
    *links = (sl_links){
        .env = {.opening = {.loop = setup->loop,
                            .security = setup->security,
                            .security_self = setup->security_self,
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

slow_status sl_links_leave(sl_links *links, const char *address, slow_error *error) {
    sl_join *join = sl_join_find(&links->joins, address);
    if (join == NULL)
        return sl_error(error, SLOW_E_INVAL, address,
                        "nothing was joined at this address; `slowctl status` lists joins");
    uint64_t dial = join->dial;
    bool satisfied = join->state == SL_JOIN_SATISFIED;
    slow_id peer = join->peer;
    sl_join_remove(join);
    for (uint32_t at = 0; (at = sl_slots_next(&links->links, at)) != 0;) {
        sl_link *link = sl_links_get(links, at);
        if ((dial != 0 && link->dial == dial) ||
            (satisfied && link->peer != NULL && sl_id_equal(&link->peer->id, &peer)))
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
    for (uint32_t i = 0; i < links->port_count; i++) {
        leaks += sl_instance_free(links->ports[i]->instance);
        free(links->ports[i]);
    }
    sl_neighbours_free(&links->neighbours);
    sl_slots_free(&links->links);
    free(links->listeners);
    free(links->dirty);
    return leaks;
}
