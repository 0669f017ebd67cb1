#pragma once

#include <node_api.h>

namespace openvino {

/** The functions of NativeOpenVino in src/native/openvino.ts, as one object. */
napi_value FunctionsObject(napi_env env);

}  // namespace openvino
