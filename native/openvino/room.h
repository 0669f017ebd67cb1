#pragma once

#include <node_api.h>

#include "addon_state.h"
#include "openvino/async_tasks.h"
#include "openvino/js_class.h"
#include "openvino/js_compiled_model.h"
#include "openvino/js_infer_request.h"
#include "openvino/js_model_budget.h"
#include "openvino/js_model_draft.h"

namespace openvino {

/** What the OpenVINO room keeps for one environment. */
class Room : public edge::RoomState {
 public:
  static Room& Of(napi_env env);

  /**
   * To be called before anything else: what is started on other threads must end before static destructors run, or keep them
   * from running (see Background). Hooks of the environment see to that when it is torn down, but `process.exit()` runs none;
   * this listens to its `exit` event. On the main thread that is for workers, too, for whose threads the end waits.
   */
  void WatchForExit(napi_env env);

  JsClass<JsCompiledModel> compiled_model_class;
  JsClass<JsInferRequest> infer_request_class;
  JsClass<JsModelBudget> model_budget_class;
  JsClass<JsModelDraft> model_draft_class;
  AsyncTasks tasks;

 private:
  static void OnCleanup(void* room);
  static napi_value OnExit(napi_env env, napi_callback_info info);
};

}  // namespace openvino
