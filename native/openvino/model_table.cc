#include "openvino/model_table.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <thread>
#include <utility>

#include "openvino/background.h"
#include "openvino/errors.h"

namespace openvino {

namespace {

constexpr size_t kLeastCompiles = 4;
/** By then libraries have added the statics that a compile makes. */
constexpr uint64_t kCompilesWithNewStatics = 32;

void FreeInBackground(std::vector<std::shared_ptr<const void>> remains) noexcept {
  for (std::shared_ptr<const void>& one : remains) Background::OfProcess().Free(std::move(one));
}

std::exception_ptr CompileLimit() {
  return std::make_exception_ptr(
      Failure("ERR_NN_COMPILE_LIMIT", std::to_string(ModelTable::kMaxAbandoned) +
                                          " models compile for guests that were ended; another is compiled when one of them is done"));
}

}  // namespace

/** All of it is guarded by the table's lock; content and model stay while somebody holds the entry. */
struct ModelTable::Entry {
  enum class State { kQueued, kCompiling, kReady, kFailed };

  Entry(uint64_t id, const Library& library, std::shared_ptr<const ModelContent> content)
      : id(id), library(library), content(std::move(content)) {}

  bool done() const { return state == State::kReady || state == State::kFailed; }

  const uint64_t id;
  const Library& library;
  std::shared_ptr<const ModelContent> content;
  State state = State::kQueued;
  /** Of all that ask for it: the host, if it does. */
  Asker asker = Asker::kGuest;
  bool is_besides = false;
  /** Loads that wait, and users of the model. */
  size_t holders = 0;
  Listeners listeners;
  std::shared_ptr<const CompiledModel> model;
  std::exception_ptr failure;
  /** While it is kept. */
  std::list<EntryPtr>::iterator kept_at;
  uint64_t kept_bytes = 0;
};

ModelTable& ModelTable::OfProcess() {
  static ModelTable* const table = new ModelTable();
  return *table;
}

size_t ModelTable::MaxCompiles() { return std::max<size_t>(kLeastCompiles, std::thread::hardware_concurrency()); }

// ---- finding

/** An entry under this key that is not among `others`, or null. */
ModelTable::EntryPtr ModelTable::Candidate(const Index& index, uint64_t key, const std::vector<EntryPtr>& others) {
  const auto [first, last] = index.equal_range(key);
  for (auto candidate = first; candidate != last; ++candidate) {
    if (std::find(others.begin(), others.end(), candidate->second) == others.end()) return candidate->second;
  }
  return nullptr;
}

/** An entry of equal content. Null when there is none, at a moment at which `lock` is held and stays so. */
ModelTable::EntryPtr ModelTable::FindEntry(std::unique_lock<std::mutex>& lock, const ModelRequest& request, uint64_t sample,
                                           std::optional<uint64_t> hash) {
  const auto are_several = [&] {
    const auto [first, last] = by_sample_.equal_range(sample);
    return first != last && std::next(first) != last;
  };
  std::vector<EntryPtr> others;
  for (;;) {
    if (!hash && are_several()) {
      lock.unlock();
      hash = HashOf(request);
      lock.lock();
    }
    EntryPtr entry = hash ? Candidate(by_hash_, *hash, others) : Candidate(by_sample_, sample, others);
    if (!entry) return nullptr;
    const std::shared_ptr<const ModelContent> content = entry->content;
    lock.unlock();
    const bool equal = content->Equals(request);
    lock.lock();
    if (equal && by_id_.count(entry->id) > 0) return entry;
    others.push_back(std::move(entry));
  }
}

/** A load of equal content, or null as FindEntry. */
std::unique_ptr<ModelLoad> ModelTable::Find(std::unique_lock<std::mutex>& lock, const ModelRequest& request, Asker asker,
                                            uint64_t sample, std::optional<uint64_t> hash) {
  EntryPtr entry = FindEntry(lock, request, sample, hash);
  if (!entry) return nullptr;
  std::unique_ptr<ModelLoad> load = NewLoad(entry, true);
  if (asker == Asker::kHost && entry->asker != asker) {
    Rest rest;
    entry->asker = asker;
    StartQueued(rest);
    lock.unlock();
    FinishRest(std::move(rest));
    lock.lock();
  }
  return load;
}

std::unique_ptr<ModelLoad> ModelTable::Find(const ModelRequest& request, Asker asker) {
  const uint64_t sample = SampleOf(request);
  std::unique_lock<std::mutex> lock(mutex_);
  return Find(lock, request, asker, sample, std::nullopt);
}

void ModelTable::RequireRoom(Asker asker) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (asker == Asker::kGuest && abandoned_ >= kMaxAbandoned) std::rethrow_exception(CompileLimit());
}

std::unique_ptr<ModelLoad> ModelTable::NewLoad(EntryPtr entry, bool found) {
  std::unique_ptr<ModelLoad> load(new ModelLoad(*this, std::move(entry), found));
  Hold(*load->entry_);
  return load;
}

std::unique_ptr<ModelLoad> ModelTable::Start(const Library& library, const ModelRequest& request, Asker asker) {
  if (std::unique_ptr<ModelLoad> load = Find(request, asker)) return load;
  RequireRoom(asker);
  return Start(library, std::make_shared<const ModelContent>(request), asker);
}

std::unique_ptr<ModelLoad> ModelTable::Start(const Library& library, std::shared_ptr<const ModelContent> content, Asker asker) {
  // The copy's keys, not the request's: the bytes may have changed before they were copied.
  const uint64_t hash = content->hash();
  const uint64_t sample = content->sample();
  Rest rest;
  std::unique_lock<std::mutex> lock(mutex_);
  if (std::unique_ptr<ModelLoad> load = Find(lock, content->AsRequest(), asker, sample, hash)) return load;
  if (asker == Asker::kGuest && abandoned_ >= kMaxAbandoned) std::rethrow_exception(CompileLimit());
  const auto entry = std::make_shared<Entry>(++last_id_, library, std::move(content));
  entry->asker = asker;
  by_hash_.emplace(hash, entry);
  by_sample_.emplace(sample, entry);
  by_id_.emplace(entry->id, entry);
  queue_.push_back(entry);
  misses_++;
  std::unique_ptr<ModelLoad> load = NewLoad(entry, false);
  StartQueued(rest);
  lock.unlock();
  FinishRest(std::move(rest));
  return load;
}

SharedModel ModelTable::Adopt(uint64_t id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end() || found->second->state != Entry::State::kReady) {
    throw Failure("ERR_NN_GRAPH_NOT_FOUND", "no compiled model is shared under " + std::to_string(id));
  }
  return Lease(found->second, true);
}

// ---- holding

/** Under the lock. A model's share takes part in what holds the entry until its last copy is gone. */
SharedModel ModelTable::Lease(const EntryPtr& entry, bool found) {
  Hold(*entry);
  const auto let_go = [this, entry](const CompiledModel*) { LetGo(entry); };
  return {std::shared_ptr<const CompiledModel>(entry->model.get(), let_go), entry->id, found};
}

void ModelTable::LetGo(const EntryPtr& entry) noexcept {
  Rest rest;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    Unhold(entry, rest.remains);
    // One that goes on for nobody leaves its turn to another.
    StartQueued(rest);
  }
  FinishRest(std::move(rest));
}

void ModelTable::Hold(Entry& entry) {
  if (entry.holders++ > 0) return;
  if (entry.state == Entry::State::kCompiling) abandoned_--;
  if (entry.state != Entry::State::kReady) return;
  kept_bytes_ -= entry.kept_bytes;
  kept_.erase(entry.kept_at);
}

void ModelTable::Unhold(const EntryPtr& entry, Remains& remains) {
  if (--entry->holders > 0) return;
  switch (entry->state) {
    case Entry::State::kQueued:
      queue_.erase(std::find(queue_.begin(), queue_.end(), entry));
      return Remove(entry, remains);
    case Entry::State::kCompiling:
      abandoned_++;
      return;
    case Entry::State::kReady:
      return Keep(entry, remains);
    case Entry::State::kFailed:
      return;
  }
}

/** Nobody holds it. */
void ModelTable::Keep(const EntryPtr& entry, Remains& remains) {
  entry->kept_bytes = entry->model->MemoryBytes();
  entry->kept_at = kept_.insert(kept_.end(), entry);
  kept_bytes_ += entry->kept_bytes;
  // One that the budget could never hold must not drive the others out.
  if (entry->kept_bytes > budget()) kept_.splice(kept_.begin(), kept_, entry->kept_at);
  Evict(remains);
}

void ModelTable::Evict(Remains& remains) {
  while (kept_bytes_ > budget()) {
    const EntryPtr oldest = kept_.front();
    if (budget() > 0) evictions_++;
    kept_bytes_ -= oldest->kept_bytes;
    kept_.pop_front();
    Remove(oldest, remains);
  }
}

/** From the table, in which it is. What it had is left for the caller to free. */
void ModelTable::Remove(const EntryPtr& entry, Remains& remains) {
  Erase(by_hash_, entry->content->hash(), entry);
  Erase(by_sample_, entry->content->sample(), entry);
  by_id_.erase(entry->id);
  if (entry->model) remains.push_back(std::move(entry->model));
  remains.push_back(std::move(entry->content));
}

void ModelTable::Erase(Index& index, uint64_t key, const EntryPtr& entry) {
  const auto [first, last] = index.equal_range(key);
  index.erase(std::find_if(first, last, [&](const auto& one) { return one.second == entry; }));
}

void ModelTable::ReserveBudget(uint64_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  budgets_.insert(bytes);
}

void ModelTable::ReleaseBudget(uint64_t bytes) noexcept {
  Remains remains;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    budgets_.erase(budgets_.find(bytes));
    Evict(remains);
  }
  FreeInBackground(std::move(remains));
}

// ---- compiling

/** Without the lock. */
void ModelTable::FinishRest(Rest rest) noexcept {
  for (const auto& listener : rest.listeners) listener();
  FreeInBackground(std::move(rest.remains));
}

/** Under the lock. */
void ModelTable::StartQueued(Rest& rest) {
  while (const EntryPtr entry = TakeFromQueue()) {
    // Callers that wait may be ended in turn: what starts is bounded here, too.
    if (entry->asker == Asker::kGuest && abandoned_ >= kMaxAbandoned) {
      Fail(entry, CompileLimit(), rest);
    } else {
      Begin(entry, rest);
    }
  }
}

/** The one whose turn it is, the host's before guests'; null when none may begin. */
ModelTable::EntryPtr ModelTable::TakeFromQueue() {
  const bool has_room = HasRoomForGuests();
  const auto first_of = [&](Asker asker) {
    return std::find_if(queue_.begin(), queue_.end(), [&](const EntryPtr& entry) { return entry->asker == asker; });
  };
  auto next = first_of(Asker::kHost);
  const bool is_besides = !has_room || abandoned_ >= kMaxAbandoned;
  if (next == queue_.end() || (is_besides && host_compiles_)) {
    next = has_room ? first_of(Asker::kGuest) : queue_.end();
  } else if (is_besides) {
    (*next)->is_besides = host_compiles_ = true;
  }
  if (next == queue_.end()) return nullptr;
  EntryPtr entry = *next;
  queue_.erase(next);
  return entry;
}

void ModelTable::Begin(const EntryPtr& entry, Rest& rest) {
  entry->state = Entry::State::kCompiling;
  compiling_++;
  try {
    Background::OfProcess().Run([this, entry] { Compile(entry->library, entry); });
  } catch (...) {
    compiling_--;
    if (entry->is_besides) host_compiles_ = false;
    Fail(entry, std::current_exception(), rest);
  }
}

void ModelTable::Compile(const Library& library, const EntryPtr& entry) noexcept {
  std::unique_ptr<const CompiledModel> model;
  std::exception_ptr failure;
  try {
    model = std::make_unique<const CompiledModel>(library, entry->content);
  } catch (...) {
    failure = std::current_exception();
  }
  Finish(entry, std::move(model), std::move(failure));
}

void ModelTable::Finish(const EntryPtr& entry, std::unique_ptr<const CompiledModel> model, std::exception_ptr failure) noexcept {
  Rest rest;
  bool may_have_new_statics = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    compiling_--;
    if (entry->holders == 0) abandoned_--;
    if (entry->is_besides) host_compiles_ = false;
    if (failure) {
      Fail(entry, std::move(failure), rest);
    } else {
      entry->model = std::move(model);
      entry->state = Entry::State::kReady;
      rest.listeners = std::move(entry->listeners);
      if (entry->holders == 0) Keep(entry, rest.remains);
      changed_.notify_all();
    }
    StartQueued(rest);
    may_have_new_statics = misses_ <= kCompilesWithNewStatics;
  }
  if (may_have_new_statics) Background::OfProcess().PrepareForExit();
  for (const auto& listener : rest.listeners) listener();
  // What remains is freed on this thread, which is nobody's.
}

/** Under the lock. Whoever waits is told; a later load tries again. */
void ModelTable::Fail(const EntryPtr& entry, std::exception_ptr failure, Rest& rest) {
  Remove(entry, rest.remains);
  entry->failure = std::move(failure);
  entry->state = Entry::State::kFailed;
  for (auto& listener : entry->listeners) rest.listeners.push_back(std::move(listener));
  entry->listeners.clear();
  changed_.notify_all();
}

TableStats ModelTable::Stats() {
  const std::lock_guard<std::mutex> lock(mutex_);
  TableStats stats{};
  stats.compiled_models = by_id_.size() - queue_.size() - compiling_;
  stats.hits = hits_;
  stats.misses = misses_;
  stats.kept_models = kept_.size();
  stats.kept_bytes = kept_bytes_;
  stats.budget_bytes = budget();
  stats.evictions = evictions_;
  stats.compiling = compiling_;
  stats.abandoned = abandoned_;
  return stats;
}

// ---- one load

ModelLoad::ModelLoad(ModelTable& table, ModelTable::EntryPtr entry, bool found)
    : table_(table), entry_(std::move(entry)), found_(found) {}

ModelLoad::~ModelLoad() { table_.LetGo(entry_); }

void ModelLoad::Wait(const std::shared_ptr<thread::Interrupt>& interrupt) {
  const thread::OnInterrupt wake(interrupt, [this] {
    // Taken and left, so that it is not between its look at the flag and its wait.
    { const std::lock_guard<std::mutex> lock(table_.mutex_); }
    table_.changed_.notify_all();
  });
  std::unique_lock<std::mutex> lock(table_.mutex_);
  table_.changed_.wait(lock, [&] { return entry_->done() || interrupt->requested(); });
  if (!entry_->done()) throw Failure("ERR_NN_CANCELLED", "the wait for a model was interrupted");
}

void ModelLoad::WhenDone(std::function<void()> done) {
  {
    const std::lock_guard<std::mutex> lock(table_.mutex_);
    if (!entry_->done()) {
      entry_->listeners.push_back(std::move(done));
      return;
    }
  }
  done();
}

SharedModel ModelLoad::Take() {
  const std::lock_guard<std::mutex> lock(table_.mutex_);
  if (entry_->failure) std::rethrow_exception(entry_->failure);
  if (found_) table_.hits_++;
  return table_.Lease(entry_, found_);
}

}  // namespace openvino
