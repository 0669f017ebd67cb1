#pragma once

#include <string>

#include "openvino/bytes.h"

namespace openvino {

/** A regular file that the host names, whole. @throws Failure ERR_NN_INVALID_MODEL when it cannot be read */
OwnedBytes ReadWholeFile(const std::string& path);

}  // namespace openvino
