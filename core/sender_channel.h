/* sender_channel.h - one channel of a sender: the messages that wait for a number, and those that have one and are not
 * finished; pure.
 *
 * Unfinished ones lie in a ring by number, which is as long as the distance from the lowest to the highest asks for. */
#ifndef SL_SENDER_CHANNEL_H
#define SL_SENDER_CHANNEL_H
#include "delivery_wire.h"
#include "outgoing.h"

typedef struct sl_sender_channel {
    struct sl_sender_channel *next; /* the sender's: of those whose turn it is */
    sl_outgoing_list queue;
    sl_outgoing **slots;
    uint32_t capacity;
    uint32_t unfinished, barred, settled; /* the latter two are among the first */
    uint64_t lowest, following;           /* unfinished, or else the following; the number given next */
    uint64_t barred_below;                /* by a `latest` */
    uint64_t watched;                     /* the lowest when it was last looked at */
    slow_time poll_at, poll_wait;
    uint32_t asking; /* ASKs under way */
    uint8_t number;
    bool ask; /* one is to be sent */
    bool in_turn;
} sl_sender_channel;

/* NULL = no memory. */
sl_sender_channel *sl_sender_channel_new(uint8_t number);
/* Its messages are the sender's to free. */
void sl_sender_channel_free(sl_sender_channel *);
/* A new pair: numbers begin anew. There are no unfinished ones. */
void sl_sender_channel_reset(sl_sender_channel *);
/* Room for the following number. False = no memory. */
bool sl_sender_channel_reserve(sl_sender_channel *);
/* Gives the following number, for which there is room, to a message. */
void sl_sender_channel_place(sl_sender_channel *, sl_outgoing *);
/* The unfinished message of that number, or NULL. */
sl_outgoing *sl_sender_channel_get(const sl_sender_channel *, uint64_t number);
/* Forgets an unfinished one, and moves `lowest` on. */
void sl_sender_channel_remove(sl_sender_channel *, const sl_outgoing *);
/* What there is to ask: from where, and which are barred. What is finished between two barred ones may be in a range: a bar
 * changes nothing of it. */
void sl_sender_channel_ask(const sl_sender_channel *, sl_ask *);
#endif
