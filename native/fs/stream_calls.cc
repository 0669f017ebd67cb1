// Pipes, terminals and sockets: what can be moved without waiting is moved; waiting is a call of its own, which an interrupt
// of the thread ends, and with a time limit, so that JavaScript runs in between and a worker that is being terminated ends.
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <vector>

#include "arguments.h"
#include "calls.h"
#include "file_transfer.h"
#include "own_description.h"
#include "owned_descriptors.h"
#include "thread/room.h"

namespace fs {
namespace {

// A write of this much to a pipe that poll(2) calls writable does not wait (POSIX: PIPE_BUF), if nobody else writes.
constexpr size_t kAtomicPipeWrite = 4096;

#ifdef MSG_NOSIGNAL
constexpr int kSendFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
#else
constexpr int kSendFlags = MSG_DONTWAIT;
#endif

bool IsNoSocket(ssize_t result) { return result < 0 && errno == ENOTSOCK; }

bool Ready(int fd, short events) {
  struct pollfd entry = {fd, events, 0};
  return Restarting([&] { return poll(&entry, 1, 0); }) > 0;
}

int PollFor(struct pollfd* entries, nfds_t count, double milliseconds) {
#ifdef __linux__
  struct timespec time;
  time.tv_sec = static_cast<time_t>(milliseconds / 1000);
  time.tv_nsec = static_cast<long>((milliseconds - static_cast<double>(time.tv_sec) * 1000) * 1e6);
  return ppoll(entries, count, &time, nullptr);
#else
  return poll(entries, count, static_cast<int>(ceil(milliseconds)));
#endif
}

ssize_t TryRead(int fd, const Range& range) {
#ifdef RWF_NOWAIT
  const struct iovec vector = {range.bytes, range.length};
  const ssize_t got = Restarting([&] { return preadv2(fd, &vector, 1, -1, RWF_NOWAIT); });
  if (got >= 0 || !IsUnsupported(errno)) return got;
#endif
  // Terminals, mostly; pipes and sockets before Linux 6.4.
  const ssize_t received = Restarting([&] { return recv(fd, range.bytes, range.length, MSG_DONTWAIT); });
  if (!IsNoSocket(received)) return received;
  const Descriptor own = OwnDescription(fd);
  if (own.open()) return Restarting([&] { return read(own.get(), range.bytes, range.length); });
  // What is left waits when somebody else takes what poll(2) has seen, and nothing ends that wait.
  if (!Ready(fd, POLLIN)) {
    errno = EAGAIN;
    return -1;
  }
  return Restarting([&] { return read(fd, range.bytes, range.length); });
}

ssize_t TryWrite(int fd, const Range& range) {
#ifdef RWF_NOWAIT
  const struct iovec vector = {range.bytes, range.length};
  const ssize_t put = Restarting([&] { return pwritev2(fd, &vector, 1, -1, RWF_NOWAIT); });
  if (put >= 0 || !IsUnsupported(errno)) return put;
#endif
  // As for reading. A terminal takes what it has room for, which is less than poll(2) lets one hope.
  const ssize_t sent = Restarting([&] { return send(fd, range.bytes, range.length, kSendFlags); });
  if (!IsNoSocket(sent)) return sent;
  const Descriptor own = OwnDescription(fd);
  if (own.open()) return Restarting([&] { return write(own.get(), range.bytes, range.length); });
  if (!Ready(fd, POLLOUT)) {
    errno = EAGAIN;
    return -1;
  }
  const size_t length = range.length < kAtomicPipeWrite ? range.length : kAtomicPipeWrite;
  return Restarting([&] { return write(fd, range.bytes, length); });
}

bool IsListening(int fd) {
  int listens = 0;
  socklen_t length = sizeof(listens);
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens != 0;
}

bool MakeNonblocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && ((flags & O_NONBLOCK) != 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0);
}

}  // namespace

// (descriptor, memory, start, length, stream) -> bytes read; EAGAIN where a stream has nothing yet
napi_value ReadNow(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const int fd = in.Int(0);
  const Range range = in.Slice(1);
  const bool stream = in.Bool(4);
  if (in.error() != 0) return Failed(env, in.error());
  if (stream) return Answer(env, TryRead(fd, range));
  return Answer(env, ReadFileOn(InterruptOf(env), fd, range));
}

// (descriptor, memory, start, length, stream) -> bytes written; EAGAIN where a stream takes nothing yet
napi_value WriteNow(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const int fd = in.Int(0);
  const Range range = in.Slice(1);
  const bool stream = in.Bool(4);
  if (in.error() != 0) return Failed(env, in.error());
  if (stream) return Answer(env, TryWrite(fd, range));
  return Answer(env, WriteFileOn(InterruptOf(env), fd, range));
}

// (Int32Array of descriptor, events, results; milliseconds, fractions too) -> how many are ready; 0 when the time is over or a
// signal came; EINTR where nothing is ready and the thread was interrupted
napi_value Wait(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value values[2];
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  double milliseconds = 0;
  if (napi_get_cb_info(env, info, &count, values, nullptr, nullptr) != napi_ok || count < 2 ||
      napi_get_typedarray_info(env, values[0], &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_int32_array || napi_get_value_double(env, values[1], &milliseconds) != napi_ok ||
      !(milliseconds >= 0 && milliseconds <= INT_MAX)) {
    return Failed(env, EINVAL);
  }
  int32_t* triples = static_cast<int32_t*>(data);
  const size_t wanted = length / 3;
  std::vector<struct pollfd> entries(wanted);
  for (size_t index = 0; index < wanted; ++index) {
    entries[index] = {triples[index * 3], static_cast<short>(triples[index * 3 + 1]), 0};
  }
  thread::Room& room = thread::Room::Of(env);
  // Without a descriptor for it the wait ends by its time.
  const int wake = milliseconds > 0 ? room.WakeDescriptor() : -1;
  if (wake >= 0) entries.push_back({wake, POLLIN, 0});
  int ready = PollFor(entries.data(), static_cast<nfds_t>(entries.size()), milliseconds);
  if (ready < 0 && errno != EINTR) return Failed(env, errno);
  const bool is_awake = ready > 0 && entries.size() > wanted && entries.back().revents != 0;
  ready = ready < 0 ? 0 : is_awake ? ready - 1 : ready;
  if (ready == 0 && room.interrupt()->requested()) return Failed(env, EINTR);
  for (size_t index = 0; index < wanted; ++index) triples[index * 3 + 2] = entries[index].revents;
  return Int(env, ready);
}

// (descriptor) -> bytes that can be read without waiting
napi_value Available(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const int fd = in.Int(0);
  if (in.error() != 0) return Failed(env, in.error());
  int count = 0;
  if (ioctl(fd, FIONREAD, &count) != 0) return Failed(env, errno);
  return Int(env, count);
}

// (descriptor) -> 1 for a socket of datagrams, 0 for one of a stream
napi_value IsDatagram(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const int fd = in.Int(0);
  if (in.error() != 0) return Failed(env, in.error());
  int type = 0;
  socklen_t length = sizeof(type);
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0) return Failed(env, errno);
  return Int(env, type == SOCK_DGRAM ? 1 : 0);
}

// (descriptor) -> descriptor; EAGAIN where nobody has come
napi_value Accept(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const int fd = in.Int(0);
  if (in.error() != 0) return Failed(env, in.error());
  // poll(2) first would not do: another guest may take the connection in between, and accept(2) has no flag not to wait for
  // the next one. What does not listen is refused at once.
  if (IsListening(fd) && !MakeNonblocking(fd)) return Failed(env, errno);
#ifdef __linux__
  const int accepted = Restarting([&] { return accept4(fd, nullptr, nullptr, SOCK_CLOEXEC); });
#else
  const int accepted = Restarting([&] { return accept(fd, nullptr, nullptr); });
  if (accepted >= 0) fcntl(accepted, F_SETFD, FD_CLOEXEC);
#endif
  return Answer(env, OwnedDescriptors::Keep(env, accepted));
}

// (descriptor, memory, start, length, peek, results) -> bytes read; results[0] is 1 where a datagram was cut
napi_value Receive(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const int fd = in.Int(0);
  const Range range = in.Slice(1);
  const bool peek = in.Bool(4);
  uint64_t* results = in.Results(5, 1);
  if (in.error() != 0) return Failed(env, in.error());
  struct iovec vector = {range.bytes, range.length};
  struct msghdr message = {};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  const ssize_t got = Restarting([&] { return recvmsg(fd, &message, MSG_DONTWAIT | (peek ? MSG_PEEK : 0)); });
  if (got >= 0) results[0] = (message.msg_flags & MSG_TRUNC) != 0 ? 1 : 0;
  return Answer(env, got);
}

// (descriptor, memory, start, length) -> bytes written
napi_value Send(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const int fd = in.Int(0);
  const Range range = in.Slice(1);
  if (in.error() != 0) return Failed(env, in.error());
  return Answer(env, Restarting([&] { return send(fd, range.bytes, range.length, kSendFlags); }));
}

// (descriptor, reading, writing) -> 0
napi_value Shutdown(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const int fd = in.Int(0);
  const bool reading = in.Bool(1);
  const bool writing = in.Bool(2);
  if (in.error() != 0) return Failed(env, in.error());
  if (!reading && !writing) return Failed(env, EINVAL);
  return Answer(env, shutdown(fd, reading && writing ? SHUT_RDWR : reading ? SHUT_RD : SHUT_WR));
}

}  // namespace fs
