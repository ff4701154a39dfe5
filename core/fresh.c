#include "fresh.h"
#include "id.h"
#include <stdlib.h>

static const slow_time TURN = 2 * SL_FRESH_WINDOW_MS * SL_MS;
enum { LIST_LEAST = 64 };

static uint64_t mark_of(const sl_fresh *fresh, slow_bytes message) {
    return sl_id_hash(fresh->key, message.data, message.size);
}

static bool list_has(const sl_fresh_list *list, uint64_t mark) {
    for (uint32_t i = 0; i < list->count; i++)
        if (list->marks[i] == mark)
            return true;
    return false;
}

static bool list_add(sl_fresh_list *list, uint64_t mark) {
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity == 0 ? LIST_LEAST : list->capacity * 2;
        uint64_t *marks = realloc(list->marks, capacity * sizeof *marks);
        if (marks == NULL)
            return false;
        list->marks = marks;
        list->capacity = capacity;
    }
    list->marks[list->count++] = mark;
    return true;
}

static void turn(sl_fresh *fresh, slow_time now) {
    free(fresh->older.marks);
    fresh->older = fresh->newer;
    fresh->newer = (sl_fresh_list){.marks = NULL};
    fresh->turned_at = now;
}

void sl_fresh_free(sl_fresh *fresh) {
    free(fresh->newer.marks);
    free(fresh->older.marks);
    *fresh = (sl_fresh){.keyed = false};
}

enum sl_freshness sl_fresh_look(const sl_fresh *fresh, sl_loop *loop, uint64_t time_ms, slow_bytes message) {
    uint64_t now_ms = sl_wall_ms(loop), off = time_ms > now_ms ? time_ms - now_ms : now_ms - time_ms;
    if (off > SL_FRESH_WINDOW_MS)
        return SL_FRESH_OTHER_TIME;
    if (!fresh->keyed)
        return SL_FRESH;
    uint64_t mark = mark_of(fresh, message);
    return list_has(&fresh->newer, mark) || list_has(&fresh->older, mark) ? SL_FRESH_REPLAYED : SL_FRESH;
}

bool sl_fresh_take(sl_fresh *fresh, sl_loop *loop, slow_bytes message) {
    slow_time now = sl_now(loop);
    if (!fresh->keyed) {
        sl_entropy(loop, fresh->key, sizeof fresh->key);
        fresh->keyed = true;
        fresh->turned_at = now;
    }
    if (now - fresh->turned_at >= TURN || fresh->newer.count == SL_FRESH_LIST)
        turn(fresh, now);
    return list_add(&fresh->newer, mark_of(fresh, message));
}
