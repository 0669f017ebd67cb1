#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "openvino/library.h"

namespace openvino {

/**
 * The OpenVINO runtime of this process: at most one library, whichever thread opens it. Every environment (main thread,
 * workers) shares it; nothing here knows JavaScript.
 */
class Runtime {
 public:
  /** Never destroyed, see Library. */
  static Runtime& OfProcess();

  /** Starts opening on a thread of its own. Does nothing when something is open or opening. */
  void Preload(const std::string& path);

  /**
   * The opened library. Waits for a preload; throws its failure once, so that a later call may try again.
   * @throws Failure ERR_NN_RUNTIME_INVALID, ERR_NN_RUNTIME_CONFLICT
   */
  const Library& Open(const std::string& path);

  /** @throws Failure ERR_NN_RUNTIME_NOT_FOUND before open */
  const Library& Opened();

  /** Waits until no thread of a preload runs: static destructors must not meet it. */
  void FinishPreload();

 private:
  enum class State { kClosed, kOpening, kOpen, kFailed };

  void RunPreload(const std::string& path) noexcept;
  void JoinPreload(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::kClosed;
  std::string path_;
  std::string failure_;
  const Library* library_ = nullptr;
  std::thread preload_;
};

}  // namespace openvino
