#include "openvino/background.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "openvino/model_thread.h"

// libuv's, in Node itself: gives a terminal back as it was found, which `exit` would do.
extern "C" int __attribute__((weak)) uv_tty_reset_mode();

namespace openvino {

Background& Background::OfProcess() {
  static Background* const background = new Background();
  return *background;
}

void Background::Run(std::function<void()> work) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (closed_) return;
  running_++;
  JoinFinished(lock);
  lock.unlock();
  try {
    StartModelThread([this, work = std::move(work)]() mutable {
      work();
      // What it owns goes before it counts as done.
      work = nullptr;
      const std::lock_guard<std::mutex> end(mutex_);
      running_--;
      finished_.push_back(pthread_self());
    });
  } catch (...) {
    lock.lock();
    running_--;
    throw;
  }
}

void Background::JoinFinished(std::unique_lock<std::mutex>& lock) noexcept {
  const std::vector<pthread_t> finished = std::move(finished_);
  finished_.clear();
  lock.unlock();
  for (const pthread_t thread : finished) pthread_join(thread, nullptr);
  lock.lock();
}

void Background::Free(std::shared_ptr<const void> object) noexcept {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    unused_.push_back(std::move(object));
    if (freeing_ || !frees_) return;
    freeing_ = true;
  }
  try {
    Run([this] { FreeAll(); });
  } catch (...) {
    // No thread is to be had: then here.
    FreeAll();
  }
}

void Background::FreeAll() noexcept {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!unused_.empty() && frees_) {
    std::vector<std::shared_ptr<const void>> unused = std::move(unused_);
    unused_.clear();
    lock.unlock();
    unused.clear();
    lock.lock();
  }
  freeing_ = false;
}

void Background::StopFreeing() noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  frees_ = false;
}

bool Background::Close() noexcept {
  std::unique_lock<std::mutex> lock(mutex_);
  closed_ = true;
  if (running_ > 0) return true;
  JoinFinished(lock);
  return false;
}

void Background::EndIfBusy(int status) noexcept {
  if (!OfProcess().Close()) return;
  if (uv_tty_reset_mode) uv_tty_reset_mode();
  _exit(status);
}

void Background::PrepareForExit() noexcept {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (running_ == 0) return;
  }
#ifdef __GLIBC__
  on_exit([](int status, void*) { EndIfBusy(status); }, nullptr);
#else
  std::atexit([] { EndIfBusy(OfProcess().exit_code_); });
#endif
}

}  // namespace openvino
