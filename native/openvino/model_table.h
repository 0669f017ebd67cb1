#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "openvino/compiled_model.h"

namespace openvino {

struct TableStats {
  size_t compiled_models;
  uint64_t hits;
  uint64_t misses;
};

/**
 * The compiled models of this process by content, shared by all its threads: equal bytes for an equal device with equal
 * properties are compiled once and live until their last user lets go. A load of bytes that another thread is compiling
 * waits for it. Failures are not kept. No lock is held while something is compared, compiled or freed.
 */
class ModelTable {
 public:
  /** Never destroyed, see Library. */
  static ModelTable& OfProcess();

  struct Loaded {
    std::shared_ptr<const CompiledModel> model;
    /** Whether the table had it, or another thread made it. */
    bool shared;
  };

  /** Copies the bytes only when the table lacks them. @throws Failure as CompiledModel */
  Loaded Load(const Library& library, const ModelRequest& request);
  /** The same with bytes that were copied before. */
  Loaded Load(const Library& library, std::shared_ptr<const ModelContent> content);
  TableStats Stats();

 private:
  struct Entry;
  using Entries = std::unordered_multimap<uint64_t, std::shared_ptr<Entry>>;

  std::shared_ptr<const CompiledModel> FindAndAwait(std::unique_lock<std::mutex>& lock, uint64_t hash,
                                                    const ModelRequest& request);
  std::shared_ptr<Entry> Candidate(uint64_t hash, const std::vector<std::shared_ptr<Entry>>& others) const;
  std::shared_ptr<const CompiledModel> Await(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Entry>& entry);
  void Remove(const Entry* entry);
  std::shared_ptr<const CompiledModel> CompileInto(const Library& library, const std::shared_ptr<Entry>& entry);

  std::mutex mutex_;
  std::condition_variable changed_;
  Entries entries_;
  uint64_t hits_ = 0;
  uint64_t misses_ = 0;
};

}  // namespace openvino
