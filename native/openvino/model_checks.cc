#include "openvino/model_checks.h"

#include "openvino/errors.h"

namespace openvino {

void RefuseModel(const std::string& reason) { throw Failure("ERR_NN_INVALID_MODEL", reason); }

void CheckModel(const ModelContent& content) {
  const ByteView first = content.builders()[0].view();
  if (first.length == 0) RefuseModel(std::string("the ") + EncodingName(content.encoding()) + " model is empty");
  switch (content.encoding()) {
    case Encoding::kIr:
      return CheckIr(first, content.builders().size() > 1 ? content.builders()[1].view() : ByteView{});
    case Encoding::kOnnx:
      return CheckOnnx(first);
    case Encoding::kTensorFlow:
      return CheckTensorFlow(first);
    case Encoding::kTensorFlowLite:
      return CheckTensorFlowLite(first);
  }
}

}  // namespace openvino
