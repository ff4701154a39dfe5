/* proof.c - see proof.h.
 *
 * Loop freedom hangs on sequence numbers that the origin alone gives: who can invent them can draw routes to himself, and
 * who can use them up can silence a junction for good. So, where there are identities, the origin signs (id, epoch, seq)
 * each time that it gives a number, and nothing newer counts than what was signed. A word of an older number of the same
 * epoch needs no proof of its own: the origin gave that number too, and what metric a neighbour has to it nobody can prove.
 *
 * The signature of the newest number is kept with the destination, and passed on: with an ORIGIN always, and before an
 * UPDATE to a neighbour that was not shown it. As newer numbers go only to those who ask (rule 6), that is to few. One
 * bit for each neighbour and destination tells who has it. (It could spare an ORIGIN its proof where the neighbour has shown
 * us the same: a fifth of the bytes of a cold start. But a neighbour may forget, and who is refused once is not heard of that
 * destination until it has another epoch.) A retraction needs none, and neither has its number any
 * meaning but that of a question.
 *
 * An epoch that is newer than the proven one is refused in a question too: the origin would have to outbid it (rule 10),
 * and it would keep honest ones from being passed on (rule 8). An honest neighbour that knows of a newer epoch, since
 * the origin's clock has gone back, say, shows the proof before it asks; so that it reaches the origin in the end.
 *
 * What cannot be proven costs that record alone, not the message: a neighbour may well pass on in good faith what we must
 * refuse, because a key was revoked here first, or a certificate ran out by our clock and not yet by its.
 *
 * A word of an *older* epoch than the newest proven one is bound by that epoch's own proof, which is not kept: so its number
 * may be any. It leads nowhere: it is not selected beside one of the newer epoch (rule 2), not feasible once we told
 * that (rule 1), and not told on, as we cannot prove it.
 *
 * An origin gives a number once in 100 ms at most (rule 8), and another epoch hardly ever. Who signs more than that would have
 * us check it, and honest neighbours that pass it on would pay for it. So a destination has an allowance of 250 newer proofs at
 * once, and 10 a second from then on; what exceeds it is not looked at, and counts for nothing. (An honest origin's numbers come
 * all at once when a link was stuck: for 25 s, here.) Only true proofs are counted, so nobody can use up another's allowance, and
 * who exceeds it loses nobody's routes but those to himself. As it concerns one destination alone, no two junctions need to
 * agree on it, and nothing has to be told late, as link state must.
 *
 * Rejected: a hash chain from a number in the epoch's signature. It is cheaper to check, but every junction would need the
 * hash, the origin the whole chain or its time to compute it, and a number that a request skips costs as many hashes.
 * A number is given once in 100 ms at most, and every junction checks one once. */
#include "proof.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool verify(const struct dv *dv, slow_bytes id, struct dv_stamp stamp, uint64_t epoch, slow_bytes proof) {
    uint8_t bytes[DV_STATEMENT_MAX];
    slow_bytes statement = {bytes, dv_statement(bytes, id, stamp)};
    slow_id origin = {.size = (uint8_t)id.size};
    memcpy(origin.text, id.data, id.size);
    return dv->routing->verify(dv->host, &origin, epoch, statement, proof);
}

bool dv_proof_verify(const struct dv *dv, slow_bytes id, struct dv_stamp stamp, slow_bytes proof) {
    return verify(dv, id, stamp, stamp.epoch, proof);
}

/* It was in time when it came, whatever the clock is set to since. */
bool dv_proof_is_void(const struct dv *dv, uint32_t number) {
    slow_bytes proof;
    struct dv_stamp proven = dv_proven(dv, number, &proof);
    return proof.size > 0 && !verify(dv, store_get(&dv->store, dv->dests[number].id), proven, 0, proof);
}

struct dv_stamp dv_proven(const struct dv *dv, uint32_t number, slow_bytes *proof) {
    struct dv_stamp stamp = {.epoch = 0};
    *proof = (slow_bytes){NULL, 0};
    if (dv->dests[number].proof == 0)
        return stamp;
    slow_reader in = slow_reader_of(store_get(&dv->store, dv->dests[number].proof));
    stamp.epoch = slow_read_u64(&in);
    stamp.seq = slow_read_u32(&in);
    *proof = (slow_bytes){in.at, slow_reader_left(&in)};
    return stamp;
}

bool dv_is_proven(const struct dv *dv, uint32_t number, struct dv_stamp stamp) {
    slow_bytes proof;
    if (dv->open)
        return true;
    struct dv_stamp proven = dv_proven(dv, number, &proof);
    return proven.epoch == stamp.epoch && proven.seq >= stamp.seq;
}

/* ---- who has been shown it */

static bool has_newest(const struct dv_neighbour *neighbour, uint32_t number) {
    return number < neighbour->shown_capacity && (neighbour->shown[number / 8] & 1u << number % 8) != 0;
}

/* Without memory for the bit it is shown once more. */
static void set_newest(struct dv_neighbour *neighbour, uint32_t number) {
    if (number >= neighbour->shown_capacity) {
        uint32_t before = neighbour->shown_capacity / 8, size = neighbour->capacity / 8 + 1;
        uint8_t *shown = realloc(neighbour->shown, size);
        if (shown == NULL)
            return;
        memset(shown + before, 0, size - before);
        neighbour->shown = shown;
        neighbour->shown_capacity = size * 8;
    }
    neighbour->shown[number / 8] |= (uint8_t)(1u << number % 8);
}

/* ---- not more often than an origin may give a number */

#define PROVED_AT_ONCE 250u
#define PROVED_A_SECOND 10u

static void proved_fire(void *owner, struct dv_deadline *deadline) {
    struct dv *dv = owner;
    bool again = false;
    for (uint32_t number = 0; number < dv->dest_count; number++) {
        uint8_t *proved = &dv->dests[number].proved;
        *proved = (uint8_t)(*proved > PROVED_A_SECOND ? *proved - PROVED_A_SECOND : 0);
        again = again || *proved > 0;
    }
    if (again)
        dv_deadline_at(&dv->deadlines, deadline, dv_now(dv) + DV_SECOND, proved_fire);
}

static void proved_count(struct dv *dv, uint32_t number) {
    if (number == DV_SELF)
        return;
    dv->dests[number].proved++;
    if (!dv_deadline_armed(&dv->proved))
        dv_deadline_at(&dv->deadlines, &dv->proved, dv_now(dv) + DV_SECOND, proved_fire);
}

static bool proves_too_often(struct dv *dv, uint32_t number) {
    if (dv->dests[number].proved < PROVED_AT_ONCE)
        return false;
    if (dv_may_log(dv, &dv->often_logged_at)) {
        slow_bytes id = store_get(&dv->store, dv->dests[number].id);
        char text[160];
        snprintf(text, sizeof text, "%.*s gives more than %u numbers a second: it is not heard for a while",
                 (int)id.size, (const char *)id.data, PROVED_A_SECOND);
        dv->host->log(dv->host, SLOW_LOG_WARN, text);
    }
    return true;
}

/* ---- keeping */

static void replace(struct dv *dv, uint32_t number, struct dv_stamp stamp, slow_bytes proof) {
    uint8_t bytes[sizeof stamp.epoch + sizeof stamp.seq + DV_PROOF_MAX];
    slow_writer out = slow_writer_of(bytes, sizeof bytes);
    slow_write_u64(&out, stamp.epoch);
    slow_write_u32(&out, stamp.seq);
    slow_write_bytes(&out, proof.data, proof.size);
    uint32_t reference = store_add(&dv->store, (slow_bytes){bytes, slow_writer_size(&out)});
    if (reference == 0)
        return; /* we go on with what we can prove */
    store_drop(&dv->store, dv->dests[number].proof);
    dv->dests[number].proof = reference;
    proved_count(dv, number);
    dv_shown_to_nobody(dv, number);
}

void dv_proof_keep(struct dv *dv, struct dv_neighbour *from, uint32_t number, struct dv_stamp stamp, slow_bytes proof) {
    slow_bytes before;
    if (dv->open || proof.size == 0)
        return;
    if (dv_stamp_compare(stamp, dv_proven(dv, number, &before)) > 0)
        replace(dv, number, stamp, proof);
    if (from != NULL && dv_stamp_compare(stamp, dv_proven(dv, number, &before)) >= 0)
        set_newest(from, number);
}

bool dv_proof_heard(struct dv *dv, struct dv_neighbour *from, uint32_t number, struct dv_stamp stamp,
                    slow_bytes proof) {
    bool known = dv_is_proven(dv, number, stamp);
    if (!known && (proves_too_often(dv, number) ||
                   !dv_proof_verify(dv, store_get(&dv->store, dv->dests[number].id), stamp, proof)))
        return false;
    dv_proof_keep(dv, from, number, stamp, proof);
    return true;
}

/* ---- what counts */

static bool is_id(slow_bytes id, const slow_id *other) {
    return id.size == other->size && memcmp(id.data, other->text, id.size) == 0;
}

bool dv_origin_counts(struct dv *dv, struct dv_neighbour *from, uint32_t number, const struct dv_record *record) {
    struct dv_stamp proven = {record->word.stamp.epoch, record->proven};
    if (from->leaf && !is_id(record->id, &from->id))
        return false;
    if (dv->open)
        return true;
    bool kept = number != DV_NONE && number != DV_SELF;
    bool is_good = kept ? dv_proof_heard(dv, from, number, proven, record->proof)
                        : dv_proof_verify(dv, record->id, proven, record->proof);
    bool covers = is_good && (record->proven >= record->word.stamp.seq || !dv_finite(record->word));
    return covers || (number != DV_NONE && dv_is_proven(dv, number, record->word.stamp));
}

bool dv_update_counts(const struct dv *dv, uint32_t number, struct dv_stamp stamp) {
    slow_bytes proof;
    if (dv_is_proven(dv, number, stamp) || stamp.epoch < dv_proven(dv, number, &proof).epoch)
        return true;
    return dv_proof_verify(dv, store_get(&dv->store, dv->dests[number].id), stamp, (slow_bytes){NULL, 0});
}

/* ---- showing */

void dv_proof_attach(struct dv *dv, struct dv_neighbour *neighbour, uint32_t number, struct dv_record *origin) {
    slow_bytes proof;
    struct dv_stamp proven = dv_proven(dv, number, &proof);
    if (proven.epoch != origin->word.stamp.epoch)
        return;
    origin->proven = proven.seq;
    origin->proof = proof;
    set_newest(neighbour, number);
}

void dv_proof_show(struct dv *dv, struct dv_neighbour *neighbour, uint32_t number) {
    struct dv_record record = {.kind = DV_PROOF, .id = store_get(&dv->store, dv->dests[number].id)};
    record.word.stamp = dv_proven(dv, number, &record.proof);
    record.proven = record.word.stamp.seq;
    if (record.proof.size == 0 || has_newest(neighbour, number))
        return;
    dv_outbox_add(dv, neighbour, &record);
    set_newest(neighbour, number);
}

void dv_proof_show_epoch(struct dv *dv, struct dv_neighbour *neighbour, uint32_t number, uint64_t epoch) {
    uint8_t flags = neighbour->flags[number];
    bool told_us = (flags & DV_BOUND) != 0 && dv_bound_epoch(dv, neighbour, number) >= epoch;
    bool was_told = (flags & DV_CURRENT) != 0 && dv->dests[number].fd_epoch >= epoch;
    if (!told_us && !was_told)
        dv_proof_show(dv, neighbour, number);
}
