#include "openvino/tensorflow_lite_schema.h"

namespace openvino::tflite {

namespace {

using Kind = FlatField::Kind;

constexpr FlatField kByte = {Kind::kNumber, 1, nullptr};
constexpr FlatField kInt = {Kind::kNumber, 4, nullptr};
constexpr FlatField kLong = {Kind::kNumber, 8, nullptr};
constexpr FlatField kText = {Kind::kText, 1, nullptr};
constexpr FlatField kBytes = {Kind::kNumbers, 1, nullptr};
constexpr FlatField kInts = {Kind::kNumbers, 4, nullptr};
constexpr FlatField kLongs = {Kind::kNumbers, 8, nullptr};
constexpr FlatField kAlternative = {Kind::kUnionType, 1, nullptr};
constexpr FlatField kChoice = {Kind::kUnion, 0, nullptr};

constexpr FlatField Table(const FlatTableType& type) { return {Kind::kTable, 0, &type}; }
constexpr FlatField Tables(const FlatTableType& type) { return {Kind::kTables, 0, &type}; }

template <size_t count>
constexpr FlatTableType Type(const FlatField (&fields)[count]) {
  return {fields, count, nullptr, 0};
}

constexpr FlatField kB[] = {kByte};
constexpr FlatField kBB[] = {kByte, kByte};
constexpr FlatField kBBB[] = {kByte, kByte, kByte};
constexpr FlatField kBBBB[] = {kByte, kByte, kByte, kByte};
constexpr FlatField kBBBBB[] = {kByte, kByte, kByte, kByte, kByte};
constexpr FlatField kI[] = {kInt};
constexpr FlatField kII[] = {kInt, kInt};
constexpr FlatField kIIII[] = {kInt, kInt, kInt, kInt};
constexpr FlatField kIB[] = {kInt, kByte};
constexpr FlatField kIBB[] = {kInt, kByte, kByte};
constexpr FlatField kIIB[] = {kInt, kInt, kByte};
constexpr FlatField kIIBB[] = {kInt, kInt, kByte, kByte};
constexpr FlatField kIIIB[] = {kInt, kInt, kInt, kByte};
constexpr FlatField kIIIIIB[] = {kInt, kInt, kInt, kInt, kInt, kByte};
constexpr FlatField kConv2d[] = {kByte, kInt, kInt, kByte, kInt, kInt, kByte};
constexpr FlatField kDepthwise[] = {kByte, kInt, kInt, kInt, kByte, kInt, kInt};
constexpr FlatField kPool2d[] = {kByte, kInt, kInt, kInt, kInt, kByte};
constexpr FlatField kLstm[] = {kByte, kInt, kInt, kByte, kByte, kByte};
constexpr FlatField kTransposeConv[] = {kByte, kInt, kInt, kByte, kByte};
constexpr FlatField kConv3d[] = {kByte, kInt, kInt, kInt, kByte, kInt, kInt, kInt};
constexpr FlatField kConcatEmbeddings[] = {kInt, kInts, kInts};
constexpr FlatField kIntsOnly[] = {kInts};
constexpr FlatField kTwoTexts[] = {kText, kText};
constexpr FlatField kTwoLongs[] = {kLong, kLong};

constexpr FlatTableType kNone = {nullptr, 0, nullptr, 0};

/** BuiltinOptions, in the order of the union; its first is alternative 1. */
constexpr FlatTableType kOptions[] = {
    Type(kConv2d), Type(kDepthwise), Type(kConcatEmbeddings), Type(kB), Type(kPool2d), Type(kIBB), Type(kBB), Type(kBBBBB),
    Type(kI), Type(kIB), Type(kBB), Type(kB), Type(kIIII), Type(kLstm), Type(kIIBB), Type(kI), Type(kIntsOnly), Type(kIIB),
    Type(kI), Type(kB), Type(kB), /* 22 Pad */ kNone, Type(kII), kNone, kNone, kNone, Type(kB), Type(kBB), Type(kB),
    Type(kIntsOnly), Type(kBBB), Type(kIIIIIB), /* 33 Exp */ kNone, kNone, Type(kI), kNone, Type(kBB), kNone, kNone, Type(kB),
    /* 41 Less */ kNone, kNone, kNone, kNone, kNone, kNone, kNone, kNone, Type(kTransposeConv), Type(kB), /* 51 Tile */ kNone,
    kNone, kNone, kNone, Type(kB), kNone, Type(kB), Type(kIIIB), Type(kII), kNone, /* 61 OneHot */ Type(kI), kNone, kNone,
    Type(kII), kNone, kNone, kNone, kNone, Type(kLstm), Type(kBBBB), /* 71 UnidirectionalSequenceLSTM */ Type(kLstm), kNone,
    kNone, Type(kBB), Type(kI), kNone, Type(kB), kNone, Type(kI), Type(kB), /* 81 ReverseV2 */ kNone, kNone, kNone, kNone,
    kNone, kNone, Type(kII), kNone, kNone, kNone, /* 91 HardSwish */ kNone, Type(kII), Type(kII), Type(kI), kNone, kNone,
    kNone, kNone, kNone, kNone, /* 101 BatchMatMul */ Type(kBBB), Type(kBB), Type(kI), kNone, kNone, Type(kConv3d), Type(kIBB),
    kNone, kNone, kNone, /* 111 VarHandle */ Type(kTwoTexts), kNone, kNone, Type(kTwoLongs), Type(kIntsOnly), Type(kB), kNone,
    kNone, kNone, kNone, /* 121 UnsortedSegmentSum */ kNone, kNone, kNone, kNone, kNone, kNone};
static_assert(sizeof kOptions / sizeof *kOptions == 126, "BuiltinOptions ends with RightShiftOptions");

constexpr FlatField kCustomQuantizationFields[] = {kBytes};
constexpr FlatField kBlockwiseFields[] = {kInt, kInt, kInt};
constexpr FlatTableType kQuantizationDetails[] = {Type(kCustomQuantizationFields), Type(kBlockwiseFields)};
constexpr FlatField kQuantizationFields[] = {kInts, kInts, kInts, kLongs, kAlternative, kChoice, kInt};
constexpr FlatTableType kQuantization = {kQuantizationFields, 7, kQuantizationDetails, 2};

constexpr FlatField kOperatorCodeFields[] = {kByte, kText, kInt, kInt};
constexpr FlatTableType kOperatorCode = Type(kOperatorCodeFields);

// What follows the shape signature is for types that the runtime does not take. Sparsity is refused where it is present.
constexpr FlatField kTensorFields[] = {kInts, kByte, kInt, kText, Table(kQuantization), kByte, Table(kNone), kInts};
constexpr FlatTableType kTensor = Type(kTensorFields);

constexpr FlatField kOperatorFields[] = {kInt, kInts, kInts, kAlternative, kChoice, kBytes, kByte, kBytes, kInts, kLong, kLong};
constexpr FlatTableType kOperator = {kOperatorFields, 11, kOptions, 126};

constexpr FlatField kSubgraphFields[] = {Tables(kTensor), kInts, kInts, Tables(kOperator), kText};
constexpr FlatTableType kSubgraph = Type(kSubgraphFields);

constexpr FlatField kBufferFields[] = {kBytes, kLong, kLong};
constexpr FlatTableType kBuffer = Type(kBufferFields);

constexpr FlatField kMetadataFields[] = {kText, kInt};
constexpr FlatTableType kMetadata = Type(kMetadataFields);

constexpr FlatField kTensorMapFields[] = {kText, kInt};
constexpr FlatTableType kTensorMap = Type(kTensorMapFields);
constexpr FlatField kSignatureFields[] = {Tables(kTensorMap), Tables(kTensorMap), kText, kText, kInt};
constexpr FlatTableType kSignature = Type(kSignatureFields);

constexpr FlatField kModelFields[] = {kInt,  Tables(kOperatorCode), Tables(kSubgraph), kText, Tables(kBuffer),
                                      kInts, Tables(kMetadata),     Tables(kSignature)};

}  // namespace

const FlatTableType kModel = Type(kModelFields);

}  // namespace openvino::tflite
