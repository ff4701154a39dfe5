/* Ed25519 keys, and the files that hold secrets.
 *
 * A secret's file is read with one rule, whatever it is for: the mode is that of the descriptor that is then read, so that
 * nobody can change the file between the look and the reading; and a file that others can read is refused, not warned of:
 * a warning scrolls by, and the key has been public ever since. (ssh does the same.) The owner may be root, as for files
 * that a service manager hands over.
 *
 * Public keys are checked where they come in: libsodium's verification refuses small-order and non-canonical keys as well
 * as signatures whose scalar is not reduced (RFC 8032, 5.1.7; Chalkias et al., "Taming the many EdDSAs", 2020), and
 * sl_key_parse() tells whoever wrote such a key into a config, before anything is signed.
 *
 * A seed is kept rather than the 64 bytes that libsodium works with: 44 characters are one line, and there is one way to
 * write them. */
#include "identity.h"
#include "file.h"
#include "log.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_FILE_MAX = 256, PATH_SHOWN = 120 };

_Static_assert(crypto_sign_PUBLICKEYBYTES == SL_KEY_SIZE && crypto_sign_SEEDBYTES == SL_KEY_SIZE &&
                   crypto_sign_BYTES == SL_SIGNATURE_SIZE &&
                   crypto_sign_SECRETKEYBYTES == sizeof((sl_identity *)NULL)->secret,
               "Ed25519");

/* ---- secrets ---- */

void *sl_secret_new(size_t size) {
    if (sodium_init() < 0)
        return NULL;
    void *memory = sodium_malloc(size);
    if (memory != NULL)
        memset(memory, 0, size);
    return memory;
}

void sl_secret_free(void *memory) {
    sodium_free(memory);
}

void sl_secret_wipe(void *memory, size_t size) {
    sodium_memzero(memory, size);
}

/* Is what was opened fit to hold a secret? */
static slow_status secret_check(int fd, const char *path, slow_error *error) {
    struct stat info;
    if (fstat(fd, &info) != 0)
        return sl_error(error, SLOW_E_FAIL, path, "%.*s: cannot be read: %s", PATH_SHOWN, path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return sl_error(error, SLOW_E_INVAL, path, "%.*s: is no regular file; expected the file of a secret",
                        PATH_SHOWN, path);
    if (info.st_uid != geteuid() && info.st_uid != 0)
        return sl_error(error, SLOW_E_INVAL, path,
                        "belongs to user %lu, who could read or change it; expected this user's own: chown %lu %.*s",
                        (unsigned long)info.st_uid, (unsigned long)geteuid(), PATH_SHOWN, path);
    if ((info.st_mode & 077) != 0)
        return sl_error(error, SLOW_E_INVAL, path, "others can read or change this secret (mode %04o): chmod 600 %.*s",
                        (unsigned)info.st_mode & 07777, PATH_SHOWN, path);
    return SLOW_OK;
}

/* Up to `most` + 1 bytes: one more than allowed shows that there are too many. */
static bool read_all(int fd, uint8_t *out, size_t capacity, size_t *size) {
    *size = 0;
    while (*size < capacity) {
        ssize_t got = read(fd, out + *size, capacity - *size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        *size += (size_t)got;
    }
    return true;
}

slow_status sl_secret_read(const char *path, size_t most, uint8_t **out, size_t *size, slow_error *error) {
    uint8_t *content = NULL;
    slow_status status = SLOW_E_FAIL;
    *out = NULL;
    *size = 0;
    int fd =
        open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a pipe would hold us up before it is refused */
    if (fd < 0) {
        sl_error(error, status, path, "%.*s: cannot be opened: %s", PATH_SHOWN, path, strerror(errno));
        goto out;
    }
    status = secret_check(fd, path, error);
    if (status != SLOW_OK)
        goto out;
    content = sl_secret_new(most + 1);
    if (content == NULL) {
        status = sl_error(error, SLOW_E_NOMEM, path, "%.*s: no memory", PATH_SHOWN, path);
        goto out;
    }
    if (!read_all(fd, content, most + 1, size)) {
        status = sl_error(error, SLOW_E_FAIL, path, "%.*s: cannot be read: %s", PATH_SHOWN, path, strerror(errno));
        goto out;
    }
    if (*size > most) {
        status = sl_error(error, SLOW_E_TOOBIG, path, "%.*s: is over %zu bytes long; expected a secret", PATH_SHOWN,
                          path, most);
        goto out;
    }
    *out = content;
    content = NULL;
out:
    sl_secret_free(content);
    if (fd >= 0)
        close(fd);
    return status;
}

slow_status sl_secret_write(const char *path, slow_bytes content, slow_error *error) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST)
        return sl_error(error, SLOW_E_INVAL, path,
                        "%.*s: is there already, and is never overwritten; choose another name, or remove it",
                        PATH_SHOWN, path);
    if (fd < 0)
        return sl_error(error, SLOW_E_FAIL, path, "%.*s: cannot be made: %s", PATH_SHOWN, path, strerror(errno));
    bool written = fchmod(fd, 0600) == 0 && sl_file_write_all(fd, content) && fsync(fd) == 0;
    int why = errno;
    if (close(fd) != 0 && written) {
        written = false;
        why = errno;
    }
    if (written)
        return SLOW_OK;
    unlink(path);
    return sl_error(error, SLOW_E_FAIL, path, "%.*s: cannot be written: %s", PATH_SHOWN, path, strerror(why));
}

static bool key_decode(const char *text, size_t size, uint8_t out[SL_KEY_SIZE]) {
    size_t got = 0;
    const char *end = NULL;
    if (size == SL_KEY_TEXT - 1 &&
        sodium_base642bin(out, SL_KEY_SIZE, text, size, NULL, &got, &end, sodium_base64_VARIANT_ORIGINAL) == 0 &&
        got == SL_KEY_SIZE && end == text + size)
        return true;
    sodium_memzero(out, SL_KEY_SIZE);
    return false;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

slow_status sl_secret_read_key(const char *path, const char *what, uint8_t out[SL_KEY_SIZE], slow_error *error) {
    uint8_t *content;
    size_t size;
    if (key_decode(path, strlen(path), out)) {
        sodium_memzero(out, SL_KEY_SIZE);
        return sl_error(error, SLOW_E_INVAL, NULL,
                        "a key itself stands here; expected the name of a file that holds it. Whoever could read this "
                        "has the key now: make another");
    }
    slow_status status = sl_secret_read(path, KEY_FILE_MAX, &content, &size, error);
    if (status != SLOW_OK)
        return status;
    const char *text = (const char *)content;
    while (size > 0 && is_space(text[size - 1]))
        size--;
    for (; size > 0 && is_space(*text); size--)
        text++;
    if (!key_decode(text, size, out))
        status = sl_error(error, SLOW_E_INVAL, path, "%.*s: is no %s; expected 32 bytes in base64 on one line",
                          PATH_SHOWN, path, what);
    sl_secret_free(content);
    return status;
}

slow_status sl_secret_read_key_text(const char *path, const char *what, char **out, slow_error *error) {
    uint8_t key[SL_KEY_SIZE];
    *out = NULL;
    slow_status status = sl_secret_read_key(path, what, key, error);
    if (status == SLOW_OK && (*out = sl_secret_new(SL_KEY_TEXT)) == NULL)
        status = sl_error(error, SLOW_E_NOMEM, NULL, "no memory");
    if (status == SLOW_OK)
        sodium_bin2base64(*out, SL_KEY_TEXT, key, SL_KEY_SIZE, sodium_base64_VARIANT_ORIGINAL);
    sodium_memzero(key, sizeof key);
    return status;
}

bool sl_secret_parse_key(const char *text, uint8_t out[SL_KEY_SIZE]) {
    return key_decode(text, strlen(text), out);
}

slow_status sl_secret_make_key(const char *path, uint8_t out[SL_KEY_SIZE], slow_error *error) {
    char line[SL_KEY_TEXT + 1];
    if (sodium_init() < 0)
        return sl_error(error, SLOW_E_FAIL, NULL, "libsodium cannot start: no randomness");
    randombytes_buf(out, SL_KEY_SIZE);
    sodium_bin2base64(line, sizeof line, out, SL_KEY_SIZE, sodium_base64_VARIANT_ORIGINAL);
    line[SL_KEY_TEXT - 1] = '\n';
    slow_status status = sl_secret_write(path, (slow_bytes){(const uint8_t *)line, SL_KEY_TEXT}, error);
    sodium_memzero(line, sizeof line);
    if (status != SLOW_OK)
        sodium_memzero(out, SL_KEY_SIZE);
    return status;
}

/* ---- identities ---- */

void sl_identity_from_seed(sl_identity *identity, const uint8_t seed[SL_KEY_SIZE]) {
    crypto_sign_seed_keypair(identity->key.bytes, identity->secret, seed);
}

slow_status sl_identity_read(const char *path, const char *what, sl_identity *identity, slow_error *error) {
    uint8_t seed[SL_KEY_SIZE];
    slow_status status = sl_secret_read_key(path, what, seed, error);
    if (status == SLOW_OK)
        sl_identity_from_seed(identity, seed);
    sodium_memzero(seed, sizeof seed);
    return status;
}

void sl_identity_wipe(sl_identity *identity) {
    sodium_memzero(identity, sizeof *identity);
}

void sl_identity_sign(const sl_identity *identity, slow_bytes statement, uint8_t signature[SL_SIGNATURE_SIZE]) {
    crypto_sign_detached(signature, NULL, statement.data, statement.size, identity->secret);
}

/* ---- keys ---- */

bool sl_key_verify(const sl_key *key, slow_bytes statement, const uint8_t signature[SL_SIGNATURE_SIZE]) {
    return crypto_sign_verify_detached(signature, statement.data, statement.size, key->bytes) == 0;
}

bool sl_key_equal(const sl_key *a, const sl_key *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

int sl_key_compare(const sl_key *a, const sl_key *b) {
    return memcmp(a, b, sizeof *a);
}

bool sl_key_parse(const char *text, size_t size, sl_key *key) {
    return key_decode(text, size, key->bytes) && crypto_core_ed25519_is_valid_point(key->bytes) == 1;
}

void sl_key_text(const sl_key *key, char out[SL_KEY_TEXT]) {
    sodium_bin2base64(out, SL_KEY_TEXT, key->bytes, SL_KEY_SIZE, sodium_base64_VARIANT_ORIGINAL);
}

void sl_key_fingerprint(const sl_key *key, slow_id *id) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t hash[32];
    uint32_t bits = 0, have = 0;
    size_t at = 0;
    crypto_generichash(hash, sizeof hash, key->bytes, SL_KEY_SIZE, NULL, 0);
    *id = (slow_id){.size = SL_FINGERPRINT_SIZE};
    for (size_t i = 0; i < 20; i++) {
        bits = (bits << 8 | hash[i]) & 0xfff;
        for (have += 8; have >= 5; have -= 5)
            id->text[at++] = letters[bits >> (have - 5) & 31];
    }
}
