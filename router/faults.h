/* faults.h - which plugin it was: when one crashes or hangs in a call of its life, the router names it, and the call. */
#ifndef SLOW_ROUTER_FAULTS_H
#define SLOW_ROUTER_FAULTS_H
#include <pthread.h>
#include <signal.h>
#include <slow/router.h>
#include <stdatomic.h>

enum { FAULTS_PATIENCE_S = 5, FAULTS_SIGNALS = 5, FAULTS_STACK = 32768 };

/* What a running router needs for it. In one place for the life of the junction that is told of it. */
typedef struct faults {
    atomic_bool on; /* a call is on: what follows stands until it is off again */
    pthread_t thread;
    char crashed[128], hangs[192];
    struct sigaction before[FAULTS_SIGNALS], alarm_before;
    stack_t stack_before;
    char stack[FAULTS_STACK]; /* for the handler: a crash may be for want of stack */
} faults;

/* Before the junction is made, until it is freed: once in a process. */
void faults_watch(faults *);
void faults_unwatch(faults *); /* whoever had the signals before has them back */
/* For slow_options.calling; `arg` is the faults. */
void faults_calling(void *arg, const char *plugin, const char *call);

/* Has every plugin of a config made in a child process: of the file `path`, or of `text` where that is NULL. The error names the
 * plugin and the call if one crashed or did not return; *faulty is true then. */
slow_status faults_try(const char *path, const char *text, bool *faulty, slow_error *);
#endif
