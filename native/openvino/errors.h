#pragma once

#include <string>

#include "failure.h"
#include "openvino/c_api.h"

namespace openvino {

using edge::Failure;

/**
 * The runtime's words for a failed call, on one line. The C API keeps one message for the whole process, so when two
 * threads fail at the same time one may report the other's words; they go to the operator's log, never to a guest.
 */
std::string RuntimeMessage(const Api& api, Status status);

/** ERR_NN_OUT_OF_MEMORY where the runtime's words say that memory ran out, else `code`. */
const char* CodeFor(const std::string& message, const char* code);

/** Throws a Failure with `what` and the runtime's words unless `status` is kOk. */
void Check(const Api& api, Status status, const char* code, const std::string& what);

}  // namespace openvino
