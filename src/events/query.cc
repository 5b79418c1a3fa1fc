// One reader per partition, merged record by record.
#include "src/events/query.h"

#include <algorithm>
#include <charconv>

#include "codec/event.h"
#include "src/base/limits.h"
#include "storage/log_reader.h"

namespace headrace {
namespace {

// The next event of one partition that matches.
class QuerySource {
 public:
  QuerySource(LogReader reader, uint32_t partition, Lsn from, Lsn through)
      : reader_(std::move(reader)), partition_(partition), next_(from), through_(through) {}

  // Moves to the next match, looking at no more than `budget` records. False at the end or when it is used
  // up.
  Result<bool> advance(const EventQuery& query, uint64_t& budget) {
    ready_ = false;
    RecordView record;
    while (budget > 0) {
      Result<bool> more = reader_.next(record);
      if (!more.ok()) return more.problem();
      if (!*more) {
        ended_ = true;
        next_ = std::max(next_, through_ + 1);
        return false;
      }
      --budget;
      next_ = record.lsn;
      if (record.kind == Kind::event) {
        auto event = decode_event(record.payload);
        if (!event.ok()) return event.problem();
        if (query.filter.matches(*event)) {
          keep(*event, record);
          return true;
        }
      }
      ++next_;
    }
    return false;
  }

  bool ready() const { return ready_; }
  bool ended() const { return ended_; }
  const FoundEvent& found() const { return found_; }
  FoundEvent take() {
    ready_ = false;
    ++next_;
    return std::move(found_);
  }
  Lsn next() const { return next_; }
  LogReader::Effort effort() const { return reader_.effort(); }
  // Reading may be ahead of what the page holds.
  void add_holes(std::vector<PageHole>& out) const {
    for (const Hole& hole : reader_.holes())
      if (hole.first < next_) out.push_back({partition_, hole.first, hole.last});
  }

 private:
  void keep(const Event& event, const RecordView& record) {
    found_ = {std::string(event.id),
              std::string(event.type),
              std::string(event.source),
              std::string(event.data),
              event.time,
              record.time,
              partition_,
              record.lsn};
    ready_ = true;
  }

  LogReader reader_;
  uint32_t partition_;
  Lsn next_, through_;
  bool ready_ = false, ended_ = false;
  FoundEvent found_;
};

QuerySource* earliest_of(std::vector<QuerySource>& sources) {
  QuerySource* best = nullptr;
  for (auto& source : sources)
    if (source.ready() && (!best || source.found().ingested < best->found().ingested)) best = &source;
  return best;
}

}  // namespace

Result<EventPage> run_query(const DataDirectory& directory, const EventQuery& query, const RawIndexSet& raw) {
  std::vector<QuerySource> sources;
  uint64_t budget = limits::query_records_max;
  for (uint32_t p = 0; p < directory.partitions(); ++p) {
    auto reader = LogReader::open(directory.place(p), query.from[p], query.through[p], query.filter,
                                  raw.empty() ? nullptr : raw[p].get());
    if (!reader.ok()) return reader.problem();
    sources.emplace_back(std::move(*reader), p, query.from[p], query.through[p]);
  }
  for (auto& source : sources)
    if (auto moved = source.advance(query, budget); !moved.ok()) return moved.problem();

  EventPage page;
  size_t skipped = 0, bytes = 0;
  // An unfinished look at one partition must not let a later event of another overtake what it may still
  // find.
  auto undecided = [&] {
    for (auto& source : sources)
      if (!source.ready() && !source.ended()) return true;
    return false;
  };
  while (page.events.size() < query.limit && bytes < limits::query_bytes_max && !undecided()) {
    QuerySource* source = earliest_of(sources);
    if (!source) break;
    FoundEvent found = source->take();
    if (skipped < query.offset) {
      ++skipped;
    } else {
      bytes += found.data.size() + found.id.size() + found.type.size();
      page.events.push_back(std::move(found));
    }
    if (auto moved = source->advance(query, budget); !moved.ok()) return moved.problem();
  }
  for (auto& source : sources) {
    page.next.push_back(source.next());
    page.more = page.more || !source.ended();
    source.add_holes(page.holes);
    page.frames_read += source.effort().frames_read;
    page.frames_seen += source.effort().frames_seen;
  }
  page.records_read = limits::query_records_max - budget;
  return page;
}

std::string cursor_text(const std::vector<Lsn>& position) {
  std::string out;
  for (Lsn lsn : position) out += (out.empty() ? "" : ".") + std::to_string(lsn);
  return out;
}

std::optional<std::vector<Lsn>> parse_cursor(std::string_view text, size_t partitions) {
  std::vector<Lsn> out;
  const char *at = text.data(), *end = at + text.size();
  while (at != end) {
    Lsn lsn = 0;
    auto [stop, code] = std::from_chars(at, end, lsn);
    if (code != std::errc() || lsn == 0) return {};
    out.push_back(lsn);
    at = stop;
    if (at != end && *at++ != '.') return {};
  }
  if (out.size() != partitions) return {};
  return out;
}

}  // namespace headrace
