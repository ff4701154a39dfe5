#include "keys.h"
#include "core/config_security.h"
#include "core/loop.h"
#include <stdlib.h>
#include <string.h>

enum { AUTHORITY = UINT32_MAX };

void sim_keys_identity(uint64_t seed, uint32_t place, sl_identity *identity) {
    uint64_t state = seed ^ (uint64_t)place << 32 ^ UINT64_C(0x6b657973); /* not what anything else draws */
    uint64_t words[SL_KEY_SIZE / 8];
    uint8_t bytes[SL_KEY_SIZE];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        words[i] = sl_splitmix(&state);
    memcpy(bytes, words, sizeof bytes);
    sl_identity_from_seed(identity, bytes);
}

void sim_keys_authority(uint64_t seed, sl_identity *identity) {
    sim_keys_identity(seed, AUTHORITY, identity);
}

bool sim_keys_give(sl_config *config, uint64_t seed, uint32_t place) {
    sl_identity identity, authority;
    sim_keys_identity(seed, place, &identity);
    sim_keys_authority(seed, &authority);
    sl_certificate certificate = {
        .id = config->id,
        .grant = {.key = identity.key, .roles = SL_ROLE_RELAY, .not_before = 1, .not_after = UINT64_C(1) << 60}};
    memcpy(certificate.network, config->network, sizeof certificate.network);
    sl_certificate_sign(&certificate, &authority);
    config->authorities = malloc(sizeof *config->authorities);
    config->grant = malloc(sizeof *config->grant);
    if (config->authorities == NULL || config->grant == NULL || sl_config_set_identity(config, &identity) != SLOW_OK)
        return false;
    config->authorities[0] = authority.key;
    config->authority_count = 1;
    config->listed = true;
    *config->grant = certificate.grant;
    return true;
}
