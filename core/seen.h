/* seen.h - which packages of whom were seen: a window of at least 1,024 numbers for each (source, session), the idle ones forgotten
 * first when there are too many. For dropping doubles: a number that has left the window counts as seen. */
#ifndef SL_SEEN_H
#define SL_SEEN_H
#include "id.h"
#include "loop.h"

enum { SL_SEEN_MAX = 4096 };

typedef struct sl_seen sl_seen;

sl_seen *sl_seen_new(sl_loop *); /* NULL = no memory */
void sl_seen_free(sl_seen *);
/* Of one session packages of a higher priority overtake the others, by as much as a link's whole queue: far more than a
 * window. So each priority is a stream of its own, with its own window: this in place of the session. */
static inline uint64_t sl_seen_stream(uint64_t session, unsigned priority) {
    return session ^ priority;
}
/* True when it is new: it is then marked. False: a double, or there is no memory to tell. */
bool sl_seen_first(sl_seen *, const uint8_t *src, size_t src_size, uint64_t session, uint64_t number);
uint32_t sl_seen_count(const sl_seen *); /* sources */
#endif
