/* right_security.h - a security plugin that keeps the contract: what the faulty ones beside it are made of. security-right.c is
 * all of it as it is, and passes.
 *
 * It is no Noise: whoever has the network's key is trusted, and nobody is told who it was. Each message is a nonce, the payload,
 * and a keyed hash over prologue, step, the nonces so far and the message. Keys are a hash of all that, one for each direction;
 * frames are ChaCha20-Poly1305 by number. */
#ifndef RIGHT_SECURITY_H
#define RIGHT_SECURITY_H
#include <slow/security.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { RIGHT_NONCE = 16, RIGHT_PROOF = 32, RIGHT_KEY = 32, RIGHT_TAG = 16, RIGHT_MESSAGE_MAX = 2048 };

typedef struct right_security {
    const slow_host *host;
    uint8_t network[RIGHT_KEY];
} right_security;

struct slow_session {
    right_security *owner;
    bool initiator, heard, done;
    uint8_t prologue[RIGHT_KEY], nonces[2][RIGHT_NONCE]; /* [0] the initiator's */
    uint8_t keys[2][RIGHT_KEY];                          /* [0] of what the initiator seals */
    int step;                                            /* messages that are through, as this end sees it */
    uint8_t payload[RIGHT_MESSAGE_MAX];
    uint64_t highest; /* number that was opened */
};

typedef struct right_config {
    const char *network_key;
} right_config;

static const slow_option right_options[] = {
    {.key = "network_key",
     .type = SLOW_OPT_STRING,
     .flags = SLOW_OPT_SECRET_FILE,
     .offset = offsetof(right_config, network_key),
     .help = "file with the network's key"},
    {.key = NULL},
};

static inline slow_status right_error(slow_error *error, slow_status status, const char *text) {
    *error = (slow_error){.code = status};
    memcpy(error->text, text, strlen(text) + 1);
    return status;
}

static inline slow_status right_create(const slow_host *host, const void *config, void **self, slow_error *error) {
    const char *key = ((const right_config *)config)->network_key;
    right_security *security = calloc(1, sizeof *security);
    if (security == NULL)
        return right_error(error, SLOW_E_NOMEM, "no memory for an instance");
    security->host = host;
    crypto_generichash(security->network, RIGHT_KEY, (const uint8_t *)(key != NULL ? key : ""),
                       key != NULL ? strlen(key) : 0, NULL, 0);
    *self = security;
    return SLOW_OK;
}

static inline void right_destroy(void *self) {
    free(self);
}

static inline slow_bytes right_static_key(void *self) {
    (void)self;
    return (slow_bytes){NULL, 0};
}

static inline slow_status right_open(void *self, bool initiator, slow_bytes prologue, slow_session **out,
                                     slow_error *error) {
    slow_session *s = calloc(1, sizeof *s);
    if (s == NULL)
        return right_error(error, SLOW_E_NOMEM, "no memory for a session");
    s->owner = self;
    s->initiator = initiator;
    crypto_generichash(s->prologue, sizeof s->prologue, prologue.data, prologue.size, s->owner->network, RIGHT_KEY);
    s->owner->host->entropy(s->owner->host, s->nonces[!initiator], RIGHT_NONCE);
    *out = s;
    return SLOW_OK;
}

static inline void right_close(slow_session *s) {
    if (s != NULL)
        sodium_memzero(s, sizeof *s);
    free(s);
}

/* Over prologue, step, nonces and the payload; those of messages that are still to come are left out. */
static inline void right_prove(const slow_session *s, int step, const uint8_t *bytes, size_t size, uint8_t *out) {
    crypto_generichash_state state;
    const uint8_t number = (uint8_t)step;
    crypto_generichash_init(&state, s->prologue, sizeof s->prologue, RIGHT_PROOF);
    crypto_generichash_update(&state, &number, 1);
    crypto_generichash_update(&state, s->nonces[0], RIGHT_NONCE);
    crypto_generichash_update(&state, s->nonces[1], step > 0 ? RIGHT_NONCE : 0);
    crypto_generichash_update(&state, bytes, size);
    crypto_generichash_final(&state, out, RIGHT_PROOF);
}

static inline void right_keys(slow_session *s) {
    for (int way = 0; way < 2; way++)
        right_prove(s, 10 + way, NULL, 0, s->keys[way]);
    s->done = true;
}

static inline slow_status right_write(slow_session *s, slow_bytes payload, uint8_t *out, size_t capacity, size_t *size,
                                      bool *done) {
    int step = s->initiator ? (s->step == 0 ? 0 : 2) : 1;
    if (s->done || (s->initiator ? s->step == 1 && !s->heard : s->step != 0 || !s->heard))
        return SLOW_E_INVAL;
    *size = RIGHT_NONCE + payload.size + RIGHT_PROOF;
    if (*size > capacity)
        return SLOW_E_NOSPACE;
    memcpy(out, s->nonces[!s->initiator], RIGHT_NONCE);
    if (payload.size > 0)
        memcpy(out + RIGHT_NONCE, payload.data, payload.size);
    right_prove(s, step, out, RIGHT_NONCE + payload.size, out + RIGHT_NONCE + payload.size);
    s->step++;
    s->heard = false;
    *done = step == 2;
    if (*done)
        right_keys(s);
    return SLOW_OK;
}

static inline slow_status right_read(slow_session *s, slow_bytes in, slow_bytes *payload, slow_bytes *key, bool *done) {
    int step = s->initiator ? 1 : s->step == 0 ? 0 : 2;
    uint8_t proof[RIGHT_PROOF], *peers = s->nonces[s->initiator], before[RIGHT_NONCE];
    if (s->done || (s->initiator && s->step != 1))
        return SLOW_E_INVAL;
    if (in.size < RIGHT_NONCE + RIGHT_PROOF || in.size > RIGHT_NONCE + RIGHT_PROOF + RIGHT_MESSAGE_MAX)
        return SLOW_E_MALFORMED;
    memcpy(before, peers, RIGHT_NONCE);
    memcpy(peers, in.data, RIGHT_NONCE);
    right_prove(s, step, in.data, in.size - RIGHT_PROOF, proof);
    if (sodium_memcmp(proof, in.data + in.size - RIGHT_PROOF, RIGHT_PROOF) != 0 ||
        (step == 2 && memcmp(before, peers, RIGHT_NONCE) != 0)) {
        memcpy(peers, before, RIGHT_NONCE);
        return SLOW_E_AUTH;
    }
    *payload = (slow_bytes){s->payload, in.size - RIGHT_NONCE - RIGHT_PROOF};
    memcpy(s->payload, in.data + RIGHT_NONCE, payload->size);
    *key = (slow_bytes){NULL, 0};
    s->heard = true;
    *done = step == 2;
    if (*done)
        right_keys(s);
    return SLOW_OK;
}

static inline void right_nonce(uint64_t number, uint8_t out[crypto_aead_chacha20poly1305_IETF_NPUBBYTES]) {
    memset(out, 0, crypto_aead_chacha20poly1305_IETF_NPUBBYTES);
    memcpy(out, &number, sizeof number);
}

static inline void right_seal(slow_session *s, uint64_t number, slow_bytes ad, uint8_t *data, size_t size,
                              uint8_t *tag) {
    uint8_t nonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES];
    unsigned long long tag_size;
    right_nonce(number, nonce);
    if (s->done)
        crypto_aead_chacha20poly1305_ietf_encrypt_detached(data, tag, &tag_size, data, size, ad.data, ad.size, NULL,
                                                           nonce, s->keys[!s->initiator]);
}

static inline slow_status right_unseal(slow_session *s, uint64_t number, slow_bytes ad, uint8_t *data, size_t size,
                                       const uint8_t *tag) {
    uint8_t nonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES], plain[RIGHT_MESSAGE_MAX];
    right_nonce(number, nonce);
    if (!s->done || size > sizeof plain ||
        crypto_aead_chacha20poly1305_ietf_decrypt_detached(plain, NULL, data, size, tag, ad.data, ad.size, nonce,
                                                           s->keys[s->initiator]) != 0)
        return SLOW_E_AUTH;
    memcpy(data, plain, size);
    return SLOW_OK;
}

/* The tables of one: `symbol` is its id with _ for -. */
#define RIGHT_SECURITY(symbol, plugin_id, open_fn, read_fn, seal_fn, unseal_fn)                               \
    static const slow_security_ops symbol##_ops = {.struct_size = sizeof symbol##_ops,                        \
                                                   .tag_size = RIGHT_TAG,                                     \
                                                   .static_key = right_static_key,                            \
                                                   .open = open_fn,                                           \
                                                   .read = read_fn,                                           \
                                                   .write = right_write,                                      \
                                                   .seal = seal_fn,                                           \
                                                   .unseal = unseal_fn,                                       \
                                                   .close = right_close};                                     \
    static const slow_plugin symbol##_plugin = {.struct_size = sizeof symbol##_plugin,                        \
                                                .kind = SLOW_SECURITY,                                        \
                                                .id = plugin_id,                                              \
                                                .version = "1.0.0",                                           \
                                                .summary = "a security plugin for the tests of slow-conform", \
                                                .license = "MIT",                                             \
                                                .options = right_options,                                     \
                                                .config_size = sizeof(right_config),                          \
                                                .create = right_create,                                       \
                                                .destroy = right_destroy,                                     \
                                                .ops = &symbol##_ops};                                        \
    static const slow_plugin *const symbol##_plugins[] = {&symbol##_plugin, NULL};                            \
    static const slow_module symbol##_module = {.struct_size = sizeof symbol##_module,                        \
                                                .abi_major = SLOW_ABI_MAJOR,                                  \
                                                .build = "test",                                              \
                                                .plugins = symbol##_plugins};                                 \
    SLOW_MODULE(symbol, &symbol##_module)
#endif
