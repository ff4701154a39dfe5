/* open_budget.h - how many openings are looked at in a second, for each neighbour that brought them and in all; pure.
 *
 * An OPEN1 costs its reader Diffie-Hellmans and a signature, a KNOCK (or a package of a pair that is not there) the making of
 * a key for an OPEN1, an OPEN2 a Diffie-Hellman, and their author, who need not wait for an answer, next to nothing. So it is
 * counted before anything is computed, and by the neighbour that handed it over: `src` is only a claim. One bad neighbour uses
 * up its own share; neighbours of one hash share one, and the hash has a secret key. */
#ifndef SL_OPEN_BUDGET_H
#define SL_OPEN_BUDGET_H
#include <slow/base.h>

enum { SL_OPENS_A_LINK = 50, SL_OPENS = 200 };

/* Zero-initialised. */
typedef struct sl_open_budget {
    slow_time since; /* the second that is counted */
    uint32_t all;
    uint8_t of[256]; /* by hash of the neighbour */
} sl_open_budget;

enum sl_open_verdict { SL_OPEN_WITHIN, SL_OPEN_OVER_LINK, SL_OPEN_OVER_ALL };
enum sl_open_verdict sl_open_budget_take(sl_open_budget *, uint32_t neighbour_hash, slow_time now);
#endif
