// Calls of preview1 that a guest makes without JavaScript between: those that programs make by the ten thousand, in the
// plain cases, while they succeed.
//
// Whatever is out of the ordinary goes to the function in JavaScript that has the whole of it (`src/wasi/`): a pointer
// outside of the memory, a descriptor of another kind, append mode, an error of the system. A direct call has done nothing
// by then that shows; one that has, answers.
#pragma once

#include <napi.h>

namespace preview1 {

// Adds to the room of files: `directCalls`, ({ table, streams, opened, free, counts, kinds, positions, moved, monotonicStart,
// functions }) -> { name: function, …, attach } or a negative errno; `kinds`, `positions`. See src/native/direct-calls.ts.
void AddDirectCalls(Napi::Env env, Napi::Object fs);

}  // namespace preview1
