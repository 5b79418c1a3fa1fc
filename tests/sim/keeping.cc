// The keeper's work, a piece at a time on a thread of its own, as storage/segment_keeper.h does it for a server.
#include "storage/base.h"
#include "storage/segment_rewriter.h"
#include "tests/sim/life.h"
#include "tests/sim/schedule.h"

namespace headrace::sim {
namespace {

constexpr const char* glimpse_type = "glimpse";
constexpr Micros old_us = 300;            // of the schedule's time
constexpr uint64_t log_bytes_max = 40'000;
constexpr uint64_t passes_per_entry = 2;  // so slow is who reads a lent state

void pass() { Schedule::of_this_thread()->pass(); }

}  // namespace

void Deeds::add(const Deeds& more) {
  rewritten += more.rewritten;
  thinned += more.thinned;
  dropped += more.dropped;
  erased += more.erased;
  switched += more.switched;
  based += more.based;
  read += more.read;
}

Deeds Life::deeds() const {
  Deeds all = deeds_;
  if (retainer_) all.thinned += retainer_->stats().segments_thinned;
  if (retainer_) all.dropped += retainer_->stats().segments_dropped;
  return all;
}

// One rule of each kind, or none.
void Life::choose_policy() {
  switch (dice_.below(4)) {
    case 0:
      policy_ = {.rules = {{glimpse_type, old_us}}};
      break;
    case 1:
      policy_ = {.age_us = 20 * old_us};
      break;
    case 2:
      policy_ = {.bytes_max = log_bytes_max};
      break;
    default:
      return;
  }
  retainer_ = std::make_unique<Retainer>(RetainerParts{
      .place = options_.place,
      .policy = policy_,
      .settled_segment = [this] { return partition_->settled_segment(); },
      .definitions = [this] { return coming_fold_ ? std::nullopt : std::optional(fold_.definition_digest()); },
      .seal = [this] { seal_wanted_ = true; },
      .make_base = [this]() -> Result<> {
        auto base = headrace::make_base({options_.place, options_.clock, options_.disk, options_.state_map_bytes},
                                        partition_->loan());
        return base ? Result<>(Done{}) : base.problem();
      },
      .leave_out =
          [](const Expired&) {
            return [](RecordView& record) { return !is_glimpse({record.kind, 0, std::string(record.key), {}}); };
          },
      .frame_bytes = 4096,
      .period_us = 0});
}

void Life::keep(Work work) {
  if (keeping_ || !partition_) return;
  if (keeper_.joinable()) keeper_.join();
  keeping_ = true;
  keeper_ = std::thread([this, work] {
    (this->*work)();
    keeping_ = false;
  });
}

void Life::settle_keeper() {
  while (keeping_) pump();
  if (keeper_.joinable()) keeper_.join();
}

// A full disk, a failed call: put off. Damage is what must not be.
void Life::note_problem(const Problem& problem) {
  if (problem.error == Error::storage_damaged) failure_ = problem.text();
}

// Where the state under the copy changes, the copy is not what its checkpoint says.
void Life::copy_base() {
  auto base = headrace::make_base({options_.place, options_.clock, options_.disk, options_.state_map_bytes},
                                  partition_->loan());
  deeds_.based += base.ok();
  if (!base) note_problem(base.problem());
}

void Life::repack() {
  auto segments = summarise_log(*options_.disk, options_.place);
  if (!segments) return note_problem(segments.problem());
  for (size_t i = 0; i + 1 < segments->size(); ++i) {
    const SegmentSummary& one = (*segments)[i];
    if (one.segment >= partition_->settled_segment()) return;
    auto reader = SegmentReader::open(*options_.disk, options_.place, one.segment);
    if (!reader) return note_problem(reader.problem());
    if (reader->header().rewritten || (*segments)[i + 1].first_lsn == one.first_lsn) continue;
    auto report = rewrite_segment({.place = options_.place, .clock = options_.clock, .disk = options_.disk, .frame_bytes = 4096},
                                  one.segment, [](RecordView&) { return true; });
    deeds_.rewritten += report.ok();
    if (!report) note_problem(report.problem());
    return;
  }
}

void Life::retain() {
  if (!retainer_) return;
  for (int i = 0; i < 4; ++i) {
    (policy_.rules.empty() ? truth_.dropped_through : truth_.thinned_through) = partition_->durable_lsn_any_thread();
    auto done = retainer_->look();
    if (!done) return note_problem(done.problem());
    if (!*done) return;
  }
}

// As a backup or a scrub does: slowly, while the owner goes on.
void Life::read_lent() {
  auto lent = partition_->loan().borrow();
  if (!lent) return note_problem(lent.problem());
  Digest sum;
  for (StateTree tree : {StateTree::documents, StateTree::indexes, StateTree::rows}) {
    auto read = lent->view->each(tree, [&](std::string_view key, std::string_view stored) -> Result<> {
      sum += digest_of(tree, key, stored);
      for (uint64_t i = 0; i < passes_per_entry; ++i) pass();
      if (partition_->loan().wanted_back()) return Error::overloaded;
      return Done{};
    });
    if (read) continue;
    bool wanted = partition_->loan().wanted_back();
    partition_->loan().give_back(std::move(*lent));
    if (!wanted) note_problem(read.problem());
    return;
  }
  bool same = sum == lent->checkpoint.digest;
  partition_->loan().give_back(std::move(*lent));
  ++deeds_.read;
  if (!same) failure_ = "a lent state is not what its checkpoint says";
}

}  // namespace headrace::sim
