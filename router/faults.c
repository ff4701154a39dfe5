/* A plugin is code in our process. When it crashes, all that is left is a signal, and when it hangs, not even that: the
 * operator sees a router that is gone, or silent, and a config with eight plugins in it. So the router says which one it was.
 *
 * The core tells a program before and after each call of a plugin's life (slow_options.calling). It can do no more: a library
 * has no business with signal handlers and alarms, which belong to the whole process. A program has.
 *
 * A running router writes down who is called, in words that are ready to be written, and what follows is write(2), which a
 * signal handler may call. On SIGSEGV and its like, on the thread that is in the call, the words are written; then whoever had
 * the signal before us has it back, and the instruction that failed is run again. So the router dies as it would have died,
 * with its core and its exit status, or with a sanitizer's report. The handler has a stack of its own, since endless recursion
 * is a crash, too. For a call that does not return an alarm is set. The first thread cannot be asked for it: it waits
 * in the same call. What is said then is the same, and the router ends with exit code 1: its loop does not run, no SIGTERM
 * would be heard, and a supervisor can do something about a process that has ended. Under a debugger: `handle SIGALRM nopass`.
 * A plugin that calls exit() is caught by atexit(), and its exit code, which may be 0, is not the router's. _exit() is not seen.
 *
 * --check cannot let a plugin take the check down with it. It has the plugins made in a child process, which tells of each
 * call through a pipe. The pipe's end is the child's, however it came; silence on it for five seconds while a call
 * is on is a hang.
 *
 * The one mutable thing at file scope in all of Slow is here: a signal handler gets no argument.
 *
 * Rejected: a process around each plugin (a package would cross two sockets more); a watchdog thread (one thread for every
 * router, for what an alarm does); to go on without the plugin after siglongjmp() (its locks and half of its memory
 * would stay as they were); calls of the data path (two stores for each package, to name what a core file names as well). */
#include "faults.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
    int number;
    const char *text; /* behind what a call's words say */
} crashes[FAULTS_SIGNALS] = {
    {SIGSEGV, " (SIGSEGV)\n"}, {SIGBUS, " (SIGBUS)\n"},   {SIGILL, " (SIGILL)\n"},
    {SIGFPE, " (SIGFPE)\n"},   {SIGABRT, " (SIGABRT)\n"},
};

static faults *watched; /* set once, before any handler is, and there for as long as one is */

/* ---- a running router ---- */

/* There is nobody to tell of a write that fails. */
static void say(const char *text) {
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

static void on_crash(int number, siginfo_t *info, void *context) {
    (void)context;
    int error = errno;
    bool named = atomic_load(&watched->on) && pthread_equal(watched->thread, pthread_self());
    if (named)
        say(watched->crashed);
    for (size_t i = 0; i < FAULTS_SIGNALS; i++)
        if (crashes[i].number == number) {
            if (named)
                say(crashes[i].text);
            sigaction(number, &watched->before[i], NULL);
        }
    /* A fault of the processor comes again by itself. Another's signal has to be sent again. */
    if (info->si_code <= 0)
        raise(number);
    errno = error;
}

static void on_alarm(int number) {
    (void)number;
    if (!atomic_load(&watched->on))
        return;
    say(watched->hangs);
    _exit(EXIT_FAILURE);
}

static void on_exit_within(void) {
    if (watched == NULL || !atomic_load(&watched->on) || !pthread_equal(watched->thread, pthread_self()))
        return;
    say(watched->exits);
    _exit(EXIT_FAILURE);
}

void faults_watch(faults *f) {
    struct sigaction crash = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigaction late = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    sigemptyset(&crash.sa_mask);
    sigemptyset(&late.sa_mask);
    atomic_init(&f->on, false);
    watched = f;
    for (size_t i = 0; i < FAULTS_SIGNALS; i++)
        sigaction(crashes[i].number, &crash, &f->before[i]);
    sigaction(SIGALRM, &late, &f->alarm_before);
    atexit(on_exit_within); /* without memory for it such an exit has no words */
}

void faults_unwatch(faults *f) {
    for (size_t i = 0; i < FAULTS_SIGNALS; i++)
        sigaction(crashes[i].number, &f->before[i], NULL);
    sigaction(SIGALRM, &f->alarm_before, NULL);
    watched = NULL; /* atexit() cannot be taken back */
}

void faults_calling(void *arg, const char *plugin, const char *call) {
    faults *f = arg;
    if (plugin == NULL) {
        alarm(0);
        atomic_store(&f->on, false);
        sigaltstack(&f->stack_before, NULL);
        return;
    }
    stack_t stack = {.ss_sp = f->stack, .ss_size = sizeof f->stack};
    f->thread = pthread_self();
    snprintf(f->crashed, sizeof f->crashed, "slow-router: %s crashed in %s()", plugin, call);
    snprintf(f->hangs, sizeof f->hangs,
             "slow-router: %s did not return from %s() within %d s; the plugin needs mending, or take it out of the "
             "config\n",
             plugin, call, FAULTS_PATIENCE_S);
    snprintf(f->exits, sizeof f->exits,
             "slow-router: %s ended the process in %s(); the plugin needs mending, or take it out of the config\n",
             plugin, call);
    sigaltstack(&stack, &f->stack_before);
    atomic_store(&f->on, true);
    alarm(FAULTS_PATIENCE_S);
}

/* ---- a child that tries ---- */

/* What the child says through the pipe: less than PIPE_BUF, so it is there as a whole or not at all. */
typedef struct word {
    char plugin[64], call[16]; /* "" = in no call */
    bool ended;                /* the check is over, and this is its result */
    slow_status status;
    slow_error error;
} word;

static void child_says(int pipe_end, const word *w) {
    if (write(pipe_end, w, sizeof *w) != (ssize_t)sizeof *w)
        _exit(EXIT_FAILURE);
}

static void child_calling(void *arg, const char *plugin, const char *call) {
    word w = {.ended = false};
    snprintf(w.plugin, sizeof w.plugin, "%s", plugin != NULL ? plugin : "");
    snprintf(w.call, sizeof w.call, "%s", call != NULL ? call : "");
    child_says(*(int *)arg, &w);
}

_Noreturn static void child(const char *path, const char *text, int pipe_end) {
    word result = {.ended = true};
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    slow_options options = SLOW_OPTIONS_INIT;
    options.calling = child_calling;
    options.calling_arg = &pipe_end;
    result.status = path != NULL ? slow_config_try(path, &options, &result.error)
                                 : slow_config_try_text(NULL, text, strlen(text), &options, &result.error);
    child_says(pipe_end, &result);
    _exit(EXIT_SUCCESS);
}

/* Reads until the child ends, or is too long in one call; *last is what it said last. False: it hangs. */
static bool listen_to(int pipe_end, word *last) {
    struct pollfd ready = {.fd = pipe_end, .events = POLLIN};
    for (;;) {
        word w;
        int count = poll(&ready, 1, FAULTS_PATIENCE_S * 1000);
        if (count == 0)
            return false;
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 || read(pipe_end, &w, sizeof w) != (ssize_t)sizeof w)
            return true;
        *last = w;
        if (w.ended) /* a process that a plugin left behind may hold the other end open */
            return true;
    }
}

/* `how` the child ended is waitpid()'s. */
static slow_status verdict(const word *last, bool hangs, int how, bool *faulty, slow_error *error) {
    char where[96], what[96];
    *faulty = hangs || !last->ended;
    if (!*faulty) {
        *error = last->error;
        return last->status;
    }
    if (last->plugin[0] != '\0')
        snprintf(where, sizeof where, "%s", last->plugin);
    else
        snprintf(where, sizeof where, "a plugin, as it was loaded");
    if (hangs && last->plugin[0] != '\0')
        snprintf(what, sizeof what, "did not return from %s() within %d s", last->call, FAULTS_PATIENCE_S);
    else if (hangs)
        snprintf(what, sizeof what, "did not return within %d s", FAULTS_PATIENCE_S);
    else if (WIFSIGNALED(how))
        snprintf(what, sizeof what, "crashed%s%s%s (signal %d, SIG%s)", last->call[0] != '\0' ? " in " : "", last->call,
                 last->call[0] != '\0' ? "()" : "", WTERMSIG(how), sigabbrev_np(WTERMSIG(how)));
    else
        snprintf(what, sizeof what, "ended the process%s%s%s", last->call[0] != '\0' ? " in " : "", last->call,
                 last->call[0] != '\0' ? "()" : "");
    error->code = SLOW_E_FAIL;
    snprintf(error->where, sizeof error->where, "%s", where);
    snprintf(error->text, sizeof error->text, "%s; the plugin needs mending, or take it out of the config", what);
    return SLOW_E_FAIL;
}

slow_status faults_try(const char *path, const char *text, bool *faulty, slow_error *error) {
    word last = {.ended = false};
    int ends[2], how = 0;
    *faulty = false;
    fflush(NULL); /* or the child's copy of what waits would be written, too */
    if (pipe(ends) != 0)
        goto failed;
    pid_t pid = fork();
    if (pid < 0) {
        close(ends[0]);
        close(ends[1]);
        goto failed;
    }
    if (pid == 0) {
        close(ends[0]);
        child(path, text, ends[1]);
    }
    close(ends[1]);
    bool hangs = !listen_to(ends[0], &last);
    close(ends[0]);
    if (hangs)
        kill(pid, SIGKILL);
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR) {
    }
    return verdict(&last, hangs, how, faulty, error);
failed:
    *error = (slow_error){.code = SLOW_E_FAIL};
    snprintf(error->text, sizeof error->text, "no process for the check: %s", strerror(errno));
    return SLOW_E_FAIL;
}
