#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <string>
#include <vector>

/**
 * Node-API's edge, one layer for the whole addon.
 *
 * It calls Node-API's C functions and not node-addon-api's objects wherever a call may meet `worker.terminate()`: after
 * it every Node-API call may fail without an exception to be seen, and node-addon-api answers some of such failures with
 * a fatal error (its C++ exceptions are off and NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS is on for the rest). Here a call
 * that fails unwinds with `PendingException` to `Guarded`, which returns to JavaScript without a further call.
 */
namespace edge {

/** A JavaScript exception is pending, or the environment ends: unwind and return. Nothing is to be thrown. */
struct PendingException {};

/** The caller's mistake, thrown as a TypeError. */
class ArgumentError : public std::exception {
 public:
  explicit ArgumentError(std::string message) : message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

/** Goes on only when a Node-API call did what it was asked to. */
inline void Ok(napi_status status) {
  if (status != napi_ok) throw PendingException{};
}

/** Keeps the maker of errors that JavaScript gave; see NativeAddon.initialize in src/native/addon.ts. */
void KeepErrorMaker(napi_env env, napi_value function);
/** An error of JavaScript's making with this code; before initialize, an Error with the property `code`. */
napi_value MakeError(napi_env env, const char* code, const std::string& message);
void ThrowError(napi_env env, const char* code, const std::string& message) noexcept;
void ThrowTypeError(napi_env env, const char* message) noexcept;

/** The exception that is being handled, as an error object. For promises. Call it inside a catch block. */
napi_value ErrorFromCurrentException(napi_env env);
/** Throws the exception that is being handled into JavaScript. Call it inside a catch block. */
void RethrowIntoJavaScript(napi_env env) noexcept;

/** Runs a method; no C++ exception passes. */
template <typename Work>
napi_value Guarded(napi_env env, Work&& work) noexcept {
  try {
    return work();
  } catch (...) {
    RethrowIntoJavaScript(env);
    return nullptr;
  }
}

/** The arguments of one call. Reading one may run JavaScript (getters), so read all before looking at memory or state. */
class Arguments {
 public:
  static constexpr size_t kMax = 6;
  Arguments(napi_env env, napi_callback_info info);

  napi_value This() const { return this_; }
  void* data() const { return data_; }
  napi_value operator[](size_t index) const { return values_[index]; }

  /** `name` is for the message. @throws ArgumentError */
  std::string String(size_t index, const char* name) const;
  napi_value Function(size_t index, const char* name) const;
  int64_t Integer(size_t index, const char* name) const;
  /** False where it is not given. */
  bool Boolean(size_t index, const char* name) const;
  std::vector<std::string> Strings(size_t index, const char* name) const;
  std::vector<int64_t> Integers(size_t index, const char* name) const;
  std::vector<napi_value> Array(size_t index, const char* name) const;

 private:
  napi_env env_;
  napi_value this_ = nullptr;
  void* data_ = nullptr;
  napi_value values_[kMax] = {};
};

/** Bytes of a Uint8Array, over ordinary or shared memory of any size. Valid until JavaScript runs again. */
struct Bytes {
  uint8_t* data;
  size_t length;
};

Bytes Uint8ArrayBytes(napi_env env, napi_value value, const char* name);
std::string StringValue(napi_env env, napi_value value, const char* name);
int64_t IntegerValue(napi_env env, napi_value value, const char* name);

napi_value ToJs(napi_env env, const std::string& value);
napi_value ToJs(napi_env env, double value);
napi_value ToJs(napi_env env, bool value);
napi_value ToJs(napi_env env, const std::vector<int64_t>& values);
napi_value ToJs(napi_env env, const std::vector<std::string>& values);
napi_value Undefined(napi_env env);
napi_value NewObject(napi_env env);
void Set(napi_env env, napi_value object, const char* key, napi_value value);

}  // namespace edge
