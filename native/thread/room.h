#pragma once

#include <node_api.h>

#include <memory>

#include "addon_state.h"
#include "thread/interrupt.h"

namespace thread {

/** What the room of threads keeps for one environment. */
class Room : public edge::RoomState {
 public:
  static Room& Of(napi_env env) { return static_cast<Room&>(*edge::AddonState::Of(env).thread); }

  Room();
  /** Others cannot interrupt it from here on. */
  ~Room() override;
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

  const std::shared_ptr<Interrupt>& interrupt() const { return interrupt_; }

 private:
  const std::shared_ptr<Interrupt> interrupt_;
};

}  // namespace thread
