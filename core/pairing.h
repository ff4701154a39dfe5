/* pairing.h - how two ends come to have a pair, keep it, and notice that the other has forgotten it; pure.
 *
 * A pair is two random numbers, one drawn by each end for this pair alone. So a package of a number that is not known was
 * meant for a pair that is over, and dropping it is always right: nothing has to be remembered of what was forgotten.
 *
 * Always the end with the lower id opens, so nobody opens from both sides; the other one says KNOCK. OPEN1, OPEN2, OPEN3
 * make the lower end open on OPEN2, the higher on OPEN3, so a copy of an old OPEN1 opens nothing. OPEN1 says which pair
 * its author still has (`was`): who has that one, too, answers in it, and all stays as it is.
 *
 * A new pair ends the old one, of which the other end may have forgotten everything, or nothing. `alone` tells which:
 * for how long its author has had no pair with us. What was first sent in that time cannot have been taken there, and
 * goes again; what was sent before is unknown. It is told 1 % short, since two clocks differ.
 *
 * Source: the rules were run as a model over thousands of seeds of loss, late copies and restarts before they stood here;
 * two-way openings, numbers for each start, and `alone` left out each failed there. */
#ifndef SL_PAIRING_H
#define SL_PAIRING_H
#include "delivery_wire.h"

enum { SL_HALVES_A_PEER = 4, SL_HALVES = 256, SL_OPENINGS_UNASKED = 256 };

/* For tests that show what a rule is for: takes it out. By start: one number for all pairs of a process, and a package of an
 * unknown one begins a pair at the higher end. Two-way: the higher end is open on OPEN1. */
enum sl_pairing_break { SL_PAIRING_WHOLE, SL_BREAK_NUMBERS_BY_START, SL_BREAK_TWO_WAY };

typedef struct sl_pairing_events {
    void *arg;
    uint64_t (*draw)(void *arg); /* a random number, not 0 */
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
} sl_pairing_limits;

/* An OPEN2 that was said, at the higher end. */
typedef struct sl_half {
    uint64_t theirs, mine; /* 0 = none */
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
    uint64_t mine, theirs; /* 0 = there is none */
    slow_time alone_since, heard_at;
    uint32_t alone_ms; /* as it was when this pair began */
    /* The lower end: opening, and its repeated OPEN3. */
    uint64_t opening, was;
    bool unasked; /* and nothing of ours waits: it counts against the limit */
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
/* Gives back what it counted; nothing is said, and no event comes. */
void sl_pairing_end(sl_pairing *);
/* Something waits for a pair, or nothing does any more. */
void sl_pairing_want(sl_pairing *, bool wanted, slow_time now);
/* KNOCK or OPEN1..3 of this peer. */
void sl_pairing_heard(sl_pairing *, enum sl_pair_kind, const sl_open *, slow_time now);

enum sl_session { SL_SESSION_OURS, SL_SESSION_OLD, SL_SESSION_UNKNOWN };
/* A package of the peer's with this number. OURS: it is to be taken. OLD: of another pair; to be dropped. UNKNOWN: there is
 * no pair; an opening was begun. */
enum sl_session sl_pairing_session(sl_pairing *, uint64_t session, slow_time now);
/* Ends the pair as forgotten, if there is one. */
void sl_pairing_forget(sl_pairing *, slow_time now);
/* There may be a way to it that was not there before: what could not be said is said now. */
void sl_pairing_kick(sl_pairing *, slow_time now);
slow_time sl_pairing_due(const sl_pairing *); /* UINT64_MAX = no timer */
void sl_pairing_timer(sl_pairing *, slow_time now);
/* May all of it be forgotten? */
bool sl_pairing_is_idle(const sl_pairing *);
#endif
