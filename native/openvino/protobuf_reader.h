#pragma once

#include <cstdint>

#include "openvino/bytes.h"

namespace openvino {

enum class WireType : uint32_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

struct ProtobufField {
  uint32_t number = 0;
  WireType wire_type = WireType::kVarint;
  /** Of kVarint. */
  uint64_t value = 0;
  /** Of kLength: its bytes. Of the fixed ones: theirs. */
  ByteView payload;
};

/** Reads the fields of one message, in order. Groups, which nobody writes any more, are malformed here. */
class ProtobufReader {
 public:
  explicit ProtobufReader(ByteView message) : rest_(message) {}

  /** False at the end and when malformed. */
  bool Next(ProtobufField* field);
  bool malformed() const { return malformed_; }

 private:
  bool ReadVarint(uint64_t* value);
  bool Take(uint64_t length, ByteView* payload);

  ByteView rest_;
  bool malformed_ = false;
};

/** Whether a packed field (or one number) of this wire type is well formed. */
bool IsPackedWellFormed(ByteView payload, WireType element);

bool IsUtf8(ByteView text);

}  // namespace openvino
