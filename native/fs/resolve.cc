#include "resolve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <vector>

#include "path.h"

#ifdef __linux__
#include <sys/syscall.h>
#endif

namespace fs {
namespace {

// Linux follows this many links in one resolution; with one more it answers ELOOP.
constexpr int kMostLinks = 40;

// A directory is only passed through: no right to list it is needed, and opening it has no effect on devices.
#ifdef O_PATH
constexpr int kPassThrough = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
#else
constexpr int kPassThrough = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
#endif

std::atomic<bool> g_kernel_resolves{true};

int Fail(int error) {
  errno = error;
  return -1;
}

// ---- openat2 ----

#if defined(__linux__)
#ifndef SYS_openat2
#define SYS_openat2 437
#endif

// The structure and flags of <linux/openat2.h>, which older systems lack.
struct OpenHow {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};
constexpr uint64_t kNoMagicLinks = 0x02;
constexpr uint64_t kBeneath = 0x08;

int OpenAt2(int directory, const char* path, int flags, mode_t mode) {
  OpenHow how = {};
  how.flags = static_cast<uint64_t>(static_cast<unsigned>(flags));
  how.mode = (flags & O_CREAT) ? mode : 0;
  how.resolve = kBeneath | kNoMagicLinks;
  return static_cast<int>(syscall(SYS_openat2, directory, path, &how, sizeof(how)));
}

// Old kernels answer ENOSYS; a seccomp filter that does not know the call may answer EPERM or EACCES, which a file may
// answer too. The root directory can always be looked up.
bool KernelLacksOpenAt2(int error) {
  if (error != ENOSYS && error != EPERM && error != EACCES) return false;
  OpenHow how = {};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = kNoMagicLinks;
  const Descriptor probe(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how))));
  // Out of descriptors, say: nothing is known then, and the answer stands.
  return !probe.open() && (errno == ENOSYS || errno == EPERM || errno == EACCES);
}
#endif

// ---- one component after the other ----

// `..` goes back to the descriptor that led here and never asks the system for it: a directory that was moved meanwhile
// cannot lead outside.
class Walk {
 public:
  Walk(int root, int flags, mode_t mode) : root_(root), flags_(flags | O_CLOEXEC), mode_(mode) {}

  int Open(const char* path) {
    if (*path == '\0') return Fail(ENOENT);
    if (!Push(path, false)) return -1;
    while (!names_.empty()) {
      const std::string name = std::move(names_.back());
      names_.pop_back();
      const int result = Step(name);
      if (result != kGoOn) return result;
    }
    // The path ended in a directory that is open already: `.`, `..`, or a link to one of these.
    if ((flags_ & O_CREAT) != 0) return Fail((flags_ & O_EXCL) != 0 ? EEXIST : EISDIR);
    return openat(base(), ".", flags_ & ~O_NOFOLLOW);
  }

 private:
  static constexpr int kGoOn = -2;

  int base() const { return stack_.empty() ? root_ : stack_.back().get(); }

  // Puts the components of a path, or of a link's target, before those that are left.
  bool Push(const char* path, bool is_link) {
    if (*path == '/') return Fail(EXDEV) == 0;
    if (*path == '\0') return Fail(ENOENT) == 0;
    const size_t length = strlen(path);
    const bool was_last = names_.empty();
    size_t end = length;
    while (end > 0) {
      while (end > 0 && path[end - 1] == '/') --end;
      size_t start = end;
      while (start > 0 && path[start - 1] != '/') --start;
      if (start < end) names_.emplace_back(path + start, end - start);
      end = start;
    }
    if (was_last && path[length - 1] == '/') must_be_directory_ = true;
    if (was_last && !is_link) slash_follows_ = path[length - 1] == '/';
    return true;
  }

  int Step(const std::string& name) {
    if (name == ".") return RequireSearch();
    if (name == "..") {
      if (stack_.empty()) return Fail(EXDEV);
      if (RequireSearch() != kGoOn) return -1;
      stack_.pop_back();
      return kGoOn;
    }
    return names_.empty() ? Last(name) : Enter(name);
  }

  // `d/.` and `d/..` need the right to search `d`, as in the kernel. (faccessat with AT_EACCESS is a newer call of its own,
  // which some containers refuse.)
  int RequireSearch() {
    struct stat status;
    return fstatat(base(), ".", &status, 0) == 0 ? kGoOn : -1;
  }

  int Enter(const std::string& name) {
    Descriptor next(openat(base(), name.c_str(), kPassThrough));
    if (next.open()) {
      stack_.push_back(std::move(next));
      return kGoOn;
    }
    if (errno != ENOTDIR && errno != ELOOP) return -1;
    return Follow(name, ENOTDIR);
  }

  int Last(const std::string& name) {
    if (must_be_directory_ && (flags_ & O_CREAT) != 0) return Fail(EISDIR);
    const bool follow = (flags_ & O_NOFOLLOW) == 0 || slash_follows_;
    const int flags = flags_ | O_NOFOLLOW | (must_be_directory_ ? O_DIRECTORY : 0);
    Descriptor last(openat(base(), name.c_str(), flags, mode_));
    if (!last.open()) {
      // A link gives ELOOP, or ENOTDIR where a directory is asked for.
      if (!follow || (errno != ELOOP && errno != ENOTDIR)) return -1;
      return Follow(name, errno);
    }
#ifdef O_PATH
    struct stat status;
    if (follow && (flags_ & O_PATH) != 0 && fstat(last.get(), &status) == 0 && S_ISLNK(status.st_mode)) {
      return Follow(name, ELOOP);
    }
#endif
    return last.Release();
  }

  // Replaces a link by its target. When `name` is no link after all, the answer is `otherwise`.
  int Follow(const std::string& name, int otherwise) {
    char target[PATH_MAX];
    const ssize_t length = readlinkat(base(), name.c_str(), target, sizeof(target) - 1);
    if (length < 0 && errno != EINVAL) return -1;
    if (length < 0) return SwappedMeanwhile(name) ? Retry(name) : Fail(otherwise);
    if (++links_ > kMostLinks) return Fail(ELOOP);
    target[length] = '\0';
    return Push(target, true) ? kGoOn : -1;
  }

  // Whether what was no directory is one now: somebody swaps it while we look.
  bool SwappedMeanwhile(const std::string& name) {
    struct stat status;
    return swaps_ < kMostLinks && fstatat(base(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           (S_ISDIR(status.st_mode) || S_ISLNK(status.st_mode));
  }

  int Retry(const std::string& name) {
    ++swaps_;
    names_.push_back(name);
    return kGoOn;
  }

  const int root_;
  const int flags_;
  const mode_t mode_;
  std::vector<Descriptor> stack_;
  // The components that are left, the next one last.
  std::vector<std::string> names_;
  bool must_be_directory_ = false;
  bool slash_follows_ = false;
  int links_ = 0;
  int swaps_ = 0;
};

// The system's word for "leads outside"; the same errno is what a sandboxed process knows as "not permitted".
int AsEscape(int fd) {
  if (fd < 0 && errno == EXDEV) errno = EPERM;
  return fd;
}

}  // namespace

void UseResolver(Resolver resolver) { g_kernel_resolves = resolver == Resolver::kDetect; }

int OpenBeneath(int directory, const char* path, int flags, mode_t mode) {
#if defined(__linux__)
  // EAGAIN: something was renamed meanwhile, so the kernel cannot vouch for a `..`. A few attempts settle most races; the
  // walk does not depend on luck.
  for (int attempt = 0; attempt < 4 && g_kernel_resolves; ++attempt) {
    const int fd = OpenAt2(directory, path, flags | O_CLOEXEC, mode);
    if (fd >= 0) return fd;
    if (errno == EINTR) continue;
    if (errno == EAGAIN) continue;
    const int error = errno;
    if (KernelLacksOpenAt2(error)) {
      g_kernel_resolves = false;
      break;
    }
    errno = error;
    return AsEscape(-1);
  }
#endif
  return AsEscape(Walk(directory, flags, mode).Open(path));
}

// `a/.//` is `a`: to open a directory is no search in it.
static std::string_view WithoutDotsAtEnd(std::string_view way) {
  for (;;) {
    const size_t length = way.size();
    if (length > 1 && way[length - 1] == '/') way.remove_suffix(1);
    else if (length > 2 && way[length - 1] == '.' && way[length - 2] == '/') way.remove_suffix(2);
    else return way;
  }
}

int Parent::Resolve(int directory, std::string_view path, Slash slash) {
  if (path.empty()) return ENOENT;
  const size_t last = path.find_last_not_of('/');
  if (last == std::string_view::npos) return ErrorOfText(path) != 0 ? ErrorOfText(path) : EPERM;
  const size_t end = last + 1;
  const size_t slash_before = path.find_last_of('/', last);
  const size_t start = slash_before == std::string_view::npos ? 0 : slash_before + 1;
  std::string_view name = path.substr(start, end - start);
  std::string_view before = WithoutDotsAtEnd(path.substr(0, start));
  // `.` by itself is the directory at hand, which needs no right to be searched.
  if (path != "." && (name == "." || name == ".." || (end < path.size() && slash == Slash::kEnters))) {
    before = path;
    name = ".";
  }
  borrowed_ = directory;
  if (!before.empty()) {
    const int error = ErrorOfText(before);
    if (error != 0) return error;
#ifdef O_PATH
    const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
#else
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
#endif
    opened_ = Descriptor(OpenBeneath(directory, std::string(before).c_str(), flags, 0));
    if (!opened_.open()) return errno;
  }
  if (name.find('\0') != std::string_view::npos) {
    name_error_ = EINVAL;
    return 0;
  }
  name_ = name;
  return name != "." && end < path.size() && slash == Slash::kKept ? KeepSlash() : 0;
}

int Parent::KeepSlash() {
#ifdef __linux__
  // rename(2) follows no link here, slash or not.
  name_ += '/';
#else
  // POSIX has a link before a slash followed, so the slash is not passed on.
  struct stat status;
  if (fstatat(fd(), name(), &status, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(status.st_mode)) return ENOTDIR;
#endif
  return 0;
}

}  // namespace fs
