/* slow/identity.h - for programs that make and look at the keys and certificates of a network, as slowctl does. Nothing
 * here needs a running junction. How they are used: docs/security.md.
 *
 * Everything here may be called from any thread, and prints nothing. Every `slow_error *` may be NULL; its text is one line
 * that names the file. What a function fills in is a copy. A secret key never leaves its file through this header: it is
 * read, used, and wiped. */
#ifndef SLOW_IDENTITY_H
#define SLOW_IDENTITY_H
#include <slow/junction.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A key that is public: of a junction, or of an authority. */
typedef struct slow_key_info {
    uint32_t struct_size; /* set by the caller */
    char key[48];         /* base64, as it stands in configs */
    char fingerprint[64]; /* the id that needs nobody's word: 32 characters */
} slow_key_info;
/* What to start a slow_key_info from. */
#define SLOW_KEY_INFO_INIT \
    { sizeof(slow_key_info), "", "" }

/* Makes a key, an identity or an authority's, in a new file of mode 0600. SLOW_E_INVAL: the file is there already, and was
 * not touched. `info` may be NULL. */
SLOW_API slow_status slow_key_make(const char *path, slow_key_info *info, slow_error *);
/* The public half of such a file. SLOW_E_INVAL: it is none, or others can read it. */
SLOW_API slow_status slow_key_read(const char *path, slow_key_info *info, slow_error *);
/* Makes a network key, which all junctions of a network share, in a new file of mode 0600. */
SLOW_API slow_status slow_network_key_make(const char *path, slow_error *);

/* What an authority says of a key. Start from SLOW_CERTIFICATE_REQUEST_INIT. */
typedef struct slow_certificate_request {
    uint32_t struct_size; /* set by the caller */
    const char *network;  /* in which it counts */
    const char *id;       /* under which the key's owner may be there */
    const char *key;      /* base64, public */
    const char *roles;    /* "relay" or "leaf", or one of them with "admin": "relay,admin". NULL = "relay" */
    uint64_t valid_s;     /* seconds from now, 1..SLOW_CERTIFICATE_VALID_MAX */
} slow_certificate_request;
/* What to start a slow_certificate_request from. */
#define SLOW_CERTIFICATE_REQUEST_INIT \
    { sizeof(slow_certificate_request), NULL, NULL, NULL, NULL, 0 }
#define SLOW_CERTIFICATE_VALID_MAX (UINT64_C(36525) * 86400 / 10) /* ten years */

/* What a certificate says. */
typedef struct slow_certificate_info {
    uint32_t struct_size;           /* set by the caller */
    char network[64];               /* in which it counts */
    char id[64];                    /* under which the key's owner may be there */
    char key[48];                   /* base64, public */
    char roles[32];                 /* as in slow_certificate_request */
    uint64_t not_before, not_after; /* seconds since 1970, both within it */
} slow_certificate_info;
/* What to start a slow_certificate_info from. */
#define SLOW_CERTIFICATE_INFO_INIT \
    { sizeof(slow_certificate_info), "", "", "", "", 0, 0 }

/* Bytes that a certificate's text has at most, the terminating zero included. */
#define SLOW_CERTIFICATE_TEXT 512
/* Signs with the key of `authority_path`. It is valid from five minutes ago, since clocks differ. SLOW_E_INVAL: the error
 * says what of the request is wrong, or what is wrong with the file. `info` may be NULL. */
SLOW_API slow_status slow_authority_sign(const char *authority_path, const slow_certificate_request *,
                                         char text[SLOW_CERTIFICATE_TEXT], slow_certificate_info *info, slow_error *);
/* What a certificate's file says; whether it is the word of an authority is not checked. */
SLOW_API slow_status slow_certificate_read(const char *path, slow_certificate_info *, slow_error *);
/* Writes a certificate's text into a new file, of mode 0644, or in the place of another certificate, at once or not at all; what
 * is replaced keeps its owner and its mode. SLOW_E_INVAL: the text is none, or the file is there and is something else, such
 * as a key: it was not touched. */
SLOW_API slow_status slow_certificate_write(const char *path, const char *text, slow_error *);

/* Adds a public key to a file of revoked keys, which is made if need be, at once or not at all, also when several do so.
 * It keeps its owner and its mode; if that cannot be, it is not written. `added` (may be NULL): false, it stood there
 * already. SLOW_E_INVAL: it is no key, or the file is no such list. SLOW_E_AGAIN: another program holds the folder's lock. */
SLOW_API slow_status slow_revoke(const char *revoked_path, const char *key, bool *added, slow_error *);

#ifdef __cplusplus
}
#endif
#endif
