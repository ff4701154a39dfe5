/* pattern.h - handshake patterns as data (Noise, section 7), and their names.
 *
 * A pattern is what each message carries, token by token. A psk modifier needs no list of its own: "psk0" puts a psk before
 * the first token of all, and "pskN" one behind message N (section 9.4), so a protocol is a pattern and a set of places. */
#ifndef NOISE_PATTERN_H
#define NOISE_PATTERN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum noise_token { NOISE_END, NOISE_E, NOISE_S, NOISE_EE, NOISE_ES, NOISE_SE, NOISE_SS };
enum { NOISE_MESSAGES = 3, NOISE_TOKENS = 5, NOISE_NAME_MAX = 63, NOISE_PSKS = NOISE_MESSAGES + 1 };
enum { NOISE_KNOWS_INITIATOR = 1, NOISE_KNOWS_RESPONDER = 2 };

struct noise_pattern {
    const char *name;
    uint8_t known;                                  /* pre-messages: whose static key the other end has beforehand */
    uint8_t count;                                  /* messages; one alone makes a one-way pattern (section 7.4) */
    uint8_t messages[NOISE_MESSAGES][NOISE_TOKENS]; /* enum noise_token; the initiator writes the first */
};

struct noise_protocol {
    const struct noise_pattern *pattern;
    uint8_t psk_places; /* bit n: pskN */
    char name[NOISE_NAME_MAX + 1];
};

/* "Noise_XXpsk0+psk3_25519_ChaChaPoly_SHA256"; false when a part of it is not ours, or makes no sense. */
bool noise_protocol_of(const char *name, struct noise_protocol *);
#endif
