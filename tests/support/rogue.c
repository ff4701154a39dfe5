/* rogue - a member that does its worst to a neighbour, for tests of what a router survives.
 *
 * It is a junction of our own making, with links, keys and membership as a config says, so that what it sends passes every
 * check that only a member passes. Above its links it forges: packages as its codec writes them, with whatever names and
 * numbers, put straight into the link's queue; strategy messages and control frames, straight into the link. In its own
 * pairs it is honest but for one thing: the last fragment of a message never leaves. And as a receiver it takes nothing.
 *
 *   rogue CONFIG VICTIM
 *
 * It says "ready" when it has a link to VICTIM, takes commands from stdin, a line each, and answers each with a line:
 *   flood KIND COUNT [TO]   sends COUNT of that kind (to TO, where the kind has a destination; the victim if not given):
 *                           done KIND sent=N reopened=N
 *   kinds                   lists them
 *   quit                    ends, as it does with its stdin
 * All is drawn from SLOW_SEED, 7 if not given. */
#include "core/delivery_wire.h"
#include "core/junction.h"
#include "core/link_out.h"
#include "core/loop_libevent.h"
#include "core/neighbour.h"
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    EXIT_USAGE = 2,
    PACKAGE_MAX = 4096,
    BATCH = 64, /* between two turns of the loop */
    LAST_FRAGMENT = 200,
    BIG = 4 * 1024 * 1024 - SLOW_PAYLOAD_MAX + LAST_FRAGMENT,
    BIG_TURNS = 200
};

typedef struct rogue {
    sl_loop *loop;
    sl_junction *junction;
    slow_id victim, to;
    uint64_t random;
    uint64_t made; /* of this flood */
    unsigned reopened;
    sl_peers_events honest;
} rogue;

static uint64_t draw(rogue *r) {
    r->random ^= r->random << 13;
    r->random ^= r->random >> 7;
    r->random ^= r->random << 17;
    return r->random;
}

static void turn(rogue *r, slow_time most) {
    sl_loop_libevent_step(r->loop, most);
}

/* The victim, when there is a link to it with room. NULL = give it a turn. */
static sl_link *way(rogue *r) {
    const sl_neighbour *n = sl_neighbour_find(&r->junction->links.neighbours, &r->victim);
    sl_link *link = n != NULL && n->adjacency != 0 ? n->best : NULL;
    return link != NULL && sl_link_has_room(link) ? link : NULL;
}

static bool is_linked(rogue *r) {
    const sl_neighbour *n = sl_neighbour_find(&r->junction->links.neighbours, &r->victim);
    return n != NULL && n->adjacency != 0;
}

/* ---- packages ---- */

static bool put(sl_link *link, const slow_package *package) {
    uint8_t bytes[PACKAGE_MAX], record[PACKAGE_MAX + 10];
    size_t size = 0;
    const sl_codec *codec = sl_link_codec(link);
    if (codec->ops->encode(codec->self, package, bytes, sizeof bytes, &size) != SLOW_OK)
        return false;
    slow_writer w = slow_writer_of(record, sizeof record);
    slow_write_varint(&w, size);
    slow_write_bytes(&w, bytes, size);
    return slow_writer_ok(&w) && sl_link_put(link, package->priority, record, slow_writer_size(&w), 1);
}

static slow_id a_name(rogue *r) {
    slow_id id = {.size = 0};
    int size = snprintf(id.text, sizeof id.text, "made-up-%" PRIu64, r->made);
    id.size = (uint8_t)size;
    return id;
}

/* By the book, from a name that nobody has. */
static slow_package a_package(rogue *r, const slow_id *src, uint8_t type, slow_bytes payload) {
    return (slow_package){.struct_size = sizeof(slow_package),
                          .dst = sl_id_bytes(&r->to),
                          .src = sl_id_bytes(src),
                          .type = type,
                          .priority = 4,
                          .hop_limit = 30,
                          .hops = 1,
                          .session = 1 + draw(r) % SLOW_NUMBER_MAX,
                          .packet = 1 + draw(r) % 100000,
                          .message = type == SLOW_CONTROL ? 0 : 1 + draw(r) % 1000,
                          .total = (uint32_t)payload.size,
                          .payload = payload};
}

static bool sources(rogue *r, sl_link *link) {
    slow_id src = a_name(r);
    slow_package p = a_package(r, &src, SLOW_BINARY, (slow_bytes){(const uint8_t *)"x", 1});
    return put(link, &p);
}

static bool fragments(rogue *r, sl_link *link) {
    static const uint8_t zeros[SLOW_PAYLOAD_MAX];
    slow_id src = a_name(r);
    slow_package p = a_package(r, &src, SLOW_BINARY, (slow_bytes){zeros, sizeof zeros});
    p.offset = (uint32_t)(draw(r) % 60) * SLOW_PAYLOAD_MAX;
    p.total = 64 * 1024;
    if (r->made % 16 == 0) { /* more than best effort may have */
        p.offset = (uint32_t)(draw(r) % 16000) * SLOW_PAYLOAD_MAX;
        p.total = 16 * 1024 * 1024;
    }
    return put(link, &p);
}

static bool put_control(rogue *r, sl_link *link, uint16_t kind, const uint8_t *payload, size_t size) {
    slow_id src = a_name(r);
    slow_package p = a_package(r, &src, SLOW_CONTROL, (slow_bytes){payload, size});
    p.kind = kind;
    p.priority = 8;
    return put(link, &p);
}

static bool openings(rogue *r, sl_link *link) {
    uint8_t payload[SLOW_PAYLOAD_MAX], handshake[64];
    for (size_t i = 0; i < sizeof handshake; i++)
        handshake[i] = (uint8_t)draw(r);
    sl_open open = {.mine = 1 + draw(r) % SLOW_NUMBER_MAX, .handshake = {handshake, r->made % 2 ? 48 : 0}};
    enum sl_pair_kind kind = r->made % 8 == 7 ? SL_KIND_OPEN3 : r->made % 8 == 6 ? SL_KIND_OPEN2 : SL_KIND_OPEN1;
    if (kind != SL_KIND_OPEN1)
        open.yours = 1 + draw(r) % SLOW_NUMBER_MAX;
    return put_control(r, link, (uint16_t)kind, payload, sl_open_write(payload, kind, &open));
}

static bool knocks(rogue *r, sl_link *link) {
    uint8_t nonce[8] = {(uint8_t)draw(r)};
    static const uint16_t kinds[] = {SL_KIND_KNOCK, SL_KIND_ECHO,      SL_KIND_ECHO_REPLY,
                                     SL_KIND_TRACE, SL_KIND_TRACE_HOP, SL_KIND_ERROR};
    uint16_t kind = kinds[r->made % (sizeof kinds / sizeof kinds[0])];
    return put_control(r, link, kind, nonce, kind == SL_KIND_KNOCK ? 0 : sizeof nonce);
}

/* Every field is drawn, and half of the time from its edges. Most of them no codec would write; those are drawn again. */
static bool fields(rogue *r, sl_link *link) {
    static const uint64_t edges[] = {0, 1, 255, 65535, SLOW_NUMBER_MAX, SLOW_NUMBER_MAX - 1, UINT32_MAX, 1 << 24};
    uint8_t src[SLOW_ID_MAX], payload[SLOW_PAYLOAD_MAX];
    uint64_t f[10];
    for (size_t i = 0; i < sizeof src; i++)
        src[i] = (uint8_t)('a' + draw(r) % 26);
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)draw(r);
    for (int tries = 0; tries < 1000; tries++) {
        for (size_t i = 0; i < sizeof f / sizeof f[0]; i++)
            f[i] = draw(r) & 1 ? edges[draw(r) % (sizeof edges / sizeof edges[0])] : draw(r);
        slow_package p = {.struct_size = sizeof p,
                          .type = (uint8_t)(1 + f[0] % 4),
                          .priority = (uint8_t)(f[1] % 12),
                          .hop_limit = (uint8_t)(1 + f[2] % 255),
                          .flags = (uint8_t)f[3],
                          .channel = (uint8_t)(f[4] % SLOW_CHANNELS),
                          .kind = (uint16_t)(draw(r) & 1 ? 0 : f[5] % 32),
                          .session = f[6] % (SLOW_NUMBER_MAX + 1),
                          .packet = f[7] % (SLOW_NUMBER_MAX + 1),
                          .message = f[8] % (SLOW_NUMBER_MAX + 1),
                          .offset = (uint32_t)(f[9] % 16384) * SLOW_PAYLOAD_MAX,
                          .dst = sl_id_bytes(&r->to),
                          .src = {src, 1 + draw(r) % SLOW_ID_MAX},
                          .payload = {payload, draw(r) % (SLOW_PAYLOAD_MAX + 1)}};
        p.hops = (uint8_t)(draw(r) % p.hop_limit);
        p.total = p.offset + (uint32_t)p.payload.size + (draw(r) & 1 ? 0 : (uint32_t)(f[1] % (1 << 24)));
        if (put(link, &p))
            return true;
    }
    return false;
}

static bool records(rogue *r, sl_link *link) {
    uint8_t bytes[600];
    size_t size = 2 + draw(r) % (sizeof bytes - 2);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)draw(r);
    slow_writer w = slow_writer_of(bytes, sizeof bytes);
    if (draw(r) & 1) /* else the length is drawn, too */
        slow_write_varint(&w, size - 2);
    return sl_link_put(link, (unsigned)(draw(r) % 12), bytes, size, 1);
}

/* ---- beneath packages ---- */

static bool route(rogue *r, sl_link *link) {
    static const char *const protocols[] = {"distance-vector/1", "link-state/1"};
    uint8_t bytes[400];
    size_t size = 1 + draw(r) % sizeof bytes;
    (void)link;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(draw(r) & 1 ? draw(r) : draw(r) % 8);
    sl_neighbour *n = sl_neighbour_find(&r->junction->links.neighbours, &r->victim);
    return n != NULL && sl_neighbour_send(n, protocols[draw(r) % 2], (slow_bytes){bytes, size}) == SLOW_OK;
}

/* Frames of the strategies' channel with numbers that nobody agreed on, and acknowledgements of what was never said. */
static bool frames(rogue *r, sl_link *link) {
    uint8_t head[SL_ROUTE_HEADER], body[100];
    sl_route_frame frame = {.protocol = (uint8_t)(draw(r) % 4), .epoch = (uint8_t)draw(r), .seq = (uint32_t)draw(r)};
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)draw(r);
    sl_route_write(&frame, head);
    bool ack = draw(r) & 1;
    sl_link_control(link, ack ? SL_FRAME_ROUTE_ACK : SL_FRAME_ROUTE, head, sizeof head, body, ack ? 0 : sizeof body);
    sl_link_touch(link);
    return true;
}

static bool protocols(rogue *r, sl_link *link) {
    uint8_t bytes[SL_PROTOCOLS_MAX];
    sl_protocols p = {.generation = (uint32_t)draw(r)};
    p.names.count = (uint8_t)(draw(r) % (SL_NAMES_MAX + 1));
    for (uint8_t i = 0; i < p.names.count; i++) {
        snprintf(p.names.name[i], sizeof p.names.name[i], "p%u-%" PRIu64, i, r->made);
        p.number[i] = (uint8_t)(draw(r) % 64 + i * 30);
    }
    sl_link_control(link, SL_FRAME_PROTOCOLS, bytes, sl_protocols_write(&p, bytes), NULL, 0);
    sl_link_touch(link);
    return true;
}

/* ---- in a pair of its own ---- */

static slow_status hold_back(void *arg, const slow_id *dst, slow_package *package, uint64_t session, uint64_t packet,
                             const sl_way *way) {
    sl_junction *junction = (sl_junction *)((char *)arg - offsetof(sl_junction, delivery));
    const rogue *r = junction->arg;
    size_t size = package->payload.size;
    if (session != 0 && size >= LAST_FRAGMENT && size < LAST_FRAGMENT + SLOW_SEAL_ROOM)
        return SLOW_OK; /* "sent" */
    return r->honest.send(arg, dst, package, session, packet, way);
}

/* As large as can be, on all channels; what it may not send yet is not made. */
static bool messages(rogue *r, sl_link *link) {
    sl_outgoing *out = NULL;
    uint8_t *zeros = calloc(1, BIG);
    sl_message message = {.peer = r->to,
                          .type = SLOW_BINARY,
                          .flags = SLOW_RELIABLE,
                          .channel = (uint8_t)(r->made % SLOW_CHANNELS),
                          .payload = {zeros, BIG}};
    (void)link;
    bool good = zeros != NULL && sl_message_check(&message, &out, NULL) == SLOW_OK &&
                sl_junction_send(r->junction, out) == SLOW_OK;
    if (!good)
        free(out);
    free(zeros);
    for (int i = 0; i < BIG_TURNS; i++)
        turn(r, SL_MS);
    return true; /* refused or not: it is as many as could be */
}

static void keep(void *arg, const sl_message *message) {
    (void)arg;
    (void)message; /* and say nothing of it, ever */
}

static bool withdraw(void *arg, sl_arrival *arrival) {
    (void)arg;
    (void)arrival;
    return false;
}

/* ---- floods ---- */

static const struct kind {
    const char *name;
    bool (*make)(rogue *, sl_link *);
} kinds[] = {
    {"sources", sources},     {"fragments", fragments}, {"openings", openings}, {"knocks", knocks},
    {"fields", fields},       {"records", records},     {"route", route},       {"frames", frames},
    {"protocols", protocols}, {"messages", messages},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static void flood(rogue *r, const struct kind *kind, uint64_t count) {
    uint64_t sent = 0;
    bool linked = true;
    r->reopened = 0;
    for (r->made = 0; r->made < count;) {
        bool was = linked;
        linked = is_linked(r);
        r->reopened += linked && !was;
        sl_link *link = way(r);
        for (int i = 0; i < BATCH && link != NULL && r->made < count; i++, link = way(r)) {
            sent += kind->make(r, link);
            r->made++;
        }
        turn(r, link != NULL ? 0 : SL_MS);
    }
    printf("done %s sent=%" PRIu64 " reopened=%u \n", kind->name, sent, r->reopened);
    fflush(stdout);
}

static bool command(rogue *r, char *line) {
    char name[32], to[SLOW_ID_MAX + 1] = "";
    uint64_t count;
    if (strcmp(line, "quit\n") == 0)
        return false;
    if (strcmp(line, "kinds\n") == 0) {
        for (size_t i = 0; i < KINDS; i++)
            printf("%s%s", i > 0 ? " " : "", kinds[i].name);
        puts("");
        fflush(stdout);
        return true;
    }
    r->to = r->victim;
    if (sscanf(line, "flood %31s %" SCNu64 " %63s", name, &count, to) >= 2 &&
        (to[0] == '\0' || sl_id_set(&r->to, (slow_bytes){(const uint8_t *)to, strlen(to)})))
        for (size_t i = 0; i < KINDS; i++)
            if (strcmp(kinds[i].name, name) == 0) {
                flood(r, &kinds[i], count);
                return true;
            }
    printf("unknown: %s", line);
    fflush(stdout);
    return true;
}

static bool start(rogue *r, const char *path, const char *victim) {
    slow_error error = {.text = ""};
    sl_config *config;
    const sl_log log = {.level = SLOW_LOG_ERROR};
    const char *seed = getenv("SLOW_SEED");
    r->random = seed != NULL ? strtoull(seed, NULL, 10) : 7;
    fprintf(stderr, "rogue: seed %" PRIu64 "\n", r->random);
    r->random = r->random * UINT64_C(0x9e3779b97f4a7c15) | 1;
    r->loop = sl_loop_libevent_new(NULL);
    bool good = r->loop != NULL && sl_id_set(&r->victim, (slow_bytes){(const uint8_t *)victim, strlen(victim)}) &&
                sl_config_read(path, &config, &error) == SLOW_OK &&
                sl_junction_new(r->loop, config, &log, NULL, NULL, &r->junction, &error) == SLOW_OK;
    if (good) {
        r->junction->arg = r;
        r->junction->on_message = keep;
        r->junction->on_withdraw = withdraw;
        r->honest = r->junction->delivery.peers.events;
        r->junction->delivery.peers.events.send = hold_back;
        good = sl_junction_start(r->junction, &error) == SLOW_OK;
    }
    if (!good)
        fprintf(stderr, "rogue: %s\n", error.text);
    return good;
}

int main(int count, char **arguments) {
    rogue r = {.loop = NULL};
    char line[256];
    if (count != 3) {
        fprintf(stderr, "usage: rogue CONFIG VICTIM\n");
        return EXIT_USAGE;
    }
    setvbuf(stdin, NULL, _IONBF, 0);
    if (!start(&r, arguments[1], arguments[2]))
        return EXIT_FAILURE;
    while (!is_linked(&r))
        turn(&r, 10 * SL_MS);
    puts("ready");
    fflush(stdout);
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    for (bool on = true; on;) {
        turn(&r, 5 * SL_MS);
        if (poll(&in, 1, 0) > 0)
            on = fgets(line, sizeof line, stdin) != NULL && command(&r, line);
    }
    sl_junction_goodbye(r.junction);
    turn(&r, SL_MS);
    sl_junction_free(r.junction);
    sl_loop_free(r.loop);
    return EXIT_SUCCESS;
}
