/* security_host.h - a stand-in for the host of security plugins, whose entropy comes from a seed; for tests and fuzz
 * targets. */
#ifndef SECURITY_HOST_H
#define SECURITY_HOST_H
#include <slow/security.h>

/* What a plugin asks of its host. */
typedef struct suite_host {
    slow_host host;
    uint64_t seed;
} suite_host;

/* An instance, and its host. */
typedef struct suite_end {
    const slow_plugin *plugin;
    const slow_security_ops *ops;
    suite_host host;
    void *self;
} suite_end;

uint64_t suite_draw(uint64_t *seed);
void suite_host_begin(suite_host *, uint64_t seed);
slow_status suite_end_begin(suite_end *, const slow_plugin *, const void *config, uint64_t seed, slow_error *);
void suite_end_free(suite_end *);

#endif
