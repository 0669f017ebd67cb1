#include "openvino/model_reader.h"

#include "openvino/errors.h"
#include "openvino/model_checks.h"
#include "openvino/model_thread.h"
#include "openvino/private_files.h"

namespace openvino {

namespace {

constexpr const char* kInvalid = "ERR_NN_INVALID_MODEL";

std::string What(const ModelContent& content) {
  return std::string("not a valid ") + EncodingName(content.encoding()) + " model";
}

ModelHandle ReadFromMemory(const Library& library, const ModelContent& content) {
  const Api& api = library.api();
  TensorObject* weights = nullptr;
  if (content.builders().size() > 1 && content.builders()[1].length() > 0) {
    const OwnedBytes& bytes = content.builders()[1];
    int64_t dims[] = {static_cast<int64_t>(bytes.length())};
    const ElementTypeNumber u8 = library.element_types().NumberOf(*FindElementType("u8"));
    Check(api, api.tensor_create_from_host_ptr(u8, Shape{1, dims}, bytes.data(), &weights), kInvalid, What(content));
  }
  const std::unique_ptr<TensorObject, void (*)(TensorObject*)> weights_owner(weights, api.tensor_free);
  const std::string_view text = content.builders()[0].text();
  ModelObject* model = nullptr;
  const Status status =
      api.core_read_model_from_memory_buffer(library.core(), text.data(), text.size(), weights, &model);
  Check(api, status, kInvalid, What(content));
  return ModelHandle(model, api.model_free);
}

/** `name` of the first file decides, by its suffix, which frontend is asked first. */
ModelHandle ReadFromFiles(const Library& library, const ModelContent& content, const std::string& name) {
  std::vector<std::pair<std::string, ByteView>> list{{name, content.builders()[0].view()}};
  if (content.builders().size() > 1) list.emplace_back("model.bin", content.builders()[1].view());
  const PrivateFiles files(list);
  const Api& api = library.api();
  ModelObject* model = nullptr;
  const Status status = api.core_read_model(library.core(), files.PathOf(name).c_str(), nullptr, &model);
  ModelHandle owner(model, api.model_free);
  // Before what the runtime says: it may speak of other bytes.
  files.CheckUntouched();
  Check(api, status, kInvalid, What(content));
  return owner;
}

ModelHandle ReadHere(const Library& library, const ModelContent& content, bool isolated) {
  switch (content.encoding()) {
    case Encoding::kIr:
      // Where a thread cannot leave the working directory, files in a private one keep a stray `.bin` out as well.
      return isolated ? ReadFromMemory(library, content) : ReadFromFiles(library, content, "model.xml");
    case Encoding::kOnnx:
      return ReadFromMemory(library, content);
    case Encoding::kTensorFlow:
      return ReadFromFiles(library, content, "model.pb");
    case Encoding::kTensorFlowLite:
      return ReadFromFiles(library, content, "model.tflite");
  }
  throw Failure(kInvalid, What(content));
}

}  // namespace

ModelHandle ReadModel(const Library& library, const ModelContent& content) {
  CheckModel(content);
  const EmptyDirectory directory;
  return ReadHere(library, content, directory.entered());
}

}  // namespace openvino
