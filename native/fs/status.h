// A file's status as eight 64-bit numbers.
#pragma once

#include <sys/stat.h>

#include <cstdint>

namespace fs {

constexpr size_t kStatusFields = 8;

inline uint64_t Nanoseconds(const struct timespec& time) {
  // A time before 1970 wraps, as an unsigned count must.
  return static_cast<uint64_t>(time.tv_sec) * 1000000000u + static_cast<uint64_t>(time.tv_nsec);
}

// device, inode, mode, links, size, accessed, modified, changed (nanoseconds since 1970)
inline void WriteStatus(const struct stat& status, uint64_t* results) {
#ifdef __APPLE__
  const struct timespec &accessed = status.st_atimespec, &modified = status.st_mtimespec, &changed = status.st_ctimespec;
#else
  const struct timespec &accessed = status.st_atim, &modified = status.st_mtim, &changed = status.st_ctim;
#endif
  results[0] = static_cast<uint64_t>(status.st_dev);
  results[1] = static_cast<uint64_t>(status.st_ino);
  results[2] = static_cast<uint64_t>(status.st_mode);
  results[3] = static_cast<uint64_t>(status.st_nlink);
  results[4] = static_cast<uint64_t>(status.st_size);
  results[5] = Nanoseconds(accessed);
  results[6] = Nanoseconds(modified);
  results[7] = Nanoseconds(changed);
}

// In place of a time: the time of the call; leave it as it is.
constexpr int64_t kTimeNow = -1;
constexpr int64_t kTimeOmit = -2;

struct Time {
  // UTIME_NOW, UTIME_OMIT, or 0 where the nanoseconds count.
  long word = 0;
  uint64_t nanoseconds = 0;
};

inline struct timespec TimeSpec(const Time& time) {
  struct timespec spec;
  spec.tv_sec = static_cast<time_t>(time.nanoseconds / 1000000000u);
  spec.tv_nsec = time.word != 0 ? time.word : static_cast<long>(time.nanoseconds % 1000000000u);
  return spec;
}

}  // namespace fs
