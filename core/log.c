#include "log.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_SIZE = 512, BURST = 5 };
static const slow_time REFILL = UINT64_C(5000000000); /* one more line each */

static void write_line(const sl_log *log, int level, const char *who, const char *format, va_list arguments) {
    char line[LINE_SIZE];
    vsnprintf(line, sizeof line, format, arguments);
    for (char *c = line; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?'; /* a remote's text may stand in it: one record stays one line */
    log->sink(log->arg, level, who, line);
}

static bool wanted(const sl_log *log, int level) {
    return log != NULL && log->sink != NULL && level <= log->level;
}

void sl_log_write(const sl_log *log, int level, const char *who, const char *format, ...) {
    va_list arguments;
    if (!wanted(log, level))
        return;
    va_start(arguments, format);
    write_line(log, level, who, format, arguments);
    va_end(arguments);
}

void sl_log_limited(const sl_log *log, sl_log_rate *rate, slow_time now, int level, const char *who, const char *format,
                    ...) {
    va_list arguments;
    if (!wanted(log, level))
        return;
    uint64_t refilled = (now - rate->refilled) / REFILL;
    if (refilled > 0) {
        rate->tokens_used = refilled >= rate->tokens_used ? 0 : rate->tokens_used - (uint32_t)refilled;
        rate->refilled += refilled * REFILL;
    }
    if (rate->tokens_used >= BURST) {
        rate->suppressed++;
        return;
    }
    rate->tokens_used++;
    if (rate->suppressed > 0)
        sl_log_write(log, level, who, "%u more lines like the next one were left out", rate->suppressed);
    rate->suppressed = 0;
    va_start(arguments, format);
    write_line(log, level, who, format, arguments);
    va_end(arguments);
}

slow_status sl_error(slow_error *error, slow_status code, const char *where, const char *format, ...) {
    va_list arguments;
    if (error == NULL)
        return code;
    error->code = code;
    snprintf(error->where, sizeof error->where, "%s", where == NULL ? "" : where);
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return code;
}

void sl_error_line(const slow_error *error, char *out, size_t capacity) {
    if (error->where[0] == '\0' || strstr(error->text, error->where) != NULL)
        snprintf(out, capacity, "%s", error->text);
    else
        snprintf(out, capacity, "%s: %s", error->where, error->text);
}

const char *sl_log_level_name(int level) {
    static const char *const names[] = {"error", "warn", "info", "debug"};
    return level >= SLOW_LOG_ERROR && level <= SLOW_LOG_DEBUG ? names[level] : "?";
}

const char *sl_status_text(slow_status status) {
    static const char *const texts[] = {
        "ok",
        "failed",
        "out of memory",
        "invalid argument",
        "not supported",
        "no space",
        "malformed",
        "queue full, try again",
        "closed",
        "restart needed",
        "not authentic",
        "no route",
        "too big",
        "timed out",
    };
    return status <= 0 && -status < (slow_status)(sizeof texts / sizeof *texts) ? texts[-status] : "failed";
}
