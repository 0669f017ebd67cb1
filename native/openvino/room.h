#pragma once

#include <node_api.h>

#include "addon_state.h"
#include "openvino/async_tasks.h"
#include "openvino/js_class.h"
#include "openvino/js_compiled_model.h"
#include "openvino/js_infer_request.h"

namespace openvino {

/** What the OpenVINO room keeps for one environment. */
class Room : public edge::RoomState {
 public:
  static Room& Of(napi_env env);

  /**
   * To be called before anything is started on another thread: all of it must end before static destructors run. Hooks of
   * the environment see to that when it is torn down, but `process.exit()` runs none; this listens to its `exit` event.
   */
  void WatchForExit(napi_env env);

  JsClass<JsCompiledModel> compiled_model_class;
  JsClass<JsInferRequest> infer_request_class;
  AsyncTasks tasks;

 private:
  static void EndPreload(void* room);
  static napi_value OnExit(napi_env env, napi_callback_info info);

  bool watches_ = false;
};

}  // namespace openvino
