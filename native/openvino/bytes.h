#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace openvino {

/** Bytes of somebody else, valid for the length of a call. They may be guest memory that another thread writes. */
struct ByteView {
  const uint8_t* data = nullptr;
  size_t length = 0;

  std::string_view text() const { return {reinterpret_cast<const char*>(data), length}; }
};

/** How bytes were got: a mapping of their own where `mapped_length` is not 0, else from the heap. */
struct FreeBytes {
  void* block = nullptr;
  size_t mapped_length = 0;
  void operator()(uint8_t* data) const;
};

/** Bytes of our own at an address that suits vector instructions. Never at a null address, even when empty. */
class OwnedBytes {
 public:
  OwnedBytes() = default;
  /** Zeroed. Large sizes take memory only where they are touched. @throws std::bad_alloc */
  static OwnedBytes Zeroed(size_t length);

  uint8_t* data() const { return data_.get(); }
  size_t length() const { return length_; }
  ByteView view() const { return {data_.get(), length_}; }
  std::string_view text() const { return view().text(); }

 private:
  static OwnedBytes Mapped(size_t length);
  static OwnedBytes FromHeap(size_t length);

  std::unique_ptr<uint8_t, FreeBytes> data_;
  size_t length_ = 0;
};

}  // namespace openvino
