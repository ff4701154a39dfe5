/* slow_sim.h - what the subcommands share. */
#ifndef SLOW_SIM_H
#define SLOW_SIM_H

enum { EXIT_USAGE = 2 };

/* One line on stderr; returns EXIT_FAILURE. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* argv[0] is the subcommand's name. Each returns the exit code. */
int run_command(int argc, char **argv);
int topology_command(int argc, char **argv);
int compare_command(int argc, char **argv);
#endif
