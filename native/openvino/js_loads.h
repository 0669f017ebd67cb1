#pragma once

#include <node_api.h>

namespace openvino {

// Functions of NativeOpenVino in src/native/openvino.ts that take a model.
napi_value CompileModel(napi_env env, napi_callback_info info);
napi_value CompileModelAsync(napi_env env, napi_callback_info info);
napi_value FindModelAsync(napi_env env, napi_callback_info info);
napi_value DraftModel(napi_env env, napi_callback_info info);
napi_value CompileModelFromFiles(napi_env env, napi_callback_info info);
napi_value CompileModelFromFilesAsync(napi_env env, napi_callback_info info);
napi_value Adopt(napi_env env, napi_callback_info info);
napi_value InspectModel(napi_env env, napi_callback_info info);

}  // namespace openvino
