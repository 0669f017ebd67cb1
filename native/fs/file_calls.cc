#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "arguments.h"
#include "calls.h"
#include "descriptor.h"
#include "file_transfer.h"
#include "owned_descriptors.h"
#include "status.h"

namespace fs {
namespace {

// ---- the packed listing ----

void Put(std::vector<uint8_t>* out, uint64_t value, int byte_length) {
  for (; byte_length > 0; --byte_length, value >>= 8) out->push_back(static_cast<uint8_t>(value));
}

uint32_t TypeOf(int directory, const struct dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return DTTOIF(entry.d_type);
  struct stat status;
  return fstatat(directory, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? (status.st_mode & S_IFMT) : 0;
}

int List(const thread::Interrupt& interrupt, int directory, std::vector<uint8_t>* out) {
  // A description of its own: reading moves its offset, and the guest's descriptor may be a path-only one.
  Descriptor listed(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!listed.open()) return errno;
  DIR* stream = fdopendir(listed.get());
  if (stream == nullptr) return errno;
  listed.Release();
  errno = 0;
  while (const struct dirent* entry = readdir(stream)) {
    if (interrupt.requested()) {
      errno = EINTR;
      break;
    }
    const char* name = entry->d_name;
    if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
      const size_t length = strlen(name);
      Put(out, static_cast<uint64_t>(entry->d_ino), 8);
      Put(out, TypeOf(directory, *entry), 4);
      Put(out, length, 4);
      out->insert(out->end(), name, name + length);
    }
    errno = 0;
  }
  const int error = errno;
  closedir(stream);
  return error;
}

}  // namespace

// (descriptor) -> 0
napi_value Close(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const int fd = in.Int(0);
  if (in.error() != 0) return Failed(env, in.error());
  OwnedDescriptors::Release(env, fd);
  // Not repeated on EINTR: on Linux the descriptor is gone by then and its number may be somebody else's.
  return Answer(env, close(fd));
}

// (descriptor, results) -> 0
napi_value StatDescriptor(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const int fd = in.Int(0);
  uint64_t* results = in.Results(1, kStatusFields);
  if (in.error() != 0) return Failed(env, in.error());
  struct stat status;
  if (fstat(fd, &status) != 0) return Failed(env, errno);
  WriteStatus(status, results);
  return Int(env, 0);
}

// (descriptor, accessed, modified) -> 0
napi_value SetDescriptorTimes(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const int fd = in.Int(0);
  const struct timespec times[2] = {TimeSpec(in.TimeOf(1)), TimeSpec(in.TimeOf(2))};
  if (in.error() != 0) return Failed(env, in.error());
  return Answer(env, futimens(fd, times));
}

// (descriptor, memory, start, length, offset) -> bytes read
napi_value ReadAt(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const int fd = in.Int(0);
  const Range range = in.Slice(1);
  const int64_t offset = in.Long(4);
  if (in.error() != 0) return Failed(env, in.error());
  return Answer(env, ReadFileAt(InterruptOf(env), fd, range, offset));
}

// (descriptor, memory, start, length, offset) -> bytes written
napi_value WriteAt(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const int fd = in.Int(0);
  const Range range = in.Slice(1);
  const int64_t offset = in.Long(4);
  if (in.error() != 0) return Failed(env, in.error());
  return Answer(env, WriteFileAt(InterruptOf(env), fd, range, offset));
}

// (descriptor, memory, start, length) -> bytes written, at the end whatever its offset
napi_value Append(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const int fd = in.Int(0);
  const Range range = in.Slice(1);
  if (in.error() != 0) return Failed(env, in.error());
  return Answer(env, AppendToFile(InterruptOf(env), fd, range));
}

// (descriptor, length) -> 0
napi_value Truncate(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const int fd = in.Int(0);
  const int64_t length = in.Long(1);
  if (in.error() != 0) return Failed(env, in.error());
  return Answer(env, Restarting([&] { return ftruncate(fd, length); }));
}

// (descriptor) -> 0
napi_value Sync(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const int fd = in.Int(0);
  if (in.error() != 0) return Failed(env, in.error());
  return Answer(env, Restarting([&] { return fsync(fd); }));
}

// (descriptor) -> 0
napi_value DataSync(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const int fd = in.Int(0);
  if (in.error() != 0) return Failed(env, in.error());
#ifdef __APPLE__
  return Answer(env, Restarting([&] { return fsync(fd); }));
#else
  return Answer(env, Restarting([&] { return fdatasync(fd); }));
#endif
}

// (descriptor, offset, length, advice) -> 0
napi_value Advise(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const int fd = in.Int(0);
  const int64_t offset = in.Long(1);
  const int64_t length = in.Long(2);
  const int advice = in.Int(3);
  if (in.error() != 0) return Failed(env, in.error());
#ifdef POSIX_FADV_NORMAL
  return Failed(env, posix_fadvise(fd, offset, length, advice));
#else
  (void)fd, (void)offset, (void)length, (void)advice;
  return Int(env, 0);
#endif
}

// (descriptor) -> 1 or 0
napi_value IsTerminal(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const int fd = in.Int(0);
  if (in.error() != 0) return Failed(env, in.error());
  return Int(env, isatty(fd));
}

// (descriptor) -> bytes, or an errno. For each entry but `.` and `..`: u64 inode, u32 type (S_IFMT bits, 0 unknown),
// u32 length of the name, the name.
napi_value ListDirectory(napi_env env, napi_callback_info info) {
  Arguments in(env, info);
  const int fd = in.Int(0);
  if (in.error() != 0) return Failed(env, in.error());
  std::vector<uint8_t> listing;
  const int error = List(InterruptOf(env), fd, &listing);
  if (error != 0) return Failed(env, error);
  void* bytes = nullptr;
  napi_value buffer = nullptr;
  napi_value result = nullptr;
  if (napi_create_arraybuffer(env, listing.size(), &bytes, &buffer) != napi_ok) return Failed(env, ENOMEM);
  if (!listing.empty()) memcpy(bytes, listing.data(), listing.size());
  if (napi_create_typedarray(env, napi_uint8_array, listing.size(), buffer, 0, &result) != napi_ok) {
    return Failed(env, ENOMEM);
  }
  return result;
}

}  // namespace fs
