/* reassembly.h - fragments of best-effort messages, put together within 2 s or forgotten.
 *
 * Every fragment but the last carries SLOW_PAYLOAD_MAX bytes, so a position has one possible size, and what overlaps or
 * disagrees about the total spoils the message. Bounded: 64 KiB a message, 256 KiB a source, 4 MiB and 512 messages in
 * all: every fragment looks through them. */
#ifndef SL_REASSEMBLY_H
#define SL_REASSEMBLY_H
#include "id.h"
#include "loop.h"
#include "stats.h"
#include <slow/package.h>

enum {
    SL_BEST_EFFORT_MAX = 64 * 1024,
    SL_REASSEMBLY_PER_SOURCE = 256 * 1024,
    SL_REASSEMBLY_ALL = 4 * 1024 * 1024,
    SL_REASSEMBLY_COUNT = 512,
};

typedef struct sl_reassembly sl_reassembly;

sl_reassembly *sl_reassembly_new(sl_loop *, sl_stats *); /* NULL = no memory */
void sl_reassembly_free(sl_reassembly *);
/* A fragment (offset > 0 or less than total). When it made the message whole: true, and *whole is valid until the next
 * call. */
bool sl_reassembly_add(sl_reassembly *, const slow_package *, slow_bytes *whole);
uint64_t sl_reassembly_bytes(const sl_reassembly *);
#endif
