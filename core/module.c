/* From a plugin's id to its description: where modules lie, and the handshake.
 *
 * The id is the file name, so a directory is never searched through and a file that nobody named is never run: running
 * a module's code is what dlopen does. The first directory that has the file decides. When that file is refused, the
 * search does not go on: an operator who put a module there wants to hear what is wrong with it, not to run another.
 *
 * The handshake goes from what cannot change to what may. The ABI major is in the name of the entry symbol, so a module
 * of another major is told apart before a single struct of it is read. Then the tables' sizes, the minor, the kind, the
 * id. A module that gets through is compatible as a whole; there is no "mostly".
 *
 * Nothing is ever unmapped, a refused module as little as a good one: its constructors have run, and may have left
 * threads or exit handlers behind. dlopen itself knows what is mapped, so there is no cache here, and no lock.
 *
 * Rejected: RTLD_LAZY (a missing symbol must show now, not on the first packet), RTLD_GLOBAL (plugins would see each
 * other), the dynamic linker's own search path (LD_LIBRARY_PATH is no place for plugins: the path always has a '/'). */
#include "module.h"
#include "log.h"
#include "option.h"
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdarg.h>
#include <slow/codec.h>
#include <slow/routing.h>
#include <slow/security.h>
#include <slow/transport.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT_OF(number) #number
#define NUMBER_TEXT(macro) TEXT_OF(macro)
#define MAJOR_TEXT NUMBER_TEXT(SLOW_ABI_MAJOR)
#define ENTRY "slow_module_v" MAJOR_TEXT

enum { ID_MAX = 63, MAJORS_KNOWN = 10 };

const char *sl_kind_name(uint32_t kind) {
    static const char *const names[] = {
        [SLOW_TRANSPORT] = "transport",
        [SLOW_ROUTING] = "routing",
        [SLOW_CODEC] = "codec",
        [SLOW_SECURITY] = "security",
    };
    return kind < sizeof names / sizeof names[0] && names[kind] != NULL ? names[kind] : "unknown";
}

/* ---- places ---- */

/* The directories after the configured ones. */
typedef struct places {
    char path[3][PATH_MAX];
    size_t count;
} places;

/* DIRECTORY OF file, then `below`. */
static void places_add_beside(places *p, const char *file, const char *below) {
    const char *slash = strrchr(file, '/');
    char *path = p->path[p->count];
    if (slash != NULL && snprintf(path, PATH_MAX, "%.*s%s", (int)(slash - file), file, below) < PATH_MAX)
        p->count++;
}

static void places_find(places *p) {
    char program[PATH_MAX] = "", library[PATH_MAX];
    Dl_info self;
    p->count = 0;
    if (realpath("/proc/self/exe", program) != NULL)
        places_add_beside(p, program, "/../lib/slow/" MAJOR_TEXT);
    /* Linked statically, libslow is the program, and has no place of its own. */
    if (dladdr((const void *)(uintptr_t)&sl_module_find, &self) != 0 && self.dli_fname != NULL &&
        realpath(self.dli_fname, library) != NULL && strcmp(library, program) != 0)
        places_add_beside(p, library, "/slow/" MAJOR_TEXT);
    snprintf(p->path[p->count++], PATH_MAX, "%s", SL_INSTALLED_PLUGINS);
}

/* The i-th directory of all, or NULL past the last. */
static const char *directory_at(const char *const *directories, const places *p, size_t i) {
    size_t given = 0;
    while (directories != NULL && directories[given] != NULL && given < i)
        given++;
    if (directories != NULL && directories[given] != NULL)
        return directories[given];
    return i - given < p->count ? p->path[i - given] : NULL;
}

/* ---- handshake ---- */

/* "FILE: why", with the end of a long file name only: a line of a config may still have to go in front of it. */
__attribute__((format(printf, 4, 5))) static slow_status refuse(slow_error *error, slow_status status, const char *file,
                                                                const char *format, ...) {
    static const size_t file_max = 64;
    char why[160];
    size_t size = strlen(file);
    bool cut = size > file_max;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    return sl_error(error, status, file, "%s%s: %s", cut ? "..." : "", cut ? file + size - file_max : file, why);
}

/* The tables as they were in minor 0, down to the last member that they had then, and what the core reads without asking.
 * sizeof would ask of a plugin of 1.0 what was appended since. */
static const char *ops_complaint(const slow_plugin *plugin) {
    const slow_transport_ops *transport = plugin->ops;
    const slow_routing_ops *routing = plugin->ops;
    const slow_codec_ops *codec = plugin->ops;
    const slow_security_ops *security = plugin->ops;
    switch (plugin->kind) {
    case SLOW_TRANSPORT:
        return !SLOW_HAS_FIELD(transport, close) ? "its slow_transport_ops is too short"
               : transport->scheme == NULL       ? "it names no scheme"
               : transport->check == NULL        ? "it has no check()"
                                                 : NULL;
    case SLOW_ROUTING:
        return !SLOW_HAS_FIELD(routing, trust_changed) ? "its slow_routing_ops is too short"
               : routing->protocol == NULL             ? "it names no protocol"
                                                       : NULL;
    case SLOW_CODEC:
        return !SLOW_HAS_FIELD(codec, advance) ? "its slow_codec_ops is too short"
               : codec->name == NULL           ? "it has no name for the wire"
                                               : NULL;
    case SLOW_SECURITY:
        return !SLOW_HAS_FIELD(security, close) ? "its slow_security_ops is too short" : NULL;
    default:
        return "this build does not know its kind";
    }
}

/* The functions that every plugin of a kind has: the core calls them without asking. */
typedef struct needed {
    size_t offset;
    const char *name;
} needed;
#define NEEDED(table, function) \
    { offsetof(table, function), #function }

/* NULL, or the name of the first one that is missing. Ends with name == NULL. */
static const char *first_missing(const void *table, const needed *functions) {
    for (; functions->name != NULL; functions++) {
        void (*function)(void);
        memcpy(&function, (const char *)table + functions->offset, sizeof function);
        if (function == NULL)
            return functions->name;
    }
    return NULL;
}

static const char *function_missing(const slow_plugin *plugin) {
    static const needed transport[] = {NEEDED(slow_transport_ops, listen),
                                       NEEDED(slow_transport_ops, unlisten),
                                       NEEDED(slow_transport_ops, connect),
                                       NEEDED(slow_transport_ops, cancel),
                                       NEEDED(slow_transport_ops, send),
                                       NEEDED(slow_transport_ops, close),
                                       {0, NULL}};
    static const needed routing[] = {NEEDED(slow_routing_ops, neighbour_up),
                                     NEEDED(slow_routing_ops, neighbour_changed),
                                     NEEDED(slow_routing_ops, neighbour_down),
                                     {0, NULL}};
    static const needed codec[] = {NEEDED(slow_codec_ops, encode), NEEDED(slow_codec_ops, decode), {0, NULL}};
    static const needed forwarding[] = {NEEDED(slow_codec_ops, peek), NEEDED(slow_codec_ops, advance), {0, NULL}};
    static const needed security[] = {NEEDED(slow_security_ops, static_key), NEEDED(slow_security_ops, open),
                                      NEEDED(slow_security_ops, read),       NEEDED(slow_security_ops, write),
                                      NEEDED(slow_security_ops, close),      {0, NULL}};
    static const needed sealing[] = {NEEDED(slow_security_ops, seal), NEEDED(slow_security_ops, unseal), {0, NULL}};
    static const needed *const of_kind[] = {
        [SLOW_TRANSPORT] = transport, [SLOW_ROUTING] = routing, [SLOW_CODEC] = codec, [SLOW_SECURITY] = security};
    const slow_codec_ops *c = plugin->ops;
    const slow_security_ops *s = plugin->ops;
    const char *missing = first_missing(plugin->ops, of_kind[plugin->kind]);
    if (missing == NULL && plugin->kind == SLOW_CODEC && (c->peek != NULL || c->advance != NULL))
        missing = first_missing(plugin->ops, forwarding);
    if (missing == NULL && plugin->kind == SLOW_SECURITY && s->tag_size > 0)
        missing = first_missing(plugin->ops, sealing);
    return missing;
}

/* NULL, or what is wrong with a module's outer table. */
static slow_status module_check(const slow_module *module, const char *file, slow_error *error) {
    if (module == NULL || !SLOW_HAS_FIELD(module, plugins) || module->plugins == NULL)
        return refuse(error, SLOW_E_UNSUPPORTED, file, ENTRY "() gives no table of plugins");
    if (module->abi_major != SLOW_ABI_MAJOR)
        return refuse(error, SLOW_E_UNSUPPORTED, file,
                      "made for plugin ABI %u, this program has ABI " MAJOR_TEXT "; build it against this SDK",
                      module->abi_major);
    if (module->abi_minor_required > SLOW_ABI_MINOR)
        return refuse(error, SLOW_E_UNSUPPORTED, file,
                      "needs plugin ABI " MAJOR_TEXT ".%u, this program has " MAJOR_TEXT
                      "." NUMBER_TEXT(SLOW_ABI_MINOR) "; take a newer Slow",
                      module->abi_minor_required);
    return SLOW_OK;
}

static const slow_plugin *module_plugin(const slow_module *module, const char *id) {
    for (const slow_plugin *const *plugin = module->plugins; *plugin != NULL; plugin++)
        if (SLOW_HAS_FIELD(*plugin, id) && (*plugin)->id != NULL && strcmp((*plugin)->id, id) == 0)
            return *plugin;
    return NULL;
}

/* `file` is the module's, or the id of a plugin that is linked in. */
static slow_status plugin_check(const slow_plugin *plugin, const char *file, uint32_t kind, slow_error *error) {
    if (kind != 0 && plugin->kind != kind)
        return sl_error(error, SLOW_E_INVAL, file, "%s is a %s plugin; expected a %s plugin", plugin->id,
                        sl_kind_name(plugin->kind), sl_kind_name(kind));
    const char *complaint = !SLOW_HAS(plugin, ops)                              ? "it has no ops"
                            : plugin->create == NULL || plugin->destroy == NULL ? "it has no create() or destroy()"
                                                                                : ops_complaint(plugin);
    if (complaint != NULL)
        return refuse(error, SLOW_E_UNSUPPORTED, file, "%s; the plugin needs mending", complaint);
    return SLOW_OK;
}

/* A module without our entry symbol may have that of another major. */
static slow_status entry_missing(void *module, const char *file, slow_error *error) {
    for (unsigned major = 0; major < MAJORS_KNOWN; major++) {
        char symbol[32];
        snprintf(symbol, sizeof symbol, "slow_module_v%u", major);
        if (dlsym(module, symbol) != NULL)
            return refuse(error, SLOW_E_UNSUPPORTED, file,
                          "made for plugin ABI %u, this program has ABI " MAJOR_TEXT "; build it against this SDK",
                          major);
    }
    return refuse(error, SLOW_E_UNSUPPORTED, file, "no symbol " ENTRY ": this is no Slow plugin");
}

/* dlerror() may name the file in front; once is enough. */
static slow_status open_failed(const char *file, slow_error *error) {
    const char *why = dlerror();
    size_t size = strlen(file);
    if (why == NULL)
        why = "cannot be loaded";
    else if (strncmp(why, file, size) == 0 && strncmp(why + size, ": ", 2) == 0)
        why += size + 2;
    return refuse(error, SLOW_E_FAIL, file, "%s", why);
}

static slow_status module_load(const char *file, const char *id, uint32_t kind, const slow_plugin **out,
                               slow_error *error) {
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL)
        return open_failed(file, error);
    /* POSIX has dlsym() give functions as void *; this is the conversion it asks for. */
    slow_module_fn entry;
    void *symbol = dlsym(handle, ENTRY);
    memcpy(&entry, &symbol, sizeof entry);
    if (entry == NULL)
        return entry_missing(handle, file, error);
    const slow_module *module = entry();
    slow_status status = module_check(module, file, error);
    if (status != SLOW_OK)
        return status;
    const slow_plugin *plugin = module_plugin(module, id);
    if (plugin == NULL)
        return refuse(error, SLOW_E_INVAL, file, "holds the plugin %s, not %s; a file is named after its plugin",
                      *module->plugins != NULL && (*module->plugins)->id != NULL ? (*module->plugins)->id : "-", id);
    status = plugin_check(plugin, file, kind, error);
    if (status != SLOW_OK)
        return status;
    const char *missing = function_missing(plugin);
    if (missing != NULL)
        return refuse(error, SLOW_E_UNSUPPORTED, file, "it has no %s(); the plugin needs mending", missing);
    *out = plugin;
    return SLOW_OK;
}

/* ---- search ---- */

/* What a file name can be without leaving its directory. */
static bool id_is_sound(const char *id) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t size = strlen(id);
    return size > 0 && size <= ID_MAX && id[0] != '.' && strspn(id, allowed) == size;
}

static const slow_plugin *static_find(const char *id) {
    for (const slow_module_fn *entry = slow_static_modules; *entry != NULL; entry++) {
        const slow_plugin *plugin = module_plugin((*entry)(), id);
        if (plugin != NULL)
            return plugin;
    }
    return NULL;
}

/* The ids that a directory holds, tried one by one; the best is kept in `best`. */
static void nearest_in_directory(sl_nearest *nearest, const char *directory, char best[ID_MAX + 1]) {
    DIR *entries = opendir(directory);
    if (entries == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        size_t size = strlen(entry->d_name);
        if (size <= 3 || size - 3 > ID_MAX || strcmp(entry->d_name + size - 3, ".so") != 0)
            continue;
        entry->d_name[size - 3] = '\0';
        if (sl_nearest_try(nearest, entry->d_name)) {
            memcpy(best, entry->d_name, size - 2);
            nearest->best = best;
        }
    }
    closedir(entries);
}

static void nearest_static(sl_nearest *nearest) {
    for (const slow_module_fn *entry = slow_static_modules; *entry != NULL; entry++)
        for (const slow_plugin *const *plugin = (*entry)()->plugins; *plugin != NULL; plugin++)
            sl_nearest_try(nearest, (*plugin)->id);
}

/* What it may have been meant to be; in `best` where it is no linked one. NULL = nothing is near. */
static const char *nearest_of(const char *const *directories, const places *p, const char *wrong,
                              char best[ID_MAX + 1]) {
    sl_nearest nearest = {.wrong = wrong};
    const char *directory;
    nearest_static(&nearest);
    for (size_t i = 0; (directory = directory_at(directories, p, i)) != NULL; i++)
        nearest_in_directory(&nearest, directory, best);
    return nearest.best;
}

/* No such file anywhere: the nearest id there is, and the places that were looked in. */
static slow_status not_found(const char *const *directories, const places *p, const char *id, uint32_t kind,
                             slow_error *error) {
    char best[ID_MAX + 1], looked[512] = "", with_kind[ID_MAX + 16];
    const char *guess = nearest_of(directories, p, id, best);
    /* As it is written, and with a forgotten "codec-" in front; any kind's, where none is asked for. */
    for (uint32_t k = kind != 0 ? kind : SLOW_TRANSPORT; guess == NULL && k <= (kind != 0 ? kind : SLOW_SECURITY);
         k++) {
        snprintf(with_kind, sizeof with_kind, "%s-%s", sl_kind_name(k), id);
        guess = nearest_of(directories, p, with_kind, best);
    }
    const char *directory;
    size_t used = 0;
    for (size_t i = 0; (directory = directory_at(directories, p, i)) != NULL && used < sizeof looked; i++)
        used += (size_t)snprintf(looked + used, sizeof looked - used, "%s%s", i > 0 ? ", " : "", directory);
    if (guess != NULL)
        return sl_error(error, SLOW_E_INVAL, id, "no plugin \"%s\"; did you mean \"%s\"? looked for %s.so in %s", id,
                        guess, id, looked);
    return sl_error(error, SLOW_E_INVAL, id, "no plugin \"%s\"; looked for %s.so in %s", id, id, looked);
}

slow_status sl_module_find(const char *const *directories, const char *id, uint32_t kind, const slow_plugin **out,
                           slow_error *error) {
    *out = NULL;
    if (!id_is_sound(id))
        return sl_error(error, SLOW_E_INVAL, NULL,
                        "\"%.64s\" is no plugin id; expected 1..63 letters, digits, '-', '_' and '.'", id);
    const slow_plugin *linked = static_find(id);
    if (linked != NULL) {
        slow_status status = plugin_check(linked, id, kind, error);
        if (status == SLOW_OK)
            *out = linked;
        return status;
    }
    places *p = malloc(sizeof *p);
    if (p == NULL)
        return sl_error(error, SLOW_E_NOMEM, NULL, "no memory");
    places_find(p);
    slow_status status = SLOW_OK;
    const char *directory;
    for (size_t i = 0; (directory = directory_at(directories, p, i)) != NULL; i++) {
        char file[PATH_MAX];
        struct stat info;
        if ((size_t)snprintf(file, sizeof file, "%s/%s.so", directory, id) >= sizeof file || stat(file, &info) != 0)
            continue;
        /* A FIFO would have dlopen wait for ever. */
        status = S_ISREG(info.st_mode) ? module_load(file, id, kind, out, error)
                                       : refuse(error, SLOW_E_INVAL, file, "is no regular file");
        goto out;
    }
    status = not_found(directories, p, id, kind, error);
out:
    free(p);
    return status;
}
