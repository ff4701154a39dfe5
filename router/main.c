/* slow-router: a junction as a process of its own.
 *
 * The junction runs on its own thread and the first thread only waits for signals: sigwait() turns them into ordinary
 * calls, so nothing races with them. All signals of interest are blocked before that thread is made, so it inherits the
 * mask, and they can arrive nowhere else. The only handlers are those of faults.c, for when it is too late for all else.
 *
 * A config is checked as a whole before anything starts: a mistake in it, or in the flags, is one line on stderr and
 * exit code 2. What can only be seen by trying (a port that is taken) is exit code 1. --check tries what can be tried
 * without starting: it has the plugins made, in a process of their own. */
#include "faults.h"
#include <errno.h>
#include <getopt.h>
#include <slow/plugin.h>
#include <slow/router.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_CONFIG = 2, LIST_MAX = 64, LINE_SIZE = 1024 };

extern const char slow_router_example[]; /* etc/example.json, made into C by the build */

/* A repeatable flag's values, ending with NULL. */
typedef struct list {
    const char *items[LIST_MAX + 1];
    size_t count;
} list;

typedef enum action { RUN, CHECK, GENCONF, DESCRIBE, VERSION, HELP } action;

typedef struct arguments {
    action action;
    const char *config, *plugin; /* plugin: of DESCRIBE */
    const char *id, *network, *admin, *log_level, *log_format;
    list listen, join, plugin_dirs;
    bool insecure;
} arguments;

static const char usage[] =
    "slow-router - a junction of a Slow mesh\n"
    "\n"
    "  slow-router -c FILE                      run from a config file\n"
    "  slow-router --id ID [FLAGS]              run from flags\n"
    "  slow-router --check FILE                 only check a config file (or --check with flags)\n"
    "  slow-router --genconf                    print an example config with every key, commented\n"
    "  slow-router --describe PLUGIN            print a plugin's options, e.g. transport-udp\n"
    "  slow-router --version | --help\n"
    "\n"
    "  -c, --config FILE    the config; also as a plain argument\n"
    "  --id ID              the junction's name, its own in the network\n"
    "  --listen ADDRESS     listen there, e.g. udp://127.0.0.1:4100; repeatable\n"
    "  --join ADDRESS       keep a link to there; repeatable\n"
    "  --network NAME       only junctions of one network link up (default: slow)\n"
    "  --admin SOCKET       serve slowctl on this Unix socket\n"
    "  --insecure           may listen beyond loopback although anybody can join\n"
    "  --plugin-dir DIR     look for plugins there first; repeatable\n"
    "  --log-level LEVEL    error, warn, info or debug (default: info)\n"
    "  --log-format FORMAT  text or json (default: text)\n"
    "\n"
    "The log goes to stderr. SIGTERM and SIGINT say goodbye to the neighbours and end it; SIGHUP is ignored.\n"
    "Exit code: 0 ended by a signal, 1 could not start, or a plugin crashed (--check) or hangs, 2 a mistake in the "
    "config or\n"
    "the flags.\n";

enum {
    OPT_ID = 256,
    OPT_LISTEN,
    OPT_JOIN,
    OPT_NETWORK,
    OPT_ADMIN,
    OPT_INSECURE,
    OPT_PLUGIN_DIR,
    OPT_LOG_LEVEL,
    OPT_LOG_FORMAT,
    OPT_CHECK,
    OPT_GENCONF,
    OPT_DESCRIBE
};

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {"id", required_argument, NULL, OPT_ID},
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"join", required_argument, NULL, OPT_JOIN},
    {"network", required_argument, NULL, OPT_NETWORK},
    {"admin", required_argument, NULL, OPT_ADMIN},
    {"insecure", no_argument, NULL, OPT_INSECURE},
    {"plugin-dir", required_argument, NULL, OPT_PLUGIN_DIR},
    {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
    {"log-format", required_argument, NULL, OPT_LOG_FORMAT},
    {"check", no_argument, NULL, OPT_CHECK},
    {"genconf", no_argument, NULL, OPT_GENCONF},
    {"describe", required_argument, NULL, OPT_DESCRIBE},
    {NULL, 0, NULL, 0},
};

/* ---- arguments ---- */

static bool complain(const char *what, const char *about) {
    fprintf(stderr, "slow-router: %s%s; see slow-router --help\n", what, about);
    return false;
}

static bool set_once(const char **to, const char *value, const char *flag) {
    if (*to != NULL)
        return complain("given twice: ", flag);
    *to = value;
    return true;
}

static bool append(list *to, const char *value, const char *flag) {
    if (to->count == LIST_MAX)
        return complain("given too often, use a config file: ", flag);
    to->items[to->count++] = value;
    return true;
}

/* `word`: what stands on the command line. */
static bool take_option(arguments *a, int option, const char *word) {
    switch (option) {
    case 'c':
        return set_once(&a->config, optarg, "--config");
    case 'h':
        a->action = HELP;
        return true;
    case 'V':
        a->action = VERSION;
        return true;
    case OPT_ID:
        return set_once(&a->id, optarg, "--id");
    case OPT_NETWORK:
        return set_once(&a->network, optarg, "--network");
    case OPT_ADMIN:
        return set_once(&a->admin, optarg, "--admin");
    case OPT_LOG_LEVEL:
        return set_once(&a->log_level, optarg, "--log-level");
    case OPT_LOG_FORMAT:
        return set_once(&a->log_format, optarg, "--log-format");
    case OPT_LISTEN:
        return append(&a->listen, optarg, "--listen");
    case OPT_JOIN:
        return append(&a->join, optarg, "--join");
    case OPT_PLUGIN_DIR:
        return append(&a->plugin_dirs, optarg, "--plugin-dir");
    case OPT_INSECURE:
        a->insecure = true;
        return true;
    case OPT_CHECK:
        a->action = CHECK;
        return true;
    case OPT_GENCONF:
        a->action = GENCONF;
        return true;
    case OPT_DESCRIBE:
        a->action = DESCRIBE;
        return set_once(&a->plugin, optarg, "--describe");
    default:
        return complain(option == ':' ? "an argument is missing behind " : "there is no option ", word);
    }
}

static bool check_arguments(const arguments *a) {
    bool flags = a->id != NULL || a->network != NULL || a->admin != NULL || a->log_level != NULL ||
                 a->log_format != NULL || a->insecure || a->listen.count + a->join.count + a->plugin_dirs.count > 0;
    if (a->action != RUN && a->action != CHECK)
        return true;
    if (a->config != NULL && flags)
        return complain("a config file says it all: put the other flags into ", a->config);
    if (a->config == NULL && a->id == NULL)
        return complain("nothing to run: expected -c FILE, or --id ID", "");
    return true;
}

static bool read_arguments(arguments *a, int argc, char **argv) {
    int option;
    opterr = 0; /* a mistake is one line, and ours */
    while ((option = getopt_long(argc, argv, ":c:hV", options, NULL)) != -1)
        if (!take_option(a, option, argv[optind - 1]))
            return false;
    for (; optind < argc; optind++)
        if (!set_once(&a->config, argv[optind], argv[optind]))
            return false;
    return check_arguments(a);
}

/* ---- log ---- */

/* One write() a line, so that lines of several processes do not mix. */
static void write_log(void *arg, int level, const char *who, const char *text) {
    const slow_config_info *info = arg;
    char line[LINE_SIZE];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t wall_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    size_t size = slow_log_line(info->log_json, wall_ms, level, who, text, line, sizeof line);
    ssize_t written = write(STDERR_FILENO, line, size);
    (void)written; /* a log that cannot be written is no reason to stop */
}

static int fail(const slow_error *error, int code) {
    char line[512];
    slow_error_line(error, line, sizeof line);
    fprintf(stderr, "slow-router: %s\n", line);
    return code;
}

/* ---- running ---- */

/* What the flags say, as a config's text to be freed; NULL on failure. */
static char *text_of_flags(const arguments *a, slow_error *error) {
    slow_config_flags flags = {
        .struct_size = sizeof flags,
        .id = a->id,
        .network = a->network,
        .admin_socket = a->admin,
        .log_level = a->log_level,
        .log_format = a->log_format,
        .listen = a->listen.count > 0 ? a->listen.items : NULL,
        .join = a->join.count > 0 ? a->join.items : NULL,
        .plugin_dirs = a->plugin_dirs.count > 0 ? a->plugin_dirs.items : NULL,
        .insecure = a->insecure,
    };
    return slow_config_from_flags(&flags, error);
}

/* The config, checked: of a file, or of flags; then *text is its text, to be freed. */
static slow_status load(const arguments *a, char **text, slow_config_info *info, bool *faulty, slow_error *error) {
    slow_status status = SLOW_OK;
    if (a->config == NULL && (*text = text_of_flags(a, error)) == NULL)
        return error->code;
    if (a->action == CHECK) /* first of all: also what is only loaded may crash */
        status = faults_try(a->config, *text, faulty, error);
    if (status != SLOW_OK)
        return status;
    return a->config != NULL ? slow_config_check(a->config, info, error)
                             : slow_config_check_text(NULL, *text, strlen(*text), info, error);
}

static void block_signals(sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN); /* an admin client may go away while it is answered */
}

static void wait_for_the_end(const sigset_t *set, slow_config_info *info) {
    int number;
    while (sigwait(set, &number) != 0 || number == SIGHUP)
        write_log(info, SLOW_LOG_WARN, "router",
                  "SIGHUP is ignored: a config is read at the start only; restart instead");
    write_log(info, SLOW_LOG_INFO, "router", number == SIGTERM ? "SIGTERM: goodbye" : "SIGINT: goodbye");
}

static int run(const arguments *a, const char *text, slow_config_info *info) {
    slow_options how = SLOW_OPTIONS_INIT;
    slow_error error = {.text = ""};
    sigset_t signals;
    faults told;
    how.log = write_log;
    how.log_arg = info;
    how.calling = faults_calling;
    how.calling_arg = &told;
    block_signals(&signals);
    faults_watch(&told);
    slow_junction *junction = a->config != NULL ? slow_junction_open(a->config, &how, &error)
                                                : slow_junction_open_text(NULL, text, strlen(text), &how, &error);
    if (junction != NULL)
        wait_for_the_end(&signals, info);
    slow_junction_free(junction);
    faults_unwatch(&told);
    return junction != NULL ? EXIT_SUCCESS : fail(&error, EXIT_FAILURE);
}

static void print_check(const char *what, const slow_config_info *info) {
    for (uint32_t i = 0; i < info->warning_count; i++)
        fprintf(stderr, "slow-router: %s: warning: %s\n", what, info->warnings[i]);
    printf("%s: ok\n", what);
}

static int check_and_run(const arguments *a) {
    slow_config_info info = SLOW_CONFIG_INFO_INIT;
    slow_error error = {.text = ""};
    char *text = NULL;
    bool faulty = false;
    int code = EXIT_SUCCESS;
    if (load(a, &text, &info, &faulty, &error) != SLOW_OK)
        code = fail(&error, faulty ? EXIT_FAILURE : EXIT_CONFIG);
    else if (a->action == RUN)
        code = run(a, text, &info);
    else
        print_check(a->config != NULL ? a->config : info.id, &info);
    free(text);
    return code;
}

static void print_line(void *arg, const char *text) {
    (void)arg;
    puts(text);
}

static int describe(const arguments *a) {
    slow_error error = {.text = ""};
    slow_status status = slow_plugin_describe(a->plugin, a->plugin_dirs.items, print_line, NULL, &error);
    return status == SLOW_OK ? EXIT_SUCCESS : fail(&error, EXIT_CONFIG);
}

int main(int argc, char **argv) {
    arguments a = {.action = RUN};
    int code = EXIT_SUCCESS;
    if (!read_arguments(&a, argc, argv))
        return EXIT_CONFIG;
    switch (a.action) {
    case HELP:
        fputs(usage, stdout);
        break;
    case VERSION:
        printf("slow-router %s (plugin ABI %d.%d)\n", slow_version(), SLOW_ABI_MAJOR, SLOW_ABI_MINOR);
        break;
    case GENCONF:
        fputs(slow_router_example, stdout);
        break;
    case DESCRIBE:
        code = describe(&a);
        break;
    case CHECK:
    case RUN:
        code = check_and_run(&a);
    }
    if (fflush(stdout) != 0 && code == EXIT_SUCCESS) {
        fprintf(stderr, "slow-router: cannot write: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    return code;
}
