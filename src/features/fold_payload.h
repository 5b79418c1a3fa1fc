// Folds: events on their way to the home partition of other entities they name, many of one source behind
// each other.
//
//   folds := ( head | fold )*                   the first is a head
//   head  := 0:u8 count:u8 name* count:u8 name*
//            numbers, then identities, that the folds behind it may have; up to 31 of each
//   name  := u32 (XXH3 of the field's name, low half)
//   fold  := rank:varint (less the rank before, never 0) time:varint(zigzag us, less the time before)
//            type:varint (n: the n-th new one behind the head; 0: a new one, len-type type follows)
//            len-key key  has:varint (bit i: the i-th name of the head) value*
//   value := number: varint (zigzag of hundredths, plus 1; or 0, then f64), identity: u64
//
// Behind a head everything begins anew: rank and time at 0, no types. Integers are little-endian. Types and
// fields go by name and not by numbers of a plan, so that old logs replay under new definitions; the head
// says them once.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codec/record.h"
#include "src/features/definition.h"
#include "src/features/observation.h"
#include "src/features/plan.h"

namespace headrace::features {

// The place of a fold among those of its source: by the LSN of the event, then by kind of entity. Never 0.
using FoldRank = uint64_t;
constexpr FoldRank rank_of(Lsn lsn, EntityKind kind) {
  return lsn * entity_kinds + static_cast<uint64_t>(kind);
}

struct Fold {
  FoldRank rank = 0;
  std::string_view key;
  Observation seen;

  EntityKind kind() const { return static_cast<EntityKind>(rank % entity_kinds); }
  Lsn source_lsn() const { return rank / entity_kinds; }
};

// Writes folds for one target, in ascending rank.
class FoldWriter {
 public:
  explicit FoldWriter(std::shared_ptr<const Plan> plan);

  // What is appended from here on can be read without what stands before it.
  void begin(std::string& out);
  void add(FoldRank rank, std::string_view key, const Observation& seen, std::string& out);

 private:
  char* put_type(const Observation& seen, char* to);
  char* put_fields(const Observation& seen, char* to) const;

  std::shared_ptr<const Plan> plan_;
  std::string head_;
  size_t numbers_ = 0, identities_ = 0;
  FoldRank rank_ = 0;
  Micros time_ = 0;
  uint64_t types_ = 0;                 // new ones behind the head
  std::vector<uint64_t> type_places_;  // by the plan's spelling; 0: not behind this head yet
};

class FoldReader {
 public:
  FoldReader(const Plan& plan, std::string_view folds)
      : plan_(plan), at_(folds.data()), end_(at_ + folds.size()) {}

  // False behind the last fold, and where the bytes are none. The views of `fold` point into them.
  bool next(Fold& fold);
  bool failed() const { return failed_; }

 private:
  struct Type {
    std::string_view said;
    uint8_t spelling, code;
  };
  struct Slots {  // of this plan, by place in the head; 0: it does not know the field
    std::array<uint8_t, 31> all{};
    size_t count = 0;
  };

  uint64_t varint();
  template <class T>
  T fixed();
  std::string_view text();
  bool fail();
  bool take_head();
  void take_names(uint8_t Field::*slot, Slots& slots);
  bool take_type(Observation& seen);
  void take_fields(Observation& seen);

  const Plan& plan_;
  const char *at_, *end_;
  bool failed_ = false, headed_ = false;
  FoldRank rank_ = 0;
  Micros time_ = 0;
  Slots numbers_, identities_;
  std::vector<Type> types_;
};

}  // namespace headrace::features
