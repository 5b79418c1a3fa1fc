// Folds as bytes, and back.
#include "src/features/fold_payload.h"

#include <bit>
#include <cmath>

#include "codec/varint.h"
#include "src/base/check.h"
#include "src/features/bits.h"

namespace headrace::features {
namespace {

constexpr uint8_t head_mark = 0;
static_assert(limits::feature_fields_max - 1 <= 31);  // what a head can name
constexpr size_t fields_bytes_max =
    varint_bytes_max + (limits::feature_fields_max - 1) * (varint_bytes_max + 2 * sizeof(uint64_t));
constexpr size_t fold_bytes_max =
    5 * varint_bytes_max + limits::event_type_bytes_max + limits::scoped_key_bytes_max + fields_bytes_max;

char* put(uint64_t value, char* to) {
  for (; value >= 0x80; value >>= 7) *to++ = static_cast<char>(value | 0x80);
  *to = static_cast<char>(value);
  return to + 1;
}

char* put(std::string_view text, char* to) {
  to = put(text.size(), to);
  return to + text.copy(to, text.size());
}

template <class T>
char* put_bits(T value, char* to) {
  store(to, value);
  return to + sizeof(T);
}

double from_hundredths(int64_t hundredths) { return static_cast<double>(hundredths) / 100; }

// Prices and counts are short as hundredths; whatever would not come back the same goes as it is.
char* put_number(double value, char* to) {
  if (std::fabs(value) < 1e13) {
    auto hundredths = static_cast<int64_t>(std::llrint(value * 100));
    if (std::bit_cast<uint64_t>(from_hundredths(hundredths)) == std::bit_cast<uint64_t>(value))
      return put(zigzag(hundredths) + 1, to);
  }
  return put_bits(value, put(0, to));
}

uint64_t bits(double value) { return std::bit_cast<uint64_t>(value); }

std::string names_of(const Plan& plan, uint8_t Field::*slot) {
  std::array<uint32_t, limits::feature_fields_max> names{};
  size_t count = 0;
  for (const Field& field : plan.fields()) {
    if (field.*slot != 0) names[field.*slot - 1] = field.name_hash, ++count;
  }
  std::string out(1, static_cast<char>(count));
  return out.append(reinterpret_cast<const char*>(names.data()), count * sizeof(uint32_t));
}

}  // namespace

FoldWriter::FoldWriter(std::shared_ptr<const Plan> plan) : plan_(std::move(plan)) {
  std::string numbers = names_of(*plan_, &Field::number), identities = names_of(*plan_, &Field::identity);
  numbers_ = static_cast<size_t>(numbers[0]);
  identities_ = static_cast<size_t>(identities[0]);
  head_ = std::string(1, head_mark) + numbers + identities;
}

void FoldWriter::begin(std::string& out) {
  out.append(head_);
  rank_ = 0;
  time_ = 0;
  types_ = 0;
  type_places_.assign(plan_->type_spellings(), 0);
}

void FoldWriter::add(FoldRank rank, std::string_view key, const Observation& seen, std::string& out) {
  CHECK(rank > rank_ && key.size() <= limits::scoped_key_bytes_max &&
        seen.type.size() <= limits::event_type_bytes_max);
  char bytes[fold_bytes_max];
  char* to = put(rank - rank_, bytes);
  to = put(zigzag(seen.time - time_), to);
  to = put_type(seen, to);
  to = put(key, to);
  to = put_fields(seen, to);
  out.append(bytes, static_cast<size_t>(to - bytes));
  rank_ = rank;
  time_ = seen.time;
}

// A type that the plan does not know is new each time.
char* FoldWriter::put_type(const Observation& seen, char* to) {
  uint64_t& place = type_places_[seen.type_spelling];
  if (place != 0) return put(place, to);
  ++types_;
  if (seen.type_spelling != 0) place = types_;
  return put(seen.type, put(0, to));
}

char* FoldWriter::put_fields(const Observation& seen, char* to) const {
  const Observation& blank = plan_->blank();
  uint64_t has = 0;
  for (size_t i = 0; i < numbers_; ++i)
    has |= uint64_t{bits(seen.number[i + 1]) != bits(blank.number[i + 1])} << i;
  for (size_t i = 0; i < identities_; ++i) has |= uint64_t{seen.identity[i + 1] != 0} << (numbers_ + i);
  to = put(has, to);
  for (; has != 0; has &= has - 1) {
    auto i = static_cast<size_t>(std::countr_zero(has));
    to = i < numbers_ ? put_number(seen.number[i + 1], to) : put_bits(seen.identity[i - numbers_ + 1], to);
  }
  return to;
}

bool FoldReader::fail() {
  failed_ = true;
  at_ = end_;
  return false;
}

inline uint64_t FoldReader::varint() {
  if (at_ != end_ && static_cast<uint8_t>(*at_) < 0x80) return static_cast<uint8_t>(*at_++);
  Taker take({at_, static_cast<size_t>(end_ - at_)});
  uint64_t value = take.varint();
  if (take.failed()) return fail(), 0;
  at_ = take.rest().data();
  return value;
}

template <class T>
T FoldReader::fixed() {
  if (static_cast<size_t>(end_ - at_) < sizeof(T)) return fail(), T{};
  at_ += sizeof(T);
  return load<T>(at_ - sizeof(T));
}

inline std::string_view FoldReader::text() {
  uint64_t size = varint();
  if (size > static_cast<size_t>(end_ - at_)) return fail(), std::string_view();
  at_ += size;
  return {at_ - size, size};
}

bool FoldReader::next(Fold& fold) {
  while (at_ != end_ && *at_ == head_mark) {
    if (!take_head()) return false;
  }
  if (at_ == end_) return false;
  if (!headed_) return fail();
  fold.rank = rank_ += varint();
  time_ = static_cast<Micros>(static_cast<uint64_t>(time_) + static_cast<uint64_t>(unzigzag(varint())));
  fold.seen = plan_.blank();
  fold.seen.time = within_time(time_);
  if (!take_type(fold.seen)) return fail();
  fold.key = text();
  take_fields(fold.seen);
  fold.seen.matched = plan_.match(fold.seen.type_code, fold.seen.identity);
  return !failed_ && (!fold.key.empty() || fail());
}

bool FoldReader::take_head() {
  ++at_;
  rank_ = 0;
  time_ = 0;
  types_.clear();
  take_names(&Field::number, numbers_);
  take_names(&Field::identity, identities_);
  headed_ = !failed_;
  return headed_;
}

// A field that this plan does not know is passed over: the folds were made under another plan.
void FoldReader::take_names(uint8_t Field::*slot, Slots& slots) {
  slots = {.all = {}, .count = fixed<uint8_t>()};
  if (slots.count > slots.all.size()) slots.count = 0, fail();
  for (size_t i = 0; i < slots.count; ++i) {
    auto name = fixed<uint32_t>();
    for (const Field& field : plan_.fields()) {
      if (field.name_hash == name) slots.all[i] = field.*slot;
    }
  }
}

bool FoldReader::take_type(Observation& seen) {
  uint64_t place = varint();
  if (place == 0) {
    std::string_view said = text();
    uint8_t spelling = plan_.type_spelling(said);
    types_.push_back({said, spelling, plan_.type_code(spelling)});
    place = types_.size();
  }
  if (failed_ || place > types_.size()) return false;
  const Type& type = types_[place - 1];
  seen.type = type.said;
  seen.type_spelling = type.spelling;
  seen.type_code = type.code;
  return true;
}

void FoldReader::take_fields(Observation& seen) {
  uint64_t has = varint();
  if (has >> (numbers_.count + identities_.count) != 0) fail();
  for (; has != 0 && !failed_; has &= has - 1) {
    auto i = static_cast<size_t>(std::countr_zero(has));
    if (i < numbers_.count) {
      uint64_t said = varint();
      double value = said == 0 ? fixed<double>() : from_hundredths(unzigzag(said - 1));
      if (numbers_.all[i] != 0) seen.number[numbers_.all[i]] = value;
    } else {
      auto identity = fixed<uint64_t>();
      uint8_t slot = identities_.all[i - numbers_.count];
      if (slot != 0) seen.identity[slot] = identity;
    }
  }
}

}  // namespace headrace::features
