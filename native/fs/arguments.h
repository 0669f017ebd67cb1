// Reads the arguments of one call. Written on the C interface of Node-API: these calls are the guest's hot path, and a
// wrong type is a mistake of our own JavaScript, answered with EINVAL like any other bad argument.
#pragma once

#include <node_api.h>

#include <cerrno>
#include <cstdint>

#include "path.h"
#include "status.h"

namespace fs {

// Bytes of a guest's memory, checked against the view that was passed. Valid for one call only.
struct Range {
  uint8_t* bytes = nullptr;
  size_t length = 0;
};

class Arguments {
 public:
  static constexpr size_t kMost = 8;

  Arguments(napi_env env, napi_callback_info info) : env_(env), count_(kMost) {
    if (napi_get_cb_info(env, info, &count_, values_, nullptr, nullptr) != napi_ok) count_ = 0;
  }

  napi_env env() const { return env_; }

  // The first thing that was wrong, as an errno, or 0.
  int error() const { return error_; }

  // A whole number of 32 bits: Node-API by itself takes NaN for 0, which would be a descriptor.
  int Int(size_t index) {
    const double value = Double(index);
    if (error_ != 0 || !(value >= INT32_MIN && value <= INT32_MAX) || value != static_cast<int32_t>(value)) {
      Fail(EINVAL);
      return -1;
    }
    return static_cast<int>(value);
  }

  bool Bool(size_t index) {
    bool value = false;
    if (index >= count_ || napi_get_value_bool(env_, values_[index], &value) != napi_ok) Fail(EINVAL);
    return value;
  }

  // A BigInt, or a number, which is cheaper; what does not fit 64 bits signed is out of range for every call here.
  int64_t Long(size_t index) {
    int64_t value = 0;
    bool lossless = false;
    if (index < count_ && napi_get_value_int64(env_, values_[index], &value) == napi_ok) return value;
    if (index >= count_ || napi_get_value_bigint_int64(env_, values_[index], &value, &lossless) != napi_ok || !lossless) {
      Fail(EINVAL);
    }
    return value;
  }

  // A time of status.h: nanoseconds since 1970, unsigned, or one of the negative words.
  Time TimeOf(size_t index) {
    int64_t value = 0;
    uint64_t nanoseconds = 0;
    bool lossless = false;
    if (index >= count_ || napi_get_value_bigint_int64(env_, values_[index], &value, &lossless) != napi_ok) {
      Fail(EINVAL);
      return Time();
    }
    if (lossless && value < 0) return Time{value == kTimeNow ? UTIME_NOW : UTIME_OMIT, 0};
    if (napi_get_value_bigint_uint64(env_, values_[index], &nanoseconds, &lossless) != napi_ok || !lossless) Fail(EINVAL);
    return Time{0, nanoseconds};
  }

  void Text(size_t index, Path* path) {
    if (index >= count_) return Fail(EINVAL);
    size_t length = 0;
    if (napi_get_value_string_utf8(env_, values_[index], nullptr, 0, &length) != napi_ok) return Fail(EINVAL);
    napi_get_value_string_utf8(env_, values_[index], path->Make(length), length + 1, &length);
  }

  // A path that goes to the system as a whole.
  void WholePath(size_t index, Path* path) {
    Text(index, path);
    if (error_ == 0 && path->error() != 0) Fail(path->error());
  }

  // The whole of a typed array of bytes; works for shared memories and for 4 GiB ones.
  Range Bytes(size_t index) {
    Range range;
    napi_typedarray_type type;
    void* data = nullptr;
    if (index >= count_ ||
        napi_get_typedarray_info(env_, values_[index], &type, &range.length, &data, nullptr, nullptr) != napi_ok) {
      Fail(EINVAL);
      return Range();
    }
    range.bytes = static_cast<uint8_t*>(data);
    return range;
  }

  // Three arguments: the memory, the offset of the first byte, the length in bytes.
  Range Slice(size_t index) {
    Range memory = Bytes(index);
    const double start = Double(index + 1);
    const double length = Double(index + 2);
    if (error_ == 0 && !(start >= 0 && length >= 0 && start + length <= static_cast<double>(memory.length))) Fail(EFAULT);
    if (error_ != 0) return Range();
    return Range{memory.bytes + static_cast<size_t>(start), static_cast<size_t>(length)};
  }

  // A typed array whose elements are 64 bits wide, at least `least` of them, to write results to.
  uint64_t* Results(size_t index, size_t least) {
    napi_typedarray_type type;
    size_t length = 0;
    void* data = nullptr;
    if (index >= count_ ||
        napi_get_typedarray_info(env_, values_[index], &type, &length, &data, nullptr, nullptr) != napi_ok ||
        type != napi_biguint64_array || length < least) {
      Fail(EINVAL);
      return nullptr;
    }
    return static_cast<uint64_t*>(data);
  }

 private:
  double Double(size_t index) {
    double value = 0;
    if (index >= count_ || napi_get_value_double(env_, values_[index], &value) != napi_ok) Fail(EINVAL);
    return value;
  }

  void Fail(int error) {
    if (error_ == 0) error_ = error;
  }

  napi_env env_;
  size_t count_;
  napi_value values_[kMost];
  int error_ = 0;
};

inline napi_value Number(napi_env env, double value) {
  napi_value result = nullptr;
  napi_create_double(env, value, &result);
  return result;
}

inline napi_value Int(napi_env env, int32_t value) {
  napi_value result = nullptr;
  napi_create_int32(env, value, &result);
  return result;
}

inline napi_value Failed(napi_env env, int error) { return Int(env, -error); }

// What a system call answered, in this interface's terms. Reads errno, so nothing may come between.
inline napi_value Answer(napi_env env, long long result) {
  return result < 0 ? Failed(env, errno) : Number(env, static_cast<double>(result));
}

// Whether a call that is newer than others answered that the kernel, the file, or a filter in front of the kernel (EPERM)
// does not know it: the older calls are tried then, and say what is really wrong.
inline bool IsUnsupported(int error) {
  return error == ENOSYS || error == EOPNOTSUPP || error == EINVAL || error == EPERM;
}

// Repeats a call while signals interrupt it.
template <typename Call>
auto Restarting(Call call) -> decltype(call()) {
  decltype(call()) result;
  do {
    result = call();
  } while (result == -1 && errno == EINTR);
  return result;
}

}  // namespace fs
