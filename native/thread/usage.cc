#include "thread/usage.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

#ifdef __APPLE__
#include <mach/mach.h>
#endif

namespace thread {

double CpuTimeMs() noexcept {
  struct timespec time;
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) != 0) return -1;
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

#if defined(__linux__)

double ResidentBytes() noexcept {
  // The shortest of the files that tell it: pages in all, resident pages, and more. Not kept open, for a process that
  // forks would go on to read of its parent.
  const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  char text[128];
  const ssize_t length = read(fd, text, sizeof(text) - 1);
  close(fd);
  if (length <= 0) return -1;
  text[length] = '\0';
  char* rest = nullptr;
  strtoull(text, &rest, 10);
  const char* const resident = rest;
  const unsigned long long pages = strtoull(resident, &rest, 10);
  return rest == resident ? -1 : static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

#elif defined(__APPLE__)

double ResidentBytes() noexcept {
  mach_task_basic_info info;
  mach_msg_type_number_t count = MACH_TASK_BASIC_INFO_COUNT;
  const auto told = task_info(mach_task_self(), MACH_TASK_BASIC_INFO, reinterpret_cast<task_info_t>(&info), &count);
  return told == KERN_SUCCESS ? static_cast<double>(info.resident_size) : -1;
}

#else

double ResidentBytes() noexcept { return -1; }

#endif

}  // namespace thread
