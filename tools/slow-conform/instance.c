/* Instances under test, and what a test says of them. */
#include "alloc.h"
#include "conform.h"
#include "process.h"
#include "core/log.h"
#include "core/loop.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FAREWELL_NS UINT64_C(100000000) /* how long the loop runs on between leave() and stop() */

/* ---- what is said ---- */

void conform_fail(conform *c, const char *where, const char *says, const char *did, ...) {
    conform_page *page = c->page;
    va_list arguments;
    alloc_inside(false);
    snprintf(page->where, sizeof page->where, "%s", where);
    snprintf(page->says, sizeof page->says, "%s", says);
    va_start(arguments, did);
    int used = vsnprintf(page->did, sizeof page->did, did, arguments);
    va_end(arguments);
    if (page->note[0] != '\0' && used >= 0 && (size_t)used < sizeof page->did)
        snprintf(page->did + used, sizeof page->did - (size_t)used, ", %s", page->note);
    process_end(page, OUTCOME_FAILED);
}

void conform_skip(conform *c, const char *why) {
    snprintf(c->page->says, sizeof c->page->says, "%s", why);
    process_end(c->page, OUTCOME_SKIPPED);
}

void conform_about(conform *c, const char *where, const char *says) {
    snprintf(c->page->where, sizeof c->page->where, "%s", where);
    snprintf(c->page->says, sizeof c->page->says, "%s", says);
}

void conform_note(conform *c, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->page->note, sizeof c->page->note, format, arguments);
    va_end(arguments);
}

/* ---- calls ---- */

void conform_meanwhile(conform *c) {
    char call[sizeof c->page->call];
    if (c->meanwhile == NULL || c->in_meanwhile)
        return;
    bool was = alloc_inside(false);
    memcpy(call, c->page->call, sizeof call);
    c->in_meanwhile = true;
    c->meanwhile(c);
    c->in_meanwhile = false;
    memcpy(c->page->call, call, sizeof call);
    alloc_inside(was);
}

void conform_enter(conform *c, const char *call) {
    conform_meanwhile(c);
    snprintf(c->page->call, sizeof c->page->call, "%s", call);
    alloc_inside(true);
}

void conform_leave(conform *c) {
    alloc_inside(false);
    c->page->call[0] = '\0';
}

uint64_t conform_random(conform *c) {
    return sl_splitmix(&c->random);
}

uint64_t conform_random_below(conform *c, uint64_t bound) {
    return conform_random(c) % bound;
}

/* ---- life ---- */

/* What a status that is no success has to come with. */
static void judge_error(conform *c, const char *call, slow_status status, const slow_error *error) {
    char where[96];
    snprintf(where, sizeof where, "slow/plugin.h, slow_plugin.%s", call);
    if (status > 0)
        conform_fail(c, where, "a slow_status is 0 or negative", "gave %d", (int)status);
    if (status < 0 && (error->text[0] == '\0' || memchr(error->text, '\0', sizeof error->text) == NULL))
        conform_fail(c, where, "an error text is filled in whenever the status is not SLOW_OK",
                     "gave %d (%s) and no text", (int)status, sl_status_text(status));
}

slow_status conform_create(conform *c, conform_instance *instance, const void *config, uint64_t seed,
                           slow_error *error) {
    slow_status status;
    *instance = (conform_instance){.conform = c, .ops = c->plugin->ops, .seed = seed, .begun = c->now};
    *error = (slow_error){0};
    host_begin(&instance->host, instance, seed);
    instance->host.in_create = true;
    CONFORM_CALL(c, "create()", status = c->plugin->create(&instance->host.table, config, &instance->self, error));
    instance->host.in_create = false;
    judge_error(c, "create()", status, error);
    instance->created = status == SLOW_OK;
    if (!instance->created) {
        instance->left = instance->host.out;
        if (instance->left.timers > 0)
            conform_fail(c, "slow/plugin.h, slow_plugin.create()", "create() that failed leaves nothing behind",
                         "failed (%s) and left %u timers", error->text, instance->left.timers);
        host_end(&instance->host);
    }
    return status;
}

slow_status conform_start(conform_instance *instance, slow_error *error) {
    conform *c = instance->conform;
    slow_status status = SLOW_OK;
    *error = (slow_error){0};
    instance->started = true;
    if (SLOW_HAS(c->plugin, start))
        CONFORM_CALL(c, "start()", status = c->plugin->start(instance->self, error));
    judge_error(c, "start()", status, error);
    instance->works = status == SLOW_OK;
    return status;
}

void conform_end(conform_instance *instance) {
    conform *c = instance->conform;
    if (instance->created && instance->works && SLOW_HAS(c->plugin, leave)) {
        CONFORM_CALL(c, "leave()", c->plugin->leave(instance->self));
        conform_run(instance, 1, FAREWELL_NS);
    }
    conform_kill(instance);
}

void conform_kill(conform_instance *instance) {
    conform *c = instance->conform;
    if (!instance->created)
        return;
    if (instance->started && SLOW_HAS(c->plugin, stop))
        CONFORM_CALL(c, "stop()", c->plugin->stop(instance->self));
    host_stop(&instance->host);
    CONFORM_CALL(c, "destroy()", c->plugin->destroy(instance->self));
    instance->left = instance->host.out;
    instance->created = false;
    host_end(&instance->host);
}

void conform_pair_begin(conform *c, conform_instance pair[2], uint64_t seed) {
    for (uint64_t i = 0; i < 2; i++) {
        slow_error error;
        if (conform_create(c, &pair[i], c->config, seed + i, &error) != SLOW_OK)
            conform_fail(c, "slow/plugin.h, slow_plugin.create()",
                         "succeeds with a config that the option table allows", "failed: %s", error.text);
        if (conform_start(&pair[i], &error) != SLOW_OK)
            conform_fail(c, "slow/plugin.h, slow_plugin.start()", "succeeds with a config that the option table allows",
                         "failed: %s", error.text);
    }
}

void conform_pair_end(conform_instance pair[2]) {
    conform_end(&pair[0]);
    conform_end(&pair[1]);
}
