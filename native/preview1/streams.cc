// Direct calls that move bytes: of files, of standard streams, of clocks and chance.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/random.h>
#endif

#include <cerrno>

#include "direct_guest.h"
#include "fs/file_transfer.h"

namespace preview1 {
namespace {

// Positions below it stay whole numbers in a double, whatever one call adds.
constexpr double kMostPosition = 9007199254740991.0 - 4294967296.0;
// A pipe takes this much whole or not at all (POSIX: PIPE_BUF on Linux).
constexpr size_t kAtomicPipeWrite = 4096;
constexpr uint32_t kSmallRandom = 256;

using thread::Interrupt;

fs::Range RangeOf(const struct iovec& buffer) { return {static_cast<uint8_t*>(buffer.iov_base), buffer.iov_len}; }

ssize_t ReadStream(const Interrupt& interrupt, int fd, uint8_t kind, const struct iovec& buffer) {
  if (kind == kFileIn) return fs::ReadFileOn(interrupt, fd, RangeOf(buffer));
#ifdef RWF_NOWAIT
  return preadv2(fd, &buffer, 1, -1, RWF_NOWAIT);
#else
  return -1;
#endif
}

ssize_t WriteStream(const Interrupt& interrupt, int fd, uint8_t kind, const struct iovec& buffer) {
  // Of more a part may be written: JavaScript goes on where it stopped.
  if (kind == kFileOut) return buffer.iov_len <= fs::kTransferPart ? fs::WriteFileOn(interrupt, fd, RangeOf(buffer)) : -1;
#ifdef RWF_NOWAIT
  // More could go in part: that is left to JavaScript, which waits and goes on.
  if (buffer.iov_len <= kAtomicPipeWrite) return pwritev2(fd, &buffer, 1, -1, RWF_NOWAIT);
#endif
  return -1;
}

ssize_t ReadFile(const Interrupt& interrupt, int fd, const struct iovec& buffer, off_t offset) {
  return fs::ReadFileAt(interrupt, fd, RangeOf(buffer), offset);
}

ssize_t WriteFile(const Interrupt& interrupt, int fd, const struct iovec& buffer, off_t offset) {
  return fs::WriteFileAt(interrupt, fd, RangeOf(buffer), offset);
}

// The arguments of fd_read and fd_write: descriptor, vectors, their count, where the bytes moved are written.
template <typename OnFile, typename OnStream>
int MoveBytes(DirectCall& call, int kinds, Moved counter, OnFile on_file, OnStream on_stream) {
  const uint32_t fd = call.U32(0);
  const uint32_t vectors = call.U32(1);
  const uint32_t count = call.U32(2);
  const uint32_t moved_pointer = call.U32(3);
  if (!call.plain()) return kNotPlain;
  const auto host = call.Find(fd, kinds);
  if (host.fd < 0) return kNotPlain;
  call.FindMemory();
  uint8_t* moved_at = call.At(moved_pointer, 4);
  struct iovec buffer;
  if (moved_at == nullptr || !call.FirstBuffer(vectors, count, &buffer)) return kNotPlain;
  double& position = call.guest().positions[host.fd];
  const bool is_file = (host.kind & kFile) != 0;
  if (is_file && !(position >= 0 && position <= kMostPosition)) return kNotPlain;
  const Interrupt& interrupt = *call.guest().interrupt;
  const ssize_t moved = is_file ? on_file(interrupt, host.fd, buffer, static_cast<off_t>(position))
                                : on_stream(interrupt, host.fd, host.kind, buffer);
  if (moved < 0) return kNotPlain;
  if (is_file) position += static_cast<double>(moved);
  call.guest().moved[counter] += static_cast<double>(moved);
  Store32(moved_at, static_cast<uint32_t>(moved));
  return kSuccess;
}

bool FillRandom(DirectGuest* guest) {
#ifdef __linux__
  for (size_t done = 0; done < sizeof(guest->random);) {
    const ssize_t got = getrandom(guest->random + done, sizeof(guest->random) - done, 0);
    if (got < 0 && errno != EINTR) return false;
    if (got > 0) done += static_cast<size_t>(got);
  }
#else
  arc4random_buf(guest->random, sizeof(guest->random));
#endif
  guest->random_left = sizeof(guest->random);
  return true;
}

}  // namespace

int FdRead(DirectCall& call) { return MoveBytes(call, kFile | kAppends | kPipeIn | kFileIn, kBytesRead, ReadFile, ReadStream); }

int FdWrite(DirectCall& call) { return MoveBytes(call, kFile | kPipeOut | kFileOut, kBytesWritten, WriteFile, WriteStream); }

int FdSeek(DirectCall& call) {
  const uint32_t fd = call.U32(0);
  const int64_t offset = call.I64(1);
  const uint32_t whence = call.U32(2);
  const uint32_t pointer = call.U32(3);
  if (!call.plain() || whence > kFromPosition) return kNotPlain;
  const int host = call.Host(fd, kFile | kAppends);
  if (host < 0) return kNotPlain;
  call.FindMemory();
  uint8_t* at = call.At(pointer, 8);
  double& position = call.guest().positions[host];
  const double target = static_cast<double>(offset) + (whence == kFromPosition ? position : 0);
  if (at == nullptr || !(position >= 0) || !(target >= 0 && target <= kMostPosition)) return kNotPlain;
  position = target;
  Store64(at, static_cast<uint64_t>(target));
  return kSuccess;
}

int ClockTimeGet(DirectCall& call) {
  const uint32_t id = call.U32(0);
  const uint32_t pointer = call.U32(2);
  if (!call.plain() || id > kMonotonic) return kNotPlain;
  call.FindMemory();
  uint8_t* at = call.At(pointer, 8);
  struct timespec time;
  if (at == nullptr || clock_gettime(id == kRealtime ? CLOCK_REALTIME : CLOCK_MONOTONIC, &time) != 0) return kNotPlain;
  const int64_t now = static_cast<int64_t>(time.tv_sec) * 1000000000 + time.tv_nsec;
  Store64(at, static_cast<uint64_t>(id == kRealtime ? now : now - *call.guest().monotonic_start));
  return kSuccess;
}

// Small amounts come from a store that is filled at once; what was given out is wiped.
int RandomGet(DirectCall& call) {
  const uint32_t pointer = call.U32(0);
  const uint32_t length = call.U32(1);
  if (!call.plain() || length > kSmallRandom) return kNotPlain;
  call.FindMemory();
  uint8_t* at = call.At(pointer, length);
  DirectGuest& guest = call.guest();
  if (at == nullptr || (guest.random_left < length && !FillRandom(&guest))) return kNotPlain;
  guest.random_left -= length;
  memcpy(at, guest.random + guest.random_left, length);
  memset(guest.random + guest.random_left, 0, length);
  return kSuccess;
}

}  // namespace preview1
