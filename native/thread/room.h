#pragma once

#include <node_api.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "addon_state.h"
#include "thread/external_bytes.h"
#include "thread/heap_guard.h"
#include "thread/interrupt.h"
#include "thread/pages.h"
#include "thread/wake.h"

namespace thread {

/** What the room of threads keeps for one environment. */
class Room : public edge::RoomState {
 public:
  static Room& Of(napi_env env) { return static_cast<Room&>(*edge::AddonState::Of(env).thread); }

  explicit Room(napi_env env);
  /** Others cannot interrupt it from here on. */
  ~Room() override;
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

  /** @returns false where V8 cannot be asked for it */
  bool GuardHeap(napi_env env, napi_value words, size_t headroom_bytes);

  /** As HeapGuard::EndProcess. */
  bool EndProcessOnFullHeap(std::string text, int status) { return heap_guard_.EndProcess(std::move(text), status); }

  const WasmMemories& memories() const { return memories_; }

  ExternalBytes& external_bytes() { return external_bytes_; }

  const std::shared_ptr<Interrupt>& interrupt() const { return interrupt_; }

  /** Of {@link Wake}; -1 where the process has no descriptor left. Only threads that wait have one. */
  int WakeDescriptor() {
    if (!wake_ || wake_->fd() < 0) wake_.emplace(interrupt_);
    return wake_->fd();
  }

 private:
  const WasmMemories memories_;
  ExternalBytes external_bytes_;
  const std::shared_ptr<Interrupt> interrupt_;
  std::optional<Wake> wake_;
  HeapGuard heap_guard_;
  napi_ref guarded_words_ = nullptr;
};

}  // namespace thread
