/* security-noise and whoever stands between two ends of it: every message of the handshake, and frames after it, as the
 * input changes them, to either role. What was changed is refused, and nothing else has changed by that: what was sent is
 * taken afterwards. Besides: any bytes as a message of any pattern, and any text as a network key.
 *
 * The first byte says which of the three. A change is kind u8 | at u16 | value u8, or bytes that stand in the input. */
#include "plugins/security-noise/handshake.h"
#include "tests/support/security_host.h"
#include <slow/wire.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const slow_module *slow_module_v1_security_noise(void);

enum { ROOM = 2048, CHANGES = 4, FRAMES = 8, FRAME = 64, TAG = 16 };

/* The plugin's options, in the order of its table. */
struct config {
    const char *network_key;
    bool accelerate;
};

typedef struct message {
    uint8_t bytes[ROOM];
    size_t size;
} message;

static void must(bool holds) {
    if (!holds)
        abort();
}

/* ---- changes ---- */

static void change(slow_reader *in, message *m, const message *before) {
    uint8_t kind = slow_read_u8(in), value = 0;
    uint16_t at = slow_read_u16(in);
    const uint8_t *bytes;
    switch (kind % 5) {
    case 0: /* some bits */
        value = slow_read_u8(in);
        if (m->size > 0)
            m->bytes[at % m->size] ^= value;
        return;
    case 1: /* another size; what is new is zero */
        if (at % ROOM > m->size)
            memset(m->bytes + m->size, 0, at % ROOM - m->size);
        m->size = at % ROOM;
        return;
    case 2: /* an earlier message */
        *m = *before;
        return;
    case 3: /* something else */
        bytes = slow_read_bytes(in, at % ROOM);
        if (bytes == NULL)
            return;
        memcpy(m->bytes, bytes, at % ROOM);
        m->size = at % ROOM;
        return;
    default: /* something else in its middle */
        value = slow_read_u8(in);
        bytes = slow_read_bytes(in, value);
        if (bytes != NULL && m->size >= value)
            memcpy(m->bytes + at % (m->size - value + 1), bytes, value);
    }
}

static bool same(const message *a, const message *b) {
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* ---- the plugin ---- */

static slow_status read_exactly(const slow_security_ops *ops, slow_session *session, const message *m, bool *done) {
    slow_bytes payload = {NULL, 0}, key = {NULL, 0};
    uint8_t *exact = malloc(m->size + 1);
    must(exact != NULL);
    memcpy(exact, m->bytes, m->size);
    slow_status status = ops->read(session, (slow_bytes){exact, m->size}, &payload, &key, done);
    free(exact);
    if (status == SLOW_OK && payload.size > 0) {
        volatile uint8_t last = payload.data[payload.size - 1]; /* is there */
        (void)last;
    }
    return status;
}

static void frames_pass(slow_reader *in, const slow_security_ops *ops, slow_session *sessions[2]) {
    for (int i = 0; i < FRAMES && slow_reader_left(in) > 0; i++) {
        uint8_t from = slow_read_u8(in) & 1, tag[TAG];
        uint64_t sealed = slow_read_u64(in) >> 43, number = sealed ^ slow_read_u64(in); /* two epochs */
        message plain = {.size = slow_read_u8(in) % FRAME}, was;
        memset(plain.bytes, 0x5a, plain.size);
        message m = plain;
        const slow_bytes ad = {(const uint8_t *)"ad", 2};
        ops->seal(sessions[from], sealed, ad, m.bytes, m.size, tag);
        bool kept = memcmp(tag, (const uint8_t[TAG]){0}, TAG) != 0; /* else its key was past */
        message changed = m;
        change(in, &changed, &plain);
        was = changed;
        slow_status status = ops->unseal(sessions[1 - from], number, ad, changed.bytes, changed.size, tag);
        if (number != sealed || !same(&was, &m) || !kept)
            must(status == SLOW_E_AUTH && same(&was, &changed));
        changed = m;
        status = ops->unseal(sessions[1 - from], sealed, ad, changed.bytes, changed.size, tag);
        must((status == SLOW_OK && same(&changed, &plain)) == kept);
    }
}

static void try_plugin(slow_reader *in) {
    const struct config config = {.network_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="};
    const slow_plugin *plugin = slow_module_v1_security_noise()->plugins[0];
    const slow_bytes claim = {(const uint8_t *)"a claim", 7}, nothing = {NULL, 0};
    slow_session *sessions[2];
    suite_end ends[2];
    bool done = false;
    message sent[3];
    for (int i = 0; i < 2; i++) {
        must(suite_end_begin(&ends[i], plugin, &config, 1 + (uint64_t)i, NULL) == SLOW_OK);
        must(ends[i].ops->open(ends[i].self, i == 0, nothing, &sessions[i], NULL) == SLOW_OK);
    }
    for (int step = 0; step < 3; step++) {
        slow_session *from = sessions[step % 2], *to = sessions[1 - step % 2];
        message *m = &sent[step];
        must(ends[0].ops->write(from, step > 0 ? claim : nothing, m->bytes, ROOM, &m->size, &done) == SLOW_OK);
        message changed = *m;
        for (int left = slow_read_u8(in) % CHANGES; left > 0; left--) {
            change(in, &changed, &sent[step > 0 ? step - 1 : 0]);
            if (same(&changed, m))
                continue;
            slow_status status = read_exactly(ends[0].ops, to, &changed, &done);
            must(status == SLOW_E_AUTH || status == SLOW_E_MALFORMED);
        }
        must(read_exactly(ends[0].ops, to, m, &done) == SLOW_OK && done == (step == 2));
    }
    frames_pass(in, ends[0].ops, sessions);
    for (int i = 0; i < 2; i++) {
        ends[i].ops->close(sessions[i]);
        suite_end_free(&ends[i]);
    }
}

static void try_network_key(slow_reader *in) {
    size_t size = slow_reader_left(in);
    char *text = calloc(1, size + 1);
    suite_end end;
    must(text != NULL);
    memcpy(text, slow_read_bytes(in, size), size);
    const struct config config = {.network_key = text};
    slow_error error = {.code = SLOW_OK};
    slow_status status = suite_end_begin(&end, slow_module_v1_security_noise()->plugins[0], &config, 1, &error);
    if (status == SLOW_OK)
        suite_end_free(&end);
    else
        must(status == SLOW_E_INVAL && error.code == status);
    free(text);
}

/* ---- any pattern ---- */

static void draw(void *arg, uint8_t secret[NOISE_KEY_SIZE]) {
    uint8_t *next = arg;
    memset(secret, ++*next, NOISE_KEY_SIZE);
}

/* One end, its peer played by the input: what it takes, it answers; what it refuses changes no byte of it. */
static void try_pattern(slow_reader *in, bool initiator) {
    static const char *const names[] = {"N",  "X",  "NN",     "NK",     "KK",     "XK",         "XX",
                                        "IK", "IX", "NNpsk0", "XXpsk3", "NKpsk2", "IKpsk0+psk2"};
    char name[64] = "Noise_";
    uint8_t drawn = 0, out[ROOM], secret[NOISE_KEY_SIZE] = {7}, psks[NOISE_PSKS][NOISE_KEY_SIZE] = {{0}};
    struct noise_protocol protocol;
    struct noise_keypair local;
    struct noise_handshake handshake;
    strcat(name, names[slow_read_u8(in) % (sizeof names / sizeof names[0])]);
    must(noise_protocol_of(strcat(name, "_25519_ChaChaPoly_SHA256"), &protocol));
    noise_keypair_of(&local, secret);
    struct noise_setup setup = {.protocol = &protocol,
                                .initiator = initiator,
                                .local = &local,
                                .remote = local.public,
                                .psks = (const uint8_t(*)[NOISE_KEY_SIZE])psks,
                                .draw = draw,
                                .draw_arg = &drawn};
    for (unsigned place = 0; place < NOISE_PSKS; place++)
        setup.psk_count += protocol.psk_places >> place & 1;
    must(noise_handshake_begin(&handshake, &setup) == SLOW_OK);
    while (!noise_handshake_done(&handshake) && slow_reader_left(in) > 0) {
        struct noise_handshake was = handshake;
        size_t size = slow_read_u8(in), got = 0;
        slow_status status;
        if (noise_handshake_writes(&handshake)) {
            status = noise_handshake_write(&handshake, (slow_bytes){out, size}, out + ROOM / 2, ROOM / 2, &got);
        } else {
            const uint8_t *bytes = slow_read_bytes(in, size);
            status = bytes == NULL ? SLOW_E_MALFORMED
                                   : noise_handshake_read(&handshake, (slow_bytes){bytes, size}, out, &got);
            must(status != SLOW_OK || got <= size);
        }
        must((memcmp(&was, &handshake, sizeof was) == 0) == (status != SLOW_OK));
        if (status != SLOW_OK && noise_handshake_writes(&handshake))
            break; /* the peer's key is of small order */
    }
    noise_handshake_wipe(&handshake);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    slow_reader in = slow_reader_of((slow_bytes){data, size});
    uint8_t what = slow_read_u8(&in);
    if (size == 0)
        return 0;
    if (what % 4 == 0)
        try_plugin(&in);
    else if (what % 4 == 1)
        try_network_key(&in);
    else
        try_pattern(&in, what % 4 == 2);
    return 0;
}
