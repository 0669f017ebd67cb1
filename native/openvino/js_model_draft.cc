#include "openvino/js_model_draft.h"

#include <cstring>
#include <exception>
#include <mutex>
#include <utility>

#include "openvino/background.h"
#include "openvino/errors.h"
#include "openvino/js_class.h"
#include "openvino/js_load_task.h"
#include "openvino/room.h"
#include "openvino/runtime.h"

namespace openvino {

const napi_type_tag JsModelDraft::kTypeTag = {0x51d0a7c94e3b4f28, 0xb6e2907d15fa4c83};

namespace {

template <napi_value (JsModelDraft::*method)(napi_env, const edge::Arguments&)>
napi_property_descriptor Method(const char* name) {
  return {name, nullptr, JsClass<JsModelDraft>::Method<method>, nullptr, nullptr, nullptr, napi_default_method, nullptr};
}

/** Of every system that there is, or larger. */
constexpr size_t kPageBytes = 4096;

OwnedBytes InMemory(size_t length) {
  OwnedBytes bytes = OwnedBytes::Zeroed(length);
  for (size_t at = 0; at < length; at += kPageBytes) *static_cast<volatile uint8_t*>(bytes.data() + at) = 0;
  return bytes;
}

class DraftTask : public AsyncTask {
 public:
  DraftTask(std::unique_ptr<ModelDraft> draft, std::vector<size_t> byte_lengths, std::function<void()> announce) {
    state_->draft = std::move(draft);
    Background::OfProcess().Run([state = state_, byte_lengths = std::move(byte_lengths), announce = std::move(announce)] {
      try {
        for (const size_t length : byte_lengths) state->draft->builders.push_back(InMemory(length));
      } catch (...) {
        state->failure = std::current_exception();
      }
      announce();
    });
  }

  napi_value Result(napi_env env) override {
    if (state_->failure) std::rethrow_exception(state_->failure);
    return Room::Of(env).model_draft_class.Create(env, std::make_unique<JsModelDraft>(std::move(state_->draft)));
  }

  /** The thread fills what nobody else looks at, and then frees it. */
  void Abandon() noexcept override {}

 private:
  /** The thread's until it announces. */
  struct State {
    std::unique_ptr<ModelDraft> draft;
    std::exception_ptr failure;
  };
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace

void JsModelDraft::Define(napi_env env, JsClass<JsModelDraft>& js_class) {
  js_class.Define(env, {Method<&JsModelDraft::Write>("write"), Method<&JsModelDraft::Compile>("compile"),
                        Method<&JsModelDraft::Release>("release")});
}

ModelDraft& JsModelDraft::draft() {
  if (!draft_) throw Failure("ERR_RELEASED", "the model's draft was compiled or released");
  return *draft_;
}

napi_value JsModelDraft::Write(napi_env env, const edge::Arguments& arguments) {
  const int64_t index = arguments.Integer(0, "builder");
  const int64_t offset = arguments.Integer(1, "offset");
  const edge::Bytes bytes = edge::Uint8ArrayBytes(env, arguments[2], "bytes");
  const std::vector<OwnedBytes>& builders = draft().builders;
  if (index < 0 || static_cast<size_t>(index) >= builders.size()) throw edge::ArgumentError("builder: there is none of this index");
  const OwnedBytes& builder = builders[static_cast<size_t>(index)];
  if (offset < 0 || static_cast<size_t>(offset) > builder.length() || bytes.length > builder.length() - static_cast<size_t>(offset)) {
    throw edge::ArgumentError("bytes: they reach beyond the end of the builder");
  }
  if (bytes.length > 0) std::memcpy(builder.data() + offset, bytes.data, bytes.length);
  return edge::Undefined(env);
}

napi_value JsModelDraft::Compile(napi_env env, const edge::Arguments&) {
  draft();
  const std::shared_ptr<ModelDraft> draft = std::move(draft_);
  const Library& library = Runtime::OfProcess().Opened();
  return PromiseOf(env, [draft, &library] {
    auto content = std::make_shared<const ModelContent>(draft->encoding, std::move(draft->builders), std::move(draft->target));
    return ModelTable::OfProcess().Start(library, std::move(content), draft->asker);
  });
}

napi_value JsModelDraft::Release(napi_env env, const edge::Arguments&) {
  draft();
  draft_.reset();
  return edge::Undefined(env);
}

napi_value PromiseOfDraft(napi_env env, std::unique_ptr<ModelDraft> draft, std::vector<size_t> byte_lengths) {
  Room& room = Room::Of(env);
  const uint64_t id = room.tasks.NextId(env);
  const auto announce = [announcer = room.tasks.announcer(), id] { announcer->Announce(id); };
  return room.tasks.Add(env, id, std::make_unique<DraftTask>(std::move(draft), std::move(byte_lengths), announce));
}

}  // namespace openvino
