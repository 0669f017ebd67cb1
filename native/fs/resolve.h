// Resolves a path below a directory descriptor, so that nothing outside of that directory is ever opened or named.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <string_view>

#include "descriptor.h"

namespace fs {

// How a path is resolved. `kDetect` asks the kernel for openat2 and remembers when it has none; `kWalk` never asks.
enum class Resolver { kDetect, kWalk };

// For tests: both ways must answer alike.
void UseResolver(Resolver resolver);

// Opens `path` below `directory` with open(2)'s flags. O_NOFOLLOW concerns the last component only; links that lead
// outside, absolute ones and `..` above `directory` give EPERM. Returns -1 and sets errno on failure.
int OpenBeneath(int directory, const char* path, int flags, mode_t mode);

// The status of what a path names, without opening it where that can be helped. Returns 0 or an errno.
int StatBeneath(int directory, const char* path, bool follow, struct stat* status);

// Remove and rename what is no directory, or is one. Return 0 or an errno.
int UnlinkBeneath(int directory, std::string_view path);
int RenameBeneath(int directory, std::string_view path, int new_directory, std::string_view new_path);

// The directory that holds the last component of a path, for the calls that act on a name.
class Parent {
 public:
  // What slashes at the end of a path mean.
  enum class Slash {
    // The path is the directory itself: its name is "." in itself. The calls that look something up would otherwise
    // follow a link at the end.
    kEnters,
    // They mean nothing.
    kIgnored,
    // They stay, after the name: for rename, which follows no link and checks that a directory is meant.
    kKept,
  };

  // Returns 0 or an errno. The name is "." where the path names a directory by `.` or `..`. Of the name itself nothing is
  // known yet: ask `name_error` before the call on it.
  int Resolve(int directory, std::string_view path, Slash slash = Slash::kEnters);

  // EINVAL for a name with a NUL in it, or 0. Such a name is empty below, so that it can mean no other one.
  int name_error() const { return name_error_; }

  int fd() const { return opened_.open() ? opened_.get() : borrowed_; }
  const char* name() const { return name_.c_str(); }

 private:
  int KeepSlash();

  int borrowed_ = -1;
  Descriptor opened_;
  std::string name_;
  int name_error_ = 0;
};

}  // namespace fs
