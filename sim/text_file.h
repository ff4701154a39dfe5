/* text_file.h - a whole file's text, with errors for a person. */
#ifndef SIM_TEXT_FILE_H
#define SIM_TEXT_FILE_H
#include <slow/base.h>

/* The text, terminated and the caller's to free(). `expected` for the error: "a topology". */
slow_status sim_text_read(const char *path, size_t size_max, const char *expected, char **text, size_t *size,
                          slow_error *);
/* Writes it all, or says why not. */
slow_status sim_text_write(const char *path, const char *text, size_t size, slow_error *);
#endif
