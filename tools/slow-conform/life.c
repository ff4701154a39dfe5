/* The lives of instances: what every plugin is held to whatever its kind, on a working day that its kind's suite gives.
 *
 * Leaks are judged by growth from life to life, not by what is left after the first: a library may keep something for the
 * process. And a life in which an allocation is refused may leave no more than an undisturbed one, so that each fault shows in
 * one test. */
#include "alloc.h"
#include "conform.h"
#include "elf_file.h"
#include "image.h"
#include "core/log.h"
#include <link.h>
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIVES = 1000,
    LEAK_LIVES = 10,
    WARM_LIVES = 3,
    REFUSALS_MAX = 1200, /* more are taken at even distances */
    VISITS = 60,
};

/* A whole life of two instances; what they have left is added up. */
static conform_left live(conform *c, uint64_t seed, uint64_t *trace) {
    conform_instance pair[2];
    conform_pair_begin(c, pair, seed);
    c->kind->exercise(c, pair);
    conform_pair_end(pair);
    if (trace != NULL)
        *trace = pair[0].host.trace * 31 + pair[1].host.trace;
    return (conform_left){pair[0].left.timers + pair[1].left.timers, pair[0].left.packets + pair[1].left.packets,
                          pair[0].left.watches + pair[1].left.watches};
}

/* ---- the cycle ---- */

static void reconfigure(conform *c, conform_instance *instance) {
    slow_error error = {0};
    slow_status status = SLOW_OK;
    if (SLOW_HAS(c->plugin, reconfigure))
        CONFORM_CALL(c, "reconfigure()", status = c->plugin->reconfigure(instance->self, c->config, &error));
    if (status != SLOW_OK && status != SLOW_E_RESTART)
        conform_fail(c, "slow/plugin.h, slow_plugin.reconfigure()",
                     "SLOW_OK, or SLOW_E_RESTART when it cannot be applied live",
                     "gave %d (%s) for the config that it has", (int)status, sl_status_text(status));
    if (status != SLOW_OK && error.text[0] == '\0')
        conform_fail(c, "slow/plugin.h, slow_plugin.reconfigure()",
                     "an error text is filled in whenever the status is not SLOW_OK",
                     "gave SLOW_E_RESTART and no text");
}

static void life_goes_round(conform *c) {
    c->create_is_watched = true;
    for (unsigned i = 0; i < LIVES; i++) {
        conform_instance instance;
        slow_error error;
        conform_note(c, "in life %u of %d", i + 1, LIVES);
        if (conform_create(c, &instance, c->config, c->seed + i, &error) != SLOW_OK)
            conform_fail(c, "slow/plugin.h, slow_plugin.create()", "instances come and go", "failed: %s", error.text);
        if (i % 3 == 1) { /* one that is never started is stopped by nobody, and destroyed all the same */
            conform_end(&instance);
            continue;
        }
        if (conform_start(&instance, &error) != SLOW_OK)
            conform_fail(c, "slow/plugin.h, slow_plugin.start()", "instances come and go", "failed: %s", error.text);
        if (i % 3 == 2)
            reconfigure(c, &instance);
        conform_turn(&instance, 1);
        conform_end(&instance);
    }
}

/* ---- leaks ---- */

typedef struct lives_sum {
    conform_left left;
    alloc_live before, after;
    int descriptors, threads; /* more than before */
} lives_sum;

/* How many of them this process has, as /proc tells. */
static int process_count(const char *what) {
    char path[32];
    int count = 0;
    snprintf(path, sizeof path, "/proc/self/%s", what);
    DIR *entries = opendir(path);
    while (entries != NULL && readdir(entries) != NULL)
        count++;
    if (entries != NULL)
        closedir(entries);
    return count;
}

static lives_sum live_often(conform *c) {
    lives_sum sum = {.descriptors = 0};
    for (uint64_t i = 0; i < WARM_LIVES; i++)
        live(c, c->seed + i, NULL);
    sum.before = alloc_held();
    int descriptors = process_count("fd"), threads = process_count("task");
    for (uint64_t i = 0; i < LEAK_LIVES; i++) {
        conform_left left = live(c, c->seed + i, NULL);
        sum.left.timers += left.timers;
        sum.left.packets += left.packets;
        sum.left.watches += left.watches;
    }
    sum.after = alloc_held();
    sum.descriptors = process_count("fd") - descriptors;
    sum.threads = process_count("task") - threads;
    return sum;
}

#define DESTROY "slow/plugin.h, slow_plugin.destroy()"
#define GIVEN_BACK "timers, packets, watches and threads are given back on return"

static void timers_are_given_back(conform *c) {
    unsigned left = live_often(c).left.timers;
    if (left > 0)
        conform_fail(c, DESTROY, GIVEN_BACK, "left %u timers in %d lives of two instances", left, LEAK_LIVES);
}

static void packets_are_given_back(conform *c) {
    unsigned left = live_often(c).left.packets;
    if (left > 0)
        conform_fail(c, DESTROY, GIVEN_BACK, "left %u packets in %d lives of two instances", left, LEAK_LIVES);
}

static void watches_are_given_back(conform *c) {
    unsigned left = live_often(c).left.watches;
    if (left > 0)
        conform_fail(c, DESTROY, GIVEN_BACK, "left %u watches in %d lives of two instances", left, LEAK_LIVES);
}

static void descriptors_are_given_back(conform *c) {
    int left = live_often(c).descriptors;
    if (left >= LEAK_LIVES)
        conform_fail(c, DESTROY, "an instance keeps all its state behind self, and takes it along",
                     "left %d open descriptors in %d lives of two instances", left, LEAK_LIVES);
}

static void threads_are_given_back(conform *c) {
    int left = live_often(c).threads;
    if (left >= LEAK_LIVES)
        conform_fail(c, DESTROY, GIVEN_BACK, "left %d threads running in %d lives of two instances", left, LEAK_LIVES);
}

static void memory_is_given_back(conform *c) {
    lives_sum sum = live_often(c);
    if (sum.after.blocks >= sum.before.blocks + LEAK_LIVES)
        conform_fail(c, DESTROY, "an instance keeps all its state behind self, and takes it along",
                     "left %llu blocks of %llu bytes from malloc() in %d lives of two instances",
                     (unsigned long long)(sum.after.blocks - sum.before.blocks),
                     (unsigned long long)(sum.after.bytes - sum.before.bytes), LEAK_LIVES);
}

/* ---- refused allocations ---- */

/* A life as far as it comes. */
static conform_left live_without_memory(conform *c, uint64_t refused) {
    conform_instance pair[2];
    slow_error error;
    conform_left left = {0, 0, 0};
    bool lives = true;
    int begun = 0;
    alloc_fail_at(refused);
    for (; begun < 2 && lives; begun++) {
        lives = conform_create(c, &pair[begun], c->config, c->seed + (uint64_t)begun, &error) == SLOW_OK;
        lives = lives && conform_start(&pair[begun], &error) == SLOW_OK;
    }
    if (lives)
        c->kind->exercise(c, pair);
    for (int i = 0; i < begun; i++) {
        conform_end(&pair[i]);
        left.timers += pair[i].left.timers;
        left.packets += pair[i].left.packets;
        left.watches += pair[i].left.watches;
    }
    return left;
}

static void no_allocation_is_needed(conform *c) {
    live_without_memory(c, 0);
    alloc_live quiet = alloc_held();
    conform_left usual = live_without_memory(c, 0);
    uint64_t usual_blocks = alloc_held().blocks - quiet.blocks, requests = alloc_requests();
    uint64_t step = (requests + REFUSALS_MAX - 1) / REFUSALS_MAX;
    if (requests == 0)
        conform_skip(c, "the plugin allocates nothing");
    for (uint64_t n = 1; n <= requests; n += step) {
        conform_note(c, "with allocation %llu of %llu refused", (unsigned long long)n, (unsigned long long)requests);
        live_without_memory(c, n); /* what libraries keep for the process they have after this */
        alloc_live before = alloc_held();
        conform_left left = live_without_memory(c, n);
        alloc_live after = alloc_held();
        if (after.blocks > before.blocks + usual_blocks)
            conform_fail(c, "slow/plugin.h, slow_plugin.create()", "what fails leaves nothing behind",
                         "left %llu block%s from malloc()",
                         (unsigned long long)(after.blocks - before.blocks - usual_blocks),
                         after.blocks - before.blocks - usual_blocks > 1 ? "s" : "");
        if (left.timers > usual.timers || left.packets > usual.packets || left.watches > usual.watches)
            conform_fail(c, DESTROY, GIVEN_BACK, "left %u timers, %u packets and %u watches", left.timers, left.packets,
                         left.watches);
    }
}

/* ---- state outside of instances ---- */

enum { SEGMENTS_MAX = 8 };

typedef struct segments {
    image images[SEGMENTS_MAX];
    size_t offsets[SEGMENTS_MAX], count; /* from where the module is loaded */
} segments;

static void segments_take(conform *c, const elf_file *file, segments *s) {
    struct link_map *map;
    size_t offset, size;
    if (dlinfo(c->handle, RTLD_DI_LINKMAP, &map) != 0)
        conform_fail(c, "slow/plugin.h", "a module stays mapped", "is not to be found in memory: %s", dlerror());
    for (s->count = 0; s->count < SEGMENTS_MAX && elf_writable(file, s->count, &offset, &size); s->count++) {
        s->offsets[s->count] = offset;
        // NOLINTNEXTLINE(performance-no-int-to-ptr): that is what l_addr is
        s->images[s->count] = image_take((const void *)(map->l_addr + offset), size);
    }
}

static void no_static_data_changes(conform *c) {
    slow_error error;
    segments s;
    size_t where;
    elf_file *file = elf_file_open(c->job->path, &error);
    if (file == NULL)
        conform_fail(c, "slow/plugin.h", "a module is a shared object", "%s", error.text);
    segments_take(c, file, &s);
    for (uint64_t i = 0; i < WARM_LIVES; i++)
        live(c, c->seed + i, NULL);
    for (size_t i = 0; i < s.count; i++) {
        if (image_changed(&s.images[i], &where)) {
            const char *name = elf_variable(file, s.offsets[i] + where);
            conform_fail(c, "slow/plugin.h",
                         "a module has no mutable static data: a thousand junctions may live in one process",
                         "changed the variable %s, 0x%zx bytes into the module",
                         name != NULL ? name : "whose name was stripped", s.offsets[i] + where);
        }
        image_free(&s.images[i]);
    }
    elf_file_close(file);
}

/* ---- instances beside each other ---- */

static void the_same_seed_gives_the_same_calls(conform *c) {
    uint64_t first, again;
    if (c->kind->real_time)
        conform_skip(c, "what comes of sockets is not repeatable");
    live(c, c->seed, &first);
    for (uint64_t i = 0; i < WARM_LIVES; i++)
        live(c, c->seed + 1 + i, NULL);
    c->random = c->seed;
    c->now = 0;
    live(c, c->seed, &again);
    c->random = c->seed;
    c->now = 0;
    live(c, c->seed, &first);
    if (first != again)
        conform_fail(c, "slow/plugin.h, slow_host.random()", "seeded, repeatable in the simulator",
                     "made other host calls, or gave other results, in two lives of one seed");
}

typedef struct visits {
    uint64_t calls, every; /* every: 0 = only counts */
} visits;

/* Another pair lives and dies between two calls of the first, or inside one of its host calls. */
static void visit(conform *c) {
    visits *v = c->meanwhile_arg;
    if (v->every == 0 || v->calls++ % v->every != 0) {
        v->calls += v->every == 0;
        return;
    }
    uint64_t random = c->random;
    slow_time now = c->now;
    live(c, c->seed + 1000 + v->calls, NULL);
    c->random = random;
    c->now = now;
}

static void instances_know_nothing_of_each_other(conform *c) {
    visits v = {0, 0};
    uint64_t alone, visited;
    c->meanwhile = visit;
    c->meanwhile_arg = &v;
    live(c, c->seed, &alone);
    v = (visits){0, v.calls / VISITS + 1};
    c->random = c->seed;
    c->now = 0;
    live(c, c->seed, &visited);
    if (alone != visited && !c->kind->real_time)
        conform_fail(
            c, "slow/plugin.h", "an instance keeps all its state behind self",
            "made other host calls, or gave other results, when other instances lived and died between its calls "
            "and inside its host's");
}

const conform_test conform_life_tests[] = {
    {.name = "life-cycle", .run = life_goes_round},
    {.name = "timers-given-back", .run = timers_are_given_back},
    {.name = "packets-given-back", .run = packets_are_given_back},
    {.name = "watches-given-back", .run = watches_are_given_back},
    {.name = "descriptors-given-back", .run = descriptors_are_given_back},
    {.name = "threads-given-back", .run = threads_are_given_back},
    {.name = "memory-given-back", .run = memory_is_given_back},
    {.name = "allocations-refused", .run = no_allocation_is_needed, .limit_s = 60},
    {.name = "no-static-data", .run = no_static_data_changes},
    {.name = "repeatable", .run = the_same_seed_gives_the_same_calls},
    {.name = "instances-apart", .run = instances_know_nothing_of_each_other, .limit_s = 60},
    {.name = NULL},
};
