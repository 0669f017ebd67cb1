#include "fs.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "calls.h"

namespace {

struct Call {
  const char* name;
  napi_callback function;
};

constexpr Call kCalls[] = {
    {"openDirectory", fs::OpenDirectory},
    {"open", fs::Open},
    {"stat", fs::Stat},
    {"makeDirectory", fs::MakeDirectory},
    {"removeDirectory", fs::RemoveDirectory},
    {"unlink", fs::Unlink},
    {"rename", fs::Rename},
    {"link", fs::Link},
    {"symbolicLink", fs::SymbolicLink},
    {"readLink", fs::ReadLink},
    {"setTimes", fs::SetTimes},
    {"setResolver", fs::SetResolver},
    {"close", fs::Close},
    {"statDescriptor", fs::StatDescriptor},
    {"setDescriptorTimes", fs::SetDescriptorTimes},
    {"readAt", fs::ReadAt},
    {"writeAt", fs::WriteAt},
    {"append", fs::Append},
    {"truncate", fs::Truncate},
    {"sync", fs::Sync},
    {"dataSync", fs::DataSync},
    {"advise", fs::Advise},
    {"isTerminal", fs::IsTerminal},
    {"listDirectory", fs::ListDirectory},
    {"readNow", fs::ReadNow},
    {"writeNow", fs::WriteNow},
    {"wait", fs::Wait},
    {"available", fs::Available},
    {"accept", fs::Accept},
    {"receive", fs::Receive},
    {"send", fs::Send},
    {"shutdown", fs::Shutdown},
    {"clockTime", fs::ClockTime},
    {"random", fs::Random},
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
  Napi::Object exports = Napi::Object::New(env);
  for (const Call& call : kCalls) {
    napi_value function = nullptr;
    if (napi_create_function(env, call.name, NAPI_AUTO_LENGTH, call.function, nullptr, &function) != napi_ok) continue;
    exports.Set(call.name, Napi::Value(env, function));
  }
  exports.Set("constants", Constants(env));
  return exports;
}
