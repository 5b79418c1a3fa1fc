// Batches are read once, by the first query after them.
#include "storage/raw_index.h"

#include "src/base/limits.h"

namespace headrace {

RawIndexes::Index* RawIndexes::index_of(const SegmentHeader& header) {
  auto& index = indexes_[header.segment];
  if (!index) {
    index = std::make_unique<Index>();
    index->end = {header.segment, segment_header_bytes, header.first_lsn, header.chain};
  }
  while (indexes_.size() > limits::raw_indexes_max) indexes_.erase(indexes_.begin());
  auto found = indexes_.find(header.segment);
  return found == indexes_.end() ? nullptr : found->second.get();
}

void RawIndexes::forget(uint32_t segment) {
  std::lock_guard lock(mutex_);
  indexes_.erase(segment);
}

Result<std::optional<ReadPlan>> RawIndexes::plan(Disk& disk, const PartitionPlace& place, uint32_t segment,
                                                 Lsn through, const EventFilter& filter) {
  std::lock_guard lock(mutex_);
  auto reader = SegmentReader::open(disk, place, segment);
  if (!reader) {
    auto dropped = was_dropped(disk, place, segment);  // who asks still has it open
    if (!dropped || !*dropped) return reader.problem();
  }
  Index* index = !reader || reader->header().rewritten ? nullptr : index_of(reader->header());
  if (index == nullptr) {
    indexes_.erase(segment);
    return std::optional<ReadPlan>();
  }
  auto walker = LogWalker::at_position(disk, place, index->end);
  if (!walker) {
    auto dropped = was_dropped(disk, place, segment);
    if (dropped && *dropped) return std::optional<ReadPlan>();
    return walker.problem();
  }
  if (walker->reader().header().rewritten) return std::optional<ReadPlan>();
  TRY_DONE(catch_up(*walker, *index, through));
  ReadPlan plan{.parts = {}, .end = index->end, .parts_seen = index->begins.size()};
  for (uint32_t group : index->builder.select(filter))
    plan.parts.push_back({index->begins[group], index->builder.head().frames[group].last_lsn()});
  return std::optional<ReadPlan>(std::move(plan));
}

Result<> RawIndexes::catch_up(LogWalker& walker, Index& index, Lsn through) {
  BatchHeader group;
  auto close = [&] {
    if (group.span > 0) index.builder.close_frame(index.begins.back().offset, group);
    group = {};
  };
  while (walker.end().lsn <= through) {
    TRY_DONE(walker.step_over());
    if (walker.reader().header().segment != index.end.segment) break;
    auto found = walker.next();
    if (!found) return found.problem();
    if (!*found) break;  // the reader says what is wrong
    auto cursor = walker.records();
    if (!cursor) return cursor.problem();
    RecordView record;
    while (!cursor->at_end()) {
      TRY_DONE(cursor->next(record));
      index.builder.add(record);
    }
    if (group.span == 0) {
      index.begins.push_back(walker.position());
      group.frame = true;
      group.first_lsn = walker.position().lsn;
    }
    group.span = static_cast<uint32_t>(walker.end().lsn - group.first_lsn);
    group.raw_length += walker.batch().raw_length;
    index.end = walker.end();
    if (group.raw_length >= limits::frame_bytes) close();
  }
  close();
  return Done{};
}

}  // namespace headrace
