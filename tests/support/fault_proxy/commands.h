/* commands.h - what is told to a proxy while it runs: a line each, answered with a line that begins with "ok" or "error". */
#ifndef FAULT_PROXY_COMMANDS_H
#define FAULT_PROXY_COMMANDS_H
#include "side.h"

typedef struct commands {
    settings *settings;
    side *side;
    FILE *answers;
    char text[256]; /* a line that has not come whole yet */
    size_t size;
} commands;

/* What is there to be read of `fd`. False at its end, after "quit", and when nobody takes the answers: the proxy ends. */
bool commands_read(commands *, int fd);
void commands_help(FILE *);
#endif
