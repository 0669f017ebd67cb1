#pragma once

#include <napi.h>

/** The room for the depth of the stack: what NativeStack in src/native/stack.ts says. */
Napi::Object InitStack(Napi::Env env);
