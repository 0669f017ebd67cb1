#pragma once

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

 private:
  const Library& library_;
  // Before the handle: destroyed after it, since compiled constants may point into these bytes.
  std::shared_ptr<const ModelContent> content_;
  std::unique_ptr<CompiledModelObject, void (*)(CompiledModelObject*)> handle_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
};

}  // namespace openvino
