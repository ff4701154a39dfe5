/* The admin API: a table of routes over the HTTP server of admin_http.c.
 *
 *   GET  /v1/status                  the junction: listeners, joins, memory, every counter
 *   GET  /v1/neighbours              with their links
 *   GET  /v1/routes[?id=|after=]     by id, at most 4,096 an answer; "more" says that there are more
 *   GET  /v1/plugins
 *   GET  /v1/routing                 the strategies that run
 *   POST /v1/routing/add     {"plugin", "preference", and the plugin's options}: as it stands in a config
 *   POST /v1/routing/prefer  {"plugin", "preference"}
 *   POST /v1/routing/remove  {"plugin"}
 *   GET  /v1/members                 who may be here, who is, and what was refused
 *   POST /v1/members/reload          reads the config's file of revoked keys anew; what stands on those keys ends
 *   POST /v1/ping   {"id", "timeout_ms"}
 *   POST /v1/trace  {"id", "timeout_ms"}
 *   GET  /v1/peers                   whom it has to do with reliably: round trip, window, what waits
 *   POST /v1/send?to=ID[&type=json|binary|control][&kind=][&channel=][&priority=]     the body is the message itself
 *        [&reliable=true|false][&order=none|ordered|latest][&ttl_ms=][&fail_fast=][&no_wait=][&lines=]
 *   POST /v1/recv   {"n", "timeout_ms"}
 *   POST /v1/join   {"address"}
 *   POST /v1/leave  {"address"}
 *
 * Answers are JSON objects; a failure is {"error": "one line for a person"} with the HTTP status. The path bears the
 * version: within it members are only ever added.
 *
 * A message is the body of /v1/send, and not a member of some JSON around it: so it arrives as the bytes that were
 * given (1.0 stays 1.0, a number of 40 digits stays one), binary needs no base64, and a file goes with curl
 * --data-binary.
 *
 * Some can take a while, and hold their answer meanwhile: ping and trace until something came back, recv until there is a
 * message, send until there is room for it, and then until its outcome. So a script that sends one message after the other
 * is kept at the pace that the mesh takes, with no code of its own for it. */
#include "admin.h"
#include "admin_parts.h"
#include <stdlib.h>

static const sl_http_route routes[] = {
    {"GET", "/v1/status", sl_admin_status},
    {"GET", "/v1/neighbours", sl_admin_neighbours},
    {"GET", "/v1/routes", sl_admin_routes},
    {"GET", "/v1/peers", sl_admin_peers},
    {"GET", "/v1/plugins", sl_admin_plugins},
    {"GET", "/v1/routing", sl_admin_routing},
    {"POST", "/v1/routing/add", sl_admin_routing_add},
    {"POST", "/v1/routing/prefer", sl_admin_routing_prefer},
    {"POST", "/v1/routing/remove", sl_admin_routing_remove},
    {"GET", "/v1/members", sl_admin_members},
    {"POST", "/v1/members/reload", sl_admin_members_reload},
    {"POST", "/v1/ping", sl_admin_ping},
    {"POST", "/v1/trace", sl_admin_trace},
    {"POST", "/v1/send", sl_admin_send},
    {"POST", "/v1/recv", sl_admin_recv},
    {"POST", "/v1/join", sl_admin_join},
    {"POST", "/v1/leave", sl_admin_leave},
    {.path = NULL},
};

slow_status sl_admin_new(sl_junction *junction, sl_mailbag *bag, sl_inbox *inbox, sl_loop *loop,
                         const char *socket_path, sl_admin **out, slow_error *error) {
    *out = NULL;
    sl_admin *admin = calloc(1, sizeof *admin);
    if (admin == NULL)
        return sl_error(error, SLOW_E_NOMEM, socket_path, "no memory for the admin socket");
    *admin = (sl_admin){.junction = junction, .bag = bag, .inbox = inbox, .loop = loop};
    admin->calls_end = &admin->calls;
    admin->serve = (sl_deferred){.fn = sl_admin_serve, .arg = admin};
    slow_status status = sl_http_new(loop, socket_path, routes, admin, &admin->http, error);
    if (status != SLOW_OK) {
        free(admin);
        return status;
    }
    sl_log_write(&junction->log, SLOW_LOG_INFO, "admin", "serving on %s", socket_path);
    *out = admin;
    return SLOW_OK;
}

void sl_admin_free(sl_admin *admin) {
    if (admin == NULL)
        return;
    sl_http_free(admin->http); /* ends all calls: each is a held request */
    sl_defer_cancel(admin->loop, &admin->serve);
    free(admin);
}

void sl_admin_message_arrived(sl_admin *admin) {
    if (admin->calls != NULL)
        sl_defer(admin->loop, &admin->serve);
}

void sl_admin_room(sl_admin *admin) {
    if (admin->calls != NULL)
        sl_defer(admin->loop, &admin->serve);
}
