// Chance as an interface, so that tests give their own: identifiers and secrets come through this door only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace headrace {

class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t next() = 0;
};

// Of this thread, seeded by the kernel: fast, unique, and not for secrets.
Random& thread_random();

// A version 4 UUID (RFC 9562), as text.
struct UuidText {
  char text[36];
  operator std::string_view() const { return {text, sizeof text}; }
  operator std::string() const { return {text, sizeof text}; }
};
UuidText make_uuid(Random& random);

// `count` characters of [0-9a-z]: 5.17 bits each.
std::string make_token(Random& random, size_t count);

// 256 bits from the kernel's generator as 64 hex digits: for keys.
std::string make_secret();

}  // namespace headrace
