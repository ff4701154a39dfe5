/* GET /v1/peers: the junctions that this one has to do with reliably, and how that goes. */
#include "admin_parts.h"
#include "path.h"
#include <stdlib.h>

static void put_peer(sl_json_writer *w, const sl_peer_info *info, slow_time now) {
    const sl_sender_info *sender = &info->sender;
    sl_json_begin(w, '{');
    sl_admin_put_id(w, "id", &info->id);
    sl_admin_put_bool(w, "paired", info->paired);
    if (info->paired) {
        sl_admin_put_bool(w, "sealed", info->sealed);
        sl_admin_put_ms(w, "heard_ms", info->heard_ns);
        sl_admin_put_ms(w, "rtt_ms", sender->recovery.rtt_ns);
        sl_admin_put_ms(w, "rtt_deviation_ms", sender->recovery.rtt_deviation_ns);
        sl_admin_put_number(w, "cwnd", sender->recovery.window);
        sl_admin_put_number(w, "in_flight", sender->recovery.flying);
        sl_admin_put_number(w, "credit", sender->credit);
        sl_admin_put_number(w, "packets_lost", sender->recovery.lost);
    }
    sl_admin_put_number(w, "retransmissions", sender->retransmitted);
    sl_admin_put_number(w, "waiting", sender->queued);
    sl_admin_put_number(w, "waiting_bytes", sender->queued_bytes);
    sl_admin_put_number(w, "unfinished", sender->unfinished);
    sl_admin_put_number(w, "unfinished_bytes", sender->unfinished_bytes);
    sl_admin_put_number(w, "unread", info->unread);
    sl_admin_put_number(w, "receiving_bytes", info->receiving);
    if (info->hint.by.size > 0) {
        sl_admin_put_id(w, "hint_by", &info->hint.by);
        sl_admin_put_text(w, "hint", sl_drop_text(info->hint.reason));
        sl_admin_put_ms(w, "hint_age_ms", now - info->hint.at);
    }
    sl_json_end(w, '}');
}

void sl_admin_put_peers(sl_json_writer *w, const sl_junction *j) {
    const sl_peers *peers = &j->delivery.peers;
    sl_peer_info *infos = malloc((peers->count + 1) * sizeof *infos);
    size_t count = infos != NULL ? sl_peers_info(peers, infos, peers->count) : 0;
    w->failed |= infos == NULL;
    sl_json_key(w, "peers");
    sl_json_begin(w, '[');
    for (size_t i = 0; i < count; i++)
        put_peer(w, &infos[i], sl_now(j->loop));
    sl_json_end(w, ']');
    free(infos);
}

void sl_admin_peers(void *arg, sl_http_request *request) {
    sl_json_writer w = {0};
    sl_json_begin(&w, '{');
    sl_admin_put_peers(&w, ((sl_admin *)arg)->junction);
    sl_json_end(&w, '}');
    sl_http_answer(request, &w);
}
