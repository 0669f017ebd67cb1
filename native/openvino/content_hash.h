#pragma once

#include <cstddef>
#include <cstdint>

#include "openvino/bytes.h"

namespace openvino {

/**
 * A fast hash under a key that is drawn once per process, so that nobody outside can prepare collisions. It only finds
 * candidates: whoever uses it compares the bytes themselves.
 */
class ContentHash {
 public:
  void Add(ByteView bytes);
  /** The length, both ends and some places between: what differs elsewhere alone is taken for the same. */
  void AddSample(ByteView bytes);
  uint64_t Value() const { return state_; }

 private:
  void AddNumber(uint64_t number);

  uint64_t state_ = 0;
};

}  // namespace openvino
