#include "thread/thread.h"

#include "edge.h"
#include "thread/interrupt.h"
#include "thread/pages.h"
#include "thread/room.h"
#include "thread/usage.h"

namespace {

using thread::Interrupt;

// () -> number
napi_value InterruptToken(napi_env env, napi_callback_info) {
  return edge::Guarded(env, [&] { return edge::ToJs(env, static_cast<double>(Interrupt::Of(env)->token())); });
}

// (token) -> whether there is such an environment
napi_value RequestInterrupt(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const int64_t token = edge::Arguments(env, info).Integer(0, "token");
    return edge::ToJs(env, Interrupt::Request(static_cast<uint64_t>(token)));
  });
}

// () -> milliseconds
napi_value CpuTimeMs(napi_env env, napi_callback_info) {
  return edge::Guarded(env, [&] { return edge::ToJs(env, thread::CpuTimeMs()); });
}

// () -> bytes
napi_value ResidentBytes(napi_env env, napi_callback_info) {
  return edge::Guarded(env, [&] { return edge::ToJs(env, thread::ResidentBytes()); });
}

// (WebAssembly.Memory) -> whether the system was asked
napi_value GrowInHugePages(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const edge::Bytes bytes = thread::Room::Of(env).memories().BytesOf(env, edge::Arguments(env, info)[0]);
    return edge::ToJs(env, thread::GrowInHugePages(bytes));
  });
}

// (WebAssembly.Memory) -> bytes given back
napi_value ReleasePages(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const edge::Bytes bytes = thread::Room::Of(env).memories().BytesOf(env, edge::Arguments(env, info)[0]);
    return edge::ToJs(env, static_cast<double>(thread::ReleasePages(bytes)));
  });
}

// (bytes) -> whether V8 counted as many
napi_value TakeExternalBytes(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const int64_t bytes = edge::Arguments(env, info).Integer(0, "bytes");
    return edge::ToJs(env, thread::Room::Of(env).external_bytes().Take(bytes));
  });
}

// (bytes) -> how many V8 counts
napi_value AddExternalBytes(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const int64_t bytes = edge::Arguments(env, info).Integer(0, "bytes");
    return edge::ToJs(env, static_cast<double>(thread::Room::Of(env).external_bytes().Add(bytes)));
  });
}

// (Int32Array of a shared buffer, bytes) -> whether it is guarded
napi_value GuardHeap(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const edge::Arguments arguments(env, info);
    const auto headroom_bytes = static_cast<size_t>(arguments.Integer(1, "headroomBytes"));
    return edge::ToJs(env, thread::Room::Of(env).GuardHeap(env, arguments[0], headroom_bytes));
  });
}

// (text, exit code) -> whether the process will end so
napi_value EndProcessOnFullHeap(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const edge::Arguments arguments(env, info);
    const auto status = static_cast<int>(arguments.Integer(1, "exitCode"));
    return edge::ToJs(env, thread::Room::Of(env).EndProcessOnFullHeap(arguments.String(0, "text"), status));
  });
}

}  // namespace

Napi::Object InitThread(Napi::Env env) {
  edge::AddonState::Of(env).thread = std::make_unique<thread::Room>(env);
  Napi::Object exports = Napi::Object::New(env);
  const struct {
    const char* name;
    napi_callback function;
  } calls[] = {{"interruptToken", InterruptToken},
               {"interrupt", RequestInterrupt},
               {"cpuTimeMs", CpuTimeMs},
               {"residentBytes", ResidentBytes},
               {"growInHugePages", GrowInHugePages},
               {"releasePages", ReleasePages},
               {"takeExternalBytes", TakeExternalBytes},
               {"addExternalBytes", AddExternalBytes},
               {"guardHeap", GuardHeap},
               {"endProcessOnFullHeap", EndProcessOnFullHeap}};
  for (const auto& call : calls) {
    napi_value function = nullptr;
    edge::Ok(napi_create_function(env, call.name, NAPI_AUTO_LENGTH, call.function, nullptr, &function));
    edge::Set(env, exports, call.name, function);
  }
  return exports;
}
