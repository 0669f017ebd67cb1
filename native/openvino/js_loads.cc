#include "openvino/js_loads.h"

#include <mutex>
#include <utility>

#include "edge.h"
#include "openvino/background.h"
#include "openvino/errors.h"
#include "openvino/file_reader.h"
#include "openvino/js_ports.h"
#include "openvino/model_reader.h"
#include "openvino/model_table.h"
#include "openvino/model_thread.h"
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
std::vector<ByteView> ReadBuilders(napi_env env, const std::vector<napi_value>& builders, Encoding encoding) {
  CheckBuilderCount(encoding, builders.size());
  std::vector<ByteView> views;
  for (const napi_value builder : builders) {
    const edge::Bytes bytes = edge::Uint8ArrayBytes(env, builder, "builders");
    views.push_back({bytes.data, bytes.length});
  }
  return views;
}

ModelRequest ReadRequest(napi_env env, const Arguments& arguments) {
  ModelRequest request;
  request.encoding = ReadEncoding(arguments);
  const std::vector<napi_value> builders = arguments.Array(1, "builders");
  request.target = ReadTarget(arguments);
  request.builders = ReadBuilders(env, builders, request.encoding);
  return request;
}

/** Files that the host names. */
struct FilesRequest {
  Encoding encoding = Encoding::kIr;
  std::vector<std::string> paths;
  CompileTarget target;
};

FilesRequest ReadFilesRequest(const Arguments& arguments) {
  FilesRequest request;
  request.encoding = ReadEncoding(arguments);
  request.paths = arguments.Strings(1, "paths");
  request.target = ReadTarget(arguments);
  CheckBuilderCount(request.encoding, request.paths.size());
  return request;
}

std::unique_ptr<ModelLoad> StartFromFiles(const Library& library, FilesRequest request) {
  std::vector<OwnedBytes> builders;
  for (const std::string& path : request.paths) builders.push_back(ReadWholeFile(path));
  auto content = std::make_shared<const ModelContent>(request.encoding, std::move(builders), std::move(request.target));
  return ModelTable::OfProcess().Start(library, std::move(content));
}

napi_value ToJs(napi_env env, SharedModel shared) {
  return Room::Of(env).compiled_model_class.Create(env, std::make_unique<JsCompiledModel>(std::move(shared)));
}

napi_value WaitFor(napi_env env, ModelLoad& load) {
  load.Wait(thread::Interrupt::Of(env));
  return ToJs(env, load.Take());
}

class CompileTask : public AsyncTask {
 public:
  explicit CompileTask(std::unique_ptr<ModelLoad> load) : load_(std::move(load)) {}
  napi_value Result(napi_env env) override { return ToJs(env, load_->Take()); }
  void Abandon() noexcept override { load_.reset(); }

 private:
  std::unique_ptr<ModelLoad> load_;
};

/** A load whose files are read on another thread first. */
class FilesTask : public AsyncTask {
 public:
  FilesTask(const Library& library, FilesRequest request, std::function<void()> announce) {
    Background::OfProcess().Run([state = state_, &library, request = std::move(request), announce = std::move(announce)] {
      std::unique_ptr<ModelLoad> load;
      std::exception_ptr failure;
      try {
        load = StartFromFiles(library, request);
      } catch (...) {
        failure = std::current_exception();
      }
      const std::lock_guard<std::mutex> lock(state->mutex);
      if (state->abandoned) return;
      state->load = std::move(load);
      state->failure = std::move(failure);
      if (state->load) {
        state->load->WhenDone(announce);
      } else {
        announce();
      }
    });
  }

  napi_value Result(napi_env env) override {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    if (state_->failure) std::rethrow_exception(state_->failure);
    return ToJs(env, state_->load->Take());
  }

  void Abandon() noexcept override {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    state_->abandoned = true;
    state_->load.reset();
  }

 private:
  struct State {
    std::mutex mutex;
    bool abandoned = false;
    std::unique_ptr<ModelLoad> load;
    std::exception_ptr failure;
  };
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace

napi_value CompileModel(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const Arguments arguments(env, info);
    const ModelRequest request = ReadRequest(env, arguments);
    return WaitFor(env, *ModelTable::OfProcess().Start(Runtime::OfProcess().Opened(), request));
  });
}

napi_value CompileModelAsync(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const Arguments arguments(env, info);
    Room& room = Room::Of(env);
    const uint64_t id = room.tasks.NextId(env);
    const ModelRequest request = ReadRequest(env, arguments);
    std::unique_ptr<ModelLoad> load = ModelTable::OfProcess().Start(Runtime::OfProcess().Opened(), request);
    load->WhenDone([announcer = room.tasks.announcer(), id] { announcer->Announce(id); });
    return room.tasks.Add(env, id, std::make_unique<CompileTask>(std::move(load)));
  });
}

napi_value CompileModelFromFiles(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const Arguments arguments(env, info);
    FilesRequest request = ReadFilesRequest(arguments);
    return WaitFor(env, *StartFromFiles(Runtime::OfProcess().Opened(), std::move(request)));
  });
}

napi_value CompileModelFromFilesAsync(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const Arguments arguments(env, info);
    Room& room = Room::Of(env);
    const uint64_t id = room.tasks.NextId(env);
    FilesRequest request = ReadFilesRequest(arguments);
    const auto announce = [announcer = room.tasks.announcer(), id] { announcer->Announce(id); };
    auto task = std::make_unique<FilesTask>(Runtime::OfProcess().Opened(), std::move(request), announce);
    return room.tasks.Add(env, id, std::move(task));
  });
}

napi_value Adopt(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const auto id = static_cast<uint64_t>(Arguments(env, info).Integer(0, "id"));
    return ToJs(env, ModelTable::OfProcess().Adopt(id));
  });
}

napi_value InspectModel(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const Arguments arguments(env, info);
    ModelRequest request;
    request.encoding = ReadEncoding(arguments);
    request.builders = ReadBuilders(env, arguments.Array(1, "builders"), request.encoding);
    const Library& library = Runtime::OfProcess().Opened();
    const ModelContent content(request);
    std::vector<Port> inputs;
    std::vector<Port> outputs;
    RunOnModelThread([&] {
      const ModelHandle model = ReadModel(library, content);
      CheckPortSizes(library, model.get());
      inputs = InputsOf(library, model.get());
      outputs = OutputsOf(library, model.get());
    });
    const napi_value object = edge::NewObject(env);
    edge::Set(env, object, "inputs", PortsToJs(env, inputs));
    edge::Set(env, object, "outputs", PortsToJs(env, outputs));
    return object;
  });
}

}  // namespace openvino
