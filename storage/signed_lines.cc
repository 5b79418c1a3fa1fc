// Signing, and reading only as far as a signature holds.
#include "storage/signed_lines.h"

#include <algorithm>

namespace headrace {
namespace {

constexpr std::string_view signature_word = "\nsignature ";

std::string_view text_of(const auto& bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace

SignedLines::SignedLines(std::string_view first_line, const PartitionPlace& place) : lines_(first_line) {
  add("uuid", to_text(place.uuid));
  add("partition", std::to_string(place.partition));
}

void SignedLines::add(std::string_view name, std::string value) {
  std::ranges::replace(value, '\n', ' ');
  lines_ += std::string(name) + " " + value + "\n";
}

std::string SignedLines::sign(const SigningKey& key) && {
  add("key", to_text(key.public_key()));
  return lines_ + "signature " + hexadecimal(text_of(key.sign(lines_))) + "\n";
}

std::optional<SignedAtFront> read_signed(std::string_view text, std::string_view first_line, const PartitionPlace& place) {
  size_t at = text.find(signature_word);
  if (!text.starts_with(first_line) || at == text.npos) return std::nullopt;
  std::string_view signed_part = text.substr(0, at + 1);
  std::string_view hex = text.substr(at + signature_word.size(), 2 * sizeof(Signature));
  SignedAtFront found{.lines = parse_lines(signed_part), .bytes = at + signature_word.size() + hex.size() + 1};
  Signature signature;
  auto key = parse_public_key(found.lines["key"]);
  bool good = key && parse_hexadecimal(hex, signature.data(), signature.size()) &&
              hexadecimal(text_of(signature)) == hex && found.bytes <= text.size() &&
              text[found.bytes - 1] == '\n' && found.lines["uuid"] == to_text(place.uuid) &&
              found.lines["partition"] == std::to_string(place.partition) &&
              std::ranges::find(place.signers, *key) != place.signers.end() && verify(signed_part, signature, *key);
  if (!good) return std::nullopt;
  found.key = *key;
  return found;
}

}  // namespace headrace
