/* The handshake of the Noise Protocol Framework, rev. 34 (noiseprotocol.org), for any pattern and any psk places.
 *
 * A handshake state (section 5.3) walks through the tokens of its pattern. All that was sent or mixed goes into `hash`, all
 * that is secret into `chaining`, and from the first key on everything is sealed with the hash as associated data: so both
 * ends have the same keys only if they saw the same handshake. The names of section 5 stand here in the project's words:
 * symmetric_mix_key() is MixKey(), symmetric_seal() is EncryptAndHash(), and so on.
 *
 * Why generic, when the plugin uses one pattern: because the published vectors have no XXpsk0 alone. They have XX, XXpsk3,
 * NNpsk0 and XXpsk0+psk3, and code that passes those by walking a table has nothing left to get wrong in XXpsk0 but one
 * row. Hand-written messages for one pattern, as WireGuard has, would be shorter, and unproved.
 *
 * Decided:
 *  - A message works on a copy of the state, which is put in place when all of it was good. The specification says to
 *    throw a handshake away at the first error, so that a stranger who sends one wrong datagram first would win; with a
 *    copy he gains nothing, since the state that he failed against is the one that he found (he can try again, as he can
 *    against a new handshake).
 *  - A Diffie-Hellman result of zeros (a public key of small order) is refused. Section 12.1 discourages that for the sake
 *    of uniformity, and allows it; libsodium reports it anyway, and no honest peer sends such a key.
 *  - An ephemeral secret is drawn when it is due and not before: a responder has the psk's tag of message 1 checked before
 *    it spends anything on curves.
 *  - Left out: fallback patterns and other ciphers. Nothing is negotiated on this wire. */
#include "handshake.h"
#include <slow/wire.h>
#include <sodium.h>
#include <string.h>

/* ---- symmetric state (section 5.2) ---- */

static slow_bytes bytes_of(const void *data, size_t size) {
    return (slow_bytes){data, size};
}

static void symmetric_mix_hash(struct noise_symmetric *s, slow_bytes data) {
    noise_hash(bytes_of(s->hash, sizeof s->hash), data, s->hash);
}

static void symmetric_set_key(struct noise_symmetric *s, const uint8_t key[NOISE_KEY_SIZE]) {
    memmove(s->key, key, NOISE_KEY_SIZE);
    s->has_key = true;
    s->number = 0;
}

static void symmetric_mix_key(struct noise_symmetric *s, slow_bytes material) {
    noise_hkdf(s->chaining, material, 2, (uint8_t *const[]){s->chaining, s->key});
    symmetric_set_key(s, s->key);
}

static void symmetric_mix_psk(struct noise_symmetric *s, const uint8_t psk[NOISE_KEY_SIZE]) {
    uint8_t mixed[NOISE_HASH_SIZE];
    noise_hkdf(s->chaining, bytes_of(psk, NOISE_KEY_SIZE), 3, (uint8_t *const[]){s->chaining, mixed, s->key});
    symmetric_mix_hash(s, bytes_of(mixed, sizeof mixed));
    symmetric_set_key(s, s->key);
    sodium_memzero(mixed, sizeof mixed);
}

static size_t symmetric_tag(const struct noise_symmetric *s) {
    return s->has_key ? NOISE_TAG_SIZE : 0;
}

/* `out` has room for the tag as well. */
static void symmetric_seal(struct noise_symmetric *s, slow_bytes plain, uint8_t *out) {
    if (plain.size > 0)
        memmove(out, plain.data, plain.size);
    if (s->has_key)
        noise_seal(s->key, s->number++, bytes_of(s->hash, sizeof s->hash), out, plain.size, out + plain.size);
    symmetric_mix_hash(s, bytes_of(out, plain.size + symmetric_tag(s)));
}

/* The next `size` bytes and their tag. */
static slow_status symmetric_unseal(struct noise_symmetric *s, slow_reader *in, size_t size, uint8_t *out) {
    const uint8_t *sealed = slow_read_bytes(in, size + symmetric_tag(s));
    if (sealed == NULL)
        return SLOW_E_MALFORMED;
    if (size > 0)
        memcpy(out, sealed, size);
    if (s->has_key && !noise_unseal(s->key, s->number++, bytes_of(s->hash, sizeof s->hash), out, size, sealed + size))
        return SLOW_E_AUTH;
    symmetric_mix_hash(s, bytes_of(sealed, size + symmetric_tag(s)));
    return SLOW_OK;
}

static void symmetric_begin(struct noise_symmetric *s, const char *name, slow_bytes prologue) {
    size_t size = strlen(name);
    memset(s, 0, sizeof *s);
    if (size <= NOISE_HASH_SIZE)
        memcpy(s->hash, name, size);
    else
        noise_hash(bytes_of(name, size), bytes_of(NULL, 0), s->hash);
    memcpy(s->chaining, s->hash, NOISE_HASH_SIZE);
    symmetric_mix_hash(s, prologue);
}

/* ---- which token needs what ---- */

static bool our_turn(const struct noise_handshake *h, unsigned step) {
    return (step % 2 == 0) == h->initiator;
}

/* Whether this end's static key, or what it must know of the other's beforehand, is needed in some message. */
static bool needs_local(const struct noise_protocol *protocol, bool initiator) {
    const struct noise_pattern *pattern = protocol->pattern;
    if (pattern->known & (initiator ? NOISE_KNOWS_INITIATOR : NOISE_KNOWS_RESPONDER))
        return true;
    for (unsigned step = initiator ? 0 : 1; step < pattern->count; step += 2)
        if (memchr(pattern->messages[step], NOISE_S, NOISE_TOKENS) != NULL)
            return true;
    return false;
}

static bool needs_remote(const struct noise_protocol *protocol, bool initiator) {
    return (protocol->pattern->known & (initiator ? NOISE_KNOWS_RESPONDER : NOISE_KNOWS_INITIATOR)) != 0;
}

/* One of ee, es, se, ss; the first letter is the initiator's key. */
static slow_status mix_dh(struct noise_handshake *h, enum noise_token token) {
    bool static_of_initiator = token == NOISE_SE || token == NOISE_SS;
    bool static_of_responder = token == NOISE_ES || token == NOISE_SS;
    bool local = h->initiator ? static_of_initiator : static_of_responder;
    bool remote = h->initiator ? static_of_responder : static_of_initiator;
    uint8_t shared[NOISE_KEY_SIZE];
    bool good =
        noise_dh(local ? h->local->secret : h->ephemeral.secret, remote ? h->remote : h->remote_ephemeral, shared);
    if (good)
        symmetric_mix_key(&h->symmetric, bytes_of(shared, sizeof shared));
    sodium_memzero(shared, sizeof shared);
    return good ? SLOW_OK : SLOW_E_AUTH;
}

static void mix_psk(struct noise_handshake *h, unsigned place) {
    if (h->protocol.psk_places >> place & 1)
        symmetric_mix_psk(&h->symmetric, h->psks[h->psk_next++]);
}

/* Where there are psks, the ephemeral key is mixed in as well (section 9.2): a psk alone would give the same key twice. */
static void mix_ephemeral(struct noise_handshake *h, const uint8_t public[NOISE_KEY_SIZE]) {
    symmetric_mix_hash(&h->symmetric, bytes_of(public, NOISE_KEY_SIZE));
    if (h->protocol.psk_places != 0)
        symmetric_mix_key(&h->symmetric, bytes_of(public, NOISE_KEY_SIZE));
}

/* ---- messages ---- */

static slow_status token_write(struct noise_handshake *h, enum noise_token token, slow_writer *out) {
    uint8_t secret[NOISE_KEY_SIZE];
    switch (token) {
    case NOISE_E:
        h->draw(h->draw_arg, secret);
        noise_keypair_of(&h->ephemeral, secret);
        sodium_memzero(secret, sizeof secret);
        slow_write_bytes(out, h->ephemeral.public, NOISE_KEY_SIZE);
        mix_ephemeral(h, h->ephemeral.public);
        return SLOW_OK;
    case NOISE_S:
        symmetric_seal(&h->symmetric, bytes_of(h->local->public, NOISE_KEY_SIZE),
                       slow_write_room(out, NOISE_KEY_SIZE + symmetric_tag(&h->symmetric)));
        return SLOW_OK;
    default:
        return mix_dh(h, token);
    }
}

static slow_status token_read(struct noise_handshake *h, enum noise_token token, slow_reader *in) {
    const uint8_t *ephemeral;
    slow_status status;
    switch (token) {
    case NOISE_E:
        ephemeral = slow_read_bytes(in, NOISE_KEY_SIZE);
        if (ephemeral == NULL)
            return SLOW_E_MALFORMED;
        memcpy(h->remote_ephemeral, ephemeral, NOISE_KEY_SIZE);
        mix_ephemeral(h, ephemeral);
        return SLOW_OK;
    case NOISE_S:
        status = symmetric_unseal(&h->symmetric, in, NOISE_KEY_SIZE, h->remote);
        h->has_remote = status == SLOW_OK;
        return status;
    default:
        return mix_dh(h, token);
    }
}

static enum noise_token token_at(const struct noise_handshake *h, size_t at) {
    return at < NOISE_TOKENS ? (enum noise_token)h->protocol.pattern->messages[h->step][at] : NOISE_END;
}

size_t noise_handshake_overhead(const struct noise_handshake *h) {
    if (noise_handshake_done(h))
        return 0;
    bool psks = h->protocol.psk_places != 0, key = h->symmetric.has_key;
    size_t size = 0;
    for (size_t at = 0; token_at(h, at) != NOISE_END; at++) {
        enum noise_token token = token_at(h, at);
        if (token == NOISE_E || token == NOISE_S)
            size += NOISE_KEY_SIZE;
        if (token == NOISE_S && key)
            size += NOISE_TAG_SIZE;
        key = key || (token == NOISE_E ? psks : token != NOISE_S);
    }
    key = key || h->protocol.psk_places >> (h->step + 1) & 1;
    return size + (key ? NOISE_TAG_SIZE : 0);
}

static slow_status message_write(struct noise_handshake *h, slow_bytes payload, slow_writer *out) {
    for (size_t at = 0; token_at(h, at) != NOISE_END; at++) {
        slow_status status = token_write(h, token_at(h, at), out);
        if (status != SLOW_OK)
            return status;
    }
    h->step++;
    mix_psk(h, h->step);
    symmetric_seal(&h->symmetric, payload, slow_write_room(out, payload.size + symmetric_tag(&h->symmetric)));
    return SLOW_OK;
}

slow_status noise_handshake_write(struct noise_handshake *h, slow_bytes payload, uint8_t *out, size_t capacity,
                                  size_t *size) {
    size_t overhead = noise_handshake_overhead(h);
    if (!noise_handshake_writes(h))
        return SLOW_E_INVAL;
    if (payload.size > NOISE_MESSAGE_MAX - overhead)
        return SLOW_E_TOOBIG;
    if (capacity < payload.size + overhead)
        return SLOW_E_NOSPACE;
    struct noise_handshake next = *h;
    slow_writer w = slow_writer_of(out, payload.size + overhead);
    slow_status status = message_write(&next, payload, &w);
    if (status == SLOW_OK) {
        *h = next;
        *size = payload.size + overhead;
    }
    noise_handshake_wipe(&next);
    return status;
}

static slow_status message_read(struct noise_handshake *h, slow_reader *in, uint8_t *payload, size_t *size) {
    for (size_t at = 0; token_at(h, at) != NOISE_END; at++) {
        slow_status status = token_read(h, token_at(h, at), in);
        if (status != SLOW_OK)
            return status;
    }
    h->step++;
    mix_psk(h, h->step);
    size_t left = slow_reader_left(in), tag = symmetric_tag(&h->symmetric);
    if (left < tag)
        return SLOW_E_MALFORMED;
    *size = left - tag;
    return symmetric_unseal(&h->symmetric, in, left - tag, payload);
}

slow_status noise_handshake_read(struct noise_handshake *h, slow_bytes in, uint8_t *payload, size_t *size) {
    if (noise_handshake_done(h) || noise_handshake_writes(h))
        return SLOW_E_INVAL;
    if (in.size > NOISE_MESSAGE_MAX || in.size < noise_handshake_overhead(h))
        return SLOW_E_MALFORMED;
    struct noise_handshake next = *h;
    slow_reader r = slow_reader_of(in);
    size_t payload_size = 0;
    slow_status status = message_read(&next, &r, payload, &payload_size);
    if (status == SLOW_OK) {
        *h = next;
        *size = payload_size;
    }
    noise_handshake_wipe(&next);
    return status;
}

/* ---- life ---- */

slow_status noise_handshake_begin(struct noise_handshake *h, const struct noise_setup *setup) {
    const struct noise_protocol *protocol = setup->protocol;
    bool local = needs_local(protocol, setup->initiator), remote = needs_remote(protocol, setup->initiator);
    size_t psks = 0;
    for (unsigned place = 0; place < NOISE_PSKS; place++)
        psks += protocol->psk_places >> place & 1;
    if ((local && setup->local == NULL) || (remote && setup->remote == NULL) || psks != setup->psk_count ||
        setup->draw == NULL)
        return SLOW_E_INVAL;
    *h = (struct noise_handshake){.protocol = *protocol,
                                  .initiator = setup->initiator,
                                  .has_remote = remote,
                                  .local = setup->local,
                                  .psks = setup->psks,
                                  .draw = setup->draw,
                                  .draw_arg = setup->draw_arg};
    if (remote)
        memcpy(h->remote, setup->remote, NOISE_KEY_SIZE);
    symmetric_begin(&h->symmetric, protocol->name, setup->prologue);
    const uint8_t *own = local ? h->local->public : NULL;
    const uint8_t *of_initiator = h->initiator ? own : h->remote, *of_responder = h->initiator ? h->remote : own;
    if (protocol->pattern->known & NOISE_KNOWS_INITIATOR)
        symmetric_mix_hash(&h->symmetric, bytes_of(of_initiator, NOISE_KEY_SIZE));
    if (protocol->pattern->known & NOISE_KNOWS_RESPONDER)
        symmetric_mix_hash(&h->symmetric, bytes_of(of_responder, NOISE_KEY_SIZE));
    mix_psk(h, 0); /* before the first token of all, and the same at both ends */
    return SLOW_OK;
}

bool noise_handshake_done(const struct noise_handshake *h) {
    return h->step >= h->protocol.pattern->count;
}

bool noise_handshake_writes(const struct noise_handshake *h) {
    return !noise_handshake_done(h) && our_turn(h, h->step);
}

void noise_handshake_split(const struct noise_handshake *h, uint8_t send[NOISE_KEY_SIZE],
                           uint8_t receive[NOISE_KEY_SIZE]) {
    noise_hkdf(h->symmetric.chaining, bytes_of(NULL, 0), 2,
               h->initiator ? (uint8_t *const[]){send, receive} : (uint8_t *const[]){receive, send});
}

void noise_handshake_wipe(struct noise_handshake *h) {
    sodium_memzero(h, sizeof *h);
}
