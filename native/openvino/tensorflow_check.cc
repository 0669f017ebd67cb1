#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

#include "openvino/model_checks.h"
#include "openvino/tensorflow_schema.h"

namespace openvino {

namespace {

using tensorflow::Field;
using tensorflow::Kind;
using tensorflow::Message;
using tensorflow::Role;

/** Below protobuf's own limit of 100. */
constexpr int kMaxDepth = 64;
constexpr uint32_t kNameField = 1;
constexpr uint32_t kOpField = 2;
constexpr uint32_t kSignatureField = 1;
/** The graph that is not in the library. */
constexpr const char* kMainGraph = "";

std::string TextOf(ByteView payload) { return std::string(payload.text()); }

/** What one graph or function consists of. */
struct Body {
  size_t nodes = 0;
  /** Names that may be functions': operations of its nodes, and functions given as attributes. */
  std::vector<std::string> names;
};

/**
 * A GraphDef must be one that protobuf parses without complaint: the frontend answers a failure by printing to standard
 * error and by trying the file as text, and the runtime by offering it to other frontends, of which ONNX's opens the files
 * that a model names. So unknown fields and text that is not UTF-8 are refused here, too.
 */
class GraphDefCheck {
 public:
  void Walk(ByteView bytes, const Message& message, int depth) {
    if (depth > kMaxDepth) RefuseModel("the TensorFlow graph is nested too deeply");
    if (message.role == Role::kFunction) current_ = FunctionName(bytes);
    if (message.role == Role::kNode) bodies_[current_].nodes++;
    ProtobufReader reader(bytes);
    for (ProtobufField field; reader.Next(&field);) {
      const auto known = std::find_if(message.fields.begin(), message.fields.end(),
                                      [&](const Field& one) { return one.number == field.number; });
      if (known == message.fields.end()) {
        RefuseModel("not a frozen TensorFlow graph: unknown field " + std::to_string(field.number));
      }
      CheckField(*known, field, depth);
      const bool may_name_function = (message.role == Role::kNode && field.number == kOpField) ||
                                     (message.role == Role::kFunctionName && field.number == kNameField);
      if (may_name_function) bodies_[current_].names.push_back(TextOf(field.payload));
    }
    if (reader.malformed()) RefuseModel("not a frozen TensorFlow graph: malformed protobuf");
    if (message.role == Role::kFunction) current_ = kMainGraph;
  }

  /** The frontend puts a function's body in place of each call. */
  void CheckExpansion() {
    if (bodies_[kMainGraph].nodes == 0) RefuseModel("not a frozen TensorFlow graph: it has no nodes");
    if (ExpandedNodes(kMainGraph, 0) > kMaxOperations) {
      RefuseModel("the TensorFlow graph has more than " + std::to_string(kMaxOperations) + " nodes, or calls itself");
    }
  }

 private:
  static std::string FunctionName(ByteView function) {
    std::string name;
    ProtobufReader reader(function);
    for (ProtobufField field; reader.Next(&field);) {
      if (field.number != kSignatureField || field.wire_type != WireType::kLength) continue;
      ProtobufReader signature(field.payload);
      for (ProtobufField part; signature.Next(&part);) {
        if (part.number == kNameField && part.wire_type == WireType::kLength) name = TextOf(part.payload);
      }
    }
    return name;
  }

  void CheckField(const Field& known, const ProtobufField& field, int depth) {
    const bool is_length = field.wire_type == WireType::kLength;
    bool good = is_length;
    switch (known.kind) {
      case Kind::kNumber:
        good = is_length ? IsPackedWellFormed(field.payload, WireType::kVarint) : field.wire_type == WireType::kVarint;
        break;
      case Kind::kFixed32:
        good = is_length ? IsPackedWellFormed(field.payload, WireType::kFixed32) : field.wire_type == WireType::kFixed32;
        break;
      case Kind::kFixed64:
        good = is_length ? IsPackedWellFormed(field.payload, WireType::kFixed64) : field.wire_type == WireType::kFixed64;
        break;
      case Kind::kText:
        good = is_length && IsUtf8(field.payload);
        break;
      case Kind::kMessage:
        if (is_length) Walk(field.payload, *known.message, depth + 1);
        break;
      case Kind::kBytes:
        break;
    }
    if (!good) RefuseModel("not a frozen TensorFlow graph: field " + std::to_string(field.number) + " is malformed");
  }

  /** Saturates above kMaxOperations; a function that reaches itself never ends, and so does. */
  size_t ExpandedNodes(const std::string& name, int depth) {
    if (depth > kMaxDepth) return kMaxOperations + 1;
    const auto done = expanded_.find(name);
    if (done != expanded_.end()) return done->second;
    const Body& body = bodies_[name];
    size_t nodes = body.nodes;
    for (const std::string& called : body.names) {
      if (nodes > kMaxOperations) break;
      if (called != kMainGraph && bodies_.count(called) > 0) nodes += ExpandedNodes(called, depth + 1);
    }
    return expanded_[name] = nodes;
  }

  std::string current_ = kMainGraph;
  std::unordered_map<std::string, Body> bodies_;
  std::unordered_map<std::string, size_t> expanded_;
};

}  // namespace

void CheckTensorFlow(ByteView model) {
  GraphDefCheck check;
  check.Walk(model, tensorflow::kGraphDef, 0);
  check.CheckExpansion();
}

}  // namespace openvino
