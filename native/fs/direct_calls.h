// Calls of preview1 that a guest makes without JavaScript between: those that programs make by the ten thousand, in the
// plain cases, while they succeed.
//
// Whatever is out of the ordinary goes to the function in JavaScript that has the whole of it (`src/wasi/`): a pointer
// outside of the memory, a descriptor of another kind, append mode, an error of the system. A direct call has done nothing
// by then that shows.
#pragma once

#include <node_api.h>

namespace fs {

// ({ table, kinds, positions, errnos, monotonicStart, functions }) -> { name: function, …, attach }: see src/native/fs.ts.
napi_value DirectCalls(napi_env env, napi_callback_info info);

}  // namespace fs
