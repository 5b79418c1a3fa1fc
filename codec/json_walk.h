// A walk over JSON text by the places that simdjson's first stage finds: brackets, colons, commas, and where
// keys and values begin. That stage also checks UTF-8, that strings end, and that they hold no control
// characters; all else, the grammar itself, is checked here while walking.
#pragma once

#include <simdjson.h>

#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "src/base/limits.h"
#include "src/base/result.h"

namespace headrace {

// Every function that takes something moves behind it; false means that the text is refused, and problem()
// says why. Reused between texts, so that its memory is.
class JsonWalk {
 public:
  // Begins at the first value of `text`, behind which limits::padding_bytes are readable.
  bool open(std::string_view text);

  // The same for a text of many values; each is begun by open_next, which stands at what begins before `end`
  // and sees nothing behind it.
  bool open_many(std::string_view text);
  bool open_next(const char* end);

  const Problem& problem() const { return problem_; }
  bool fail(Problem problem);
  bool broken();  // the structure is wrong

  char peek() const { return text_[*at_]; }              // first character of what comes
  const char* here() const { return text_ + *at_; }      // where it stands
  bool done() const { return at_ == end_; }              // nothing comes
  const char* behind() const;                            // the end of what was taken last

  // Takes an object, calling bool take(key) in front of each value. No key may come twice; `inside` is the
  // path of the object with a trailing dot, for the message.
  template <class Take>
  bool object(Take take, std::string_view inside = {});

  // Takes an array, calling bool take() in front of each value.
  template <class Take>
  bool array(Take take);

  // Takes a string. `out` lives as long as the text where that has no escape in it, else until the next open.
  bool string(std::string_view& out);
  bool within(std::string_view taken) const { return taken.data() >= text_ && taken.data() < text_end_; }

  // Takes a number as it stands there; `whole` if it has neither fraction nor exponent.
  bool number(std::string_view& token, bool& whole);
  // Numbers that fit neither 64 bits nor a double are refused where nobody asked for them.
  bool check_range(std::string_view token, bool whole);

  bool word(std::string_view word);  // true, false or null

  // Takes any value and checks everything inside it. `depth` is that of the value itself, 1 at the top.
  bool check(size_t depth);

 private:
  struct Key {
    uint64_t mix;
    std::string_view text;
  };
  struct Keys {  // of one object
    size_t first;        // in keys_
    uint64_t marks = 0;  // a bit per key: one whose bit is not here was not there
  };

  simdjson::error_code index(std::string_view text);
  bool begins_and_ends();
  bool key(Keys& keys, std::string_view inside, std::string_view& key);  // behind a brace or comma
  bool unusual_key(std::string_view& key);
  bool was_there(const Keys& keys, uint64_t mix, std::string_view key) const;
  bool twice(std::string_view inside, std::string_view key);
  bool forget(const Keys& keys);
  bool check_other(size_t depth);
  bool unescape(const char* first, const char* last, std::string_view& out);

  const char* text_ = nullptr;
  const char* text_end_ = nullptr;
  const char* escape_ = nullptr;  // no backslash stands between what was taken and here
  const uint32_t* at_ = nullptr;  // places in the text; one more stands behind the last
  const uint32_t* end_ = nullptr;
  std::vector<Key> keys_;  // of all objects the walk is inside of
  Problem problem_{Error::internal_error};
  std::unique_ptr<simdjson::internal::dom_parser_implementation> stage_;
  simdjson::ondemand::parser unescaper_;
  std::unique_ptr<uint8_t[]> unescaped_;
  uint8_t* unescaped_end_ = nullptr;
};

// The walk of this thread: for one text at a time.
JsonWalk& thread_walk();

// Text with the padding a walk wants behind it, in a buffer reused by this thread until the next call.
std::string_view padded_copy(std::string_view text);

// Checks a whole text that is one object or array.
Result<> check_text(std::string_view text, size_t depth);

// The number of a token that JsonWalk took. False if it fits no double.
bool to_double(std::string_view token, double& out);
bool to_integer(std::string_view token, int64_t& out);

// --- what is inlined into its callers ----------------------------------------------------------------------

inline const char* JsonWalk::behind() const {
  const char* end = text_ + *at_;
  while (end[-1] == ' ' || end[-1] == '\n' || end[-1] == '\r' || end[-1] == '\t') --end;
  return end;
}

inline bool JsonWalk::string(std::string_view& out) {
  const char* first = text_ + *at_ + 1;
  const char* last = text_ + *++at_ - 1;
  while (*last != '"') --last;  // blanks
  if (last > escape_) return unescape(first, last, out);
  out = {first, static_cast<size_t>(last - first)};
  return true;
}

// Its first and last eight bytes: differs for most keys that differ. Reads eight bytes, padding among them.
inline uint64_t mix_of(std::string_view key) {
  uint64_t first, last;
  std::memcpy(&first, key.data(), sizeof first);
  if (key.size() < 8) return first & ((uint64_t{1} << (8 * key.size())) - 1);
  std::memcpy(&last, key.data() + key.size() - 8, sizeof last);
  return first ^ (last << 1) ^ key.size();
}

inline bool JsonWalk::key(Keys& keys, std::string_view inside, std::string_view& key) {
  const char *first = text_ + at_[1], *colon = text_ + at_[2];
  if (*first == '"' && *colon == ':' && colon[-1] == '"' && colon <= escape_) {
    key = {first + 1, static_cast<size_t>(colon - first) - 2};
    at_ += 3;
  } else if (!unusual_key(key)) {
    return false;
  }
  uint64_t mix = mix_of(key), mark = uint64_t{1} << (mix * 0x9e3779b97f4a7c15u >> 58);
  if ((keys.marks & mark) && was_there(keys, mix, key)) return twice(inside, key);
  keys.marks |= mark;
  keys_.push_back({mix, key});
  return true;
}

inline bool JsonWalk::check(size_t depth) {
  std::string_view ignored;
  return peek() == '"' && depth <= limits::json_depth_max ? string(ignored) : check_other(depth);
}

template <class Take>
bool JsonWalk::object(Take take, std::string_view inside) {
  if (text_[at_[1]] == '}') return at_ += 2, true;
  Keys keys{keys_.size()};
  for (std::string_view name; key(keys, inside, name) && take(name);) {
    if (done()) return broken();
    if (peek() == '}') return ++at_, forget(keys);
    if (peek() != ',') return broken();
  }
  return false;
}

template <class Take>
bool JsonWalk::array(Take take) {
  ++at_;
  if (peek() == ']') return ++at_, true;
  while (take()) {
    if (done()) return broken();
    char next = peek();
    ++at_;
    if (next == ']') return true;
    if (next != ',') return broken();
  }
  return false;
}

}  // namespace headrace
