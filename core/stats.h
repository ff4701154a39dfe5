/* stats.h - what a junction counts. Every package, frame or message that is dropped is counted under exactly one reason.
 * One table names them all; the admin API and the simulator print it as it stands. */
#ifndef SL_STATS_H
#define SL_STATS_H
#include <stdint.h>

/* Version 14 of clang-format never settles on this table. */
/* clang-format off */
#define SL_COUNTERS(X)                                                                                               \
    /* traffic */                                                                                                    \
    X(frames_in) X(frames_out) X(bytes_in) X(bytes_out) X(packages_in) X(packages_out) X(packages_forwarded)         \
    X(packages_translated)                                                                                           \
    X(messages_sent) X(messages_received) X(messages_delivered) X(messages_not_delivered) X(messages_unknown)        \
    /* links */                                                                                                      \
    X(links_opened) X(links_lost) X(links_refused) X(links_renewed) X(dials) X(dials_failed)                         \
    /* frames dropped */                                                                                             \
    X(drop_frame_short) X(drop_frame_kind) X(drop_frame_index) X(drop_frame_tag) X(drop_frame_replayed)              \
    X(drop_frame_state)                                                                                              \
    X(drop_opening_malformed) X(drop_opening_cap) X(drop_opening_cookie) X(drop_opening_time)                        \
    X(drop_opening_replayed) X(drop_claim_malformed)                                                                 \
    X(drop_route_malformed) X(drop_route_protocol) X(drop_route_unread) X(drop_proof_cap) X(drop_proof_early)        \
    X(drop_bundle_malformed)                                                                                         \
    /* packages dropped */                                                                                           \
    X(drop_package_malformed) X(drop_package_hop_limit) X(drop_package_no_route) X(drop_package_dead_end)            \
    X(drop_package_queue_full) X(drop_package_duplicate) X(drop_package_link_down) X(drop_package_too_big)           \
    X(drop_package_own) X(drop_package_unsupported) X(drop_package_pair_old) X(drop_package_pair_unknown)            \
    X(drop_package_leaf) X(drop_package_plain) X(drop_package_forged) X(drop_package_repeated)                       \
    X(drop_package_revoked)                                                                                          \
    /* openings of pairs dropped */                                                                                  \
    X(drop_open_plain) X(drop_open_forged) X(drop_open_refused) X(drop_open_link_budget) X(drop_open_budget)         \
    X(pairs_ended_by_membership)                                                                                     \
    /* messages dropped */                                                                                           \
    X(drop_message_duplicate) X(drop_message_expired) X(drop_message_inbox_full) X(drop_message_waiting_full)        \
    X(drop_message_malformed) X(drop_fragment_budget) X(drop_fragment_timeout) X(drop_fragment_mismatch)             \
    X(drop_control_kind) X(drop_control_malformed) X(drop_hop_report_unknown)                        \
    X(drop_hop_report_double) X(drop_hop_report_full) X(drop_report_limit)                                           \
    /* in a pair */                                                                                                  \
    X(drop_data_old) X(drop_data_duplicate) X(drop_data_budget) X(drop_data_mismatch) X(drop_message_barred)         \
    X(drop_message_superseded) X(drop_message_unfinished)                                                            \
    /* members: what was refused, in the order of enum sl_refusal; signatures that were checked, or known already */ \
    X(refused_network) X(refused_network_key)                                                                        \
    X(refused_no_identity) X(refused_malformed) X(refused_signature) X(refused_stale) X(refused_unlisted)            \
    X(refused_other_key) X(refused_authority) X(refused_not_yet) X(refused_expired) X(refused_revoked)               \
    X(signatures_checked) X(signatures_remembered) X(credentials_signed) X(routes_held)           \
    X(channels_reread)
/* clang-format on */

enum sl_counter {
#define X(name) SL_##name,
    SL_COUNTERS(X)
#undef X
        SL_COUNTER_COUNT
};

typedef struct sl_stats {
    uint64_t count[SL_COUNTER_COUNT];
} sl_stats;

const char *sl_counter_name(enum sl_counter);
#define SL_COUNT(stats, name) ((void)(stats)->count[SL_##name]++)
#define SL_COUNT_BY(stats, name, n) ((void)((stats)->count[SL_##name] += (n)))
#endif
