#include "commands.h"
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static void answer_stats(const commands *c) {
    static const char *const names[WAYS] = {[UP] = "up", [DOWN] = "down"};
    const side *s = c->side;
    fprintf(c->answers, "ok connections=%" PRIu64 " refused=%" PRIu64 " resets=%" PRIu64, s->connections, s->refused,
            s->resets);
    for (int way = UP; way < WAYS; way++) {
        const cable_counts *n = &s->cables[way].counts;
        const struct {
            const char *name;
            uint64_t value;
        } figures[] = {{"passed", n->passed},         {"bytes", n->bytes},         {"lost", n->lost},
                       {"duplicated", n->duplicated}, {"reordered", n->reordered}, {"silenced", n->silenced},
                       {"overflowed", n->overflowed}};
        for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
            fprintf(c->answers, " %s_%s=%" PRIu64, names[way], figures[i].name, figures[i].value);
    }
    fputc('\n', c->answers);
}

/* False for the last one. */
static bool run(commands *c, char *line) {
    char *rest = line, error[256];
    const char *name = strsep(&rest, " "), *value = rest;
    if (strcmp(name, "quit") == 0 && value == NULL) {
        fputs("ok\n", c->answers);
        return false;
    }
    if (strcmp(name, "stats") == 0 && value == NULL)
        answer_stats(c);
    else if (strcmp(name, "reset") == 0 && value == NULL && c->side->ops->reset != NULL)
        fprintf(c->answers, "ok connections=%zu\n", c->side->ops->reset(c->side));
    else if (strcmp(name, "reset") == 0)
        fprintf(c->answers, "error reset: %s\n",
                value != NULL ? "takes no value" : "is for tcp only; udp has no connections, see silence");
    else if (strcmp(name, "seed") == 0)
        fputs("error seed: is for the command line only; a proxy that runs has drawn already\n", c->answers);
    else if (settings_set(c->settings, name, value, error, sizeof error))
        fprintf(c->answers, "ok %s %s\n", name, value);
    else
        fprintf(c->answers, "error %s\n", error);
    return true;
}

bool commands_read(commands *c, int fd) {
    ssize_t got = read(fd, c->text + c->size, sizeof c->text - c->size);
    if (got <= 0)
        return false;
    c->size += (size_t)got;
    bool go_on = true;
    char *end;
    while (go_on && (end = memchr(c->text, '\n', c->size)) != NULL) {
        *end++ = '\0';
        go_on = run(c, c->text);
        c->size -= (size_t)(end - c->text);
        memmove(c->text, end, c->size);
    }
    if (c->size == sizeof c->text) {
        fprintf(c->answers, "error a line of more than %zu bytes: no command is that long\n", sizeof c->text - 1);
        c->size = 0;
    }
    return fflush(c->answers) == 0 && go_on;
}

void commands_help(FILE *out) {
    fputs("  stats         what became of everything so far, as NAME=NUMBER; up_ is towards --to, down_ is back\n"
          "  reset         tcp: end all connections by RST\n"
          "  quit          so does the end of stdin, and SIGTERM\n",
          out);
}
