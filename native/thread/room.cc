#include "thread/room.h"

#include "edge.h"

namespace thread {

Room::Room(napi_env env) : memories_(env), external_bytes_(env), interrupt_(Interrupt::Add()) {}

Room::~Room() { interrupt_->Remove(); }

bool Room::GuardHeap(napi_env env, napi_value words, size_t headroom_bytes) {
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, words, &type, &length, &data, nullptr, nullptr) != napi_ok || type != napi_int32_array ||
      length == 0) {
    throw edge::ArgumentError("flag: expected an Int32Array with an element");
  }
  // Kept until another takes its place: the guard writes to it.
  napi_ref kept = nullptr;
  edge::Ok(napi_create_reference(env, words, 1, &kept));
  const bool is_guarded = heap_guard_.Start(static_cast<int32_t*>(data), headroom_bytes);
  if (guarded_words_) edge::Ok(napi_delete_reference(env, guarded_words_));
  guarded_words_ = kept;
  return is_guarded;
}

}  // namespace thread
