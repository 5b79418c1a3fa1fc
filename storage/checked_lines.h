// Lines "key value" whose last one is a checksum of all before it: the form of MANIFEST and KEY.
//
//   text := ("key value\n")* "crc32c " hex(8) "\n"
#pragma once

#include <charconv>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "src/base/result.h"
#include "storage/disk.h"

namespace headrace {

using Lines = std::map<std::string, std::string, std::less<>>;

Lines parse_lines(std::string_view text);
// Empty where the last line is not the CRC32C of all before it.
Lines parse_checked_lines(std::string_view text);
std::string with_checksum(std::string lines);

// The whole of `text` as a number.
template <class T>
bool parse_number(std::string_view text, T& value, int radix = 10) {
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, radix);
  return code == std::errc() && end == text.data() + text.size();
}

// Written beside it, synced, and renamed over what is there. The name is durable once the directory is
// synced.
Result<> replace_file(Disk& disk, const std::string& path, std::string_view content);

std::string hexadecimal(uint64_t value, int digits);
std::string hexadecimal(std::string_view bytes);
bool parse_hexadecimal(std::string_view text, char* out, size_t bytes);

}  // namespace headrace
