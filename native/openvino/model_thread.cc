#include "openvino/model_thread.h"

#include <exception>
#include <memory>
#include <system_error>
#include <utility>

#ifdef __linux__
#include <fcntl.h>
#include <sched.h>
#include <sys/vfs.h>
#include <unistd.h>
#endif

namespace openvino {

namespace {

/** Address space; memory only where it is used. */
constexpr size_t kStackBytes = size_t{256} << 20;

void* RunJob(void* argument) {
  const std::unique_ptr<std::function<void()>> work(static_cast<std::function<void()>*>(argument));
  (*work)();
  return nullptr;
}

int CreateThread(pthread_t* thread, size_t stack_bytes, std::function<void()>* work) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  if (stack_bytes > 0) pthread_attr_setstacksize(&attributes, stack_bytes);
  const int error = pthread_create(thread, &attributes, RunJob, work);
  pthread_attr_destroy(&attributes);
  return error;
}

}  // namespace

pthread_t StartModelThread(std::function<void()> work) {
  auto owned = std::make_unique<std::function<void()>>(std::move(work));
  pthread_t thread;
  int error = CreateThread(&thread, kStackBytes, owned.get());
  // Where address space is short (ulimit -v), the default has to do.
  if (error != 0) error = CreateThread(&thread, 0, owned.get());
  if (error != 0) throw std::system_error(error, std::generic_category(), "no thread for a model");
  owned.release();
  return thread;
}

void RunOnModelThread(const std::function<void()>& work) {
  std::exception_ptr thrown;
  const pthread_t thread = StartModelThread([&] {
    try {
      work();
    } catch (...) {
      thrown = std::current_exception();
    }
  });
  pthread_join(thread, nullptr);
  if (thrown) std::rethrow_exception(thrown);
}

#ifdef __linux__

namespace {

constexpr long kProcFileSystemMagic = 0x9fa0;

/** In /proc no file can be created; it must really be the kernel's, not an empty mount point. */
bool EnterProc() {
  struct statfs file_system {};
  return chdir("/proc") == 0 && statfs(".", &file_system) == 0 && file_system.f_type == kProcFileSystemMagic;
}

}  // namespace

EmptyDirectory::EmptyDirectory() {
  before_ = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  // Without CLONE_FS a change of directory would be the whole process's.
  entered_ = before_ >= 0 && unshare(CLONE_FS) == 0 && EnterProc();
}

EmptyDirectory::~EmptyDirectory() {
  if (before_ < 0) return;
  // A relative CACHE_DIR is the host's and means the process's directory.
  if (entered_ && fchdir(before_) != 0) entered_ = false;
  close(before_);
}

#else

EmptyDirectory::EmptyDirectory() = default;
EmptyDirectory::~EmptyDirectory() = default;

#endif

}  // namespace openvino
