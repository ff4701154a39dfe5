#include "errand.h"

static const slow_time LONG = 70ull * 365 * 86400 * SL_SECOND;

slow_time sl_errand_bounded(slow_time timeout) {
    return timeout < LONG ? timeout : LONG;
}

/* ---- whose thread ---- */

bool sl_errand_is_closed(slow_junction *j) {
    pthread_mutex_lock(&j->lock);
    bool closed = j->closed;
    pthread_mutex_unlock(&j->lock);
    return closed;
}

bool sl_errand_enter(slow_junction *j) {
    pthread_mutex_lock(&j->lock);
    bool here = pthread_equal(j->thread, pthread_self());
    if (here)
        j->depth++;
    pthread_mutex_unlock(&j->lock);
    return here;
}

void sl_errand_leave(slow_junction *j) {
    pthread_mutex_lock(&j->lock);
    if (--j->depth == 0)
        pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
}

bool sl_errand_come(slow_junction *j) {
    pthread_mutex_lock(&j->lock);
    bool welcome = !j->closed;
    if (welcome)
        j->guests++;
    pthread_mutex_unlock(&j->lock);
    return welcome;
}

void sl_errand_go(slow_junction *j) {
    pthread_mutex_lock(&j->lock);
    if (--j->guests == 0)
        pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
}

static slow_status closed_error(slow_error *error) {
    return sl_error(error, SLOW_E_CLOSED, NULL, "the junction is being freed");
}

slow_status sl_errand_can_wait(slow_junction *j, const char *what, slow_error *error) {
    if (j->core == NULL)
        return closed_error(error);
    const char *where = j->mode == SLOW_THREAD_BASE ? "on the thread of its event base" : "from within a callback";
    if (j->mode != SLOW_THREAD_BASE && !j->inside)
        return SLOW_OK;
    sl_log_write(&j->core->log, SLOW_LOG_ERROR, "embedding", "%s cannot wait %s", what, where);
    return sl_error(error, SLOW_E_INVAL, NULL, "%s cannot wait %s; call it from another thread, or with timeout 0",
                    what, where);
}

void sl_errand_turn(slow_junction *j, slow_time timeout) {
    bool was_inside = j->inside;
    j->inside = true;
    sl_loop_libevent_step(j->loop, sl_errand_bounded(timeout));
    j->inside = was_inside;
}

/* ---- errands ---- */

void sl_errand_end(sl_errand *errand, slow_status status) {
    if (!errand->guest) {
        errand->status = status;
        errand->done = true;
        return;
    }
    pthread_mutex_lock(&errand->lock);
    errand->status = status;
    errand->done = true;
    pthread_cond_signal(&errand->ended);
    pthread_mutex_unlock(&errand->lock);
}

static void errand_start(void *arg) {
    sl_errand *errand = arg;
    if (errand->junction->core == NULL)
        sl_errand_end(errand, SLOW_E_CLOSED);
    else
        errand->start(errand);
}

/* In one step: whoever is counted as a guest has its errand on the loop, and the loop is not freed with it undone. */
static slow_status errand_post(slow_junction *j, sl_errand *errand) {
    slow_status status = SLOW_E_CLOSED;
    pthread_mutex_lock(&j->lock);
    if (!j->closed)
        status = sl_post(j->loop, errand_start, errand);
    if (status == SLOW_OK)
        j->guests++;
    pthread_mutex_unlock(&j->lock);
    return status;
}

static slow_status errand_send(slow_junction *j, sl_errand *errand, slow_error *error) {
    errand->guest = true;
    pthread_mutex_init(&errand->lock, NULL);
    pthread_cond_init(&errand->ended, NULL);
    slow_status status = errand_post(j, errand);
    if (status == SLOW_E_NOMEM)
        sl_error(error, status, NULL, "no memory for the call");
    if (status == SLOW_OK) {
        pthread_mutex_lock(&errand->lock);
        while (!errand->done)
            pthread_cond_wait(&errand->ended, &errand->lock);
        pthread_mutex_unlock(&errand->lock);
        status = errand->status;
        sl_errand_go(j);
    }
    if (status == SLOW_E_CLOSED)
        closed_error(error);
    pthread_cond_destroy(&errand->ended);
    pthread_mutex_destroy(&errand->lock);
    return status;
}

static slow_status errand_here(slow_junction *j, sl_errand *errand, slow_error *error) {
    if (sl_errand_is_closed(j))
        return closed_error(error);
    errand->start(errand);
    while (!errand->done)
        if (sl_errand_is_closed(j))
            j->let_go(j);
        else
            sl_errand_turn(j, SLOW_FOREVER);
    return errand->status == SLOW_E_CLOSED ? closed_error(error) : errand->status;
}

slow_status sl_errand_run(slow_junction *j, sl_errand *errand, slow_error *error) {
    errand->junction = j;
    if (!sl_errand_enter(j))
        return errand_send(j, errand, error);
    slow_status status = errand_here(j, errand, error);
    sl_errand_leave(j);
    return status;
}

slow_status sl_errand_wait(slow_junction *j, sl_errand *errand, const char *what, slow_error *error) {
    errand->junction = j;
    if (!sl_errand_enter(j))
        return errand_send(j, errand, error);
    slow_status status = sl_errand_can_wait(j, what, error);
    if (status == SLOW_OK)
        status = errand_here(j, errand, error);
    sl_errand_leave(j);
    return status;
}
