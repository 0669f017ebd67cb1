// Direct calls on paths and descriptors.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "direct_guest.h"
#include "fs/owned_descriptors.h"
#include "fs/resolve.h"
#include "fs/status.h"

namespace preview1 {
namespace {

using fs::OwnedDescriptors;

// Programs look for files in many places: `noent` is plain. Every other failure is JavaScript's to tell.
int OutcomeOf(int error) { return error == 0 ? kSuccess : error == ENOENT ? kNoEntry : kNotPlain; }

// Where it is one that needs no more thought.
FileType PlainType(mode_t mode) {
  return S_ISREG(mode) ? kRegularType : S_ISDIR(mode) ? kDirectoryType : S_ISLNK(mode) ? kLinkType : kUnknownType;
}

// The layout of `filestat`.
int StoreStatus(const struct stat& status, uint8_t* at) {
  const FileType type = PlainType(status.st_mode);
  if (type == kUnknownType) return kNotPlain;
  uint64_t fields[fs::kStatusFields];
  fs::WriteStatus(status, fields);
  fields[2] = type;
  static_assert(sizeof(fields) == kFilestatLength);
  memcpy(at, fields, sizeof(fields));
  return kSuccess;
}

// A path that needs no second look: ASCII, relative, without a slash at its end.
bool CopyPath(const uint8_t* bytes, uint32_t length, char* path) {
  if (length == 0 || length >= PATH_MAX || bytes[0] == '/' || bytes[length - 1] == '/') return false;
  uint8_t seen = 0;
  for (uint32_t index = 0; index < length; ++index) {
    if (bytes[index] == 0) return false;
    seen |= bytes[index];
    path[index] = static_cast<char>(bytes[index]);
  }
  path[length] = '\0';
  return (seen & 0x80) == 0;
}

// As in src/wasi/fd/host-directory.ts.
int SystemFlags(uint32_t lookup, uint32_t oflags, bool readable, bool writable) {
  int flags = O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (writable ? (readable ? O_RDWR : O_WRONLY) : O_RDONLY);
  if ((oflags & kCreate) != 0) flags |= O_CREAT;
  if ((oflags & kCreate) != 0 && (oflags & kExclusive) != 0) flags |= O_EXCL;
  if ((oflags & kTruncate) != 0) flags |= O_TRUNC;
  return lookup == kFollow ? flags : flags | O_NOFOLLOW;
}

void CloseOwned(napi_env env, int fd) {
  OwnedDescriptors::Release(env, fd);
  close(fd);
}

// A path and the directory of the host that it is relative to.
struct Place {
  int host = -1;
  char path[PATH_MAX];
};

bool FindPlace(const DirectCall& call, int kinds, uint32_t fd, uint32_t pointer, uint32_t length, Place* place) {
  place->host = call.Host(fd, kinds);
  if (place->host < 0) return false;
  const uint8_t* bytes = call.At(pointer, length);
  return bytes != nullptr && CopyPath(bytes, length, place->path);
}

}  // namespace

int FdFilestatGet(DirectCall& call) {
  const uint32_t fd = call.U32(0);
  const uint32_t pointer = call.U32(1);
  if (!call.plain()) return kNotPlain;
  const int host = call.Host(fd, kFile | kAppends | kDirectory | kReadOnly);
  if (host < 0) return kNotPlain;
  call.FindMemory();
  uint8_t* at = call.At(pointer, kFilestatLength);
  struct stat status;
  if (at == nullptr || fstat(host, &status) != 0) return kNotPlain;
  return StoreStatus(status, at);
}

int PathFilestatGet(DirectCall& call) {
  const uint32_t fd = call.U32(0);
  const uint32_t flags = call.U32(1);
  const uint32_t path_pointer = call.U32(2);
  const uint32_t path_length = call.U32(3);
  const uint32_t pointer = call.U32(4);
  if (!call.plain() || flags > kFollow) return kNotPlain;
  call.FindMemory();
  uint8_t* at = call.At(pointer, kFilestatLength);
  Place place;
  if (at == nullptr || !FindPlace(call, kDirectory | kReadOnly, fd, path_pointer, path_length, &place)) return kNotPlain;
  struct stat status;
  const int error = fs::StatBeneath(place.host, place.path, flags == kFollow, &status);
  if (error == 0) return StoreStatus(status, at);
  return error == ENOENT ? kNoEntry : kNotPlain;
}

// JavaScript learns of what was opened when it is asked about it. Asking for a directory is not for here: it goes with
// checks of its own.
int PathOpen(DirectCall& call) {
  const uint32_t fd = call.U32(0);
  const uint32_t lookup = call.U32(1);
  const uint32_t path_pointer = call.U32(2);
  const uint32_t path_length = call.U32(3);
  const uint32_t oflags = call.U32(4);
  const uint64_t rights = static_cast<uint64_t>(call.I64(5));
  const uint64_t inheriting = static_cast<uint64_t>(call.I64(6));
  const uint32_t fdflags = call.U32(7);
  const uint32_t pointer = call.U32(8);
  if (!call.plain() || lookup > kFollow || (oflags & ~(kCreate | kExclusive | kTruncate)) != 0 || fdflags != 0) return kNotPlain;
  if (((rights | inheriting) & ~kAllRights) != 0) return kNotPlain;
  const bool writes = (rights & kRightWrite) != 0;
  const bool writable = writes || (oflags & (kCreate | kTruncate)) != 0;
  const bool readable = (rights & kRightRead) != 0 || !writes;
  DirectGuest& guest = call.guest();
  call.FindMemory();
  Place place;
  const int kinds = writable ? kDirectory : kDirectory | kReadOnly;
  if (call.At(pointer, 4) == nullptr || !guest.HasNumber()) return kNotPlain;
  if (!FindPlace(call, kinds, fd, path_pointer, path_length, &place)) return kNotPlain;
  const int opened = fs::OpenBeneath(place.host, place.path, SystemFlags(lookup, oflags, readable, writable), 0666);
  if (opened < 0) return errno == ENOENT ? kNoEntry : kNotPlain;
  // From here on it answers, whatever comes: what was created or cut must not be so twice.
  if (OwnedDescriptors::Keep(call.env(), opened) < 0) return kNoMemory;
  struct stat status;
  if (fstat(opened, &status) != 0) {
    CloseOwned(call.env(), opened);
    return kIo;
  }
  const bool is_directory = S_ISDIR(status.st_mode);
  const int read_only = guest.kinds[place.host] & kReadOnly;
  guest.Show(opened, static_cast<uint8_t>(is_directory ? kDirectory | read_only : kFile));
  const int32_t number = guest.TakeNumber();
  guest.table[number] = opened;
  guest.streams[number] = 0;
  guest.opened[number] = kOpened | (is_directory ? kOpenedDirectory : 0) | (read_only != 0 ? kOpenedReadOnly : 0) |
                         (readable ? kOpenedReadable : 0) | (writable ? kOpenedWritable : 0);
  Store32(call.At(pointer, 4), static_cast<uint32_t>(number));
  return kSuccess;
}

// What JavaScript knows is JavaScript's to close.
int FdClose(DirectCall& call) {
  const uint32_t fd = call.U32(0);
  DirectGuest& guest = call.guest();
  if (!call.plain() || fd >= guest.table_length || guest.opened[fd] == 0) return kNotPlain;
  const int host = guest.table[fd];
  guest.table[fd] = -1;
  guest.opened[fd] = 0;
  guest.free[fd] = 1;
  ++guest.counts[kRoom];
  guest.Show(host, 0);
  CloseOwned(call.env(), host);
  return kSuccess;
}

int PathUnlinkFile(DirectCall& call) {
  const uint32_t fd = call.U32(0);
  const uint32_t pointer = call.U32(1);
  const uint32_t length = call.U32(2);
  if (!call.plain()) return kNotPlain;
  call.FindMemory();
  Place place;
  if (!FindPlace(call, kDirectory, fd, pointer, length, &place)) return kNotPlain;
  return OutcomeOf(fs::UnlinkBeneath(place.host, place.path));
}

int PathRename(DirectCall& call) {
  const uint32_t fd = call.U32(0);
  const uint32_t pointer = call.U32(1);
  const uint32_t length = call.U32(2);
  const uint32_t new_fd = call.U32(3);
  const uint32_t new_pointer = call.U32(4);
  const uint32_t new_length = call.U32(5);
  if (!call.plain()) return kNotPlain;
  call.FindMemory();
  Place from;
  Place to;
  if (!FindPlace(call, kDirectory, fd, pointer, length, &from)) return kNotPlain;
  if (!FindPlace(call, kDirectory, new_fd, new_pointer, new_length, &to)) return kNotPlain;
  return OutcomeOf(fs::RenameBeneath(from.host, from.path, to.host, to.path));
}

}  // namespace preview1
