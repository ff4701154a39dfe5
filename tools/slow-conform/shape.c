/* What can be seen of a plugin without an instance of it: its file and its tables. */
#include "conform.h"
#include "elf_file.h"
#include "imports.h"
#include "module.h"
#include "core/module.h"
#include <ctype.h>
#include <dlfcn.h>
#include <slow/codec.h>
#include <slow/routing.h>
#include <slow/security.h>
#include <slow/transport.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY "slow_module_v1"

static elf_file *file_of(conform *c) {
    slow_error error;
    elf_file *file = elf_file_open(c->job->path, &error);
    if (file == NULL)
        conform_fail(c, "slow/plugin.h", "a module is a shared object", "%s", error.text);
    return file;
}

/* ---- the file ---- */

static void exports_only_the_entry(conform *c) {
    static const char where[] = "slow/plugin.h, SLOW_MODULE", says[] = "slow_module_v1() is the only exported symbol";
    elf_file *file = file_of(c);
    const char *name, *other = NULL;
    size_t others = 0;
    bool entry = false;
    for (size_t i = 0; (name = elf_export(file, i)) != NULL; i++) {
        if (strcmp(name, ENTRY) == 0)
            entry = true;
        else if (!import_is_tool(name) && others++ == 0)
            other = name;
    }
    if (!entry)
        conform_fail(c, where, says, "does not export it");
    if (others > 0)
        conform_fail(c, where, says,
                     "exports %zu more: %s%s; compile with -fvisibility=hidden, and link with "
                     "--exclude-libs,ALL",
                     others, other, others > 1 ? " and others" : "");
    elf_file_close(file);
}

/* Who gives a symbol to the plugin; NULL = nobody, or the tool itself, which has the allocator. */
static const char *provider_of(conform *c, const char *symbol) {
    Dl_info info;
    const void *address = dlsym(c->handle, symbol);
    return address != NULL && dladdr(address, &info) != 0 ? info.dli_fname : NULL;
}

/* Libraries of its own, as its dynamic section declares them: of the C library only what is pure. */
static bool declared(const elf_file *file, const char *provider) {
    const char *name, *base = strrchr(provider, '/') != NULL ? strrchr(provider, '/') + 1 : provider;
    for (size_t i = 0; (name = elf_needed(file, i)) != NULL; i++)
        if (strcmp(name, base) == 0)
            return !import_library_is_c(name);
    return false;
}

static void imports_nothing_that_reaches_out(conform *c) {
    static const char *const where[] = {[SLOW_TRANSPORT] = "",
                                        [SLOW_ROUTING] = "slow/routing.h",
                                        [SLOW_CODEC] = "slow/codec.h",
                                        [SLOW_SECURITY] = "slow/security.h"};
    static const char *const says[] = {
        [SLOW_TRANSPORT] = "",
        [SLOW_ROUTING] = "uses nothing but its host tables: no sockets, files, threads, clock, rand() or getenv()",
        [SLOW_CODEC] =
            "a codec is pure: it uses no host call but log(), and of the system only what its parsing library does",
        [SLOW_SECURITY] = "pure: bytes in, bytes out",
    };
    uint32_t kind = c->plugin->kind;
    if (kind == SLOW_TRANSPORT)
        conform_skip(c, "a transport owns sockets, and may use what it needs");
    elf_file *file = file_of(c);
    const char *name;
    for (size_t i = 0; (name = elf_import(file, i)) != NULL; i++) {
        const char *reach = import_reach(name), *provider = provider_of(c, name);
        if (reach != NULL)
            conform_fail(c, where[kind], says[kind], "imports %s(), which is of %s", name, reach);
        if (import_is_tool(name) || import_is_pure(name) || kind == SLOW_SECURITY ||
            (kind == SLOW_CODEC && provider != NULL && declared(file, provider)))
            continue;
        conform_fail(c, where[kind], says[kind], "imports %s(), of %s, which is not among what is known to be pure%s",
                     name, provider != NULL ? provider : "a library that is not there",
                     kind == SLOW_CODEC ? ", and of no library that its dynamic section declares" : "");
    }
    elf_file_close(file);
}

/* ---- the tables ---- */

static void text_is_sound(conform *c, const char *where, const char *text, size_t max, bool needed) {
    if (text == NULL || text[0] == '\0') {
        if (needed)
            conform_fail(c, where, "the description is complete", "has no text here");
        return;
    }
    if (strlen(text) > max)
        conform_fail(c, where, "the text is short enough for its reader", "has one of %zu bytes; at most %zu",
                     strlen(text), max);
    for (const char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            conform_fail(c, where, "a line of text", "has the byte 0x%02x in it", (unsigned char)*at);
}

/* Functions that the core calls without asking whether they are there. */
static void function_is_there(conform *c, const char *where, bool there) {
    if (!there)
        conform_fail(c, where, "not among what is optional", "has NULL here");
}

static void ops_are_complete(conform *c) {
    const slow_codec_ops *codec = c->plugin->ops;
    const slow_security_ops *security = c->plugin->ops;
    const slow_transport_ops *transport = c->plugin->ops;
    const slow_routing_ops *routing = c->plugin->ops;
    switch (c->plugin->kind) {
    case SLOW_CODEC:
        text_is_sound(c, "slow/codec.h, name", codec->name, 31, true);
        function_is_there(c, "slow/codec.h, encode()", codec->encode != NULL);
        function_is_there(c, "slow/codec.h, decode()", codec->decode != NULL);
        if ((codec->peek == NULL) != (codec->advance == NULL))
            conform_fail(c, "slow/codec.h, peek()", "the forwarding fast path: both or neither", "has %s() alone",
                         codec->peek != NULL ? "peek" : "advance");
        break;
    case SLOW_SECURITY:
        if (security->tag_size > 16)
            conform_fail(c, "slow/security.h, tag_size", "bytes, <= 16", "has %u", security->tag_size);
        function_is_there(c, "slow/security.h, open()", security->open != NULL);
        function_is_there(c, "slow/security.h, read()", security->read != NULL);
        function_is_there(c, "slow/security.h, write()", security->write != NULL);
        function_is_there(c, "slow/security.h, seal()", security->seal != NULL || security->tag_size == 0);
        function_is_there(c, "slow/security.h, unseal()", security->unseal != NULL || security->tag_size == 0);
        function_is_there(c, "slow/security.h, close()", security->close != NULL);
        break;
    case SLOW_TRANSPORT:
        text_is_sound(c, "slow/transport.h, scheme", transport->scheme, 15, true);
        if (transport->max_segments == 0)
            conform_fail(c, "slow/transport.h, max_segments", "frames in one packet that send() takes; 1 = no trains",
                         "has 0");
        function_is_there(c, "slow/transport.h, listen()", transport->listen != NULL);
        function_is_there(c, "slow/transport.h, unlisten()", transport->unlisten != NULL);
        function_is_there(c, "slow/transport.h, connect()", transport->connect != NULL);
        function_is_there(c, "slow/transport.h, cancel()", transport->cancel != NULL);
        function_is_there(c, "slow/transport.h, send()", transport->send != NULL);
        function_is_there(c, "slow/transport.h, close()", transport->close != NULL);
        break;
    default:
        text_is_sound(c, "slow/routing.h, protocol", routing->protocol, 31, true);
        function_is_there(c, "slow/routing.h, neighbour_up()", routing->neighbour_up != NULL);
        function_is_there(c, "slow/routing.h, neighbour_changed()", routing->neighbour_changed != NULL);
        function_is_there(c, "slow/routing.h, neighbour_down()", routing->neighbour_down != NULL);
    }
}

static void the_description_is_sound(conform *c) {
    const slow_plugin *plugin = c->plugin;
    char prefix[16];
    snprintf(prefix, sizeof prefix, "%s-", sl_kind_name(plugin->kind));
    if (strncmp(plugin->id, prefix, strlen(prefix)) != 0)
        conform_fail(c, "slow/plugin.h, slow_plugin.id", "the file name without .so, which begins with its kind",
                     "has \"%s\"; expected \"%s...\"", plugin->id, prefix);
    text_is_sound(c, "slow/plugin.h, slow_plugin.version", plugin->version, 31, true);
    text_is_sound(c, "slow/plugin.h, slow_plugin.summary", plugin->summary, 200, true);
    text_is_sound(c, "slow/plugin.h, slow_plugin.license", plugin->license, 63, true);
    text_is_sound(c, "slow/plugin.h, slow_module.build", c->module->build, 200, false);
    slow_module_fn entry;
    void *symbol = dlsym(c->handle, ENTRY);
    memcpy(&entry, &symbol, sizeof entry);
    for (int i = 0; i < 10; i++) {
        const slow_module *again;
        CONFORM_CALL(c, ENTRY "()", again = entry());
        if (again != c->module)
            conform_fail(c, "slow/plugin.h, slow_module_fn", "no side effects, the same pointer at every call",
                         "gave another pointer at call %d", i + 2);
    }
    ops_are_complete(c);
}

/* ---- options ---- */

static size_t option_size(uint32_t type) {
    switch (type) {
    case SLOW_OPT_BOOL:
        return sizeof(bool);
    case SLOW_OPT_INT:
    case SLOW_OPT_ENUM:
        return sizeof(int64_t);
    case SLOW_OPT_DURATION:
        return sizeof(slow_time);
    case SLOW_OPT_STRING:
        return sizeof(char *);
    default:
        return 0;
    }
}

static void option_is_sound(conform *c, const slow_option *option) {
    static const char where[] = "slow/plugin.h, slow_option";
    size_t size = option_size(option->type), config_size = c->plugin->config_size;
    if (size == 0)
        conform_fail(c, where, "a type of enum slow_option_type", "has type %u in option \"%s\"", option->type,
                     option->key);
    if (option->offset % size != 0 || option->offset > config_size || size > config_size - option->offset)
        conform_fail(c, where, "offset: bytes into the config struct, which has config_size bytes",
                     "would have option \"%s\" written at bytes %zu to %zu of a struct of %zu", option->key,
                     option->offset, option->offset + size - 1, config_size);
    for (const slow_option *other = c->plugin->options; other != option; other++) {
        if (strcmp(other->key, option->key) == 0)
            conform_fail(c, where, "one config key", "has the key \"%s\" twice", option->key);
        if (other->offset < option->offset + size && option->offset < other->offset + option_size(other->type))
            conform_fail(c, where, "each has its member of the config struct",
                         "has options \"%s\" and \"%s\" overlap at byte %zu", other->key, option->key, option->offset);
    }
    if (option->min > option->max && option->max != 0)
        conform_fail(c, where, "min..max", "has min %lld above max %lld in option \"%s\"", (long long)option->min,
                     (long long)option->max, option->key);
    if (option->type == SLOW_OPT_ENUM && (option->choices == NULL || option->choices[0] == NULL))
        conform_fail(c, where, "choices: of an ENUM, NULL-terminated", "has none in option \"%s\"", option->key);
    if (option->help == NULL || option->help[0] == '\0' || strchr(option->help, '\n') != NULL)
        conform_fail(c, where, "help: one line", "has none in option \"%s\"", option->key);
    if ((option->flags & SLOW_OPT_SECRET_FILE) != 0 && option->type != SLOW_OPT_STRING)
        conform_fail(c, where, "SLOW_OPT_SECRET_FILE: a STRING", "has it on option \"%s\" of type %u", option->key,
                     option->type);
    if ((option->flags & ~7u) != 0 || option->reserved[0] != 0 || option->reserved[1] != 0)
        conform_fail(c, where, "what is reserved is 0", "has unknown flags or reserved members in option \"%s\"",
                     option->key);
    for (const char *at = option->key; *at != '\0'; at++)
        if (!islower((unsigned char)*at) && !isdigit((unsigned char)*at) && *at != '_')
            conform_fail(c, where, "a config key: small letters, digits and '_'", "has the key \"%s\"", option->key);
}

static void the_option_table_is_sound(conform *c) {
    if (c->plugin->options == NULL)
        conform_skip(c, "the plugin has no options");
    for (const slow_option *option = c->plugin->options; option->key != NULL; option++)
        option_is_sound(c, option);
}

const conform_test conform_shape_tests[] = {
    {.name = "exports", .run = exports_only_the_entry},
    {.name = "imports", .run = imports_nothing_that_reaches_out},
    {.name = "description", .run = the_description_is_sound},
    {.name = "options", .run = the_option_table_is_sound},
    {.name = NULL},
};
