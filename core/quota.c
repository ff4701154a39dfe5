#include "quota.h"
#include "peer.h"
#include <stdlib.h>

enum { AROUND = sizeof(sl_outgoing) };

/* ---- the table ---- */

static uint32_t hash_of(const sl_quota *quota, const slow_id *id) {
    return (uint32_t)sl_id_hash(quota->key, (const uint8_t *)id->text, id->size);
}

/* Where it hangs, or would. */
static sl_quota_account **place_of(const sl_quota *quota, uint32_t hash, const slow_id *id) {
    sl_quota_account **at = &quota->buckets[hash & (quota->bucket_count - 1)];
    while (*at != NULL && !((*at)->hash == hash && sl_id_equal(&(*at)->id, id)))
        at = &(*at)->chained;
    return at;
}

sl_quota_account *sl_quota_find(sl_quota *quota, const slow_id *id) {
    if (quota->recent == NULL || !sl_id_equal(&quota->recent->id, id))
        quota->recent = *place_of(quota, hash_of(quota, id), id);
    return quota->recent;
}

/* Without memory the chains get longer, and that is all. */
static void grow(sl_quota *quota) {
    uint32_t count = quota->bucket_count * 2;
    sl_quota_account **buckets = quota->count >= quota->bucket_count ? calloc(count, sizeof *buckets) : NULL;
    if (buckets == NULL)
        return;
    for (uint32_t i = 0; i < quota->bucket_count; i++)
        for (sl_quota_account *account = quota->buckets[i], *next; account != NULL; account = next) {
            next = account->chained;
            account->chained = buckets[account->hash & (count - 1)];
            buckets[account->hash & (count - 1)] = account;
        }
    free(quota->buckets);
    quota->buckets = buckets;
    quota->bucket_count = count;
}

static sl_quota_account *account_need(sl_quota *quota, const slow_id *id) {
    sl_quota_account *account = sl_quota_find(quota, id);
    if (account != NULL || (account = calloc(1, sizeof *account)) == NULL)
        return account;
    uint32_t hash = hash_of(quota, id);
    grow(quota);
    account->id = *id;
    account->hash = hash;
    *place_of(quota, hash, id) = account;
    quota->count++;
    return account;
}

/* Nothing is kept of destinations to which nothing waits. */
static void account_settle(sl_quota *quota, sl_quota_account *account) {
    if (account->count > 0 || account->refused || account->to_tell)
        return;
    *place_of(quota, account->hash, &account->id) = account->chained;
    quota->count--;
    if (quota->recent == account)
        quota->recent = NULL;
    free(account);
}

bool sl_quota_init(sl_quota *quota, sl_loop *loop) {
    *quota = (sl_quota){.bucket_count = 16};
    sl_entropy(loop, quota->key, sizeof quota->key);
    quota->buckets = calloc(quota->bucket_count, sizeof *quota->buckets);
    return quota->buckets != NULL;
}

void sl_quota_free(sl_quota *quota) {
    for (uint32_t i = 0; quota->buckets != NULL && i < quota->bucket_count; i++)
        for (sl_quota_account *account = quota->buckets[i], *next; account != NULL; account = next) {
            next = account->chained;
            free(account);
        }
    free(quota->buckets);
}

/* ---- room ---- */

static bool fits(const sl_quota_account *account, size_t size) {
    return account == NULL || account->count == 0 ||
           (account->count < SL_PEER_QUEUE_COUNT && account->bytes + size <= SL_PEER_QUEUE_MAX);
}

static bool whole_fits(const sl_quota *quota, size_t size) {
    return quota->bytes == 0 || quota->bytes + size + AROUND <= SL_SEND_BUDGET;
}

static bool half_free(const sl_quota_account *account) {
    return account->count <= SL_PEER_QUEUE_COUNT / 2 && account->bytes <= SL_PEER_QUEUE_MAX / 2;
}

static bool whole_half_free(const sl_quota *quota) {
    return quota->bytes <= SL_SEND_BUDGET / 2;
}

bool sl_quota_has_room(sl_quota *quota, const slow_id *id, size_t size) {
    const sl_quota_account *account = sl_quota_find(quota, id);
    return whole_fits(quota, size) && fits(account, size) && (account != NULL || quota->count < SL_PEERS_MAX);
}

bool sl_quota_is_half_empty(sl_quota *quota, const slow_id *id) {
    const sl_quota_account *account = sl_quota_find(quota, id);
    return whole_half_free(quota) && (account != NULL ? half_free(account) : quota->count < SL_PEERS_MAX);
}

slow_status sl_quota_charge(sl_quota *quota, const slow_id *id, size_t size) {
    if (quota->count >= SL_PEERS_MAX && sl_quota_find(quota, id) == NULL)
        return SLOW_E_AGAIN;
    sl_quota_account *account = account_need(quota, id);
    if (account == NULL)
        return SLOW_E_NOMEM;
    bool whole = whole_fits(quota, size);
    if (!whole || !fits(account, size)) {
        account->refused = true;
        quota->refused |= !whole;
        return SLOW_E_AGAIN;
    }
    account->count++;
    account->bytes += size;
    quota->bytes += size + AROUND;
    return SLOW_OK;
}

static void tell(sl_quota *quota, sl_quota_account *account) {
    if (!account->refused || !half_free(account) || !whole_half_free(quota))
        return;
    account->refused = false;
    if (account->to_tell)
        return;
    account->to_tell = true;
    account->next_told = quota->told;
    quota->told = account;
}

/* Whoever was refused because of the others hears of it, too. */
static void tell_all(sl_quota *quota) {
    quota->refused = false;
    for (uint32_t i = 0; i < quota->bucket_count; i++)
        for (sl_quota_account *account = quota->buckets[i]; account != NULL; account = account->chained)
            tell(quota, account);
}

bool sl_quota_credit(sl_quota *quota, const slow_id *id, uint32_t count, size_t size) {
    sl_quota_account *account = sl_quota_find(quota, id);
    bool whole_before = whole_half_free(quota), before = half_free(account), full = quota->count >= SL_PEERS_MAX;
    account->count -= count;
    account->bytes -= size;
    quota->bytes -= size + (uint64_t)count * AROUND;
    bool whole = whole_half_free(quota), news = whole && (!whole_before || (!before && half_free(account)));
    if (quota->refused && whole)
        tell_all(quota);
    tell(quota, account);
    account_settle(quota, account);
    return news || (full && quota->count < SL_PEERS_MAX);
}

bool sl_quota_next_told(sl_quota *quota, slow_id *id) {
    sl_quota_account *account = quota->told;
    if (account == NULL)
        return false;
    quota->told = account->next_told;
    account->to_tell = false;
    *id = account->id;
    account_settle(quota, account);
    return true;
}
