/* receiver.h - the receiving half of a pair: fragments to messages, the order in which they are handed over, and what is
 * said of them; pure but for what its events do.
 *
 * Of each channel the last SL_WINDOW numbers are known, as open, held (the application has it), taken (and is done with it)
 * or barred (the sender gave it up, and nobody will ever see it). A message that is whole and may be handed over is offered
 * to the floor above, as an `arrival`, and stays open until that says it is held: until then a bar can still withdraw it.
 *
 * An arrival outlives its receiver when the pair ends: what is whole is still handed over. */
#ifndef SL_RECEIVER_H
#define SL_RECEIVER_H
#include "delivery_wire.h"
#include "stats.h"

/* What all pairs of a junction may hold of messages that are not taken, in all; what is kept beside their bytes counts. */
typedef struct sl_receive_budget {
    uint64_t used, most; /* bytes */
    uint32_t channels;   /* that are used, each of which is remembered */
} sl_receive_budget;
enum { SL_ARRIVAL_AROUND = 256 }; /* bytes: what the floor above may keep beside an arrival */
enum { SL_RECEIVE_CHANNELS = 65536 };
#define SL_RECEIVE_BUDGET (UINT64_C(64) * 1024 * 1024)
#define SL_RECEIVE_FIRST (256u * 1024u)          /* bytes: the credit of a new pair, and the least there is */
#define SL_RECEIVE_MESSAGE (16u * 1024u * 1024u) /* bytes: the largest message, and the most credit */

typedef struct sl_receiver sl_receiver;

/* A whole message. The floor above owns it from `offer` on, until sl_arrival_taken() or `withdraw`. */
typedef struct sl_arrival {
    struct sl_arrival *next, **here; /* the receiver's, as long as there is one: of all */
    struct sl_arrival *chain;        /* of those that are open, in their bucket */
    uint64_t *have;                  /* a bit a fragment, until all are there; NULL where one is all */
    uint32_t got;                    /* bytes */
    bool whole, offered, held;
    sl_receiver *receiver; /* NULL: the pair has ended */
    sl_receive_budget *budget;
    void *arg; /* the floor above's own */
    uint64_t number;
    uint16_t kind, flags;
    uint8_t type, channel, hops; /* hops: of the fragment that came last */
    uint32_t size;
    uint8_t bytes[]; /* and a zero behind */
} sl_arrival;

typedef struct sl_receiver_events {
    void *arg;
    /* A message may be handed over. May tell at once that it is held, or taken. */
    void (*offer)(void *arg, sl_arrival *);
    /* Its sender bars it: take it back from where it waits. True: nobody has it and nobody will; the receiver frees it. False: it
     * is held already, if only by a moment, and its sender hears that. */
    bool (*withdraw)(void *arg, sl_arrival *);
} sl_receiver_events;

/* NULL = no memory. The budget and stats are the junction's. */
sl_receiver *sl_receiver_new(sl_receive_budget *, sl_stats *, const sl_receiver_events *);
void *sl_receiver_arg(const sl_receiver *); /* the events' */
/* The pair has ended: fragments are forgotten, what is whole and in turn has been offered, what is not in turn is forgotten; arrivals
 * stay with the floor above. */
void sl_receiver_free(sl_receiver *);

/* A reliable package of data, whose session is the pair's; any values in it. May offer. */
void sl_receiver_data(sl_receiver *, const slow_package *, slow_time now);
/* An ASK, in packet number `packet`. May withdraw, and offer. */
void sl_receiver_ask(sl_receiver *, const sl_ask *, uint64_t packet, slow_time now);

/* Was it told already what became of that message? Who asks for it has not heard. */
bool sl_receiver_has_told(const sl_receiver *, uint8_t channel, uint64_t number);

/* [loop] The application has it. */
void sl_arrival_held(sl_arrival *);
/* [loop] The application is done with it, which is what its sender will hear; frees it. */
void sl_arrival_taken(sl_arrival *);
/* [loop] It is no message that anybody could have: its sender hears that it was not delivered; frees it. */
void sl_arrival_refused(sl_arrival *);
/* [loop] Nobody will ever have it, and nothing is said: at the end of a junction; frees it. */
void sl_arrival_drop(sl_arrival *);

/* When a STATE is to be sent: 0 = at the end of this turn, UINT64_MAX = not at all. */
slow_time sl_receiver_due(const sl_receiver *);
/* Fills in the next STATE that is to be sent, one channel each; false when there is none. It goes as said: should it not be
 * sent, an ASK will come. */
bool sl_receiver_state(sl_receiver *, sl_state *, slow_time now);
/* The next STATEs describe all as it stands, for an opening that is cancelled by it. */
void sl_receiver_describe(sl_receiver *);
/* Bytes of messages that are not taken, those of which fragments are missing included. */
uint64_t sl_receiver_bytes(const sl_receiver *);
uint32_t sl_receiver_waiting(const sl_receiver *); /* messages that were offered and are not taken */

/* For tests that show what a rule is for: takes it out. */
enum sl_receiver_break { SL_BREAK_NOTHING, SL_BREAK_HELD_IS_BARRED, SL_BREAK_NO_ORDER, SL_BREAK_NO_LATEST };
void sl_receiver_break(sl_receiver *, enum sl_receiver_break);
#endif
