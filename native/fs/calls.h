// The calls of this room, by subject. Each is a Node-API callback; fs.cc names them for JavaScript.
#pragma once

#include <node_api.h>

namespace fs {

// path_calls.cc: what acts on a path below a directory.
napi_value OpenDirectory(napi_env env, napi_callback_info info);
napi_value Open(napi_env env, napi_callback_info info);
napi_value Stat(napi_env env, napi_callback_info info);
napi_value MakeDirectory(napi_env env, napi_callback_info info);
napi_value RemoveDirectory(napi_env env, napi_callback_info info);
napi_value Unlink(napi_env env, napi_callback_info info);
napi_value Rename(napi_env env, napi_callback_info info);
napi_value Link(napi_env env, napi_callback_info info);
napi_value SymbolicLink(napi_env env, napi_callback_info info);
napi_value ReadLink(napi_env env, napi_callback_info info);
napi_value SetTimes(napi_env env, napi_callback_info info);
napi_value SetResolver(napi_env env, napi_callback_info info);

// file_calls.cc: what acts on an open descriptor.
napi_value Close(napi_env env, napi_callback_info info);
napi_value StatDescriptor(napi_env env, napi_callback_info info);
napi_value SetDescriptorTimes(napi_env env, napi_callback_info info);
napi_value ReadAt(napi_env env, napi_callback_info info);
napi_value WriteAt(napi_env env, napi_callback_info info);
napi_value Append(napi_env env, napi_callback_info info);
napi_value Truncate(napi_env env, napi_callback_info info);
napi_value Sync(napi_env env, napi_callback_info info);
napi_value DataSync(napi_env env, napi_callback_info info);
napi_value Advise(napi_env env, napi_callback_info info);
napi_value IsTerminal(napi_env env, napi_callback_info info);
napi_value ListDirectory(napi_env env, napi_callback_info info);

// stream_calls.cc: what may have to wait, and waiting.
napi_value ReadNow(napi_env env, napi_callback_info info);
napi_value WriteNow(napi_env env, napi_callback_info info);
napi_value Wait(napi_env env, napi_callback_info info);
napi_value Available(napi_env env, napi_callback_info info);
napi_value IsDatagram(napi_env env, napi_callback_info info);
napi_value Accept(napi_env env, napi_callback_info info);
napi_value Receive(napi_env env, napi_callback_info info);
napi_value Send(napi_env env, napi_callback_info info);
napi_value Shutdown(napi_env env, napi_callback_info info);

// clock_calls.cc
napi_value ClockTime(napi_env env, napi_callback_info info);
napi_value Random(napi_env env, napi_callback_info info);

}  // namespace fs
