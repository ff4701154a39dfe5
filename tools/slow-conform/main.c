/* slow-conform: does a plugin keep the contract of the SDK?
 *
 * This process loads nothing of the plugin: it reads what a child says of it, then plays the tests of its kind one after the
 * other, each in a child. What is random comes of one seed, which is printed; with it, a failure is seen again. */
#include "module.h"
#include "process.h"
#include "report.h"
#include "core/log.h"
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_UNUSABLE = 2, OPTIONS_MAX = 64, TESTS_MAX = 128, LIMIT_S = 30 };

static const char usage[] =
    "slow-conform - does a plugin keep the contract of slow/*.h?\n"
    "\n"
    "  slow-conform [FLAGS] PLUGIN.so\n"
    "\n"
    "  --only PATTERN       only the tests whose names match, e.g. 'codec-*'; repeat it for more\n"
    "  --option KEY=VALUE   an option of the plugin, as in a config; KEY= leaves it out; repeatable\n"
    "  --listen ADDRESS     where a transport listens (default: SCHEME://127.0.0.1:0, or a file in /tmp)\n"
    "  --seed N             what is random comes of it (default: 1)\n"
    "  --limit SECONDS      for each test, instead of its own limit\n"
    "  --json               print one JSON object\n"
    "  --list               only name the tests\n"
    "  --help, --version\n"
    "\n"
    "Each test runs in a process of its own. Exit code: 0 all held, 1 some did not, 2 a mistake on the command line, "
    "or\n"
    "the plugin cannot be loaded.\n";

typedef struct arguments {
    conform_job job;
    const char *options[OPTIONS_MAX + 1], *only[OPTIONS_MAX + 1];
    size_t option_count, only_count;
    bool json, list;
    char path[PATH_MAX], directory[PATH_MAX];
} arguments;

__attribute__((format(printf, 1, 2))) static int complain(const char *format, ...) {
    va_list list;
    fputs("slow-conform: ", stderr);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    return EXIT_UNUSABLE;
}

/* ---- arguments ---- */

static bool number_read(const char *text, uint64_t max, uint64_t *out) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *out = value;
    return errno == 0 && end != text && *end == '\0' && *text != '-' && value <= max;
}

static bool list_add(const char **list, size_t *count, const char *item) {
    if (*count == OPTIONS_MAX)
        return false;
    list[(*count)++] = item;
    return true;
}

/* 0, or the exit code with the complaint made. */
static int flag_take(arguments *a, int flag) {
    uint64_t number;
    switch (flag) {
    case 'o':
        return list_add(a->only, &a->only_count, optarg) ? 0 : complain("--only: at most %d", OPTIONS_MAX);
    case 'O':
        if (strchr(optarg, '=') == NULL)
            return complain("--option %s: expected KEY=VALUE", optarg);
        return list_add(a->options, &a->option_count, optarg) ? 0 : complain("--option: at most %d", OPTIONS_MAX);
    case 'a':
        a->job.listen = optarg;
        return 0;
    case 's':
        return number_read(optarg, UINT64_MAX, &a->job.seed) ? 0 : complain("--seed %s: expected a number", optarg);
    case 'l':
        if (!number_read(optarg, 86400, &number) || number == 0)
            return complain("--limit %s: expected 1..86400 seconds", optarg);
        a->job.limit_s = (unsigned)number;
        return 0;
    case 'j':
        a->json = true;
        return 0;
    case 'L':
        a->list = true;
        return 0;
    default:
        return complain("see slow-conform --help");
    }
}

/* The folder as it is, the name as it was given: a plugin is called as its file, a link to it too. */
static int path_take(arguments *a, const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    char folder[PATH_MAX];
    if ((size_t)snprintf(folder, sizeof folder, "%.*s", slash != NULL ? (int)(name - path) : 1,
                         slash != NULL ? path : ".") >= sizeof folder)
        return complain("%s: too long a path", path);
    if (access(path, R_OK) != 0 || realpath(folder, a->directory) == NULL)
        return complain("%s: %s", path, strerror(errno));
    if ((size_t)snprintf(a->path, sizeof a->path, "%s/%s", a->directory, name) >= sizeof a->path)
        return complain("%s: too long a path", path);
    a->job.path = a->path;
    a->job.directory = a->directory;
    a->job.options = a->options;
    return 0;
}

static int arguments_read(arguments *a, int argc, char **argv) {
    static const struct option flags[] = {
        {"only", required_argument, NULL, 'o'},   {"option", required_argument, NULL, 'O'},
        {"listen", required_argument, NULL, 'a'}, {"seed", required_argument, NULL, 's'},
        {"limit", required_argument, NULL, 'l'},  {"json", no_argument, NULL, 'j'},
        {"list", no_argument, NULL, 'L'},         {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
    };
    *a = (arguments){.job = {.seed = 1}};
    for (int flag; (flag = getopt_long(argc, argv, "h", flags, NULL)) != -1;) {
        if (flag == 'h' || flag == 'v') {
            fputs(flag == 'h' ? usage : "slow-conform " SLOW_CONFORM_VERSION "\n", stdout);
            exit(EXIT_SUCCESS);
        }
        int code = flag_take(a, flag);
        if (code != 0)
            return code;
    }
    if (optind != argc - 1)
        return complain("expected one PLUGIN.so; see slow-conform --help");
    return path_take(a, argv[optind]);
}

/* ---- tests ---- */

/* What a child runs: loads the plugin, then the test; without one it only tells what was loaded. */
typedef struct errand {
    const conform_job *job;
    const conform_test *test;
} errand;

/* The core's errors begin with the file, which may be cut off; here that is said anyhow. */
static const char *without_file(const char *text, const char *path) {
    const char *name = strrchr(path, '/') + 1, *found = strstr(text, name);
    size_t size = strlen(name);
    return found != NULL && strncmp(found + size, ": ", 2) == 0 ? found + size + 2 : text;
}

static void errand_run(void *arg, conform_page *page) {
    const errand *e = arg;
    slow_error error = {0};
    conform *c = calloc(1, sizeof *c);
    if (c == NULL)
        abort();
    *c = (conform){.job = e->job, .page = page, .seed = e->job->seed, .random = e->job->seed};
    snprintf(page->call, sizeof page->call, "slow_module_v1(), or a constructor");
    if (module_load(c, &error) != SLOW_OK) {
        if (strncmp(error.where, e->job->path, strlen(error.where)) == 0)
            snprintf(page->did, sizeof page->did, "cannot be loaded: %s", without_file(error.text, e->job->path));
        else
            sl_error_line(&error, page->did, sizeof page->did);
        process_end(page, OUTCOME_FAILED);
    }
    page->call[0] = '\0';
    page->kind = c->plugin->kind;
    snprintf(page->id, sizeof page->id, "%s", c->plugin->id);
    snprintf(page->version, sizeof page->version, "%s", c->plugin->version != NULL ? c->plugin->version : "");
    if (e->test != NULL)
        e->test->run(c);
}

static size_t tests_add(const conform_test **all, size_t count, const conform_test *tests) {
    for (; tests->name != NULL && count < TESTS_MAX; tests++)
        all[count++] = tests;
    return count;
}

static bool wanted(const arguments *a, const char *name) {
    for (size_t i = 0; i < a->only_count; i++)
        if (fnmatch(a->only[i], name, 0) == 0)
            return true;
    return a->only_count == 0;
}

static int tests_run(const arguments *a, conform_page *page) {
    const conform_test *all[TESTS_MAX];
    size_t count = 0, ran = 0;
    report r = {.job = &a->job, .as_json = a->json};
    count = tests_add(all, count, conform_shape_tests);
    count = tests_add(all, count, conform_life_tests);
    count = tests_add(all, count, module_kind(page->kind)->tests);
    for (size_t i = 0; i < count; i++) {
        errand e = {.job = &a->job, .test = all[i]};
        if (!wanted(a, all[i]->name))
            continue;
        if (ran++ == 0 && !a->list)
            report_begin(&r, page);
        if (a->list) {
            puts(all[i]->name);
            continue;
        }
        unsigned limit_s = a->job.limit_s > 0 ? a->job.limit_s : all[i]->limit_s > 0 ? all[i]->limit_s : LIMIT_S;
        process_run(page, errand_run, &e, limit_s);
        report_test(&r, all[i]->name, page);
    }
    if (ran == 0)
        return complain("--only %s: no test is called so; see slow-conform --list", a->only[0]);
    bool printed = a->list || report_end(&r);
    return !printed ? EXIT_UNUSABLE : r.failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* With the files that plugins left in it, when they crashed at the latest. */
static void folder_remove(const char *folder) {
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;)
        unlinkat(dirfd(entries), entry->d_name, 0);
    if (entries != NULL)
        closedir(entries);
    rmdir(folder);
}

int main(int argc, char **argv) {
    arguments a;
    int code = arguments_read(&a, argc, argv);
    if (code != 0)
        return code;
    conform_page *page = process_page_new();
    if (page == NULL)
        return complain("no memory");
    errand load = {.job = &a.job};
    process_run(page, errand_run, &load, a.job.limit_s > 0 ? a.job.limit_s : LIMIT_S);
    if (page->outcome != OUTCOME_HELD)
        return complain("%s: %s", a.path, page->did);
    char folder[] = "/tmp/slow-conform-XXXXXX";
    if (mkdtemp(folder) == NULL)
        return complain("%s: %s", folder, strerror(errno));
    a.job.folder = folder;
    code = tests_run(&a, page);
    folder_remove(folder);
    return code;
}
