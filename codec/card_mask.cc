// A search for long runs of digits, and a pass over strings and numbers where there are some.
#include "codec/card_mask.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "src/base/limits.h"

namespace headrace {
namespace {

constexpr size_t run_min = 14;  // of the shortest card number
constexpr size_t digits_max = 19, named_digits_min = 12, kept_digits = 4;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_separator(char c) { return c == ' ' || c == '-'; }

constexpr std::string_view code_names[] = {"cvv",       "cvv2",     "cvc",       "cvc2",          "csc",
                                           "cvn",       "card_cvv", "card_cvc",  "cardCvv",       "cardCvc",
                                           "card_code", "cardCode", "cardcvv",   "security_code", "securityCode"};
constexpr std::string_view number_names[] = {"card_number", "cardNumber", "cardnumber", "card_no", "cardNo",
                                             "credit_card", "creditCard", "credit_card_number", "creditCardNumber",
                                             "cc_number", "ccNumber", "ccnum", "pan"};

bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

// Of the names that begin with a character, a bit per length: all that most keys are asked.
constexpr auto lengths_by_first = [] {
  std::array<uint32_t, 256> out{};
  auto note = [&](std::string_view name) { out[static_cast<unsigned char>(name[0])] |= uint32_t{1} << name.size(); };
  for (std::string_view name : code_names) note(name);
  for (std::string_view name : number_names) note(name);
  return out;
}();

// Prefixes of card numbers, as ranges of their first digits, and the lengths they come in.
struct Brand {
  uint32_t first, last;  // of `prefix_digits` digits
  uint8_t prefix_digits, digits_min, digits_max;
};
constexpr Brand brands[] = {
    {4, 4, 1, 16, 16},       {4, 4, 1, 19, 19},                                     // Visa
    {51, 55, 2, 16, 16},     {2221, 2720, 4, 16, 16},                               // Mastercard
    {34, 34, 2, 15, 15},     {37, 37, 2, 15, 15},                                   // American Express
    {6011, 6011, 4, 16, 19}, {644, 649, 3, 16, 19},     {65, 65, 2, 16, 19},        // Discover
    {300, 305, 3, 14, 14},   {36, 36, 2, 14, 14},       {38, 39, 2, 14, 14},        // Diners Club
    {3528, 3589, 4, 16, 19},                                                        // JCB
    {62, 62, 2, 16, 19},                                                            // UnionPay
    {5018, 5018, 4, 16, 19}, {5020, 5020, 4, 16, 19},   {5038, 5038, 4, 16, 19},
    {6304, 6304, 4, 16, 19}, {6759, 6759, 4, 16, 19},   {6761, 6763, 4, 16, 19},    // Maestro
};

// Digits without what stands between them.
struct Number {
  std::array<char, digits_max> text;
  size_t count = 0;

  uint32_t prefix(size_t length) const {
    uint32_t out = 0;
    for (size_t i = 0; i < length; ++i) out = 10 * out + static_cast<uint32_t>(text[i] - '0');
    return out;
  }
};

bool has_check_digit(const Number& number) {
  unsigned sum = 0;
  for (size_t i = 0; i < number.count; ++i) {
    auto value = static_cast<unsigned>(number.text[number.count - 1 - i] - '0') << (i % 2);
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 == 0;
}

bool is_card(const Number& number) {
  auto fits = [&](const Brand& brand) {
    if (number.count < brand.digits_min || number.count > brand.digits_max) return false;
    const uint32_t prefix = number.prefix(brand.prefix_digits);
    return prefix >= brand.first && prefix <= brand.last;
  };
  return std::ranges::any_of(brands, fits) && has_check_digit(number);
}

bool is_key_of_somebody(std::string_view name) {
  return name.ends_with("id") || name.ends_with("Id") || name.ends_with("ID");
}

class Masker {
 public:
  Masker(char* json, size_t size) : at_(json), end_(json + size) {}

  bool run() {
    while (at_ != end_) {
      if (*at_ == '"')
        take_string();
      else if (is_digit(*at_) || *at_ == '-')
        take_number();
      else
        ++at_;
    }
    return masked_;
  }

 private:
  void take_string() {
    char* begin = ++at_;
    while (at_ != end_ && *at_ != '"') at_ += *at_ == '\\' && end_ - at_ > 1 ? 2 : 1;
    char* end = at_;
    if (at_ != end_) ++at_;
    const char* next = at_;
    while (next != end_ && (*next == ' ' || *next == '\t' || *next == '\n' || *next == '\r')) ++next;
    if (next != end_ && *next == ':') {
      name_ = {begin, static_cast<size_t>(end - begin)};
    } else {
      mask_text(begin, end);
      name_ = {};
    }
  }

  void mask_text(char* begin, char* end) {
    if (is_key_of_somebody(name_)) return;
    if (is_code(begin, end)) return stars(begin, end, 0);
    for (char* from = begin; from != end;) {
      if (!is_digit(*from)) {
        ++from;
        continue;
      }
      char* to = run_end(from, end);
      if (is_masked(from, to)) stars(from, to, kept_digits);
      from = to;
    }
  }

  // Digits with at most one blank or dash between any two.
  static char* run_end(char* from, char* end) {
    char* last = from;
    for (char* to = from + 1; to != end; ++to) {
      if (is_digit(*to))
        last = to;
      else if (!is_separator(*to) || to - last > 1)
        break;
    }
    return last + 1;
  }

  void take_number() {
    char* begin = at_;
    auto belongs = [](char c) { return is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'; };
    while (at_ != end_ && belongs(*at_)) ++at_;
    if (std::all_of(begin, at_, is_digit) && !is_key_of_somebody(name_)) {
      if (is_code(begin, at_))
        quote(begin, 0);
      else if (is_masked(begin, at_))
        quote(begin, kept_digits);
    }
    name_ = {};
  }

  // The number from `begin` to here becomes a string.
  void quote(char* begin, size_t kept) {
    stars(begin, at_, kept);
    begin[0] = '"';
    if (kept > 0) std::copy(at_ - kept, at_, at_ - kept - 1);
    at_[-1] = '"';
  }

  bool is_code(const char* begin, const char* end) const {
    return end - begin >= 3 && end - begin <= 4 && std::all_of(begin, end, is_digit) && is_one_of(name_, code_names);
  }

  bool is_masked(const char* begin, const char* end) const {
    Number number;
    for (const char* at = begin; at != end; ++at) {
      if (!is_digit(*at)) continue;
      if (number.count == digits_max) return false;
      number.text[number.count++] = *at;
    }
    const bool named = number.count >= named_digits_min && is_one_of(name_, number_names);
    return named || is_card(number);
  }

  void stars(char* begin, char* end, size_t kept) {
    masked_ = true;
    for (char* at = end; at != begin;) {
      if (!is_digit(*--at)) continue;
      if (kept > 0)
        --kept;
      else
        *at = '*';
    }
  }

  char *at_, *end_;
  std::string_view name_;  // of the value that comes
  bool masked_ = false;
};

// A bit per byte that a run of digits may hold.
#ifdef __AVX2__
uint64_t run_bits(const char* at) {
  auto half = [](const char* from) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    const __m256i above = _mm256_cmpgt_epi8(bytes, _mm256_set1_epi8('0' - 1));
    const __m256i below = _mm256_cmpgt_epi8(_mm256_set1_epi8('9' + 1), bytes);
    const __m256i between = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(' ')), _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('-')));
    return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_or_si256(_mm256_and_si256(above, below), between)));
  };
  return half(at) | uint64_t{half(at + 32)} << 32;
}
#else
uint64_t run_bits(const char* at) {
  uint64_t bits = 0;
  for (size_t i = 0; i < 64; ++i) bits |= uint64_t{is_digit(at[i]) || is_separator(at[i])} << i;
  return bits;
}
#endif

// Has `bits` so many ones in a row?
bool has_run(uint64_t bits) {
  static_assert(run_min == 14);
  bits &= bits >> 1;  // 2
  bits &= bits >> 2;  // 4
  bits &= bits >> 4;  // 8
  return (bits & bits >> 6) != 0;
}

}  // namespace

bool may_hold_card(std::string_view json) {
  static_assert(limits::padding_bytes >= 64);
  constexpr size_t step = 64 - (run_min - 1);  // each run is whole in some word
  size_t at = 0;
  for (; at + 64 <= json.size(); at += step)
    if (has_run(run_bits(json.data() + at))) return true;
  if (at >= json.size()) return false;
  const uint64_t within = (uint64_t{1} << (json.size() - at)) - 1;
  return has_run(run_bits(json.data() + at) & within);
}

bool names_card_data(std::string_view key) {
  if (key.empty() || key.size() >= 32) return false;
  if ((lengths_by_first[static_cast<unsigned char>(key[0])] >> key.size() & 1) == 0) return false;
  return is_one_of(key, code_names) || is_one_of(key, number_names);
}

bool mask_cards(char* json, size_t size) { return Masker(json, size).run(); }

}  // namespace headrace
