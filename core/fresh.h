/* fresh.h - is the first message of an opening of now, and here for the first time?
 *
 * Whoever has the network's key can make a first message; whoever sees one can say it again, from anywhere, as often as he
 * likes. If that were answered, a stranger with one recording would get answers (S1), and could fill the table of half-open
 * entries from many addresses until nobody else gets in (S8). WireGuard (whitepaper, 5.4.2) has a time in its first message
 * and keeps the greatest of each peer, since its first message says who the peer is. Ours, of Noise XX, does not say that to
 * anybody; so what is kept is what was answered.
 *
 * The time bounds for how long that is: a message whose time is more than five minutes off our wall clock is refused. One
 * that was answered can be of now for ten minutes more at most, since its author's clock may be ahead. There are two lists,
 * and every ten minutes the newer becomes the older: so an entry is kept for ten to twenty, and nothing has a time of its own.
 *
 * A list has 4,096 marks, of 8 bytes. When it is full before its time it becomes the older one then, and what is forgotten
 * may be answered once more. Only who has the network's key can make that so, with 4,096 openings that were answered; he
 * could as well hand the key out. Rejected: to refuse whatever is older than what was forgotten, since that hands him the
 * means to keep everybody out, by messages of the near future.
 *
 * A message is good once at each junction, and once more at one that has started anew or whose clock was set back. */
#ifndef SL_FRESH_H
#define SL_FRESH_H
#include "loop.h"

enum { SL_FRESH_LIST = 4096 };
#define SL_FRESH_WINDOW_MS (5 * 60 * 1000)

typedef struct sl_fresh_list {
    uint64_t *marks;
    uint32_t count, capacity;
} sl_fresh_list;

typedef struct sl_fresh {
    uint8_t key[16];
    bool keyed;
    sl_fresh_list newer, older;
    slow_time turned_at;
} sl_fresh;

enum sl_freshness { SL_FRESH, SL_FRESH_OTHER_TIME, SL_FRESH_REPLAYED };

void sl_fresh_free(sl_fresh *);
/* `message` is the whole first message, and `time_ms` what is sealed in it. */
enum sl_freshness sl_fresh_look(const sl_fresh *, sl_loop *, uint64_t time_ms, slow_bytes message);
/* It is answered. False: no memory to know it again, so it must not be. */
bool sl_fresh_take(sl_fresh *, sl_loop *, slow_bytes message);
#endif
