// Indexing, keys, leaves, and the walk over parts that nobody asked for.
#include "codec/json_walk.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "src/base/limits.h"

namespace headrace {
namespace parsing = simdjson::SIMDJSON_BUILTIN_IMPLEMENTATION::numberparsing;
namespace {

static_assert(limits::padding_bytes >= simdjson::SIMDJSON_PADDING);

constexpr size_t kept_bytes = 1024 * 1024;  // buffers for larger texts go when a text needs less
constexpr size_t few_keys = 32;             // compared one by one; more are sorted at the end of their object

bool fits(size_t capacity, size_t wanted) { return wanted <= capacity && capacity <= wanted + kept_bytes; }

// What may stand behind a number or word.
constexpr auto ends_token = [] {
  std::array<bool, 256> out{};
  for (unsigned char c : {' ', '\t', '\r', '\n', ',', ':', '{', '}', '[', ']'}) out[c] = true;
  return out;
}();

bool is_end(char c) { return ends_token[static_cast<unsigned char>(c)]; }
bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

const char* behind_digits(const char* at) {
  while (is_digit(*at)) ++at;
  return at;
}

const char* find_escape(const char* first, const char* last) {
  auto* found = static_cast<const char*>(std::memchr(first, '\\', static_cast<size_t>(last - first)));
  return found ? found : last;
}

}  // namespace

bool JsonWalk::fail(Problem problem) {
  problem_ = std::move(problem);
  return false;
}

bool JsonWalk::broken() {
  return fail({Error::malformed_json, simdjson::error_message(simdjson::TAPE_ERROR)});
}

simdjson::error_code JsonWalk::index(std::string_view text) {
  if (!stage_ || !fits(stage_->capacity(), text.size())) {
    auto code = simdjson::get_active_implementation()->create_dom_parser_implementation(
        std::max<size_t>(text.size(), 4096), 1, stage_);
    if (code) return code;
  }
  return stage_->stage1(reinterpret_cast<const uint8_t*>(text.data()), text.size(),
                        simdjson::stage1_mode::regular);
}

bool JsonWalk::open(std::string_view text) {
  if (!open_many(text)) return false;
  end_ = at_ + stage_->n_structural_indexes;
  return begins_and_ends();
}

bool JsonWalk::open_many(std::string_view text) {
  if (auto code = index(text)) return fail({Error::malformed_json, simdjson::error_message(code)});
  text_ = text.data(), text_end_ = text_ + text.size();
  escape_ = find_escape(text_, text_end_);
  at_ = end_ = stage_->structural_indexes.get();
  unescaped_.reset();
  return true;
}

bool JsonWalk::open_next(const char* end) {
  const uint32_t* all = stage_->structural_indexes.get() + stage_->n_structural_indexes;
  at_ = end_;
  while (end_ < all && text_ + *end_ < end) ++end_;
  return begins_and_ends();
}

// An object or array that ends with a bracket keeps the walk inside: whatever else is last is refused before
// something behind it is looked at.
bool JsonWalk::begins_and_ends() {
  keys_.clear();
  bool opens = at_ < end_ && (peek() == '{' || peek() == '[');
  char last = opens ? text_[end_[-1]] : '\0';
  return !opens || last == '}' || last == ']' || broken();
}

// With blanks or escapes, or none at all.
bool JsonWalk::unusual_key(std::string_view& key) {
  ++at_;
  if (peek() != '"') return broken();
  if (!string(key)) return false;
  if (peek() != ':') return broken();
  ++at_;
  return true;
}

bool JsonWalk::was_there(const Keys& keys, uint64_t mix, std::string_view key) const {
  if (keys_.size() - keys.first > few_keys) return false;
  for (size_t i = keys.first; i < keys_.size(); ++i)
    if (keys_[i].mix == mix && keys_[i].text == key) return true;
  return false;
}

bool JsonWalk::twice(std::string_view inside, std::string_view key) {
  return fail({Error::malformed_json, std::string(inside).append(key), "the key appears twice"});
}

bool JsonWalk::forget(const Keys& keys) {
  if (keys_.size() - keys.first > few_keys) {
    auto first = keys_.begin() + static_cast<ptrdiff_t>(keys.first);
    auto order = [](auto& a, auto& b) { return a.mix != b.mix ? a.mix < b.mix : a.text < b.text; };
    auto same = [](auto& a, auto& b) { return a.mix == b.mix && a.text == b.text; };
    std::sort(first, keys_.end(), order);
    auto found = std::adjacent_find(first, keys_.end(), same);
    if (found != keys_.end()) return twice({}, found->text);
  }
  keys_.resize(keys.first);
  return true;
}

bool JsonWalk::unescape(const char* first, const char* last, std::string_view& out) {
  if (escape_ < first) escape_ = find_escape(first, text_end_);
  if (last <= escape_) {
    out = {first, static_cast<size_t>(last - first)};
    return true;
  }
  if (!unescaped_) {
    size_t text_bytes = static_cast<size_t>(text_end_ - text_);
    unescaped_.reset(new uint8_t[text_bytes + limits::padding_bytes]);
    unescaped_end_ = unescaped_.get();
    if (unescaper_.capacity() == 0 && unescaper_.allocate(64) != simdjson::SUCCESS)
      return fail({Error::internal_error});
  }
  auto* raw = reinterpret_cast<const uint8_t*>(first);
  if (auto code = unescaper_.unescape(raw, unescaped_end_).get(out))
    return fail({Error::malformed_json, simdjson::error_message(code)});
  return true;
}

bool JsonWalk::number(std::string_view& token, bool& whole) {
  const char* first = here();
  const char* integer = first + (*first == '-');
  const char* last = behind_digits(integer);
  bool good = last > integer && (*integer != '0' || last == integer + 1);
  whole = true;
  if (*last == '.') {
    const char* fraction = last + 1;
    last = behind_digits(fraction);
    good &= last > fraction, whole = false;
  }
  if (*last == 'e' || *last == 'E') {
    const char* exponent = last + 1 + (last[1] == '-' || last[1] == '+');
    last = behind_digits(exponent);
    good &= last > exponent, whole = false;
  }
  token = {first, static_cast<size_t>(last - first)};
  if (!good || !is_end(*last)) return fail({Error::malformed_json, "a number is malformed or out of range"});
  ++at_;
  return true;
}

bool JsonWalk::check_range(std::string_view token, bool whole) {
  constexpr size_t always_fits = 18;
  if (token.size() <= always_fits && (whole || token.find_first_of("eE") == token.npos)) return true;
  simdjson::ondemand::number number;
  return !parsing::parse_number(reinterpret_cast<const uint8_t*>(token.data()), number) ||
         fail({Error::malformed_json, "a number is malformed or out of range"});
}

bool JsonWalk::word(std::string_view word) {
  if (std::string_view(here(), word.size()) != word || !is_end(here()[word.size()])) return broken();
  ++at_;
  return true;
}

bool JsonWalk::check_other(size_t depth) {
  if (depth > limits::json_depth_max)
    return fail({Error::malformed_json, "nested deeper than " + std::to_string(limits::json_depth_max)});
  std::string_view ignored;
  bool whole;
  switch (peek()) {
    case '"':
      return string(ignored);
    case '{':
      return object([&](std::string_view) { return check(depth + 1); });
    case '[':
      return array([&] { return check(depth + 1); });
    case 't':
      return word("true");
    case 'f':
      return word("false");
    case 'n':
      return word("null");
    default:
      return number(ignored, whole) && check_range(ignored, whole);
  }
}

JsonWalk& thread_walk() {
  thread_local JsonWalk walk;
  return walk;
}

std::string_view padded_copy(std::string_view text) {
  thread_local std::unique_ptr<char[]> buffer;
  thread_local size_t capacity = 0;
  size_t wanted = text.size() + limits::padding_bytes;
  if (!fits(capacity, wanted)) {
    capacity = std::max<size_t>(wanted, 4096);
    buffer.reset(new char[capacity]);
  }
  std::memcpy(buffer.get(), text.data(), text.size());
  std::memset(buffer.get() + text.size(), 0, limits::padding_bytes);
  return {buffer.get(), text.size()};
}

Result<> check_text(std::string_view text, size_t depth) {
  JsonWalk& walk = thread_walk();
  if (!walk.open(padded_copy(text))) return walk.problem();
  if (walk.peek() != '{' && walk.peek() != '[')
    return Problem{Error::malformed_json, "must be an object or an array"};
  if (!walk.check(depth)) return walk.problem();
  if (!walk.done()) return Problem{Error::malformed_json, "there is something behind the JSON value"};
  return Done{};
}

bool to_double(std::string_view token, double& out) {
  return parsing::parse_double(reinterpret_cast<const uint8_t*>(token.data())).get(out) == simdjson::SUCCESS;
}

bool to_integer(std::string_view token, int64_t& out) {
  return std::from_chars(token.data(), token.data() + token.size(), out).ec == std::errc();
}

}  // namespace headrace
