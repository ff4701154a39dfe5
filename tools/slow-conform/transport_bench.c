/* The core above a transport, as far as a transport can see it: it notes what it is told, answers as bidden, and judges each
 * call at once. A call about a link that was closed, an answer to a dial that was cancelled, a second answer: all these are
 * found wherever they happen.
 *
 * Time is real here, and so are sockets; two instances of one process talk over the loopback of this machine. What a test
 * waits for has some seconds to come, so a slow machine makes a test slower and no other. What must not come is waited for
 * only for a moment: such a fault may be missed, but none is ever found that is not there.
 *
 * Where to listen: the command line says so, or the scheme is tried with the loopback address and, for transports whose
 * addresses are paths, with a file in a folder of the tool's own; check() tells which it is. */
#include "transport_bench.h"
#include "core/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOST_TABLE "slow/transport.h, slow_transport_host."
#define OPS_TABLE "slow/transport.h, slow_transport_ops."

static uint8_t pattern(uint32_t index, uint32_t at) {
    return (uint8_t)(at < 4 ? index >> (24 - 8 * at) : index * 31 + at * 7);
}

/* ---- what the transport tells ---- */

static bench_side *side_of(const slow_host *host) {
    return conform_instance_of(host)->layer;
}

/* NULL = nobody listens, or nothing is judged. */
static bench_link *link_of(bench_side *side, slow_link id, const char *call) {
    char where[96];
    if (side == NULL)
        return NULL;
    bench_link *link = id > 0 && id <= side->link_count ? &side->links[id - 1] : NULL;
    if (link != NULL && !link->closed && !link->down)
        return link;
    if (side->bench->lenient)
        return NULL;
    snprintf(where, sizeof where, HOST_TABLE "%s()", call);
    if (link == NULL)
        conform_fail(side->bench->c, where, "it tells of a link that link_up() has named",
                     "called %s() for link %llu, which link_up() never gave", call, (unsigned long long)id);
    conform_fail(side->bench->c, where,
                 link->closed ? "the cookie is dead after close(), and nothing more is told of its link"
                              : "the link is gone after link_down(), and nothing more is told of it",
                 "called %s() for a link after %s", call, link->closed ? "close()" : "its link_down()");
}

static void outside_of_calls(bench_side *side, const char *call) {
    char where[96];
    if (side->bench->call == NULL || side->bench->lenient)
        return;
    snprintf(where, sizeof where, HOST_TABLE "%s()", call);
    conform_fail(side->bench->c, where, "it never comes inside connect(), send(), cancel() or close(), but later",
                 "called %s() inside %s", call, side->bench->call);
}

/* An answer to a dial. */
static void dial_answered(bench_side *side, uint64_t dial, enum dial_state answer, const char *call) {
    static const char *const was[] = {[DIAL_NONE] = "that connect() never began, or whose connect() failed",
                                      [DIAL_UP] = "that link_up() had answered",
                                      [DIAL_FAILED] = "that dial_failed() had answered",
                                      [DIAL_CANCELLED] = "that cancel() had ended"};
    enum dial_state state = dial < BENCH_DIALS ? side->dials[dial] : DIAL_NONE;
    if (state != DIAL_OPEN && !side->bench->lenient)
        conform_fail(side->bench->c, state == DIAL_CANCELLED ? OPS_TABLE "cancel()" : OPS_TABLE "connect()",
                     state == DIAL_CANCELLED ? "no link_up() and no dial_failed() comes for it after this"
                                             : "it ends in link_up() with this dial, or in dial_failed(), once",
                     "called %s() for a dial %s", call, was[state]);
    if (state == DIAL_OPEN)
        side->dials[dial] = answer;
}

static bool is_text(const char *text) {
    return text != NULL && text[0] != '\0' && strlen(text) < BENCH_ADDRESS;
}

static void judge_info(const bench_side *side, const slow_link_info *info) {
    conform *c = side->bench->c;
    if (side->bench->lenient)
        return;
    if (!is_text(info->local) || !is_text(info->remote))
        conform_fail(c, "slow/transport.h, slow_link_info", "local and remote are printable addresses",
                     "gave a link whose %s address is %s", is_text(info->local) ? "remote" : "local",
                     (is_text(info->local) ? info->remote : info->local) == NULL ? "NULL" : "empty, or too long");
    if (info->mtu == 0)
        conform_fail(c, "slow/transport.h, slow_link_info.mtu", "to which size frames are filled",
                     "gave a link with 0");
    if (((info->flags & SLOW_LINK_INBOUND) != 0) != (info->dial == 0))
        conform_fail(c, "slow/transport.h, SLOW_LINK_INBOUND",
                     "the peer came to us: dial is 0 for those, and only those",
                     "gave a link with dial %llu and flags 0x%x", (unsigned long long)info->dial, info->flags);
}

static slow_link up(bench_side *side, void *cookie, const slow_link_info *info) {
    outside_of_calls(side, "link_up");
    judge_info(side, info);
    if (info->dial != 0)
        dial_answered(side, info->dial, DIAL_UP, "link_up");
    side->ups++;
    if (side->refuse || side->link_count == BENCH_LINKS) {
        side->refused++;
        return 0;
    }
    bench_link *link = &side->links[side->link_count++];
    *link = (bench_link){
        .id = side->link_count, .cookie = cookie, .dial = info->dial, .mtu = info->mtu, .flags = info->flags};
    snprintf(link->local, sizeof link->local, "%s", info->local);
    snprintf(link->remote, sizeof link->remote, "%s", info->remote);
    return link->id;
}

static slow_link on_link_up(const slow_host *host, void *cookie, const slow_link_info *info) {
    bool was = conform_host_enter(conform_instance_of(host), "link_up");
    slow_link link = side_of(host) != NULL ? up(side_of(host), cookie, info) : 0;
    conform_host_leave(was);
    return link;
}

static void on_link_down(const slow_host *host, slow_link id, slow_status why) {
    bool was = conform_host_enter(conform_instance_of(host), "link_down");
    (void)why;
    if (side_of(host) != NULL)
        outside_of_calls(side_of(host), "link_down");
    bench_link *link = link_of(side_of(host), id, "link_down");
    if (link != NULL)
        link->down = true;
    conform_host_leave(was);
}

static void frame_keep(bench_side *side, slow_link link, const slow_slice *slice) {
    if (side->frame_count == side->frame_room) {
        side->frame_room = side->frame_room * 2 + 256;
        side->frames = realloc(side->frames, side->frame_room * sizeof *side->frames);
        if (side->frames == NULL)
            abort();
    }
    bench_frame *frame = &side->frames[side->frame_count++];
    *frame = (bench_frame){.link = link, .size = slice->size, .intact = true};
    for (uint32_t at = 0; at < 4; at++)
        frame->index = frame->index << 8 | (at < slice->size ? slice->data[at] : 0u);
    for (uint32_t at = 4; at < slice->size; at++)
        frame->intact = frame->intact && slice->data[at] == pattern(frame->index, at);
}

static slow_status received(bench_side *side, bench_link *link, slow_slice *slices, size_t n) {
    if (n == 0 && !side->bench->lenient)
        conform_fail(side->bench->c, HOST_TABLE "receive()", "frames as views of the transport's own read buffer",
                     "called receive() with no frames");
    for (size_t i = 0; i < n; i++) {
        if (link->again_turn == side->bench->turns)
            link->extra += slices[i].size;
        frame_keep(side, link->id, &slices[i]);
        memset(slices[i].data, 0xee, slices[i].size); /* frames are opened in place: they are ours to write */
    }
    link->frames += n;
    if (!side->says_again)
        return SLOW_OK;
    if (link->again_turn != side->bench->turns)
        link->extra = 0;
    link->again_turn = side->bench->turns;
    return SLOW_E_AGAIN;
}

static slow_status on_receive(const slow_host *host, slow_link id, slow_slice *slices, size_t n) {
    bool was = conform_host_enter(conform_instance_of(host), "receive");
    bench_link *link = link_of(side_of(host), id, "receive");
    slow_status status = link != NULL ? received(side_of(host), link, slices, n) : SLOW_OK;
    conform_host_leave(was);
    return status;
}

static void on_writable(const slow_host *host, slow_link id) {
    bool was = conform_host_enter(conform_instance_of(host), "writable");
    bench_side *side = side_of(host);
    bench_link *link = id != 0 ? link_of(side, id, "writable") : NULL;
    if (link != NULL)
        link->writable++;
    for (uint32_t i = 0; side != NULL && id == 0 && i < side->link_count; i++)
        side->links[i].writable++;
    conform_host_leave(was);
}

static void on_link_changed(const slow_host *host, slow_link id, const slow_link_info *info) {
    bool was = conform_host_enter(conform_instance_of(host), "link_changed");
    bench_link *link = link_of(side_of(host), id, "link_changed");
    if (link != NULL)
        link->mtu = info->mtu;
    conform_host_leave(was);
}

static void on_dial_failed(const slow_host *host, uint64_t dial, const slow_error *error) {
    bool was = conform_host_enter(conform_instance_of(host), "dial_failed");
    bench_side *side = side_of(host);
    if (side != NULL) {
        outside_of_calls(side, "dial_failed");
        dial_answered(side, dial, DIAL_FAILED, "dial_failed");
        if (error->text[0] == '\0' && !side->bench->lenient)
            conform_fail(side->bench->c, HOST_TABLE "dial_failed()", "an error says what was wrong",
                         "called dial_failed() with an error that has no text");
    }
    conform_host_leave(was);
}

static void on_discovered(const slow_host *host, const char *address) {
    bool was = conform_host_enter(conform_instance_of(host), "discovered");
    (void)address;
    conform_host_leave(was);
}

const slow_transport_host bench_transport_host = {
    .struct_size = sizeof bench_transport_host,
    .link_up = on_link_up,
    .link_down = on_link_down,
    .receive = on_receive,
    .writable = on_writable,
    .link_changed = on_link_changed,
    .dial_failed = on_dial_failed,
    .discovered = on_discovered,
};

/* ---- turns ---- */

typedef struct wish {
    transport_bench *bench;
    bool (*condition)(void *);
    void *arg;
} wish;

static bool wish_holds(void *arg) {
    const wish *w = arg;
    w->bench->turns++;
    return w->condition(w->arg);
}

bool bench_until(transport_bench *b, bool (*condition)(void *), void *arg, slow_time limit_ns) {
    wish w = {b, condition, arg};
    return condition(arg) || conform_until(b->side[0].instance, 2, wish_holds, &w, limit_ns);
}

static bool never(void *arg) {
    (void)arg;
    return false;
}

void bench_settle(transport_bench *b) {
    bench_until(b, never, NULL, BENCH_SETTLE);
}

void bench_turn_alone(bench_side *side) {
    side->bench->turns++;
    conform_turn(side->instance, 1);
}

typedef struct count {
    const bench_side *side;
    size_t wanted;
} count;

static bool has_frames(void *arg) {
    const count *n = arg;
    return n->side->frame_count >= n->wanted;
}

void bench_wait_frames(bench_side *side, size_t wanted, const char *what) {
    count n = {side, wanted};
    if (!bench_until(side->bench, has_frames, &n, BENCH_PATIENCE))
        conform_fail(side->bench->c, OPS_TABLE "send()", "*taken packets are the transport's: it brings them over",
                     "had brought %zu of %zu frames after %.0f s: %s", side->frame_count, wanted,
                     (double)BENCH_PATIENCE / 1e9, what);
}

static bool has_links(void *arg) {
    const count *n = arg;
    return n->side->link_count >= n->wanted;
}

bench_link *bench_wait_link(bench_side *side, uint32_t wanted) {
    count n = {side, wanted};
    if (!bench_until(side->bench, has_links, &n, BENCH_PATIENCE))
        conform_fail(side->bench->c, HOST_TABLE "link_up()", "a link is born by itself when a peer came",
                     "had told of %u of %u links %.0f s after a peer had come and sent a frame", side->link_count,
                     wanted, (double)BENCH_PATIENCE / 1e9);
    return &side->links[wanted - 1];
}

void bench_in_order(bench_side *side, size_t from, size_t n, uint32_t index, uint32_t size) {
    for (size_t i = 0; i < n; i++) {
        const bench_frame *frame = &side->frames[from + i];
        uint32_t expected = index + (uint32_t)i;
        if (frame->size != size)
            conform_fail(side->bench->c, HOST_TABLE "receive()", "a transport moves whole frames",
                         "brought a frame of %u bytes in place of frame %u, which has %u", frame->size, expected, size);
        if (frame->index >> (size < 4 ? 32 - 8 * size : 0) != expected >> (size < 4 ? 32 - 8 * size : 0))
            conform_fail(side->bench->c, HOST_TABLE "receive()", "a batch is in the order of arrival",
                         "brought frame %u in place of frame %u", frame->index, expected);
        if (!frame->intact)
            conform_fail(side->bench->c, HOST_TABLE "receive()", "a transport moves whole frames",
                         "brought frame %u with other bytes than were sent", expected);
    }
}

/* ---- calls ---- */

#define BENCH_CALL(side, name, statement)                \
    do {                                                 \
        (side)->bench->call = name;                      \
        CONFORM_CALL((side)->bench->c, name, statement); \
        (side)->bench->call = NULL;                      \
    } while (0)

static void judge_error(bench_side *side, const char *where, slow_status status, const slow_error *error) {
    if (status != SLOW_OK && error->text[0] == '\0' && !side->bench->lenient)
        conform_fail(side->bench->c, where, "an error text is filled in whenever the status is not SLOW_OK",
                     "gave %d (%s) and no text", (int)status, sl_status_text(status));
}

slow_status bench_listen(bench_side *side, const char *address, char bound[BENCH_ADDRESS], slow_error *error) {
    slow_status status;
    *error = (slow_error){0};
    bound[0] = '\0';
    BENCH_CALL(side, "listen()", status = side->bench->ops->listen(side->instance->self, address, bound, error));
    judge_error(side, OPS_TABLE "listen()", status, error);
    if (status == SLOW_OK && (memchr(bound, '\0', BENCH_ADDRESS) == NULL || bound[0] == '\0'))
        conform_fail(side->bench->c, OPS_TABLE "listen()", "`bound` gets the address in use",
                     "left no address in it, or one that does not end");
    return status;
}

uint64_t bench_connect(bench_side *side, const char *address) {
    slow_status status;
    slow_error error = {0};
    uint64_t dial = ++side->last_dial;
    side->dials[dial % BENCH_DIALS] = DIAL_OPEN;
    BENCH_CALL(side, "connect()", status = side->bench->ops->connect(side->instance->self, dial, address, &error));
    judge_error(side, OPS_TABLE "connect()", status, &error);
    if (status == SLOW_OK)
        return dial;
    side->dials[dial % BENCH_DIALS] = DIAL_NONE;
    return 0;
}

void bench_cancel(bench_side *side, uint64_t dial) {
    BENCH_CALL(side, "cancel()", side->bench->ops->cancel(side->instance->self, dial));
    side->dials[dial] = DIAL_CANCELLED;
}

typedef struct asked {
    const bench_side *side;
    uint64_t dial;
} asked;

static bool is_answered(void *arg) {
    const asked *a = arg;
    return a->side->dials[a->dial] != DIAL_OPEN;
}

bench_link *bench_dial(bench_side *side, const char *address) {
    asked a = {side, bench_connect(side, address)};
    bool answered = a.dial != 0 && bench_until(side->bench, is_answered, &a, BENCH_PATIENCE);
    if (!answered || side->dials[a.dial] != DIAL_UP || side->link_count == 0)
        conform_fail(side->bench->c, OPS_TABLE "connect()", "it ends in link_up() with this dial, or in dial_failed()",
                     "%s for %s, on which another instance listens",
                     a.dial == 0 ? "failed"
                     : !answered ? "had called neither after 5 s"
                                 : "called dial_failed()",
                     address);
    return &side->links[side->link_count - 1];
}

void bench_close(bench_side *side, bench_link *link) {
    if (link->down)
        return; /* its cookie is dead already */
    link->closed = true;
    BENCH_CALL(side, "close()", side->bench->ops->close(side->instance->self, link->cookie));
}

slow_packet *bench_packet(bench_side *side, uint32_t index, uint32_t size, uint32_t segment) {
    slow_packet *packet = conform_packet(side->instance, size);
    uint32_t stride = segment > 0 ? segment : size;
    packet->size = size;
    packet->segment = segment;
    for (uint32_t at = 0; at < size; at++)
        slow_packet_data(packet)[at] = pattern(index + at / stride, at % stride);
    return packet;
}

slow_status bench_send(bench_side *side, bench_link *link, slow_packet **packets, size_t n, size_t *taken) {
    transport_bench *b = side->bench;
    slow_status status;
    *taken = 0;
    if (link->down)
        conform_fail(b->c, HOST_TABLE "link_down()", "the link is gone: reset, refused, or its carrier lost",
                     "called link_down() while both ends were there");
    BENCH_CALL(side, "send()", status = b->ops->send(side->instance->self, link->cookie, packets, n, taken));
    if (SLOW_HAS(b->ops, flush))
        BENCH_CALL(side, "flush()", b->ops->flush(side->instance->self));
    if (status != SLOW_OK && status != SLOW_E_AGAIN && !b->lenient)
        conform_fail(b->c, OPS_TABLE "send()", "the status tells of the link, not of a packet: SLOW_OK or SLOW_E_AGAIN",
                     "gave %d (%s)", (int)status, sl_status_text(status));
    if (*taken > n)
        conform_fail(b->c, OPS_TABLE "send()", "takes a prefix of the batch", "took %zu of %zu packets", *taken, n);
    return status;
}

static bool is_writable(void *arg) {
    const bench_link *link = arg;
    return link->writable > 0 || link->down;
}

void bench_send_all(bench_side *side, bench_link *link, slow_packet **packets, size_t n) {
    size_t at = 0;
    while (at < n) {
        size_t taken;
        link->writable = 0;
        bench_send(side, link, packets + at, n - at, &taken);
        at += taken;
        if (at < n && !bench_until(side->bench, is_writable, link, BENCH_PATIENCE))
            conform_fail(
                side->bench->c, HOST_TABLE "writable()", "after a short send()",
                "had not called it %.0f s after a send() that took %zu of %zu packets, while the peer was reading",
                (double)BENCH_PATIENCE / 1e9, taken, n - at + taken);
    }
}

void bench_send_frame(bench_side *side, bench_link *link, uint32_t index, uint32_t size) {
    slow_packet *packet = bench_packet(side, index, size, 0);
    bench_send_all(side, link, &packet, 1);
}

/* ---- the whole ---- */

static bool fits(const transport_bench *b, const char *address) {
    slow_error error = {0};
    uint32_t flags = 0;
    slow_status status;
    CONFORM_CALL(b->c, "check()", status = b->ops->check(address, true, &flags, &error));
    return status == SLOW_OK;
}

static bool address_find(transport_bench *b) {
    const conform_job *job = b->c->job;
    if (job->listen != NULL)
        return snprintf(b->address, sizeof b->address, "%s", job->listen) < BENCH_ADDRESS;
    snprintf(b->address, sizeof b->address, "%s://127.0.0.1:0", b->ops->scheme);
    if (fits(b, b->address))
        return true;
    /* Another one for each test: what died in one may have left its file. */
    snprintf(b->address, sizeof b->address, "%s://%s/listen-%ld", b->ops->scheme, job->folder, (long)getpid());
    return fits(b, b->address);
}

bool bench_adopt(transport_bench *b, conform *c, conform_instance pair[2]) {
    b->c = c;
    b->ops = c->plugin->ops;
    for (int i = 0; i < 2; i++) {
        b->side[i].bench = b;
        b->side[i].instance = &pair[i];
        pair[i].layer = &b->side[i];
    }
    return address_find(b);
}

transport_bench *bench_listening(conform *c) {
    transport_bench *b = calloc(1, sizeof *b);
    slow_error error;
    if (b == NULL)
        abort();
    conform_pair_begin(c, b->pair, c->seed);
    if (!bench_adopt(b, c, b->pair))
        conform_skip(c, "no address is known at which this transport listens: give one by --listen");
    if (bench_listen(&b->side[BENCH_SERVER], b->address, b->bound, &error) != SLOW_OK)
        conform_fail(c, OPS_TABLE "listen()", "an address that check() allows is one to listen on", "failed at %s: %s",
                     b->address, error.text);
    return b;
}

transport_bench *bench_connected(conform *c) {
    transport_bench *b = bench_listening(c);
    bench_side *server = &b->side[BENCH_SERVER], *client = &b->side[BENCH_CLIENT];
    b->out = bench_dial(client, b->bound);
    bench_send_frame(client, b->out, 0, 1);
    b->in = bench_wait_link(server, 1);
    bench_wait_frames(server, 1, "the first of a link");
    return b;
}

void bench_free(transport_bench *b) {
    for (int i = 0; i < 2; i++) {
        conform_end(b->side[i].instance);
        const conform_left *left = &b->side[i].instance->left;
        if (left->timers + left->packets + left->watches > 0)
            conform_fail(b->c, "slow/plugin.h, slow_plugin.destroy()",
                         "timers, packets, watches and threads are given back on return",
                         "left %u timers, %u packets and %u watches", left->timers, left->packets, left->watches);
        free(b->side[i].frames);
    }
    free(b);
}
