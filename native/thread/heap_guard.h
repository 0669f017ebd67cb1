#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace thread {

/**
 * Keeps the process alive when a guest fills the heap of JavaScript of its thread. V8 ends the process where a heap is
 * full, and Node's own way to end a worker instead gives it 16 MiB more for that: one table or array of a guest is larger.
 * Node-API has no word for it: V8's own functions are looked up in the program, which exports them to addons.
 */
class HeapGuard {
 public:
  HeapGuard() = default;
  /** On the thread that called Start. */
  ~HeapGuard();
  HeapGuard(const HeapGuard&) = delete;
  HeapGuard& operator=(const HeapGuard&) = delete;

  /**
   * @param word is set to 1 where the limit is reached; must stay where it is for as long as this object lives
   * @param headroom_bytes what the heap may grow by until the thread has ended what it runs
   * @returns false where V8 cannot be asked for it; called again it changes where and how much
   */
  bool Start(int32_t* word, size_t headroom_bytes) noexcept;

  /**
   * Ends the whole process at the limit, where there is nobody else to tell of it: writes `text` to standard error and
   * exits, with none of what ends of processes do else.
   * @returns false where V8 cannot be asked for it
   */
  bool EndProcess(std::string text, int status) noexcept;

 private:
  static size_t OnNearLimit(void* guard, size_t limit, size_t initial_limit);
  bool Listen() noexcept;
  [[noreturn]] void EndNow() const noexcept;

  void* isolate_ = nullptr;
  int32_t* word_ = nullptr;
  size_t headroom_bytes_ = 0;
  /** Of a process that is to end. */
  std::string text_;
  int status_ = 0;
};

}  // namespace thread
