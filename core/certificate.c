/* Certificates: one fixed layout of bytes, with one way to write each, so that what was signed is what is read.
 *
 * Rejected: X.509, for its parsers, which have been the way in more often than its signatures; JSON, since what is signed
 * would need a canonical form; chains, since a network has one authority or a few, named in its configs. A certificate is
 * short-lived and names the key that it is for, so revocation is a list of keys, and the list may forget a key once its
 * last certificate has run out.
 *
 * The armour is that of RFC 7468 (lines of 64 characters), so that it survives mail and terminals. */
#include "certificate.h"
#include "id.h"
#include "log.h"
#include <slow/wire.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CONTEXT "slow/1 certificate"
#define BEGIN "-----BEGIN SLOW CERTIFICATE-----"
#define END "-----END SLOW CERTIFICATE-----"

enum { STATEMENT_MAX = sizeof CONTEXT + 64 + 64 + SL_KEY_SIZE + 1 + 16 + SL_KEY_SIZE, LINE = 64 };

/* ---- roles ---- */

static const struct {
    const char *name;
    uint8_t bit;
} roles_known[] = {{"leaf", SL_ROLE_LEAF}, {"relay", SL_ROLE_RELAY}, {"admin", SL_ROLE_ADMIN}};
enum { ROLES = sizeof roles_known / sizeof roles_known[0] };

uint8_t sl_role_of(const char *name) {
    for (size_t i = 0; i < ROLES; i++)
        if (strcmp(roles_known[i].name, name) == 0)
            return roles_known[i].bit;
    return 0;
}

const char *sl_role_name(uint8_t bit) {
    for (size_t i = 0; i < ROLES; i++)
        if (roles_known[i].bit == bit)
            return roles_known[i].name;
    return NULL;
}

bool sl_roles_valid(uint8_t roles) {
    uint8_t relaying = roles & (SL_ROLE_LEAF | SL_ROLE_RELAY);
    return (roles & ~(SL_ROLE_LEAF | SL_ROLE_RELAY | SL_ROLE_ADMIN)) == 0 &&
           (relaying == SL_ROLE_LEAF || relaying == SL_ROLE_RELAY);
}

bool sl_roles_parse(const char *text, uint8_t *roles) {
    *roles = 0;
    for (;;) {
        char name[16];
        size_t size = strcspn(text, ",");
        if (size >= sizeof name)
            return false;
        memcpy(name, text, size);
        name[size] = '\0';
        uint8_t role = sl_role_of(name);
        if (role == 0)
            return false;
        *roles |= role;
        if (text[size] == '\0')
            return sl_roles_valid(*roles);
        text += size + 1;
    }
}

/* ---- grants ---- */

void sl_date_text(uint64_t seconds, char out[SL_DATE_TEXT]) {
    time_t when = (time_t)seconds;
    struct tm parts;
    if (gmtime_r(&when, &parts) == NULL || strftime(out, SL_DATE_TEXT, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
        snprintf(out, SL_DATE_TEXT, "%llu", (unsigned long long)seconds);
}

static void grant_put(slow_writer *w, const sl_grant *grant) {
    slow_write_bytes(w, grant->key.bytes, SL_KEY_SIZE);
    slow_write_u8(w, grant->roles);
    slow_write_u64(w, grant->not_before);
    slow_write_u64(w, grant->not_after);
}

void sl_grant_write(const sl_grant *grant, uint8_t out[SL_GRANT_SIZE]) {
    slow_writer w = slow_writer_of(out, SL_GRANT_SIZE);
    grant_put(&w, grant);
    slow_write_bytes(&w, grant->issuer, sizeof grant->issuer);
    slow_write_bytes(&w, grant->signature, SL_SIGNATURE_SIZE);
}

bool sl_grant_read(slow_bytes bytes, sl_grant *grant) {
    if (bytes.size != SL_GRANT_SIZE)
        return false;
    slow_reader r = slow_reader_of(bytes);
    memcpy(grant->key.bytes, slow_read_bytes(&r, SL_KEY_SIZE), SL_KEY_SIZE);
    grant->roles = slow_read_u8(&r);
    grant->not_before = slow_read_u64(&r);
    grant->not_after = slow_read_u64(&r);
    memcpy(grant->issuer, slow_read_bytes(&r, sizeof grant->issuer), sizeof grant->issuer);
    memcpy(grant->signature, slow_read_bytes(&r, SL_SIGNATURE_SIZE), SL_SIGNATURE_SIZE);
    return sl_roles_valid(grant->roles) && grant->not_before <= grant->not_after;
}

static slow_bytes grant_statement(const sl_grant *grant, const char *network, const slow_id *id,
                                  const sl_key *authority, uint8_t out[STATEMENT_MAX]) {
    slow_writer w = slow_writer_of(out, STATEMENT_MAX);
    slow_write_bytes(&w, CONTEXT, sizeof CONTEXT - 1);
    slow_write_short(&w, network, strlen(network));
    slow_write_short(&w, id->text, id->size);
    grant_put(&w, grant);
    slow_write_bytes(&w, authority->bytes, SL_KEY_SIZE);
    return (slow_bytes){out, slow_writer_size(&w)};
}

bool sl_grant_names(const sl_grant *grant, const sl_key *authority) {
    return memcmp(grant->issuer, authority->bytes, sizeof grant->issuer) == 0;
}

bool sl_grant_verify(const sl_grant *grant, const char *network, const slow_id *id, const sl_key *authority) {
    uint8_t statement[STATEMENT_MAX];
    return sl_grant_names(grant, authority) &&
           sl_key_verify(authority, grant_statement(grant, network, id, authority, statement), grant->signature);
}

/* ---- certificates ---- */

void sl_certificate_sign(sl_certificate *certificate, const sl_identity *authority) {
    uint8_t statement[STATEMENT_MAX];
    sl_grant *grant = &certificate->grant;
    memcpy(grant->issuer, authority->key.bytes, sizeof grant->issuer);
    sl_identity_sign(authority,
                     grant_statement(grant, certificate->network, &certificate->id, &authority->key, statement),
                     grant->signature);
}

size_t sl_certificate_write(const sl_certificate *certificate, char *text, size_t capacity) {
    uint8_t bytes[SL_CERTIFICATE_MAX], grant[SL_GRANT_SIZE];
    char base64[sodium_base64_ENCODED_LEN(SL_CERTIFICATE_MAX, sodium_base64_VARIANT_ORIGINAL)];
    slow_writer w = slow_writer_of(bytes, sizeof bytes);
    slow_write_short(&w, certificate->network, strlen(certificate->network));
    slow_write_short(&w, certificate->id.text, certificate->id.size);
    sl_grant_write(&certificate->grant, grant);
    slow_write_bytes(&w, grant, sizeof grant);
    sodium_bin2base64(base64, sizeof base64, bytes, slow_writer_size(&w), sodium_base64_VARIANT_ORIGINAL);
    size_t size = strlen(base64), lines = (size + LINE - 1) / LINE;
    size_t total = strlen(BEGIN "\n") + size + lines + strlen(END "\n");
    if (total >= capacity)
        return 0;
    char *at = text + sprintf(text, "%s\n", BEGIN);
    for (size_t from = 0; from < size; from += LINE)
        at += sprintf(at, "%.*s\n", LINE, base64 + from);
    sprintf(at, "%s\n", END);
    return total;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void trim(const char **text, size_t *size) {
    while (*size > 0 && is_space(**text)) {
        ++*text;
        --*size;
    }
    while (*size > 0 && is_space((*text)[*size - 1]))
        --*size;
}

/* What stands between the two lines; false = they are not there. */
static bool armour_strip(const char **text, size_t *size) {
    const size_t begin = strlen(BEGIN), end = strlen(END);
    trim(text, size);
    if (*size < begin + end || memcmp(*text, BEGIN, begin) != 0 || memcmp(*text + *size - end, END, end) != 0)
        return false;
    *text += begin;
    *size -= begin + end;
    return true;
}

static bool certificate_read(slow_bytes bytes, sl_certificate *certificate) {
    slow_id network;
    slow_reader r = slow_reader_of(bytes);
    slow_bytes network_text = slow_read_short(&r), id_text = slow_read_short(&r);
    slow_bytes grant = {NULL, slow_reader_left(&r)};
    grant.data = slow_read_bytes(&r, grant.size);
    *certificate = (sl_certificate){.network = ""};
    if (!slow_reader_ok(&r) || !sl_id_set(&network, network_text) || !sl_id_set(&certificate->id, id_text) ||
        !sl_grant_read(grant, &certificate->grant))
        return false;
    memcpy(certificate->network, network.text, network.size);
    return true;
}

slow_status sl_certificate_parse(const char *text, size_t size, sl_certificate *certificate, slow_error *error) {
    uint8_t bytes[SL_CERTIFICATE_MAX];
    size_t got = 0;
    const char *end = NULL;
    if (!armour_strip(&text, &size))
        return sl_error(error, SLOW_E_INVAL, NULL, "is no certificate; expected it to begin with the line %s", BEGIN);
    if (sodium_base642bin(bytes, sizeof bytes, text, size, " \t\r\n", &got, &end, sodium_base64_VARIANT_ORIGINAL) !=
            0 ||
        end != text + size || !certificate_read((slow_bytes){bytes, got}, certificate))
        return sl_error(error, SLOW_E_INVAL, NULL,
                        "is a damaged certificate; expected all of what the authority wrote, unchanged");
    return SLOW_OK;
}
