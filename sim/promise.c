#include "promise.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char begin[] = "{\"r\":";

static void fill(char *out, uint32_t number, uint32_t size) {
    int used = snprintf(out, (size_t)size + 1, "%s%u,\"p\":\"", begin, number);
    for (uint32_t i = (uint32_t)used; i < size - 2; i++)
        out[i] = (char)('a' + (number + i / 512 + i) % 26);
    memcpy(out + size - 2, "\"}", 3);
}

char *sim_promise_write(uint32_t number, uint32_t size) {
    char *text = malloc((size_t)size + 1);
    if (text == NULL)
        abort();
    fill(text, number, size);
    return text;
}

bool sim_promise_number(slow_bytes payload, uint32_t *number) {
    const uint8_t *at = payload.data, *end = at + payload.size;
    uint64_t value = 0;
    if (payload.size < SIM_PROMISE_LEAST || memcmp(at, begin, sizeof begin - 1) != 0)
        return false;
    for (at += sizeof begin - 1; at < end && *at >= '0' && *at <= '9' && value < UINT32_MAX; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    *number = (uint32_t)value;
    return value < UINT32_MAX;
}

bool sim_promise_is_intact(slow_bytes payload, uint32_t number, uint32_t size) {
    if (payload.size != size)
        return false;
    char *text = sim_promise_write(number, size);
    bool same = memcmp(payload.data, text, size) == 0;
    free(text);
    return same;
}
