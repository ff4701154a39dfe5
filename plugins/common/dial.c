/* dial.c - what is between connect() and a link: a name is looked up, and its addresses are tried one after the other.
 *
 * Nothing ends inside connect(): a numeric address, too, is tried in a coming turn, from a timer, which unlike a
 * deferred call cannot fail for want of memory.
 *
 * The resolver's order (RFC 6724) is kept until a dial has gone without an answer. From then on each dial begins at a
 * random one of the name's addresses, and goes round: an address that is silently dead would otherwise be tried first
 * for ever, since the core ends an attempt after five seconds, and UDP does not notice at all. Rejected: racing the
 * addresses (RFC 8305), because the core's retries come every few seconds anyway. */
#include "dial.h"
#include "error.h"
#include <stdlib.h>
#include <string.h>

static void dial_free(dial *d) {
    for (dial **at = &d->owner->list; *at != NULL; at = &(*at)->next)
        if (*at == d) {
            *at = d->next;
            break;
        }
    free(d);
}

static void tell_failure(dial *d, const slow_error *why) {
    dials *all = d->owner;
    uint64_t id = d->id;
    slow_error error = *why;
    if (d->count > 1) {
        char last[sizeof error.text];
        memcpy(last, error.text, sizeof last);
        error_set(&error, why->code, d->text, "none of %zu addresses answered; the last: %.120s", d->count, last);
    }
    dial_free(d);
    all->up->dial_failed(all->host, id, &error);
}

/* Tries addresses until one is under way. */
static void dial_on(dial *d, const slow_error *why) {
    dials *all = d->owner;
    slow_error error = *why;
    while (d->tried < d->count) {
        const address *to = &d->to[(d->first + d->tried++) % d->count];
        if (all->attempt(all->arg, d, to, &error) == SLOW_OK)
            return;
    }
    tell_failure(d, &error);
}

void dial_failed(dial *d, const slow_error *why) {
    d->attempt = NULL;
    dial_on(d, why);
}

void dial_done(dial *d) {
    dial_free(d);
}

void dial_unlucky(dials *all) {
    all->unlucky = true;
}

static void soon_fired(void *arg) {
    dials *all = arg;
    slow_error none = {.code = SLOW_E_FAIL};
    for (dial *d = all->list; d != NULL;) {
        if (!d->due) {
            d = d->next;
            continue;
        }
        d->due = false;
        dial_on(d, &none);
        d = all->list; /* it may be gone, and others with it */
    }
}

static void name_found(void *arg, const slow_bytes *addresses, size_t n, const slow_error *why) {
    dial *d = arg;
    slow_error error = {.code = SLOW_E_FAIL};
    d->lookup = NULL;
    for (size_t i = 0; i < n && d->count < DIAL_ADDRESSES; i++)
        if (address_of(addresses[i].data, addresses[i].size, &d->to[d->count]))
            d->count++;
    if (d->count == 0)
        error_set(&error, SLOW_E_FAIL, d->text, "%s",
                  n == 0 && why != NULL && why->text[0] != '\0' ? why->text : "the name has no IPv4 or IPv6 address");
    else if (d->owner->unlucky)
        d->first = (size_t)(d->owner->host->random(d->owner->host) % d->count);
    dial_on(d, &error);
}

slow_status dials_open(dials *all, slow_error *error) {
    all->soon = all->host->timer_new(all->host, soon_fired, all);
    return all->soon != NULL ? SLOW_OK : error_set(error, SLOW_E_NOMEM, "", "no memory for a timer");
}

static void dial_drop(dial *d) {
    if (d->lookup != NULL)
        d->owner->resolve->cancel(d->lookup);
    if (d->attempt != NULL)
        d->owner->abandon(d->owner->arg, d);
    dial_free(d);
}

void dials_close(dials *all) {
    while (all->list != NULL)
        dial_drop(all->list);
    all->host->timer_free(all->soon);
    all->soon = NULL;
}

slow_status dial_start(dials *all, uint64_t id, const char *text, slow_error *error) {
    address_spec spec;
    slow_status status = address_parse(all->scheme, text, false, &spec, error);
    if (status == SLOW_OK)
        status = address_scope(&spec, text, error);
    if (status != SLOW_OK)
        return status;
    dial *d = calloc(1, sizeof *d);
    if (d == NULL)
        return error_set(error, SLOW_E_NOMEM, text, "no memory to dial");
    d->owner = all;
    d->id = id;
    snprintf(d->text, sizeof d->text, "%s", text);
    if (spec.host == ADDRESS_NUMERIC) {
        d->to[d->count++] = spec.numeric;
        d->due = true;
        all->host->timer_at(all->soon, all->host->now(all->host));
    } else if (all->resolve != NULL) {
        d->lookup = all->resolve->start(all->host, spec.name, spec.port, name_found, d);
        if (d->lookup == NULL)
            status = error_set(error, SLOW_E_NOMEM, text, "the look-up of %.80s could not be started", spec.name);
    } else {
        status = error_set(error, SLOW_E_UNSUPPORTED, text, "no names are looked up here: write a numeric address");
    }
    if (status != SLOW_OK) {
        free(d);
        return status;
    }
    d->next = all->list;
    all->list = d;
    return SLOW_OK;
}

void dial_cancel(dials *all, uint64_t id) {
    for (dial *d = all->list; d != NULL; d = d->next)
        if (d->id == id) {
            all->unlucky = true;
            dial_drop(d);
            return;
        }
}
