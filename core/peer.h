/* peer.h - the junctions that we have something to do with reliably: for each one a pairing, what we send it, what we take
 * from it, and one timer.
 *
 * A peer is there while a pair is, or a message waits for one; nothing is kept of those that were. At most SL_PAIRS_MAX
 * have a pair: of more, the one that was silent longest and owes nothing is forgotten, which costs it an opening.
 *
 * What happens in a turn of the loop is answered at its end: one STATE for all the packages that a bundle brought, and one
 * look at what may be sent. */
#ifndef SL_PEER_H
#define SL_PEER_H
#include "loop.h"
#include "pairing.h"
#include "receiver.h"
#include "sender.h"

enum { SL_PAIRS_MAX = 4096, SL_PEERS_MAX = 65536 };
#define SL_SEND_BUDGET (UINT64_C(64) * 1024 * 1024) /* bytes of all messages without an outcome */

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
    sl_hint hint;     /* what was heard last since the call */
} sl_result;

typedef struct sl_peers_events {
    void *arg;
    /* Sends a package in `session`, with that packet number. session 0: outside of a pair; the number is up to who is called. */
    slow_status (*send)(void *arg, const slow_id *dst, slow_package *, uint64_t session, uint64_t packet);
    void (*outcome)(void *arg, const sl_result *);
    void (*released)(void *arg, const slow_id *peer, size_t bytes);
    /* A message for the application: it calls sl_peers_held() and sl_peers_taken(). */
    void (*offer)(void *arg, const sl_message *);
    bool (*withdraw)(void *arg, sl_arrival *);
    /* A package of a traced message was sent, marked. */
    void (*traced)(void *arg, const sl_outgoing *, uint64_t session, uint64_t packet, uint32_t offset);
} sl_peers_events;

/* For tests that show what a rule is for: those that all pairs from now on break. */
typedef struct sl_broken {
    enum sl_receiver_break receiver;
    enum sl_sender_break sender;
    enum sl_pairing_break pairing;
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
    sl_peer *first; /* all, the newest first */
    sl_peer
        *recent; /* that was asked for last, and is before all hashing: packages and messages come in runs; or NULL */
    sl_peer_stuck no_room, no_route;
    sl_peer_stuck served;      /* no room, but for a part: they come after those who got nothing */
    uint64_t waiting;          /* bytes of messages without an outcome */
    uint32_t pending;          /* and how many they are */
    slow_time forgotten_at;    /* whoever is not here has had no pair since then */
    slow_time knocked_at[256]; /* by hash: when a stranger was knocked at */
    sl_broken broken;
} sl_peers;

typedef struct sl_peer_info {
    slow_id id;
    bool paired;
    slow_time heard_ns; /* how long ago; 0 without a pair */
    sl_sender_info sender;
    uint64_t receiving; /* bytes */
    uint32_t unread;    /* messages that wait for the application */
    sl_hint hint;
} sl_peer_info;

/* SLOW_E_NOMEM leaves nothing behind. */
slow_status sl_peers_init(sl_peers *, sl_loop *, sl_stats *, const slow_id *self, const uint8_t hash_key[SL_HASH_KEY],
                          const sl_peers_events *);
/* Messages that are left end as unknown, or not delivered: closed. */
void sl_peers_free(sl_peers *);
/* SLOW_E_AGAIN: that destination, or all together, have too much waiting; SLOW_E_NOMEM: then it is the caller's still. */
slow_status sl_peers_send(sl_peers *, sl_outgoing *);
/* Data with SLOW_RELIABLE, KNOCK, OPEN, ASK, STATE. */
void sl_peers_receive(sl_peers *, const slow_package *);
/* There may be room on a link, or a route, that was not there before. */
void sl_peers_room(sl_peers *);
void sl_peers_routes(sl_peers *);
/* A relay dropped a package of ours to there. */
void sl_peers_hint(sl_peers *, const slow_id *dst, const sl_hint *);
/* The junction closes: see sl_sender_stop(). */
void sl_peers_stop(sl_peers *);
/* What is still pending becomes unknown: closed. */
void sl_peers_abandon(sl_peers *);
/* Messages without an outcome. */
uint32_t sl_peers_pending(const sl_peers *);
/* What the application did with a message. */
void sl_peers_held(sl_peers *, sl_arrival *);
void sl_peers_taken(sl_peers *, sl_arrival *);
/* It is no message that could be handed over: its sender hears that it was not delivered. */
void sl_peers_refused(sl_peers *, sl_arrival *);
/* Fills in at most `capacity`, ordered by id; returns how many there are. */
size_t sl_peers_info(const sl_peers *, sl_peer_info *, size_t capacity);
#endif
