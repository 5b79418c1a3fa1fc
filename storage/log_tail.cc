// Torn tail or damaged middle: the difference decides whether the server may start.
#include "storage/log_tail.h"

#include <algorithm>

#include "src/base/check.h"
#include "src/base/limits.h"

namespace headrace {
namespace {

// Keeps of the batches walked those that are above the durable bound.
Result<> walk_to_end(LogWalker& walker, LogTail& tail) {
  std::vector<LogPosition> positions;
  while (true) {
    auto found = walker.next();
    if (!found) return found.problem();
    tail.durable_bound = std::max(tail.durable_bound, walker.durable_bound());
    size_t known = 0;
    while (known < tail.batches.size() && tail.batches[known].header.last_lsn() <= tail.durable_bound)
      ++known;
    tail.batches.erase(tail.batches.begin(), tail.batches.begin() + static_cast<ptrdiff_t>(known));
    positions.erase(positions.begin(), positions.begin() + static_cast<ptrdiff_t>(known));
    if (!*found) break;
    if (walker.batch().last_lsn() <= tail.durable_bound) continue;
    tail.batches.push_back({walker.batch(), std::string(walker.reader().body())});
    positions.push_back(walker.position());
  }
  tail.end = walker.end();
  tail.start = positions.empty() ? tail.end : positions.front();
  return Done{};
}

// The segment ends before `from`, which a checkpoint knew to be durable: says where it breaks off.
Problem cut_short(Disk& disk, const PartitionPlace& place, const SegmentReader& reader,
                  const LogPosition& from) {
  const SegmentHeader& header = reader.header();
  auto walker = LogWalker::at_position(
      disk, place, {header.segment, segment_header_bytes, header.first_lsn, header.chain});
  if (!walker) return walker.problem();
  while (true) {
    auto found = walker->next();
    if (!found) return found.problem();
    if (!*found) break;
  }
  return damaged_log(reader.path(), walker->end().offset, walker->end().lsn, from.lsn - 1,
                     "the file is cut short");
}

}  // namespace

Result<LogTail> find_log_end(Disk& disk, const PartitionPlace& place, const LogPosition& from,
                             Lsn durable_bound) {
  auto walker = LogWalker::at_position(disk, place, from);
  if (!walker) return walker.problem();
  if (walker->reader().file_bytes() < from.offset) return cut_short(disk, place, walker->reader(), from);
  LogTail tail;
  tail.durable_bound = durable_bound;
  TRY_DONE(walk_to_end(*walker, tail));
  SegmentReader& reader = walker->reader();
  tail.path = reader.path();
  const char* why = reader.why_not();
  if (reader.header().rewritten) why = "the segment behind it is missing";
  if (reader.header().rewritten || tail.end.lsn <= tail.durable_bound) {
    return damaged_log(tail.path, tail.end.offset, tail.end.lsn, std::max(tail.end.lsn, tail.durable_bound),
                       why);
  }
  auto behind = reader.find_behind(tail.end.offset, tail.end.lsn);
  if (!behind) return behind.problem();
  if (*behind) {
    Lsn last = std::max(tail.end.lsn, reader.batch().watermark());
    return damaged_log(tail.path, tail.end.offset, tail.end.lsn, last, why);
  }
  auto used = reader.used_end(tail.end.offset);
  if (!used) return used.problem();
  tail.cut_bytes = *used - tail.end.offset;
  return tail;
}

Result<LogPosition> mend_tail(const LogWriterOptions& options, const LogTail& tail) {
  if (tail.batches.empty() && tail.cut_bytes == 0) return tail.end;
  LogPosition start{tail.start.segment + 1, segment_header_bytes, tail.start.lsn, tail.start.chain};
  LogPosition end = start;
  std::string content;
  for (const LogTail::Batch& batch : tail.batches) {
    BatchHeader header = batch.header;
    header.segment = start.segment;
    header.chain = end.chain;
    CHECK(header.first_lsn == end.lsn);
    size_t at = content.size();
    content.resize(at + header.padded_length());
    batch.body.copy(content.data() + at + batch_header_bytes, batch.body.size());
    end.chain = encode(header, salt_of(options.place), content.data() + at);
    end.offset += header.padded_length();
    end.lsn = header.last_lsn() + 1;
  }
  size_t zeros = std::min(limits::first_segment_bytes, options.segment_bytes);
  TRY_DONE(create_segment(options, start, content, zeros));
  auto old = options.disk->open(tail.path, OpenMode::write);
  if (!old) return old.problem();
  TRY_DONE((*old)->truncate(tail.start.offset));
  TRY_DONE((*old)->sync());
  return end;
}

}  // namespace headrace
