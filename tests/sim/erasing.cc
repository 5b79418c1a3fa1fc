// An erasure, in the steps of src/events/erasure.h: an order into the log, the state anew from a base beyond it, the
// segments before that without the person. What a crash interrupts is gone on with.
#include "storage/base.h"
#include "storage/compaction.h"
#include "storage/segment_rewriter.h"
#include "tests/sim/life.h"

namespace headrace::sim {
namespace {

constexpr uint64_t first_person = 30, persons = 10;

}  // namespace

std::string Life::erase_person() {
  if (coming_fold_) return {};  // not beside a back-fill
  for (const auto& [key, order] : truth_.erasing)
    if (!truth_.erased.contains(key) || truth_.erased.at(key) < order) return go_on_erasing(std::string(key));
  std::string key = "k" + std::to_string(first_person + dice_.below(persons));
  std::string wrong = give_order(key);
  return wrong.empty() && truth_.erasing.contains(key) ? go_on_erasing(key) : wrong;
}

std::string Life::give_order(const std::string& key) {
  Micros time = system_clock().wall();
  auto order = partition_->append_at(time, Kind::control, 1, key, "forget");
  if (!order) return {};  // refused
  give({Kind::control, time, key, "forget"});
  if (auto durable = partition_->make_durable(); !durable) return said("the order is not durable", durable.problem());
  note_durable();
  truth_.erasing[key] = *order;
  return {};
}

std::string Life::go_on_erasing(const std::string& key) {
  settle_keeper();
  partition_->release();  // the server waits until nothing is unacknowledged: a start must not begin in what is rewritten
  partition_->seal();
  while (failure_.empty() && !partition_->sealed_before()) pump();
  if (!failure_.empty()) return {};
  uint32_t before = *partition_->sealed_before();
  std::string wrong = make_state_anew(key);
  Lsn order = truth_.erasing[key];
  if (wrong.empty()) wrong = rewrite_without(key, order, before);
  if (!wrong.empty()) return wrong;
  truth_.erased[key] = order;
  ++deeds_.erased;
  return {};
}

std::string Life::make_state_anew(const std::string& key) {
  auto base = partition_->make_base();
  if (!base && base.problem().error == Error::overloaded) {
    std::string wrong = give_order(key);
    if (!wrong.empty()) return wrong;
    base = partition_->make_base();
  }
  if (!base) return said("no base can be made", base.problem());
  Lsn last = partition_->applied_lsn();
  auto closed = partition_->close();
  if (!closed) return said("the partition does not close", closed.problem());
  note_durable();
  partition_.reset();
  auto forgotten = forget_state(*options_.disk, options_.place);
  if (!forgotten) return said("the state cannot be forgotten", forgotten.problem());
  auto again = Partition::open(options_, fold_);
  if (!again) return said("the partition does not open again", again.problem());
  partition_ = std::move(*again);
  return partition_->applied_lsn() == last ? "" : "opened again, the partition has other records";
}

std::string Life::rewrite_without(const std::string& key, Lsn order, uint32_t before) {
  auto segments = summarise_log(*options_.disk, options_.place);
  if (!segments) return said("the log cannot be looked at", segments.problem());
  auto theirs = [&](const RecordView& record) {
    return record.kind == Kind::event && record.key == key && record.lsn <= order;
  };
  for (size_t i = 0; i + 1 < segments->size() && (*segments)[i].segment < before; ++i) {
    if ((*segments)[i + 1].first_lsn == (*segments)[i].first_lsn) continue;
    auto report = rewrite_segment({.place = options_.place, .clock = options_.clock, .disk = options_.disk, .frame_bytes = 4096},
                                  (*segments)[i].segment, [&](RecordView& record) { return !theirs(record); });
    if (!report) return said("a segment cannot be rewritten", report.problem());
  }
  return {};
}

}  // namespace headrace::sim
