// Lines of a hole, in and out.
#include "storage/checked_lines.h"
#include "storage/hole.h"

#include <algorithm>
#include <utility>

#include "codec/checksum.h"
#include "storage/signed_lines.h"

namespace headrace {
namespace {

constexpr std::string_view hole_first_line = "hole 1\n";

bool parse_range(std::string_view text, uint64_t& first, uint64_t& last) {
  size_t dots = text.find("..");
  return dots != text.npos && parse_number(text.substr(0, dots), first) &&
         parse_number(text.substr(dots + 2), last);
}

bool parse(Lines& lines, Hole& hole) {
  hole.reason = lines["reason"], hole.by = lines["by"];
  return parse_number(lines["segment"], hole.segment) && parse_number(lines["time"], hole.time) &&
         parse_range(lines["lsns"], hole.first, hole.last) && hole.first <= hole.last &&
         parse_range(lines["bytes"], hole.offset, hole.end_offset) &&
         parse_number(lines["chain_before"], hole.chain_before, 16) &&
         parse_number(lines["chain_after"], hole.chain_after, 16);
}

std::string range(uint64_t first, uint64_t last) { return std::to_string(first) + ".." + std::to_string(last); }

// Of the hole at the front of `text`: its bytes, or none where it is not what somebody signed for this
// partition.
size_t read_one(std::string_view text, const PartitionPlace& place, Hole& hole) {
  auto found = read_signed(text, hole_first_line, place);
  if (!found || !parse(found->lines, hole)) return 0;
  hole.key = found->key;
  return found->bytes;
}

}  // namespace

std::string encode(const Hole& hole, const PartitionPlace& place, const SigningKey& key) {
  SignedLines lines(hole_first_line, place);
  lines.add("segment", std::to_string(hole.segment));
  lines.add("lsns", range(hole.first, hole.last));
  lines.add("bytes", range(hole.offset, hole.end_offset));
  lines.add("reason", hole.reason);
  lines.add("chain_before", hexadecimal(hole.chain_before, 16));
  lines.add("chain_after", hexadecimal(hole.chain_after, 16));
  lines.add("by", hole.by);
  lines.add("time", std::to_string(hole.time));
  return std::move(lines).sign(key);
}

HolesFound find_holes(std::string_view text, const PartitionPlace& place) {
  HolesFound found;
  for (size_t at = text.find(hole_first_line); at != text.npos; at = text.find(hole_first_line, at)) {
    Hole hole;
    size_t size = read_one(text.substr(at), place, hole);
    if (size > 0) found.holes.push_back(hole), found.text += text.substr(at, size);
    at += std::max<size_t>(size, 1);
  }
  return found;
}

Result<std::string> holes_text(SegmentReader& reader) {
  const auto& its = reader.header().rewritten;
  if (!its || its->holes == 0) return std::string();
  if (its->file_bytes() <= reader.file_bytes()) {
    auto text = reader.bytes_at(its->holes_offset(), its->holes_bytes);
    if (!text || hash64(*text, reader.salt()) == its->holes_hash) return text;
  }
  return Problem(Error::storage_damaged, reader.path(),
                 "The holes at byte " + std::to_string(its->holes_offset()) + " do not match their hash");
}

Result<std::vector<Hole>> read_holes(SegmentReader& reader, const PartitionPlace& place) {
  auto text = holes_text(reader);
  if (!text) return text.problem();
  HolesFound found = find_holes(*text, place);
  uint32_t promised = reader.header().rewritten ? reader.header().rewritten->holes : 0;
  if (found.holes.size() == promised && found.text == *text) return std::move(found.holes);
  return Problem(Error::storage_damaged, reader.path(),
                 "A hole at byte " + std::to_string(reader.header().rewritten->holes_offset()) +
                     " is not signed by a key of this data directory");
}

}  // namespace headrace
