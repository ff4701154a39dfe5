#include "pattern.h"
#include <stdio.h>
#include <string.h>

/* Those that published vectors prove. */
static const struct noise_pattern patterns[] = {
    {"N", NOISE_KNOWS_RESPONDER, 1, {{NOISE_E, NOISE_ES}}},
    {"X", NOISE_KNOWS_RESPONDER, 1, {{NOISE_E, NOISE_ES, NOISE_S, NOISE_SS}}},
    {"NN", 0, 2, {{NOISE_E}, {NOISE_E, NOISE_EE}}},
    {"NK", NOISE_KNOWS_RESPONDER, 2, {{NOISE_E, NOISE_ES}, {NOISE_E, NOISE_EE}}},
    {"KK",
     NOISE_KNOWS_INITIATOR | NOISE_KNOWS_RESPONDER,
     2,
     {{NOISE_E, NOISE_ES, NOISE_SS}, {NOISE_E, NOISE_EE, NOISE_SE}}},
    {"XK", NOISE_KNOWS_RESPONDER, 3, {{NOISE_E, NOISE_ES}, {NOISE_E, NOISE_EE}, {NOISE_S, NOISE_SE}}},
    {"XX", 0, 3, {{NOISE_E}, {NOISE_E, NOISE_EE, NOISE_S, NOISE_ES}, {NOISE_S, NOISE_SE}}},
    {"IK", NOISE_KNOWS_RESPONDER, 2, {{NOISE_E, NOISE_ES, NOISE_S, NOISE_SS}, {NOISE_E, NOISE_EE, NOISE_SE}}},
    {"IX", 0, 2, {{NOISE_E, NOISE_S}, {NOISE_E, NOISE_EE, NOISE_SE, NOISE_S, NOISE_ES}}},
};

static const struct noise_pattern *pattern_named(const char *name, size_t size) {
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        if (strlen(patterns[i].name) == size && memcmp(patterns[i].name, name, size) == 0)
            return &patterns[i];
    return NULL;
}

/* "psk0+psk3", of which each may stand there once; nothing at all is no psk. */
static bool places_of(const char *text, const char *end, unsigned messages, uint8_t *places) {
    *places = 0;
    while (text < end) {
        unsigned place = end - text >= 4 && memcmp(text, "psk", 3) == 0 ? (unsigned)(text[3] - '0') : NOISE_PSKS;
        if (place > messages || *places >> place & 1)
            return false;
        *places = (uint8_t)(*places | 1u << place);
        text += 4;
        if (text < end && *text++ != '+')
            return false;
        if (text == end && text[-1] == '+')
            return false;
    }
    return true;
}

bool noise_protocol_of(const char *name, struct noise_protocol *out) {
    static const char prefix[] = "Noise_", suffix[] = "_25519_ChaChaPoly_SHA256";
    size_t size = strlen(name);
    if (size > NOISE_NAME_MAX || size < sizeof prefix + sizeof suffix - 2 ||
        memcmp(name, prefix, sizeof prefix - 1) != 0 || strcmp(name + size - (sizeof suffix - 1), suffix) != 0)
        return false;
    const char *pattern = name + sizeof prefix - 1, *end = name + size - (sizeof suffix - 1);
    size_t letters = strspn(pattern, "NKXI");
    *out = (struct noise_protocol){.pattern = pattern_named(pattern, letters)};
    if (out->pattern == NULL || !places_of(pattern + letters, end, out->pattern->count, &out->psk_places))
        return false;
    memcpy(out->name, name, size + 1);
    return true;
}
