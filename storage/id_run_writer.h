// Writes one run file: entries in order of their hashes in, a durable file and its open IdRun out.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "src/base/check.h"
#include "storage/id_run.h"

namespace headrace {

struct IdRunSpan {
  uint64_t from = 0, to = 0;  // LSNs
};

class IdRunWriter {
 public:
  // `count_max` sizes the filter.
  static Result<std::unique_ptr<IdRunWriter>> create(Disk& disk, const std::string& dir,
                                                     uint64_t log_identity, IdRunSpan span,
                                                     uint64_t count_max);
  ~IdRunWriter();  // removes the file unless finished

  Result<> add(const IdEntry& entry) {  // hashes strictly ascending
    if (open_ == nullptr || open_->count == IdBlock::entries_max) TRY_DONE(open_block(entry.hash.high));
    CHECK(last_ < entry.hash);
    open_->entries[open_->count++] = entry;
    filter_.add(entry.hash);
    last_ = entry.hash;
    return Done{};
  }

  Result<std::shared_ptr<IdRun>> finish();

 private:
  IdRunWriter(Disk& disk, const std::string& dir, uint64_t log_identity, IdRunSpan span, uint64_t count_max);
  Result<> open_block(uint64_t first_high);
  void close_block();
  Result<> write_blocks();
  Result<> write_rest();

  Disk& disk_;
  std::string dir_, path_;
  std::unique_ptr<File> file_;
  IdRunHeader header_;
  IdHash last_{0, 0};            // below every storable() hash
  IdBlock* open_ = nullptr;      // the last of blocks_
  std::vector<IdBlock> blocks_;  // not yet written
  uint64_t written_ = 0;         // blocks
  std::vector<uint64_t> fences_;
  IdFilter filter_;
  bool finished_ = false;
};

}  // namespace headrace
