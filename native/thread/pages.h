#pragma once

#include <node_api.h>

#include <cstddef>

#include "edge.h"

namespace thread {

/** Knows memories of WebAssembly from everything else. */
class WasmMemories {
 public:
  /** Looks up what tells them, before anybody could replace it. */
  explicit WasmMemories(napi_env env);

  /**
   * The bytes of a memory as it is now; none of one that is not in the form known here (whole pages of wasm at the
   * beginning of a page).
   *
   * @throws edge::ArgumentError for anything that is no memory
   */
  edge::Bytes BytesOf(napi_env env, napi_value memory) const;

 private:
  napi_ref buffer_getter_ = nullptr;
};

/**
 * Has what a memory grows by come in huge pages, where the system gives them on request and has some at hand. Answers whether
 * it was asked to.
 */
bool GrowInHugePages(const edge::Bytes& bytes) noexcept;

/** Gives the pages back to the system; they read as zeros from then on. Answers how many bytes that were. */
size_t ReleasePages(const edge::Bytes& bytes) noexcept;

}  // namespace thread
