/* holds.h - what abi_v1.h and api_v1.h are written with: a line for each size, place, type, number and signature, held at compile time
 * in C11 and in C++11. Layouts are those of 64-bit systems (LP64); elsewhere only types and numbers are compared. */
#ifndef HOLDS_H
#define HOLDS_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
#include <type_traits>
#define HOLDS(condition, text) static_assert(condition, text);
#define HAS_TYPE(table, member, ...) std::is_same<decltype(table::member), __VA_ARGS__>::value
#define HAS_ELEMENT(table, member, element) \
    std::is_same<std::remove_extent<decltype(table::member)>::type, element>::value
#else
#define HOLDS(condition, text) _Static_assert(condition, text);
#define HAS_TYPE(table, member, ...) _Generic(((table *)0)->member, __VA_ARGS__ : 1, default : 0)
#define HAS_ELEMENT(table, member, element) _Generic(((table *)0)->member, element * : 1, default : 0)
#endif

#if UINTPTR_MAX == UINT64_MAX
#define LAYOUT(condition, text) HOLDS(condition, text)
#else
#define LAYOUT(condition, text)
#endif

#define SIZE(table, size) LAYOUT(sizeof(table) == (size), "the size of " #table)
#define FROZEN(table, size) SIZE(table, size)
#define MEMBER(table, offset, member, ...)                                          \
    LAYOUT(offsetof(table, member) == (offset), "the place of " #table "." #member) \
    HOLDS(HAS_TYPE(table, member, __VA_ARGS__), "the type of " #table "." #member)
#define ARRAY(table, offset, member, size, element)                                  \
    LAYOUT(offsetof(table, member) == (offset), "the place of " #table "." #member)  \
    HOLDS(sizeof(((table *)0)->member) == (size), "the size of " #table "." #member) \
    HOLDS(HAS_ELEMENT(table, member, element), "the type of " #table "." #member)
#define ROWS(table, offset, member, size, row)                                       \
    LAYOUT(offsetof(table, member) == (offset), "the place of " #table "." #member)  \
    HOLDS(sizeof(((table *)0)->member) == (size), "the size of " #table "." #member) \
    HOLDS(sizeof(((table *)0)->member[0]) == (row), "the size of a row of " #table "." #member)
#define NUMBER(name, value) HOLDS((name) == (value), "the value of " #name)
#define TEXT(name, value) HOLDS(__builtin_strcmp(name, value) == 0, "the value of " #name)
#ifdef __cplusplus
#define SIGNATURE(function, ...) \
    HOLDS((std::is_same<decltype(&function), __VA_ARGS__>::value), "the type of " #function)
#else
#define SIGNATURE(function, ...) HOLDS(_Generic(&function, __VA_ARGS__ : 1, default : 0), "the type of " #function)
#endif
#endif
