#include "openvino/js_functions.h"

#include "edge.h"
#include "openvino/errors.h"
#include "openvino/js_loads.h"
#include "openvino/model_table.h"
#include "openvino/room.h"
#include "openvino/runtime.h"

namespace openvino {

namespace {

using edge::Arguments;

napi_value Preload(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const std::string path = Arguments(env, info).String(0, "libraryPath");
    Runtime::OfProcess().Preload(path);
    return edge::Undefined(env);
  });
}

napi_value Open(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const std::string path = Arguments(env, info).String(0, "libraryPath");
    const Library& library = Runtime::OfProcess().Open(path);
    const napi_value object = edge::NewObject(env);
    edge::Set(env, object, "libraryPath", edge::ToJs(env, library.path()));
    edge::Set(env, object, "version", edge::ToJs(env, library.version()));
    edge::Set(env, object, "build", edge::ToJs(env, library.build()));
    return object;
  });
}

napi_value AvailableDevices(napi_env env, napi_callback_info) {
  return edge::Guarded(env, [&] { return edge::ToJs(env, Runtime::OfProcess().Opened().AvailableDevices()); });
}

napi_value DeviceProperty(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const Arguments arguments(env, info);
    const std::string device = arguments.String(0, "device");
    const std::string key = arguments.String(1, "key");
    return edge::ToJs(env, Runtime::OfProcess().Opened().DeviceProperty(device, key));
  });
}

napi_value ReserveModelBudget(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const auto bytes = static_cast<uint64_t>(Arguments(env, info).Integer(0, "bytes"));
    return Room::Of(env).model_budget_class.Create(env, std::make_unique<JsModelBudget>(bytes));
  });
}

napi_value TableStatsToJs(napi_env env, napi_callback_info) {
  return edge::Guarded(env, [&] {
    const TableStats stats = ModelTable::OfProcess().Stats();
    const std::pair<const char*, uint64_t> counts[] = {
        {"compiledModels", stats.compiled_models}, {"hits", stats.hits},
        {"misses", stats.misses},                  {"keptModels", stats.kept_models},
        {"keptBytes", stats.kept_bytes},           {"budgetBytes", stats.budget_bytes},
        {"evictions", stats.evictions},            {"compiling", stats.compiling},
        {"abandoned", stats.abandoned}};
    const napi_value object = edge::NewObject(env);
    for (const auto& [name, count] : counts) edge::Set(env, object, name, edge::ToJs(env, static_cast<double>(count)));
    return object;
  });
}

napi_property_descriptor Function(const char* name, napi_callback callback) {
  return {name, nullptr, callback, nullptr, nullptr, nullptr, napi_default_jsproperty, nullptr};
}

}  // namespace

napi_value FunctionsObject(napi_env env) {
  const napi_property_descriptor functions[] = {
      Function("preload", Preload),
      Function("open", Open),
      Function("availableDevices", AvailableDevices),
      Function("deviceProperty", DeviceProperty),
      Function("compileModel", CompileModel),
      Function("compileModelAsync", CompileModelAsync),
      Function("findModelAsync", FindModelAsync),
      Function("draftModel", DraftModel),
      Function("compileModelFromFiles", CompileModelFromFiles),
      Function("compileModelFromFilesAsync", CompileModelFromFilesAsync),
      Function("adopt", Adopt),
      Function("inspectModel", InspectModel),
      Function("reserveModelBudget", ReserveModelBudget),
      Function("tableStats", TableStatsToJs),
  };
  const napi_value object = edge::NewObject(env);
  edge::Ok(napi_define_properties(env, object, sizeof functions / sizeof *functions, functions));
  return object;
}

}  // namespace openvino
