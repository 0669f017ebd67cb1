#pragma once

#include <napi.h>

/** The room for what concerns a thread as a whole: what NativeThread in src/native/thread.ts says. */
Napi::Object InitThread(Napi::Env env);
