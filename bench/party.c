#include "party.h"
#include "core/loop_libevent.h"
#include "core/option.h"
#include "end.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static slow_bytes credentials(void *arg) {
    party *p = arg;
    return sl_membership_credentials(p->membership, "link", p->env.security->static_key(p->env.security_self));
}

static enum sl_refusal judge(void *arg, const sl_claim *theirs, slow_bytes proved, sl_member *member) {
    party *p = arg;
    return sl_membership_judge(p->membership, "link", &theirs->id, proved, theirs->credentials, member);
}

static void claim_make(party *p, const char *codec) {
    p->claim = (sl_claim){.version = SL_LINK_VERSION,
                          .id = p->config->id,
                          .codecs = {.count = 1},
                          .protocols.names = {.count = 1, .name = {"distance-vector/1"}},
                          .frame_max = 65535};
    snprintf(p->claim.network, sizeof p->claim.network, "%s", p->config->network);
    snprintf(p->claim.codecs.name[0], SL_NAME_SIZE, "%s", codec);
    sl_entropy(p->loop, &p->claim.start, sizeof p->claim.start);
}

static slow_status security_make(party *p, slow_error *error) {
    static const sl_log silent = {.sink = NULL};
    sl_config_plugin *use = &p->config->security;
    sl_instance_env env = {.loop = p->loop, .pool = p->pool, .log = &silent};
    void *options = use->options;
    use->options = NULL;
    return sl_instance_new(use->plugin, options, sl_option_free, &env, &p->security, error);
}

static slow_status make(party *p, const char *config, const char *codec, slow_error *error) {
    p->loop = sl_loop_libevent_new(NULL);
    p->pool = sl_pool_new();
    if (p->loop == NULL || p->pool == NULL)
        return SLOW_E_NOMEM;
    slow_status status = sl_config_parse(NULL, config, strlen(config), &p->config, error);
    if (status == SLOW_OK)
        status = security_make(p, error);
    if (status != SLOW_OK)
        return status;
    sl_membership_setup setup = {.identity = p->config->identity,
                                 .network = p->config->network,
                                 .id = &p->config->id,
                                 .members = p->config->members,
                                 .member_count = p->config->member_count,
                                 .listed = p->config->listed};
    p->membership = sl_membership_new(p->loop, &p->stats, &setup);
    if (p->membership == NULL)
        return SLOW_E_NOMEM;
    claim_make(p, codec);
    p->env = (sl_opening_env){.loop = p->loop,
                              .security = sl_instance_ops(p->security),
                              .security_self = sl_instance_self(p->security),
                              .claim = &p->claim};
    if (sl_membership_is_closed(p->membership))
        p->env.gate = (sl_gate){.arg = p, .credentials = credentials, .judge = judge};
    p->opening = sl_opening_dial(&p->env, error);
    return p->opening != NULL ? SLOW_OK : SLOW_E_FAIL;
}

party *party_new(const char *config, const char *codec) {
    slow_error error = {.text = "no memory"};
    party *p = calloc(1, sizeof *p);
    if (p != NULL && make(p, config, codec, &error) == SLOW_OK)
        return p;
    bench_error("an end cannot open links: %s", error.text);
    party_free(p);
    return NULL;
}

void party_free(party *p) {
    if (p == NULL)
        return;
    sl_opening_free(p->opening, &p->env);
    sl_membership_free(p->membership);
    if (p->security != NULL)
        sl_instance_free(p->security);
    sl_config_free(p->config);
    if (p->pool != NULL)
        sl_pool_free(p->pool);
    if (p->loop != NULL)
        sl_loop_free(p->loop);
    free(p);
}
