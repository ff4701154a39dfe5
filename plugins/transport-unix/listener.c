/* listener.c - the socket's file, and accepting. Whether a peer may stay is the core's to say, in link_up().
 *
 * A process that is killed leaves its file, and nobody can bind to a name that is taken: so a file that is there is asked,
 * by connecting to it, whether somebody still listens. What nobody listens on is removed; what is no socket is not. Two
 * that start in the same instant on one path can both find it left over, and the second one has it: that is a mistake in a
 * config, and the first hears nothing from then on.
 *
 * The file never is open to more than it should be, not for an instant: the mode that is set on a socket before bind() is
 * what its file gets, less the umask (Linux), and then the umask's part is added. Changing the umask itself would be every
 * thread's business.
 *
 * A file is removed at the end only when it is still ours. */
#include "unix.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS 16 /* in one turn */
#define BACKLOG 1024
#define PAUSE_NS UINT64_C(250000000)
#define WARN_EVERY_NS UINT64_C(60000000000)
#define AUTOBIND_DIGITS 5u

/* ---- peers */

/* When the process is out of file descriptors accept() fails and the socket stays ready, so a level-triggered loop would
 * spin: listeners are left alone for a moment. */
static void pause_listener(unix_listener *l) {
    unix_transport *t = l->transport;
    slow_time now = t->host->now(t->host);
    l->paused = true;
    t->io->modify(l->watch, 0);
    t->host->timer_at(t->resume, now + PAUSE_NS);
    if (t->warned_at != 0 && now - t->warned_at < WARN_EVERY_NS) /* strangers can cause this line */
        return;
    t->warned_at = now;
    t->host->log(t->host, SLOW_LOG_WARN,
                 "cannot accept: out of file descriptors or memory; raise the limit (ulimit -n)");
}

void unix_resume(void *arg) {
    unix_transport *t = arg;
    for (unix_listener *l = t->listeners; l != NULL; l = l->next)
        if (l->paused) {
            l->paused = false;
            t->io->modify(l->watch, SLOW_IO_READ);
        }
}

/* By the kernel's word for the user, and by the kernel's name for the socket. Any other name is the peer's own invention,
 * and not printed. */
static void peer_name(int fd, const struct sockaddr_un *at, socklen_t size, char out[UNIX_ADDRESS_SIZE]) {
    struct ucred who = {.uid = (uid_t)-1};
    socklen_t who_size = sizeof who;
    char name[AUTOBIND_DIGITS + 1] = "other";
    size_t bytes = size > offsetof(struct sockaddr_un, sun_path) ? size - offsetof(struct sockaddr_un, sun_path) : 0;
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &who_size);
    if (bytes == 1 + AUTOBIND_DIGITS && at->sun_path[0] == '\0') {
        memcpy(name, at->sun_path + 1, AUTOBIND_DIGITS);
        if (strspn(name, "0123456789abcdef") != AUTOBIND_DIGITS)
            memcpy(name, "other", sizeof name);
    }
    snprintf(out, UNIX_ADDRESS_SIZE, UNIX_PREFIX "uid-%lu:%s", (unsigned long)who.uid, name);
}

static void ready(void *arg, int listening_fd, unsigned events) {
    unix_listener *l = arg;
    char remote[UNIX_ADDRESS_SIZE];
    (void)events;
    for (int accepts = 0; accepts < ACCEPTS; accepts++) {
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        socklen_t size = sizeof at;
        int fd = accept4(listening_fd, (struct sockaddr *)&at, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            peer_name(fd, &at, size, remote);
            unix_link_open(l->transport, fd, l->address, remote, 0);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_listener(l);
            return;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        }
    }
}

/* ---- the file */

/* Does anybody listen there? What cannot be asked may be somebody's. */
static bool is_left_over(const struct sockaddr_un *at) {
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool left_over = fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof *at) != 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return left_over;
}

static slow_status make_way(const unix_listener *l, slow_error *error) {
    const char *path = l->at.sun_path;
    struct stat info;
    if (lstat(path, &info) != 0)
        return SLOW_OK; /* nothing there; bind() speaks of any other trouble */
    if (!S_ISSOCK(info.st_mode))
        return unix_error(error, SLOW_E_FAIL, l->address,
                          "there is a file already that is no socket; choose another path");
    if (!is_left_over(&l->at))
        return unix_error(error, SLOW_E_FAIL, l->address,
                          "the address is in use: somebody listens on that socket; stop it, or choose another path");
    if (unlink(path) != 0 && errno != ENOENT)
        return unix_error(error, SLOW_E_FAIL, l->address, "the socket left over there cannot be removed: %s",
                          strerror(errno));
    return SLOW_OK;
}

static slow_status bind_error(const char *address, slow_error *error) {
    if (errno == ENOENT || errno == ENOTDIR)
        return unix_error(error, SLOW_E_FAIL, address, "cannot listen: there is no such folder; make it first");
    if (errno == EACCES || errno == EPERM || errno == EROFS)
        return unix_error(error, SLOW_E_FAIL, address, "cannot listen: no permission to make a socket in that folder");
    return unix_error(error, SLOW_E_FAIL, address, "cannot listen: %s", strerror(errno));
}

/* The umask's part. In a folder that others may write to the file can be another one by now: a link is not followed. */
static bool mode_set(const char *path, const struct stat *info, mode_t mode) {
    return (info->st_mode & 0777) == mode || fchmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW) == 0;
}

static slow_status bind_open(unix_listener *l, slow_error *error) {
    static const mode_t modes[] = {[UNIX_OWNER] = 0600, [UNIX_GROUP] = 0660, [UNIX_EVERYONE] = 0666};
    mode_t mode = modes[l->transport->config->access];
    const char *path = l->at.sun_path;
    struct stat info;
    slow_status status = make_way(l, error);
    if (status != SLOW_OK)
        return status;
    l->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0 || fchmod(l->fd, mode) != 0 || bind(l->fd, (const struct sockaddr *)&l->at, sizeof l->at) != 0)
        return bind_error(l->address, error);
    if (lstat(path, &info) != 0 || !mode_set(path, &info, mode) || listen(l->fd, BACKLOG) != 0) {
        status = bind_error(l->address, error);
        unlink(path);
        return status;
    }
    l->device = info.st_dev;
    l->inode = info.st_ino;
    return SLOW_OK;
}

static void file_remove(const unix_listener *l) {
    struct stat info;
    if (l->inode != 0 && lstat(l->at.sun_path, &info) == 0 && info.st_dev == l->device && info.st_ino == l->inode)
        unlink(l->at.sun_path);
}

/* ---- listeners */

static void listener_free(unix_listener *l) {
    l->transport->io->unwatch(l->watch);
    file_remove(l);
    if (l->fd >= 0)
        close(l->fd);
    free(l);
}

slow_status unix_listen(void *self, const char *address, char bound[UNIX_ADDRESS_SIZE], slow_error *error) {
    unix_transport *t = self;
    struct sockaddr_un at;
    slow_status status = unix_parse(address, &at, error);
    if (status != SLOW_OK)
        return status;
    unix_listener *l = calloc(1, sizeof *l);
    if (l == NULL)
        return unix_error(error, SLOW_E_NOMEM, address, "no memory to listen");
    l->transport = t;
    l->fd = -1;
    l->at = at;
    snprintf(l->address, sizeof l->address, "%s", address);
    status = bind_open(l, error);
    if (status == SLOW_OK) {
        l->watch = t->io->watch(t->host, l->fd, SLOW_IO_READ, ready, l);
        if (l->watch == NULL)
            status = unix_error(error, SLOW_E_NOMEM, address, "the socket could not be watched: no memory");
    }
    if (status != SLOW_OK) {
        listener_free(l);
        return status;
    }
    l->next = t->listeners;
    t->listeners = l;
    memcpy(bound, l->address, UNIX_ADDRESS_SIZE);
    return SLOW_OK;
}

void unix_unlisten(void *self, const char *address) {
    unix_transport *t = self;
    for (unix_listener **at = &t->listeners, *l; (l = *at) != NULL; at = &l->next)
        if (strcmp(l->address, address) == 0) {
            *at = l->next;
            listener_free(l);
            return;
        }
}

void unix_listeners_close(unix_transport *t) {
    for (unix_listener *l; (l = t->listeners) != NULL;) {
        t->listeners = l->next;
        listener_free(l);
    }
}
