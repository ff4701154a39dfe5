/* process.h - a test in a process of its own, with a time limit; what it says comes back in a page that both share. */
#ifndef PROCESS_H
#define PROCESS_H
#include <slow/base.h>

enum conform_outcome { OUTCOME_NONE, OUTCOME_HELD, OUTCOME_FAILED, OUTCOME_SKIPPED };

/* Written by the child, read by the parent when the child has ended: texts are terminated whenever that is. */
typedef struct conform_page {
    int32_t outcome;
    char call[64];  /* into the plugin, that is on; "" = none */
    char note[96];  /* what is being done */
    char where[96]; /* of a failure: the header and the member */
    char says[256]; /* the contract's sentence; why it was skipped */
    char did[512];
    /* What loading found. */
    uint32_t kind;
    char id[64], version[32];
    double seconds; /* that it took */
} conform_page;

conform_page *process_page_new(void); /* NULL = no memory */
/* Runs fn(arg, page) in a child; `page` is cleared before, and has an outcome after. */
void process_run(conform_page *, void (*fn)(void *arg, conform_page *), void *arg, unsigned limit_s);
/* Ends the child. */
_Noreturn void process_end(conform_page *, enum conform_outcome);
#endif
