/* The keys under "security" that say who is who:
 *
 *   identity     the file of our own key (slowctl keygen); without it the others have no place here
 *   members      [{"id", "key", "roles"}]: who may be here, and whose key that is; roles are ["relay"] when not given
 *   authority    public keys, base64: whoever has a certificate of one of these may be here
 *   certificate  the file of our own, for networks with an authority
 *   revoked      a file of public keys, one a line, that are out whatever else is said; # begins a comment
 *   end_to_end   true when not given: messages are sealed between their ends
 *
 * File names are relative to where the program runs, as plugin_dirs and the admin's socket are. Each file is read once, when
 * the config is; "revoked" again on slowctl members reload.
 *
 * What contradicts is an error: keys that mean nothing without an identity, an identity without a plugin that proves it,
 * our own certificate for somebody else. What may well be on purpose, such as a list of members that is still empty, is
 * said once in the log when the junction starts. */
#include "config_security.h"
#include "file.h"
#include "id.h"
#include "log.h"
#include "option.h"
#include <slow/security.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AUTHORITIES_MAX = 16, MEMBERS_MAX = 4096, FILE_MAX = 1 << 20 };
#define KEY_EXPECTED "expected a public key, 44 characters of base64 (slowctl identity FILE shows it)"

static const slow_option a_file = {.key = "file", .type = SLOW_OPT_STRING, .min = 1, .max = 4095};

static slow_status no_memory(const sl_json_at *at, slow_error *error) {
    return sl_json_error(at, error, SLOW_E_NOMEM, "no memory");
}

static slow_status read_key(const sl_json *value, const sl_json_at *at, sl_key *key, slow_error *error) {
    const char *text = sl_json_string(value);
    if (value == NULL)
        return sl_json_error(at, error, SLOW_E_INVAL, "missing; " KEY_EXPECTED);
    if (text == NULL)
        return sl_json_error(at, error, SLOW_E_INVAL, "is %s; " KEY_EXPECTED, sl_json_type_name(value));
    if (!sl_key_parse(text, strlen(text), key))
        return sl_json_error(at, error, SLOW_E_INVAL, "%s",
                             strlen(text) == SL_KEY_TEXT - 1
                                 ? "is not a public key; is it a secret? Then make another. " KEY_EXPECTED
                                 : "is no key; " KEY_EXPECTED);
    return SLOW_OK;
}

/* ---- members ---- */

static slow_status read_roles(const sl_json *list, const sl_json_at *at, uint8_t *roles, slow_error *error) {
    static const char words[] = "roles, such as [\"relay\"], [\"leaf\"] or [\"relay\", \"admin\"]";
    slow_status status = sl_config_check_list(list, at, 1, words, error);
    *roles = 0;
    for (size_t i = 0; i < sl_json_count(list) && status == SLOW_OK; i++) {
        sl_json_at item = sl_json_at_index(at, i);
        const char *name = sl_json_string(sl_json_item(list, i));
        uint8_t role = name != NULL ? sl_role_of(name) : 0;
        if (role == 0)
            return sl_json_error(&item, error, SLOW_E_INVAL, "is no role; expected \"relay\", \"leaf\" or \"admin\"");
        *roles |= role;
    }
    if (status == SLOW_OK && !sl_roles_valid(*roles))
        return sl_json_error(at, error, SLOW_E_INVAL, "a member is a relay or a leaf, not %s; expected %s",
                             (*roles & SL_ROLE_LEAF) ? "both" : "neither", words);
    return status;
}

static slow_status read_member(const sl_json *value, const sl_json_at *at, sl_member *member, slow_error *error) {
    static const char *const keys[] = {"id", "key", "roles", NULL};
    sl_json_at id_at = sl_json_at_key(at, "id"), key_at = sl_json_at_key(at, "key");
    sl_json_at roles_at = sl_json_at_key(at, "roles");
    if (sl_json_type(value) != SL_JSON_OBJECT)
        return sl_json_error(at, error, SLOW_E_INVAL, "is %s; expected an object with \"id\" and \"key\"",
                             sl_json_type_name(value));
    slow_status status = sl_option_check_keys(NULL, keys, value, at, error);
    if (status != SLOW_OK)
        return status;
    const char *id = sl_json_string(sl_json_get(value, "id"));
    if (id == NULL || !sl_id_set(&member->id, (slow_bytes){(const uint8_t *)id, strlen(id)}))
        return sl_json_error(&id_at, error, SLOW_E_INVAL, "%s; expected the id of a junction, 1..63 bytes",
                             sl_json_get(value, "id") == NULL ? "missing" : "is no id");
    member->roles = SL_ROLE_RELAY;
    const sl_json *roles = sl_json_get(value, "roles");
    status = read_key(sl_json_get(value, "key"), &key_at, &member->key, error);
    return status == SLOW_OK && roles != NULL ? read_roles(roles, &roles_at, &member->roles, error) : status;
}

/* Each id and each key once; ours with ours alone. */
static slow_status check_member(const sl_config *config, const sl_member *member, const sl_json_at *at,
                                slow_error *error) {
    sl_json_at id_at = sl_json_at_key(at, "id"), key_at = sl_json_at_key(at, "key");
    bool own_id = sl_id_equal(&member->id, &config->id);
    bool own_key = sl_key_equal(&member->key, &config->identity->key);
    for (const sl_member *earlier = config->members; earlier < member; earlier++) {
        size_t index = (size_t)(earlier - config->members);
        if (sl_id_equal(&earlier->id, &member->id))
            return sl_json_error(&id_at, error, SLOW_E_INVAL,
                                 "%.*s stands already in members[%zu]; expected each member once",
                                 SL_ID_ARG(&member->id), index);
        if (sl_key_equal(&earlier->key, &member->key))
            return sl_json_error(&key_at, error, SLOW_E_INVAL,
                                 "is that of members[%zu], %.*s; expected a key of its own for each member", index,
                                 SL_ID_ARG(&earlier->id));
    }
    if (own_id && !own_key)
        return sl_json_error(&key_at, error, SLOW_E_INVAL,
                             "is not that of this junction's identity; expected its own, or another id");
    if (own_key && !own_id)
        return sl_json_error(&id_at, error, SLOW_E_INVAL,
                             "has this junction's own key; expected this junction's id, or the key of %.*s",
                             SL_ID_ARG(&member->id));
    return SLOW_OK;
}

static slow_status read_members(sl_config *config, const sl_json *list, const sl_json_at *at, slow_error *error) {
    slow_status status = sl_config_check_list(list, at, 0, "members", error);
    size_t count = sl_json_count(list);
    if (status != SLOW_OK)
        return status;
    if (count > MEMBERS_MAX)
        return sl_json_error(at, error, SLOW_E_INVAL, "has %zu members; expected %d at most: use an authority", count,
                             MEMBERS_MAX);
    config->listed = true;
    config->members = calloc(count + 1, sizeof *config->members);
    if (config->members == NULL)
        return no_memory(at, error);
    for (size_t i = 0; i < count && status == SLOW_OK; i++) {
        sl_json_at item = sl_json_at_index(at, i);
        sl_member *member = &config->members[config->member_count++];
        status = read_member(sl_json_item(list, i), &item, member, error);
        if (status == SLOW_OK)
            status = check_member(config, member, &item, error);
    }
    return status;
}

/* ---- identity, authorities ---- */

slow_status sl_config_set_identity(sl_config *config, const sl_identity *identity) {
    sl_identity *copy = sl_secret_new(sizeof *copy);
    if (copy == NULL)
        return SLOW_E_NOMEM;
    *copy = *identity;
    sl_secret_free(config->identity);
    config->identity = copy;
    config->end_to_end = true;
    return SLOW_OK;
}

/* The network key is every member's, and so nobody's own: whoever has it could be us, or an authority. Files of secrets do
 * not say what they are for, so one is easily given for another. */
static bool is_plugins_secret(const sl_config *config, const sl_key *key) {
    const sl_config_plugin *use = &config->security;
    for (const slow_option *o = use->plugin->options; o != NULL && o->key != NULL; o++) {
        const char *text = NULL;
        uint8_t seed[SL_KEY_SIZE];
        sl_identity identity;
        if (o->type != SLOW_OPT_STRING || (o->flags & SLOW_OPT_SECRET_FILE) == 0 || use->options == NULL)
            continue;
        memcpy(&text, (const char *)use->options + o->offset, sizeof text);
        if (text == NULL || !sl_secret_parse_key(text, seed))
            continue;
        sl_identity_from_seed(&identity, seed);
        bool same = sl_key_equal(&identity.key, key);
        sl_secret_wipe(seed, sizeof seed);
        sl_identity_wipe(&identity);
        if (same)
            return true;
    }
    return false;
}

static slow_status read_identity(sl_config *config, const sl_json *value, const sl_json_at *at, slow_error *error) {
    char *file = NULL;
    slow_error why;
    slow_status status = sl_option_set(&a_file, value, at, &file, error);
    if (status != SLOW_OK)
        return status;
    sl_identity identity;
    status = sl_identity_read(file, "identity", &identity, &why);
    free(file);
    if (status != SLOW_OK)
        return sl_json_error(at, error, status, "%s", why.text);
    if (is_plugins_secret(config, &identity.key))
        status = sl_json_error(at, error, SLOW_E_INVAL,
                               "is the key that every member has; expected a key of this junction's own "
                               "(slowctl keygen FILE)");
    else if ((status = sl_config_set_identity(config, &identity)) != SLOW_OK)
        status = no_memory(at, error);
    sl_identity_wipe(&identity);
    return status;
}

static slow_status read_authority(sl_config *config, const sl_json *list, const sl_json_at *at, slow_error *error) {
    slow_status status = sl_config_check_list(list, at, 0, "public keys of authorities", error);
    size_t count = sl_json_count(list);
    if (status != SLOW_OK)
        return status;
    if (count > AUTHORITIES_MAX)
        return sl_json_error(at, error, SLOW_E_INVAL, "has %zu keys; expected %d at most", count, AUTHORITIES_MAX);
    config->listed = true;
    config->authorities = calloc(count + 1, sizeof *config->authorities);
    if (config->authorities == NULL)
        return no_memory(at, error);
    for (size_t i = 0; i < count && status == SLOW_OK; i++) {
        sl_json_at item = sl_json_at_index(at, i);
        sl_key *key = &config->authorities[config->authority_count++];
        status = read_key(sl_json_item(list, i), &item, key, error);
        if (status == SLOW_OK && is_plugins_secret(config, key))
            status = sl_json_error(&item, error, SLOW_E_INVAL,
                                   "has the network key for its secret, so that every member could let in anybody; "
                                   "expected another network key, and another authority");
        for (size_t j = 0; j < i && status == SLOW_OK; j++)
            if (sl_key_equal(key, &config->authorities[j]))
                status =
                    sl_json_error(&item, error, SLOW_E_INVAL, "stands already at [%zu]; expected each key once", j);
    }
    return status;
}

/* ---- our certificate ---- */

/* Of one of ours, where we have some. (Without any it is for the others to read.) */
static bool is_of_our_authority(const sl_config *config, const sl_certificate *c) {
    for (size_t i = 0; i < config->authority_count; i++)
        if (sl_grant_verify(&c->grant, c->network, &c->id, &config->authorities[i]))
            return true;
    return config->authority_count == 0;
}

static slow_status check_certificate(const sl_config *config, const sl_certificate *c, const sl_json_at *at,
                                     slow_error *error) {
    char key[SL_KEY_TEXT];
    sl_key_text(&c->grant.key, key);
    if (!sl_key_equal(&c->grant.key, &config->identity->key))
        return sl_json_error(at, error, SLOW_E_INVAL, "is for the key %s, not for this junction's identity", key);
    if (strcmp(c->network, config->network) != 0)
        return sl_json_error(at, error, SLOW_E_INVAL, "is for the network \"%s\"; this junction's is \"%s\"",
                             c->network, config->network);
    if (config->id.size > 0 && !sl_id_equal(&c->id, &config->id)) /* a missing id is complained of later */
        return sl_json_error(at, error, SLOW_E_INVAL, "is for the id \"%.*s\"; this junction's is \"%.*s\"",
                             SL_ID_ARG(&c->id), SL_ID_ARG(&config->id));
    if (!is_of_our_authority(config, c))
        return sl_json_error(at, error, SLOW_E_INVAL,
                             "is signed by none of the keys of \"authority\"; expected one that is");
    return SLOW_OK;
}

static slow_status read_certificate(sl_config *config, const sl_json *value, const sl_json_at *at, slow_error *error) {
    char *file = NULL, *text = NULL;
    size_t size = 0;
    sl_certificate c;
    slow_error why;
    slow_status status = sl_option_set(&a_file, value, at, &file, error);
    if (status != SLOW_OK)
        return status;
    status = sl_file_read_regular(file, FILE_MAX, "a certificate", &text, &size, &why);
    if (status == SLOW_OK)
        status = sl_certificate_parse(text, size, &c, &why);
    status =
        status == SLOW_OK ? check_certificate(config, &c, at, error) : sl_json_error(at, error, status, "%s", why.text);
    free(text);
    free(file);
    if (status != SLOW_OK)
        return status;
    config->grant = malloc(sizeof *config->grant);
    sl_json_error(at, &why, SLOW_OK, "%s", "");
    config->certificate_at = strdup(why.text);
    if (config->grant == NULL || config->certificate_at == NULL)
        return no_memory(at, error);
    *config->grant = c.grant;
    return SLOW_OK;
}

/* ---- revoked ---- */

/* One line, less its comment: a key, or nothing. */
static bool revoked_line(const char *line, size_t size, sl_key *key, bool *has_key) {
    const char *comment = memchr(line, '#', size);
    if (comment != NULL)
        size = (size_t)(comment - line);
    while (size > 0 && strchr(" \t\r", line[size - 1]) != NULL && line[size - 1] != '\0')
        size--;
    for (; size > 0 && (*line == ' ' || *line == '\t'); size--)
        line++;
    *has_key = size > 0;
    return size == 0 || sl_key_parse(line, size, key);
}

slow_status sl_config_read_revoked(const char *path, sl_key **keys, size_t *count, slow_error *error) {
    char *text = NULL;
    size_t size = 0, number = 0;
    *keys = NULL;
    *count = 0;
    slow_status status = sl_file_read_regular(path, FILE_MAX, "a list of keys", &text, &size, error);
    if (status != SLOW_OK)
        return status;
    *keys = calloc(size / (SL_KEY_TEXT - 1) + 1, sizeof **keys);
    if (*keys == NULL)
        status = sl_error(error, SLOW_E_NOMEM, path, "%s: no memory", path);
    for (const char *line = text, *end = text + size; line < end && status == SLOW_OK;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        bool has_key;
        stop = stop != NULL ? stop : end;
        number++;
        if (!revoked_line(line, (size_t)(stop - line), &(*keys)[*count], &has_key))
            status = sl_error(error, SLOW_E_INVAL, path,
                              "%.120s:%zu: is no public key; expected 44 characters of base64 a line, and # before "
                              "comments",
                              path, number);
        *count += has_key;
        line = stop + 1;
    }
    free(text);
    if (status != SLOW_OK) {
        free(*keys);
        *keys = NULL;
        *count = 0;
    }
    return status;
}

static slow_status read_revoked(sl_config *config, const sl_json *value, const sl_json_at *at, slow_error *error) {
    slow_error why;
    slow_status status = sl_option_set(&a_file, value, at, &config->revoked_file, error);
    if (status != SLOW_OK)
        return status;
    status = sl_config_read_revoked(config->revoked_file, &config->revoked, &config->revoked_count, &why);
    if (status != SLOW_OK)
        return sl_json_error(at, error, status, "%s", why.text);
    for (size_t i = 0; i < config->revoked_count; i++)
        if (sl_key_equal(&config->revoked[i], &config->identity->key))
            return sl_json_error(at, error, SLOW_E_INVAL,
                                 "names this junction's own key: nobody would let it in; expected a new identity");
    return SLOW_OK;
}

static slow_status read_end_to_end(sl_config *config, const sl_json *value, const sl_json_at *at, slow_error *error) {
    static const slow_option truth = {.key = "end_to_end", .type = SLOW_OPT_BOOL};
    return sl_option_set(&truth, value, at, &config->end_to_end, error);
}

/* ---- the whole ---- */

/* Is there a network key, or whatever secret the plugin takes? */
static bool has_plugins_secret(const sl_config *config) {
    for (const slow_option *o = config->security.plugin->options; o != NULL && o->key != NULL; o++) {
        const char *text = NULL;
        if (o->type == SLOW_OPT_STRING && (o->flags & SLOW_OPT_SECRET_FILE) != 0 && config->security.options != NULL)
            memcpy(&text, (const char *)config->security.options + o->offset, sizeof text);
        if (text != NULL)
            return true;
    }
    return false;
}

/* In the order in which they are read: later ones look at earlier ones. */
static const struct {
    const char *key;
    sl_config_section read;
} sections[] = {
    {"identity", read_identity},       {"members", read_members}, {"authority", read_authority},
    {"certificate", read_certificate}, {"revoked", read_revoked}, {"end_to_end", read_end_to_end},
};

slow_status sl_config_read_membership(sl_config *config, const sl_json *value, const sl_json_at *at,
                                      slow_error *error) {
    const slow_security_ops *ops = config->security.plugin->ops;
    config->has_secret = has_plugins_secret(config);
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        const sl_json *section = sl_json_get(value, sections[i].key);
        sl_json_at section_at = sl_json_at_key(at, sections[i].key);
        if (section == NULL)
            continue;
        if (ops->tag_size == 0)
            return sl_json_error(&section_at, error, SLOW_E_INVAL,
                                 "means nothing with %s, which proves nobody's key; expected a plugin that does",
                                 config->security.plugin->id);
        if (i > 0 && config->identity == NULL)
            return sl_json_error(&section_at, error, SLOW_E_INVAL,
                                 "means nothing without \"identity\"; expected the file of this junction's key beside "
                                 "it (slowctl keygen FILE makes one)");
        slow_status status = sections[i].read(config, section, &section_at, error);
        if (status != SLOW_OK)
            return status;
    }
    return SLOW_OK;
}

void sl_config_membership_free(sl_config *config) {
    sl_secret_free(config->identity);
    free(config->members);
    free(config->authorities);
    free(config->grant);
    free(config->certificate_at);
    free(config->revoked_file);
    free(config->revoked);
}

slow_status sl_config_check_time(const sl_config *config, uint64_t now_s, slow_error *error) {
    char when[SL_DATE_TEXT];
    if (config->grant == NULL || now_s <= config->grant->not_after)
        return SLOW_OK;
    sl_date_text(config->grant->not_after, when);
    return sl_error(error, SLOW_E_INVAL, "security.certificate",
                    "%sran out on %s; expected a new one from the authority (slowctl authority sign)",
                    config->certificate_at != NULL ? config->certificate_at : "", when);
}

static bool is_listed(const sl_config *config) {
    for (size_t i = 0; i < config->member_count; i++)
        if (sl_id_equal(&config->members[i].id, &config->id))
            return true;
    return false;
}

/* One of the keys whose word lets others in is kept at this junction. */
static bool is_own_authority(const sl_config *config) {
    for (size_t i = 0; i < config->authority_count; i++)
        if (sl_key_equal(&config->authorities[i], &config->identity->key))
            return true;
    return false;
}

typedef struct warnings {
    char (*lines)[SL_CONFIG_WARNING];
    size_t count;
} warnings;

__attribute__((format(printf, 2, 3))) static void warn(warnings *w, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(w->lines[w->count++], SL_CONFIG_WARNING, format, arguments);
    va_end(arguments);
}

static void warn_of_time(warnings *w, const sl_grant *grant, uint64_t now_s) {
    char when[SL_DATE_TEXT];
    if (now_s < grant->not_before) {
        sl_date_text(grant->not_before, when);
        warn(w, "this junction's certificate is not valid before %s: nobody lets it in; is the clock right?", when);
    } else if (grant->not_after - now_s < 7 * 86400) {
        sl_date_text(grant->not_after, when);
        warn(w, "this junction's certificate runs out within a week, on %s (slowctl authority sign)", when);
    }
}

/* Who gets how far without being one of us. */
static void warn_of_strangers(warnings *w, const sl_config *config) {
    if (config->has_secret)
        return;
    if (!config->listed)
        warn(w, "there are neither \"members\" nor \"authority\" nor network key: anybody can join, under the "
                "fingerprint of its key");
    else
        warn(w, "there is no network key: a port answers strangers, up to where they would have to prove who they are "
                "(slowctl network-key)");
}

size_t sl_config_warnings(const sl_config *config, uint64_t now_s, char lines[SL_CONFIG_WARNINGS][SL_CONFIG_WARNING]) {
    const slow_security_ops *ops = config->security.plugin->ops;
    warnings w = {.lines = lines};
    slow_id fingerprint;
    if (config->identity == NULL) {
        if (ops->tag_size > 0)
            warn(&w, "%s",
                 config->has_secret
                     ? "there is no \"identity\": whoever has the network key may use any id"
                     : "there is neither \"identity\" nor network key: links are encrypted, for anybody");
        return w.count;
    }
    sl_key_fingerprint(&config->identity->key, &fingerprint);
    if (config->listed && config->member_count == is_listed(config) && config->authority_count == 0)
        warn(&w, "nobody can join: \"members\" names nobody else, and there is no \"authority\"");
    warn_of_strangers(&w, config);
    if (is_own_authority(config))
        warn(&w, "this junction's \"identity\" is an authority's key, too: who takes this machine can let in anybody; "
                 "expected a key of its own (slowctl keygen FILE)");
    if (config->grant == NULL && !is_listed(config) && !sl_id_equal(&fingerprint, &config->id))
        warn(&w, "this junction's id has no credential: it has no \"certificate\", is not in \"members\", and is "
                 "not its key's fingerprint; only who lists it in its own \"members\" lets it in");
    if (config->grant != NULL)
        warn_of_time(&w, config->grant, now_s);
    if (!config->end_to_end)
        warn(&w, "\"end_to_end\" is false: relays can read and change messages");
    return w.count;
}
