/* slowctl: a running router, looked at and steered over its admin socket.
 *
 * Commands are a table. All options are known to one getopt_long(), so that they may stand before or behind the
 * command; the table says which of them a command takes, and any other is a mistake. */
#include "slowctl.h"
#include <getopt.h>
#include <slow/junction.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct command {
    const char *name, *usage, *help;
    const char *options; /* the letters below that it takes */
    int least, most;     /* operands */
    int (*run)(const request *);
    bool alone; /* needs no router */
} command;

static const command commands[] = {
    {"status", "", "the router: listeners, joins, memory, counters", "", 0, 0, show_status, false},
    {"neighbours", "", "who is linked, over which links, at which cost", "", 0, 0, show_neighbours, false},
    {"routes", "[ID]", "the route to every junction, or the candidates to one", "", 0, 1, show_routes, false},
    {"peers", "", "whom it has to do with reliably: round trip, window, what waits", "", 0, 0, show_peers, false},
    {"plugins", "", "what the router is made of", "", 0, 0, show_plugins, false},
    {"routing", "[add NAME [--preference N] [KEY=VALUE...] | prefer NAME N | remove NAME]",
     "the strategies that run; one more (100); another preference; one less", "P", 0, 64, routing, false},
    {"ping", "ID [-c, --count N] [-i, --interval S] [--timeout S]",
     "round trips (1, every 0.2 s, 5 s); exit 0 if all were answered", "cit", 1, 1, path_ping, false},
    {"trace", "ID [--timeout S]", "every hop on the way; a silent one is shown as such", "t", 1, 1, path_trace, false},
    {"send",
     "ID [TEXT] [-f, --file FILE] [--lines] [--binary] [--control KIND] [--channel N] [--priority N] [--ttl S] "
     "[--ordered | "
     "--latest] [--fail-fast] [--no-wait] [--best-effort] [--trace]",
     "a message: TEXT, or FILE's bytes, or stdin; JSON if not said. Waits for the outcome", "bkCpflTOLXWBZ", 1, 2,
     message_send, false},
    {"recv", "[-n, --number N] [--timeout S] [--follow]",
     "N messages (1), or all that come; --timeout is for the whole call", "ntF", 0, 0, message_recv, false},
    {"join", "ADDRESS", "keep a link to there", "", 1, 1, join_address, false},
    {"leave", "ADDRESS", "take a join back", "", 1, 1, leave_address, false},
    {"members", "[reload]", "who may be here, who is, who was refused; take up the changed file of revoked keys", "", 0,
     1, members, false},
    {"keygen", "FILE", "a junction's identity: a new key, in a new file that only its owner can read", "", 1, 1,
     identity_keygen, true},
    {"identity", "FILE", "the public key in such a file, and its fingerprint", "", 1, 1, identity_show, true},
    {"network-key", "FILE", "a new network key: for all junctions of a network, the same", "", 1, 1,
     identity_network_key, true},
    {"authority",
     "new FILE | sign AUTHORITY-FILE --network N --id ID --key KEY [--roles R] [--days N] [-o, --output FILE] | show "
     "CERTIFICATE "
     "| "
     "revoke REVOKED-FILE --key KEY",
     "a new authority; its certificate for a public key; what a certificate says; a public key that is out from now on",
     "NIKRDo", 1, 2, authority, true},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static const struct option options[] = {
    {"socket", required_argument, NULL, 's'},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {"count", required_argument, NULL, 'c'},
    {"number", required_argument, NULL, 'n'},
    {"interval", required_argument, NULL, 'i'},
    {"timeout", required_argument, NULL, 't'},
    {"binary", no_argument, NULL, 'b'},
    {"control", required_argument, NULL, 'k'},
    {"channel", required_argument, NULL, 'C'},
    {"priority", required_argument, NULL, 'p'},
    {"preference", required_argument, NULL, 'P'},
    {"file", required_argument, NULL, 'f'},
    {"lines", no_argument, NULL, 'l'},
    {"follow", no_argument, NULL, 'F'},
    {"ttl", required_argument, NULL, 'T'},
    {"ordered", no_argument, NULL, 'O'},
    {"latest", no_argument, NULL, 'L'},
    {"fail-fast", no_argument, NULL, 'X'},
    {"no-wait", no_argument, NULL, 'W'},
    {"best-effort", no_argument, NULL, 'B'},
    {"trace", no_argument, NULL, 'Z'},
    {"network", required_argument, NULL, 'N'},
    {"id", required_argument, NULL, 'I'},
    {"key", required_argument, NULL, 'K'},
    {"roles", required_argument, NULL, 'R'},
    {"days", required_argument, NULL, 'D'},
    {"output", required_argument, NULL, 'o'},
    {NULL, 0, NULL, 0},
};

int complain(const char *format, ...) {
    va_list arguments;
    fputs("slowctl: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return EXIT_FAILURE;
}

int mistake(const char *what, const char *about) {
    complain("%s%s; see slowctl --help", what, about);
    return EXIT_USAGE;
}

static void print_help(void) {
    puts("slowctl - look at and steer a running slow-router\n"
         "\n"
         "  slowctl [-s SOCKET] [--json] COMMAND ...\n"
         "\n"
         "  -s, --socket SOCKET  the router's admin socket; else $SLOW_SOCKET\n"
         "  -j, --json           one JSON value; recv, ping and send: one object a line\n"
         "  -h, --help\n"
         "  -V, --version\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %s%s%s\n      %s\n", commands[i].name, commands[i].usage[0] != '\0' ? " " : "", commands[i].usage,
               commands[i].help);
    puts("\n"
         "send: a JSON string needs its quotes: slowctl send bob '\"hello\"'. KIND is 0x8000 to 0xffff. With --lines "
         "each\n"
         "line is a message of its own, many under way at once. What begins with - goes behind --.\n"
         "A message is delivered when it was taken at the other end: `slowctl recv` takes what it prints. --ttl says "
         "for\n"
         "how long that is tried (30 s), also for a junction that is not there yet; --latest: a newer message on this\n"
         "channel takes its place; --no-wait: exit when it was accepted; --best-effort: once, without an outcome.\n"
         "--trace: behind that a line for each junction that reported the message: when it left there (by that "
         "junction's\n"
         "clock), for how long it had been queued, where it went or why it was dropped. Reports are hints; what was "
         "sent "
         "again\n"
         "is another try.\n"
         "recv: {\"from\",\"type\",\"channel\",\"payload\"}, a JSON payload as it is, any other in base64; a control "
         "message has\n"
         "a \"kind\", too.\n"
         "routing: NAME with or without routing-; the higher preference counts, and of equal ones the strategy added "
         "first.\n"
         "A network moves to another strategy in three steps, each everywhere before the next: add, prefer, remove.\n"
         "Exit code: 0 done (send: delivered), 1 not done (send: not delivered), 2 a mistake on the command line or in "
         "the "
         "message,\n3 unknown: a message that may have been delivered, or not.");
}

/* ---- arguments ---- */

static bool read_count(const char *text, long *out) {
    char *end;
    *out = strtol(text, &end, 10);
    return *text != '\0' && *end == '\0' && *out > 0 && *out <= 1000000000;
}

static bool read_seconds(const char *text, double *out) {
    char *end;
    *out = strtod(text, &end);
    return *text >= '0' && *text <= '9' && *end == '\0' && *out >= 0 && *out <= 1e6;
}

static int take_flag(request *r, int option) {
    const struct {
        char letter;
        bool *flag;
    } flags[] = {{'b', &r->binary},    {'l', &r->lines},       {'F', &r->follow},
                 {'O', &r->ordered},   {'L', &r->latest},      {'W', &r->no_wait},
                 {'X', &r->fail_fast}, {'B', &r->best_effort}, {'Z', &r->trace}};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (flags[i].letter == option) {
            *flags[i].flag = true;
            return 0;
        }
    return -1;
}

static int take_text(request *r, int option) {
    const struct {
        char letter;
        const char **text;
    } texts[] = {{'N', &r->network}, {'I', &r->id},   {'K', &r->key},
                 {'R', &r->roles},   {'D', &r->days}, {'o', &r->output}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].letter == option) {
            *texts[i].text = optarg;
            return 0;
        }
    return -1;
}

/* `word`: what stands on the command line. */
static int take_option(request *r, int option, const char *word, const char **socket) {
    switch (option) {
    case 's':
        *socket = optarg;
        return 0;
    case 'j':
        r->json = true;
        return 0;
    case 'c':
    case 'n':
        return read_count(optarg, &r->count) ? 0 : mistake("expected a number from 1 on, not ", optarg);
    case 'i':
        return read_seconds(optarg, &r->interval_s) ? 0 : mistake("expected a number of seconds, not ", optarg);
    case 't':
        return read_seconds(optarg, &r->timeout_s) ? 0 : mistake("expected a number of seconds, not ", optarg);
    case 'T':
        return read_seconds(optarg, &r->ttl_s) && r->ttl_s >= 0.001
                   ? 0
                   : mistake("expected a number of seconds from 0.001 on, not ", optarg);
    case 'k':
        r->control = optarg;
        return 0;
    case 'C':
        r->channel = optarg;
        return 0;
    case 'p':
        r->priority = optarg;
        return 0;
    case 'P':
        r->preference = optarg;
        return 0;
    case 'f':
        r->file = optarg;
        return 0;
    default:
        if (take_flag(r, option) == 0 || take_text(r, option) == 0)
            return 0;
        return mistake(option == ':' ? "an argument is missing behind " : "there is no option ", word);
    }
}

static const command *find_command(const char *name) {
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* `used`: the letters of the options that were given. */
static int check_command(const command *c, const char *used, int operands) {
    char usage[320];
    snprintf(usage, sizeof usage, "%s %s", c->name, c->usage);
    for (; *used != '\0'; used++)
        for (const struct option *o = options; o->name != NULL; o++)
            if (o->val == *used && strchr("sj", *used) == NULL && strchr(c->options, *used) == NULL) {
                complain("%s takes no --%s; expected slowctl %s", c->name, o->name, usage);
                return EXIT_USAGE;
            }
    if (operands < c->least || operands > c->most)
        return mistake("expected slowctl ", usage);
    return 0;
}

static int run(const command *c, request *r, const char *socket) {
    if (!c->alone && (socket == NULL || socket[0] == '\0'))
        return mistake("which router? Expected -s SOCKET, or its path in $SLOW_SOCKET", "");
    if (!c->alone && (r->client = client_new(socket)) == NULL)
        return complain("no memory");
    int code = c->run(r);
    client_free(r->client);
    if (fflush(stdout) != 0 && code == 0)
        return complain("the output cannot be written");
    return code;
}

int main(int argc, char **argv) {
    request r = {.timeout_s = -1, .interval_s = 0.2, .ttl_s = -1};
    const char *socket = getenv("SLOW_SOCKET");
    char used[64] = "";
    int option, code = 0;
    opterr = 0; /* a mistake is one line, and ours */
    while ((option = getopt_long(argc, argv, ":s:jhVc:n:i:f:o:", options, NULL)) != -1) {
        if (option == 'h') {
            print_help();
            return fflush(stdout) == 0 ? EXIT_SUCCESS : complain("the output cannot be written");
        }
        if (option == 'V') {
            printf("slowctl %s\n", slow_version());
            return fflush(stdout) == 0 ? EXIT_SUCCESS : complain("the output cannot be written");
        }
        if ((code = take_option(&r, option, argv[optind - 1], &socket)) != 0)
            return code;
        size_t size = strlen(used);
        if (size + 1 < sizeof used)
            used[size] = (char)option;
    }
    if (optind == argc)
        return mistake("expected a command", "");
    const command *c = find_command(argv[optind]);
    if (c == NULL)
        return mistake("there is no command ", argv[optind]);
    r.operands = argv + optind + 1;
    r.operand_count = argc - optind - 1;
    code = check_command(c, used, r.operand_count);
    return code != 0 ? code : run(c, &r, socket);
}
