// Quotes as bits of 64-byte blocks; between them, keys, values and what is nested.
#include "src/features/field_scan.h"

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

#if defined(__AVX2__)
uint64_t quotes_in(const char* block) {
  const __m256i quote = _mm256_set1_epi8('"');
  auto half = [&](const char* at) {
    __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, quote)));
  };
  return half(block) | static_cast<uint64_t>(half(block + 32)) << 32;
}
#else
uint64_t quotes_in(const char* block) {
  uint64_t bits = 0;
  for (size_t i = 0; i < 64; ++i) bits |= static_cast<uint64_t>(block[i] == '"') << i;
  return bits;
}
#endif

// The positions of all quotes, one after the other. Without escapes every second one closes a text.
class Quotes {
 public:
  explicit Quotes(std::string_view data) : data_(data) { load_block(); }

  size_t next() {
    while (bits_ == 0) {
      if (data_.size() - base_ <= 64) return none;
      base_ += 64;
      load_block();
    }
    size_t at = base_ + static_cast<size_t>(std::countr_zero(bits_));
    bits_ &= bits_ - 1;
    return at;
  }

 private:
  void load_block() {
    size_t left = data_.size() - base_;
    if (left >= 64) {
      bits_ = quotes_in(data_.data() + base_);
      return;
    }
    char block[64] = {};
    if (left > 0) std::memcpy(block, data_.data() + base_, left);
    bits_ = quotes_in(block);
  }

  std::string_view data_;
  size_t base_ = 0;
  uint64_t bits_ = 0;
};

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

class Scanner {
 public:
  Scanner(std::string_view data, const FieldTable& table, Observation& seen)
      : data_(data), quotes_(data), table_(table), seen_(seen) {}

  void run() {
    if (char_after_space() != '{') return;
    while (take_member()) {
    }
  }

 private:
  char char_after_space() {
    while (at_ < data_.size() && is_space(data_[at_])) ++at_;
    return at_ < data_.size() ? data_[at_] : '\0';
  }

  // The text between the next two quotes; its data() is null where there are no two.
  std::string_view take_quoted() {
    size_t open = quotes_.next();
    size_t close = quotes_.next();
    if (close == none) return {};
    at_ = close + 1;
    return data_.substr(open + 1, close - open - 1);
  }

  // The same, and it begins here.
  std::string_view take_quoted_here() {
    const char* here = data_.data() + at_ + 1;
    std::string_view text = take_quoted();
    return text.data() == here ? text : std::string_view();
  }

  bool take_member() {
    std::string_view key = take_quoted();
    if (key.data() == nullptr || char_after_space() != ':') return false;
    ++at_;
    const FieldTable::Slots* slots = table_.find(key);
    char first = char_after_space();
    if (first == '"') return take_text_value(slots);
    if (first == '{' || first == '[') return skip_nested();
    if (slots != nullptr) take_scalar(*slots);
    return true;  // the next quote, if any, opens the next key
  }

  bool take_text_value(const FieldTable::Slots* slots) {
    std::string_view text = take_quoted_here();
    if (text.data() == nullptr) return false;
    if (slots != nullptr) take_text(*slots, text, seen_);
    return true;
  }

  void take_scalar(const FieldTable::Slots& slots) {
    size_t end = at_;
    while (end < data_.size() && data_[end] != ',' && data_[end] != '}' && !is_space(data_[end])) ++end;
    std::string_view token = data_.substr(at_, end - at_);
    double value = token == "true" ? 1 : token == "false" ? 0 : number_of(token);
    if (!std::isnan(value)) take_number(slots, value, token, seen_);
  }

  bool skip_nested() {
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

constexpr double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                             1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

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

void scan_fields(std::string_view data, const FieldTable& table, Observation& seen) {
  Scanner(data, table, seen).run();
}

// Up to 15 digits are a whole number that a double holds, and so is the power of ten below them: their
// quotient is rounded once (Clinger, "How to read floating point numbers accurately", PLDI 1990).
double number_of(std::string_view token) {
  bool minus = token.starts_with('-');
  std::string_view digits = token.substr(minus ? 1 : 0);
  if (digits.empty() || !is_digit(digits[0]) || breaks_json(digits))
    return std::numeric_limits<double>::quiet_NaN();
  int64_t whole = 0;
  size_t point = digits.size();
  if (digits.size() > 16) return any_number(token);
  for (size_t i = 0; i < digits.size(); ++i) {
    if (is_digit(digits[i])) {
      whole = whole * 10 + (digits[i] - '0');
    } else if (digits[i] == '.' && point == digits.size() && i + 1 < digits.size()) {
      point = i;
    } else {
      return any_number(token);
    }
  }
  size_t below = point == digits.size() ? 0 : digits.size() - point - 1;
  if (digits.size() - (below > 0) > 15) return any_number(token);
  double value = static_cast<double>(whole) / powers[below];
  return minus ? -value : value;
}

}  // namespace headrace::features
