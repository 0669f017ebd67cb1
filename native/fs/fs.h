// The file system room of the addon: thin wrappers of the POSIX calls that a sandbox over directory descriptors needs.
// It knows nothing of preview1. Numbers come back as they are, errors as negative errno numbers; nothing throws.
#pragma once

#include <napi.h>

Napi::Object InitFs(Napi::Env env);
