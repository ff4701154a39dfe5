/* quota.h - how much may wait of reliable messages: an account for each destination, and one for all.
 *
 * A send has to be refused on the thread that makes it, before delivery has seen the message, and a destination that is not
 * there must cost the others nothing but its share of the whole. So what waits is charged to its destination when it is
 * accepted, on whichever thread, and credited when it has its outcome. Delivery has the same limits, and with all its
 * messages charged here it never has to refuse one for them.
 *
 * The whole is charged what is around a message, too: a million empty ones are not nothing.
 *
 * A destination that was refused something is remembered until half of its room is free. Woken at the first free
 * place, a writer would sleep again at once.
 *
 * No locks: the caller's lock is held in each call. */
#ifndef SL_QUOTA_H
#define SL_QUOTA_H
#include "id.h"
#include "loop.h"

typedef struct sl_quota_account {
    struct sl_quota_account *chained, *next_told;
    slow_id id;
    uint32_t hash;
    uint32_t count;
    uint64_t bytes;
    bool refused;     /* something was, since half of the room was free */
    bool to_tell;     /* it is in `told` */
    uint32_t stalled; /* the owner's: messages that delivery would not take yet */
    uint64_t round;   /* the owner's: when that was last tried */
} sl_quota_account;

typedef struct sl_quota {
    uint8_t key[SL_HASH_KEY];
    sl_quota_account **buckets; /* a power of two of them, chained */
    uint32_t bucket_count, count;
    sl_quota_account *recent; /* that was asked for last, and is before all hashing: messages come in runs; or NULL */
    uint64_t bytes;           /* of all, with what is around them */
    bool refused;             /* for want of room in the whole */
    sl_quota_account *told;   /* half of their room is free again, and nobody was told */
} sl_quota;

/* False = no memory. */
bool sl_quota_init(sl_quota *, sl_loop *);
void sl_quota_free(sl_quota *);
/* SLOW_E_AGAIN: there is no room, and it will be told when there is; SLOW_E_NOMEM. */
slow_status sl_quota_charge(sl_quota *, const slow_id *, size_t size);
/* `count` messages of `size` bytes in all do not wait any more. True: sl_quota_is_half_empty() may say so of a destination now, and did
 * not before. */
bool sl_quota_credit(sl_quota *, const slow_id *, uint32_t count, size_t size);
sl_quota_account *sl_quota_find(sl_quota *, const slow_id *); /* NULL = nothing waits, and nothing was refused */
/* Is there room for any message of at most `size` bytes? Is half of it free? */
bool sl_quota_has_room(sl_quota *, const slow_id *, size_t size);
bool sl_quota_is_half_empty(sl_quota *, const slow_id *);
/* The next destination that was refused something, and has half of its room free. False: there is none. */
bool sl_quota_next_told(sl_quota *, slow_id *);
#endif
