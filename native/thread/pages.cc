#include "thread/pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace thread {

namespace {

constexpr size_t kWasmPage = 65536;

napi_value Named(napi_env env, napi_value object, const char* name) {
  napi_value value = nullptr;
  edge::Ok(napi_get_named_property(env, object, name, &value));
  return value;
}

bool IsWholePages(const edge::Bytes& bytes) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  return bytes.length % kWasmPage == 0 && bytes.length % page == 0 && reinterpret_cast<uintptr_t>(bytes.data) % page == 0;
}

}  // namespace

WasmMemories::WasmMemories(napi_env env) {
  napi_value global = nullptr;
  edge::Ok(napi_get_global(env, &global));
  const napi_value wasm = Named(env, global, "WebAssembly");
  napi_valuetype type = napi_undefined;
  edge::Ok(napi_typeof(env, wasm, &type));
  // Node can be started without it (--jitless).
  if (type != napi_object) return;
  const napi_value prototype = Named(env, Named(env, wasm, "Memory"), "prototype");
  const napi_value object = Named(env, global, "Object");
  const napi_value arguments[] = {prototype, edge::ToJs(env, std::string("buffer"))};
  napi_value descriptor = nullptr;
  edge::Ok(napi_call_function(env, object, Named(env, object, "getOwnPropertyDescriptor"), 2, arguments, &descriptor));
  edge::Ok(napi_create_reference(env, Named(env, descriptor, "get"), 1, &buffer_getter_));
}

edge::Bytes WasmMemories::BytesOf(napi_env env, napi_value memory) const {
  if (!buffer_getter_) throw edge::ArgumentError("memory: there is no WebAssembly here");
  napi_value getter = nullptr;
  edge::Ok(napi_get_reference_value(env, buffer_getter_, &getter));
  napi_value buffer = nullptr;
  // V8 looks whether it is one, which no object can pretend to be.
  const napi_status status = napi_call_function(env, memory, getter, 0, nullptr, &buffer);
  if (status == napi_pending_exception) {
    napi_value unused = nullptr;
    edge::Ok(napi_get_and_clear_last_exception(env, &unused));
    throw edge::ArgumentError("memory: expected a WebAssembly.Memory");
  }
  edge::Ok(status);
  // Node-API knows no buffers that are shared, but views of them.
  napi_value global = nullptr;
  edge::Ok(napi_get_global(env, &global));
  napi_value view = nullptr;
  edge::Ok(napi_new_instance(env, Named(env, global, "Uint8Array"), 1, &buffer, &view));
  const edge::Bytes bytes = edge::Uint8ArrayBytes(env, view, "memory");
  return IsWholePages(bytes) ? bytes : edge::Bytes{nullptr, 0};
}

size_t ReleasePages(const edge::Bytes& bytes) noexcept {
#ifdef __linux__
  if (bytes.length == 0 || madvise(bytes.data, bytes.length, MADV_DONTNEED) != 0) return 0;
  return bytes.length;
#else
  // What macOS has in its place may leave the bytes as they were, and the pages where they are.
  static_cast<void>(bytes);
  return 0;
#endif
}

}  // namespace thread
