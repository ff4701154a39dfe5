/* Who is who.
 *
 * What is cheap is asked first: is the key revoked, whom does the config bind to this id, is the certificate for this key
 * and of its time. Only who is right in all that costs a signature, or two. So a stranger who makes up credentials costs a
 * few comparisons, unless it names a member's key, which it can read off the wire nowhere: credentials travel sealed.
 *
 * Whoever the config binds is bound by that alone, in both directions: neither does a certificate get another key in under
 * that id, nor that key in under another id. So an allow-list stands above an authority that was robbed.
 *
 * Revocation and time are asked each time, never remembered: what is remembered is only that a signature is true, which it
 * stays for ever. */
#include "membership.h"
#include "id.h"
#include "known.h"
#include <slow/wire.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CREDENTIALS "slow/1 credentials"
#define PROOF "slow/1 proof"

enum { PROOF_SIGNED = 1, PROOF_KEY = 2, PROOF_GRANT = 3 };
/* Contexts and static keys are ours and the plugin's: a byte says their sizes. */
enum { SIGNED_MAX = 32 + 5 * 256 + SL_STATEMENT_MAX };
enum { CONTEXTS = 2, STATIC_KEY_MAX = 64 };

/* Credentials that were signed: `shown` while they are new enough, and it is about the same. */
typedef struct signed_one {
    const char *context; /* NULL = none */
    uint8_t static_key[STATIC_KEY_MAX];
    size_t static_key_size, shown_size;
    uint64_t issued;
    uint8_t shown[SL_CREDENTIALS_MAX];
} signed_one;

struct sl_membership {
    sl_loop *loop;
    sl_stats *stats;
    sl_identity *identity; /* memory for secrets; NULL = not closed */
    char network[64];
    sl_member self;
    sl_member *members;       /* by id */
    const sl_member **by_key; /* the same by key */
    size_t member_count;
    bool listed;
    sl_key *authorities;
    size_t authority_count;
    sl_key *revoked; /* in order */
    size_t revoked_count;
    bool has_pardoned;
    bool has_grant;
    uint8_t grant[SL_GRANT_SIZE];
    sl_known known;
    signed_one shown[CONTEXTS];
    uint8_t proof[SL_PROOF_MAX];
};

/* ---- refusals ---- */

static const struct {
    const char *name, *text;
} refusals[SL_REFUSALS] = {
    [SL_WELCOME] = {"", "it is welcome"},
    [SL_REFUSED_NETWORK] = {"network", "it is of another network"},
    [SL_REFUSED_NETWORK_KEY] = {"network_key", "its first message is not sealed with our network key"},
    [SL_REFUSED_NO_IDENTITY] = {"no_identity", "it shows no identity"},
    [SL_REFUSED_MALFORMED] = {"malformed", "its credentials cannot be read"},
    [SL_REFUSED_SIGNATURE] = {"signature", "the signature is not that of its identity"},
    [SL_REFUSED_STALE] = {"stale", "its credentials were signed too long ago, or in the future; do the clocks agree?"},
    [SL_REFUSED_UNLISTED] = {"unlisted", "it is no member, and has no certificate"},
    [SL_REFUSED_OTHER_KEY] = {"other_key", "this id and this key do not belong together"},
    [SL_REFUSED_AUTHORITY] = {"authority",
                              "its certificate is not of an authority of ours, or not for this id and network"},
    [SL_REFUSED_NOT_YET] = {"not_yet", "its certificate is not valid yet; do the clocks agree?"},
    [SL_REFUSED_EXPIRED] = {"expired", "its certificate has expired"},
    [SL_REFUSED_REVOKED] = {"revoked", "its key is revoked, or that of its authority"},
};

const char *sl_refusal_text(enum sl_refusal refusal) {
    return refusals[refusal].text;
}

const char *sl_refusal_name(enum sl_refusal refusal) {
    return refusals[refusal].name;
}

static enum sl_refusal counted(sl_membership *m, enum sl_refusal refusal) {
    _Static_assert(SL_refused_revoked - SL_refused_network == SL_REFUSED_REVOKED - SL_REFUSED_NETWORK,
                   "a counter for each refusal");
    if (refusal != SL_WELCOME)
        m->stats->count[SL_refused_network + (int)refusal - SL_REFUSED_NETWORK]++;
    return refusal;
}

/* ---- life ---- */

static int order_by_id(const void *a, const void *b) {
    return sl_id_compare(&((const sl_member *)a)->id, &((const sl_member *)b)->id);
}

static int order_by_key(const void *a, const void *b) {
    const sl_member *const *left = a, *const *right = b;
    return sl_key_compare(&(*left)->key, &(*right)->key);
}

static int order_keys(const void *a, const void *b) {
    return sl_key_compare(a, b);
}

/* A copy of a list, with room for one more, so that NULL means no memory. */
static void *copy_of(const void *list, size_t count, size_t size) {
    void *copy = calloc(count + 1, size);
    if (copy != NULL && count > 0)
        memcpy(copy, list, count * size);
    return copy;
}

static bool copy_members(sl_membership *m, const sl_membership_setup *setup) {
    m->members = copy_of(setup->members, setup->member_count, sizeof *m->members);
    m->by_key = calloc(setup->member_count + 1, sizeof *m->by_key);
    if (m->members == NULL || m->by_key == NULL)
        return false;
    m->member_count = setup->member_count;
    m->listed = setup->listed || setup->member_count > 0 || setup->authority_count > 0;
    qsort(m->members, m->member_count, sizeof *m->members, order_by_id);
    for (size_t i = 0; i < m->member_count; i++)
        m->by_key[i] = &m->members[i];
    qsort(m->by_key, m->member_count, sizeof(const sl_member *), order_by_key);
    return true;
}

static const sl_member *member_of(const sl_membership *m, const slow_id *id) {
    sl_member wanted = {.id = *id};
    if (sl_id_equal(id, &m->self.id))
        return &m->self;
    return bsearch(&wanted, m->members, m->member_count, sizeof wanted, order_by_id);
}

static const sl_member *member_with(const sl_membership *m, const sl_key *key) {
    sl_member wanted = {.key = *key};
    const sl_member *at = &wanted;
    if (sl_key_equal(key, &m->self.key))
        return &m->self;
    const sl_member **found = bsearch(&at, m->by_key, m->member_count, sizeof at, order_by_key);
    return found != NULL ? *found : NULL;
}

const sl_member *sl_membership_bound(const sl_membership *m, const slow_id *id, const sl_key *key) {
    const sl_member *named = member_of(m, id), *keyed = member_with(m, key);
    return named == keyed ? NULL : named != NULL ? named : keyed;
}

/* Our own roles are those that the others read, in the config that they have too, or in our certificate. */
static void set_self(sl_membership *m, const sl_membership_setup *setup) {
    const sl_member *listed = member_of(m, setup->id);
    m->self = (sl_member){.roles = SL_ROLE_RELAY};
    if (setup->grant != NULL) {
        m->has_grant = true;
        sl_grant_write(setup->grant, m->grant);
        m->self.roles = setup->grant->roles;
        m->self.until = setup->grant->not_after;
    }
    if (listed != NULL && sl_key_equal(&listed->key, &setup->identity->key))
        m->self = *listed;
    m->self.id = *setup->id;
    m->self.key = setup->identity->key;
}

sl_membership *sl_membership_new(sl_loop *loop, sl_stats *stats, const sl_membership_setup *setup) {
    sl_membership *m = calloc(1, sizeof *m);
    if (m == NULL)
        return NULL;
    m->loop = loop;
    m->stats = stats;
    if (setup->identity == NULL)
        return m;
    sl_known_init(&m->known, loop);
    m->identity = sl_secret_new(sizeof *m->identity);
    m->authorities = copy_of(setup->authorities, setup->authority_count, sizeof *m->authorities);
    if (m->identity == NULL || m->authorities == NULL || !copy_members(m, setup) ||
        sl_membership_revoke(m, setup->revoked, setup->revoked_count) != SLOW_OK) {
        sl_membership_free(m);
        return NULL;
    }
    *m->identity = *setup->identity;
    m->authority_count = setup->authority_count;
    memcpy(m->network, setup->network, strnlen(setup->network, sizeof m->network - 1));
    set_self(m, setup);
    return m;
}

void sl_membership_free(sl_membership *m) {
    if (m == NULL)
        return;
    sl_secret_free(m->identity);
    sl_known_free(&m->known);
    free(m->members);
    free(m->by_key);
    free(m->authorities);
    free(m->revoked);
    free(m);
}

bool sl_membership_is_closed(const sl_membership *m) {
    return m != NULL && m->identity != NULL;
}

void sl_membership_self(const sl_membership *m, sl_member *self) {
    *self = m->self;
}

slow_status sl_membership_revoke(sl_membership *m, const sl_key *revoked, size_t count) {
    sl_key *copy = copy_of(revoked, count, sizeof *copy);
    if (copy == NULL)
        return SLOW_E_NOMEM;
    qsort(copy, count, sizeof *copy, order_keys);
    m->has_pardoned = false;
    for (size_t i = 0; i < m->revoked_count; i++)
        m->has_pardoned |= bsearch(&m->revoked[i], copy, count, sizeof *copy, order_keys) == NULL;
    free(m->revoked);
    m->revoked = copy;
    m->revoked_count = count;
    return SLOW_OK;
}

bool sl_membership_has_pardoned(const sl_membership *m) {
    return m->has_pardoned;
}

size_t sl_membership_revoked_count(const sl_membership *m) {
    return m->revoked_count;
}

bool sl_membership_is_revoked(const sl_membership *m, const sl_key *key) {
    return m->revoked_count > 0 && bsearch(key, m->revoked, m->revoked_count, sizeof *key, order_keys) != NULL;
}

/* ---- signatures ---- */

/* Is it so? Of what was true before, the memory says it. */
static bool signature_holds(sl_membership *m, const sl_key *signer, slow_bytes statement, const uint8_t *signature,
                            const sl_key *owner, uint32_t *cost) {
    const slow_bytes parts[] = {{signer->bytes, SL_KEY_SIZE}, {signature, SL_SIGNATURE_SIZE}, statement};
    sl_known_mark mark =
        sl_known_mark_of(&m->known, SL_KNOWN_SIGNATURE, (slow_bytes){owner->bytes, SL_KEY_SIZE}, parts, 3);
    if (sl_known_has(&m->known, &mark)) {
        SL_COUNT(m->stats, signatures_remembered);
        return true;
    }
    SL_COUNT(m->stats, signatures_checked);
    ++*cost;
    if (!sl_key_verify(signer, statement, signature))
        return false;
    sl_known_add(&m->known, &mark);
    return true;
}

static bool grant_holds(sl_membership *m, const slow_id *id, const sl_grant *grant, uint32_t *cost) {
    uint8_t bytes[SL_GRANT_SIZE];
    sl_grant_write(grant, bytes);
    /* Its own owner: what its key says day by day shall not push it out. */
    const slow_bytes whole = {bytes, sizeof bytes}, part = sl_id_bytes(id);
    sl_known_mark mark = sl_known_mark_of(&m->known, SL_KNOWN_GRANT, whole, &part, 1);
    if (sl_known_has(&m->known, &mark)) {
        SL_COUNT(m->stats, signatures_remembered);
        return true;
    }
    for (size_t i = 0; i < m->authority_count; i++) {
        if (!sl_grant_names(grant, &m->authorities[i]) || sl_membership_is_revoked(m, &m->authorities[i]))
            continue;
        SL_COUNT(m->stats, signatures_checked);
        ++*cost;
        if (sl_grant_verify(grant, m->network, id, &m->authorities[i])) {
            sl_known_add(&m->known, &mark);
            return true;
        }
    }
    return false;
}

static slow_bytes credentials_statement(const sl_membership *m, const char *context, const slow_id *id,
                                        slow_bytes static_key, uint64_t issued, slow_bytes grant,
                                        uint8_t out[SIGNED_MAX]) {
    slow_writer w = slow_writer_of(out, SIGNED_MAX);
    slow_write_bytes(&w, CREDENTIALS, sizeof CREDENTIALS - 1);
    slow_write_short(&w, context, strlen(context));
    slow_write_short(&w, m->network, strlen(m->network));
    slow_write_short(&w, id->text, id->size);
    slow_write_short(&w, static_key.data, static_key.size);
    slow_write_u64(&w, issued);
    slow_write_short(&w, grant.data, grant.size);
    return (slow_bytes){out, slow_writer_ok(&w) ? slow_writer_size(&w) : 0};
}

/* Empty: the statement is too long. */
static slow_bytes proof_statement(const sl_membership *m, const slow_id *id, slow_bytes statement,
                                  uint8_t out[SIGNED_MAX]) {
    slow_writer w = slow_writer_of(out, SIGNED_MAX);
    if (statement.size > SL_STATEMENT_MAX)
        return (slow_bytes){NULL, 0};
    slow_write_bytes(&w, PROOF, sizeof PROOF - 1);
    slow_write_short(&w, m->network, strlen(m->network));
    slow_write_short(&w, id->text, id->size);
    slow_write_bytes(&w, statement.data, statement.size);
    return (slow_bytes){out, slow_writer_size(&w)};
}

/* ---- who is it? ---- */

static uint64_t now_s(sl_membership *m) {
    return sl_wall_ms(m->loop) / 1000;
}

static enum sl_refusal time_check(sl_membership *m, const sl_grant *grant) {
    uint64_t now = now_s(m);
    return now < grant->not_before ? SL_REFUSED_NOT_YET : now > grant->not_after ? SL_REFUSED_EXPIRED : SL_WELCOME;
}

/* Is it one of our authorities, and is its own key not revoked? */
static enum sl_refusal issuer_check(const sl_membership *m, const uint8_t issuer[SL_ISSUER_SIZE]) {
    enum sl_refusal refusal = SL_REFUSED_AUTHORITY;
    for (size_t i = 0; i < m->authority_count; i++) {
        if (memcmp(issuer, m->authorities[i].bytes, SL_ISSUER_SIZE) != 0)
            continue;
        if (!sl_membership_is_revoked(m, &m->authorities[i]))
            return SL_WELCOME;
        refusal = SL_REFUSED_REVOKED;
    }
    return refusal;
}

static bool is_fingerprint(const slow_id *id, const sl_key *key) {
    slow_id own;
    sl_key_fingerprint(key, &own);
    return sl_id_equal(id, &own);
}

static bool by_fingerprint(const sl_membership *m) {
    return !m->listed;
}

/* All that can be said without a signature. *grant_matters: it is the grant that speaks for it. */
static enum sl_refusal bind(sl_membership *m, const slow_id *id, const sl_key *key, const sl_grant *grant,
                            sl_member *member, bool *grant_matters) {
    const sl_member *named = member_of(m, id), *keyed = member_with(m, key);
    *grant_matters = false;
    *member = (sl_member){.id = *id, .key = *key, .roles = SL_ROLE_RELAY};
    if (sl_membership_is_revoked(m, key))
        return SL_REFUSED_REVOKED;
    if (named != keyed)
        return SL_REFUSED_OTHER_KEY;
    if (named != NULL) {
        *member = *named;
        return SL_WELCOME;
    }
    if (by_fingerprint(m))
        return is_fingerprint(id, key) ? SL_WELCOME : SL_REFUSED_UNLISTED;
    if (grant == NULL)
        return SL_REFUSED_UNLISTED;
    if (!sl_key_equal(&grant->key, key))
        return SL_REFUSED_OTHER_KEY;
    *grant_matters = true;
    member->roles = grant->roles;
    member->until = grant->not_after;
    member->since = grant->not_before;
    memcpy(member->issuer, grant->issuer, SL_ISSUER_SIZE);
    enum sl_refusal refusal = issuer_check(m, grant->issuer);
    return refusal == SL_WELCOME ? time_check(m, grant) : refusal;
}

static enum sl_refusal check(sl_membership *m, const slow_id *id, const sl_key *key, const sl_grant *grant,
                             slow_bytes statement, const uint8_t *signature, sl_member *member, uint32_t *cost) {
    bool grant_matters;
    enum sl_refusal refusal = bind(m, id, key, grant, member, &grant_matters);
    if (refusal != SL_WELCOME)
        return refusal;
    if (!signature_holds(m, key, statement, signature, key, cost))
        return SL_REFUSED_SIGNATURE;
    return !grant_matters || grant_holds(m, id, grant, cost) ? SL_WELCOME : SL_REFUSED_AUTHORITY;
}

bool sl_membership_revoked_id(const sl_membership *m, size_t place, slow_id *id) {
    const sl_key *key = &m->revoked[place];
    const sl_member *member = member_with(m, key);
    if (member != NULL)
        *id = member->id;
    else if (by_fingerprint(m))
        sl_key_fingerprint(key, id);
    else
        return false;
    return true;
}

/* ---- credentials ---- */

enum { SIGNED_ANEW_S = SL_CREDENTIALS_LAST_S / 3 };

static bool is_about(const signed_one *one, const char *context, slow_bytes static_key) {
    return one->context != NULL && strcmp(one->context, context) == 0 && one->static_key_size == static_key.size &&
           (static_key.size == 0 || memcmp(one->static_key, static_key.data, static_key.size) == 0);
}

static void credentials_sign(sl_membership *m, signed_one *one, const char *context, slow_bytes static_key,
                             uint64_t now) {
    uint8_t statement[SIGNED_MAX];
    slow_bytes grant = {m->grant, m->has_grant ? SL_GRANT_SIZE : 0};
    slow_writer w = slow_writer_of(one->shown, sizeof one->shown);
    *one = (signed_one){.context = context, .static_key_size = static_key.size, .issued = now};
    if (static_key.size > 0)
        memcpy(one->static_key, static_key.data, static_key.size);
    slow_write_bytes(&w, m->identity->key.bytes, SL_KEY_SIZE);
    slow_write_u64(&w, now);
    sl_identity_sign(m->identity, credentials_statement(m, context, &m->self.id, static_key, now, grant, statement),
                     slow_write_room(&w, SL_SIGNATURE_SIZE));
    slow_write_short(&w, grant.data, grant.size);
    one->shown_size = slow_writer_size(&w);
    SL_COUNT(m->stats, credentials_signed);
}

slow_bytes sl_membership_credentials(sl_membership *m, const char *context, slow_bytes static_key) {
    if (!sl_membership_is_closed(m) || static_key.size > STATIC_KEY_MAX)
        return (slow_bytes){NULL, 0};
    uint64_t now = now_s(m);
    signed_one *one = &m->shown[0];
    for (size_t i = 0; i < CONTEXTS; i++) { /* its own place, or else a free one */
        if (m->shown[i].context == NULL || strcmp(m->shown[i].context, context) == 0) {
            one = &m->shown[i];
            break;
        }
    }
    if (!is_about(one, context, static_key) || now < one->issued || now - one->issued >= SIGNED_ANEW_S)
        credentials_sign(m, one, context, static_key, now);
    return (slow_bytes){one->shown, one->shown_size};
}

/* Credentials of that time: are they of use now? */
static bool is_stale(uint64_t issued, uint64_t now) {
    return issued > now ? issued - now > SL_CREDENTIALS_AHEAD_S : now - issued > SL_CREDENTIALS_LAST_S;
}

enum sl_refusal sl_membership_judge(sl_membership *m, const char *context, const slow_id *id, slow_bytes static_key,
                                    slow_bytes credentials, sl_member *member) {
    uint8_t statement[SIGNED_MAX];
    sl_grant grant;
    sl_key key;
    uint32_t cost = 0;
    *member = (sl_member){.id = *id, .roles = SL_ROLE_RELAY};
    if (!sl_membership_is_closed(m))
        return SL_WELCOME;
    if (credentials.size == 0)
        return counted(m, SL_REFUSED_NO_IDENTITY);
    slow_reader r = slow_reader_of(credentials);
    const uint8_t *key_bytes = slow_read_bytes(&r, SL_KEY_SIZE);
    uint64_t issued = slow_read_u64(&r);
    const uint8_t *signature = slow_read_bytes(&r, SL_SIGNATURE_SIZE);
    slow_bytes granted = slow_read_short(&r);
    if (!slow_reader_ok(&r) || slow_reader_left(&r) != 0 || (granted.size > 0 && !sl_grant_read(granted, &grant)))
        return counted(m, SL_REFUSED_MALFORMED);
    if (is_stale(issued, now_s(m)))
        return counted(m, SL_REFUSED_STALE);
    memcpy(key.bytes, key_bytes, SL_KEY_SIZE);
    slow_bytes said = credentials_statement(m, context, id, static_key, issued, granted, statement);
    enum sl_refusal refusal = check(m, id, &key, granted.size > 0 ? &grant : NULL, said, signature, member, &cost);
    member->issued = issued;
    return counted(m, refusal);
}

/* ---- proofs ---- */

slow_bytes sl_membership_sign(sl_membership *m, slow_bytes statement) {
    uint8_t bytes[SIGNED_MAX];
    if (!sl_membership_is_closed(m))
        return (slow_bytes){NULL, 0};
    slow_bytes said = proof_statement(m, &m->self.id, statement, bytes);
    if (said.size == 0)
        return (slow_bytes){NULL, 0};
    slow_writer w = slow_writer_of(m->proof, sizeof m->proof);
    if (m->has_grant) {
        slow_write_u8(&w, PROOF_GRANT);
        slow_write_bytes(&w, m->grant, SL_GRANT_SIZE);
    } else if (is_fingerprint(&m->self.id, &m->self.key)) {
        slow_write_u8(&w, PROOF_KEY);
        slow_write_bytes(&w, m->self.key.bytes, SL_KEY_SIZE);
    } else {
        slow_write_u8(&w, PROOF_SIGNED);
    }
    sl_identity_sign(m->identity, said, slow_write_room(&w, SL_SIGNATURE_SIZE));
    return (slow_bytes){m->proof, slow_writer_size(&w)};
}

/* The parts of a proof; *has_key false where the verifier has to know it. */
static bool proof_read(slow_bytes proof, sl_grant *grant, bool *has_grant, sl_key *key, bool *has_key,
                       const uint8_t **signature) {
    slow_reader r = slow_reader_of(proof);
    uint8_t kind = slow_read_u8(&r);
    *has_grant = kind == PROOF_GRANT;
    *has_key = kind != PROOF_SIGNED;
    if (kind == PROOF_GRANT) {
        slow_bytes bytes = {slow_read_bytes(&r, SL_GRANT_SIZE), SL_GRANT_SIZE};
        if (bytes.data == NULL || !sl_grant_read(bytes, grant))
            return false;
        *key = grant->key;
    } else if (kind == PROOF_KEY) {
        const uint8_t *bytes = slow_read_bytes(&r, SL_KEY_SIZE);
        if (bytes != NULL)
            memcpy(key->bytes, bytes, SL_KEY_SIZE);
    } else if (kind != PROOF_SIGNED) {
        return false;
    }
    *signature = slow_read_bytes(&r, SL_SIGNATURE_SIZE);
    return slow_reader_ok(&r) && slow_reader_left(&r) == 0;
}

enum sl_refusal sl_membership_verify(sl_membership *m, const slow_id *origin, slow_bytes statement, slow_bytes proof,
                                     sl_member *member, uint32_t *cost) {
    uint8_t bytes[SIGNED_MAX];
    sl_grant grant;
    sl_key key;
    bool has_grant, has_key;
    const uint8_t *signature;
    uint32_t spent = 0;
    sl_member ignored;
    if (member == NULL)
        member = &ignored;
    *member = (sl_member){.id = *origin, .roles = SL_ROLE_RELAY};
    if (!sl_membership_is_closed(m))
        return SL_WELCOME;
    if (proof.size == 0)
        return counted(m, SL_REFUSED_NO_IDENTITY);
    slow_bytes said = proof_statement(m, origin, statement, bytes);
    if (said.size == 0 || !proof_read(proof, &grant, &has_grant, &key, &has_key, &signature))
        return counted(m, SL_REFUSED_MALFORMED);
    if (!has_key) {
        const sl_member *known = member_of(m, origin);
        if (known == NULL)
            return counted(m, SL_REFUSED_UNLISTED);
        key = known->key;
    }
    enum sl_refusal refusal = check(m, origin, &key, has_grant ? &grant : NULL, said, signature, member, &spent);
    if (cost != NULL)
        *cost += spent;
    return counted(m, refusal);
}

enum sl_refusal sl_membership_still(sl_membership *m, const sl_member *member) {
    if (!sl_membership_is_closed(m))
        return SL_WELCOME;
    bool vouched_for = !sodium_is_zero(member->issuer, SL_ISSUER_SIZE);
    if (sl_membership_is_revoked(m, &member->key) ||
        (vouched_for && issuer_check(m, member->issuer) == SL_REFUSED_REVOKED))
        return SL_REFUSED_REVOKED;
    return member->until != 0 && now_s(m) > member->until ? SL_REFUSED_EXPIRED : SL_WELCOME;
}

bool sl_membership_is_outdated(sl_membership *m, const sl_member *member) {
    uint64_t now = now_s(m);
    return member->issued != 0 && now > member->issued && is_stale(member->issued, now);
}
