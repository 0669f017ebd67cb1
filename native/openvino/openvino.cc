#include "openvino/openvino.h"

Napi::Object InitOpenVino(Napi::Env env) { return Napi::Object::New(env); }
