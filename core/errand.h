/* errand.h - what a slow_junction is made of, and how an application's call gets onto the junction's thread. */
#ifndef SL_ERRAND_H
#define SL_ERRAND_H
#include "admin.h"
#include "junction.h"
#include "loop_libevent.h"
#include "ticket.h"
#include <pthread.h>

typedef struct sl_route_wait sl_route_wait;

struct slow_junction {
    sl_loop *loop;
    sl_junction *core; /* [loop] NULL when it is gone, while what was posted late still runs */
    sl_admin *admin;   /* [loop] NULL = none */
    sl_inbox *inbox;
    uint32_t mode; /* enum slow_thread */
    char id[SLOW_ID_MAX + 1];

    sl_mailbag bag;
    sl_tickets tickets;
    sl_traces traces;

    pthread_mutex_t lock;   /* of the members up to the next empty line */
    pthread_cond_t changed; /* depth or guests became 0 */
    pthread_t thread;       /* the junction's */
    unsigned depth;         /* calls of that thread that are under way, one in the other */
    unsigned guests;        /* other threads that wait in here */
    bool closed;            /* no call begins any more */

    /* all [loop] */
    bool inside;  /* the loop is being run: whatever is called now is called by a callback */
    bool logging; /* the application's log callback is on the stack */
    void (*log)(void *arg, int level, const char *who, const char *text);
    void *log_arg;
    sl_route_wait *waits;
    void (*let_go)(slow_junction *);                     /* ends every wait for a route, every ping and every trace */
    void (*on_message)(void *arg, const slow_message *); /* one of the two, or neither */
    void (*on_message_manual)(void *arg, slow_message *);
    void *on_message_arg;
    void (*on_outcome)(void *arg, const slow_outcome *);
    void *on_outcome_arg;
    void (*on_writable)(void *arg, const char *id);
    void *on_writable_arg;
    void (*on_hop)(void *arg, const slow_message_hop *);
    void *on_hop_arg;
    sl_deferred tell, tell_hops;              /* outcomes, and hops, at the end of the turn */
    uint8_t borrowed[SL_BEST_EFFORT_MAX + 1]; /* a message, terminated, while on_message() looks at it */
};

/* Something to be done on the junction's thread, and waited for: on the stack of whoever asks, in a larger struct with
 * what it takes. start() runs on the loop; it, or what it set going, calls sl_errand_end() once. */
typedef struct sl_errand {
    slow_junction *junction;
    void (*start)(struct sl_errand *);
    slow_status status;
    bool done;
    bool guest; /* another thread's */
    pthread_mutex_t lock;
    pthread_cond_t ended;
} sl_errand;

/* For those that end at once, and for those that may take their time: `what` ("slow_ping()") stands in the error when
 * this is no place to wait. A call that never began says why in the error; otherwise start() fills it in. */
slow_status sl_errand_run(slow_junction *, sl_errand *, slow_error *);
slow_status sl_errand_wait(slow_junction *, sl_errand *, const char *what, slow_error *);
void sl_errand_end(sl_errand *, slow_status); /* [loop] */

/* True on the junction's thread, and then nobody can take that over until sl_errand_leave(). */
bool sl_errand_enter(slow_junction *);
void sl_errand_leave(slow_junction *);
/* Entered: may the loop be run here, by sl_errand_turn()? If not, the error and the log say that `what` cannot
 * wait. */
slow_status sl_errand_can_wait(slow_junction *, const char *what, slow_error *);
void sl_errand_turn(slow_junction *, slow_time timeout);
/* Another thread is about to wait in here: the junction is not freed before it is gone. False: it is closed. */
bool sl_errand_come(slow_junction *);
void sl_errand_go(slow_junction *);
/* A timeout that can be added to a time: SLOW_FOREVER becomes 70 years. */
slow_time sl_errand_bounded(slow_time timeout);

bool sl_errand_is_closed(slow_junction *);
#endif
