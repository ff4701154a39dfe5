#include "settings.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum kind { SHARE, MILLISECONDS, RATE, SIZE, SILENCE, NUMBER };

typedef struct setting {
    const char *name, *value, *help;
    size_t offset;
    enum kind kind;
    bool udp_only; /* TCP repeats what is lost, and sorts what is not in order */
} setting;

static const char *const expected[] = {
    [SHARE] = "a share from 0 to 1, such as 0.1",
    [MILLISECONDS] = "milliseconds from 0 to 3600000, such as 20 or 0.5",
    [RATE] = "bits a second, such as 10M or 250k, or 0 for no limit",
    [SIZE] = "bytes from 2k to 1G, such as 256k",
    [SILENCE] = "on, off, up or down",
    [NUMBER] = "a whole number",
};

static const setting table[] = {
    {.name = "seed",
     .value = "N",
     .help = "the k-th datagram of a direction always meets the same fate for a seed",
     .kind = NUMBER,
     .offset = offsetof(settings, seed)},
    {.name = "loss",
     .value = "SHARE",
     .help = "how many are lost",
     .kind = SHARE,
     .offset = offsetof(settings, loss),
     .udp_only = true},
    {.name = "duplicate",
     .value = "SHARE",
     .help = "how many come twice",
     .kind = SHARE,
     .offset = offsetof(settings, duplicate),
     .udp_only = true},
    {.name = "duplicate-ms",
     .value = "MS",
     .help = "how much later the copy comes",
     .kind = MILLISECONDS,
     .offset = offsetof(settings, duplicate_ns),
     .udp_only = true},
    {.name = "reorder",
     .value = "SHARE",
     .help = "how many are held back",
     .kind = SHARE,
     .offset = offsetof(settings, reorder),
     .udp_only = true},
    {.name = "reorder-ms",
     .value = "MS",
     .help = "for how much longer than the others; 10 unless told",
     .kind = MILLISECONDS,
     .offset = offsetof(settings, reorder_ns),
     .udp_only = true},
    {.name = "delay-ms",
     .value = "MS",
     .help = "how long the way takes",
     .kind = MILLISECONDS,
     .offset = offsetof(settings, delay_ns)},
    {.name = "jitter-ms",
     .value = "MS",
     .help = "up to how much more, at random",
     .kind = MILLISECONDS,
     .offset = offsetof(settings, jitter_ns)},
    {.name = "rate",
     .value = "BITS",
     .help = "how much goes in a second, of each direction: 10M, 250k; 0 = no limit",
     .kind = RATE,
     .offset = offsetof(settings, rate_bits)},
    {.name = "queue",
     .value = "BYTES",
     .help = "how much may be on its way: of a direction (udp, 4M unless told; more is dropped), or of a connection's "
             "(tcp, 256k; more is not read)",
     .kind = SIZE,
     .offset = offsetof(settings, queue_size)},
    {.name = "silence",
     .value = "on|off|up|down",
     .help = "nothing goes through, of one direction or of both; udp drops it, tcp keeps it until then",
     .kind = SILENCE,
     .offset = offsetof(settings, silence)},
};
enum { SETTINGS = sizeof table / sizeof table[0] };

settings settings_default(bool datagrams) {
    return (settings){
        .datagrams = datagrams,
        .reorder_ns = 10 * UINT64_C(1000000),
        .queue_size = datagrams ? 4000000 : 256000,
        .seed = 1,
    };
}

/* A number without sign, with k, M or G behind it where `scaled`. False when it is not one, or not from `least` to `most`. */
static bool read_number(const char *text, bool scaled, double least, double most, double *number) {
    char *end;
    if (strspn(text, "0123456789.") == 0) /* strtod() takes signs, nan, inf and white space, too */
        return false;
    *number = strtod(text, &end);
    if (scaled && *end != '\0') {
        const char *unit = strchr("kMG", *end++);
        if (unit == NULL)
            return false;
        *number *= *unit == 'k' ? 1e3 : *unit == 'M' ? 1e6 : 1e9;
    }
    return *end == '\0' && *number >= least && *number <= most;
}

static bool read_whole(const char *text, uint64_t *number) {
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0';
}

static bool read_silence(const char *text, uint64_t *ways) {
    static const struct {
        const char *name;
        uint64_t ways;
    } words[] = {{"off", 0}, {"up", 1u << UP}, {"down", 1u << DOWN}, {"on", 1u << UP | 1u << DOWN}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].name, text) == 0) {
            *ways = words[i].ways;
            return true;
        }
    return false;
}

static bool read_value(const setting *s, void *member, const char *value) {
    double number;
    switch (s->kind) {
    case SHARE:
        return read_number(value, false, 0, 1, member);
    case MILLISECONDS:
        if (!read_number(value, false, 0, 3600000, &number))
            return false;
        *(uint64_t *)member = (uint64_t)(number * 1e6);
        return true;
    case RATE:
    case SIZE:
        if (!read_number(value, true, s->kind == SIZE ? 2000 : 0, s->kind == SIZE ? 1e9 : 1e12, &number))
            return false;
        *(uint64_t *)member = (uint64_t)number;
        return true;
    case SILENCE:
        return read_silence(value, member);
    case NUMBER:
        break;
    }
    return read_whole(value, member);
}

bool settings_set(settings *all, const char *name, const char *value, char *error, size_t error_size) {
    const setting *s = table;
    while (s < table + SETTINGS && strcmp(s->name, name) != 0)
        s++;
    if (s == table + SETTINGS) {
        snprintf(error, error_size, "%s: there is no such setting; see fault-proxy --help", name);
        return false;
    }
    if (s->udp_only && !all->datagrams) {
        snprintf(error, error_size, "%s: is for udp only; a stream loses nothing and keeps its order", name);
        return false;
    }
    settings changed = *all;
    if (value == NULL || !read_value(s, (char *)&changed + s->offset, value)) {
        snprintf(error, error_size, "%s: %s%sexpected %s", name, value == NULL ? "" : value,
                 value == NULL ? "a value is missing; " : ": ", expected[s->kind]);
        return false;
    }
    *all = changed;
    return true;
}

void settings_help(FILE *out) {
    for (const setting *s = table; s < table + SETTINGS; s++)
        fprintf(out, "  %-13s %-15s %s\n", s->name, s->value, s->help);
}
