/* liveness.h - is the other end there, how far is it, and what does the way cost? Pure: time is an argument.
 *
 * Each end tells in PROBE the interval it keeps and the one it wants of the other, and keeps the smaller of its own wish and
 * the other's. A link is dead after three of the SENDER's intervals and 50 ms of silence. An end may slow down only once
 * the other has acknowledged the longer interval, or a lost probe would look like death (BFD, RFC 5880 6.8.3). Any
 * authentic frame counts as life; a probe goes out only where nothing else did.
 *
 * A probe echoes the other's last stamp and how long it was held, which gives the round trip with no reply of its own. The
 * cost is that of all strategies, in units of 0.1 ms: half the least round trip of the last 10 s, times 1/(1-p)^2 for a
 * loss of p (the expected number of transmissions both ways, as ETX: De Couto et al., MobiCom 2003), times the configured
 * factor, plus the configured bias. It is told again only when it has been off by more than a quarter for 10 s: this is the
 * only damping there is. */
#ifndef SL_LIVENESS_H
#define SL_LIVENESS_H
#include "link_wire.h"
#include "loop.h"

enum sl_link_mode { SL_LINK_IDLE, SL_LINK_WARM, SL_LINK_HOT };

typedef struct sl_liveness {
    enum sl_link_mode mode;
    slow_time heard_at, sent_at, probed_at;
    uint32_t keep_ms;    /* the interval that we keep */
    uint32_t told_ms;    /* the one that we tell: longer than keep_ms until it is acknowledged */
    uint32_t told_stamp; /* of the first probe that told it; 0 = not told yet */
    uint32_t peer_keep_ms, peer_want_ms;
    uint32_t echo;     /* the peer's last stamp; 0 = none */
    slow_time echo_at; /* when it came */
    bool granted;      /* one more interval, because our own loop was late */
    bool probe_now;
    /* round trip */
    uint64_t srtt_ns;     /* 0 = unknown */
    uint64_t least_ns[2]; /* of this window of 10 s, and of the one before; 0 = none */
    slow_time window_at;
    /* loss, from gaps in the numbers of arriving frames */
    uint64_t first_number, highest_number, arrived;
    uint32_t loss_ppm;
    bool guess; /* what the opening measured is an upper bound: the first probe's figure replaces it, at once */
    /* cost */
    uint32_t factor_ppm, bias;
    uint32_t told_cost;
    bool retell_now;
    slow_time off_since; /* 0 = the told cost is near enough */
} sl_liveness;

/* `rtt_ns`: measured by the opening. `guess`: it may be too long, because a frame had to be repeated. It is never too
 * short: a cost that begins too low and rises would cost a distance vector its feasible alternates. */
void sl_liveness_init(sl_liveness *, slow_time now, uint64_t rtt_ns, bool guess, uint32_t factor_ppm, uint32_t bias);
/* It takes the place of another link between the same two: what was measured of the way holds on, and so does the cost. */
void sl_liveness_inherit(sl_liveness *, const sl_liveness *old);
void sl_liveness_set_mode(sl_liveness *, enum sl_link_mode, slow_time now);
void sl_liveness_sent(sl_liveness *, slow_time now);                   /* a frame went out */
void sl_liveness_heard(sl_liveness *, slow_time now, uint64_t number); /* an authentic frame came; 0 = a stream's */
void sl_liveness_take(sl_liveness *, const sl_probe *, slow_time now); /* a probe came */
void sl_liveness_make(sl_liveness *, sl_probe *, slow_time now);       /* a probe is about to go out */
bool sl_liveness_probe_due(const sl_liveness *, slow_time now);
/* True when the silence has been too long. `scheduled`: for when this look was asked; a late one grants an interval. */
bool sl_liveness_dead(sl_liveness *, slow_time now, slow_time scheduled);
slow_time sl_liveness_deadline(const sl_liveness *); /* until when something has to be heard */
slow_time sl_liveness_next(const sl_liveness *);     /* when to look again */
uint32_t sl_liveness_cost(const sl_liveness *);      /* measured now */
/* True when the cost told has to be told anew; it is then in told_cost. */
bool sl_liveness_retell(sl_liveness *, slow_time now);
#endif
