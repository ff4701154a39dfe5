/* Keys and certificates as files. These commands need no router. A secret key is only ever read from its file and written to
 * one: never from the command line, which every user of the machine can see, nor printed. */
#include "slowctl.h"
#include <slow/identity.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double DAYS = 90;

/* `error` says it all, file included. */
static int refuse(const slow_error *error) {
    return complain("%s", error->text);
}

static int print_json(json_t *object) {
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    if (text != NULL)
        puts(text);
    free(text);
    json_decref(object);
    return text != NULL ? EXIT_SUCCESS : complain("no memory");
}

static int print_key(const request *r, const char *path, const slow_key_info *info) {
    if (r->json)
        return print_json(json_pack("{s:s,s:s,s:s}", "file", path, "key", info->key, "fingerprint", info->fingerprint));
    printf("key          %s\nfingerprint  %s\n", info->key, info->fingerprint);
    return EXIT_SUCCESS;
}

static int make_key(const request *r, const char *path) {
    slow_key_info info = SLOW_KEY_INFO_INIT;
    slow_error error;
    return slow_key_make(path, &info, &error) == SLOW_OK ? print_key(r, path, &info) : refuse(&error);
}

int identity_keygen(const request *r) {
    return make_key(r, r->operands[0]);
}

int identity_show(const request *r) {
    slow_key_info info = SLOW_KEY_INFO_INIT;
    slow_certificate_info certificate = SLOW_CERTIFICATE_INFO_INIT;
    slow_error error;
    const char *path = r->operands[0];
    if (slow_certificate_read(path, &certificate, &error) == SLOW_OK)
        return complain("%s: is a certificate, and holds no secret key; slowctl authority show %s shows it", path,
                        path);
    return slow_key_read(path, &info, &error) == SLOW_OK ? print_key(r, path, &info) : refuse(&error);
}

int identity_network_key(const request *r) {
    const char *path = r->operands[0];
    slow_error error;
    if (slow_network_key_make(path, &error) != SLOW_OK)
        return refuse(&error);
    if (r->json)
        return print_json(json_pack("{s:s}", "file", path));
    printf("%s: a new network key; every junction of the network gets a copy of this file, and nobody else\n", path);
    return EXIT_SUCCESS;
}

/* ---- authority ---- */

static bool read_days(const char *text, uint64_t *seconds) {
    char *end;
    double days = text != NULL ? strtod(text, &end) : DAYS;
    if (text != NULL && (*text < '0' || *text > '9' || *end != '\0'))
        return false;
    if (!(days > 0 && days <= 3652))
        return false;
    *seconds = (uint64_t)(days * 86400 + 0.5);
    return *seconds > 0;
}

static void date_of(uint64_t seconds, char out[32]) {
    time_t when = (time_t)seconds;
    struct tm parts;
    gmtime_r(&when, &parts);
    strftime(out, 32, "%Y-%m-%d %H:%M UTC", &parts);
}

/* "leaf,admin" as a list. */
static json_t *roles_of(const char *roles) {
    json_t *list = json_array();
    for (size_t size; *roles != '\0'; roles += size + (roles[size] == ',')) {
        size = strcspn(roles, ",");
        json_array_append_new(list, json_stringn(roles, size));
    }
    return list;
}

static int print_certificate(const request *r, const char *text, const slow_certificate_info *info) {
    char until[32];
    if (r->json)
        return print_json(json_pack("{s:s,s:s,s:s,s:o,s:I,s:I,s:s}", "network", info->network, "id", info->id, "key",
                                    info->key, "roles", roles_of(info->roles), "not_before",
                                    (json_int_t)info->not_before, "not_after", (json_int_t)info->not_after,
                                    "certificate", text));
    if (r->output == NULL) {
        fputs(text, stdout);
        return EXIT_SUCCESS;
    }
    date_of(info->not_after, until);
    printf("%s: %s may use the id %s in the network %s, as %s, until %s\n", r->output, info->key, info->id,
           info->network, info->roles, until);
    return EXIT_SUCCESS;
}

static int authority_new(const request *r) {
    return make_key(r, r->operands[1]);
}

static int authority_sign(const request *r) {
    char text[SLOW_CERTIFICATE_TEXT];
    slow_certificate_info info = SLOW_CERTIFICATE_INFO_INIT;
    slow_certificate_request wanted = {
        .struct_size = sizeof wanted, .network = r->network, .id = r->id, .key = r->key, .roles = r->roles};
    slow_error error;
    if (r->network == NULL || r->id == NULL || r->key == NULL)
        return mistake("authority sign needs --network, --id and --key", "");
    if (!read_days(r->days, &wanted.valid_s))
        return mistake("expected a number of days up to 3652, not ", r->days);
    if (slow_authority_sign(r->operands[1], &wanted, text, &info, &error) != SLOW_OK ||
        (r->output != NULL && slow_certificate_write(r->output, text, &error) != SLOW_OK))
        return refuse(&error);
    return print_certificate(r, text, &info);
}

/* Whether it is the word of an authority only shows with the authority's key; and it has to be looked at where it is used. */
static int authority_show(const request *r) {
    slow_certificate_info info = SLOW_CERTIFICATE_INFO_INIT;
    slow_error error;
    char from[32], until[32];
    if (slow_certificate_read(r->operands[1], &info, &error) != SLOW_OK)
        return refuse(&error);
    if (r->json)
        return print_json(json_pack("{s:s,s:s,s:s,s:o,s:I,s:I}", "network", info.network, "id", info.id, "key",
                                    info.key, "roles", roles_of(info.roles), "not_before", (json_int_t)info.not_before,
                                    "not_after", (json_int_t)info.not_after));
    date_of(info.not_before, from);
    date_of(info.not_after, until);
    printf("network  %s\nid       %s\nkey      %s\nroles    %s\nfrom     %s\nuntil    %s%s\n", info.network, info.id,
           info.key, info.roles, from, until, info.not_after < (uint64_t)time(NULL) ? " (it has run out)" : "");
    return EXIT_SUCCESS;
}

static int authority_revoke(const request *r) {
    const char *path = r->operands[1];
    bool added = false;
    slow_error error;
    if (r->key == NULL)
        return mistake("authority revoke needs --key, the public key that is to be out", "");
    if (slow_revoke(path, r->key, &added, &error) != SLOW_OK)
        return refuse(&error);
    if (r->json)
        return print_json(json_pack("{s:s,s:s,s:b}", "file", path, "key", r->key, "added", added));
    printf("%s: %s %s; routers that run take it up with slowctl members reload\n", path, r->key,
           added ? "is revoked" : "was revoked already");
    return EXIT_SUCCESS;
}

int authority(const request *r) {
    static const struct {
        const char *name, *usage, *options;
        int (*run)(const request *);
    } steps[] = {{"new", "new FILE", "", authority_new},
                 {"sign", "sign AUTHORITY-FILE --network N --id ID --key KEY [--roles R] [--days N] [-o FILE]",
                  "NIKRDo", authority_sign},
                 {"show", "show CERTIFICATE", "", authority_show},
                 {"revoke", "revoke REVOKED-FILE --key KEY", "K", authority_revoke}};
    const struct {
        char letter;
        const char *value;
    } given[] = {{'N', r->network}, {'I', r->id}, {'K', r->key}, {'R', r->roles}, {'D', r->days}, {'o', r->output}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (strcmp(steps[i].name, r->operands[0]) != 0)
            continue;
        for (size_t k = 0; k < sizeof given / sizeof given[0]; k++)
            if (given[k].value != NULL && strchr(steps[i].options, given[k].letter) == NULL)
                return mistake("expected slowctl authority ", steps[i].usage);
        return r->operand_count == 2 ? steps[i].run(r) : mistake("expected slowctl authority ", steps[i].usage);
    }
    return mistake("expected slowctl authority new, sign, show or revoke, not ", r->operands[0]);
}
