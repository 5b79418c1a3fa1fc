// One record at a time. What does not parse stays: `log verify` and readers name it.
#include "src/events/thinning.h"

#include <fmt/format.h>

#include <memory>
#include <string>

#include "src/events/event_fold.h"
#include "src/events/redaction.h"

namespace headrace {
namespace {

// Takes folds out of a fold record, whose payload is then in `scratch`; false where none is left.
bool trim(RecordView& record, const features::LeaveOutFold& leave_out, std::string& scratch,
          uint64_t& left_out) {
  scratch.clear();
  auto trimmed = EventFold::trim(record.payload, leave_out, scratch);
  if (!trimmed || trimmed->left_out == 0) return true;
  left_out += trimmed->left_out;
  record.payload = scratch;
  return trimmed->kept > 0;
}

// What was paid is the account's, whatever it was for: of the event only that stays. False where nothing does.
bool leave_charge(const Event& event, std::string& scratch, RecordView& record) {
  auto charge = charge_of(event);
  if (!charge) return false;
  std::string data = fmt::format("{}{}}}", charge_mark, charge->credits);
  Event left;
  left.id = event.id, left.type = event.type, left.source = event.source, left.user = event.user;
  left.time = event.time, left.data = data;
  scratch.clear();
  encode(left, scratch);
  record.payload = scratch;
  return true;
}

class WithoutExpired {
 public:
  explicit WithoutExpired(const Expired& expired) : expired_(expired) {}

  bool operator()(RecordView& record) {
    if (record.kind == Kind::event) {
      auto event = decode_event(record.payload);
      return !event.ok() || !expired_.has(event->type) || leave_charge(*event, scratch_, record);
    }
    uint64_t left_out = 0;
    auto too_old = [this](const features::FoldName& fold) { return expired_.has(fold.type); };
    return record.kind != Kind::fold || trim(record, too_old, scratch_, left_out);
  }

 private:
  Expired expired_;
  std::string scratch_;
};

class WithoutPerson {
 public:
  WithoutPerson(const ErasureOrder& order, Lsn through, ErasureCounts& counts)
      : order_(&order), through_(through), counts_(&counts) {}

  bool operator()(RecordView& record) {
    if (record.lsn > through_) return true;
    if (record.kind == Kind::event) return visit_event(record);
    if (record.kind == Kind::fold) return visit_folds(record);
    return record.kind == Kind::control || visit_document(record);
  }

 private:
  bool visit_event(RecordView& record) {
    auto event = decode_event(record.payload);
    if (!event.ok()) return true;
    if (order_->owns(*event)) return ++counts_->events, !order_->names(event->user) && leave_charge(*event, scratch_, record);
    if (!order_->covers(event->id)) return true;
    auto data = redact(event->data, order_->subject);
    if (!data) return true;
    event->data = *data;
    scratch_.clear();
    encode(*event, scratch_);
    record.payload = scratch_;
    return ++counts_->redacted, true;
  }

  bool visit_folds(RecordView& record) {
    auto theirs = [this](const features::FoldName& fold) { return order_->owns(fold.kind(), fold.key); };
    return trim(record, theirs, scratch_, counts_->folds);
  }

  bool visit_document(const RecordView& record) {
    if (!order_->tenant.empty()) return true;  // documents are the platform's
    bool theirs = order_->subject.is_in(record.key) || order_->subject.is_in(record.payload);
    counts_->documents += theirs;
    return !theirs;
  }

  const ErasureOrder* order_;
  Lsn through_;
  ErasureCounts* counts_;
  std::string scratch_;
};

}  // namespace

ErasureCounts& ErasureCounts::operator+=(const ErasureCounts& other) {
  events += other.events, redacted += other.redacted, folds += other.folds, documents += other.documents;
  return *this;
}

RecordVisitor without_expired(const Expired& expired) { return WithoutExpired(expired); }

RecordVisitor without_person(const ErasureOrder& order, Lsn through, ErasureCounts& counts) {
  return WithoutPerson(order, through, counts);
}

}  // namespace headrace
