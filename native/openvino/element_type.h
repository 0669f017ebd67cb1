#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "openvino/c_api.h"

namespace openvino {

struct ElementType {
  /** OpenVINO's spelling, as in IR files and in src/native/openvino.ts. */
  const char* name;
  /** Bits of one element; 0 where elements are objects (strings). */
  unsigned bits;
};

inline constexpr size_t kElementTypeCount = 14;

/** The element types that have a name here. Others (4 bits, 8-bit floats) are only ever inside a model. */
extern const std::array<ElementType, kElementTypeCount> kElementTypes;

/** Null for a name that is not in the table. */
const ElementType* FindElementType(const std::string& name);

/**
 * The numbers that the opened library gives to element types. They were renumbered between releases (f32 is 5 in 2024.6
 * and 4 in 2025.4), so they are asked from the library itself: it reads a model with one input per type, and each input is
 * asked for its type's number.
 */
class ElementTypeNumbers {
 public:
  /** An IR whose inputs have the types of the table, in its order, each handed through to an output. */
  static std::string ProbeModel();

  /** @param probe the library's model of ProbeModel @throws Failure ERR_NN_RUNTIME_INVALID when its answers make no sense */
  ElementTypeNumbers(const Api& api, const ModelObject* probe);

  ElementTypeNumber NumberOf(const ElementType& type) const;
  /** Null for a number of a type that is not in the table. */
  const ElementType* TypeOf(ElementTypeNumber number) const;

 private:
  std::array<ElementTypeNumber, kElementTypeCount> numbers_{};
};

}  // namespace openvino
