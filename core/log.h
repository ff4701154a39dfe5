/* log.h - a levelled log of one-line records, handed to whoever embeds the junction. The core itself prints nothing.
 *
 * A line that a remote can cause is written with sl_log_limited(), which lets a burst through and then a bounded rate,
 * and says how many it left out. */
#ifndef SL_LOG_H
#define SL_LOG_H
#include <slow/base.h>
#include <slow/plugin.h>

/* Gets one record: `who` wrote it ("link", "transport-udp"), `text` is one line without its end. [any] thread. */
typedef void (*sl_log_sink)(void *arg, int level, const char *who, const char *text);

typedef struct sl_log {
    sl_log_sink sink; /* NULL = discard */
    void *arg;
    int level; /* records above it are not made */
} sl_log;

/* One place in the code whose lines a remote can cause. Zero-initialised. [loop] */
typedef struct sl_log_rate {
    slow_time refilled;
    uint32_t tokens_used, suppressed;
} sl_log_rate;

void sl_log_write(const sl_log *, int level, const char *who, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* At most 5 at once, then one in 5 s for each `rate`. */
void sl_log_limited(const sl_log *, sl_log_rate *rate, slow_time now, int level, const char *who, const char *format,
                    ...) __attribute__((format(printf, 6, 7)));

/* Fills an error in: `where` may be NULL. Returns code, so that a function can end with it. A NULL error is allowed. */
slow_status sl_error(slow_error *, slow_status code, const char *where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The error as one line: `where` in front of the text, unless the text names it already. */
void sl_error_line(const slow_error *, char *out, size_t capacity);
const char *sl_log_level_name(int level);
const char *sl_status_text(slow_status);
#endif
