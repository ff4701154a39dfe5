/* GET /v1/members: who may be here by the config, who is here by a link or a pair, and what was refused and why. Keys are
 * public ones throughout; of our own identity nothing else is ever written. */
#include "admin_parts.h"
#include <stdlib.h>

static void put_key(sl_json_writer *w, const char *name, const sl_key *key) {
    char text[SL_KEY_TEXT];
    sl_key_text(key, text);
    sl_admin_put_text(w, name, text);
}

/* The members of an object that say who it is. */
static void put_who(sl_json_writer *w, const sl_member *who) {
    sl_admin_put_id(w, "id", &who->id);
    put_key(w, "key", &who->key);
    sl_json_key(w, "roles");
    sl_json_begin(w, '[');
    for (unsigned bit = 1; bit <= SL_ROLE_ADMIN; bit <<= 1)
        if (who->roles & bit)
            sl_json_put_string(w, sl_role_name((uint8_t)bit));
    sl_json_end(w, ']');
    if (who->until != 0)
        sl_admin_put_number(w, "until", who->until);
    else
        sl_admin_put_text(w, "until", NULL);
}

static void put_self(sl_json_writer *w, const sl_junction *j) {
    sl_member self;
    slow_id fingerprint;
    sl_membership_self(j->membership, &self);
    sl_key_fingerprint(&self.key, &fingerprint);
    put_who(w, &self);
    sl_admin_put_id(w, "fingerprint", &fingerprint);
    sl_admin_put_text(w, "network", j->config->network);
    sl_admin_put_bool(w, "end_to_end", j->config->end_to_end);
}

static void put_configured(sl_json_writer *w, const sl_junction *j) {
    const sl_config *config = j->config;
    sl_json_key(w, "members");
    sl_json_begin(w, '[');
    for (size_t i = 0; i < config->member_count; i++) {
        sl_json_begin(w, '{');
        put_who(w, &config->members[i]);
        sl_admin_put_bool(w, "revoked", sl_membership_is_revoked(j->membership, &config->members[i].key));
        sl_json_end(w, '}');
    }
    sl_json_end(w, ']');
    sl_json_key(w, "authority");
    sl_json_begin(w, '[');
    for (size_t i = 0; i < config->authority_count; i++) {
        char text[SL_KEY_TEXT];
        sl_key_text(&config->authorities[i], text);
        sl_json_put_string(w, text);
    }
    sl_json_end(w, ']');
    sl_admin_put_number(w, "revoked", sl_membership_revoked_count(j->membership));
}

static void put_links(sl_json_writer *w, const sl_junction *j) {
    const sl_neighbours *neighbours = &j->links.neighbours;
    sl_json_key(w, "linked");
    sl_json_begin(w, '[');
    for (uint32_t i = 0; i < neighbours->count; i++)
        if (neighbours->sorted[i]->link_count > 0) {
            sl_json_begin(w, '{');
            put_who(w, &neighbours->sorted[i]->links[0]->member);
            sl_admin_put_number(w, "links", neighbours->sorted[i]->link_count);
            sl_json_end(w, '}');
        }
    sl_json_end(w, ']');
}

static void put_pairs(sl_json_writer *w, const sl_junction *j) {
    const sl_peers *peers = &j->delivery.peers;
    sl_peer_info *infos = malloc((peers->count + 1) * sizeof *infos);
    size_t count = infos != NULL ? sl_peers_info(peers, infos, peers->count) : 0;
    w->failed |= infos == NULL;
    sl_json_key(w, "paired");
    sl_json_begin(w, '[');
    for (size_t i = 0; i < count; i++)
        if (infos[i].sealed) {
            sl_json_begin(w, '{');
            put_who(w, &infos[i].member);
            sl_json_end(w, '}');
        }
    sl_json_end(w, ']');
    free(infos);
}

static void put_counters(sl_json_writer *w, const sl_stats *stats) {
    sl_json_key(w, "refused");
    sl_json_begin(w, '{');
    for (int i = SL_WELCOME + 1; i < SL_REFUSALS; i++)
        sl_admin_put_number(w, sl_refusal_name((enum sl_refusal)i),
                            stats->count[SL_refused_network + i - SL_REFUSED_NETWORK]);
    sl_json_end(w, '}');
    sl_admin_put_number(w, "signatures_checked", stats->count[SL_signatures_checked]);
    sl_admin_put_number(w, "signatures_remembered", stats->count[SL_signatures_remembered]);
}

void sl_admin_members(void *arg, sl_http_request *request) {
    const sl_junction *j = ((sl_admin *)arg)->junction;
    bool closed = sl_membership_is_closed(j->membership);
    sl_json_writer w = {0};
    sl_json_begin(&w, '{');
    sl_admin_put_bool(&w, "closed", closed);
    if (closed) {
        put_self(&w, j);
        put_configured(&w, j);
        put_links(&w, j);
        put_pairs(&w, j);
        put_counters(&w, &j->stats);
    }
    sl_json_end(&w, '}');
    sl_http_answer(request, &w);
}

void sl_admin_members_reload(void *arg, sl_http_request *request) {
    sl_admin *admin = arg;
    slow_error error;
    if (sl_junction_reload_revoked(admin->junction, NULL, &error) == SLOW_OK)
        sl_admin_members(arg, request);
    else
        sl_http_refuse(request, &error);
}
