/* sealed_net.h - peers with security-noise and real identities in virtual time, and a relay between them that reads, keeps,
 * changes and makes up what it likes; for tests. */
#ifndef SEALED_NET_H
#define SEALED_NET_H
#include "core/instance.h"
#include "core/loop_virtual.h"
#include "core/peer.h"

#define CANARY "the canary that no relay may see"
enum { NODES = 4, TAPE = 4096 };

typedef struct net net;
typedef struct node {
    net *net;
    slow_id id;
    sl_loop *loop;
    sl_pool *pool;
    sl_stats stats;
    sl_identity identity;
    sl_instance *instance; /* NULL = plain */
    sl_membership *membership;
    sl_peers peers;
    bool away; /* nothing comes to it */
    uint32_t delivered, not_delivered, unknown, taken, once;
    enum sl_reason reason; /* of the last outcome */
    enum sl_opening_end opening;
    uint64_t taken_bytes;
} node;

/* A package, copied. */
typedef struct letter {
    uint8_t src[SLOW_ID_MAX], dst[SLOW_ID_MAX], payload[SL_SEALED_MAX];
    slow_package package;
} letter;

struct net {
    sl_world *world;
    slow_time latency;
    node nodes[NODES];
    uint32_t count;
    bool (*relay)(net *, letter *); /* may change it; false: it goes no further */
    letter *tape[TAPE];             /* all that was sent */
    uint32_t taped;
    uint32_t plain, sealed, hits; /* data in plain, sealed packages, canaries seen */
    uint64_t number;              /* for the relay to note one */
};

slow_id id_of(const char *text);
slow_bytes kept(uint8_t *room, slow_bytes);
letter *letter_of(const slow_package *); /* a copy */
node *node_of(net *, slow_bytes id);     /* NULL = nobody, or away */
void hear(net *, const slow_package *);  /* at once, by whoever it is to */
void post(net *, letter *);              /* takes it */
void post_in(net *, letter *, slow_time after);
void replay(net *); /* all that was sent so far, at once */
bool has_canary(slow_bytes);
bool opens(const slow_package *); /* KNOCK or an OPEN */

/* A net of this seed (SLOW_SEED), for cmocka; its nodes end with it. */
int set_up(void **state);
int tear_down(void **state);
/* The members that all know are "a" to "d", whose identities are made of their letter. */
node *node_new(net *, const char *id, char identity, bool sealed);
void restart(node *); /* with a fresh static key, and no memory of pairs */
sl_pair_seal_env env_of(const node *);
void run(net *, slow_time for_ns);
/* Reliably; of a size, or the canary in one package. */
void send_for(node *from, const slow_id *to, size_t size, slow_time ttl_ns);
void send_to(node *from, const slow_id *to, size_t size);
slow_status send_once(node *from, const slow_id *to);
void pair(net *, node *, node *); /* they have one then */
#endif
