#include "edge.h"

#include <cmath>
#include <utility>

#include "addon_state.h"
#include "failure.h"

namespace edge {

namespace {

/** Far above what any call needs; an array's length may be a guest's wish. */
constexpr uint32_t kMaxArrayLength = 65536;
constexpr double kMaxSafeInteger = 9007199254740991.0;

std::string TypeText(napi_env env, napi_value value) {
  static constexpr const char* kNames[] = {"undefined", "null",   "boolean",  "number",   "string",
                                           "symbol",    "object", "function", "external", "bigint"};
  napi_valuetype type = napi_undefined;
  Ok(napi_typeof(env, value, &type));
  return kNames[type];
}

[[noreturn]] void Expected(napi_env env, const char* name, const char* what, napi_value received) {
  throw ArgumentError(std::string(name) + ": expected " + what + ", received " + TypeText(env, received));
}

bool IsType(napi_env env, napi_value value, napi_valuetype wanted) {
  napi_valuetype type = napi_undefined;
  Ok(napi_typeof(env, value, &type));
  return type == wanted;
}

napi_value PlainError(napi_env env, const char* code, napi_value message) {
  napi_value error = nullptr;
  Ok(napi_create_error(env, ToJs(env, std::string(code)), message, &error));
  return error;
}

}  // namespace

void KeepErrorMaker(napi_env env, napi_value function) {
  AddonState& state = AddonState::Of(env);
  if (state.error_maker) Ok(napi_delete_reference(env, std::exchange(state.error_maker, nullptr)));
  Ok(napi_create_reference(env, function, 1, &state.error_maker));
}

napi_value MakeError(napi_env env, const char* code, const std::string& message) {
  const napi_value text = ToJs(env, message);
  const AddonState& state = AddonState::Of(env);
  if (!state.error_maker) return PlainError(env, code, text);
  napi_value maker = nullptr;
  Ok(napi_get_reference_value(env, state.error_maker, &maker));
  const napi_value arguments[] = {ToJs(env, std::string(code)), text};
  napi_value error = nullptr;
  Ok(napi_call_function(env, Undefined(env), maker, 2, arguments, &error));
  return error;
}

void ThrowError(napi_env env, const char* code, const std::string& message) noexcept {
  try {
    napi_throw(env, MakeError(env, code, message));
  } catch (...) {
    // The environment ends, or memory did: whatever is pending is what JavaScript sees.
  }
}

void ThrowTypeError(napi_env env, const char* message) noexcept { napi_throw_type_error(env, nullptr, message); }

napi_value ErrorFromCurrentException(napi_env env) {
  try {
    throw;
  } catch (const Failure& failure) {
    return MakeError(env, failure.code(), failure.what());
  } catch (const std::bad_alloc&) {
    return MakeError(env, "ERR_NN_OUT_OF_MEMORY", "memory ran out");
  } catch (const std::exception& error) {
    return MakeError(env, "ERR_NN_BACKEND_UNAVAILABLE", error.what());
  }
}

void RethrowIntoJavaScript(napi_env env) noexcept {
  try {
    throw;
  } catch (const PendingException&) {
  } catch (const ArgumentError& error) {
    ThrowTypeError(env, error.what());
  } catch (...) {
    try {
      napi_throw(env, ErrorFromCurrentException(env));
    } catch (...) {
      // As in ThrowError.
    }
  }
}

Arguments::Arguments(napi_env env, napi_callback_info info) : env_(env) {
  size_t count = kMax;
  Ok(napi_get_cb_info(env, info, &count, values_, &this_, &data_));
}

std::string Arguments::String(size_t index, const char* name) const { return StringValue(env_, values_[index], name); }

napi_value Arguments::Function(size_t index, const char* name) const {
  if (!IsType(env_, values_[index], napi_function)) Expected(env_, name, "a function", values_[index]);
  return values_[index];
}

int64_t Arguments::Integer(size_t index, const char* name) const { return IntegerValue(env_, values_[index], name); }

bool Arguments::Boolean(size_t index, const char* name) const {
  if (IsType(env_, values_[index], napi_undefined)) return false;
  if (!IsType(env_, values_[index], napi_boolean)) Expected(env_, name, "a boolean", values_[index]);
  bool value = false;
  Ok(napi_get_value_bool(env_, values_[index], &value));
  return value;
}

std::vector<napi_value> Arguments::Array(size_t index, const char* name) const {
  bool is_array = false;
  Ok(napi_is_array(env_, values_[index], &is_array));
  if (!is_array) Expected(env_, name, "an array", values_[index]);
  uint32_t length = 0;
  Ok(napi_get_array_length(env_, values_[index], &length));
  if (length > kMaxArrayLength) throw ArgumentError(std::string(name) + ": an array of " + std::to_string(length) + " elements");
  std::vector<napi_value> elements;
  for (uint32_t at = 0; at < length; at++) {
    napi_value element = nullptr;
    Ok(napi_get_element(env_, values_[index], at, &element));
    elements.push_back(element);
  }
  return elements;
}

std::vector<std::string> Arguments::Strings(size_t index, const char* name) const {
  std::vector<std::string> strings;
  for (const napi_value element : Array(index, name)) strings.push_back(StringValue(env_, element, name));
  return strings;
}

std::vector<int64_t> Arguments::Integers(size_t index, const char* name) const {
  std::vector<int64_t> integers;
  for (const napi_value element : Array(index, name)) integers.push_back(IntegerValue(env_, element, name));
  return integers;
}

Bytes Uint8ArrayBytes(napi_env env, napi_value value, const char* name) {
  bool is_typed_array = false;
  Ok(napi_is_typedarray(env, value, &is_typed_array));
  if (!is_typed_array) Expected(env, name, "a Uint8Array", value);
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  Ok(napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr));
  if (type != napi_uint8_array) throw ArgumentError(std::string(name) + ": expected a Uint8Array, received another view");
  return {static_cast<uint8_t*>(data), data ? length : 0};
}

std::string StringValue(napi_env env, napi_value value, const char* name) {
  if (!IsType(env, value, napi_string)) Expected(env, name, "a string", value);
  size_t length = 0;
  Ok(napi_get_value_string_utf8(env, value, nullptr, 0, &length));
  std::string text(length + 1, '\0');
  Ok(napi_get_value_string_utf8(env, value, text.data(), text.size(), &length));
  text.resize(length);
  if (text.find('\0') != std::string::npos) throw ArgumentError(std::string(name) + ": holds a NUL character");
  return text;
}

int64_t IntegerValue(napi_env env, napi_value value, const char* name) {
  if (!IsType(env, value, napi_number)) Expected(env, name, "an integer", value);
  double number = 0;
  Ok(napi_get_value_double(env, value, &number));
  if (!(number >= 0 && number <= kMaxSafeInteger) || std::floor(number) != number) {
    throw ArgumentError(std::string(name) + ": expected an integer from 0 to 2^53 - 1, received " + std::to_string(number));
  }
  return static_cast<int64_t>(number);
}

napi_value ToJs(napi_env env, const std::string& value) {
  napi_value result = nullptr;
  Ok(napi_create_string_utf8(env, value.data(), value.size(), &result));
  return result;
}

napi_value ToJs(napi_env env, double value) {
  napi_value result = nullptr;
  Ok(napi_create_double(env, value, &result));
  return result;
}

napi_value ToJs(napi_env env, bool value) {
  napi_value result = nullptr;
  Ok(napi_get_boolean(env, value, &result));
  return result;
}

namespace {

template <typename Value, typename Convert>
napi_value ArrayOf(napi_env env, const std::vector<Value>& values, Convert convert) {
  napi_value array = nullptr;
  Ok(napi_create_array_with_length(env, values.size(), &array));
  for (uint32_t index = 0; index < values.size(); index++) {
    Ok(napi_set_element(env, array, index, convert(values[index])));
  }
  return array;
}

}  // namespace

napi_value ToJs(napi_env env, const std::vector<int64_t>& values) {
  return ArrayOf(env, values, [env](int64_t value) { return ToJs(env, static_cast<double>(value)); });
}

napi_value ToJs(napi_env env, const std::vector<std::string>& values) {
  return ArrayOf(env, values, [env](const std::string& value) { return ToJs(env, value); });
}

napi_value Undefined(napi_env env) {
  napi_value result = nullptr;
  Ok(napi_get_undefined(env, &result));
  return result;
}

napi_value NewObject(napi_env env) {
  napi_value result = nullptr;
  Ok(napi_create_object(env, &result));
  return result;
}

void Set(napi_env env, napi_value object, const char* key, napi_value value) {
  Ok(napi_set_named_property(env, object, key, value));
}

}  // namespace edge
