// Ranks, times and types of a fold are written against those before it: what stays is written anew against
// what stays.
#include "src/features/fold_trim.h"

#include <bit>

#include "codec/varint.h"

namespace headrace::features {
namespace {

constexpr size_t name_bytes = sizeof(uint32_t);  // of a field, in a head

class Trimming {
 public:
  Trimming(std::string_view folds, const LeaveOutFold& leave_out, std::string& out)
      : take_(folds), leave_out_(leave_out), out_(out) {}

  std::optional<Trimmed> run() {
    while (!take_.rest().empty()) {
      if (take_.rest().front() == '\0')
        take_head();
      else
        take_fold();
    }
    return take_.failed() ? std::nullopt : std::optional(result_);
  }

 private:
  struct Type {
    std::string_view said;
    uint64_t place = 0;  // among those written; 0: it was not
  };

  void take_head();
  size_t take_names();
  void take_fold();
  std::string_view take_type(size_t& type);
  std::string_view take_fields();
  void write(const FoldName& fold, size_t type, std::string_view fields);

  Taker take_;
  const LeaveOutFold& leave_out_;
  std::string& out_;
  std::string_view head_;  // not yet written, because nothing behind it was
  size_t numbers_ = 0;
  std::vector<Type> types_;
  uint64_t types_written_ = 0;
  FoldRank rank_ = 0, rank_written_ = 0;
  uint64_t time_ = 0, time_written_ = 0;  // as bits: differences may wrap
  Trimmed result_;
};

void Trimming::take_head() {
  std::string_view from = take_.rest();
  take_.bytes(1);
  numbers_ = take_names();
  take_names();  // identities
  head_ = from.substr(0, from.size() - take_.rest().size());
  types_.clear();
  types_written_ = 0;
  rank_ = rank_written_ = 0;
  time_ = time_written_ = 0;
}

size_t Trimming::take_names() {
  auto count = take_.fixed<uint8_t>();
  take_.bytes(count * name_bytes);
  return count;
}

void Trimming::take_fold() {
  FoldName fold;
  size_t type = 0;
  fold.rank = rank_ += take_.varint();
  time_ += static_cast<uint64_t>(unzigzag(take_.varint()));
  fold.type = take_type(type);
  fold.key = take_.text();
  std::string_view fields = take_fields();
  if (take_.failed()) return;
  if (leave_out_(fold)) {
    ++result_.left_out;
    return;
  }
  ++result_.kept;
  write(fold, type, fields);
}

std::string_view Trimming::take_type(size_t& type) {
  uint64_t place = take_.varint();
  if (place == 0) {
    types_.push_back({take_.text(), 0});
    place = types_.size();
  }
  if (place > types_.size()) return take_.bytes(SIZE_MAX);  // fails
  type = place - 1;
  return types_[type].said;
}

std::string_view Trimming::take_fields() {
  std::string_view from = take_.rest();
  for (uint64_t has = take_.varint(); has != 0 && !take_.failed(); has &= has - 1) {
    bool number = static_cast<size_t>(std::countr_zero(has)) < numbers_;
    if (!number || take_.varint() == 0) take_.bytes(sizeof(uint64_t));
  }
  return from.substr(0, from.size() - take_.rest().size());
}

void Trimming::write(const FoldName& fold, size_t type, std::string_view fields) {
  out_.append(head_);
  head_ = {};
  put_varint(fold.rank - rank_written_, out_);
  put_varint(zigzag(static_cast<int64_t>(time_ - time_written_)), out_);
  put_varint(types_[type].place, out_);
  if (types_[type].place == 0) {
    types_[type].place = ++types_written_;
    put_text(fold.type, out_);
  }
  put_text(fold.key, out_);
  out_.append(fields);
  rank_written_ = fold.rank;
  time_written_ = time_;
}

}  // namespace

std::optional<Trimmed> trim_folds(std::string_view folds, const LeaveOutFold& leave_out, std::string& out) {
  return Trimming(folds, leave_out, out).run();
}

}  // namespace headrace::features
