/* table.h - rows in aligned columns. */
#ifndef SLOWCTL_TABLE_H
#define SLOWCTL_TABLE_H
#include <stddef.h>

enum { TABLE_COLUMNS_MAX = 16 };

typedef struct table {
    size_t columns;
    char **cells; /* row by row, the header first */
    size_t count, capacity;
} table;

/* `header`: names, of which those that begin with '>' head a column that is aligned to the right. Ends with NULL. */
void table_begin(table *, const char *const *header);
/* The next cell, of printf's format; a row is as many as the header has. */
void table_add(table *, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints on stdout, indented by so many spaces, and frees. */
void table_end(table *, size_t indent);
#endif
