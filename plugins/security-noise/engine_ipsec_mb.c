/* Intel's Multi-Buffer Crypto for IPsec, libipsec-mb, one buffer at a time: at 1,368 bytes, which is a full datagram, it takes
 * 0.6 us where libsodium takes 1.3 and OpenSSL 1.1, and it is ahead at every other size (bench/RESULTS.md). That is its code
 * for AVX-512; with AVX2 it is no faster than libsodium, and slower below, so on such processors it is not used.
 *
 * It comes as a table of functions in a manager of 52 KB, which is made, asked, and freed again. The table's layout is not
 * the same in all versions, so only the one that this was compiled for will do; where there was none (Debian has it for amd64
 * alone), there is no such engine.
 *
 * A whole message, in place: the keystream of its first block makes the tag's key, as RFC 8439, 2.8 has it, within init(). It
 * deciphers as it goes, and so what has a wrong tag is enciphered again. */
#include "engine.h"

#if __has_include(<intel-ipsec-mb.h>)
#include <dlfcn.h>
#include <intel-ipsec-mb.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct ipsec_mb {
    struct noise_engine engine;
    chacha_poly_init_t init;
    chacha_poly_enc_dec_update_t encipher, decipher;
    chacha_poly_finalize_t finalize;
};

typedef struct chacha20_poly1305_context_data context;

static void ipsec_mb_seal(struct noise_engine *engine, const uint8_t *key, const uint8_t *nonce, slow_bytes ad,
                          uint8_t *data, size_t size, uint8_t *tag) {
    struct ipsec_mb *mb = (struct ipsec_mb *)engine;
    context at;
    mb->init(key, &at, nonce, ad.data, ad.size);
    mb->encipher(key, &at, data, data, size);
    mb->finalize(&at, tag, NOISE_TAG_SIZE);
    sodium_memzero(&at, sizeof at);
}

static bool ipsec_mb_unseal(struct noise_engine *engine, const uint8_t *key, const uint8_t *nonce, slow_bytes ad,
                            uint8_t *data, size_t size, const uint8_t *tag) {
    struct ipsec_mb *mb = (struct ipsec_mb *)engine;
    uint8_t expected[NOISE_TAG_SIZE];
    context at;
    mb->init(key, &at, nonce, ad.data, ad.size);
    mb->decipher(key, &at, data, data, size);
    mb->finalize(&at, expected, sizeof expected);
    sodium_memzero(&at, sizeof at);
    bool good = sodium_memcmp(tag, expected, sizeof expected) == 0;
    if (!good)
        noise_aead_stream(key, nonce, data, size);
    sodium_memzero(expected, sizeof expected); /* it would be the right tag for what was forged */
    return good;
}

static void ipsec_mb_forget(struct noise_engine *engine) {
    (void)engine; /* keys are on the stack alone, and wiped there */
}

static void ipsec_mb_free(struct noise_engine *engine) {
    free(engine);
}

/* The manager's functions, when they are those for AVX-512. */
static bool functions_take(struct ipsec_mb *mb, void *library) {
    unsigned (*version)(void);
    IMB_MGR *(*manager_new)(uint64_t);
    void (*manager_init)(IMB_MGR *, IMB_ARCH *);
    void (*manager_free)(IMB_MGR *);
    IMB_ARCH arch = IMB_ARCH_NONE;
    *(void **)&version = dlsym(library, "imb_get_version");
    *(void **)&manager_new = dlsym(library, "alloc_mb_mgr");
    *(void **)&manager_init = dlsym(library, "init_mb_mgr_auto");
    *(void **)&manager_free = dlsym(library, "free_mb_mgr");
    if (version == NULL || version() != IMB_VERSION_NUM || manager_new == NULL || manager_init == NULL ||
        manager_free == NULL)
        return false;
    IMB_MGR *manager = manager_new(0);
    if (manager == NULL)
        return false;
    manager_init(manager, &arch);
    mb->init = manager->chacha20_poly1305_init;
    mb->encipher = manager->chacha20_poly1305_enc_update;
    mb->decipher = manager->chacha20_poly1305_dec_update;
    mb->finalize = manager->chacha20_poly1305_finalize;
    manager_free(manager);
    return arch == IMB_ARCH_AVX512;
}

struct noise_engine *noise_engine_ipsec_mb(void) {
    void *library = dlopen("libIPSec_MB.so.1", RTLD_NOW | RTLD_LOCAL);
    struct ipsec_mb *mb = calloc(1, sizeof *mb);
    if (library == NULL || mb == NULL || !functions_take(mb, library)) {
        free(mb);
        return NULL;
    }
    mb->engine = (struct noise_engine){
        .seal = ipsec_mb_seal, .unseal = ipsec_mb_unseal, .forget = ipsec_mb_forget, .free = ipsec_mb_free};
    return &mb->engine;
}
#else
struct noise_engine *noise_engine_ipsec_mb(void) {
    return NULL;
}
#endif
