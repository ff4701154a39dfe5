/* security-template.c - link security to copy: a password at the door, and nothing behind it.
 *
 * Two junctions that were given the same secret open links to each other; one without it is refused at its first message.
 * WHAT IT DOES NOT DO: packages are not encrypted, so whoever can listen reads everything, and whoever can also send on the
 * path of an open link can take the link over. It proves nobody's identity: all who know the secret are alike. It is for
 * cables that you trust and strangers that you do not. Use security-noise for all else, and if you write your own, take its
 * ciphers from a library that others have looked at. The one primitive here is SipHash-2-4 with 128 bits (Aumasson and
 * Bernstein, 2012), since it is short, and a message authentication code is all that is needed.
 *
 * A handshake has three messages, initiator first. `tag` is the code, under the secret, of everything so far:
 *
 *     0  initiator   nonce, payload, tag      each tag covers the one before it, the number of the message, the nonce and
 *     1  responder   nonce, payload, tag      the payload; the first also the prologue. The nonces are random, so nothing
 *     2  initiator          payload, tag      that was recorded is an answer to them.
 *
 * What every security plugin has, in the order of this file:
 *
 *   1. its primitives;
 *   2. a session for each link, a state machine: bytes in, bytes out, no sockets, and no more memory than it says;
 *   3. seal() and unseal(), which this one has not: tag_size is 0. Then the core gives each frame a random tag that both
 *      ends agreed on in the payloads, so that who cannot listen cannot forge;
 *   4. its life, and its tables. */
#include <slow/security.h>
#include <slow/wire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SIZE 16u
#define TAG_SIZE 16u
#define NONCE_SIZE 16u
#define MESSAGES 3

/* ---- 1. Primitives ---- */

/* A code that is being computed: bytes go in by eights. */
struct mac {
    uint64_t v[4], word;
    unsigned size;
};

static uint64_t rotate(uint64_t word, unsigned bits) {
    return word << bits | word >> (64 - bits);
}

static void mac_rounds(struct mac *m, unsigned rounds) {
    uint64_t *v = m->v;
    while (rounds-- > 0) {
        v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
        v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
        v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
        v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
    }
}

static uint64_t little_endian(const uint8_t *at) {
    uint64_t word = 0;
    for (int i = 8; i-- > 0;)
        word = word << 8 | at[i];
    return word;
}

static void mac_begin(struct mac *m, const uint8_t key[KEY_SIZE]) {
    uint64_t low = little_endian(key), high = little_endian(key + 8);
    *m = (struct mac){.v = {low ^ UINT64_C(0x736f6d6570736575), high ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
                            low ^ UINT64_C(0x6c7967656e657261), high ^ UINT64_C(0x7465646279746573)}};
}

static void mac_add(struct mac *m, const void *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        m->word |= (uint64_t)((const uint8_t *)bytes)[i] << 8 * (m->size % 8);
        if (++m->size % 8 != 0)
            continue;
        m->v[3] ^= m->word;
        mac_rounds(m, 2);
        m->v[0] ^= m->word;
        m->word = 0;
    }
}

static void mac_end(struct mac *m, uint8_t tag[TAG_SIZE]) {
    uint64_t last = m->word | (uint64_t)(m->size & 0xff) << 56;
    m->v[3] ^= last;
    mac_rounds(m, 2);
    m->v[0] ^= last;
    m->v[2] ^= 0xee;
    for (unsigned half = 0; half < 2; half++) {
        mac_rounds(m, 4);
        uint64_t word = m->v[0] ^ m->v[1] ^ m->v[2] ^ m->v[3];
        for (unsigned i = 0; i < 8; i++)
            tag[8 * half + i] = (uint8_t)(word >> 8 * i);
        m->v[1] ^= 0xdd;
    }
}

/* In the same time wherever they differ: else a tag could be found byte by byte. */
static bool tag_equal(const uint8_t *a, const uint8_t *b) {
    uint8_t difference = 0;
    for (size_t i = 0; i < TAG_SIZE; i++)
        difference |= a[i] ^ b[i];
    return difference == 0;
}

/* ---- 2. Sessions ---- */

/* The host fills this from the config; the table of options below says how. */
struct options {
    const char *secret; /* the content of the file */
};

struct instance {
    const slow_host *host;
    uint8_t key[KEY_SIZE];
};

struct slow_session {
    const struct instance *owner;
    bool initiator;
    int step;                              /* how many messages were written or read */
    uint8_t chain[MESSAGES + 1][TAG_SIZE]; /* [0] of the prologue, [n] of message n - 1 */
};

static slow_status fail(slow_error *error, slow_status code, const char *text) {
    *error = (slow_error){.code = code};
    snprintf(error->text, sizeof error->text, "%s", text);
    return code;
}

static slow_status session_open(void *self, bool initiator, slow_bytes prologue, slow_session **out,
                                slow_error *error) {
    const struct instance *instance = self;
    struct mac m;
    slow_session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return fail(error, SLOW_E_NOMEM, "no memory for a session");
    session->owner = instance;
    session->initiator = initiator;
    mac_begin(&m, instance->key);
    mac_add(&m, prologue.data, prologue.size);
    mac_end(&m, session->chain[0]);
    *out = session;
    return SLOW_OK;
}

static size_t nonce_size(int message) {
    return message < 2 ? NONCE_SIZE : 0;
}

/* Of message number `message`, whose nonce and payload are `body`. */
static void message_tag(const slow_session *session, int message, slow_bytes body, uint8_t tag[TAG_SIZE]) {
    struct mac m;
    uint8_t number = (uint8_t)message;
    mac_begin(&m, session->owner->key);
    mac_add(&m, session->chain[message], TAG_SIZE);
    mac_add(&m, &number, 1);
    mac_add(&m, body.data, body.size);
    mac_end(&m, tag);
}

static bool is_ours(const slow_session *session, int message) {
    return (message % 2 == 0) == session->initiator;
}

/* Which message may be read now: the next one; or another in the place of the last, as long as we have not answered it, for
 * it may have been of somebody whom the core does not want. -1 = none. */
static int expected(const slow_session *session) {
    if (session->step == MESSAGES)
        return -1;
    return is_ours(session, session->step) ? session->step - 1 : session->step;
}

/* A refusal MUST leave the session as it was: whoever can send us bytes could else end a handshake. */
static slow_status session_read(slow_session *session, slow_bytes in, slow_bytes *payload, slow_bytes *key,
                                bool *done) {
    int message = expected(session);
    uint8_t tag[TAG_SIZE];
    if (message < 0)
        return SLOW_E_INVAL;
    if (in.size < nonce_size(message) + TAG_SIZE)
        return SLOW_E_MALFORMED;
    slow_bytes body = {in.data, in.size - TAG_SIZE};
    message_tag(session, message, body, tag);
    if (!tag_equal(tag, in.data + body.size))
        return SLOW_E_AUTH;
    memcpy(session->chain[message + 1], tag, TAG_SIZE);
    session->step = message + 1;
    *payload = (slow_bytes){body.data + nonce_size(message), body.size - nonce_size(message)};
    *key = (slow_bytes){NULL, 0}; /* nobody's key is proved here */
    *done = session->step == MESSAGES;
    return SLOW_OK;
}

static slow_status session_write(slow_session *session, slow_bytes payload, uint8_t *out, size_t capacity, size_t *size,
                                 bool *done) {
    int message = session->step;
    uint8_t nonce[NONCE_SIZE];
    if (message == MESSAGES || !is_ours(session, message))
        return SLOW_E_INVAL;
    if (payload.size > SIZE_MAX - NONCE_SIZE - TAG_SIZE || nonce_size(message) + payload.size + TAG_SIZE > capacity)
        return SLOW_E_NOSPACE;
    session->owner->host->entropy(session->owner->host, nonce, sizeof nonce);
    slow_writer writer = slow_writer_of(out, capacity);
    slow_write_bytes(&writer, nonce, nonce_size(message));
    slow_write_bytes(&writer, payload.data, payload.size);
    message_tag(session, message, (slow_bytes){out, slow_writer_size(&writer)}, session->chain[message + 1]);
    slow_write_bytes(&writer, session->chain[message + 1], TAG_SIZE);
    session->step++;
    *size = slow_writer_size(&writer);
    *done = session->step == MESSAGES;
    return SLOW_OK;
}

/* What was computed from a secret is wiped, so that it is not found in memory that is used for something else. */
static void session_close(slow_session *session) {
    if (session != NULL)
        explicit_bzero(session, sizeof *session);
    free(session);
}

/* ---- 3. Sealing: none. With a tag_size of up to 16 here would be
 *
 *   seal()     encrypts `data` in place and writes the tag, under the number that the core gives (use it as the nonce) and
 *              with `ad` authenticated too;
 *   unseal()   the opposite; numbers come in any order. SLOW_E_AUTH, and `data` as it was, when one bit is wrong;
 *   static_key()   our public key, which the handshake proves: then the core can tell members from strangers.  ---- */

static slow_bytes static_key(void *self) {
    (void)self;
    return (slow_bytes){NULL, 0};
}

/* ---- 4. Life and tables ---- */

static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    const struct options *options = config;
    static const uint8_t zero[KEY_SIZE];
    struct mac m;
    struct instance *instance = calloc(1, sizeof *instance);
    if (instance == NULL)
        return fail(error, SLOW_E_NOMEM, "no memory for security-template");
    instance->host = host;
    mac_begin(&m, zero); /* the secret is 32 random bytes, written in 44 characters: this makes 16 of them */
    mac_add(&m, options->secret, strlen(options->secret));
    mac_end(&m, instance->key);
    *self = instance;
    return SLOW_OK;
}

static void destroy(void *self) {
    explicit_bzero(self, sizeof(struct instance));
    free(self);
}

/* The host reads the file, refuses one that others may read, and hands its line over; `slowctl network-key` makes one. */
static const slow_option options[] = {
    {
        .key = "secret",
        .type = SLOW_OPT_STRING,
        .flags = SLOW_OPT_SECRET_FILE | SLOW_OPT_REQUIRED,
        .offset = offsetof(struct options, secret),
        .help = "file with the secret that all junctions share: 32 bytes in base64 on one line, mode 0600",
    },
    {.key = NULL},
};

static const slow_security_ops ops = {
    .struct_size = sizeof ops, /* so that the host knows which members there are */
    .tag_size = 0,
    .static_key = static_key,
    .open = session_open,
    .read = session_read,
    .write = session_write,
    .close = session_close,
};

static const slow_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = SLOW_SECURITY,
    .id = "security-template", /* the file's name without .so, and what a config calls it */
    .version = "1.0.0",
    .summary = "A password at the door, and links in the clear: a template to copy",
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
    .abi_minor_required = 0, /* nothing younger than ABI 1.0 is used */
    .build = __VERSION__,
    .plugins = plugins,
};

/* Defines the one symbol that the shared object exports. */
SLOW_MODULE(security_template, &module)
