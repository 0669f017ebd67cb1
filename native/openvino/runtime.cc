#include "openvino/runtime.h"

#include <sys/stat.h>

#include "openvino/errors.h"

namespace openvino {

namespace {

/** Two spellings of one file (a symbolic link, a versioned name) are the same library. */
bool SameFile(const std::string& one, const std::string& other) {
  if (one == other) return true;
  struct stat a {};
  struct stat b {};
  return stat(one.c_str(), &a) == 0 && stat(other.c_str(), &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/**
 * What a first compile would otherwise wait for: the plugin's library (asking any property loads it). The frontend for
 * IR was loaded by the element type probe.
 */
void LoadCpuPlugin(const Library& library) noexcept {
  try {
    library.DeviceProperty("CPU", "FULL_DEVICE_NAME");
  } catch (...) {
    // A runtime without a CPU plugin is a runtime; the load that asks for it is told.
  }
}

}  // namespace

Runtime& Runtime::OfProcess() {
  static Runtime* const runtime = new Runtime();
  return *runtime;
}

void Runtime::RunPreload(const std::string& path) noexcept {
  const Library* library = nullptr;
  std::string failure;
  try {
    library = Library::Open(path);
  } catch (const std::exception& error) {
    failure = error.what();
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    library_ = library;
    failure_ = failure;
    state_ = library ? State::kOpen : State::kFailed;
    changed_.notify_all();
  }
  // After the state is published: open returns while the plugin loads, and the first compile waits for what it needs.
  if (library) LoadCpuPlugin(*library);
}

void Runtime::Preload(const std::string& path) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (state_ == State::kOpening || state_ == State::kOpen) return;
  JoinPreload(lock);  // of a preload that failed: its thread has nothing left to do
  if (state_ == State::kOpening || state_ == State::kOpen) return;
  path_ = path;
  preload_ = std::thread([this, path] { RunPreload(path); });
  state_ = State::kOpening;
}

const Library& Runtime::Open(const std::string& path) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return state_ != State::kOpening; });
  if (state_ == State::kOpen) {
    if (!SameFile(path, library_->path())) {
      throw Failure("ERR_NN_RUNTIME_CONFLICT", "this process uses OpenVINO " + library_->version() + " from " +
                                                   library_->path() + " and cannot open " + path + " as well");
    }
    return *library_;
  }
  const bool preload_failed = state_ == State::kFailed && path_ == path;
  state_ = State::kClosed;
  if (preload_failed) throw Failure("ERR_NN_RUNTIME_INVALID", failure_);
  state_ = State::kOpening;
  lock.unlock();
  const Library* library = nullptr;
  try {
    library = Library::Open(path);
  } catch (...) {
    lock.lock();
    state_ = State::kClosed;
    changed_.notify_all();
    throw;
  }
  lock.lock();
  library_ = library;
  state_ = State::kOpen;
  changed_.notify_all();
  return *library_;
}

const Library& Runtime::Opened() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (state_ != State::kOpen) throw Failure("ERR_NN_RUNTIME_NOT_FOUND", "no OpenVINO runtime is open; call open first");
  return *library_;
}

void Runtime::FinishPreload() {
  std::unique_lock<std::mutex> lock(mutex_);
  JoinPreload(lock);
}

void Runtime::JoinPreload(std::unique_lock<std::mutex>& lock) {
  if (!preload_.joinable()) return;
  std::thread finished = std::move(preload_);
  lock.unlock();
  finished.join();
  lock.lock();
}

}  // namespace openvino
