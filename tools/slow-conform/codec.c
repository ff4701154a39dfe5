/* Codecs: the checks of codec_checks.c, each a test, on packages that follow from the seed; and what needs more than a table of
 * functions: other codecs, threads, a host, and memory that ends.
 *
 * The checks call a codec through a table of this file's, which names the call that is on. */
#include "alloc.h"
#include "codec_checks.h"
#include "conform.h"
#include "process.h"
#include "core/log.h"
#include "core/module.h"
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    PACKAGES = 2000,
    DAMAGED = 8,
    SMALL = 400, /* bytes of payload: what is damaged in all ways costs by the square of its size */
    CUT = 24,
    GARBAGE = 10000,
    THREADS = 4,
    THREAD_PACKAGES = 50,
    BYTES_MAX = 4096,
};

#define THREAD_NS UINT64_C(150000000) /* how long threads work side by side */

/* ---- calls that are named ---- */

typedef struct traced {
    conform *c;
    const slow_codec_ops *ops;
    void *self;
} traced;

static slow_status traced_encode(void *self, const slow_package *p, uint8_t *out, size_t capacity, size_t *size) {
    const traced *t = self;
    slow_status status;
    CONFORM_CALL(t->c, "encode()", status = t->ops->encode(t->self, p, out, capacity, size));
    return status;
}

static slow_status traced_decode(void *self, slow_bytes in, slow_arena *arena, slow_package *out) {
    const traced *t = self;
    slow_status status;
    CONFORM_CALL(t->c, "decode()", status = t->ops->decode(t->self, in, arena, out));
    return status;
}

static slow_status traced_peek(void *self, slow_bytes in, slow_route_view *out) {
    const traced *t = self;
    slow_status status;
    CONFORM_CALL(t->c, "peek()", status = t->ops->peek(t->self, in, out));
    return status;
}

static void traced_advance(void *self, uint8_t *package, size_t size, const slow_route_view *view) {
    const traced *t = self;
    CONFORM_CALL(t->c, "advance()", t->ops->advance(t->self, package, size, view));
}

static const slow_codec_ops traced_ops = {.struct_size = sizeof traced_ops,
                                          .encode = traced_encode,
                                          .decode = traced_decode,
                                          .peek = traced_peek,
                                          .advance = traced_advance},
                            traced_slow_ops = {.struct_size = sizeof traced_slow_ops,
                                               .encode = traced_encode,
                                               .decode = traced_decode};

/* An instance under the checks. */
typedef struct subject {
    conform *c;
    conform_instance pair[2];
    traced traced;
    suite_codec codec;
    suite_package made;
    uint64_t number; /* of which it was made */
} subject;

static subject *subject_new(conform *c) {
    subject *s = calloc(1, sizeof *s);
    if (s == NULL)
        abort();
    s->c = c;
    conform_pair_begin(c, s->pair, c->seed);
    s->traced = (traced){c, s->pair[0].ops, s->pair[0].self};
    s->codec = (suite_codec){.ops = s->traced.ops->peek != NULL ? &traced_ops : &traced_slow_ops, .self = &s->traced};
    return s;
}

static void subject_free(subject *s) {
    conform_pair_end(s->pair);
    free(s);
}

/* The next package, and its number in what is said of it. */
static const slow_package *subject_package(subject *s) {
    s->number = conform_random(s->c) >> 32;
    suite_make(&s->made, s->number);
    conform_note(s->c, "with package %llu", (unsigned long long)s->number);
    return &s->made.package;
}

static const slow_package *subject_small_package(subject *s) {
    const slow_package *p = subject_package(s);
    while (p->payload.size > SMALL)
        p = subject_package(s);
    return p;
}

static void subject_holds(subject *s, const char *found) {
    if (found != NULL)
        conform_fail(s->c, s->codec.where, s->codec.says, "%s", found);
}

/* ---- packages ---- */

static void packages_hold(conform *c, const char *(*check)(suite_codec *, const slow_package *)) {
    subject *s = subject_new(c);
    for (int i = 0; i < PACKAGES; i++)
        subject_holds(s, check(&s->codec, subject_package(s)));
    subject_free(s);
}

static void what_is_encoded_comes_back(conform *c) {
    packages_hold(c, suite_comes_back);
}

static void sizes_are_told(conform *c) {
    packages_hold(c, suite_sizes);
}

static void advance_adds_one_hop(conform *c) {
    if (((const slow_codec_ops *)c->plugin->ops)->advance == NULL)
        conform_skip(c, "the codec has no peek() and advance()");
    packages_hold(c, suite_advances);
}

static void limits_are_kept(conform *c) {
    subject *s = subject_new(c);
    subject_holds(s, suite_limits(&s->codec));
    subject_free(s);
}

static void the_longest_fits_every_link(conform *c) {
    subject *s = subject_new(c);
    subject_holds(s, suite_longest(&s->codec));
    subject_free(s);
}

/* ---- bytes of others ---- */

/* Good encodings that were damaged, and bytes that nobody meant. */
static void bytes_hold(conform *c, const char *(*check)(suite_codec *, slow_bytes)) {
    subject *s = subject_new(c);
    uint8_t garbage[BYTES_MAX];
    for (int i = 0; i < DAMAGED; i++)
        subject_holds(s, suite_damage(&s->codec, subject_small_package(s), check));
    conform_note(c, "%s", "");
    for (int i = 0; i < GARBAGE; i++) {
        size_t size = conform_random_below(c, i % 10 == 0 ? BYTES_MAX : 64);
        for (size_t at = 0; at < size; at++)
            garbage[at] = (uint8_t)conform_random(c);
        subject_holds(s, check(&s->codec, (slow_bytes){garbage, size}));
    }
    subject_free(s);
}

static void hostile_bytes_are_refused_or_read(conform *c) {
    bytes_hold(c, suite_decodes);
}

static void peek_agrees_with_decode(conform *c) {
    if (((const slow_codec_ops *)c->plugin->ops)->peek == NULL)
        conform_skip(c, "the codec has no peek() and advance()");
    bytes_hold(c, suite_peeks);
}

/* Memory whose last byte lies in front of a page that is not there. */
typedef struct fence {
    uint8_t *pages;
    size_t page;
} fence;

static fence fence_new(void) {
    fence f = {.page = (size_t)sysconf(_SC_PAGESIZE)};
    f.pages = mmap(NULL, 2 * f.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (f.pages == MAP_FAILED || f.page < BYTES_MAX || mprotect(f.pages + f.page, f.page, PROT_NONE) != 0)
        abort();
    return f;
}

static void fence_lock(const fence *f, bool locked) {
    if (mprotect(f->pages, f->page, locked ? PROT_READ : PROT_READ | PROT_WRITE) != 0)
        abort();
}

static void nothing_but_the_input_is_read(conform *c) {
    subject *s = subject_new(c);
    fence f = fence_new();
    uint8_t bytes[BYTES_MAX];
    conform_about(c, "slow/codec.h, decode() and peek()",
                  "touch nothing outside `in` and the arena, and only read `in`");
    for (int i = 0; i < CUT; i++) {
        size_t size = 0;
        const slow_package *p = i == 0 ? subject_package(s) : subject_small_package(s);
        if (s->codec.ops->encode(s->codec.self, p, bytes, sizeof bytes, &size) != SLOW_OK)
            continue;
        for (size_t cut = 0; cut <= size; cut++) {
            suite_arena arena;
            slow_package back = {.struct_size = sizeof back};
            slow_route_view view;
            uint8_t *at = f.pages + f.page - cut;
            memcpy(at, bytes, cut);
            conform_note(c, "with %zu of the %zu bytes of a package, read-only, and no memory behind them", cut, size);
            fence_lock(&f, true);
            s->codec.ops->decode(s->codec.self, (slow_bytes){at, cut}, suite_arena_open(&arena, sizeof arena.memory),
                                 &back);
            if (s->codec.ops->peek != NULL)
                s->codec.ops->peek(s->codec.self, (slow_bytes){at, cut}, &view);
            fence_lock(&f, false);
        }
    }
    subject_free(s);
}

/* With less room than decode() took when it had plenty. */
static void a_full_arena_is_told(conform *c) {
    subject *s = subject_new(c);
    uint8_t bytes[BYTES_MAX];
    for (int i = 0; i < CUT; i++) {
        size_t size = 0, whole;
        suite_arena arena;
        const slow_package *p = subject_package(s);
        slow_package back = {.struct_size = sizeof back};
        if (s->codec.ops->encode(s->codec.self, p, bytes, sizeof bytes, &size) != SLOW_OK)
            continue;
        s->codec.ops->decode(s->codec.self, (slow_bytes){bytes, size}, suite_arena_open(&arena, sizeof arena.memory),
                             &back);
        whole = arena.used;
        for (size_t cap = 0; cap < whole; cap += 1 + whole / 20) {
            slow_status status =
                s->codec.ops->decode(s->codec.self, (slow_bytes){bytes, size}, suite_arena_open(&arena, cap), &back);
            if (status != SLOW_E_NOMEM)
                conform_fail(c, "slow/codec.h, decode()", "SLOW_E_NOMEM when the arena is full",
                             "gave %d (%s) with an arena of %zu bytes; it takes %zu", (int)status,
                             sl_status_text(status), cap, whole);
        }
    }
    subject_free(s);
}

/* ---- other codecs ---- */

/* Through the other codec and back: what this one decoded comes back the same. */
static void translates(subject *s, const slow_package *p, suite_codec *other, const char *id) {
    uint8_t bytes[3][BYTES_MAX];
    suite_codec *way[] = {&s->codec, other, &s->codec};
    suite_arena *arenas = calloc(3, sizeof *arenas);
    slow_package at = *p, first = at;
    if (arenas == NULL)
        abort();
    for (size_t leg = 0; leg < 3; leg++) {
        size_t size = 0;
        slow_package next = {.struct_size = sizeof next};
        slow_status status = way[leg]->ops->encode(way[leg]->self, &at, bytes[leg], BYTES_MAX, &size);
        if (status == SLOW_OK)
            status = way[leg]->ops->decode(way[leg]->self, (slow_bytes){bytes[leg], size},
                                           suite_arena_open(&arenas[leg], sizeof arenas[leg].memory), &next);
        const char *member = leg == 0 || status != SLOW_OK ? NULL : suite_difference(&first, &next);
        if (status != SLOW_OK || member != NULL)
            conform_fail(s->c, "slow/package.h", "the one neutral form that every codec encodes and decodes",
                         "%s %s on the way to %s and back (status %d, hop %zu of 3)",
                         member != NULL ? "changed" : "lost", member != NULL ? member : "the package", id, (int)status,
                         leg + 1);
        at = next;
        if (leg == 0)
            first = next;
    }
    free(arenas);
}

/* True when there was such a codec, that is one itself: it gives back by itself what it is given. */
static bool translates_with(subject *s, const char *id) {
    const char *const directories[] = {s->c->job->directory, NULL};
    const slow_plugin *plugin;
    slow_error error;
    conform other_conform = *s->c;
    conform_instance instance;
    bool good = true;
    if (strcmp(id, s->c->plugin->id) == 0 || sl_module_find(directories, id, SLOW_CODEC, &plugin, &error) != SLOW_OK)
        return false;
    const slow_codec_ops *ops = plugin->ops;
    other_conform.plugin = plugin;
    other_conform.config = NULL;
    conform_note(s->c, "with %s beside it", id);
    if (ops->encode == NULL || ops->decode == NULL || plugin->options != NULL ||
        conform_create(&other_conform, &instance, NULL, 1, &error) != SLOW_OK)
        return false;
    traced calls = {&other_conform, ops, instance.self};
    suite_codec other = {.ops = &traced_slow_ops, .self = &calls};
    for (int i = 0; i < PACKAGES / 4 && good; i++) {
        const slow_package *p = subject_package(s);
        conform_note(s->c, "with package %llu, and %s beside it", (unsigned long long)s->number, id);
        good = suite_comes_back(&other, p) == NULL;
        if (good)
            translates(s, p, &other, id);
    }
    conform_end(&instance);
    return good;
}

static int names_a_codec(const struct dirent *entry) {
    size_t size = strlen(entry->d_name);
    return size >= 10 && size <= 66 && strncmp(entry->d_name, "codec-", 6) == 0 &&
           strcmp(entry->d_name + size - 3, ".so") == 0 && strcmp(entry->d_name, "codec-json.so") != 0 &&
           strcmp(entry->d_name, "codec-protobuf.so") != 0;
}

/* Those of Slow, and those that lie beside the plugin, by name. */
static void translation_changes_nothing(conform *c) {
    struct dirent **entries = NULL;
    subject *s = subject_new(c);
    unsigned others = (unsigned)translates_with(s, "codec-json") + (unsigned)translates_with(s, "codec-protobuf");
    int count = scandir(c->job->directory, &entries, names_a_codec, alphasort);
    for (int i = 0; i < count; i++) {
        entries[i]->d_name[strlen(entries[i]->d_name) - 3] = '\0';
        others += translates_with(s, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    if (others == 0)
        conform_skip(c, "there is no other codec here: neither beside the plugin nor where Slow's are installed");
    subject_free(s);
}

/* ---- purity ---- */

static void exercise(conform *c, conform_instance pair[2]);

static void the_host_is_not_asked(conform *c) {
    conform_instance pair[2];
    conform_pair_begin(c, pair, c->seed);
    uint64_t before = pair[0].host.calls + pair[1].host.calls;
    exercise(c, pair);
    uint64_t calls = pair[0].host.calls + pair[1].host.calls - before;
    if (calls > 0)
        conform_fail(c, "slow/codec.h", "a codec is pure: it uses no host call but log()",
                     "made %llu host calls in its work", (unsigned long long)calls);
    conform_pair_end(pair);
}

typedef struct worker {
    pthread_t thread;
    pthread_barrier_t *start; /* NULL = alone */
    const slow_codec_ops *ops;
    void *self;
    uint64_t seed;
    uint32_t wrong;
} worker;

static slow_time time_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (slow_time)now.tv_sec * UINT64_C(1000000000) + (slow_time)now.tv_nsec;
}

/* A few packages over and over: making one takes longer than what is tested. For as long as threads need to meet, on one
 * processor too; alone, each package once. */
static void *worker_run(void *arg) {
    worker *w = arg;
    suite_package *made = calloc(THREAD_PACKAGES, sizeof *made);
    suite_arena *arena = malloc(sizeof *arena);
    uint8_t bytes[BYTES_MAX];
    if (made == NULL || arena == NULL)
        abort();
    for (int i = 0; i < THREAD_PACKAGES; i++)
        suite_make(&made[i], suite_random(&w->seed));
    if (w->start != NULL)
        pthread_barrier_wait(w->start);
    slow_time end = time_now() + (w->start != NULL ? THREAD_NS : 0);
    do {
        for (int i = 0; i < THREAD_PACKAGES; i++) {
            size_t size = 0;
            slow_package back = {.struct_size = sizeof back};
            slow_status status = w->ops->encode(w->self, &made[i].package, bytes, sizeof bytes, &size);
            if (status == SLOW_OK)
                status = w->ops->decode(w->self, (slow_bytes){bytes, size},
                                        suite_arena_open(arena, sizeof arena->memory), &back);
            w->wrong += status != SLOW_OK || !suite_equal(&made[i].package, &back);
        }
    } while (time_now() < end);
    free(arena);
    free(made);
    return NULL;
}

/* What is wrong on several threads at once, and was not alone. */
static void threads_may_share_an_instance(conform *c) {
    subject *s = subject_new(c);
    worker workers[THREADS];
    pthread_barrier_t start;
    uint32_t wrong = 0;
    conform_about(c, "slow/codec.h", "its calls are [any] once it was created");
    conform_note(c, "called from %d threads", THREADS);
    for (uint64_t i = 0; i < THREADS; i++) {
        workers[i] = (worker){.ops = s->traced.ops, .self = s->traced.self, .seed = c->seed + i};
        worker_run(&workers[i]);
        if (workers[i].wrong > 0)
            conform_skip(c, "it gives wrong results on one thread, too");
        workers[i].seed = c->seed + i;
        workers[i].start = &start;
    }
    if (pthread_barrier_init(&start, NULL, THREADS) != 0)
        abort();
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]) != 0)
            abort();
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        wrong += workers[i].wrong;
    }
    if (wrong > 0)
        conform_fail(c, "slow/codec.h", "its calls are [any] once it was created",
                     "gave %u wrong results, and none on one thread", wrong);
    subject_free(s);
}

/* ---- a working day ---- */

static void exercise(conform *c, conform_instance pair[2]) {
    suite_package *made = malloc(sizeof *made);
    uint8_t bytes[BYTES_MAX];
    if (made == NULL)
        abort();
    for (int i = 0; i < 40; i++) {
        suite_arena arena;
        const traced writer = {c, pair[i % 2].ops, pair[i % 2].self},
                     reader = {c, pair[1 - i % 2].ops, pair[1 - i % 2].self};
        slow_package back = {.struct_size = sizeof back};
        slow_route_view view;
        size_t size = 0;
        suite_make(made, conform_random(c));
        slow_status status = traced_encode((void *)&writer, &made->package, bytes, sizeof bytes, &size);
        conform_trace(&pair[0], &status, sizeof status);
        if (status != SLOW_OK)
            continue;
        if (i % 4 == 3) /* nothing that anybody encoded */
            bytes[conform_random_below(c, size)] ^= 0x11;
        status = traced_decode((void *)&reader, (slow_bytes){bytes, size},
                               suite_arena_open(&arena, sizeof arena.memory), &back);
        conform_trace(&pair[1], &status, sizeof status);
        if (reader.ops->peek != NULL && traced_peek((void *)&reader, (slow_bytes){bytes, size}, &view) == SLOW_OK)
            traced_advance((void *)&reader, bytes, size, &view);
        conform_trace(&pair[1], bytes, size);
    }
    free(made);
}

static const conform_test tests[] = {
    {.name = "codec-round-trip", .run = what_is_encoded_comes_back},
    {.name = "codec-sizes", .run = sizes_are_told},
    {.name = "codec-longest", .run = the_longest_fits_every_link},
    {.name = "codec-limits", .run = limits_are_kept},
    {.name = "codec-advance", .run = advance_adds_one_hop},
    {.name = "codec-peek", .run = peek_agrees_with_decode},
    {.name = "codec-hostile-bytes", .run = hostile_bytes_are_refused_or_read},
    {.name = "codec-stays-in-input", .run = nothing_but_the_input_is_read},
    {.name = "codec-arena", .run = a_full_arena_is_told},
    {.name = "codec-translation", .run = translation_changes_nothing},
    {.name = "codec-no-host-calls", .run = the_host_is_not_asked},
    {.name = "codec-threads", .run = threads_may_share_an_instance},
    {.name = NULL},
};

const conform_kind conform_codec = {.kind = SLOW_CODEC, .tests = tests, .exercise = exercise};
