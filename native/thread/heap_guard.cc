#include "thread/heap_guard.h"

#include <dlfcn.h>
#include <unistd.h>

#include <utility>

// libuv's, in Node itself: gives a terminal back as it was found.
extern "C" int __attribute__((weak)) uv_tty_reset_mode();

namespace thread {

namespace {

using NearHeapLimitCallback = size_t (*)(void* data, size_t limit, size_t initial_limit);

struct V8 {
  void* (*current)();
  void (*add)(void* isolate, NearHeapLimitCallback callback, void* data);
  void (*remove)(void* isolate, NearHeapLimitCallback callback, size_t limit);
  void (*terminate)(void* isolate);

  bool complete() const { return current && add && remove && terminate; }
};

template <typename Function>
void Find(Function*& function, const char* name) {
  function = reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

const V8& OfProgram() {
  // v8::Isolate's GetCurrent(), AddNearHeapLimitCallback(callback, void*), RemoveNearHeapLimitCallback(callback, size_t)
  // and TerminateExecution().
  static const V8 v8 = [] {
    V8 found{};
    Find(found.current, "_ZN2v87Isolate10GetCurrentEv");
    Find(found.add, "_ZN2v87Isolate24AddNearHeapLimitCallbackEPFmPvmmES1_");
    Find(found.remove, "_ZN2v87Isolate27RemoveNearHeapLimitCallbackEPFmPvmmEm");
    Find(found.terminate, "_ZN2v87Isolate18TerminateExecutionEv");
    return found;
  }();
  return v8;
}

}  // namespace

HeapGuard::~HeapGuard() {
  if (isolate_) OfProgram().remove(isolate_, OnNearLimit, 0);
}

bool HeapGuard::Start(int32_t* word, size_t headroom_bytes) noexcept {
  word_ = word;
  headroom_bytes_ = headroom_bytes;
  return Listen();
}

bool HeapGuard::EndProcess(std::string text, int status) noexcept {
  text_ = std::move(text);
  status_ = status;
  return Listen();
}

bool HeapGuard::Listen() noexcept {
  if (isolate_) return true;
  const V8& v8 = OfProgram();
  if (!v8.complete()) return false;
  void* const isolate = v8.current();
  if (!isolate) return false;
  v8.add(isolate, OnNearLimit, this);
  isolate_ = isolate;
  return true;
}

// In the midst of a collection: nothing of JavaScript may be touched.
size_t HeapGuard::OnNearLimit(void* data, size_t limit, size_t) {
  const HeapGuard& guard = *static_cast<HeapGuard*>(data);
  if (!guard.word_) guard.EndNow();
  __atomic_store_n(guard.word_, 1, __ATOMIC_SEQ_CST);
  OfProgram().terminate(guard.isolate_);
  return limit + guard.headroom_bytes_;
}

void HeapGuard::EndNow() const noexcept {
  size_t written = 0;
  while (written < text_.size()) {
    const ssize_t count = write(STDERR_FILENO, text_.data() + written, text_.size() - written);
    // A terminal that is slow or gone: the end comes first.
    if (count <= 0) break;
    written += static_cast<size_t>(count);
  }
  if (uv_tty_reset_mode) uv_tty_reset_mode();
  _exit(status_);
}

}  // namespace thread
