#include "openvino/errors.h"

#include <memory>

namespace openvino {

namespace {

constexpr size_t kMaxMessageLength = 2000;

/** Runtime messages are full of line breaks and may hold whole tensors' names; one bounded line is what a log can hold. */
std::string OneLine(const std::string& text) {
  std::string line;
  for (const char character : text) {
    const bool blank = static_cast<unsigned char>(character) <= ' ' || character == 0x7f;
    if (!blank) {
      line += character;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
    if (line.size() >= kMaxMessageLength) break;
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

}  // namespace

std::string RuntimeMessage(const Api& api, Status status) {
  const std::unique_ptr<const char, void (*)(const char*)> message(api.get_last_err_msg(), api.free);
  if (message && *message) return OneLine(message.get());
  const char* info = api.get_error_info(status);
  return info ? OneLine(info) : "status " + std::to_string(status);
}

const char* CodeFor(const std::string& message, const char* code) {
  return message.find("bad_alloc") != std::string::npos ? "ERR_NN_OUT_OF_MEMORY" : code;
}

void Check(const Api& api, Status status, const char* code, const std::string& what) {
  if (status == kOk) return;
  const std::string message = RuntimeMessage(api, status);
  throw Failure(CodeFor(message, code), what + ": " + message);
}

}  // namespace openvino
