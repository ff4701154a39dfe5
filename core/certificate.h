/* certificate.h - an authority's word that a key may use an id in a network, with these roles, for a while; pure.
 *
 * The grant is what travels, in claims and in proofs, 121 bytes:
 *
 *     key 32 | roles u8 | not_before u64 | not_after u64 | issuer 8 | signature 64
 *
 * times in seconds since 1970, big endian, both of them within the time; `issuer` the first bytes of the authority's key,
 * which says which one to try. The network and the id are known wherever a grant is read, and are signed with it:
 *
 *     "slow/1 certificate" | network short | id short | key | roles | not_before | not_after | the issuer's key
 *
 * A certificate's file is network short | id short | grant, as base64 in lines of 64 between
 * -----BEGIN SLOW CERTIFICATE----- and -----END SLOW CERTIFICATE-----. (A short is a length in one byte, then the bytes.) */
#ifndef SL_CERTIFICATE_H
#define SL_CERTIFICATE_H
#include "identity.h"

enum {
    SL_GRANT_SIZE = 121,
    SL_ISSUER_SIZE = 8,
    SL_CERTIFICATE_MAX = 64 + 64 + SL_GRANT_SIZE,
    SL_CERTIFICATE_TEXT_MAX = 512
};

/* A set: a leaf or a relay, and an admin besides. A leaf relays nothing and announces itself alone. Admin is a name that is
 * kept and shown; nothing asks for it. */
enum sl_role { SL_ROLE_LEAF = 1, SL_ROLE_RELAY = 2, SL_ROLE_ADMIN = 4 };

typedef struct sl_grant {
    sl_key key;
    uint8_t roles;
    uint64_t not_before, not_after; /* seconds since 1970 */
    uint8_t issuer[SL_ISSUER_SIZE];
    uint8_t signature[SL_SIGNATURE_SIZE];
} sl_grant;

typedef struct sl_certificate {
    char network[64];
    slow_id id;
    sl_grant grant;
} sl_certificate;

void sl_grant_write(const sl_grant *, uint8_t out[SL_GRANT_SIZE]);
/* Exactly SL_GRANT_SIZE bytes, roles that make sense, a time that is not empty. */
bool sl_grant_read(slow_bytes, sl_grant *);
bool sl_grant_names(const sl_grant *, const sl_key *authority);
/* Is it this authority's word, whatever the time? */
bool sl_grant_verify(const sl_grant *, const char *network, const slow_id *, const sl_key *authority);
/* Fills in issuer and signature. */
void sl_certificate_sign(sl_certificate *, const sl_identity *authority);
/* Armoured and terminated; returns its length, 0 = `capacity` is too small (SL_CERTIFICATE_TEXT_MAX is not). */
size_t sl_certificate_write(const sl_certificate *, char *text, size_t capacity);
/* White space before, within and behind the armour is allowed; nothing else is. */
slow_status sl_certificate_parse(const char *text, size_t size, sl_certificate *, slow_error *);
/* A time of a grant as people read it: "2026-01-31 23:59:59 UTC". */
enum { SL_DATE_TEXT = 32 };
void sl_date_text(uint64_t seconds, char out[SL_DATE_TEXT]);
/* "leaf", "relay", "admin" <-> bits. 0 = not a role. */
uint8_t sl_role_of(const char *name);
/* One bit's name; NULL = not a role. */
const char *sl_role_name(uint8_t bit);
bool sl_roles_valid(uint8_t roles);
/* "leaf,admin": false when one is none, or they do not go together. */
bool sl_roles_parse(const char *text, uint8_t *roles);
#endif
