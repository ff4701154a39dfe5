/* membership.h - which key may be a neighbour or a peer, and which id that key may use.
 *
 * An id is a name. It is bound to a key by the config's members, by a certificate of one of the network's authorities, or by
 * itself, when it is the key's fingerprint: that one is only as good as the network key, and where members or authorities are
 * configured it is no credential. Whoever is bound by the config is bound by that alone.
 *
 * The same credentials are shown when a link opens (in the claim), when a pair opens (in the handshake), and, without the
 * static key, as the proof of an announcement. A junction without an identity believes everything, as before there were any.
 *
 * What was verified, and was true, is remembered by content, in a bounded table, so a statement that floods through many
 * neighbours costs one signature.
 *
 * Credentials are: identity key 32 | issued u64 | signature 64 | size of the grant u8 (0 or 121) | grant. Signed is
 *
 *     "slow/1 credentials" | context short | network short | id short | static key short | issued u64 | grant short
 *
 * `issued` is when that was signed, in seconds since 1970. A static key lives as long as its process, and whoever gets hold
 * of one, from a core or a swapped page, could stand in for the identity with it: for SL_CREDENTIALS_LAST_S and no longer,
 * since nobody takes credentials that are older, and a link ends with those that opened it. (A pair does not, for messages that
 * are under way in it would have no outcome.) Those of the future are refused as well, but clocks that differ by up to
 * SL_CREDENTIALS_AHEAD_S are forgiven: only the identity can date them, so its own clock is all that this trusts, and a network
 * whose clocks are hours apart stays one. A junction signs its own anew after a third of the time, and otherwise once for each
 * context and static key, not for each opening.
 *
 * A proof is kind u8, then of kind 1: signature 64, for whoever has the key in its config; 2: key 32 | signature 64, for an
 * id that is its key's fingerprint; 3: grant 121 | signature 64. Signed is
 *
 *     "slow/1 proof" | network short | id short | statement
 */
#ifndef SL_MEMBERSHIP_H
#define SL_MEMBERSHIP_H
#include "certificate.h"
#include "loop.h"
#include "stats.h"

enum {
    SL_CREDENTIALS_MAX = SL_KEY_SIZE + 8 + SL_SIGNATURE_SIZE + 1 + SL_GRANT_SIZE,
    SL_CREDENTIALS_LAST_S = 30 * 24 * 3600,
    SL_CREDENTIALS_AHEAD_S = 24 * 3600,
    SL_PROOF_MAX = 1 + SL_GRANT_SIZE + SL_SIGNATURE_SIZE,
    SL_STATEMENT_MAX = 1024, /* bytes that can be signed at once */
};

typedef struct sl_member {
    slow_id id;
    sl_key key;
    uint8_t roles;                  /* enum sl_role */
    uint64_t until;                 /* seconds since 1970, the last one in which it may be here; 0 = no end */
    uint64_t since;                 /* the first one; 0 = always */
    uint64_t issued;                /* when its credentials were signed; 0 = it showed none */
    uint8_t issuer[SL_ISSUER_SIZE]; /* of its certificate; of whom the config binds, or its id, all zero */
} sl_member;

/* What the config says. */
typedef struct sl_membership_setup {
    const sl_identity *identity; /* NULL = none */
    const char *network;
    const slow_id *id;
    const sl_member *members;
    size_t member_count;
    bool listed; /* members or authorities were given, if none: then an id that is a fingerprint is no credential */
    const sl_key *authorities;
    size_t authority_count;
    const sl_grant *grant; /* ours; NULL = none */
    const sl_key *revoked;
    size_t revoked_count;
} sl_membership_setup;

/* Why somebody is refused. In the order of the counters refused_..., which is that of an opening. */
enum sl_refusal {
    SL_WELCOME = 0,
    SL_REFUSED_NETWORK,     /* it is of a network of another name; its credentials are signed for that one */
    SL_REFUSED_NETWORK_KEY, /* its first message is not sealed with our network key; of a link that is opening */
    SL_REFUSED_NO_IDENTITY, /* it shows no credentials, and we have some */
    SL_REFUSED_MALFORMED,   /* its credentials cannot be read */
    SL_REFUSED_SIGNATURE,   /* the identity did not sign this static key, or that statement */
    SL_REFUSED_STALE,       /* it signed this static key too long ago, or in the future */
    SL_REFUSED_UNLISTED,    /* neither a member of the config, nor vouched for by an authority */
    SL_REFUSED_OTHER_KEY,   /* the id belongs to another key, or the key to another id */
    SL_REFUSED_AUTHORITY,   /* of an authority that is not ours, or not its signature for this id and network */
    SL_REFUSED_NOT_YET,
    SL_REFUSED_EXPIRED,
    SL_REFUSED_REVOKED, /* its key, or that of the authority which vouched for it */
    SL_REFUSALS
};
const char *sl_refusal_text(enum sl_refusal); /* "its certificate has expired": for logs */
const char *sl_refusal_name(enum sl_refusal); /* "expired"; "" = welcome */

typedef struct sl_membership sl_membership;

/* Copies the setup; the loop and the stats are borrowed. NULL = no memory. */
sl_membership *sl_membership_new(sl_loop *, sl_stats *, const sl_membership_setup *);
void sl_membership_free(sl_membership *); /* NULL is allowed */
/* False: there are no identities here; then everybody is welcome, and every proof is true. */
bool sl_membership_is_closed(const sl_membership *);
/* Whom the config binds to this id or to this key, if not to both; NULL = nobody. */
const sl_member *sl_membership_bound(const sl_membership *, const slow_id *, const sl_key *);
/* Ourselves, as the others see us. Only where it is closed. */
void sl_membership_self(const sl_membership *, sl_member *);
/* What we show beside a handshake of this static key, for an opening (`context` "link" or "pair", a text that stays): borrowed
 * until the next call; empty where there is no identity. */
slow_bytes sl_membership_credentials(sl_membership *, const char *context, slow_bytes static_key);
/* May whoever proved `static_key` in a handshake, says that it is `id`, and shows these, be here? Fills in who it is. */
enum sl_refusal sl_membership_judge(sl_membership *, const char *context, const slow_id *id, slow_bytes static_key,
                                    slow_bytes credentials, sl_member *);
/* Origin proofs, of statements of up to SL_STATEMENT_MAX bytes; of longer ones sign() gives nothing, and verify() refuses
 * them as malformed. sign: at most SL_PROOF_MAX bytes, borrowed until the next call; empty where it is not closed. `cost`,
 * if not NULL, grows by the signatures that had to be checked (0 where it was remembered). */
slow_bytes sl_membership_sign(sl_membership *, slow_bytes statement);
enum sl_refusal sl_membership_verify(sl_membership *, const slow_id *origin, slow_bytes statement, slow_bytes proof,
                                     sl_member *, uint32_t *cost);
/* Of a key that was let in: may it still be here? (Its certificate ran out, or it was revoked since.) */
enum sl_refusal sl_membership_still(sl_membership *, const sl_member *);
/* Of one that was let in by its credentials: have these become too old since? An honest one has shown others long before. */
bool sl_membership_is_outdated(sl_membership *, const sl_member *);
/* The revoked keys, anew; of members and of authorities. They count from now on in judge(), verify() and still(), whatever was remembered; the caller then
 * ends what stands on them. SLOW_E_NOMEM: as before. */
slow_status sl_membership_revoke(sl_membership *, const sl_key *revoked, size_t count);
size_t sl_membership_revoked_count(const sl_membership *);
/* Did the list of the last revoke() leave out a key that was revoked before? */
bool sl_membership_has_pardoned(const sl_membership *);
bool sl_membership_is_revoked(const sl_membership *, const sl_key *);
/* Of a revoked key, by its place among them: for whom it spoke by the config, or as the fingerprint that the id is. False: for
 * nobody, or for whom its certificate says. */
bool sl_membership_revoked_id(const sl_membership *, size_t place, slow_id *);
#endif
