/* pairing.h - how two ends come to have a pair, keep it, and notice that the other has forgotten it; pure.
 *
 * A pair is two random numbers, one drawn by each end for this pair alone. So a package of a number that is not known was
 * meant for a pair that is over, and dropping it is always right: nothing has to be remembered of what was forgotten.
 *
 * Always the end with the lower id opens, so nobody opens from both sides; the other one says KNOCK. OPEN1, OPEN2, OPEN3
 * make the lower end open on OPEN2, the higher on OPEN3, so a copy of an old OPEN1 opens nothing. OPEN1 says which pair
 * its author still has (`was`, by the number that the higher end drew, which nobody else can make it draw): who has that one,
 * too, answers in it, and all stays as it is.
 *
 * A new pair ends the old one, of which the other end may have forgotten everything, or nothing. `alone` tells which:
 * for how long its author has had no pair with us. What was first sent in that time cannot have been taken there, and
 * goes again; what was sent before is unknown. It is told 1 % short, since two clocks differ.
 *
 * With security the OPENs carry a handshake, and what came of it is the pair's seal: one for each opening at the lower end
 * and for each half at the higher, moved into the pair as it begins. An OPEN that is repeated repeats the same bytes, so
 * `alone` is then as it was when they were first said: less than it could be, which is safe. Of an OPEN2 or OPEN3 nothing is
 * believed before its handshake was read and its author judged. What can be read without a handshake is a hint, and so is an
 * OPEN that has none where we have security: it begins nothing, and is only remembered (`plain_at`).
 *
 * Numbers can be read by all who carry them, so whoever saw an OPEN1 can make up another one of the same number, or answer
 * it. Therefore, with security, a half is that of one OPEN1, byte for byte, by one way, and there may be several of a number;
 * an opening goes on after an answer that was forged or refused, and takes the next one (after a few it has a budget for
 * each way, which is the owner's); and the higher end knocks whatever halves it has, for they may be anybody's. Nor does anybody
 * have to be in the mesh to be spoken for: so what a way can have us keep, of halves and of openings that it asked for, is a
 * share of all that there may be.
 *
 * Source: the rules were run as a model over thousands of seeds of loss, late copies and restarts before they stood here;
 * two-way openings, numbers for each start, and `alone` left out each failed there. */
#ifndef SL_PAIRING_H
#define SL_PAIRING_H
#include "delivery_wire.h"

enum { SL_HALVES_A_PEER = 4, SL_HALVES = 256, SL_HALVES_A_WAY = 64, SL_OPENINGS_UNASKED = 256, SL_UNASKED_A_WAY = 64 };

/* For tests that show what a rule is for: takes it out. By start: one number for all pairs of a process, and a package of an
 * unknown one begins a pair at the higher end. Two-way: the higher end is open on OPEN1. */
enum sl_pairing_break { SL_PAIRING_WHOLE, SL_BREAK_NUMBERS_BY_START, SL_BREAK_TWO_WAY };

/* The handshakes of a junction with security. What a seal is, is the owner's. */
typedef struct sl_pair_seal sl_pair_seal;
typedef struct sl_pairing_seals {
    /* Of an opening with this number of the lower end's. NULL = no memory. */
    sl_pair_seal *(*begin)(void *arg, uint64_t lower_number, uint64_t was);
    /* Makes the handshake of an OPEN of ours. False: no memory; the seal is of no more use. */
    bool (*write)(void *arg, sl_pair_seal *, enum sl_pair_kind, const sl_open *);
    slow_bytes (*written)(sl_pair_seal *);
    /* One of the peer's: SL_OPEN_FORGED changed nothing. After SL_OPEN_REFUSED another OPEN2 may be read, but no other OPEN3. */
    enum sl_pairing_heard {
        SL_OPEN_GOOD,
        SL_OPEN_FORGED,
        SL_OPEN_REFUSED
    } (*read)(void *arg, sl_pair_seal *, enum sl_pair_kind, const sl_open *);
    bool (*may_read)(void *arg, uint8_t way); /* one more OPEN2 that came by this way, after a few for one OPEN1 */
    bool (*is_of)(sl_pair_seal *, slow_bytes open1); /* is this the OPEN1 that it read? */
    void (*end)(sl_pair_seal *);                     /* NULL is allowed */
} sl_pairing_seals;

typedef struct sl_pairing_events {
    void *arg;
    const sl_pairing_seals *seals; /* NULL = no security */
    uint64_t (*draw)(void *arg);   /* a random number, not 0 */
    /* False: there is no way to the peer, or no room on it. */
    bool (*say)(void *arg, enum sl_pair_kind, const sl_open *);
    /* The pair that was there is over: see sl_sender_close(). It is still named by `mine` and `theirs`. */
    void (*ended)(void *arg, slow_time since, slow_time now);
    /* `mine` and `theirs` are open; rtt_ns 0 = unknown. False = no memory: there is no pair then. */
    bool (*began)(void *arg, slow_time rtt_ns, slow_time now);
    void (*describe)(void *arg); /* answer in the pair, with a STATE */
} sl_pairing_events;

/* What strangers can make a junction remember, over all peers. */
typedef struct sl_pairing_limits {
    uint32_t halves, unasked;
    uint16_t halves_of[256], unasked_of[256]; /* with security, of each way: so nobody can have all of them */
} sl_pairing_limits;

/* An OPEN2 that was said, at the higher end. */
typedef struct sl_half {
    uint64_t theirs, mine; /* 0 = none */
    sl_pair_seal *seal;
    uint32_t alone_ms; /* as its OPEN2 first said */
    uint8_t way;       /* by which its OPEN1 came */
    slow_time until, said_at;
    bool again; /* said more than once: its round trip is not known */
} sl_half;

typedef struct sl_pairing {
    const sl_pairing_events *events;
    void *arg; /* for the events, of this peer */
    sl_pairing_limits *limits;
    bool lower;            /* our id is the lower one */
    bool wanted;           /* something waits for a pair */
    bool proven;           /* something came in this pair: the other end has it */
    bool unsaid;           /* the last word could not be said */
    bool refused;          /* the peer's handshake was refused here, and no pair has begun since */
    uint8_t asked;         /* OPENs and KNOCKs that were said since a pair began that was proven */
    uint64_t mine, theirs; /* 0 = there is none */
    sl_pair_seal *seal;    /* of the pair; NULL = it has none */
    slow_time plain_at;    /* when an OPEN without a handshake came last, and there was no pair; 0 = never */
    slow_time alone_since, heard_at;
    uint32_t alone_ms; /* as it was when this pair began */
    /* The lower end: opening, and its repeated OPEN3. */
    uint64_t opening, was;
    sl_pair_seal *opening_seal; /* NULL: to be begun with the next OPEN1 */
    uint8_t heard;              /* OPEN2s that were read since OPEN1 was last said, up to those that are free */
    bool unasked;               /* and nothing of ours waits: it counts against the limit */
    uint8_t unasked_way;        /* by which it was asked for, then */
    uint8_t open1_count, open3_count;
    slow_time open1_at, open1_said_at, open3_at;
    /* The higher end. */
    sl_half halves[SL_HALVES_A_PEER];
    slow_time knock_at, knocked_at; /* 0 = not; was never */
    enum sl_pairing_break broken;
} sl_pairing;

/* `alone_since`: since when there has certainly been no pair with this peer. */
void sl_pairing_init(sl_pairing *, const sl_pairing_events *, void *arg, sl_pairing_limits *, bool lower,
                     slow_time alone_since);
/* Has somebody no room any more who speaks first, by this way, to an end that is the lower one, or is not? */
bool sl_pairing_is_full(const sl_pairing_limits *, bool lower, bool sealed, uint8_t way);
/* Gives back what it counted; nothing is said, and no event comes. */
void sl_pairing_end(sl_pairing *);
/* Something waits for a pair, or nothing does any more. */
void sl_pairing_want(sl_pairing *, bool wanted, slow_time now);
/* KNOCK or OPEN1..3 of this peer. `way`: something of the neighbour that brought it; with security nobody who is on another
 * way than the peer can have its halves given up for his own. */
void sl_pairing_heard(sl_pairing *, enum sl_pair_kind, const sl_open *, uint8_t way, slow_time now);

enum sl_session { SL_SESSION_OURS, SL_SESSION_OLD, SL_SESSION_UNKNOWN };
/* A package of the peer's with this number, by this way. OURS: it is to be taken. OLD: of another pair; to be dropped.
 * UNKNOWN: there is no pair; an opening was begun. */
enum sl_session sl_pairing_session(sl_pairing *, uint64_t session, uint8_t way, slow_time now);
/* Ends the pair as forgotten, if there is one. */
void sl_pairing_forget(sl_pairing *, slow_time now);
/* There may be a way to it that was not there before: what could not be said is said now. */
void sl_pairing_kick(sl_pairing *, slow_time now);
/* Why there is no pair that is proven, as far as that shows here: who refuses an opening does not say so. */
enum sl_opening_end { SL_OPENING_WELL, SL_OPENING_UNANSWERED, SL_OPENING_REFUSED /* by us */ };
enum sl_opening_end sl_pairing_opening(const sl_pairing *);
slow_time sl_pairing_due(const sl_pairing *); /* UINT64_MAX = no timer */
void sl_pairing_timer(sl_pairing *, slow_time now);
/* May all of it be forgotten? */
bool sl_pairing_is_idle(const sl_pairing *);
#endif
