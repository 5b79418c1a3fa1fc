// Checking every part of a JSON value that simdjson's on-demand parser would otherwise skip.
#pragma once

#include <simdjson.h>

#include <string_view>
#include <vector>

#include "src/base/result.h"

namespace headrace {

// Text with the padding simdjson wants behind it, in a buffer reused by this thread until the next call.
simdjson::padded_string_view padded_copy(std::string_view text);

// Duplicate keys of one object: a small set that never allocates for objects of usual size.
class KeySet {
 public:
  // False if the (raw, still escaped) key was added before.
  bool add(std::string_view key);

 private:
  static constexpr size_t inline_count = 32;
  struct Key {  // no initialiser: most objects use a few of them
    const char* text;
    size_t size;
  };
  Key keys_[inline_count];
  size_t count_ = 0;
  std::vector<std::string_view> more_;
};

// Takes key and value of one member of an object; the key must not have been there before. `inside` is the
// path of the object with a trailing dot, for the message; empty at the top.
Result<> open_member(simdjson::simdjson_result<simdjson::ondemand::field> member, KeySet& keys,
                     std::string_view& key, simdjson::ondemand::value& value, std::string_view inside = {});

// Consumes `value` and everything inside it. `depth` is that of the value itself, 1 at the top.
Result<> check_whole(simdjson::ondemand::value value, size_t depth);

// The same for an object or array as text, in a parser of its own.
Result<> check_text(std::string_view text, size_t depth);

// True if nothing follows the value that was read from `document`.
bool at_end(simdjson::ondemand::document& document);

// A sentence for what simdjson found wrong.
Problem json_problem(simdjson::error_code code);

}  // namespace headrace
