/* error.h - fills a slow_error in, for plugins: printf into `text`, and the code back so that a function can end with
 * it. A NULL error is allowed. */
#ifndef PLUGIN_ERROR_H
#define PLUGIN_ERROR_H
#include <slow/base.h>
#include <stdarg.h>
#include <stdio.h>

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
    return code;
}
#endif
