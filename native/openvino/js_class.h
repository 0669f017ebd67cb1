#pragma once

#include <node_api.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "edge.h"

namespace openvino {

/**
 * A JavaScript class whose instances hold a `T`, made by the addon alone: `new` from JavaScript is a TypeError. Every
 * instance carries T::kTypeTag, which each method checks before it unwraps `this`.
 */
template <typename T>
class JsClass {
 public:
  /** Defines the class for one environment. The object must live as long as the environment. */
  void Define(napi_env env, const std::vector<napi_property_descriptor>& members) {
    napi_value constructor = nullptr;
    edge::Ok(napi_define_class(env, T::kClassName, NAPI_AUTO_LENGTH, Construct, this, members.size(), members.data(),
                               &constructor));
    edge::Ok(napi_create_reference(env, constructor, 1, &constructor_));
  }

  napi_value Create(napi_env env, std::unique_ptr<T> native) {
    napi_value constructor = nullptr;
    edge::Ok(napi_get_reference_value(env, constructor_, &constructor));
    next_ = std::move(native);
    napi_value instance = nullptr;
    const napi_status status = napi_new_instance(env, constructor, 0, nullptr, &instance);
    next_.reset();
    edge::Ok(status);
    return instance;
  }

  /** @throws edge::ArgumentError when `this` is no instance */
  static T& Unwrap(napi_env env, napi_value self) {
    bool tagged = false;
    void* native = nullptr;
    if (napi_check_object_type_tag(env, self, &T::kTypeTag, &tagged) != napi_ok || !tagged ||
        napi_unwrap(env, self, &native) != napi_ok) {
      throw edge::ArgumentError(std::string("this is not a ") + T::kClassName);
    }
    return *static_cast<T*>(native);
  }

  /** A method `napi_value (T::*)(napi_env, const edge::Arguments&)` as a Node-API callback. */
  template <napi_value (T::*method)(napi_env, const edge::Arguments&)>
  static napi_value Method(napi_env env, napi_callback_info info) {
    return edge::Guarded(env, [&] {
      const edge::Arguments arguments(env, info);
      return (Unwrap(env, arguments.This()).*method)(env, arguments);
    });
  }

 private:
  static napi_value Construct(napi_env env, napi_callback_info info) {
    return edge::Guarded(env, [&] {
      const edge::Arguments arguments(env, info);
      std::unique_ptr<T> native = std::move(static_cast<JsClass*>(arguments.data())->next_);
      if (!native) throw edge::ArgumentError(std::string(T::kClassName) + " cannot be constructed");
      const auto finalize = [](napi_env, void* data, void*) { delete static_cast<T*>(data); };
      edge::Ok(napi_type_tag_object(env, arguments.This(), &T::kTypeTag));
      edge::Ok(napi_wrap(env, arguments.This(), native.get(), finalize, nullptr, nullptr));
      native.release();
      return arguments.This();
    });
  }

  napi_ref constructor_ = nullptr;
  std::unique_ptr<T> next_;
};

}  // namespace openvino
