#include "openvino/async_tasks.h"

#include <utility>

#include "edge.h"

namespace openvino {

void Announcer::Announce(uint64_t task) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!function_) return;
  napi_call_threadsafe_function(function_, reinterpret_cast<void*>(static_cast<uintptr_t>(task)), napi_tsfn_nonblocking);
}

void Announcer::Close() noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  function_ = nullptr;
}

void AsyncTasks::Open(napi_env env) {
  if (function_) return;
  edge::Ok(napi_create_threadsafe_function(env, nullptr, nullptr, edge::ToJs(env, std::string("wasi-nn-host")), 0, 1,
                                           nullptr, nullptr, this, OnAnnounced, &function_));
  announcer_ = std::make_shared<Announcer>(function_);
  // Only pending promises keep the event loop alive.
  edge::Ok(napi_unref_threadsafe_function(env, function_));
  // Hooks run last added first: this one before the function's own, after which nobody may call it.
  const auto end = [](void* tasks) { static_cast<AsyncTasks*>(tasks)->AbandonAll(); };
  edge::Ok(napi_add_env_cleanup_hook(env, end, this));
}

uint64_t AsyncTasks::NextId(napi_env env) {
  Open(env);
  return ++last_id_;
}

napi_value AsyncTasks::Add(napi_env env, uint64_t id, std::unique_ptr<AsyncTask> task) {
  Pending& pending = pending_[id] = Pending{std::move(task), nullptr};
  napi_value promise = nullptr;
  edge::Ok(napi_create_promise(env, &pending.deferred, &promise));
  edge::Ok(napi_ref_threadsafe_function(env, function_));
  return promise;
}

void AsyncTasks::OnAnnounced(napi_env env, napi_value, void* context, void* data) {
  // A null environment is one that ends: its tasks were abandoned.
  if (env) static_cast<AsyncTasks*>(context)->Settle(env, reinterpret_cast<uintptr_t>(data));
}

void AsyncTasks::Settle(napi_env env, uint64_t id) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  const Pending pending = std::move(found->second);
  pending_.erase(found);
  if (pending_.empty()) napi_unref_threadsafe_function(env, function_);
  try {
    napi_resolve_deferred(env, pending.deferred, pending.task->Result(env));
  } catch (...) {
    try {
      napi_reject_deferred(env, pending.deferred, edge::ErrorFromCurrentException(env));
    } catch (...) {
      // The environment ends, and nobody waits for the promise.
    }
  }
}

void AsyncTasks::AbandonAll() noexcept {
  if (announcer_) announcer_->Close();
  for (auto& [id, pending] : pending_) pending.task->Abandon();
  pending_.clear();
}

}  // namespace openvino
