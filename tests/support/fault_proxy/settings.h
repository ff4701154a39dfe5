/* settings.h - what a cable does to what goes through it: one table, for the command line and for commands while it runs.
 *
 * Everything holds for both directions; silence may be for one. A change is for what comes in from then on; silence also
 * meets what is on its way. */
#ifndef FAULT_PROXY_SETTINGS_H
#define FAULT_PROXY_SETTINGS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum way { UP, DOWN, WAYS }; /* to the address of --to, and back */

typedef struct settings {
    bool datagrams;                  /* udp, not tcp: some settings make no sense there */
    double loss, duplicate, reorder; /* shares of the datagrams, 0 to 1 */
    uint64_t delay_ns, jitter_ns;
    uint64_t reorder_ns;   /* how much longer one takes that is held back */
    uint64_t duplicate_ns; /* how much later a copy comes */
    uint64_t rate_bits;    /* a second; 0 = without a limit */
    uint64_t queue_size;   /* bytes */
    uint64_t silence;      /* bits 1 << way */
    uint64_t seed;
} settings;

settings settings_default(bool datagrams);
/* Sets one by its name. False with one line in `error`: no such setting, or what was expected for a value. */
bool settings_set(settings *, const char *name, const char *value, char *error, size_t error_size);
void settings_help(FILE *);
#endif
