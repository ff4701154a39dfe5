#include "text_file.h"
#include "core/log.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

slow_status sim_text_read(const char *path, size_t size_max, const char *expected, char **text, size_t *size,
                          slow_error *error) {
    struct stat info;
    slow_status status = SLOW_E_FAIL;
    char *buffer = NULL;
    size_t used = 0, capacity = 0;
    FILE *file = fopen(path, "rbe");
    if (file == NULL || fstat(fileno(file), &info) != 0) {
        sl_error(error, status, path, "%s: cannot be read: %s", path, strerror(errno));
        goto out;
    }
    if (S_ISDIR(info.st_mode)) {
        sl_error(error, status, path, "%s: is a directory; expected %s", path, expected);
        goto out;
    }
    if (!S_ISREG(info.st_mode) && !S_ISFIFO(info.st_mode)) { /* a pipe is one that the shell made of a command */
        sl_error(error, status, path, "%s: is no file; expected %s", path, expected);
        goto out;
    }
    do {
        if (used + 1 >= capacity) {
            capacity = capacity == 0 ? 1 << 16 : capacity * 2;
            char *bigger = realloc(buffer, capacity);
            if (bigger == NULL) {
                status = sl_error(error, SLOW_E_NOMEM, path, "%s: no memory", path);
                goto out;
            }
            buffer = bigger;
        }
        used += fread(buffer + used, 1, capacity - used - 1, file);
        if (used > size_max) {
            status = sl_error(error, SLOW_E_TOOBIG, path, "%s: is over %zu bytes long; expected %s", path, size_max,
                              expected);
            goto out;
        }
    } while (!feof(file) && !ferror(file));
    if (ferror(file)) {
        sl_error(error, status, path, "%s: cannot be read: %s", path, strerror(errno));
        goto out;
    }
    buffer[used] = '\0';
    *text = buffer;
    *size = used;
    buffer = NULL;
    status = SLOW_OK;
out:
    free(buffer);
    if (file != NULL)
        fclose(file);
    return status;
}

slow_status sim_text_write(const char *path, const char *text, size_t size, slow_error *error) {
    FILE *file = fopen(path, "wbe");
    bool written = file != NULL && fwrite(text, 1, size, file) == size;
    int why = errno;
    if (file != NULL && fclose(file) != 0 && written) {
        written = false;
        why = errno;
    }
    return written ? SLOW_OK : sl_error(error, SLOW_E_FAIL, path, "%s: cannot be written: %s", path, strerror(why));
}
