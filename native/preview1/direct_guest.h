// What direct calls know of one guest, and how they read what it gives: see direct_calls.h.
#pragma once

#include <node_api.h>
#include <sys/uio.h>

#include <cstdint>
#include <cstring>
#include <memory>

#include "fs/arguments.h"
#include "numbers.h"
#include "thread/interrupt.h"

namespace preview1 {

// Bits of `kinds` and `streams`; src/native/direct-calls.ts has the same.
enum Kind : uint8_t {
  kFile = 1,
  kAppends = 2,
  kDirectory = 4,
  kReadOnly = 8,
  // Of `streams` alone: a pipe, or a file, whose position is the system's.
  kPipeIn = 16,
  kPipeOut = 32,
  kFileIn = 64,
  kFileOut = 128,
};

// Bits of `opened`; src/native/direct-calls.ts has the same.
enum Opened { kOpened = 1, kOpenedDirectory = 2, kOpenedReadOnly = 4, kOpenedReadable = 8, kOpenedWritable = 16 };

// Places in `counts`: how many descriptors the guest may still open, and one above the highest number it ever had.
enum Count { kRoom, kTop, kCounts };

// Places in `moved`.
enum Moved { kBytesRead, kBytesWritten, kMovedCount };

// No more than so many buffers are looked at.
constexpr uint32_t kMostVectors = 16;

struct DirectGuest {
  // Not owning: each function keeps `holder` alive, and with it what these refer to.
  napi_ref fallbacks = nullptr;
  napi_ref memory = nullptr;
  // By descriptor of the guest: the host's, or -1; its kind where it is a standard stream, else 0; what it is, where
  // JavaScript does not know it yet, else 0; whether its number may be given out again.
  int32_t* table = nullptr;
  uint8_t* streams = nullptr;
  int32_t* opened = nullptr;
  uint8_t* free = nullptr;
  size_t table_length = 0;
  int32_t* counts = nullptr;
  // By descriptor of the host, for those that belong to a guest.
  uint8_t* kinds = nullptr;
  double* positions = nullptr;
  size_t host_length = 0;
  // Bytes that fd_read and fd_write have moved here.
  double* moved = nullptr;
  // What the monotonic clock showed when the guest was made.
  int64_t* monotonic_start = nullptr;
  uint8_t random[4096] = {};
  size_t random_left = 0;
  int functions = 0;
  // Of the environment that the guest runs in.
  std::shared_ptr<thread::Interrupt> interrupt;

  // Whether one more may be open, with a number of `table`.
  bool HasNumber() const { return counts[kRoom] > 0 && static_cast<size_t>(counts[kTop]) < table_length; }

  // What a descriptor of the host is that was opened, or 0 when it is closed. JavaScript serves numbers that are too high.
  void Show(int host, uint8_t kind) {
    if (static_cast<size_t>(host) >= host_length) return;
    kinds[host] = kind;
    positions[host] = 0;
  }

  // As DescriptorTable in src/wasi: of the closed ones the highest, else the next.
  int32_t TakeNumber() {
    --counts[kRoom];
    for (int32_t number = counts[kTop] - 1; number >= 0; --number) {
      if (free[number] == 0) continue;
      free[number] = 0;
      return number;
    }
    return counts[kTop]++;
  }
};

// The sign that JavaScript has to answer.
constexpr int kNotPlain = -1;

class DirectCall {
 public:
  DirectCall(napi_env env, napi_callback_info info) : env_(env), count_(kMost) {
    void* data = nullptr;
    if (napi_get_cb_info(env, info, &count_, values_, nullptr, &data) != napi_ok) count_ = 0;
    guest_ = static_cast<DirectGuest*>(data);
  }

  DirectGuest& guest() const { return *guest_; }
  bool plain() const { return plain_; }

  // A number of wasm, which came signed.
  uint32_t U32(size_t index) {
    uint32_t value = 0;
    if (index >= count_ || napi_get_value_uint32(env_, values_[index], &value) != napi_ok) plain_ = false;
    return value;
  }

  int64_t I64(size_t index) {
    int64_t value = 0;
    bool lossless = false;
    if (index >= count_ || napi_get_value_bigint_int64(env_, values_[index], &value, &lossless) != napi_ok) plain_ = false;
    return value;
  }

  // The memory as it is now. One that has grown has lost its view: JavaScript makes another.
  void FindMemory() {
    napi_value view = nullptr;
    napi_typedarray_type type;
    void* data = nullptr;
    if (guest_->memory == nullptr || napi_get_reference_value(env_, guest_->memory, &view) != napi_ok || view == nullptr ||
        napi_get_typedarray_info(env_, view, &type, &length_, &data, nullptr, nullptr) != napi_ok || data == nullptr) {
      length_ = 0;
    }
    bytes_ = static_cast<uint8_t*>(data);
  }

  // `[pointer, pointer + length)` of the memory, or null where that leaves it.
  uint8_t* At(uint32_t pointer, uint32_t length) const {
    return static_cast<uint64_t>(pointer) + length <= length_ && length_ > 0 ? bytes_ + pointer : nullptr;
  }

  uint32_t Load32(const uint8_t* at) const {
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
  }

  // A descriptor of the host and what it is: two of a guest may stand for one of the host, as stdin and as stdout.
  struct HostDescriptor {
    int fd = -1;
    uint8_t kind = 0;
  };

  // The one behind a descriptor of the guest that is of the given kinds and no others; -1 where there is none.
  HostDescriptor Find(uint32_t fd, int kinds) const {
    if (fd >= guest_->table_length) return HostDescriptor();
    const int32_t host = guest_->table[fd];
    if (host < 0 || static_cast<size_t>(host) >= guest_->host_length) return HostDescriptor();
    const uint8_t kind = guest_->streams[fd] != 0 ? guest_->streams[fd] : guest_->kinds[host];
    return kind != 0 && (kind & ~kinds) == 0 ? HostDescriptor{host, kind} : HostDescriptor();
  }

  int Host(uint32_t fd, int kinds) const { return Find(fd, kinds).fd; }

  // The first buffer that is not empty, as in src/wasi/vectors.ts.
  bool FirstBuffer(uint32_t vectors, uint32_t count, struct iovec* buffer) const {
    const uint8_t* table = count <= kMostVectors ? At(vectors, count * kVectorLength) : nullptr;
    if (table == nullptr) return false;
    for (uint32_t index = 0; index < count; ++index) {
      const uint32_t length = Load32(table + index * kVectorLength + 4);
      if (length == 0) continue;
      buffer->iov_base = At(Load32(table + index * kVectorLength), length);
      buffer->iov_len = length;
      return buffer->iov_base != nullptr;
    }
    return false;
  }

  napi_env env() const { return env_; }

  napi_value Answer(int result, uint32_t name) {
    return result == kNotPlain ? Fallback(name) : fs::Int(env_, result);
  }

 private:
  static constexpr size_t kMost = 9;

  napi_value Fallback(uint32_t name) {
    napi_value all = nullptr;
    napi_value function = nullptr;
    napi_value receiver = nullptr;
    napi_value result = nullptr;
    if (napi_get_reference_value(env_, guest_->fallbacks, &all) != napi_ok || all == nullptr ||
        napi_get_element(env_, all, name, &function) != napi_ok || napi_get_undefined(env_, &receiver) != napi_ok ||
        // What it throws stays pending, and goes on through the guest.
        napi_call_function(env_, receiver, function, count_, values_, &result) != napi_ok) {
      return nullptr;
    }
    return result;
  }

  napi_env env_;
  size_t count_;
  napi_value values_[kMost];
  DirectGuest* guest_ = nullptr;
  bool plain_ = true;
  uint8_t* bytes_ = nullptr;
  size_t length_ = 0;
};

inline void Store32(uint8_t* at, uint32_t value) { memcpy(at, &value, sizeof(value)); }
inline void Store64(uint8_t* at, uint64_t value) { memcpy(at, &value, sizeof(value)); }

// streams.cc
int FdRead(DirectCall& call);
int FdWrite(DirectCall& call);
int FdSeek(DirectCall& call);
int ClockTimeGet(DirectCall& call);
int RandomGet(DirectCall& call);

// paths.cc
int FdFilestatGet(DirectCall& call);
int FdClose(DirectCall& call);
int PathFilestatGet(DirectCall& call);
int PathOpen(DirectCall& call);
int PathUnlinkFile(DirectCall& call);
int PathRename(DirectCall& call);

}  // namespace preview1
