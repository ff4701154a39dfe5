#include "forward.h"
#include <slow/wire.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP = 32, PREFIX_MAX = 3, CONTROL_PRIORITY = 8 };

typedef struct parcel {
    uint8_t *record, *package;
    uint32_t record_size, package_size, hash;
    const sl_route *route; /* NULL = not looked up */
    slow_route_view view;
    bool local, same; /* same: dst is that of the parcel before */
} parcel;

/* ---- scratch ---- */

static void *arena_alloc(slow_arena *arena, size_t size) {
    sl_forward *forward = (sl_forward *)((char *)arena - offsetof(sl_forward, arena));
    size_t rounded = (size + 15) & ~(size_t)15;
    if (rounded < size || rounded > sizeof forward->arena_bytes - forward->arena_used)
        return NULL;
    void *room = forward->arena_bytes + forward->arena_used;
    forward->arena_used += (uint32_t)rounded;
    return room;
}

sl_forward *sl_forward_new(sl_loop *loop, sl_neighbours *neighbours, sl_stats *stats, const slow_id *self) {
    sl_forward *forward = calloc(1, sizeof *forward);
    if (forward == NULL)
        return NULL;
    forward->loop = loop;
    forward->neighbours = neighbours;
    forward->stats = stats;
    forward->self = self;
    forward->arena = (slow_arena){.struct_size = sizeof forward->arena, .alloc = arena_alloc};
    forward->seen = sl_seen_new(loop);
    if (sl_route_table_init(&forward->table, loop, neighbours) && forward->seen != NULL)
        return forward;
    sl_forward_free(forward);
    return NULL;
}

void sl_forward_free(sl_forward *forward) {
    if (forward == NULL)
        return;
    sl_route_table_free(&forward->table);
    sl_seen_free(forward->seen);
    free(forward);
}

/* ---- what is told of a package ---- */

static slow_bytes spanned(const uint8_t *package, slow_span span) {
    return (slow_bytes){package + span.at, span.size};
}

static sl_transit transit_of(const uint8_t *package, const slow_route_view *view, slow_link in) {
    return (sl_transit){.src = spanned(package, view->src),
                        .dst = spanned(package, view->dst),
                        .session = view->session,
                        .packet = view->packet,
                        .type = view->type,
                        .priority = view->priority,
                        .hops = view->hops,
                        .hop_limit = view->hop_limit,
                        .flags = view->flags,
                        .in = in};
}

static void drop(sl_forward *forward, const sl_transit *transit, enum sl_drop_reason reason,
                 const sl_neighbour *next_hop) {
    if (reason == SL_DROP_NO_ROUTE)
        SL_COUNT(forward->stats, drop_package_no_route);
    else if (reason == SL_DROP_HOP_LIMIT)
        SL_COUNT(forward->stats, drop_package_hop_limit);
    if (forward->events.dropped != NULL)
        forward->events.dropped(forward->events.arg, transit, reason, next_hop);
}

/* Whose key is revoked is relayed nothing. For its source that is one more way to have no route. */
static bool is_barred(sl_forward *forward, const sl_route *route, const uint8_t *package, const slow_route_view *view,
                      slow_link in) {
    if (route == NULL || !route->barred)
        return false;
    sl_transit transit = transit_of(package, view, in);
    SL_COUNT(forward->stats, drop_package_revoked);
    if (forward->events.dropped != NULL)
        forward->events.dropped(forward->events.arg, &transit, SL_DROP_NO_ROUTE, NULL);
    return true;
}

/* The last package that was put there at that priority is waited for, if somebody wants to know when it leaves. */
static void traced(sl_forward *forward, const sl_transit *transit, const sl_neighbour *next_hop, slow_status put) {
    sl_departure *departure = NULL;
    if (next_hop == NULL || next_hop->best == NULL)
        return;
    if (put == SLOW_E_AGAIN)
        drop(forward, transit, SL_DROP_QUEUE_FULL, next_hop);
    else if (put == SLOW_OK && forward->events.traced != NULL)
        departure = forward->events.traced(forward->events.arg, transit, next_hop);
    if (departure != NULL)
        sl_outbox_await(&next_hop->best->out, transit->priority, departure);
}

/* ---- runs ---- */

/* The run was refused from some package on. The last is certainly one of those: the reports to its source are limited to a
 * few a second, so it would add nothing to tell of the others. */
static void run_refused(sl_forward *forward) {
    const sl_codec *codec = sl_link_codec(forward->run_link);
    slow_reader r = slow_reader_of((slow_bytes){forward->run_at, forward->run_size});
    slow_bytes package = {NULL, 0};
    slow_route_view view;
    while (slow_reader_left(&r) > 0 && slow_reader_ok(&r)) {
        package.size = (size_t)slow_read_varint(&r);
        package.data = slow_read_bytes(&r, package.size);
    }
    if (!slow_reader_ok(&r) || codec->ops->peek(codec->self, package, &view) != SLOW_OK)
        return;
    sl_transit transit = transit_of(package.data, &view, 0);
    drop(forward, &transit, SL_DROP_QUEUE_FULL, forward->run_link->neighbour);
}

static void run_end(sl_forward *forward) {
    if (forward->run_count == 0)
        return;
    bool taken =
        sl_link_put(forward->run_link, forward->run_priority, forward->run_at, forward->run_size, forward->run_count);
    forward->run_count = 0;
    if (!taken)
        run_refused(forward);
}

static void run_add(sl_forward *forward, sl_link *out, unsigned priority, const uint8_t *record, size_t size) {
    if (forward->run_count > 0 && forward->run_link == out && forward->run_priority == priority &&
        forward->run_at + forward->run_size == record) {
        forward->run_size += size;
        forward->run_count++;
        return;
    }
    run_end(forward);
    forward->run_link = out;
    forward->run_priority = priority;
    forward->run_at = record;
    forward->run_size = size;
    forward->run_count = 1;
}

/* ---- one package ---- */

static slow_link adjacency_of(const sl_link *link) {
    const sl_neighbour *n = link->neighbour;
    return n != NULL ? n->adjacency : 0;
}

static slow_status decode(sl_forward *forward, const sl_codec *codec, slow_bytes bytes, slow_package *package) {
    forward->arena_used = 0;
    *package = (slow_package){.struct_size = sizeof *package};
    return codec->ops->decode(codec->self, bytes, &forward->arena, package);
}

/* Encodes for one link and puts it into its frame. */
static slow_status put_package(sl_forward *forward, sl_link *out, const slow_package *package) {
    const sl_codec *codec = sl_link_codec(out);
    uint8_t *start = forward->scratch + PREFIX_MAX;
    size_t size;
    slow_status status = codec->ops->encode(codec->self, package, start, sizeof forward->scratch - PREFIX_MAX, &size);
    if (status != SLOW_OK)
        return status == SLOW_E_NOSPACE ? SLOW_E_TOOBIG : status;
    size_t prefix = slow_varint_size(size);
    slow_writer w = slow_writer_of(start - prefix, prefix);
    slow_write_varint(&w, size);
    return sl_link_put(out, package->priority, start - prefix, prefix + size, 1) ? SLOW_OK : SLOW_E_AGAIN;
}

/* The slow way to one link: another codec, or one that cannot advance in place. */
static slow_status translate(sl_forward *forward, sl_link *in, sl_link *out, slow_bytes bytes) {
    slow_package package;
    if (decode(forward, sl_link_codec(in), bytes, &package) != SLOW_OK) {
        SL_COUNT(forward->stats, drop_package_malformed);
        return SLOW_E_MALFORMED;
    }
    package.hops++;
    SL_COUNT(forward->stats, packages_translated);
    slow_status status = put_package(forward, out, &package);
    if (status == SLOW_E_TOOBIG)
        SL_COUNT(forward->stats, drop_package_too_big);
    return status;
}

/* A strategy that chooses by itself has no way on from here: with flooding that is how every path but one ends. */
static bool dead_end(sl_forward *forward, bool chosen, size_t count) {
    if (!chosen || count > 0)
        return false;
    SL_COUNT(forward->stats, drop_package_dead_end);
    return true;
}

/* Asks the strategies that choose by themselves. False: the table decides. A strategy may offer() meanwhile, which moves the
 * table, so the route (NULL = for us) is looked up again. */
static bool choose(sl_forward *forward, slow_bytes package, const slow_route_view *view, slow_link in, uint32_t hash,
                   const sl_route **route, size_t *count) {
    *count = 0;
    if (forward->events.choose == NULL)
        return false;
    *count = forward->events.choose(forward->events.choose_arg, package, view, in, route == NULL ? NULL : *route,
                                    forward->fanout, SL_FANOUT_MAX);
    slow_bytes dst = spanned(package.data, view->dst);
    if (route != NULL)
        *route = sl_route_table_find(&forward->table, hash, dst.data, dst.size);
    return *count != SIZE_MAX;
}

static bool is_double(sl_forward *forward, const uint8_t *package, const slow_route_view *view) {
    if (forward->events.choose == NULL)
        return false;
    slow_bytes src = spanned(package, view->src);
    if (sl_seen_first(forward->seen, src.data, src.size, view->session, view->packet))
        return false;
    SL_COUNT(forward->stats, drop_package_duplicate);
    return true;
}

static void deliver(sl_forward *forward, sl_link *in, const parcel *item) {
    slow_package package;
    slow_bytes bytes = {item->package, item->package_size}, src = spanned(item->package, item->view.src);
    size_t count;
    if (sl_id_is(forward->self, src.data, src.size)) {
        SL_COUNT(forward->stats, drop_package_own);
        return;
    }
    if (is_double(forward, item->package, &item->view))
        return;
    choose(forward, bytes, &item->view, adjacency_of(in), 0, NULL, &count); /* to learn from it */
    if (decode(forward, sl_link_codec(in), bytes, &package) != SLOW_OK) {
        SL_COUNT(forward->stats, drop_package_malformed);
        return;
    }
    forward->events.local(forward->events.arg, &package, in);
}

/* To one link, by run where nothing has to be written anew. `advanced`: hops were counted already. SLOW_E_AGAIN: it was
 * refused; of a run that is known when it ends. */
static slow_status pass(sl_forward *forward, sl_link *in, sl_link *out, parcel *item, bool *advanced) {
    const sl_codec *codec = sl_link_codec(in);
    SL_COUNT(forward->stats, packages_forwarded);
    if (out->codec != in->codec || codec->ops->advance == NULL) {
        run_end(forward);
        slow_status status = translate(forward, in, out, (slow_bytes){item->package, item->package_size});
        if (status == SLOW_E_AGAIN && !(item->view.flags & SLOW_TRACED)) {
            sl_transit transit = transit_of(item->package, &item->view, adjacency_of(in));
            drop(forward, &transit, SL_DROP_QUEUE_FULL, out->neighbour);
        }
        return status;
    }
    if (!*advanced)
        codec->ops->advance(codec->self, item->package, item->package_size, &item->view);
    *advanced = true;
    run_add(forward, out, item->view.priority, item->record, item->record_size);
    return SLOW_OK;
}

/* A traced package is a run of its own: it is known at once whether it was taken, and then it is the last in its queue. */
static slow_status pass_alone(sl_forward *forward, sl_link *in, sl_link *out, parcel *item, bool *advanced) {
    run_end(forward);
    slow_status status = pass(forward, in, out, item, advanced);
    if (forward->run_count == 0)
        return status;
    forward->run_count = 0;
    return sl_link_put(out, item->view.priority, item->record, item->record_size, 1) ? SLOW_OK : SLOW_E_AGAIN;
}

/* Several links: those that need another codec first, while hops are as they came. `first`: of one that is traced, how it
 * went with the first of them; else NULL. */
static void pass_chosen(sl_forward *forward, sl_link *in, parcel *item, size_t count, slow_status *first) {
    bool advanced = false;
    for (int advancing = 0; advancing <= 1; advancing++)
        for (size_t i = 0; i < count; i++) {
            const sl_neighbour *n = sl_neighbour_get(forward->neighbours, forward->fanout[i]);
            if (n == NULL || n->best == NULL)
                continue;
            bool in_place = n->best->codec == in->codec && sl_link_codec(in)->ops->advance != NULL;
            if (in_place != (advancing == 1))
                continue;
            if (first == NULL)
                pass(forward, in, n->best, item, &advanced);
            else if (i == 0)
                *first = pass_alone(forward, in, n->best, item, &advanced);
            else
                pass_alone(forward, in, n->best, item, &advanced);
        }
}

/* Of a package that goes several ways the first one is told. */
static void pass_traced(sl_forward *forward, sl_link *in, parcel *item, const sl_route *route, size_t count) {
    sl_transit transit = transit_of(item->package, &item->view, adjacency_of(in));
    const sl_neighbour *next = count > 0 ? sl_neighbour_get(forward->neighbours, forward->fanout[0]) : route->next_hop;
    slow_status put = SLOW_E_FAIL;
    bool advanced = false;
    if (count > 0)
        pass_chosen(forward, in, item, count, &put);
    else
        put = pass_alone(forward, in, next->best, item, &advanced);
    traced(forward, &transit, next, put);
}

static void forward_item(sl_forward *forward, sl_link *in, parcel *item) {
    slow_bytes dst = spanned(item->package, item->view.dst), src = spanned(item->package, item->view.src);
    size_t count;
    bool advanced = false;
    if (sl_id_is(forward->self, src.data, src.size)) {
        SL_COUNT(forward->stats, drop_package_own);
        return;
    }
    if (is_double(forward, item->package, &item->view))
        return;
    const sl_route *route = item->route;
    if (route == NULL)
        item->route = route = sl_route_table_find(&forward->table, item->hash, dst.data, dst.size);
    if (is_barred(forward, route, item->package, &item->view, adjacency_of(in)))
        return;
    slow_bytes package = {item->package, item->package_size};
    bool chosen = choose(forward, package, &item->view, adjacency_of(in), item->hash, &route, &count);
    if (dead_end(forward, chosen, count))
        return;
    bool has_route = chosen || (route != NULL && route->next_hop != NULL);
    if (item->view.hops >= item->view.hop_limit || !has_route) {
        sl_transit transit = transit_of(item->package, &item->view, adjacency_of(in));
        drop(forward, &transit, has_route ? SL_DROP_HOP_LIMIT : SL_DROP_NO_ROUTE, NULL);
        return;
    }
    if (item->view.flags & SLOW_TRACED)
        pass_traced(forward, in, item, route, chosen ? count : 0);
    else if (chosen)
        pass_chosen(forward, in, item, count, NULL);
    else
        pass(forward, in, route->next_hop->best, item, &advanced);
}

/* ---- a bundle ---- */

/* A leaf relays nothing: what comes from it and is not its own was not for it to pass on. */
static bool leaf_relays(sl_forward *forward, const sl_link *link, slow_bytes src) {
    if (!sl_link_is_of_leaf(link) || sl_id_is(&link->member.id, src.data, src.size))
        return false;
    SL_COUNT(forward->stats, drop_package_leaf);
    return true;
}

/* Lays the routing fields of a package that its codec cannot peek into out as peek() would: into scratch memory. */
static void view_of(const slow_package *package, uint8_t scratch[256], slow_route_view *view) {
    slow_span *spans[] = {&view->dst, &view->src, &view->hint};
    const slow_bytes fields[] = {package->dst, package->src, package->hint};
    uint16_t at = 0;
    *view = (slow_route_view){.type = package->type,
                              .priority = package->priority,
                              .hop_limit = package->hop_limit,
                              .hops = package->hops,
                              .flags = package->flags,
                              .session = package->session,
                              .packet = package->packet};
    for (size_t i = 0; i < 3; i++) {
        *spans[i] = (slow_span){.at = at, .size = (uint16_t)fields[i].size};
        if (fields[i].size > 0)
            memcpy(scratch + at, fields[i].data, fields[i].size);
        at = (uint16_t)(at + fields[i].size);
    }
}

/* The same decisions for a package that was decoded, because its codec cannot peek. */
static void forward_decoded(sl_forward *forward, sl_link *in, slow_bytes bytes) {
    slow_package package;
    uint8_t fields[256];
    slow_route_view view;
    size_t count;
    if (decode(forward, sl_link_codec(in), bytes, &package) != SLOW_OK) {
        SL_COUNT(forward->stats, drop_package_malformed);
        return;
    }
    if (leaf_relays(forward, in, package.src))
        return;
    view_of(&package, fields, &view);
    bool local = sl_id_is(forward->self, package.dst.data, package.dst.size);
    if (sl_id_is(forward->self, package.src.data, package.src.size)) {
        SL_COUNT(forward->stats, drop_package_own);
        return;
    }
    if (is_double(forward, fields, &view))
        return;
    uint32_t hash = sl_route_table_hash(&forward->table, package.dst.data, package.dst.size);
    const sl_route *route =
        local ? NULL : sl_route_table_find(&forward->table, hash, package.dst.data, package.dst.size);
    if (is_barred(forward, route, fields, &view, adjacency_of(in)))
        return;
    slow_bytes routing = {fields, (size_t)view.dst.size + view.src.size + view.hint.size};
    bool chosen = choose(forward, routing, &view, adjacency_of(in), hash, local ? NULL : &route, &count);
    if (local) {
        forward->events.local(forward->events.arg, &package, in);
        return;
    }
    if (dead_end(forward, chosen, count))
        return;
    sl_transit transit = transit_of(fields, &view, adjacency_of(in));
    bool has_route = chosen || (route != NULL && route->next_hop != NULL);
    if (package.hops >= package.hop_limit || !has_route) {
        drop(forward, &transit, has_route ? SL_DROP_HOP_LIMIT : SL_DROP_NO_ROUTE, NULL);
        return;
    }
    if (!chosen) {
        forward->fanout[0] = route->next_hop->adjacency;
        count = 1;
    }
    package.hops++;
    for (size_t i = 0; i < count; i++) {
        const sl_neighbour *n = sl_neighbour_get(forward->neighbours, forward->fanout[i]);
        if (n == NULL || n->best == NULL)
            continue;
        SL_COUNT(forward->stats, packages_forwarded);
        if (n->best->codec != in->codec)
            SL_COUNT(forward->stats, packages_translated);
        slow_status put = put_package(forward, n->best, &package);
        if (put == SLOW_E_TOOBIG)
            SL_COUNT(forward->stats, drop_package_too_big);
        if (i == 0 && package.flags & SLOW_TRACED)
            traced(forward, &transit, n, put);
        else if (put == SLOW_E_AGAIN)
            drop(forward, &transit, SL_DROP_QUEUE_FULL, n);
    }
}

static bool same_dst(const parcel *a, const parcel *b) {
    return a->view.dst.size == b->view.dst.size &&
           memcmp(a->package + a->view.dst.at, b->package + b->view.dst.at, a->view.dst.size) == 0;
}

/* Pass A for one record. */
static bool item_read(sl_forward *forward, sl_link *link, parcel *item, const parcel *before) {
    const sl_codec *codec = sl_link_codec(link);
    slow_bytes bytes = {item->package, item->package_size};
    if (codec->ops->peek(codec->self, bytes, &item->view) != SLOW_OK) {
        SL_COUNT(forward->stats, drop_package_malformed);
        return false;
    }
    if (leaf_relays(forward, link, spanned(item->package, item->view.src)))
        return false;
    if (before != NULL && same_dst(item, before)) {
        item->hash = before->hash;
        item->local = before->local;
        item->same = true;
        return true;
    }
    const uint8_t *dst = item->package + item->view.dst.at;
    item->local = sl_id_is(forward->self, dst, item->view.dst.size);
    if (item->local)
        return true;
    item->hash = sl_route_table_hash(&forward->table, dst, item->view.dst.size);
    sl_route_table_prefetch(&forward->table, item->hash);
    return true;
}

static void group_run(sl_forward *forward, sl_link *link, parcel *items, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!items[i].local && !items[i].same)
            sl_route_table_prefetch_entry(&forward->table, items[i].hash);
    for (size_t i = 0; i < count && link->state == SL_LINK_UP; i++) {
        if (items[i].local) {
            run_end(forward);
            deliver(forward, link, &items[i]);
        } else {
            if (items[i].same && i > 0 && forward->events.choose == NULL)
                items[i].route = items[i - 1].route;
            forward_item(forward, link, &items[i]);
        }
    }
    run_end(forward);
}

void sl_forward_bundle(sl_forward *forward, sl_link *link, uint8_t *records, size_t size) {
    slow_reader r = slow_reader_of((slow_bytes){records, size});
    bool peeks = SLOW_HAS(sl_link_codec(link)->ops, peek);
    parcel items[GROUP];
    size_t count = 0;
    while (slow_reader_left(&r) > 0 && link->state == SL_LINK_UP) {
        uint8_t *record = records + (r.at - records);
        uint64_t length = slow_read_varint(&r);
        if (slow_reader_ok(&r) && length == 0)
            break; /* padding */
        uint8_t *package = records + (r.at - records);
        if (!slow_reader_ok(&r) || length > UINT16_MAX || slow_read_bytes(&r, (size_t)length) == NULL) {
            SL_COUNT(forward->stats, drop_bundle_malformed);
            break;
        }
        SL_COUNT(forward->stats, packages_in);
        if (!peeks) {
            forward_decoded(forward, link, (slow_bytes){package, (size_t)length});
            continue;
        }
        items[count] = (parcel){.record = record,
                                .package = package,
                                .record_size = (uint32_t)(package - record) + (uint32_t)length,
                                .package_size = (uint32_t)length};
        count += item_read(forward, link, &items[count], count > 0 ? &items[count - 1] : NULL);
        if (count == GROUP) {
            group_run(forward, link, items, count);
            count = 0;
        }
    }
    group_run(forward, link, items, count);
}

/* ---- our own ---- */

/* Our messages leave half of a link's queue to what passes through. The core's own few packages may use most of that:
 * a ping has to come through where messages keep a link busy. */
static bool has_room(const sl_link *out, unsigned priority) {
    return sl_link_has_room(out) || (priority >= CONTROL_PRIORITY && out->out.bytes < SL_OUTBOX_QUOTA / 8 * 7);
}

slow_status sl_forward_send(sl_forward *forward, slow_package *package, const sl_way *way) {
    uint8_t fields[256];
    slow_route_view view;
    size_t count;
    package->struct_size = sizeof *package;
    package->src = sl_id_bytes(forward->self);
    package->hops = 1;
    uint32_t hash = sl_route_table_hash(&forward->table, package->dst.data, package->dst.size);
    const sl_route *route = sl_route_table_find(&forward->table, hash, package->dst.data, package->dst.size);
    if (route != NULL && route->barred)
        return SLOW_E_NOROUTE;
    view_of(package, fields, &view);
    slow_bytes routing = {fields, (size_t)view.dst.size + view.src.size + view.hint.size};
    if (!choose(forward, routing, &view, 0, hash, &route, &count)) {
        count = route != NULL && route->next_hop != NULL;
        if (count > 0)
            forward->fanout[0] = sl_route_table_next_hop(&forward->table, route, way, sl_now(forward->loop))->adjacency;
    }
    forward->went = count == 1 ? forward->fanout[0] : 0;
    slow_status status = SLOW_E_NOROUTE;
    for (size_t i = 0; i < count; i++) {
        const sl_neighbour *n = sl_neighbour_get(forward->neighbours, forward->fanout[i]);
        if (n == NULL || n->best == NULL)
            continue;
        if (!has_room(n->best, package->priority)) {
            status = status == SLOW_OK ? SLOW_OK : SLOW_E_AGAIN;
            continue;
        }
        slow_status put = put_package(forward, n->best, package);
        if (put == SLOW_OK && status != SLOW_OK && package->flags & SLOW_TRACED) {
            sl_transit transit = transit_of(fields, &view, 0);
            transit.hops = 0;
            traced(forward, &transit, n, put);
        }
        status = status == SLOW_OK ? SLOW_OK : put;
    }
    return status;
}
