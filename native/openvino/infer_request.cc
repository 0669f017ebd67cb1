#include "openvino/infer_request.h"

#include <chrono>
#include <cstring>

#include "openvino/errors.h"
#include "openvino/resident_memory.h"

namespace openvino {

namespace {

/** Then the runtime's own two steps cost too little to matter. */
constexpr std::chrono::milliseconds kQuick{1};
/** Above what any operation takes. */
constexpr size_t kMaxRank = 32;

InferRequestObject* CreateRequest(const CompiledModel& model) {
  InferRequestObject* request = nullptr;
  Check(model.library().api(), model.library().api().compiled_model_create_infer_request(model.handle(), &request),
        "ERR_NN_COMPILE", "no infer request");
  return request;
}

void CheckIndex(const char* what, size_t index, size_t count) {
  if (index < count) return;
  throw Failure("ERR_NN_INDEX", std::string("no ") + what + ' ' + std::to_string(index) + ": the model has " + std::to_string(count));
}

std::string PortText(const Port& port) {
  return std::string(port.element_type ? port.element_type->name : "another type") + ' ' +
         (port.shape ? DimensionsText(*port.shape) : "of any rank");
}

const ElementType& TypeOfBytes(const std::string& name, size_t index) {
  const ElementType* type = FindElementType(name);
  if (type && type->bits > 0) return *type;
  throw Failure("ERR_NN_UNSUPPORTED_TYPE", "input " + std::to_string(index) + ": element type " + name + " cannot be given as bytes");
}

void CheckByteLength(size_t index, const ElementType& type, const Dimensions& dimensions, uint64_t given) {
  const std::optional<uint64_t> needed = TensorByteLength(dimensions, type.bits);
  if (needed && *needed == given) return;
  throw Failure("ERR_NN_TENSOR_SIZE", "input " + std::to_string(index) + ": dimensions " + DimensionsText(dimensions) + " of " +
                                          type.name + " need " + (needed ? std::to_string(*needed) : "more than 2^60") +
                                          " bytes, got " + std::to_string(given));
}

}  // namespace

InferRequest::InferRequest(std::shared_ptr<const CompiledModel> model)
    : model_(std::move(model)),
      inputs_(model_->inputs().size()),
      handle_(CreateRequest(*model_), model_->library().api().infer_request_free) {}

InferRequest::~InferRequest() {
  if (!busy_) return;
  Cancel();
  api().infer_request_wait(handle_.get());
}

void InferRequest::CheckIdle() const {
  if (busy_) throw Failure("ERR_NN_BUSY", "the infer request is computing");
}

void InferRequest::SetInput(size_t index, const std::string& element_type, Dimensions dimensions, ByteView bytes) {
  CheckIdle();
  CheckIndex("input", index, inputs_.size());
  const ElementType& type = TypeOfBytes(element_type, index);
  if (dimensions.size() > kMaxRank) {
    throw Failure("ERR_NN_TENSOR_MISMATCH", "input " + std::to_string(index) + ": " + std::to_string(dimensions.size()) + " dimensions");
  }
  CheckByteLength(index, type, dimensions, bytes.length);
  KeptInput& kept = inputs_[index];
  if (kept.element_type != &type || kept.dimensions != dimensions) {
    ReplaceInput(index, {&type, std::move(dimensions), OwnedBytes::Zeroed(bytes.length)});
  }
  if (bytes.length > 0) std::memcpy(kept.bytes.data(), bytes.data, bytes.length);
}

void InferRequest::ReplaceInput(size_t index, KeptInput input) {
  TensorObject* created = nullptr;
  const Shape shape{static_cast<int64_t>(input.dimensions.size()), input.dimensions.data()};
  const ElementTypeNumber number = model_->library().element_types().NumberOf(*input.element_type);
  Check(api(), api().tensor_create_from_host_ptr(number, shape, input.bytes.data(), &created), "ERR_NN_TENSOR_MISMATCH",
        "input " + std::to_string(index) + ": no tensor " + DimensionsText(input.dimensions));
  const TensorHandle tensor(created, api().tensor_free);
  Check(api(), api().infer_request_set_input_tensor_by_index(handle_.get(), index, created), "ERR_NN_TENSOR_MISMATCH",
        "input " + std::to_string(index) + " is " + PortText(model_->inputs()[index]) + ", got " + input.element_type->name +
            ' ' + DimensionsText(input.dimensions));
  // Only after the runtime took the new tensor may the old one's memory go.
  inputs_[index] = std::move(input);
}

void InferRequest::ZeroInputsNeverSet() {
  if (unset_inputs_zeroed_) return;
  for (size_t index = 0; index < inputs_.size(); index++) {
    const Port& port = model_->inputs()[index];
    const bool is_bytes = !port.element_type || port.element_type->bits > 0;
    if (inputs_[index].element_type || !is_bytes) continue;
    TensorObject* got = nullptr;
    if (api().infer_request_get_input_tensor_by_index(handle_.get(), index, &got) != kOk) continue;
    const TensorHandle tensor(got, api().tensor_free);
    size_t byte_length = 0;
    void* data = nullptr;
    api().tensor_get_byte_size(got, &byte_length);
    if (byte_length > 0 && api().tensor_data(got, &data) == kOk && data) std::memset(data, 0, byte_length);
  }
  unset_inputs_zeroed_ = true;
}

void InferRequest::CheckResult(Status status) {
  computed_ = status == kOk;
  if (computed_) return;
  const std::string reason = RuntimeMessage(api(), status);
  if (status == kInferCancelled) throw Failure("ERR_NN_CANCELLED", "the inference was cancelled");
  throw Failure(CodeFor(reason, "ERR_NN_INFER"), "inference failed: " + reason);
}

/**
 * A cancellation between our look at the interrupt and the runtime's own note that it computes would be lost. So the start
 * and the wait are two calls, which costs another thread's turn: 3 to 15 µs, and a hundred on a busy machine. Where the
 * model was quick with as many bytes the last time it is spared that, as it most likely ends by itself at once.
 */
Status InferRequest::InferInterruptibly(const thread::Interrupt& interrupt) {
  if (model_->WasQuick(InputBytes())) return api().infer_request_infer(handle_.get());
  const uint64_t resident_before = ResidentBytes();
  Status status = api().infer_request_start_async(handle_.get());
  if (status != kOk) return status;
  // Either this sees the interrupt, or the thread that interrupts saw `inferring_`; both may.
  if (interrupt.requested()) Cancel();
  status = api().infer_request_wait(handle_.get());
  model_->NoteGrowth(GrowthSince(resident_before));
  return status;
}

uint64_t InferRequest::InputBytes() const {
  uint64_t byte_length = 0;
  for (const KeptInput& input : inputs_) byte_length += input.bytes.length();
  return byte_length;
}

void InferRequest::Infer(const std::shared_ptr<thread::Interrupt>& interrupt) {
  CheckIdle();
  ZeroInputsNeverSet();
  const thread::OnInterrupt cancel(interrupt, [this] {
    if (inferring_) Cancel();
  });
  if (interrupt->requested()) throw Failure("ERR_NN_CANCELLED", "the inference was interrupted");
  const auto begin = std::chrono::steady_clock::now();
  inferring_ = true;
  const Status status = InferInterruptibly(*interrupt);
  inferring_ = false;
  model_->NoteQuick(InputBytes(), std::chrono::steady_clock::now() - begin < kQuick);
  CheckResult(status);
}

void InferRequest::OnDone(void* request) {
  // Take the function first: what it calls may lead another thread to free this request once the runtime lets go of it.
  const std::function<void()> done = std::move(static_cast<InferRequest*>(request)->done_);
  if (done) done();
}

void InferRequest::Start(std::function<void()> done) {
  CheckIdle();
  ZeroInputsNeverSet();
  if (!listens_) {
    callback_ = {OnDone, this};
    Check(api(), api().infer_request_set_callback(handle_.get(), &callback_), "ERR_NN_INFER", "no callback");
    listens_ = true;
  }
  done_ = std::move(done);
  const Status status = api().infer_request_start_async(handle_.get());
  if (status != kOk) {
    done_ = nullptr;
    CheckResult(status);
  }
  busy_ = true;
}

void InferRequest::Finish() {
  const Status status = api().infer_request_wait(handle_.get());
  busy_ = false;
  CheckResult(status);
}

void InferRequest::Cancel() noexcept { api().infer_request_cancel(handle_.get()); }

InferRequest::OutputTensor InferRequest::OutputAt(size_t index) const {
  CheckIdle();
  CheckIndex("output", index, model_->outputs().size());
  const std::string what = "output " + std::to_string(index);
  TensorObject* got = nullptr;
  Check(api(), api().infer_request_get_output_tensor_by_index(handle_.get(), index, &got), "ERR_NN_NO_OUTPUT", what);
  OutputTensor output{TensorHandle(got, api().tensor_free), {}};
  ElementTypeNumber number = 0;
  Check(api(), api().tensor_get_element_type(got, &number), "ERR_NN_NO_OUTPUT", what);
  output.info.element_type = model_->library().element_types().TypeOf(number);
  if (!output.info.element_type || output.info.element_type->bits == 0) {
    throw Failure("ERR_NN_UNSUPPORTED_TYPE", what + " has elements that are not bytes: " + PortText(model_->outputs()[index]));
  }
  size_t byte_length = 0;
  Check(api(), api().tensor_get_byte_size(got, &byte_length), "ERR_NN_NO_OUTPUT", what);
  output.info.byte_length = byte_length;
  return output;
}

OutputInfo InferRequest::Output(size_t index) const {
  OutputTensor output = OutputAt(index);
  Shape shape{};
  Check(api(), api().tensor_get_shape(output.handle.get(), &shape), "ERR_NN_NO_OUTPUT", "output " + std::to_string(index));
  output.info.dimensions.assign(shape.dims, shape.dims + shape.rank);
  api().shape_free(&shape);
  return std::move(output.info);
}

uint64_t InferRequest::CopyOutput(size_t index, uint8_t* target, uint64_t capacity) const {
  const OutputTensor output = OutputAt(index);
  const uint64_t byte_length = output.info.byte_length;
  if (byte_length > capacity) {
    throw Failure("ERR_NN_BUFFER_TOO_SMALL", "output " + std::to_string(index) + " has " + std::to_string(byte_length) +
                                                 " bytes, the buffer " + std::to_string(capacity));
  }
  if (byte_length == 0) return 0;
  void* data = nullptr;
  Check(api(), api().tensor_data(output.handle.get(), &data), "ERR_NN_NO_OUTPUT", "output " + std::to_string(index));
  if (computed_) {
    std::memcpy(target, data, byte_length);
  } else {
    std::memset(target, 0, byte_length);
  }
  return byte_length;
}

std::vector<OperationTime> InferRequest::Profile() const {
  CheckIdle();
  if (!api().infer_request_get_profiling_info || !api().profiling_info_list_free) return {};
  ProfilingList list{};
  Check(api(), api().infer_request_get_profiling_info(handle_.get(), &list), "ERR_NN_INFER", "no times of operations");
  const std::unique_ptr<ProfilingList, void (*)(ProfilingList*)> owner(&list, api().profiling_info_list_free);
  std::vector<OperationTime> times;
  for (size_t index = 0; index < list.size; index++) {
    const ProfilingInfo& info = list.infos[index];
    if (info.status != ProfilingInfo::kExecuted) continue;
    const auto text = [](const char* value) { return std::string(value ? value : ""); };
    times.push_back({text(info.node_name), text(info.node_type), text(info.exec_type), info.real_time_us, info.cpu_time_us});
  }
  return times;
}

}  // namespace openvino
