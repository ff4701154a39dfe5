/* message.h - the bytes between two neighbours; pure.
 *
 * A message is a row of records, at most SLOW_ROUTE_MESSAGE_MAX bytes. Integers are big endian:
 *
 *     ORIGIN   1, handle varint, id short, epoch u64, proof short, seq u32, metric u32
 *     UPDATE   2, handle varint, seq u32, metric u32
 *     FORGET   3, handle varint
 *     REQUEST  4, id short, epoch u64, seq u32, ttl u8
 *     PROOF    5, id short, epoch u64, proof short
 *
 * A handle is the sender's own small number of a destination, valid on one adjacency and in one direction. ORIGIN binds
 * it to an id and an epoch, once for each (neighbour, origin, epoch), and is its first update as well: so that there is
 * never a handle that means something and says nothing. UPDATE speaks of a bound handle; the metric 0xffffffff
 * retracts. FORGET unbinds, when the sender has had no route for so long that it drops the destination: without it two
 * neighbours would hold each other's memory of a dead junction for ever.
 *
 * REQUEST names an id, since the asker may never have been given a handle. It carries no nonce: repeats are told by
 * (id, stamp), which is also what makes several askers share one request.
 *
 * A proof is empty, or the sequence number that the origin signed with its id and that epoch, u32, and its signature. An
 * ORIGIN's is good for its word: of that number or a newer one. See proof.h. */
#ifndef DV_MESSAGE_H
#define DV_MESSAGE_H
#include "word.h"
#include <slow/wire.h>

enum dv_kind { DV_ORIGIN = 1, DV_UPDATE, DV_FORGET, DV_REQUEST, DV_PROOF };

#define DV_HANDLES (UINT32_C(1) << 20) /* a handle is less than this: an array of them stays within 4 MiB */
#define DV_PROOF_MAX 240u              /* bytes, without the number in front */

struct dv_record {
    enum dv_kind kind;
    uint8_t ttl;
    uint32_t handle;
    struct dv_word
        word;        /* of an UPDATE without the epoch, of a REQUEST without the metric, of a PROOF what it proves */
    uint32_t proven; /* of an ORIGIN: the number that its proof is for; 0 where that is empty */
    slow_bytes id, proof;
};

/* Reads one record; its id and proof are borrowed from the message. False at the end, and at anything that is not as
 * above: then slow_reader_ok() is false too. */
bool dv_record_read(slow_reader *, struct dv_record *);
/* False when there is no room; then nothing is written. */
bool dv_record_write(slow_writer *, const struct dv_record *);

#define DV_STATEMENT_MAX 128u
/* What an origin signs: a label, its id and its stamp. Returns the bytes written. */
size_t dv_statement(uint8_t out[DV_STATEMENT_MAX], slow_bytes id, struct dv_stamp);
#endif
