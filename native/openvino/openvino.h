#pragma once

#include <napi.h>

/** The OpenVINO room's exports, see src/native/openvino.ts. */
Napi::Object InitOpenVino(Napi::Env env);
