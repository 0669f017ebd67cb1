#include <napi.h>
#include <unistd.h>

#include <cstdlib>

#include "openvino/openvino.h"
#ifdef WASI_NN_HOST_FS
#include "fs/fs.h"
#endif

namespace {

Napi::Value ExitNow(const Napi::CallbackInfo& info) {
  const int exit_code = info.Length() > 0 && info[0].IsNumber() ? info[0].As<Napi::Number>().Int32Value() : 1;
  _exit(exit_code & 0xff);
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("initialize", Napi::Function::New(env, [](const Napi::CallbackInfo&) {}, "initialize"));
  exports.Set("exitNow", Napi::Function::New(env, ExitNow, "exitNow"));
  exports.Set("openvino", InitOpenVino(env));
#ifdef WASI_NN_HOST_FS
  exports.Set("fs", InitFs(env));
#endif
  return exports;
}

}  // namespace

NODE_API_MODULE(wasi_nn_host, Init)
