#include "openvino/js_loads.h"

#include <utility>

#include "edge.h"
#include "openvino/errors.h"
#include "openvino/file_reader.h"
#include "openvino/js_load_task.h"
#include "openvino/js_model_draft.h"
#include "openvino/js_ports.h"
#include "openvino/model_reader.h"
#include "openvino/model_table.h"
#include "openvino/model_thread.h"
#include "openvino/runtime.h"
#include "thread/interrupt.h"

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

Asker ReadAsker(const Arguments& arguments) { return arguments.Boolean(4, "forHost") ? Asker::kHost : Asker::kGuest; }

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

std::unique_ptr<ModelLoad> StartFromFiles(const Library& library, const FilesRequest& request) {
  std::vector<OwnedBytes> builders;
  for (const std::string& path : request.paths) builders.push_back(ReadWholeFile(path));
  auto content = std::make_shared<const ModelContent>(request.encoding, std::move(builders), request.target);
  return ModelTable::OfProcess().Start(library, std::move(content), Asker::kHost);
}

napi_value WaitFor(napi_env env, ModelLoad& load) {
  load.Wait(thread::Interrupt::Of(env));
  return ToJs(env, load.Take());
}

}  // namespace

napi_value CompileModel(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const Arguments arguments(env, info);
    const Asker asker = ReadAsker(arguments);
    const ModelRequest request = ReadRequest(env, arguments);
    return WaitFor(env, *ModelTable::OfProcess().Start(Runtime::OfProcess().Opened(), request, asker));
  });
}

napi_value CompileModelAsync(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const Arguments arguments(env, info);
    const Asker asker = ReadAsker(arguments);
    const ModelRequest request = ReadRequest(env, arguments);
    return PromiseOf(env, ModelTable::OfProcess().Start(Runtime::OfProcess().Opened(), request, asker));
  });
}

napi_value FindModelAsync(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const Arguments arguments(env, info);
    const Asker asker = ReadAsker(arguments);
    const ModelRequest request = ReadRequest(env, arguments);
    std::unique_ptr<ModelLoad> load = ModelTable::OfProcess().Find(request, asker);
    return load ? PromiseOf(env, std::move(load)) : edge::Undefined(env);
  });
}

napi_value DraftModel(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const Arguments arguments(env, info);
    auto draft = std::make_unique<ModelDraft>();
    draft->encoding = ReadEncoding(arguments);
    draft->asker = ReadAsker(arguments);
    draft->target = ReadTarget(arguments);
    std::vector<size_t> byte_lengths;
    for (const int64_t length : arguments.Integers(1, "byteLengths")) {
      if (length < 0) throw edge::ArgumentError("byteLengths: expected sizes");
      byte_lengths.push_back(static_cast<size_t>(length));
    }
    CheckBuilderCount(draft->encoding, byte_lengths.size());
    Runtime::OfProcess().Opened();
    ModelTable::OfProcess().RequireRoom(draft->asker);
    return PromiseOfDraft(env, std::move(draft), std::move(byte_lengths));
  });
}

napi_value CompileModelFromFiles(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const Arguments arguments(env, info);
    return WaitFor(env, *StartFromFiles(Runtime::OfProcess().Opened(), ReadFilesRequest(arguments)));
  });
}

napi_value CompileModelFromFilesAsync(napi_env env, napi_callback_info info) {
  return edge::Guarded(env, [&] {
    const Arguments arguments(env, info);
    const Library& library = Runtime::OfProcess().Opened();
    return PromiseOf(env, [&library, request = ReadFilesRequest(arguments)] { return StartFromFiles(library, request); });
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
