#pragma once

#include <cstdint>

namespace stack {

/**
 * The address below which V8 lets no JavaScript and no wasm of the calling thread go; what would go there throws a
 * RangeError. Node-API has no word for it: V8's own functions are looked up in the program, which exports them to addons.
 */
class Limit {
 public:
  /** V8's functions; false where this program does not export them. */
  static bool Find();

  /**
   * The limit as it is, or 0 where it cannot be told. It is set twice on the way, to `probe` and to just above it, so no
   * JavaScript may run meanwhile; afterwards it is as it was.
   *
   * @param probe an address that the limit may be
   */
  static uintptr_t Read(uintptr_t probe);

  static void Set(uintptr_t address);
};

}  // namespace stack
