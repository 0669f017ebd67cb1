#include "openvino/flatbuffer_reader.h"

#include <cstring>

#include "openvino/model_checks.h"

namespace openvino {

namespace {

constexpr uint32_t kOffsetBytes = 4;
constexpr uint32_t kVtableHeaderBytes = 4;
/** Tables may be shared, so a small buffer can hold many paths. */
constexpr size_t kMaxTables = 1000000;
constexpr uint64_t kMaxBufferBytes = uint64_t{1} << 31;

template <typename Number>
Number Read(ByteView buffer, uint32_t position) {
  Number value;
  std::memcpy(&value, buffer.data + position, sizeof value);
  return value;
}

int64_t ReadSigned(ByteView buffer, uint32_t position, uint8_t size) {
  switch (size) {
    case 1:
      return Read<int8_t>(buffer, position);
    case 2:
      return Read<int16_t>(buffer, position);
    case 4:
      return Read<int32_t>(buffer, position);
    default:
      return Read<int64_t>(buffer, position);
  }
}

[[noreturn]] void Unsound() { RefuseModel("the bytes are not a TensorFlow Lite model: damaged flatbuffer"); }

}  // namespace

int64_t FlatVector::At(uint32_t index) const {
  return index < length_ ? ReadSigned(buffer_, PositionAt(index), element_size_) : 0;
}

uint32_t FlatTable::FieldPosition(uint32_t field) const {
  if (!present_) return 0;
  const uint32_t vtable = position_ - static_cast<uint32_t>(Read<int32_t>(buffer_, position_));
  const uint32_t slot = kVtableHeaderBytes + field * 2;
  if (slot + 2 > Read<uint16_t>(buffer_, vtable)) return 0;
  const uint16_t offset = Read<uint16_t>(buffer_, vtable + slot);
  return offset == 0 ? 0 : position_ + offset;
}

int64_t FlatTable::Number(uint32_t field, uint8_t size, int64_t absent) const {
  const uint32_t position = FieldPosition(field);
  return position == 0 ? absent : ReadSigned(buffer_, position, size);
}

FlatTable FlatTable::Table(uint32_t field) const {
  const uint32_t position = FieldPosition(field);
  return position == 0 ? FlatTable() : FlatTable(buffer_, position + Read<uint32_t>(buffer_, position));
}

FlatVector FlatTable::Numbers(uint32_t field, uint8_t element_size) const {
  const uint32_t position = FieldPosition(field);
  if (position == 0) return FlatVector();
  const uint32_t vector = position + Read<uint32_t>(buffer_, position);
  return FlatVector(buffer_, vector + kOffsetBytes, Read<uint32_t>(buffer_, vector), element_size);
}

FlatTable FlatTable::TableAt(const FlatVector& tables, uint32_t index) const {
  if (index >= tables.length()) return FlatTable();
  const uint32_t position = tables.PositionAt(index);
  return FlatTable(buffer_, position + Read<uint32_t>(buffer_, position));
}

void FlatBufferCheck::Need(uint32_t position, uint64_t length) const {
  if (position > buffer_.length || length > buffer_.length - position) Unsound();
}

uint32_t FlatBufferCheck::Follow(uint32_t position) {
  if (position % kOffsetBytes != 0) Unsound();
  Need(position, kOffsetBytes);
  const uint32_t offset = Read<uint32_t>(buffer_, position);
  // Offsets point forward, so nothing can contain itself.
  if (offset == 0 || offset > buffer_.length - position) Unsound();
  return position + offset;
}

uint32_t FlatBufferCheck::CheckVector(uint32_t position, uint8_t element_size) {
  if (position % kOffsetBytes != 0) Unsound();
  Need(position, kOffsetBytes);
  const uint32_t length = Read<uint32_t>(buffer_, position);
  if (element_size > kOffsetBytes && length > 0 && (position + kOffsetBytes) % element_size != 0) Unsound();
  Need(position + kOffsetBytes, uint64_t{length} * element_size);
  return length;
}

void FlatBufferCheck::CheckField(uint32_t position, const FlatField& field, const FlatTableType& type, uint8_t alternative) {
  using Kind = FlatField::Kind;
  if (field.kind == Kind::kNumber || field.kind == Kind::kUnionType) {
    const uint8_t size = field.kind == Kind::kNumber ? field.size : 1;
    if (position % size != 0) Unsound();
    return Need(position, size);
  }
  const uint32_t target = Follow(position);
  if (field.kind == Kind::kTable) return CheckTable(target, *field.type);
  if (field.kind == Kind::kUnion) {
    if (alternative == 0 || alternative > type.alternative_count) Unsound();
    return CheckTable(target, type.alternatives[alternative - 1]);
  }
  const uint32_t length = CheckVector(target, field.kind == Kind::kText ? 1 : field.kind == Kind::kTables ? kOffsetBytes : field.size);
  if (field.kind == Kind::kText) {
    Need(target + kOffsetBytes, uint64_t{length} + 1);
    if (buffer_.data[target + kOffsetBytes + length] != 0) Unsound();
  }
  if (field.kind != Kind::kTables) return;
  for (uint32_t index = 0; index < length; index++) {
    CheckTable(Follow(target + kOffsetBytes + index * kOffsetBytes), *field.type);
  }
}

void FlatBufferCheck::CheckTable(uint32_t position, const FlatTableType& type) {
  if (++tables_ > kMaxTables || position % kOffsetBytes != 0) Unsound();
  Need(position, kOffsetBytes);
  const int64_t vtable_at = int64_t{position} - Read<int32_t>(buffer_, position);
  if (vtable_at < 0 || vtable_at > int64_t{UINT32_MAX} || vtable_at % 2 != 0) Unsound();
  const auto vtable = static_cast<uint32_t>(vtable_at);
  Need(vtable, kVtableHeaderBytes);
  const uint16_t vtable_bytes = Read<uint16_t>(buffer_, vtable);
  if (vtable_bytes < kVtableHeaderBytes || vtable_bytes % 2 != 0) Unsound();
  Need(vtable, vtable_bytes);
  uint8_t alternative = 0;
  for (size_t index = 0; index < type.field_count; index++) {
    const uint32_t slot = kVtableHeaderBytes + static_cast<uint32_t>(index) * 2;
    if (slot + 2 > vtable_bytes) break;
    const uint16_t offset = Read<uint16_t>(buffer_, vtable + slot);
    const bool is_union_type = type.fields[index].kind == FlatField::Kind::kUnionType;
    if (is_union_type) alternative = 0;
    if (offset == 0) continue;
    if (offset < kOffsetBytes || offset > buffer_.length - position) Unsound();
    CheckField(position + offset, type.fields[index], type, alternative);
    if (is_union_type) alternative = buffer_.data[position + offset];
  }
}

FlatTable FlatBufferCheck::Root(const FlatTableType& type) {
  if (buffer_.length < kOffsetBytes * 2 || buffer_.length >= kMaxBufferBytes) Unsound();
  const uint32_t root = Follow(0);
  CheckTable(root, type);
  return FlatTable(buffer_, root);
}

}  // namespace openvino
