#pragma once

#include "openvino/bytes.h"
#include "openvino/model_content.h"

namespace openvino {

/**
 * What is refused before the runtime sees a model's bytes. Models come from guests, and the runtime reads them in our
 * process: these checks keep it to the frontend that the encoding names, to the model's own bytes, and to sizes that its
 * recursion bears. They do not judge what a model computes.
 *
 * Which frontend reads is the runtime's choice and not ours: it asks them in turn (IR, ONNX, TensorFlow, TensorFlow Lite,
 * Paddle, …; by path, the one of the suffix first) whether they recognise the content. So bytes of one encoding must not
 * look like another's, and must not be refused by their own frontend, or the next one would get them.
 *
 * @throws Failure ERR_NN_INVALID_MODEL
 */
void CheckModel(const ModelContent& content);

/** xml and the length of its weights: see ir_check.cc. */
void CheckIr(ByteView xml, ByteView weights);
/** See onnx_check.cc. External data is the caller's to refuse: it needs a walk of the whole graph. */
void CheckOnnx(ByteView model);
/** See tensorflow_check.cc. */
void CheckTensorFlow(ByteView model);
/** See tensorflow_lite_check.cc. */
void CheckTensorFlowLite(ByteView model);

/**
 * Operations of one model, bodies included. The runtime's threads have the system's default stack (8 MiB as a rule) and
 * overflow it at a path of 60,000 operations or more; 20,000 were seen to pass with 4 MiB.
 */
constexpr size_t kMaxOperations = 32768;

[[noreturn]] void RefuseModel(const std::string& reason);

}  // namespace openvino
