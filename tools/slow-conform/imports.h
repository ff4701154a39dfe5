/* imports.h - which symbols of others a plugin of each kind may use. See imports.c. */
#ifndef IMPORTS_H
#define IMPORTS_H
#include <stdbool.h>

/* Computes, allocates, or formats: the same for the same arguments, and seen by nobody. */
bool import_is_pure(const char *symbol);
/* Of a sanitizer, the compiler or the linker: asked for by no line of the source. */
bool import_is_tool(const char *symbol);
/* What it reaches: "sockets", "files", "threads", "time"...; NULL = none of those that are known. */
const char *import_reach(const char *symbol);
/* A part of the C library or of the loader: "libc.so.6", "libm.so.6". */
bool import_library_is_c(const char *file);
#endif
