/* neighbour_state.h - what a neighbour is: the state that talk (what the strategies of both ends say to each other) and
 * neighbour (its links, its ups and downs) share. */
#ifndef SL_NEIGHBOUR_STATE_H
#define SL_NEIGHBOUR_STATE_H
#include "budget.h"
#include "channel.h"
#include "doubt.h"
#include "link.h"
#include "slots.h"
#include <slow/routing.h>

/* PLACES: with those that retire, which others have replaced. */
enum { SL_NEIGHBOUR_LINKS = 4, SL_NEIGHBOUR_PLACES = 8 };

typedef struct sl_neighbours sl_neighbours;

/* One protocol with one neighbour. */
typedef struct sl_talk {
    bool open;            /* the adjacency is up, and both ends speak it: the channel is there */
    bool missed;          /* it said something while it was held down */
    uint8_t ours, theirs; /* what each end calls it; of an open one */
    uint8_t epoch;        /* the last one with this id */
    slow_time renewed_at; /* for holding too much; 0 = never */
    sl_channel channel;
    /* What came on a stream while the neighbour is not read; all of one epoch, in order, none of it acknowledged. */
    sl_channel_message *held, **held_end;
    uint32_t held_count, held_last;
    uint8_t held_epoch;
    bool passed_over; /* something came on datagrams meanwhile, which has to come again */
    bool anew;        /* it has begun anew meanwhile, as an acknowledgement shows, with this epoch */
    uint8_t anew_epoch;
    /* What it said, was refused, and may count some day. */
    bool refused;         /* ... by another list of revoked keys */
    uint64_t counts_from; /* ... by time: seconds since 1970; 0 = nothing */
    slow_time look_at;    /* when to look at the clock; 0 = not */
    slow_time reread_at;  /* when it was last made to say all again; 0 = never */
} sl_talk;

typedef struct sl_neighbour {
    sl_neighbours *all;
    slow_id id;
    uint64_t start;
    uint64_t start_before; /* whose place this one took; 0 = nobody's */
    unsigned turns;        /* how often the one before has come back, since turned_at */
    slow_time turned_at;
    slow_link adjacency; /* 0 = down */
    sl_link *links[SL_NEIGHBOUR_PLACES], *best;
    uint32_t link_count;
    uint32_t uses;               /* forwarding entries that chose it */
    uint32_t cost;               /* last told to the strategies */
    sl_protocols protocols;      /* that it speaks, as it last told us; of this start */
    uint32_t told;               /* the generation of ours that it is known to have */
    slow_time tell_at;           /* when to tell it of ours again; 0 = with the next flush, if it does not have it */
    unsigned tells;              /* how often that was told in vain */
    bool told_us;                /* its list came, and it waits for our word that it did */
    sl_talk talks[SL_NAMES_MAX]; /* by the place of the protocol in `all` */
    sl_timer *timer;
    sl_budget budget;      /* signatures that it may make us check, and what else; of all its starts */
    sl_budget ups;         /* how often it may come up; of all its starts */
    bool leaf;             /* by its role; while it is up, that of when it came up counts */
    sl_doubt doubt;        /* of this adjacency */
    sl_timer *doubt_timer; /* NULL = it never gave cause */
    uint32_t flaps;
    slow_time up_at, held_until, down_at;
} sl_neighbour;

/* All [loop]; down() comes before the number and the talks die. None may be answered with a call that ends an adjacency. */
typedef struct sl_neighbour_events {
    void *arg;
    void (*up)(void *arg, sl_neighbour *);
    void (*changed)(void *arg, sl_neighbour *);
    void (*down)(void *arg, sl_neighbour *, slow_link adjacency);
    void (*message)(void *arg, sl_neighbour *, const char *protocol, slow_bytes);
    /* Of an adjacency that is up: both ends speak this protocol now; one does no longer. One after the other where the
     * talk is begun anew. */
    void (*met)(void *arg, sl_neighbour *, const char *protocol);
    void (*parted)(void *arg, sl_neighbour *, const char *protocol);
} sl_neighbour_events;

struct sl_neighbours {
    sl_loop *loop;
    const sl_log *log;
    sl_stats *stats;
    const slow_id *self;
    const sl_protocols *protocols; /* ours */
    sl_neighbour_events events;
    sl_log_rate rate_unread, rate_doubt, rate_twice;
    sl_neighbour **sorted; /* by id */
    uint32_t count, capacity;
    sl_slots adjacencies;
    char names[SL_NAMES_MAX][SL_NAME_SIZE]; /* of talks; a place is kept for as long as there are others */
    unsigned places;                        /* with a name */
};
#endif
