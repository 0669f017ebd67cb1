#include "openvino/file_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "openvino/errors.h"

namespace openvino {

namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  const int number_;
};

[[noreturn]] void Fail(const std::string& path, const char* reason) {
  throw Failure("ERR_NN_INVALID_MODEL", "cannot read the model file " + path + ": " + reason);
}

}  // namespace

OwnedBytes ReadWholeFile(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (file.number() < 0 || fstat(file.number(), &status) != 0) Fail(path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) Fail(path, "not a file");
  OwnedBytes bytes = OwnedBytes::Zeroed(static_cast<size_t>(status.st_size));
  size_t read_bytes = 0;
  while (read_bytes < bytes.length()) {
    const ssize_t count = read(file.number(), bytes.data() + read_bytes, bytes.length() - read_bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) Fail(path, std::strerror(errno));
    if (count == 0) Fail(path, "it became shorter while it was read");
    read_bytes += static_cast<size_t>(count);
  }
  return bytes;
}

}  // namespace openvino
