#pragma once

#include <pthread.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace openvino {

/**
 * Work of this process on native threads that nobody waits for: compiles, and the freeing of what is no longer used.
 *
 * It must not meet destroyed statics (OpenVINO's, its thread library's), and the end of a process must not wait for it: a
 * compile may take minutes. So while any of it runs the process ends by `_exit`, with its own exit code.
 */
class Background {
 public:
  /** Never destroyed, see Library. */
  static Background& OfProcess();

  /**
   * Starts `work`, which must not throw, on a thread of its own with a deep stack. Does nothing where the process ends.
   * @throws std::system_error
   */
  void Run(std::function<void()> work);

  /**
   * Drops the last reference to `object` on a thread of its own, one object after the other. Compiled models take 5 ms
   * with 14 MB of weights, and more with more.
   */
  void Free(std::shared_ptr<const void> object) noexcept;

  /**
   * To be called when an environment ends, and after a compile: functions for the process's end run last added first, and
   * ours has to run before those of statics, which libraries add whenever they need one.
   */
  void PrepareForExit() noexcept;
  /** What the process is about to end with, for systems whose `exit` does not tell. */
  void NoteExitCode(int code) noexcept { exit_code_ = code; }

  /** The main environment ends, and the process with it: what is no longer used may stay. */
  void StopFreeing() noexcept;

 private:
  void JoinFinished(std::unique_lock<std::mutex>& lock) noexcept;
  void FreeAll() noexcept;
  /** Nothing starts from here on. True when something runs. */
  bool Close() noexcept;
  static void EndIfBusy(int status) noexcept;

  std::atomic<int> exit_code_{0};
  std::mutex mutex_;
  size_t running_ = 0;
  /** Have nothing more to do than to end, which may touch what libraries keep for a thread. */
  std::vector<pthread_t> finished_;
  bool closed_ = false;
  bool frees_ = true;
  bool freeing_ = false;
  std::vector<std::shared_ptr<const void>> unused_;
};

}  // namespace openvino
