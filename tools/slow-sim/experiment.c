#include "experiment.h"
#include "sim/graph.h"
#include "slow_sim.h"
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- the command line ---- */

static const struct option options[] = {
    {"routing", required_argument, NULL, 'r'}, {"event", required_argument, NULL, 'e'},
    {"sample", required_argument, NULL, 'n'},  {"seed", required_argument, NULL, 's'},
    {"json", no_argument, NULL, 'j'},          {"html", required_argument, NULL, 'o'},
    {"option", required_argument, NULL, 'O'},  {"security", required_argument, NULL, 'S'},
    {"plugins", required_argument, NULL, 'p'}, {"trace", required_argument, NULL, 't'},
    {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
};

static void print_help(const experiment *e) {
    uint32_t count;
    const sim_event *events = sim_events(&count);
    bool page = strcmp(e->command, "compare") == 0;
    printf("slow-sim %s %s --routing NAME[,NAME...]%s [options]\n\n"
           "  --routing NAME,...  the strategies, each \"flooding\" or with options of its own: "
           "\"flooding:learn=false\"\n",
           e->command, page ? "TOPOLOGY..." : "TOPOLOGY", page ? " --html FILE" : "");
    if (page)
        puts("  --html FILE         the page that is written: one file that needs no network");
    puts("  --event KIND,...    what happens (cut-every-link):");
    for (uint32_t i = 0; i < count; i++)
        printf("                        %-22s %s\n", events[i].name, events[i].title);
    puts("  --sample N          of each kind N events, drawn from the seed and spread over the network; else all\n"
         "  --seed N            (1)\n"
         "  --option KEY=VALUE  an option of every strategy\n"
         "  --security NAME     \"noise\": links and pairs are sealed (none)\n"
         "  --plugins DIR       where to look for plugins first\n"
         "  --trace DIR         where the run of a failed check is written to (.)\n"
         "  --json              figures as JSON\n\n"
         "TOPOLOGY is a file, JSON or GraphML, or made: chain:N ring:N grid:WxH tree:N[:FANOUT] star:N "
         "random:N[:DEGREE]\n"
         "geometric:N[:DEGREE] attachment:N[:LINKS].\n"
         "Exit code: 0 all checks held, 1 one did not, 2 a mistake on the command line.");
}

static int mistake(const experiment *e, const char *what, const char *about) {
    complain("%s%s; see slow-sim %s --help", what, about, e->command);
    return EXIT_USAGE;
}

static bool read_number(const char *text, uint64_t least, uint64_t most, uint64_t *out) {
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *out >= least && *out <= most;
}

static int add_event(experiment *e, const char *name) {
    const sim_event *event = sim_event_find(name);
    uint32_t count;
    if (event == NULL) {
        char known[512] = "";
        const sim_event *events = sim_events(&count);
        for (uint32_t i = 0; i < count; i++)
            snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i > 0 ? ", " : "", events[i].name);
        complain("there is no event \"%.60s\"; expected one of %s", name, known);
        return EXIT_USAGE;
    }
    for (uint32_t i = 0; i < e->event_count; i++)
        if (e->events[i] == event)
            return 0;
    e->events[e->event_count++] = event; /* no more than there are kinds */
    return 0;
}

/* Calls `take` for each of the words between commas. */
static int for_each_word(experiment *e, char *list, int (*take)(experiment *, const char *)) {
    int code = 0;
    for (char *word; code == 0 && (word = strsep(&list, ",")) != NULL;)
        code = take(e, word);
    return code;
}

static int add_strategy(experiment *e, const char *name) {
    sim_choice choice = {.options = e->options, .plugin_dirs = e->plugin_dirs};
    slow_error error;
    if (e->strategy_count == EXPERIMENT_STRATEGIES)
        return mistake(e, "too many strategies: expected at most 16", "");
    if (sim_strategy_read(name, &choice, &e->strategies[e->strategy_count], &error) != SLOW_OK) {
        complain("%s", error.text);
        return EXIT_USAGE;
    }
    e->strategy_count++;
    return 0;
}

static int add_text(const experiment *e, const char **list, const char *text) {
    int count = 0;
    while (list[count] != NULL)
        count++;
    if (count == EXPERIMENT_OPTIONS)
        return mistake(e, "too many of this option: ", text);
    list[count] = text;
    return 0;
}

static int take_option(experiment *e, int option, char **routing) {
    uint64_t number;
    bool secure;
    switch (option) {
    case 'r':
        *routing = optarg;
        return 0;
    case 'e':
        return for_each_word(e, optarg, add_event);
    case 'n':
        if (!read_number(optarg, 1, UINT32_MAX, &number))
            return mistake(e, "--sample: expected a number from 1 on, not ", optarg);
        e->sample = (uint32_t)number;
        return 0;
    case 's':
        return read_number(optarg, 0, INT64_MAX, &e->seed) ? 0 : mistake(e, "--seed: expected a number, not ", optarg);
    case 'j':
        e->json = true;
        return 0;
    case 'o':
        e->html = optarg;
        return 0;
    case 'O':
        return optarg[0] != '=' && strchr(optarg, '=') != NULL
                   ? add_text(e, e->options, optarg)
                   : mistake(e, "--option: expected KEY=VALUE, not ", optarg);
    case 'S':
        e->security = optarg;
        return sim_security_is(optarg, &secure) ? 0 : mistake(e, "--security: expected noise or none, not ", optarg);
    case 'p':
        return add_text(e, e->plugin_dirs, optarg);
    case 't':
        e->trace_folder = optarg;
        return 0;
    case 'h':
        print_help(e);
        return -1;
    default:
        return EXIT_USAGE;
    }
}

int experiment_read(experiment *e, const char *command, int argc, char **argv) {
    char *routing = NULL;
    int option, code = 0;
    *e = (experiment){.command = command, .seed = 1};
    opterr = 0; /* a mistake is one line, and ours */
    optind = 1;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (option == ':')
            return mistake(e, "an argument is missing behind ", argv[optind - 1]);
        if (option == '?')
            return mistake(e, "there is no option ", argv[optind - 1]);
        if ((code = take_option(e, option, &routing)) != 0)
            return code;
    }
    e->topologies = argv + optind;
    e->topology_count = argc - optind;
    if (e->topology_count == 0)
        return mistake(e, "which network? Expected a topology: a file, or a line such as ring:8", "");
    if (routing == NULL)
        return mistake(e, "which strategies? Expected --routing NAME[,NAME...]", "");
    if (e->event_count == 0)
        add_event(e, "cut-every-link");
    return for_each_word(e, routing, add_strategy);
}

/* ---- progress ---- */

typedef struct watcher {
    double began_s, told_s, events_began_s, pause_s;
    uint64_t rss_bytes;
    bool tty, told;
} watcher;

static double clock_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Of the process, now. 0 = not known. */
static uint64_t resident_bytes(void) {
    unsigned long long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu %llu", &size, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void watch(void *arg, const sim_progress *progress) {
    watcher *w = arg;
    double now = clock_s();
    uint64_t rss_bytes = resident_bytes();
    char left[64] = "";
    if (rss_bytes > w->rss_bytes)
        w->rss_bytes = rss_bytes;
    if (w->events_began_s == 0 && strcmp(progress->doing, "cold start") != 0)
        w->events_began_s = now;
    if (now - w->began_s < 2 || now - w->told_s < w->pause_s)
        return;
    w->told_s = now;
    if (!w->tty && w->told && w->pause_s < 60)
        w->pause_s *= 2; /* a log needs no more than to see that it goes on */
    w->told = true;
    if (progress->done > 0)
        snprintf(left, sizeof left, ", about %.0f s to go",
                 (now - w->events_began_s) / progress->done * (progress->total - progress->done));
    fprintf(stderr, "%s%s, %s: %s, %u of %u events%s%s", w->tty ? "\r\033[K" : "", progress->topology,
            progress->routing, progress->doing, progress->done, progress->total, left, w->tty ? "" : "\n");
    fflush(stderr);
}

/* ---- running ---- */

sim_topology *experiment_topology(const experiment *e, int number) {
    sim_topology *topology = NULL;
    slow_error error;
    if (sim_topology_open(e->topologies[number], e->seed, &topology, &error) != SLOW_OK) {
        complain("%s", error.text);
        return NULL;
    }
    sim_graph *graph = sim_graph_new(topology);
    uint32_t parts = sim_graph_parts(graph);
    sim_graph_free(graph);
    if (parts > 1)
        fprintf(stderr,
                "slow-sim: %s is in %u parts that no link joins; is one missing? Pairs in one part are looked at\n",
                topology->name, parts);
    return topology;
}

sim_figures *experiment_run(const experiment *e, const sim_topology *topology, uint32_t strategy, uint32_t paths) {
    watcher w = {.began_s = clock_s(), .tty = isatty(STDERR_FILENO) != 0};
    w.pause_s = w.tty ? 0.2 : 2;
    malloc_trim(0); /* what the experiment before has left behind is not this one's */
    slow_error error;
    sim_plan plan = {.topology = topology,
                     .strategy = e->strategies[strategy],
                     .choice = {.options = e->options, .plugin_dirs = e->plugin_dirs, .security = e->security},
                     .seed = e->seed,
                     .event_count = e->event_count,
                     .sample = e->sample,
                     .paths = paths,
                     .trace_folder = e->trace_folder,
                     .progress = watch,
                     .arg = &w};
    memcpy(plan.events, e->events, sizeof plan.events);
    sim_figures *figures = sim_measure(&plan, &error);
    if (w.tty && w.told)
        fputs("\r\033[K", stderr);
    if (figures == NULL) {
        complain("%s", error.text);
        return NULL;
    }
    figures->wall_s = clock_s() - w.began_s;
    figures->rss_bytes = w.rss_bytes;
    return figures;
}

int experiment_verdict(const experiment *e, const sim_figures *figures) {
    if (!figures->failed)
        return EXIT_SUCCESS;
    fflush(stdout);
    fprintf(stderr, "slow-sim: %s on %s: %s\n", figures->routing, figures->topology->name, figures->failure);
    if (figures->trace_file[0] == '\0' && figures->no_trace[0] == '\0')
        return EXIT_FAILURE;
    if (figures->trace_file[0] == '\0')
        return complain("%s; expected a folder for the trace, see --trace", figures->no_trace);
    fprintf(stderr, "slow-sim: to see it again: slow-sim run %s", figures->trace_file);
    for (const char *const *directory = e->plugin_dirs; *directory != NULL; directory++)
        fprintf(stderr, " --plugins %s", *directory);
    fputc('\n', stderr);
    return EXIT_FAILURE;
}
