/* message.h - the bytes between two neighbours; pure.
 *
 * A message is a row of at most 70 records, at most SLOW_ROUTE_MESSAGE_MAX bytes. Integers are big endian:
 *
 *     LSA    1, id short, fragment u8, epoch u64, seq u32, proof short, age u16, size u16, links: size bytes
 *     STAMP  2, id short, fragment u8, epoch u64, seq u32
 *     END    3
 *     ASK    4
 *     GO     5
 *
 *     links: size u8, id: size & 7f bytes, cost u16; again and again
 *
 * An LSA is what one junction says of some of its links. A hub may have thousands, and what is flooded has to fit one
 * message and one signature, so they are spread over fragments as in IS-IS (ISO 10589, 7.3.4.6): each is an LSA with a
 * sequence number of its own, and a neighbour stays in its fragment while others come and go. The neighbours stand there
 * as full ids, not as handles: an LSA goes on as it was signed. What is signed is all of it but the age, which every
 * relay sets anew: for how many seconds the author of the *message* has had no way to the origin.
 *
 * A link to a leaf bears the upper bit of its id's size: it is good for what is addressed to the leaf and for nothing else.
 * That is said of the link and not of the junction, by the one who gives packages to it: so whoever says it falsely takes
 * nothing from others but the use of his own link.
 *
 * The others compare two databases: STAMPs are what the author has, END ends them. ASK wants a GO: what was sent so far
 * has arrived. */
#ifndef LS_MESSAGE_H
#define LS_MESSAGE_H
#include <slow/routing.h>
#include <slow/wire.h>

enum ls_kind { LS_LSA = 1, LS_STAMP, LS_END, LS_ASK, LS_GO };

/* Epochs are milliseconds since 1970; a larger one than this is no clock's, and is refused. */
#define LS_EPOCH_MAX (UINT64_C(1) << 62)
#define LS_PROOF_MAX 240u /* bytes */
#define LS_LINKS_MAX 640u /* bytes: with the longest id and proof an LSA still fits a message */
#define LS_LINK_LEAST 4u  /* bytes of one link: an id of one character */
#define LS_LINKS_MOST (LS_LINKS_MAX / LS_LINK_LEAST)
#define LS_STATEMENT_MAX (LS_LINKS_MAX + 128u)

struct ls_stamp {
    uint64_t epoch;
    uint32_t seq;
};

struct ls_record {
    enum ls_kind kind;
    uint8_t fragment;
    uint16_t age; /* seconds */
    struct ls_stamp stamp;
    slow_bytes id, proof, links;
};

struct ls_link {
    slow_bytes id;
    uint16_t cost; /* 1..65534 */
    bool leaf;     /* it is one: no way leads on from it */
};

/* Reads one record, with its links checked; what it points to is borrowed from the message. False at the end, and at
 * anything that is not as above: then slow_reader_ok() is false too. */
bool ls_record_read(slow_reader *, struct ls_record *);
/* False when there is no room; then nothing is written. */
bool ls_record_write(slow_writer *, const struct ls_record *);
/* The next of an LSA's links; false at the end. */
bool ls_link_read(slow_reader *links, struct ls_link *);
/* False when there is no room; then nothing is written. */
bool ls_link_write(slow_writer *links, slow_bytes id, uint16_t cost, bool leaf);
/* What an origin signs of an LSA: a label, and all but the age and the proof. Returns the bytes written. */
size_t ls_statement(uint8_t out[LS_STATEMENT_MAX], const struct ls_record *);

/* Less than, equal to or greater than 0, as memcmp() says it. */
static inline int ls_stamp_compare(struct ls_stamp a, struct ls_stamp b) {
    if (a.epoch != b.epoch)
        return a.epoch < b.epoch ? -1 : 1;
    return a.seq == b.seq ? 0 : a.seq < b.seq ? -1 : 1;
}
#endif
