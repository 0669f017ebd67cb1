#pragma once

#include <node_api.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

namespace thread {

class OnInterrupt;

/**
 * Whether native work of one environment (the main thread, a worker) is to end at once, since nobody waits for it any
 * more. JavaScript and wasm are ended by `worker.terminate()`; this is for what V8 cannot reach: a wait in the system, an
 * inference. Once requested it stays so.
 *
 * Every environment has one from its first look at the addon until it ends. Others find it by its token, and by nothing
 * else: a token is never given twice. Objects outlive their environment for as long as somebody holds them.
 */
class Interrupt {
 public:
  /** Of the environment that makes this call, on its thread. @throws edge::PendingException when it ends */
  static const std::shared_ptr<Interrupt>& Of(napi_env env);

  /** For an environment that begins. */
  static std::shared_ptr<Interrupt> Add();

  /** For an environment that ends: nobody finds it from here on. */
  void Remove() const noexcept;

  /** From any thread: sets the flag and runs what is registered. False when that environment has ended. */
  static bool Request(uint64_t token) noexcept;
  /** The same for every environment but this one: the process ends, which waits for their threads. */
  void RequestOthers() const noexcept;

  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  uint64_t token() const { return token_; }

  /** From any thread; cheap. */
  bool requested() const noexcept { return requested_.load(std::memory_order_acquire); }

 private:
  friend class OnInterrupt;
  friend class InterruptRegistry;

  explicit Interrupt(uint64_t token) : token_(token) {}
  void Run() noexcept;

  const uint64_t token_;
  std::atomic<bool> requested_{false};
  // Held while registered functions run, and to register and unregister.
  std::mutex mutex_;
  OnInterrupt* first_ = nullptr;
};

/**
 * Registers a function for as long as this object lives. It runs at most once, on the thread that interrupts, or within
 * the constructor where the interrupt was requested before: between a look at `requested()` and the start of a wait
 * nothing is lost.
 *
 * It runs under a lock that the destructor takes: what it refers to needs to live no longer than this object, and when
 * the destructor returns it does not run and never will. So it must be quick, must not throw, and must wait for nothing
 * that the registering thread does; it may not register or unregister anything of the same environment.
 */
class OnInterrupt {
 public:
  OnInterrupt(std::shared_ptr<Interrupt> interrupt, std::function<void()> act);
  ~OnInterrupt();
  OnInterrupt(const OnInterrupt&) = delete;
  OnInterrupt& operator=(const OnInterrupt&) = delete;

 private:
  friend class Interrupt;

  const std::shared_ptr<Interrupt> interrupt_;
  const std::function<void()> act_;
  OnInterrupt* previous_ = nullptr;
  OnInterrupt* next_ = nullptr;
};

}  // namespace thread
