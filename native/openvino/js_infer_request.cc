#include "openvino/js_infer_request.h"

#include "openvino/errors.h"
#include "openvino/room.h"

namespace openvino {

const napi_type_tag JsInferRequest::kTypeTag = {0x1d84ae6b02f7459c, 0xb3f05e9124a64c87};

namespace {

class InferTask : public AsyncTask {
 public:
  explicit InferTask(std::shared_ptr<InferRequest> request) : request_(std::move(request)) {}

  napi_value Result(napi_env env) override {
    request_->Finish();
    return edge::Undefined(env);
  }

  void Abandon() noexcept override {
    request_->Cancel();
    try {
      request_->Finish();
    } catch (...) {
      // Cancelled or failed: it does not run any more, which is all that counts here.
    }
  }

 private:
  const std::shared_ptr<InferRequest> request_;
};

template <napi_value (JsInferRequest::*method)(napi_env, const edge::Arguments&)>
napi_property_descriptor Method(const char* name) {
  return {name, nullptr, JsClass<JsInferRequest>::Method<method>, nullptr, nullptr, nullptr, napi_default_method, nullptr};
}

}  // namespace

void JsInferRequest::Define(napi_env env, JsClass<JsInferRequest>& js_class) {
  js_class.Define(env, {Method<&JsInferRequest::SetInput>("setInput"), Method<&JsInferRequest::Infer>("infer"),
                        Method<&JsInferRequest::InferAsync>("inferAsync"), Method<&JsInferRequest::Cancel>("cancel"),
                        Method<&JsInferRequest::OutputInfo>("outputInfo"), Method<&JsInferRequest::GetOutput>("getOutput"),
                        Method<&JsInferRequest::Profile>("profile"), Method<&JsInferRequest::Release>("release")});
}

InferRequest& JsInferRequest::request() const {
  if (!request_) throw Failure("ERR_RELEASED", "the infer request was released");
  return *request_;
}

// Reading numbers and arrays may run JavaScript, which may release this request or detach the bytes: memory and state are
// looked at last.
napi_value JsInferRequest::SetInput(napi_env env, const edge::Arguments& arguments) {
  const auto index = static_cast<size_t>(arguments.Integer(0, "index"));
  const std::string element_type = arguments.String(1, "elementType");
  Dimensions dimensions = arguments.Integers(2, "shape");
  const edge::Bytes bytes = edge::Uint8ArrayBytes(env, arguments[3], "bytes");
  request().SetInput(index, element_type, std::move(dimensions), {bytes.data, bytes.length});
  return edge::Undefined(env);
}

napi_value JsInferRequest::Infer(napi_env env, const edge::Arguments&) {
  request().Infer(thread::Interrupt::Of(env));
  return edge::Undefined(env);
}

napi_value JsInferRequest::InferAsync(napi_env env, const edge::Arguments&) {
  request();
  AsyncTasks& tasks = Room::Of(env).tasks;
  const uint64_t id = tasks.NextId(env);
  request().Start([announcer = tasks.announcer(), id] { announcer->Announce(id); });
  return tasks.Add(env, id, std::make_unique<InferTask>(request_));
}

napi_value JsInferRequest::Cancel(napi_env env, const edge::Arguments&) {
  request().Cancel();
  return edge::Undefined(env);
}

napi_value JsInferRequest::OutputInfo(napi_env env, const edge::Arguments& arguments) {
  const auto index = static_cast<size_t>(arguments.Integer(0, "index"));
  const openvino::OutputInfo info = request().Output(index);
  const napi_value object = edge::NewObject(env);
  edge::Set(env, object, "elementType", edge::ToJs(env, std::string(info.element_type->name)));
  edge::Set(env, object, "shape", edge::ToJs(env, info.dimensions));
  edge::Set(env, object, "byteLength", edge::ToJs(env, static_cast<double>(info.byte_length)));
  return object;
}

napi_value JsInferRequest::GetOutput(napi_env env, const edge::Arguments& arguments) {
  const auto index = static_cast<size_t>(arguments.Integer(0, "index"));
  const edge::Bytes target = edge::Uint8ArrayBytes(env, arguments[1], "target");
  return edge::ToJs(env, static_cast<double>(request().CopyOutput(index, target.data, target.length)));
}

napi_value JsInferRequest::Profile(napi_env env, const edge::Arguments&) {
  const std::vector<OperationTime> times = request().Profile();
  napi_value array = nullptr;
  edge::Ok(napi_create_array_with_length(env, times.size(), &array));
  for (uint32_t index = 0; index < times.size(); index++) {
    const OperationTime& time = times[index];
    const napi_value object = edge::NewObject(env);
    edge::Set(env, object, "name", edge::ToJs(env, time.name));
    edge::Set(env, object, "type", edge::ToJs(env, time.type));
    edge::Set(env, object, "implementation", edge::ToJs(env, time.implementation));
    edge::Set(env, object, "wallMs", edge::ToJs(env, static_cast<double>(time.wall_us) / 1000));
    edge::Set(env, object, "cpuMs", edge::ToJs(env, static_cast<double>(time.cpu_us) / 1000));
    edge::Ok(napi_set_element(env, array, index, object));
  }
  return array;
}

napi_value JsInferRequest::Release(napi_env env, const edge::Arguments&) {
  if (request().busy()) request_->Cancel();
  request_.reset();
  return edge::Undefined(env);
}

}  // namespace openvino
