#include <algorithm>
#include <array>
#include <string_view>

#include "openvino/model_checks.h"
#include "openvino/protobuf_reader.h"

namespace openvino {

namespace {

/** Above what protobuf itself allows in nesting. */
constexpr int kMaxDepth = 100;
/** How much of a model the runtime's IR frontend looks at to recognise its own. */
constexpr size_t kIrHeaderLength = 512;

struct KnownField {
  uint32_t number;
  WireType wire_type;
};

/**
 * Fields of ModelProto by which the runtime's ONNX frontend recognises a model: the first three must be different ones of
 * these. A model that it does not recognise would be offered to the next frontend (Paddle reads streams, too).
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
constexpr std::array<KnownField, 9> kRecognised = {{{1, WireType::kVarint},
                                                    {2, WireType::kLength},
                                                    {3, WireType::kLength},
                                                    {4, WireType::kLength},
                                                    {5, WireType::kVarint},
                                                    {6, WireType::kLength},
                                                    {7, WireType::kLength},
                                                    {8, WireType::kLength},
                                                    {14, WireType::kLength}}};
constexpr size_t kFieldsToRecognise = 3;
/** The frontend reads lengths and numbers of at most five bytes while it looks. */
constexpr uint64_t kMaxRecognisedNumber = (uint64_t{1} << 32) - 1;

bool IsRecognised(const ProtobufField& field) {
  const bool small = field.wire_type == WireType::kLength || field.value <= kMaxRecognisedNumber;
  return small && std::any_of(kRecognised.begin(), kRecognised.end(), [&](const KnownField& known) {
    return known.number == field.number && known.wire_type == field.wire_type;
  });
}

/** Where nodes, and the messages that hold nodes, lie in a message. */
struct Branch {
  uint32_t field;
  const struct Message* message;
};

struct Message {
  bool is_node;
  std::array<Branch, 3> branches;
};

extern const Message kGraph;
extern const Message kFunction;
extern const Message kTraining;
const Message kAttribute = {false, {{{6, &kGraph}, {11, &kGraph}, {0, nullptr}}}};
const Message kNode = {true, {{{5, &kAttribute}, {0, nullptr}, {0, nullptr}}}};
const Message kGraph = {false, {{{1, &kNode}, {0, nullptr}, {0, nullptr}}}};
const Message kFunction = {false, {{{7, &kNode}, {11, &kAttribute}, {0, nullptr}}}};
const Message kTraining = {false, {{{1, &kGraph}, {2, &kGraph}, {0, nullptr}}}};
const Message kModel = {false, {{{7, &kGraph}, {20, &kTraining}, {25, &kFunction}}}};

class NodeCounter {
 public:
  void Walk(ByteView bytes, const Message& message, int depth) {
    if (depth > kMaxDepth) RefuseModel("the ONNX model is nested too deeply");
    if (message.is_node && ++nodes_ > kMaxOperations) {
      RefuseModel("the ONNX model has more than " + std::to_string(kMaxOperations) + " nodes");
    }
    ProtobufReader reader(bytes);
    for (ProtobufField field; reader.Next(&field);) {
      for (const Branch& branch : message.branches) {
        if (branch.message && branch.field == field.number && field.wire_type == WireType::kLength) {
          Walk(field.payload, *branch.message, depth + 1);
        }
      }
    }
    if (reader.malformed()) RefuseModel("the bytes are not an ONNX model: malformed protobuf");
  }

 private:
  size_t nodes_ = 0;
};

/** The IR frontend is asked first, and takes any text whose beginning holds its root element. */
bool LooksLikeIr(ByteView model) {
  const std::string_view head = model.text().substr(0, kIrHeaderLength);
  for (size_t at = head.find('<'); at != std::string_view::npos; at = head.find('<', at + 1)) {
    const std::string_view name = head.substr(at + 1, 3);
    const bool is_net = name.size() == 3 && (name[0] | 0x20) == 'n' && (name[1] | 0x20) == 'e' && (name[2] | 0x20) == 't';
    if (is_net) return true;
  }
  return false;
}

}  // namespace

void CheckOnnx(ByteView model) {
  if (LooksLikeIr(model)) RefuseModel("the bytes are not an ONNX model: they begin like OpenVINO IR");
  ProtobufReader reader(model);
  std::array<uint32_t, kFieldsToRecognise> seen{};
  for (uint32_t& number : seen) {
    ProtobufField field;
    if (!reader.Next(&field) || !IsRecognised(field) || std::count(seen.begin(), seen.end(), field.number) > 0) {
      RefuseModel("the bytes are not an ONNX model");
    }
    number = field.number;
  }
  NodeCounter().Walk(model, kModel, 0);
}

}  // namespace openvino
