#include "openvino/resident_memory.h"

#ifdef __linux__
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#endif

namespace openvino {

#ifdef __linux__

uint64_t ResidentBytes() noexcept {
  // Pages: size, resident, …
  static const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  static const auto page_bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  char text[128] = {};
  unsigned long long size = 0;
  unsigned long long resident = 0;
  if (file < 0 || pread(file, text, sizeof text - 1, 0) <= 0) return 0;
  if (std::sscanf(text, "%llu %llu", &size, &resident) != 2) return 0;
  return resident * page_bytes;
}

#else

uint64_t ResidentBytes() noexcept { return 0; }

#endif

}  // namespace openvino
