#pragma once

#include <memory>
#include <string>
#include <vector>

#include "openvino/c_api.h"
#include "openvino/element_type.h"

namespace openvino {

/**
 * One opened `libopenvino_c` with its core. Lives until the process ends, on purpose: plugin threads may still run when
 * static destructors do, and the library cannot be unloaded safely.
 */
class Library {
 public:
  /** Opens the library privately (its symbols stay out of the process) and creates the core. @throws Failure ERR_NN_RUNTIME_INVALID */
  static const Library* Open(const std::string& path);

  const Api& api() const { return api_; }
  const CoreObject* core() const { return core_; }
  const ElementTypeNumbers& element_types() const { return *element_types_; }
  const std::string& path() const { return path_; }
  /** `2026.4.1` */
  const std::string& version() const { return version_; }
  const std::string& build() const { return build_; }

  std::vector<std::string> AvailableDevices() const;
  /** @throws Failure ERR_NN_PROPERTY, ERR_NN_UNSUPPORTED_TARGET */
  std::string DeviceProperty(const std::string& device, const std::string& key) const;
  /** Whether the runtime has this device (`CPU`, `GPU.1`) or, for `AUTO:…` and the like, knows the plugin. */
  bool HasDevice(const std::string& device) const;

 private:
  explicit Library(std::string path) : path_(std::move(path)) {}
  void LoadSymbols();
  void ReadVersion();
  void CreateCore();
  void NumberElementTypes();

  std::string path_;
  void* handle_ = nullptr;
  Api api_;
  CoreObject* core_ = nullptr;
  std::string version_;
  std::string build_;
  std::unique_ptr<const ElementTypeNumbers> element_types_;
};

}  // namespace openvino
