/* The plugin under test, loaded by the core's own loader: what that refuses (another ABI, a table that is too short, a file
 * that is not named after its plugin) cannot be tested, and its sentence is the verdict.
 *
 * A config is made of the option table's defaults and of --option, by the core's own reader of option tables. It lies in
 * memory with room to spare: a table whose offsets point outside of the struct is a finding of one test, and must not bring
 * down the others. For each option that names a secret's file, files are made up where the command line names none: two
 * secrets, for two networks that are strangers to each other. */
#include "module.h"
#include "alloc.h"
#include "core/log.h"
#include "core/module.h"
#include "core/option.h"
#include <dlfcn.h>
#include <link.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECRET_SIZE = 32 };

/* More than any option takes. */
#define SPARE 256u

/* Nothing is linked in: what is tested is a file. */
const slow_module_fn slow_static_modules[] = {NULL};

const conform_kind *module_kind(uint32_t kind) {
    static const conform_kind *const kinds[] = {&conform_transport, &conform_routing, &conform_codec,
                                                &conform_security};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i]->kind == kind)
            return kinds[i];
    return NULL;
}

/* ---- options ---- */

/* A value as it would stand in a config: numbers and truths of options that take them are bare, all else is a string. */
static void value_put(sl_json_writer *json, const slow_option *option, const char *value) {
    bool truth = option->type == SLOW_OPT_BOOL && (strcmp(value, "true") == 0 || strcmp(value, "false") == 0);
    bool number = option->type == SLOW_OPT_INT && strspn(value, "-0123456789") == strlen(value);
    sl_json_key(json, option->key);
    if (truth || number)
        sl_json_put_raw(json, value, strlen(value));
    else
        sl_json_put_text(json, value, strlen(value));
}

/* What the command line says of a key; NULL = nothing. */
static const char *option_given(const conform_job *job, const char *key) {
    const char *found = NULL;
    for (const char *const *option = job->options; *option != NULL; option++)
        if (strncmp(*option, key, strlen(key)) == 0 && (*option)[strlen(key)] == '=')
            found = *option + strlen(key) + 1;
    return found;
}

static slow_status options_known(const conform_job *job, const slow_option *options, slow_error *error) {
    for (const char *const *given = job->options; *given != NULL; given++) {
        const slow_option *option = options;
        size_t size = strcspn(*given, "=");
        while (option != NULL && option->key != NULL &&
               (strlen(option->key) != size || strncmp(*given, option->key, size) != 0))
            option++;
        if (option == NULL || option->key == NULL)
            return sl_error(error, SLOW_E_INVAL, "--option", "the plugin has no option \"%.*s\"", (int)size, *given);
    }
    return SLOW_OK;
}

/* A file with a secret that follows from the seed; `path` ends in XXXXXX. */
static slow_status secret_write(conform *c, uint64_t which, char *path, slow_error *error) {
    uint8_t secret[SECRET_SIZE];
    char line[sodium_base64_ENCODED_LEN(SECRET_SIZE, sodium_base64_VARIANT_ORIGINAL)];
    c->random = c->seed ^ (which + 1) << 32;
    for (size_t i = 0; i < sizeof secret; i++)
        secret[i] = (uint8_t)conform_random(c);
    c->random = c->seed;
    sodium_bin2base64(line, sizeof line, secret, sizeof secret, sodium_base64_VARIANT_ORIGINAL);
    int fd = mkstemp(path); /* mode 0600 */
    bool written = fd >= 0 && dprintf(fd, "%s\n", line) > 0;
    if (fd >= 0)
        close(fd);
    return written ? SLOW_OK : sl_error(error, SLOW_E_FAIL, path, "cannot write a secret for the test");
}

static slow_status config_parse(conform *c, const char *text, size_t size, void **config, slow_error *error) {
    const slow_plugin *plugin = c->plugin;
    const sl_json_text named = {.name = NULL, .text = text, .size = size};
    const sl_json_at at = sl_json_at_root(&named);
    size_t room = plugin->config_size;
    sl_json *object = sl_json_parse(&named, error);
    if (object == NULL)
        return SLOW_E_INVAL;
    for (const slow_option *option = plugin->options; option->key != NULL; option++)
        room = option->offset > room ? option->offset : room;
    *config = calloc(1, room + SPARE);
    slow_status status = *config == NULL ? sl_error(error, SLOW_E_NOMEM, NULL, "no memory for a config")
                                         : sl_option_fill(plugin->options, room + SPARE, object, &at, *config, error);
    sl_json_free(object);
    return status;
}

/* The config of a network: 0 is what the command line says, 1 the same with other secrets. */
static slow_status config_make(conform *c, uint64_t network, const void **out, bool *secret, slow_error *error) {
    sl_json_writer json = {.text = NULL};
    char path[] = "/tmp/slow-conform-XXXXXX";
    void *config = NULL;
    bool made = false;
    slow_status status = SLOW_OK;
    size_t size = 0;
    sl_json_begin(&json, '{');
    for (const slow_option *option = c->plugin->options; option->key != NULL && status == SLOW_OK; option++) {
        const char *given = option_given(c->job, option->key);
        bool is_secret = (option->flags & SLOW_OPT_SECRET_FILE) != 0;
        *secret = *secret || is_secret;
        if (is_secret && (given == NULL || network > 0)) {
            if (!made)
                status = secret_write(c, network, path, error);
            made = true;
            value_put(&json, option, path);
        } else if (given != NULL && *given != '\0') {
            value_put(&json, option, given);
        }
    }
    sl_json_end(&json, '}');
    char *text = sl_json_take(&json, &size);
    if (text == NULL)
        status = sl_error(error, SLOW_E_NOMEM, NULL, "no memory for a config");
    if (status == SLOW_OK)
        status = config_parse(c, text, size, &config, error);
    free(text);
    if (made)
        unlink(path);
    *out = config;
    return status;
}

static slow_status configs_make(conform *c, slow_error *error) {
    bool secret = false;
    slow_status status = options_known(c->job, c->plugin->options, error);
    if (status != SLOW_OK || c->plugin->options == NULL)
        return status;
    status = config_make(c, 0, &c->config, &secret, error);
    if (status == SLOW_OK && secret)
        status = config_make(c, 1, &c->foreign, &secret, error);
    return status;
}

/* ---- loading ---- */

typedef struct code_search {
    const void *inside[2]; /* addresses in the plugin and in the C library */
} code_search;

static int code_found(struct dl_phdr_info *info, size_t size, void *arg) {
    const code_search *search = arg;
    const char *base = (const char *)info->dlpi_addr; // NOLINT(performance-no-int-to-ptr): that is what it is
    size_t end = 0;
    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz > end)
            end = info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
    for (size_t i = 0; i < 2; i++)
        if ((const char *)search->inside[i] >= base && (const char *)search->inside[i] < base + end)
            alloc_own(base, base + end);
    return 0;
}

/* The core finds a plugin by its id in a directory. */
slow_status module_load(conform *c, slow_error *error) {
    char id[64];
    const char *file = strrchr(c->job->path, '/') + 1;
    const char *const directories[] = {c->job->directory, NULL};
    size_t size = strlen(file);
    if (size <= 3 || size - 3 >= sizeof id || strcmp(file + size - 3, ".so") != 0)
        return sl_error(error, SLOW_E_INVAL, c->job->path, "is not named after a plugin; expected ID.so");
    snprintf(id, sizeof id, "%.*s", (int)(size - 3), file);
    slow_status status = sl_module_find(directories, id, 0, &c->plugin, error);
    if (status != SLOW_OK)
        return status;
    c->handle = dlopen(c->job->path, RTLD_NOW | RTLD_LOCAL); /* it is mapped already: this asks for the handle */
    slow_module_fn entry = NULL;
    void *symbol = c->handle != NULL ? dlsym(c->handle, "slow_module_v1") : NULL;
    memcpy(&entry, &symbol, sizeof entry);
    c->kind = module_kind(c->plugin->kind);
    if (entry == NULL || c->kind == NULL)
        return sl_error(error, SLOW_E_UNSUPPORTED, c->job->path, "its kind, %u, is not known here", c->plugin->kind);
    c->module = entry();
    dl_iterate_phdr(code_found, &(code_search){{symbol, dlsym(RTLD_DEFAULT, "strdup")}});
    return configs_make(c, error);
}
