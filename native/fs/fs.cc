#include "fs.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "addon_state.h"
#include "arguments.h"
#include "calls.h"
#include "owned_descriptors.h"

namespace {

struct Call {
  const char* name;
  napi_callback function;
};

// Memory may run out in any call; no exception may cross into Node, which would end the process.
template <napi_callback Function>
napi_value Guarded(napi_env env, napi_callback_info info) {
  try {
    return Function(env, info);
  } catch (...) {
    return fs::Failed(env, ENOMEM);
  }
}

constexpr Call kCalls[] = {
    {"openDirectory", Guarded<fs::OpenDirectory>},
    {"open", Guarded<fs::Open>},
    {"stat", Guarded<fs::Stat>},
    {"makeDirectory", Guarded<fs::MakeDirectory>},
    {"removeDirectory", Guarded<fs::RemoveDirectory>},
    {"unlink", Guarded<fs::Unlink>},
    {"rename", Guarded<fs::Rename>},
    {"link", Guarded<fs::Link>},
    {"symbolicLink", Guarded<fs::SymbolicLink>},
    {"readLink", Guarded<fs::ReadLink>},
    {"setTimes", Guarded<fs::SetTimes>},
    {"setResolver", Guarded<fs::SetResolver>},
    {"close", Guarded<fs::Close>},
    {"statDescriptor", Guarded<fs::StatDescriptor>},
    {"setDescriptorTimes", Guarded<fs::SetDescriptorTimes>},
    {"readAt", Guarded<fs::ReadAt>},
    {"writeAt", Guarded<fs::WriteAt>},
    {"append", Guarded<fs::Append>},
    {"truncate", Guarded<fs::Truncate>},
    {"sync", Guarded<fs::Sync>},
    {"dataSync", Guarded<fs::DataSync>},
    {"advise", Guarded<fs::Advise>},
    {"isTerminal", Guarded<fs::IsTerminal>},
    {"listDirectory", Guarded<fs::ListDirectory>},
    {"readNow", Guarded<fs::ReadNow>},
    {"writeNow", Guarded<fs::WriteNow>},
    {"wait", Guarded<fs::Wait>},
    {"available", Guarded<fs::Available>},
    {"isDatagram", Guarded<fs::IsDatagram>},
    {"accept", Guarded<fs::Accept>},
    {"receive", Guarded<fs::Receive>},
    {"send", Guarded<fs::Send>},
    {"shutdown", Guarded<fs::Shutdown>},
    {"clockTime", Guarded<fs::ClockTime>},
    {"random", Guarded<fs::Random>},
};

// The numbers that differ between systems. Those that Node's `os.constants` has are not repeated.
Napi::Object Constants(Napi::Env env) {
  Napi::Object constants = Napi::Object::New(env);
  const struct {
    const char* name;
    int value;
  } table[] = {
      {"O_RDONLY", O_RDONLY},     {"O_WRONLY", O_WRONLY},       {"O_RDWR", O_RDWR},         {"O_CREAT", O_CREAT},
      {"O_EXCL", O_EXCL},         {"O_TRUNC", O_TRUNC},         {"O_NOFOLLOW", O_NOFOLLOW}, {"O_DIRECTORY", O_DIRECTORY},
      {"O_NONBLOCK", O_NONBLOCK}, {"O_CLOEXEC", O_CLOEXEC},     {"O_NOCTTY", O_NOCTTY},     {"POLLIN", POLLIN},
      {"POLLOUT", POLLOUT},       {"POLLERR", POLLERR},         {"POLLHUP", POLLHUP},       {"POLLNVAL", POLLNVAL},
  };
  for (const auto& entry : table) constants.Set(entry.name, Napi::Number::New(env, entry.value));
  return constants;
}

}  // namespace

Napi::Object InitFs(Napi::Env env) {
  edge::AddonState::Of(env).fs = std::make_unique<fs::OwnedDescriptors>();
  Napi::Object exports = Napi::Object::New(env);
  for (const Call& call : kCalls) {
    napi_value function = nullptr;
    if (napi_create_function(env, call.name, NAPI_AUTO_LENGTH, call.function, nullptr, &function) != napi_ok) continue;
    exports.Set(call.name, Napi::Value(env, function));
  }
  exports.Set("constants", Constants(env));
  return exports;
}
