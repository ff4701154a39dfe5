/* rogue.h - routing-rogue-STRATEGY: a member that is what it says it is, runs the strategy as it is, and lies beside it.
 *
 * The honest strategy is in here, whole. It keeps the routes of the liar itself, and what it says to its neighbours passes
 * through the liar, who may change it; every 100 ms the liar says something of its own to each neighbour. So the lie is all
 * that differs from an honest junction, and what goes wrong is its doing. It has a key and is a member, where there are
 * any, and signs what it likes: under its own id, for that is the only one whose signature it can make. */
#ifndef ROGUE_H
#define ROGUE_H
#include <slow/plugin.h>
#include <slow/routing.h>
#include <slow/wire.h>

enum rogue_lie {
    ROGUE_FALSE_ID,        /* others' ids are announced as ours, newer than what they say of themselves */
    ROGUE_FALSE_NUMBER,    /* others' announcements have sequence numbers that they did not give */
    ROGUE_INFINITE_METRIC, /* nothing is to be reached by us */
    ROGUE_ZERO_METRIC,     /* all is next to us */
    ROGUE_REPLAY,          /* what others announced once is announced again */
    ROGUE_FLOOD,           /* junctions that never were, and questions, as fast as we can */
};
enum { ROGUE_HEARD = 64, ROGUE_LINKS = 64, ROGUE_KEPT = 1000 };

/* The newest announcement of somebody that was heard, and one of an earlier epoch, in the protocol's own bytes. An older number
 * of the same epoch is no lie but about the metric, and that anybody may tell. */
struct rogue_heard {
    slow_id id;
    uint64_t epoch;
    uint32_t seq;
    uint16_t size, old_size; /* 0 = none */
    uint8_t record[ROGUE_KEPT], old[ROGUE_KEPT];
};

struct rogue {
    slow_host host; /* the honest one's; first, since it is how we are found */
    slow_routing_host routing;
    const slow_host *real;
    const slow_routing_host *real_routing;
    const slow_plugin *honest;
    void *self;
    slow_timer *timer;
    enum rogue_lie lie;
    slow_link links[ROGUE_LINKS];
    uint32_t link_count, heard_count;
    struct rogue_heard heard[ROGUE_HEARD];
};

uint64_t rogue_draw(struct rogue *, uint64_t below);
slow_id rogue_ghost(struct rogue *);
void rogue_send(struct rogue *, slow_link to, slow_writer *);
/* Keeps an announcement; those of ourselves are not. */
void rogue_keep(struct rogue *, slow_bytes id, uint64_t epoch, uint32_t seq, slow_bytes record);
bool rogue_is_self(const struct rogue *, slow_bytes id);

/* What knows the protocol: rogue_vector.c or rogue_state.c. */
const slow_plugin *rogue_honest(void);
const void *rogue_honest_config(void);
/* A message of a neighbour's, to keep what it announces. */
void rogue_hear(struct rogue *, slow_bytes message);
/* A message of the honest one, to be written as it shall leave. */
void rogue_rewrite(struct rogue *, slow_bytes message, slow_writer *);
/* One more lie to a neighbour. `who`: somebody of whom it was heard. */
void rogue_tell(struct rogue *, const struct rogue_heard *who, slow_writer *);
/* One more of a flood. */
void rogue_gush(struct rogue *, slow_writer *);
#endif
