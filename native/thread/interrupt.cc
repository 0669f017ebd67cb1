#include "thread/interrupt.h"

#include <unordered_map>
#include <utility>
#include <vector>

#include "thread/room.h"

namespace thread {

/** The environments of the process that can be interrupted. */
class InterruptRegistry {
 public:
  // Never destroyed: workers may end after static destructors have begun to run.
  static InterruptRegistry& OfProcess() {
    static InterruptRegistry& registry = *new InterruptRegistry;
    return registry;
  }

  std::shared_ptr<Interrupt> Add() {
    const std::lock_guard<std::mutex> lock(mutex_);
    const std::shared_ptr<Interrupt> interrupt(new Interrupt(++last_token_));
    by_token_.emplace(interrupt->token(), interrupt);
    return interrupt;
  }

  void Remove(uint64_t token) noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    by_token_.erase(token);
  }

  std::vector<std::shared_ptr<Interrupt>> All() {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<std::shared_ptr<Interrupt>> all;
    for (const auto& [token, interrupt] : by_token_) all.push_back(interrupt);
    return all;
  }

  std::shared_ptr<Interrupt> Find(uint64_t token) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = by_token_.find(token);
    return found == by_token_.end() ? nullptr : found->second;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<uint64_t, std::shared_ptr<Interrupt>> by_token_;
  uint64_t last_token_ = 0;
};

std::shared_ptr<Interrupt> Interrupt::Add() { return InterruptRegistry::OfProcess().Add(); }

void Interrupt::Remove() const noexcept { InterruptRegistry::OfProcess().Remove(token_); }

const std::shared_ptr<Interrupt>& Interrupt::Of(napi_env env) { return Room::Of(env).interrupt(); }

bool Interrupt::Request(uint64_t token) noexcept {
  // Held from here on: its environment may end meanwhile.
  const std::shared_ptr<Interrupt> interrupt = InterruptRegistry::OfProcess().Find(token);
  if (!interrupt) return false;
  interrupt->Run();
  return true;
}

void Interrupt::RequestOthers() const noexcept {
  for (const std::shared_ptr<Interrupt>& one : InterruptRegistry::OfProcess().All()) {
    if (one.get() != this) one->Run();
  }
}

void Interrupt::Run() noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (requested_.exchange(true, std::memory_order_acq_rel)) return;
  for (const OnInterrupt* one = first_; one; one = one->next_) one->act_();
}

OnInterrupt::OnInterrupt(std::shared_ptr<Interrupt> interrupt, std::function<void()> act)
    : interrupt_(std::move(interrupt)), act_(std::move(act)) {
  const std::lock_guard<std::mutex> lock(interrupt_->mutex_);
  if (interrupt_->requested()) act_();
  next_ = interrupt_->first_;
  if (next_) next_->previous_ = this;
  interrupt_->first_ = this;
}

OnInterrupt::~OnInterrupt() {
  const std::lock_guard<std::mutex> lock(interrupt_->mutex_);
  if (next_) next_->previous_ = previous_;
  (previous_ ? previous_->next_ : interrupt_->first_) = next_;
}

}  // namespace thread
