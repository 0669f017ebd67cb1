#pragma once

#include <cstdint>

namespace openvino {

/** Resident memory of this process; 0 where the system does not tell. It costs about a microsecond. */
uint64_t ResidentBytes() noexcept;

/** By how much it grew; 0 when it shrank. */
inline uint64_t GrowthSince(uint64_t before) noexcept {
  const uint64_t now = ResidentBytes();
  return now > before ? now - before : 0;
}

}  // namespace openvino
