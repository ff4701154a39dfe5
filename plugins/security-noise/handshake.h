/* handshake.h - one end of a Noise handshake, whatever its pattern: see handshake.c. Nothing is allocated, and what failed
 * has changed nothing. */
#ifndef NOISE_HANDSHAKE_H
#define NOISE_HANDSHAKE_H
#include "crypto.h"
#include "pattern.h"

enum { NOISE_MESSAGE_MAX = 65535 }; /* section 3 */

/* SymmetricState, with its CipherState (section 5). */
struct noise_symmetric {
    uint8_t chaining[NOISE_HASH_SIZE], hash[NOISE_HASH_SIZE], key[NOISE_KEY_SIZE];
    bool has_key;
    uint64_t number;
};

/* What begins one. The keys of long life, `local` and `psks`, are not copied, but pointed at: they stand in one place in memory,
 * which its owner protects, and outlive the handshake. */
struct noise_setup {
    const struct noise_protocol *protocol;
    bool initiator;
    slow_bytes prologue;
    const struct noise_keypair *local; /* static; NULL where the pattern needs none */
    const uint8_t *remote;             /* static, where the pattern knows it beforehand */
    const uint8_t (*psks)[NOISE_KEY_SIZE];
    size_t psk_count;
    void (*draw)(void *draw_arg, uint8_t secret[NOISE_KEY_SIZE]); /* an ephemeral secret */
    void *draw_arg;
};

struct noise_handshake {
    struct noise_protocol protocol;
    bool initiator, has_remote;
    uint8_t step, psk_next; /* messages, and psks, that were used */
    struct noise_symmetric symmetric;
    const struct noise_keypair *local; /* NULL where the pattern needs none */
    const uint8_t (*psks)[NOISE_KEY_SIZE];
    struct noise_keypair ephemeral;
    uint8_t remote[NOISE_KEY_SIZE], remote_ephemeral[NOISE_KEY_SIZE];
    void (*draw)(void *draw_arg, uint8_t secret[NOISE_KEY_SIZE]);
    void *draw_arg;
};

/* SLOW_E_INVAL: a key or a psk is missing that the protocol needs. */
slow_status noise_handshake_begin(struct noise_handshake *, const struct noise_setup *);
bool noise_handshake_done(const struct noise_handshake *);
bool noise_handshake_writes(const struct noise_handshake *); /* the next message is ours to write */
/* What the next message has besides its payload. */
size_t noise_handshake_overhead(const struct noise_handshake *);
/* SLOW_E_INVAL: not our turn; SLOW_E_TOOBIG, SLOW_E_NOSPACE; SLOW_E_AUTH: the peer's key is of small order. `payload` may
 * not overlap `out`. */
slow_status noise_handshake_write(struct noise_handshake *, slow_bytes payload, uint8_t *out, size_t capacity,
                                  size_t *size);
/* `payload` has room for in.size bytes, and may not overlap `in`. SLOW_E_INVAL: not our turn; SLOW_E_MALFORMED: too short or
 * too long; SLOW_E_AUTH. */
slow_status noise_handshake_read(struct noise_handshake *, slow_bytes in, uint8_t *payload, size_t *size);
/* Split(), when done. The handshake may be wiped then. */
void noise_handshake_split(const struct noise_handshake *, uint8_t send[NOISE_KEY_SIZE],
                           uint8_t receive[NOISE_KEY_SIZE]);
void noise_handshake_wipe(struct noise_handshake *);
#endif
