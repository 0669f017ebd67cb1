#include "openvino/room.h"

#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#else
#include <pthread.h>
#endif

#include "openvino/background.h"
#include "openvino/runtime.h"
#include "thread/interrupt.h"

namespace openvino {

namespace {

/** Whose end is the process's. */
bool IsMainThread() {
#ifdef __linux__
  return syscall(SYS_gettid) == getpid();
#else
  return pthread_main_np() != 0;
#endif
}

}  // namespace

Room& Room::Of(napi_env env) { return static_cast<Room&>(*edge::AddonState::Of(env).openvino); }

void Room::OnCleanup(void*) {
  Runtime::OfProcess().FinishPreload();
  if (IsMainThread()) Background::OfProcess().StopFreeing();
  Background::OfProcess().PrepareForExit();
}

napi_value Room::OnExit(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&]() -> napi_value {
    const edge::Arguments arguments(env, info);
    static_cast<Room*>(arguments.data())->tasks.AbandonAll();
    Runtime::OfProcess().FinishPreload();
    if (!IsMainThread()) return nullptr;
    // The end waits for workers, which may wait for a compile or compute for long.
    thread::Interrupt::Of(env)->RequestOthers();
    Background::OfProcess().NoteExitCode(static_cast<int>(arguments.Integer(0, "code")));
    Background::OfProcess().PrepareForExit();
    return nullptr;
  });
}

void Room::WatchForExit(napi_env env) {
  edge::Ok(napi_add_env_cleanup_hook(env, OnCleanup, this));
  napi_value global = nullptr;
  napi_value process = nullptr;
  napi_value once = nullptr;
  napi_value listener = nullptr;
  edge::Ok(napi_get_global(env, &global));
  edge::Ok(napi_get_named_property(env, global, "process", &process));
  edge::Ok(napi_get_named_property(env, process, "once", &once));
  edge::Ok(napi_create_function(env, "endNativeWork", NAPI_AUTO_LENGTH, OnExit, this, &listener));
  const napi_value arguments[] = {edge::ToJs(env, std::string("exit")), listener};
  edge::Ok(napi_call_function(env, process, once, 2, arguments, nullptr));
}

}  // namespace openvino
