/* Keys and certificates as files, for programs: slow/identity.h.
 *
 * A list of revoked keys is changed by a copy that takes its place (rename() in one folder, after fsync()), under a lock of
 * the folder: so a junction that reads it meanwhile sees the old list or the new one, a crash leaves one of the two, and of
 * two that revoke at once neither undoes the other. Appending was rejected: half a line at a crash would make the whole list
 * unreadable at the next start. */
#include "certificate.h"
#include "config_security.h"
#include "file.h"
#include "id.h"
#include "log.h"
#include "loop_libevent.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <slow/identity.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIST_MAX = 1 << 20, EARLIER_S = 300, LOCK_PAUSE_MS = 10, LOCK_TRIES = 500 };

_Static_assert(SLOW_CERTIFICATE_TEXT == SL_CERTIFICATE_TEXT_MAX, "as slow/identity.h says");

/* ---- keys ---- */

static void tell_key(const sl_key *key, slow_key_info *info) {
    slow_id id;
    if (info == NULL)
        return;
    sl_key_fingerprint(key, &id);
    if (SLOW_HAS_FIELD(info, key))
        sl_key_text(key, info->key);
    if (SLOW_HAS_FIELD(info, fingerprint))
        snprintf(info->fingerprint, sizeof info->fingerprint, "%.*s", SL_ID_ARG(&id));
}

slow_status slow_key_make(const char *path, slow_key_info *info, slow_error *error) {
    uint8_t seed[SL_KEY_SIZE];
    sl_identity identity;
    slow_status status = sl_secret_make_key(path, seed, error);
    if (status != SLOW_OK)
        return status;
    sl_identity_from_seed(&identity, seed);
    sl_secret_wipe(seed, sizeof seed);
    tell_key(&identity.key, info);
    sl_identity_wipe(&identity);
    return SLOW_OK;
}

slow_status slow_key_read(const char *path, slow_key_info *info, slow_error *error) {
    sl_identity identity;
    slow_status status = sl_identity_read(path, "key", &identity, error);
    if (status != SLOW_OK)
        return status;
    tell_key(&identity.key, info);
    sl_identity_wipe(&identity);
    return SLOW_OK;
}

slow_status slow_network_key_make(const char *path, slow_error *error) {
    uint8_t key[SL_KEY_SIZE];
    slow_status status = sl_secret_make_key(path, key, error);
    sl_secret_wipe(key, sizeof key);
    return status;
}

/* ---- certificates ---- */

static void tell_certificate(const sl_certificate *c, slow_certificate_info *info) {
    if (info == NULL || !SLOW_HAS_FIELD(info, not_after))
        return;
    memcpy(info->network, c->network, sizeof info->network);
    snprintf(info->id, sizeof info->id, "%.*s", SL_ID_ARG(&c->id));
    sl_key_text(&c->grant.key, info->key);
    info->roles[0] = '\0';
    for (unsigned bit = 1; bit <= SL_ROLE_ADMIN; bit <<= 1)
        if (c->grant.roles & bit) {
            size_t used = strlen(info->roles);
            snprintf(info->roles + used, sizeof info->roles - used, "%s%s", used > 0 ? "," : "",
                     sl_role_name((uint8_t)bit));
        }
    info->not_before = c->grant.not_before;
    info->not_after = c->grant.not_after;
}

static slow_status read_request(const slow_certificate_request *request, sl_certificate *c, slow_error *error) {
    slow_id network;
    const char *roles = request->roles != NULL ? request->roles : "relay";
    uint64_t now_s = sl_loop_libevent_wall_ms() / 1000;
    *c = (sl_certificate){.network = ""};
    if (!SLOW_HAS_FIELD(request, valid_s))
        return sl_error(error, SLOW_E_INVAL, "slow_certificate_request",
                        "struct_size is %u; expected sizeof(slow_certificate_request)", (unsigned)request->struct_size);
    if (request->network == NULL ||
        !sl_id_set(&network, (slow_bytes){(const uint8_t *)request->network, strlen(request->network)}))
        return sl_error(error, SLOW_E_INVAL, "network", "the name of a network is 1 to 63 bytes of UTF-8");
    memcpy(c->network, network.text, network.size);
    if (request->id == NULL)
        return sl_error(error, SLOW_E_INVAL, "id", "the id of the junction is missing");
    slow_status status = sl_id_parse(request->id, strlen(request->id), &c->id, error);
    if (status != SLOW_OK)
        return status;
    if (request->key == NULL || !sl_key_parse(request->key, strlen(request->key), &c->grant.key))
        return sl_error(error, SLOW_E_INVAL, "key",
                        "this is no public key; expected the 44 characters of base64 that slowctl identity FILE shows");
    if (!sl_roles_parse(roles, &c->grant.roles))
        return sl_error(error, SLOW_E_INVAL, "roles",
                        "\"%.40s\" are no roles; expected relay or leaf, or one with "
                        "admin, such as relay,admin",
                        roles);
    if (request->valid_s < 1 || request->valid_s > SLOW_CERTIFICATE_VALID_MAX)
        return sl_error(error, SLOW_E_INVAL, "days", "a certificate is valid for a second to ten years");
    c->grant.not_before = now_s - EARLIER_S;
    c->grant.not_after = now_s + request->valid_s;
    return SLOW_OK;
}

slow_status slow_authority_sign(const char *authority_path, const slow_certificate_request *request,
                                char text[SLOW_CERTIFICATE_TEXT], slow_certificate_info *info, slow_error *error) {
    sl_certificate c;
    sl_identity authority;
    slow_status status = read_request(request, &c, error);
    if (status == SLOW_OK)
        status = sl_identity_read(authority_path, "key of an authority", &authority, error);
    if (status != SLOW_OK)
        return status;
    if (sl_key_equal(&c.grant.key, &authority.key)) { /* files of secrets do not say what they are for */
        sl_identity_wipe(&authority);
        return sl_error(
            error, SLOW_E_INVAL, "key",
            "this is the authority's own key; expected that of the junction, which needs a secret of its own "
            "(slowctl keygen FILE), or who takes its machine can let in anybody");
    }
    sl_certificate_sign(&c, &authority);
    sl_identity_wipe(&authority);
    sl_certificate_write(&c, text, SLOW_CERTIFICATE_TEXT);
    tell_certificate(&c, info);
    return SLOW_OK;
}

slow_status slow_certificate_read(const char *path, slow_certificate_info *info, slow_error *error) {
    char *text = NULL;
    size_t size = 0;
    sl_certificate c;
    slow_error why;
    slow_status status = sl_file_read(path, LIST_MAX, "a certificate", &text, &size, error);
    if (status != SLOW_OK)
        return status;
    status = sl_certificate_parse(text, size, &c, &why);
    free(text);
    if (status != SLOW_OK)
        return sl_error(error, status, path, "%.120s: %s", path, why.text);
    tell_certificate(&c, info);
    return SLOW_OK;
}

/* ---- files in the place of others ---- */

static slow_status fails(const char *path, const char *what, slow_error *error) {
    int why = errno;
    return sl_error(error, SLOW_E_FAIL, path, "%.120s: cannot be %s: %s", path, what, strerror(why));
}

/* The folder that the file is in, open. */
static int folder_open(const char *path) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    if (size >= sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(folder, size > 0 ? path : ".", size > 0 ? size : 1);
    folder[size > 0 ? size : 1] = '\0';
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Where it is, through links: a link stays, and what it leads to is replaced. A file that is not there is where it says. */
static slow_status find(const char *path, char real[PATH_MAX], slow_error *error) {
    struct stat info;
    if (realpath(path, real) == NULL) {
        if (errno != ENOENT)
            return fails(path, "written", error);
        if (lstat(path, &info) == 0)
            return sl_error(error, SLOW_E_INVAL, path, "%.120s: is a link to nothing; expected a file", path);
        if (strlen(path) >= PATH_MAX)
            return sl_error(error, SLOW_E_INVAL, path, "%.120s...: the name is too long", path);
        strcpy(real, path);
        return SLOW_OK;
    }
    if (stat(real, &info) != 0)
        return fails(path, "written", error);
    if (!S_ISREG(info.st_mode))
        return sl_error(error, SLOW_E_INVAL, path, "%.120s: is no regular file; nothing was written", path);
    return SLOW_OK;
}

/* The new file is the old one's owner's, who reads it: a router, mostly, and not whoever revokes. */
static bool take_over(int fd, const struct stat *old) {
    struct stat now;
    if (fstat(fd, &now) != 0)
        return false;
    if ((now.st_uid != old->st_uid || now.st_gid != old->st_gid) && fchown(fd, old->st_uid, old->st_gid) != 0)
        return false;
    return fchmod(fd, old->st_mode & 0777) == 0;
}

static slow_status replace(int folder, const char *path, const char *text, slow_error *error) {
    char beside[PATH_MAX];
    struct stat old;
    bool there = stat(path, &old) == 0;
    if (snprintf(beside, sizeof beside, "%s.XXXXXX", path) >= (int)sizeof beside)
        return sl_error(error, SLOW_E_INVAL, path, "%.120s...: the name is too long", path);
    int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return fails(path, "written", error);
    slow_status status = SLOW_OK;
    if (there ? !take_over(fd, &old) : fchmod(fd, 0644) != 0)
        status = fails(path, "given to the owner it has", error);
    else if (!sl_file_write_all(fd, (slow_bytes){(const uint8_t *)text, strlen(text)}) || fsync(fd) != 0 ||
             rename(beside, path) != 0)
        status = fails(path, "written", error);
    close(fd);
    if (status != SLOW_OK)
        unlink(beside);
    else if (fsync(folder) != 0)
        status = fails(path, "written", error);
    return status;
}

/* What stands there is not lost by a slip of the hand: a key is gone for good. */
static slow_status check_replaced(const char *path, slow_error *error) {
    slow_certificate_info old = SLOW_CERTIFICATE_INFO_INIT;
    slow_error why;
    if (access(path, F_OK) != 0)
        return SLOW_OK;
    if (slow_certificate_read(path, &old, &why) == SLOW_OK)
        return SLOW_OK;
    return sl_error(error, SLOW_E_INVAL, path,
                    "%.120s: is there already and is no certificate, so it is not replaced; choose another name, or "
                    "remove it",
                    path);
}

slow_status slow_certificate_write(const char *path, const char *text, slow_error *error) {
    char real[PATH_MAX];
    sl_certificate c;
    slow_status status = sl_certificate_parse(text, strlen(text), &c, error);
    if (status == SLOW_OK)
        status = find(path, real, error);
    if (status == SLOW_OK)
        status = check_replaced(real, error);
    if (status != SLOW_OK)
        return status;
    int folder = folder_open(real);
    if (folder < 0)
        return fails(path, "written", error);
    status = replace(folder, real, text, error);
    close(folder);
    return status;
}

/* The list with the key behind it. NULL = no memory. */
static char *list_with(const char *list, const char *key) {
    size_t size = strlen(list);
    bool open_line = size > 0 && list[size - 1] != '\n';
    char *longer = malloc(size + SL_KEY_TEXT + 2);
    if (longer != NULL)
        sprintf(longer, "%s%s%s\n", list, open_line ? "\n" : "", key);
    return longer;
}

/* The folder is locked. */
static slow_status list_add(int folder, const char *path, const char *key, bool *added, slow_error *error) {
    sl_key wanted, *keys = NULL;
    size_t count = 0, size;
    char *list = NULL, *longer = NULL;
    slow_status status = SLOW_OK;
    *added = true;
    if (!sl_key_parse(key, strlen(key), &wanted))
        return sl_error(error, SLOW_E_INVAL, "key", "this is no public key; expected 44 characters of base64");
    bool there = access(path, F_OK) == 0;
    if (there && (status = sl_config_read_revoked(path, &keys, &count, error)) != SLOW_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        *added &= !sl_key_equal(&keys[i], &wanted);
    free(keys);
    if (!*added)
        return SLOW_OK;
    if (there && (status = sl_file_read(path, LIST_MAX, "a list of keys", &list, &size, error)) != SLOW_OK)
        return status;
    longer = list_with(list != NULL ? list : "", key);
    status = longer == NULL ? sl_error(error, SLOW_E_NOMEM, path, "no memory") : replace(folder, path, longer, error);
    free(list);
    free(longer);
    return status;
}

/* Anybody who can read the folder can lock it: so there is an end to waiting. */
static slow_status lock(int folder, const char *path, slow_error *error) {
    for (unsigned tries = 0; flock(folder, LOCK_EX | LOCK_NB) != 0; tries++) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return fails(path, "locked", error);
        if (tries == LOCK_TRIES)
            return sl_error(error, SLOW_E_AGAIN, path,
                            "%.120s: its folder has been locked by another program for 5 s (lslocks shows which); "
                            "nothing was written",
                            path);
        sl_loop_libevent_pause(LOCK_PAUSE_MS);
    }
    return SLOW_OK;
}

slow_status slow_revoke(const char *path, const char *key, bool *added, slow_error *error) {
    bool ignored;
    char real[PATH_MAX];
    slow_status status = find(path, real, error);
    if (status != SLOW_OK)
        return status;
    int folder = folder_open(real);
    if (folder < 0)
        return fails(path, "written", error);
    status = lock(folder, path, error);
    if (status == SLOW_OK)
        status = list_add(folder, real, key, added != NULL ? added : &ignored, error);
    close(folder); /* the lock goes with it */
    return status;
}
