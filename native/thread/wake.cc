#include "thread/wake.h"

#include <fcntl.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/eventfd.h>
#endif

#include <cstdint>

namespace thread {

#ifdef __linux__

Wake::Ends Wake::Open() noexcept {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return {fd, fd};
}

#else

Wake::Ends Wake::Open() noexcept {
  int ends[2];
  if (pipe(ends) != 0) return {};
  for (const int end : ends) {
    fcntl(end, F_SETFD, FD_CLOEXEC);
    fcntl(end, F_SETFL, O_NONBLOCK);
  }
  return {ends[0], ends[1]};
}

#endif

Wake::Wake(const std::shared_ptr<Interrupt>& interrupt) : ends_(Open()) {
  if (ends_.read < 0) return;
  const auto signal = [end = ends_.write] {
    const uint64_t one = 1;
    // An eventfd takes eight bytes. Nobody reads them: it stays readable.
    const ssize_t written = write(end, &one, sizeof(one));
    static_cast<void>(written);
  };
  on_interrupt_ = std::make_unique<OnInterrupt>(interrupt, signal);
}

Wake::~Wake() {
  on_interrupt_.reset();
  if (ends_.read >= 0) close(ends_.read);
  if (ends_.write != ends_.read) close(ends_.write);
}

}  // namespace thread
