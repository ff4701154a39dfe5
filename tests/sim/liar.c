/* liar.c - routing-liar: a member of a distance-vector mesh that lies, for the scenario of that name.
 *
 * It speaks the protocol's messages (message.h), and nothing of its sense. Every 50 ms, to each neighbour, it says one of:
 * of a junction that it has heard of, that it is next to it, with a sequence number or an epoch that nobody has given yet;
 * of one that is not, that it is there; an update of a handle that it has bound to nothing, or to something else before;
 * a request for what it does not want; and bytes that mean nothing. What others tell it is only where it has names from. */
#include "../../plugins/routing-distance-vector/message.h"
#include <slow/plugin.h>
#include <slow/routing.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_NS (50 * UINT64_C(1000000))
enum { HEARD_MAX = 64, NEIGHBOURS_MAX = 64, RECORDS = 12 };

struct liar {
    const slow_host *host;
    const slow_routing_host *routing;
    slow_timer *timer;
    slow_link links[NEIGHBOURS_MAX];
    uint32_t link_count, heard_count;
    slow_id heard[HEARD_MAX];
    struct dv_word words[HEARD_MAX]; /* the newest that it was told */
};

static uint64_t draw(struct liar *liar, uint64_t below) {
    return liar->host->random(liar->host) % below;
}

/* ---- names */

static slow_status message(void *self, slow_link from, slow_bytes bytes) {
    struct liar *liar = self;
    slow_reader in = slow_reader_of(bytes);
    struct dv_record record;
    (void)from;
    while (dv_record_read(&in, &record)) {
        uint32_t at = 0;
        if (record.kind != DV_ORIGIN)
            continue;
        while (at < liar->heard_count && (liar->heard[at].size != record.id.size ||
                                          memcmp(liar->heard[at].text, record.id.data, record.id.size) != 0))
            at++;
        if (at == HEARD_MAX)
            continue;
        liar->heard_count += at == liar->heard_count;
        liar->heard[at] = (slow_id){.size = (uint8_t)record.id.size};
        memcpy(liar->heard[at].text, record.id.data, record.id.size);
        liar->words[at] = record.word;
    }
    return SLOW_OK;
}

/* ---- lies */

static slow_id ghost(struct liar *liar) {
    slow_id id = {.size = 8};
    for (uint8_t i = 0; i < id.size; i++)
        id.text[i] = (char)('a' + draw(liar, 26));
    return id;
}

static void lie(struct liar *liar, slow_writer *out) {
    slow_id id = ghost(liar);
    struct dv_record record = {.kind = (enum dv_kind)(DV_ORIGIN + draw(liar, 4)),
                               .handle = (uint32_t)draw(liar, draw(liar, 2) == 0 ? 100 : DV_HANDLES),
                               .ttl = (uint8_t)draw(liar, 256)};
    record.word = (struct dv_word){{1600000000000 + draw(liar, 1000000), (uint32_t)draw(liar, 1000)}, 1};
    if (liar->heard_count > 0 && draw(liar, 4) != 0) {
        uint32_t known = (uint32_t)draw(liar, liar->heard_count);
        id = liar->heard[known];
        record.word = liar->words[known];
        record.word.stamp.seq += (uint32_t)draw(liar, 3);
        record.word.stamp.epoch += draw(liar, 8) == 0;
        record.word.metric = (uint32_t)draw(liar, 50);
    }
    record.id = (slow_bytes){(const uint8_t *)id.text, id.size};
    dv_record_write(out, &record);
}

static void talk(struct liar *liar, slow_link to) {
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    slow_writer out = slow_writer_of(bytes, sizeof bytes);
    for (int i = 0; i < RECORDS; i++)
        lie(liar, &out);
    size_t size = slow_writer_size(&out);
    if (draw(liar, 10) == 0 && size > 0) /* and nonsense */
        for (int i = 0; i < 4; i++)
            bytes[draw(liar, size)] = (uint8_t)draw(liar, 256);
    liar->routing->send(liar->host, to, (slow_bytes){bytes, size});
}

static void fire(void *arg) {
    struct liar *liar = arg;
    for (uint32_t i = 0; i < liar->link_count; i++)
        talk(liar, liar->links[i]);
    liar->host->timer_at(liar->timer, liar->host->now(liar->host) + EVERY_NS);
}

/* ---- neighbours */

static void neighbour_up(void *self, const slow_neighbour *neighbour) {
    struct liar *liar = self;
    if (liar->link_count < NEIGHBOURS_MAX)
        liar->links[liar->link_count++] = neighbour->link;
}

static void neighbour_changed(void *self, const slow_neighbour *neighbour) {
    (void)self;
    (void)neighbour;
}

static void neighbour_down(void *self, slow_link link) {
    struct liar *liar = self;
    for (uint32_t i = 0; i < liar->link_count; i++)
        if (liar->links[i] == link)
            liar->links[i] = liar->links[--liar->link_count];
}

/* ---- the plugin */

static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    struct liar *liar = calloc(1, sizeof *liar);
    (void)config;
    (void)error;
    if (liar == NULL)
        return SLOW_E_NOMEM;
    liar->host = host;
    liar->routing = host->service(host, SLOW_ROUTING_HOST_ID);
    liar->timer = host->timer_new(host, fire, liar);
    if (liar->timer == NULL) {
        free(liar);
        return SLOW_E_NOMEM;
    }
    *self = liar;
    return SLOW_OK;
}

static slow_status start(void *self, slow_error *error) {
    struct liar *liar = self;
    (void)error;
    liar->host->timer_at(liar->timer, liar->host->now(liar->host) + EVERY_NS);
    return SLOW_OK;
}

static void destroy(void *self) {
    struct liar *liar = self;
    liar->host->timer_free(liar->timer);
    free(liar);
}

static const slow_routing_ops ops = {
    .struct_size = sizeof ops,
    .protocol = "distance-vector/1",
    .neighbour_up = neighbour_up,
    .neighbour_changed = neighbour_changed,
    .neighbour_down = neighbour_down,
    .message = message,
};

static const slow_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = SLOW_ROUTING,
    .id = "routing-liar",
    .version = "1.0.0",
    .summary = "Lies in the distance vector's protocol; for tests",
    .license = "MIT",
    .create = create,
    .start = start,
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

SLOW_MODULE(routing_liar, &module)
