/* Messages of a neighbour that lies: what a strategy does with bytes, and how much it keeps of them.
 *
 * The suite knows no protocol, so lies are made of truths: messages that instances of the strategy have sent to each other are
 * cut, damaged, or tell of junctions that do not exist, by other names of the same length in place of those of the mesh. */
#include "alloc.h"
#include "routing.h"
#include "routing_mesh.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    NAME_SIZE = 6,
    DAMAGES = 60,   /* of each message */
    GARBAGE = 3000, /* messages of random bytes */
    MADE_UP = 5000, /* names, at first; then as many again, and so on */
    DOUBLINGS = 8,
    MESSAGES_A_NAME = 4, /* at most */
    BREATHS = 50,        /* messages, after which time goes on */
};

#define MESSAGE "slow/routing.h, slow_routing_ops.message()"

/* ---- memory that ends behind a message ---- */

typedef struct fence {
    uint8_t *end; /* where no memory is any more */
} fence;

static fence fence_new(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || page < SLOW_ROUTE_MESSAGE_MAX || mprotect(pages + page, page, PROT_NONE) != 0)
        abort();
    return (fence){pages + page};
}

/* Over the first edge to place 0, as its neighbour's. */
static void say(routing_mesh *m, const fence *f, const mesh_message *message) {
    uint8_t *at = f->end - message->size;
    memcpy(at, message->bytes, message->size);
    mesh_say(m, 0, 0, (slow_bytes){at, message->size});
    if (memcmp(at, message->bytes, message->size) != 0)
        conform_fail(m->c, MESSAGE, "`message` is borrowed, and const", "has written into it");
}

/* ---- damage ---- */

static void cut(routing_mesh *m, const fence *f, const mesh_message *whole) {
    mesh_message part = *whole;
    for (size_t size = 0; size < whole->size; size += 1 + (whole->size > 200 ? conform_random_below(m->c, 8) : 0)) {
        part.size = size;
        conform_note(m->c, "with the first %zu of the %zu bytes of a message", size, whole->size);
        say(m, f, &part);
    }
}

static void damage(routing_mesh *m, const fence *f, const mesh_message *whole) {
    conform *c = m->c;
    for (int i = 0; i < DAMAGES && whole->size > 0; i++) {
        mesh_message bad = *whole;
        for (uint64_t flips = 1 + conform_random_below(c, 4); flips > 0; flips--) {
            static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
            uint64_t value = conform_random_below(c, 10);
            bad.bytes[conform_random_below(c, bad.size)] = value < 5 ? values[value] : (uint8_t)conform_random(c);
        }
        if (conform_random_below(c, 4) == 0 && bad.size < SLOW_ROUTE_MESSAGE_MAX)
            bad.bytes[bad.size++] = (uint8_t)conform_random(c);
        conform_note(c, "with a damaged message of %zu bytes", bad.size);
        say(m, f, &bad);
    }
}

static void garble(routing_mesh *m, const fence *f) {
    conform *c = m->c;
    for (int i = 0; i < GARBAGE; i++) {
        mesh_message bad = {.size = conform_random_below(c, i % 8 == 0 ? SLOW_ROUTE_MESSAGE_MAX + 1 : 48)};
        for (size_t at = 0; at < bad.size; at++)
            bad.bytes[at] = (uint8_t)conform_random(c);
        conform_note(c, "with %zu random bytes", bad.size);
        say(m, f, &bad);
        if (i % BREATHS == 0)
            mesh_run(m, 10 * MESH_MS);
    }
}

/* What instances of a small mesh have said to each other while things happened to it; the caller's to free. */
static mesh_message *messages_heard(conform *c, size_t *count) {
    routing_mesh *m = mesh_new(c, c->seed);
    m->heard = calloc(MESH_HEARD, sizeof *m->heard);
    if (m->heard == NULL)
        abort();
    mesh_ring(m, 6);
    mesh_start_all(m);
    mesh_join_all(m);
    mesh_run(m, MESH_SECOND);
    mesh_cost(m, 2, 900);
    mesh_run(m, MESH_SECOND);
    mesh_cut(m, 3);
    mesh_run(m, MESH_SECOND);
    mesh_message *heard = m->heard;
    *count = m->heard_count < MESH_HEARD ? m->heard_count : MESH_HEARD;
    m->heard = NULL;
    mesh_free(m);
    return heard;
}

void hostile_messages_do_no_harm(conform *c) {
    size_t count;
    mesh_message *heard = messages_heard(c, &count);
    routing_mesh *m = mesh_new(c, c->seed + 1);
    fence f = fence_new();
    if (!SLOW_HAS((const slow_routing_ops *)c->plugin->ops, message))
        conform_skip(c, "the strategy takes no messages");
    m->lenient = true;
    mesh_ring(m, 6);
    mesh_start_all(m);
    mesh_join_all(m);
    mesh_run(m, MESH_SECOND);
    conform_about(c, MESSAGE, "a neighbour's bytes may be hostile: nothing is read outside of `message`");
    for (size_t i = 0; i < count; i++) {
        cut(m, &f, &heard[i]);
        damage(m, &f, &heard[i]);
        mesh_run(m, 100 * MESH_MS);
    }
    garble(m, &f);
    mesh_run(m, MESH_REST);
    mesh_free(m);
    free(heard);
}

/* ---- names that are made up ---- */

static bool is_name(const uint8_t *at) {
    return memcmp(at, "node", 4) == 0 && at[4] >= '0' && at[4] <= '9' && at[5] >= '0' && at[5] <= '9';
}

/* Other names in place of those of the mesh; returns how many. */
static unsigned forge(conform *c, mesh_message *message) {
    unsigned count = 0;
    for (size_t at = 0; at + NAME_SIZE <= message->size; at++) {
        if (!is_name(message->bytes + at))
            continue;
        for (size_t i = 0; i < NAME_SIZE; i++)
            message->bytes[at + i] = (uint8_t)('a' + conform_random_below(c, 26));
        at += NAME_SIZE - 1;
        count++;
    }
    return count;
}

/* Tells of so many; false when no message names a junction. */
static bool tell_of(routing_mesh *m, const fence *f, const mesh_message *heard, size_t count, unsigned names) {
    conform *c = m->c;
    unsigned told = 0, said = 0;
    while (told < names && said++ < names * MESSAGES_A_NAME) {
        mesh_message lie = heard[conform_random_below(c, count)];
        unsigned forged = forge(c, &lie);
        if (forged == 0)
            continue;
        told += forged;
        say(m, f, &lie);
        if (said % BREATHS == 0)
            mesh_run(m, 10 * MESH_MS);
    }
    return told > 0;
}

/* By more than a quarter of what it was. */
static bool grows(uint64_t before, uint64_t half, uint64_t whole) {
    return whole > before && whole - before > (half > before ? half - before : 0) / 4 * 5;
}

/* Who has a limit holds at last not much more after twice as many names. It is twice as many, and not as many again, since
 * tables grow by doubling. */
void what_is_told_has_a_limit(conform *c) {
    size_t count;
    mesh_message *heard = messages_heard(c, &count);
    routing_mesh *m = mesh_new(c, c->seed + 1);
    fence f = fence_new();
    unsigned told = MADE_UP;
    if (!SLOW_HAS((const slow_routing_ops *)c->plugin->ops, message) || count == 0)
        conform_skip(c, "the strategy's instances say nothing to each other");
    m->lenient = true;
    m->deaf = 1;
    mesh_edge_add(m, 0, 1, 5 * MESH_MS);
    mesh_start_all(m);
    mesh_join_all(m);
    mesh_run(m, MESH_SECOND);
    uint64_t before = alloc_held().bytes;
    if (!tell_of(m, &f, heard, count, told))
        conform_skip(c, "no message of the strategy holds a junction's id as it is");
    uint64_t kept = alloc_held().bytes, kept_by_half = before;
    for (int i = 0; i < DOUBLINGS && grows(before, kept_by_half, kept); i++) {
        kept_by_half = kept;
        tell_of(m, &f, heard, count, told);
        told *= 2;
        kept = alloc_held().bytes;
    }
    if (grows(before, kept_by_half, kept))
        conform_fail(c, MESSAGE, "whatever a neighbour says, what it can make a strategy keep has a limit",
                     "kept %llu bytes of a neighbour that had told of %u junctions which do not exist, and %llu after "
                     "twice as many",
                     (unsigned long long)(kept_by_half - before), told / 2, (unsigned long long)(kept - before));
    mesh_free(m);
    free(heard);
}
