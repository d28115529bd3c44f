/* What GCC 12's libraries and this tree's objects ask of glibc that 2.31 (Debian 11) does not have: linked into the tarball's
   program alone, so that it runs wherever glibc is 2.31 or newer. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

/* 2.32. "No" is always true enough: libstdc++ then counts references with atomic operations, as threads need it. */
char __libc_single_threaded = 0;

/* 2.36; for std::random_device. */
uint32_t arc4random(void) {
  uint32_t number = 0;
  ssize_t got = 0;
  do {
    got = getrandom(&number, sizeof number, 0);
  } while (got < 0 && errno == EINTR);
  if (got != sizeof number) abort();
  return number;
}

/* 2.34. Closing what is not open is no error to posix_spawn(3); what other threads open meanwhile is O_CLOEXEC in this tree. */
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t* actions, int from) {
  DIR* folder = opendir("/proc/self/fd");
  int fault = folder == NULL ? errno : 0;
  while (fault == 0) {
    const struct dirent* entry = readdir(folder);
    if (entry == NULL) break;
    char* end = NULL;
    const long number = strtol(entry->d_name, &end, 10);
    if (end != entry->d_name && *end == '\0' && number >= from && number != dirfd(folder))
      fault = posix_spawn_file_actions_addclose(actions, (int)number);
  }
  if (folder != NULL) closedir(folder);
  return fault;
}

/* 2.35; for libgcc's unwinder: which object an address is in, and where its .eh_frame_hdr stands (dl_find_object(3)). */
struct search {
  ElfW(Addr) address;
  struct dl_find_object* found;
};

static int look_at(struct dl_phdr_info* object, size_t size, void* data) {
  (void)size;
  struct search* search = data;
  ElfW(Addr) start = UINTPTR_MAX, end = 0, frames = 0;
  int holds = 0;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)* segment = &object->dlpi_phdr[i];
    const ElfW(Addr) from = object->dlpi_addr + segment->p_vaddr;
    const ElfW(Addr) to = from + segment->p_memsz;
    if (segment->p_type == PT_GNU_EH_FRAME) frames = from;
    if (segment->p_type != PT_LOAD) continue;
    if (from < start) start = from;
    if (to > end) end = to;
    if (search->address >= from && search->address < to) holds = 1;
  }
  if (!holds || frames == 0) return 0;
  search->found->dlfo_flags = 0;
  search->found->dlfo_map_start = (void*)start;
  search->found->dlfo_map_end = (void*)end;
  search->found->dlfo_link_map = NULL;
  search->found->dlfo_eh_frame = (void*)frames;
  return 1;
}

int _dl_find_object(void* address, struct dl_find_object* found) {
  struct search search = {(ElfW(Addr))address, found};
  return dl_iterate_phdr(look_at, &search) == 1 ? 0 : -1;
}
