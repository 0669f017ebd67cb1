#pragma once

#include <node_api.h>

#include <cstdint>

namespace thread {

/** What V8 is told of memory outside of its heap, beside what it counts itself. */
class ExternalBytes {
 public:
  explicit ExternalBytes(napi_env env) : env_(env) {}
  /** V8 ends the process where it counts less than nothing, at the latest when it lets go of everything at the end. */
  ~ExternalBytes();
  ExternalBytes(const ExternalBytes&) = delete;
  ExternalBytes& operator=(const ExternalBytes&) = delete;

  /** @returns false where V8 counts fewer: nothing has changed then */
  bool Take(int64_t bytes);

  /** @returns how many V8 counts then */
  int64_t Add(int64_t bytes);

 private:
  const napi_env env_;
  /** What was taken and not added since. */
  int64_t taken_ = 0;
};

}  // namespace thread
