#pragma once

#include <node_api.h>

#include <memory>

#include "edge.h"
#include "openvino/compiled_model.h"
#include "openvino/model_table.h"

namespace openvino {

template <typename T>
class JsClass;

/** NativeCompiledModel of src/native/openvino.ts. */
class JsCompiledModel {
 public:
  static constexpr const char* kClassName = "NativeCompiledModel";
  static const napi_type_tag kTypeTag;
  static void Define(napi_env env, JsClass<JsCompiledModel>& js_class);

  explicit JsCompiledModel(SharedModel shared) : shared_(std::move(shared)) {}

  napi_value Inputs(napi_env env, const edge::Arguments&);
  napi_value Outputs(napi_env env, const edge::Arguments&);
  napi_value Shared(napi_env env, const edge::Arguments&);
  napi_value Property(napi_env env, const edge::Arguments& arguments);
  napi_value Share(napi_env env, const edge::Arguments&);
  napi_value CreateInferRequest(napi_env env, const edge::Arguments&);
  napi_value Release(napi_env env, const edge::Arguments&);

 private:
  const CompiledModel& model() const;

  SharedModel shared_;
};

}  // namespace openvino
