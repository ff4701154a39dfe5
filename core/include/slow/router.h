/* slow/router.h - for programs that run a junction for a person, as slow-router does: check a config before anything
 * starts, make one of command-line flags, describe a plugin, write the log.
 *
 * Everything here may be called from any thread, starts nothing, and prints nothing. Every `slow_error *` may be NULL.
 * */
#ifndef SLOW_ROUTER_H
#define SLOW_ROUTER_H
#include <slow/junction.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SLOW_CONFIG_WARNINGS = 8 /* that a slow_config_info has room for */ };

/* What a program may want to know of a config before it opens a junction with it. */
typedef struct slow_config_info {
    uint32_t struct_size;   /* set by the caller */
    char id[64];            /* the junction's */
    char network[64];       /* its network's name */
    int log_level;          /* enum slow_log_level */
    bool log_json;          /* else text */
    bool has_admin;         /* there is a control socket */
    char admin_socket[128]; /* its path; "" = none */
    uint32_t warning_count; /* how many of `warnings` there are */
    /* What is no mistake, and may not be meant so; the junction logs the same when it starts. */
    char warnings[SLOW_CONFIG_WARNINGS][224];
} slow_config_info;
/* What to start a slow_config_info from. */
#define SLOW_CONFIG_INFO_INIT                                       \
    {                                                               \
        sizeof(slow_config_info), "", "", 0, false, false, "", 0, { \
            ""                                                      \
        }                                                           \
    }

/* Checks all of a config, the plugins that it names and their options included. The error's text is one whole line,
 * with file, line and path. `info` may be NULL. */
SLOW_API slow_status slow_config_check(const char *path, slow_config_info *info, slow_error *);
/* `name` stands in errors as the file; NULL = of no file. */
SLOW_API slow_status slow_config_check_text(const char *name, const char *text, size_t size, slow_config_info *info,
                                            slow_error *);

/* Makes every plugin of a config, as a junction does, and destroys it again: start() is not called, nothing is listened on
 * and nothing joined. It finds what no check of options can: a create() that refuses, crashes or hangs. Against the last two
 * it belongs into a process of its own. Of `options` (may be NULL) `calling` and `log` count: what the plugins say of themselves
 * meanwhile. */
SLOW_API slow_status slow_config_try(const char *path, const slow_options *options, slow_error *);
/* The same of a text; see slow_config_check_text(). */
SLOW_API slow_status slow_config_try_text(const char *name, const char *text, size_t size, const slow_options *options,
                                          slow_error *);

/* What the flags of a command line say. NULL = not given; lists end with NULL. Start from SLOW_CONFIG_FLAGS_INIT. */
typedef struct slow_config_flags {
    uint32_t struct_size;           /* set by the caller */
    const char *id;                 /* must be given */
    const char *network;            /* its name */
    const char *admin_socket;       /* the path of the control socket */
    const char *log_level;          /* "error", "warn", "info" or "debug" */
    const char *log_format;         /* "text" or "json" */
    const char *const *listen;      /* addresses to listen on */
    const char *const *join;        /* addresses to keep a link to */
    const char *const *plugin_dirs; /* where to look for plugins first */
    bool insecure;                  /* may listen beyond loopback although anybody can join */
} slow_config_flags;
/* What to start a slow_config_flags from. */
#define SLOW_CONFIG_FLAGS_INIT \
    { sizeof(slow_config_flags), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false }
/* The same as a config's text, for slow_config_check_text() and slow_junction_open_text(), to be freed by free(). An
 * address is served by the transport of its scheme. NULL on failure. */
SLOW_API char *slow_config_from_flags(const slow_config_flags *, slow_error *);

/* Documents a plugin and its options, line by line. `plugin_dirs` (ends with NULL; may be NULL) are searched first. */
SLOW_API slow_status slow_plugin_describe(const char *id, const char *const *plugin_dirs,
                                          void (*line)(void *arg, const char *text), void *arg, slow_error *);

/* A record of the log as one line with its line end: "2026-01-31T23:59:59.123Z info  link: text", or a JSON object with
 * "time", "level", "who" and "text". `wall_ms`: milliseconds since 1970. Returns its size, less than `capacity`; what
 * does not fit is cut. */
SLOW_API size_t slow_log_line(bool json, uint64_t wall_ms, int level, const char *who, const char *text, char *out,
                              size_t capacity);

#ifdef __cplusplus
}
#endif
#endif
