/* security-none: the opening's three messages in the clear, and no AEAD. The core still checks its random tag, so a
 * stranger who cannot see the traffic cannot forge a frame; whoever sees it can. For loopback and for trusted wires. */
#include <slow/security.h>
#include <stdlib.h>
#include <string.h>

struct slow_session {
    bool initiator;
    int step; /* of the three messages, how many were read or written */
};

static slow_status none_create(const slow_host *host, const void *config, void **self, slow_error *error) {
    (void)config;
    (void)error;
    *self = (void *)(uintptr_t)host;
    return SLOW_OK;
}

static void none_destroy(void *self) {
    (void)self;
}

static slow_bytes none_static_key(void *self) {
    (void)self;
    return (slow_bytes){NULL, 0};
}

static slow_status none_open(void *self, bool initiator, slow_bytes prologue, slow_session **out, slow_error *error) {
    (void)self;
    (void)prologue;
    slow_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        if (error != NULL)
            *error = (slow_error){.code = SLOW_E_NOMEM, .text = "no memory for a session"};
        return SLOW_E_NOMEM;
    }
    session->initiator = initiator;
    *out = session;
    return SLOW_OK;
}

/* Messages 0 and 2 are the initiator's. */
static bool none_writes_next(const slow_session *session) {
    return session->step < 3 && (session->step % 2 == 0) == session->initiator;
}

static slow_status none_read(slow_session *session, slow_bytes in, slow_bytes *payload, slow_bytes *key, bool *done) {
    bool again = none_writes_next(session) && session->step > 0; /* in the place of the last one */
    if (session->step >= 3 || (none_writes_next(session) && !again))
        return SLOW_E_MALFORMED;
    session->step += !again;
    *payload = in;
    *key = (slow_bytes){NULL, 0};
    *done = session->step == 3;
    return SLOW_OK;
}

static slow_status none_write(slow_session *session, slow_bytes payload, uint8_t *out, size_t capacity, size_t *size,
                              bool *done) {
    if (!none_writes_next(session))
        return SLOW_E_INVAL;
    if (payload.size > capacity)
        return SLOW_E_NOSPACE;
    if (payload.size > 0)
        memcpy(out, payload.data, payload.size);
    *size = payload.size;
    session->step++;
    *done = session->step == 3;
    return SLOW_OK;
}

static void none_close(slow_session *session) {
    free(session);
}

static const slow_security_ops none_ops = {
    .struct_size = sizeof none_ops,
    .static_key = none_static_key,
    .open = none_open,
    .read = none_read,
    .write = none_write,
    .close = none_close,
};

static const slow_plugin none_plugin = {
    .struct_size = sizeof none_plugin,
    .kind = SLOW_SECURITY,
    .id = "security-none",
    .version = "1.0.0",
    .summary = "No secrecy: links in the clear, for loopback and trusted wires",
    .license = "MIT",
    .create = none_create,
    .destroy = none_destroy,
    .ops = &none_ops,
};

static const slow_plugin *const none_plugins[] = {&none_plugin, NULL};
static const slow_module none_module = {
    .struct_size = sizeof none_module,
    .abi_major = SLOW_ABI_MAJOR,
    .abi_minor_required = SLOW_ABI_MINOR,
    .build = __VERSION__,
    .plugins = none_plugins,
};

SLOW_MODULE(security_none, &none_module)
