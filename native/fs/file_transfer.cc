#include "file_transfer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

#include "thread/room.h"

#if defined(__linux__) && !defined(MADV_POPULATE_WRITE)
#define MADV_POPULATE_WRITE 23
#endif

namespace fs {
namespace {

// From here on it pays to ask for the pages first.
constexpr size_t kLargeRead = 1 << 20;

#ifdef __linux__
// Whether a few pages of a range are there, which tells a buffer that is used again: asking for pages that are there takes
// a tenth of the time that the read itself takes.
bool SeemsTouched(uintptr_t first, uintptr_t end, uintptr_t page) {
  constexpr uintptr_t kSamples = 8;
  const uintptr_t pages = (end - first + page - 1) / page;
  for (uintptr_t sample = 0; sample < kSamples; ++sample) {
    unsigned char resident = 0;
    const uintptr_t address = first + (pages - 1) * sample / (kSamples - 1) * page;
    if (mincore(reinterpret_cast<void*>(address), page, &resident) != 0 || (resident & 1) == 0) return false;
  }
  return true;
}
#endif

// A guest's memory has no pages before they are touched: a file read into it faults for each, which takes longer than the
// copy. Asked for at once, the first read of 14 MB takes a fifth less. (As huge pages it would take a third less, but now and
// then the system first makes room for one, for tens of milliseconds.) Only what the file fills is asked for: the guest's
// buffer may be far larger.
void TouchPages(int fd, const Range& range, int64_t offset) {
#ifdef __linux__
  struct stat status;
  if (range.length < kLargeRead || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || offset < 0) return;
  const int64_t rest = status.st_size - offset;
  if (rest < static_cast<int64_t>(kLargeRead)) return;
  const size_t length = range.length < static_cast<size_t>(rest) ? range.length : static_cast<size_t>(rest);
  const uintptr_t start = reinterpret_cast<uintptr_t>(range.bytes);
  const uintptr_t end = start + length;
  const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t first = start & ~(page - 1);
  if (SeemsTouched(first, end, page)) return;
  // Refused before Linux 5.14; the read does without.
  madvise(reinterpret_cast<void*>(first), end - first, MADV_POPULATE_WRITE);
#else
  (void)fd, (void)range, (void)offset;
#endif
}

// One read or write moves no more than this on Linux; asking for more is EINVAL on macOS.
constexpr size_t kMostAtOnce = 0x7ffff000;

// `move` is given the part and how much was moved before it.
template <typename MovePart>
ssize_t MoveParts(const thread::Interrupt& interrupt, const Range& range, MovePart move) {
  const size_t length = std::min(range.length, kMostAtOnce);
  size_t done = 0;
  for (;;) {
    const Range part{range.bytes + done, std::min(length - done, kTransferPart)};
    const ssize_t moved = Restarting([&] { return move(part, done); });
    if (moved < 0) return done > 0 ? static_cast<ssize_t>(done) : -1;
    done += static_cast<size_t>(moved);
    if (static_cast<size_t>(moved) < part.length || done == length || interrupt.requested()) return static_cast<ssize_t>(done);
  }
}

// The description belongs to this descriptor alone, so its flag may be turned for the length of one write.
ssize_t AppendByFlag(int fd, const Range& part) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_APPEND) != 0) return -1;
  const ssize_t written = write(fd, part.bytes, part.length);
  const int error = errno;
  fcntl(fd, F_SETFL, flags);
  errno = error;
  return written;
}

}  // namespace

const thread::Interrupt& InterruptOf(napi_env env) { return *thread::Interrupt::Of(env); }

ssize_t ReadFileAt(const thread::Interrupt& interrupt, int fd, const Range& range, int64_t offset) {
  return MoveParts(interrupt, range, [&](const Range& part, size_t done) {
    const int64_t from = offset + static_cast<int64_t>(done);
    TouchPages(fd, part, from);
    return pread(fd, part.bytes, part.length, from);
  });
}

ssize_t WriteFileAt(const thread::Interrupt& interrupt, int fd, const Range& range, int64_t offset) {
  return MoveParts(interrupt, range, [&](const Range& part, size_t done) {
    return pwrite(fd, part.bytes, part.length, offset + static_cast<int64_t>(done));
  });
}

ssize_t ReadFileOn(const thread::Interrupt& interrupt, int fd, const Range& range) {
  return MoveParts(interrupt, range, [&](const Range& part, size_t) { return read(fd, part.bytes, part.length); });
}

ssize_t WriteFileOn(const thread::Interrupt& interrupt, int fd, const Range& range) {
  return MoveParts(interrupt, range, [&](const Range& part, size_t) { return write(fd, part.bytes, part.length); });
}

ssize_t AppendToFile(const thread::Interrupt& interrupt, int fd, const Range& range) {
  return MoveParts(interrupt, range, [&](const Range& part, size_t) {
#ifdef RWF_APPEND
    const struct iovec vector = {part.bytes, part.length};
    const ssize_t written = pwritev2(fd, &vector, 1, 0, RWF_APPEND);
    if (written >= 0 || !IsUnsupported(errno)) return written;
#endif
    return AppendByFlag(fd, part);
  });
}

}  // namespace fs
