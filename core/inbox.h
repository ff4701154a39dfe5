/* inbox.h - messages that arrived and wait for somebody to take them. Filled on the loop, emptied from any thread.
 *
 * It holds 4,096 messages or 16 MiB of best effort; what comes beyond is refused. Reliable messages are bounded by the
 * credit that their senders were given, and lie where they were put together: a letter refers to its arrival and copies
 * nothing. Until somebody takes it, its sender's deadline can withdraw it; the inbox's lock decides who came first. When the
 * application frees it, its sender is to hear that it was taken, which is the loop's to say: such letters are collected,
 * and one post brings many.
 *
 * What an application holds outlives the junction if it must. sl_inbox_end() cuts the way back; once the inbox is freed, and
 * that is after all pairs are, an arrival's memory is freed by whoever frees the message.
 *
 * A descriptor is readable while the inbox is not empty. */
#ifndef SL_INBOX_H
#define SL_INBOX_H
#include "loop.h"
#include "receiver.h"
#include <slow/junction.h>

enum { SL_INBOX_COUNT = 4096, SL_INBOX_BYTES = 16 * 1024 * 1024 };

/* All [loop], of arrivals that were put. */
typedef struct sl_inbox_events {
    void *arg;
    void (*taken)(void *arg, sl_arrival *);
    void (*held)(void *arg, sl_arrival *);    /* at the end: the application still has it */
    void (*refused)(void *arg, sl_arrival *); /* at the end: nobody will ever have it */
} sl_inbox_events;

typedef struct sl_inbox sl_inbox;

sl_inbox *sl_inbox_new(sl_loop *, const sl_inbox_events *); /* NULL = no memory, or no file descriptor */
/* What is in it, too; messages that the application has stay. After sl_inbox_end(), and after delivery is freed. */
void sl_inbox_free(sl_inbox *);
/* Copies all but a reliable message's payload, which is the arrival's; `arrival` NULL = best effort. False: full, or no
 * memory; a reliable one is the caller's still. */
bool sl_inbox_put(sl_inbox *, const slow_message *, sl_arrival *);
/* The same for a message that is the application's at once. NULL = no memory. */
slow_message *sl_inbox_give(sl_inbox *, const slow_message *, sl_arrival *);
/* [any] SLOW_E_TIMEOUT; SLOW_E_CLOSED after close. */
slow_status sl_inbox_take(sl_inbox *, slow_message **, slow_time timeout);
/* [any] It was taken, and not used: the next one to be taken again. */
void sl_inbox_put_back(sl_inbox *, slow_message *);
/* [loop] True: nobody has it, and nobody will. False: somebody took it. */
bool sl_inbox_withdraw(sl_inbox *, sl_arrival *);
size_t sl_inbox_count(sl_inbox *); /* [any] */
int sl_inbox_fd(const sl_inbox *);
/* [any] Wakes all who wait; from now on takers of an empty inbox get SLOW_E_CLOSED. */
void sl_inbox_close(sl_inbox *);
/* [loop] After close, while there is still time to say so: reliable messages that nobody took are refused. */
void sl_inbox_refuse(sl_inbox *);
/* [loop] The last events, while delivery still is; from now on freeing a message tells nobody. */
void sl_inbox_end(sl_inbox *);
#endif
