#pragma once

#include <cstdint>

#include "openvino/bytes.h"

namespace openvino {

struct FlatTableType;

/** What a table's field is, in the order of the schema. */
struct FlatField {
  enum class Kind : uint8_t {
    kNumber,        // `size` bytes
    kText,          // a string with its NUL
    kNumbers,       // a vector of numbers of `size` bytes
    kTable,         // a table of `type`
    kTables,        // a vector of tables of `type`
    kUnionType,     // which alternative the next field is; 0 is none
    kUnion,         // a table of alternatives[kind - 1]
  };

  Kind kind;
  uint8_t size = 0;
  const FlatTableType* type = nullptr;
};

struct FlatTableType {
  const FlatField* fields;
  size_t field_count;
  /** Of its union field, if it has one. */
  const FlatTableType* alternatives = nullptr;
  size_t alternative_count = 0;
};

/** Numbers of a vector. Reading past the end gives 0. */
class FlatVector {
 public:
  FlatVector() = default;
  FlatVector(ByteView buffer, uint32_t start, uint32_t length, uint8_t element_size)
      : buffer_(buffer), start_(start), length_(length), element_size_(element_size), present_(true) {}

  bool present() const { return present_; }
  uint32_t length() const { return length_; }
  /** Sign extended. */
  int64_t At(uint32_t index) const;
  uint32_t PositionAt(uint32_t index) const { return start_ + index * element_size_; }

 private:
  ByteView buffer_;
  uint32_t start_ = 0;
  uint32_t length_ = 0;
  uint8_t element_size_ = 0;
  bool present_ = false;
};

/** A table of a buffer that FlatBufferCheck found sound. An absent one has no fields. */
class FlatTable {
 public:
  FlatTable() = default;
  FlatTable(ByteView buffer, uint32_t position) : buffer_(buffer), position_(position), present_(true) {}

  bool present() const { return present_; }
  bool Has(uint32_t field) const { return FieldPosition(field) != 0; }
  int64_t Number(uint32_t field, uint8_t size, int64_t absent = 0) const;
  FlatTable Table(uint32_t field) const;
  FlatVector Numbers(uint32_t field, uint8_t element_size) const;
  /** Elements are reached with TableAt. */
  FlatVector Tables(uint32_t field) const { return Numbers(field, 4); }
  FlatTable TableAt(const FlatVector& tables, uint32_t index) const;

 private:
  uint32_t FieldPosition(uint32_t field) const;

  ByteView buffer_;
  uint32_t position_ = 0;
  bool present_ = false;
};

/**
 * Checks that every table, vector and string that can be reached lies inside the buffer, as a reader without checks of its
 * own relies on. Knows the wire format only; what the numbers mean is the caller's.
 * @see https://flatbuffers.dev/internals/
 */
class FlatBufferCheck {
 public:
  explicit FlatBufferCheck(ByteView buffer) : buffer_(buffer) {}

  /** The root table. @throws Failure ERR_NN_INVALID_MODEL */
  FlatTable Root(const FlatTableType& type);

 private:
  void CheckTable(uint32_t position, const FlatTableType& type);
  void CheckField(uint32_t position, const FlatField& field, const FlatTableType& type, uint8_t alternative);
  uint32_t Follow(uint32_t position);
  uint32_t CheckVector(uint32_t position, uint8_t element_size);
  void Need(uint32_t position, uint64_t length) const;

  ByteView buffer_;
  size_t tables_ = 0;
};

}  // namespace openvino
