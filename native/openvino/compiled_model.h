#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "openvino/library.h"
#include "openvino/model_content.h"
#include "openvino/ports.h"

namespace openvino {

/** A model compiled for a device. Any number of threads may use one at once. */
class CompiledModel {
 public:
  /**
   * Compiles on the calling thread, which is one of model_thread.h.
   * @throws Failure ERR_NN_INVALID_MODEL, ERR_NN_MODEL_LIMIT, ERR_NN_COMPILE, ERR_NN_UNSUPPORTED_TARGET, ERR_NN_PROPERTY,
   *   ERR_NN_OUT_OF_MEMORY
   */
  CompiledModel(const Library& library, std::shared_ptr<const ModelContent> content);

  const Library& library() const { return library_; }
  const ModelContent& content() const { return *content_; }
  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  CompiledModelObject* handle() const { return handle_.get(); }
  /** @throws Failure ERR_NN_PROPERTY */
  std::string Property(const std::string& key) const;

  /**
   * What it takes of memory, content included, as far as that can be told: twice its content and 1 MiB, or what resident
   * memory was seen to grow by while it was compiled, where that is more; and what it grew by in one inference.
   *
   * Why so: of 14 MB of weights OpenVINO kept 16 MB besides ours, of 0.13 MB 0.96, of none 0.4 (2026.4.1, f32, one stream).
   * But a few bytes of a hostile model can make constants and intermediate tensors of gigabytes, which no call tells and
   * which stay with the compiled model. Growth counts what other threads take meanwhile, too: rather too much than too little.
   */
  uint64_t MemoryBytes() const;
  /** An inference that took `bytes` of resident memory. From any thread. */
  void NoteGrowth(uint64_t bytes) const noexcept;

  /** Whether the last inference was quick, and with inputs of so many bytes: a shape may be the guest's to choose. */
  bool WasQuick(uint64_t input_bytes) const noexcept { return quick_input_bytes_.load() == input_bytes; }
  void NoteQuick(uint64_t input_bytes, bool was_quick) const noexcept;

 private:
  const Library& library_;
  // Before the handle: destroyed after it, since compiled constants may point into these bytes.
  std::shared_ptr<const ModelContent> content_;
  std::unique_ptr<CompiledModelObject, void (*)(CompiledModelObject*)> handle_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  uint64_t compile_growth_ = 0;
  mutable std::atomic<uint64_t> inference_growth_{0};
  mutable std::atomic<uint64_t> quick_input_bytes_{UINT64_MAX};
};

}  // namespace openvino
