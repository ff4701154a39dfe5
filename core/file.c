#include "file.h"
#include "log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static slow_status file_read(const char *path, bool regular, size_t most, const char *what, char **text, size_t *size,
                             slow_error *error) {
    struct stat info;
    slow_status status = SLOW_E_FAIL;
    char *buffer = NULL;
    size_t used = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | (regular ? O_NONBLOCK : 0));
    if (fd < 0 || fstat(fd, &info) != 0) {
        sl_error(error, status, path, "%s: cannot be read: %s", path, strerror(errno));
        goto out;
    }
    if (S_ISDIR(info.st_mode)) {
        sl_error(error, status, path, "%s: is a directory; expected %s", path, what);
        goto out;
    }
    if (regular && !S_ISREG(info.st_mode)) {
        sl_error(error, status, path, "%s: is a pipe or a device; expected %s in a file", path, what);
        goto out;
    }
    buffer = malloc(most + 1);
    if (buffer == NULL) {
        status = sl_error(error, SLOW_E_NOMEM, path, "%s: no memory", path);
        goto out;
    }
    ssize_t got;
    while ((got = read(fd, buffer + used, most + 1 - used)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            sl_error(error, status, path, "%s: cannot be read: %s", path, strerror(errno));
            goto out;
        }
        used += (size_t)got;
        if (used > most) {
            status = sl_error(error, SLOW_E_TOOBIG, path, "%s: is over %zu bytes long; expected %s", path, most, what);
            goto out;
        }
    }
    buffer[used] = '\0';
    *text = buffer;
    *size = used;
    buffer = NULL;
    status = SLOW_OK;
out:
    free(buffer);
    if (fd >= 0)
        close(fd);
    return status;
}

slow_status sl_file_read(const char *path, size_t most, const char *what, char **text, size_t *size,
                         slow_error *error) {
    return file_read(path, false, most, what, text, size, error);
}

slow_status sl_file_read_regular(const char *path, size_t most, const char *what, char **text, size_t *size,
                                 slow_error *error) {
    return file_read(path, true, most, what, text, size, error);
}

bool sl_file_write_all(int fd, slow_bytes content) {
    while (content.size > 0) {
        ssize_t put = write(fd, content.data, content.size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        content.data += put;
        content.size -= (size_t)put;
    }
    return true;
}
