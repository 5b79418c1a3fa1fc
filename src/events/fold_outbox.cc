// Folds stand behind each other in one buffer per target; what was taken is cut off its front.
#include "src/events/fold_outbox.h"

#include "src/base/limits.h"

namespace headrace {

size_t FoldOutbox::end_of_taken(const Target& t) {
  return t.first_waiting == 0 ? 0 : t.waiting[t.first_waiting - 1].end;
}

// Forgets what was taken.
void FoldOutbox::cut_front(Target& t) {
  size_t cut = end_of_taken(t);
  t.waiting.erase(t.waiting.begin(), t.waiting.begin() + static_cast<std::ptrdiff_t>(t.first_waiting));
  for (Run& run : t.waiting) run.end -= cut;
  t.folds.erase(0, cut);
  t.first_waiting = 0;
}

FoldOutbox::Room FoldOutbox::room(uint32_t target) {
  Target& t = targets_[target];
  size_t begin = t.waiting.size() < 2 ? 0 : t.waiting[t.waiting.size() - 2].end;
  bool begins = !t.open || t.folds.size() - begin >= limits::fold_run_bytes_max;
  if (begins) t.waiting.push_back({});
  t.open = true;
  return {t.folds, begins};
}

void FoldOutbox::end_runs() {
  for (Target& target : targets_) target.open = false;
}

void FoldOutbox::added(uint32_t target, Lsn lsn, FoldRank rank) {
  Target& t = targets_[target];
  Run& run = t.waiting.back();
  if (run.count++ == 0) run.first_lsn = lsn, run.first = rank;
  run.last_lsn = lsn;
  run.last = rank;
  run.end = t.folds.size();
}

std::shared_ptr<const FoldBatch> FoldOutbox::take(uint32_t target, Lsn durable) {
  Target& t = targets_[target];
  t.open = false;
  if (t.sent || t.first_waiting == t.waiting.size()) return nullptr;
  size_t end = t.first_waiting, start = end_of_taken(t);
  uint32_t count = 0;
  for (; end < t.waiting.size() && t.waiting[end].last_lsn <= durable; ++end) {
    if (t.waiting[end].end - start > limits::fold_batch_bytes_max) break;
    count += t.waiting[end].count;
  }
  if (end == t.first_waiting) return nullptr;
  auto batch = std::make_shared<FoldBatch>();
  batch->source = source_;
  batch->count = count;
  batch->first = t.waiting[t.first_waiting].first;
  batch->last = t.waiting[end - 1].last;
  batch->folds = t.folds.substr(start, t.waiting[end - 1].end - start);
  t.sent = t.waiting[t.first_waiting].first_lsn;
  t.first_waiting = end;
  if (2 * end_of_taken(t) >= t.folds.size()) cut_front(t);  // so that each byte is moved once on average
  return batch;
}

void FoldOutbox::applied(uint32_t target) {
  Target& t = targets_[target];
  t.applied.push_back(*t.sent);
  t.sent.reset();
}

std::optional<Lsn> FoldOutbox::unapplied(const Target& t) {
  if (t.sent) return t.sent;
  if (t.first_waiting < t.waiting.size()) return t.waiting[t.first_waiting].first_lsn;
  return {};
}

std::optional<Lsn> FoldOutbox::oldest_unapplied() const {
  std::optional<Lsn> found;
  for (auto& t : targets_)
    if (auto mine = unapplied(t); mine && (!found || *mine < *found)) found = mine;
  return found;
}

std::optional<Lsn> FoldOutbox::oldest() const {
  std::optional<Lsn> found = oldest_unapplied();
  for (auto& t : targets_)
    if (!t.applied.empty() && (!found || t.applied.front() < *found)) found = t.applied.front();
  return found;
}

bool FoldOutbox::full() const {
  for (auto& t : targets_)
    if (t.folds.size() > limits::fold_outbox_bytes_max) return true;
  return false;
}

}  // namespace headrace
