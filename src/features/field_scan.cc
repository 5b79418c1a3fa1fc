// Quotes as bits of 64-byte blocks; between them, keys, values and what is nested.
#include "src/features/field_scan.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "src/features/bits.h"

namespace headrace::features {
namespace {

constexpr size_t none = SIZE_MAX;

// Everything below is one loop whose state should stay in registers.
#define INLINE [[gnu::always_inline]] inline

struct Block {
  uint64_t quotes, backslashes;  // a bit per byte
};

#if defined(__AVX2__)
INLINE Block block_at(const char* at) {
  const auto* halves = reinterpret_cast<const __m256i*>(at);
  __m256i low = _mm256_loadu_si256(halves), high = _mm256_loadu_si256(halves + 1);
  auto equal = [&](char c) {
    __m256i wanted = _mm256_set1_epi8(c);
    auto bits = [&](__m256i half) {
      return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(half, wanted)));
    };
    return bits(low) | static_cast<uint64_t>(bits(high)) << 32;
  };
  return {equal('"'), equal('\\')};
}
#else
INLINE Block block_at(const char* at) {
  Block block{0, 0};
  for (size_t i = 0; i < 64; ++i) {
    block.quotes |= static_cast<uint64_t>(at[i] == '"') << i;
    block.backslashes |= static_cast<uint64_t>(at[i] == '\\') << i;
  }
  return block;
}
#endif

// The positions of all quotes, one after the other. Without escapes every second one closes a text; at an
// escape they end.
class Quotes {
 public:
  INLINE explicit Quotes(std::string_view data) : data_(data) { load_block(); }

  INLINE size_t next() {
    while (bits_ == 0) {
      if (data_.size() - base_ <= 64 || escaped_) return none;
      base_ += 64;
      load_block();
    }
    size_t at = base_ + static_cast<size_t>(std::countr_zero(bits_));
    bits_ &= bits_ - 1;
    return at;
  }

  INLINE bool escaped() const { return escaped_; }

 private:
  INLINE void load_block() {
    size_t left = data_.size() - base_;
    Block block = left >= 64 ? block_at(data_.data() + base_) : last_block(left);
    escaped_ = block.backslashes != 0;
    bits_ = escaped_ ? 0 : block.quotes;
  }

  // Where there are 64 bytes in all, the last 64 of them.
  INLINE Block last_block(size_t left) const {
    if (data_.size() >= 64) {
      Block block = block_at(data_.data() + data_.size() - 64);
      return {block.quotes >> (64 - left), block.backslashes >> (64 - left)};
    }
    char bytes[64] = {};
    std::memcpy(bytes, data_.data(), left);
    return block_at(bytes);
  }

  std::string_view data_;
  size_t base_ = 0;
  uint64_t bits_ = 0;
  bool escaped_ = false;
};

INLINE bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
INLINE bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }
INLINE bool ends_scalar(char c) { return c == ',' || c == '}' || is_space(c); }

constexpr double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                             1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

// Digits, perhaps with a point among them: the number, and how many digits there were in all.
struct Digits {
  int64_t whole = 0;
  size_t count = 0;
};

INLINE const char* take_digits(const char* at, const char* end, Digits& digits) {
  for (; at != end && is_digit(*at) && digits.count++ < 16; ++at)
    digits.whole = digits.whole * 10 + (*at - '0');
  return at;
}

// Reads a number of up to 15 digits without an exponent: a whole number that a double holds, and so is the
// power of ten below them, so their quotient is rounded once (Clinger, "How to read floating point numbers
// accurately", PLDI 1990). Where it ends, or null where it is not that simple.
INLINE const char* take_short_number(const char* at, const char* end, double& value) {
  bool minus = at != end && *at == '-';
  at += minus;
  Digits digits;
  const char* begin = at;
  at = take_digits(at, end, digits);
  size_t above = digits.count;
  if (above == 0 || (*begin == '0' && above > 1)) return nullptr;
  if (at != end && *at == '.') {
    at = take_digits(at + 1, end, digits);
    if (digits.count == above) return nullptr;
  }
  if (digits.count > 15 || (at != end && !ends_scalar(*at))) return nullptr;
  value = static_cast<double>(digits.whole) / powers[digits.count - above];
  if (minus) value = -value;
  return at;
}

// A number or a word that begins at `begin`.
INLINE void take_scalar(const FieldTable::Slots& slots, const char* begin, const char* end, Observation& seen) {
  double value = 0;
  const char* after = take_short_number(begin, end, value);
  if (after == nullptr) {
    after = std::find_if(begin, end, ends_scalar);
    std::string_view token(begin, static_cast<size_t>(after - begin));
    value = token == "true" ? 1 : token == "false" ? 0 : number_of(token);
    if (std::isnan(value)) return;
  }
  take_number(slots, value, {begin, static_cast<size_t>(after - begin)}, seen);
}

class Scanner {
 public:
  INLINE Scanner(std::string_view data, const FieldTable& table, Observation& seen)
      : data_(data), quotes_(data), table_(table), seen_(seen) {}

  INLINE bool run() {
    if (char_after_space() == '{') {
      while (take_member()) {
      }
    }
    return !quotes_.escaped();
  }

 private:
  INLINE char char_after_space() {
    while (at_ < data_.size() && is_space(data_[at_])) ++at_;
    return at_ < data_.size() ? data_[at_] : '\0';
  }

  // The text between the next two quotes; its data() is null where there are no two.
  INLINE std::string_view take_quoted() {
    size_t open = quotes_.next();
    size_t close = quotes_.next();
    if (close == none) return {};
    at_ = close + 1;
    return {data_.data() + open + 1, close - open - 1};
  }

  // The same, and it begins here.
  INLINE std::string_view take_quoted_here() {
    const char* here = data_.data() + at_ + 1;
    std::string_view text = take_quoted();
    return text.data() == here ? text : std::string_view();
  }

  INLINE bool take_member() {
    std::string_view key = take_quoted();
    if (key.data() == nullptr || char_after_space() != ':') return false;
    ++at_;
    const FieldTable::Slots* slots = table_.find(key);
    char first = char_after_space();
    if (first == '"') return take_text_value(slots);
    if (first == '{' || first == '[') return skip_nested();
    if (slots != nullptr) take_scalar(*slots, data_.data() + at_, data_.data() + data_.size(), seen_);
    return true;  // the next quote, if any, opens the next key
  }

  INLINE bool take_text_value(const FieldTable::Slots* slots) {
    std::string_view text = take_quoted_here();
    if (text.data() == nullptr) return false;
    if (slots != nullptr) take_text(*slots, text, seen_);
    return true;
  }

  INLINE bool skip_nested() {
    size_t depth = 0;
    do {
      if (at_ >= data_.size()) return false;
      char c = data_[at_];
      if (c == '"') {
        if (take_quoted_here().data() == nullptr) return false;
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++at_;
    } while (depth > 0);
    return true;
  }

  std::string_view data_;
  Quotes quotes_;
  const FieldTable& table_;
  Observation& seen_;
  size_t at_ = 0;
};

#undef INLINE

// What from_chars takes and JSON does not: 5. and 007.
bool breaks_json(std::string_view digits) {
  size_t point = digits.find('.');
  bool bare = point != digits.npos && (point + 1 == digits.size() || !is_digit(digits[point + 1]));
  return bare || (digits[0] == '0' && digits.size() > 1 && is_digit(digits[1]));
}

double any_number(std::string_view token) {
  double value = 0;
  auto [end, problem] = std::from_chars(token.data(), token.data() + token.size(), value);
  bool whole = problem == std::errc() && end == token.data() + token.size() && std::isfinite(value);
  return whole ? value : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

bool scan_fields(std::string_view data, const FieldTable& table, Observation& seen) {
  return Scanner(data, table, seen).run();
}

void take_members(std::span<const EventMember> members, const FieldTable& table, Observation& seen) {
  for (const EventMember& member : members) {
    const FieldTable::Slots* slots = table.find(member.key);
    if (slots == nullptr) continue;
    std::string_view value = member.value;
    if (value[0] == '"')
      take_text(*slots, value.substr(1, value.size() - 2), seen);
    else if (value[0] != '{' && value[0] != '[')
      take_scalar(*slots, value.data(), value.data() + value.size(), seen);
  }
}

double number_of(std::string_view token) {
  double value = 0;
  const char* end = token.data() + token.size();
  if (take_short_number(token.data(), end, value) == end && !token.empty()) return value;
  std::string_view digits = token.substr(token.starts_with('-') ? 1 : 0);
  if (digits.empty() || !is_digit(digits[0]) || breaks_json(digits))
    return std::numeric_limits<double>::quiet_NaN();
  return any_number(token);
}

}  // namespace headrace::features
