#include "openvino/openvino.h"

#include "edge.h"
#include "openvino/js_functions.h"
#include "openvino/room.h"

Napi::Object InitOpenVino(Napi::Env env) {
  auto room = std::make_unique<openvino::Room>();
  openvino::JsCompiledModel::Define(env, room->compiled_model_class);
  openvino::JsInferRequest::Define(env, room->infer_request_class);
  openvino::JsModelBudget::Define(env, room->model_budget_class);
  openvino::JsModelDraft::Define(env, room->model_draft_class);
  edge::AddonState::Of(env).openvino = std::move(room);
  openvino::Room::Of(env).WatchForExit(env);
  return Napi::Object(env, openvino::FunctionsObject(env));
}
