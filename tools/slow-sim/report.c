/* The page is report.html with the data and report.js put in where they belong. In a script element nothing is markup but
 * "<": written as an escape of JSON, no name in the data can end the element, or begin another. */
#include "report.h"
#include <string.h>

extern const char report_html[], report_js[];

static void put_data(FILE *out, const char *data) {
    for (; *data != '\0'; data++)
        if (*data == '<' || *data == '>' || *data == '&')
            fprintf(out, "\\u%04x", (unsigned)(unsigned char)*data);
        else
            putc(*data, out);
}

bool report_write(FILE *out, const char *data) {
    static const char data_here[] = "@DATA@", script_here[] = "@SCRIPT@";
    const char *first = strstr(report_html, data_here), *second = strstr(report_html, script_here);
    fwrite(report_html, 1, (size_t)(first - report_html), out);
    put_data(out, data);
    first += sizeof data_here - 1;
    fwrite(first, 1, (size_t)(second - first), out);
    fputs(report_js, out);
    fputs(second + sizeof script_here - 1, out);
    return ferror(out) == 0;
}
