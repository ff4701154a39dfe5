/* party.h - what an end needs to open a link as a junction does, and to seal its frames: the core's own opening, membership and
 * security plugin, made as a config says. One code for plain and for sealed links. */
#ifndef BENCH_PARTY_H
#define BENCH_PARTY_H
#include "core/config.h"
#include "core/instance.h"
#include "core/opening.h"

typedef struct party {
    sl_loop *loop;
    sl_pool *pool;
    sl_config *config;
    sl_instance *security;
    sl_membership *membership;
    sl_stats stats;
    sl_claim claim;
    sl_opening_env env;
    sl_opening *opening; /* its `frame` is the INIT */
} party;

/* `codec`: the only one that it claims to speak. NULL: an error was printed. */
party *party_new(const char *config, const char *codec);
void party_free(party *); /* NULL is allowed */
static inline bool party_seals(const party *p) {
    return p->env.security->tag_size > 0;
}
static inline uint32_t party_tag_size(const party *p) {
    return party_seals(p) ? p->env.security->tag_size : SL_PLAIN_TAG;
}
#endif
