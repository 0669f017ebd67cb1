#pragma once

#include <memory>

#include "openvino/library.h"
#include "openvino/model_content.h"

namespace openvino {

using ModelHandle = std::unique_ptr<ModelObject, void (*)(ModelObject*)>;

/**
 * Reads a model with the frontend that its encoding names and no other, from its own bytes and no others; model_checks.h
 * says what is refused for that before the runtime sees a byte. The model's constants point into `content`. To be called
 * on a thread of RunOnModelThread.
 * @throws Failure ERR_NN_INVALID_MODEL, ERR_NN_OUT_OF_MEMORY
 */
ModelHandle ReadModel(const Library& library, const ModelContent& content);

}  // namespace openvino
