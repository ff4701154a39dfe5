/* flooder - sends INITs that open nothing, from many addresses of loopback, and counts what comes back.
 *
 *   flooder PORT RATE COUNT [capture | inside [KEY-FILE]]
 *
 * to 127.0.0.1:PORT, RATE in a second, COUNT in all. Each has another index, and a handshake of random bytes. With `capture`
 * it says a port first, and says again and again the first INIT which somebody who joins that port sends there. With `inside`
 * they are 4,096 good ones, as who has the network key in that file can make them, or anybody where there is none. Nobody ever
 * answers a RESP, or comes again with a cookie. It says how much went out and how much came back, in one line of
 * KEY=NUMBER. */
#include "core/link_wire.h"
#include "security_host.h"
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

const slow_module *slow_module_v1_security_noise(void);

enum { INIT_SIZE = 1200, HANDSHAKE_AT = 18, HANDSHAKE = 60, MADE = 4096, SOURCES = 512, TICKS = 1000, EXIT_USAGE = 2 };
static const long SECOND_NS = 1000000000;

static int fail(const char *what) {
    fprintf(stderr, "flooder: %s: %s\n", what, strerror(errno));
    return EXIT_FAILURE;
}

static struct sockaddr_in loopback(uint32_t host, uint16_t port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000000 | host)};
}

static int source_open(uint32_t host, uint16_t port) {
    struct sockaddr_in at = loopback(host, port);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static int capture(uint8_t init[INIT_SIZE]) {
    uint8_t bytes[2048];
    struct sockaddr_in at;
    socklen_t at_size = sizeof at;
    int fd = source_open(1, 0);
    if (fd < 0 || getsockname(fd, (struct sockaddr *)&at, &at_size) != 0)
        return fail("a port to capture at");
    printf("capture=%u\n", (unsigned)ntohs(at.sin_port));
    fflush(stdout);
    for (int tries = 0; tries < 2000; tries++) {
        ssize_t size = recv(fd, bytes, sizeof bytes, 0);
        if (size >= INIT_SIZE && bytes[0] == 1) {
            memcpy(init, bytes, INIT_SIZE);
            close(fd);
            return EXIT_SUCCESS;
        }
        nanosleep(&(struct timespec){.tv_nsec = SECOND_NS / 200}, NULL);
    }
    close(fd);
    errno = ETIMEDOUT;
    return fail("nobody came to be captured");
}

/* By the book, but for what its handshake says. */
static void make(uint8_t init[INIT_SIZE]) {
    memset(init, 0, INIT_SIZE);
    init[0] = 1;
    init[HANDSHAKE_AT - 1] = HANDSHAKE;
}

/* The plugin's options, in the order of its table. */
struct config {
    const char *network_key;
    bool accelerate;
};

static bool key_read(const char *path, char key[64]) {
    FILE *file = fopen(path, "re");
    bool good = file != NULL && fgets(key, 64, file) != NULL;
    if (file != NULL)
        fclose(file);
    key[good ? strcspn(key, "\n") : 0] = '\0';
    return good;
}

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool make_one(const suite_end *end, uint8_t out[INIT_SIZE]) {
    static const char prologue[] = "slow/1 link";
    uint8_t handshake[256], payload[SL_GREETING_SIZE];
    size_t size = 0;
    bool done;
    slow_session *session;
    sl_init init = {.index = 1 + randombytes_uniform(UINT32_MAX)};
    sl_greeting_write(&(sl_greeting){.time_ms = now_ms(), .index = init.index}, payload);
    if (end->ops->open(end->self, true, (slow_bytes){(const uint8_t *)prologue, sizeof prologue - 1}, &session, NULL) !=
        SLOW_OK)
        return false;
    bool good = end->ops->write(session, (slow_bytes){payload, sizeof payload}, handshake, sizeof handshake, &size,
                                &done) == SLOW_OK;
    end->ops->close(session);
    init.handshake = (slow_bytes){handshake, size};
    return good && sl_init_write(&init, out, INIT_SIZE) == INIT_SIZE;
}

/* NULL: it could not be. */
static uint8_t (*make_all(const char *key_file))[INIT_SIZE] {
    char key[64];
    struct config config = {.network_key = NULL};
    suite_end end;
    uint64_t seed;
    slow_error error;
    uint8_t(*all)[INIT_SIZE] = malloc(MADE * sizeof *all);
    randombytes_buf(&seed, sizeof seed);
    if (all == NULL || (key_file != NULL && !key_read(key_file, key)))
        return NULL;
    config.network_key = key_file != NULL ? key : NULL;
    if (suite_end_begin(&end, slow_module_v1_security_noise()->plugins[0], &config, seed, &error) != SLOW_OK)
        return NULL;
    for (unsigned i = 0; i < MADE; i++)
        if (!make_one(&end, all[i]))
            return NULL;
    suite_end_free(&end);
    return all;
}

typedef struct flood {
    int sources[SOURCES];
    struct sockaddr_in to;
    uint8_t init[INIT_SIZE];
    bool captured;
    uint8_t (*made)[INIT_SIZE];
    uint64_t sent, bytes_out, answers, bytes_in;
} flood;

static void one(flood *f) {
    const uint8_t *init = f->made != NULL ? f->made[f->sent % MADE] : f->init;
    if (!f->captured && f->made == NULL) {
        randombytes_buf(f->init + 4, 4);
        randombytes_buf(f->init + HANDSHAKE_AT, HANDSHAKE);
    }
    int fd = f->sources[f->sent % SOURCES];
    ssize_t size = sendto(fd, init, INIT_SIZE, 0, (const struct sockaddr *)&f->to, sizeof f->to);
    if (size > 0)
        f->bytes_out += (uint64_t)size;
    f->sent++;
}

static void collect(flood *f) {
    uint8_t bytes[2048];
    for (int i = 0; i < SOURCES; i++) {
        ssize_t size;
        while ((size = recv(f->sources[i], bytes, sizeof bytes, 0)) > 0) {
            f->answers++;
            f->bytes_in += (uint64_t)size;
        }
    }
}

static void run(flood *f, uint64_t rate, uint64_t count) {
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (uint64_t tick = 1; f->sent < count; tick++) {
        while (f->sent < count && f->sent < rate * tick / TICKS)
            one(f);
        if (tick % 100 == 0)
            collect(f);
        next.tv_nsec += SECOND_NS / TICKS;
        if (next.tv_nsec >= SECOND_NS) {
            next.tv_nsec -= SECOND_NS;
            next.tv_sec++;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
    nanosleep(&(struct timespec){.tv_nsec = SECOND_NS / 5}, NULL); /* the last answers */
    collect(f);
}

int main(int argc, char **argv) {
    flood f = {.sent = 0};
    struct timespec begin, end;
    bool inside = argc >= 5 && strcmp(argv[4], "inside") == 0;
    f.captured = argc == 5 && strcmp(argv[4], "capture") == 0;
    if (argc < 4 || argc > 6 || (argc > 4 && !inside && !f.captured) || sodium_init() < 0) {
        fprintf(stderr, "usage: flooder PORT RATE COUNT [capture | inside [KEY-FILE]]\n");
        return EXIT_USAGE;
    }
    f.to = loopback(1, (uint16_t)strtoul(argv[1], NULL, 10));
    make(f.init);
    if (f.captured && capture(f.init) != EXIT_SUCCESS)
        return EXIT_FAILURE;
    if (inside && (f.made = make_all(argc == 6 ? argv[5] : NULL)) == NULL)
        return fail("INITs with that key");
    for (uint32_t i = 0; i < SOURCES; i++)
        if ((f.sources[i] = source_open(0x000100 + i % 250 + 256 * (i / 250) + 1, 0)) < 0)
            return fail("a source's socket");
    clock_gettime(CLOCK_MONOTONIC, &begin);
    run(&f, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    clock_gettime(CLOCK_MONOTONIC, &end);
    long ms = (end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000;
    printf("sent=%" PRIu64 " out=%" PRIu64 " answers=%" PRIu64 " in=%" PRIu64 " ms=%ld \n", f.sent, f.bytes_out,
           f.answers, f.bytes_in, ms);
    free(f.made);
    return EXIT_SUCCESS;
}
