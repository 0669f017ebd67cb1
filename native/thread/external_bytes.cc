#include "thread/external_bytes.h"

#include <algorithm>

#include "edge.h"

namespace thread {

ExternalBytes::~ExternalBytes() {
  int64_t all = 0;
  if (taken_ > 0) static_cast<void>(napi_adjust_external_memory(env_, taken_, &all));
}

bool ExternalBytes::Take(int64_t bytes) {
  if (Add(0) < bytes) return false;
  int64_t all = 0;
  edge::Ok(napi_adjust_external_memory(env_, -bytes, &all));
  taken_ += bytes;
  return true;
}

int64_t ExternalBytes::Add(int64_t bytes) {
  int64_t all = 0;
  edge::Ok(napi_adjust_external_memory(env_, bytes, &all));
  taken_ -= std::min(taken_, bytes);
  return all;
}

}  // namespace thread
