#include "openvino/tensorflow_schema.h"

namespace openvino::tensorflow {

namespace {

constexpr Field Number(uint32_t number) { return {number, Kind::kNumber, nullptr}; }
constexpr Field Fixed32(uint32_t number) { return {number, Kind::kFixed32, nullptr}; }
constexpr Field Fixed64(uint32_t number) { return {number, Kind::kFixed64, nullptr}; }
constexpr Field Bytes(uint32_t number) { return {number, Kind::kBytes, nullptr}; }
constexpr Field Text(uint32_t number) { return {number, Kind::kText, nullptr}; }
constexpr Field In(uint32_t number, const Message& message) { return {number, Kind::kMessage, &message}; }

extern const Message kAttrValue;
extern const Message kTensor;
extern const Message kFullType;

const Message kDimension = {Role::kNone, {Number(1), Text(2)}};
const Message kShape = {Role::kNone, {In(2, kDimension), Number(3)}};
const Message kTypeAndShape = {Role::kNone, {Number(1), In(2, kShape)}};
const Message kResource = {Role::kNone, {Text(1), Text(2), Text(3), Number(4), Text(5), In(6, kTypeAndShape)}};
const Message kVariant = {Role::kNone, {Text(1), Bytes(2), In(3, kTensor)}};
const Message kTensor = {Role::kNone,
                         {Number(1), In(2, kShape), Number(3), Bytes(4), Fixed32(5), Fixed64(6), Number(7), Bytes(8),
                          Fixed32(9), Number(10), Number(11), Fixed64(12), Number(13), In(14, kResource), In(15, kVariant),
                          Number(16), Number(17), Bytes(18)}};
const Message kAttrEntry = {Role::kNone, {Text(1), In(2, kAttrValue)}};
const Message kNameAttrList = {Role::kFunctionName, {Text(1), In(2, kAttrEntry)}};
const Message kAttrList = {Role::kNone,
                           {Bytes(2), Number(3), Fixed32(4), Number(5), Number(6), In(7, kShape), In(8, kTensor),
                            In(9, kNameAttrList)}};
const Message kAttrValue = {Role::kNone,
                            {In(1, kAttrList), Bytes(2), Number(3), Fixed32(4), Number(5), Number(6), In(7, kShape),
                             In(8, kTensor), Text(9), In(10, kNameAttrList)}};
const Message kFullType = {Role::kNone, {Number(1), In(2, kFullType), Text(3), Number(4)}};
const Message kDebugInfo = {Role::kNone, {Text(1), Text(2)}};
const Message kNodeDef = {Role::kNode,
                          {Text(1), Text(2), Text(3), Text(4), In(5, kAttrEntry), In(6, kDebugInfo), In(7, kFullType)}};
const Message kArgumentDef = {Role::kNone,
                              {Text(1), Text(2), Number(3), Text(4), Text(5), Text(6), In(7, kTypeAndShape), Number(16),
                               In(17, kFullType)}};
const Message kAttrDef = {Role::kNone,
                          {Text(1), Text(2), In(3, kAttrValue), Text(4), Number(5), Number(6), In(7, kAttrValue)}};
const Message kDeprecation = {Role::kNone, {Number(1), Text(2)}};
const Message kOpDef = {Role::kNone,
                        {Text(1), In(2, kArgumentDef), In(3, kArgumentDef), In(4, kAttrDef), Text(5), Text(6),
                         In(8, kDeprecation), Number(16), Number(17), Number(18), Number(19), Text(20), Number(21)}};
const Message kTextEntry = {Role::kNone, {Text(1), Text(2)}};
const Message kNumberEntry = {Role::kNone, {Number(1), Number(2)}};
const Message kArgumentAttrs = {Role::kNone, {In(1, kAttrEntry)}};
const Message kArgumentAttrsEntry = {Role::kNone, {Number(1), In(2, kArgumentAttrs)}};
const Message kFunctionDef = {Role::kFunction,
                              {In(1, kOpDef), In(3, kNodeDef), In(4, kTextEntry), In(5, kAttrEntry), In(6, kTextEntry),
                               In(7, kArgumentAttrsEntry), In(8, kNumberEntry)}};
const Message kGradientDef = {Role::kNone, {Text(1), Text(2)}};
const Message kLibrary = {Role::kNone, {In(1, kFunctionDef), In(2, kGradientDef), In(3, kTextEntry)}};
const Message kVersions = {Role::kNone, {Number(1), Number(2), Number(3)}};

}  // namespace

const Message kGraphDef = {Role::kGraph, {In(1, kNodeDef), In(2, kLibrary), Number(3), In(4, kVersions)}};

}  // namespace openvino::tensorflow
