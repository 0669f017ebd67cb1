#include "openvino/model_table.h"

#include <exception>

namespace openvino {

struct ModelTable::Entry {
  enum class State { kCompiling, kReady, kFailed };

  Entry(uint64_t hash, std::shared_ptr<const ModelContent> content) : hash(hash), content(std::move(content)) {}

  const uint64_t hash;
  const std::shared_ptr<const ModelContent> content;
  State state = State::kCompiling;
  std::weak_ptr<const CompiledModel> model;
  std::exception_ptr failure;
};

ModelTable& ModelTable::OfProcess() {
  static ModelTable* const table = new ModelTable();
  return *table;
}

std::shared_ptr<ModelTable::Entry> ModelTable::Find(uint64_t hash, const ModelRequest& request) const {
  const auto [first, last] = entries_.equal_range(hash);
  for (auto candidate = first; candidate != last; ++candidate) {
    const std::shared_ptr<Entry>& entry = candidate->second;
    // A ready entry whose model is gone is about to be removed by the thread that let go of it.
    const bool usable = entry->state == Entry::State::kCompiling || !entry->model.expired();
    if (usable && entry->content->Equals(request)) return entry;
  }
  return nullptr;
}

/** The entry is in the table, whoever asks. */
void ModelTable::Remove(const Entry* entry) {
  const auto [first, last] = entries_.equal_range(entry->hash);
  for (auto candidate = first; candidate != last; ++candidate) {
    if (candidate->second.get() != entry) continue;
    entries_.erase(candidate);
    return;
  }
}

/** Null when the model was let go of by everybody before this thread could take it. */
std::shared_ptr<const CompiledModel> ModelTable::Await(std::unique_lock<std::mutex>& lock,
                                                       const std::shared_ptr<Entry>& entry) {
  changed_.wait(lock, [&] { return entry->state != Entry::State::kCompiling; });
  if (entry->state == Entry::State::kFailed) std::rethrow_exception(entry->failure);
  std::shared_ptr<const CompiledModel> model = entry->model.lock();
  if (model) hits_++;
  return model;
}

std::shared_ptr<const CompiledModel> ModelTable::FindReady(const ModelRequest& request) {
  const uint64_t hash = HashOf(request);
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::shared_ptr<Entry> entry = Find(hash, request);
  std::shared_ptr<const CompiledModel> model;
  if (entry && entry->state == Entry::State::kReady) model = entry->model.lock();
  if (model) hits_++;
  return model;
}

std::shared_ptr<const CompiledModel> ModelTable::FindAndAwait(std::unique_lock<std::mutex>& lock, uint64_t hash,
                                                              const ModelRequest& request) {
  while (const std::shared_ptr<Entry> entry = Find(hash, request)) {
    if (std::shared_ptr<const CompiledModel> model = Await(lock, entry)) return model;
  }
  return nullptr;
}

ModelTable::Loaded ModelTable::Load(const Library& library, const ModelRequest& request) {
  {
    const uint64_t hash = HashOf(request);
    std::unique_lock<std::mutex> lock(mutex_);
    if (std::shared_ptr<const CompiledModel> model = FindAndAwait(lock, hash, request)) return {std::move(model), true};
  }
  return Load(library, std::make_shared<const ModelContent>(request));
}

ModelTable::Loaded ModelTable::Load(const Library& library, std::shared_ptr<const ModelContent> content) {
  // Hashed again: the bytes that were asked for may have changed before they were copied.
  const ModelRequest request = content->AsRequest();
  const uint64_t hash = HashOf(request);
  std::unique_lock<std::mutex> lock(mutex_);
  if (std::shared_ptr<const CompiledModel> model = FindAndAwait(lock, hash, request)) return {std::move(model), true};
  const auto entry = std::make_shared<Entry>(hash, std::move(content));
  entries_.emplace(hash, entry);
  misses_++;
  lock.unlock();
  return {CompileInto(library, entry), false};
}

std::shared_ptr<const CompiledModel> ModelTable::CompileInto(const Library& library, const std::shared_ptr<Entry>& entry) {
  std::shared_ptr<const CompiledModel> model;
  try {
    // By address: the entry's weak pointer keeps this function alive, which must not keep the entry.
    const auto let_go = [this, address = entry.get()](const CompiledModel* last) {
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        Remove(address);
      }
      delete last;
    };
    model = std::shared_ptr<const CompiledModel>(new CompiledModel(library, entry->content), let_go);
  } catch (...) {
    const std::lock_guard<std::mutex> lock(mutex_);
    entry->failure = std::current_exception();
    entry->state = Entry::State::kFailed;
    Remove(entry.get());
    changed_.notify_all();
    throw;
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  entry->model = model;
  entry->state = Entry::State::kReady;
  changed_.notify_all();
  return model;
}

TableStats ModelTable::Stats() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return {entries_.size(), hits_, misses_};
}

}  // namespace openvino
