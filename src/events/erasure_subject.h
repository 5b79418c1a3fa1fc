// Subject: a person who is to be erased, known by a hash alone, so that nothing on the disk names them, not
// even the order.
//
//   subject := salt:16 length:varint rolling:u64 digest:32
//
// digest is SHA-256 of salt and id; rolling is a polynomial over the id's bytes whose base comes from the
// salt: a text is looked through for the id in one pass, and only where that agrees a digest is made. The
// salt is random and of this erasure alone: two erasures of one person have nothing in common.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "codec/varint.h"
#include "src/features/definition.h"

namespace headrace {

using EntityHash = std::array<char, 16>;

class Subject {
 public:
  static Subject of(std::string_view id);

  void encode(std::string& out) const;
  static std::optional<Subject> decode(Taker& take);

  size_t length() const { return length_; }
  bool names(std::string_view text) const;  // the text is the id
  // Where in `text`, from `from` on, the id stands on its own: no letter, digit or one of _-.@+ before or
  // behind it.
  std::optional<size_t> find(std::string_view text, size_t from = 0) const;
  bool is_in(std::string_view text) const { return find(text).has_value(); }

  // Of a cart or a session, by which an order names those that were the person's alone.
  EntityHash hash_of(features::EntityKind kind, std::string_view key) const;

 private:
  using Salt = std::array<char, 16>;
  using Digest256 = std::array<char, 32>;
  Subject(const Salt& salt, size_t length);
  Digest256 digest_of(std::string_view prefix, std::string_view text) const;

  Salt salt_;
  size_t length_;
  uint64_t base_, leading_;  // leading_: base_ to the power of length_ - 1, what the first byte counts
  uint64_t rolling_ = 0;
  Digest256 digest_{};
};

}  // namespace headrace
