#include "schedule.h"
#include <stdlib.h>
#include <string.h>

static bool before(const parcel *a, const parcel *b) {
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->sequence < b->sequence;
}

bool schedule_add(schedule *s, const parcel *like, const void *data) {
    if (s->count == s->capacity) {
        size_t capacity = s->capacity == 0 ? 64 : s->capacity * 2;
        parcel **heap = realloc(s->heap, capacity * sizeof *heap);
        if (heap == NULL)
            return false;
        s->heap = heap;
        s->capacity = capacity;
    }
    parcel *p = malloc(sizeof *p + like->size);
    if (p == NULL)
        return false;
    *p = *like;
    p->sequence = s->sequence++;
    if (p->size > 0)
        memcpy(p->data, data, p->size);
    size_t at = s->count++;
    for (; at > 0 && before(p, s->heap[(at - 1) / 2]); at = (at - 1) / 2)
        s->heap[at] = s->heap[(at - 1) / 2];
    s->heap[at] = p;
    s->bytes += sizeof *p + p->size;
    return true;
}

parcel *schedule_first(const schedule *s) {
    return s->count > 0 ? s->heap[0] : NULL;
}

parcel *schedule_take(schedule *s) {
    parcel *first = s->heap[0], *last = s->heap[--s->count];
    size_t at = 0, child;
    while ((child = 2 * at + 1) < s->count) {
        child += child + 1 < s->count && before(s->heap[child + 1], s->heap[child]);
        if (!before(s->heap[child], last))
            break;
        s->heap[at] = s->heap[child];
        at = child;
    }
    s->heap[at] = last;
    s->bytes -= sizeof *first + first->size;
    return first;
}

void schedule_clear(schedule *s) {
    while (s->count > 0)
        free(schedule_take(s));
    free(s->heap);
    *s = (schedule){.heap = NULL};
}
