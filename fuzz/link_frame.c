/* A whole junction under attack: strangers, members and the transport itself do what the input says, in virtual time.
 *
 * A parser alone is easy to feed. What lies behind the opening is not: a frame is thrown away unless index, counter and
 * tag are right, and no fuzzer guesses 64 random bits. So the input is a row of events, and this harness lends the
 * attacker what a malicious member has: it can read the junction's links, and puts the right header and tag around any
 * body. Before the first event peer 0 has opened a link by the book, so that states opening, half open and up are all
 * within one event of reach; every other peer is a stranger until it has opened one, too. Peers speak for themselves,
 * and there is no second junction: an honest one could not be made to lie.
 *
 * What must hold, besides the sanitizers' rules: an address that has not echoed our tag never gets more bytes than it
 * sent; of a stranger whose frame opens nothing, nothing is kept; half-open entries stay within their cap; no log line
 * has control characters of what a remote said; and whatever happened, nothing is leaked in the end. */
#include "core/junction.h"
#include "core/loop_virtual.h"
#include "core/module.h"
#include "core/utf8.h"
#include <slow/wire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    PEERS = 12,
    EVENTS_MAX = 200,
    FRAME_MAX = 4096,
    FIRST_INDEX = 77,
    LONELY = 5,
    LINE_MOST = 500,
    TIME_MAX = 10000 /* ms */
};

typedef struct harness harness;

/* The other end of a link, or of one that may come. The transport's cookie. */
typedef struct peer {
    harness *of;
    unsigned place;
    slow_link link; /* 0 = none now */
    uint64_t dial;
    uint32_t flags, mtu;
    bool blocked, validated; /* validated: it has shown that it gets what we send there */
    uint64_t sent, got;      /* bytes, from it and to it */
    uint64_t answers;        /* packages numbered so far */
    uint8_t last[FRAME_MAX]; /* the last frame that it got */
    size_t last_size;
} peer;

struct harness {
    sl_world *world;
    sl_loop *loop;
    sl_junction *junction;
    const slow_host *host;
    const slow_transport_host *core;
    peer peers[PEERS];
    uint64_t dial; /* waiting for its link */
};

#define HARNESS_ID "slow.fuzz-harness/1"

static void must(bool holds, const char *what) {
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

/* ---- the transport ---- */

static slow_status fuzz_check(const char *address, bool listen, uint32_t *flags, slow_error *error) {
    (void)address;
    (void)listen;
    (void)error;
    *flags = SLOW_LINK_LOCAL;
    return SLOW_OK;
}

static slow_status fuzz_create(const slow_host *host, const void *config, void **self, slow_error *error) {
    harness *h = (harness *)(uintptr_t)host->service(host, HARNESS_ID);
    (void)config;
    (void)error;
    h->host = host;
    h->core = host->service(host, SLOW_TRANSPORT_HOST_ID);
    *self = h;
    return SLOW_OK;
}

static void fuzz_destroy(void *self) {
    (void)self;
}

static slow_status fuzz_listen(void *self, const char *address, char bound[128], slow_error *error) {
    (void)self;
    (void)error;
    snprintf(bound, 128, "%s", address);
    return SLOW_OK;
}

static void fuzz_unlisten(void *self, const char *address) {
    (void)self;
    (void)address;
}

static slow_status fuzz_connect(void *self, uint64_t dial, const char *address, slow_error *error) {
    (void)address;
    (void)error;
    ((harness *)self)->dial = dial;
    return SLOW_OK;
}

static void fuzz_cancel(void *self, uint64_t dial) {
    harness *h = self;
    if (h->dial == dial)
        h->dial = 0;
}

static slow_status fuzz_send(void *self, void *cookie, slow_packet *const *packets, size_t n, size_t *taken) {
    harness *h = self;
    peer *p = cookie;
    *taken = 0;
    while (!p->blocked && *taken < n) {
        slow_packet *packet = packets[(*taken)++];
        uint32_t step = packet->segment != 0 ? packet->segment : packet->size;
        for (uint32_t at = 0; at < packet->size; at += step) {
            uint32_t size = packet->size - at < step ? packet->size - at : step;
            p->last_size = size < FRAME_MAX ? size : FRAME_MAX;
            memcpy(p->last, slow_packet_data(packet) + at, p->last_size);
        }
        p->got += packet->size;
        h->host->packet_drop(packet);
    }
    return *taken == n ? SLOW_OK : SLOW_E_AGAIN;
}

static void fuzz_close(void *self, void *cookie) {
    (void)self;
    ((peer *)cookie)->link = 0;
}

static const slow_transport_ops fuzz_ops = {
    .struct_size = sizeof fuzz_ops,
    .scheme = "fuzz",
    .max_segments = 8,
    .check = fuzz_check,
    .listen = fuzz_listen,
    .unlisten = fuzz_unlisten,
    .connect = fuzz_connect,
    .cancel = fuzz_cancel,
    .send = fuzz_send,
    .close = fuzz_close,
};
static const slow_plugin fuzz_plugin = {
    .struct_size = sizeof fuzz_plugin,
    .kind = SLOW_TRANSPORT,
    .id = "transport-fuzz",
    .version = "1",
    .summary = "What the input says",
    .license = "MIT",
    .create = fuzz_create,
    .destroy = fuzz_destroy,
    .ops = &fuzz_ops,
};
static const slow_plugin *const fuzz_plugins[] = {&fuzz_plugin, NULL};
static const slow_module fuzz_module = {.struct_size = sizeof fuzz_module,
                                        .abi_major = SLOW_ABI_MAJOR,
                                        .abi_minor_required = SLOW_ABI_MINOR,
                                        .build = __VERSION__,
                                        .plugins = fuzz_plugins};
static const slow_module *fuzz_entry(void) {
    return &fuzz_module;
}

const slow_module *slow_module_v1_routing_distance_vector(void);
const slow_module *slow_module_v1_routing_flooding(void);
const slow_module *slow_module_v1_codec_json(void);
const slow_module *slow_module_v1_codec_protobuf(void);
const slow_module *slow_module_v1_security_none(void);
const slow_module_fn slow_static_modules[] = {fuzz_entry,
                                              slow_module_v1_routing_distance_vector,
                                              slow_module_v1_routing_flooding,
                                              slow_module_v1_codec_json,
                                              slow_module_v1_codec_protobuf,
                                              slow_module_v1_security_none,
                                              NULL};

/* ---- the junction ---- */

static void check_line(void *arg, int level, const char *who, const char *text) {
    (void)arg;
    (void)level;
    (void)who;
    size_t size = strlen(text);
    uint32_t code;
    for (size_t at = 0, step; at < size && size < LINE_MOST; at += step) { /* a longer one may be cut anywhere */
        step = sl_utf8_next((const uint8_t *)text + at, size - at, &code);
        must(step > 0 && code >= 0x20 && (code < 0x7f || code >= 0xa0),
             "a log line is UTF-8 without control characters");
    }
}

static void harness_open(harness *h, uint8_t choice) {
    static const char *const routings[] = {"\"routing-distance-vector\"", "\"routing-flooding\"",
                                           "\"routing-distance-vector\", \"routing-flooding\""};
    char text[300];
    size_t size =
        (size_t)snprintf(text, sizeof text,
                         "{\"id\": \"victim\", \"join\": [\"fuzz://10.0.0.9:1\"], \"routing\": [%s], \"transports\":"
                         " [{\"plugin\": \"transport-fuzz\", \"listen\": [\"fuzz://10.0.0.1:1\"]}]}",
                         routings[choice % 3]);
    const sl_log log = {.sink = check_line, .level = SLOW_LOG_DEBUG};
    slow_error error = {.code = SLOW_OK};
    sl_config *config;
    h->world = sl_world_new(1);
    h->loop = h->world == NULL ? NULL : sl_loop_virtual_new(h->world);
    must(h->loop != NULL, "there is memory for a loop");
    const sl_service extra[] = {{HARNESS_ID, h}, {NULL, NULL}};
    for (unsigned i = 0; i < PEERS; i++)
        h->peers[i] = (peer){.of = h, .place = i, .mtu = 1400};
    bool made = sl_config_parse("fuzz", text, size, &config, &error) == SLOW_OK &&
                sl_junction_new(h->loop, config, &log, NULL, extra, &h->junction, &error) == SLOW_OK &&
                sl_junction_start(h->junction, &error) == SLOW_OK;
    must(made, error.text);
    sl_world_run(h->world, SL_MS);
}

static void harness_close(harness *h) {
    sl_junction_goodbye(h->junction);
    sl_world_run(h->world, sl_world_now(h->world) + SL_MS);
    must(sl_junction_free(h->junction) == 0, "no instance leaks");
    sl_loop_free(h->loop);
    sl_world_free(h->world);
}

static sl_link *link_of(const peer *p) {
    return p->link == 0 ? NULL : sl_links_get(&p->of->junction->links, p->link);
}

static void link_begin(peer *p, uint64_t dial) {
    char remote[64];
    snprintf(remote, sizeof remote, "fuzz://10.0.0.%u:%u", 2 + (p->place < LONELY ? p->place : LONELY),
             1000 + p->place);
    slow_link_info info = {.struct_size = sizeof info,
                           .dial = dial,
                           .local = "fuzz://10.0.0.1:1",
                           .remote = remote,
                           .mtu = p->mtu,
                           .flags = p->flags | (dial == 0 ? SLOW_LINK_INBOUND : 0u)};
    p->dial = dial;
    p->validated |= dial != 0 || p->flags & SLOW_LINK_STREAM;
    p->link = p->of->core->link_up(p->of->host, p, &info);
}

/* A datagram of an address that has no link brings one with it, as on a socket. */
static void receive(peer *p, const uint8_t *frame, size_t size) {
    if (p->link == 0)
        link_begin(p, 0);
    uint8_t *copy = malloc(size > 0 ? size : 1);
    must(copy != NULL, "there is memory for a frame");
    if (size > 0)
        memcpy(copy, frame, size);
    p->sent += size;
    slow_slice slice = {.data = copy, .size = (uint32_t)size};
    if (p->link != 0)
        p->of->core->receive(p->of->host, p->link, &slice, 1);
    free(copy);
}

/* ---- what a peer can say ---- */

static slow_bytes sized(slow_reader *in) {
    size_t size = slow_read_u16(in), left = slow_reader_left(in);
    size = size < left ? size : left;
    return (slow_bytes){slow_read_bytes(in, size), size};
}

static slow_id name_of(uint8_t number) {
    slow_id id = {.size = 6};
    memcpy(id.text, "victim", 6);
    if (number % 16 != 15)
        id = (slow_id){.size = 2, .text = {number & 16 ? 'u' : 'm', (char)('0' + number % 16)}};
    return id;
}

/* By the book, with `start` and a choice of codecs; or, where `style` is 0, as the input has it. */
static size_t make_claim(slow_reader *in, unsigned place, uint8_t *out, size_t capacity) {
    uint8_t style = slow_read_u8(in);
    if (style == 0) {
        slow_bytes raw = sized(in);
        size_t size = raw.size < capacity ? raw.size : capacity;
        if (size > 0)
            memcpy(out, raw.data, size);
        return size;
    }
    sl_claim claim = {.version = SL_LINK_VERSION,
                      .network = "slow",
                      .id = name_of((uint8_t)(style & 0x80 ? style & 31 : place)),
                      .start = style & 0x40 ? 2 : 1,
                      .codecs = {1, {"json"}},
                      .protocols.names = {2, {"distance-vector/1", "flooding/1"}},
                      .frame_max = 1400};
    if (!(style & 0x20))
        claim.codecs = (sl_names){2, {"protobuf", "json"}};
    return sl_claim_write(&claim, out, capacity);
}

static void say_init(peer *p, slow_reader *in) {
    uint8_t frame[FRAME_MAX], greeting[SL_GREETING_SIZE];
    sl_cookie cookie = {.cookie = 0};
    sl_init init = {.index = FIRST_INDEX + slow_read_u8(in), .handshake = {greeting, sizeof greeting}};
    sl_greeting_write(&(sl_greeting){.index = init.index}, greeting);
    if (sl_cookie_read((slow_bytes){p->last, p->last_size}, &cookie))
        init.cookie = cookie.cookie;
    receive(p, frame, sl_init_write(&init, frame, sizeof frame));
}

static void say_resp(peer *p, slow_reader *in) {
    uint8_t claim[SL_CLAIM_MAX], frame[FRAME_MAX];
    sl_init init;
    if (!sl_init_read((slow_bytes){p->last, p->last_size}, 0, &init))
        return;
    sl_resp resp = {.index = FIRST_INDEX, .peer_index = init.index, .tag = 1, .handshake = {claim, 0}};
    resp.handshake.size = make_claim(in, p->place, claim, sizeof claim);
    receive(p, frame, sl_resp_write(&resp, frame, sizeof frame));
}

static void say_fin(peer *p, slow_reader *in) {
    uint8_t claim[SL_CLAIM_MAX], frame[FRAME_MAX];
    sl_resp resp;
    if (!sl_resp_read((slow_bytes){p->last, p->last_size}, &resp))
        return;
    sl_fin fin = {.peer_index = resp.index, .echo = resp.tag, .tag = 1, .handshake = {claim, 0}};
    fin.handshake.size = make_claim(in, p->place, claim, sizeof claim);
    p->validated = true;
    receive(p, frame, sl_fin_write(&fin, frame, sizeof frame));
}

/* A frame with the right index, counter and tag; `kind` has in its high bits by how many numbers it comes late. */
static void say_sealed(peer *p, uint8_t kind, slow_bytes body) {
    uint8_t frame[FRAME_MAX];
    const sl_link *link = link_of(p);
    if (link == NULL)
        return;
    slow_writer w = slow_writer_of(frame, sizeof frame);
    slow_write_u32(&w, (kind & UINT32_C(15)) << 24);
    if (!sl_link_is_stream(link)) {
        slow_write_u32(&w, link->index);
        slow_write_u64(&w, link->highest_number + 1 - (kind >> 4));
    }
    slow_write_bytes(&w, body.data, body.size);
    slow_write_u64(&w, link->tag);
    if (slow_writer_ok(&w))
        receive(p, frame, slow_writer_size(&w));
}

static void say_encoded(peer *p, const slow_package *package) {
    const sl_link *link = link_of(p);
    uint8_t bytes[FRAME_MAX], record[FRAME_MAX];
    size_t size;
    if (link == NULL || link->state != SL_LINK_UP ||
        sl_link_codec(link)->ops->encode(sl_link_codec(link)->self, package, bytes, sizeof bytes, &size) != SLOW_OK)
        return;
    slow_writer w = slow_writer_of(record, sizeof record);
    slow_write_varint(&w, size);
    slow_write_bytes(&w, bytes, size);
    if (slow_writer_ok(&w))
        say_sealed(p, SL_FRAME_BUNDLE, (slow_bytes){record, slow_writer_size(&w)});
}

/* A package as its codec writes it, so that what lies behind the codec is reached at once. */
static void say_package(peer *p, slow_reader *in) {
    slow_package package = {.struct_size = sizeof package};
    slow_id dst = name_of(slow_read_u8(in)), src = name_of(slow_read_u8(in));
    package.dst = sl_id_bytes(&dst);
    package.src = sl_id_bytes(&src);
    package.type = slow_read_u8(in);
    package.priority = slow_read_u8(in);
    package.hop_limit = slow_read_u8(in);
    package.hops = slow_read_u8(in);
    package.flags = slow_read_u8(in);
    package.channel = slow_read_u8(in);
    package.kind = slow_read_u16(in);
    package.session = slow_read_u8(in);
    package.packet = slow_read_u8(in);
    package.message = slow_read_u8(in);
    package.offset = slow_read_u8(in) * SLOW_PAYLOAD_MAX;
    package.total = slow_read_u32(in);
    package.payload = sized(in);
    say_encoded(p, &package);
}

/* The junction's last package to this peer, answered: from its destination to us, with what the answer has to show (the
 * first eight bytes: a nonce, or else the number of the package) and whatever the input adds. */
static void say_answer(peer *p, slow_reader *in) {
    static const size_t header = SL_DATAGRAM_HEADER;
    const sl_link *link = link_of(p);
    uint8_t kind = slow_read_u8(in), payload[SLOW_PAYLOAD_MAX];
    bool number = kind & 1;
    slow_bytes more = sized(in);
    if (link == NULL || link->state != SL_LINK_UP || sl_link_is_stream(link) || p->last_size < header ||
        p->last[0] != SL_FRAME_BUNDLE)
        return;
    slow_reader r = slow_reader_of((slow_bytes){p->last + header, p->last_size - header});
    size_t size = (size_t)slow_read_varint(&r);
    slow_bytes bytes = {slow_read_bytes(&r, size), size};
    slow_package said = {.struct_size = sizeof said};
    p->of->junction->forward->arena_used = 0;
    if (bytes.data == NULL || sl_link_codec(link)->ops->decode(sl_link_codec(link)->self, bytes,
                                                               &p->of->junction->forward->arena, &said) != SLOW_OK)
        return;
    slow_writer w = slow_writer_of(payload, sizeof payload);
    if (number || said.payload.size < 8)
        slow_write_u64(&w, said.packet);
    else
        slow_write_bytes(&w, said.payload.data, 8);
    slow_write_bytes(&w, more.data, more.size);
    slow_package answer = {.struct_size = sizeof answer,
                           .type = SLOW_CONTROL,
                           .priority = 8,
                           .hop_limit = 9,
                           .hops = 1,
                           .kind = SL_KIND_ECHO + (kind >> 1) % 5,
                           .src = said.dst,
                           .dst = said.src,
                           .session = 1,
                           .packet = ++p->answers};
    answer.total = (uint32_t)slow_writer_size(&w);
    answer.payload = (slow_bytes){payload, answer.total};
    if (slow_writer_ok(&w))
        say_encoded(p, &answer);
}

/* The junction's own message. */
static void send_message(peer *p, slow_reader *in) {
    static const uint8_t zeros[UINT16_MAX];
    sl_outgoing *out;
    sl_message message = {.type = SLOW_BINARY};
    message.peer = name_of(slow_read_u8(in));
    message.payload = (slow_bytes){zeros, slow_read_u16(in)};
    if (sl_message_check(&message, &out, NULL) == SLOW_OK)
        sl_junction_send(p->of->junction, out);
}

static void query_done(void *arg, const sl_query_result *result) {
    (void)arg;
    must(result->status <= 0 && result->trace_count <= SL_TRACE_HOPS_MAX, "a query ends with a status");
}

static void ask(peer *p, slow_reader *in) {
    uint8_t choice = slow_read_u8(in);
    slow_id dst = name_of(choice);
    if (choice & 0x80)
        sl_path_trace(&p->of->junction->path, &dst, SL_SECOND, query_done, NULL);
    else
        sl_path_ping(&p->of->junction->path, &dst, SL_SECOND, query_done, NULL);
}

/* What an operator does: adds, prefers or removes a strategy, or tries to. */
static void change_strategies(harness *h, uint8_t choice) {
    static const char *const plugins[] = {"routing-distance-vector", "routing-flooding"};
    const char *plugin = plugins[choice & 1];
    char entry[64];
    if (choice % 3 == 0) {
        int size = snprintf(entry, sizeof entry, "{\"plugin\": \"%s\"}", plugin);
        sl_junction_routing_add(h->junction, (slow_bytes){(const uint8_t *)entry, (size_t)size}, NULL);
    } else if (choice % 3 == 1)
        sl_junction_routing_prefer(h->junction, plugin, choice, NULL);
    else
        sl_junction_routing_remove(h->junction, plugin, NULL);
}

/* ---- events ---- */

enum event {
    RAW,
    SEALED,
    INIT,
    FIN,
    RESP,
    PACKAGE,
    TIME,
    UP,
    DIALLED,
    DOWN,
    BLOCK,
    MTU,
    SEND,
    REFLECT,
    ASK,
    ANSWER,
    STRATEGY,
    EVENT_KINDS
};

static void transport_event(peer *p, enum event event, slow_reader *in) {
    harness *h = p->of;
    if (event == UP && p->link == 0) {
        p->flags = slow_read_u8(in) & (SLOW_LINK_STREAM | SLOW_LINK_LOCAL);
        p->mtu = 576 + slow_read_u8(in) * 256u;
        if (p->flags & SLOW_LINK_STREAM) /* a datagram link begins with its first frame */
            link_begin(p, 0);
    } else if (event == DIALLED && p->link == 0 && h->dial != 0) {
        uint64_t dial = h->dial;
        h->dial = 0;
        link_begin(p, dial);
    } else if (event == DOWN && p->link != 0) {
        slow_link link = p->link;
        p->link = 0;
        h->core->link_down(h->host, link, SLOW_E_CLOSED);
    } else if (event == BLOCK) {
        p->blocked = !p->blocked;
        if (!p->blocked && p->link != 0)
            h->core->writable(h->host, p->link);
    } else if (event == MTU && p->link != 0) {
        slow_link_info info = {.struct_size = sizeof info, .local = "", .remote = ""};
        info.mtu = 576 + slow_read_u8(in) * 256u;
        h->core->link_changed(h->host, p->link, &info);
    }
}

static void run_event(peer *p, enum event event, slow_reader *in) {
    harness *h = p->of;
    slow_bytes bytes;
    uint8_t number;
    switch (event) {
    case RAW:
        bytes = sized(in);
        receive(p, bytes.data, bytes.size);
        break;
    case SEALED:
        number = slow_read_u8(in);
        say_sealed(p, number, sized(in));
        break;
    case INIT:
        say_init(p, in);
        break;
    case FIN:
        say_fin(p, in);
        break;
    case RESP:
        say_resp(p, in);
        break;
    case PACKAGE:
        say_package(p, in);
        break;
    case TIME:
        sl_world_run(h->world, sl_world_now(h->world) + slow_read_u16(in) % TIME_MAX * SL_MS);
        break;
    case SEND:
        send_message(p, in);
        break;
    case ASK:
        ask(p, in);
        break;
    case ANSWER:
        say_answer(p, in);
        break;
    case STRATEGY:
        change_strategies(h, slow_read_u8(in));
        break;
    case REFLECT:
        number = slow_read_u8(in);
        receive(p, h->peers[number % PEERS].last, h->peers[number % PEERS].last_size);
        break;
    default:
        transport_event(p, event, in);
    }
}

static void check(const harness *h) {
    for (unsigned i = 0; i < PEERS; i++) {
        const peer *p = &h->peers[i];
        const sl_link *link = link_of(p);
        must(p->validated || p->got <= p->sent, "an address that has shown nothing gets no more than it sent");
        must(link == NULL || link->dial != 0 || sl_link_is_stream(link) || link->opening != NULL ||
                 link->state != SL_LINK_OPENING,
             "of a stranger on a datagram socket nothing is kept");
    }
    must(h->junction->links.env.half_open.count <= SL_STRANGERS_MAX, "half-open entries are bounded");
}

static void open_first(harness *h) {
    static const uint8_t choices[] = {0, 1}; /* index FIRST_INDEX; a claim by the book */
    slow_reader in = slow_reader_of((slow_bytes){choices, sizeof choices});
    say_init(&h->peers[0], &in);
    sl_world_run(h->world, sl_world_now(h->world));
    say_fin(&h->peers[0], &in);
    sl_world_run(h->world, sl_world_now(h->world));
    must(link_of(&h->peers[0]) != NULL && link_of(&h->peers[0])->state == SL_LINK_UP, "a link opens by the book");
}

/* Which strategies run u8, then events: kind u8 (bit 7: in one turn with the next), peer u8, and what it needs. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    harness *h = calloc(1, sizeof *h);
    must(h != NULL, "there is memory for the harness");
    slow_reader in = slow_reader_of((slow_bytes){data, size});
    harness_open(h, slow_read_u8(&in));
    open_first(h);
    for (unsigned i = 0; i < EVENTS_MAX && slow_reader_left(&in) > 0; i++) {
        uint8_t kind = slow_read_u8(&in), place = slow_read_u8(&in);
        run_event(&h->peers[place % PEERS], (enum event)((kind & 0x7f) % EVENT_KINDS), &in);
        if (!(kind & 0x80)) {
            sl_world_run(h->world, sl_world_now(h->world));
            check(h);
        }
    }
    harness_close(h);
    free(h);
    return 0;
}
