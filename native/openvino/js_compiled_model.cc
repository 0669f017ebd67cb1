#include "openvino/js_compiled_model.h"

#include "openvino/errors.h"
#include "openvino/room.h"

namespace openvino {

const napi_type_tag JsCompiledModel::kTypeTag = {0x6e2c1f0a51b94d3e, 0x9a7715c2d80e4b61};

namespace {

napi_value PortToJs(napi_env env, const Port& port) {
  napi_value null = nullptr;
  edge::Ok(napi_get_null(env, &null));
  const napi_value object = edge::NewObject(env);
  std::vector<std::string> names;
  if (!port.name.empty()) names.push_back(port.name);
  edge::Set(env, object, "name", edge::ToJs(env, port.name));
  edge::Set(env, object, "names", edge::ToJs(env, names));
  edge::Set(env, object, "elementType", edge::ToJs(env, std::string(port.element_type ? port.element_type->name : "other")));
  edge::Set(env, object, "shape", port.shape ? edge::ToJs(env, *port.shape) : null);
  return object;
}

napi_value PortsToJs(napi_env env, const std::vector<Port>& ports) {
  napi_value array = nullptr;
  edge::Ok(napi_create_array_with_length(env, ports.size(), &array));
  for (uint32_t index = 0; index < ports.size(); index++) {
    edge::Ok(napi_set_element(env, array, index, PortToJs(env, ports[index])));
  }
  return array;
}

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
                        Method<&JsCompiledModel::CreateInferRequest>("createInferRequest"),
                        Method<&JsCompiledModel::Release>("release")});
}

const CompiledModel& JsCompiledModel::model() const {
  if (!model_) throw Failure("ERR_RELEASED", "the compiled model was released");
  return *model_;
}

napi_value JsCompiledModel::Inputs(napi_env env, const edge::Arguments&) { return PortsToJs(env, model().inputs()); }

napi_value JsCompiledModel::Outputs(napi_env env, const edge::Arguments&) { return PortsToJs(env, model().outputs()); }

napi_value JsCompiledModel::Shared(napi_env env, const edge::Arguments&) {
  model();
  return edge::ToJs(env, shared_);
}

napi_value JsCompiledModel::Property(napi_env env, const edge::Arguments& arguments) {
  const std::string key = arguments.String(0, "key");
  return edge::ToJs(env, model().Property(key));
}

napi_value JsCompiledModel::CreateInferRequest(napi_env env, const edge::Arguments&) {
  model();
  auto request = std::make_unique<JsInferRequest>(std::make_shared<InferRequest>(model_));
  return Room::Of(env).infer_request_class.Create(env, std::move(request));
}

napi_value JsCompiledModel::Release(napi_env env, const edge::Arguments&) {
  model();
  model_.reset();
  return edge::Undefined(env);
}

}  // namespace openvino
