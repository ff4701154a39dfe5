/* Sending and receiving, from any thread.
 *
 * A send is checked and copied on the caller's thread (JSON is parsed there, so eight threads that send parse on eight
 * cores), put into a bag under a lock, and that is all: it never waits for the loop. The first message in an empty bag
 * posts one call, which takes the whole bag at once; so a burst costs one wake-up, not one each.
 *
 * What may be in flight is bounded as delivery is: 4,096 messages or 4 MiB, in the bag and in delivery's queue
 * together. Beyond that a send says SLOW_E_AGAIN. Delivery's part is told once a turn and not once a message: the
 * number is only ever too high until then, which costs a send a second try, and loses nothing. A writer that had to
 * wait is woken when half of the room is free, so that it can go on for a while; woken at the first free place it would
 * sleep again at once.
 *
 * Receiving is the inbox's: a call that finds a message takes it without touching the junction. */
#include "embedding_messages.h"
#include <stdlib.h>
#include <string.h>

/* ---- out ---- */

static bool has_room(const sl_mailbag *bag, size_t size) {
    return bag->count + bag->held_count < SL_QUEUED_COUNT && bag->bytes + bag->held_bytes + size <= SL_QUEUED_MAX;
}

static bool is_half_empty(const sl_mailbag *bag) {
    return bag->count + bag->held_count <= SL_QUEUED_COUNT / 2 && bag->bytes + bag->held_bytes <= SL_QUEUED_MAX / 2;
}

/* What delivery holds now; locked. */
static void bag_tell(slow_junction *j) {
    j->bag.held_count = j->core->delivery.count;
    j->bag.held_bytes = (size_t)j->core->delivery.queued;
    if (j->bag.writers > 0 && is_half_empty(&j->bag))
        pthread_cond_broadcast(&j->bag.room);
}

void sl_embedding_room(void *junction) {
    slow_junction *j = junction;
    pthread_mutex_lock(&j->lock);
    bag_tell(j);
    pthread_mutex_unlock(&j->lock);
    if (j->admin != NULL)
        sl_admin_room(j->admin);
}

void sl_embedding_released(void *junction, size_t bytes) {
    slow_junction *j = junction;
    (void)bytes;
    sl_defer(j->loop, &j->room);
}

static void bag_take(void *arg) {
    slow_junction *j = arg;
    pthread_mutex_lock(&j->lock);
    sl_outgoing *out = j->bag.first;
    size_t count = j->bag.count, bytes = j->bag.bytes;
    j->bag.first = NULL;
    j->bag.end = &j->bag.first;
    pthread_mutex_unlock(&j->lock);
    while (out != NULL) {
        sl_outgoing *next = out->next;
        if (j->core != NULL)
            sl_junction_send(j->core, out);
        else
            free(out);
        out = next;
    }
    pthread_mutex_lock(&j->lock);
    j->bag.count -= count;
    j->bag.bytes -= bytes;
    if (j->core != NULL)
        bag_tell(j);
    pthread_mutex_unlock(&j->lock);
}

/* Takes the message. */
static slow_status bag_put(slow_junction *j, sl_outgoing *out, slow_error *error) {
    size_t size = out->message.payload.size;
    slow_status status = SLOW_OK;
    pthread_mutex_lock(&j->lock);
    if (j->closed)
        status = sl_error(error, SLOW_E_CLOSED, NULL, "the junction is being freed");
    else if (!has_room(&j->bag, size))
        status = sl_error(error, SLOW_E_AGAIN, NULL,
                          "%zu messages of %zu bytes wait to be sent already; try again after slow_wait_writable()",
                          j->bag.count + j->bag.held_count, j->bag.bytes + j->bag.held_bytes);
    else if (j->bag.first == NULL && sl_post(j->loop, bag_take, j) != SLOW_OK)
        status = sl_error(error, SLOW_E_NOMEM, NULL, "no memory for a message of %zu bytes", size);
    if (status == SLOW_OK) {
        out->next = NULL;
        *j->bag.end = out;
        j->bag.end = &out->next;
        j->bag.count++;
        j->bag.bytes += size;
    }
    pthread_mutex_unlock(&j->lock);
    if (status != SLOW_OK)
        free(out);
    return status;
}

static slow_status send_message(slow_junction *j, const char *id, sl_message *message, const slow_send_options *given,
                                slow_error *error) {
    slow_send_options options = SLOW_SEND_INIT;
    sl_outgoing *out;
    if (given != NULL && !SLOW_HAS_FIELD(given, hop_limit))
        return sl_error(error, SLOW_E_INVAL, "slow_send_options", "struct_size is %u; start from SLOW_SEND_INIT",
                        (unsigned)given->struct_size);
    if (given != NULL)
        options = *given;
    message->channel = options.channel;
    message->priority = options.priority;
    message->hop_limit = options.hop_limit;
    slow_status status = sl_id_parse(id, strlen(id), &message->peer, error);
    if (status == SLOW_OK)
        status = sl_message_check(message, &out, error);
    return status == SLOW_OK ? bag_put(j, out, error) : status;
}

slow_status slow_send_json(slow_junction *j, const char *id, const char *json, const slow_send_options *options,
                           slow_error *error) {
    sl_message message = {.type = SLOW_JSON, .payload = {(const uint8_t *)json, strlen(json)}};
    return send_message(j, id, &message, options, error);
}

slow_status slow_send_binary(slow_junction *j, const char *id, const void *data, size_t size,
                             const slow_send_options *options, slow_error *error) {
    sl_message message = {.type = SLOW_BINARY, .payload = {data, size}};
    return send_message(j, id, &message, options, error);
}

slow_status slow_send_control(slow_junction *j, const char *id, uint16_t kind, const void *data, size_t size,
                              const slow_send_options *options, slow_error *error) {
    sl_message message = {.type = SLOW_CONTROL, .kind = kind, .payload = {data, size}};
    return send_message(j, id, &message, options, error);
}

/* ---- waiting for room ---- */

/* SLOW_E_TIMEOUT: not now. A writer that has waited wants more than one place. */
static slow_status look_for_room(slow_junction *j, bool has_waited) {
    pthread_mutex_lock(&j->lock);
    bool room = has_waited ? is_half_empty(&j->bag) : has_room(&j->bag, SL_BEST_EFFORT_MAX);
    slow_status status = j->closed ? SLOW_E_CLOSED : room ? SLOW_OK : SLOW_E_TIMEOUT;
    pthread_mutex_unlock(&j->lock);
    return status;
}

static slow_status run_until_room(slow_junction *j, slow_time timeout) {
    slow_status status = sl_errand_can_wait(j, "slow_wait_writable()", NULL);
    slow_time now = sl_now(j->loop), until = now + sl_errand_bounded(timeout);
    if (status != SLOW_OK)
        return status;
    while ((status = look_for_room(j, true)) == SLOW_E_TIMEOUT && (now = sl_now(j->loop)) < until)
        sl_errand_turn(j, until - now);
    return status;
}

static slow_status sleep_until_room(slow_junction *j, slow_time timeout) {
    struct timespec deadline = sl_loop_libevent_deadline(timeout);
    bool in_time = true;
    if (!sl_errand_come(j))
        return SLOW_E_CLOSED;
    pthread_mutex_lock(&j->lock);
    j->bag.writers++;
    while (!j->closed && !is_half_empty(&j->bag) && in_time)
        in_time = pthread_cond_timedwait(&j->bag.room, &j->lock, &deadline) == 0;
    j->bag.writers--;
    slow_status status = j->closed ? SLOW_E_CLOSED : is_half_empty(&j->bag) ? SLOW_OK : SLOW_E_TIMEOUT;
    pthread_mutex_unlock(&j->lock);
    sl_errand_go(j);
    return status;
}

slow_status slow_wait_writable(slow_junction *j, slow_time timeout) {
    slow_status status = look_for_room(j, false);
    if (status != SLOW_E_TIMEOUT || timeout == 0)
        return status;
    if (!sl_errand_enter(j))
        return sleep_until_room(j, timeout);
    status = run_until_room(j, timeout);
    sl_errand_leave(j);
    return status;
}

/* ---- in ---- */

static void hand_over(slow_junction *j, slow_message *message) {
    bool was_inside = j->inside;
    if (message->size > 0)
        memcpy(j->borrowed, message->data, message->size);
    j->borrowed[message->size] = 0;
    message->data = j->borrowed;
    j->inside = true;
    j->on_message(j->on_message_arg, message);
    j->inside = was_inside;
}

/* A message arrived; it has at most SL_BEST_EFFORT_MAX bytes. */
void sl_embedding_message(void *junction, const sl_message *arrived) {
    slow_junction *j = junction;
    char from[SLOW_ID_MAX + 1] = "";
    memcpy(from, arrived->peer.text, arrived->peer.size);
    slow_message message = {.struct_size = sizeof message,
                            .type = arrived->type,
                            .channel = arrived->channel,
                            .kind = arrived->kind,
                            .from = from,
                            .data = arrived->payload.data,
                            .size = arrived->payload.size};
    if (j->on_message != NULL)
        hand_over(j, &message);
    else if (!sl_inbox_put(j->inbox, &message))
        SL_COUNT(&j->core->stats, drop_message_inbox_full);
    else if (j->admin != NULL)
        sl_admin_message_arrived(j->admin);
}

static slow_status run_until_message(slow_junction *j, slow_message **out, slow_time timeout) {
    slow_status status = sl_errand_can_wait(j, "slow_recv()", NULL);
    slow_time now = sl_now(j->loop), until = now + sl_errand_bounded(timeout);
    if (status != SLOW_OK)
        return status;
    do {
        sl_errand_turn(j, until - now);
        status = sl_inbox_take(j->inbox, out, 0);
    } while (status == SLOW_E_TIMEOUT && (now = sl_now(j->loop)) < until);
    return status;
}

slow_status slow_recv(slow_junction *j, slow_message **out, slow_time timeout) {
    slow_status status = sl_inbox_take(j->inbox, out, 0);
    if (status != SLOW_E_TIMEOUT || timeout == 0)
        return status;
    if (sl_errand_enter(j)) {
        status = run_until_message(j, out, timeout);
        sl_errand_leave(j);
    } else if (sl_errand_come(j)) {
        status = sl_inbox_take(j->inbox, out, timeout);
        sl_errand_go(j);
    } else
        status = SLOW_E_CLOSED;
    return status;
}

typedef struct listener_call {
    sl_errand errand;
    void (*fn)(void *arg, const slow_message *);
    void *arg;
} listener_call;

static void listener_start(sl_errand *errand) {
    listener_call *call = (listener_call *)errand;
    errand->junction->on_message = call->fn;
    errand->junction->on_message_arg = call->arg;
    sl_errand_end(errand, SLOW_OK);
}

slow_status slow_on_message(slow_junction *j, void (*fn)(void *arg, const slow_message *), void *arg) {
    listener_call call = {.errand = {.start = listener_start}, .fn = fn, .arg = arg};
    return sl_errand_run(j, &call.errand, NULL);
}

size_t slow_junction_waiting(slow_junction *j) {
    return sl_inbox_count(j->inbox);
}
