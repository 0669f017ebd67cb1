#pragma once

#include <exception>
#include <string>
#include <utility>

namespace edge {

/** A failure that JavaScript sees as a coded error; `code` is a key of ERROR_CODES in src/errors.ts. */
class Failure : public std::exception {
 public:
  /** @param code a string literal */
  Failure(const char* code, std::string message) : code_(code), message_(std::move(message)) {}
  const char* code() const noexcept { return code_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  const char* code_;
  std::string message_;
};

}  // namespace edge
