/* error.h - fills a slow_error in, for plugins: printf into `text`, and the code back so that a function can end with
 * it. What it quotes may be anybody's, and an error is one line: control characters become '?'. A NULL error is allowed. */
#ifndef PLUGIN_ERROR_H
#define PLUGIN_ERROR_H
#include <slow/base.h>
#include <stdarg.h>
#include <stdio.h>

static inline void error_one_line(char *text) {
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

__attribute__((format(printf, 4, 5))) static inline slow_status error_set(slow_error *error, slow_status code,
                                                                          const char *where, const char *format, ...) {
    if (error == NULL)
        return code;
    va_list arguments;
    error->code = code;
    snprintf(error->where, sizeof error->where, "%s", where == NULL ? "" : where);
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    error_one_line(error->where);
    error_one_line(error->text);
    return code;
}
#endif
