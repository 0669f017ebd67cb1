#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "arguments.h"
#include "calls.h"
#include "descriptor.h"
#include "owned_descriptors.h"
#include "path.h"
#include "resolve.h"
#include "status.h"

namespace fs {
namespace {

#ifdef O_PATH
constexpr int kLookOnly = O_PATH | O_CLOEXEC;
#else
constexpr int kLookOnly = O_RDONLY | O_NONBLOCK | O_CLOEXEC;
#endif

// The one name of a path like `name`, `name/` or `name/.`; empty where there are more, or dots.
std::string OneName(const char* text) {
  const size_t length = strcspn(text, "/");
  std::string name(text, length);
  if (name == "." || name == "..") return std::string();
  for (const char* rest = text + length; *rest != '\0'; ++rest) {
    const bool is_dot = *rest == '.' && rest[-1] == '/' && (rest[1] == '/' || rest[1] == '\0');
    if (*rest != '/' && !is_dot) return std::string();
  }
  return name;
}

// For a call on one name.
int Find(int directory, std::string_view path, Parent::Slash slash, Parent* parent) {
  const int error = parent->Resolve(directory, path, slash);
  return error != 0 ? error : parent->name_error();
}

int SetTimesBeneath(int directory, const Path& path, bool follow, const struct timespec times[2]) {
  if (!follow) {
    Parent parent;
    const int error = Find(directory, path.view(), Parent::Slash::kEnters, &parent);
    if (error != 0) return error;
    return utimensat(parent.fd(), parent.name(), times, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
  }
  if (path.error() != 0) return path.error();
#if defined(AT_EMPTY_PATH) && defined(O_PATH)
  const Descriptor file(OpenBeneath(directory, path.text(), kLookOnly, 0));
  if (!file.open()) return errno;
  if (utimensat(file.get(), "", times, AT_EMPTY_PATH) == 0) return 0;
  if (errno != EINVAL && errno != ENOENT) return errno;
#endif
  // Without AT_EMPTY_PATH (before Linux 5.8) the file has to be opened in earnest; a FIFO must not make us wait.
  Descriptor opened(OpenBeneath(directory, path.text(), O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0));
  if (!opened.open() && errno == EACCES) {
    opened = Descriptor(OpenBeneath(directory, path.text(), O_WRONLY | O_NONBLOCK | O_CLOEXEC, 0));
  }
  if (!opened.open()) return errno;
  return futimens(opened.get(), times) == 0 ? 0 : errno;
}

}  // namespace

int StatBeneath(int directory, const char* path, bool follow, struct stat* status) {
  // A single name that is no link, or whose link is not followed, needs no descriptor of its own. What comes after it is
  // overlooked where links are not followed: `link/` is the link.
  const bool bare = *path != '\0' && strchr(path, '/') == nullptr;
  const std::string name = bare || !follow ? OneName(path) : std::string();
  if (!name.empty()) {
    if (fstatat(directory, name.c_str(), status, AT_SYMLINK_NOFOLLOW) != 0) return errno;
    if (!follow || !S_ISLNK(status->st_mode)) return 0;
  }
  const Descriptor file(OpenBeneath(directory, path, kLookOnly | (follow ? 0 : O_NOFOLLOW), 0));
  if (!file.open()) return errno;
  return fstat(file.get(), status) == 0 ? 0 : errno;
}

int UnlinkBeneath(int directory, std::string_view path) {
  Parent parent;
  const int error = Find(directory, path, Parent::Slash::kEnters, &parent);
  if (error != 0) return error;
  return unlinkat(parent.fd(), parent.name(), 0) == 0 ? 0 : errno;
}

int RenameBeneath(int directory, std::string_view path, int new_directory, std::string_view new_path) {
  Parent source;
  Parent target;
  int error = source.Resolve(directory, path, Parent::Slash::kKept);
  if (error == 0) error = target.Resolve(new_directory, new_path, Parent::Slash::kKept);
  if (error == 0) error = source.name_error();
  if (error == 0) error = target.name_error();
  if (error != 0) return error;
  return renameat(source.fd(), source.name(), target.fd(), target.name()) == 0 ? 0 : errno;
}

// (path) -> descriptor. The one call that takes a path of the host: it follows links like any program does.
napi_value OpenDirectory(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  Path path;
  in.WholePath(0, &path);
  if (in.error() != 0) return Failed(env, in.error());
  int fd = Restarting([&] { return open(path.text(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
#ifdef O_PATH
  // A directory that may be searched but not listed is still of use.
  if (fd < 0 && errno == EACCES) fd = open(path.text(), O_PATH | O_DIRECTORY | O_CLOEXEC);
#endif
  return Answer(env, OwnedDescriptors::Keep(env, fd));
}

// (directory, path, flags, mode) -> descriptor
napi_value Open(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  Path path;
  const int directory = in.Int(0);
  in.WholePath(1, &path);
  const int flags = in.Int(2);
  const int mode = in.Int(3);
  if (in.error() != 0) return Failed(env, in.error());
  return Answer(env, OwnedDescriptors::Keep(env, OpenBeneath(directory, path.text(), flags, static_cast<mode_t>(mode))));
}

// (directory, path, follow, results) -> 0
napi_value Stat(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  Path path;
  const int directory = in.Int(0);
  in.WholePath(1, &path);
  const bool follow = in.Bool(2);
  uint64_t* results = in.Results(3, kStatusFields);
  if (in.error() != 0) return Failed(env, in.error());
  struct stat status;
  const int error = StatBeneath(directory, path.text(), follow, &status);
  if (error != 0) return Failed(env, error);
  WriteStatus(status, results);
  return Int(env, 0);
}

// (directory, path, mode) -> 0
napi_value MakeDirectory(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  Path path;
  const int directory = in.Int(0);
  in.Text(1, &path);
  const int mode = in.Int(2);
  if (in.error() != 0) return Failed(env, in.error());
  Parent parent;
  const int error = Find(directory, path.view(), Parent::Slash::kIgnored, &parent);
  if (error != 0) return Failed(env, error);
  return Answer(env, mkdirat(parent.fd(), parent.name(), static_cast<mode_t>(mode)));
}

// (directory, path) -> 0
napi_value RemoveDirectory(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  Path path;
  const int directory = in.Int(0);
  in.Text(1, &path);
  if (in.error() != 0) return Failed(env, in.error());
  Parent parent;
  const int error = Find(directory, path.view(), Parent::Slash::kEnters, &parent);
  if (error != 0) return Failed(env, error);
  return Answer(env, unlinkat(parent.fd(), parent.name(), AT_REMOVEDIR));
}

// (directory, path) -> 0
napi_value Unlink(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  Path path;
  const int directory = in.Int(0);
  in.Text(1, &path);
  if (in.error() != 0) return Failed(env, in.error());
  return Failed(env, UnlinkBeneath(directory, path.view()));
}

// (directory, path, new directory, new path) -> 0
napi_value Rename(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  Path from;
  Path to;
  const int from_directory = in.Int(0);
  in.Text(1, &from);
  const int to_directory = in.Int(2);
  in.Text(3, &to);
  if (in.error() != 0) return Failed(env, in.error());
  return Failed(env, RenameBeneath(from_directory, from.view(), to_directory, to.view()));
}

// (directory, path, new directory, new path) -> 0. A link is linked itself, not what it leads to.
napi_value Link(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  Path from;
  Path to;
  const int from_directory = in.Int(0);
  in.Text(1, &from);
  const int to_directory = in.Int(2);
  in.Text(3, &to);
  if (in.error() != 0) return Failed(env, in.error());
  Parent source;
  Parent target;
  int error = source.Resolve(from_directory, from.view());
  if (error == 0) error = target.Resolve(to_directory, to.view());
  if (error == 0) error = source.name_error();
  if (error == 0) error = target.name_error();
  if (error != 0) return Failed(env, error);
  return Answer(env, linkat(source.fd(), source.name(), target.fd(), target.name(), 0));
}

// (target text, directory, path) -> 0
napi_value SymbolicLink(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  Path target;
  Path path;
  in.Text(0, &target);
  const int directory = in.Int(1);
  in.Text(2, &path);
  if (in.error() != 0) return Failed(env, in.error());
  Parent parent;
  int error = parent.Resolve(directory, path.view());
  if (error == 0) error = target.error();
  if (error == 0) error = parent.name_error();
  if (error != 0) return Failed(env, error);
  return Answer(env, symlinkat(target.text(), parent.fd(), parent.name()));
}

// (directory, path, bytes) -> length of the target, cut to the length of `bytes`
napi_value ReadLink(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  Path path;
  const int directory = in.Int(0);
  in.Text(1, &path);
  const Range target = in.Bytes(2);
  if (in.error() != 0) return Failed(env, in.error());
  Parent parent;
  const int error = Find(directory, path.view(), Parent::Slash::kEnters, &parent);
  if (error != 0) return Failed(env, error);
  return Answer(env, readlinkat(parent.fd(), parent.name(), reinterpret_cast<char*>(target.bytes), target.length));
}

// (directory, path, follow, accessed, modified) -> 0
napi_value SetTimes(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  Path path;
  const int directory = in.Int(0);
  in.Text(1, &path);
  const bool follow = in.Bool(2);
  const struct timespec times[2] = {TimeSpec(in.TimeOf(3)), TimeSpec(in.TimeOf(4))};
  if (in.error() != 0) return Failed(env, in.error());
  const int error = SetTimesBeneath(directory, path, follow, times);
  return Int(env, -error);
}

// (walk) -> 0
napi_value SetResolver(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const bool walk = in.Bool(0);
  if (in.error() != 0) return Failed(env, in.error());
  UseResolver(walk ? Resolver::kWalk : Resolver::kDetect);
  return Int(env, 0);
}

}  // namespace fs
