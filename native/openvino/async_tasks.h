#pragma once

#include <node_api.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace openvino {

/** Work that goes on away from the JavaScript thread and ends in a promise. Owned and touched by its JavaScript thread. */
class AsyncTask {
 public:
  virtual ~AsyncTask() = default;
  /** The result for the promise, on the JavaScript thread, after the work announced its end. @throws what to reject with */
  virtual napi_value Result(napi_env env) = 0;
  /** The environment ends: ask the work to stop, and return when nothing of it runs any more. */
  virtual void Abandon() noexcept = 0;
};

/** How work on another thread says that it is done. It may outlive the environment and then says it to nobody. */
class Announcer {
 public:
  explicit Announcer(napi_threadsafe_function function) : function_(function) {}
  /** From any thread. */
  void Announce(uint64_t task) noexcept;
  void Close() noexcept;

 private:
  // Held while the function is called: an ended environment has freed it.
  std::mutex mutex_;
  napi_threadsafe_function function_;
};

/** The tasks of one environment. */
class AsyncTasks {
 public:
  /**
   * Gets an id for a task that is about to start. The first call makes sure that all tasks end before the environment
   * does.
   */
  uint64_t NextId(napi_env env);
  std::shared_ptr<Announcer> announcer() const { return announcer_; }
  /** The promise of a task that has started. */
  napi_value Add(napi_env env, uint64_t id, std::unique_ptr<AsyncTask> task);
  /** The environment or the process ends: nothing may run on. */
  void AbandonAll() noexcept;

 private:
  struct Pending {
    std::unique_ptr<AsyncTask> task;
    napi_deferred deferred;
  };

  void Open(napi_env env);
  void Settle(napi_env env, uint64_t id);
  static void OnAnnounced(napi_env env, napi_value function, void* context, void* data);

  napi_threadsafe_function function_ = nullptr;
  std::shared_ptr<Announcer> announcer_;
  std::unordered_map<uint64_t, Pending> pending_;
  uint64_t last_id_ = 0;
};

}  // namespace openvino
