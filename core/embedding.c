/* Embedding: a junction for an application, on a thread of its own or on one of the application's.
 *
 * Below this file everything happens on one thread, and that stays so. What an application calls from elsewhere becomes
 * an errand: a struct on the caller's stack with what it asks for, posted to the loop, where start() does the work; the
 * caller sleeps on the errand's own condition until sl_errand_end(). So no call copies its arguments, results
 * are written where the caller wants them, and no lock is held while the core works. Sending is the exception, for it
 * must not wait: see mailbag.h.
 *
 * Which thread is the junction's? With SLOW_THREAD_OWN the one that was made for it. With SLOW_THREAD_BASE the one that
 * made the junction. With SLOW_THREAD_CALLER whichever last ran it, and a thread may begin to run it while another has
 * not quite left. So identity alone proves nothing: a call that finds itself on the junction's thread counts `depth` up
 * under the lock, and who wants to take over waits until it is 0. A direct call thereby has the core for itself.
 *
 * A call that waits on the junction's own thread must run the loop itself. From within a callback it cannot: libevent
 * has no nested dispatch, and what is waited for would never come. `inside` says that the loop is on the stack, and
 * such a call is refused at once, with a text, instead of hanging. On the application's base we cannot know what is on
 * the stack, so there it is always refused.
 *
 * The end. First `closed`: no call begins any more. Then those who wait are let go: the inbox is closed, writers are
 * woken, queries and waits for routes are ended on the loop. Who waits for an outcome gets one: those that can still come
 * do while the loop runs, for a second at most, and the rest is unknown. The last messages and the goodbye go out while
 * the loop still runs, or, on a base that is not ours, without it. Errands that were posted too late to be started find no core,
 * and end with SLOW_E_CLOSED as the loop is freed. The memory goes when the last of the woken threads (`guests`) is
 * out.
 *
 * Rejected: one big lock around the core (a callback that calls back deadlocks, and a slow caller stalls the mesh);
 * futures (five functions where the caller wants one); cancelling threads. */
#include "embedding_mesh.h"
#include "embedding_messages.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const slow_time GOODBYE = 500 * SL_MS, LAST_OUTCOMES = SL_SECOND;

/* ---- the end ---- */

/* Is something on its way out that a few more turns would send? */
static bool is_busy(const sl_junction *core) {
    if (core->links.neighbours.adjacencies.used == 0)
        return false;
    bool busy = core->delivery.count > 0;
    for (uint32_t at = 0; !busy && (at = sl_slots_next(&core->links.links, at)) != 0;) {
        const sl_link *link = sl_links_get(&core->links, at);
        busy = link->blocked || !sl_outbox_empty(&link->out) || link->ready.first != NULL;
    }
    return busy;
}

/* What is still owed to senders and receivers: messages that never left end, for those that did an answer may come. */
static void settle_messages(slow_junction *j) {
    slow_time until = sl_now(j->loop) + LAST_OUTCOMES, now;
    sl_mailbag_flush(&j->bag);
    sl_inbox_refuse(j->inbox);
    sl_delivery_stop(&j->core->delivery);
    sl_mailbag_abandon(&j->bag);
    while (j->mode != SLOW_THREAD_BASE && sl_delivery_pending(&j->core->delivery) > 0 &&
           (now = sl_now(j->loop)) < until)
        sl_errand_turn(j, until - now);
}

static void say_goodbye(slow_junction *j) {
    slow_time until = sl_now(j->loop) + GOODBYE, now;
    if (j->mode == SLOW_THREAD_BASE) {
        sl_loop_libevent_settle(j->loop);
        sl_junction_goodbye(j->core);
        sl_loop_libevent_settle(j->loop);
        return;
    }
    while (is_busy(j->core) && (now = sl_now(j->loop)) < until)
        sl_errand_turn(j, until - now);
    sl_junction_goodbye(j->core);
    do
        sl_errand_turn(j, SL_MS);
    while (sl_slots_next(&j->core->links.links, 0) != 0 && sl_now(j->loop) < until);
}

/* On the junction's thread, with the loop not on the stack, or just off it. */
static void farewell(slow_junction *j) {
    sl_admin_free(j->admin);
    j->admin = NULL;
    sl_embedding_let_go(j);
    if (j->mode != SLOW_THREAD_BASE)
        sl_errand_turn(j, 0); /* what was posted last */
    settle_messages(j);
    say_goodbye(j);
    sl_inbox_end(j->inbox);
    sl_delivery_abandon(&j->core->delivery);
    sl_embedding_tell(j);
}

/* Frees what there is, also of a junction that was not quite made. No thread runs it any more. */
static void junction_end(slow_junction *j) {
    if (j->core != NULL) {
        sl_admin_free(j->admin);
        sl_embedding_let_go(j);
        j->core->on_message = NULL;
        j->core->on_withdraw = NULL;
        j->core->on_route = NULL;
        j->core->on_released = NULL;
        j->core->on_outcome = NULL;
        sl_junction_free(j->core);
        j->core = NULL;
    }
    if (j->inbox != NULL) {
        sl_defer_cancel(j->loop, &j->tell);
        sl_defer_cancel(j->loop, &j->tell_hops);
        sl_mailbag_stop(&j->bag);
    }
    sl_loop_free(j->loop);
    pthread_mutex_lock(&j->lock);
    while (j->guests > 0)
        pthread_cond_wait(&j->changed, &j->lock);
    pthread_mutex_unlock(&j->lock);
    if (j->inbox != NULL)
        sl_embedding_messages_free(j);
    pthread_cond_destroy(&j->changed);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

/* Waits until the thread that runs it is out, and takes its place. Locked. */
static void take_place(slow_junction *j) {
    while (j->depth > 0 && !pthread_equal(j->thread, pthread_self())) {
        sl_loop_libevent_break(j->loop);
        pthread_cond_wait(&j->changed, &j->lock);
    }
    j->thread = pthread_self();
}

void slow_junction_free(slow_junction *j) {
    if (j == NULL)
        return;
    pthread_mutex_lock(&j->lock);
    if (pthread_equal(j->thread, pthread_self()) && j->inside) {
        pthread_mutex_unlock(&j->lock);
        sl_log_write(&j->core->log, SLOW_LOG_ERROR, "embedding",
                     "slow_junction_free() was called from within a callback, which needs what it would free; "
                     "nothing was freed, call it from outside");
        return;
    }
    j->closed = true;
    sl_mailbag_close(&j->bag);
    sl_inbox_close(j->inbox);
    sl_traces_close(&j->traces);
    if (j->mode != SLOW_THREAD_OWN)
        take_place(j);
    pthread_mutex_unlock(&j->lock);
    if (j->mode == SLOW_THREAD_OWN) {
        sl_loop_libevent_break(j->loop);
        pthread_join(j->thread, NULL); /* thread_main() says farewell */
    } else
        farewell(j);
    junction_end(j);
}

/* ---- the beginning ---- */

static void *thread_main(void *arg) {
    slow_junction *j = arg;
    char name[16];
    pthread_mutex_lock(&j->lock); /* until it is known that this thread is the junction's */
    pthread_mutex_unlock(&j->lock);
    snprintf(name, sizeof name, "slow %.10s", j->id);
    pthread_setname_np(pthread_self(), name);
    sl_loop_libevent_run(j->loop);
    farewell(j);
    return NULL;
}

/* The application's signals are not for our thread. But a fault is where it happens: were its signal blocked, the kernel
 * would end the process without asking the application's handler. */
static slow_status thread_start(slow_junction *j, slow_error *error) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t all, before;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&j->lock);
    j->inside = true;
    int failure = pthread_create(&j->thread, NULL, thread_main, j);
    pthread_mutex_unlock(&j->lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure == 0)
        return SLOW_OK;
    return sl_error(error, SLOW_E_FAIL, NULL, "no thread for the junction: %s; SLOW_THREAD_CALLER needs none",
                    strerror(failure));
}

static slow_status options_read(const slow_options *given, bool has_config, slow_options *out, slow_error *error) {
    *out = (slow_options)SLOW_OPTIONS_INIT;
    if (given != NULL && !SLOW_HAS_FIELD(given, calling_arg))
        return sl_error(error, SLOW_E_INVAL, "slow_options", "struct_size is %u; start from SLOW_OPTIONS_INIT",
                        (unsigned)given->struct_size);
    if (given != NULL)
        memcpy(out, given, given->struct_size < sizeof *out ? given->struct_size : sizeof *out);
    if (out->thread > SLOW_THREAD_BASE)
        return sl_error(error, SLOW_E_INVAL, "slow_options", "thread is %u; expected an enum slow_thread",
                        (unsigned)out->thread);
    if ((out->thread == SLOW_THREAD_BASE) != (out->event_base != NULL))
        return sl_error(error, SLOW_E_INVAL, "slow_options",
                        "SLOW_THREAD_BASE and event_base go together; one was given without the other");
    if (has_config && (out->network != NULL || out->plugin_dirs != NULL))
        return sl_error(error, SLOW_E_INVAL, "slow_options",
                        "network and plugin_dirs are for slow_junction_new(); a config has its own keys for them");
    return SLOW_OK;
}

static slow_junction *junction_alloc(const slow_options *options, slow_error *error) {
    slow_junction *j = calloc(1, sizeof *j);
    if (j == NULL) {
        sl_error(error, SLOW_E_NOMEM, NULL, "no memory for a junction");
        return NULL;
    }
    pthread_mutex_init(&j->lock, NULL);
    sl_loop_libevent_condition(&j->changed);
    j->mode = options->thread;
    j->thread = pthread_self();
    j->log = options->log;
    j->log_arg = options->log_arg;
    j->let_go = sl_embedding_let_go;
    j->loop = sl_loop_libevent_new(options->event_base);
    if (j->loop != NULL && sl_embedding_messages_init(j))
        return j;
    sl_error(error, SLOW_E_NOMEM, NULL, "no memory or no file descriptor for a junction; try `ulimit -n`");
    junction_end(j);
    return NULL;
}

/* To the application's log callback, as a callback: what it calls must not wait. What that would log in its turn goes
 * nowhere, or a refusal would be told to a callback that answers it with the same call again. */
static void write_log(void *junction, int level, const char *who, const char *text) {
    slow_junction *j = junction;
    bool was_inside = j->inside;
    if (j->logging)
        return;
    j->logging = j->inside = true;
    j->log(j->log_arg, level, who, text);
    j->logging = false;
    j->inside = was_inside;
}

/* Takes the config. */
static slow_status junction_make(slow_junction *j, sl_config *config, const slow_options *options, slow_error *error) {
    sl_log log = {.sink = options->log != NULL ? write_log : NULL,
                  .arg = j,
                  .level = options->log_level >= 0 ? options->log_level : config->log_level};
    memcpy(j->id, config->id.text, config->id.size);
    sl_calls calls = {.calling = options->calling, .arg = options->calling_arg};
    slow_status status = sl_junction_new(j->loop, config, &log, &calls, NULL, &j->core, error);
    if (status != SLOW_OK) {
        j->core = NULL;
        return status;
    }
    j->core->on_message = sl_embedding_message;
    j->core->on_withdraw = sl_embedding_withdraw;
    j->core->on_outcome = sl_embedding_outcome;
    j->core->on_route = sl_embedding_route;
    j->core->on_released = sl_embedding_released;
    j->core->arg = j;
    j->core->path.traces = &j->traces;
    j->core->path.heard = sl_embedding_heard;
    j->core->path.heard_arg = j;
    status = sl_junction_start(j->core, error);
    if (status == SLOW_OK && config->admin_socket != NULL)
        status = sl_admin_new(j->core, &j->bag, j->inbox, j->loop, config->admin_socket, &j->admin, error);
    if (status == SLOW_OK && j->mode == SLOW_THREAD_OWN)
        status = thread_start(j, error);
    return status;
}

static slow_junction *junction_of(sl_config *config, const slow_options *options, slow_error *error) {
    slow_junction *j = junction_alloc(options, error);
    if (j == NULL)
        sl_config_free(config);
    else if (junction_make(j, config, options, error) != SLOW_OK) {
        junction_end(j);
        j = NULL;
    }
    return j;
}

slow_junction *slow_junction_new(const char *id, const slow_options *given, slow_error *error) {
    slow_options options;
    sl_config *config;
    slow_error ignored;
    error = error != NULL ? error : &ignored;
    if (options_read(given, false, &options, error) != SLOW_OK ||
        sl_config_default(id, options.network, options.plugin_dirs, &config, error) != SLOW_OK)
        return NULL;
    return junction_of(config, &options, error);
}

slow_junction *slow_junction_open(const char *config_path, const slow_options *given, slow_error *error) {
    slow_options options;
    sl_config *config;
    slow_error ignored;
    error = error != NULL ? error : &ignored;
    if (options_read(given, true, &options, error) != SLOW_OK || sl_config_read(config_path, &config, error) != SLOW_OK)
        return NULL;
    return junction_of(config, &options, error);
}

slow_junction *slow_junction_open_text(const char *name, const char *text, size_t size, const slow_options *given,
                                       slow_error *error) {
    slow_options options;
    sl_config *config;
    slow_error ignored;
    error = error != NULL ? error : &ignored;
    if (options_read(given, true, &options, error) != SLOW_OK ||
        sl_config_parse(name, text, size, &config, error) != SLOW_OK)
        return NULL;
    return junction_of(config, &options, error);
}

/* ---- SLOW_THREAD_CALLER ---- */

static slow_status begin_running(slow_junction *j) {
    slow_status status = SLOW_OK;
    pthread_mutex_lock(&j->lock);
    if (j->mode != SLOW_THREAD_CALLER || (pthread_equal(j->thread, pthread_self()) && j->inside))
        status = SLOW_E_INVAL;
    j->guests++;
    while (status == SLOW_OK && !j->closed && j->depth > 0)
        pthread_cond_wait(&j->changed, &j->lock);
    if (--j->guests == 0 && j->closed)
        pthread_cond_broadcast(&j->changed);
    if (status == SLOW_OK && j->closed)
        status = SLOW_E_CLOSED;
    if (status == SLOW_OK) {
        j->thread = pthread_self();
        j->depth++;
    }
    pthread_mutex_unlock(&j->lock);
    return status;
}

slow_status slow_junction_run(slow_junction *j) {
    slow_status status = begin_running(j);
    if (status != SLOW_OK)
        return status;
    j->inside = true;
    sl_loop_libevent_run(j->loop);
    j->inside = false;
    sl_errand_leave(j);
    return SLOW_OK;
}

slow_status slow_junction_step(slow_junction *j, slow_time timeout) {
    slow_status status = begin_running(j);
    if (status != SLOW_OK)
        return status;
    sl_errand_turn(j, timeout);
    sl_errand_leave(j);
    return SLOW_OK;
}

void slow_junction_break(slow_junction *j) {
    if (j->mode == SLOW_THREAD_CALLER)
        sl_loop_libevent_break(j->loop);
}

/* ---- what needs no thread ---- */

int slow_junction_fd(slow_junction *j) {
    return sl_inbox_fd(j->inbox);
}

const char *slow_junction_id(const slow_junction *j) {
    return j->id;
}

const char *slow_version(void) {
    return SL_VERSION;
}

const char *slow_status_text(slow_status status) {
    return sl_status_text(status);
}
