/* alloc.h - the allocator that plugins under test get: counts what they hold, and refuses when bidden. See alloc.c. */
#ifndef ALLOC_H
#define ALLOC_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is this thread inside the plugin? Only then allocations are counted and refused. Returns what was set before. */
bool alloc_inside(bool inside);
/* Code of the plugin's, or called for it: from..to. Only its requests to malloc() are refused. */
void alloc_own(const void *from, const void *to);
/* Counts one request of the plugin; true when it is the one that has to fail. For what a host gives, too. */
bool alloc_refused(void);
/* From now on the n-th request fails, from 1; 0 = none. Requests are counted anew. */
void alloc_fail_at(uint64_t n);
uint64_t alloc_requests(void); /* since alloc_fail_at() */

/* What the plugin asked for and nobody gave back. */
typedef struct alloc_live {
    uint64_t blocks, bytes;
} alloc_live;
alloc_live alloc_held(void);
#endif
