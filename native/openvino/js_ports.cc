#include "openvino/js_ports.h"

#include <string>

#include "edge.h"

namespace openvino {

namespace {

napi_value PortToJs(napi_env env, const Port& port) {
  napi_value null = nullptr;
  edge::Ok(napi_get_null(env, &null));
  const napi_value object = edge::NewObject(env);
  std::vector<std::string> names;
  if (!port.name.empty()) names.push_back(port.name);
  edge::Set(env, object, "name", edge::ToJs(env, port.name));
  edge::Set(env, object, "names", edge::ToJs(env, names));
  edge::Set(env, object, "elementType", edge::ToJs(env, std::string(port.element_type ? port.element_type->name : "other")));
  edge::Set(env, object, "shape", port.shape ? edge::ToJs(env, *port.shape) : null);
  return object;
}

}  // namespace

napi_value PortsToJs(napi_env env, const std::vector<Port>& ports) {
  napi_value array = nullptr;
  edge::Ok(napi_create_array_with_length(env, ports.size(), &array));
  for (uint32_t index = 0; index < ports.size(); index++) {
    edge::Ok(napi_set_element(env, array, index, PortToJs(env, ports[index])));
  }
  return array;
}

}  // namespace openvino
