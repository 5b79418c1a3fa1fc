// Reading, hashing and copying a block at a time.
#include "storage/file_copy.h"

#include <algorithm>

namespace headrace {
namespace {

constexpr size_t block_bytes = 1024 * 1024;

// Hands each block and its offset to `take`.
template <class Take>
Result<FileSeal> read_blocks(Disk& disk, const std::string& path, uint64_t bytes_max, Take take) {
  auto file = disk.open(path, OpenMode::read);
  if (!file) return file.problem();
  std::string block(block_bytes, '\0');
  Hash128 hash;
  uint64_t at = 0;
  while (at < bytes_max) {
    auto got = (*file)->read_at(block.data(), std::min<uint64_t>(block_bytes, bytes_max - at), at);
    if (!got) return got.problem();
    if (*got == 0) break;
    std::string_view bytes(block.data(), *got);
    hash.add(bytes);
    TRY_DONE(take(bytes, at));
    at += *got;
  }
  return FileSeal{at, hash.value()};
}

Result<std::unique_ptr<File>> create_file(Disk& disk, const std::string& path) {
  TRY_DONE(disk.remove(path));
  return disk.open(path, OpenMode::create);
}

}  // namespace

Result<FileSeal> seal_file(Disk& disk, const std::string& path, uint64_t bytes_max) {
  return read_blocks(disk, path, bytes_max, [](std::string_view, uint64_t) -> Result<> { return Done{}; });
}

Result<FileSeal> copy_file(Disk& disk, const std::string& from, const std::string& to, uint64_t bytes_max) {
  auto copy = create_file(disk, to);
  if (!copy) return copy.problem();
  auto seal = read_blocks(disk, from, bytes_max, [&](std::string_view bytes, uint64_t at) {
    return (*copy)->write_at(bytes, at);
  });
  if (seal) TRY_DONE((*copy)->sync());
  return seal;
}

}  // namespace headrace
