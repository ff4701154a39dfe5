#include "memory.h"
#include "core/link_wire.h"
#include "core/module.h"
#include <slow/wire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct port port;
typedef struct connection connection;

/* One end of a connection: the cookie that the core holds. */
typedef struct end {
    connection *of;
    port *port;               /* NULL = closed, or its junction died */
    slow_link link;           /* 0 = the core does not know it yet */
    struct end *next, **here; /* in its port */
} end;

struct connection {
    sim_network *network;
    uint32_t cable, number;
    uint64_t dial;
    end ends[2];               /* 0 dialled */
    uint32_t references;       /* ends that are open, and frames on their way */
    slow_time last_arrival[2]; /* of a stream: frames do not overtake */
    bool broken;
};

struct sim_place {
    sim_network *network;
    uint32_t number;
    sl_loop *loop;
    port *port;       /* listening here */
    uint32_t *cables; /* numbers, ascending */
    uint32_t cable_count, cable_capacity;
};

struct sim_network {
    sl_world *world;
    sim_place *places;
    uint32_t place_count;
    sim_cable *cables;
    uint32_t cable_count, cable_capacity, last_connection;
    uint64_t bytes, frames;
    sim_traffic traffic[SIM_TRAFFIC_COUNT];
    slow_time routing_at;
};

/* A transport's instance. */
struct port {
    const slow_host *host;
    const slow_transport_host *core;
    sim_place *place;
    end *ends;
};

/* ---- the network ---- */

sim_network *sim_network_new(sl_world *world, uint32_t places) {
    sim_network *network = calloc(1, sizeof *network);
    if (network == NULL)
        return NULL;
    network->world = world;
    network->places = calloc(places, sizeof *network->places);
    network->place_count = places;
    if (network->places == NULL) {
        free(network);
        return NULL;
    }
    for (uint32_t i = 0; i < places; i++)
        network->places[i] = (sim_place){.network = network, .number = i};
    return network;
}

void sim_network_free(sim_network *network) {
    if (network == NULL)
        return;
    for (uint32_t i = 0; i < network->place_count; i++)
        free(network->places[i].cables);
    free(network->cables);
    free(network->places);
    free(network);
}

static bool place_note(sim_place *place, uint32_t number) {
    if (place->cable_count == place->cable_capacity) {
        uint32_t capacity = place->cable_capacity == 0 ? 4 : place->cable_capacity * 2;
        uint32_t *cables = realloc(place->cables, capacity * sizeof *cables);
        if (cables == NULL)
            return false;
        place->cables = cables;
        place->cable_capacity = capacity;
    }
    place->cables[place->cable_count++] = number;
    return true;
}

uint32_t sim_network_cable(sim_network *network, uint32_t a, uint32_t b, slow_time latency_ns) {
    if (network->cable_count == network->cable_capacity) {
        uint32_t capacity = network->cable_capacity == 0 ? 16 : network->cable_capacity * 2;
        sim_cable *cables = realloc(network->cables, capacity * sizeof *cables);
        if (cables == NULL)
            return 0;
        network->cables = cables;
        network->cable_capacity = capacity;
    }
    uint32_t number = network->cable_count + 1;
    if (!place_note(&network->places[a], number))
        return 0;
    if (!place_note(&network->places[b], number)) {
        network->places[a].cable_count--;
        return 0;
    }
    network->cables[network->cable_count] = (sim_cable){.ends = {a, b}, .latency_ns = latency_ns};
    return ++network->cable_count;
}

const uint32_t *sim_network_cables_of(const sim_network *network, uint32_t place, uint32_t *count) {
    *count = network->places[place].cable_count;
    return network->places[place].cables;
}

uint32_t sim_network_cable_between(const sim_network *network, uint32_t a, uint32_t b) {
    const sim_place *place = &network->places[a];
    for (uint32_t i = 0; i < place->cable_count; i++) {
        const sim_cable *cable = &network->cables[place->cables[i] - 1];
        if (cable->ends[cable->ends[0] == a] == b)
            return place->cables[i];
    }
    return 0;
}

sim_cable *sim_network_cable_at(sim_network *network, uint32_t number) {
    return number >= 1 && number <= network->cable_count ? &network->cables[number - 1] : NULL;
}

uint32_t sim_network_cables(const sim_network *network) {
    return network->cable_count;
}

uint64_t sim_network_bytes(const sim_network *network) {
    return network->bytes;
}

uint64_t sim_network_frames(const sim_network *network) {
    return network->frames;
}

const sim_traffic *sim_network_traffic(const sim_network *network) {
    return network->traffic;
}

slow_time sim_network_routing_at(const sim_network *network) {
    return network->routing_at;
}

const sim_place *sim_network_place(sim_network *network, uint32_t place, sl_loop *loop) {
    network->places[place].loop = loop;
    return &network->places[place];
}

/* ---- connections ---- */

/* Not inlined: gcc 12 cannot count references, and takes the second of two drops for a use after the first. */
__attribute__((noinline)) static void connection_drop(connection *c) {
    if (--c->references == 0)
        free(c);
}

static void end_open(end *e, connection *c, port *p) {
    e->of = c;
    e->port = p;
    e->next = p->ends;
    e->here = &p->ends;
    if (e->next != NULL)
        e->next->here = &e->next;
    p->ends = e;
    c->references++;
}

static void end_close(end *e) {
    if (e->port == NULL)
        return;
    *e->here = e->next;
    if (e->next != NULL)
        e->next->here = e->here;
    e->port = NULL;
    e->link = 0;
    connection_drop(e->of);
}

/* The place at an end: that of the cable's end which is not the other's. */
static uint32_t place_of(const connection *c, unsigned side) {
    const sim_cable *cable = &c->network->cables[c->cable - 1];
    uint32_t dialler = c->number & 1 ? cable->ends[1] : cable->ends[0];
    uint32_t answerer = c->number & 1 ? cable->ends[0] : cable->ends[1];
    return side == 0 ? dialler : answerer;
}

uint32_t sim_cookie_peer(const void *cookie) {
    const end *e = cookie;
    return place_of(e->of, e == &e->of->ends[0] ? 1 : 0);
}

static slow_link tell_up(end *e, unsigned side) {
    char local[64], remote[64];
    connection *c = e->of;
    const sim_cable *cable = &c->network->cables[c->cable - 1];
    /* The dialler's own port tells its connections apart, as ephemeral ports do. */
    snprintf(local, sizeof local, "memory://%u:%u", place_of(c, side), side == 0 ? c->number : c->cable);
    snprintf(remote, sizeof remote, "memory://%u:%u", place_of(c, !side), side == 0 ? c->cable : c->number);
    slow_link_info info = {.struct_size = sizeof info,
                           .dial = side == 0 ? c->dial : 0,
                           .local = local,
                           .remote = remote,
                           .mtu = cable->stream ? 16384 : 1400,
                           .flags = (cable->stream ? SLOW_LINK_STREAM : 0u) | (side == 1 ? SLOW_LINK_INBOUND : 0u) |
                                    SLOW_LINK_LOCAL};
    return e->port->core->link_up(e->port->host, e, &info);
}

static void tell_dialler(void *arg) {
    connection *c = arg;
    end *e = &c->ends[0];
    if (e->port != NULL && (e->link = tell_up(e, 0)) == 0)
        end_close(e);
    connection_drop(c);
}

static void drop_connection(void *arg) {
    connection_drop(arg);
}

/* ---- frames on their way ---- */

typedef struct delivery {
    connection *connection;
    unsigned side; /* the receiving end */
    uint32_t size, segment;
    uint8_t bytes[];
} delivery;

static void delivery_drop(void *arg) {
    delivery *d = arg;
    connection_drop(d->connection);
    free(d);
}

static bool receiver_ready(connection *c, unsigned side) {
    end *e = &c->ends[side];
    if (side == 1 && e->port == NULL && !c->broken) { /* the first frame of a dial */
        port *p = c->network->places[place_of(c, 1)].port;
        if (p == NULL)
            return false;
        end_open(e, c, p);
        e->link = tell_up(e, 1);
        if (e->link == 0)
            end_close(e);
    }
    return e->port != NULL && e->link != 0;
}

static void delivery_arrive(void *arg) {
    delivery *d = arg;
    connection *c = d->connection;
    slow_slice slices[64];
    sl_world_mix(c->network->world, d->bytes, d->size);
    for (uint32_t at = 0; at < d->size;) {
        size_t count = 0;
        /* Looked at for each batch: what the one before brought may have closed the link. */
        sim_cable *cable = &c->network->cables[c->cable - 1];
        if (cable->cut || !receiver_ready(c, d->side)) {
            cable->lost += (d->size - at + d->segment - 1) / d->segment;
            break;
        }
        for (; at < d->size && count < sizeof slices / sizeof *slices; at += d->segment)
            slices[count++] =
                (slow_slice){.data = d->bytes + at, .size = d->size - at < d->segment ? d->size - at : d->segment};
        end *e = &c->ends[d->side];
        e->port->core->receive(e->port->host, e->link, slices, count);
    }
    delivery_drop(d);
}

static bool chance(sim_network *network, uint32_t ppm) {
    return ppm > 0 && sl_world_random(network->world) % 1000000 < ppm;
}

/* When what is sent now has left the cable's end. False: the queue is full. */
static bool queue_through(const sim_network *network, sim_cable *cable, unsigned way, uint32_t size, slow_time *left) {
    slow_time now = sl_world_now(network->world);
    *left = now;
    if (cable->rate == 0)
        return true;
    slow_time begin = cable->busy_until[way] > now ? cable->busy_until[way] : now;
    uint64_t most = cable->queue_bytes != 0 ? cable->queue_bytes : SIM_QUEUE_BYTES;
    if (!cable->stream && begin - now > most * SL_SECOND / cable->rate)
        return false;
    *left = cable->busy_until[way] = begin + size * SL_SECOND / cable->rate;
    return true;
}

static void send_copy(connection *c, unsigned side, unsigned way, const uint8_t *bytes, uint32_t size,
                      uint32_t segment) {
    sim_network *network = c->network;
    sim_cable *cable = &network->cables[c->cable - 1];
    sim_place *to = &network->places[place_of(c, !side)];
    slow_time when;
    if (!queue_through(network, cable, way, size, &when)) {
        cable->queue_full++;
        return;
    }
    if (to->loop == NULL) {
        cable->lost += (size + segment - 1) / segment;
        return;
    }
    delivery *d = malloc(sizeof *d + size);
    if (d == NULL)
        return;
    *d = (delivery){.connection = c, .side = !side, .size = size, .segment = segment};
    memcpy(d->bytes, bytes, size);
    when += cable->latency_ns;
    if (cable->jitter_ns > 0)
        when += sl_world_random(network->world) % cable->jitter_ns;
    if (!cable->stream && chance(network, cable->reorder_ppm))
        when += cable->reorder_ns != 0 ? cable->reorder_ns : cable->latency_ns;
    if (cable->stream && when < c->last_arrival[side])
        when = c->last_arrival[side];
    c->last_arrival[side] = when;
    c->references++;
    if (!sl_world_at(network->world, to->loop, when, delivery_arrive, delivery_drop, d))
        delivery_drop(d);
}

static enum sim_traffic_kind kind_of(uint8_t first) {
    switch (first) {
    case SL_FRAME_ROUTE:
    case SL_FRAME_ROUTE_ACK:
        return SIM_TRAFFIC_ROUTING;
    case SL_FRAME_PROBE:
        return SIM_TRAFFIC_PROBES;
    case SL_FRAME_BUNDLE:
        return SIM_TRAFFIC_PACKAGES;
    default:
        return SIM_TRAFFIC_OPENING;
    }
}

/* Of a datagram without an AEAD: streams are not duplicated. */
static uint32_t packages_in(const uint8_t *frame, uint32_t size) {
    uint32_t count = 0;
    if (frame[0] != SL_FRAME_BUNDLE || size < SL_DATAGRAM_HEADER + SL_PLAIN_TAG)
        return 0;
    slow_reader r = slow_reader_of((slow_bytes){frame + SL_DATAGRAM_HEADER, size - SL_DATAGRAM_HEADER - SL_PLAIN_TAG});
    for (;;) {
        uint64_t length = slow_read_varint(&r);
        if (!slow_reader_ok(&r) || length == 0 || slow_read_bytes(&r, (size_t)length) == NULL)
            return count;
        count++;
    }
}

static void count_frame(sim_network *network, sim_cable *cable, const uint8_t *frame, uint32_t size) {
    enum sim_traffic_kind kind = kind_of(frame[0]);
    cable->frames++;
    cable->bytes += size;
    network->frames++;
    network->bytes += size;
    cable->traffic[kind].frames++;
    cable->traffic[kind].bytes += size;
    network->traffic[kind].frames++;
    network->traffic[kind].bytes += size;
    if (kind == SIM_TRAFFIC_ROUTING)
        cable->routing_at = network->routing_at = sl_world_now(network->world);
}

static void send_packet(end *e, const slow_packet *packet) {
    connection *c = e->of;
    sim_network *network = c->network;
    sim_cable *cable = &network->cables[c->cable - 1];
    unsigned side = e == &c->ends[1];
    unsigned way = cable->ends[0] == place_of(c, side) ? 0 : 1;
    uint32_t step = packet->segment != 0 ? packet->segment : packet->size;
    const uint8_t *data = slow_packet_data(packet);
    bool swallowed = cable->cut || cable->cut_way[way];
    bool whole = cable->stream || (cable->loss_ppm == 0 && cable->duplicate_ppm == 0 && cable->jitter_ns == 0 &&
                                   cable->reorder_ppm == 0 && cable->rate == 0);
    for (uint32_t at = 0; at < packet->size; at += step) {
        uint32_t size = packet->size - at < step ? packet->size - at : step;
        count_frame(network, cable, data + at, size);
        bool lost = swallowed || (!cable->stream && chance(network, cable->loss_ppm));
        cable->lost += lost;
        if (!whole && !lost)
            send_copy(c, side, way, data + at, size, size);
        if (swallowed || cable->stream || !chance(network, cable->duplicate_ppm))
            continue;
        cable->duplicated++;
        cable->packages_duplicated += packages_in(data + at, size);
        send_copy(c, side, way, data + at, size, size);
    }
    if (whole && !swallowed && packet->size > 0)
        send_copy(c, side, way, data, packet->size, step);
}

/* ---- the plugin ---- */

static bool parse(const char *address, uint32_t *place, uint32_t *cable) {
    int used = 0;
    return sscanf(address, "memory://%u:%u%n", place, cable, &used) == 2 && address[used] == '\0';
}

static slow_status memory_check(const char *address, bool listen, uint32_t *flags, slow_error *error) {
    uint32_t place, cable;
    (void)listen;
    *flags = SLOW_LINK_LOCAL;
    if (parse(address, &place, &cable))
        return SLOW_OK;
    if (error != NULL) {
        *error = (slow_error){.code = SLOW_E_INVAL};
        snprintf(error->text, sizeof error->text, "expected memory://PLACE:CABLE, not %.60s", address);
    }
    return SLOW_E_INVAL;
}

static slow_status memory_create(const slow_host *host, const void *config, void **self, slow_error *error) {
    (void)config;
    port *p = calloc(1, sizeof *p);
    const sim_place *place = host->service(host, SIM_PLACE_ID);
    if (p == NULL || place == NULL) {
        free(p);
        if (error != NULL)
            *error = (slow_error){.code = SLOW_E_UNSUPPORTED, .text = "transport-memory lives in a simulation only"};
        return SLOW_E_UNSUPPORTED;
    }
    p->host = host;
    p->core = host->service(host, SLOW_TRANSPORT_HOST_ID);
    p->place = &place->network->places[place->number];
    *self = p;
    return SLOW_OK;
}

static void memory_stop(void *self) {
    port *p = self;
    if (p->place->port == p)
        p->place->port = NULL;
}

static void memory_destroy(void *self) {
    port *p = self;
    while (p->ends != NULL) {
        connection *c = p->ends->of;
        c->references++;
        c->broken |= p->ends == &c->ends[1];
        end_close(p->ends);
        connection_drop(c);
    }
    free(p);
}

static slow_status memory_listen(void *self, const char *address, char bound[128], slow_error *error) {
    port *p = self;
    (void)error;
    p->place->port = p;
    snprintf(bound, 128, "%s", address);
    return SLOW_OK;
}

static void memory_unlisten(void *self, const char *address) {
    (void)address;
    memory_stop(self);
}

static slow_status memory_connect(void *self, uint64_t dial, const char *address, slow_error *error) {
    port *p = self;
    sim_network *network = p->place->network;
    uint32_t place, number;
    slow_status status = SLOW_E_INVAL;
    connection *c = calloc(1, sizeof *c);
    if (c == NULL || !parse(address, &place, &number) || number == 0 || number > network->cable_count)
        goto failed;
    const sim_cable *cable = &network->cables[number - 1];
    bool from_second = cable->ends[1] == p->place->number;
    if (place != cable->ends[!from_second])
        goto failed;
    /* Which end dialled is the lowest bit of the number, so that place_of() needs no more. */
    network->last_connection += 2;
    *c = (connection){
        .network = network, .cable = number, .number = network->last_connection | from_second, .dial = dial};
    end_open(&c->ends[0], c, p);
    c->references++;
    if (sl_world_at(network->world, p->place->loop, sl_world_now(network->world), tell_dialler, drop_connection, c))
        return SLOW_OK;
    connection_drop(c);
    end_close(&c->ends[0]);
    return SLOW_E_NOMEM;
failed:
    free(c);
    if (error != NULL) {
        *error = (slow_error){.code = status};
        snprintf(error->text, sizeof error->text, "no cable leads from %u to %.60s", p->place->number, address);
    }
    return status;
}

static void memory_cancel(void *self, uint64_t dial) {
    port *p = self;
    for (end *e = p->ends; e != NULL; e = e->next)
        if (e->link == 0 && e == &e->of->ends[0] && e->of->dial == dial) {
            end_close(e);
            return;
        }
}

static slow_status memory_send(void *self, void *cookie, slow_packet *const *packets, size_t n, size_t *taken) {
    port *p = self;
    for (size_t i = 0; i < n; i++) {
        send_packet(cookie, packets[i]);
        p->host->packet_drop(packets[i]);
    }
    *taken = n;
    return SLOW_OK;
}

static void memory_close(void *self, void *cookie) {
    end *e = cookie;
    (void)self;
    if (e == &e->of->ends[1])
        e->of->broken = true; /* a late frame does not bring it back */
    end_close(e);
}

void sim_network_carrier_lost(sim_network *network, uint32_t cable, uint32_t place) {
    port *p = network->places[place].port;
    for (end *e = p == NULL ? NULL : p->ends, *next; e != NULL; e = next) {
        next = e->next;
        if (e->of->cable != cable || e->link == 0)
            continue;
        slow_link link = e->link;
        e->of->broken = true;
        end_close(e);
        p->core->link_down(p->host, link, SLOW_E_CLOSED);
    }
}

void sim_network_cut(sim_network *network, uint32_t number, bool carrier) {
    sim_cable *cable = &network->cables[number - 1];
    cable->cut = true;
    if (!carrier)
        return;
    unsigned low = cable->ends[0] < cable->ends[1] ? 0 : 1;
    uint32_t first = cable->ends[low], second = cable->ends[!low];
    sim_network_carrier_lost(network, number, first);
    sim_network_carrier_lost(network, number, second);
}

void sim_network_mend(sim_network *network, uint32_t number) {
    sim_cable *cable = &network->cables[number - 1];
    cable->cut = cable->cut_way[0] = cable->cut_way[1] = false;
}

static const slow_transport_ops memory_ops = {
    .struct_size = sizeof memory_ops,
    .scheme = "memory",
    .max_segments = 64,
    .check = memory_check,
    .listen = memory_listen,
    .unlisten = memory_unlisten,
    .connect = memory_connect,
    .cancel = memory_cancel,
    .send = memory_send,
    .close = memory_close,
};

static const slow_plugin memory_plugin = {
    .struct_size = sizeof memory_plugin,
    .kind = SLOW_TRANSPORT,
    .id = "transport-memory",
    .version = "1.0.0",
    .summary = "Cables of a simulated network, in virtual time",
    .license = "MIT",
    .create = memory_create,
    .stop = memory_stop,
    .destroy = memory_destroy,
    .ops = &memory_ops,
};

static const slow_plugin *const memory_plugins[] = {&memory_plugin, NULL};
static const slow_module memory_module = {
    .struct_size = sizeof memory_module,
    .abi_major = SLOW_ABI_MAJOR,
    .abi_minor_required = SLOW_ABI_MINOR,
    .build = __VERSION__,
    .plugins = memory_plugins,
};

static const slow_module *memory_entry(void) {
    return &memory_module;
}

/* Simulations bring this one plugin of their own; all others are the very files that run in production. */
const slow_module_fn slow_static_modules[] = {memory_entry, NULL};
