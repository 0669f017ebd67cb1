#include "openvino/private_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

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
  return temporary && *temporary == '/' ? temporary : "/tmp";
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

}  // namespace

PrivateFiles::PrivateFiles(const std::vector<std::pair<std::string, ByteView>>& files) {
  const std::string parent = ParentDirectory();
  SweepOnce(parent);
  try {
    Create(parent);
    for (const auto& [name, bytes] : files) Write(name, bytes);
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
}

void PrivateFiles::Write(const std::string& name, ByteView bytes) {
  const int file = openat(descriptor_, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) Fail("no file for a model in " + directory_, errno);
  names_.push_back(name);
  int error = 0;
  for (size_t written = 0; written < bytes.length && error == 0;) {
    const ssize_t count = write(file, bytes.data + written, bytes.length - written);
    if (count >= 0) written += static_cast<size_t>(count);
    if (count < 0 && errno != EINTR) error = errno;
  }
  if (close(file) != 0 && error == 0) error = errno;
  if (error != 0) Fail("cannot write a model's file in " + directory_, error);
}

void PrivateFiles::Remove() noexcept {
  if (directory_.empty()) return;
  for (const std::string& name : names_) unlinkat(descriptor_, name.c_str(), 0);
  rmdir(directory_.c_str());
  if (descriptor_ >= 0) close(descriptor_);
  directory_.clear();
}

}  // namespace openvino
