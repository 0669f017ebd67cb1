// A descriptor that closes itself.
#pragma once

#include <unistd.h>

#include <cerrno>

namespace fs {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = other.Release();
    }
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { Close(); }

  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }

  int Release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  void Close() {
    if (fd_ < 0) return;
    // The errno of the call that came before is still to be reported.
    const int error = errno;
    close(fd_);
    errno = error;
  }

  int fd_ = -1;
};

}  // namespace fs
