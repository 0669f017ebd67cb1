// The descriptors that one environment (the main thread, a worker) opened and has not closed.
#pragma once

#include <node_api.h>

#include <unordered_set>

#include "addon_state.h"

namespace fs {

// A worker may be terminated at any moment, and the JavaScript that would close them never runs then: Node-API frees this
// when the environment ends, on its own thread, after the last call.
class OwnedDescriptors : public edge::RoomState {
 public:
  OwnedDescriptors() = default;
  OwnedDescriptors(const OwnedDescriptors&) = delete;
  OwnedDescriptors& operator=(const OwnedDescriptors&) = delete;
  ~OwnedDescriptors() override;

  // Takes over what a call opened and answers it; what is negative passes, errno as it is.
  static int Keep(napi_env env, int fd) noexcept;

  // To be called before a descriptor is closed: from then on its number may be somebody else's. One that is not owned is
  // an embedder's.
  static void Release(napi_env env, int fd) noexcept;

 private:
  std::unordered_set<int> open_;
};

}  // namespace fs
