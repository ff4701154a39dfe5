#include "station.h"
#include "core/module.h"
#include "core/option.h"
#include <slow/wire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATION_ID "test.station/1"
enum { FIRST_DIAL = 1000 };

struct path {
    station *at;
    char local[STATION_ADDRESS], remote[STATION_ADDRESS];
    slow_link link;
    uint64_t dial;
    struct path *next;
};

typedef struct flight {
    wire_net *net;
    datagram frame;
} flight;

static void must(bool good, const char *what) {
    if (good)
        return;
    fprintf(stderr, "station: %s\n", what);
    abort();
}

/* ---- the wire ---- */

static path *path_find(const station *s, const char *local, const char *remote) {
    path *p = s->paths;
    while (p != NULL && (strcmp(p->local, local) != 0 || strcmp(p->remote, remote) != 0))
        p = p->next;
    return p;
}

static path *path_new(station *s, const char *local, const char *remote, uint64_t dial) {
    path *p = calloc(1, sizeof *p);
    must(p != NULL, "no memory");
    p->at = s;
    p->dial = dial;
    snprintf(p->local, sizeof p->local, "%s", local);
    snprintf(p->remote, sizeof p->remote, "%s", remote);
    p->next = s->paths;
    s->paths = p;
    return p;
}

static void path_free(path *p) {
    path **at = &p->at->paths;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    free(p);
}

static void path_up(path *p) {
    bool dialled = p->dial != 0;
    slow_link_info info = {.struct_size = sizeof info,
                           .dial = p->dial,
                           .local = p->local,
                           .remote = p->remote,
                           .mtu = 1400,
                           .flags = (dialled ? 0u : SLOW_LINK_INBOUND) | (p->at->net->stream ? SLOW_LINK_STREAM : 0u)};
    p->link = p->at->core->link_up(p->at->host, p, &info);
    if (p->link == 0)
        path_free(p);
}

static station *station_at(const wire_net *net, const char *address) {
    unsigned place;
    if (sscanf(address, "test://10.0.0.%u:", &place) != 1 || place >= STATIONS)
        return NULL;
    return net->stations[place];
}

/* Ports below those of its dials are all open. */
static bool listens(const station *s, const char *address) {
    unsigned place, port;
    return sscanf(address, "test://10.0.0.%u:%u", &place, &port) == 2 && place == s->place && port < FIRST_DIAL;
}

static void arrive(wire_net *net, datagram *d) {
    station *s = station_at(net, d->to);
    if (s == NULL)
        return;
    path *p = path_find(s, d->to, d->from);
    if (p == NULL && listens(s, d->to)) {
        path_new(s, d->to, d->from, 0);
        path_up(s->paths);
        p = path_find(s, d->to, d->from);
    }
    if (p != NULL && p->link != 0)
        s->core->receive(s->host, p->link, &(slow_slice){.data = d->bytes, .size = d->size}, 1);
}

static void flight_arrive(void *arg) {
    flight *f = arg;
    sl_world_mix(f->net->world, f->frame.bytes, f->frame.size);
    arrive(f->net, &f->frame);
    free(f);
}

void wire_net_fly(wire_net *net, const datagram *d, slow_time latency_ns) {
    const station *to = station_at(net, d->to);
    if (to == NULL)
        return;
    flight *f = malloc(sizeof *f);
    must(f != NULL, "no memory");
    f->net = net;
    f->frame = *d;
    must(sl_world_at(net->world, to->loop, sl_world_now(net->world) + latency_ns, flight_arrive, free, f), "no memory");
}

void wire_net_inject(wire_net *net, const char *from, const char *to, const uint8_t *bytes, size_t size) {
    datagram d = {.at = sl_world_now(net->world), .size = (uint32_t)size};
    must(size <= sizeof d.bytes, "a frame is too large");
    snprintf(d.from, sizeof d.from, "%s", from);
    snprintf(d.to, sizeof d.to, "%s", to);
    memcpy(d.bytes, bytes, size);
    wire_net_fly(net, &d, 0);
    sl_world_run(net->world, d.at);
}

static void keep(wire_net *net, const datagram *d) {
    if (net->kept_count == net->kept_capacity) {
        net->kept_capacity = net->kept_capacity == 0 ? 64 : net->kept_capacity * 2;
        net->kept = realloc(net->kept, net->kept_capacity * sizeof *net->kept);
        must(net->kept != NULL, "no memory");
    }
    net->kept[net->kept_count++] = *d;
}

/* ---- the transport ---- */

static slow_status wire_create(const slow_host *host, const void *config, void **self, slow_error *error) {
    station *s = (station *)(uintptr_t)host->service(host, STATION_ID);
    (void)config;
    (void)error;
    s->host = host;
    s->core = host->service(host, SLOW_TRANSPORT_HOST_ID);
    *self = s;
    return SLOW_OK;
}

static void wire_destroy(void *self) {
    station *s = self;
    while (s->paths != NULL)
        path_free(s->paths);
}

static slow_status wire_listen(void *self, const char *address, char bound[128], slow_error *error) {
    (void)self;
    (void)error;
    snprintf(bound, 128, "%s", address);
    return SLOW_OK;
}

static void dialled(void *arg) {
    path *p = arg;
    path_up(p);
}

static slow_status wire_connect(void *self, uint64_t dial, const char *address, slow_error *error) {
    station *s = self;
    char local[STATION_ADDRESS];
    (void)error;
    snprintf(local, sizeof local, "test://10.0.0.%u:%u", (unsigned)s->place, (unsigned)++s->last_port);
    path *p = path_new(s, local, address, dial);
    must(sl_world_at(s->net->world, s->loop, sl_world_now(s->net->world), dialled, NULL, p), "no memory");
    return SLOW_OK;
}

static void wire_cancel(void *self, uint64_t dial) {
    (void)self;
    (void)dial; /* a dial is a link in the same instant */
}

static slow_status wire_send(void *self, void *cookie, slow_packet *const *packets, size_t n, size_t *taken) {
    station *s = self;
    wire_net *net = s->net;
    const path *p = cookie;
    for (*taken = 0; *taken < n; ++*taken) {
        datagram d = {.at = sl_world_now(net->world), .size = packets[*taken]->size};
        must(d.size <= sizeof d.bytes && packets[*taken]->segment == 0, "a frame is too large");
        snprintf(d.from, sizeof d.from, "%s", p->local);
        snprintf(d.to, sizeof d.to, "%s", p->remote);
        memcpy(d.bytes, slow_packet_data(packets[*taken]), d.size);
        sl_packet_drop(packets[*taken]);
        if (net->keep)
            keep(net, &d);
        if (net->pass == NULL || net->pass(net->arg, &d))
            wire_net_fly(net, &d, net->latency_ns);
    }
    return SLOW_OK;
}

static void wire_close(void *self, void *cookie) {
    (void)self;
    path_free(cookie);
}

static const slow_transport_ops wire_ops = {.struct_size = sizeof wire_ops,
                                            .scheme = "test",
                                            .max_segments = 1,
                                            .listen = wire_listen,
                                            .connect = wire_connect,
                                            .cancel = wire_cancel,
                                            .send = wire_send,
                                            .close = wire_close};
static const slow_plugin wire_plugin = {.struct_size = sizeof wire_plugin,
                                        .kind = SLOW_TRANSPORT,
                                        .id = "transport-test",
                                        .create = wire_create,
                                        .destroy = wire_destroy,
                                        .ops = &wire_ops};

/* ---- what the layers above would do ---- */

static void on_bundle(void *arg, sl_link *link, uint8_t *records, size_t size) {
    station *s = arg;
    slow_reader r = slow_reader_of((slow_bytes){records, size});
    (void)link;
    while (slow_reader_left(&r) > 0 && slow_read_varint(&r) == 4) {
        uint32_t number = slow_read_u32(&r);
        if (!slow_reader_ok(&r) || number >= STATION_NUMBERS)
            return;
        s->got[number]++;
        s->got_in_all++;
    }
}
static void on_up(void *arg, sl_neighbour *n) {
    (void)n;
    ((station *)arg)->ups++;
}
static void on_changed(void *arg, sl_neighbour *n) {
    (void)n;
    ((station *)arg)->changes++;
}
static void on_down(void *arg, sl_neighbour *n, slow_link adjacency) {
    (void)n;
    (void)adjacency;
    ((station *)arg)->downs++;
}
static void on_message(void *arg, sl_neighbour *n, const char *protocol, slow_bytes message) {
    (void)arg;
    (void)n;
    (void)protocol;
    (void)message;
}
static void on_protocol(void *arg, sl_neighbour *n, const char *protocol) {
    (void)arg;
    (void)n;
    (void)protocol;
}
static void on_log(void *arg, int level, const char *who, const char *text) {
    station *s = arg;
    if (level > SLOW_LOG_WARN)
        return;
    s->worst = level < s->worst ? level : s->worst;
    snprintf(s->line, sizeof s->line, "%s: %s", who, text);
}

/* ---- stations ---- */

static slow_id id_of(const char *text) {
    slow_id id = {.size = 0};
    must(sl_id_set(&id, (slow_bytes){(const uint8_t *)text, strlen(text)}), "an id is no id");
    return id;
}

static sl_identity identity_of(uint8_t seed) {
    uint8_t bytes[SL_KEY_SIZE] = {seed, 'i', 'd'};
    sl_identity identity;
    sl_identity_from_seed(&identity, bytes);
    return identity;
}

sl_key station_key(uint8_t seed) {
    return identity_of(seed).key;
}

sl_member station_member(const char *id, uint8_t seed, uint8_t roles) {
    return (sl_member){.id = id_of(id), .key = station_key(seed), .roles = roles};
}

sl_grant station_grant(wire_net *net, uint8_t authority, const char *id, uint8_t seed, uint8_t roles, int64_t from_s,
                       int64_t until_s) {
    sl_identity signer = identity_of(authority);
    sl_loop *clock = sl_loop_virtual_new(net->world);
    int64_t now_s = (int64_t)(sl_wall_ms(clock) / 1000);
    sl_loop_free(clock);
    sl_certificate certificate = {.network = "net",
                                  .id = id_of(id),
                                  .grant = {.key = station_key(seed),
                                            .roles = roles,
                                            .not_before = (uint64_t)(now_s + from_s),
                                            .not_after = (uint64_t)(now_s + until_s)}};
    sl_certificate_sign(&certificate, &signer);
    return certificate.grant;
}

static void security_start(station *s, const station_setup *setup) {
    const slow_plugin *plugin = setup->security()->plugins[0];
    sl_instance_env env = {.loop = s->loop, .pool = s->pool, .log = &s->log};
    void *config = plugin->config_size > 0 ? calloc(1, plugin->config_size) : NULL;
    slow_error error = {.code = SLOW_OK};
    for (const slow_option *o = plugin->options; o != NULL && o->key != NULL; o++)
        if (strcmp(o->key, "network_key") == 0 && setup->network_key != NULL) { /* as the host reads it from its file */
            char *key = sl_secret_new(strlen(setup->network_key) + 1);
            must(key != NULL, "no memory");
            memcpy(key, setup->network_key, strlen(setup->network_key));
            *(char **)((char *)config + o->offset) = key;
        }
    if (sl_instance_new(plugin, config, config != NULL ? sl_option_free : NULL, &env, &s->security, &error) !=
            SLOW_OK ||
        sl_instance_start(s->security, &error) != SLOW_OK)
        must(false, error.text);
}

static void membership_start(station *s, const station_setup *setup) {
    s->identity = identity_of(setup->seed);
    sl_membership_setup m = {.identity = &s->identity,
                             .network = s->claim.network,
                             .id = &s->claim.id,
                             .members = setup->members,
                             .member_count = setup->member_count,
                             .listed = setup->members != NULL,
                             .authorities = setup->authority,
                             .authority_count = setup->authority != NULL,
                             .grant = setup->grant,
                             .revoked = setup->revoked,
                             .revoked_count = setup->revoked_count};
    if (setup->seed == 0)
        return;
    s->membership = sl_membership_new(s->loop, &s->stats, &m);
    must(s->membership != NULL, "no memory");
}

static void links_start(station *s, const station_setup *setup) {
    static const slow_codec_ops json = {.struct_size = sizeof json, .name = "json"};
    s->codec.ops = &json;
    sl_links_setup links = {.loop = s->loop,
                            .pool = s->pool,
                            .log = &s->log,
                            .stats = &s->stats,
                            .claim = &s->claim,
                            .codecs = &s->codec,
                            .codec_count = 1,
                            .security = sl_instance_ops(s->security),
                            .security_self = sl_instance_self(s->security),
                            .has_secret = setup->network_key != NULL,
                            .membership = s->membership,
                            .neighbour_events = {.arg = s,
                                                 .up = on_up,
                                                 .changed = on_changed,
                                                 .down = on_down,
                                                 .message = on_message,
                                                 .met = on_protocol,
                                                 .parted = on_protocol},
                            .bundle = on_bundle,
                            .arg = s};
    must(sl_links_init(&s->links, &links), "no memory");
    if (setup->renew_after != 0)
        s->links.joins.renew_after = setup->renew_after;
    s->services[0] = sl_links_services()[0];
    s->services[1] = (sl_service){STATION_ID, s};
    sl_instance_env env = {
        .loop = s->loop, .pool = s->pool, .log = &s->log, .services = s->services, .layer = &s->links};
    sl_instance *transport;
    must(sl_instance_new(&wire_plugin, NULL, NULL, &env, &transport, NULL) == SLOW_OK, "no transport");
    s->port = sl_links_add_port(&s->links, transport);
    must(s->port != NULL, "no memory");
}

station *station_start(wire_net *net, uint32_t place, const station_setup *setup) {
    station *s = calloc(1, sizeof *s);
    must(s != NULL && place < STATIONS && net->stations[place] == NULL, "no place");
    net->stations[place] = s;
    s->net = net;
    s->place = place;
    s->worst = SLOW_LOG_DEBUG;
    s->last_port = FIRST_DIAL + (uint32_t)(sl_world_now(net->world) / SL_MS % 50000);
    snprintf(s->address, sizeof s->address, "test://10.0.0.%u:1", (unsigned)place);
    s->loop = sl_loop_virtual_new(net->world);
    s->pool = sl_pool_new();
    must(s->loop != NULL && s->pool != NULL, "no memory");
    s->log = (sl_log){.sink = on_log, .arg = s, .level = SLOW_LOG_DEBUG};
    s->claim = (sl_claim){.version = setup->version != 0 ? setup->version : SL_LINK_VERSION,
                          .codecs = {.count = 1, .name = {"json"}},
                          .frame_max = 65535};
    s->claim.id = id_of(setup->id);
    snprintf(s->claim.network, sizeof s->claim.network, "%s", setup->network != NULL ? setup->network : "net");
    sl_entropy(s->loop, &s->claim.start, sizeof s->claim.start);
    security_start(s, setup);
    membership_start(s, setup);
    links_start(s, setup);
    return s;
}

void station_stop(station *s) {
    must(sl_links_free(&s->links) == 0, "the transport leaked");
    must(sl_instance_free(s->security) == 0, "the security plugin leaked");
    sl_membership_free(s->membership);
    sl_identity_wipe(&s->identity);
    must(sl_pool_bytes(s->pool) == 0, "packets leaked");
    sl_pool_free(s->pool);
    sl_loop_free(s->loop);
    s->net->stations[s->place] = NULL;
    free(s);
}

void station_join(station *s, const station *to) {
    must(sl_links_join(&s->links, s->port, to->address, 1000000, 0, NULL) == SLOW_OK, "no memory");
}

const sl_neighbour *station_neighbour(const station *s, const char *id) {
    slow_id wanted = id_of(id);
    const sl_neighbour *n = sl_neighbour_find(&s->links.neighbours, &wanted);
    return n != NULL && n->adjacency != 0 ? n : NULL;
}

bool station_send(station *s, const char *to, uint32_t number) {
    uint8_t record[5] = {4};
    const sl_neighbour *n = station_neighbour(s, to);
    slow_writer w = slow_writer_of(record + 1, 4);
    slow_write_u32(&w, number);
    return n != NULL && sl_link_put(n->best, 4, record, sizeof record, 1);
}

uint32_t station_links_up(const station *s) {
    uint32_t count = 0;
    for (uint32_t at = 0; (at = sl_slots_next(&s->links.links, at)) != 0;) {
        const sl_link *link = sl_links_get(&s->links, at);
        count += link->state == SL_LINK_UP && link->opened;
    }
    return count;
}

/* ---- the net ---- */

wire_net *wire_net_new(uint64_t seed) {
    wire_net *net = calloc(1, sizeof *net);
    must(net != NULL, "no memory");
    net->world = sl_world_new(seed);
    must(net->world != NULL, "no memory");
    net->latency_ns = SL_MS;
    sl_world_run(net->world, 1000 * SL_SECOND);
    return net;
}

void wire_net_free(wire_net *net) {
    for (uint32_t i = 0; i < STATIONS; i++)
        if (net->stations[i] != NULL)
            station_stop(net->stations[i]);
    sl_world_free(net->world);
    free(net->kept);
    free(net);
}

void wire_net_run(wire_net *net, slow_time duration) {
    sl_world_run(net->world, sl_world_now(net->world) + duration);
}
