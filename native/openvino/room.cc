#include "openvino/room.h"

#include "openvino/runtime.h"

namespace openvino {

Room& Room::Of(napi_env env) { return static_cast<Room&>(*edge::AddonState::Of(env).openvino); }

void Room::EndPreload(void*) { Runtime::OfProcess().FinishPreload(); }

napi_value Room::OnExit(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&]() -> napi_value {
    const edge::Arguments arguments(env, info);
    static_cast<Room*>(arguments.data())->tasks.AbandonAll();
    EndPreload(arguments.data());
    return nullptr;
  });
}

void Room::WatchForExit(napi_env env) {
  if (watches_) return;
  watches_ = true;
  edge::Ok(napi_add_env_cleanup_hook(env, EndPreload, this));
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
