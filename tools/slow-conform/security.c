/* Security plugins. */
#include "conform.h"
#include <slow/security.h>
#include <string.h>

enum { MESSAGE_MAX = 2048 };

static void exercise(conform *c, conform_instance pair[2]) {
    const slow_security_ops *ops = pair[0].ops;
    slow_session *sessions[2] = {NULL, NULL};
    slow_bytes prologue = {(const uint8_t *)"conform", 7}, payload = {(const uint8_t *)"claim", 5}, from_peer, key;
    slow_status status = SLOW_OK;
    slow_error error;
    bool done[2] = {false, false};
    uint8_t message[MESSAGE_MAX], data[64] = {0}, tag[16] = {0};
    size_t size = 0;
    for (int i = 0; i < 2 && status == SLOW_OK; i++)
        CONFORM_CALL(c, "open()", status = ops->open(pair[i].self, i == 0, prologue, &sessions[i], &error));
    for (int step = 0; step < 3 && status == SLOW_OK; step++) {
        int from = step % 2, to = 1 - from;
        CONFORM_CALL(c, "write()",
                     status = ops->write(sessions[from], step == 0 ? (slow_bytes){NULL, 0} : payload, message,
                                         sizeof message, &size, &done[from]));
        if (status != SLOW_OK)
            break;
        conform_trace(&pair[from], message, size);
        CONFORM_CALL(c, "read()",
                     status = ops->read(sessions[to], (slow_bytes){message, size}, &from_peer, &key, &done[to]));
    }
    for (uint64_t number = 1; number < 20 && done[0] && done[1] && ops->tag_size > 0; number++) {
        CONFORM_CALL(c, "seal()", ops->seal(sessions[0], number, payload, data, sizeof data, tag));
        conform_trace(&pair[0], data, sizeof data);
        CONFORM_CALL(c, "unseal()", status = ops->unseal(sessions[1], number, payload, data, sizeof data, tag));
    }
    for (int i = 0; i < 2; i++)
        if (sessions[i] != NULL)
            CONFORM_CALL(c, "close()", ops->close(sessions[i]));
}

static const conform_test tests[] = {{.name = NULL}};

const conform_kind conform_security = {.kind = SLOW_SECURITY, .tests = tests, .exercise = exercise};
