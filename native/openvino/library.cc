#include "openvino/library.h"

#include <dlfcn.h>

#include <algorithm>
#include <cctype>

#include "openvino/errors.h"
#include "openvino/model_thread.h"
#include "openvino/private_files.h"

namespace openvino {

namespace {

std::string LastLoaderError() {
  const char* message = dlerror();
  return message ? message : "unknown reason";
}

/** `2026.4.1` from `2026.4.1-20938-34c2b4c7dd4-releases/2026/4`. */
std::string VersionNumber(const std::string& build) {
  const auto end = std::find_if(build.begin(), build.end(), [](unsigned char c) { return !std::isdigit(c) && c != '.'; });
  return std::string(build.begin(), end);
}

}  // namespace

const Library* Library::Open(const std::string& path) {
  std::unique_ptr<Library> library(new Library(path));
  // RTLD_NOW: a library of which a part is missing fails here and not in the middle of a guest's call.
  library->handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library->handle_) throw Failure("ERR_NN_RUNTIME_INVALID", "cannot open " + path + ": " + LastLoaderError());
  library->LoadSymbols();
  library->ReadVersion();
  library->CreateCore();
  return library.release();
}

void Library::LoadSymbols() {
#define OPENVINO_LOAD(name, result, arguments) \
  api_.name = reinterpret_cast<decltype(api_.name)>(dlsym(handle_, "ov_" #name));
#define OPENVINO_LOAD_REQUIRED(name, result, arguments)                                                         \
  OPENVINO_LOAD(name, result, arguments)                                                                        \
  if (!api_.name) {                                                                                             \
    throw Failure("ERR_NN_RUNTIME_INVALID", path_ + " has no symbol ov_" #name ", which OpenVINO 2024 to 2026 have"); \
  }
  OPENVINO_REQUIRED_SYMBOLS(OPENVINO_LOAD_REQUIRED)
  OPENVINO_OPTIONAL_SYMBOLS(OPENVINO_LOAD)
#undef OPENVINO_LOAD_REQUIRED
#undef OPENVINO_LOAD
}

void Library::ReadVersion() {
  Version version{};
  Check(api_, api_.get_openvino_version(&version), "ERR_NN_RUNTIME_INVALID", path_ + " tells no version");
  build_ = version.build_number ? version.build_number : "";
  version_ = VersionNumber(build_);
  api_.version_free(&version);
}

void Library::CreateCore() {
  // The runtime's own log goes to standard output by default, which is the guest's.
  if (api_.util_set_log_callback) api_.util_set_log_callback(nullptr);
  Check(api_, api_.core_create(&core_), "ERR_NN_RUNTIME_INVALID", "OpenVINO " + version_ + " cannot start");
  RunOnModelThread([this] { NumberElementTypes(); });
}

void Library::NumberElementTypes() {
  const std::string text = ElementTypeNumbers::ProbeModel();
  const EmptyDirectory directory;
  ModelObject* model = nullptr;
  Status status = kOk;
  if (directory.entered()) {
    status = api_.core_read_model_from_memory_buffer(core_, text.data(), text.size(), nullptr, &model);
  } else {
    const PrivateFiles files({{"model.xml", {reinterpret_cast<const uint8_t*>(text.data()), text.size()}}});
    status = api_.core_read_model(core_, files.PathOf("model.xml").c_str(), nullptr, &model);
  }
  Check(api_, status, "ERR_NN_RUNTIME_INVALID", "OpenVINO " + version_ + " cannot read a model of one input per element type");
  const std::unique_ptr<ModelObject, void (*)(ModelObject*)> owner(model, api_.model_free);
  element_types_ = std::make_unique<const ElementTypeNumbers>(api_, model);
}

std::vector<std::string> Library::AvailableDevices() const {
  Devices devices{};
  Check(api_, api_.core_get_available_devices(core_, &devices), "ERR_NN_RUNTIME_INVALID", "cannot list devices");
  const std::unique_ptr<Devices, void (*)(Devices*)> owner(&devices, api_.available_devices_free);
  return std::vector<std::string>(devices.names, devices.names + devices.size);
}

std::string Library::DeviceProperty(const std::string& device, const std::string& key) const {
  char* value = nullptr;
  const Status status = api_.core_get_property(core_, device.c_str(), key.c_str(), &value);
  if (status != kOk) {
    const std::string reason = RuntimeMessage(api_, status);
    if (!HasDevice(device)) throw Failure("ERR_NN_UNSUPPORTED_TARGET", "no device " + device + ": " + reason);
    throw Failure("ERR_NN_PROPERTY", "device " + device + ", property " + key + ": " + reason);
  }
  const std::unique_ptr<char, void (*)(const char*)> owner(value, api_.free);
  return value ? value : "";
}

bool Library::HasDevice(const std::string& device) const {
  // Virtual devices (AUTO, MULTI:CPU, HETERO:…) are plugins without a device of their own; the compile judges those.
  if (device.find(':') != std::string::npos) return true;
  const std::string name = device.substr(0, device.find('.'));
  if (name == "AUTO" || name == "MULTI" || name == "HETERO" || name == "BATCH") return true;
  const std::vector<std::string> available = AvailableDevices();
  return std::any_of(available.begin(), available.end(), [&](const std::string& one) {
    return one == device || one.substr(0, one.find('.')) == device;
  });
}

}  // namespace openvino
