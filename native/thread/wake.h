#pragma once

#include <memory>

#include "thread/interrupt.h"

namespace thread {

/**
 * A descriptor that can be read from when its environment is interrupted on, to be polled beside what a thread waits for.
 *
 * The other way is a signal that ends the system call with EINTR. It would need a signal number of the embedder's process
 * and a handler in it, and sending it again and again, since one that comes just before the call ends nothing; and it
 * reaches hardly more: what reads and writes disks waits without listening to signals.
 */
class Wake {
 public:
  /** Costs a descriptor (on macOS two) for as long as it lives. */
  explicit Wake(const std::shared_ptr<Interrupt>& interrupt);
  ~Wake();
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;

  /** -1 where the process had no descriptor left. */
  int fd() const { return ends_.read; }

 private:
  struct Ends {
    int read = -1;
    int write = -1;
  };
  static Ends Open() noexcept;

  const Ends ends_;
  // Ends before the descriptors do.
  std::unique_ptr<OnInterrupt> on_interrupt_;
};

}  // namespace thread
