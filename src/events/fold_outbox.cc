// Payloads stand behind each other in one buffer per target; what was taken is cut off its front.
#include "src/events/fold_outbox.h"

#include "codec/varint.h"
#include "src/base/limits.h"

namespace headrace {
namespace {

constexpr size_t entries_kept_max = 16 * 1024;  // already taken, still in the buffers

}  // namespace

// Forgets what was taken.
void FoldOutbox::cut_front(Target& t) {
  size_t cut = t.waiting[t.first_waiting - 1].end;
  t.waiting.erase(t.waiting.begin(), t.waiting.begin() + static_cast<std::ptrdiff_t>(t.first_waiting));
  for (Entry& entry : t.waiting) entry.end -= cut;
  t.payloads.erase(0, cut);
  t.first_waiting = 0;
}

void FoldOutbox::add(uint32_t target, Lsn lsn, FoldRank rank, std::string_view payload) {
  Target& t = targets_[target];
  put_text(payload, t.payloads);
  t.waiting.push_back({lsn, rank, t.payloads.size()});
}

std::shared_ptr<const FoldBatch> FoldOutbox::take(uint32_t target, Lsn durable) {
  Target& t = targets_[target];
  size_t end = t.first_waiting, start = end ? t.waiting[end - 1].end : 0;
  while (end < t.waiting.size() && t.waiting[end].lsn <= durable &&
         t.waiting[end].end - start <= limits::fold_batch_bytes_max)
    ++end;
  if (t.sent || end == t.first_waiting) return nullptr;
  auto batch = std::make_shared<FoldBatch>();
  batch->source = source_;
  batch->count = static_cast<uint32_t>(end - t.first_waiting);
  batch->first = t.waiting[t.first_waiting].rank;
  batch->last = t.waiting[end - 1].rank;
  batch->payloads = t.payloads.substr(start, t.waiting[end - 1].end - start);
  t.sent = t.waiting[t.first_waiting].lsn;
  t.first_waiting = end;
  if (end == t.waiting.size() || end > entries_kept_max) cut_front(t);
  return batch;
}

void FoldOutbox::applied(uint32_t target) {
  Target& t = targets_[target];
  t.applied.push_back(*t.sent);
  t.sent.reset();
}

std::optional<Lsn> FoldOutbox::unapplied(const Target& t) {
  if (t.sent) return t.sent;
  if (t.first_waiting < t.waiting.size()) return t.waiting[t.first_waiting].lsn;
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
    if (t.payloads.size() > limits::fold_outbox_bytes_max) return true;
  return false;
}

}  // namespace headrace
