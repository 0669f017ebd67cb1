#pragma once

#include <pthread.h>

#include <functional>

namespace openvino {

/**
 * Runs `work` on a short-lived thread with a deep stack and waits for it; exceptions of `work` come back.
 *
 * Why: the runtime walks a model's graph by recursion, one frame per operation of the longest path, and a worker of Node
 * has 4 MiB of stack. (Threads of the runtime's own have the system's default; kMaxOperations of model_checks.h is for those.)
 */
void RunOnModelThread(const std::function<void()>& work);

/** The same without waiting for it: `work` must not throw, and the thread is to be joined. @throws std::system_error */
pthread_t StartModelThread(std::function<void()> work);

/**
 * Puts the calling thread, and no other, into a directory where nobody can create a file, until it is destroyed. Only for
 * threads of RunOnModelThread and StartModelThread.
 *
 * Why: OpenVINO reads a model from memory as if its path were empty and looks for weights beside it, so a file named
 * `.bin` in the process's working directory replaces the weights that were given (seen on 2024.6, 2025.4 and 2026.4).
 * Such a file may be a host's, or a guest's symbolic link to one. Relative paths inside a model end in the same place.
 */
class EmptyDirectory {
 public:
  EmptyDirectory();
  ~EmptyDirectory();
  EmptyDirectory(const EmptyDirectory&) = delete;
  EmptyDirectory& operator=(const EmptyDirectory&) = delete;

  /** False where a thread cannot have a directory of its own: other systems than Linux, containers that forbid unshare. */
  bool entered() const { return entered_; }

 private:
  bool entered_ = false;
  int before_ = -1;
};

}  // namespace openvino
