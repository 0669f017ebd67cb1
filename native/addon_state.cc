#include "addon_state.h"

#include "edge.h"

namespace edge {

void AddonState::Create(napi_env env) {
  auto state = std::make_unique<AddonState>();
  const auto free_state = [](napi_env, void* data, void*) { delete static_cast<AddonState*>(data); };
  Ok(napi_set_instance_data(env, state.get(), free_state, nullptr));
  state.release();
}

AddonState& AddonState::Of(napi_env env) {
  void* data = nullptr;
  Ok(napi_get_instance_data(env, &data));
  if (!data) throw PendingException{};
  return *static_cast<AddonState*>(data);
}

}  // namespace edge
