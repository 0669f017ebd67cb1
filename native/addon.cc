#include <dlfcn.h>
#include <napi.h>
#include <unistd.h>

#include "addon_state.h"
#include "edge.h"
#include "openvino/openvino.h"
#include "stack/stack.h"
#include "thread/thread.h"
#ifdef WASI_NN_HOST_FS
#include "fs/fs.h"
#include "preview1/direct_calls.h"
#endif

namespace {

napi_value Initialize(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    edge::KeepErrorMaker(env, edge::Arguments(env, info).Function(0, "createError"));
    return edge::Undefined(env);
  });
}

// _exit and not exit: threads of the runtime may be at work, and must not meet destroyed statics.
napi_value ExitNow(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&]() -> napi_value { _exit(edge::Arguments(env, info).Integer(0, "exitCode") & 0xff); });
}

napi_value Function(napi_env env, const char* name, napi_callback callback) {
  napi_value function = nullptr;
  edge::Ok(napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function));
  return function;
}

/**
 * Has this file stay in memory until the process ends. Node unloads an addon with the last environment that uses it, which is a
 * worker's where the main thread never loaded it; threads of ours and what the process runs at its exit are still to come.
 * On Linux the linker was told so, which cannot fail.
 */
void KeepLoaded() {
#ifndef __linux__
  Dl_info own{};
  if (dladdr(reinterpret_cast<void*>(&KeepLoaded), &own) != 0) dlopen(own.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
#endif
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  edge::Guarded(env, [&]() -> napi_value {
    KeepLoaded();
    edge::AddonState::Create(env);
    edge::Set(env, exports, "initialize", Function(env, "initialize", Initialize));
    edge::Set(env, exports, "exitNow", Function(env, "exitNow", ExitNow));
    // First: other rooms let themselves be interrupted.
    edge::Set(env, exports, "thread", InitThread(env));
    edge::Set(env, exports, "openvino", InitOpenVino(env));
    edge::Set(env, exports, "stack", InitStack(env));
#ifdef WASI_NN_HOST_FS
    const Napi::Object fs = InitFs(env);
    preview1::AddDirectCalls(env, fs);
    edge::Set(env, exports, "fs", fs);
#endif
    return nullptr;
  });
  return exports;
}

}  // namespace

NODE_API_MODULE(wasi_nn_host, Init)
