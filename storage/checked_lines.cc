// Small text files that a person can read and a bit flip cannot change unseen.
#include "storage/checked_lines.h"

#include <algorithm>
#include <charconv>

#include "codec/checksum.h"

namespace headrace {
namespace {

constexpr std::string_view digits_of_hex = "0123456789abcdef";
constexpr std::string_view checksum_key = "crc32c ";

std::string checksum_line(std::string_view lines) {
  return std::string(checksum_key) + hexadecimal(crc32c(lines), 8) + "\n";
}

}  // namespace

std::string hexadecimal(uint64_t value, int digits) {
  std::string text;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    text.push_back(digits_of_hex[(value >> shift) & 15]);
  return text;
}

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (char byte : bytes) text += hexadecimal(static_cast<uint8_t>(byte), 2);
  return text;
}

bool parse_hexadecimal(std::string_view text, char* out, size_t bytes) {
  if (text.size() != 2 * bytes) return false;
  for (size_t i = 0; i < bytes; ++i) {
    uint8_t byte = 0;
    const char* at = text.data() + 2 * i;
    if (std::from_chars(at, at + 2, byte, 16).ptr != at + 2) return false;
    out[i] = static_cast<char>(byte);
  }
  return true;
}

Lines parse_lines(std::string_view text) {
  Lines values;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    size_t space = line.find(' ');
    if (space != std::string_view::npos) values.emplace(line.substr(0, space), line.substr(space + 1));
  }
  return values;
}

Lines parse_checked_lines(std::string_view text) {
  size_t end = text.rfind(checksum_key);
  if (end == std::string_view::npos || text.substr(end) != checksum_line(text.substr(0, end))) return {};
  return parse_lines(text.substr(0, end));
}

std::string with_checksum(std::string lines) { return lines + checksum_line(lines); }

Result<> replace_file(Disk& disk, const std::string& path, std::string_view content) {
  std::string unnamed = path + ".tmp";
  TRY_DONE(disk.remove(unnamed));
  auto file = disk.open(unnamed, OpenMode::create);
  if (!file) return file.problem();
  TRY_DONE((*file)->write_at(content, 0));
  TRY_DONE((*file)->sync());
  return disk.rename(unnamed, path);
}

}  // namespace headrace
