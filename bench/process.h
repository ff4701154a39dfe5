/* process.h - the relay's process: made on its core, and ended. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H
#include <stdbool.h>
#include <sys/types.h>

/* Runs argv[0], found in PATH, on one core; its output goes to `log`. 0 = it could not be made (an error was printed). */
pid_t process_start(const char *const *argv, int core, const char *log);
/* SIGTERM, and SIGKILL after a second. */
void process_stop(pid_t);
/* Is this program there? A path, or a name to be found in PATH. */
bool process_exists(const char *program);
bool process_pin(pid_t, int core); /* 0 = ourselves */
/* What it used so far: utime + stime of all its threads, as /proc/PID/stat has it, but not in ticks of 10 ms. */
double process_cpu_seconds(pid_t);
#endif
