#include "openvino/js_functions.h"

#include <thread>

#include "edge.h"
#include "openvino/errors.h"
#include "openvino/file_reader.h"
#include "openvino/model_table.h"
#include "openvino/room.h"
#include "openvino/runtime.h"

namespace openvino {

namespace {

using edge::Arguments;

CompileTarget ReadTarget(const Arguments& arguments) {
  CompileTarget target;
  target.device = arguments.String(2, "device");
  const std::vector<std::string> properties = arguments.Strings(3, "properties");
  if (properties.size() % 2 != 0) throw edge::ArgumentError("properties: expected key, value, key, value …");
  for (size_t index = 0; index < properties.size(); index += 2) {
    target.properties.emplace_back(properties[index], properties[index + 1]);
  }
  return target;
}

Encoding ReadEncoding(const Arguments& arguments) {
  const std::string name = arguments.String(0, "encoding");
  Encoding encoding = Encoding::kIr;
  if (!EncodingFromName(name, &encoding)) throw Failure("ERR_NN_UNSUPPORTED_ENCODING", "no frontend for the encoding " + name);
  return encoding;
}

void CheckBuilderCount(Encoding encoding, size_t count) {
  const bool right = count == 1 || (count == 2 && encoding == Encoding::kIr);
  if (right) return;
  throw Failure("ERR_NN_INVALID_ARGUMENT", std::string(encoding == Encoding::kIr ? "ir: expected xml and weights" : "expected one builder") +
                                               ", got " + std::to_string(count) + " builders");
}

/** Views of guest memory: valid until JavaScript runs again, so everything else is read before. */
ModelRequest ReadRequest(napi_env env, const Arguments& arguments) {
  ModelRequest request;
  request.encoding = ReadEncoding(arguments);
  const std::vector<napi_value> builders = arguments.Array(1, "builders");
  request.target = ReadTarget(arguments);
  CheckBuilderCount(request.encoding, builders.size());
  for (const napi_value builder : builders) {
    const edge::Bytes bytes = edge::Uint8ArrayBytes(env, builder, "builders");
    request.builders.push_back({bytes.data, bytes.length});
  }
  return request;
}

napi_value ToJs(napi_env env, ModelTable::Loaded loaded) {
  return Room::Of(env).compiled_model_class.Create(env, std::make_unique<JsCompiledModel>(std::move(loaded)));
}

class CompileTask : public AsyncTask {
 public:
  CompileTask(const Library& library, std::shared_ptr<const ModelContent> content, std::shared_ptr<Announcer> announcer,
              uint64_t id) {
    thread_ = std::thread([this, &library, content = std::move(content), announcer = std::move(announcer), id]() mutable {
      try {
        loaded_ = ModelTable::OfProcess().Load(library, std::move(content));
      } catch (...) {
        failure_ = std::current_exception();
      }
      announcer->Announce(id);
    });
  }
  ~CompileTask() override { CompileTask::Abandon(); }

  napi_value Result(napi_env env) override {
    thread_.join();
    if (failure_) std::rethrow_exception(failure_);
    return ToJs(env, std::move(loaded_));
  }

  void Abandon() noexcept override {
    if (thread_.joinable()) thread_.join();
  }

 private:
  ModelTable::Loaded loaded_{};
  std::exception_ptr failure_;
  std::thread thread_;
};

napi_value Preload(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const std::string path = Arguments(env, info).String(0, "libraryPath");
    Room::Of(env).WatchForExit(env);
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

napi_value CompileModel(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const ModelRequest request = ReadRequest(env, Arguments(env, info));
    return ToJs(env, ModelTable::OfProcess().Load(Runtime::OfProcess().Opened(), request));
  });
}

napi_value CompileModelAsync(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const Arguments arguments(env, info);
    Room& room = Room::Of(env);
    room.WatchForExit(env);
    const uint64_t id = room.tasks.NextId(env);
    const Library& library = Runtime::OfProcess().Opened();
    auto content = std::make_shared<const ModelContent>(ReadRequest(env, arguments));
    auto task = std::make_unique<CompileTask>(library, std::move(content), room.tasks.announcer(), id);
    return room.tasks.Add(env, id, std::move(task));
  });
}

napi_value CompileModelFromFiles(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const Arguments arguments(env, info);
    ModelRequest request;
    request.encoding = ReadEncoding(arguments);
    const std::vector<std::string> paths = arguments.Strings(1, "paths");
    request.target = ReadTarget(arguments);
    CheckBuilderCount(request.encoding, paths.size());
    const Library& library = Runtime::OfProcess().Opened();
    std::vector<OwnedBytes> builders;
    for (const std::string& path : paths) builders.push_back(ReadWholeFile(path));
    auto content = std::make_shared<const ModelContent>(request.encoding, std::move(builders), std::move(request.target));
    return ToJs(env, ModelTable::OfProcess().Load(library, std::move(content)));
  });
}

napi_value TableStatsToJs(napi_env env, napi_callback_info) {
  return edge::Guarded(env, [&] {
    const TableStats stats = ModelTable::OfProcess().Stats();
    const napi_value object = edge::NewObject(env);
    edge::Set(env, object, "compiledModels", edge::ToJs(env, static_cast<double>(stats.compiled_models)));
    edge::Set(env, object, "hits", edge::ToJs(env, static_cast<double>(stats.hits)));
    edge::Set(env, object, "misses", edge::ToJs(env, static_cast<double>(stats.misses)));
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
      Function("compileModelFromFiles", CompileModelFromFiles),
      Function("tableStats", TableStatsToJs),
  };
  const napi_value object = edge::NewObject(env);
  edge::Ok(napi_define_properties(env, object, sizeof functions / sizeof *functions, functions));
  return object;
}

}  // namespace openvino
