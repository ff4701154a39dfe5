/* flag_fd.h - a file descriptor that is readable while something is there: an eventfd that counts 1 or nothing, so that it is
 * level-triggered for whoever polls it. Whoever changes it holds the lock of what it speaks of. */
#ifndef SL_FLAG_FD_H
#define SL_FLAG_FD_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Not readable. -1 = the process has no descriptor left; to be closed by close(). */
static inline int sl_flag_fd_new(void) {
    return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

static inline void sl_flag_fd_set(int fd, bool readable) {
    uint64_t value = 1;
    ssize_t moved = readable ? write(fd, &value, sizeof value) : read(fd, &value, sizeof value);
    (void)moved;
}
#endif
