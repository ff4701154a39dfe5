/* Two ends of a security plugin: see security_couple.h. */
#include "security_couple.h"
#include "core/log.h"
#include <stdlib.h>
#include <string.h>

#define READ "slow/security.h, read()"
#define WRITE "slow/security.h, write()"
#define UNSEAL "slow/security.h, unseal()"

static slow_bytes text_bytes(const char *text) {
    return (slow_bytes){(const uint8_t *)text, strlen(text)};
}

/* ---- sessions ---- */

void couple_open(couple *p, const char *prologue, const char *responders_prologue) {
    for (int i = 0; i < 2; i++) {
        slow_error error = {0};
        slow_status status;
        p->done[i] = false;
        p->sessions[i] = NULL;
        CONFORM_CALL(p->conform, "open()",
                     status = p->ops->open(p->ends[i].self, i == 0, text_bytes(i == 0 ? prologue : responders_prologue),
                                           &p->sessions[i], &error));
        if (status != SLOW_OK)
            conform_fail(p->conform, "slow/security.h, open()", "opens a session", "gave %d (%s)", (int)status,
                         error.text);
    }
}

void couple_close(couple *p) {
    for (int i = 0; i < 2; i++)
        CONFORM_CALL(p->conform, "close()", p->ops->close(p->sessions[i]));
}

couple *couple_new(conform *c, const void *initiators_config, uint64_t seed) {
    couple *p = calloc(1, sizeof *p);
    if (p == NULL)
        abort();
    p->conform = c;
    p->ops = c->plugin->ops;
    for (uint64_t i = 0; i < 2; i++) {
        slow_error error;
        if (conform_create(c, &p->ends[i], i == 0 ? initiators_config : c->config, c->seed + 2 * seed + i, &error) !=
                SLOW_OK ||
            conform_start(&p->ends[i], &error) != SLOW_OK)
            conform_fail(c, "slow/plugin.h, slow_plugin.create()",
                         "succeeds with a config that the option table allows", "failed: %s", error.text);
    }
    couple_open(p, "conform", "conform");
    return p;
}

void couple_free(couple *p) {
    couple_close(p);
    conform_pair_end(p->ends);
    free(p);
}

/* ---- steps ---- */

slow_bytes couple_payload(int step) {
    static const char *const payloads[] = {"", "the responder's claim", "the initiator's claim"};
    return text_bytes(payloads[step]);
}

slow_bytes couple_sent(const couple *p, int step) {
    return (slow_bytes){p->sent[step].bytes, p->sent[step].size};
}

slow_status couple_try_write(couple *p, int end, slow_bytes payload, uint8_t *out, size_t capacity, size_t *size) {
    slow_status status;
    CONFORM_CALL(p->conform, "write()",
                 status = p->ops->write(p->sessions[end], payload, out, capacity, size, &p->done[end]));
    return status;
}

slow_status couple_try_read(couple *p, int end, slow_bytes in) {
    slow_bytes payload, key;
    slow_status status;
    CONFORM_CALL(p->conform, "read()", status = p->ops->read(p->sessions[end], in, &payload, &key, &p->done[end]));
    return status;
}

void couple_write(couple *p, int step) {
    couple_message *m = &p->sent[step];
    slow_status status = couple_try_write(p, step % 2, couple_payload(step), m->bytes, sizeof m->bytes, &m->size);
    if (status != SLOW_OK || m->size > sizeof m->bytes)
        conform_fail(p->conform, WRITE, "the next message, with `payload`",
                     "gave %d (%s) and a size of %zu for message %d", (int)status, sl_status_text(status), m->size,
                     step + 1);
}

static bool bytes_equal(slow_bytes a, slow_bytes b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

void couple_read(couple *p, int step) {
    conform *c = p->conform;
    int from = step % 2, to = 1 - from;
    slow_bytes payload = {NULL, 0}, key = {NULL, 0}, own = {NULL, 0};
    slow_status status;
    CONFORM_CALL(c, "read()",
                 status = p->ops->read(p->sessions[to], couple_sent(p, step), &payload, &key, &p->done[to]));
    if (status != SLOW_OK)
        conform_fail(c, READ, "the peer's message is read", "gave %d (%s) for message %d, which write() had made",
                     (int)status, sl_status_text(status), step + 1);
    if (!bytes_equal(payload, couple_payload(step)))
        conform_fail(c, READ, "*peer_payload is what came with it", "gave another payload, of %zu bytes, of message %d",
                     payload.size, step + 1);
    if (SLOW_HAS(p->ops, static_key))
        CONFORM_CALL(c, "static_key()", own = p->ops->static_key(p->ends[from].self));
    if (step > 0 && own.data != NULL && !bytes_equal(key, own))
        conform_fail(c, READ, "*peer_key is set once proved",
                     "gave another key than the peer's static_key() with message %d", step + 1);
    if (step == 0 && key.size > 0)
        conform_fail(c, READ, "*peer_key is set once proved", "gave a key with the first message, which proves none");
}

void couple_shake(couple *p, int steps) {
    for (int step = 0; step < steps; step++) {
        couple_write(p, step);
        couple_read(p, step);
    }
}

void couple_refuses(couple *p, int step, slow_bytes in, const char *what, size_t which) {
    int to = 1 - step % 2;
    slow_status status = couple_try_read(p, to, in);
    if ((status != SLOW_E_AUTH && status != SLOW_E_MALFORMED) || p->done[to])
        conform_fail(p->conform, READ, "SLOW_E_AUTH or SLOW_E_MALFORMED: the session is as it was",
                     "gave %d (%s) for message %d %s %zu%s", (int)status, sl_status_text(status), step + 1, what, which,
                     p->done[to] ? ", and was done" : "");
}

/* ---- frames ---- */

void couple_seal(couple *p, int from, couple_frame *f, uint64_t number, size_t size) {
    *f = (couple_frame){.number = number, .size = size};
    for (size_t i = 0; i < sizeof f->ad; i++)
        f->ad[i] = (uint8_t)conform_random(p->conform);
    for (size_t i = 0; i < size; i++)
        f->plain[i] = f->data[i] = (uint8_t)conform_random(p->conform);
    CONFORM_CALL(p->conform, "seal()",
                 p->ops->seal(p->sessions[from], number, (slow_bytes){f->ad, sizeof f->ad}, f->data, size, f->tag));
}

slow_status couple_unseal(couple *p, int to, couple_frame *f) {
    slow_status status;
    CONFORM_CALL(p->conform, "unseal()",
                 status = p->ops->unseal(p->sessions[to], f->number, (slow_bytes){f->ad, sizeof f->ad}, f->data,
                                         f->size, f->tag));
    return status;
}

void couple_frame_opens(couple *p, int to, const couple_frame *sealed) {
    couple_frame f = *sealed;
    slow_status status = couple_unseal(p, to, &f);
    if (status != SLOW_OK || memcmp(f.data, f.plain, f.size) != 0)
        conform_fail(p->conform, UNSEAL, "what seal() sealed by a number opens by it at the other end, in any order",
                     "gave %d (%s)%s for %zu bytes by number %llu", (int)status, sl_status_text(status),
                     status == SLOW_OK ? " and other bytes" : "", f.size, (unsigned long long)f.number);
}

void couple_frame_fails(couple *p, int to, const couple_frame *sealed, const char *what, uint64_t which) {
    couple_frame f = *sealed;
    slow_status status = couple_unseal(p, to, &f);
    if (status == SLOW_E_AUTH && memcmp(f.data, sealed->data, sizeof f.data) == 0 &&
        memcmp(f.tag, sealed->tag, sizeof f.tag) == 0 && memcmp(f.ad, sealed->ad, sizeof f.ad) == 0)
        return;
    conform_fail(p->conform, UNSEAL, "SLOW_E_AUTH changes nothing", "%s a frame %s %llu (status %d)",
                 status == SLOW_OK       ? "opened"
                 : status == SLOW_E_AUTH ? "refused, and changed,"
                                         : "refused with another status",
                 what, (unsigned long long)which, (int)status);
}
