#include "direct_calls.h"

#include <cerrno>
#include <memory>
#include <utility>

#include "direct_guest.h"
#include "fs/arguments.h"

namespace preview1 {
namespace {

struct Named {
  const char* name;
  int (*function)(DirectCall&);
};

constexpr Named kDirect[] = {
    {"fd_read", FdRead},
    {"fd_write", FdWrite},
    {"fd_seek", FdSeek},
    {"fd_filestat_get", FdFilestatGet},
    {"path_filestat_get", PathFilestatGet},
    {"clock_time_get", ClockTimeGet},
    {"random_get", RandomGet},
    {"path_open", PathOpen},
    {"fd_close", FdClose},
    {"path_unlink_file", PathUnlinkFile},
    {"path_rename", PathRename},
};
constexpr uint32_t kDirectCount = sizeof(kDirect) / sizeof(kDirect[0]);

template <uint32_t kIndex>
napi_value Enter(napi_env env, napi_callback_info info) {
  DirectCall call(env, info);
  // A loop of calls that never meet JavaScript would not look whether it is to end.
  if (call.guest().interrupt->requested()) return call.Answer(kNotPlain, kIndex);
  try {
    return call.Answer(kDirect[kIndex].function(call), kIndex);
  } catch (...) {
    // Memory ran out while a path was walked. No exception may cross into Node.
    return call.Answer(kNotPlain, kIndex);
  }
}

template <uint32_t... kIndex>
napi_callback EntryOf(uint32_t index, std::integer_sequence<uint32_t, kIndex...>) {
  constexpr napi_callback kEntries[] = {Enter<kIndex>...};
  return kEntries[index];
}

napi_callback EntryOf(uint32_t index) { return EntryOf(index, std::make_integer_sequence<uint32_t, kDirectCount>()); }

// (memory as Uint8Array)
napi_value Attach(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value view = nullptr;
  void* data = nullptr;
  if (napi_get_cb_info(env, info, &count, &view, nullptr, &data) != napi_ok) return nullptr;
  DirectGuest* guest = static_cast<DirectGuest*>(data);
  if (guest->memory != nullptr) napi_delete_reference(env, guest->memory);
  guest->memory = nullptr;
  // Weak: the guest's memory in JavaScript holds the view for as long as it is the right one.
  napi_create_reference(env, view, 0, &guest->memory);
  return nullptr;
}

void Release(napi_env env, void* data, void*) {
  DirectGuest* guest = static_cast<DirectGuest*>(data);
  if (--guest->functions > 0) return;
  if (guest->memory != nullptr) napi_delete_reference(env, guest->memory);
  if (guest->fallbacks != nullptr) napi_delete_reference(env, guest->fallbacks);
  delete guest;
}

// A function that shares the guest, and keeps what was given alive with it.
napi_value Function(napi_env env, const char* name, napi_callback callback, DirectGuest* guest, napi_value holder) {
  napi_value function = nullptr;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, guest, &function) != napi_ok ||
      napi_set_named_property(env, function, "holder", holder) != napi_ok ||
      napi_add_finalizer(env, function, guest, Release, nullptr, nullptr) != napi_ok) {
    return nullptr;
  }
  ++guest->functions;
  return function;
}

// The elements of a typed array of the given type; they stay where they are, for its buffer is never detached.
template <typename Element>
Element* Elements(napi_env env, napi_value object, const char* name, napi_typedarray_type wanted, size_t* length) {
  napi_value view = nullptr;
  napi_typedarray_type type;
  void* data = nullptr;
  if (napi_get_named_property(env, object, name, &view) != napi_ok ||
      napi_get_typedarray_info(env, view, &type, length, &data, nullptr, nullptr) != napi_ok || type != wanted) {
    return nullptr;
  }
  return static_cast<Element*>(data);
}

bool ReadGuest(napi_env env, napi_value given, DirectGuest* guest) {
  size_t position_count = 0;
  size_t stream_count = 0;
  size_t opened_count = 0;
  size_t free_count = 0;
  size_t counts_length = 0;
  size_t moved_length = 0;
  guest->table = Elements<int32_t>(env, given, "table", napi_int32_array, &guest->table_length);
  guest->streams = Elements<uint8_t>(env, given, "streams", napi_uint8_array, &stream_count);
  guest->kinds = Elements<uint8_t>(env, given, "kinds", napi_uint8_array, &guest->host_length);
  guest->positions = Elements<double>(env, given, "positions", napi_float64_array, &position_count);
  guest->opened = Elements<int32_t>(env, given, "opened", napi_int32_array, &opened_count);
  guest->free = Elements<uint8_t>(env, given, "free", napi_uint8_array, &free_count);
  guest->counts = Elements<int32_t>(env, given, "counts", napi_int32_array, &counts_length);
  guest->moved = Elements<double>(env, given, "moved", napi_float64_array, &moved_length);
  if (!guest->moved || moved_length < kMovedCount) return false;
  if (!guest->table || !guest->streams || !guest->kinds || !guest->positions) return false;
  if (!guest->opened || !guest->free || !guest->counts || counts_length < kCounts) return false;
  if (position_count < guest->host_length || stream_count < guest->table_length) return false;
  if (opened_count < guest->table_length || free_count < guest->table_length) return false;
  size_t start_length = 0;
  guest->monotonic_start = Elements<int64_t>(env, given, "monotonicStart", napi_bigint64_array, &start_length);
  return guest->monotonic_start != nullptr && start_length > 0;
}

bool IsObject(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  return napi_typeof(env, value, &type) == napi_ok && type == napi_object;
}

// An array of the functions in JavaScript, in the order of kDirect.
napi_value Fallbacks(napi_env env, napi_value given) {
  napi_value functions = nullptr;
  napi_value list = nullptr;
  if (napi_get_named_property(env, given, "functions", &functions) != napi_ok || !IsObject(env, functions) ||
      napi_create_array_with_length(env, kDirectCount, &list) != napi_ok) {
    return nullptr;
  }
  for (uint32_t index = 0; index < kDirectCount; ++index) {
    napi_value function = nullptr;
    napi_valuetype type = napi_undefined;
    if (napi_get_named_property(env, functions, kDirect[index].name, &function) != napi_ok ||
        napi_typeof(env, function, &type) != napi_ok || type != napi_function ||
        napi_set_element(env, list, index, function) != napi_ok) {
      return nullptr;
    }
  }
  return list;
}

napi_value MakeCalls(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value given = nullptr;
  napi_value calls = nullptr;
  if (napi_get_cb_info(env, info, &count, &given, nullptr, nullptr) != napi_ok || count < 1 || !IsObject(env, given)) {
    return fs::Failed(env, EINVAL);
  }
  auto guest = std::make_unique<DirectGuest>();
  const napi_value fallbacks = Fallbacks(env, given);
  if (fallbacks == nullptr || !ReadGuest(env, given, guest.get())) return fs::Failed(env, EINVAL);
  if (napi_set_named_property(env, given, "fallbacks", fallbacks) != napi_ok ||
      napi_create_reference(env, fallbacks, 0, &guest->fallbacks) != napi_ok || napi_create_object(env, &calls) != napi_ok) {
    return fs::Failed(env, ENOMEM);
  }
  guest->interrupt = thread::Interrupt::Of(env);
  // From the first function on it belongs to their finalizers.
  DirectGuest* shared = guest.release();
  for (uint32_t index = 0; index <= kDirectCount; ++index) {
    const bool is_last = index == kDirectCount;
    const char* name = is_last ? "attach" : kDirect[index].name;
    const napi_value function = Function(env, name, is_last ? Attach : EntryOf(index), shared, given);
    if (function == nullptr || napi_set_named_property(env, calls, name, function) != napi_ok) return fs::Failed(env, ENOMEM);
  }
  return calls;
}

napi_value DirectCalls(napi_env env, napi_callback_info info) {
  try {
    return MakeCalls(env, info);
  } catch (...) {
    return fs::Failed(env, ENOMEM);
  }
}

// Descriptors of the host that direct calls know. JavaScript serves those above.
constexpr size_t kDirectDescriptors = 65536;

}  // namespace

void AddDirectCalls(Napi::Env env, Napi::Object fs) {
  napi_value function = nullptr;
  if (napi_create_function(env, "directCalls", NAPI_AUTO_LENGTH, DirectCalls, nullptr, &function) != napi_ok) return;
  fs.Set("directCalls", Napi::Value(env, function));
  fs.Set("kinds", Napi::Uint8Array::New(env, kDirectDescriptors));
  fs.Set("positions", Napi::Float64Array::New(env, kDirectDescriptors));
}

}  // namespace preview1
