#include "openvino/protobuf_reader.h"

namespace openvino {

namespace {

constexpr int kMaxVarintBytes = 10;
constexpr uint64_t kMaxFieldNumber = (uint64_t{1} << 29) - 1;

/** Bytes of the UTF-8 sequence that starts with `lead`, 0 when none does; overlong forms are left to the caller. */
size_t SequenceLength(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

/** The second byte's range depends on the first: it keeps out overlong forms, surrogates and what is above U+10FFFF. */
bool IsSecondByte(uint8_t lead, uint8_t second) {
  const uint8_t lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const uint8_t highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  return second >= lowest && second <= highest;
}

}  // namespace

bool ProtobufReader::ReadVarint(uint64_t* value) {
  *value = 0;
  for (int index = 0; index < kMaxVarintBytes && rest_.length > 0; index++) {
    const uint8_t byte = *rest_.data;
    rest_.data++;
    rest_.length--;
    *value |= uint64_t{byte & 0x7Fu} << (7 * index);
    // No writer pads numbers with zeros, and readers differ in how much padding they take.
    if ((byte & 0x80) == 0) return byte != 0 || index == 0;
  }
  return false;
}

bool ProtobufReader::Take(uint64_t length, ByteView* payload) {
  if (length > rest_.length) return false;
  *payload = {rest_.data, static_cast<size_t>(length)};
  rest_.data += length;
  rest_.length -= length;
  return true;
}

bool ProtobufReader::Next(ProtobufField* field) {
  if (malformed_ || rest_.length == 0) return false;
  uint64_t tag = 0;
  uint64_t length = 0;
  bool good = ReadVarint(&tag) && (tag >> 3) >= 1 && (tag >> 3) <= kMaxFieldNumber;
  field->number = static_cast<uint32_t>(tag >> 3);
  field->wire_type = static_cast<WireType>(tag & 7);
  if (good) {
    switch (field->wire_type) {
      case WireType::kVarint:
        good = ReadVarint(&field->value);
        break;
      case WireType::kFixed64:
        good = Take(8, &field->payload);
        break;
      case WireType::kFixed32:
        good = Take(4, &field->payload);
        break;
      case WireType::kLength:
        good = ReadVarint(&length) && Take(length, &field->payload);
        break;
      default:
        good = false;
    }
  }
  malformed_ = !good;
  return good;
}

bool IsPackedWellFormed(ByteView payload, WireType element) {
  if (element == WireType::kFixed32) return payload.length % 4 == 0;
  if (element == WireType::kFixed64) return payload.length % 8 == 0;
  int continued = 0;
  for (size_t index = 0; index < payload.length; index++) {
    continued = (payload.data[index] & 0x80) ? continued + 1 : 0;
    if (continued >= kMaxVarintBytes) return false;
  }
  return continued == 0;
}

bool IsUtf8(ByteView text) {
  for (size_t at = 0; at < text.length;) {
    const uint8_t lead = text.data[at];
    const size_t length = SequenceLength(lead);
    if (length == 0 || length > text.length - at) return false;
    if (length > 1 && !IsSecondByte(lead, text.data[at + 1])) return false;
    for (size_t index = 2; index < length; index++) {
      if ((text.data[at + index] & 0xC0) != 0x80) return false;
    }
    at += length;
  }
  return true;
}

}  // namespace openvino
