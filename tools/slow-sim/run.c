/* slow-sim run: one scenario, for one strategy or several, for one seed or a range, each a run of its own. */
#include "sim/run.h"
#include "sim/strategies.h"
#include "slow_sim.h"
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LIST_MAX = 64, LINE_SIZE = 512, PATH_BYTES = 4096, PROGRESS_AFTER_S = 2 };

/* A repeatable flag's values, ending with NULL. */
typedef struct list {
    const char *items[LIST_MAX + 1];
    size_t count;
} list;

typedef struct arguments {
    const char *file, *trace, *security;
    char *routing; /* names, a ',' between them */
    list options, plugin_dirs;
    uint64_t first_seed, last_seed;
    bool seed_given, range, json, verbose, quiet, help;
} arguments;

/* Over all runs. */
typedef struct tally {
    uint64_t runs, failed;
    double began_s, said_s, pause_s;
    bool terminal, silent, line_open, json_open;
} tally;

static const char usage[] =
    "slow-sim run SCENARIO.json [FLAGS]\n"
    "\n"
    "Plays a scenario in virtual time, and looks at everything that must hold. Of a failure it prints where and when "
    "it\n"
    "was, and leaves a trace: a scenario of its own, that shows the failure again.\n"
    "\n"
    "  --seed N              instead of the scenario's seed\n"
    "  --seeds FIRST-LAST    one run for each\n"
    "  --routing NAME[,...]  instead of the scenario's strategies; with or without \"routing-\"; one run for each\n"
    "  --option KEY=VALUE    an option of the strategies; repeatable\n"
    "  --security NAME       \"noise\": all links and pairs are sealed, whatever the scenario says; \"none\": they are "
    "not\n"
    "  --plugins DIR         look for plugins there first; repeatable\n"
    "  --trace FILE          where the trace goes (default: NAME-STRATEGY-SEED.trace.json here); of several runs, the\n"
    "                        folder\n"
    "  --json                one object a run, on a line; a list of them when there are several\n"
    "  --quiet               only failures, and what they add up to\n"
    "  --verbose             each action as it is done, and the junctions' logs\n"
    "\n"
    "Exit code: 0 everything held, 1 a check failed, 2 a mistake in the scenario or the flags.\n";

/* ---- arguments ---- */

static bool refuse(const char *what, const char *about) {
    complain("%s%s; see slow-sim run --help", what, about);
    return false;
}

static bool append(list *to, const char *value, const char *flag) {
    if (to->count == LIST_MAX)
        return refuse("given too often: ", flag);
    to->items[to->count++] = value;
    return true;
}

static bool read_number(const char *text, char stop, uint64_t *number, const char **end) {
    char *after;
    if (text[0] < '0' || text[0] > '9')
        return false;
    *number = strtoull(text, &after, 10);
    *end = after;
    return *after == stop && *number <= INT64_MAX;
}

static bool take_seeds(arguments *a, const char *text, bool range) {
    const char *end;
    bool good = read_number(text, range ? '-' : '\0', &a->first_seed, &end);
    a->last_seed = a->first_seed;
    if (good && range)
        good = read_number(end + 1, '\0', &a->last_seed, &end) && a->last_seed >= a->first_seed;
    a->seed_given = true;
    a->range = range;
    return good || refuse(range ? "--seeds: expected FIRST-LAST, not " : "--seed: expected a number, not ", text);
}

enum {
    OPT_SEED = 256,
    OPT_SEEDS,
    OPT_ROUTING,
    OPT_OPTION,
    OPT_SECURITY,
    OPT_PLUGINS,
    OPT_TRACE,
    OPT_JSON,
    OPT_QUIET,
    OPT_VERBOSE,
};

static const struct option options[] = {
    {"seed", required_argument, NULL, OPT_SEED},
    {"seeds", required_argument, NULL, OPT_SEEDS},
    {"routing", required_argument, NULL, OPT_ROUTING},
    {"option", required_argument, NULL, OPT_OPTION},
    {"security", required_argument, NULL, OPT_SECURITY},
    {"plugins", required_argument, NULL, OPT_PLUGINS},
    {"trace", required_argument, NULL, OPT_TRACE},
    {"json", no_argument, NULL, OPT_JSON},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"verbose", no_argument, NULL, OPT_VERBOSE},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool take_option(arguments *a, int option, const char *word) {
    bool secure;
    switch (option) {
    case OPT_SEED:
    case OPT_SEEDS:
        return take_seeds(a, optarg, option == OPT_SEEDS);
    case OPT_ROUTING:
        a->routing = optarg;
        return true;
    case OPT_OPTION:
        if (optarg[0] == '=' || strchr(optarg, '=') == NULL)
            return refuse("--option: expected KEY=VALUE, not ", optarg);
        return append(&a->options, optarg, "--option");
    case OPT_SECURITY:
        a->security = optarg;
        return sim_security_is(optarg, &secure) || refuse("--security: expected noise or none, not ", optarg);
    case OPT_PLUGINS:
        return append(&a->plugin_dirs, optarg, "--plugins");
    case OPT_TRACE:
        a->trace = optarg;
        return true;
    case OPT_JSON:
        a->json = true;
        return true;
    case OPT_QUIET:
        a->quiet = true;
        return true;
    case OPT_VERBOSE:
        a->verbose = true;
        return true;
    case 'h':
        a->help = true;
        return true;
    case ':':
        return refuse("expected a value behind ", word);
    default:
        return refuse("unknown flag ", word);
    }
}

static bool read_arguments(int argc, char **argv, arguments *a) {
    int option;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1)
        if (!take_option(a, option, argv[optind - 1]))
            return false;
    if (a->help)
        return true;
    if (optind + 1 != argc)
        return refuse(optind == argc ? "expected a scenario's file" : "expected one scenario's file, and not ",
                      optind == argc ? "" : argv[optind + 1]);
    a->file = argv[optind];
    return true;
}

static bool is_several(const arguments *a) {
    return a->range || (a->routing != NULL && strchr(a->routing, ',') != NULL);
}

/* ---- what a run was like ---- */

static double wall_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int by_time(const void *a, const void *b) {
    slow_time x = *(const slow_time *)a, y = *(const slow_time *)b;
    return (x > y) - (x < y);
}

/* In milliseconds; 0 when there was none. */
static void recovery_figures(const sim_run *run, double *median_ms, double *most_ms) {
    slow_time *sorted = run->recoveries;
    uint32_t count = run->recovery_count;
    *median_ms = *most_ms = 0;
    if (count == 0)
        return;
    qsort(sorted, count, sizeof *sorted, by_time);
    slow_time middle = sorted[count / 2];
    *median_ms = (double)middle / 1e6;
    *most_ms = (double)sorted[count - 1] / 1e6;
}

static uint64_t dropped(const sim_run *run, enum sl_counter counter) {
    return sim_mesh_counted(run->mesh, counter);
}

/* The reasons for which packages are dropped. */
static const struct {
    const char *name;
    enum sl_counter counter;
} reasons[] = {
    {"no route", SL_drop_package_no_route},     {"hop limit", SL_drop_package_hop_limit},
    {"queue full", SL_drop_package_queue_full}, {"link down", SL_drop_package_link_down},
    {"duplicate", SL_drop_package_duplicate},   {"dead end", SL_drop_package_dead_end},
    {"expired", SL_drop_message_expired},
};
enum { REASONS = sizeof reasons / sizeof reasons[0] };

static bool is_as_expected(const sim_run *run) {
    const sim_scenario *s = run->scenario;
    return run->failure.found && strcmp(run->failure.rule, s->expect.rule) == 0 &&
           run->failure.at_ns == s->expect.at_ns && run->failure.trace_hash == s->expect.trace_hash;
}

static void put_real(sl_json_writer *w, const char *key, double number) {
    char text[40];
    sl_json_key(w, key);
    snprintf(text, sizeof text, "%.3f", number);
    sl_json_put_raw(w, text, strlen(text));
}

static void put_count(sl_json_writer *w, const char *key, uint64_t number) {
    sl_json_key(w, key);
    sl_json_put_unsigned(w, number);
}

static void put_string(sl_json_writer *w, const char *key, const char *text) {
    sl_json_key(w, key);
    sl_json_put_string(w, text);
}

static void put_failure(const sim_run *run, const char *trace, sl_json_writer *w) {
    sl_json_key(w, "failure");
    sl_json_begin(w, '{');
    put_string(w, "rule", run->failure.rule);
    put_real(w, "at_s", (double)run->failure.at_ns / 1e9);
    put_string(w, "text", run->failure.text);
    put_string(w, "trace", trace);
    if (run->scenario->expect.rule[0] != '\0') {
        sl_json_key(w, "as_expected");
        sl_json_put_bool(w, is_as_expected(run));
    }
    sl_json_end(w, '}');
}

static void put_outcomes(const sim_run *run, sl_json_writer *w) {
    sim_outcomes o = sim_check_outcomes(run->check);
    sl_json_key(w, "reliable");
    sl_json_begin(w, '{');
    put_count(w, "accepted", o.accepted);
    put_count(w, "refused", o.refused);
    put_count(w, "delivered", o.delivered);
    put_count(w, "not_delivered", o.not_delivered);
    put_count(w, "unknown", o.unknown);
    put_count(w, "handed", o.handed);
    sl_json_end(w, '}');
}

static void print_json(const sim_run *run, const char *strategies, const char *trace, double took_s) {
    sl_json_writer w = {0};
    const sim_traffic *routing = &sim_network_traffic(run->mesh->network)[SIM_TRAFFIC_ROUTING];
    double median_ms, most_ms;
    char hash[20];
    recovery_figures(run, &median_ms, &most_ms);
    sl_json_begin(&w, '{');
    put_string(&w, "scenario", run->scenario->name);
    put_string(&w, "topology", run->scenario->topology->name);
    put_string(&w, "routing", strategies);
    put_count(&w, "junctions", run->scenario->topology->node_count);
    put_count(&w, "links", run->scenario->topology->link_count);
    put_count(&w, "seed", run->scenario->seed);
    sl_json_key(&w, "held");
    sl_json_put_bool(&w, !run->failure.found);
    if (run->failure.found)
        put_failure(run, trace, &w);
    put_count(&w, "actions", run->done_count);
    put_count(&w, "recoveries", run->recovery_count);
    put_real(&w, "recovery_ms_median", median_ms);
    put_real(&w, "recovery_ms_max", most_ms);
    put_count(&w, "control_frames", routing->frames);
    put_count(&w, "control_bytes", routing->bytes);
    put_count(&w, "sent", run->traffic->sent);
    put_count(&w, "delivered", run->traffic->delivered);
    put_count(&w, "lost", sim_traffic_lost(run->traffic));
    put_count(&w, "duplicates", run->traffic->duplicates);
    put_outcomes(run, &w);
    sl_json_key(&w, "dropped");
    sl_json_begin(&w, '{');
    for (size_t i = 0; i < REASONS; i++)
        put_count(&w, reasons[i].name, dropped(run, reasons[i].counter));
    sl_json_end(&w, '}');
    sl_json_key(&w, "checks");
    sl_json_begin(&w, '{');
    for (int i = 0; i < SIM_RULE_COUNT; i++)
        put_count(&w, sim_rule_name((enum sim_rule)i), sim_check_count(run->check, (enum sim_rule)i));
    sl_json_end(&w, '}');
    put_real(&w, "stretch_mean", run->stretch.mean);
    put_real(&w, "stretch_max", run->stretch.most);
    snprintf(hash, sizeof hash, "%016" PRIx64, sl_world_trace(run->mesh->world));
    put_string(&w, "trace_hash", hash);
    put_real(&w, "virtual_s", (double)sim_run_now(run) / 1e9);
    put_real(&w, "wall_s", took_s);
    sl_json_end(&w, '}');
    char *text = sl_json_take(&w, NULL);
    if (text == NULL)
        abort();
    fputs(text, stdout);
    free(text);
}

static void print_checks(const sim_run *run) {
    const char *between = "  checks     ";
    bool any = false;
    for (int i = 0; i < SIM_RULE_COUNT; i++) {
        uint64_t count = sim_check_count(run->check, (enum sim_rule)i);
        if (count == 0)
            continue;
        printf("%s%s %" PRIu64 " times", between, sim_rule_name((enum sim_rule)i), count);
        between = ", ";
        any = true;
    }
    puts(!any ? "  checks     nothing found" : run->failure.found ? "" : ": counted, and allowed");
}

static void print_packages(const sim_run *run) {
    if (run->traffic->sent > 0)
        printf("  messages   %" PRIu64 " sent, %" PRIu64 " delivered, %" PRIu64 " lost, %" PRIu64 " came twice\n",
               run->traffic->sent, run->traffic->delivered, sim_traffic_lost(run->traffic), run->traffic->duplicates);
    sim_outcomes o = sim_check_outcomes(run->check);
    if (o.accepted > 0)
        printf("  reliable   %" PRIu64 " accepted, %" PRIu64 " delivered, %" PRIu64 " not delivered, %" PRIu64
               " unknown, %" PRIu64 " refused\n",
               o.accepted, o.delivered, o.not_delivered, o.unknown, o.refused);
    if (run->scenario->packages.until_ns > 0)
        printf("  packages   %" PRIu64 " lost, %" PRIu64 " doubled, %" PRIu64
               " came late, in front of their destination\n",
               run->detour.lost, run->detour.duplicated, run->detour.late);
    const char *between = "  dropped    ";
    bool any = false;
    for (size_t i = 0; i < REASONS; i++) {
        uint64_t count = dropped(run, reasons[i].counter);
        if (count == 0)
            continue;
        printf("%s%" PRIu64 " %s", between, count, reasons[i].name);
        between = ", ";
        any = true;
    }
    if (any)
        puts("");
}

static void print_summary(const sim_run *run, const char *strategies, double took_s) {
    const sim_traffic *routing = &sim_network_traffic(run->mesh->network)[SIM_TRAFFIC_ROUTING];
    double median_ms, most_ms;
    recovery_figures(run, &median_ms, &most_ms);
    printf("%s, %s, seed %" PRIu64 ": %s\n", run->scenario->name, strategies, run->scenario->seed,
           run->failure.found ? "FAILED" : "held");
    printf("  mesh       %s: %u junctions, %u links\n", run->scenario->topology->name,
           run->scenario->topology->node_count, run->scenario->topology->link_count);
    printf("  events     %u\n", run->done_count);
    if (run->recovery_count > 0)
        printf("  recovery   median %.1f ms, longest %.1f ms, of %u failures\n", median_ms, most_ms,
               run->recovery_count);
    printf("  control    %" PRIu64 " frames, %" PRIu64 " bytes\n", routing->frames, routing->bytes);
    print_packages(run);
    print_checks(run);
    if (run->rested)
        printf("  stretch    mean %.3f, at most %.3f\n", run->stretch.mean, run->stretch.most);
    printf("  trace      %016" PRIx64 ", %.3f s of virtual time in %.2f s\n", sl_world_trace(run->mesh->world),
           (double)sim_run_now(run) / 1e9, took_s);
}

/* ---- running ---- */

static void print_action(void *arg, const sim_run *run, const sim_action *action) {
    char text[LINE_SIZE];
    (void)arg;
    sim_action_describe(action, run->scenario->topology, text, sizeof text);
    fprintf(stderr, "%10.3f %s\n", (double)sim_run_now(run) / 1e6, text);
}

/* NAME-STRATEGY-SEED.trace.json, in the folder that --trace names where there are several runs. */
static void trace_path(const arguments *a, const sim_run *run, const char *strategies, char *out, size_t capacity) {
    char name[LINE_SIZE];
    if (a->trace != NULL && !is_several(a)) {
        snprintf(out, capacity, "%s", a->trace);
        return;
    }
    snprintf(name, sizeof name, "%.200s-%.200s-%" PRIu64 ".trace.json", run->scenario->name, strategies,
             run->scenario->seed);
    for (char *c = name; *c != '\0'; c++)
        if (*c == '/' || *c == ' ')
            *c = '_';
    snprintf(out, capacity, "%s%s%s", a->trace != NULL ? a->trace : "", a->trace != NULL ? "/" : "", name);
}

static void print_failure(const arguments *a, const sim_run *run, const char *trace) {
    char text[4096];
    sim_run_explain(run, text, sizeof text);
    printf("%s\n", text);
    if (run->scenario->expect.rule[0] != '\0')
        printf("  %s\n", is_as_expected(run) ? "the failure that the trace expects, at its time, with its trace hash"
                                             : "NOT the failure that the trace expects");
    if (trace[0] == '\0')
        return;
    printf("  slow-sim run %s", trace);
    for (size_t i = 0; i < a->plugin_dirs.count; i++)
        printf(" --plugins %s", a->plugin_dirs.items[i]);
    puts("   shows it again");
}

/* How far a run is. On a terminal one line that changes; a log needs no more than to see that it goes on. */
static void progress(void *arg, const sim_run *run) {
    tally *t = arg;
    char strategies[LINE_SIZE];
    double now = wall_s();
    if (t->silent || now - t->began_s < PROGRESS_AFTER_S || now - t->said_s < t->pause_s)
        return;
    sim_scenario_strategies(run->scenario, strategies, sizeof strategies);
    fprintf(stderr, "%s%s, %s, seed %" PRIu64 ": at %.0f s of %.0f s; %" PRIu64 " runs before it, %" PRIu64 " failed%s",
            t->terminal ? "\r\033[K" : "", run->scenario->name, strategies, run->scenario->seed,
            (double)sim_run_now(run) / 1e9, (double)run->scenario->duration_ns / 1e9, t->runs, t->failed,
            t->terminal ? "" : "\n");
    fflush(stderr);
    t->said_s = now;
    t->line_open = t->terminal;
    if (!t->terminal && t->pause_s < 60)
        t->pause_s *= 2;
}

static void progress_end(tally *t) {
    if (t->line_open)
        fputs("\r\033[K", stderr);
    t->line_open = false;
}

static void report(const arguments *a, sim_run *run, tally *t, double took_s) {
    char strategies[LINE_SIZE], trace[PATH_BYTES] = "";
    slow_error error = {.text = ""};
    sim_scenario_strategies(run->scenario, strategies, sizeof strategies);
    /* A trace that failed again as it should is there already. */
    bool again = run->scenario->expect.rule[0] != '\0' && is_as_expected(run) && a->trace == NULL;
    if (run->failure.found && again)
        snprintf(trace, sizeof trace, "%s", a->file);
    else if (run->failure.found) {
        trace_path(a, run, strategies, trace, sizeof trace);
        if (sim_run_write_trace(run, trace, &error) != SLOW_OK) {
            progress_end(t);
            complain("%s; expected a place for the trace, see --trace", error.text);
            trace[0] = '\0';
        }
    }
    t->runs++;
    t->failed += run->failure.found;
    if (run->failure.found || !a->quiet)
        progress_end(t);
    if (a->json) {
        fputs(t->json_open ? ",\n " : "", stdout);
        t->json_open = true;
        print_json(run, strategies, trace, took_s);
    } else {
        if (!a->quiet || run->failure.found)
            print_summary(run, strategies, took_s);
        if (run->failure.found)
            print_failure(a, run, trace);
        else if (run->scenario->expect.rule[0] != '\0')
            printf("  the trace expects %s at %.6f s, and it did not come\n", run->scenario->expect.rule,
                   (double)run->scenario->expect.at_ns / 1e9);
    }
    fflush(stdout);
}

/* False: the scenario is wrong. */
static bool play(const arguments *a, const char *routing, const uint64_t *seed, tally *t) {
    sim_choice choice = {.seed = seed, .routing = routing, .security = a->security};
    sim_scenario *scenario;
    slow_error error = {.text = ""};
    double began = wall_s();
    choice.options = a->options.count > 0 ? a->options.items : NULL;
    choice.plugin_dirs = a->plugin_dirs.count > 0 ? a->plugin_dirs.items : NULL;
    if (sim_scenario_open(a->file, &choice, &scenario, &error) != SLOW_OK) {
        complain("%s", error.text);
        return false;
    }
    sim_run *run = sim_run_new(scenario);
    run->mesh->verbose = a->verbose;
    run->on_time = progress;
    run->arg = t;
    if (a->verbose)
        run->on_action = print_action;
    sim_run_play(run);
    report(a, run, t, wall_s() - began);
    sim_run_free(run);
    return true;
}

/* All seeds with one strategy, or with the scenario's own (NULL). */
static bool play_seeds(const arguments *a, const char *routing, tally *t) {
    if (!a->seed_given)
        return play(a, routing, NULL, t);
    for (uint64_t seed = a->first_seed; seed <= a->last_seed; seed++)
        if (!play(a, routing, &seed, t))
            return false;
    return true;
}

/* A mistake that only the last strategy shows is told before anything is played. */
static bool all_fit(const arguments *a) {
    sim_choice choice = {.options = a->options.count > 0 ? a->options.items : NULL,
                         .plugin_dirs = a->plugin_dirs.count > 0 ? a->plugin_dirs.items : NULL};
    slow_error error = {.text = ""};
    char *words = a->routing != NULL ? strdup(a->routing) : NULL, *rest = words;
    bool good = true;
    for (char *name, *json; good && rest != NULL && (name = strsep(&rest, ",")) != NULL;) {
        if (name[0] == '\0')
            good = refuse("--routing: expected NAME[,NAME...], not ", a->routing);
        else if (sim_strategies_parse(name, choice.options, choice.plugin_dirs, &json, &error) == SLOW_OK)
            free(json);
        else
            good = complain("%s", error.text) == EXIT_SUCCESS;
    }
    free(words);
    return good;
}

int run_command(int argc, char **argv) {
    arguments a = {.file = NULL};
    tally t = {.began_s = wall_s(), .terminal = isatty(STDERR_FILENO) != 0};
    bool good = true;
    if (!read_arguments(argc, argv, &a))
        return EXIT_USAGE;
    t.pause_s = t.terminal ? 0.2 : PROGRESS_AFTER_S;
    t.silent = a.quiet && !t.terminal;
    if (a.help) {
        fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    if (!all_fit(&a))
        return EXIT_USAGE;
    bool several = is_several(&a);
    if (a.json && several)
        fputs("[", stdout);
    if (a.routing == NULL)
        good = play_seeds(&a, NULL, &t);
    for (char *rest = a.routing, *name; good && rest != NULL && (name = strsep(&rest, ",")) != NULL;)
        good = play_seeds(&a, name, &t);
    progress_end(&t);
    if (a.json && t.json_open)
        puts(several ? "]" : "");
    else if (several && good)
        printf("%" PRIu64 " runs, %" PRIu64 " failed, in %.1f s\n", t.runs, t.failed, wall_s() - t.began_s);
    return !good ? EXIT_USAGE : t.failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
