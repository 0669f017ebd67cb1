#pragma once

#include <node_api.h>

#include <memory>

#include "edge.h"
#include "openvino/infer_request.h"

namespace openvino {

template <typename T>
class JsClass;

/** NativeInferRequest of src/native/openvino.ts. */
class JsInferRequest {
 public:
  static constexpr const char* kClassName = "NativeInferRequest";
  static const napi_type_tag kTypeTag;
  static void Define(napi_env env, JsClass<JsInferRequest>& js_class);

  explicit JsInferRequest(std::shared_ptr<InferRequest> request) : request_(std::move(request)) {}

  napi_value SetInput(napi_env env, const edge::Arguments& arguments);
  napi_value Infer(napi_env env, const edge::Arguments&);
  napi_value InferAsync(napi_env env, const edge::Arguments&);
  napi_value Cancel(napi_env env, const edge::Arguments&);
  napi_value OutputInfo(napi_env env, const edge::Arguments& arguments);
  napi_value GetOutput(napi_env env, const edge::Arguments& arguments);
  napi_value Profile(napi_env env, const edge::Arguments&);
  napi_value Release(napi_env env, const edge::Arguments&);

 private:
  InferRequest& request() const;

  // Shared with a pending computation, which outlives a release.
  std::shared_ptr<InferRequest> request_;
};

}  // namespace openvino
