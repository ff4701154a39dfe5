/* jsontext.h - JSON text, checked once and then read in place. See jsontext.c. */
#ifndef JSONTEXT_H
#define JSONTEXT_H
#include <slow/codec.h>
#include <slow/wire.h>

#define JSONTEXT_DEPTH_MAX 64u /* arrays and objects, one in the other */

/* One JSON value (RFC 8259), with white space around it or not, nested `depth` deep at most, no key twice in an
 * object. */
bool jsontext_is_valid(slow_bytes text, unsigned depth);

/* ---- what follows wants text that jsontext_is_valid() has passed: other text is misread, but does no harm ---- */

/* The next member of the object that `object` reads, from its start on; false at its end, or if it is no object. `key`
 * is without its quotes, `value` without the white space around it; both are as they were written, escapes and all. */
bool jsontext_member(slow_reader *object, slow_bytes *key, slow_bytes *value);

/* A number of digits alone, 0..max. */
bool jsontext_uint(slow_bytes value, uint64_t max, uint64_t *out);

/* The bytes of a string: in the text where it has no escapes, else in the arena. */
slow_status jsontext_string(slow_bytes value, slow_arena *arena, slow_bytes *out);
#endif
