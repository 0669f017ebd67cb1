#include "stack/limit.h"

#include <dlfcn.h>

#include <cstddef>
#include <cstring>

namespace stack {

namespace {

using GetIsolate = void* (*)();
using SetStackLimit = void (*)(void* isolate, uintptr_t address);

struct V8 {
  GetIsolate isolate = nullptr;
  SetStackLimit set_stack_limit = nullptr;
};

template <typename Function>
Function Symbol(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}

const V8& OfProgram() {
  // v8::Isolate::GetCurrent() and v8::Isolate::SetStackLimit(uintptr_t), which have stood in v8-isolate.h for ten years.
  static const V8 v8{Symbol<GetIsolate>("_ZN2v87Isolate10GetCurrentEv"),
                     Symbol<SetStackLimit>("_ZN2v87Isolate13SetStackLimitEm")};
  return v8;
}

/** An isolate begins with what its machine code reads most, the limit among it. */
struct Words {
  static constexpr size_t kCount = 32;
  uintptr_t words[kCount];

  explicit Words(const void* isolate) { std::memcpy(words, isolate, sizeof(words)); }
};

}  // namespace

bool Limit::Find() { return OfProgram().isolate && OfProgram().set_stack_limit && OfProgram().isolate(); }

void Limit::Set(uintptr_t address) { OfProgram().set_stack_limit(OfProgram().isolate(), address); }

uintptr_t Limit::Read(uintptr_t probe) {
  // V8 has a setter and no getter. The words that follow two settings are the limit, whatever the version's layout is.
  const void* const isolate = OfProgram().isolate();
  const uintptr_t other = probe + 4096;
  const Words before(isolate);
  Set(probe);
  const Words first(isolate);
  Set(other);
  const Words second(isolate);
  uintptr_t limit = 0;
  for (size_t index = 0; index < Words::kCount; index++) {
    if (first.words[index] != probe || second.words[index] != other) continue;
    // One of them says "interrupt" at times, a number above all addresses.
    if (limit == 0 || before.words[index] < limit) limit = before.words[index];
  }
  if (limit != 0) Set(limit);
  return limit;
}

}  // namespace stack
