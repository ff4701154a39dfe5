/* Security plugins: what every one is held to, whoever wrote it.
 *
 *  - Three messages, the initiator's first, open a session at both ends; payloads of the second and third arrive.
 *  - What is out of turn, has no room, or comes after the end is refused, and has changed nothing.
 *  - Sessions and instances know nothing of each other.
 *
 * And where there is an AEAD, or, as far as it is about the handshake, a secret that junctions share:
 *
 *  - Any bit flipped, any byte cut off or added, in any message of the handshake or in anything sealed, is refused; so is
 *    what comes from another network, another prologue, another session, another number, or from oneself. After each such
 *    refusal the session goes on as if nothing had been, and the refused bytes are as they were.
 *  - Numbers come in any order, within 66,000 (far more than the core's windows) of the highest, also where keys change: around
 *    multiples of 2^20, which is where those who follow WireGuard or TLS in this change them.
 *
 * Whether keys are wiped, and whether the cipher is a good one, no test of this kind can know. */
#include "core/log.h"
#include "security_couple.h"
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 66000, EPOCH_BITS = 20 };

static void needs_secrecy(conform *c) {
    if (((const slow_security_ops *)c->plugin->ops)->tag_size == 0)
        conform_skip(c, "the plugin has no AEAD: its tag_size is 0");
}

/* A password at the door is a promise about the handshake, whatever becomes of frames behind it. */
static void needs_a_lock(conform *c) {
    if (c->foreign == NULL)
        needs_secrecy(c);
}

/* ---- the shape ---- */

static void three_messages_open_a_session(conform *c) {
    couple *p = couple_new(c, c->config, 1);
    for (int step = 0; step < 3; step++) {
        couple_write(p, step);
        if (p->done[step % 2] != (step == 2))
            conform_fail(c, "slow/security.h, write()",
                         "a handshake has three messages; *done when both ends have keys",
                         "was%s done when message %d was written", step == 2 ? " not" : "", step + 1);
        couple_read(p, step);
        if (p->done[1 - step % 2] != (step == 2))
            conform_fail(c, "slow/security.h, read()", "a handshake has three messages; *done when both ends have keys",
                         "was%s done when message %d was read", step == 2 ? " not" : "", step + 1);
    }
    couple_free(p);
    CONFORM_CALL(c, "close()", ((const slow_security_ops *)c->plugin->ops)->close(NULL));
}

static void what_is_out_of_turn_changes_nothing(conform *c) {
    couple *p = couple_new(c, c->config, 2);
    uint8_t out[COUPLE_MESSAGE_MAX];
    size_t size;
    for (int step = 0; step < 4; step++) { /* the fourth: all is done */
        for (int i = 0; i < 2; i++) {
            bool writes = step < 3 && step % 2 == i, was_done = p->done[i];
            if (!writes && couple_try_write(p, i, couple_payload(1), out, sizeof out, &size) >= 0)
                conform_fail(c, "slow/security.h, write()", "three messages, initiator first",
                             "wrote a message out of turn, as the %s, when %d were through",
                             i == 0 ? "initiator" : "responder", step);
            if (((writes && step == 0) || step == 3) &&
                couple_try_read(p, i, couple_sent(p, step > 0 ? step - 1 : 0)) >= 0)
                conform_fail(c, "slow/security.h, read()", "three messages, initiator first",
                             "read a message out of turn, as the %s, when %d were through",
                             i == 0 ? "initiator" : "responder", step);
            p->done[i] = was_done;
        }
        if (step == 3)
            break;
        couple_write(p, step);
        couple_read(p, step);
    }
    couple_free(p);
}

/* Two answer the same first message; the one that is not wanted comes first. */
static void another_message_may_be_read_in_place_of_the_last(conform *c) {
    couple *p = couple_new(c, c->config, 3), *other = couple_new(c, c->config, 40);
    couple_shake(p, 1);
    other->sent[0] = p->sent[0];
    couple_read(other, 0);
    couple_write(other, 1);
    if (couple_try_read(p, 0, couple_sent(other, 1)) != SLOW_OK)
        conform_fail(c, "slow/security.h, read()", "the peer's message is read",
                     "refused the answer of another responder");
    if (p->ops->tag_size > 0) {
        couple_message m = other->sent[1];
        m.bytes[m.size - 1] ^= 1;
        couple_refuses(p, 1, (slow_bytes){m.bytes, m.size}, "with another last bit, in place of one that was read,", 0);
    }
    couple_write(p, 1);
    couple_read(p, 1);
    couple_read(p, 1);
    couple_write(p, 2);
    if (couple_try_read(p, 0, couple_sent(p, 1)) >= 0)
        conform_fail(c, "slow/security.h, read()", "another message may be tried until write()",
                     "read the second message again after it had written the third");
    p->done[0] = true;
    couple_read(p, 2);
    if (!p->done[1])
        conform_fail(c, "slow/security.h, read()", "it is as if the one before had not been read",
                     "was not done after a handshake in which two answers were read");
    couple_free(other);
    couple_free(p);
}

static void a_message_without_room_is_written_later(conform *c) {
    couple *p = couple_new(c, c->config, 4);
    couple_message m;
    couple_shake(p, 1);
    couple_write(p, 1);
    size_t needed = p->sent[1].size;
    couple_close(p);
    couple_open(p, "conform", "conform");
    couple_shake(p, 1);
    for (size_t room = 0; room < needed; room++) {
        memset(m.bytes, 0x55, sizeof m.bytes);
        slow_status status = couple_try_write(p, 1, couple_payload(1), m.bytes, room, &m.size);
        if (status != SLOW_E_NOSPACE || m.bytes[room] != 0x55)
            conform_fail(c, "slow/security.h, write()", "SLOW_E_NOSPACE: the buffer given is too small",
                         "gave %d (%s)%s with room for %zu bytes; the message has %zu", (int)status,
                         sl_status_text(status), m.bytes[room] != 0x55 ? " and wrote behind it" : "", room, needed);
    }
    couple_write(p, 1);
    couple_read(p, 1);
    couple_write(p, 2);
    couple_read(p, 2);
    couple_free(p);
}

static void sessions_know_nothing_of_each_other(conform *c) {
    enum { COUPLES = 5, REPLACED = 2 };
    couple *couples[COUPLES];
    for (uint64_t i = 0; i < COUPLES; i++)
        couples[i] = couple_new(c, c->config, 50 + i);
    for (int step = 0; step < 3; step++) {
        for (int i = 0; i < COUPLES; i++)
            couple_write(couples[i], step);
        for (int i = COUPLES; i-- > 0;)
            couple_read(couples[i], step);
        if (step == 1) {
            couple_free(couples[REPLACED]);
            couples[REPLACED] = couple_new(c, c->config, 60);
            couple_shake(couples[REPLACED], 2);
        }
    }
    for (int i = 0; i < COUPLES; i++) {
        if (!couples[i]->done[0] || !couples[i]->done[1])
            conform_fail(c, "slow/security.h, read()", "*done when both ends have keys",
                         "was not done in one of %d handshakes side by side", COUPLES);
        couple_free(couples[i]);
    }
}

/* ---- a handshake that was tampered with ---- */

static void any_flipped_bit_of_a_message_is_refused(conform *c) {
    needs_a_lock(c);
    couple *p = couple_new(c, c->config, 70);
    for (int step = 0; step < 3; step++) {
        couple_write(p, step);
        for (size_t bit = 0; bit < p->sent[step].size * 8; bit++) {
            couple_message m = p->sent[step];
            m.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            couple_refuses(p, step, (slow_bytes){m.bytes, m.size}, "with another bit", bit);
        }
        couple_read(p, step);
    }
    couple_free(p);
}

static void a_message_of_another_length_is_refused(conform *c) {
    needs_a_lock(c);
    couple *p = couple_new(c, c->config, 71);
    for (int step = 0; step < 3; step++) {
        couple_write(p, step);
        for (size_t size = 0; size < p->sent[step].size + 20; size++) {
            uint8_t *exact = calloc(1, size > 0 ? size : 1); /* so that a sanitizer sees the first byte too many */
            if (exact == NULL)
                abort();
            memcpy(exact, p->sent[step].bytes, size < p->sent[step].size ? size : p->sent[step].size);
            if (size != p->sent[step].size)
                couple_refuses(p, step, (slow_bytes){exact, size}, "cut or lengthened to a size of", size);
            free(exact);
        }
        couple_read(p, step);
    }
    couple_free(p);
}

static void garbage_of_any_size_is_refused(conform *c) {
    enum { LONGEST = 100000 };
    needs_a_lock(c);
    couple *p = couple_new(c, c->config, 72);
    uint8_t *garbage = malloc(LONGEST);
    if (garbage == NULL)
        abort();
    for (int step = 0; step < 3; step++) {
        couple_write(p, step);
        for (int i = 0; i < 300; i++) {
            size_t size = i == 0 ? LONGEST : conform_random_below(c, 1500);
            for (size_t at = 0; at < size; at++)
                garbage[at] = (uint8_t)conform_random(c);
            couple_refuses(p, step, (slow_bytes){garbage, size}, "replaced by random bytes, as many as", size);
        }
        couple_read(p, step);
    }
    free(garbage);
    couple_free(p);
}

static void a_stranger_is_refused_at_its_first_message(conform *c) {
    needs_a_lock(c);
    if (c->foreign == NULL)
        conform_skip(c, "the plugin is given no secret by which networks differ");
    couple *p = couple_new(c, c->foreign, 73);
    couple_write(p, 0);
    couple_refuses(p, 0, couple_sent(p, 0), "of a network with another key, at step", 1);
    couple_free(p);
}

static void another_prologue_is_refused(conform *c) {
    needs_a_lock(c);
    couple *p = couple_new(c, c->config, 74);
    couple_close(p);
    couple_open(p, "conform", "conforn");
    couple_write(p, 0);
    couple_refuses(p, 0, couple_sent(p, 0), "under another prologue, at step", 1);
    couple_free(p);
}

/* Messages of an earlier session between the same two, and a session's own ones sent back at it. */
static void replayed_and_reflected_messages_are_refused(conform *c) {
    needs_a_lock(c);
    couple *p = couple_new(c, c->config, 75);
    couple_message old[3];
    couple_shake(p, 3);
    memcpy(old, p->sent, sizeof old);
    couple_close(p);
    couple_open(p, "conform", "conform");
    for (int step = 0; step < 3; step++) {
        couple_write(p, step);
        if (step > 0) { /* the first says nothing that is fresh: the second is what a replay cannot answer */
            couple_refuses(p, step, (slow_bytes){old[step].bytes, old[step].size},
                           "of an earlier session, sent again, at step", (size_t)step + 1);
            couple_refuses(p, step, couple_sent(p, step - 1), "which was its own, sent back at it, at step",
                           (size_t)step + 1);
        }
        couple_read(p, step);
    }
    couple_free(p);
    p = couple_new(c, c->config, 76);
    if (couple_try_read(p, 1, (slow_bytes){old[0].bytes, old[0].size}) != SLOW_OK)
        conform_fail(c, "slow/security.h, read()",
                     "the first message is sealed by what both ends have beforehand, or not at all",
                     "refused one that another initiator of the network had written");
    couple_write(p, 1);
    couple_refuses(p, 2, (slow_bytes){old[2].bytes, old[2].size}, "of an earlier session, behind its first, at step",
                   3);
    couple_free(p);
}

/* ---- sealed frames ---- */

static couple *couple_ready(conform *c, uint64_t seed) {
    needs_secrecy(c);
    couple *p = couple_new(c, c->config, seed);
    couple_shake(p, 3);
    return p;
}

static void what_is_sealed_opens_at_the_other_end(conform *c) {
    couple *p = couple_ready(c, 80);
    couple_frame f;
    for (size_t size = 0; size <= COUPLE_PLAIN; size++)
        for (int from = 0; from < 2; from++) {
            couple_seal(p, from, &f, 1 + size, size);
            if (size >= 16 && memcmp(f.data, f.plain, size) == 0)
                conform_fail(c, "slow/security.h, seal()", "an AEAD", "left %zu bytes as they were", size);
            couple_frame_opens(p, 1 - from, &f);
        }
    couple_free(p);
}

/* Flips each bit of one member of good frames. */
static void flipped_bits_fail(conform *c, size_t at, size_t size, const char *what) {
    static const uint64_t numbers[] = {5, (UINT64_C(1) << EPOCH_BITS) - 1, UINT64_C(1) << EPOCH_BITS};
    couple *p = couple_ready(c, 81);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        couple_frame f;
        couple_seal(p, 0, &f, numbers[i], 100);
        for (size_t bit = 0; bit < size * 8; bit++) {
            couple_frame bad = f;
            ((uint8_t *)&bad)[at + bit / 8] ^= (uint8_t)(1u << bit % 8);
            couple_frame_fails(p, 1, &bad, what, bit);
        }
        couple_frame_opens(p, 1, &f);
    }
    couple_free(p);
}

static void a_flipped_bit_of_the_bytes_is_refused(conform *c) {
    flipped_bits_fail(c, offsetof(couple_frame, data), 100, "whose sealed bytes have another bit");
}

static void a_flipped_bit_of_the_tag_is_refused(conform *c) {
    flipped_bits_fail(c, offsetof(couple_frame, tag), ((const slow_security_ops *)c->plugin->ops)->tag_size,
                      "whose tag has another bit");
}

static void a_flipped_bit_of_what_goes_with_it_is_refused(conform *c) {
    flipped_bits_fail(c, offsetof(couple_frame, ad), sizeof((couple_frame *)NULL)->ad,
                      "whose `ad`, which is authenticated too, has another bit");
}

static void another_number_is_refused(conform *c) {
    flipped_bits_fail(c, offsetof(couple_frame, number), sizeof(uint64_t), "by a wrong number: of another bit");
}

static void fewer_bytes_are_refused(conform *c) {
    couple *p = couple_ready(c, 82);
    couple_frame f;
    couple_seal(p, 0, &f, 5, 100);
    couple_frame shorter = f;
    for (shorter.size = 0; shorter.size < f.size; shorter.size++)
        couple_frame_fails(p, 1, &shorter, "cut to a size of", shorter.size);
    couple_free(p);
}

static void a_frame_of_another_session_or_direction_is_refused(conform *c) {
    couple *a = couple_ready(c, 83), *b = couple_ready(c, 84);
    couple_frame f;
    couple_seal(a, 0, &f, 1, 50);
    couple_frame_fails(a, 0, &f, "of its own, sent back at it, by number", f.number);
    couple_frame_fails(b, 0, &f, "of another session (wrong key), by number", f.number);
    couple_frame_fails(b, 1, &f, "of another session (wrong key), by number", f.number);
    couple_free(a);
    couple_seal(b, 0, &f, 1, 50); /* the same two again */
    couple_close(b);
    couple_open(b, "conform", "conform");
    couple_shake(b, 3);
    couple_frame_fails(b, 1, &f, "of an earlier session of the same two (wrong key), by number", f.number);
    couple_free(b);
}

static void nothing_is_sealed_or_opened_before_the_end(conform *c) {
    needs_secrecy(c);
    couple *p = couple_new(c, c->config, 85);
    couple_frame f;
    for (int step = 0; step < 3; step++) {
        for (int i = 0; i < 2; i++) {
            couple_seal(p, i, &f, 1, 64);
            if (couple_unseal(p, i, &f) >= 0)
                conform_fail(c, "slow/security.h, unseal()", "*done when both ends have keys",
                             "opened what it had sealed when %d messages of three were through", step);
        }
        couple_write(p, step);
        if (step < 2)
            couple_read(p, step);
    }
    couple_seal(p, 0, &f, 1, 64); /* the initiator is done with its last message, before it was read */
    couple_read(p, 2);
    couple_frame_opens(p, 1, &f);
    couple_free(p);
}

/* ---- numbers ---- */

static void numbers_come_in_any_order(conform *c) {
    enum { FRAMES = 400 };
    couple *p = couple_ready(c, 86);
    couple_frame *frames = calloc(FRAMES, sizeof *frames);
    if (frames == NULL)
        abort();
    for (size_t i = 0; i < FRAMES; i++) /* around 2^20, where keys may change, as far apart as a window */
        couple_seal(p, 1, &frames[i], (UINT64_C(1) << EPOCH_BITS) - WINDOW / 2 + i * (WINDOW / FRAMES), 60);
    for (size_t i = FRAMES; i-- > 1;) {
        size_t j = conform_random_below(c, i + 1);
        couple_frame f = frames[i];
        frames[i] = frames[j];
        frames[j] = f;
    }
    conform_note(c, "numbers %d apart at most, around 2^%d, in any order", WINDOW, EPOCH_BITS);
    for (size_t i = 0; i < FRAMES; i++)
        couple_frame_opens(p, 0, &frames[i]);
    for (size_t i = 0; i < FRAMES; i++) /* replays are the core's to find */
        couple_frame_opens(p, 0, &frames[i]);
    free(frames);
    couple_free(p);
}

/* Several times over the places where keys may change, with forgeries of numbers far away between. */
static void forged_numbers_change_nothing(conform *c) {
    couple *p = couple_ready(c, 87);
    couple_frame f, late;
    for (uint64_t epoch = 1; epoch <= 6; epoch++) {
        uint64_t edge = epoch << EPOCH_BITS;
        couple_seal(p, 0, &late, edge - 1000, 40);
        couple_seal(p, 0, &f, edge - 1, 40);
        couple_frame_opens(p, 1, &f);
        couple_seal(p, 0, &f, edge, 40);
        for (int shift = 0; shift < 64; shift++) {
            couple_frame bad = f;
            bad.data[0] ^= 1; /* forged, whoever looks at numbers */
            bad.number = edge + (UINT64_C(1) << shift);
            couple_frame_fails(p, 1, &bad, "forged, by number", bad.number);
            bad.number = edge - 1000 - (UINT64_C(1) << shift);
            couple_frame_fails(p, 1, &bad, "forged, by number", bad.number);
        }
        conform_note(c, "after forged numbers around %llu, where keys may change", (unsigned long long)edge);
        couple_frame_opens(p, 1, &f);
        couple_frame_opens(p, 1, &late);
    }
    couple_free(p);
}

/* ---- a working day ---- */

static void exercise(conform *c, conform_instance pair[2]) {
    const slow_security_ops *ops = pair[0].ops;
    slow_session *sessions[2] = {NULL, NULL};
    slow_bytes prologue = {(const uint8_t *)"conform", 7}, claim = {(const uint8_t *)"claim", 5}, from_peer, key;
    slow_status status = SLOW_OK;
    slow_error error;
    bool done[2] = {false, false};
    uint8_t message[COUPLE_MESSAGE_MAX], data[64] = {0}, tag[COUPLE_TAG] = {0};
    size_t size = 0;
    for (int i = 0; i < 2 && status == SLOW_OK; i++)
        CONFORM_CALL(c, "open()", status = ops->open(pair[i].self, i == 0, prologue, &sessions[i], &error));
    for (int step = 0; step < 3 && status == SLOW_OK; step++) {
        int from = step % 2, to = 1 - from;
        slow_bytes payload = step == 0 ? (slow_bytes){NULL, 0} : claim;
        CONFORM_CALL(c, "write()",
                     status = ops->write(sessions[from], payload, message, sizeof message, &size, &done[from]));
        if (status != SLOW_OK)
            break;
        conform_trace(&pair[from], message, size);
        slow_bytes in = {message, size};
        CONFORM_CALL(c, "read()", status = ops->read(sessions[to], in, &from_peer, &key, &done[to]));
    }
    for (uint64_t i = 0; i < 40 && done[0] && done[1] && ops->tag_size > 0; i++) {
        uint64_t number = (UINT64_C(1) << EPOCH_BITS) - 20 + i;
        CONFORM_CALL(c, "seal()", ops->seal(sessions[0], number, claim, data, sizeof data, tag));
        conform_trace(&pair[0], data, sizeof data);
        CONFORM_CALL(c, "unseal()", status = ops->unseal(sessions[1], number, claim, data, sizeof data, tag));
    }
    for (int i = 0; i < 2; i++)
        if (sessions[i] != NULL)
            CONFORM_CALL(c, "close()", ops->close(sessions[i]));
}

static const conform_test tests[] = {
    {.name = "security-handshake", .run = three_messages_open_a_session},
    {.name = "security-out-of-turn", .run = what_is_out_of_turn_changes_nothing},
    {.name = "security-second-answer", .run = another_message_may_be_read_in_place_of_the_last},
    {.name = "security-no-room", .run = a_message_without_room_is_written_later},
    {.name = "security-sessions-apart", .run = sessions_know_nothing_of_each_other},
    {.name = "security-message-bits", .run = any_flipped_bit_of_a_message_is_refused},
    {.name = "security-message-lengths", .run = a_message_of_another_length_is_refused},
    {.name = "security-garbage", .run = garbage_of_any_size_is_refused},
    {.name = "security-stranger", .run = a_stranger_is_refused_at_its_first_message},
    {.name = "security-prologue", .run = another_prologue_is_refused},
    {.name = "security-replay", .run = replayed_and_reflected_messages_are_refused},
    {.name = "security-seal", .run = what_is_sealed_opens_at_the_other_end},
    {.name = "security-frame-bits", .run = a_flipped_bit_of_the_bytes_is_refused},
    {.name = "security-tag-bits", .run = a_flipped_bit_of_the_tag_is_refused},
    {.name = "security-ad-bits", .run = a_flipped_bit_of_what_goes_with_it_is_refused},
    {.name = "security-wrong-number", .run = another_number_is_refused},
    {.name = "security-frame-lengths", .run = fewer_bytes_are_refused},
    {.name = "security-wrong-key", .run = a_frame_of_another_session_or_direction_is_refused},
    {.name = "security-too-early", .run = nothing_is_sealed_or_opened_before_the_end},
    {.name = "security-any-order", .run = numbers_come_in_any_order},
    {.name = "security-forged-numbers", .run = forged_numbers_change_nothing},
    {.name = NULL},
};

const conform_kind conform_security = {.kind = SLOW_SECURITY, .tests = tests, .exercise = exercise};
