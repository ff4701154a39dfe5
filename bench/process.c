#include "process.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

bool process_pin(pid_t pid, int core) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET((size_t)core, &cores);
    return sched_setaffinity(pid, sizeof cores, &cores) == 0;
}

pid_t process_start(const char *const *argv, int core, const char *log) {
    pid_t pid = fork();
    if (pid < 0)
        fprintf(stderr, "bench: cannot fork: %s\n", strerror(errno));
    if (pid != 0)
        return pid > 0 ? pid : 0;
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* not even a killed benchmark leaves a relay behind */
    if (fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0 && process_pin(0, core))
        execvp(argv[0], (char *const *)(uintptr_t)argv);
    fprintf(stderr, "bench: cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

void process_stop(pid_t pid) {
    if (pid <= 0)
        return;
    kill(pid, SIGTERM);
    for (int i = 0; i < 200; i++) {
        if (waitpid(pid, NULL, WNOHANG) != 0)
            return;
        poll(NULL, 0, 5);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

bool process_exists(const char *program) {
    if (strchr(program, '/') != NULL)
        return access(program, X_OK) == 0;
    const char *path = getenv("PATH");
    while (path != NULL && *path != '\0') {
        char whole[4096];
        int size = (int)strcspn(path, ":");
        snprintf(whole, sizeof whole, "%.*s/%s", size, path, program);
        if (access(whole, X_OK) == 0)
            return true;
        path += size + (path[size] == ':');
    }
    return false;
}

double process_cpu_seconds(pid_t process) {
    clockid_t clock;
    struct timespec t = {0};
    if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return 0;
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
