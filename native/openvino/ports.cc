#include "openvino/ports.h"

#include <memory>

#include "openvino/errors.h"

namespace openvino {

namespace {

constexpr const char* kCode = "ERR_NN_COMPILE";

std::string NameOf(const Api& api, const PortObject* port) {
  char* name = nullptr;
  // A port without a name is an error there; here it is a port whose name is empty.
  if (api.port_get_any_name(port, &name) != kOk || !name) return "";
  const std::unique_ptr<char, void (*)(const char*)> owner(name, api.free);
  return name;
}

std::optional<Dimensions> ShapeOf(const Api& api, const PortObject* port) {
  PartialShape shape{};
  Check(api, api.port_get_partial_shape(port, &shape), kCode, "the shape of an input or output is unknown");
  const std::unique_ptr<PartialShape, void (*)(PartialShape*)> owner(&shape, api.partial_shape_free);
  if (shape.rank.min != shape.rank.max) return std::nullopt;
  Dimensions dimensions;
  for (int64_t index = 0; index < shape.rank.max; index++) {
    const Dimension& dimension = shape.dims[index];
    dimensions.push_back(dimension.min == dimension.max ? dimension.max : -1);
  }
  return dimensions;
}

template <typename Object>
using PortCounter = Status (*)(const Object*, size_t*);
template <typename Object>
using PortGetter = Status (*)(const Object*, size_t, PortObject**);

template <typename Object>
std::vector<Port> ReadPorts(const Library& library, const Object* model, PortCounter<Object> count, PortGetter<Object> get) {
  const Api& api = library.api();
  size_t size = 0;
  Check(api, count(model, &size), kCode, "the inputs and outputs are unknown");
  std::vector<Port> ports;
  for (size_t index = 0; index < size; index++) {
    PortObject* got = nullptr;
    Check(api, get(model, index, &got), kCode, "an input or output is unknown");
    const std::unique_ptr<PortObject, void (*)(PortObject*)> owner(got, api.output_const_port_free);
    ElementTypeNumber type = 0;
    Check(api, api.port_get_element_type(got, &type), kCode, "the type of an input or output is unknown");
    ports.push_back({NameOf(api, got), library.element_types().TypeOf(type), ShapeOf(api, got)});
  }
  return ports;
}

/** Bytes of what is fixed of its shape; nothing when they do not fit 63 bits. */
std::optional<uint64_t> LeastByteLength(const Port& port) {
  if (!port.shape) return 0;
  Dimensions least = *port.shape;
  for (int64_t& dimension : least) dimension = dimension < 0 ? 1 : dimension;
  // A type without a name here has at least four bits.
  const unsigned bits = port.element_type && port.element_type->bits > 0 ? port.element_type->bits : 4;
  return TensorByteLength(least, bits);
}

/** Adds to `total` what the ports take. */
void CheckSizes(const char* what, const std::vector<Port>& ports, uint64_t& total) {
  for (size_t index = 0; index < ports.size(); index++) {
    const std::optional<uint64_t> byte_length = LeastByteLength(ports[index]);
    if (!byte_length || *byte_length > kMaxPortBytes - total) {
      throw Failure("ERR_NN_MODEL_LIMIT", std::string(what) + ' ' + std::to_string(index) + ' ' +
                                              DimensionsText(*ports[index].shape) + " would take " +
                                              (byte_length ? std::to_string(*byte_length) : "more than 2^60") +
                                              " bytes; inputs and outputs together may take " + std::to_string(kMaxPortBytes));
    }
    total += *byte_length;
  }
}

}  // namespace

std::vector<Port> InputsOf(const Library& library, const ModelObject* model) {
  const Api& api = library.api();
  return ReadPorts(library, model, api.model_inputs_size, api.model_const_input_by_index);
}

std::vector<Port> OutputsOf(const Library& library, const ModelObject* model) {
  const Api& api = library.api();
  return ReadPorts(library, model, api.model_outputs_size, api.model_const_output_by_index);
}

std::vector<Port> InputsOf(const Library& library, const CompiledModelObject* model) {
  const Api& api = library.api();
  return ReadPorts(library, model, api.compiled_model_inputs_size, api.compiled_model_input_by_index);
}

std::vector<Port> OutputsOf(const Library& library, const CompiledModelObject* model) {
  const Api& api = library.api();
  return ReadPorts(library, model, api.compiled_model_outputs_size, api.compiled_model_output_by_index);
}

void CheckPortSizes(const Library& library, const ModelObject* model) {
  uint64_t total = 0;
  CheckSizes("input", InputsOf(library, model), total);
  CheckSizes("output", OutputsOf(library, model), total);
}

}  // namespace openvino
