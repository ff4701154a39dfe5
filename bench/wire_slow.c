/* wire_slow.c - a junction in outline: just as much of Slow's protocol as an end of a measurement needs.
 *
 * It opens a link as a junction does (party.h), plain or sealed, tells the relay by ROUTE frames of distance-vector/1 which
 * destinations lie behind it, acknowledges what the relay tells, and probes. Then it sends BUNDLE frames that were encoded
 * beforehand and counts the records of those that come. Frames and claims are written by the core's own link_wire.c and
 * packages by the codecs' own code, so the bytes are those of a junction; there is no queue, no route table and no delivery.
 *
 * On a plain stream a chunk can be sent over and over as it is. On datagrams every frame bears a counter, which is patched in
 * before each send: the relay's replay window would otherwise drop the second round. On a sealed link each frame is sealed
 * before each send, and what comes is opened before it is counted, as everywhere.
 *
 * A ROUTE is repeated from the first unacknowledged one (go-back-N, as core/channel.h has it). The relay is told of all
 * destinations, and has acknowledged them, before anything is measured. */
#include "end.h"
#include "party.h"
#include "plugins/routing-distance-vector/message.h"
#include <poll.h>
#include <slow/codec.h>
#include <slow/package.h>
#include <slow/transport.h>
#include <slow/wire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    STREAM_FRAME = 16384, /* bytes; as transport-tcp fills them */
    DATAGRAM_FRAME = 1400,
    FLIGHT = 64,
    KEEP_MS = 200,
    CONTROL_MOST = 1200,
};
static const uint64_t PROBE_EVERY = 60 * BENCH_MS, REPEAT_AFTER = 100 * BENCH_MS, GIVE_UP_AFTER = 10 * BENCH_SECOND;

const slow_module *slow_module_v1_codec_protobuf(void);
const slow_module *slow_module_v1_codec_json(void);

typedef struct slow_end {
    party *party;
    uint64_t number, heard, epoch_ms; /* heard: the number of the last frame of a stream */
    uint8_t epoch;                    /* of the strategy channel: the relay's, once it has shown it; before, 0 */
    uint32_t wanted;                  /* the next ROUTE of the relay's */
    uint32_t acked;                   /* the relay wants this one of ours */
    bool ack_due, broken;
    uint32_t echo; /* the relay's last stamp */
    uint64_t echo_at, probe_at;
    const slow_codec_ops *codec;
} slow_end;

static uint32_t header_size(const end *e) {
    return e->wire->stream ? SL_STREAM_HEADER : SL_DATAGRAM_HEADER;
}

static uint32_t tag_size(const end *e) {
    return party_tag_size(((slow_end *)e->state)->party);
}

/* ---- frames out ---- */

static bool frame_send(end *e, const uint8_t *frame, size_t size) {
    uint8_t whole[2 + SL_OPENING_FRAME];
    slow_writer w = slow_writer_of(whole, sizeof whole);
    if (e->wire->stream)
        slow_write_u16(&w, (uint16_t)size);
    slow_write_bytes(&w, frame, size);
    return slow_writer_ok(&w) && end_write(e, whole, slow_writer_size(&w));
}

static void head_write(slow_writer *w, const end *e, enum sl_frame_kind kind, uint64_t number) {
    const slow_end *s = e->state;
    slow_write_u32(w, (uint32_t)kind << 24);
    if (e->wire->stream)
        return;
    slow_write_u32(w, s->party->opening->peer_index);
    slow_write_u64(w, number);
}

/* The tag, and what it takes: everything before it is there, in the clear. */
static void frame_seal(const end *e, uint8_t *frame, size_t size, uint64_t number) {
    const party *p = ((slow_end *)e->state)->party;
    uint32_t header = header_size(e), tag = tag_size(e);
    uint8_t *tag_at = frame + size - tag;
    if (party_seals(p)) {
        p->env.security->seal(p->opening->session, number, (slow_bytes){frame, header}, frame + header,
                              size - header - tag, tag_at);
        return;
    }
    slow_writer w = slow_writer_of(tag_at, tag);
    slow_write_u64(&w, p->opening->peer_tag);
}

static bool frame_unseal(const end *e, uint8_t *frame, size_t size) {
    slow_end *s = e->state;
    const party *p = s->party;
    uint32_t header = header_size(e), tag = tag_size(e);
    uint64_t number = s->heard + 1;
    if (!party_seals(p))
        return true;
    if (!e->wire->stream) {
        slow_reader r = slow_reader_of((slow_bytes){frame + 8, 8});
        number = slow_read_u64(&r);
    }
    if (p->env.security->unseal(p->opening->session, number, (slow_bytes){frame, header}, frame + header,
                                size - header - tag, frame + size - tag) != SLOW_OK)
        return false;
    s->heard = number;
    return true;
}

static void control_send(end *e, enum sl_frame_kind kind, const uint8_t *head, size_t head_size, slow_bytes body) {
    slow_end *s = e->state;
    uint8_t frame[CONTROL_MOST];
    slow_writer w = slow_writer_of(frame, sizeof frame);
    head_write(&w, e, kind, ++s->number);
    slow_write_bytes(&w, head, head_size);
    slow_write_bytes(&w, body.data, body.size);
    slow_write_room(&w, tag_size(e));
    frame_seal(e, frame, slow_writer_size(&w), s->number);
    frame_send(e, frame, slow_writer_size(&w));
}

static void route_send(end *e, enum sl_frame_kind kind, uint32_t seq, slow_bytes message) {
    const slow_end *s = e->state;
    uint8_t head[SL_ROUTE_HEADER];
    sl_route_frame frame = {.protocol = 0, .epoch = s->epoch, .seq = seq};
    sl_route_write(&frame, head);
    control_send(e, kind, head, sizeof head, message);
}

static uint32_t stamp_of(uint64_t now) {
    return (uint32_t)(now / 1000) | 1;
}

static void probe_send(end *e, uint64_t now) {
    slow_end *s = e->state;
    uint8_t bytes[SL_PROBE_SIZE];
    sl_probe probe = {.keep_ms = KEEP_MS,
                      .want_ms = KEEP_MS,
                      .stamp = stamp_of(now),
                      .echo = s->echo,
                      .held = (uint32_t)((now - s->echo_at) / 1000)};
    sl_probe_write(&probe, bytes);
    control_send(e, SL_FRAME_PROBE, bytes, sizeof bytes, (slow_bytes){NULL, 0});
    s->probe_at = now + PROBE_EVERY;
}

static void slow_tick(end *e, uint64_t now) {
    slow_end *s = e->state;
    if (s->ack_due) {
        s->ack_due = false;
        route_send(e, SL_FRAME_ROUTE_ACK, s->wanted, (slow_bytes){NULL, 0});
    }
    if (now >= s->probe_at)
        probe_send(e, now);
}

/* ---- frames in ---- */

static size_t records_count(slow_bytes body) {
    size_t count = 0;
    slow_reader r = slow_reader_of(body);
    while (slow_reader_left(&r) > 0) {
        uint64_t size = slow_read_varint(&r);
        if (size == 0 || slow_read_bytes(&r, (size_t)size) == NULL)
            break;
        count++;
    }
    return count;
}

static void take_route(slow_end *s, enum sl_frame_kind kind, slow_bytes body) {
    sl_route_frame route;
    if (!sl_route_read(body, &route))
        return;
    if (route.epoch != s->epoch) { /* it began anew */
        s->epoch = route.epoch;
        s->wanted = s->acked = 1;
    }
    if (kind == SL_FRAME_ROUTE_ACK) {
        s->acked = route.seq;
        return;
    }
    s->wanted += route.seq == s->wanted;
    s->ack_due = true;
}

static void take_probe(slow_end *s, slow_bytes body) {
    sl_probe probe;
    if (!sl_probe_read(body, &probe))
        return;
    s->echo = probe.stamp;
    s->echo_at = bench_now();
}

static void take_opening(end *e, enum sl_frame_kind kind, slow_bytes frame) {
    slow_end *s = e->state;
    bool now = false;
    if (kind == SL_FRAME_COOKIE) {
        if (sl_opening_cookie(s->party->opening, &s->party->env, frame, &now) && now)
            frame_send(e, s->party->opening->frame, s->party->opening->size);
    } else if (kind == SL_FRAME_RESP)
        s->broken |= sl_opening_resp(s->party->opening, &s->party->env, frame) == SLOW_E_INVAL;
}

/* Returns the messages in one frame. */
static size_t frame_take(end *e, uint8_t *frame, size_t size) {
    slow_end *s = e->state;
    size_t around = header_size(e) + tag_size(e);
    enum sl_frame_kind kind = (enum sl_frame_kind)frame[0];
    if (kind == SL_FRAME_COOKIE || kind == SL_FRAME_RESP) {
        take_opening(e, kind, (slow_bytes){frame, size});
        return 0;
    }
    if (size < around || !s->party->opening->claimed)
        return 0;
    if (!frame_unseal(e, frame, size)) {
        bench_error("%s: a frame of the relay's cannot be opened", e->id);
        s->broken = true;
        return 0;
    }
    slow_bytes body = {frame + header_size(e), size - around};
    switch (kind) {
    case SL_FRAME_BUNDLE:
        return records_count(body);
    case SL_FRAME_PROBE:
        take_probe(s, body);
        return 0;
    case SL_FRAME_ROUTE:
    case SL_FRAME_ROUTE_ACK:
        take_route(s, kind, body);
        return 0;
    case SL_FRAME_CLOSE:
        bench_error("the relay closed %s's link: %s", e->id,
                    sl_close_text(body.size > 0 ? (enum sl_close_reason)body.data[0] : SL_CLOSE_BROKEN));
        s->broken = true;
        return 0;
    default:
        return 0;
    }
}

static size_t parse_stream(end *e, uint8_t *bytes, size_t size, size_t *used) {
    size_t count = 0;
    slow_reader r = slow_reader_of((slow_bytes){bytes, size});
    *used = 0;
    while (slow_reader_left(&r) > 2) {
        size_t frame_size = slow_read_u16(&r);
        uint8_t *frame = bytes + (r.at - bytes);
        if (slow_read_bytes(&r, frame_size) == NULL || frame_size == 0)
            break;
        count += frame_take(e, frame, frame_size);
        *used = (size_t)(r.at - bytes);
    }
    e->broken = e->broken || ((slow_end *)e->state)->broken;
    return count;
}

static size_t parse_datagram(end *e, uint8_t *bytes, size_t size, size_t *used) {
    *used = size;
    size_t count = size > 0 ? frame_take(e, bytes, size) : 0;
    e->broken = e->broken || ((slow_end *)e->state)->broken;
    return count;
}

/* ---- the opening ---- */

static bool opening_send(end *e) {
    const sl_opening *opening = ((slow_end *)e->state)->party->opening;
    return frame_send(e, opening->frame, opening->size);
}

static bool link_open(end *e) {
    slow_end *s = e->state;
    sl_opening *opening = s->party->opening;
    uint64_t deadline = bench_now() + GIVE_UP_AFTER;
    while (!opening->claimed && !s->broken && !e->broken && bench_now() < deadline) {
        opening_send(e);
        if (!e->wire->stream)
            e->broken = false; /* refused: the relay is still starting */
        for (uint64_t again = bench_now() + REPEAT_AFTER; !opening->claimed && bench_now() < again && !e->broken;)
            if (end_wait(e, POLLIN, REPEAT_AFTER))
                end_receive(e);
        if (!e->wire->stream && !s->broken)
            e->broken = false;
    }
    if (!opening->claimed || opening->verdict != 0) {
        bench_error("%s: the relay at port %u does not open a link%s%s", e->id, (unsigned)ntohs(e->relay.sin_port),
                    opening->claimed ? ": " : "", opening->claimed ? sl_close_text(opening->verdict) : "");
        return false;
    }
    return opening_send(e);
}

/* ---- what lies behind us ---- */

static slow_bytes destination_name(const char *own, uint32_t number, char out[IDS_SIZE]) {
    int size = number == 0 ? snprintf(out, IDS_SIZE, "%s", own) : snprintf(out, IDS_SIZE, "d%07u", number);
    return (slow_bytes){(const uint8_t *)out, (size_t)size};
}

/* Empty on a plain link. */
static slow_bytes origin_proof(const end *e) {
    const slow_end *s = e->state;
    uint8_t statement[DV_STATEMENT_MAX];
    slow_bytes id = {(const uint8_t *)e->id, strlen(e->id)};
    size_t size = dv_statement(statement, id, (struct dv_stamp){.epoch = s->epoch_ms, .seq = 1});
    return sl_membership_sign(s->party->membership, (slow_bytes){statement, size});
}

/* Writes ORIGIN records from number `from` on, up to `total`; returns the number behind the last. */
static uint32_t origins_write(const end *e, uint32_t from, uint32_t total, uint8_t *out, size_t *size) {
    const slow_end *s = e->state;
    slow_writer w = slow_writer_of(out, SLOW_ROUTE_MESSAGE_MAX);
    slow_bytes proof = origin_proof(e);
    for (; from < total; from++) {
        char name[IDS_SIZE];
        struct dv_record record = {.kind = DV_ORIGIN,
                                   .handle = from,
                                   .word = {.stamp = {.epoch = s->epoch_ms, .seq = 1}, .metric = from == 0 ? 0 : 10},
                                   .proven = proof.size > 0 ? 1 : 0,
                                   .id = destination_name(e->id, from, name),
                                   .proof = proof};
        if (!dv_record_write(&w, &record))
            break;
    }
    *size = slow_writer_size(&w);
    return from;
}

/* Where each message begins is found by writing it, so the window's first number is remembered. */
static bool origins_send(end *e) {
    slow_end *s = e->state;
    uint8_t message[SLOW_ROUTE_MESSAGE_MAX];
    uint32_t total = e->far && e->shape->destinations > 1 ? e->shape->destinations : 1, first = 0, seq = 1;
    uint64_t deadline = bench_now() + 60 * BENCH_SECOND;
    while (first < total && !e->broken && bench_now() < deadline) {
        uint32_t number = first, end_seq = seq;
        for (; number < total && end_seq < seq + FLIGHT; end_seq++) {
            size_t size;
            number = origins_write(e, number, total, message, &size);
            route_send(e, SL_FRAME_ROUTE, end_seq, (slow_bytes){message, size});
        }
        uint64_t again = bench_now() + REPEAT_AFTER;
        uint8_t epoch = s->epoch;
        while (s->acked < end_seq && s->epoch == epoch && !e->broken && bench_now() < again) {
            if (end_wait(e, POLLIN, 20 * BENCH_MS))
                end_receive(e);
            slow_tick(e, bench_now());
        }
        if (s->epoch != epoch)
            first = 0, seq = 1;
        else if (s->acked >= end_seq)
            first = number, seq = end_seq;
    }
    if (first < total)
        bench_error("%s: the relay does not take our %u destinations", e->id, total);
    return first >= total;
}

static bool slow_greet(end *e) {
    slow_end *s = e->state;
    struct timespec wall;
    char config[CONFIG_MOST];
    void *self = NULL;
    const slow_module *module = e->shape->json ? slow_module_v1_codec_json() : slow_module_v1_codec_protobuf();
    clock_gettime(CLOCK_REALTIME, &wall);
    *s = (slow_end){.wanted = 1, .acked = 1, .codec = module->plugins[0]->ops};
    s->epoch_ms = (uint64_t)wall.tv_sec * 1000;
    keys_config(e->keys, e->id, e->shape->sealing, "", config);
    s->party = party_new(config, e->shape->json ? "json" : "protobuf");
    if (s->party == NULL || module->plugins[0]->create(NULL, NULL, &self, NULL) != 0 || !link_open(e))
        return false;
    probe_send(e, bench_now());
    while (s->epoch == 0 && !e->broken && end_wait(e, POLLIN, GIVE_UP_AFTER)) {
        end_receive(e);
        slow_tick(e, bench_now());
    }
    return !e->broken && origins_send(e);
}

/* ---- packages ---- */

static size_t package_write(const end *e, uint32_t number, uint8_t *out, size_t capacity) {
    const slow_end *s = e->state;
    uint8_t payload[SLOW_PAYLOAD_MAX];
    char dst[IDS_SIZE];
    uint32_t size_of_payload = bench_payload(e->shape, number), destinations = e->shape->destinations;
    uint64_t spread = (number + UINT64_C(1)) * 2654435761u >> 7;
    size_t size;
    memset(payload, 'x', sizeof payload);
    if (e->shape->json)
        payload[0] = payload[size_of_payload - 1] = '"';
    slow_package package = {
        .struct_size = sizeof package,
        .type = e->shape->json ? SLOW_JSON : SLOW_BINARY,
        .priority = 1,
        .hop_limit = 64,
        .hops = 1,
        .src = {(const uint8_t *)e->id, strlen(e->id)},
        .dst = destination_name(e->peer, destinations > 1 ? (uint32_t)(spread % destinations) : 0, dst),
        .session = UINT64_C(0x1122334455667788),
        .packet = number + 1,
        .message = number + 1,
        .total = size_of_payload,
        .payload = {payload, size_of_payload}};
    return s->codec->encode(NULL, &package, out, capacity, &size) == SLOW_OK ? size : 0;
}

/* Records from *next on, into one frame of at most `room` bytes. */
static size_t records_write(const end *e, uint8_t *out, size_t room, uint32_t *next, uint32_t last, uint32_t *count) {
    slow_writer w = slow_writer_of(out, room);
    uint8_t package[SLOW_FRAME_FLOOR];
    while (*next < last && (*count == 0 || !e->shape->single)) {
        size_t size = package_write(e, *next, package, sizeof package);
        if (size == 0 || slow_varint_size(size) + size > room - slow_writer_size(&w))
            break;
        slow_write_varint(&w, size);
        slow_write_bytes(&w, package, size);
        ++*next;
        ++*count;
    }
    return slow_writer_size(&w);
}

/* One frame behind what is in the chunk. `stride`: to which size it is padded; 0 = not. False: no message fits. */
static bool frame_add(end *e, chunk *c, size_t frame_most, uint32_t stride, uint32_t *next, uint32_t last) {
    uint32_t header = header_size(e), tag = tag_size(e), prefix = e->wire->stream ? 2 : 0, count = 0;
    size_t left = CHUNK_MOST - c->size, most = frame_most + prefix < left ? frame_most + prefix : left;
    if (most < prefix + header + tag + 1 || stride > left)
        return false;
    uint8_t *start = c->bytes + c->size;
    size_t room = most - prefix - header - tag;
    size_t records = records_write(e, start + prefix + header, room, next, last, &count);
    if (count == 0)
        return false;
    size_t frame = header + records + tag;
    if (stride > frame) {
        memset(start + prefix + header + records, 0, stride - frame);
        frame = stride;
    }
    slow_writer w = slow_writer_of(start, prefix + header);
    if (prefix > 0)
        slow_write_u16(&w, (uint16_t)frame);
    head_write(&w, e, SL_FRAME_BUNDLE, 0);
    if (e->shape->sealing == PLAIN)
        frame_seal(e, start + prefix, frame, 0);
    c->size += (uint32_t)(prefix + frame);
    c->count += count;
    return true;
}

static void fill_stream(end *e, chunk *c, uint32_t *next, uint32_t last) {
    while (frame_add(e, c, STREAM_FRAME, 0, next, last))
        ;
}

/* Frames of one size, as UDP_SEGMENT wants them: the first one's, or the most where sizes are mixed. */
static void fill_datagram(end *e, chunk *c, uint32_t *next, uint32_t last) {
    bool mixed = e->shape->payload_least != e->shape->payload_most;
    uint32_t stride = mixed ? DATAGRAM_FRAME : 0;
    for (unsigned frames = 0; frames < (e->shape->trains ? CHUNK_MOST / DATAGRAM_FRAME : DATAGRAMS); frames++) {
        if (!frame_add(e, c, stride > 0 ? stride : DATAGRAM_FRAME, stride, next, last))
            break;
        if (frames == 0)
            c->segment = stride = c->size;
    }
}

static void number_frames(end *e, chunk *c) {
    slow_end *s = e->state;
    for (uint32_t at = 0; at < c->size; at += c->segment) {
        uint32_t size = c->size - at < c->segment ? c->size - at : c->segment;
        slow_writer w = slow_writer_of(c->bytes + at, SL_DATAGRAM_HEADER);
        head_write(&w, e, SL_FRAME_BUNDLE, ++s->number);
        if (c->clear == NULL)
            continue;
        memcpy(c->bytes + at + SL_DATAGRAM_HEADER, c->clear + at + SL_DATAGRAM_HEADER, size - SL_DATAGRAM_HEADER);
        frame_seal(e, c->bytes + at, size, s->number);
    }
}

static void seal_stream(end *e, chunk *c) {
    slow_end *s = e->state;
    if (c->clear == NULL)
        return;
    memcpy(c->bytes, c->clear, c->size);
    for (slow_reader r = slow_reader_of((slow_bytes){c->bytes, c->size}); slow_reader_left(&r) > 0;) {
        size_t size = slow_read_u16(&r);
        frame_seal(e, c->bytes + (r.at - c->bytes), size, ++s->number);
        slow_read_bytes(&r, size);
    }
}

static void slow_close(end *e) {
    party_free(((slow_end *)e->state)->party);
}

const wire wire_slow_stream = {.stream = true,
                               .state_size = sizeof(slow_end),
                               .greet = slow_greet,
                               .fill = fill_stream,
                               .parse = parse_stream,
                               .before_send = seal_stream,
                               .tick = slow_tick,
                               .close = slow_close};
const wire wire_slow_datagram = {.state_size = sizeof(slow_end),
                                 .greet = slow_greet,
                                 .fill = fill_datagram,
                                 .parse = parse_datagram,
                                 .before_send = number_frames,
                                 .tick = slow_tick,
                                 .close = slow_close};
