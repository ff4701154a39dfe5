/* file.h - files that are read and written whole. */
#ifndef SL_FILE_H
#define SL_FILE_H
#include <slow/base.h>

/* At most `most` bytes, into *text, the caller's to free(), and terminated. `what` stands in errors for what was expected:
 * "a JSON file". A path may name a pipe, and is waited for then: not for what a running junction reads. [any] */
slow_status sl_file_read(const char *path, size_t most, const char *what, char **text, size_t *size, slow_error *);
/* The same of a file that lies on a disk, and never waits: anything else is refused. */
slow_status sl_file_read_regular(const char *path, size_t most, const char *what, char **text, size_t *size,
                                 slow_error *);
/* All of it, to a descriptor. False: see errno. [any] */
bool sl_file_write_all(int fd, slow_bytes);
#endif
