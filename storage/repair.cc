// A new end for the log, then CKPT, then the damaged segments, each replaced as a whole.
#include "storage/repair.h"

#include <algorithm>

#include "src/base/limits.h"
#include "storage/base.h"
#include "storage/checkpointer.h"
#include "storage/log_begin.h"
#include "storage/log_writer.h"
#include "storage/salvage.h"

namespace headrace {
namespace {

class Repair {
 public:
  explicit Repair(const RepairOptions& options) : options_(options), disk_(*options.disk) {}

  Result<RepairReport> run() {
    auto salvage = salvage_log(disk_, options_.place);
    if (!salvage) return salvage.problem();
    salvage_ = std::move(*salvage);
    TRY_DONE(look_before());
    TRY_DONE(check_acceptance());
    if (salvage_.next_missing) TRY_DONE(add_segment());
    TRY_DONE(move_slots());
    TRY_DONE(keep_state());
    for (const SalvagedSegment& segment : salvage_.segments)
      if (!segment.damage.empty()) TRY_DONE(mend(segment));
    if (begin_damaged_ || before_) TRY_DONE(sign_begin());
    return std::move(report_);
  }

 private:
  Result<> look_before();
  std::vector<LsnRange> lost() const;
  Result<> check_acceptance() const;
  Result<> add_segment();
  Result<> move_slots();
  Result<> keep_state();
  Result<bool> make_base_of(CheckpointStore& store, const Checkpoint& slot);
  LogPosition begin_before(Lsn lsn) const;
  Result<> mend(const SalvagedSegment& segment);
  Result<> begin_empty(const LogPosition& at);
  std::string dig_holes(const SalvagedSegment& segment);
  Result<> sign_begin();

  const RepairOptions& options_;
  Disk& disk_;
  Salvage salvage_;
  std::optional<LsnRange> before_;  // what is missing before the first segment
  bool begin_damaged_ = false;
  RepairReport report_;
};

std::string text_of(const std::vector<LsnRange>& ranges) {
  std::string text;
  for (const LsnRange& range : ranges)
    text += " --accept-loss " + std::to_string(range.first) + ".." + std::to_string(range.last);
  return text;
}

std::vector<LsnRange> lost_ranges(const Salvage& salvage) {
  std::vector<LsnRange> ranges;
  for (const SalvagedSegment& segment : salvage.segments)
    for (const Loss& loss : segment.losses) {
      if (ranges.empty() || ranges.back().last + 1 != loss.first) ranges.push_back({loss.first, loss.first});
      ranges.back().last = loss.last;
    }
  return ranges;
}

Result<> Repair::look_before() {
  auto begin = read_log_begin(disk_, options_.place);
  begin_damaged_ = !begin && begin.problem().error == Error::storage_damaged;
  if (begin_damaged_) return Done{};
  if (!begin) return begin.problem();
  Lsn first = salvage_.segments.front().begin.lsn;
  if (*begin && (*begin)->lsn < first) before_ = {(*begin)->lsn, first - 1};
  return Done{};
}

std::vector<LsnRange> Repair::lost() const {
  std::vector<LsnRange> ranges = lost_ranges(salvage_);
  if (!before_) return ranges;
  if (!ranges.empty() && ranges.front().first == before_->last + 1)
    ranges.front().first = before_->first;
  else
    ranges.insert(ranges.begin(), *before_);
  return ranges;
}

// Last of all: until then the loss is not accepted.
Result<> Repair::sign_begin() {
  std::string why = "repair by " + options_.by;
  if (before_) why += ": accepted as lost, LSN " + std::to_string(before_->first) + " to " + std::to_string(before_->last);
  report_.begin_lost = before_;
  report_.begin_signed = true;
  return write_log_begin(disk_, options_.place, *options_.key,
                         {.lsn = salvage_.segments.front().begin.lsn, .why = why, .time = options_.clock->wall()});
}

Result<> Repair::check_acceptance() const {
  std::vector<LsnRange> lost = this->lost();
  bool damaged =
      begin_damaged_ || before_ ||
      salvage_.next_missing ||
      std::ranges::any_of(salvage_.segments, [](auto& segment) { return !segment.damage.empty(); }) ||
      std::ranges::count(salvage_.slots_stand, false) > 0;
  if (!damaged) return Problem(Error::not_found, options_.place.log(), "Nothing is damaged here");
  if (lost == options_.accepted) return Done{};
  std::string rule = lost.empty() ? "No record is lost: repair it without --accept-loss"
                                  : "Exactly these records are lost:" + text_of(lost);
  return Problem(Error::conflict, options_.place.log(), rule);
}

Result<> Repair::begin_empty(const LogPosition& at) {
  return create_segment({.place = options_.place,
                         .clock = options_.clock,
                         .disk = options_.disk,
                         .spares = nullptr,
                         .segment_bytes = options_.segment_bytes},
                        at, {}, 0);
}

Result<> Repair::add_segment() {
  report_.segment_added = true;
  return begin_empty(salvage_.next());
}

LogPosition Repair::begin_before(Lsn lsn) const {
  for (const SalvagedSegment& segment : salvage_.segments)
    if (lsn >= segment.begin.lsn && lsn < segment.end_lsn) return segment.begin;
  return salvage_.next_missing ? salvage_.next() : salvage_.segments.back().begin;
}

// Rows skip what they have seen, so a replay may begin earlier.
Result<> Repair::move_slots() {
  if (salvage_.slots.empty() || std::ranges::count(salvage_.slots_stand, false) == 0) return Done{};
  auto store = CheckpointStore::open(disk_, options_.place);
  if (!store) return store.problem();
  for (size_t i = 0; i < salvage_.slots.size(); ++i) {
    if (salvage_.slots_stand[i]) continue;
    Checkpoint slot = salvage_.slots[i];
    slot.position = begin_before(slot.position.lsn);
    TRY_DONE((*store)->rewrite(slot));
    ++report_.slots_moved;
  }
  return Done{};
}

// A checkpoint beyond a loss has what the log no longer has: from now on the state is that one and the log behind it.
Result<> Repair::keep_state() {
  std::vector<LsnRange> lost = this->lost();
  if (lost.empty() || salvage_.slots.empty()) return Done{};
  auto store = CheckpointStore::open(disk_, options_.place);
  if (!store) return store.problem();
  auto slots = (*store)->read();
  if (!slots) return slots.problem();
  for (const Checkpoint& slot : *slots) {
    if (slot.applied_lsn < lost.front().first) continue;
    auto made = make_base_of(**store, slot);
    if (!made) return made.problem();
    if (*made) return report_.base_lsn = slot.applied_lsn, Done{};
  }
  return Done{};
}

// False where the state is not what the slot says.
Result<bool> Repair::make_base_of(CheckpointStore& store, const Checkpoint& slot) {
  auto restored = store.restore(slot);
  if (!restored || !*restored) return restored;
  auto state = State::open(options_.place.state(slot.generation), options_.state_map_bytes, [](const Problem&) {});
  if (!state && state.problem().error == Error::storage_damaged) return false;
  if (!state) return state.problem();
  auto record = read_record(**state);
  if (!record || record->applied_lsn != slot.applied_lsn || record->replay_from != slot.replay_from) return false;
  auto view = (*state)->view();
  if (!view) return view.problem();
  const BaseOptions options{options_.place, options_.clock, options_.disk, options_.state_map_bytes};
  auto base = write_base(options, **view, slot);
  if (!base && base.problem().error == Error::storage_damaged) return false;
  if (!base) return base.problem();
  return true;
}

std::string Repair::dig_holes(const SalvagedSegment& segment) {
  std::string text;
  for (const Loss& loss : segment.losses) {
    Hole hole{.segment = loss.segment,
              .first = loss.first,
              .last = loss.last,
              .offset = loss.offset,
              .end_offset = loss.end_offset,
              .reason = loss.reason,
              .chain_before = loss.chain_before,
              .chain_after = loss.chain_after,
              .by = options_.by,
              .time = options_.clock->wall(),
              .key = options_.key->public_key()};
    text += encode(hole, options_.place, *options_.key);
    report_.holes.push_back(std::move(hole));
  }
  return text;
}

Result<> Repair::mend(const SalvagedSegment& segment) {
  report_.rewritten.push_back(options_.place.log() + "/" + segment_name(segment.segment));
  if (segment.begin.lsn == segment.end_lsn) return begin_empty(segment.begin);
  auto remains = remains_of(disk_, options_.place, segment);
  if (!remains) return remains.problem();
  remains->holes_text += dig_holes(segment);
  remains->holes += static_cast<uint32_t>(segment.losses.size());
  auto done = rewrite_remains({.place = options_.place,
                               .clock = options_.clock,
                               .disk = options_.disk,
                               .frame_bytes = limits::frame_bytes,
                               .kill_point_name = "in_repair"},
                              *remains);
  if (!done) return done.problem();
  return Done{};
}

}  // namespace

Result<RepairReport> repair_log(const RepairOptions& options) { return Repair(options).run(); }

}  // namespace headrace
