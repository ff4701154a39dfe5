#include "junction.h"
#include "config_security.h"
#include "json.h"
#include "option.h"
#include "peer_seal.h"
#include <stdlib.h>
#include <string.h>

/* ---- wiring: what one layer says to the next ---- */

static void on_bundle(void *arg, sl_link *link, uint8_t *records, size_t size) {
    sl_forward_bundle(((sl_junction *)arg)->forward, link, records, size);
}

static void on_flushed(void *arg) {
    sl_delivery_room(&((sl_junction *)arg)->delivery);
}

static void on_local(void *arg, const slow_package *package, const sl_link *from) {
    sl_junction *j = arg;
    const sl_neighbour *n = from != NULL ? from->neighbour : NULL;
    if (package->flags & SLOW_TRACED)
        sl_path_arrived(&j->path, package);
    sl_delivery_receive(&j->delivery, package, n != NULL ? &n->id : NULL);
}

static void on_dropped(void *arg, const sl_transit *transit, enum sl_drop_reason reason, const sl_neighbour *next_hop) {
    sl_path_dropped(&((sl_junction *)arg)->path, transit, reason, next_hop);
}

static sl_departure *on_passing(void *arg, const sl_transit *transit, const sl_neighbour *next_hop) {
    return sl_path_traced(&((sl_junction *)arg)->path, transit, next_hop);
}

static void on_traced(void *arg, const sl_outgoing *out, uint64_t session, uint64_t packet, uint32_t offset) {
    sl_junction *j = arg;
    if (j->path.traces != NULL)
        sl_traces_sent(j->path.traces, out->ticket, session, packet, offset);
}

/* Routes appear in the middle of a strategy's work: who waits for them is served when the turn ends. */
static void kick(void *arg) {
    sl_junction *j = arg;
    sl_delivery_routes(&j->delivery);
    sl_path_kick(&j->path);
    if (j->on_route != NULL)
        j->on_route(j->arg);
}

static void on_reachable(void *arg, const slow_id *dst) {
    sl_junction *j = arg;
    (void)dst;
    sl_defer(j->loop, &j->kick);
}

static void on_neighbour_reachable(void *arg) {
    sl_junction *j = arg;
    sl_defer(j->loop, &j->kick);
}

static void on_message(void *arg, const sl_message *message) {
    sl_junction *j = arg;
    if (j->on_message != NULL)
        j->on_message(j->arg, message);
}

static void on_control(void *arg, const slow_package *package) {
    sl_path_control(&((sl_junction *)arg)->path, package);
}

static bool on_withdraw(void *arg, sl_arrival *arrival) {
    sl_junction *j = arg;
    return j->on_withdraw != NULL && j->on_withdraw(j->arg, arrival);
}

static void on_outcome(void *arg, const sl_result *result) {
    sl_junction *j = arg;
    if (j->on_outcome != NULL)
        j->on_outcome(j->arg, result);
}

static void on_released(void *arg, const slow_id *peer, size_t bytes, bool reliable) {
    sl_junction *j = arg;
    if (j->on_released != NULL)
        j->on_released(j->arg, peer, bytes, reliable);
}

/* ---- instances ---- */

static slow_status make_instance(sl_junction *j, sl_config_plugin *use, const sl_service *services, void *layer,
                                 sl_instance **out, slow_error *error) {
    sl_instance_env env = {
        .loop = j->loop, .pool = j->pool, .log = &j->log, .services = services, .layer = layer, .calls = j->calls};
    void *options = use->options;
    use->options = NULL;
    return sl_instance_new(use->plugin, options, sl_option_free, &env, out, error);
}

static slow_status start_instance(sl_instance **instance, slow_error *error) {
    slow_status status = sl_instance_start(*instance, error);
    if (status == SLOW_OK)
        return SLOW_OK;
    sl_instance_free(*instance);
    *instance = NULL;
    return status;
}

static slow_status make_security(sl_junction *j, slow_error *error) {
    slow_status status = make_instance(j, &j->config->security, NULL, j, &j->security, error);
    return status != SLOW_OK ? status : start_instance(&j->security, error);
}

static slow_status make_membership(sl_junction *j, slow_error *error) {
    const sl_config *config = j->config;
    char warnings[SL_CONFIG_WARNINGS][SL_CONFIG_WARNING];
    uint64_t now_s = sl_wall_ms(j->loop) / 1000;
    slow_status status = sl_config_check_time(config, now_s, error);
    if (status != SLOW_OK)
        return status;
    sl_membership_setup setup = {.identity = config->identity,
                                 .network = config->network,
                                 .id = &config->id,
                                 .members = config->members,
                                 .member_count = config->member_count,
                                 .listed = config->listed,
                                 .authorities = config->authorities,
                                 .authority_count = config->authority_count,
                                 .grant = config->grant,
                                 .revoked = config->revoked,
                                 .revoked_count = config->revoked_count};
    j->membership = sl_membership_new(j->loop, &j->stats, &setup);
    if (j->membership == NULL)
        return sl_error(error, SLOW_E_NOMEM, NULL, "no memory for a junction");
    for (size_t i = 0, count = sl_config_warnings(config, now_s, warnings); i < count; i++)
        sl_log_write(&j->log, SLOW_LOG_WARN, "security", "%s", warnings[i]);
    return SLOW_OK;
}

static bool add_name(sl_names *names, const char *name) {
    size_t size = strlen(name);
    if (names->count == SL_NAMES_MAX || size >= SL_NAME_SIZE)
        return false;
    memcpy(names->name[names->count++], name, size + 1);
    return true;
}

static slow_status make_codecs(sl_junction *j, slow_error *error) {
    for (size_t i = 0; i < j->config->codec_count; i++) {
        sl_instance **instance = &j->codec_instances[i];
        if (i == SL_NAMES_MAX)
            return sl_error(error, SLOW_E_INVAL, "codecs", "at most %d codecs can be used at once", SL_NAMES_MAX);
        slow_status status = make_instance(j, &j->config->codecs[i], NULL, j, instance, error);
        if (status == SLOW_OK)
            status = start_instance(instance, error);
        if (status != SLOW_OK)
            return status;
        j->codecs[i] = (sl_codec){.ops = sl_instance_ops(*instance), .self = sl_instance_self(*instance)};
        if (!add_name(&j->claim.codecs, j->codecs[i].ops->name))
            return sl_error(error, SLOW_E_INVAL, "codecs", "the name of codec %s is longer than %d bytes",
                            j->codecs[i].ops->name, SL_NAME_SIZE - 1);
    }
    return SLOW_OK;
}

static slow_status make_strategy(sl_junction *j, sl_config_routing *routing, slow_error *error) {
    sl_instance *instance;
    slow_status status = make_instance(j, &routing->use, sl_routing_services(), &j->routing, &instance, error);
    if (status == SLOW_OK)
        status = sl_routing_add(&j->routing, instance, (int32_t)routing->preference, error);
    return status;
}

static slow_status make_strategies(sl_junction *j, slow_error *error) {
    slow_status status = SLOW_OK;
    for (size_t i = 0; i < j->config->routing_count && status == SLOW_OK; i++)
        status = make_strategy(j, &j->config->routings[i], error);
    j->claim.protocols.generation = 0; /* what it begins with: nobody was told of anything else */
    return status;
}

static slow_status make_port(sl_junction *j, sl_config_plugin *use, sl_port **out, slow_error *error) {
    sl_instance *instance;
    slow_status status = make_instance(j, use, j->transport_services, &j->links, &instance, error);
    if (status != SLOW_OK)
        return status;
    *out = sl_links_add_port(&j->links, instance);
    if (*out == NULL) {
        sl_instance_free(instance);
        return sl_error(error, SLOW_E_NOSPACE, "transports", "at most %d transports can be used at once", SL_PORTS_MAX);
    }
    return sl_instance_start(instance, error); /* the port is the layer's: it is freed with it */
}

static slow_status port_for(sl_junction *j, const char *address, sl_port **out, slow_error *error) {
    sl_config_plugin use = {.plugin = NULL};
    *out = sl_links_port(&j->links, address);
    if (*out != NULL)
        return SLOW_OK;
    slow_status status = sl_config_transport_for(j->config, address, &use, error);
    if (status == SLOW_OK)
        status = make_port(j, &use, out, error);
    sl_config_plugin_free(&use);
    return status;
}

/* The core's services for transports, and the extra ones. */
static bool merge_services(sl_junction *j, const sl_service *extra) {
    size_t count = 0, at = 0;
    for (const sl_service *s = sl_links_services(); s->id != NULL; s++)
        count++;
    for (const sl_service *s = extra; s != NULL && s->id != NULL; s++)
        count++;
    j->transport_services = calloc(count + 1, sizeof *j->transport_services);
    if (j->transport_services == NULL)
        return false;
    for (const sl_service *s = sl_links_services(); s->id != NULL; s++)
        j->transport_services[at++] = *s;
    for (const sl_service *s = extra; s != NULL && s->id != NULL; s++)
        j->transport_services[at++] = *s;
    return true;
}

/* ---- life ---- */

static void make_claim(sl_junction *j) {
    j->claim = (sl_claim){.version = SL_LINK_VERSION, .id = j->config->id, .frame_max = UINT16_MAX};
    memcpy(j->claim.network, j->config->network, sizeof j->claim.network);
    do
        sl_entropy(j->loop, &j->claim.start, sizeof j->claim.start);
    while (j->claim.start == 0);
}

static void seal_delivery(sl_junction *j) {
    sl_pair_seal_env env = {.security = sl_instance_ops(j->security),
                            .security_self = sl_instance_self(j->security),
                            .membership = j->membership,
                            .network = j->claim.network,
                            .self = &j->claim.id};
    if (j->config->end_to_end && sl_membership_is_closed(j->membership) && env.security->tag_size > 0)
        sl_delivery_seal(&j->delivery, &env, &j->log);
}

static slow_status wire(sl_junction *j, slow_error *error) {
    sl_routing_init(&j->routing, j->loop, &j->log, &j->stats, &j->claim);
    sl_routing_trust(&j->routing, j->membership);
    j->forward = sl_forward_new(j->loop, &j->links.neighbours, &j->stats, &j->claim.id);
    if (j->forward == NULL)
        return sl_error(error, SLOW_E_NOMEM, NULL, "no memory for a junction");
    sl_links_setup setup = {.loop = j->loop,
                            .pool = j->pool,
                            .log = &j->log,
                            .stats = &j->stats,
                            .claim = &j->claim,
                            .codecs = j->codecs,
                            .codec_count = j->config->codec_count,
                            .security = sl_instance_ops(j->security),
                            .security_self = sl_instance_self(j->security),
                            .has_secret = j->config->has_secret,
                            .membership = j->membership,
                            .neighbour_events = sl_routing_neighbour_events(&j->routing),
                            .bundle = on_bundle,
                            .arg = j,
                            .flushed = on_flushed,
                            .flushed_arg = j};
    if (!sl_links_init(&j->links, &setup))
        return sl_error(error, SLOW_E_NOMEM, NULL, "no memory for a junction");
    sl_routing_wire(&j->routing, &j->links.neighbours, j->forward);
    j->routing.reachable = on_neighbour_reachable;
    j->routing.reachable_arg = j;
    j->forward->table.reachable = on_reachable;
    j->forward->table.arg = j;
    j->forward->events = (sl_forward_events){.arg = j, .local = on_local, .dropped = on_dropped, .traced = on_passing};
    sl_delivery_events events = {.arg = j,
                                 .message = on_message,
                                 .withdraw = on_withdraw,
                                 .control = on_control,
                                 .released = on_released,
                                 .outcome = on_outcome,
                                 .traced = on_traced};
    if (sl_delivery_init(&j->delivery, j->loop, &j->stats, j->forward, &j->routing, j->claim.start,
                         j->config->hop_limit, &events) != SLOW_OK)
        return sl_error(error, SLOW_E_NOMEM, NULL, "no memory for a junction");
    sl_routing_recheck(&j->routing);
    seal_delivery(j);
    sl_path_init(&j->path, j->loop, &j->log, &j->stats, &j->delivery);
    return SLOW_OK;
}

slow_status sl_junction_new(sl_loop *loop, sl_config *config, const sl_log *log, const sl_calls *calls,
                            const sl_service *extra, sl_junction **out, slow_error *error) {
    sl_junction *j = calloc(1, sizeof *j);
    slow_status status = SLOW_E_NOMEM;
    if (j == NULL) {
        sl_config_free(config);
        return sl_error(error, SLOW_E_NOMEM, NULL, "no memory for a junction");
    }
    j->loop = loop;
    j->log = *log;
    if (calls != NULL)
        j->calls = *calls;
    j->config = config;
    j->began_at = sl_now(loop);
    j->kick = (sl_deferred){.fn = kick, .arg = j};
    j->pool = sl_pool_new();
    if (j->pool == NULL || !merge_services(j, extra)) {
        sl_error(error, SLOW_E_NOMEM, NULL, "no memory for a junction");
        goto failed;
    }
    make_claim(j);
    status = make_security(j, error);
    if (status == SLOW_OK)
        status = make_membership(j, error);
    if (status == SLOW_OK)
        status = make_codecs(j, error);
    if (status == SLOW_OK)
        status = wire(j, error);
    if (status == SLOW_OK)
        status = make_strategies(j, error);
    for (size_t i = 0; status == SLOW_OK && i < config->transport_count; i++) {
        sl_port *port;
        status = make_port(j, &config->transports[i].use, &port, error);
    }
    if (status == SLOW_OK) {
        *out = j;
        return SLOW_OK;
    }
failed:
    sl_junction_free(j);
    return status;
}

slow_status sl_junction_start(sl_junction *j, slow_error *error) {
    char bound[SL_ADDRESS_SIZE];
    const sl_config *config = j->config;
    slow_status status = SLOW_OK;
    for (size_t i = 0; i < config->transport_count; i++)
        for (size_t k = 0; status == SLOW_OK && k < config->transports[i].listen_count; k++)
            status = sl_junction_listen(j, config->transports[i].listen[k], bound, error);
    for (size_t i = 0; status == SLOW_OK && i < config->join_count; i++)
        status = sl_junction_join(j, config->joins[i].address, config->joins[i].cost_factor_ppm,
                                  config->joins[i].cost_bias, error);
    return status;
}

static void say_goodbye(void *arg) {
    sl_links_goodbye(&((sl_junction *)arg)->links);
}

void sl_junction_goodbye(sl_junction *j) {
    sl_routing_leave(&j->routing);
    if (sl_post(j->loop, say_goodbye, j) != SLOW_OK)
        say_goodbye(j);
}

unsigned sl_junction_free(sl_junction *j) {
    unsigned leaks = 0;
    if (j == NULL)
        return 0;
    if (j->forward != NULL) { /* what wire() made, from the top down */
        sl_path_free(&j->path);
        if (j->delivery.loop != NULL)
            sl_delivery_free(&j->delivery);
        leaks += sl_routing_free(&j->routing); /* first, or strategies route round each link that closes */
        leaks += sl_links_free(&j->links);
        sl_forward_free(j->forward);
    }
    sl_defer_cancel(j->loop, &j->kick);
    for (size_t i = 0; i < SL_NAMES_MAX; i++)
        leaks += sl_instance_free(j->codec_instances[i]);
    leaks += sl_instance_free(j->security);
    sl_membership_free(j->membership);
    sl_pool_free(j->pool);
    sl_config_free(j->config);
    free(j->transport_services);
    free(j);
    return leaks;
}

/* ---- the mesh ---- */

slow_status sl_junction_listen(sl_junction *j, const char *address, char bound[SL_ADDRESS_SIZE], slow_error *error) {
    char ignored[SL_ADDRESS_SIZE];
    sl_port *port;
    slow_status status = port_for(j, address, &port, error);
    if (status == SLOW_OK)
        status = sl_config_check_listen(j->config, sl_instance_plugin(port->instance), address, error);
    if (status == SLOW_OK)
        status = sl_links_listen(&j->links, port, address, bound != NULL ? bound : ignored, error);
    return status;
}

slow_status sl_junction_join(sl_junction *j, const char *address, uint32_t factor_ppm, uint32_t bias,
                             slow_error *error) {
    sl_port *port;
    slow_status status = port_for(j, address, &port, error);
    if (status == SLOW_OK)
        status = sl_config_check_join(sl_instance_plugin(port->instance), address, error);
    if (status == SLOW_OK)
        status = sl_links_join(&j->links, port, address, factor_ppm, bias, error);
    return status;
}

slow_status sl_junction_leave(sl_junction *j, const char *address, slow_error *error) {
    return sl_links_leave(&j->links, address, error);
}

/* ---- who may be here ---- */

slow_status sl_junction_revoke(sl_junction *j, const sl_key *keys, size_t count, slow_error *error) {
    if (!sl_membership_is_closed(j->membership))
        return sl_error(error, SLOW_E_INVAL, "security.identity",
                        "this junction has no identity, and lets in everybody: nobody can be revoked");
    if (sl_membership_revoke(j->membership, keys, count) != SLOW_OK)
        return sl_error(error, SLOW_E_NOMEM, NULL, "no memory for %zu revoked keys", count);
    sl_log_write(&j->log, SLOW_LOG_INFO, "security", "keys revoked: %zu", count);
    sl_routing_recheck(&j->routing);
    sl_links_recheck(&j->links);
    sl_peers_recheck(&j->delivery.peers);
    if (sl_membership_has_pardoned(j->membership))
        sl_talk_pardoned(&j->links.neighbours);
    return SLOW_OK;
}

slow_status sl_junction_reload_revoked(sl_junction *j, size_t *count, slow_error *error) {
    sl_key *keys;
    size_t read;
    if (j->config->revoked_file == NULL)
        return sl_error(error, SLOW_E_INVAL, "security.revoked",
                        "the config names no file of revoked keys; expected \"revoked\": FILE under \"security\"");
    slow_error why;
    slow_status status = sl_config_read_revoked(j->config->revoked_file, &keys, &read, &why);
    if (status != SLOW_OK) {
        sl_log_write(&j->log, SLOW_LOG_ERROR, "security", "%s; the old list stays in force", why.text);
        return sl_error(error, status, why.where, "%s; the old list stays in force", why.text);
    }
    status = sl_junction_revoke(j, keys, read, error);
    free(keys);
    if (count != NULL)
        *count = read;
    return status;
}

/* ---- strategies, while packages pass ---- */

slow_status sl_junction_routing_add(sl_junction *j, slow_bytes entry, slow_error *error) {
    sl_config_routing routing;
    slow_status status =
        sl_config_routing_parse(j->config, NULL, (const char *)entry.data, entry.size, &routing, error);
    if (status != SLOW_OK)
        return status;
    const char *id = routing.use.plugin->id;
    if (sl_routing_find(&j->routing, id) != NULL)
        status = sl_error(error, SLOW_E_INVAL, "plugin", "%s runs already; its preference can be changed", id);
    else
        status = make_strategy(j, &routing, error);
    if (status == SLOW_OK)
        sl_log_write(&j->log, SLOW_LOG_INFO, "routing", "added %s, preference %d", id, (int)routing.preference);
    sl_config_plugin_free(&routing.use);
    return status;
}

static slow_status strategy_running(sl_junction *j, const char *plugin, sl_strategy **out, slow_error *error) {
    sl_nearest nearest = {.wrong = plugin};
    *out = sl_routing_find(&j->routing, plugin);
    if (*out != NULL)
        return SLOW_OK;
    for (uint32_t i = 0; i < j->routing.count; i++)
        sl_nearest_try(&nearest, sl_instance_plugin(j->routing.strategies[i].instance)->id);
    if (nearest.best != NULL)
        return sl_error(error, SLOW_E_INVAL, "plugin", "no strategy \"%.64s\" runs here; did you mean \"%s\"?", plugin,
                        nearest.best);
    return sl_error(error, SLOW_E_INVAL, "plugin",
                    "no strategy \"%.64s\" runs here; GET /v1/routing (slowctl routing) lists those that do", plugin);
}

slow_status sl_junction_routing_prefer(sl_junction *j, const char *plugin, int64_t preference, slow_error *error) {
    sl_strategy *strategy;
    slow_status status = strategy_running(j, plugin, &strategy, error);
    if (status != SLOW_OK)
        return status;
    if (preference < 0 || preference > SL_PREFERENCE_MAX)
        return sl_error(error, SLOW_E_INVAL, "preference", "%lld is no preference; expected 0 to %d",
                        (long long)preference, SL_PREFERENCE_MAX);
    sl_routing_prefer(&j->routing, strategy, (int32_t)preference);
    sl_log_write(&j->log, SLOW_LOG_INFO, "routing", "the preference of %s is %d", plugin, (int)preference);
    return SLOW_OK;
}

slow_status sl_junction_routing_remove(sl_junction *j, const char *plugin, slow_error *error) {
    sl_strategy *strategy;
    slow_status status = strategy_running(j, plugin, &strategy, error);
    if (status == SLOW_OK)
        status = sl_routing_remove(&j->routing, strategy, error);
    if (status == SLOW_OK)
        sl_log_write(&j->log, SLOW_LOG_INFO, "routing", "removed %s", plugin);
    return status;
}

/* ---- messages ---- */

static slow_status too_big(bool reliable, size_t size, slow_error *error) {
    return sl_error(error, SLOW_E_TOOBIG, NULL, "a %s message has at most %d bytes, this one has %zu",
                    reliable ? "reliable" : "best-effort", reliable ? SL_MESSAGE_MAX : SL_BEST_EFFORT_MAX, size);
}

static slow_status options_check(const sl_message *message, slow_error *error) {
    uint16_t order = message->flags & (SLOW_ORDERED | SLOW_LATEST);
    if (message->channel >= SLOW_CHANNELS)
        return sl_error(error, SLOW_E_INVAL, "channel", "a channel is 0 to %u, not %u", SLOW_CHANNELS - 1,
                        (unsigned)message->channel);
    if (message->priority > 3)
        return sl_error(error, SLOW_E_INVAL, "priority", "a priority is 0 to 3, not %u", (unsigned)message->priority);
    if (message->type == SLOW_CONTROL && message->kind < SLOW_KIND_APPLICATION)
        return sl_error(error, SLOW_E_INVAL, "kind",
                        "an application's control kinds are 0x8000 to 0xffff; 0x%04x is the core's own",
                        (unsigned)message->kind);
    if (order == (SLOW_ORDERED | SLOW_LATEST))
        return sl_error(error, SLOW_E_INVAL, "order", "a message is ordered or latest, not both");
    if (order != 0 && (message->flags & SLOW_RELIABLE) == 0)
        return sl_error(error, SLOW_E_INVAL, "order", "only reliable messages are ordered or latest");
    return SLOW_OK;
}

slow_status sl_message_check(const sl_message *message, sl_outgoing **out, slow_error *error) {
    size_t size = message->payload.size;
    bool reliable = (message->flags & SLOW_RELIABLE) != 0;
    size_t most = reliable ? SL_MESSAGE_MAX : SL_BEST_EFFORT_MAX;
    slow_status status = options_check(message, error);
    if (status != SLOW_OK)
        return status;
    if (message->type != SLOW_JSON && size > most) /* before it is copied; JSON may get smaller */
        return too_big(reliable, size, error);
    *out = sl_outgoing_new(message);
    if (*out == NULL)
        return sl_error(error, SLOW_E_NOMEM, NULL, "no memory for a message of %zu bytes", size);
    if (message->type == SLOW_JSON)
        status = sl_json_compact((const char *)(*out)->bytes, size, (char *)(*out)->bytes, &size, error);
    if (status == SLOW_OK && size > most)
        status = too_big(reliable, size, error);
    (*out)->message.payload.size = size;
    if (status != SLOW_OK)
        free(*out);
    return status;
}

slow_status sl_junction_send(sl_junction *j, sl_outgoing *out) {
    if (out->message.flags & SLOW_TRACED && out->traced == 0 && sl_id_equal(&out->message.peer, &j->claim.id)) {
        out->traced = 1;
        sl_path_own(&j->path, out);
    }
    return sl_delivery_submit(&j->delivery, out);
}

uint64_t sl_junction_duplicates(const sl_junction *j) {
    return j->stats.count[SL_drop_package_duplicate] + j->stats.count[SL_drop_message_duplicate];
}

const char *sl_junction_strategy_name(const sl_junction *j, uint32_t strategy) {
    for (uint32_t i = 0; i < j->routing.count; i++)
        if (j->routing.strategies[i].number == strategy)
            return sl_instance_plugin(j->routing.strategies[i].instance)->id;
    return "";
}
