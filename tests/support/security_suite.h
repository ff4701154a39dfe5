/* security_suite.h - what every security plugin is held to: see security_suite.c. */
#ifndef SECURITY_SUITE_H
#define SECURITY_SUITE_H
#include <slow/plugin.h>

/* The plugin, and the configs of a network and of another one whose junctions are strangers to it (NULL: there is none). */
typedef struct security_subject {
    const slow_plugin *plugin;
    const void *config, *foreign;
} security_subject;

/* Runs the suite; returns how many tests failed. A plugin without an AEAD is asked only for the shape of the handshake. */
int security_suite(const security_subject *);
#endif
