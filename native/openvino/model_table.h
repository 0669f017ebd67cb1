#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "openvino/compiled_model.h"
#include "thread/interrupt.h"

namespace openvino {

class ModelLoad;

/** Who asks for a model. What guests compile must not keep the host from compiling what it registers. */
enum class Asker { kGuest, kHost };

struct TableStats {
  /** Ready ones, in use or kept. */
  size_t compiled_models;
  uint64_t hits;
  uint64_t misses;
  size_t kept_models;
  uint64_t kept_bytes;
  uint64_t budget_bytes;
  /** Kept models that were given up for the budget. */
  uint64_t evictions;
  /** Compiles that run, and of those the ones that nobody waits for. */
  size_t compiling;
  size_t abandoned;
};

/** A share in a compiled model, under an id that no other model of this process has or will have. */
struct SharedModel {
  std::shared_ptr<const CompiledModel> model;
  uint64_t id = 0;
  /** Whether it was found, and not compiled for this caller. */
  bool found = false;
};

/**
 * The compiled models of this process by content, shared by all its threads: equal bytes for an equal device with equal
 * properties are compiled once. When the last user lets go of one it is kept, the longest unused given up first, as far as
 * the budget goes. A load of bytes that are compiling waits for them. Failures are not kept.
 *
 * Candidates are found by a sample of the bytes, and a comparison with all of a kept copy decides. Where several models
 * have one sample, as models have that somebody made so or that differ in a few weights, a hash of all bytes chooses first:
 * no more than one comparison for a load, however many such models there are.
 *
 * Each compile has a native thread of its own, so that whoever waits for it can be woken; an abandoned one goes on to its
 * end, since nothing can stop it, and its model is kept or freed as any other. No lock is held while something is compared,
 * compiled or freed.
 */
class ModelTable {
 public:
  /** Never destroyed, see Library. */
  static ModelTable& OfProcess();

  /**
   * How many compiles for living callers run at a time: more of them take each other's processors and memory; others
   * wait their turn. As many as there are processors, as a compile is single-threaded for most of its time, and four at
   * least, so that one that takes minutes leaves room for others.
   */
  static size_t MaxCompiles();
  /**
   * How many may run for nobody; more are not begun for guests: each has a thread, and memory that nothing bounds. One at a
   * time for the host is begun whatever goes on for guests, and none for it is refused.
   */
  static constexpr size_t kMaxAbandoned = 4;

  /**
   * Finds or starts to compile a model, and returns at once. Copies the bytes only when the table lacks them.
   * @throws Failure ERR_NN_COMPILE_LIMIT
   */
  std::unique_ptr<ModelLoad> Start(const Library& library, const ModelRequest& request, Asker asker);
  /** The same with bytes that were copied before. */
  std::unique_ptr<ModelLoad> Start(const Library& library, std::shared_ptr<const ModelContent> content, Asker asker);
  /** Finds a model that is compiled or compiling. Null when there is none. */
  std::unique_ptr<ModelLoad> Find(const ModelRequest& request, Asker asker);
  /** Before bytes are copied in vain. @throws Failure ERR_NN_COMPILE_LIMIT */
  void RequireRoom(Asker asker);
  /** @throws Failure ERR_NN_GRAPH_NOT_FOUND when there is no such model any more */
  SharedModel Adopt(uint64_t id);

  /** The largest of all that are reserved holds. */
  void ReserveBudget(uint64_t bytes);
  void ReleaseBudget(uint64_t bytes) noexcept;
  TableStats Stats();

 private:
  friend class ModelLoad;
  struct Entry;
  using EntryPtr = std::shared_ptr<Entry>;
  using Remains = std::vector<std::shared_ptr<const void>>;
  using Listeners = std::vector<std::function<void()>>;
  /** What is left to do when the lock was given back. */
  struct Rest {
    Remains remains;
    Listeners listeners;
  };

  using Index = std::unordered_multimap<uint64_t, EntryPtr>;
  std::unique_ptr<ModelLoad> Find(std::unique_lock<std::mutex>& lock, const ModelRequest& request, Asker asker, uint64_t sample,
                                  std::optional<uint64_t> hash);
  EntryPtr FindEntry(std::unique_lock<std::mutex>& lock, const ModelRequest& request, uint64_t sample, std::optional<uint64_t> hash);
  static EntryPtr Candidate(const Index& index, uint64_t key, const std::vector<EntryPtr>& others);
  static void Erase(Index& index, uint64_t key, const EntryPtr& entry);
  std::unique_ptr<ModelLoad> NewLoad(EntryPtr entry, bool found);
  SharedModel Lease(const EntryPtr& entry, bool found);
  void LetGo(const EntryPtr& entry) noexcept;

  void Hold(Entry& entry);
  void Unhold(const EntryPtr& entry, Remains& remains);
  void Keep(const EntryPtr& entry, Remains& remains);
  void Evict(Remains& remains);
  void Remove(const EntryPtr& entry, Remains& remains);
  uint64_t budget() const { return budgets_.empty() ? 0 : *budgets_.rbegin(); }

  static void FinishRest(Rest rest) noexcept;
  void StartQueued(Rest& rest);
  EntryPtr TakeFromQueue();
  void Begin(const EntryPtr& entry, Rest& rest);
  bool HasRoomForGuests() const { return compiling_ - abandoned_ < MaxCompiles(); }
  void Compile(const Library& library, const EntryPtr& entry) noexcept;
  void Finish(const EntryPtr& entry, std::unique_ptr<const CompiledModel> model, std::exception_ptr failure) noexcept;
  void Fail(const EntryPtr& entry, std::exception_ptr failure, Rest& rest);

  std::mutex mutex_;
  std::condition_variable changed_;
  Index by_hash_;
  Index by_sample_;
  std::unordered_map<uint64_t, EntryPtr> by_id_;
  uint64_t last_id_ = 0;
  /** Waiting for their turn. */
  std::deque<EntryPtr> queue_;
  size_t compiling_ = 0;
  size_t abandoned_ = 0;
  /** Whether one runs that has begun besides those for guests. */
  bool host_compiles_ = false;
  /** Longest unused first. */
  std::list<EntryPtr> kept_;
  uint64_t kept_bytes_ = 0;
  std::multiset<uint64_t> budgets_;
  uint64_t evictions_ = 0;
  uint64_t hits_ = 0;
  uint64_t misses_ = 0;
};

/** One caller's load. Letting go of it before it is done leaves the compile to others, or abandons it. */
class ModelLoad {
 public:
  ~ModelLoad();
  ModelLoad(const ModelLoad&) = delete;
  ModelLoad& operator=(const ModelLoad&) = delete;

  /** @throws Failure ERR_NN_CANCELLED when interrupted before it was done */
  void Wait(const std::shared_ptr<thread::Interrupt>& interrupt);
  /** Has `done` called once, when it is done: now, or on the compile's thread. It may be called after this object is gone. */
  void WhenDone(std::function<void()> done);
  /** When it is done, once. @throws Failure as CompiledModel, ERR_NN_COMPILE_LIMIT */
  SharedModel Take();

 private:
  friend class ModelTable;
  ModelLoad(ModelTable& table, ModelTable::EntryPtr entry, bool found);

  ModelTable& table_;
  const ModelTable::EntryPtr entry_;
  const bool found_;
};

}  // namespace openvino
