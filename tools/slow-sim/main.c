#include "slow_sim.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int (*fn)(int argc, char **argv);
    const char *help;
} subcommands[] = {
    {"run", run_command, "plays a scenario, or the trace of a failure, and says whether everything held"},
    {"topology", topology_command, "how strategies do on a network when things happen to it: figures"},
    {"compare", compare_command, "the same of one network or several, as a page to look at"},
};

int complain(const char *format, ...) {
    va_list arguments;
    fputs("slow-sim: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return EXIT_FAILURE;
}

static void print_help(void) {
    puts("slow-sim - whole junctions with the plugins that run in production, in virtual time\n");
    for (size_t i = 0; i < sizeof subcommands / sizeof subcommands[0]; i++)
        printf("  slow-sim %-10s %s\n", subcommands[i].name, subcommands[i].help);
    puts("\nslow-sim COMMAND --help says more.");
}

int main(int argc, char **argv) {
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_help();
        return EXIT_SUCCESS;
    }
    for (size_t i = 0; argc > 1 && i < sizeof subcommands / sizeof subcommands[0]; i++)
        if (strcmp(argv[1], subcommands[i].name) == 0)
            return subcommands[i].fn(argc - 1, argv + 1);
    complain(argc > 1 ? "there is no command \"%.60s\"; see slow-sim --help"
                      : "expected a command%s; see slow-sim --help",
             argc > 1 ? argv[1] : "");
    return EXIT_USAGE;
}
