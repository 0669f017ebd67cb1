#include "openvino/bytes.h"

#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

namespace openvino {

namespace {

/** A cache line, and what OpenVINO aligns its own tensors to. */
constexpr size_t kAlignment = 64;

}  // namespace

void OwnedBytes::Free::operator()(uint8_t* data) const {
  // The start of the block, which calloc gave, lies in front of the aligned bytes.
  void* block = nullptr;
  std::memcpy(&block, data - sizeof block, sizeof block);
  std::free(block);
}

OwnedBytes OwnedBytes::Zeroed(size_t length) {
  const size_t extra = kAlignment + sizeof(void*);
  if (length > std::numeric_limits<size_t>::max() - extra - 1) throw std::bad_alloc();
  // calloc and not aligned_alloc: fresh pages of the kernel are zero already and are not touched to make them so.
  void* block = std::calloc(1, length + extra + 1);
  if (!block) throw std::bad_alloc();
  const uintptr_t first = reinterpret_cast<uintptr_t>(block) + sizeof(void*);
  auto* data = reinterpret_cast<uint8_t*>((first + kAlignment - 1) / kAlignment * kAlignment);
  std::memcpy(data - sizeof block, &block, sizeof block);
  OwnedBytes bytes;
  bytes.data_.reset(data);
  bytes.length_ = length;
  return bytes;
}

OwnedBytes OwnedBytes::CopyOf(ByteView source) {
  OwnedBytes bytes = Zeroed(source.length);
  if (source.length > 0) std::memcpy(bytes.data(), source.data, source.length);
  return bytes;
}

}  // namespace openvino
