/* A plugin under test may crash, hang, close descriptors, exhaust memory or start threads. So each test is a child process,
 * made by fork() before anything of the plugin was loaded, and all that is expected of it is that it ends.
 *
 * Its result is written into memory that parent and child share, not into a pipe: what stood there before a crash is then
 * known without the child's help, above all which call of the plugin was on. The parent waits on a pidfd, which a child
 * cannot forge, and kills the child's process group when the limit is over. The child dies with its parent.
 *
 * A limit is of wall-clock time: a plugin that sleeps hangs as well as one that spins. Sanitizers get five times as long. */
#include "process.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SLOWER = SLOW_CONFORM_SANITIZED ? 5 : 1 };

conform_page *process_page_new(void) {
    void *page = mmap(NULL, sizeof(conform_page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? NULL : page;
}

_Noreturn void process_end(conform_page *page, enum conform_outcome outcome) {
    page->outcome = (int32_t)outcome;
    _exit(0);
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void child_begin(pid_t parent) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    dup2(STDERR_FILENO, STDOUT_FILENO); /* what a plugin prints is no part of the report */
}

/* False when the limit was over first. */
static bool child_wait(pid_t child, int pidfd, unsigned limit_s, int *status) {
    struct pollfd watched = {.fd = pidfd, .events = POLLIN};
    double end = seconds_now() + limit_s;
    bool ended = false;
    while (!ended && seconds_now() < end)
        ended = poll(&watched, 1, (int)((end - seconds_now()) * 1000) + 1) > 0;
    kill(-child, SIGKILL); /* and what it may have started */
    if (!ended)
        kill(child, SIGKILL);
    while (waitpid(child, status, 0) < 0 && errno == EINTR)
        continue;
    return ended;
}

/* "within create(), with allocation 3 of 9 refused" */
static void place_print(const conform_page *page, char *out, size_t capacity) {
    snprintf(out, capacity, "%s%s%s%s",
             page->call[0] != '\0'
                 ? "in "
                 : "outside of any call into the plugin, whose memory may have been damaged in one before",
             page->call, page->note[0] != '\0' ? ", " : "", page->note);
}

/* What broke, unless the test has said so. */
static void about(conform_page *page, const char *says) {
    if (page->where[0] != '\0')
        return;
    snprintf(page->where, sizeof page->where, "slow/plugin.h");
    snprintf(page->says, sizeof page->says, "%s", says);
}

static void judge_end(conform_page *page, bool ended, int status, unsigned limit_s) {
    static const char ends_none[] = "a plugin is code in the process, and ends no process";
    char place[256];
    if (page->outcome != OUTCOME_NONE && ended)
        return;
    place_print(page, place, sizeof place);
    page->outcome = OUTCOME_FAILED;
    if (!ended) {
        about(page, "all calls come on the loop's thread, for which others wait: a call returns");
        snprintf(page->did, sizeof page->did, "had not come back after %u s, %s", limit_s, place);
    } else if (WIFSIGNALED(status)) {
        about(page, ends_none);
        snprintf(page->did, sizeof page->did, "was killed by signal %d (%s) %s", WTERMSIG(status),
                 strsignal(WTERMSIG(status)), place);
    } else {
        about(page, ends_none);
        snprintf(page->did, sizeof page->did, "ended the process with status %d %s", WEXITSTATUS(status), place);
    }
}

/* The kernel gives no process, or no way to wait for it. */
static void not_tried(conform_page *page) {
    page->outcome = OUTCOME_FAILED;
    snprintf(page->where, sizeof page->where, "slow-conform");
    snprintf(page->says, sizeof page->says, "each test runs in a process of its own");
    snprintf(page->did, sizeof page->did, "was not tried: no process to be had: %s", strerror(errno));
}

void process_run(conform_page *page, void (*fn)(void *, conform_page *), void *arg, unsigned limit_s) {
    int status = 0;
    double began = seconds_now();
    limit_s *= SLOWER;
    *page = (conform_page){.outcome = OUTCOME_NONE};
    fflush(NULL);
    pid_t parent = getpid(), child = fork();
    if (child < 0) {
        not_tried(page);
        return;
    }
    if (child == 0) {
        child_begin(parent);
        fn(arg, page);
        process_end(page, OUTCOME_HELD);
    }
    setpgid(child, child); /* whoever is first */
    int pidfd = pidfd_open(child, 0);
    if (pidfd < 0) {
        int why = errno;
        child_wait(child, -1, 0, &status);
        errno = why;
        not_tried(page);
        return;
    }
    bool ended = child_wait(child, pidfd, limit_s, &status);
    close(pidfd);
    judge_end(page, ended, status, limit_s);
    page->seconds = seconds_now() - began;
}
