/* strategy_script.h - any messages from neighbours to one strategy, with time and links going by between them; for fuzz
 * targets. The input is a script:
 *
 *     0x00-0x7f  n, n bytes   a message from the present neighbour
 *     0x80-0x83               that one of four neighbours is the present one from here on
 *     0x84, 0x85              its adjacency comes up; goes down
 *     0x86  n                 n * 50 ms go by
 *     0x87  n                 its cost is n + 1
 *     0x88                    its adjacency comes up, and it is a leaf
 *     0x89  n                 proofs that begin with n are true no more, and those before are again
 *
 * It is played twice, without identities and with them. With them a proof is true if it is not empty and does not begin
 * with an 'x'.
 *
 * Whatever comes: a malformed message changes nothing, what is offered goes over adjacencies that are up, what is sent
 * can be read, and everything is given back at the end. What breaks one of these ends the process. */
#ifndef STRATEGY_SCRIPT_H
#define STRATEGY_SCRIPT_H
#include <slow/inspect.h>
#include <slow/plugin.h>

enum { SCRIPT_NEIGHBOURS = 4 };

typedef struct script_strategy {
    const slow_plugin *plugin; /* it has to give SLOW_ROUTING_INSPECT_ID */
    void *config;              /* of config_size bytes, as the plugin's options fill it; stays the caller's */
    size_t config_size;
    bool (*readable)(slow_bytes message); /* the strategy's own */
    /* After each message; it is shown what the strategy knows, and asks the plugin for what more it wants. */
    void (*check)(const slow_plugin *, void *self, size_t destinations);
} script_strategy;

void script_play(const script_strategy *, slow_bytes script);
/* Ends the process where it does not hold. */
void script_must(bool holds);
#endif
