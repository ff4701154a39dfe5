/* What the kernel did not take of a frame is lost, and the next begins in its place. */
#include "right_transport.h"

static slow_status send_packets(void *self, void *cookie, slow_packet *const *packets, size_t n, size_t *taken) {
    right_link *link = cookie;
    slow_status status = right_send(self, cookie, packets, n, taken);
    link->transport->host->packet_drop(link->cut);
    link->cut = NULL;
    link->cut_at = 0;
    return status;
}

RIGHT_TRANSPORT(transport_drops_tail, "transport-drops-tail", right_connect, right_cancel, send_packets, right_close)
