#pragma once

#include <node_api.h>

#include <memory>

namespace edge {

/** What one room of the addon keeps for one environment. */
class RoomState {
 public:
  virtual ~RoomState() = default;
};

/**
 * Everything that the addon keeps for one environment (the main thread, a worker); nothing of JavaScript is static. Freed
 * by Node-API after the environment's cleanup hooks ran; finalizers of objects may run before or after and never use it.
 */
struct AddonState {
  static AddonState& Of(napi_env env);
  /** Once per environment, before anything else. */
  static void Create(napi_env env);

  napi_ref error_maker = nullptr;
  std::unique_ptr<RoomState> openvino;
  std::unique_ptr<RoomState> fs;
  std::unique_ptr<RoomState> thread;
};

}  // namespace edge
