#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "openvino/model_checks.h"
#include "openvino/tensor_size.h"
#include "openvino/xml_reader.h"

namespace openvino {

namespace {

/** Each level of a nested body (Loop, If) takes three; the runtime recurses over bodies. */
constexpr size_t kMaxDepth = 192;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
/** The runtime's own note of where weights lie; in a guest's file it would name a host's. */
constexpr std::string_view kForbiddenNote = "__weights_path";

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& character : lower) {
    if (character >= 'A' && character <= 'Z') character += 'a' - 'A';
  }
  return lower;
}

/** Bits of an element by its IR name, old upper-case names included; 0 for strings, -1 for unknown ones. */
int ElementBits(std::string_view name) {
  static const std::vector<std::pair<const char*, int>> kBits = {
      {"f32", 32},   {"fp32", 32}, {"f16", 16},  {"fp16", 16},   {"bf16", 16},  {"f64", 64},    {"fp64", 64}, {"i8", 8},
      {"i16", 16},   {"i32", 32},  {"i64", 64},  {"u8", 8},      {"u16", 16},   {"u32", 32},    {"u64", 64},  {"i4", 4},
      {"u4", 4},     {"u1", 1},    {"bin", 1},   {"u2", 2},      {"u3", 3},     {"u6", 6},      {"nf4", 4},   {"boolean", 8},
      {"bool", 8},   {"f8e4m3", 8}, {"f8e5m2", 8}, {"f8e8m0", 8}, {"f4e2m1", 4}, {"string", 0}};
  const std::string lower = Lower(name);
  for (const auto& [known, bits] : kBits) {
    if (lower == known) return bits;
  }
  return -1;
}

bool ParseDecimal(std::string_view text, uint64_t* value) {
  if (text.empty()) return false;
  *value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return false;
    if (__builtin_mul_overflow(*value, uint64_t{10}, value) || __builtin_add_overflow(*value, uint64_t(digit - '0'), value)) {
      return false;
    }
  }
  return true;
}

bool ParseShape(std::string_view text, Dimensions* dimensions) {
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    std::string_view one = text.substr(0, comma);
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
    uint64_t value = 0;
    if (!ParseDecimal(one, &value) || value > uint64_t{INT64_MAX}) return false;
    dimensions->push_back(static_cast<int64_t>(value));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return true;
}

int32_t IntegerAt(ByteView bytes, size_t index) {
  int32_t value = 0;
  std::memcpy(&value, bytes.data + index * sizeof value, sizeof value);
  return value;
}

/** A tensor of strings: how many, where each begins and ends behind that list, the characters. */
void CheckStrings(ByteView bytes, uint64_t expected_count) {
  const uint64_t words = bytes.length / sizeof(int32_t);
  if (words < 2 || IntegerAt(bytes, 0) < 0 || uint64_t(IntegerAt(bytes, 0)) != expected_count || expected_count > words - 2) {
    RefuseModel("a constant of strings does not fit its shape");
  }
  const uint64_t characters = bytes.length - (expected_count + 2) * sizeof(int32_t);
  int32_t previous = 0;
  for (uint64_t index = 1; index <= expected_count + 1; index++) {
    const int32_t offset = IntegerAt(bytes, index);
    if (offset < previous || uint64_t(offset) > characters) RefuseModel("a constant of strings points outside its bytes");
    previous = offset;
  }
}

/**
 * A constant's bytes lie in the weights, and are as many as its shape needs. The runtime's own check adds offset and size
 * without regard to overflow (2024.6, 2025.4), multiplies dimensions likewise, and takes an inline `value` of any length.
 */
void CheckConstant(const XmlTag& data, ByteView weights) {
  const std::string_view* const element_type = data.Find("element_type");
  const std::string_view* const shape = data.Find("shape");
  const std::string_view* const offset_text = data.Find("offset");
  const std::string_view* const size_text = data.Find("size");
  if (!element_type || !shape || !offset_text || !size_text || data.Find("value")) {
    RefuseModel("a constant lacks its element type, shape, offset or size");
  }
  uint64_t offset = 0;
  uint64_t size = 0;
  Dimensions dimensions;
  const int bits = ElementBits(*element_type);
  if (bits < 0 || !ParseDecimal(*offset_text, &offset) || !ParseDecimal(*size_text, &size) || !ParseShape(*shape, &dimensions)) {
    RefuseModel("a constant's attributes make no sense");
  }
  if (offset > weights.length || size > weights.length - offset) {
    RefuseModel("a constant lies at " + std::to_string(offset) + " + " + std::to_string(size) + " bytes, beyond the weights of " +
                std::to_string(weights.length));
  }
  const std::optional<uint64_t> needed = TensorByteLength(dimensions, bits == 0 ? 8 : static_cast<uint64_t>(bits));
  if (!needed || (bits > 0 && *needed > size)) {
    RefuseModel("a constant of " + std::to_string(size) + " bytes has the shape " + DimensionsText(dimensions));
  }
  if (bits == 0) CheckStrings({weights.data + offset, size}, *needed);
}

class IrCheck {
 public:
  explicit IrCheck(ByteView weights) : weights_(weights) {}

  void Open(const XmlTag& tag) {
    CheckNotes(tag);
    if (open_.empty()) CheckRoot(tag);
    const bool in_constant = !open_.empty() && open_.back();
    if (in_constant && tag.name == "data") CheckConstant(tag, weights_);
    const bool is_constant = tag.name == "layer" && IsConstant(tag);
    if (tag.self_closing) return;
    open_.push_back(is_constant);
    if (open_.size() > kMaxDepth) RefuseModel("the xml is nested too deeply");
  }

  void Close() {
    if (open_.empty()) RefuseModel("the xml closes more than it opens");
    open_.pop_back();
  }

  void Finish() const {
    if (!has_root_ || !open_.empty()) RefuseModel("the xml is not complete");
  }

 private:
  void CheckRoot(const XmlTag& tag) {
    const std::string_view* const version = tag.Find("version");
    if (has_root_ || tag.name != "net" || !version || (*version != "10" && *version != "11")) {
      RefuseModel("the xml is not OpenVINO IR of version 10 or 11");
    }
    has_root_ = true;
  }

  bool IsConstant(const XmlTag& layer) {
    if (++layers_ > kMaxOperations) RefuseModel("the model has more than " + std::to_string(kMaxOperations) + " operations");
    const std::string_view* const type = layer.Find("type");
    if (!type || type->find('&') != std::string_view::npos) RefuseModel("a layer has no plain type");
    const std::string lower = Lower(*type);
    return lower == "const" || lower == "constant";
  }

  static void CheckNotes(const XmlTag& tag) {
    bool forbidden = tag.name.find(kForbiddenNote) != std::string_view::npos;
    for (const auto& [key, value] : tag.attributes) {
      const bool plain = value.find('&') == std::string_view::npos;
      forbidden = forbidden || (plain ? value : std::string_view(DecodeXmlText(value))).find(kForbiddenNote) != std::string_view::npos;
    }
    if (forbidden) RefuseModel("the xml names a file of weights");
  }

  const ByteView weights_;
  /** One for each open element: whether it is a constant's layer. */
  std::vector<bool> open_;
  size_t layers_ = 0;
  bool has_root_ = false;
};

}  // namespace

void CheckIr(ByteView xml, ByteView weights) {
  std::string_view text = xml.text();
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) text.remove_prefix(kByteOrderMark.size());
  // Anything before it, a line break even, could make the text another frontend's (0x0A is a field of ONNX).
  if (text.empty() || text.front() != '<') RefuseModel("not OpenVINO IR: the first builder is no xml");
  XmlReader reader(text);
  IrCheck check(weights);
  for (XmlTag tag; reader.Next(&tag);) {
    if (tag.kind == XmlTag::Kind::kOpen) {
      check.Open(tag);
    } else {
      check.Close();
    }
  }
  check.Finish();
}

}  // namespace openvino
