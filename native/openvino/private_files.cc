#include "openvino/private_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/inotify.h>
#include <sys/mman.h>
#endif

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <mutex>

#include "openvino/errors.h"

namespace openvino {

namespace {

constexpr const char* kPrefix = "wasi-nn-host.";
/** Between making a directory and locking it, its owner must not lose it to another's sweep. */
constexpr time_t kUnlockedGraceSeconds = 60;

bool IsPrivateDirectory(const char* path) {
  struct stat status {};
  return path && *path == '/' && stat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid() &&
         (status.st_mode & 0077) == 0;
}

std::string ParentDirectory() {
  const char* runtime_directory = std::getenv("XDG_RUNTIME_DIR");
  if (IsPrivateDirectory(runtime_directory)) return runtime_directory;
  const char* temporary = std::getenv("TMPDIR");
  if (temporary && *temporary == '/') return temporary;
  // Given to guests far less often than /tmp.
  struct stat status {};
  const char* shared_memory = "/dev/shm";
  if (lstat(shared_memory, &status) == 0 && S_ISDIR(status.st_mode) && access(shared_memory, R_OK | W_OK | X_OK) == 0) {
    return shared_memory;
  }
  return "/tmp";
}

bool Lock(int directory) { return flock(directory, LOCK_EX | LOCK_NB) == 0; }

/** Removes what an abandoned directory holds: plain files, by name, never through a link. */
void Empty(int directory) {
  const int listed = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (listed < 0) return;
  DIR* const list = fdopendir(listed);
  if (!list) {
    close(listed);
    return;
  }
  while (const dirent* entry = readdir(list)) unlinkat(directory, entry->d_name, 0);
  closedir(list);
}

void RemoveIfAbandoned(int parent, const char* name) {
  const int directory = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (directory < 0) return;
  struct stat status {};
  const bool ours = fstat(directory, &status) == 0 && status.st_uid == geteuid();
  if (ours && std::time(nullptr) - status.st_mtime > kUnlockedGraceSeconds && Lock(directory)) {
    fchmod(directory, 0700);
    Empty(directory);
    unlinkat(parent, name, AT_REMOVEDIR);
  }
  close(directory);
}

void SweepOnce(const std::string& parent) {
  static std::once_flag swept;
  std::call_once(swept, [&] {
    DIR* const list = opendir(parent.c_str());
    if (!list) return;
    while (const dirent* entry = readdir(list)) {
      if (std::strncmp(entry->d_name, kPrefix, std::strlen(kPrefix)) == 0) RemoveIfAbandoned(dirfd(list), entry->d_name);
    }
    closedir(list);
  });
}

[[noreturn]] void Fail(const std::string& what, int error) {
  const bool full = error == ENOSPC || error == EDQUOT || error == ENOMEM;
  throw Failure(full ? "ERR_NN_OUT_OF_MEMORY" : "ERR_NN_COMPILE", what + ": " + std::strerror(error));
}

/** Writes everything; an errno, or 0. */
int WriteAll(int file, ByteView bytes) {
  for (size_t written = 0; written < bytes.length;) {
    const ssize_t count = write(file, bytes.data + written, bytes.length - written);
    if (count >= 0) written += static_cast<size_t>(count);
    if (count < 0 && errno != EINTR) return errno;
  }
  return 0;
}

std::string DescriptorPath(int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); }

}  // namespace

PrivateFiles::PrivateFiles(const std::vector<std::pair<std::string, ByteView>>& files) {
  const std::string parent = ParentDirectory();
  SweepOnce(parent);
  try {
    Create(parent);
    for (const auto& [name, bytes] : files) Add(name, bytes);
    Protect();
  } catch (...) {
    Remove();
    throw;
  }
}

PrivateFiles::~PrivateFiles() { Remove(); }

void PrivateFiles::Create(const std::string& parent) {
  std::string pattern = parent + '/' + kPrefix + std::to_string(getpid()) + ".XXXXXX";
  if (!mkdtemp(pattern.data())) Fail("no directory for a model's file in " + parent, errno);
  directory_ = pattern;
  descriptor_ = open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor_ < 0 || !Lock(descriptor_)) Fail("cannot hold " + directory_, errno);
  // Without /proc its name has to do.
  const std::string by_descriptor = DescriptorPath(descriptor_);
  struct stat here {}, there {};
  const bool is_same = fstat(descriptor_, &here) == 0 && stat(by_descriptor.c_str(), &there) == 0 &&
                       here.st_dev == there.st_dev && here.st_ino == there.st_ino;
  place_ = is_same ? by_descriptor : directory_;
}

void PrivateFiles::Add(const std::string& name, ByteView bytes) {
  if (!AddSealed(name, bytes)) AddFile(name, bytes);
}

void PrivateFiles::AddFile(const std::string& name, ByteView bytes) {
  const int file = openat(descriptor_, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
  if (file < 0) Fail("no file for a model in " + directory_, errno);
  names_.push_back(name);
  int error = WriteAll(file, bytes);
  if (close(file) != 0 && error == 0) error = errno;
  if (error != 0) Fail("cannot write a model's file in " + directory_, error);
}

#ifdef __linux__

bool PrivateFiles::AddSealed(const std::string& name, ByteView bytes) {
  if (place_ == directory_ || sealed_.size() != names_.size()) return false;
  const int file = memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0) return false;
  sealed_.push_back(file);
  const int error = WriteAll(file, bytes);
  if (error != 0) Fail("no memory for a model's file", error);
  if (fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
    Fail("cannot seal a model's file", errno);
  }
  if (symlinkat(DescriptorPath(file).c_str(), descriptor_, name.c_str()) != 0) {
    Fail("no file for a model in " + directory_, errno);
  }
  names_.push_back(name);
  return true;
}

void PrivateFiles::Protect() {
  fchmod(descriptor_, 0500);
  watch_ = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  // Where there are no watches left, the mode has to do.
  constexpr uint32_t kChanges = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_ATTRIB;
  if (watch_ >= 0) inotify_add_watch(watch_, place_.c_str(), kChanges);
  for (size_t index = 0; index < sealed_.size(); ++index) {
    if (!LeadsTo(names_[index], sealed_[index])) Meddled();
  }
}

bool PrivateFiles::LeadsTo(const std::string& name, int file) const {
  char target[64];
  const ssize_t length = readlinkat(descriptor_, name.c_str(), target, sizeof target);
  return length > 0 && DescriptorPath(file) == std::string(target, static_cast<size_t>(length));
}

#else

bool PrivateFiles::AddSealed(const std::string&, ByteView) { return false; }

void PrivateFiles::Protect() { fchmod(descriptor_, 0500); }

#endif

void PrivateFiles::CheckUntouched() const {
  char event[4096];
  if (watch_ >= 0 && read(watch_, event, sizeof event) > 0) Meddled();
}

void PrivateFiles::Meddled() const {
  throw Failure("ERR_NN_COMPILE", "somebody changed a model's file in " + directory_ + " while it was read");
}

void PrivateFiles::Remove() noexcept {
  if (directory_.empty()) return;
  if (watch_ >= 0) close(watch_);
  if (descriptor_ >= 0) fchmod(descriptor_, 0700);
  for (const std::string& name : names_) unlinkat(descriptor_, name.c_str(), 0);
  for (const int file : sealed_) close(file);
  rmdir(directory_.c_str());
  if (descriptor_ >= 0) close(descriptor_);
  directory_.clear();
}

}  // namespace openvino
