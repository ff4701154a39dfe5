/* teller - an application on libslow that tells what it knows: what it sent, what it was told became of it, and what it took.
 *
 * Whether outcomes are true is seen by comparing the logs of two programs, of which either may be killed at any moment. So
 * each line is one write() to a file opened for appending, made before anybody can act on what it says: what was taken is in
 * the log before the callback returns, which is when its sender may first hear of it. A kill loses no line and leaves no
 * half of one; only the machine's crash would, and that is not what is tested.
 *
 *   teller CONFIG LOG
 *
 * The log:    sent STREAM NUMBER SIZE SHA256
 *             outcome STREAM NUMBER delivered|not_delivered|unknown REASON
 *             taken STREAM NUMBER SIZE SHA256
 * It takes commands from stdin, a line each:
 *   stream NAME TO [KEY=VALUE...]  sends, on a thread of its own: count=N messages (1), or as many as go in seconds=N;
 *                                  of size=BYTES (64); ttl_ms=MS (30000); at most rate=N in a second (0: as fast as they are
 *                                  accepted). What is refused with SLOW_E_AGAIN is sent again when there is room, or with
 *                                  drop=1 counted and let go; the first time it says "full NAME". When all have their
 *                                  outcome, a line of figures:
 *                                  done NAME accepted=N refused=N delivered=N not_delivered=N unknown=N most=N ms=MS
 *                                  per_second=N
 *                                  where most is how many had none at a time
 *   stall                          takes nothing from now on: slow_recv() is not called
 *   take                           takes again, what waits first
 *   quit                           ends, as it does with its stdin
 * It says "ready" when it takes messages. */
#include <inttypes.h>
#include <pthread.h>
#include <search.h>
#include <slow/junction.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)
enum { NAME_MOST = 32, LINE_MOST = 256, MESSAGE_MOST = 16 * 1024 * 1024, EXIT_USAGE = 2 };

typedef struct teller teller;

typedef struct stream {
    teller *teller;
    pthread_t thread;
    struct stream *next;
    char name[NAME_MOST], to[64];
    uint64_t count, seconds, size, ttl_ms, rate, drop;
    /* Under the teller's lock. */
    uint64_t accepted, refused, ended[SLOW_UNKNOWN + 1];
    uint64_t most; /* that had no outcome at a time */
    bool all_sent;
    uint64_t begin_ns, last_ns; /* of its first send, and of its last outcome */
} stream;

/* A message without an outcome, in a tree by ticket. */
typedef struct pending {
    slow_ticket ticket;
    stream *stream;
    uint64_t number;
} pending;

struct teller {
    slow_junction *junction;
    int log;
    pthread_mutex_t lock; /* of what follows, and of the figures of all streams */
    void *pending;
    stream *streams;
};

static void give_up(const char *what) {
    fprintf(stderr, "teller: %s\n", what);
    exit(EXIT_FAILURE);
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t when_ns) {
    if (now_ns() >= when_ns) /* a sleep into the past is not cheap everywhere */
        return;
    struct timespec t = {.tv_sec = (time_t)(when_ns / SECOND), .tv_nsec = (long)(when_ns % SECOND)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* One line in one write(): whole, or not at all. */
__attribute__((format(printf, 2, 3))) static void tell(int fd, const char *format, ...) {
    char line[LINE_MOST];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= sizeof line || write(fd, line, (size_t)size) != size)
        give_up("cannot write a line of the log");
}

static const char *hash(char text[2 * crypto_hash_sha256_BYTES + 1], const uint8_t *data, size_t size) {
    uint8_t bytes[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(bytes, data, size);
    return sodium_bin2hex(text, 2 * sizeof bytes + 1, bytes, sizeof bytes);
}

/* ---- what it takes ---- */

/* A message begins with its stream's name and its number, and a line's end. */
static void log_taken(teller *t, const slow_message *m) {
    char text[2 * crypto_hash_sha256_BYTES + 1], name[NAME_MOST];
    uint64_t number;
    if (sscanf((const char *)m->data, "%31[^ ] %" SCNu64, name, &number) != 2)
        give_up("a message without name and number was handed over");
    tell(t->log, "taken %s %" PRIu64 " %zu %s\n", name, number, m->size, hash(text, m->data, m->size));
}

static void on_message(void *arg, const slow_message *m) {
    log_taken(arg, m);
}

static void take(teller *t) {
    slow_message *m;
    slow_on_message(t->junction, on_message, t);
    while (slow_recv(t->junction, &m, 0) == SLOW_OK) { /* what came before */
        log_taken(t, m);
        slow_message_free(m);
    }
}

/* ---- what it sends ---- */

static int by_ticket(const void *one, const void *other) {
    slow_ticket a = ((const pending *)one)->ticket, b = ((const pending *)other)->ticket;
    return (a > b) - (a < b);
}

static uint64_t pending_of(const stream *s) {
    return s->accepted - s->ended[SLOW_DELIVERED] - s->ended[SLOW_NOT_DELIVERED] - s->ended[SLOW_UNKNOWN];
}

static void finish_if_all_ended(stream *s) {
    if (!s->all_sent || pending_of(s) > 0)
        return;
    double took = (double)(s->last_ns - s->begin_ns) / SECOND;
    tell(STDOUT_FILENO,
         "done %s accepted=%" PRIu64 " refused=%" PRIu64 " delivered=%" PRIu64 " not_delivered=%" PRIu64
         " unknown=%" PRIu64 " most=%" PRIu64 " ms=%.0f per_second=%.0f\n",
         s->name, s->accepted, s->refused, s->ended[SLOW_DELIVERED], s->ended[SLOW_NOT_DELIVERED],
         s->ended[SLOW_UNKNOWN], s->most, took * 1000, took > 0 ? (double)s->ended[SLOW_DELIVERED] / took : 0);
}

static void on_outcome(void *arg, const slow_outcome *o) {
    static const char *const outcomes[] = {"pending", "delivered", "not_delivered", "unknown"};
    static const char *const reasons[] = {"none",           "expired",   "superseded", "no_route", "closed",
                                          "peer_restarted", "no_answer", "no_memory",  "refused"};
    teller *t = arg;
    pthread_mutex_lock(&t->lock);
    pending key = {.ticket = o->ticket}, *found, **place = tfind(&key, &t->pending, by_ticket);
    if (place == NULL || o->outcome > SLOW_UNKNOWN || o->reason > SLOW_REASON_UNSEALED)
        give_up("an outcome of a message that awaits none");
    found = *place;
    tdelete(&key, &t->pending, by_ticket);
    tell(t->log, "outcome %s %" PRIu64 " %s %s\n", found->stream->name, found->number, outcomes[o->outcome],
         reasons[o->reason]);
    found->stream->ended[o->outcome]++;
    found->stream->last_ns = now_ns();
    finish_if_all_ended(found->stream);
    pthread_mutex_unlock(&t->lock);
    free(found);
}

/* Name and number, and then bytes that no other message has. */
static void fill(const stream *s, uint64_t number, uint8_t *data) {
    uint64_t x = number * 2 + 1;
    for (size_t i = 0; i < s->size; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        data[i] = (uint8_t)(x >> 24);
    }
    char head[NAME_MOST + 24];
    int size = snprintf(head, sizeof head, "%s %" PRIu64 "\n", s->name, number);
    memcpy(data, head, (size_t)size < s->size ? (size_t)size : s->size);
}

/* The lock is held over the send, so that its outcome finds what it belongs to. */
static slow_status send_one(stream *s, uint64_t number, const uint8_t *data) {
    teller *t = s->teller;
    slow_send_options options = SLOW_SEND_INIT;
    char text[2 * crypto_hash_sha256_BYTES + 1];
    slow_error error = {.text = ""};
    pending *p = malloc(sizeof *p);
    if (p == NULL)
        give_up("no memory");
    *p = (pending){.stream = s, .number = number};
    options.ttl_ns = s->ttl_ms * 1000000;
    hash(text, data, s->size);
    pthread_mutex_lock(&t->lock);
    slow_status status = slow_send_binary(t->junction, s->to, data, s->size, &options, &p->ticket, &error);
    if (status == SLOW_OK) {
        s->accepted++;
        s->most = pending_of(s) > s->most ? pending_of(s) : s->most;
        if (tsearch(p, &t->pending, by_ticket) == NULL)
            give_up("no memory");
        tell(t->log, "sent %s %" PRIu64 " %" PRIu64 " %s\n", s->name, number, s->size, text);
    } else {
        if (s->refused++ == 0)
            tell(STDOUT_FILENO, "full %s\n", s->name);
        free(p);
    }
    pthread_mutex_unlock(&t->lock);
    if (status != SLOW_OK && status != SLOW_E_AGAIN)
        give_up(error.text);
    return status;
}

static bool goes_on(const stream *s, uint64_t number) {
    return s->seconds > 0 ? now_ns() < s->begin_ns + s->seconds * SECOND : number < s->count;
}

static void *run_stream(void *arg) {
    stream *s = arg;
    uint8_t *data = malloc(s->size);
    if (data == NULL)
        give_up("no memory");
    for (uint64_t number = 0; goes_on(s, number); number++) {
        if (s->rate > 0)
            sleep_until(s->begin_ns + number * SECOND / s->rate);
        fill(s, number, data);
        while (send_one(s, number, data) != SLOW_OK && s->drop == 0) {
            if (slow_wait_writable(s->teller->junction, s->to, SLOW_FOREVER) == SLOW_E_CLOSED)
                goto out;
        }
    }
    pthread_mutex_lock(&s->teller->lock);
    s->all_sent = true;
    finish_if_all_ended(s);
    pthread_mutex_unlock(&s->teller->lock);
out:
    free(data);
    return NULL;
}

/* ---- commands ---- */

static bool set(stream *s, const char *word) {
    const struct {
        const char *key;
        uint64_t *value;
    } keys[] = {{"count", &s->count},   {"seconds", &s->seconds}, {"size", &s->size},
                {"ttl_ms", &s->ttl_ms}, {"rate", &s->rate},       {"drop", &s->drop}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        size_t size = strlen(keys[i].key);
        char *end;
        if (strncmp(word, keys[i].key, size) != 0 || word[size] != '=')
            continue;
        *keys[i].value = strtoull(word + size + 1, &end, 10);
        return end != word + size + 1 && *end == '\0';
    }
    return false;
}

static bool start_stream(teller *t, char **rest) {
    stream *s = calloc(1, sizeof *s);
    const char *name = strtok_r(NULL, " ", rest), *to = strtok_r(NULL, " ", rest), *word;
    if (s == NULL || to == NULL || strlen(name) >= sizeof s->name || strlen(to) >= sizeof s->to)
        goto out;
    *s = (stream){.teller = t, .count = 1, .size = 64, .ttl_ms = 30000, .begin_ns = now_ns(), .last_ns = now_ns()};
    memcpy(s->name, name, strlen(name));
    memcpy(s->to, to, strlen(to));
    while ((word = strtok_r(NULL, " ", rest)) != NULL) {
        if (!set(s, word))
            goto out;
    }
    if (s->size < NAME_MOST + 24 || s->size > MESSAGE_MOST || pthread_create(&s->thread, NULL, run_stream, s) != 0)
        goto out;
    s->next = t->streams;
    t->streams = s;
    return true;
out:
    free(s);
    return false;
}

static bool obey(teller *t, char *line) {
    char *rest, *word = strtok_r(line, " \n", &rest);
    if (word == NULL)
        return true;
    if (strcmp(word, "stall") == 0)
        return slow_on_message(t->junction, NULL, NULL) == SLOW_OK;
    if (strcmp(word, "take") == 0)
        return take(t), true;
    rest[strcspn(rest, "\n")] = '\0';
    return strcmp(word, "stream") == 0 && start_stream(t, &rest);
}

static void end(teller *t) {
    slow_on_outcome(t->junction, NULL, NULL);
    slow_junction_free(t->junction);
    while (t->streams != NULL) {
        stream *s = t->streams;
        t->streams = s->next;
        pthread_join(s->thread, NULL);
        free(s);
    }
    tdestroy(t->pending, free);
}

int main(int argc, char **argv) {
    teller t = {.lock = PTHREAD_MUTEX_INITIALIZER};
    slow_error error = {.text = ""};
    char line[LINE_MOST];
    if (argc != 3) {
        fputs("teller: expected CONFIG LOG\n", stderr);
        return EXIT_USAGE;
    }
    t.log = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (t.log < 0 || sodium_init() < 0)
        give_up("cannot open the log, or start libsodium");
    t.junction = slow_junction_open(argv[1], NULL, &error);
    if (t.junction == NULL)
        give_up(error.text);
    slow_on_outcome(t.junction, on_outcome, &t);
    take(&t);
    tell(STDOUT_FILENO, "ready\n");
    while (fgets(line, sizeof line, stdin) != NULL && strcmp(line, "quit\n") != 0) {
        if (!obey(&t, line)) {
            fprintf(stderr, "teller: a mistake in: %s\n", line);
            return EXIT_USAGE;
        }
    }
    end(&t);
    return EXIT_SUCCESS;
}
