#include "openvino/compiled_model.h"

#include <algorithm>
#include <array>

#include "openvino/errors.h"
#include "openvino/model_reader.h"
#include "openvino/resident_memory.h"

namespace openvino {

namespace {

constexpr size_t kMaxProperties = 16;
constexpr uint64_t kLeastBytes = uint64_t{1} << 20;
/** The C API takes a structure of function pointers for this one, never text. */
constexpr const char* kPropertyOfPointers = "CACHE_ENCRYPTION_CALLBACKS";

void CheckTarget(const CompileTarget& target) {
  if (target.device.empty()) throw Failure("ERR_NN_UNSUPPORTED_TARGET", "no device was named");
  if (target.properties.size() > kMaxProperties) {
    throw Failure("ERR_NN_PROPERTY", "more than " + std::to_string(kMaxProperties) + " properties");
  }
  for (const auto& property : target.properties) {
    if (property.first == kPropertyOfPointers) throw Failure("ERR_NN_PROPERTY", property.first + " cannot be given as text");
  }
}

/** The C API takes properties as variable arguments; it reads as many as it is told to, so the rest may be null. */
Status CallCompile(const Library& library, const ModelObject* model, const CompileTarget& target, CompiledModelObject** out) {
  std::array<const char*, kMaxProperties * 2> a{};
  size_t count = 0;
  for (const auto& [key, value] : target.properties) {
    a[count++] = key.c_str();
    a[count++] = value.c_str();
  }
  return library.api().core_compile_model(
      library.core(), model, target.device.c_str(), count, out, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8],
      a[9], a[10], a[11], a[12], a[13], a[14], a[15], a[16], a[17], a[18], a[19], a[20], a[21], a[22], a[23], a[24], a[25],
      a[26], a[27], a[28], a[29], a[30], a[31]);
}

/**
 * The property that a failed compile is about, if any: one that the message names, one that the device does not list, or
 * any where the message comes from the runtime's reading of values.
 */
std::string GuiltyProperty(const Library& library, const CompileTarget& target, const std::string& reason) {
  if (target.properties.empty()) return "";
  std::string all;
  for (const auto& [key, value] : target.properties) {
    if (reason.find(key) != std::string::npos) return key;
    all += (all.empty() ? "" : ", ") + key + '=' + value;
  }
  if (reason.find("properties.hpp") != std::string::npos) return all;
  std::string supported;
  try {
    supported = library.DeviceProperty(target.device, "SUPPORTED_PROPERTIES");
  } catch (const Failure&) {
    return "";
  }
  for (const auto& property : target.properties) {
    if (supported.find(property.first) == std::string::npos) return property.first;
  }
  return "";
}

[[noreturn]] void FailCompile(const Library& library, const CompileTarget& target, Status status) {
  const std::string reason = RuntimeMessage(library.api(), status);
  if (!library.HasDevice(target.device)) {
    throw Failure("ERR_NN_UNSUPPORTED_TARGET", "no device " + target.device + " here: " + reason);
  }
  const std::string property = GuiltyProperty(library, target, reason);
  if (!property.empty()) throw Failure("ERR_NN_PROPERTY", "property " + property + " on " + target.device + ": " + reason);
  throw Failure(CodeFor(reason, "ERR_NN_COMPILE"), "cannot compile for " + target.device + ": " + reason);
}

CompiledModelObject* Compile(const Library& library, const ModelContent& content) {
  CheckTarget(content.target());
  const ModelHandle model = ReadModel(library, content);
  CheckPortSizes(library, model.get());
  CompiledModelObject* compiled = nullptr;
  const Status status = CallCompile(library, model.get(), content.target(), &compiled);
  if (status != kOk) FailCompile(library, content.target(), status);
  return compiled;
}

}  // namespace

CompiledModel::CompiledModel(const Library& library, std::shared_ptr<const ModelContent> content)
    : library_(library), content_(std::move(content)), handle_(nullptr, library.api().compiled_model_free) {
  const uint64_t before = ResidentBytes();
  handle_.reset(Compile(library, *content_));
  compile_growth_ = GrowthSince(before);
  inputs_ = InputsOf(library, handle());
  outputs_ = OutputsOf(library, handle());
}

uint64_t CompiledModel::MemoryBytes() const {
  uint64_t content_bytes = 0;
  for (const OwnedBytes& builder : content_->builders()) content_bytes += builder.length();
  return content_bytes + std::max(content_bytes + kLeastBytes, compile_growth_) + inference_growth_.load();
}

void CompiledModel::NoteGrowth(uint64_t bytes) const noexcept {
  uint64_t known = inference_growth_.load();
  while (bytes > known && !inference_growth_.compare_exchange_weak(known, bytes)) {
  }
}

void CompiledModel::NoteQuick(uint64_t input_bytes, bool was_quick) const noexcept {
  quick_input_bytes_.store(was_quick ? input_bytes : UINT64_MAX);
}

std::string CompiledModel::Property(const std::string& key) const {
  const Api& api = library_.api();
  char* value = nullptr;
  Check(api, api.compiled_model_get_property(handle(), key.c_str(), &value), "ERR_NN_PROPERTY", "property " + key);
  const std::unique_ptr<char, void (*)(const char*)> owner(value, api.free);
  return value ? value : "";
}

}  // namespace openvino
