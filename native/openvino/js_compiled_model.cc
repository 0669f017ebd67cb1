#include "openvino/js_compiled_model.h"

#include "openvino/errors.h"
#include "openvino/js_ports.h"
#include "openvino/room.h"

namespace openvino {

const napi_type_tag JsCompiledModel::kTypeTag = {0x6e2c1f0a51b94d3e, 0x9a7715c2d80e4b61};

namespace {

template <napi_value (JsCompiledModel::*method)(napi_env, const edge::Arguments&)>
napi_property_descriptor Method(const char* name) {
  return {name, nullptr, JsClass<JsCompiledModel>::Method<method>, nullptr, nullptr, nullptr, napi_default_method, nullptr};
}

template <napi_value (JsCompiledModel::*method)(napi_env, const edge::Arguments&)>
napi_property_descriptor Getter(const char* name) {
  return {name, nullptr, nullptr, JsClass<JsCompiledModel>::Method<method>, nullptr, nullptr, napi_enumerable, nullptr};
}

}  // namespace

void JsCompiledModel::Define(napi_env env, JsClass<JsCompiledModel>& js_class) {
  js_class.Define(env, {Getter<&JsCompiledModel::Inputs>("inputs"), Getter<&JsCompiledModel::Outputs>("outputs"),
                        Getter<&JsCompiledModel::Shared>("shared"), Method<&JsCompiledModel::Property>("property"),
                        Method<&JsCompiledModel::Share>("share"),
                        Method<&JsCompiledModel::CreateInferRequest>("createInferRequest"),
                        Method<&JsCompiledModel::Release>("release")});
}

const CompiledModel& JsCompiledModel::model() const {
  if (!shared_.model) throw Failure("ERR_RELEASED", "the compiled model was released");
  return *shared_.model;
}

napi_value JsCompiledModel::Inputs(napi_env env, const edge::Arguments&) { return PortsToJs(env, model().inputs()); }

napi_value JsCompiledModel::Outputs(napi_env env, const edge::Arguments&) { return PortsToJs(env, model().outputs()); }

napi_value JsCompiledModel::Shared(napi_env env, const edge::Arguments&) {
  model();
  return edge::ToJs(env, shared_.found);
}

napi_value JsCompiledModel::Share(napi_env env, const edge::Arguments&) {
  model();
  return edge::ToJs(env, static_cast<double>(shared_.id));
}

napi_value JsCompiledModel::Property(napi_env env, const edge::Arguments& arguments) {
  const std::string key = arguments.String(0, "key");
  return edge::ToJs(env, model().Property(key));
}

napi_value JsCompiledModel::CreateInferRequest(napi_env env, const edge::Arguments&) {
  model();
  auto request = std::make_unique<JsInferRequest>(std::make_shared<InferRequest>(shared_.model));
  return Room::Of(env).infer_request_class.Create(env, std::move(request));
}

napi_value JsCompiledModel::Release(napi_env env, const edge::Arguments&) {
  model();
  shared_.model.reset();
  return edge::Undefined(env);
}

}  // namespace openvino
