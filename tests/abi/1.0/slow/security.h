/* slow/security.h - who is at the other end, and an AEAD. Pure: bytes in, bytes out.
 *
 * The same sessions protect links and pairs. Indices, counters, replay windows, cookies, framing, and who may be a member
 * under which id are the core's: one path for every security plugin.
 *
 * A handshake has three messages, initiator first; the shape is that of Noise XX (Noise Protocol Framework, rev. 34, 7.5).
 * Each carries a payload of the core's, sealed as far as the pattern allows: in message 1 that is by what both ends have
 * beforehand (with Noise XXpsk0 the network's key), or not at all. */
#ifndef SLOW_SECURITY_H
#define SLOW_SECURITY_H
#include "plugin.h"

typedef struct slow_session slow_session; /* the plugin's */

/* What a security plugin does: slow_plugin.ops of a SLOW_SECURITY. All [loop]; all are there in every one,
 * but for seal and unseal where tag_size is 0. */
typedef struct slow_security_ops {
    uint32_t struct_size; /* sizeof, as the plugin was compiled */
    uint32_t tag_size; /* bytes, <= 16; 0 = no AEAD: seal and unseal are not called, and the core uses a random tag */
    /* This instance's static public key, made in create(); the core's identity signs it into the payload. Empty = none. */
    slow_bytes (*static_key)(void *self);
    /* Begins a handshake. Both ends give the same `prologue`, or it fails. The session is the host's until close(). */
    slow_status (*open)(void *self, bool initiator, slow_bytes prologue, slow_session **, slow_error *);
    /* One step. `in` is the peer's message. *peer_payload (in `in` or in the session; until the next call) is what came
     * with it; *peer_key is set once proved; *done when both ends have keys. SLOW_E_AUTH or SLOW_E_MALFORMED: the session
     * is as it was, and another message may be tried. So it may after SLOW_OK, until write() or *done: then it is as if the
     * one before had not been read. For it may be of somebody whom the core does not want. */
    slow_status (*read)(slow_session *, slow_bytes in, slow_bytes *peer_payload, slow_bytes *peer_key, bool *done);
    /* The next message, with `payload`, sealed as far as the pattern allows. The core judges the peer's key and payload
     * before it has the last message written. */
    slow_status (*write)(slow_session *, slow_bytes payload, uint8_t *out, size_t capacity, size_t *size, bool *done);
    /* In place, by the core's number, of which each is used once; `ad` is authenticated too. `tag` has room for tag_size. */
    void (*seal)(slow_session *, uint64_t number, slow_bytes ad, uint8_t *data, size_t size, uint8_t *tag);
    /* The reverse. SLOW_E_AUTH changes nothing. Numbers may come in any order; the core sees to repeated ones. */
    slow_status (*unseal)(slow_session *, uint64_t number, slow_bytes ad, uint8_t *data, size_t size,
                          const uint8_t *tag);
    void (*close)(slow_session *); /* keys are wiped; NULL is allowed */
} slow_security_ops;
#endif
