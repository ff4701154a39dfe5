/* identity.h - who a junction is: an Ed25519 key (RFC 8032), made once and kept in a file that nobody else can read.
 *
 * The file is 32 bytes, the seed, in base64 on one line. A public key is shown, and stands in configs, as its base64; its
 * fingerprint is an id that needs nobody's word: 32 characters of base32 (RFC 4648, lower case) of the first 20 bytes of its
 * BLAKE2b-256. Everything here is pure but the reading and writing of files. [any] */
#ifndef SL_IDENTITY_H
#define SL_IDENTITY_H
#include <slow/base.h>

enum { SL_KEY_SIZE = 32, SL_SIGNATURE_SIZE = 64, SL_KEY_TEXT = 44 + 1, SL_FINGERPRINT_SIZE = 32 };

/* An Ed25519 public key; as well the name of an authority. */
typedef struct sl_key {
    uint8_t bytes[SL_KEY_SIZE];
} sl_key;

typedef struct sl_identity {
    sl_key key;
    uint8_t secret[64]; /* wiped by sl_identity_wipe() */
} sl_identity;

/* Memory for secrets: zeroed, kept out of core dumps and of swap where the system allows, wiped when it is freed. NULL = no
 * memory. A few pages each: for the few secrets that live long. */
void *sl_secret_new(size_t size);
void sl_secret_free(void *);              /* NULL is allowed */
void sl_secret_wipe(void *, size_t size); /* of what stands on the stack */

/* Reads a secret's file whole, at most `most` bytes, into memory for secrets. The open descriptor is checked: a regular
 * file, owned by us or by root, and closed to group and others; the error names the file and the chmod. */
slow_status sl_secret_read(const char *path, size_t most, uint8_t **out, size_t *size, slow_error *);
/* Makes the file, which must not be there yet, with mode 0600, on disk when this returns. */
slow_status sl_secret_write(const char *path, slow_bytes content, slow_error *);
/* 32 bytes in base64 on one line; white space around it is allowed. `what` is named in the error. A `path` that is such a
 * line itself is refused, and not repeated: somebody took the key for its file. */
slow_status sl_secret_read_key(const char *path, const char *what, uint8_t out[SL_KEY_SIZE], slow_error *);
/* The same as the base64 line alone, terminated, to be freed by sl_secret_free(). */
slow_status sl_secret_read_key_text(const char *path, const char *what, char **out, slow_error *);
/* The line without its file: false = it is none. */
bool sl_secret_parse_key(const char *text, uint8_t out[SL_KEY_SIZE]);
/* 32 fresh bytes, written the same way. */
slow_status sl_secret_make_key(const char *path, uint8_t out[SL_KEY_SIZE], slow_error *);

void sl_identity_from_seed(sl_identity *, const uint8_t seed[SL_KEY_SIZE]);
slow_status sl_identity_read(const char *path, const char *what, sl_identity *, slow_error *);
void sl_identity_wipe(sl_identity *);
void sl_identity_sign(const sl_identity *, slow_bytes statement, uint8_t signature[SL_SIGNATURE_SIZE]);

/* Small-order keys and signatures that are not canonical are refused. */
bool sl_key_verify(const sl_key *, slow_bytes statement, const uint8_t signature[SL_SIGNATURE_SIZE]);
bool sl_key_equal(const sl_key *, const sl_key *);
int sl_key_compare(const sl_key *, const sl_key *);         /* order by bytes */
bool sl_key_parse(const char *text, size_t size, sl_key *); /* base64, padded; a point that can be a key */
void sl_key_text(const sl_key *, char out[SL_KEY_TEXT]);
void sl_key_fingerprint(const sl_key *, slow_id *);
#endif
