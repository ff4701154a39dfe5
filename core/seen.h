/* seen.h - which packages of whom were seen, to drop doubles.
 *
 * Exactly those that were, and no others. A window that slides, as links and pairs have it, would take less memory and call
 * old what has left it; but here nobody has vouched for a number yet: one package in another's name, with a number far
 * ahead, would move the window, and all that the other says would be old from then on. So a session is kept in blocks
 * of 1,024 numbers, a bit for each; a block is made where a number falls, whichever that is, and those that were not
 * used for longest give way. Honest numbers grow by one and fill their blocks.
 *
 * What remains for a liar: a number that he knows, or guesses, he can use up before its owner does, one package for
 * each; and with thousands of packages in made-up names he can have all else forgotten, so that a double which comes after
 * that counts as new. */
#ifndef SL_SEEN_H
#define SL_SEEN_H
#include "id.h"
#include "loop.h"

enum { SL_SEEN_MAX = 4096, SL_SEEN_BLOCK = 1024 }; /* blocks, of some 250 bytes; numbers in one */

typedef struct sl_seen sl_seen;

sl_seen *sl_seen_new(sl_loop *); /* NULL = no memory */
void sl_seen_free(sl_seen *);
/* True when it is new: it is then marked. False: a double, or there is no memory to tell. */
bool sl_seen_first(sl_seen *, const uint8_t *src, size_t src_size, uint64_t session, uint64_t number);
uint32_t sl_seen_count(const sl_seen *); /* blocks */
#endif
