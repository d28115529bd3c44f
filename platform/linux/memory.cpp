#include "platform/service/memory.h"

#include <link.h>
#include <malloc.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

namespace tillsync {
namespace {

constexpr int kMapFromBytes = 256 * 1024;
constexpr int kSlackBytes = 8 * 1024 * 1024;

// Elsewhere (i386) a library may have had relocations written into its code.
#if defined(__x86_64__) || defined(__aarch64__)
/// For dl_iterate_phdr(3).
int drop_unwritable(dl_phdr_info* object, std::size_t, void*) {
  const auto page = static_cast<ElfW(Addr)>(::sysconf(_SC_PAGESIZE));
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    const auto from = (object->dlpi_addr + segment.p_vaddr) & ~(page - 1);
    if (from == ::getauxval(AT_SYSINFO_EHDR)) break;  // the kernel's own vDSO is no file
    // A segment that is not writable was never written to: these ABIs have no relocations in it. So its pages
    // are the file's, and madvise(2) brings them again from there.
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const auto to = object->dlpi_addr + segment.p_vaddr + segment.p_filesz;
    (void)::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);  // NOLINT: an address it is
  }
  return 0;
}
#endif

}  // namespace

std::optional<std::int64_t> resident_bytes() {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/statm", "re"),
                                                             &std::fclose);
  long long size = 0;
  long long resident = 0;
  if (!file || std::fscanf(file.get(), "%lld %lld", &size, &resident) != 2) return std::nullopt;
  return resident * ::sysconf(_SC_PAGESIZE);
}

void keep_heap_small() {
  // Setting it also ends glibc's habit of raising it to the largest block that was ever freed.
  ::mallopt(M_MMAP_THRESHOLD, kMapFromBytes);
  // Once either is set, glibc cuts a heap whose end has 128 KiB free: every burst would grow it anew.
  ::mallopt(M_TRIM_THRESHOLD, kSlackBytes);
}

void keep_memory_out_of_core_files() {
  // The soft limit alone, so that it can be raised on purpose. systemd-coredump keeps to it as well.
  rlimit now{};
  if (::getrlimit(RLIMIT_CORE, &now) == 0) {
    now.rlim_cur = 0;
    (void)::setrlimit(RLIMIT_CORE, &now);
  }
  // For collectors that do not: no kind of mapping, core(5).
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/coredump_filter", "we"),
                                                             &std::fclose);
  const bool set = file && std::fputs("0", file.get()) >= 0 && std::fflush(file.get()) == 0;
  if (!set) (void)::prctl(PR_SET_DUMPABLE, 0);
}

void give_back_heap() {
  ::malloc_trim(0);
}

void give_back_code() {
#if defined(__x86_64__) || defined(__aarch64__)
  ::dl_iterate_phdr(drop_unwritable, nullptr);
#endif
}

}  // namespace tillsync
