/* elf_file.h - a shared object's dynamic section, read from the file: what it exports, imports and needs. See elf_file.c. */
#ifndef ELF_FILE_H
#define ELF_FILE_H
#include <slow/base.h>

typedef struct elf_file elf_file;

/* NULL: the error says what is wrong with the file. */
elf_file *elf_file_open(const char *path, slow_error *);
void elf_file_close(elf_file *);

/* Names, borrowed from the file; NULL past the last. */
const char *elf_export(const elf_file *, size_t i);
const char *elf_import(const elf_file *, size_t i);
const char *elf_needed(const elf_file *, size_t i);
/* What stays writable when it has been loaded: its i-th range, as offsets from where it is loaded. False past the last. */
bool elf_writable(const elf_file *, size_t i, size_t *at, size_t *size);
/* The name of the variable that holds this offset from the table of all symbols, if that was not stripped; or NULL. */
const char *elf_variable(const elf_file *, size_t at);
#endif
