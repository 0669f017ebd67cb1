#pragma once

#include <cstdint>
#include <initializer_list>

#include "openvino/protobuf_reader.h"

namespace openvino::tensorflow {

enum class Kind { kNumber, kFixed32, kFixed64, kBytes, kText, kMessage };

/** What else than its form is of interest in a message. */
enum class Role { kNone, kGraph, kNode, kFunction, kFunctionName };

struct Message;

struct Field {
  uint32_t number;
  Kind kind;
  const Message* message = nullptr;
};

struct Message {
  Role role;
  std::initializer_list<Field> fields;
};

/**
 * TensorFlow's GraphDef and all that can be inside it.
 * @see https://github.com/tensorflow/tensorflow/tree/master/tensorflow/core/framework (graph.proto and those it imports)
 */
extern const Message kGraphDef;

}  // namespace openvino::tensorflow
