/* dv_puppets.h - one distance vector among puppets: junction 0 is real; 1 to 4 are puppets, each over an edge of cost 50;
 * n5 and above are destinations that puppets make up. A test speaks for the puppets, and reads what they were told. */
#ifndef TEST_DV_PUPPETS_H
#define TEST_DV_PUPPETS_H
#include "plugins/routing-distance-vector/inspect.h"
#include "plugins/routing-distance-vector/message.h"
#include "routing_bench.h"

#define INF SLOW_METRIC_INFINITY
#define EPOCH UINT64_C(1600000000000)

enum { PUPPETS = 4, NAMES = 16, FAR_ONE = 9, COST = 50, REQUESTS_MAX = 64 };

/* What a puppet was told, all in all. */
struct ear {
    struct dv_word word[NAMES]; /* the last one */
    unsigned count[NAMES], origins[NAMES];
    unsigned proofs[NAMES]; /* records that are nothing but a proof */
    uint32_t proven[NAMES]; /* the number that was proven last */
    uint32_t name[64];      /* by handle */
    struct dv_record requests[REQUESTS_MAX];
    uint32_t request_name[REQUESTS_MAX];
    unsigned request_count, messages;
};

struct table {
    routing_bench *bench;
    topology graph;
    struct ear ears[PUPPETS + 1];
};

struct sentence {
    slow_writer out;
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
};

/* Up, and the puppets have been told of junction 0 alone. `options` as for routing_bench_new(). */
void table_init(struct table *t, const char *options);
/* The same with identities: what is not proven is refused. say() proves what it says. */
void table_init_with_identities(struct table *t);
void table_free(struct table *t);
bench_node *self(const struct table *t);
const dv_inspect *inspect(const struct table *t);
/* Time passes, and the puppets listen. */
void run(struct table *t, slow_time for_ns);
/* A message, record by record. */
void sentence_begin(struct sentence *s);
void sentence_add(struct sentence *s, struct dv_record record);
slow_status sentence_say(struct table *t, uint32_t puppet, struct sentence *s);
/* The record that introduces a destination; the id is borrowed. */
struct dv_record origin_of(const slow_id *id, uint32_t handle, uint64_t epoch, uint32_t seq, uint32_t metric);
/* Has the origin sign the number that a record is to prove; `room` is borrowed by it. */
void prove(struct dv_record *, uint32_t number, uint8_t room[BENCH_PROOF_SIZE]);
/* A puppet introduces a destination, or says something new of it. Its handle is the number in the name. */
void say(struct table *t, uint32_t puppet, uint32_t name, uint64_t epoch, uint32_t seq, uint32_t metric);
/* A puppet asks for a sequence number. */
void ask(struct table *t, uint32_t puppet, uint32_t name, uint64_t epoch, uint32_t seq, uint8_t ttl);
/* How often somebody was asked for a destination. */
uint32_t requests_for(const struct ear *ear, uint32_t name);
/* What the core was offered: {puppet, metric}, the best first. */
void assert_candidates(const struct table *t, uint32_t name, size_t count, const uint32_t (*expected)[2]);
/* The last word that a puppet was told. */
void assert_told(const struct table *t, uint32_t puppet, uint32_t name, uint32_t seq, uint32_t metric);
#define CANDIDATES(t, name, ...)                                                           \
    assert_candidates(t, name, sizeof((uint32_t[][2]){__VA_ARGS__}) / sizeof(uint32_t[2]), \
                      (const uint32_t[][2]){__VA_ARGS__})
#endif
