#include "detour.h"
#include <stdlib.h>
#include <string.h>

static const slow_time LATE_LEAST_NS = 500 * SL_MS;

typedef struct copy {
    sim_node *node;
    slow_package package;
    uint8_t bytes[];
} copy;

static slow_bytes put(uint8_t **at, slow_bytes bytes) {
    slow_bytes here = {*at, bytes.size};
    if (bytes.size > 0)
        memcpy(*at, bytes.data, bytes.size);
    *at += bytes.size;
    return here;
}

static copy *copy_of(sim_node *node, const slow_package *package) {
    copy *c = malloc(sizeof *c + package->src.size + package->dst.size + package->hint.size + package->payload.size);
    if (c == NULL)
        abort();
    uint8_t *at = c->bytes;
    c->node = node;
    c->package = *package;
    c->package.src = put(&at, package->src);
    c->package.dst = put(&at, package->dst);
    c->package.hint = put(&at, package->hint);
    c->package.payload = put(&at, package->payload);
    return c;
}

static void arrive(void *arg) {
    copy *c = arg;
    c->node->local(c->node->junction, &c->package, NULL);
    free(c);
}

/* Its time has come, whoever is there now; one that stands still takes it when it goes on. */
static void come(void *arg) {
    copy *c = arg;
    sl_world *world = c->node->mesh->world;
    if (c->node->junction == NULL || !sl_world_at(world, c->node->loop, sl_world_now(world), arrive, free, c))
        free(c);
}

static void send_later(sim_node *node, const slow_package *package, slow_time delay_ns) {
    sl_world *world = node->mesh->world;
    copy *c = copy_of(node, package);
    if (!sl_world_at(world, NULL, sl_world_now(world) + delay_ns, come, free, c))
        free(c);
}

static uint64_t below(sim_detour *detour, uint64_t limit) {
    return limit == 0 ? 0 : sl_splitmix(&detour->random) % limit;
}

static bool chance(sim_detour *detour, uint32_t ppm) {
    return ppm > 0 && below(detour, 1000000) < ppm;
}

static bool divert(void *arg, sim_node *node, const slow_package *package) {
    sim_detour *detour = arg;
    const sim_package_faults *f = &detour->faults;
    slow_time now = sl_world_now(node->mesh->world);
    if (now < f->from_ns || now >= f->until_ns)
        return false;
    if (chance(detour, f->duplicate_ppm)) {
        detour->duplicated++;
        send_later(node, package, SL_MS + below(detour, f->jitter_ns));
    }
    if (chance(detour, f->late_ppm)) {
        detour->late++;
        send_later(node, package, LATE_LEAST_NS + below(detour, f->late_by_ns - LATE_LEAST_NS));
    }
    if (chance(detour, f->loss_ppm)) {
        detour->lost++;
        return true;
    }
    if (f->jitter_ns == 0)
        return false;
    send_later(node, package, below(detour, f->jitter_ns));
    return true;
}

void sim_detour_init(sim_detour *detour, sim_mesh *mesh, const sim_package_faults *faults, uint64_t seed) {
    *detour = (sim_detour){.mesh = mesh, .faults = *faults, .random = seed};
    if (faults->from_ns >= faults->until_ns)
        return;
    mesh->divert = divert;
    mesh->divert_arg = detour;
}
