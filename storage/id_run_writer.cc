// Writes one run file: blocks as they fill, then fences and filter, the header last, then the name.
#include "storage/id_run_writer.h"

#include <algorithm>

#include "codec/checksum.h"

namespace headrace {
namespace {

constexpr size_t blocks_per_write = 64;
// Synced now and then on the way: one sync of a gigabyte at the end would hold up the log's.
constexpr uint64_t blocks_per_sync = 4096;

template <class T>
std::string_view bytes_of(const std::vector<T>& values, size_t count) {
  return {reinterpret_cast<const char*>(values.data()), count * sizeof(T)};
}

}  // namespace

IdRunWriter::IdRunWriter(Disk& disk, const std::string& dir, uint64_t log_identity, IdRunSpan span,
                         uint64_t count_max)
    : disk_(disk),
      dir_(dir),
      path_(dir + "/" + IdRun::name(span.from, span.to)),
      filter_(IdFilter::lines_for(count_max)) {
  header_.log_identity = log_identity;
  header_.from = span.from;
  header_.to = span.to;
  header_.filter_lines = filter_.line_count();
  blocks_.reserve(blocks_per_write + 1);
  fences_.reserve(count_max / IdBlock::entries_max + 1);
}

Result<std::unique_ptr<IdRunWriter>> IdRunWriter::create(Disk& disk, const std::string& dir,
                                                         uint64_t log_identity, IdRunSpan span,
                                                         uint64_t count_max) {
  std::unique_ptr<IdRunWriter> writer(new IdRunWriter(disk, dir, log_identity, span, count_max));
  TRY_DONE(disk.remove(writer->path_ + ".tmp"));
  auto file = disk.open(writer->path_ + ".tmp", OpenMode::create);
  if (!file.ok()) return file.problem();
  writer->file_ = std::move(*file);
  return writer;
}

IdRunWriter::~IdRunWriter() {
  if (!finished_) (void)disk_.remove(path_ + ".tmp");  // if it stays, the next open removes it
}

Result<> IdRunWriter::open_block(uint64_t first_high) {
  close_block();
  if (blocks_.size() == blocks_per_write) TRY_DONE(write_blocks());
  fences_.push_back(first_high);
  open_ = &blocks_.emplace_back();
  open_->count = 0;
  open_->number = static_cast<uint32_t>(header_.blocks++);
  return Done{};
}

void IdRunWriter::close_block() {
  if (open_ == nullptr) return;
  std::fill(open_->entries.begin() + open_->count, open_->entries.end(), IdEntry{{0, 0}, 0});
  open_->hash = open_->computed_hash(header_.from);
  header_.count += open_->count;
}

Result<> IdRunWriter::write_blocks() {
  open_ = nullptr;
  const uint64_t offset = IdRunHeader::page_bytes + written_ * sizeof(IdBlock);
  TRY_DONE(file_->write_at(bytes_of(blocks_, blocks_.size()), offset));
  const uint64_t before = written_;
  written_ += blocks_.size();
  blocks_.clear();
  if (before / blocks_per_sync != written_ / blocks_per_sync) return file_->sync_data();
  return Done{};
}

Result<> IdRunWriter::write_rest() {
  const auto fences = bytes_of(fences_, fences_.size());
  const std::string_view filter(filter_.bytes(), filter_.byte_count());
  header_.fences_hash = hash64(fences);
  header_.filter_hash = hash64(filter);
  header_.hash = header_.computed_hash();
  TRY_DONE(file_->write_at(fences, header_.fences_at()));
  TRY_DONE(file_->write_at(filter, header_.filter_at()));
  std::string page(IdRunHeader::page_bytes, '\0');
  page.replace(0, sizeof header_, reinterpret_cast<const char*>(&header_), sizeof header_);
  return file_->write_at(page, 0);
}

Result<std::shared_ptr<IdRun>> IdRunWriter::finish() {
  close_block();
  TRY_DONE(write_blocks());
  TRY_DONE(write_rest());
  TRY_DONE(file_->sync());
  TRY_DONE(disk_.rename(path_ + ".tmp", path_));
  finished_ = true;
  TRY_DONE(disk_.sync_directory(dir_));
  return std::make_shared<IdRun>(path_, std::move(file_), header_, std::move(fences_), std::move(filter_));
}

}  // namespace headrace
