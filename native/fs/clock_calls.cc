#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/random.h>
#else
#include <stdlib.h>
#endif

#include "arguments.h"
#include "calls.h"

namespace fs {
namespace {

napi_value Nanoseconds(napi_env env, int result, const struct timespec& time) {
  if (result != 0) return Failed(env, errno);
  napi_value value = nullptr;
  napi_create_bigint_int64(env, static_cast<int64_t>(time.tv_sec) * 1000000000 + time.tv_nsec, &value);
  return value;
}

clockid_t Clock(bool realtime) { return realtime ? CLOCK_REALTIME : CLOCK_MONOTONIC; }

}  // namespace

// (realtime) -> nanoseconds as BigInt
napi_value ClockTime(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const bool realtime = in.Bool(0);
  if (in.error() != 0) return Failed(env, in.error());
  struct timespec time;
  const int result = clock_gettime(Clock(realtime), &time);
  return Nanoseconds(env, result, time);
}

// (memory, start, length) -> 0
napi_value Random(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const Range range = in.Slice(0);
  if (in.error() != 0) return Failed(env, in.error());
#ifdef __linux__
  size_t done = 0;
  while (done < range.length) {
    const ssize_t got = Restarting([&] { return getrandom(range.bytes + done, range.length - done, 0); });
    if (got < 0) return Failed(env, errno);
    done += static_cast<size_t>(got);
  }
#else
  arc4random_buf(range.bytes, range.length);
#endif
  return Int(env, 0);
}

}  // namespace fs
