#pragma once

#include <node_api.h>

#include <functional>
#include <memory>

#include "openvino/model_table.h"

namespace openvino {

/** A compiled model as an object of JavaScript. */
napi_value ToJs(napi_env env, SharedModel shared);

/** The promise of a load that has begun. */
napi_value PromiseOf(napi_env env, std::unique_ptr<ModelLoad> load);

/** The promise of a load that `start` begins on a thread of its own, where it may take long. What it throws is rejected with. */
napi_value PromiseOf(napi_env env, std::function<std::unique_ptr<ModelLoad>()> start);

}  // namespace openvino
