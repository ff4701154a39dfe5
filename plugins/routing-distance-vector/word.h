/* word.h - what one junction says of a destination: (epoch, seq) and a metric, and how two of them compare.
 *
 * The epoch is given by the origin's start and the sequence number by the origin alone; everybody compares the two as
 * one number, called a stamp here. A word is a stamp with the metric of whoever says it. Feasibility (rule 1) is a
 * comparison of two words, and it is the whole of the loop freedom: see RFC 8966 section 2.4, and Garcia-Luna-Aceves,
 * "Loop-free routing using diffusing computations" (1993), whose feasible distance this is. */
#ifndef DV_WORD_H
#define DV_WORD_H
#include <slow/routing.h>

struct dv_stamp {
    uint64_t epoch;
    uint32_t seq;
};

struct dv_word {
    struct dv_stamp stamp;
    uint32_t metric; /* SLOW_METRIC_INFINITY: a retraction, whose stamp means nothing */
};

#define DV_RETRACTION ((struct dv_word){.metric = SLOW_METRIC_INFINITY})

/* Epochs are milliseconds since 1970; a larger one than this is no clock's, and is refused. We never make one
 * ourselves, though a liar shows us the largest: the neighbours would refuse the whole message. */
#define DV_EPOCH_MAX (UINT64_C(1) << 62)

/* Less than, equal to or greater than 0, as memcmp() says it. */
static inline int dv_stamp_compare(struct dv_stamp a, struct dv_stamp b) {
    if (a.epoch != b.epoch)
        return a.epoch < b.epoch ? -1 : 1;
    return a.seq == b.seq ? 0 : a.seq < b.seq ? -1 : 1;
}

/* The next larger one: a sequence number that runs out carries into the epoch. The largest is followed by itself. */
static inline struct dv_stamp dv_stamp_next(struct dv_stamp stamp) {
    if (stamp.seq == UINT32_MAX && stamp.epoch >= DV_EPOCH_MAX)
        return stamp;
    if (stamp.seq == UINT32_MAX)
        return (struct dv_stamp){stamp.epoch + 1, 1};
    return (struct dv_stamp){stamp.epoch, stamp.seq + 1};
}

static inline bool dv_finite(struct dv_word word) {
    return word.metric != SLOW_METRIC_INFINITY;
}

/* Rule 1: may a finite `word` be followed by one whose feasibility distance is `fd`? An fd of {0, 0, infinity} stands
 * for none, and is followed by anything. */
static inline bool dv_nearer(struct dv_word word, struct dv_word fd) {
    int order = dv_stamp_compare(word.stamp, fd.stamp);
    return order > 0 || (order == 0 && word.metric < fd.metric);
}
#endif
