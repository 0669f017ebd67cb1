#include "thread/pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <ctime>

namespace thread {

namespace {

constexpr size_t kWasmPage = 65536;

napi_value Named(napi_env env, napi_value object, const char* name) {
  napi_value value = nullptr;
  edge::Ok(napi_get_named_property(env, object, name, &value));
  return value;
}

bool IsWholePages(const edge::Bytes& bytes) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  return bytes.length % kWasmPage == 0 && bytes.length % page == 0 && reinterpret_cast<uintptr_t>(bytes.data) % page == 0;
}

#ifdef __linux__

/** What a memory is expected to grow by at most, in bytes: V8 has reserved it, with guard pages behind. */
constexpr size_t kMostGrowth = size_t{1} << 30;

/** How many huge pages have to be free. With none at hand the system looks for some that it could make, up to 30 ms for one. */
constexpr uint64_t kLeastFree = 128;
constexpr int64_t kLookAgainMs = 1000;
/** Of 2 MiB, in ordinary pages, as a power of two. */
constexpr int kHugeOrder = 9;

/** Counts of free blocks of each order stand behind the name of each zone. */
uint64_t FreeHugePages() noexcept {
  FILE* file = std::fopen("/proc/buddyinfo", "re");
  if (file == nullptr) return 0;
  uint64_t free_pages = 0;
  char line[512];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    int position = 0;
    if (std::sscanf(line, "Node %*d, zone %*31s %n", &position) < 0 || position == 0) continue;
    const char* rest = line + position;
    unsigned long count = 0;
    int length = 0;
    for (int order = 0; std::sscanf(rest, "%lu %n", &count, &length) == 1; order++, rest += length) {
      if (order >= kHugeOrder) free_pages += uint64_t{count} << (order - kHugeOrder);
    }
  }
  std::fclose(file);
  return free_pages;
}

bool AreHugePagesAtHand() noexcept {
  static std::atomic<int64_t> next_look_ms{0};
  static std::atomic<bool> are_at_hand{false};
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  const int64_t now_ms = int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
  int64_t due_ms = next_look_ms.load();
  if (now_ms >= due_ms && next_look_ms.compare_exchange_strong(due_ms, now_ms + kLookAgainMs)) {
    are_at_hand = FreeHugePages() >= kLeastFree;
  }
  return are_at_hand;
}

#endif

}  // namespace

WasmMemories::WasmMemories(napi_env env) {
  napi_value global = nullptr;
  edge::Ok(napi_get_global(env, &global));
  const napi_value wasm = Named(env, global, "WebAssembly");
  napi_valuetype type = napi_undefined;
  edge::Ok(napi_typeof(env, wasm, &type));
  // Node can be started without it (--jitless).
  if (type != napi_object) return;
  const napi_value prototype = Named(env, Named(env, wasm, "Memory"), "prototype");
  const napi_value object = Named(env, global, "Object");
  const napi_value arguments[] = {prototype, edge::ToJs(env, std::string("buffer"))};
  napi_value descriptor = nullptr;
  edge::Ok(napi_call_function(env, object, Named(env, object, "getOwnPropertyDescriptor"), 2, arguments, &descriptor));
  edge::Ok(napi_create_reference(env, Named(env, descriptor, "get"), 1, &buffer_getter_));
}

edge::Bytes WasmMemories::BytesOf(napi_env env, napi_value memory) const {
  if (!buffer_getter_) throw edge::ArgumentError("memory: there is no WebAssembly here");
  napi_value getter = nullptr;
  edge::Ok(napi_get_reference_value(env, buffer_getter_, &getter));
  napi_value buffer = nullptr;
  // V8 looks whether it is one, which no object can pretend to be.
  const napi_status status = napi_call_function(env, memory, getter, 0, nullptr, &buffer);
  if (status == napi_pending_exception) {
    napi_value unused = nullptr;
    edge::Ok(napi_get_and_clear_last_exception(env, &unused));
    throw edge::ArgumentError("memory: expected a WebAssembly.Memory");
  }
  edge::Ok(status);
  // Node-API knows no buffers that are shared, but views of them.
  napi_value global = nullptr;
  edge::Ok(napi_get_global(env, &global));
  napi_value view = nullptr;
  edge::Ok(napi_new_instance(env, Named(env, global, "Uint8Array"), 1, &buffer, &view));
  const edge::Bytes bytes = edge::Uint8ArrayBytes(env, view, "memory");
  return IsWholePages(bytes) ? bytes : edge::Bytes{nullptr, 0};
}

bool GrowInHugePages(const edge::Bytes& bytes) noexcept {
#if defined(__linux__) && UINTPTR_MAX > 0xffffffff
  if (bytes.data == nullptr || !AreHugePagesAtHand()) return false;
  // Says nothing of what is mapped there or may be read: where V8 has reserved less, it is advice about other memory, or none.
  madvise(bytes.data + bytes.length, kMostGrowth, MADV_HUGEPAGE);
  return true;
#else
  static_cast<void>(bytes);
  return false;
#endif
}

size_t ReleasePages(const edge::Bytes& bytes) noexcept {
#ifdef __linux__
  if (bytes.length == 0 || madvise(bytes.data, bytes.length, MADV_DONTNEED) != 0) return 0;
  return bytes.length;
#else
  // What macOS has in its place may leave the bytes as they were, and the pages where they are.
  static_cast<void>(bytes);
  return 0;
#endif
}

}  // namespace thread
