// A path of the guest: any text at all, until a call asks what the system would say to it.
#pragma once

#include <cerrno>
#include <climits>
#include <string>
#include <string_view>

namespace fs {

// Why the system takes no such text as one path, as an errno, or 0: it ends at a NUL, and is no longer than PATH_MAX.
inline int ErrorOfText(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return EINVAL;
  return text.size() >= PATH_MAX ? ENAMETOOLONG : 0;
}

class Path {
 public:
  Path() { buffer_[0] = '\0'; }
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;

  // Room for `length` bytes and their end.
  char* Make(size_t length) {
    length_ = length;
    if (length < sizeof(buffer_)) return buffer_;
    longer_.resize(length);
    return &longer_[0];
  }

  std::string_view view() const { return std::string_view(text(), length_); }

  // Only what `error` has nothing against ends where its text ends.
  const char* text() const { return length_ < sizeof(buffer_) ? buffer_ : longer_.c_str(); }
  int error() const { return ErrorOfText(view()); }

 private:
  char buffer_[PATH_MAX];
  std::string longer_;
  size_t length_ = 0;
};

}  // namespace fs
