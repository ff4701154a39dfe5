/* Any bytes as a certificate's text, as a grant, as the credentials of a stranger, and as the proof of an announcement. What
 * a reader accepts, its writer writes so that the reader reads the same again; and nobody is welcome who was not when the
 * bytes were whole: the rig's one member signs with a key that the input does not have. The first byte says what the rest
 * is. */
#include "core/id.h"
#include "core/loop_virtual.h"
#include "core/membership.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds)
        abort();
}

static void try_text(slow_bytes in) {
    char text[SL_CERTIFICATE_TEXT_MAX];
    sl_certificate c, again;
    slow_error error = {.text = ""};
    slow_status status = sl_certificate_parse((const char *)in.data, in.size, &c, &error);
    must(status == SLOW_OK || error.text[0] != '\0');
    if (status != SLOW_OK)
        return;
    size_t size = sl_certificate_write(&c, text, sizeof text);
    must(size > 0 && sl_certificate_parse(text, size, &again, NULL) == SLOW_OK);
    must(strcmp(again.network, c.network) == 0 && sl_id_equal(&again.id, &c.id) &&
         again.grant.not_after == c.grant.not_after && sl_roles_valid(again.grant.roles));
}

static void try_grant(slow_bytes in) {
    uint8_t bytes[SL_GRANT_SIZE];
    sl_grant grant;
    if (!sl_grant_read(in, &grant))
        return;
    sl_grant_write(&grant, bytes);
    must(in.size == sizeof bytes && memcmp(bytes, in.data, sizeof bytes) == 0);
}

/* Bob is a member, and whoever the authority vouches for; what Bob and the authority sign with, no input knows. */
static void try_membership(slow_bytes in, bool proof) {
    sl_stats stats = {.count = {0}};
    sl_identity alice, hidden;
    uint8_t seed[SL_KEY_SIZE] = {1};
    slow_id id = {.size = 5, .text = "alice"}, bob = {.size = 3, .text = "bob"}, carol = {.size = 5, .text = "carol"};
    sl_member member = {.id = bob, .roles = SL_ROLE_RELAY}, who;
    sl_identity_from_seed(&alice, seed);
    memset(seed, 0xa5, sizeof seed);
    crypto_generichash(seed, sizeof seed, seed, sizeof seed, (const uint8_t *)"hidden from the fuzzer", 22);
    sl_identity_from_seed(&hidden, seed);
    member.key = hidden.key;
    sl_world *world = sl_world_new(1);
    sl_loop *loop = sl_loop_virtual_new(world);
    sl_membership_setup setup = {.identity = &alice,
                                 .network = "plant",
                                 .id = &id,
                                 .members = &member,
                                 .member_count = 1,
                                 .authorities = &hidden.key,
                                 .authority_count = 1};
    sl_membership *m = sl_membership_new(loop, &stats, &setup);
    must(m != NULL);
    uint32_t cost = 0;
    const slow_bytes key = {seed, sizeof seed}, statement = {(const uint8_t *)"statement", 9};
    enum sl_refusal bobs = proof ? sl_membership_verify(m, &bob, statement, in, &who, &cost)
                                 : sl_membership_judge(m, "link", &bob, key, in, &who);
    enum sl_refusal carols = proof ? sl_membership_verify(m, &carol, statement, in, &who, &cost)
                                   : sl_membership_judge(m, "link", &carol, key, in, &who);
    must(bobs != SL_WELCOME && carols != SL_WELCOME && cost <= 4);
    must(stats.count[SL_refused_no_identity + (int)bobs - SL_REFUSED_NO_IDENTITY] > 0);
    sl_membership_free(m);
    sl_loop_free(loop);
    sl_world_free(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0 || sodium_init() < 0)
        return 0;
    slow_bytes in = {data + 1, size - 1};
    switch (data[0] % 4) {
    case 0:
        try_text(in);
        break;
    case 1:
        try_grant(in);
        break;
    default:
        try_membership(in, data[0] % 4 == 3);
    }
    return 0;
}
