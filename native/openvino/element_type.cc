#include "openvino/element_type.h"

#include <algorithm>
#include <memory>

#include "openvino/errors.h"

namespace openvino {

const std::array<ElementType, kElementTypeCount> kElementTypes = {{
    {"f32", 32},
    {"f16", 16},
    {"bf16", 16},
    {"f64", 64},
    {"i8", 8},
    {"i16", 16},
    {"i32", 32},
    {"i64", 64},
    {"u8", 8},
    {"u16", 16},
    {"u32", 32},
    {"u64", 64},
    {"boolean", 8},
    {"string", 0},
}};

namespace {

constexpr int64_t kProbeLength = 8;

std::string ProbePort(const ElementType& type) {
  return std::string("<port id=\"0\" precision=\"") + type.name + "\"><dim>1</dim></port>";
}

/** The library must give a tensor of this type the size that the table says: a second witness for each number. */
void CheckSize(const Api& api, const ElementType& type, ElementTypeNumber number) {
  if (type.bits == 0) return;
  int64_t dims[] = {kProbeLength};
  TensorObject* created = nullptr;
  Check(api, api.tensor_create(number, Shape{1, dims}, &created), "ERR_NN_RUNTIME_INVALID",
        std::string("no tensor of element type ") + type.name);
  const std::unique_ptr<TensorObject, void (*)(TensorObject*)> tensor(created, api.tensor_free);
  size_t byte_length = 0;
  api.tensor_get_byte_size(created, &byte_length);
  if (byte_length * 8 != type.bits * kProbeLength) {
    throw Failure("ERR_NN_RUNTIME_INVALID", std::string("8 elements of type ") + type.name + " have " +
                                                std::to_string(byte_length) + " bytes in this library");
  }
}

}  // namespace

const ElementType* FindElementType(const std::string& name) {
  const auto found = std::find_if(kElementTypes.begin(), kElementTypes.end(),
                                  [&](const ElementType& type) { return name == type.name; });
  return found == kElementTypes.end() ? nullptr : &*found;
}

std::string ElementTypeNumbers::ProbeModel() {
  std::string layers;
  std::string edges;
  size_t id = 0;
  for (const ElementType& type : kElementTypes) {
    const std::string port = ProbePort(type);
    const std::string from = std::to_string(id);
    const std::string to = std::to_string(id + 1);
    layers += "<layer id=\"" + from + "\" name=\"p" + from + "\" type=\"Parameter\" version=\"opset1\"><data shape=\"1\" element_type=\"" +
              type.name + "\"/><output>" + port + "</output></layer>";
    layers += "<layer id=\"" + to + "\" name=\"r" + to + "\" type=\"Result\" version=\"opset1\"><input>" + port + "</input></layer>";
    edges += "<edge from-layer=\"" + from + "\" from-port=\"0\" to-layer=\"" + to + "\" to-port=\"0\"/>";
    id += 2;
  }
  return "<?xml version=\"1.0\"?><net name=\"types\" version=\"11\"><layers>" + layers + "</layers><edges>" + edges +
         "</edges></net>";
}

ElementTypeNumbers::ElementTypeNumbers(const Api& api, const ModelObject* probe) {
  const char* const code = "ERR_NN_RUNTIME_INVALID";
  for (size_t index = 0; index < kElementTypeCount; index++) {
    PortObject* got = nullptr;
    Check(api, api.model_const_input_by_index(probe, index, &got), code, "an input of the element type probe is missing");
    const std::unique_ptr<PortObject, void (*)(PortObject*)> port(got, api.output_const_port_free);
    Check(api, api.port_get_element_type(got, &numbers_[index]), code, "an input of the probe has no element type");
    CheckSize(api, kElementTypes[index], numbers_[index]);
  }
}

ElementTypeNumber ElementTypeNumbers::NumberOf(const ElementType& type) const {
  return numbers_[static_cast<size_t>(&type - kElementTypes.data())];
}

const ElementType* ElementTypeNumbers::TypeOf(ElementTypeNumber number) const {
  const auto found = std::find(numbers_.begin(), numbers_.end(), number);
  return found == numbers_.end() ? nullptr : &kElementTypes[static_cast<size_t>(found - numbers_.begin())];
}

}  // namespace openvino
