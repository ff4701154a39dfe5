/* security-noise: Noise_XXpsk0_25519_ChaChaPoly_SHA256 (Noise Protocol Framework, rev. 34) under slow/security.h.
 *
 *     -> psk, e            nobody without the network's key can make the tag of this message
 *     <- e, ee, s, es      and a payload
 *     -> s, se             and a payload
 *
 * XX, because neither end knows the other's static key: it is drawn at each start, and signed by the identity in the
 * payload, where the core judges it. psk0 and not psk3, because only psk0 puts a tag on message 1: a stranger is not
 * answered, and costs some hashes (4 us) instead of three operations on the curve (120 us). Without a network_key the psk is
 * all zero: the handshake is as secret and as proved then, but strangers get message 2.
 *
 * A peer's key is proved by the message that brings it: in XX the s is followed, in the same message, by the Diffie-Hellman
 * that needs its secret, and then by the payload's tag.
 *
 * Up to the first byte of message 1 nothing depends on the session but the prologue, which is the same for all links: the
 * state after that is kept, and copied. That halves what a stranger's message costs.
 *
 * A session has its handshake in memory of its own, since pairs live long and by the thousand: it goes with the last message,
 * and the payload that read() gave out goes at the next call. What a handshake holds is of that one session. The network's key
 * and the static key are in the instance alone, in protected pages; a handshake points at them. Pages of their own for each
 * handshake were rejected: strangers could have them made and unmade at the price of a datagram. */
#include "../common/error.h"
#include "epochs.h"
#include "handshake.h"
#include <slow/security.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of one message: more than the core has to say, and all that a remote can make us hold. */
enum { MESSAGE_MAX = 4096 };
enum { PROLOGUE_KEPT = 64 }; /* bytes */

struct options {
    const char *network_key;
    bool accelerate;
};

typedef struct noise {
    const slow_host *host;
    struct noise_protocol protocol;
    struct noise_keypair local;
    uint8_t psk[NOISE_KEY_SIZE];
    struct noise_cipher cipher;
    /* The last handshake that was begun, before any message, and its prologue; `begun.draw` is NULL where there is none. */
    struct noise_handshake begun;
    uint8_t prologue[PROLOGUE_KEPT];
    size_t prologue_size;
} noise;

struct slow_session {
    noise *owner;
    struct noise_handshake *handshake; /* NULL once it is done */
    struct noise_handshake *before;    /* as it was before the message that was read last, until we write; or NULL */
    uint8_t *payload;                  /* the peer's, until the next call; or NULL */
    size_t payload_size;
    bool open; /* `send` and `receive` are keys */
    struct noise_epochs send, receive;
    uint8_t peer_key[NOISE_KEY_SIZE];
};

/* ---- the instance ---- */

static slow_status key_of(const char *text, uint8_t key[NOISE_KEY_SIZE], slow_error *error) {
    size_t size = 0;
    if (text == NULL)
        return SLOW_OK;
    if (sodium_base642bin(key, NOISE_KEY_SIZE, text, strlen(text), " \t\r\n", &size, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        size != NOISE_KEY_SIZE)
        return error_set(error, SLOW_E_INVAL, "network_key",
                         "the file does not hold 32 bytes in base64 on one line; make one with "
                         "`head -c 32 /dev/urandom | base64`");
    if (sodium_is_zero(key, NOISE_KEY_SIZE))
        return error_set(error, SLOW_E_INVAL, "network_key",
                         "the key is all zero, which is the same as none; make one with "
                         "`head -c 32 /dev/urandom | base64`");
    return SLOW_OK;
}

static void destroy(void *self) {
    noise *n = self;
    noise_cipher_free(&n->cipher);
    sodium_free(n); /* which wipes it */
}

/* It has the network key and the static key for as long as the router runs: in pages of its own, which are in no core and, where
 * the system allows, in no swap. */
static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    const struct options *options = config;
    uint8_t secret[NOISE_KEY_SIZE];
    noise *n = sodium_init() < 0 ? NULL : sodium_malloc(sizeof *n);
    if (n == NULL)
        return error_set(error, SLOW_E_NOMEM, NULL, "libsodium has no memory for the security plugin");
    memset(n, 0, sizeof *n);
    n->host = host;
    n->cipher.accelerate = options->accelerate;
    slow_status status = SLOW_E_FAIL;
    if (!noise_protocol_of("Noise_XXpsk0_25519_ChaChaPoly_SHA256", &n->protocol))
        error_set(error, status, NULL, "the name of the protocol is not understood");
    else
        status = key_of(options->network_key, n->psk, error);
    if (status != SLOW_OK) {
        destroy(n);
        return status;
    }
    host->entropy(host, secret, sizeof secret);
    noise_keypair_of(&n->local, secret);
    sodium_memzero(secret, sizeof secret);
    *self = n;
    return SLOW_OK;
}

static slow_bytes static_key(void *self) {
    const noise *n = self;
    return (slow_bytes){n->local.public, NOISE_KEY_SIZE};
}

/* ---- sessions ---- */

static void draw(void *arg, uint8_t secret[NOISE_KEY_SIZE]) {
    const slow_host *host = arg;
    host->entropy(host, secret, NOISE_KEY_SIZE);
}

static void handshake_free(struct noise_handshake **h) {
    if (*h != NULL)
        noise_handshake_wipe(*h);
    free(*h);
    *h = NULL;
}

static void payload_free(slow_session *session) {
    if (session->payload != NULL)
        sodium_memzero(session->payload, session->payload_size);
    free(session->payload);
    session->payload = NULL;
}

static void session_close(slow_session *session) {
    if (session == NULL)
        return;
    handshake_free(&session->handshake);
    handshake_free(&session->before);
    payload_free(session);
    noise_cipher_forget(&session->owner->cipher);
    sodium_memzero(session, sizeof *session);
    free(session);
}

static slow_status handshake_begin(noise *n, bool initiator, slow_bytes prologue, struct noise_handshake *out) {
    const struct noise_setup setup = {.protocol = &n->protocol,
                                      .initiator = initiator,
                                      .prologue = prologue,
                                      .local = &n->local,
                                      .psks = &n->psk,
                                      .psk_count = 1,
                                      .draw = draw,
                                      .draw_arg = (void *)(uintptr_t)n->host};
    if (n->begun.draw != NULL && n->begun.initiator == initiator && n->prologue_size == prologue.size &&
        (prologue.size == 0 || memcmp(n->prologue, prologue.data, prologue.size) == 0)) {
        *out = n->begun;
        return SLOW_OK;
    }
    slow_status status = noise_handshake_begin(out, &setup);
    if (status != SLOW_OK || prologue.size > PROLOGUE_KEPT)
        return status;
    n->begun = *out;
    n->prologue_size = prologue.size;
    if (prologue.size > 0)
        memcpy(n->prologue, prologue.data, prologue.size);
    return SLOW_OK;
}

static slow_status session_open(void *self, bool initiator, slow_bytes prologue, slow_session **out,
                                slow_error *error) {
    noise *n = self;
    slow_session *session = calloc(1, sizeof *session);
    if (session != NULL)
        session->handshake = malloc(sizeof *session->handshake);
    if (session == NULL || session->handshake == NULL) {
        free(session);
        return error_set(error, SLOW_E_NOMEM, NULL, "no memory for a session");
    }
    session->owner = n;
    slow_status status = handshake_begin(n, initiator, prologue, session->handshake);
    if (status != SLOW_OK) {
        session_close(session);
        return error_set(error, status, NULL, "the handshake lacks a key");
    }
    *out = session;
    return SLOW_OK;
}

/* After a message of ours or of the peer: the keys, when it was the last one. */
static bool session_step(slow_session *session) {
    uint8_t send[NOISE_KEY_SIZE], receive[NOISE_KEY_SIZE];
    if (!noise_handshake_done(session->handshake))
        return false;
    noise_handshake_split(session->handshake, send, receive);
    noise_epochs_begin(&session->send, send);
    noise_epochs_begin(&session->receive, receive);
    session->open = true;
    sodium_memzero(send, sizeof send);
    sodium_memzero(receive, sizeof receive);
    handshake_free(&session->handshake);
    handshake_free(&session->before);
    return true;
}

/* The handshake after one more message, in place of the one of now, or of the one that a message read just before led to. */
static slow_status handshake_read(slow_session *session, slow_bytes in, uint8_t *room, size_t *size) {
    struct noise_handshake *from = session->before != NULL ? session->before : session->handshake;
    struct noise_handshake *next = malloc(sizeof *next);
    if (next == NULL)
        return SLOW_E_NOMEM;
    *next = *from;
    slow_status status = noise_handshake_read(next, in, room, size);
    if (status != SLOW_OK) {
        handshake_free(&next);
        return status;
    }
    if (session->before != NULL)
        handshake_free(&session->handshake);
    session->before = from;
    session->handshake = next;
    return SLOW_OK;
}

static slow_status session_read(slow_session *session, slow_bytes in, slow_bytes *payload, slow_bytes *key,
                                bool *done) {
    payload_free(session);
    if (session->handshake == NULL)
        return SLOW_E_INVAL;
    if (in.size > MESSAGE_MAX || in.size == 0)
        return SLOW_E_MALFORMED;
    uint8_t *room = calloc(1, in.size);
    size_t size = 0;
    if (room == NULL)
        return SLOW_E_NOMEM;
    slow_status status = handshake_read(session, in, room, &size);
    if (status != SLOW_OK) {
        sodium_memzero(room, in.size);
        free(room);
        return status;
    }
    session->payload = room;
    session->payload_size = size;
    *payload = (slow_bytes){room, size};
    *key = (slow_bytes){NULL, 0};
    if (session->handshake->has_remote) {
        memcpy(session->peer_key, session->handshake->remote, NOISE_KEY_SIZE);
        *key = (slow_bytes){session->peer_key, NOISE_KEY_SIZE};
    }
    *done = session_step(session);
    return SLOW_OK;
}

static slow_status session_write(slow_session *session, slow_bytes payload, uint8_t *out, size_t capacity, size_t *size,
                                 bool *done) {
    if (session->handshake == NULL)
        return SLOW_E_INVAL;
    if (payload.size > MESSAGE_MAX - noise_handshake_overhead(session->handshake))
        return SLOW_E_TOOBIG;
    slow_status status = noise_handshake_write(session->handshake, payload, out, capacity, size);
    if (status != SLOW_OK)
        return status;
    payload_free(session); /* not before: `payload` may lie in it */
    handshake_free(&session->before);
    *done = session_step(session);
    return SLOW_OK;
}

static void session_seal(slow_session *session, uint64_t number, slow_bytes ad, uint8_t *data, size_t size,
                         uint8_t *tag) {
    if (session->payload != NULL)
        payload_free(session);
    if (session->open) {
        noise_epochs_seal(&session->send, &session->owner->cipher, number, ad, data, size, tag);
        return;
    }
    /* The caller's mistake, and still nothing leaves in the clear. */
    if (size > 0)
        memset(data, 0, size);
    memset(tag, 0, NOISE_TAG_SIZE);
}

static slow_status session_unseal(slow_session *session, uint64_t number, slow_bytes ad, uint8_t *data, size_t size,
                                  const uint8_t *tag) {
    if (session->payload != NULL)
        payload_free(session);
    if (!session->open)
        return SLOW_E_INVAL;
    return noise_epochs_unseal(&session->receive, &session->owner->cipher, number, ad, data, size, tag) ? SLOW_OK
                                                                                                        : SLOW_E_AUTH;
}

/* ---- the module ---- */

static const slow_option options[] = {
    {
        .key = "network_key",
        .type = SLOW_OPT_STRING,
        .flags = SLOW_OPT_SECRET_FILE,
        .offset = offsetof(struct options, network_key),
        .help = "file with the network's key: 32 bytes in base64 on one line, mode 0600, the same at every junction. "
                "Who does not have it gets no answer; without one, any stranger gets as far as our second message",
    },
    {
        .key = "accelerate",
        .type = SLOW_OPT_BOOL,
        .offset = offsetof(struct options, accelerate),
        .default_text = "true",
        .help = "let a faster library seal and open frames once large ones come, where it is installed: libipsec-mb on "
                "processors with AVX-512, or else OpenSSL's libcrypto; for some 4 MB of memory from then on",
    },
    {.key = NULL},
};

static const slow_security_ops ops = {
    .struct_size = sizeof ops,
    .tag_size = NOISE_TAG_SIZE,
    .static_key = static_key,
    .open = session_open,
    .read = session_read,
    .write = session_write,
    .seal = session_seal,
    .unseal = session_unseal,
    .close = session_close,
};

static const slow_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = SLOW_SECURITY,
    .id = "security-noise",
    .version = "1.0.0",
    .summary = "Sealed links and pairs between proved keys: Noise XXpsk0 with X25519, ChaCha20-Poly1305 and SHA-256",
    .license = "MIT",
    .options = options,
    .config_size = sizeof(struct options),
    .create = create,
    .destroy = destroy,
    .ops = &ops,
};

static const slow_plugin *const plugins[] = {&plugin, NULL};
static const slow_module module = {
    .struct_size = sizeof module,
    .abi_major = SLOW_ABI_MAJOR,
    .abi_minor_required = SLOW_ABI_MINOR,
    .build = __VERSION__,
    .plugins = plugins,
};

SLOW_MODULE(security_noise, &module)
