#include "channel.h"
#include <stdlib.h>
#include <string.h>

static const slow_time RESEND_LEAST = 20 * SL_MS, RESEND_MOST = SL_SECOND;

void sl_channel_init(sl_channel *channel, uint8_t epoch) {
    *channel = (sl_channel){.epoch = epoch, .wanted = 1};
    channel->end = &channel->first;
}

void sl_channel_free(sl_channel *channel) {
    while (channel->first != NULL) {
        sl_channel_message *message = channel->first;
        channel->first = message->next;
        free(message);
    }
    channel->end = &channel->first;
    channel->cursor = NULL;
}

slow_status sl_channel_push(sl_channel *channel, slow_bytes bytes) {
    if (channel->bytes + bytes.size > SL_CHANNEL_BYTES)
        return SLOW_E_NOSPACE;
    sl_channel_message *message = malloc(sizeof *message + bytes.size);
    if (message == NULL)
        return SLOW_E_NOSPACE;
    *message = (sl_channel_message){.seq = ++channel->last_seq, .size = (uint32_t)bytes.size};
    if (bytes.size > 0)
        memcpy(message->bytes, bytes.data, bytes.size);
    *channel->end = message;
    channel->end = &message->next;
    if (channel->cursor == NULL)
        channel->cursor = message;
    channel->bytes += sizeof *message + bytes.size;
    return SLOW_OK;
}

static slow_time resend_after(const sl_channel *channel, uint64_t srtt_ns) {
    slow_time wait = 2 * srtt_ns > RESEND_LEAST ? 2 * srtt_ns : RESEND_LEAST;
    wait <<= channel->backoff < 8 ? channel->backoff : 8;
    return wait < RESEND_MOST ? wait : RESEND_MOST;
}

const sl_channel_message *sl_channel_next(sl_channel *channel, slow_time now, uint64_t srtt_ns, bool stream) {
    sl_channel_message *message = channel->cursor;
    if (message == NULL || channel->flight >= SL_CHANNEL_FLIGHT)
        return NULL;
    channel->cursor = message->next;
    channel->flight++;
    channel->resend_at = stream ? 0 : now + resend_after(channel, srtt_ns);
    return message;
}

void sl_channel_rewind(sl_channel *channel) {
    channel->cursor = channel->first;
    channel->flight = 0;
    channel->resend_at = 0;
}

void sl_channel_tick(sl_channel *channel, slow_time now) {
    if (channel->resend_at == 0 || now < channel->resend_at)
        return;
    channel->backoff++;
    channel->rewound_at = now;
    sl_channel_rewind(channel);
}

enum sl_channel_verdict sl_channel_receive(sl_channel *channel, uint8_t epoch, uint32_t seq) {
    if (sl_epoch_newer(epoch, channel->epoch))
        return SL_CHANNEL_NEWER;
    channel->ack_due = true;
    if (epoch != channel->epoch || seq != channel->wanted)
        return SL_CHANNEL_DROP;
    channel->wanted++;
    return SL_CHANNEL_TAKE;
}

enum sl_channel_verdict sl_channel_acked(sl_channel *channel, uint8_t epoch, uint32_t next, slow_time now,
                                         uint64_t srtt_ns) {
    if (sl_epoch_newer(epoch, channel->epoch))
        return SL_CHANNEL_NEWER;
    if (epoch != channel->epoch || next > channel->last_seq + 1)
        return SL_CHANNEL_DROP;
    bool news = false;
    while (channel->first != NULL && channel->first->seq < next) {
        sl_channel_message *message = channel->first;
        if (channel->cursor == message) /* acknowledged late, after a rewind */
            channel->cursor = message->next;
        else
            channel->flight--;
        channel->first = message->next;
        channel->bytes -= sizeof *message + message->size;
        free(message);
        news = true;
    }
    if (channel->first == NULL) {
        channel->end = &channel->first;
        channel->flight = 0;
    }
    if (news) {
        channel->backoff = 0;
        channel->resend_at = channel->flight == 0 || channel->resend_at == 0 ? 0 : now + resend_after(channel, srtt_ns);
    } else if (channel->flight > 0 && channel->resend_at != 0 &&
               now - channel->rewound_at >= (srtt_ns > 0 ? srtt_ns : RESEND_LEAST)) {
        channel->rewound_at = now; /* the first such acknowledgement of a round trip: something was lost */
        sl_channel_rewind(channel);
    }
    return SL_CHANNEL_DROP;
}
