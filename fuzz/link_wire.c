/* Any bytes as each of the things that link frames are made of. What a reader accepts, its writer writes so that the
 * reader reads the same again; and two claims are judged the same from both ends. The first byte says what the rest is.
 * */
#include "core/id.h"
#include "core/opening.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 70000 };

static void must(bool holds) {
    if (!holds)
        abort();
}

static bool same(slow_bytes a, slow_bytes b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static void try_init(slow_bytes in, uint8_t *room) {
    sl_init init, again;
    if (!sl_init_read(in, 0, &init))
        return;
    slow_bytes out = {room, sl_init_write(&init, room, ROOM)};
    must(out.size >= SL_INIT_SIZE && sl_init_read(out, SL_INIT_SIZE, &again));
    must(again.index == init.index && again.cookie == init.cookie && same(again.handshake, init.handshake));
}

static void try_cookie(slow_bytes in, uint8_t *room) {
    sl_cookie cookie;
    if (!sl_cookie_read(in, &cookie))
        return;
    size_t size = sl_cookie_write(&cookie, room, ROOM);
    must(size <= in.size && memcmp(room, in.data, size) == 0);
}

static void try_resp(slow_bytes in, uint8_t *room) {
    sl_resp resp;
    if (sl_resp_read(in, &resp))
        must(same(in, (slow_bytes){room, sl_resp_write(&resp, room, ROOM)}));
}

static void try_fin(slow_bytes in, uint8_t *room) {
    sl_fin fin;
    if (sl_fin_read(in, &fin))
        must(same(in, (slow_bytes){room, sl_fin_write(&fin, room, ROOM)}));
}

static void try_probe(slow_bytes in, uint8_t *room) {
    sl_probe probe;
    if (!sl_probe_read(in, &probe))
        return;
    sl_probe_write(&probe, room);
    must(memcmp(room, in.data, SL_PROBE_SIZE) == 0);
}

static void try_route(slow_bytes in, uint8_t *room) {
    sl_route_frame route;
    if (!sl_route_read(in, &route))
        return;
    sl_route_write(&route, room);
    must(memcmp(room, in.data, SL_ROUTE_HEADER) == 0 && route.message.size == in.size - SL_ROUTE_HEADER);
}

static void try_protocols(slow_bytes in, uint8_t *room) {
    sl_protocols protocols;
    if (!sl_protocols_read(in, &protocols))
        return;
    size_t size = sl_protocols_write(&protocols, room);
    must(size > 0 && size <= in.size && memcmp(room, in.data, size) == 0);
    for (int i = 0; i < protocols.names.count; i++)
        must(sl_protocols_place(&protocols, protocols.names.name[i]) == i &&
             sl_protocols_place_of_number(&protocols, protocols.number[i]) == i);
}

/* A claim in the input is followed by what a later version may have appended, so its writing is a beginning of it. */
static bool try_claim(slow_bytes in, uint8_t *room, sl_claim *claim) {
    slow_id id;
    if (!sl_claim_read(in, claim))
        return false;
    size_t size = sl_claim_write(claim, room, ROOM);
    must(size > 0 && size <= in.size && memcmp(room, in.data, size) == 0);
    must(sl_id_set(&id, sl_id_bytes(&claim->id)) && claim->codecs.count <= SL_NAMES_MAX &&
         claim->protocols.names.count <= SL_NAMES_MAX);
    return true;
}

static bool names_equal(const sl_names *a, const sl_names *b) {
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->name[i], b->name[i]) != 0)
            return false;
    return true;
}

static void try_two_claims(slow_bytes in, uint8_t *room) {
    sl_claim a, b;
    sl_names at_a, at_b;
    if (in.size < 2)
        return;
    size_t first = ((size_t)in.data[0] << 8 | in.data[1]) % in.size;
    slow_bytes one = {in.data + 2, first < in.size - 2 ? first : in.size - 2};
    slow_bytes two = {one.data + one.size, in.size - 2 - one.size};
    if (!try_claim(one, room, &a) || !try_claim(two, room, &b))
        return;
    must(sl_claims_judge(&a, &b) == sl_claims_judge(&b, &a));
    if (sl_id_equal(&a.id, &b.id))
        return;
    sl_names_common(&a, &b, &a.codecs, &b.codecs, &at_a);
    sl_names_common(&b, &a, &b.codecs, &a.codecs, &at_b);
    must(names_equal(&at_a, &at_b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const tries[])(slow_bytes, uint8_t *) = {try_init,  try_cookie, try_resp,       try_fin,
                                                           try_probe, try_route,  try_two_claims, try_protocols};
    uint8_t *room = malloc(ROOM);
    if (size == 0 || room == NULL) {
        free(room);
        return 0;
    }
    slow_bytes in = {data + 1, size - 1};
    tries[data[0] % (sizeof tries / sizeof tries[0])](in, room);
    free(room);
    return 0;
}
