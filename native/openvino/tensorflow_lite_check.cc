#include <algorithm>
#include <cstring>
#include <string>

#include "openvino/model_checks.h"
#include "openvino/tensor_size.h"
#include "openvino/tensorflow_lite_schema.h"

namespace openvino {

namespace {

constexpr size_t kIdentifierOffset = 4;
constexpr std::string_view kIdentifier = "TFL3";
/** SIGN, the last that 2024.6 has a name for; it looks the name up unchecked. */
constexpr int64_t kLastBuiltinOperator = 158;
/** From here on the newer field holds the operator. */
constexpr int64_t kPlaceholderOperator = 127;
constexpr int64_t kNoTensor = -1;

/** Bits of an element by TensorType, 0 for what has no bytes of a fixed size. */
constexpr unsigned kTypeBits[] = {32, 16, 32, 8, 64, 0, 8, 16, 64, 8, 64, 128, 64, 0, 0, 32, 16, 4, 16, 2};
constexpr int64_t kTypeCount = sizeof kTypeBits / sizeof *kTypeBits;

bool AreIndices(const FlatVector& indices, uint32_t count, bool may_be_absent) {
  for (uint32_t at = 0; at < indices.length(); at++) {
    const int64_t index = indices.At(at);
    if (may_be_absent && index == kNoTensor) continue;
    if (index < 0 || index >= count) return false;
  }
  return true;
}

Dimensions DimensionsOf(const FlatVector& numbers) {
  Dimensions dimensions;
  for (uint32_t at = 0; at < numbers.length(); at++) dimensions.push_back(numbers.At(at));
  return dimensions;
}

/**
 * The frontends of 2024.6 and 2025.4 read a model as if it were sound: they follow any offset, index and shape. 2026.4
 * checks offsets and indices, and not that a constant has as many bytes as its shape needs.
 */
class TfLiteCheck {
 public:
  explicit TfLiteCheck(const FlatTable& model) : model_(model) {
    operator_codes_ = model.Tables(tflite::model::kOperatorCodes);
    buffers_ = model.Tables(tflite::model::kBuffers);
    subgraphs_ = model.Tables(tflite::model::kSubgraphs);
  }

  void Check() {
    if (!operator_codes_.present() || !buffers_.present() || subgraphs_.length() == 0) Refuse("it lacks a part");
    CheckOperatorCodes();
    CheckBuffers();
    for (uint32_t at = 0; at < subgraphs_.length(); at++) CheckSubgraph(model_.TableAt(subgraphs_, at));
  }

 private:
  [[noreturn]] static void Refuse(const std::string& reason) { RefuseModel("not a valid TensorFlow Lite model: " + reason); }

  void CheckOperatorCodes() const {
    for (uint32_t at = 0; at < operator_codes_.length(); at++) {
      const FlatTable code = model_.TableAt(operator_codes_, at);
      const int64_t old_code = code.Number(tflite::operator_code::kDeprecatedBuiltinCode, 1);
      const int64_t new_code = code.Number(tflite::operator_code::kBuiltinCode, 4);
      if (old_code < 0 || old_code > kPlaceholderOperator || new_code < 0 || new_code > kLastBuiltinOperator) {
        Refuse("operator " + std::to_string(std::max(old_code, new_code)) + " is not supported");
      }
    }
  }

  void CheckBuffers() const {
    for (uint32_t at = 0; at < buffers_.length(); at++) {
      const FlatTable buffer = model_.TableAt(buffers_, at);
      if (buffer.Number(tflite::buffer::kOffset, 8) != 0 || buffer.Number(tflite::buffer::kSize, 8) != 0) {
        Refuse("a buffer lies outside the flatbuffer");
      }
    }
  }

  void CheckSubgraph(const FlatTable& subgraph) {
    const FlatVector tensors = subgraph.Tables(tflite::subgraph::kTensors);
    const FlatVector inputs = subgraph.Numbers(tflite::subgraph::kInputs, 4);
    const FlatVector outputs = subgraph.Numbers(tflite::subgraph::kOutputs, 4);
    const FlatVector operators = subgraph.Tables(tflite::subgraph::kOperators);
    if (!tensors.present() || !inputs.present() || !outputs.present() || !operators.present()) Refuse("a graph lacks a part");
    if (!AreIndices(inputs, tensors.length(), false) || !AreIndices(outputs, tensors.length(), false)) {
      Refuse("a graph's input or output is no tensor of it");
    }
    for (uint32_t at = 0; at < tensors.length(); at++) CheckTensor(subgraph.TableAt(tensors, at));
    operators_ += operators.length();
    if (operators_ > kMaxOperations) Refuse("more than " + std::to_string(kMaxOperations) + " operators");
    for (uint32_t at = 0; at < operators.length(); at++) CheckOperator(subgraph.TableAt(operators, at), tensors.length());
  }

  void CheckOperator(const FlatTable& op, uint32_t tensor_count) const {
    const int64_t code = op.Number(tflite::op::kOpcodeIndex, 4);
    const FlatVector inputs = op.Numbers(tflite::op::kInputs, 4);
    const FlatVector outputs = op.Numbers(tflite::op::kOutputs, 4);
    if (code < 0 || code >= operator_codes_.length() || !inputs.present() || !outputs.present() ||
        !AreIndices(inputs, tensor_count, true) || !AreIndices(outputs, tensor_count, false)) {
      Refuse("an operator names a code or tensor that is not there");
    }
    CheckOptions(op, inputs.length());
  }

  void CheckOptions(const FlatTable& op, uint32_t input_count) const {
    const int64_t type = op.Number(tflite::op::kOptionsType, 1);
    const FlatTable options = op.Table(tflite::op::kOptions);
    const bool needs_vector = type == tflite::options::kReshape || type == tflite::options::kSqueeze;
    if (needs_vector && options.present() && !options.Has(0)) Refuse("an operator lacks dimensions");
    if (type == tflite::options::kWhile) {
      CheckBody(options.Number(tflite::while_options::kCondition, 4), input_count, 1);
      CheckBody(options.Number(tflite::while_options::kBody, 4), input_count, input_count);
    }
    if (op.Has(tflite::op::kOptions2Type) || op.Has(tflite::op::kOptions2)) Refuse("StableHLO's operators are not supported");
    // Another format inside this one, which the frontend reads unchecked and needs for no operator that it has.
    if (op.Numbers(tflite::op::kCustomOptions, 1).length() > 0) Refuse("custom operators are not supported");
  }

  void CheckBody(int64_t index, uint32_t input_count, uint32_t output_count) const {
    const FlatTable body = index >= 0 ? model_.TableAt(subgraphs_, static_cast<uint32_t>(index)) : FlatTable();
    const bool fits = body.Numbers(tflite::subgraph::kInputs, 4).length() == input_count &&
                      body.Numbers(tflite::subgraph::kOutputs, 4).length() == output_count;
    if (!body.present() || !fits) Refuse("a loop's condition or body is not there, or takes other tensors than the loop");
  }

  void CheckTensor(const FlatTable& tensor) const {
    if (!tensor.Has(tflite::tensor::kName)) Refuse("a tensor has no name");
    if (tensor.Has(tflite::tensor::kSparsity)) Refuse("sparse tensors are not supported");
    const int64_t type = tensor.Number(tflite::tensor::kType, 1);
    const int64_t buffer = tensor.Number(tflite::tensor::kBuffer, 4);
    if (type < 0 || type >= kTypeCount || buffer < 0 || buffer >= buffers_.length()) Refuse("a tensor's type or buffer is not there");
    const Dimensions shape = DimensionsOf(tensor.Numbers(tflite::tensor::kShape, 4));
    if (std::any_of(shape.begin(), shape.end(), [](int64_t one) { return one < 0; })) Refuse("a tensor has the shape " + DimensionsText(shape));
    const FlatVector signature = tensor.Numbers(tflite::tensor::kShapeSignature, 4);
    // The frontend takes the signature for the shape where there is one.
    const Dimensions effective = signature.present() ? DimensionsOf(signature) : shape;
    CheckConstant(model_.TableAt(buffers_, static_cast<uint32_t>(buffer)), effective, kTypeBits[type]);
    CheckQuantization(tensor.Table(tflite::tensor::kQuantization), effective);
  }

  static void CheckConstant(const FlatTable& buffer, const Dimensions& shape, unsigned bits) {
    const uint32_t bytes = buffer.Numbers(tflite::buffer::kData, 1).length();
    if (bytes == 0) return;
    const std::optional<uint64_t> needed = TensorByteLength(shape, bits);
    if (!needed || *needed > bytes) Refuse("a constant of " + std::to_string(bytes) + " bytes has the shape " + DimensionsText(shape));
  }

  static void CheckQuantization(const FlatTable& quantization, const Dimensions& shape) {
    const uint32_t scales = quantization.Numbers(tflite::quantization::kScale, 4).length();
    const uint32_t zero_points = quantization.Numbers(tflite::quantization::kZeroPoint, 8).length();
    const uint32_t most = std::max(scales, zero_points);
    if (most <= 1) return;
    const int64_t axis = quantization.Number(tflite::quantization::kDimension, 4);
    const bool fits = axis >= 0 && axis < static_cast<int64_t>(shape.size()) && shape[static_cast<size_t>(axis)] == most;
    if (!fits || (zero_points > 1 && zero_points != scales)) Refuse("a tensor's quantisation does not fit its shape");
  }

  const FlatTable model_;
  FlatVector operator_codes_;
  FlatVector buffers_;
  FlatVector subgraphs_;
  size_t operators_ = 0;
};

}  // namespace

void CheckTensorFlowLite(ByteView model) {
  // The runtime gives a file of this suffix and mark to its TensorFlow Lite frontend, and any other to the rest of them.
  if (model.text().substr(std::min(kIdentifierOffset, model.length), kIdentifier.size()) != kIdentifier) {
    RefuseModel("the bytes are not a TensorFlow Lite model");
  }
  TfLiteCheck(FlatBufferCheck(model).Root(tflite::kModel)).Check();
}

}  // namespace openvino
