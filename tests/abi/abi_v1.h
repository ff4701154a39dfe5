/* abi_v1.h - the plugin ABI, major 1, as the compiler sees it: every size, offset, type, signature and number.
 *
 * A plugin that was compiled last year meets a host that is compiled today, and nothing but these figures holds the two
 * together. So they are written down a second time, here, and compared at compile time in C11 and in C++11: a build that
 * breaks the ABI does not build. No line of this file is ever changed within major 1. When a member is appended to a
 * table, a line is appended to its block and its SIZE grows (and SLOW_ABI_MINOR with it); its place is not below the SIZE that
 * was, or it would lie in what an older table has as padding. A FROZEN struct stands in arrays
 * or on the stack of the other side: it may not grow either; it has reserved members for that, and the one line that does
 * change is theirs, when one of them gets a name.
 *
 * Sizes are those of 64-bit systems (LP64); elsewhere only types and numbers are compared. */
#ifndef ABI_V1_H
#define ABI_V1_H
#include <slow/codec.h>
#include <slow/inspect.h>
#include <slow/limits.h>
#include <slow/package.h>
#include <slow/packet.h>
#include <slow/plugin.h>
#include <slow/routing.h>
#include <slow/security.h>
#include <slow/transport.h>
#include <slow/wire.h>
#include "holds.h"

/* clang-format off: one member a line, however long */

/* ---- slow/base.h ---- */
NUMBER(SLOW_ABI_MAJOR, 1)
NUMBER(SLOW_OK, 0)
NUMBER(SLOW_E_FAIL, -1)
NUMBER(SLOW_E_NOMEM, -2)
NUMBER(SLOW_E_INVAL, -3)
NUMBER(SLOW_E_UNSUPPORTED, -4)
NUMBER(SLOW_E_NOSPACE, -5)
NUMBER(SLOW_E_MALFORMED, -6)
NUMBER(SLOW_E_AGAIN, -7)
NUMBER(SLOW_E_CLOSED, -8)
NUMBER(SLOW_E_RESTART, -9)
NUMBER(SLOW_E_AUTH, -10)
NUMBER(SLOW_E_NOROUTE, -11)
NUMBER(SLOW_E_TOOBIG, -12)
NUMBER(SLOW_E_TIMEOUT, -13)
NUMBER(SLOW_ADDRESS_SIZE, 128)
NUMBER(SLOW_ID_MAX, 63)
HOLDS(sizeof(slow_status) == 4, "the size of slow_status")
HOLDS(sizeof(slow_time) == 8, "the size of slow_time")
HOLDS(sizeof(slow_link) == 4, "the size of slow_link")

FROZEN(slow_error, 324)
MEMBER(slow_error, 0, code, int32_t)
ARRAY(slow_error, 4, where, 96, char)
ARRAY(slow_error, 100, text, 224, char)

FROZEN(slow_bytes, 16)
MEMBER(slow_bytes, 0, data, const uint8_t *)
MEMBER(slow_bytes, 8, size, size_t)

FROZEN(slow_slice, 16)
MEMBER(slow_slice, 0, data, uint8_t *)
MEMBER(slow_slice, 8, size, uint32_t)
MEMBER(slow_slice, 12, flags, uint32_t)

FROZEN(slow_id, 64)
MEMBER(slow_id, 0, size, uint8_t)
ARRAY(slow_id, 1, text, 63, char)

/* ---- slow/package.h ---- */
NUMBER(SLOW_JSON, 1)
NUMBER(SLOW_BINARY, 2)
NUMBER(SLOW_CONTROL, 3)
NUMBER(SLOW_SEALED, 4)
NUMBER(SLOW_RELIABLE, 1)
NUMBER(SLOW_ORDERED, 2)
NUMBER(SLOW_LATEST, 4)
NUMBER(SLOW_TRACED, 8)
NUMBER(SLOW_PAYLOAD_MAX, 1024)
NUMBER(SLOW_SEAL_ROOM, 64)
NUMBER(SLOW_HINT_MAX, 64)
NUMBER(SLOW_CHANNELS, 64)
NUMBER(SLOW_NUMBER_MAX, 9007199254740991)
NUMBER(SLOW_KIND_APPLICATION, 0x8000)

SIZE(slow_package, 112)
MEMBER(slow_package, 0, struct_size, uint32_t)
MEMBER(slow_package, 4, type, uint8_t)
MEMBER(slow_package, 5, priority, uint8_t)
MEMBER(slow_package, 6, hop_limit, uint8_t)
MEMBER(slow_package, 7, hops, uint8_t)
MEMBER(slow_package, 8, flags, uint16_t)
MEMBER(slow_package, 10, kind, uint16_t)
MEMBER(slow_package, 12, channel, uint8_t)
MEMBER(slow_package, 16, src, slow_bytes)
MEMBER(slow_package, 32, dst, slow_bytes)
MEMBER(slow_package, 48, session, uint64_t)
MEMBER(slow_package, 56, packet, uint64_t)
MEMBER(slow_package, 64, message, uint64_t)
MEMBER(slow_package, 72, offset, uint32_t)
MEMBER(slow_package, 76, total, uint32_t)
MEMBER(slow_package, 80, hint, slow_bytes)
MEMBER(slow_package, 96, payload, slow_bytes)

FROZEN(slow_span, 4)
MEMBER(slow_span, 0, at, uint16_t)
MEMBER(slow_span, 2, size, uint16_t)

FROZEN(slow_route_view, 48)
MEMBER(slow_route_view, 0, dst, slow_span)
MEMBER(slow_route_view, 4, src, slow_span)
MEMBER(slow_route_view, 8, hint, slow_span)
MEMBER(slow_route_view, 12, patch, uint32_t)
MEMBER(slow_route_view, 16, type, uint8_t)
MEMBER(slow_route_view, 17, priority, uint8_t)
MEMBER(slow_route_view, 18, hop_limit, uint8_t)
MEMBER(slow_route_view, 19, hops, uint8_t)
MEMBER(slow_route_view, 20, flags, uint16_t)
MEMBER(slow_route_view, 22, reserved, uint16_t)
MEMBER(slow_route_view, 24, session, uint64_t)
MEMBER(slow_route_view, 32, packet, uint64_t)
MEMBER(slow_route_view, 40, reserved_more, uint64_t)

/* ---- slow/packet.h ---- */
NUMBER(SLOW_PACKET_HEADROOM, 64)

FROZEN(slow_packet, 24)
MEMBER(slow_packet, 0, base, uint8_t *)
MEMBER(slow_packet, 8, capacity, uint32_t)
MEMBER(slow_packet, 12, offset, uint32_t)
MEMBER(slow_packet, 16, size, uint32_t)
MEMBER(slow_packet, 20, segment, uint32_t)
SIGNATURE(slow_packet_data, uint8_t *(*)(const slow_packet *))

/* ---- slow/plugin.h ---- */
NUMBER(SLOW_LOG_ERROR, 0)
NUMBER(SLOW_LOG_WARN, 1)
NUMBER(SLOW_LOG_INFO, 2)
NUMBER(SLOW_LOG_DEBUG, 3)
NUMBER(SLOW_TRANSPORT, 1)
NUMBER(SLOW_ROUTING, 2)
NUMBER(SLOW_CODEC, 3)
NUMBER(SLOW_SECURITY, 4)
NUMBER(SLOW_OPT_BOOL, 1)
NUMBER(SLOW_OPT_INT, 2)
NUMBER(SLOW_OPT_DURATION, 3)
NUMBER(SLOW_OPT_STRING, 4)
NUMBER(SLOW_OPT_ENUM, 5)
NUMBER(SLOW_OPT_REQUIRED, 1)
NUMBER(SLOW_OPT_RELOADABLE, 2)
NUMBER(SLOW_OPT_SECRET_FILE, 4)

SIZE(slow_host, 136)
MEMBER(slow_host, 0, struct_size, uint32_t)
MEMBER(slow_host, 4, abi_major, uint16_t)
MEMBER(slow_host, 6, abi_minor, uint16_t)
MEMBER(slow_host, 8, host_data, void *)
MEMBER(slow_host, 16, now, slow_time (*)(const slow_host *))
MEMBER(slow_host, 24, random, uint64_t (*)(const slow_host *))
MEMBER(slow_host, 32, log, void (*)(const slow_host *, int, const char *))
MEMBER(slow_host, 40, timer_new, slow_timer *(*)(const slow_host *, void (*)(void *), void *))
MEMBER(slow_host, 48, timer_at, void (*)(slow_timer *, slow_time))
MEMBER(slow_host, 56, timer_stop, void (*)(slow_timer *))
MEMBER(slow_host, 64, timer_free, void (*)(slow_timer *))
MEMBER(slow_host, 72, packet_new, slow_packet *(*)(const slow_host *, uint32_t))
MEMBER(slow_host, 80, packet_ref, slow_packet *(*)(slow_packet *))
MEMBER(slow_host, 88, packet_drop, void (*)(slow_packet *))
MEMBER(slow_host, 96, packet_own, slow_packet *(*)(slow_packet *))
MEMBER(slow_host, 104, post, slow_status (*)(const slow_host *, void (*)(void *), void *))
MEMBER(slow_host, 112, defer, slow_status (*)(const slow_host *, void (*)(void *), void *))
MEMBER(slow_host, 120, entropy, void (*)(const slow_host *, void *, size_t))
MEMBER(slow_host, 128, service, const void *(*)(const slow_host *, const char *))

FROZEN(slow_option, 80)
MEMBER(slow_option, 0, key, const char *)
MEMBER(slow_option, 8, type, uint32_t)
MEMBER(slow_option, 12, flags, uint32_t)
MEMBER(slow_option, 16, offset, size_t)
MEMBER(slow_option, 24, default_text, const char *)
MEMBER(slow_option, 32, min, int64_t)
MEMBER(slow_option, 40, max, int64_t)
MEMBER(slow_option, 48, choices, const char *const *)
MEMBER(slow_option, 56, help, const char *)
ARRAY(slow_option, 64, reserved, 16, uint64_t)

SIZE(slow_plugin, 120)
MEMBER(slow_plugin, 0, struct_size, uint32_t)
MEMBER(slow_plugin, 4, kind, uint32_t)
MEMBER(slow_plugin, 8, id, const char *)
MEMBER(slow_plugin, 16, version, const char *)
MEMBER(slow_plugin, 24, summary, const char *)
MEMBER(slow_plugin, 32, license, const char *)
MEMBER(slow_plugin, 40, options, const slow_option *)
MEMBER(slow_plugin, 48, config_size, size_t)
MEMBER(slow_plugin, 56, create, slow_status (*)(const slow_host *, const void *, void **, slow_error *))
MEMBER(slow_plugin, 64, start, slow_status (*)(void *, slow_error *))
MEMBER(slow_plugin, 72, reconfigure, slow_status (*)(void *, const void *, slow_error *))
MEMBER(slow_plugin, 80, leave, void (*)(void *))
MEMBER(slow_plugin, 88, stop, void (*)(void *))
MEMBER(slow_plugin, 96, destroy, void (*)(void *))
MEMBER(slow_plugin, 104, extension, const void *(*)(void *, const char *))
MEMBER(slow_plugin, 112, ops, const void *)

SIZE(slow_module, 24)
MEMBER(slow_module, 0, struct_size, uint32_t)
MEMBER(slow_module, 4, abi_major, uint16_t)
MEMBER(slow_module, 6, abi_minor_required, uint16_t)
MEMBER(slow_module, 8, build, const char *)
MEMBER(slow_module, 16, plugins, const slow_plugin *const *)

/* The entry: its name is the major version. */
#ifdef __cplusplus
HOLDS((std::is_same<slow_module_fn, const slow_module *(*)(void)>::value), "the type of the entry")
#else
HOLDS(_Generic((slow_module_fn)0, const slow_module *(*)(void) : 1, default : 0), "the type of the entry")
#endif

/* ---- slow/routing.h ---- */
NUMBER(SLOW_METRIC_INFINITY, 0xffffffff)
NUMBER(SLOW_ROUTE_MESSAGE_MAX, 1000)
NUMBER(SLOW_EPOCH_AHEAD_MS, 86400000)
TEXT(SLOW_ROUTING_HOST_ID, "slow.routing-host/1")

FROZEN(slow_neighbour, 104)
MEMBER(slow_neighbour, 0, link, slow_link)
MEMBER(slow_neighbour, 4, cost, uint32_t)
MEMBER(slow_neighbour, 8, rtt, uint64_t)
MEMBER(slow_neighbour, 16, loss, uint32_t)
MEMBER(slow_neighbour, 20, mtu, uint32_t)
MEMBER(slow_neighbour, 24, id, slow_id)
MEMBER(slow_neighbour, 88, flags, uint64_t)
ARRAY(slow_neighbour, 96, reserved, 8, uint64_t)
NUMBER(SLOW_NEIGHBOUR_LEAF, 1)

FROZEN(slow_route, 24)
MEMBER(slow_route, 0, via, slow_link)
MEMBER(slow_route, 4, metric, uint32_t)
ARRAY(slow_route, 8, reserved, 16, uint64_t)

SIZE(slow_routing_host, 72)
MEMBER(slow_routing_host, 0, struct_size, uint32_t)
MEMBER(slow_routing_host, 8, self, const slow_id *(*)(const slow_host *))
MEMBER(slow_routing_host, 16, epoch, uint64_t (*)(const slow_host *))
MEMBER(slow_routing_host, 24, send, slow_status (*)(const slow_host *, slow_link, slow_bytes))
MEMBER(slow_routing_host, 32, offer, slow_status (*)(const slow_host *, const slow_id *, const slow_route *, size_t))
MEMBER(slow_routing_host, 40, sign, slow_status (*)(const slow_host *, slow_bytes, slow_bytes *))
MEMBER(slow_routing_host, 48, verify, bool (*)(const slow_host *, const slow_id *, uint64_t, slow_bytes, slow_bytes))
MEMBER(slow_routing_host, 56, is_leaf, bool (*)(const slow_host *))
MEMBER(slow_routing_host, 64, say_again, void (*)(const slow_host *, slow_link))

SIZE(slow_routing_ops, 72)
MEMBER(slow_routing_ops, 0, struct_size, uint32_t)
MEMBER(slow_routing_ops, 8, protocol, const char *)
MEMBER(slow_routing_ops, 16, neighbour_up, void (*)(void *, const slow_neighbour *))
MEMBER(slow_routing_ops, 24, neighbour_changed, void (*)(void *, const slow_neighbour *))
MEMBER(slow_routing_ops, 32, neighbour_down, void (*)(void *, slow_link))
MEMBER(slow_routing_ops, 40, message, slow_status (*)(void *, slow_link, slow_bytes))
MEMBER(slow_routing_ops, 48, choose,
       size_t (*)(void *, slow_bytes, const slow_route_view *, slow_link, slow_link *, size_t))
MEMBER(slow_routing_ops, 56, hint, size_t (*)(void *, const slow_id *, uint8_t *, size_t))
MEMBER(slow_routing_ops, 64, trust_changed, void (*)(void *))

/* ---- slow/codec.h ---- */

SIZE(slow_arena, 16)
MEMBER(slow_arena, 0, struct_size, uint32_t)
MEMBER(slow_arena, 8, alloc, void *(*)(struct slow_arena *, size_t))
SIGNATURE(slow_package_copy, void (*)(slow_package *, const slow_package *))

SIZE(slow_codec_ops, 56)
MEMBER(slow_codec_ops, 0, struct_size, uint32_t)
MEMBER(slow_codec_ops, 8, name, const char *)
MEMBER(slow_codec_ops, 16, media_type, const char *)
MEMBER(slow_codec_ops, 24, encode, slow_status (*)(void *, const slow_package *, uint8_t *, size_t, size_t *))
MEMBER(slow_codec_ops, 32, decode, slow_status (*)(void *, slow_bytes, slow_arena *, slow_package *))
MEMBER(slow_codec_ops, 40, peek, slow_status (*)(void *, slow_bytes, slow_route_view *))
MEMBER(slow_codec_ops, 48, advance, void (*)(void *, uint8_t *, size_t, const slow_route_view *))

/* ---- slow/transport.h ---- */
NUMBER(SLOW_FRAME_FLOOR, 2048)
NUMBER(SLOW_IO_READ, 1)
NUMBER(SLOW_IO_WRITE, 2)
NUMBER(SLOW_LINK_STREAM, 1)
NUMBER(SLOW_LINK_INBOUND, 2)
NUMBER(SLOW_LINK_LOCAL, 4)
TEXT(SLOW_IO_ID, "slow.io/1")
TEXT(SLOW_RESOLVE_ID, "slow.resolve/1")
TEXT(SLOW_TRANSPORT_HOST_ID, "slow.transport-host/1")

SIZE(slow_io, 32)
MEMBER(slow_io, 0, struct_size, uint32_t)
MEMBER(slow_io, 8, watch, slow_watch *(*)(const slow_host *, int, unsigned, void (*)(void *, int, unsigned), void *))
MEMBER(slow_io, 16, modify, slow_status (*)(slow_watch *, unsigned))
MEMBER(slow_io, 24, unwatch, void (*)(slow_watch *))

SIZE(slow_resolve, 24)
MEMBER(slow_resolve, 0, struct_size, uint32_t)
MEMBER(slow_resolve, 8, start,
       void *(*)(const slow_host *, const char *, uint16_t,
                 void (*)(void *, const slow_bytes *, size_t, const slow_error *), void *))
MEMBER(slow_resolve, 16, cancel, void (*)(void *))

SIZE(slow_link_info, 40)
MEMBER(slow_link_info, 0, struct_size, uint32_t)
MEMBER(slow_link_info, 8, dial, uint64_t)
MEMBER(slow_link_info, 16, local, const char *)
MEMBER(slow_link_info, 24, remote, const char *)
MEMBER(slow_link_info, 32, mtu, uint32_t)
MEMBER(slow_link_info, 36, flags, uint32_t)

SIZE(slow_transport_host, 64)
MEMBER(slow_transport_host, 0, struct_size, uint32_t)
MEMBER(slow_transport_host, 8, link_up, slow_link (*)(const slow_host *, void *, const slow_link_info *))
MEMBER(slow_transport_host, 16, link_down, void (*)(const slow_host *, slow_link, slow_status))
MEMBER(slow_transport_host, 24, receive, slow_status (*)(const slow_host *, slow_link, slow_slice *, size_t))
MEMBER(slow_transport_host, 32, writable, void (*)(const slow_host *, slow_link))
MEMBER(slow_transport_host, 40, link_changed, void (*)(const slow_host *, slow_link, const slow_link_info *))
MEMBER(slow_transport_host, 48, dial_failed, void (*)(const slow_host *, uint64_t, const slow_error *))
MEMBER(slow_transport_host, 56, discovered, void (*)(const slow_host *, const char *))

SIZE(slow_transport_ops, 88)
MEMBER(slow_transport_ops, 0, struct_size, uint32_t)
MEMBER(slow_transport_ops, 8, scheme, const char *)
MEMBER(slow_transport_ops, 16, max_segments, uint32_t)
MEMBER(slow_transport_ops, 24, check, slow_status (*)(const char *, bool, uint32_t *, slow_error *))
MEMBER(slow_transport_ops, 32, listen, slow_status (*)(void *, const char *, char *, slow_error *))
MEMBER(slow_transport_ops, 40, unlisten, void (*)(void *, const char *))
MEMBER(slow_transport_ops, 48, connect, slow_status (*)(void *, uint64_t, const char *, slow_error *))
MEMBER(slow_transport_ops, 56, cancel, void (*)(void *, uint64_t))
MEMBER(slow_transport_ops, 64, send, slow_status (*)(void *, void *, slow_packet *const *, size_t, size_t *))
MEMBER(slow_transport_ops, 72, flush, void (*)(void *))
MEMBER(slow_transport_ops, 80, close, void (*)(void *, void *))

/* ---- slow/security.h ---- */

SIZE(slow_security_ops, 64)
MEMBER(slow_security_ops, 0, struct_size, uint32_t)
MEMBER(slow_security_ops, 4, tag_size, uint32_t)
MEMBER(slow_security_ops, 8, static_key, slow_bytes (*)(void *))
MEMBER(slow_security_ops, 16, open, slow_status (*)(void *, bool, slow_bytes, slow_session **, slow_error *))
MEMBER(slow_security_ops, 24, read, slow_status (*)(slow_session *, slow_bytes, slow_bytes *, slow_bytes *, bool *))
MEMBER(slow_security_ops, 32, write, slow_status (*)(slow_session *, slow_bytes, uint8_t *, size_t, size_t *, bool *))
MEMBER(slow_security_ops, 40, seal, void (*)(slow_session *, uint64_t, slow_bytes, uint8_t *, size_t, uint8_t *))
MEMBER(slow_security_ops, 48, unseal,
       slow_status (*)(slow_session *, uint64_t, slow_bytes, uint8_t *, size_t, const uint8_t *))
MEMBER(slow_security_ops, 56, close, void (*)(slow_session *))

/* ---- slow/inspect.h ---- */
TEXT(SLOW_ROUTING_INSPECT_ID, "slow.routing-inspect/1")

SIZE(slow_routing_inspect, 56)
MEMBER(slow_routing_inspect, 0, struct_size, uint32_t)
MEMBER(slow_routing_inspect, 8, memory, size_t (*)(const void *))
MEMBER(slow_routing_inspect, 16, destinations, size_t (*)(const void *))
MEMBER(slow_routing_inspect, 24, pending, size_t (*)(const void *))
MEMBER(slow_routing_inspect, 32, entries, uint64_t (*)(const void *))
MEMBER(slow_routing_inspect, 40, requests, uint64_t (*)(const void *))
MEMBER(slow_routing_inspect, 48, promises, uint64_t)

NUMBER(SLOW_PROMISE_LOOP_FREE, 1)
NUMBER(SLOW_PROMISE_LEAST_COST, 2)

/* ---- slow/limits.h ---- */

SIGNATURE(slow_limits_character, size_t (*)(const uint8_t *, size_t))
SIGNATURE(slow_limits_odd, uint64_t (*)(uint64_t))
SIGNATURE(slow_limits_load, uint64_t (*)(const uint8_t *, size_t))
SIGNATURE(slow_limits_id, bool (*)(slow_bytes))
SIGNATURE(slow_limits_routing, bool (*)(const slow_package *))
SIGNATURE(slow_limits_message, bool (*)(const slow_package *))

/* ---- slow/wire.h ---- */

FROZEN(slow_reader, 24)
MEMBER(slow_reader, 0, at, const uint8_t *)
MEMBER(slow_reader, 8, end, const uint8_t *)
MEMBER(slow_reader, 16, failed, bool)

FROZEN(slow_writer, 32)
MEMBER(slow_writer, 0, start, uint8_t *)
MEMBER(slow_writer, 8, at, uint8_t *)
MEMBER(slow_writer, 16, end, uint8_t *)
MEMBER(slow_writer, 24, failed, bool)

SIGNATURE(slow_reader_of, slow_reader (*)(slow_bytes))
SIGNATURE(slow_reader_left, size_t (*)(const slow_reader *))
SIGNATURE(slow_reader_ok, bool (*)(const slow_reader *))
SIGNATURE(slow_read_bytes, const uint8_t *(*)(slow_reader *, size_t))
SIGNATURE(slow_read_uint, uint64_t (*)(slow_reader *, size_t))
SIGNATURE(slow_read_u8, uint8_t (*)(slow_reader *))
SIGNATURE(slow_read_u16, uint16_t (*)(slow_reader *))
SIGNATURE(slow_read_u32, uint32_t (*)(slow_reader *))
SIGNATURE(slow_read_u64, uint64_t (*)(slow_reader *))
SIGNATURE(slow_read_varint, uint64_t (*)(slow_reader *))
SIGNATURE(slow_read_short, slow_bytes (*)(slow_reader *))
SIGNATURE(slow_writer_of, slow_writer (*)(uint8_t *, size_t))
SIGNATURE(slow_writer_size, size_t (*)(const slow_writer *))
SIGNATURE(slow_writer_ok, bool (*)(const slow_writer *))
SIGNATURE(slow_write_room, uint8_t *(*)(slow_writer *, size_t))
SIGNATURE(slow_write_bytes, void (*)(slow_writer *, const void *, size_t))
SIGNATURE(slow_write_uint, void (*)(slow_writer *, uint64_t, size_t))
SIGNATURE(slow_write_u8, void (*)(slow_writer *, uint8_t))
SIGNATURE(slow_write_u16, void (*)(slow_writer *, uint16_t))
SIGNATURE(slow_write_u32, void (*)(slow_writer *, uint32_t))
SIGNATURE(slow_write_u64, void (*)(slow_writer *, uint64_t))
SIGNATURE(slow_varint_size, size_t (*)(uint64_t))
SIGNATURE(slow_write_varint, void (*)(slow_writer *, uint64_t))
SIGNATURE(slow_write_short, void (*)(slow_writer *, const void *, size_t))

/* clang-format on */
#endif
