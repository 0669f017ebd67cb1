#pragma once

#include <cstdint>

namespace stack {

/** Where a thread's stack lies: addresses, the lowest and one past the highest. It grows towards `low`. */
struct Bounds {
  uintptr_t low = 0;
  uintptr_t high = 0;

  bool known() const { return low < high; }
  uintptr_t size() const { return high - low; }
  bool Contains(uintptr_t address) const { return address >= low && address < high; }
};

/**
 * The calling thread's stack as the system tells it, asked once for each thread: for a main thread, whose stack grows as it
 * is used, down to where `ulimit -s` and other mappings let it grow. Not known: an empty range.
 */
const Bounds& BoundsOfThread();

}  // namespace stack
