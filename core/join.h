/* join.h - "keep a link to there": dials an address, and dials again for as long as the join stands.
 *
 * Retries come after 100 ms, doubling to 5 s, each by up to a quarter earlier or later, so that a restarted hub does not
 * meet all its neighbours in one instant. A join is also satisfied by a link that the other end dialled: then it waits,
 * and dials when that neighbour has no link left.
 *
 * Where links have keys, a join renews its own every hour or so: it dials a second one, whose opening is a fresh
 * Diffie-Hellman, and the first retires when the second is up. So a key that is stolen opens an hour, and an attempt that
 * fails costs nothing. */
#ifndef SL_JOIN_H
#define SL_JOIN_H
#include "neighbour.h"

enum sl_join_state { SL_JOIN_WAITING, SL_JOIN_DIALLING, SL_JOIN_LINKED, SL_JOIN_SATISFIED };

typedef struct sl_joins sl_joins;
typedef struct sl_join {
    sl_joins *all;
    struct sl_join *next;
    char address[SL_ADDRESS_SIZE];
    sl_port *port;
    uint32_t factor_ppm, bias;
    enum sl_join_state state;
    uint64_t dial;    /* of the attempt, or of the link; 0 = none */
    uint64_t renewal; /* of the link that shall take the place of the one that is up; 0 = none */
    uint32_t tries;
    sl_timer *timer;
    slow_id peer; /* who satisfies it */
    sl_log_rate rate;
    char last_error[128]; /* "" = none */
} sl_join;

struct sl_joins {
    sl_loop *loop;
    const sl_log *log;
    sl_stats *stats;
    const sl_neighbours *neighbours;
    sl_join *first;
    uint64_t last_dial;
    slow_time renew_after; /* 0 = never */
    const char *silence;   /* what it may mean that there is no answer; NULL = nothing special */
};

void sl_joins_init(sl_joins *, sl_loop *, const sl_log *, sl_stats *, const sl_neighbours *);
void sl_joins_free(sl_joins *);
/* Dials at once. NULL = no memory. */
sl_join *sl_join_add(sl_joins *, sl_port *, const char *address, uint32_t factor_ppm, uint32_t bias);
sl_join *sl_join_find(const sl_joins *, const char *address);
sl_join *sl_join_of_dial(const sl_joins *, uint64_t dial);
/* Takes the join back: cancels an attempt; its link, if any, is the caller's to close. */
void sl_join_remove(sl_join *);

/* What happened to a dial, or to a renewal: join_of_dial() finds a join by either. */
void sl_joins_failed(sl_joins *, uint64_t dial, const slow_error *);
void sl_joins_linked(sl_joins *, uint64_t dial);
/* A link closed, whoever dialled it. */
void sl_joins_closed(sl_joins *, const sl_link *, enum sl_close_reason, bool was_up);
#endif
