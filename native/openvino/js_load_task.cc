#include "openvino/js_load_task.h"

#include <exception>
#include <mutex>
#include <utility>

#include "edge.h"
#include "openvino/background.h"
#include "openvino/room.h"

namespace openvino {

namespace {

using Start = std::function<std::unique_ptr<ModelLoad>()>;
using Announce = std::function<void()>;

class LoadTask : public AsyncTask {
 public:
  explicit LoadTask(std::unique_ptr<ModelLoad> load) : load_(std::move(load)) {}
  napi_value Result(napi_env env) override { return ToJs(env, load_->Take()); }
  void Abandon() noexcept override { load_.reset(); }

 private:
  std::unique_ptr<ModelLoad> load_;
};

class StartedElsewhere : public AsyncTask {
 public:
  StartedElsewhere(Start start, Announce announce) {
    Background::OfProcess().Run([state = state_, start = std::move(start), announce = std::move(announce)] {
      std::unique_ptr<ModelLoad> load;
      std::exception_ptr failure;
      try {
        load = start();
      } catch (...) {
        failure = std::current_exception();
      }
      const std::lock_guard<std::mutex> lock(state->mutex);
      if (state->abandoned) return;
      state->load = std::move(load);
      state->failure = std::move(failure);
      if (state->load) {
        state->load->WhenDone(announce);
      } else {
        announce();
      }
    });
  }

  napi_value Result(napi_env env) override {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    if (state_->failure) std::rethrow_exception(state_->failure);
    return ToJs(env, state_->load->Take());
  }

  void Abandon() noexcept override {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    state_->abandoned = true;
    state_->load.reset();
  }

 private:
  struct State {
    std::mutex mutex;
    bool abandoned = false;
    std::unique_ptr<ModelLoad> load;
    std::exception_ptr failure;
  };
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

Announce AnnounceTo(Room& room, uint64_t id) {
  return [announcer = room.tasks.announcer(), id] { announcer->Announce(id); };
}

}  // namespace

napi_value ToJs(napi_env env, SharedModel shared) {
  return Room::Of(env).compiled_model_class.Create(env, std::make_unique<JsCompiledModel>(std::move(shared)));
}

napi_value PromiseOf(napi_env env, std::unique_ptr<ModelLoad> load) {
  Room& room = Room::Of(env);
  const uint64_t id = room.tasks.NextId(env);
  load->WhenDone(AnnounceTo(room, id));
  return room.tasks.Add(env, id, std::make_unique<LoadTask>(std::move(load)));
}

napi_value PromiseOf(napi_env env, Start start) {
  Room& room = Room::Of(env);
  const uint64_t id = room.tasks.NextId(env);
  return room.tasks.Add(env, id, std::make_unique<StartedElsewhere>(std::move(start), AnnounceTo(room, id)));
}

}  // namespace openvino
