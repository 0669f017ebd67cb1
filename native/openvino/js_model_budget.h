#pragma once

#include <node_api.h>

#include <cstdint>
#include <optional>

#include "edge.h"

namespace openvino {

template <typename T>
class JsClass;

/** NativeModelBudget of src/native/openvino.ts. */
class JsModelBudget {
 public:
  static constexpr const char* kClassName = "NativeModelBudget";
  static const napi_type_tag kTypeTag;
  static void Define(napi_env env, JsClass<JsModelBudget>& js_class);

  explicit JsModelBudget(uint64_t bytes);
  ~JsModelBudget();
  JsModelBudget(const JsModelBudget&) = delete;
  JsModelBudget& operator=(const JsModelBudget&) = delete;

  napi_value Release(napi_env env, const edge::Arguments&);

 private:
  /** Nothing once it was released. */
  std::optional<uint64_t> bytes_;
};

}  // namespace openvino
