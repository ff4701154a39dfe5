/* Keys, certificates and lists of revoked keys as files that a program makes. */
#include "core/certificate.h"
#include "core/config_security.h"
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <slow/identity.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct rig {
    char before[256], folder[64];
    slow_key_info root, bob;
} rig;

static const char *const files[] = {"root.key",    "bob.key", "net.key",  "bob.cert",      "revoked",
                                    "linked.cert", "fifo",    "new.cert", "elsewhere/list"};

static int set_up(void **state) {
    rig *r = calloc(1, sizeof *r);
    *state = r;
    r->root = r->bob = (slow_key_info)SLOW_KEY_INFO_INIT;
    strcpy(r->folder, "/tmp/slow-keys-XXXXXX");
    if (getcwd(r->before, sizeof r->before) == NULL || mkdtemp(r->folder) == NULL || chdir(r->folder) != 0)
        return -1;
    return slow_key_make("root.key", &r->root, NULL) != SLOW_OK || slow_key_make("bob.key", &r->bob, NULL) != SLOW_OK;
}

static int tear_down(void **state) {
    rig *r = *state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        unlink(files[i]);
    rmdir("elsewhere");
    int status = chdir(r->before);
    if (rmdir(r->folder) != 0) /* nothing is left lying about */
        status = -1;
    free(r);
    return status;
}

static void a_key_is_made_once_and_shown_again(void **state) {
    const rig *r = *state;
    slow_key_info again = SLOW_KEY_INFO_INIT;
    slow_error error;
    struct stat info;
    assert_int_equal(slow_key_read("bob.key", &again, &error), SLOW_OK);
    assert_string_equal(again.key, r->bob.key);
    assert_string_equal(again.fingerprint, r->bob.fingerprint);
    assert_int_equal(strlen(again.key), 44);
    assert_int_equal(strlen(again.fingerprint), 32);
    assert_string_not_equal(r->bob.key, r->root.key);
    assert_int_equal(slow_key_make("bob.key", &again, &error), SLOW_E_INVAL);
    assert_int_equal(slow_network_key_make("bob.key", &error), SLOW_E_INVAL);
    assert_int_equal(slow_key_read("bob.key", &again, &error), SLOW_OK);
    assert_string_equal(again.key, r->bob.key);
    assert_int_equal(slow_network_key_make("net.key", &error), SLOW_OK);
    assert_int_equal(stat("net.key", &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(slow_key_make("nowhere/bob.key", &again, &error), SLOW_E_FAIL);
    assert_non_null(strstr(error.text, "nowhere/bob.key: cannot be made: No such file"));
}

static void a_certificate_says_what_was_asked_for(void **state) {
    const rig *r = *state;
    char text[SLOW_CERTIFICATE_TEXT];
    slow_certificate_info info = SLOW_CERTIFICATE_INFO_INIT, read = SLOW_CERTIFICATE_INFO_INIT;
    slow_certificate_request request = {.struct_size = sizeof request,
                                        .network = "plant",
                                        .id = "bob",
                                        .key = r->bob.key,
                                        .roles = "admin,leaf",
                                        .valid_s = 86400};
    slow_error error;
    assert_int_equal(slow_authority_sign("root.key", &request, text, &info, &error), SLOW_OK);
    assert_string_equal(info.roles, "leaf,admin");
    assert_int_equal(info.not_after - info.not_before, 86400 + 300);
    assert_int_equal(slow_certificate_write("bob.cert", text, &error), SLOW_OK);
    assert_int_equal(slow_certificate_read("bob.cert", &read, &error), SLOW_OK);
    assert_string_equal(read.network, "plant");
    assert_string_equal(read.id, "bob");
    assert_string_equal(read.key, r->bob.key);
    assert_string_equal(read.roles, info.roles);
    assert_true(read.not_before == info.not_before && read.not_after == info.not_after);
    sl_certificate c;
    sl_key root;
    assert_true(sl_key_parse(r->root.key, strlen(r->root.key), &root));
    assert_int_equal(sl_certificate_parse(text, strlen(text), &c, &error), SLOW_OK);
    assert_true(sl_grant_verify(&c.grant, "plant", &c.id, &root));
    assert_int_equal(slow_certificate_read("root.key", &read, &error), SLOW_E_INVAL);
}

static size_t read_file(const char *path, char *text, size_t capacity) {
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(text, 1, capacity - 1, file);
    fclose(file);
    text[size] = '\0';
    return size;
}

static void a_certificate_replaces_a_certificate_and_nothing_else(void **state) {
    const rig *r = *state;
    char text[SLOW_CERTIFICATE_TEXT], before[256], after[256];
    struct stat info;
    slow_certificate_info read = SLOW_CERTIFICATE_INFO_INIT;
    slow_certificate_request request = {
        .struct_size = sizeof request, .network = "plant", .id = "bob", .key = r->bob.key, .valid_s = 86400};
    slow_error error;
    assert_int_equal(slow_authority_sign("root.key", &request, text, NULL, &error), SLOW_OK);
    read_file("root.key", before, sizeof before);
    assert_int_equal(slow_certificate_write("root.key", text, &error), SLOW_E_INVAL);
    assert_non_null(strstr(error.text, "root.key: is there already and is no certificate"));
    read_file("root.key", after, sizeof after);
    assert_string_equal(before, after);
    assert_int_equal(slow_certificate_write("new.cert", "no certificate", &error), SLOW_E_INVAL);
    assert_int_equal(access("new.cert", F_OK), -1);
    assert_int_equal(slow_certificate_write(".", text, &error), SLOW_E_INVAL);
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(slow_certificate_write("fifo", text, &error), SLOW_E_INVAL);
    assert_int_equal(slow_certificate_write("bob.cert", text, &error), SLOW_OK);
    assert_int_equal(chmod("bob.cert", 0640), 0);
    assert_int_equal(symlink("bob.cert", "linked.cert"), 0);
    request.id = "carol";
    assert_int_equal(slow_authority_sign("root.key", &request, text, NULL, &error), SLOW_OK);
    assert_int_equal(slow_certificate_write("linked.cert", text, &error), SLOW_OK);
    assert_int_equal(slow_certificate_read("bob.cert", &read, &error), SLOW_OK);
    assert_string_equal(read.id, "carol");
    assert_int_equal(lstat("linked.cert", &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(stat("bob.cert", &info), 0);
    assert_int_equal(info.st_mode & 07777, 0640);
}

static void each_mistake_in_a_request_is_named(void **state) {
    const rig *r = *state;
    const char *key = r->bob.key;
    const struct {
        slow_certificate_request request;
        const char *error;
    } cases[] = {
        {{.network = NULL, .id = "bob", .key = key, .valid_s = 1}, "the name of a network is 1 to 63 bytes"},
        {{.network = "", .id = "bob", .key = key, .valid_s = 1}, "the name of a network is 1 to 63 bytes"},
        {{.network = "plant", .id = NULL, .key = key, .valid_s = 1}, "the id of the junction is missing"},
        {{.network = "plant", .id = "b\n", .key = key, .valid_s = 1}, "an id is UTF-8 without control characters"},
        {{.network = "plant", .id = "bob", .key = "bob", .valid_s = 1}, "this is no public key; expected the 44"},
        {{.network = "plant", .id = "bob", .key = r->root.key, .valid_s = 1},
         "this is the authority's own key; expected"},
        {{.network = "plant", .id = "bob", .key = key, .roles = "", .valid_s = 1}, "\"\" are no roles; expected relay"},
        {{.network = "plant", .id = "bob", .key = key, .roles = "leaf,relay", .valid_s = 1}, "\"leaf,relay\" are no"},
        {{.network = "plant", .id = "bob", .key = key, .roles = "relay,", .valid_s = 1}, "\"relay,\" are no roles"},
        {{.network = "plant", .id = "bob", .key = key, .roles = "admin", .valid_s = 1}, "\"admin\" are no roles"},
        {{.network = "plant", .id = "bob", .key = key}, "a certificate is valid for a second to ten years"},
        {{.network = "plant", .id = "bob", .key = key, .valid_s = UINT64_MAX}, "a certificate is valid for a second"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[SLOW_CERTIFICATE_TEXT];
        slow_error error;
        slow_certificate_request request = cases[i].request;
        request.struct_size = sizeof request;
        assert_int_equal(slow_authority_sign("root.key", &request, text, NULL, &error), SLOW_E_INVAL);
        if (strncmp(error.text, cases[i].error, strlen(cases[i].error)) != 0)
            fail_msg("case %zu: %s", i, error.text);
    }
}

static void a_request_of_no_size_is_refused(void **state) {
    const rig *r = *state;
    char text[SLOW_CERTIFICATE_TEXT];
    slow_error error;
    slow_certificate_request request = {.network = "plant", .id = "bob", .key = r->bob.key, .valid_s = 1};
    assert_int_equal(slow_authority_sign("root.key", &request, text, NULL, &error), SLOW_E_INVAL);
    assert_string_equal(error.text, "struct_size is 0; expected sizeof(slow_certificate_request)");
}

static size_t revoked_count(void) {
    sl_key *keys;
    size_t count;
    slow_error error;
    if (sl_config_read_revoked("revoked", &keys, &count, &error) != SLOW_OK)
        fail_msg("%s", error.text);
    free(keys);
    return count;
}

static void a_key_is_revoked_once(void **state) {
    const rig *r = *state;
    bool added = false;
    struct stat info;
    slow_error error;
    assert_int_equal(slow_revoke("revoked", r->bob.key, &added, &error), SLOW_OK);
    assert_true(added);
    assert_int_equal(revoked_count(), 1);
    assert_int_equal(slow_revoke("revoked", r->bob.key, &added, &error), SLOW_OK);
    assert_false(added);
    assert_int_equal(revoked_count(), 1);
    assert_int_equal(chmod("revoked", 0640), 0);
    FILE *file = fopen("revoked", "a");
    fputs("# a comment without an end", file);
    fclose(file);
    assert_int_equal(slow_revoke("./revoked", r->root.key, &added, &error), SLOW_OK);
    assert_true(added);
    assert_int_equal(revoked_count(), 2);
    assert_int_equal(stat("revoked", &info), 0);
    assert_int_equal(info.st_mode & 07777, 0640);
    assert_int_equal(slow_revoke("revoked", "bob", NULL, &error), SLOW_E_INVAL);
    file = fopen("revoked", "a");
    fputs("bob\n", file);
    fclose(file);
    assert_int_equal(slow_revoke("revoked", r->bob.key, NULL, &error), SLOW_E_INVAL); /* nothing is built on rubble */
    assert_non_null(strstr(error.text, "revoked:4: is no public key"));
    assert_int_equal(slow_revoke("nowhere/revoked", r->bob.key, NULL, &error), SLOW_E_FAIL);
}

/* Whoever revokes is not who reads the list. Only root can give a file away; for others it stays as it is. */
static void a_list_stays_where_it_is_and_whose_it_is(void **state) {
    const rig *r = *state;
    struct stat info;
    slow_error error;
    uid_t owner = geteuid() == 0 ? 12345 : geteuid();
    gid_t group = geteuid() == 0 ? 23456 : getegid();
    assert_int_equal(mkdir("elsewhere", 0755), 0);
    assert_int_equal(symlink("elsewhere/list", "revoked"), 0);
    assert_int_equal(slow_revoke("revoked", r->bob.key, NULL, &error), SLOW_E_INVAL);
    assert_non_null(strstr(error.text, "revoked: is a link to nothing"));
    fclose(fopen("elsewhere/list", "w"));
    assert_int_equal(chmod("elsewhere/list", 0600), 0);
    assert_int_equal(chown("elsewhere/list", owner, group), 0);
    assert_int_equal(slow_revoke("revoked", r->bob.key, NULL, &error), SLOW_OK);
    assert_int_equal(revoked_count(), 1);
    assert_int_equal(lstat("revoked", &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(stat("elsewhere/list", &info), 0);
    assert_int_equal(info.st_uid, owner);
    assert_int_equal(info.st_gid, group);
    assert_int_equal(info.st_mode & 07777, 0600);
}

static void who_holds_the_lock_holds_nobody_up_for_ever(void **state) {
    const rig *r = *state;
    slow_error error;
    int folder = open(".", O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(folder, LOCK_SH), 0); /* who may read the folder can do that */
    assert_int_equal(slow_revoke("revoked", r->bob.key, NULL, &error), SLOW_E_AGAIN);
    assert_non_null(strstr(error.text, "locked by another program"));
    assert_int_equal(access("revoked", F_OK), -1);
    close(folder);
    assert_int_equal(slow_revoke("revoked", r->bob.key, NULL, &error), SLOW_OK);
    assert_int_equal(revoked_count(), 1);
}

enum { THREADS = 8, EACH = 10 };

static void *revoke_some(void *arg) {
    (void)arg;
    for (int i = 0; i < EACH; i++) {
        uint8_t seed[SL_KEY_SIZE];
        char name[64], key[SL_KEY_TEXT];
        sl_identity identity;
        memset(seed, 0, sizeof seed);
        snprintf(name, sizeof name, "%lx %d", (unsigned long)pthread_self(), i);
        memcpy(seed, name, strlen(name) < sizeof seed ? strlen(name) : sizeof seed);
        sl_identity_from_seed(&identity, seed);
        sl_key_text(&identity.key, key);
        if (slow_revoke("revoked", key, NULL, NULL) != SLOW_OK)
            return (void *)"failed";
    }
    return NULL;
}

static void of_many_that_revoke_at_once_none_undoes_another(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, revoke_some, NULL), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(revoked_count(), THREADS * EACH);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_made_once_and_shown_again),
        TEST(a_certificate_says_what_was_asked_for),
        TEST(a_certificate_replaces_a_certificate_and_nothing_else),
        TEST(each_mistake_in_a_request_is_named),
        TEST(a_request_of_no_size_is_refused),
        TEST(a_key_is_revoked_once),
        TEST(a_list_stays_where_it_is_and_whose_it_is),
        TEST(who_holds_the_lock_holds_nobody_up_for_ever),
        TEST(of_many_that_revoke_at_once_none_undoes_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
