#pragma once

#include "openvino/flatbuffer_reader.h"

namespace openvino::tflite {

/**
 * The tables of a TensorFlow Lite model. The enumerations below are the numbers of their fields.
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
 */
extern const FlatTableType kModel;

namespace model {
enum : uint32_t { kVersion, kOperatorCodes, kSubgraphs, kDescription, kBuffers };
}
namespace operator_code {
enum : uint32_t { kDeprecatedBuiltinCode, kCustomCode, kVersion, kBuiltinCode };
}
namespace subgraph {
enum : uint32_t { kTensors, kInputs, kOutputs, kOperators };
}
namespace tensor {
enum : uint32_t { kShape, kType, kBuffer, kName, kQuantization, kIsVariable, kSparsity, kShapeSignature };
}
namespace quantization {
enum : uint32_t { kMin, kMax, kScale, kZeroPoint, kDetailsType, kDetails, kDimension };
}
namespace buffer {
enum : uint32_t { kData, kOffset, kSize };
}
namespace op {
enum : uint32_t { kOpcodeIndex, kInputs, kOutputs, kOptionsType, kOptions, kCustomOptions, kOptions2Type = 11, kOptions2 };
}
/** Alternatives of an operator's options. */
namespace options {
enum : uint32_t { kReshape = 17, kSqueeze = 30, kWhile = 93 };
}
namespace while_options {
enum : uint32_t { kCondition, kBody };
}

}  // namespace openvino::tflite
