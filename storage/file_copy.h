// Whole files: what they hold in two words, and copies of them.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "codec/checksum.h"
#include "src/base/result.h"
#include "storage/disk.h"

namespace headrace {

// Size and XXH3-128 of all bytes.
struct FileSeal {
  uint64_t bytes = 0;
  Digest hash;
  bool operator==(const FileSeal&) const = default;
};

// Of the first `bytes_max` bytes, or of all.
Result<FileSeal> seal_file(Disk& disk, const std::string& path,
                           uint64_t bytes_max = std::numeric_limits<uint64_t>::max());

// Makes `to` (a file of that name goes first) with as many bytes of `from`, and syncs it; not its name.
Result<FileSeal> copy_file(Disk& disk, const std::string& from, const std::string& to,
                           uint64_t bytes_max = std::numeric_limits<uint64_t>::max());

}  // namespace headrace
