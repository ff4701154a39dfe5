/* An allocator in front of the C library's, in the executable: the dynamic linker resolves the malloc() of every shared
 * object to the executable's, so a plugin gets this one, and so do the libraries that it parses with.
 *
 * Two things are known here that no host table can know: how many blocks a plugin holds that it took from malloc() itself,
 * and what it does when there is no memory. A block is the plugin's when it was asked for while a call into the plugin was
 * on (alloc_inside()), whoever frees it later. A request for which the host answers (a timer, a packet) counts in the same
 * sequence, so that "the n-th request fails" goes through all of them in turn.
 *
 * Refused are the requests that the plugin's own code makes, itself or by way of the C library (strdup()), as the return
 * address tells. What a parsing library asks for is counted, since to give it back is up to the plugin, but not refused:
 * whether a library survives that is not the plugin's doing (jansson 2.14 ends the process by an assertion when the text of a
 * string cannot grow).
 *
 * Blocks are remembered beside the heap, in a table by address, and not in headers in front of them: what was allocated
 * before, or by aligned_alloc(), is freed through the same free(). The table is for look-ups only and is never walked, so
 * that addresses decide nothing.
 *
 * malloc() has no argument to find its state by, so this file alone keeps state at file scope. A child of fork() has its
 * own. What a plugin's own threads allocate is not counted: they are not inside.
 *
 * Under a sanitizer the real allocator is the sanitizer's, by the name under which both gcc's and clang's have it. */
#include "alloc.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#if SLOW_CONFORM_SANITIZED
#define REAL(name) __interceptor_##name
void *REAL(aligned_alloc)(size_t, size_t);
#define real_aligned REAL(aligned_alloc)
#else
#define REAL(name) __libc_##name
void *REAL(memalign)(size_t, size_t);
#define real_aligned REAL(memalign)
#endif
void *REAL(malloc)(size_t);
void *REAL(calloc)(size_t, size_t);
void *REAL(realloc)(void *, size_t);
void REAL(free)(void *);

#define EXPORTED __attribute__((visibility("default")))

typedef struct block {
    uintptr_t address; /* 0 = free place */
    size_t size;
} block;

enum { RANGES_MAX = 4 };

typedef struct range {
    uintptr_t from, to;
} range;

static struct heap {
    atomic_flag lock;
    range own[RANGES_MAX]; /* code whose requests can be refused */
    size_t own_count;
    block *table;
    size_t capacity; /* a power of two */
    alloc_live live;
    uint64_t requests, fail_at;
} heap = {.lock = ATOMIC_FLAG_INIT};

static _Thread_local bool inside_plugin;

static void heap_lock(void) {
    while (atomic_flag_test_and_set_explicit(&heap.lock, memory_order_acquire))
        continue;
}

static void heap_unlock(void) {
    atomic_flag_clear_explicit(&heap.lock, memory_order_release);
}

/* ---- the table: open addressing, linear probing ---- */

static size_t place_of(uintptr_t address) {
    return (size_t)((address >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (heap.capacity - 1);
}

static void table_put(block b) {
    size_t at = place_of(b.address);
    while (heap.table[at].address != 0)
        at = (at + 1) & (heap.capacity - 1);
    heap.table[at] = b;
}

static void table_grow(void) {
    size_t old_capacity = heap.capacity, capacity = old_capacity > 0 ? 2 * old_capacity : 1u << 14;
    block *old = heap.table,
          *table = mmap(NULL, capacity * sizeof *table, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (table == MAP_FAILED)
        abort(); /* the account would be wrong from here on */
    heap.table = table;
    heap.capacity = capacity;
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i].address != 0)
            table_put(old[i]);
    if (old != NULL)
        munmap(old, old_capacity * sizeof *old);
}

static void block_came(void *memory, size_t size) {
    heap_lock();
    if (2 * (heap.live.blocks + 1) > heap.capacity)
        table_grow();
    table_put((block){(uintptr_t)memory, size});
    heap.live.blocks++;
    heap.live.bytes += size;
    heap_unlock();
}

/* Moves what comes after a freed place up, so that no search ends too early. */
static void table_close(size_t hole) {
    for (size_t at = (hole + 1) & (heap.capacity - 1); heap.table[at].address != 0;
         at = (at + 1) & (heap.capacity - 1)) {
        size_t home = place_of(heap.table[at].address);
        if (((at - home) & (heap.capacity - 1)) >= ((at - hole) & (heap.capacity - 1))) {
            heap.table[hole] = heap.table[at];
            hole = at;
        }
    }
    heap.table[hole].address = 0;
}

/* True when it was the plugin's. */
static bool block_went(void *memory) {
    bool found = false;
    heap_lock();
    if (heap.live.blocks > 0 && memory != NULL) {
        size_t at = place_of((uintptr_t)memory);
        while (heap.table[at].address != 0 && heap.table[at].address != (uintptr_t)memory)
            at = (at + 1) & (heap.capacity - 1);
        found = heap.table[at].address != 0;
        if (found) {
            heap.live.blocks--;
            heap.live.bytes -= heap.table[at].size;
            table_close(at);
        }
    }
    heap_unlock();
    return found;
}

/* ---- what tests ask ---- */

bool alloc_inside(bool inside) {
    bool before = inside_plugin;
    inside_plugin = inside;
    return before;
}

void alloc_own(const void *from, const void *to) {
    if (heap.own_count < RANGES_MAX)
        heap.own[heap.own_count++] = (range){(uintptr_t)from, (uintptr_t)to};
}

bool alloc_refused(void) {
    heap_lock();
    bool refused = ++heap.requests == heap.fail_at;
    heap_unlock();
    return refused;
}

void alloc_fail_at(uint64_t n) {
    heap_lock();
    heap.requests = 0;
    heap.fail_at = n;
    heap_unlock();
}

uint64_t alloc_requests(void) {
    return heap.requests;
}

alloc_live alloc_held(void) {
    return heap.live;
}

/* ---- what the dynamic linker finds ---- */

static void *given(void *memory, size_t size) {
    if (memory != NULL && inside_plugin)
        block_came(memory, size);
    return memory;
}

static bool own_code(const void *caller) {
    for (size_t i = 0; i < heap.own_count; i++)
        if ((uintptr_t)caller >= heap.own[i].from && (uintptr_t)caller < heap.own[i].to)
            return true;
    return false;
}

static bool refused(const void *caller) {
    if (!inside_plugin || !own_code(caller) || !alloc_refused())
        return false;
    errno = ENOMEM;
    return true;
}

EXPORTED void *malloc(size_t size) {
    return refused(__builtin_return_address(0)) ? NULL : given(REAL(malloc)(size), size);
}

EXPORTED void *calloc(size_t count, size_t size) {
    return refused(__builtin_return_address(0)) ? NULL : given(REAL(calloc)(count, size), count * size);
}

EXPORTED void *realloc(void *memory, size_t size) {
    if (refused(__builtin_return_address(0)))
        return NULL;
    bool known = block_went(memory);
    void *moved = REAL(realloc)(memory, size);
    if (moved == NULL && size > 0 && known) {
        block_came(memory, size); /* it stays; its old size is not kept, and only blocks are judged by */
        return NULL;
    }
    if (moved != NULL && (known || inside_plugin))
        block_came(moved, size);
    return moved;
}

EXPORTED void free(void *memory) {
    block_went(memory);
    REAL(free)(memory);
}

EXPORTED void *aligned_alloc(size_t alignment, size_t size) {
    return refused(__builtin_return_address(0)) ? NULL : given(real_aligned(alignment, size), size);
}

EXPORTED int posix_memalign(void **memory, size_t alignment, size_t size) {
    if (alignment % sizeof(void *) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0)
        return EINVAL;
    void *made = refused(__builtin_return_address(0)) ? NULL : given(real_aligned(alignment, size), size);
    if (made == NULL)
        return ENOMEM;
    *memory = made;
    return 0;
}
