// Hole: what a person accepted to be lost of a log, named and signed. It stands in a rewritten segment behind
// the index, and goes along whenever that is written again.
//
//   hole := "key value\n" lines: hole 1, uuid (of the directory), partition, segment, lsns FIRST..LAST, bytes
//   FROM..TO (of
//           the file that was damaged), reason, chain_before and chain_after (the lost batches lie between
//           them: 16 hexadecimal digits), by, time (us since 1970, UTC), key (public half); last of all
//           signature (Ed25519 over all lines before it)
//
// The chain values prove later that batches found elsewhere are the lost ones.
#pragma once

#include <string>
#include <vector>

#include "storage/segment_reader.h"

namespace headrace {

struct Hole {
  uint32_t segment = 0;
  Lsn first = 0, last = 0;
  uint64_t offset = 0, end_offset = 0;
  std::string reason = {};
  uint64_t chain_before = 0, chain_after = 0;
  std::string by = {};
  Micros time = 0;
  PublicKey key{};
};

std::string encode(const Hole& hole, const PartitionPlace& place, const SigningKey& key);

// All that stand in `text` from `offset` on, whole and signed by a key of the directory. What is not is left
// out.
struct HolesFound {
  std::vector<Hole> holes = {};
  std::string text = {};  // of these
};
HolesFound find_holes(std::string_view text, const PartitionPlace& place);

// The bytes of a segment's holes; empty where it has none. Error::storage_damaged where they do not match
// their hash.
Result<std::string> holes_text(SegmentReader& reader);
// Error::storage_damaged also where one is not signed as it says.
Result<std::vector<Hole>> read_holes(SegmentReader& reader, const PartitionPlace& place);

}  // namespace headrace
