#include "owned_descriptors.h"

#include <unistd.h>

#include <cerrno>
#include <new>

namespace fs {
namespace {

OwnedDescriptors* Of(napi_env env) noexcept {
  void* data = nullptr;
  if (napi_get_instance_data(env, &data) != napi_ok || data == nullptr) return nullptr;
  return static_cast<OwnedDescriptors*>(static_cast<edge::AddonState*>(data)->fs.get());
}

}  // namespace

OwnedDescriptors::~OwnedDescriptors() {
  for (const int fd : open_) close(fd);
}

int OwnedDescriptors::Keep(napi_env env, int fd) noexcept {
  if (fd < 0) return fd;
  OwnedDescriptors* owned = Of(env);
  if (owned == nullptr) return fd;
  try {
    owned->open_.insert(fd);
    return fd;
  } catch (const std::bad_alloc&) {
    close(fd);
    errno = ENOMEM;
    return -1;
  }
}

void OwnedDescriptors::Release(napi_env env, int fd) noexcept {
  if (OwnedDescriptors* owned = Of(env)) owned->open_.erase(fd);
}

}  // namespace fs
