#include "link_wire.h"
#include "id.h"
#include <slow/wire.h>
#include <string.h>

static void write_kind(slow_writer *w, enum sl_frame_kind kind) {
    slow_write_uint(w, (uint64_t)kind << 24, 4);
}

static bool read_kind(slow_reader *r, enum sl_frame_kind kind) {
    return slow_read_u32(r) == (uint32_t)kind << 24 && slow_reader_ok(r);
}

static size_t written(const slow_writer *w) {
    return slow_writer_ok(w) ? slow_writer_size(w) : 0;
}

static slow_bytes rest(slow_reader *r) {
    size_t size = slow_reader_left(r);
    return (slow_bytes){slow_read_bytes(r, size), size};
}

/* ---- the opening ---- */

size_t sl_init_write(const sl_init *init, uint8_t *out, size_t capacity) {
    slow_writer w = slow_writer_of(out, capacity);
    write_kind(&w, SL_FRAME_INIT);
    slow_write_u32(&w, init->index);
    slow_write_u64(&w, init->cookie);
    slow_write_u16(&w, (uint16_t)init->handshake.size);
    slow_write_bytes(&w, init->handshake.data, init->handshake.size);
    if (slow_writer_size(&w) < SL_INIT_SIZE) {
        size_t padding = SL_INIT_SIZE - slow_writer_size(&w);
        uint8_t *room = slow_write_room(&w, padding);
        if (room != NULL)
            memset(room, 0, padding);
    }
    return written(&w);
}

bool sl_init_read(slow_bytes frame, size_t init_size, sl_init *init) {
    slow_reader r = slow_reader_of(frame);
    if (frame.size < init_size || !read_kind(&r, SL_FRAME_INIT))
        return false;
    init->index = slow_read_u32(&r);
    init->cookie = slow_read_u64(&r);
    init->handshake.size = slow_read_u16(&r);
    init->handshake.data = slow_read_bytes(&r, init->handshake.size);
    return slow_reader_ok(&r) && init->index != 0;
}

void sl_greeting_write(const sl_greeting *greeting, uint8_t out[SL_GREETING_SIZE]) {
    slow_writer w = slow_writer_of(out, SL_GREETING_SIZE);
    slow_write_u64(&w, greeting->time_ms);
    slow_write_u32(&w, greeting->index);
}

bool sl_greeting_read(slow_bytes payload, sl_greeting *greeting) {
    slow_reader r = slow_reader_of(payload);
    greeting->time_ms = slow_read_u64(&r);
    greeting->index = slow_read_u32(&r);
    return slow_reader_ok(&r);
}

size_t sl_cookie_write(const sl_cookie *cookie, uint8_t *out, size_t capacity) {
    slow_writer w = slow_writer_of(out, capacity);
    write_kind(&w, SL_FRAME_COOKIE);
    slow_write_u32(&w, cookie->peer_index);
    slow_write_u64(&w, cookie->cookie);
    return written(&w);
}

bool sl_cookie_read(slow_bytes frame, sl_cookie *cookie) {
    slow_reader r = slow_reader_of(frame);
    if (!read_kind(&r, SL_FRAME_COOKIE))
        return false;
    cookie->peer_index = slow_read_u32(&r);
    cookie->cookie = slow_read_u64(&r);
    return slow_reader_ok(&r);
}

size_t sl_resp_write(const sl_resp *resp, uint8_t *out, size_t capacity) {
    slow_writer w = slow_writer_of(out, capacity);
    write_kind(&w, SL_FRAME_RESP);
    slow_write_u32(&w, resp->index);
    slow_write_u32(&w, resp->peer_index);
    slow_write_u64(&w, resp->tag);
    slow_write_bytes(&w, resp->handshake.data, resp->handshake.size);
    return written(&w);
}

bool sl_resp_read(slow_bytes frame, sl_resp *resp) {
    slow_reader r = slow_reader_of(frame);
    if (!read_kind(&r, SL_FRAME_RESP))
        return false;
    resp->index = slow_read_u32(&r);
    resp->peer_index = slow_read_u32(&r);
    resp->tag = slow_read_u64(&r);
    resp->handshake = rest(&r);
    return slow_reader_ok(&r) && resp->index != 0;
}

size_t sl_fin_write(const sl_fin *fin, uint8_t *out, size_t capacity) {
    slow_writer w = slow_writer_of(out, capacity);
    write_kind(&w, SL_FRAME_FIN);
    slow_write_u32(&w, fin->peer_index);
    slow_write_u64(&w, fin->echo);
    slow_write_u64(&w, fin->tag);
    slow_write_bytes(&w, fin->handshake.data, fin->handshake.size);
    return written(&w);
}

bool sl_fin_read(slow_bytes frame, sl_fin *fin) {
    slow_reader r = slow_reader_of(frame);
    if (!read_kind(&r, SL_FRAME_FIN))
        return false;
    fin->peer_index = slow_read_u32(&r);
    fin->echo = slow_read_u64(&r);
    fin->tag = slow_read_u64(&r);
    fin->handshake = rest(&r);
    return slow_reader_ok(&r);
}

/* ---- the claim ---- */

static void write_names(slow_writer *w, const sl_names *names) {
    slow_write_u8(w, names->count);
    for (size_t i = 0; i < names->count; i++)
        slow_write_short(w, names->name[i], strnlen(names->name[i], SL_NAME_SIZE));
}

/* A name is printable ASCII, so that it can stand in a log and in an answer of the admin API. */
static bool read_text(slow_reader *r, char *out, size_t capacity) {
    slow_bytes text = slow_read_short(r);
    if (!slow_reader_ok(r) || text.size == 0 || text.size >= capacity)
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < 0x21 || text.data[i] > 0x7e)
            return false;
    memcpy(out, text.data, text.size);
    out[text.size] = '\0';
    return true;
}

static bool read_names(slow_reader *r, sl_names *names) {
    names->count = slow_read_u8(r);
    if (names->count > SL_NAMES_MAX)
        return false;
    for (size_t i = 0; i < names->count; i++)
        if (!read_text(r, names->name[i], SL_NAME_SIZE))
            return false;
    return slow_reader_ok(r);
}

static void write_numbers(slow_writer *w, const sl_protocols *protocols) {
    for (size_t i = 0; i < protocols->names.count; i++)
        slow_write_u8(w, protocols->number[i]);
}

/* No name and no number twice, or a frame could be meant for two. */
static bool read_numbers(slow_reader *r, sl_protocols *protocols) {
    for (size_t i = 0; i < protocols->names.count; i++) {
        protocols->number[i] = slow_read_u8(r);
        for (size_t k = 0; k < i; k++)
            if (protocols->number[k] == protocols->number[i] ||
                strcmp(protocols->names.name[k], protocols->names.name[i]) == 0)
                return false;
    }
    return slow_reader_ok(r);
}

size_t sl_claim_write(const sl_claim *claim, uint8_t *out, size_t capacity) {
    slow_writer w = slow_writer_of(out, capacity);
    bool numbers = claim->protocols.generation != 0;
    slow_write_u16(&w, claim->version);
    slow_write_short(&w, claim->network, strnlen(claim->network, sizeof claim->network));
    slow_write_short(&w, claim->id.text, claim->id.size);
    slow_write_u64(&w, claim->start);
    write_names(&w, &claim->codecs);
    write_names(&w, &claim->protocols.names);
    slow_write_u32(&w, claim->frame_max);
    slow_write_u32(&w, claim->features | (numbers ? SL_FEATURE_NUMBERS : 0));
    slow_write_u16(&w, (uint16_t)claim->credentials.size);
    slow_write_bytes(&w, claim->credentials.data, claim->credentials.size);
    if (numbers) {
        slow_write_u32(&w, claim->protocols.generation);
        write_numbers(&w, &claim->protocols);
    }
    return written(&w);
}

bool sl_claim_read(slow_bytes bytes, sl_claim *claim) {
    slow_reader r = slow_reader_of(bytes);
    *claim = (sl_claim){.version = slow_read_u16(&r)};
    if (!read_text(&r, claim->network, sizeof claim->network))
        return false;
    slow_bytes id = slow_read_short(&r);
    if (!slow_reader_ok(&r) || !sl_id_set(&claim->id, id))
        return false;
    claim->start = slow_read_u64(&r);
    if (!read_names(&r, &claim->codecs) || !read_names(&r, &claim->protocols.names))
        return false;
    for (uint8_t i = 0; i < claim->protocols.names.count; i++)
        claim->protocols.number[i] = i;
    claim->frame_max = slow_read_u32(&r);
    claim->features = slow_read_u32(&r);
    claim->credentials.size = slow_read_u16(&r);
    claim->credentials.data = slow_read_bytes(&r, claim->credentials.size);
    if (!(claim->features & SL_FEATURE_NUMBERS))
        return slow_reader_ok(&r);
    claim->protocols.generation = slow_read_u32(&r);
    return read_numbers(&r, &claim->protocols) && claim->protocols.generation != 0;
}

/* ---- after the opening ---- */

void sl_probe_write(const sl_probe *probe, uint8_t out[SL_PROBE_SIZE]) {
    slow_writer w = slow_writer_of(out, SL_PROBE_SIZE);
    slow_write_u16(&w, probe->keep_ms);
    slow_write_u16(&w, probe->want_ms);
    slow_write_u32(&w, probe->stamp);
    slow_write_u32(&w, probe->echo);
    slow_write_u32(&w, probe->held);
}

bool sl_probe_read(slow_bytes body, sl_probe *probe) {
    slow_reader r = slow_reader_of(body);
    probe->keep_ms = slow_read_u16(&r);
    probe->want_ms = slow_read_u16(&r);
    probe->stamp = slow_read_u32(&r);
    probe->echo = slow_read_u32(&r);
    probe->held = slow_read_u32(&r);
    return slow_reader_ok(&r);
}

void sl_route_write(const sl_route_frame *route, uint8_t out[SL_ROUTE_HEADER]) {
    slow_writer w = slow_writer_of(out, SL_ROUTE_HEADER);
    slow_write_u8(&w, route->protocol);
    slow_write_u8(&w, route->epoch);
    slow_write_u32(&w, route->seq);
}

bool sl_route_read(slow_bytes body, sl_route_frame *route) {
    slow_reader r = slow_reader_of(body);
    route->protocol = slow_read_u8(&r);
    route->epoch = slow_read_u8(&r);
    route->seq = slow_read_u32(&r);
    route->message = rest(&r);
    return slow_reader_ok(&r) && route->message.size <= SLOW_ROUTE_MESSAGE_MAX;
}

size_t sl_protocols_write(const sl_protocols *protocols, uint8_t out[SL_PROTOCOLS_MAX]) {
    slow_writer w = slow_writer_of(out, SL_PROTOCOLS_MAX);
    slow_write_u32(&w, protocols->generation);
    write_names(&w, &protocols->names);
    write_numbers(&w, protocols);
    return written(&w);
}

bool sl_protocols_read(slow_bytes body, sl_protocols *protocols) {
    slow_reader r = slow_reader_of(body);
    protocols->generation = slow_read_u32(&r);
    return read_names(&r, &protocols->names) && read_numbers(&r, protocols);
}

void sl_protocols_ack_write(uint32_t generation, uint8_t out[SL_PROTOCOLS_ACK_SIZE]) {
    slow_writer w = slow_writer_of(out, SL_PROTOCOLS_ACK_SIZE);
    slow_write_u32(&w, generation);
}

bool sl_protocols_ack_read(slow_bytes body, uint32_t *generation) {
    slow_reader r = slow_reader_of(body);
    *generation = slow_read_u32(&r);
    return slow_reader_ok(&r);
}

int sl_protocols_place(const sl_protocols *protocols, const char *name) {
    for (int i = 0; i < protocols->names.count; i++)
        if (strcmp(protocols->names.name[i], name) == 0)
            return i;
    return -1;
}

int sl_protocols_place_of_number(const sl_protocols *protocols, uint8_t number) {
    for (int i = 0; i < protocols->names.count; i++)
        if (protocols->number[i] == number)
            return i;
    return -1;
}

const char *sl_close_text(enum sl_close_reason reason) {
    static const char *const texts[SL_CLOSE_REASONS] = {
        [SL_CLOSE_GOODBYE] = "it said goodbye",
        [SL_CLOSE_LEAVE] = "the join was taken back",
        [SL_CLOSE_DUPLICATE] = "another link between the same two machines stays",
        [SL_CLOSE_REPLACED] = "it was opened anew",
        [SL_CLOSE_TOO_MANY] = "a neighbour has at most 4 links",
        [SL_CLOSE_VERSION] = "another protocol version",
        [SL_CLOSE_NETWORK] = "another network",
        [SL_CLOSE_OWN_ID] = "the id is our own",
        [SL_CLOSE_NO_CODEC] = "no codec in common",
        [SL_CLOSE_NOT_A_MEMBER] = "not a member",
        [SL_CLOSE_SILENT] = "nothing was heard for too long",
        [SL_CLOSE_BROKEN] = "the connection broke",
        [SL_CLOSE_TIMEOUT] = "the opening did not end in time",
        [SL_CLOSE_UNANSWERED] = "it did not answer our credentials: if it refuses us, its log says why",
        [SL_CLOSE_LET_OUT] = "it let us out: we are not a member there; its log says why",
    };
    return reason > 0 && reason < SL_CLOSE_REASONS ? texts[reason] : "no reason that we know";
}
