#pragma once

#include <optional>
#include <string>
#include <vector>

#include "openvino/library.h"
#include "openvino/tensor_size.h"

namespace openvino {

/** One input or output. */
struct Port {
  /** Empty where it has none. */
  std::string name;
  /** Null for a type that has no name here. */
  const ElementType* element_type = nullptr;
  /** -1 marks a dynamic dimension; nothing is a dynamic rank. */
  std::optional<Dimensions> shape;
};

std::vector<Port> InputsOf(const Library& library, const ModelObject* model);
std::vector<Port> OutputsOf(const Library& library, const ModelObject* model);
std::vector<Port> InputsOf(const Library& library, const CompiledModelObject* model);
std::vector<Port> OutputsOf(const Library& library, const CompiledModelObject* model);

/** Bytes that the inputs and outputs of a model may take together, as far as their shapes are fixed. */
inline constexpr uint64_t kMaxPortBytes = uint64_t{1} << 31;

/**
 * Refuses a model with larger inputs and outputs before it is compiled.
 *
 * Why: compiling takes the memory of both and writes to all of it, which nothing can interrupt: one minute and 16 GiB for
 * [1,65536,65536] of f32. Tensors inside of a model take none until it computes.
 * @throws Failure ERR_NN_MODEL_LIMIT
 */
void CheckPortSizes(const Library& library, const ModelObject* model);

}  // namespace openvino
