/* sender_state.h - what a sender is: the state that its files share, from the ground up outcome (what becomes of a message),
 * sender_out (what is sent) and sender (what its owner calls). */
#ifndef SL_SENDER_STATE_H
#define SL_SENDER_STATE_H
#include "fragments.h"
#include "recovery.h"
#include "sender_channel.h"

enum { SL_SENDER_PIECE = 256 * 1024 }; /* bytes sent in one call, and then what follows waits for the next */
#define SL_GRACE_NS (UINT64_C(10) * 1000 * 1000 * 1000) /* after the deadline: time to learn what became of it */

typedef struct sl_sender sl_sender;
typedef struct sl_sender_events {
    void *arg;
    /* The pair's next packet number: the one that the next send() will bear if it succeeds. */
    uint64_t (*number)(void *arg);
    /* Sends one package in the pair; type, kind, flags, priority, hop_limit (0 = the junction's), channel, message, offset,
     * total and payload are set. SLOW_OK: the number is used up. Else it was not sent (SLOW_E_AGAIN: no room, SLOW_E_NOROUTE),
     * and sl_sender_pump() comes when it is worth another try. */
    slow_status (*send)(void *arg, slow_package *);
    /* The adjacency by which the last package left; 0 = not known. What was sent by one arrived, or is lost; of what is under
     * way nothing was heard for long: true, it is to be probed for, whatever the timer says. All three, or NULL. */
    slow_link (*via)(void *arg);
    void (*fate)(void *arg, slow_link via, bool arrived, slow_time now);
    bool (*silent)(void *arg, slow_time now);
    /* A package of a traced message was sent, marked, with that number. */
    void (*traced)(void *arg, const sl_outgoing *, uint64_t packet, uint32_t offset);
    /* The outcome of a message, once each. The message may still be kept for its bar; it is freed by the sender. */
    void (*outcome)(void *arg, const sl_outgoing *, enum sl_outcome, enum sl_reason, slow_time now);
    /* A message has left the queue's account (it was settled), by so many bytes. */
    void (*released)(void *arg, size_t bytes);
} sl_sender_events;

/* For tests that show what a rule is for: takes it out. */
enum sl_sender_break { SL_SENDER_WHOLE, SL_SENDER_WINDOW_OFF_BY_3, SL_SENDER_RESENDS_INTO_A_NEW_PAIR };

struct sl_sender {
    sl_sender_events events;
    sl_recovery *recovery; /* NULL: no pair */
    sl_sender_channel **channels;
    uint8_t place[SLOW_CHANNELS]; /* in `channels`, from 1; 0 = not used yet */
    uint8_t channel_count;
    uint32_t piece; /* bytes that the last sl_sender_send() sent */
    bool blocked;   /* what was to be sent was refused: nothing more in this call */
    bool ask;       /* some channel is to be asked */
    bool stopping;  /* what comes back to the queue has no future */
    enum sl_sender_break broken;
    sl_sender_channel *turn; /* with something in the queue */
    sl_outgoing_list lost;   /* unfinished, with fragments that are to be sent again */
    sl_outgoing *current;    /* with fragments that were never sent, and may be */
    slow_time deadline_at;   /* not later than the next deadline or end of a grace */
    slow_time poll_at;
    uint64_t credit, state_packet; /* that set the credit */
    uint64_t queued_bytes, unfinished_bytes, retransmitted;
    uint32_t queued, unfinished, pending;
    slow_time sign_at; /* of silence, the last one */
    slow_time told_at; /* when what recovery tells now came to be */
};

static inline slow_time sl_earlier(slow_time a, slow_time b) {
    return a < b ? a : b;
}
static inline slow_time sl_later(slow_time a, slow_time b) {
    return a > b ? a : b;
}
static inline sl_sender_channel *sl_sender_channel_of(const sl_sender *s, uint8_t number) {
    uint8_t place = s->place[number % SLOW_CHANNELS];
    return place != 0 ? s->channels[place - 1] : NULL;
}
#endif
