#include "stack/bounds.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

namespace stack {

namespace {

#if defined(__APPLE__)

Bounds Ask() {
  const auto high = reinterpret_cast<uintptr_t>(pthread_get_stackaddr_np(pthread_self()));
  const size_t size = pthread_get_stacksize_np(pthread_self());
  return {high - size, high};
}

#elif defined(__linux__)

#ifndef __GLIBC__
// musl tells of a main thread only what is mapped now; the system maps more, up to its limit.
void ReachToLimit(Bounds* bounds) {
  constexpr rlim_t kMost = 64 << 20;
  struct rlimit limit {};
  if (getpid() != gettid() || getrlimit(RLIMIT_STACK, &limit) != 0) return;
  const rlim_t size = limit.rlim_cur < kMost ? limit.rlim_cur : kMost;
  if (size > bounds->size()) bounds->low = bounds->high - size;
}
#endif

Bounds Ask() {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return {};
  void* low = nullptr;
  size_t size = 0;
  size_t guard = 0;
  const bool told = pthread_attr_getstack(&attributes, &low, &size) == 0 && pthread_attr_getguardsize(&attributes, &guard) == 0;
  pthread_attr_destroy(&attributes);
  if (!told || size == 0) return {};
  Bounds bounds{reinterpret_cast<uintptr_t>(low), reinterpret_cast<uintptr_t>(low) + size};
#ifndef __GLIBC__
  ReachToLimit(&bounds);
#endif
  // Before glibc 2.27 the guard was counted as a part of it.
  bounds.low += guard;
  return bounds;
}

#else

Bounds Ask() { return {}; }

#endif

}  // namespace

const Bounds& BoundsOfThread() {
  static thread_local const Bounds bounds = Ask();
  return bounds;
}

}  // namespace stack
