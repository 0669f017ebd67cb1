#include "own_description.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fs {

#ifdef __linux__

namespace {

// A master opened again is a terminal of its own.
bool IsTerminalsOwnEnd(int fd) {
  unsigned number = 0;
  return isatty(fd) == 1 && ioctl(fd, TIOCGPTN, &number) != 0;
}

bool IsPipe(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

}  // namespace

Descriptor OwnDescription(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || (!IsPipe(fd) && !IsTerminalsOwnEnd(fd))) return Descriptor();
  char path[32];
  snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  return Descriptor(open(path, (flags & O_ACCMODE) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

#else

Descriptor OwnDescription(int) { return Descriptor(); }

#endif

}  // namespace fs
