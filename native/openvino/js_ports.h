#pragma once

#include <node_api.h>

#include <vector>

#include "openvino/ports.h"

namespace openvino {

/** An array of NativePort of src/native/openvino.ts. */
napi_value PortsToJs(napi_env env, const std::vector<Port>& ports);

}  // namespace openvino
