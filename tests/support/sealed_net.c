#include "sealed_net.h"
#include "core/module.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const slow_module *slow_module_v1_security_noise(void);

static const sl_log no_log = {.level = SLOW_LOG_ERROR};

slow_id id_of(const char *text) {
    slow_id id;
    assert_true(sl_id_set(&id, (slow_bytes){(const uint8_t *)text, strlen(text)}));
    return id;
}

slow_bytes kept(uint8_t *room, slow_bytes bytes) {
    if (bytes.size > 0)
        memcpy(room, bytes.data, bytes.size);
    return (slow_bytes){room, bytes.size};
}

letter *letter_of(const slow_package *package) {
    letter *l = calloc(1, sizeof *l);
    l->package = *package;
    l->package.src = kept(l->src, package->src);
    l->package.dst = kept(l->dst, package->dst);
    l->package.payload = kept(l->payload, package->payload);
    return l;
}

node *node_of(net *t, slow_bytes id) {
    for (uint32_t i = 0; i < t->count; i++)
        if (!t->nodes[i].away && sl_id_is(&t->nodes[i].id, id.data, id.size))
            return &t->nodes[i];
    return NULL;
}

void hear(net *t, const slow_package *package) {
    node *to = node_of(t, package->dst);
    if (to != NULL)
        sl_peers_receive(&to->peers, package, NULL);
}

typedef struct journey {
    net *net;
    letter *letter;
} journey;

static void arrive(void *arg) {
    journey *j = arg;
    hear(j->net, &j->letter->package);
    free(j->letter);
    free(j);
}

static void lost(void *arg) {
    free(((journey *)arg)->letter);
    free(arg);
}

void post_in(net *t, letter *l, slow_time after) {
    node *to = node_of(t, l->package.dst);
    journey *j = malloc(sizeof *j);
    *j = (journey){t, l};
    if (to == NULL || !sl_world_at(t->world, to->loop, sl_world_now(t->world) + after, arrive, lost, j))
        lost(j);
}

void post(net *t, letter *l) {
    post_in(t, l, t->latency);
}

bool has_canary(slow_bytes bytes) {
    return bytes.size >= 8 && memmem(bytes.data, bytes.size, CANARY, 8) != NULL;
}

bool opens(const slow_package *p) {
    return p->type == SLOW_CONTROL && p->kind >= SL_KIND_KNOCK && p->kind <= SL_KIND_OPEN3;
}

static slow_status on_send(void *arg, const slow_id *dst, slow_package *package, uint64_t session, uint64_t packet,
                           const sl_way *way) {
    (void)way;
    node *n = arg;
    net *t = n->net;
    (void)dst;
    slow_package sent = *package;
    sent.src = sl_id_bytes(&n->id);
    sent.dst = sl_id_bytes(dst);
    sent.session = session;
    sent.packet = packet;
    sent.hops = 1;
    sent.hop_limit = 64;
    letter *l = letter_of(&sent);
    t->plain += package->type != SLOW_SEALED && !opens(package);
    t->sealed += package->type == SLOW_SEALED;
    t->hits += has_canary(package->payload);
    if (t->taped < TAPE)
        t->tape[t->taped++] = letter_of(&sent);
    if (t->relay != NULL && !t->relay(t, l))
        free(l);
    else
        post(t, l);
    return SLOW_OK;
}

static void on_outcome(void *arg, const sl_result *result) {
    node *n = arg;
    n->delivered += result->outcome == SL_DELIVERED;
    n->not_delivered += result->outcome == SL_NOT_DELIVERED;
    n->unknown += result->outcome == SL_UNKNOWN;
    n->reason = result->reason;
    n->opening = result->opening;
}

static void on_released(void *arg, const slow_id *peer, size_t bytes) {
    (void)arg;
    (void)peer;
    (void)bytes;
}

static void on_offer(void *arg, const sl_message *message) {
    node *n = arg;
    n->taken++;
    n->taken_bytes += message->payload.size;
    sl_peers_held(&n->peers, message->arrival);
    sl_peers_taken(&n->peers, message->arrival);
}

static bool on_withdraw(void *arg, sl_arrival *arrival) {
    (void)arg;
    (void)arrival;
    return false;
}

static void on_opened(void *arg) {
    (void)arg;
}

static void on_once(void *arg, const slow_package *package) {
    (void)package;
    ((node *)arg)->once++;
}

static const uint8_t key[SL_HASH_KEY] = "0123456789abcde";

static const slow_security_ops *ops_of(const node *n) {
    return sl_instance_ops(n->instance);
}

sl_pair_seal_env env_of(const node *n) {
    return (sl_pair_seal_env){.security = ops_of(n),
                              .security_self = sl_instance_self(n->instance),
                              .membership = n->membership,
                              .network = "net",
                              .self = &n->id};
}

static void free_config(const slow_plugin *plugin, void *config) {
    (void)plugin;
    free(config);
}

/* A process begins: with a fresh static key, and no memory of pairs. */
static void node_start(node *n, bool sealed) {
    sl_peers_events events = {.arg = n,
                              .send = on_send,
                              .outcome = on_outcome,
                              .released = on_released,
                              .offer = on_offer,
                              .withdraw = on_withdraw,
                              .opened = on_opened,
                              .once = on_once};
    n->instance = NULL;
    assert_int_equal(sl_peers_init(&n->peers, n->loop, &n->stats, &n->id, key, &events), SLOW_OK);
    if (!sealed)
        return;
    const slow_plugin *plugin = slow_module_v1_security_noise()->plugins[0];
    sl_instance_env env = {.loop = n->loop, .pool = n->pool, .log = &no_log};
    slow_error error;
    assert_int_equal(sl_instance_new(plugin, calloc(1, plugin->config_size), free_config, &env, &n->instance, &error),
                     SLOW_OK);
    assert_int_equal(sl_instance_start(n->instance, &error), SLOW_OK);
    sl_pair_seal_env seal = env_of(n);
    sl_peers_seal(&n->peers, &seal, &no_log);
}

static void node_stop(node *n) {
    sl_peers_free(&n->peers);
    assert_int_equal(n->peers.budget.used, 0);
    assert_int_equal(sl_instance_free(n->instance), 0);
}

void restart(node *n) {
    node_stop(n);
    node_start(n, true);
}

/* The members that all know: "a" to "d", whose identities are made of their letter. */
static sl_identity identity_of(char letter_) {
    uint8_t seed[SL_KEY_SIZE];
    sl_identity identity;
    memset(seed, letter_, sizeof seed);
    sl_identity_from_seed(&identity, seed);
    return identity;
}

node *node_new(net *t, const char *id, char identity, bool sealed) {
    node *n = &t->nodes[t->count++];
    sl_member members[NODES];
    *n = (node){.net = t, .id = id_of(id), .loop = sl_loop_virtual_new(t->world), .pool = sl_pool_new()};
    n->identity = identity_of(identity);
    for (int i = 0; i < NODES; i++) {
        const char name[2] = {(char)('a' + i), 0};
        members[i] = (sl_member){.id = id_of(name), .key = identity_of(name[0]).key, .roles = SL_ROLE_RELAY};
    }
    sl_membership_setup setup = {.identity = &n->identity,
                                 .network = "net",
                                 .id = &n->id,
                                 .members = members,
                                 .member_count = NODES,
                                 .listed = true};
    n->membership = sl_membership_new(n->loop, &n->stats, &setup);
    assert_non_null(n->membership);
    node_start(n, sealed);
    return n;
}

int set_up(void **state) {
    const char *text = getenv("SLOW_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 1;
    net *t = calloc(1, sizeof *t);
    print_message("seed %" PRIu64 "\n", seed);
    t->world = sl_world_new(seed);
    t->latency = 10 * SL_MS;
    sl_world_run(t->world, 1000 * SL_SECOND);
    *state = t;
    return t->world == NULL;
}

int tear_down(void **state) {
    net *t = *state;
    t->relay = NULL;
    for (uint32_t i = 0; i < t->count; i++) {
        node_stop(&t->nodes[i]);
        sl_membership_free(t->nodes[i].membership);
        sl_loop_free(t->nodes[i].loop);
        sl_pool_free(t->nodes[i].pool);
    }
    sl_world_free(t->world);
    for (uint32_t i = 0; i < t->taped; i++)
        free(t->tape[i]);
    free(t);
    return 0;
}

void run(net *t, slow_time for_ns) {
    sl_world_run(t->world, sl_world_now(t->world) + for_ns);
}

void send_for(node *from, const slow_id *to, size_t size, slow_time ttl_ns) {
    sl_outgoing *out = calloc(1, sizeof *out + size);
    for (size_t i = 0; i < size; i++)
        out->bytes[i] = (uint8_t)CANARY[i % sizeof CANARY];
    out->message = (sl_message){
        .peer = *to, .type = SLOW_BINARY, .flags = SLOW_RELIABLE, .ttl_ns = ttl_ns, .payload = {out->bytes, size}};
    assert_int_equal(sl_peers_send(&from->peers, out), SLOW_OK);
}

void send_to(node *from, const slow_id *to, size_t size) {
    send_for(from, to, size, SL_TTL_NS);
}

slow_status send_once(node *from, const slow_id *to) {
    slow_package package = {
        .type = SLOW_BINARY, .total = sizeof CANARY, .payload = {(const uint8_t *)CANARY, sizeof CANARY}};
    return sl_peers_send_once(&from->peers, to, &package, sl_now(from->loop) + 5 * SL_SECOND);
}

void pair(net *t, node *a, node *b) {
    send_to(a, &b->id, 1);
    run(t, SL_SECOND);
    assert_int_equal(a->peers.pairs, 1);
    assert_int_equal(b->peers.pairs, 1);
}

void replay(net *t) {
    uint32_t taped = t->taped;
    for (uint32_t i = 0; i < taped; i++)
        hear(t, &t->tape[i]->package);
}
