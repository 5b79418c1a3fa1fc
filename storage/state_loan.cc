// Both sides of a loan.
#include "storage/state_loan.h"

#include <chrono>

#include "src/base/check.h"
#include "src/base/limits.h"

namespace headrace {

Result<StateLoan::Lent> StateLoan::borrow() {
  wanted_back_ = false;
  asked_ = true;
  if (wake_) wake_();
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::microseconds(limits::base_wait_us), 
                    [this] { return ready_ || ended_ || writers_waiting_ > 0; });
  asked_ = false;
  if (!ready_) return Problem(Error::overloaded, "state", "There is no checkpoint to be had");
  Lent lent = std::move(*ready_);
  ready_.reset();
  return lent;
}

bool StateLoan::writing_wanted() const {
  std::lock_guard lock(mutex_);
  return writers_waiting_ > 0 || ended_;
}

void StateLoan::give_back(Lent lent) {
  lent.view.reset();
  {
    std::lock_guard lock(mutex_);
    lent_txn_ = 0;
  }
  changed_.notify_all();
  if (wake_) wake_();
}

void StateLoan::lend(Lent lent) {
  CHECK(lent_txn_ == 0);
  {
    std::lock_guard lock(mutex_);
    if (!asked_) return;
    asked_ = false;
    lent_txn_ = lent.checkpoint.txn_id;
    ready_ = std::move(lent);
  }
  changed_.notify_all();
}

std::optional<uint64_t> StateLoan::lent() const {
  uint64_t txn = lent_txn_.load();
  return txn == 0 ? std::nullopt : std::optional(txn);
}

void StateLoan::wait_back() {
  std::unique_lock lock(mutex_);
  want_back();
  changed_.wait(lock, [this] { return lent_txn_ == 0; });
}

StateLoan::Writing::Writing(StateLoan& loan) : loan_(loan) {
  std::unique_lock lock(loan_.mutex_);
  ++loan_.writers_waiting_;
  loan_.changed_.notify_all();
  loan_.changed_.wait(lock, [this] { return !loan_.writing_; });
  --loan_.writers_waiting_;
  loan_.writing_ = true;
}

StateLoan::Writing::~Writing() {
  {
    std::lock_guard lock(loan_.mutex_);
    loan_.writing_ = false;
  }
  loan_.changed_.notify_all();
}

void StateLoan::end() {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
}

}  // namespace headrace
