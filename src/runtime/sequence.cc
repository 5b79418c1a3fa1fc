// The list of waiters of a Sequence, sorted by goal; goals mostly come in growing order, so search from the
// end.
#include "src/runtime/sequence.h"

#include <utility>

namespace headrace {

void Sequence::Wait::link() {
  before_ = sequence_.last_;
  while (before_ != nullptr && before_->goal_ > goal_) before_ = before_->before_;
  after_ = before_ ? before_->after_ : sequence_.first_;
  (before_ ? before_->after_ : sequence_.first_) = this;
  (after_ ? after_->before_ : sequence_.last_) = this;
  linked_ = true;
}

void Sequence::Wait::unlink() {
  (before_ ? before_->after_ : sequence_.first_) = after_;
  (after_ ? after_->before_ : sequence_.last_) = before_;
  linked_ = false;
}

void Sequence::advance(uint64_t value) {
  if (value > value_) value_ = value;
  bool ended = false;
  bool* outer = std::exchange(ended_, &ended);
  // One at a time from the front: a resumed coroutine may wait again, advance again, or destroy another
  // waiter.
  while (first_ != nullptr && first_->goal_ <= value_) {
    Wait* reached = first_;
    reached->unlink();
    reached->waiter_.resume();
    if (ended) {
      if (outer) *outer = true;
      return;
    }
  }
  ended_ = outer;
}

}  // namespace headrace
