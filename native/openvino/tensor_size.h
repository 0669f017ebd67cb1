#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace openvino {

/** Sizes of one tensor's dimensions, outermost first. */
using Dimensions = std::vector<int64_t>;

/**
 * Bytes of a tensor, bits of packed elements rounded up to a whole byte; nothing when a dimension is negative or the
 * product does not fit 63 bits. Nothing is allocated: dimensions are a guest's and may say anything.
 */
inline std::optional<uint64_t> TensorByteLength(const Dimensions& dimensions, uint64_t bits_per_element) {
  bool empty = false;
  uint64_t bits = bits_per_element;
  for (const int64_t dimension : dimensions) {
    if (dimension < 0) return std::nullopt;
    empty = empty || dimension == 0;
  }
  if (empty) return 0;
  for (const int64_t dimension : dimensions) {
    if (__builtin_mul_overflow(bits, static_cast<uint64_t>(dimension), &bits)) return std::nullopt;
  }
  if (bits > (uint64_t{1} << 63)) return std::nullopt;
  return (bits + 7) / 8;
}

/** `[1,3,224,224]`; -1 is written `?`. */
inline std::string DimensionsText(const Dimensions& dimensions) {
  std::string text = "[";
  for (const int64_t dimension : dimensions) {
    if (text.size() > 1) text += ',';
    text += dimension < 0 ? "?" : std::to_string(dimension);
  }
  return text + ']';
}

}  // namespace openvino
