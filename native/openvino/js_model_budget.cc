#include "openvino/js_model_budget.h"

#include "openvino/errors.h"
#include "openvino/js_class.h"
#include "openvino/model_table.h"

namespace openvino {

const napi_type_tag JsModelBudget::kTypeTag = {0x3c57b18f90ad4e26, 0x8f21d6047be95ca3};

void JsModelBudget::Define(napi_env env, JsClass<JsModelBudget>& js_class) {
  js_class.Define(env, {{"release", nullptr, JsClass<JsModelBudget>::Method<&JsModelBudget::Release>, nullptr, nullptr, nullptr,
                         napi_default_method, nullptr}});
}

JsModelBudget::JsModelBudget(uint64_t bytes) : bytes_(bytes) { ModelTable::OfProcess().ReserveBudget(bytes); }

JsModelBudget::~JsModelBudget() {
  if (bytes_) ModelTable::OfProcess().ReleaseBudget(*bytes_);
}

napi_value JsModelBudget::Release(napi_env env, const edge::Arguments&) {
  if (!bytes_) throw Failure("ERR_RELEASED", "the budget was released");
  ModelTable::OfProcess().ReleaseBudget(*bytes_);
  bytes_.reset();
  return edge::Undefined(env);
}

}  // namespace openvino
