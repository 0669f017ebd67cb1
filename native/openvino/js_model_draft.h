#pragma once

#include <node_api.h>

#include <memory>
#include <vector>

#include "edge.h"
#include "openvino/model_content.h"
#include "openvino/model_table.h"

namespace openvino {

template <typename T>
class JsClass;

/** The copy of a model that is still to be filled. */
struct ModelDraft {
  Encoding encoding = Encoding::kIr;
  CompileTarget target;
  Asker asker = Asker::kGuest;
  std::vector<OwnedBytes> builders;
};

/** NativeModelDraft of src/native/openvino.ts. */
class JsModelDraft {
 public:
  static constexpr const char* kClassName = "NativeModelDraft";
  static const napi_type_tag kTypeTag;
  static void Define(napi_env env, JsClass<JsModelDraft>& js_class);

  explicit JsModelDraft(std::unique_ptr<ModelDraft> draft) : draft_(std::move(draft)) {}

  napi_value Write(napi_env env, const edge::Arguments& arguments);
  napi_value Compile(napi_env env, const edge::Arguments& arguments);
  napi_value Release(napi_env env, const edge::Arguments& arguments);

 private:
  ModelDraft& draft();

  std::unique_ptr<ModelDraft> draft_;
};

/**
 * The promise of a draft with room for builders of these sizes. The room is made on a thread of its own, and is in physical
 * memory then: the system takes longer to give fresh pages than it takes to fill them.
 */
napi_value PromiseOfDraft(napi_env env, std::unique_ptr<ModelDraft> draft, std::vector<size_t> byte_lengths);

}  // namespace openvino
