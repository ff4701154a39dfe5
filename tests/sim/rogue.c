#include "rogue.h"
#include <stdlib.h>
#include <string.h>

#define EVERY_NS (100 * UINT64_C(1000000))
enum { GUSH_MESSAGES = 20, GUSH_RECORDS = 5 };

struct config {
    int64_t lie;
};

uint64_t rogue_draw(struct rogue *rogue, uint64_t below) {
    return rogue->real->random(rogue->real) % below;
}

slow_id rogue_ghost(struct rogue *rogue) {
    slow_id id = {.size = 8};
    for (uint8_t i = 0; i < id.size; i++)
        id.text[i] = (char)('a' + rogue_draw(rogue, 26));
    return id;
}

void rogue_send(struct rogue *rogue, slow_link to, slow_writer *message) {
    uint8_t *start = message->start;
    if (slow_writer_size(message) > 0)
        rogue->real_routing->send(rogue->real, to, (slow_bytes){start, slow_writer_size(message)});
}

bool rogue_is_self(const struct rogue *rogue, slow_bytes id) {
    const slow_id *self = rogue->real_routing->self(rogue->real);
    return self->size == id.size && memcmp(self->text, id.data, id.size) == 0;
}

/* ---- what is heard ---- */

static struct rogue_heard *heard_of(struct rogue *rogue, slow_bytes id) {
    for (uint32_t i = 0; i < rogue->heard_count; i++)
        if (rogue->heard[i].id.size == id.size && memcmp(rogue->heard[i].id.text, id.data, id.size) == 0)
            return &rogue->heard[i];
    if (rogue->heard_count == ROGUE_HEARD)
        return NULL;
    struct rogue_heard *heard = &rogue->heard[rogue->heard_count++];
    *heard = (struct rogue_heard){.id = {.size = (uint8_t)id.size}};
    memcpy(heard->id.text, id.data, id.size);
    return heard;
}

void rogue_keep(struct rogue *rogue, slow_bytes id, uint64_t epoch, uint32_t seq, slow_bytes record) {
    struct rogue_heard *heard = rogue_is_self(rogue, id) || record.size > ROGUE_KEPT ? NULL : heard_of(rogue, id);
    if (heard == NULL || epoch < heard->epoch || (epoch == heard->epoch && seq <= heard->seq))
        return;
    if (heard->size > 0 && epoch > heard->epoch) {
        memcpy(heard->old, heard->record, heard->size);
        heard->old_size = heard->size;
    }
    memcpy(heard->record, record.data, record.size);
    heard->size = (uint16_t)record.size;
    heard->epoch = epoch;
    heard->seq = seq;
}

/* ---- what is said ---- */

static void talk(struct rogue *rogue, slow_link to) {
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    slow_writer out = slow_writer_of(bytes, sizeof bytes);
    for (int i = 0; rogue->lie == ROGUE_FLOOD && i < GUSH_MESSAGES; i++) {
        out = slow_writer_of(bytes, sizeof bytes);
        for (int k = 0; k < GUSH_RECORDS; k++)
            rogue_gush(rogue, &out);
        rogue_send(rogue, to, &out);
    }
    if (rogue->lie == ROGUE_FLOOD || rogue->heard_count == 0)
        return;
    rogue_tell(rogue, &rogue->heard[rogue_draw(rogue, rogue->heard_count)], &out);
    rogue_send(rogue, to, &out);
}

static void fire(void *arg) {
    struct rogue *rogue = arg;
    for (uint32_t i = 0; i < rogue->link_count; i++)
        talk(rogue, rogue->links[i]);
    rogue->real->timer_at(rogue->timer, rogue->real->now(rogue->real) + EVERY_NS);
}

/* ---- between the honest one and its host ---- */

static struct rogue *rogue_of(const slow_host *host) {
    return (struct rogue *)(void *)host;
}

static const void *service(const slow_host *host, const char *id) {
    struct rogue *rogue = rogue_of(host);
    return strcmp(id, SLOW_ROUTING_HOST_ID) == 0 ? &rogue->routing : rogue->real->service(rogue->real, id);
}

static slow_status send_on(const slow_host *host, slow_link to, slow_bytes message) {
    struct rogue *rogue = rogue_of(host);
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    slow_writer out = slow_writer_of(bytes, sizeof bytes);
    if (rogue->lie != ROGUE_INFINITE_METRIC && rogue->lie != ROGUE_ZERO_METRIC)
        return rogue->real_routing->send(rogue->real, to, message);
    rogue_rewrite(rogue, message, &out);
    return rogue->real_routing->send(rogue->real, to, (slow_bytes){bytes, slow_writer_size(&out)});
}

/* The host knows a strategy by the very table that it gave. */
static const slow_id *self_of(const slow_host *host) {
    return rogue_of(host)->real_routing->self(rogue_of(host)->real);
}

static uint64_t epoch_of(const slow_host *host) {
    return rogue_of(host)->real_routing->epoch(rogue_of(host)->real);
}

static slow_status offer(const slow_host *host, const slow_id *dst, const slow_route *routes, size_t n) {
    return rogue_of(host)->real_routing->offer(rogue_of(host)->real, dst, routes, n);
}

static slow_status sign(const slow_host *host, slow_bytes statement, slow_bytes *proof) {
    return rogue_of(host)->real_routing->sign(rogue_of(host)->real, statement, proof);
}

static bool verify(const slow_host *host, const slow_id *origin, uint64_t epoch, slow_bytes statement,
                   slow_bytes proof) {
    return rogue_of(host)->real_routing->verify(rogue_of(host)->real, origin, epoch, statement, proof);
}

static bool is_leaf(const slow_host *host) {
    return rogue_of(host)->real_routing->is_leaf(rogue_of(host)->real);
}

static void say_again(const slow_host *host, slow_link link) {
    rogue_of(host)->real_routing->say_again(rogue_of(host)->real, link);
}

static const slow_routing_ops *honest_ops(const struct rogue *rogue) {
    return rogue->honest->ops;
}

static slow_status message(void *self, slow_link from, slow_bytes bytes) {
    struct rogue *rogue = self;
    rogue_hear(rogue, bytes);
    return honest_ops(rogue)->message(rogue->self, from, bytes);
}

static void neighbour_up(void *self, const slow_neighbour *neighbour) {
    struct rogue *rogue = self;
    if (rogue->link_count < ROGUE_LINKS)
        rogue->links[rogue->link_count++] = neighbour->link;
    honest_ops(rogue)->neighbour_up(rogue->self, neighbour);
}

static void neighbour_changed(void *self, const slow_neighbour *neighbour) {
    struct rogue *rogue = self;
    honest_ops(rogue)->neighbour_changed(rogue->self, neighbour);
}

static void neighbour_down(void *self, slow_link link) {
    struct rogue *rogue = self;
    for (uint32_t i = 0; i < rogue->link_count; i++)
        if (rogue->links[i] == link)
            rogue->links[i] = rogue->links[--rogue->link_count];
    honest_ops(rogue)->neighbour_down(rogue->self, link);
}

static void trust_changed(void *self) {
    struct rogue *rogue = self;
    honest_ops(rogue)->trust_changed(rogue->self);
}

/* ---- the plugin ---- */

static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    struct rogue *rogue = calloc(1, sizeof *rogue);
    if (rogue == NULL)
        return SLOW_E_NOMEM;
    rogue->host = *host;
    rogue->host.service = service;
    rogue->real = host;
    rogue->real_routing = host->service(host, SLOW_ROUTING_HOST_ID);
    rogue->routing = (slow_routing_host){.struct_size = sizeof rogue->routing,
                                         .self = self_of,
                                         .epoch = epoch_of,
                                         .send = send_on,
                                         .offer = offer,
                                         .sign = sign,
                                         .verify = verify,
                                         .is_leaf = is_leaf,
                                         .say_again = say_again};
    rogue->honest = rogue_honest();
    rogue->lie = (enum rogue_lie)((const struct config *)config)->lie;
    rogue->timer = host->timer_new(host, fire, rogue);
    slow_status status = rogue->timer == NULL ? SLOW_E_NOMEM : SLOW_OK;
    if (status == SLOW_OK)
        status = rogue->honest->create(&rogue->host, rogue_honest_config(), &rogue->self, error);
    if (status == SLOW_OK) {
        *self = rogue;
        return SLOW_OK;
    }
    host->timer_free(rogue->timer);
    free(rogue);
    return status;
}

static slow_status start(void *self, slow_error *error) {
    struct rogue *rogue = self;
    rogue->real->timer_at(rogue->timer, rogue->real->now(rogue->real) + EVERY_NS);
    return rogue->honest->start != NULL ? rogue->honest->start(rogue->self, error) : SLOW_OK;
}

static void leave(void *self) {
    struct rogue *rogue = self;
    if (rogue->honest->leave != NULL)
        rogue->honest->leave(rogue->self);
}

static void stop(void *self) {
    struct rogue *rogue = self;
    rogue->real->timer_stop(rogue->timer);
    if (rogue->honest->stop != NULL)
        rogue->honest->stop(rogue->self);
}

static void destroy(void *self) {
    struct rogue *rogue = self;
    rogue->honest->destroy(rogue->self);
    rogue->real->timer_free(rogue->timer);
    free(rogue);
}

static const char *const lies[] = {"false-id", "false-number", "infinite-metric", "zero-metric", "replay", "flood",
                                   NULL};

static const slow_option options[] = {
    {.key = "lie",
     .type = SLOW_OPT_ENUM,
     .flags = SLOW_OPT_REQUIRED,
     .offset = offsetof(struct config, lie),
     .choices = lies,
     .help = "what it lies about"},
    {.key = NULL},
};

static const slow_routing_ops ops = {
    .struct_size = sizeof ops,
    .protocol = ROGUE_PROTOCOL,
    .neighbour_up = neighbour_up,
    .neighbour_changed = neighbour_changed,
    .neighbour_down = neighbour_down,
    .trust_changed = trust_changed,
    .message = message,
};

static const slow_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = SLOW_ROUTING,
    .id = ROGUE_ID,
    .version = "1.0.0",
    .summary = "A member that lies beside its strategy; for tests",
    .license = "MIT",
    .options = options,
    .config_size = sizeof(struct config),
    .create = create,
    .start = start,
    .leave = leave,
    .stop = stop,
    .destroy = destroy,
    .ops = &ops,
};

static const slow_plugin *const plugins[] = {&plugin, NULL};
static const slow_module module = {
    .struct_size = sizeof module,
    .abi_major = SLOW_ABI_MAJOR,
    .abi_minor_required = SLOW_ABI_MINOR,
    .build = __VERSION__,
    .plugins = plugins,
};

SLOW_MODULE(routing_rogue, &module)
