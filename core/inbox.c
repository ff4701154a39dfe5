#include "inbox.h"
#include "flag_fd.h"
#include "loop_libevent.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct letter {
    slow_message message; /* first: a slow_message is a letter */
    struct letter *next, **here;
    struct letter *next_held; /* at the end */
    sl_inbox *inbox;          /* of a reliable one */
    sl_arrival *arrival;      /* NULL = best effort */
    bool is_waiting;
    char from[SLOW_ID_MAX + 1];
    uint8_t bytes[]; /* of best effort */
} letter;
_Static_assert(sizeof(letter) <= SL_ARRIVAL_AROUND, "what is kept of an arrival counts in the budget");

typedef struct letters {
    letter *first, **end;
} letters;

struct sl_inbox {
    sl_loop *loop;
    sl_inbox_events events;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t filled;
    letters waiting, out, done; /* out: reliable ones that the application has; done: that it is done with */
    size_t count;               /* that wait */
    size_t unreliable, bytes;   /* of these, best effort */
    int fd;
    bool closed;
    bool posted; /* the loop will look at `done` */
    bool ended;  /* there is no way back to the junction */
    bool freed;  /* but for messages that are out */
};

/* ---- lists ---- */

static void letters_init(letters *list) {
    *list = (letters){.end = &list->first};
}

static void letters_add(letters *list, letter *l) {
    l->next = NULL;
    l->here = list->end;
    *list->end = l;
    list->end = &l->next;
}

static void letters_push(letters *list, letter *l) {
    l->next = list->first;
    l->here = &list->first;
    if (l->next != NULL)
        l->next->here = &l->next;
    else
        list->end = &l->next;
    list->first = l;
}

static void letters_remove(letters *list, letter *l) {
    *l->here = l->next;
    if (l->next != NULL)
        l->next->here = l->here;
    else
        list->end = l->here;
}

/* ---- life ---- */

sl_inbox *sl_inbox_new(sl_loop *loop, const sl_inbox_events *events) {
    sl_inbox *inbox = calloc(1, sizeof *inbox);
    if (inbox == NULL)
        return NULL;
    inbox->loop = loop;
    inbox->events = *events;
    letters_init(&inbox->waiting);
    letters_init(&inbox->out);
    letters_init(&inbox->done);
    inbox->fd = sl_flag_fd_new();
    if (inbox->fd < 0) {
        free(inbox);
        return NULL;
    }
    pthread_mutex_init(&inbox->lock, NULL);
    sl_loop_libevent_condition(&inbox->filled);
    return inbox;
}

static void inbox_destroy(sl_inbox *inbox) {
    pthread_cond_destroy(&inbox->filled);
    pthread_mutex_destroy(&inbox->lock);
    free(inbox);
}

static void letters_free(letters *list) {
    for (letter *l = list->first, *next; l != NULL; l = next) {
        next = l->next;
        free(l->arrival);
        free(l);
    }
}

void sl_inbox_free(sl_inbox *inbox) {
    if (inbox == NULL)
        return;
    pthread_mutex_lock(&inbox->lock);
    letters_free(&inbox->waiting);
    letters_free(&inbox->done);
    close(inbox->fd);
    inbox->freed = true;
    bool last = inbox->out.first == NULL;
    pthread_mutex_unlock(&inbox->lock);
    if (last)
        inbox_destroy(inbox);
}

/* ---- in and out ---- */

/* Locked. */
static void count(sl_inbox *inbox, letter *l) {
    l->is_waiting = true;
    if (l->arrival == NULL) {
        inbox->unreliable++;
        inbox->bytes += l->message.size;
    }
    if (inbox->count++ == 0)
        sl_flag_fd_set(inbox->fd, true);
    pthread_cond_signal(&inbox->filled);
}

/* Locked. */
static void remove_waiting(sl_inbox *inbox, letter *l) {
    letters_remove(&inbox->waiting, l);
    l->is_waiting = false;
    if (l->arrival == NULL) {
        inbox->unreliable--;
        inbox->bytes -= l->message.size;
    }
    if (--inbox->count == 0)
        sl_flag_fd_set(inbox->fd, false);
}

static letter *letter_new(sl_inbox *inbox, const slow_message *message, sl_arrival *arrival) {
    letter *l = malloc(sizeof *l + (arrival == NULL ? message->size + 1 : 0));
    if (l == NULL)
        return NULL;
    *l = (letter){.message = *message, .inbox = inbox, .arrival = arrival};
    size_t from = strnlen(message->from, SLOW_ID_MAX);
    memcpy(l->from, message->from, from);
    l->from[from] = '\0';
    l->message.struct_size = sizeof l->message;
    l->message.from = l->from;
    if (arrival != NULL) {
        arrival->arg = l;
        l->message.data = arrival->bytes;
        return l;
    }
    if (message->size > 0)
        memcpy(l->bytes, message->data, message->size);
    l->bytes[message->size] = 0;
    l->message.data = l->bytes;
    return l;
}

bool sl_inbox_put(sl_inbox *inbox, const slow_message *message, sl_arrival *arrival) {
    letter *l = letter_new(inbox, message, arrival);
    if (l == NULL)
        return false;
    pthread_mutex_lock(&inbox->lock);
    bool room = arrival != NULL || (inbox->unreliable < SL_INBOX_COUNT && !inbox->closed &&
                                    inbox->bytes + message->size <= SL_INBOX_BYTES);
    if (room) {
        letters_add(&inbox->waiting, l);
        count(inbox, l);
    }
    pthread_mutex_unlock(&inbox->lock);
    if (!room)
        free(l);
    return room;
}

slow_message *sl_inbox_give(sl_inbox *inbox, const slow_message *message, sl_arrival *arrival) {
    letter *l = letter_new(inbox, message, arrival);
    if (l == NULL)
        return NULL;
    pthread_mutex_lock(&inbox->lock);
    if (arrival != NULL)
        letters_add(&inbox->out, l);
    pthread_mutex_unlock(&inbox->lock);
    return &l->message;
}

/* Locked. */
static slow_status take_first(sl_inbox *inbox, slow_message **out) {
    letter *l = inbox->waiting.first;
    if (l == NULL)
        return inbox->closed ? SLOW_E_CLOSED : SLOW_E_TIMEOUT;
    remove_waiting(inbox, l);
    if (l->arrival != NULL)
        letters_add(&inbox->out, l);
    *out = &l->message;
    return SLOW_OK;
}

slow_status sl_inbox_take(sl_inbox *inbox, slow_message **out, slow_time timeout) {
    bool forever = timeout == SLOW_FOREVER, in_time = true;
    struct timespec deadline = sl_loop_libevent_deadline(forever ? 0 : timeout);
    pthread_mutex_lock(&inbox->lock);
    while (inbox->waiting.first == NULL && !inbox->closed && timeout > 0 && in_time)
        if (forever)
            pthread_cond_wait(&inbox->filled, &inbox->lock);
        else
            in_time = pthread_cond_timedwait(&inbox->filled, &inbox->lock, &deadline) != ETIMEDOUT;
    slow_status status = take_first(inbox, out);
    pthread_mutex_unlock(&inbox->lock);
    return status;
}

void sl_inbox_put_back(sl_inbox *inbox, slow_message *message) {
    letter *l = (letter *)message;
    pthread_mutex_lock(&inbox->lock);
    if (l->arrival != NULL)
        letters_remove(&inbox->out, l);
    letters_push(&inbox->waiting, l);
    count(inbox, l);
    pthread_mutex_unlock(&inbox->lock);
}

bool sl_inbox_withdraw(sl_inbox *inbox, sl_arrival *arrival) {
    letter *l = arrival->arg;
    pthread_mutex_lock(&inbox->lock);
    bool waiting = l->is_waiting;
    if (waiting)
        remove_waiting(inbox, l);
    pthread_mutex_unlock(&inbox->lock);
    if (waiting)
        free(l);
    return waiting;
}

size_t sl_inbox_count(sl_inbox *inbox) {
    pthread_mutex_lock(&inbox->lock);
    size_t waiting = inbox->count;
    pthread_mutex_unlock(&inbox->lock);
    return waiting;
}

int sl_inbox_fd(const sl_inbox *inbox) {
    return inbox->fd;
}

/* ---- done with it ---- */

/* Locked. */
static letter *done_take(sl_inbox *inbox) {
    letter *l = inbox->done.first;
    letters_init(&inbox->done);
    return l;
}

static void tell_taken(sl_inbox *inbox, letter *l) {
    while (l != NULL) {
        letter *next = l->next;
        inbox->events.taken(inbox->events.arg, l->arrival);
        free(l);
        l = next;
    }
}

static void settle(void *arg) {
    sl_inbox *inbox = arg;
    pthread_mutex_lock(&inbox->lock);
    letter *l = inbox->ended ? NULL : done_take(inbox);
    inbox->posted = false;
    pthread_mutex_unlock(&inbox->lock);
    tell_taken(inbox, l);
}

/* Of a reliable one. Without memory to post, the next one that is freed tells of both. */
static void letter_done(letter *l) {
    sl_inbox *inbox = l->inbox;
    pthread_mutex_lock(&inbox->lock);
    letters_remove(&inbox->out, l);
    bool freed = inbox->freed, last = freed && inbox->out.first == NULL;
    if (!freed) {
        letters_add(&inbox->done, l);
        inbox->posted = inbox->posted || inbox->ended || sl_post(inbox->loop, settle, inbox) == SLOW_OK;
    }
    pthread_mutex_unlock(&inbox->lock);
    if (freed) {
        free(l->arrival);
        free(l);
    }
    if (last)
        inbox_destroy(inbox);
}

void slow_message_free(slow_message *message) {
    letter *l = (letter *)message;
    if (l != NULL && l->arrival != NULL)
        letter_done(l);
    else
        free(l);
}

void slow_message_accept(slow_message *message) {
    slow_message_free(message);
}

/* ---- the end ---- */

void sl_inbox_close(sl_inbox *inbox) {
    pthread_mutex_lock(&inbox->lock);
    inbox->closed = true;
    pthread_cond_broadcast(&inbox->filled);
    pthread_mutex_unlock(&inbox->lock);
}

/* One that was out when its sender gave it up, and was put back, is held: there is nothing to refuse any more. */
void sl_inbox_refuse(sl_inbox *inbox) {
    letters refused;
    letters_init(&refused);
    pthread_mutex_lock(&inbox->lock);
    for (letter *l = inbox->waiting.first, *next; l != NULL; l = next) {
        next = l->next;
        if (l->arrival == NULL || l->arrival->held)
            continue;
        remove_waiting(inbox, l);
        letters_add(&refused, l);
    }
    pthread_mutex_unlock(&inbox->lock);
    for (letter *l = refused.first, *next; l != NULL; l = next) {
        next = l->next;
        inbox->events.refused(inbox->events.arg, l->arrival);
        free(l);
    }
}

/* Each message is told either as taken or as held, since `ended` is set in the same step; and without the lock, since delivery
 * may put something meanwhile. No letter is freed in between: those that the application is done with from here on wait
 * for sl_inbox_free(). */
void sl_inbox_end(sl_inbox *inbox) {
    letter *held = NULL;
    pthread_mutex_lock(&inbox->lock);
    inbox->ended = true;
    letter *done = done_take(inbox);
    for (letter *l = inbox->out.first; l != NULL; l = l->next) {
        l->next_held = held;
        held = l;
    }
    pthread_mutex_unlock(&inbox->lock);
    tell_taken(inbox, done);
    for (; held != NULL; held = held->next_held)
        inbox->events.held(inbox->events.arg, held->arrival);
}
