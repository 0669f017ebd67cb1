#include "stack/stack.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "edge.h"
#include "stack/bounds.h"
#include "stack/limit.h"

namespace {

using stack::Bounds;
using stack::Limit;

// What stays free below the limit for native code, which knows of none: V8's runtime, Node-API, the inference runtime
// (a MobileNet computes within 0.3 MB of stack; models are compiled on threads of their own), handlers of signals.
constexpr uintptr_t kNativeRoom = 1 << 20;
constexpr uintptr_t kLeastNativeRoom = 256 << 10;

uintptr_t NativeRoom(const Bounds& bounds) {
  const uintptr_t least = std::min(kLeastNativeRoom, bounds.size() / 2);
  return std::max(least, std::min(kNativeRoom, bounds.size() / 4));
}

// What Enter set last on this thread, or 0.
thread_local uintptr_t entered_limit = 0;

uintptr_t Here() { return reinterpret_cast<uintptr_t>(__builtin_frame_address(0)); }

// An address that the limit may be.
bool IsSane(const Bounds& bounds, uintptr_t address) { return address >= bounds.low && address < Here(); }

napi_value ByteLength(napi_env env, napi_callback_info) {
  return edge::Guarded(env, [&] { return edge::ToJs(env, static_cast<double>(stack::BoundsOfThread().size())); });
}

// (byteLength, atLeast) -> the limit that was set before, or 0 where nothing was changed
napi_value Enter(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const edge::Arguments arguments(env, info);
    const int64_t wanted = arguments.Integer(0, "byteLength");
    bool at_least = false;
    if (napi_get_value_bool(env, arguments[1], &at_least) != napi_ok) throw edge::ArgumentError("atLeast: expected a boolean");
    const Bounds& bounds = stack::BoundsOfThread();
    const uintptr_t here = Here();
    const uintptr_t floor = bounds.low + NativeRoom(bounds);
    // On a stack that is not the thread's own (a fiber's), nothing is known.
    if (wanted <= 0 || !bounds.Contains(here) || here <= floor || !Limit::Find()) return edge::ToJs(env, 0.0);
    const uintptr_t before = Limit::Read(floor);
    const uintptr_t asked = static_cast<uintptr_t>(wanted) < here - floor ? here - static_cast<uintptr_t>(wanted) : floor;
    if (before == 0) {
      // V8 keeps its limit elsewhere than any version known. It was set, and has to be something that holds.
      Limit::Set(std::max(floor, asked));
      return edge::ToJs(env, 0.0);
    }
    entered_limit = std::max(floor, at_least ? std::min(before, asked) : asked);
    Limit::Set(entered_limit);
    return edge::ToJs(env, static_cast<double>(before));
  });
}

// (what Enter answered) -> undefined
napi_value Leave(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const edge::Arguments arguments(env, info);
    const auto before = static_cast<uintptr_t>(arguments.Integer(0, "limit"));
    if (IsSane(stack::BoundsOfThread(), before) && Limit::Find()) {
      Limit::Set(before);
      entered_limit = before;
    }
    return edge::Undefined(env);
  });
}

// () -> bytes between here and the limit
napi_value Room(napi_env env, napi_callback_info) {
  return edge::Guarded(env, [&] {
    const uintptr_t here = Here();
    if (entered_limit == 0 || !stack::BoundsOfThread().Contains(here)) return edge::ToJs(env, std::numeric_limits<double>::infinity());
    return edge::ToJs(env, here > entered_limit ? static_cast<double>(here - entered_limit) : 0.0);
  });
}

}  // namespace

Napi::Object InitStack(Napi::Env env) {
  Napi::Object exports = Napi::Object::New(env);
  const struct {
    const char* name;
    napi_callback function;
  } calls[] = {{"byteLength", ByteLength}, {"enter", Enter}, {"leave", Leave}, {"room", Room}};
  for (const auto& call : calls) {
    napi_value function = nullptr;
    edge::Ok(napi_create_function(env, call.name, NAPI_AUTO_LENGTH, call.function, nullptr, &function));
    edge::Set(env, exports, call.name, function);
  }
  return exports;
}
