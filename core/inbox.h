/* inbox.h - messages that arrived and wait for somebody to take them. Filled on the loop, emptied from any thread.
 *
 * It holds 4,096 messages or 16 MiB; what comes beyond is refused. An eventfd is readable while it is not empty. */
#ifndef SL_INBOX_H
#define SL_INBOX_H
#include <slow/junction.h>

enum { SL_INBOX_COUNT = 4096, SL_INBOX_BYTES = 16 * 1024 * 1024 };

typedef struct sl_inbox sl_inbox;

sl_inbox *sl_inbox_new(void);   /* NULL = no memory, or no file descriptor */
void sl_inbox_free(sl_inbox *); /* what is in it, too */
/* Copies. False: full. */
bool sl_inbox_put(sl_inbox *, const slow_message *);
/* [any] SLOW_E_TIMEOUT; SLOW_E_CLOSED after close. */
slow_status sl_inbox_take(sl_inbox *, slow_message **, slow_time timeout);
size_t sl_inbox_count(sl_inbox *); /* [any] */
int sl_inbox_fd(const sl_inbox *);
/* [any] Wakes all who wait; from now on takers of an empty inbox get SLOW_E_CLOSED. */
void sl_inbox_close(sl_inbox *);
#endif
