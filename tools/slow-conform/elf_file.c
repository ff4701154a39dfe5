/* What a shared object exports and imports is told by its dynamic section alone, which cannot be stripped, and without running
 * a line of it. So this is read from the file, before dlopen() and beside it: segments, PT_DYNAMIC, the dynamic symbol table
 * with its strings, DT_NEEDED. (System V ABI, chapter 5; the GNU hash table as in glibc's dl-lookup.c.)
 *
 * The number of dynamic symbols stands nowhere: it is nchain of DT_HASH, or one more than the last symbol in the chains of
 * DT_GNU_HASH. Section headers are used for nothing but the names of local variables, which make a finding easier to read.
 *
 * The file is somebody's, and may be anything: each access is checked against its size. */
#include "elf_file.h"
#include "core/log.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct elf_file {
    const uint8_t *bytes;
    size_t size;
    const ElfW(Phdr) * segments;
    size_t segment_count;
    const ElfW(Dyn) * dynamic;
    size_t dynamic_count;
    const ElfW(Sym) * symbols;
    size_t symbol_count;
    const char *strings;
    size_t strings_size;
};

/* `count` things of `width` bytes at an offset of the file, aligned; NULL when they are not all in it. */
static const void *at_offset(const elf_file *file, uint64_t offset, uint64_t count, uint64_t width) {
    if (offset > file->size || count > (file->size - offset) / width || offset % 4 != 0)
        return NULL;
    return file->bytes + offset;
}

/* The same by address: through the segment that holds it. */
static const void *at_address(const elf_file *file, uint64_t address, uint64_t count, uint64_t width) {
    for (size_t i = 0; i < file->segment_count; i++) {
        const ElfW(Phdr) *s = &file->segments[i];
        if (s->p_type == PT_LOAD && address >= s->p_vaddr && address - s->p_vaddr < s->p_filesz)
            return at_offset(file, s->p_offset + (address - s->p_vaddr), count, width);
    }
    return NULL;
}

static bool dynamic_value(const elf_file *file, int64_t tag, uint64_t *value) {
    for (size_t i = 0; i < file->dynamic_count && file->dynamic[i].d_tag != DT_NULL; i++)
        if (file->dynamic[i].d_tag == tag) {
            *value = file->dynamic[i].d_un.d_val;
            return true;
        }
    return false;
}

static const char *string_at(const elf_file *file, uint64_t offset) {
    if (offset >= file->strings_size || memchr(file->strings + offset, '\0', file->strings_size - offset) == NULL)
        return "?";
    return file->strings + offset;
}

/* One more than the last symbol in the chains. 0 = the table is not sound. */
static size_t gnu_symbol_count(const elf_file *file, uint64_t address) {
    const uint32_t *head = at_address(file, address, 4, sizeof *head);
    if (head == NULL)
        return 0;
    uint32_t buckets = head[0], first = head[1], words = head[2];
    uint64_t bucket_at = address + 16 + (uint64_t)words * sizeof(ElfW(Addr)), last = 0;
    const uint32_t *bucket = at_address(file, bucket_at, buckets, sizeof *bucket);
    for (uint32_t i = 0; bucket != NULL && i < buckets; i++)
        last = bucket[i] > last ? bucket[i] : last;
    if (bucket == NULL)
        return 0;
    if (last < first)
        return first; /* nothing is exported: all are imports */
    for (;; last++) {
        const uint32_t *chain =
            at_address(file, bucket_at + 4 * (uint64_t)buckets + 4 * (last - first), 1, sizeof *chain);
        if (chain == NULL)
            return 0;
        if (*chain & 1)
            return (size_t)last + 1;
    }
}

static bool symbols_find(elf_file *file) {
    uint64_t table, strings, strings_size, hash;
    if (!dynamic_value(file, DT_SYMTAB, &table) || !dynamic_value(file, DT_STRTAB, &strings) ||
        !dynamic_value(file, DT_STRSZ, &strings_size))
        return false;
    const uint32_t *sysv = dynamic_value(file, DT_HASH, &hash) ? at_address(file, hash, 2, sizeof *sysv) : NULL;
    if (sysv != NULL)
        file->symbol_count = sysv[1];
    else if (dynamic_value(file, DT_GNU_HASH, &hash))
        file->symbol_count = gnu_symbol_count(file, hash);
    file->symbols = at_address(file, table, file->symbol_count, sizeof *file->symbols);
    /* Strings need no alignment. */
    for (size_t i = 0; i < file->segment_count && file->strings == NULL; i++) {
        const ElfW(Phdr) *s = &file->segments[i];
        if (s->p_type == PT_LOAD && strings >= s->p_vaddr && strings - s->p_vaddr < s->p_filesz &&
            s->p_offset + (strings - s->p_vaddr) <= file->size &&
            strings_size <= file->size - (s->p_offset + (strings - s->p_vaddr)))
            file->strings = (const char *)file->bytes + s->p_offset + (strings - s->p_vaddr);
    }
    file->strings_size = strings_size;
    return file->symbol_count > 0 && file->symbols != NULL && file->strings != NULL;
}

static const char *file_read(elf_file *file) {
    const ElfW(Ehdr) *head = at_offset(file, 0, 1, sizeof *head);
    if (head == NULL || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0)
        return "is no ELF file";
    if (head->e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) || head->e_type != ET_DYN)
        return "is no shared object for this machine";
    file->segment_count = head->e_phnum;
    file->segments = at_offset(file, head->e_phoff, head->e_phnum, sizeof *file->segments);
    if (file->segments == NULL)
        return "is cut short";
    for (size_t i = 0; i < file->segment_count; i++)
        if (file->segments[i].p_type == PT_DYNAMIC) {
            file->dynamic_count = file->segments[i].p_filesz / sizeof *file->dynamic;
            file->dynamic = at_offset(file, file->segments[i].p_offset, file->dynamic_count, sizeof *file->dynamic);
        }
    return file->dynamic == NULL || !symbols_find(file) ? "has no sound dynamic section" : NULL;
}

elf_file *elf_file_open(const char *path, slow_error *error) {
    struct stat info;
    elf_file *file = calloc(1, sizeof *file);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file == NULL || fd < 0 || fstat(fd, &info) != 0) {
        sl_error(error, SLOW_E_FAIL, path, "cannot be read: %s", strerror(errno));
        goto failed;
    }
    void *bytes = S_ISREG(info.st_mode) && info.st_size > 0
                      ? mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
                      : MAP_FAILED;
    if (bytes == MAP_FAILED) {
        sl_error(error, SLOW_E_INVAL, path, "is no regular file, or an empty one");
        goto failed;
    }
    file->bytes = bytes;
    file->size = (size_t)info.st_size;
    const char *wrong = file_read(file);
    if (wrong == NULL) {
        close(fd);
        return file;
    }
    sl_error(error, SLOW_E_INVAL, path, "%s; expected a plugin, as slow_add_plugin() makes one", wrong);
failed:
    if (fd >= 0)
        close(fd);
    elf_file_close(file);
    return NULL;
}

void elf_file_close(elf_file *file) {
    if (file != NULL && file->bytes != NULL)
        munmap((void *)(uintptr_t)file->bytes, file->size);
    free(file);
}

/* ---- what is asked ---- */

static const char *symbol_of(const elf_file *file, size_t wanted, bool defined) {
    for (size_t i = 1; i < file->symbol_count; i++) {
        const ElfW(Sym) *symbol = &file->symbols[i];
        unsigned binding = ELF64_ST_BIND(symbol->st_info), visibility = ELF64_ST_VISIBILITY(symbol->st_other);
        if (binding == STB_LOCAL || (symbol->st_shndx != SHN_UNDEF) != defined ||
            (defined && (visibility == STV_HIDDEN || visibility == STV_INTERNAL)))
            continue;
        if (wanted-- == 0)
            return string_at(file, symbol->st_name);
    }
    return NULL;
}

const char *elf_export(const elf_file *file, size_t i) {
    return symbol_of(file, i, true);
}

const char *elf_import(const elf_file *file, size_t i) {
    return symbol_of(file, i, false);
}

const char *elf_needed(const elf_file *file, size_t wanted) {
    for (size_t i = 0; i < file->dynamic_count && file->dynamic[i].d_tag != DT_NULL; i++)
        if (file->dynamic[i].d_tag == DT_NEEDED && wanted-- == 0)
            return string_at(file, file->dynamic[i].d_un.d_val);
    return NULL;
}

bool elf_writable(const elf_file *file, size_t wanted, size_t *at, size_t *size) {
    size_t locked_from = 0, locked_to = 0;
    for (size_t i = 0; i < file->segment_count; i++)
        if (file->segments[i].p_type == PT_GNU_RELRO) {
            locked_from = file->segments[i].p_vaddr;
            locked_to = locked_from + file->segments[i].p_memsz;
        }
    for (size_t i = 0; i < file->segment_count; i++) {
        const ElfW(Phdr) *s = &file->segments[i];
        if (s->p_type != PT_LOAD || (s->p_flags & PF_W) == 0 || wanted-- > 0)
            continue;
        size_t from = s->p_vaddr, to = from + s->p_memsz;
        if (locked_from <= from && locked_to > from) /* what is locked after relocation comes first */
            from = locked_to < to ? locked_to : to;
        *at = from;
        *size = to - from;
        return true;
    }
    return false;
}

const char *elf_variable(const elf_file *file, size_t at) {
    const ElfW(Ehdr) *head = at_offset(file, 0, 1, sizeof *head);
    const ElfW(Shdr) *sections = head == NULL ? NULL : at_offset(file, head->e_shoff, head->e_shnum, sizeof *sections);
    for (size_t i = 0; sections != NULL && i < head->e_shnum; i++) {
        if (sections[i].sh_type != SHT_SYMTAB || sections[i].sh_link >= head->e_shnum)
            continue;
        const ElfW(Shdr) *names = &sections[sections[i].sh_link];
        size_t count = sections[i].sh_size / sizeof(ElfW(Sym));
        const ElfW(Sym) *symbols = at_offset(file, sections[i].sh_offset, count, sizeof *symbols);
        if (symbols == NULL || names->sh_offset > file->size || names->sh_size > file->size - names->sh_offset)
            continue;
        const char *text = (const char *)file->bytes + names->sh_offset;
        for (size_t j = 0; j < count; j++)
            if (ELF64_ST_TYPE(symbols[j].st_info) == STT_OBJECT && symbols[j].st_value <= at &&
                at - symbols[j].st_value < symbols[j].st_size && symbols[j].st_name < names->sh_size &&
                memchr(text + symbols[j].st_name, '\0', names->sh_size - symbols[j].st_name) != NULL)
                return text + symbols[j].st_name;
    }
    return NULL;
}
