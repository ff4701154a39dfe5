/* known.h - a bounded memory of what was found true, by content.
 *
 * It is a table of sets of eight. The set of an entry is chosen by whom the statement is of, so that whoever makes true
 * statements without end, which a member can, pushes out nobody's but its own and those of the few that share its set;
 * what was false is never kept. Both hashes are keyed: nobody outside can aim at a set, or at an entry. The table grows
 * while more than a quarter of it is full, to 32,768 entries in all; what has to go is the oldest of its set. */
#ifndef SL_KNOWN_H
#define SL_KNOWN_H
#include "loop.h"

enum { SL_KNOWN_WAYS = 8, SL_KNOWN_SETS_LEAST = 16, SL_KNOWN_SETS_MOST = 4096, SL_KNOWN_SIZE = 16 };

typedef struct sl_known_set {
    uint64_t owner[SL_KNOWN_WAYS]; /* hash of whom it is of: where it goes when the table grows */
    uint8_t content[SL_KNOWN_WAYS][SL_KNOWN_SIZE];
    uint8_t count, oldest;
} sl_known_set;

typedef struct sl_known {
    uint8_t key[32];
    sl_known_set *sets; /* NULL = none yet */
    size_t set_count, count;
} sl_known;

/* What an entry says, so that nothing that was found true of one kind is taken for another. */
enum sl_known_kind { SL_KNOWN_SIGNATURE = 1, SL_KNOWN_GRANT = 2 };

/* A statement as it is looked for and kept. */
typedef struct sl_known_mark {
    uint64_t owner;
    uint8_t content[SL_KNOWN_SIZE];
} sl_known_mark;

void sl_known_init(sl_known *, sl_loop *);
void sl_known_free(sl_known *);
/* Of the kind, the owner and the parts together, in this order, each with its size. */
sl_known_mark sl_known_mark_of(const sl_known *, enum sl_known_kind, slow_bytes owner, const slow_bytes *parts,
                               size_t count);
bool sl_known_has(const sl_known *, const sl_known_mark *);
void sl_known_add(sl_known *, const sl_known_mark *); /* without memory it is not kept */
#endif
