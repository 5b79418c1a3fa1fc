// Lines "key value" that somebody who has the key of the directory signed for one of its partitions: holes, the begin of a log.
//
//   text := first line, uuid (of the directory), partition, ..., key (public half); last of all
//           signature (Ed25519 over all lines before it, 128 hexadecimal digits)
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/checked_lines.h"
#include "storage/directory.h"

namespace headrace {

// Builds such a text.
class SignedLines {
 public:
  SignedLines(std::string_view first_line, const PartitionPlace& place);
  void add(std::string_view name, std::string value);  // line feeds in `value` become spaces
  std::string sign(const SigningKey& key) &&;

 private:
  std::string lines_;
};

// The one at the front of `text`; nothing where it does not begin so, is for another partition, or the signature is not that of
// a key of the directory.
struct SignedAtFront {
  Lines lines;
  PublicKey key{};
  size_t bytes = 0;
};
std::optional<SignedAtFront> read_signed(std::string_view text, std::string_view first_line, const PartitionPlace& place);

}  // namespace headrace
