#pragma once

#include <cstddef>
#include <cstdint>

/**
 * The part of OpenVINO's C API that the addon calls, declared here so that no OpenVINO header is needed to build it.
 * Layouts and signatures are the same in 2024.0 to 2026.4 (compared header by header); what changed between them is the
 * numbering of element types, which is why those are plain numbers here (see element_type.h).
 * @see https://docs.openvino.ai/2026/api/c_cpp_api/group__ov__c__api.html
 */
namespace openvino {

enum Status : int32_t {
  kOk = 0,
  kRequestBusy = -8,
  kInferCancelled = -13,
};

using ElementTypeNumber = uint32_t;

struct CoreObject;
struct ModelObject;
struct CompiledModelObject;
struct InferRequestObject;
struct TensorObject;
struct PortObject;

struct Shape {
  int64_t rank;
  int64_t* dims;
};

struct Dimension {
  int64_t min;
  int64_t max;
};

struct PartialShape {
  Dimension rank;
  Dimension* dims;
};

struct Version {
  const char* build_number;
  const char* description;
};

struct Devices {
  char** names;
  size_t size;
};

struct Callback {
  void (*function)(void* argument);
  void* argument;
};

struct ProfilingInfo {
  enum : int32_t { kExecuted = 2 };
  int32_t status;
  int64_t real_time_us;
  int64_t cpu_time_us;
  const char* node_name;
  const char* exec_type;
  const char* node_type;
};

struct ProfilingList {
  ProfilingInfo* infos;
  size_t size;
};

/** Name without the prefix `ov_`, result, arguments. Every supported version has these. */
#define OPENVINO_REQUIRED_SYMBOLS(X)                                                                                  \
  X(get_openvino_version, Status, (Version*))                                                                         \
  X(version_free, void, (Version*))                                                                                   \
  X(get_error_info, const char*, (Status))                                                                            \
  X(get_last_err_msg, const char*, ())                                                                                \
  X(free, void, (const char*))                                                                                        \
  X(core_create, Status, (CoreObject**))                                                                              \
  X(core_free, void, (CoreObject*))                                                                                   \
  X(core_read_model, Status, (const CoreObject*, const char* path, const char* weights_path, ModelObject**))          \
  X(core_read_model_from_memory_buffer, Status,                                                                       \
    (const CoreObject*, const char* text, size_t length, const TensorObject* weights, ModelObject**))                 \
  X(core_compile_model, Status,                                                                                       \
    (const CoreObject*, const ModelObject*, const char* device, size_t argument_count, CompiledModelObject**, ...))   \
  X(core_get_property, Status, (const CoreObject*, const char* device, const char* key, char** value))                \
  X(core_get_available_devices, Status, (const CoreObject*, Devices*))                                                \
  X(available_devices_free, void, (Devices*))                                                                         \
  X(model_free, void, (ModelObject*))                                                                                 \
  X(model_inputs_size, Status, (const ModelObject*, size_t*))                                                         \
  X(model_outputs_size, Status, (const ModelObject*, size_t*))                                                        \
  X(model_const_input_by_index, Status, (const ModelObject*, size_t, PortObject**))                                   \
  X(model_const_output_by_index, Status, (const ModelObject*, size_t, PortObject**))                                  \
  X(compiled_model_free, void, (CompiledModelObject*))                                                                \
  X(compiled_model_inputs_size, Status, (const CompiledModelObject*, size_t*))                                        \
  X(compiled_model_outputs_size, Status, (const CompiledModelObject*, size_t*))                                       \
  X(compiled_model_input_by_index, Status, (const CompiledModelObject*, size_t, PortObject**))                        \
  X(compiled_model_output_by_index, Status, (const CompiledModelObject*, size_t, PortObject**))                       \
  X(compiled_model_get_property, Status, (const CompiledModelObject*, const char* key, char** value))                 \
  X(compiled_model_create_infer_request, Status, (const CompiledModelObject*, InferRequestObject**))                  \
  X(output_const_port_free, void, (PortObject*))                                                                      \
  X(port_get_any_name, Status, (const PortObject*, char**))                                                           \
  X(port_get_element_type, Status, (const PortObject*, ElementTypeNumber*))                                           \
  X(port_get_partial_shape, Status, (const PortObject*, PartialShape*))                                               \
  X(partial_shape_free, void, (PartialShape*))                                                                        \
  X(shape_free, Status, (Shape*))                                                                                     \
  X(tensor_create, Status, (ElementTypeNumber, Shape, TensorObject**))                                                \
  X(tensor_create_from_host_ptr, Status, (ElementTypeNumber, Shape, void*, TensorObject**))                           \
  X(tensor_get_shape, Status, (const TensorObject*, Shape*))                                                          \
  X(tensor_get_element_type, Status, (const TensorObject*, ElementTypeNumber*))                                       \
  X(tensor_get_byte_size, Status, (const TensorObject*, size_t*))                                                     \
  X(tensor_data, Status, (const TensorObject*, void**))                                                               \
  X(tensor_free, void, (TensorObject*))                                                                               \
  X(infer_request_free, void, (InferRequestObject*))                                                                  \
  X(infer_request_set_input_tensor_by_index, Status, (InferRequestObject*, size_t, const TensorObject*))              \
  X(infer_request_get_input_tensor_by_index, Status, (const InferRequestObject*, size_t, TensorObject**))             \
  X(infer_request_get_output_tensor_by_index, Status, (const InferRequestObject*, size_t, TensorObject**))            \
  X(infer_request_infer, Status, (InferRequestObject*))                                                               \
  X(infer_request_start_async, Status, (InferRequestObject*))                                                         \
  X(infer_request_set_callback, Status, (InferRequestObject*, const Callback*))                                       \
  X(infer_request_wait, Status, (InferRequestObject*))                                                                \
  X(infer_request_cancel, Status, (InferRequestObject*))

/** Newer than 2024.0, or no part of what a guest needs: null where the library lacks them. */
#define OPENVINO_OPTIONAL_SYMBOLS(X)                                                                                  \
  X(util_set_log_callback, void, (void (*)(const char*)))                                                             \
  X(infer_request_get_profiling_info, Status, (const InferRequestObject*, ProfilingList*))                            \
  X(profiling_info_list_free, void, (ProfilingList*))

struct Api {
#define OPENVINO_MEMBER(name, result, arguments) result(*name) arguments = nullptr;
  OPENVINO_REQUIRED_SYMBOLS(OPENVINO_MEMBER)
  OPENVINO_OPTIONAL_SYMBOLS(OPENVINO_MEMBER)
#undef OPENVINO_MEMBER
};

}  // namespace openvino
