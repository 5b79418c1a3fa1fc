// WordTable: finds one of a few words, such as field names. Comparing the ends of a word and its length is
// comparing the word, unless it is long; that costs less than hashing it.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/check.h"

namespace headrace::features {

// Limits: 127 words of up to 255 bytes.
class WordTable {
 public:
  // The first word is number 1. It is not empty and has not been added before.
  uint8_t add(std::string_view word) {
    CHECK(!word.empty() && word.size() <= UINT8_MAX && 2 * words_.size() < places_.size());
    Ends ends = ends_of(word);
    size_t at = place_of(ends, word.size());
    while (places_[at].number != 0) at = (at + 1) % places_.size();
    auto number = static_cast<uint8_t>(words_.size());
    words_.emplace_back(word);
    places_[at] = {ends, static_cast<uint8_t>(word.size()), number};
    return number;
  }

  // 0 for a word that was never added.
  uint8_t find(std::string_view word) const {
    if (word.empty()) return 0;
    Ends ends = ends_of(word);
    for (size_t at = place_of(ends, word.size());; at = (at + 1) % places_.size()) {
      const Place& place = places_[at];
      if (place.number == 0) return 0;
      bool same = place.first == ends.first && place.last == ends.last && place.size == word.size();
      if (same && (word.size() <= 16 || is(place.number, word))) return place.number;
    }
  }

 private:
  struct Ends {
    uint64_t first, last;
  };
  struct Place : Ends {
    uint8_t size = 0, number = 0;
  };

  template <class T>
  static T load(const char* at) {
    T value;
    std::memcpy(&value, at, sizeof(T));
    return value;
  }

  // Two parts, overlapping, that hold all of a word of up to 16 bytes.
  static Ends ends_of(std::string_view word) {
    const char* at = word.data();
    size_t size = word.size();
    if (size >= 8) return {load<uint64_t>(at), load<uint64_t>(at + size - 8)};
    if (size >= 4) return {load<uint32_t>(at), load<uint32_t>(at + size - 4)};
    auto byte = [&](size_t i) { return static_cast<uint64_t>(static_cast<uint8_t>(at[i])); };
    return {byte(0) | byte(size / 2) << 8 | byte(size - 1) << 16, 0};
  }

  static size_t place_of(const Ends& ends, size_t size) {
    uint64_t mixed = (ends.first ^ std::rotl(ends.last, 29) ^ size) * 0x9e37'79b9'7f4a'7c15;
    return static_cast<size_t>(mixed >> 56);
  }

  [[gnu::noinline]] bool is(uint8_t number, std::string_view word) const { return words_[number] == word; }

  std::array<Place, 256> places_{};  // open addressing, at most half of them taken
  std::vector<std::string> words_{1};
};

}  // namespace headrace::features
