#include "strategy_script.h"
#include "core/instance.h"
#include "core/loop_virtual.h"
#include <slow/routing.h>
#include <slow/wire.h>
#include <stdlib.h>
#include <string.h>

struct junction {
    const script_strategy *strategy;
    sl_world *world;
    sl_instance *instance;
    const slow_routing_ops *ops;
    const slow_routing_inspect *inspect;
    void *self;
    slow_id id;
    slow_link links[SCRIPT_NEIGHBOURS], last_link; /* 0 = down */
    unsigned offers;
    bool identities, again[SCRIPT_NEIGHBOURS]; /* again: it is to go down and come up */
    uint8_t revoked;                           /* what proofs begin with that are true no more */
};

static struct junction *junction_of(const slow_host *host) {
    return sl_instance_layer(host);
}

void script_must(bool holds) {
    if (!holds)
        abort();
}

static bool is_up(const struct junction *j, slow_link link) {
    for (int i = 0; i < SCRIPT_NEIGHBOURS; i++)
        if (j->links[i] == link)
            return link != 0;
    return false;
}

static const slow_id *host_self(const slow_host *host) {
    return &junction_of(host)->id;
}

static uint64_t host_epoch(const slow_host *host) {
    (void)host;
    return 1000;
}

static slow_status host_send(const slow_host *host, slow_link to, slow_bytes message) {
    const struct junction *j = junction_of(host);
    script_must(is_up(j, to) && message.size > 0 && message.size <= SLOW_ROUTE_MESSAGE_MAX);
    script_must(j->strategy->readable(message));
    return SLOW_OK;
}

static slow_status host_offer(const slow_host *host, const slow_id *dst, const slow_route *routes, size_t n) {
    struct junction *j = junction_of(host);
    j->offers++;
    script_must(memcmp(dst, &j->id, sizeof *dst) != 0);
    for (size_t i = 0; i < n; i++)
        script_must(is_up(j, routes[i].via) && routes[i].metric != SLOW_METRIC_INFINITY);
    return SLOW_OK;
}

static slow_status host_sign(const slow_host *host, slow_bytes statement, slow_bytes *proof) {
    script_must(statement.size > 0);
    *proof = (slow_bytes){(const uint8_t *)"ours", junction_of(host)->identities ? 4 : 0};
    return SLOW_OK;
}

static bool host_verify(const slow_host *host, const slow_id *origin, uint64_t epoch, slow_bytes statement,
                        slow_bytes proof) {
    (void)epoch;
    uint8_t revoked = junction_of(host)->revoked;
    script_must(origin->size > 0 && origin->size <= SLOW_ID_MAX && statement.size > 0);
    return !junction_of(host)->identities || (proof.size > 0 && proof.data[0] != 'x' && proof.data[0] != revoked);
}

static bool host_is_leaf(const slow_host *host) {
    (void)host;
    return false;
}

static void host_say_again(const slow_host *host, slow_link link) {
    struct junction *j = junction_of(host);
    script_must(is_up(j, link));
    for (int i = 0; i < SCRIPT_NEIGHBOURS; i++)
        j->again[i] |= j->links[i] == link;
}

static const slow_routing_host routing_host = {
    .struct_size = sizeof routing_host,
    .self = host_self,
    .epoch = host_epoch,
    .send = host_send,
    .offer = host_offer,
    .sign = host_sign,
    .verify = host_verify,
    .is_leaf = host_is_leaf,
    .say_again = host_say_again,
};

static void message(struct junction *j, int from, slow_bytes bytes) {
    if (j->links[from] == 0)
        return;
    unsigned offers = j->offers;
    size_t destinations = j->inspect->destinations(j->self), memory = j->inspect->memory(j->self);
    slow_status status = j->ops->message(j->self, j->links[from], bytes);
    script_must(status == SLOW_OK || status == SLOW_E_MALFORMED);
    if (status == SLOW_E_MALFORMED)
        script_must(j->offers == offers && j->inspect->destinations(j->self) == destinations &&
                    j->inspect->memory(j->self) == memory);
    j->strategy->check(j->strategy->plugin, j->self, j->inspect->destinations(j->self));
}

static void link_up(struct junction *j, int which, uint64_t flags) {
    if (j->links[which] != 0)
        return;
    j->links[which] = ++j->last_link;
    slow_neighbour neighbour = {
        .link = j->links[which], .cost = 50, .mtu = 1400, .id = {.size = 1, .text = "n"}, .flags = flags};
    j->ops->neighbour_up(j->self, &neighbour);
}

static void link_down(struct junction *j, int which) {
    slow_link link = j->links[which];
    j->links[which] = 0;
    if (link != 0)
        j->ops->neighbour_down(j->self, link);
}

static void link_cost(struct junction *j, int which, uint32_t cost) {
    slow_neighbour neighbour = {.link = j->links[which], .cost = cost, .mtu = 1400, .id = {.size = 1, .text = "n"}};
    if (neighbour.link != 0)
        j->ops->neighbour_changed(j->self, &neighbour);
}

static void say_again(struct junction *j) {
    for (int i = 0; i < SCRIPT_NEIGHBOURS; i++) {
        bool again = j->again[i] && j->links[i] != 0;
        j->again[i] = false;
        if (!again)
            continue;
        link_down(j, i);
        link_up(j, i, 0);
    }
}

static void play(struct junction *j, slow_reader *in) {
    int present = 0;
    while (slow_reader_left(in) > 0) {
        uint8_t code = slow_read_u8(in);
        if (code < 0x80) {
            size_t size = slow_reader_left(in) < code ? slow_reader_left(in) : code;
            message(j, present, (slow_bytes){slow_read_bytes(in, size), size});
        } else if (code < 0x84) {
            present = code - 0x80;
        } else if (code == 0x84) {
            link_up(j, present, 0);
        } else if (code == 0x85) {
            link_down(j, present);
        } else if (code == 0x86) {
            sl_world_run(j->world, sl_world_now(j->world) + slow_read_u8(in) * 50 * SL_MS);
        } else if (code == 0x88) {
            link_up(j, present, SLOW_NEIGHBOUR_LEAF);
        } else if (code == 0x89) {
            j->revoked = slow_read_u8(in);
            j->ops->trust_changed(j->self);
        } else {
            link_cost(j, present, slow_read_u8(in) + 1u);
        }
        say_again(j);
    }
}

static void play_once(const script_strategy *strategy, slow_bytes script, bool identities) {
    static const sl_service services[] = {{SLOW_ROUTING_HOST_ID, &routing_host}, {NULL, NULL}};
    const slow_plugin *plugin = strategy->plugin;
    struct junction j = {
        .strategy = strategy, .world = sl_world_new(1), .id = {.size = 2, .text = "me"}, .identities = identities};
    sl_loop *loop = sl_loop_virtual_new(j.world);
    sl_pool *pool = sl_pool_new();
    sl_log log = {.sink = NULL};
    sl_instance_env env = {.loop = loop, .pool = pool, .log = &log, .services = services, .layer = &j};
    slow_error error;
    script_must(plugin->config_size == strategy->config_size);
    script_must(sl_instance_new(plugin, strategy->config, NULL, &env, &j.instance, &error) == SLOW_OK);
    j.ops = sl_instance_ops(j.instance);
    j.self = sl_instance_self(j.instance);
    j.inspect = plugin->extension(j.self, SLOW_ROUTING_INSPECT_ID);
    script_must(sl_instance_start(j.instance, &error) == SLOW_OK);
    link_up(&j, 0, 0);
    link_up(&j, 1, 0);
    slow_reader in = slow_reader_of(script);
    play(&j, &in);
    sl_world_run(j.world, sl_world_now(j.world) + 60 * SL_SECOND);
    script_must(sl_instance_free(j.instance) == 0);
    sl_loop_free(loop);
    sl_world_free(j.world);
    sl_pool_free(pool);
}

void script_play(const script_strategy *strategy, slow_bytes script) {
    play_once(strategy, script, false);
    play_once(strategy, script, true);
}
