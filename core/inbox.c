#include "inbox.h"
#include "loop_libevent.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct letter {
    slow_message message; /* first: a slow_message is a letter */
    struct letter *next;
    char from[SLOW_ID_MAX + 1];
    uint8_t bytes[];
} letter;

struct sl_inbox {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    letter *first, **end;
    size_t count, bytes;
    int fd;
    bool closed;
};

sl_inbox *sl_inbox_new(void) {
    sl_inbox *inbox = calloc(1, sizeof *inbox);
    if (inbox == NULL)
        return NULL;
    inbox->end = &inbox->first;
    inbox->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (inbox->fd < 0) {
        free(inbox);
        return NULL;
    }
    pthread_mutex_init(&inbox->lock, NULL);
    sl_loop_libevent_condition(&inbox->filled);
    return inbox;
}

void sl_inbox_free(sl_inbox *inbox) {
    if (inbox == NULL)
        return;
    while (inbox->first != NULL) {
        letter *l = inbox->first;
        inbox->first = l->next;
        free(l);
    }
    pthread_cond_destroy(&inbox->filled);
    pthread_mutex_destroy(&inbox->lock);
    close(inbox->fd);
    free(inbox);
}

/* The eventfd counts 1 while there is something: level-triggered for whoever polls it. */
static void signal_fd(sl_inbox *inbox, bool readable) {
    uint64_t value = 1;
    ssize_t moved = readable ? write(inbox->fd, &value, sizeof value) : read(inbox->fd, &value, sizeof value);
    (void)moved;
}

bool sl_inbox_put(sl_inbox *inbox, const slow_message *message) {
    letter *l = malloc(sizeof *l + message->size + 1);
    if (l == NULL)
        return false;
    l->message = *message;
    l->next = NULL;
    size_t from = strnlen(message->from, SLOW_ID_MAX);
    memcpy(l->from, message->from, from);
    l->from[from] = '\0';
    if (message->size > 0)
        memcpy(l->bytes, message->data, message->size);
    l->bytes[message->size] = 0;
    l->message.struct_size = sizeof l->message;
    l->message.from = l->from;
    l->message.data = l->bytes;
    pthread_mutex_lock(&inbox->lock);
    bool room = inbox->count < SL_INBOX_COUNT && inbox->bytes + message->size <= SL_INBOX_BYTES && !inbox->closed;
    if (room) {
        *inbox->end = l;
        inbox->end = &l->next;
        inbox->bytes += message->size;
        if (inbox->count++ == 0)
            signal_fd(inbox, true);
        pthread_cond_signal(&inbox->filled);
    }
    pthread_mutex_unlock(&inbox->lock);
    if (!room)
        free(l);
    return room;
}

slow_status sl_inbox_take(sl_inbox *inbox, slow_message **out, slow_time timeout) {
    slow_status status = SLOW_OK;
    letter *l = NULL;
    bool forever = timeout == SLOW_FOREVER;
    struct timespec deadline = sl_loop_libevent_deadline(forever ? 0 : timeout);
    pthread_mutex_lock(&inbox->lock);
    while (inbox->first == NULL && !inbox->closed && timeout > 0 && status == SLOW_OK)
        if (forever)
            pthread_cond_wait(&inbox->filled, &inbox->lock);
        else if (pthread_cond_timedwait(&inbox->filled, &inbox->lock, &deadline) == ETIMEDOUT)
            status = SLOW_E_TIMEOUT;
    l = inbox->first;
    if (l != NULL) {
        inbox->first = l->next;
        if (inbox->first == NULL)
            inbox->end = &inbox->first;
        inbox->bytes -= l->message.size;
        if (--inbox->count == 0)
            signal_fd(inbox, false);
        *out = &l->message;
        status = SLOW_OK;
    } else
        status = inbox->closed ? SLOW_E_CLOSED : SLOW_E_TIMEOUT;
    pthread_mutex_unlock(&inbox->lock);
    return status;
}

size_t sl_inbox_count(sl_inbox *inbox) {
    pthread_mutex_lock(&inbox->lock);
    size_t count = inbox->count;
    pthread_mutex_unlock(&inbox->lock);
    return count;
}

int sl_inbox_fd(const sl_inbox *inbox) {
    return inbox->fd;
}

void sl_inbox_close(sl_inbox *inbox) {
    pthread_mutex_lock(&inbox->lock);
    inbox->closed = true;
    pthread_cond_broadcast(&inbox->filled);
    pthread_mutex_unlock(&inbox->lock);
}

void slow_message_free(slow_message *message) {
    free(message); /* the inbox made it in one piece */
}
