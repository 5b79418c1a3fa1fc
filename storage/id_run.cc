// A run of the dedup index: loading and searching.
#include "storage/id_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstddef>

#include "codec/checksum.h"

namespace headrace {
namespace {

static_assert(std::endian::native == std::endian::little, "run files are read as they stand");

template <class T>
std::string_view bytes_of(const T* values, size_t count) {
  return {reinterpret_cast<const char*>(values), count * sizeof(T)};
}

uint64_t lsn_in(const IdBlock& block, const IdHash& id) {
  const auto end = block.entries.begin() + block.count;
  const auto at =
      std::lower_bound(block.entries.begin(), end, id,
                       [](const IdEntry& entry, const IdHash& want) { return entry.hash < want; });
  return at != end && at->hash == id ? at->lsn : 0;
}

// The first of `sorted` that is not below `value`. Hashes are uniform, so its place is known within the
// square root of their number; from the guess on, steps double until they enclose it.
size_t interpolate(const std::vector<uint64_t>& sorted, uint64_t value) {
  const size_t size = sorted.size();
  size_t low = scale_to(value, size), high = low;
  for (size_t step = 1; low > 0 && sorted[low - 1] >= value; step *= 2)
    high = low, low -= std::min(low, step);
  for (size_t step = 1; high < size && sorted[high] < value; step *= 2)
    low = high, high = std::min(size, high + step);
  return std::lower_bound(sorted.begin() + low, sorted.begin() + high, value) - sorted.begin();
}

}  // namespace

uint64_t IdBlock::computed_hash(uint64_t seed) const {
  return hash64({reinterpret_cast<const char*>(this), offsetof(IdBlock, hash)}, seed);
}

uint64_t IdRunHeader::computed_hash() const {
  return hash64({reinterpret_cast<const char*>(this), offsetof(IdRunHeader, hash)});
}

std::string IdRun::name(uint64_t from, uint64_t to) { return fmt::format("ids-{:020}-{:020}.run", from, to); }

IdRun::IdRun(std::string path, std::unique_ptr<File> file) : path_(std::move(path)), file_(std::move(file)) {}

IdRun::IdRun(std::string path, std::unique_ptr<File> file, const IdRunHeader& header,
             std::vector<uint64_t> fences, IdFilter filter)
    : path_(std::move(path)),
      file_(std::move(file)),
      header_(header),
      fences_(std::move(fences)),
      filter_(std::move(filter)) {}

Result<std::shared_ptr<IdRun>> IdRun::open(Disk& disk, const std::string& path) {
  auto file = disk.open(path, OpenMode::read);
  if (!file.ok()) return file.problem();
  std::shared_ptr<IdRun> run(new IdRun(path, std::move(*file)));
  TRY_DONE(run->load());
  return run;
}

Problem IdRun::damaged(const std::string& what) const { return Problem(Error::storage_damaged, path_, what); }

Result<> IdRun::load_header() {
  char* out = reinterpret_cast<char*>(&header_);
  auto got = file_->read_at(out, sizeof header_, 0);
  if (!got.ok()) return got.problem();
  if (*got != sizeof header_ || header_.hash != header_.computed_hash())
    return damaged("the header is damaged");
  if (header_.magic != IdRunHeader::magic_value || header_.version != 1)
    return damaged("not a run of version 1");
  auto size = file_->size();
  if (!size.ok()) return size.problem();
  if (*size != header_.file_bytes()) return damaged("the length is not what the header says");
  return Done{};
}

Result<> IdRun::load() {
  TRY_DONE(load_header());
  fences_.resize(header_.blocks);
  filter_ = IdFilter(header_.filter_lines);
  const size_t fence_bytes = header_.blocks * sizeof(uint64_t);
  auto fences = file_->read_at(reinterpret_cast<char*>(fences_.data()), fence_bytes, header_.fences_at());
  if (!fences.ok()) return fences.problem();
  auto filter = file_->read_at(filter_.bytes(), filter_.byte_count(), header_.filter_at());
  if (!filter.ok()) return filter.problem();
  if (*fences != fence_bytes || *filter != filter_.byte_count()) return damaged("it ends too early");
  if (hash64(bytes_of(fences_.data(), fences_.size())) != header_.fences_hash)
    return damaged("the fences are damaged");
  if (hash64({filter_.bytes(), filter_.byte_count()}) != header_.filter_hash)
    return damaged("the filter is damaged");
  return Done{};
}

Result<> IdRun::read_blocks(uint64_t first, size_t count, IdBlock* out) const {
  const size_t size = count * sizeof(IdBlock);
  auto got =
      file_->read_at(reinterpret_cast<char*>(out), size, IdRunHeader::page_bytes + first * sizeof(IdBlock));
  if (!got.ok()) return damaged(got.problem().text());
  if (*got != size) return damaged("it ends too early");
  for (size_t i = 0; i < count; ++i) {
    const bool good = out[i].number == first + i && out[i].count <= IdBlock::entries_max &&
                      out[i].hash == out[i].computed_hash(header_.from);
    if (!good) return damaged(fmt::format("block {} is damaged", first + i));
  }
  return Done{};
}

// The block before the first one that begins at or after `high`; with it ends what may hold `high`.
uint64_t IdRun::first_block_of(uint64_t high) const {
  const size_t at = interpolate(fences_, high);
  return at == 0 ? 0 : at - 1;
}

Result<uint64_t> IdRun::find(const IdHash& id) const {
  for (uint64_t at = first_block_of(id.high); at < fences_.size() && fences_[at] <= id.high; ++at) {
    IdBlock block;
    TRY_DONE(read_blocks(at, 1, &block));
    if (const uint64_t lsn = lsn_in(block, id); lsn != 0) return lsn;
  }
  return uint64_t{0};
}

}  // namespace headrace
