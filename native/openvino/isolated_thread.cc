#include "openvino/isolated_thread.h"

#include <exception>
#include <thread>

#ifdef __linux__
#include <sched.h>
#include <sys/vfs.h>
#include <unistd.h>
#endif

namespace openvino {

#ifdef __linux__

namespace {

constexpr long kProcFileSystemMagic = 0x9fa0;

/** In /proc no file can be created; it must really be the kernel's, not an empty mount point. */
bool EnterEmptyDirectory() {
  struct statfs file_system {};
  return unshare(CLONE_FS) == 0 && chdir("/proc") == 0 && statfs(".", &file_system) == 0 &&
         file_system.f_type == kProcFileSystemMagic;
}

}  // namespace

bool RunInEmptyDirectory(const std::function<void()>& work) {
  bool isolated = false;
  std::exception_ptr thrown;
  std::thread thread([&] {
    isolated = EnterEmptyDirectory();
    if (!isolated) return;
    try {
      work();
    } catch (...) {
      thrown = std::current_exception();
    }
  });
  thread.join();
  if (thrown) std::rethrow_exception(thrown);
  return isolated;
}

#else

bool RunInEmptyDirectory(const std::function<void()>&) { return false; }

#endif

}  // namespace openvino
