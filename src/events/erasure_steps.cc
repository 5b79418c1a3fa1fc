// The steps of an erasure. Each stores how far it is before the next begins.
#include <algorithm>

#include "src/base/limits.h"
#include "codec/json.h"
#include "src/events/erasure.h"
#include "src/events/erasure_search.h"
#include "src/runtime/ask.h"
#include "src/runtime/timer.h"
#include "storage/checked_lines.h"

namespace headrace {
namespace {

struct Applied {
  Lsn lsn = 0;
  uint64_t rows = 0, documents = 0;
};

// Documents that hold the person, as changes that erase them.
Change erase_documents(const Documents& documents, const ErasureOrder& order) {
  Change change;
  if (!order.tenant.empty()) return change;  // documents are the platform's
  for (unsigned table = 0; table <= UINT8_MAX; ++table)
    documents.scan(static_cast<uint8_t>(table), {}, [&](std::string_view key, std::string_view value) {
      if (order.subject.is_in(key) || order.subject.is_in(value)) change.erase(static_cast<uint8_t>(table), key);
      return true;
    });
  return change;
}

// On the loop of the shard.
Result<Applied> apply_order(Shard* shard, std::shared_ptr<const ErasureOrder> order) {
  Partition& partition = shard->partition();
  Change change = erase_documents(partition.documents(), *order);
  Applied applied{.documents = change.effects.size()};
  auto erased = partition.commit(change);
  if (!erased) return erased.problem();
  uint64_t rows_before = shard->rows_erased();
  for (const std::string& payload : order->payloads()) {
    auto lsn = partition.append(Kind::control, ErasureOrder::version, {}, payload);
    if (!lsn) return lsn.problem();
    applied.lsn = *lsn;
  }
  applied.rows = shard->rows_erased() - rows_before;
  partition.hurry();
  return applied;
}

Task<void> wait_acked(Shard* shard, Lsn lsn) { co_await shard->acked().at_least(lsn); }

// Segments before the result hold everything the partition had when it was asked.
Task<Result<uint32_t>> seal_here(Shard* shard) {
  co_await shard->make_durable();
  shard->partition().seal();
  while (!shard->partition().sealed_before()) co_await sleep(limits::erasure_look_us);
  co_return *shard->partition().sealed_before();
}

Task<Result<>> compact_here(Shard* shard) { return shard->compact(); }

SegmentKeeper::Pause pause_keeper(SegmentKeeper* keeper) { return keeper->pause(); }

int64_t number(uint64_t value) { return static_cast<int64_t>(value); }

ErasedSegment described(uint32_t partition, const HeldSegment& held) {
  return {.partition = partition,
          .segment = held.segment,
          .first_lsn = number(held.first_lsn),
          .last_lsn = number(held.last_lsn),
          .events = number(held.counts.events),
          .events_redacted = number(held.counts.redacted),
          .folds = number(held.counts.folds),
          .documents = number(held.counts.documents),
          .sha256_before = {},
          .sha256_after = {}};
}

std::vector<ErasureRange> ranges_of(const DataDirectory& directory, const Erasure& erasure) {
  std::vector<ErasureRange> ranges;
  for (const ErasedPartition& one : erasure.searched)
    ranges.push_back({directory.place(static_cast<uint32_t>(one.partition)),
                      static_cast<Lsn>(one.through_lsn), static_cast<uint32_t>(one.before_segment)});
  return ranges;
}

// On the worker: the segments that hold the person now, with their hashes.
Result<std::vector<ErasedSegment>> survey(std::vector<ErasureRange> ranges,
                                          std::shared_ptr<const ErasureOrder> order) {
  std::vector<ErasedSegment> out;
  for (const ErasureRange& range : ranges) {
    auto held = find_held(range, *order);
    if (!held) return held.problem();
    for (const HeldSegment& one : *held) {
      auto hash = sha256_of_segment(range.place, one.segment);
      if (!hash) return hash.problem();
      out.push_back(described(range.place.partition, one));
      out.back().sha256_before = *hash;
    }
  }
  return out;
}

Result<> rewrite_all(std::vector<ErasureRange> ranges, std::shared_ptr<const ErasureOrder> order,
                     std::vector<ErasedSegment> held, const std::atomic<bool>* stopping) {
  for (const ErasedSegment& one : held) {
    if (*stopping) return Error::shutting_down;
    TRY_DONE(
        rewrite_held(ranges[static_cast<size_t>(one.partition)], *order, static_cast<uint32_t>(one.segment)));
  }
  return Done{};
}

Result<std::vector<ErasedSegment>> hash_after(std::vector<ErasureRange> ranges,
                                              std::vector<ErasedSegment> segments) {
  for (ErasedSegment& one : segments) {
    auto hash = sha256_of_segment(ranges[static_cast<size_t>(one.partition)].place,
                                  static_cast<uint32_t>(one.segment));
    if (!hash) return hash.problem();
    one.sha256_after = *hash;
  }
  return segments;
}

bool same_segment(const ErasedSegment& a, const ErasedSegment& b) {
  return a.partition == b.partition && a.segment == b.segment;
}

// What an interrupted run had found stays: it saw the files as they were.
void add_new(const std::vector<ErasedSegment>& found, std::vector<ErasedSegment>& known) {
  for (const ErasedSegment& one : found) {
    bool is_known = std::ranges::any_of(known, [&](auto& other) { return same_segment(one, other); });
    if (!is_known && known.size() < limits::erasure_segments_max) known.push_back(one);
  }
}

}  // namespace

Task<Result<>> Erasures::search(Work* work) {
  std::vector<Lsn> through;
  for (uint32_t p = 0; p < shards_.count(); ++p) through.push_back(shards_[p].durable_lsn_any_thread());
  auto look = [](const DataDirectory* directory, std::vector<Lsn> last, std::shared_ptr<ErasureOrder> order) {
    return find_owned(*directory, last, *order);
  };
  auto owned = co_await offload(worker_, look, &shards_.directory(), through, work->order);
  if (!owned) co_return owned.problem();
  work->order->owned = std::move(*owned);
  work->erasure.state = "applying";
  co_return co_await store_order(work);
}

// Twice: a fold of an event before the first order may reach its partition behind it, but not behind the
// second.
Task<Result<>> Erasures::apply(Work* work) {
  work->erasure.searched.clear();
  for (uint32_t p = 0; p < shards_.count(); ++p) work->erasure.searched.push_back({.partition = p});
  for (int time = 0; time < 2; ++time) {
    CO_TRY_DONE(co_await apply_everywhere(work));
    for (ErasedPartition& one : work->erasure.searched) {
      Shard* shard = &shards_[static_cast<uint32_t>(one.partition)];
      CO_TRY_DONE(co_await ask(shard->loop(), wait_acked, shard, static_cast<Lsn>(one.through_lsn)));
    }
  }
  applied_();
  co_return Done{};
}

Task<Result<>> Erasures::apply_everywhere(Work* work) {
  std::shared_ptr<const ErasureOrder> order = work->order;
  for (ErasedPartition& one : work->erasure.searched) {
    Shard* shard = &shards_[static_cast<uint32_t>(one.partition)];
    Result<Applied> applied = co_await ask(shard->loop(), apply_order, shard, order);
    if (!applied) co_return applied.problem();
    one.through_lsn = number(applied->lsn);
    work->erasure.rows += number(applied->rows);
    work->erasure.documents += number(applied->documents);
  }
  co_return Done{};
}

// Every state anew from a base that is beyond everything of the person in the log; then no start needs that
// any more.
Task<Result<>> Erasures::compact(Work* work) {
  CO_TRY_DONE(co_await store(work, "compacting"));
  auto pause = co_await offload(worker_, pause_keeper, &keeper_);
  if (!pause) co_return pause.problem();
  for (ErasedPartition& one : work->erasure.searched) {
    Shard* shard = &shards_[static_cast<uint32_t>(one.partition)];
    Result<uint32_t> sealed = co_await ask(shard->loop(), seal_here, shard);
    if (!sealed) co_return sealed.problem();
    one.before_segment = *sealed;
    CO_TRY_DONE(co_await ask(shard->loop(), compact_here, shard));
  }
  co_return Done{};
}

// Again where writes on their way took too long, or the order is the record of a base that is not the state it left: with
// another order there can be another base.
Task<Result<>> Erasures::apply_and_compact(Work* work) {
  for (int tries = 1;; ++tries) {
    CO_TRY_DONE(co_await apply(work));
    Result<> done = co_await compact(work);
    if (done || done.problem().error != Error::overloaded || tries == limits::erasure_tries_max) co_return done;
  }
}

Task<Result<>> Erasures::rewrite(Work* work) {
  auto pause = co_await offload(worker_, pause_keeper, &keeper_);
  if (!pause) co_return pause.problem();
  auto ranges = ranges_of(shards_.directory(), work->erasure);
  std::shared_ptr<const ErasureOrder> order = work->order;
  auto held = co_await offload(worker_, survey, ranges, order);
  if (!held) co_return held.problem();
  add_new(*held, work->erasure.rewritten);
  CO_TRY_DONE(co_await store(work, "rewriting"));
  CO_TRY_DONE(co_await offload(worker_, rewrite_all, ranges, order, *held, &stopping_));
  auto left = co_await offload(worker_, survey, ranges, order);
  if (!left) co_return left.problem();
  if (!left->empty())
    co_return Problem(Error::storage_damaged, "erasure", "A rewritten segment still holds the person");
  auto hashed = co_await offload(worker_, hash_after, ranges, work->erasure.rewritten);
  if (!hashed) co_return hashed.problem();
  work->erasure.rewritten = std::move(*hashed);
  co_return Done{};
}

Task<Result<>> Erasures::certify(Work* work) {
  Erasure& erasure = work->erasure;
  const DataDirectory& directory = shards_.directory();
  ErasureCertificate certificate;
  certificate.erasure = erasure.id;
  certificate.directory = to_text(directory.uuid());
  certificate.tenant = erasure.tenant;
  certificate.begun = erasure.begun;
  certificate.finished = {clock_.wall(), true};
  certificate.rows = erasure.rows;
  certificate.documents = erasure.documents;
  certificate.segments = number(erasure.rewritten.size());
  certificate.searched = std::move(erasure.searched);
  certificate.rewritten = std::move(erasure.rewritten);
  for (const ErasedSegment& one : certificate.rewritten) {
    certificate.events += one.events;
    certificate.events_redacted += one.events_redacted;
    certificate.folds += one.folds;
  }
  erasure.certificate = to_json(certificate);
  Signature signature = directory.signing_key().sign(erasure.certificate);
  erasure.signature = hexadecimal({signature.data(), signature.size()});
  erasure.public_key = to_text(directory.signing_key().public_key());
  erasure.searched.clear();
  erasure.rewritten.clear();
  co_return co_await store(work, "done");
}

}  // namespace headrace
