#include "pair_seal.h"
#include "id.h"
#include "window.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { HANDSHAKE_MAX = SLOW_PAYLOAD_MAX - 20, WINDOW_WORDS = 128 }; /* 8,128 numbers, more than a link's queue holds */
enum { DIGEST = 32 };

#define CONTEXT "pair"

struct sl_pair_seal {
    const sl_pair_seal_env *env;
    slow_session *session;
    slow_id peer;
    sl_member member; /* once it was judged */
    uint8_t *written;
    size_t written_size;
    uint8_t open1[DIGEST]; /* of the handshake that was read from one */
    uint64_t highest, came[WINDOW_WORDS];
};

sl_pair_seal *sl_pair_seal_new(const sl_pair_seal_env *env, const slow_id *peer, uint64_t lower_number, uint64_t was) {
    uint8_t bytes[SL_PAIR_PROLOGUE_MAX];
    bool lower = sl_id_compare(env->self, peer) < 0;
    sl_pair_seal *seal = calloc(1, sizeof *seal);
    if (seal == NULL)
        return NULL;
    seal->env = env;
    seal->peer = *peer;
    slow_bytes prologue =
        sl_pair_prologue(bytes, env->network, lower ? env->self : peer, lower ? peer : env->self, lower_number, was);
    if (env->security->open(env->security_self, lower, prologue, &seal->session, NULL) == SLOW_OK)
        return seal;
    free(seal);
    return NULL;
}

static void written_free(sl_pair_seal *seal) {
    free(seal->written);
    seal->written = NULL;
    seal->written_size = 0;
}

void sl_pair_seal_free(sl_pair_seal *seal) {
    if (seal == NULL)
        return;
    seal->env->security->close(seal->session);
    written_free(seal);
    free(seal);
}

/* ---- the handshake ---- */

bool sl_pair_seal_write(sl_pair_seal *seal, enum sl_pair_kind kind, const sl_open *open) {
    const sl_pair_seal_env *env = seal->env;
    uint8_t bytes[SL_PAIR_HELLO_MAX], message[HANDSHAKE_MAX];
    size_t size = 0, hello_size = 0;
    bool done;
    if (kind != SL_KIND_OPEN1) {
        slow_bytes key = env->security->static_key(env->security_self);
        sl_pair_hello hello = {.mine = open->mine,
                               .alone_ms = open->alone_ms,
                               .credentials = sl_membership_credentials(env->membership, CONTEXT, key)};
        hello_size = sl_pair_hello_write(bytes, &hello);
        if (hello_size == 0)
            return false;
    }
    if (env->security->write(seal->session, (slow_bytes){bytes, hello_size}, message, sizeof message, &size, &done) !=
        SLOW_OK)
        return false;
    written_free(seal);
    seal->written = malloc(size);
    if (seal->written == NULL)
        return false;
    memcpy(seal->written, message, size);
    seal->written_size = size;
    return true;
}

slow_bytes sl_pair_seal_written(const sl_pair_seal *seal) {
    return (slow_bytes){seal->written, seal->written_size};
}

enum sl_pair_heard sl_pair_seal_read(sl_pair_seal *seal, enum sl_pair_kind kind, const sl_open *open,
                                     enum sl_refusal *why) {
    const sl_pair_seal_env *env = seal->env;
    slow_bytes payload, key = {NULL, 0};
    sl_pair_hello hello;
    bool done;
    *why = SL_WELCOME;
    if (env->security->read(seal->session, open->handshake, &payload, &key, &done) != SLOW_OK)
        return SL_PAIR_FORGED;
    if (kind == SL_KIND_OPEN1) {
        crypto_generichash(seal->open1, DIGEST, open->handshake.data, open->handshake.size, NULL, 0);
        return SL_PAIR_GOOD;
    }
    if ((kind == SL_KIND_OPEN3 && !done) || !sl_pair_hello_read(payload, &hello) || hello.mine != open->mine ||
        hello.alone_ms != open->alone_ms)
        return SL_PAIR_REFUSED;
    *why = sl_membership_judge(env->membership, CONTEXT, &seal->peer, key, hello.credentials, &seal->member);
    return *why == SL_WELCOME ? SL_PAIR_GOOD : SL_PAIR_REFUSED;
}

bool sl_pair_seal_is_of(const sl_pair_seal *seal, slow_bytes open1) {
    uint8_t digest[DIGEST];
    crypto_generichash(digest, DIGEST, open1.data, open1.size, NULL, 0);
    return memcmp(digest, seal->open1, DIGEST) == 0;
}

/* ---- packages ---- */

void sl_pair_seal_close(sl_pair_seal *seal, const slow_package *package, uint8_t room[SL_SEALED_MAX],
                        slow_package *sealed) {
    const slow_security_ops *security = seal->env->security;
    uint8_t ad[SL_SEALED_AD_MAX];
    size_t size = sl_inside_write(room, package);
    security->seal(seal->session, package->packet, sl_sealed_ad(ad, package), room, size, room + size);
    *sealed = (slow_package){.type = SLOW_SEALED,
                             .priority = package->priority,
                             .hop_limit = package->hop_limit,
                             .flags = package->flags & SLOW_TRACED,
                             .src = package->src,
                             .dst = package->dst,
                             .session = package->session,
                             .packet = package->packet,
                             .payload = {room, size + security->tag_size}};
}

enum sl_pair_opened sl_pair_seal_open(sl_pair_seal *seal, const slow_package *sealed, uint8_t room[SL_SEALED_MAX],
                                      slow_package *package) {
    const slow_security_ops *security = seal->env->security;
    uint8_t ad[SL_SEALED_AD_MAX];
    size_t tag_size = security->tag_size, size = sealed->payload.size - tag_size;
    if (sealed->payload.size < tag_size || sealed->payload.size > SL_SEALED_MAX)
        return SL_PAIR_BROKEN;
    if (sl_window_seen(seal->came, WINDOW_WORDS, seal->highest, sealed->packet) || sealed->packet == 0)
        return SL_PAIR_REPEATED;
    memcpy(room, sealed->payload.data, sealed->payload.size);
    if (security->unseal(seal->session, sealed->packet, sl_sealed_ad(ad, sealed), room, size, room + size) != SLOW_OK)
        return SL_PAIR_BROKEN;
    sl_window_mark(seal->came, WINDOW_WORDS, &seal->highest, sealed->packet);
    *package = *sealed;
    if (!sl_inside_read((slow_bytes){room, size}, package))
        return SL_PAIR_MALFORMED;
    written_free(seal); /* the other end has the pair */
    package->flags |= sealed->flags & SLOW_TRACED;
    return SL_PAIR_OPENED;
}

const sl_member *sl_pair_seal_member(const sl_pair_seal *seal) {
    return &seal->member;
}

enum sl_refusal sl_pair_seal_still(const sl_pair_seal *seal) {
    return sl_membership_still(seal->env->membership, &seal->member);
}
