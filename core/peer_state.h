/* peer_state.h - what peers are: the state that their files share, from the ground up peer_table (which there are) and peer
 * (what one does, and what its owner calls). */
#ifndef SL_PEER_STATE_H
#define SL_PEER_STATE_H
#include "loop.h"
#include "pair_guard.h"
#include "pairing.h"
#include "receiver.h"
#include "sender.h"
#include "way.h"

/* What a relay said of a package of ours: a hint, and never an outcome. */
typedef struct sl_hint {
    slow_id by;     /* size 0 = none */
    uint8_t reason; /* enum sl_drop_reason */
    slow_time at;
} sl_hint;

typedef struct sl_result {
    const sl_outgoing *message;
    enum sl_outcome outcome;
    enum sl_reason reason;
    slow_time rtt_ns; /* from the call to the outcome */
    sl_hint hint;     /* what was heard since it was last sent; of one that did not arrive */
    bool arrived;     /* all of it: it waits there for somebody who takes it */
    enum sl_opening_end opening;
} sl_result;

typedef struct sl_peers_events {
    void *arg;
    /* Sends a package in `session`, with that packet number. session 0: outside of a pair; the number is up to who is called.
     * `way`: of the peer; NULL = there is none. */
    slow_status (*send)(void *arg, const slow_id *dst, slow_package *, uint64_t session, uint64_t packet,
                        const sl_way *way);
    /* By which adjacency the last package to there left: 0 = not by one alone, or that neighbour is the destination. What was
     * sent by one arrived, or is lost; packages arrive at one more peer (+1), or one less, but not by that one; there has been
     * silence since then of what goes by it. All four, or NULL. */
    slow_link (*via)(void *arg, const slow_id *dst);
    void (*fate)(void *arg, slow_link via, bool arrived);
    void (*convicted)(void *arg, slow_link via, const slow_id *dst, int change);
    void (*silent)(void *arg, slow_link via, const slow_id *dst, slow_time since);
    void (*outcome)(void *arg, const sl_result *);
    void (*released)(void *arg, const slow_id *peer, size_t bytes);
    /* A message for the application: it calls sl_peers_held() and sl_peers_taken(). */
    void (*offer)(void *arg, const sl_message *);
    bool (*withdraw)(void *arg, sl_arrival *);
    /* With security. A pair began: what waits for it can be sent. */
    void (*opened)(void *arg);
    /* A package of best effort, out of its seal. */
    void (*once)(void *arg, const slow_package *);
    /* A package left in a pair, but of best effort, as it was before it was sealed; for checkers. May be NULL. */
    void (*sent)(void *arg, const slow_package *);
    /* A package of a traced message was sent, marked. */
    void (*traced)(void *arg, const sl_outgoing *, uint64_t session, uint64_t packet, uint32_t offset);
} sl_peers_events;

/* For tests that show what a rule is for: those that all pairs from now on break. */
typedef struct sl_broken {
    enum sl_receiver_break receiver;
    enum sl_sender_break sender;
    enum sl_pairing_break pairing;
    bool blind;     /* nobody notices that nothing arrives */
    uint64_t start; /* drawn once, where numbers are by start */
} sl_broken;

typedef struct sl_peer sl_peer;
/* Peers to whom the last package could not be sent, in the order in which they are tried again. */
typedef struct sl_peer_stuck {
    sl_peer *first, **end;
    uint32_t count;
} sl_peer_stuck;

typedef struct sl_peers {
    sl_loop *loop;
    sl_stats *stats;
    const slow_id *self;
    const uint8_t *hash_key;
    sl_peers_events events;
    sl_receive_budget budget;
    sl_pairing_limits limits;
    sl_peer **buckets; /* a power of two of them, chained */
    uint32_t bucket_count, count, pairs, pairs_most;
    sl_peer *first;  /* all, the newest first */
    sl_peer *recent; /* that was asked for last, before all hashing: packages and messages come in runs; or NULL */
    sl_peer_stuck no_room, no_route;
    sl_peer_stuck served;      /* no room, but for a part: they come after those who got nothing */
    uint64_t waiting;          /* bytes of messages without an outcome */
    uint32_t pending;          /* and how many they are */
    slow_time forgotten_at;    /* whoever is not here has had no pair since then */
    slow_time knocked_at[256]; /* by hash: when a stranger was knocked at */
    bool sealed;               /* with security */
    sl_pair_guard guard;       /* then */
    sl_broken broken;
} sl_peers;

struct sl_peer {
    sl_peers *all;
    sl_peer *next, **here; /* of all */
    sl_peer *chained;      /* in its bucket */
    sl_peer *next_stuck, **stuck;
    sl_peer_stuck *stuck_in; /* NULL = it is not */
    bool served;             /* something was sent to it since its last turn */
    slow_id id;
    uint32_t hash;
    sl_pairing pairing;
    sl_sender *sender;
    sl_receiver *receiver; /* of the pair; NULL = there is none */
    uint64_t last_packet;
    uint64_t once_next, once_end; /* numbers that are set aside for best effort */
    slow_time once_until;         /* best effort waits for a pair */
    slow_time checked_at;         /* when membership was last asked */
    slow_time describe_from;      /* not again before */
    sl_way way;
    slow_link via;                  /* by which the last package left */
    slow_link told[SL_WAY_AVOIDED]; /* of whom convicted() was told */
    slow_time probed_at;            /* for the silence on it */
    enum sl_pair_kind said;         /* last, and nothing came of it yet; 0 = nothing was */
    sl_timer *timer;
    sl_deferred turn;
    sl_hint hint;
};
#endif
