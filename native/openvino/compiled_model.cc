#include "openvino/compiled_model.h"

#include <array>

#include "openvino/errors.h"
#include "openvino/model_reader.h"
#include "openvino/model_thread.h"

namespace openvino {

namespace {

constexpr size_t kMaxProperties = 16;
/** The C API takes a structure of function pointers for this one, never text. */
constexpr const char* kPropertyOfPointers = "CACHE_ENCRYPTION_CALLBACKS";

void CheckTarget(const CompileTarget& target) {
  if (target.device.empty()) throw Failure("ERR_NN_UNSUPPORTED_TARGET", "no device was named");
  if (target.properties.size() > kMaxProperties) {
    throw Failure("ERR_NN_PROPERTY", "more than " + std::to_string(kMaxProperties) + " properties");
  }
  for (const auto& property : target.properties) {
    if (property.first == kPropertyOfPointers) throw Failure("ERR_NN_PROPERTY", property.first + " cannot be given as text");
  }
}

/** The C API takes properties as variable arguments; it reads as many as it is told to, so the rest may be null. */
Status CallCompile(const Library& library, const ModelObject* model, const CompileTarget& target, CompiledModelObject** out) {
  std::array<const char*, kMaxProperties * 2> a{};
  size_t count = 0;
  for (const auto& [key, value] : target.properties) {
    a[count++] = key.c_str();
    a[count++] = value.c_str();
  }
  return library.api().core_compile_model(
      library.core(), model, target.device.c_str(), count, out, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8],
      a[9], a[10], a[11], a[12], a[13], a[14], a[15], a[16], a[17], a[18], a[19], a[20], a[21], a[22], a[23], a[24], a[25],
      a[26], a[27], a[28], a[29], a[30], a[31]);
}

/**
 * The property that a failed compile is about, if any: one that the message names, one that the device does not list, or
 * any where the message comes from the runtime's reading of values.
 */
std::string GuiltyProperty(const Library& library, const CompileTarget& target, const std::string& reason) {
  if (target.properties.empty()) return "";
  std::string all;
  for (const auto& [key, value] : target.properties) {
    if (reason.find(key) != std::string::npos) return key;
    all += (all.empty() ? "" : ", ") + key + '=' + value;
  }
  if (reason.find("properties.hpp") != std::string::npos) return all;
  std::string supported;
  try {
    supported = library.DeviceProperty(target.device, "SUPPORTED_PROPERTIES");
  } catch (const Failure&) {
    return "";
  }
  for (const auto& property : target.properties) {
    if (supported.find(property.first) == std::string::npos) return property.first;
  }
  return "";
}

[[noreturn]] void FailCompile(const Library& library, const CompileTarget& target, Status status) {
  const std::string reason = RuntimeMessage(library.api(), status);
  if (!library.HasDevice(target.device)) {
    throw Failure("ERR_NN_UNSUPPORTED_TARGET", "no device " + target.device + " here: " + reason);
  }
  const std::string property = GuiltyProperty(library, target, reason);
  if (!property.empty()) throw Failure("ERR_NN_PROPERTY", "property " + property + " on " + target.device + ": " + reason);
  throw Failure(CodeFor(reason, "ERR_NN_COMPILE"), "cannot compile for " + target.device + ": " + reason);
}

CompiledModelObject* Compile(const Library& library, const ModelContent& content) {
  CheckTarget(content.target());
  CompiledModelObject* compiled = nullptr;
  RunOnModelThread([&] {
    const ModelHandle model = ReadModel(library, content);
    const Status status = CallCompile(library, model.get(), content.target(), &compiled);
    if (status != kOk) FailCompile(library, content.target(), status);
  });
  return compiled;
}

std::string PortName(const Api& api, const PortObject* port) {
  char* name = nullptr;
  // A port without a name is an error there; here it is a port whose name is empty.
  if (api.port_get_any_name(port, &name) != kOk || !name) return "";
  const std::unique_ptr<char, void (*)(const char*)> owner(name, api.free);
  return name;
}

std::optional<Dimensions> PortShape(const Api& api, const PortObject* port) {
  PartialShape shape{};
  Check(api, api.port_get_partial_shape(port, &shape), "ERR_NN_COMPILE", "the shape of an input or output is unknown");
  const std::unique_ptr<PartialShape, void (*)(PartialShape*)> owner(&shape, api.partial_shape_free);
  if (shape.rank.min != shape.rank.max) return std::nullopt;
  Dimensions dimensions;
  for (int64_t index = 0; index < shape.rank.max; index++) {
    const Dimension& dimension = shape.dims[index];
    dimensions.push_back(dimension.min == dimension.max ? dimension.max : -1);
  }
  return dimensions;
}

using PortGetter = Status (*)(const CompiledModelObject*, size_t, PortObject**);
using PortCounter = Status (*)(const CompiledModelObject*, size_t*);

std::vector<Port> ReadPorts(const Library& library, const CompiledModelObject* model, PortCounter count, PortGetter get) {
  const Api& api = library.api();
  size_t size = 0;
  Check(api, count(model, &size), "ERR_NN_COMPILE", "the inputs and outputs are unknown");
  std::vector<Port> ports;
  for (size_t index = 0; index < size; index++) {
    PortObject* got = nullptr;
    Check(api, get(model, index, &got), "ERR_NN_COMPILE", "an input or output is unknown");
    const std::unique_ptr<PortObject, void (*)(PortObject*)> owner(got, api.output_const_port_free);
    ElementTypeNumber type = 0;
    Check(api, api.port_get_element_type(got, &type), "ERR_NN_COMPILE", "the type of an input or output is unknown");
    ports.push_back({PortName(api, got), library.element_types().TypeOf(type), PortShape(api, got)});
  }
  return ports;
}

}  // namespace

CompiledModel::CompiledModel(const Library& library, std::shared_ptr<const ModelContent> content)
    : library_(library),
      content_(std::move(content)),
      handle_(Compile(library, *content_), library.api().compiled_model_free) {
  const Api& api = library.api();
  inputs_ = ReadPorts(library, handle(), api.compiled_model_inputs_size, api.compiled_model_input_by_index);
  outputs_ = ReadPorts(library, handle(), api.compiled_model_outputs_size, api.compiled_model_output_by_index);
}

std::string CompiledModel::Property(const std::string& key) const {
  const Api& api = library_.api();
  char* value = nullptr;
  Check(api, api.compiled_model_get_property(handle(), key.c_str(), &value), "ERR_NN_PROPERTY", "property " + key);
  const std::unique_ptr<char, void (*)(const char*)> owner(value, api.free);
  return value ? value : "";
}

}  // namespace openvino
