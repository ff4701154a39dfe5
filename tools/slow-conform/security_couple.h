/* security_couple.h - two ends and a session at each, stepped through a handshake message by message; what is expected of a step
 * is judged in it. */
#ifndef SECURITY_COUPLE_H
#define SECURITY_COUPLE_H
#include "conform.h"
#include <slow/security.h>

enum { COUPLE_MESSAGE_MAX = 4096, COUPLE_TAG = 16, COUPLE_PLAIN = 200 };

typedef struct couple_message {
    uint8_t bytes[COUPLE_MESSAGE_MAX];
    size_t size;
} couple_message;

/* [0] is the initiator's. */
typedef struct couple {
    conform *conform;
    const slow_security_ops *ops;
    conform_instance ends[2];
    slow_session *sessions[2];
    bool done[2];
    couple_message sent[3];
} couple;

/* Both ends in the plugin's own config, or the initiator in another; sessions are open. */
couple *couple_new(conform *, const void *initiators_config, uint64_t seed);
void couple_free(couple *);
void couple_open(couple *, const char *prologue, const char *responders_prologue);
void couple_close(couple *);

slow_bytes couple_payload(int step);
/* Plain calls. */
slow_status couple_try_write(couple *, int end, slow_bytes payload, uint8_t *out, size_t capacity, size_t *size);
slow_status couple_try_read(couple *, int end, slow_bytes in);
/* Steps of a handshake, which have to succeed: 0 and 2 are the initiator's, and are read by the other. */
void couple_write(couple *, int step);
void couple_read(couple *, int step);
void couple_shake(couple *, int steps);
slow_bytes couple_sent(const couple *, int step);
/* A step's message, or one made of it, is refused, and the handshake is not done. `what` follows "took". */
void couple_refuses(couple *, int step, slow_bytes in, const char *what, size_t which);

/* One sealed frame of `from`, and what was in it. */
typedef struct couple_frame {
    uint64_t number;
    uint8_t ad[20], plain[COUPLE_PLAIN], data[COUPLE_PLAIN], tag[COUPLE_TAG];
    size_t size;
} couple_frame;

void couple_seal(couple *, int from, couple_frame *, uint64_t number, size_t size);
slow_status couple_unseal(couple *, int to, couple_frame *);
void couple_frame_opens(couple *, int to, const couple_frame *);
/* And is as it was. `what` follows "opened a frame". */
void couple_frame_fails(couple *, int to, const couple_frame *, const char *what, uint64_t which);
#endif
