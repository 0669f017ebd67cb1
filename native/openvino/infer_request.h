#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "openvino/compiled_model.h"
#include "thread/interrupt.h"

namespace openvino {

using TensorHandle = std::unique_ptr<TensorObject, void (*)(TensorObject*)>;

struct OutputInfo {
  const ElementType* element_type;
  Dimensions dimensions;
  uint64_t byte_length;
};

/** One operation of a compiled model, as the last computation ran it. */
struct OperationTime {
  std::string name;
  std::string type;
  std::string implementation;
  int64_t wall_us;
  int64_t cpu_us;
};

/**
 * One computation's inputs and outputs. Used by one thread at a time; only the end of an asynchronous computation is
 * announced from a thread of the runtime.
 */
class InferRequest {
 public:
  /** @throws Failure ERR_NN_COMPILE, ERR_NN_OUT_OF_MEMORY */
  explicit InferRequest(std::shared_ptr<const CompiledModel> model);
  ~InferRequest();
  InferRequest(const InferRequest&) = delete;
  InferRequest& operator=(const InferRequest&) = delete;

  /**
   * Copies the bytes into the one buffer that is kept for this input; a new one is made only when type or dimensions
   * are other than last time. Sizes are checked before anything is allocated, and never more than `bytes` is.
   * @throws Failure ERR_NN_INDEX, ERR_NN_TENSOR_SIZE, ERR_NN_TENSOR_MISMATCH, ERR_NN_UNSUPPORTED_TYPE, ERR_NN_BUSY
   */
  void SetInput(size_t index, const std::string& element_type, Dimensions dimensions, ByteView bytes);

  /**
   * Computes. An interrupt ends it at the next operation of the model.
   * @throws Failure ERR_NN_INFER, ERR_NN_CANCELLED, ERR_NN_OUT_OF_MEMORY, ERR_NN_BUSY
   */
  void Infer(const std::shared_ptr<thread::Interrupt>& interrupt);

  /** `done` is called once, on a thread of the runtime; Finish must follow on the caller's. @throws Failure as Infer */
  void Start(std::function<void()> done);
  /** The end of what Start began: waits for it and throws what Infer would. */
  void Finish();
  bool busy() const { return busy_; }
  /** From any thread. Harmless when nothing runs. */
  void Cancel() noexcept;

  /** @throws Failure ERR_NN_INDEX, ERR_NN_UNSUPPORTED_TYPE, ERR_NN_BUSY */
  OutputInfo Output(size_t index) const;
  /** Returns the bytes written. @throws Failure also ERR_NN_BUFFER_TOO_SMALL */
  uint64_t CopyOutput(size_t index, uint8_t* target, uint64_t capacity) const;

  /** What the last computation took; nothing where the model was compiled without PERF_COUNT. @throws Failure ERR_NN_BUSY */
  std::vector<OperationTime> Profile() const;

 private:
  struct KeptInput {
    const ElementType* element_type = nullptr;
    Dimensions dimensions;
    OwnedBytes bytes;
  };
  struct OutputTensor {
    TensorHandle handle;
    OutputInfo info;
  };

  const Api& api() const { return model_->library().api(); }
  void CheckIdle() const;
  void ReplaceInput(size_t index, KeptInput input);
  void ZeroInputsNeverSet();
  Status InferInterruptibly(const thread::Interrupt& interrupt);
  uint64_t InputBytes() const;
  void CheckResult(Status status);
  OutputTensor OutputAt(size_t index) const;
  static void OnDone(void* request);

  std::shared_ptr<const CompiledModel> model_;
  // Before the handle: the runtime's tensors point into these buffers and go first.
  std::vector<KeptInput> inputs_;
  std::unique_ptr<InferRequestObject, void (*)(InferRequestObject*)> handle_;
  // The runtime keeps a pointer to this.
  Callback callback_{};
  std::function<void()> done_;
  bool listens_ = false;
  bool busy_ = false;
  /** Seen by the thread that interrupts. */
  std::atomic<bool> inferring_{false};
  bool unset_inputs_zeroed_ = false;
  /** Otherwise output tensors may be memory that nobody wrote, or that was freed; zeros are shown in their place. */
  bool computed_ = false;
};

}  // namespace openvino
