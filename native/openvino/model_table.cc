#include "openvino/model_table.h"

#include <algorithm>
#include <exception>

namespace openvino {

struct ModelTable::Entry {
  enum class State { kCompiling, kReady, kFailed };

  explicit Entry(std::shared_ptr<const ModelContent> content) : content(std::move(content)) {}

  const std::shared_ptr<const ModelContent> content;
  State state = State::kCompiling;
  std::weak_ptr<const CompiledModel> model;
  std::exception_ptr failure;
};

ModelTable& ModelTable::OfProcess() {
  static ModelTable* const table = new ModelTable();
  return *table;
}

/** An entry of this hash that is not among `others`, or null. */
std::shared_ptr<ModelTable::Entry> ModelTable::Candidate(uint64_t hash,
                                                         const std::vector<std::shared_ptr<Entry>>& others) const {
  const auto [first, last] = entries_.equal_range(hash);
  for (auto candidate = first; candidate != last; ++candidate) {
    const std::shared_ptr<Entry>& entry = candidate->second;
    // A ready entry whose model is gone is about to be removed by the thread that let go of it.
    const bool usable = entry->state == Entry::State::kCompiling || !entry->model.expired();
    if (usable && std::find(others.begin(), others.end(), entry) == others.end()) return entry;
  }
  return nullptr;
}

/** The model of equal content. Null when there is none, at a moment at which `lock` is held and stays so. */
std::shared_ptr<const CompiledModel> ModelTable::FindAndAwait(std::unique_lock<std::mutex>& lock, uint64_t hash,
                                                              const ModelRequest& request) {
  std::vector<std::shared_ptr<Entry>> others;
  while (std::shared_ptr<Entry> entry = Candidate(hash, others)) {
    lock.unlock();
    const bool equal = entry->content->Equals(request);
    lock.lock();
    if (equal) {
      if (std::shared_ptr<const CompiledModel> model = Await(lock, entry)) return model;
    }
    others.push_back(std::move(entry));
  }
  return nullptr;
}

/** The entry is in the table, whoever asks. */
void ModelTable::Remove(const Entry* entry) {
  const auto [first, last] = entries_.equal_range(entry->content->hash());
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

ModelTable::Loaded ModelTable::Load(const Library& library, const ModelRequest& request) {
  // The first model of a process, and so every short run, is spared a look at bytes that nothing is compared with.
  if (Stats().compiled_models > 0) {
    const uint64_t hash = HashOf(request);
    std::unique_lock<std::mutex> lock(mutex_);
    if (std::shared_ptr<const CompiledModel> model = FindAndAwait(lock, hash, request)) return {std::move(model), true};
  }
  return Load(library, std::make_shared<const ModelContent>(request));
}

ModelTable::Loaded ModelTable::Load(const Library& library, std::shared_ptr<const ModelContent> content) {
  // The copy's hash, not the request's: the bytes may have changed before they were copied.
  const uint64_t hash = content->hash();
  std::unique_lock<std::mutex> lock(mutex_);
  if (std::shared_ptr<const CompiledModel> model = FindAndAwait(lock, hash, content->AsRequest())) {
    return {std::move(model), true};
  }
  const auto entry = std::make_shared<Entry>(std::move(content));
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
