/* Columns as wide as their widest cell, two spaces apart, and no lines: to be read, and to be cut by awk. Width is
 * counted in code points, since ids are UTF-8. A terminal's escape cannot come in: ids and addresses hold no control
 * characters. */
#include "table.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t width_of(const char *text) {
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void no_memory(void) {
    fputs("slowctl: no memory\n", stderr);
    exit(EXIT_FAILURE);
}

static void add(table *t, const char *format, va_list arguments) {
    if (t->count == t->capacity) {
        t->capacity = t->capacity == 0 ? 64 : t->capacity * 2;
        t->cells = realloc(t->cells, t->capacity * sizeof *t->cells);
        if (t->cells == NULL)
            no_memory();
    }
    if (vasprintf(&t->cells[t->count++], format, arguments) < 0)
        no_memory();
}

void table_add(table *t, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add(t, format, arguments);
    va_end(arguments);
}

void table_begin(table *t, const char *const *header) {
    *t = (table){.columns = 0};
    for (; header[t->columns] != NULL; t->columns++)
        table_add(t, "%s", header[t->columns]);
}

static void print_row(char *const *cells, const size_t *widths, const bool *right, size_t columns, size_t indent) {
    printf("%*s", (int)indent, "");
    for (size_t c = 0; c < columns; c++) {
        int padding = (int)(widths[c] - width_of(cells[c]));
        bool last = c + 1 == columns;
        printf("%*s%s%*s%s", right[c] ? padding : 0, "", cells[c], right[c] || last ? 0 : padding, "",
               last ? "" : "  ");
    }
    putchar('\n');
}

void table_end(table *t, size_t indent) {
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    bool right[TABLE_COLUMNS_MAX] = {false};
    for (size_t c = 0; c < t->columns; c++)
        if (t->cells[c][0] == '>') {
            right[c] = true;
            memmove(t->cells[c], t->cells[c] + 1, strlen(t->cells[c]));
        }
    for (size_t i = 0; i < t->count; i++) {
        size_t width = width_of(t->cells[i]), *widest = &widths[i % t->columns];
        *widest = width > *widest ? width : *widest;
    }
    for (size_t i = 0; i + t->columns <= t->count; i += t->columns)
        print_row(t->cells + i, widths, right, t->columns, indent);
    for (size_t i = 0; i < t->count; i++)
        free(t->cells[i]);
    free(t->cells);
}
