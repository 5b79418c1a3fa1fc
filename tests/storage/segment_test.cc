// Rewritten segments: what is read from them, by index and without; damage; gaps; readers that hold the old file.
#include <algorithm>
#include <atomic>

#include "codec/event.h"
#include "storage/log_walker.h"
#include "storage/raw_index.h"
#include "storage/segment_index.h"
#include "storage/segment_keeper.h"
#include "storage/segment_rewriter.h"
#include "storage/verify.h"
#include "tests/storage/strange_disk.h"
#include "tests/storage/support.h"

namespace headrace::testing_support {
namespace {

constexpr size_t small_frame = 4096;

// Random events of a few users, carts and sessions, with records of other kinds between them.
class World {
 public:
  explicit World(uint64_t seed, size_t segment_bytes = 24 * 1024) : random_(seed) {
    disk_.skip_syncs = true;
    bench_ = std::make_unique<Bench>(scratch_.path(), &disk_);
    bench_->options.segment_bytes = segment_bytes;
    bench_->open();
  }

  void fill(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      if (random_() % 11 == 0) bench_->put("o" + std::to_string(random_() % 30), "open|" + name("c", 9));
      bench_->event("", payload());
      if (random_() % 15 == 0) bench_->settle();
    }
    bench_->settle();
  }

  RewriteReport rewrite(
      uint32_t segment, const RecordVisitor& visit = [](RecordView&) { return true; }) {
    auto report = rewrite_segment(
        {.place = place(), .clock = &system_clock(), .disk = &disk_, .frame_bytes = small_frame}, segment,
        visit);
    EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.problem().text());
    return report.ok() ? *report : RewriteReport{};
  }

  std::vector<uint32_t> segments() {
    auto listed = list_segments(disk_, place());
    EXPECT_TRUE(listed.ok());
    return listed.ok() ? *listed : std::vector<uint32_t>();
  }
  void rewrite_sealed() {
    auto all = segments();
    for (size_t i = 0; i + 1 < all.size(); ++i) rewrite(all[i]);
  }

  EventFilter filter() {
    EventFilter filter;
    if (random_() % 2) filter.user = name("u", 12);
    if (random_() % 4 == 0) filter.cart = name("c", 40);
    if (random_() % 4 == 0) filter.session = name("s", 90);
    if (random_() % 3 == 0) filter.type = name("type", 4);
    if (random_() % 8 == 0) filter.id = "e" + std::to_string(random_() % (events_ + 5));
    if (random_() % 3 == 0) filter.start = static_cast<Micros>(random_() % 5'000);
    if (random_() % 3 == 0) filter.end = static_cast<Micros>(random_() % 5'000);
    return filter;
  }

  // The LSNs of the events that match; read with the filter or by a full scan.
  std::vector<Lsn> find(const EventFilter& filter, bool by_index, Lsn from = 1,
                        Lsn through = LogReader::unbounded) {
    auto reader = by_index ? LogReader::open(place(), from, through, filter, raw, disk_)
                           : LogReader::open(place(), from, through, disk_);
    EXPECT_TRUE(reader.ok());
    std::vector<Lsn> found;
    RecordView record;
    while (true) {
      auto more = reader->next(record);
      EXPECT_TRUE(more.ok()) << (more.ok() ? "" : more.problem().text());
      if (!more.ok() || !*more) break;
      if (record.kind == Kind::event && filter.matches(*decode_event(record.payload)))
        found.push_back(record.lsn);
    }
    effort = reader->effort();
    return found;
  }

  PartitionPlace place() const { return bench_->options.place; }
  Bench& bench() { return *bench_; }
  StrangeDisk& disk() { return disk_; }
  std::mt19937_64& random() { return random_; }
  LogReader::Effort effort;
  RawIndexes* raw = nullptr;

 private:
  std::string name(const char* what, uint64_t count) { return what + std::to_string(random_() % count); }
  std::string payload() {
    std::string id = "e" + std::to_string(events_++), type = name("type", 4), user = name("u", 12);
    std::string cart = random_() % 3 ? "" : name("c", 40), session = name("s", 90);
    std::string data =
        "{\"x\":\"" + std::string(random_() % 60, static_cast<char>('a' + random_() % 26)) + "\"}";
    Event event{.id = id,
                .type = type,
                .source = "test",
                .user = user,
                .session = session,
                .cart = cart,
                .data = data,
                .time = static_cast<Micros>(events_ + random_() % 500)};
    std::string out;
    encode(event, out);
    return out;
  }

  ScratchDirectory scratch_;
  StrangeDisk disk_;
  std::unique_ptr<Bench> bench_;
  std::mt19937_64 random_;
  uint64_t events_ = 0;
};

struct Line {
  Lsn lsn;
  Kind kind;
  Micros time;
  std::string key, payload;
  bool operator==(const Line&) const = default;
};

std::vector<Line> read_all(const PartitionPlace& place, Lsn from = 1, Lsn through = LogReader::unbounded) {
  std::vector<Line> lines;
  auto reader = LogReader::open(place, from, through);
  EXPECT_TRUE(reader.ok()) << (reader.ok() ? "" : reader.problem().text());
  RecordView record;
  while (reader.ok()) {
    auto more = reader->next(record);
    EXPECT_TRUE(more.ok()) << (more.ok() ? "" : more.problem().text());
    if (!more.ok() || !*more) break;
    lines.push_back(
        {record.lsn, record.kind, record.time, std::string(record.key), std::string(record.payload)});
  }
  return lines;
}

TEST(Rewriting, KeepsEveryRecordAndTheChain) {
  World world(1);
  world.fill(3000);
  auto before = read_all(world.place());
  ASSERT_GE(world.segments().size(), 4u);
  world.rewrite_sealed();
  EXPECT_EQ(read_all(world.place()), before);
  for (int i = 0; i < 50; ++i) {
    Lsn from = 1 + world.random()() % before.size(), through = from + world.random()() % 300;
    through = std::min<Lsn>(through, before.size());
    std::vector<Line> part(before.begin() + static_cast<ptrdiff_t>(from - 1),
                           before.begin() + static_cast<ptrdiff_t>(through));
    ASSERT_EQ(read_all(world.place(), from, through), part) << from << ".." << through;
  }
  auto report = inspect_log(world.place(), Depth::records);
  ASSERT_TRUE(report.ok());
  EXPECT_FALSE(report->damage) << report->damage->text();
  EXPECT_TRUE(report->segments.front().rewritten);
  EXPECT_FALSE(report->segments.back().rewritten);
  EXPECT_GT(report->segments.front().batches, 1u);
  // The log goes on behind them, and the state is what it says.
  world.fill(500);
  Digest live = world.bench().digest();
  EXPECT_EQ(world.bench().rebuilt(), live);
  world.bench().crash();
  world.bench().open();
  EXPECT_EQ(world.bench().digest(), live);
}

TEST(Rewriting, DroppedRecordsLeaveGapsThatAreTold) {
  World world(2);
  world.fill(2000);
  auto before = read_all(world.place());
  auto segments = world.segments();
  uint64_t dropped = 0;
  // The first loses every record, the second its last ones, the third every second one.
  const RecordVisitor visitors[] = {[](RecordView&) { return false; },
                                    [&](RecordView& record) { return record.lsn < before[400].lsn; },
                                    [](RecordView& record) { return record.lsn % 2 == 0; }};
  for (size_t i = 0; i < 3; ++i) {
    RewriteReport report = world.rewrite(segments[i], visitors[i]);
    EXPECT_EQ(report.records_kept + report.records_dropped, report.end_lsn - report.first_lsn);
    dropped += report.records_dropped;
    std::erase_if(before, [&](const Line& line) {
      RecordView record{.lsn = line.lsn};
      return line.lsn >= report.first_lsn && line.lsn < report.end_lsn && !visitors[i](record);
    });
  }
  EXPECT_EQ(read_all(world.place()), before);
  auto wanted =
      std::ranges::count_if(before, [](const Line& line) { return line.lsn >= 300 && line.lsn <= 700; });
  EXPECT_EQ(read_all(world.place(), 300, 700).size(), static_cast<size_t>(wanted));
  auto report = inspect_log(world.place(), Depth::records);
  ASSERT_TRUE(report.ok());
  EXPECT_FALSE(report->damage) << report->damage->text();
  uint64_t gone = 0;
  for (auto& segment : report->segments) gone += segment.records_gone;
  EXPECT_EQ(gone, dropped);
  EXPECT_EQ(report->segments[0].records, 0u);
  // Once more, as a later retention would: what is gone stays gone.
  world.rewrite(segments[2], [](RecordView& record) { return record.lsn % 4 == 0; });
  EXPECT_FALSE(inspect_log(world.place(), Depth::records)->damage);
}

TEST(Rewriting, MayChangeAPayload) {
  World world(3);
  world.fill(800);
  uint32_t first = world.segments().front();
  std::string scratch;
  world.rewrite(first, [&](RecordView& record) {
    if (record.kind != Kind::put) return true;
    scratch = std::string(record.payload.substr(0, 1)) + "erased";
    record.payload = scratch;
    return true;
  });
  size_t changed = 0;
  for (auto& line : read_all(world.place()))
    changed += line.kind == Kind::put && line.payload.substr(1) == "erased";
  EXPECT_GT(changed, 3u);
}

TEST(Rewriting, AReaderGoesOnInTheOldFile) {
  World world(4);
  world.fill(3000);
  auto before = read_all(world.place());
  auto reader = LogReader::open(world.place());
  ASSERT_TRUE(reader.ok());
  RecordView record;
  for (size_t i = 0; i < before.size(); ++i) {
    if (i == 100) world.rewrite_sealed();
    auto more = reader->next(record);
    ASSERT_TRUE(more.ok() && *more) << (more.ok() ? "ended" : more.problem().text());
    ASSERT_EQ(record.lsn, before[i].lsn);
    ASSERT_EQ(record.payload, before[i].payload);
  }
}

TEST(Rewriting, AFailedWriteLeavesTheOldFile) {
  World world(5);
  world.fill(1000);
  auto before = read_all(world.place());
  uint32_t first = world.segments().front();
  std::string path = world.bench().segment(first), old = slurp(path);
  for (int nth = 1; nth < 200; ++nth) {
    world.disk().fail_at(nth);
    auto report = rewrite_segment(
        {.place = world.place(), .clock = &system_clock(), .disk = &world.disk(), .frame_bytes = small_frame},
        first, [](RecordView&) { return true; });
    world.disk().set_rule({});
    if (report.ok()) {
      EXPECT_GT(nth, 5);
      EXPECT_FALSE(fs::exists(path + ".tmp"));
      break;
    }
    // Only when all but the sync of the directory worked is the new one there.
    if (slurp(path) != old) {
      EXPECT_NE(report.problem().text().find("sync_directory"), std::string::npos);
    }
    EXPECT_EQ(read_all(world.place()), before);
    spill(path, old);
  }
  EXPECT_EQ(read_all(world.place()), before);
}

TEST(SegmentIndex, AnswersAsAFullScanDoes) {
  for (uint64_t seed = 10; seed < 16; ++seed) {
    World world(seed);
    world.fill(2500);
    auto all = world.segments();
    for (size_t i = 0; i + 1 < all.size(); ++i)
      if (world.random()() % 5)
        world.rewrite(all[i], [&](RecordView& r) { return seed % 2 || r.lsn % 7 != 0; });
    uint64_t left_out = 0;
    for (int i = 0; i < 150; ++i) {
      EventFilter filter = world.filter();
      Lsn last = world.bench().partition->applied_lsn();
      Lsn from = world.random()() % 3 ? 1 : world.random()() % last;
      Lsn through =
          world.random()() % 3 ? LogReader::unbounded : std::min<Lsn>(from + world.random()() % 900, last);
      auto by_scan = world.find(filter, false, from, through);
      ASSERT_EQ(world.find(filter, true, from, through), by_scan) << seed << " " << i;
      left_out += world.effort.frames_seen - world.effort.frames_read;
    }
    EXPECT_GT(left_out, 500u);
  }
}

TEST(SegmentIndex, ReadsOnlyFramesThatMatch) {
  World world(20);
  world.fill(4000);
  world.rewrite_sealed();
  EventFilter filter;
  filter.id = "e700";
  EXPECT_EQ(world.find(filter, true).size(), 1u);
  uint64_t tail = 0;  // batches of the last segment are read one by one
  auto report = inspect_log(world.place(), Depth::headers);
  ASSERT_TRUE(report.ok());
  for (auto& segment : report->segments)
    if (!segment.rewritten) tail += segment.batches;
  EXPECT_EQ(world.effort.frames_read, 1 + tail);
  EXPECT_GT(world.effort.frames_seen, 20 + tail);
}

// Segments as they were written have an index in memory, which grows with them and gives way when they are rewritten.
TEST(RawIndexes, AnswerAsAFullScanDoes) {
  World world(22);
  RawIndexes raw;
  uint64_t left_out = 0;
  for (int round = 0; round < 60; ++round) {
    world.fill(1 + world.random()() % 120);
    auto all = world.segments();
    if (round % 5 == 4 && all.size() > 1) world.rewrite(all[world.random()() % (all.size() - 1)]);
    for (int i = 0; i < 12; ++i) {
      EventFilter filter = world.filter();
      Lsn last = world.bench().partition->durable_lsn(), from = 1 + world.random()() % last;
      auto by_scan = world.find(filter, false, i % 2 ? from : 1, last);
      world.raw = &raw;
      ASSERT_EQ(world.find(filter, true, i % 2 ? from : 1, last), by_scan) << round << " " << i;
      left_out += world.effort.frames_seen - world.effort.frames_read;
      world.raw = nullptr;
    }
  }
  EXPECT_GT(left_out, 1000u);
}

TEST(SegmentIndex, MoreTypesThanBits) {
  World world(21);
  std::string out;
  for (int i = 0; i < 3000; ++i) {
    std::string id = "x" + std::to_string(i), type = "kind" + std::to_string(i % 100);
    out.clear();
    encode(Event{.id = id, .type = type, .source = "t", .user = "u", .data = "{}", .time = i}, out);
    world.bench().event("", out);
    if (i % 20 == 0) world.bench().settle();
  }
  world.bench().settle();
  world.rewrite_sealed();
  for (int i = 0; i < 102; ++i) {
    EventFilter filter;
    filter.type = "kind" + std::to_string(i);
    auto found = world.find(filter, true);
    ASSERT_EQ(found, world.find(filter, false)) << i;
    ASSERT_EQ(found.size(), i < 100 ? 30u : 0u);
  }
}

// Every byte of a rewritten segment is watched: a flipped bit is found by verify, and no query answers wrongly.
TEST(SegmentIndex, DamageIsFoundAndNeverAnswered) {
  World world(30);
  world.fill(1500);
  auto all = world.segments();
  world.rewrite_sealed();
  uint32_t victim = all[1];
  std::string path = world.bench().segment(victim), whole = slurp(path);
  std::vector<EventFilter> filters;
  std::vector<std::vector<Lsn>> answers;
  for (int i = 0; i < 20; ++i) {
    filters.push_back(world.filter());
    answers.push_back(world.find(filters.back(), true));
  }
  std::mt19937_64 random(7);
  int refused = 0;
  for (int i = 0; i < 600; ++i) {
    std::string bytes = whole;
    size_t at = i < 128 ? static_cast<size_t>(i) : random() % bytes.size();
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
    spill(path, bytes);
    auto report = inspect_log(world.place(), Depth::records);
    bool padding = report.ok() && !report->damage &&
                   read_all(world.place()).size() == world.bench().partition->applied_lsn();
    ASSERT_TRUE(report.ok()) << report.problem().text();
    EXPECT_TRUE(padding || report->damage) << "byte " << at;
    if (report->damage) {
      EXPECT_NE(report->damage->text().find(segment_name(victim)), std::string::npos)
          << report->damage->text();
    }
    for (size_t f = 0; f < filters.size(); ++f) {
      auto reader = LogReader::open(world.place(), 1, LogReader::unbounded, filters[f]);
      std::vector<Lsn> found;
      RecordView record;
      Result<bool> more = reader.ok() ? Result<bool>(true) : Result<bool>(reader.problem());
      while (more.ok() && *more) {
        more = reader->next(record);
        if (more.ok() && *more && record.kind == Kind::event &&
            filters[f].matches(*decode_event(record.payload)))
          found.push_back(record.lsn);
      }
      refused += !more.ok();
      if (more.ok()) {
        ASSERT_EQ(found, answers[f]) << "byte " << at;
      }
    }
  }
  EXPECT_GT(refused, 1000);
  for (size_t size : {whole.size() - 1, whole.size() - 4096, whole.size() / 2, size_t{5000}, size_t{100}}) {
    spill(path, std::string_view(whole).substr(0, size));
    auto report = inspect_log(world.place(), Depth::records);
    EXPECT_TRUE(report.ok() && report->damage) << size;
  }
}

TEST(SegmentIndex, ARewrittenSegmentWithoutItsNextIsDamage) {
  World world(31);
  world.fill(1200);
  world.rewrite_sealed();
  world.bench().close();
  fs::remove(world.bench().segment(world.segments().back()));
  auto report = inspect_log(world.place(), Depth::records);
  ASSERT_TRUE(report.ok());
  ASSERT_TRUE(report->damage);
  EXPECT_NE(report->damage->text().find("missing"), std::string::npos);
  EXPECT_FALSE(world.bench().try_open().ok());
}

TEST(SegmentKeeper, RewritesWhatIsSettledWhileThePartitionWrites) {
  World world(40, 64 * 1024);
  std::atomic<int> rewritten{0};
  KeeperOptions options{
      .share_percent = 90, .frame_bytes = 32 * 1024, .period_us = 1000, .disk = &world.disk()};
  options.observe = [&](const RewriteReport&, uint32_t) { ++rewritten; };
  auto keeper = std::make_unique<SegmentKeeper>(
      options, std::vector<KeptPartition>{
                   {world.place(), [&] { return world.bench().partition->settled_segment(); }}});
  for (int i = 0; i < 40; ++i) world.fill(400);
  Micros until = system_clock().monotonic() + 10 * second_us;
  for (; rewritten < 3 && system_clock().monotonic() < until; ::usleep(2000)) world.fill(20);
  EXPECT_GE(rewritten, 3);
  EXPECT_EQ(keeper->stats(0).failures, 0u);
  EXPECT_EQ(keeper->stats(0).records_dropped, 0u);
  keeper.reset();
  EXPECT_FALSE(inspect_log(world.place(), Depth::records)->damage);
  Digest live = world.bench().digest();
  EXPECT_EQ(world.bench().rebuilt(), live);
  world.bench().crash();
  world.bench().open();
  EXPECT_EQ(world.bench().digest(), live);
}

TEST(SegmentKeeper, LeavesTheLastSpaceToTheLog) {
  World world(41, 32 * 1024);
  world.fill(3000);
  for (int i = 0; i < 3; ++i) {  // both checkpoints go behind the first segments
    world.fill(20);
    world.bench().digest();
  }
  ASSERT_GT(world.bench().partition->settled_segment(), 2u);
  world.disk().free_bytes = limits::free_bytes_min;
  KeeperOptions options;
  options.period_us = 1000;
  options.disk = &world.disk();
  std::atomic<int> complaints{0};
  options.complain = [&](const Problem& problem) { complaints += problem.error == Error::storage_full; };
  SegmentKeeper keeper(options,
                       {{world.place(), [&] { return world.bench().partition->settled_segment(); }}});
  for (int i = 0; i < 2000 && complaints == 0; ++i) ::usleep(1000);
  EXPECT_EQ(complaints, 1);
  EXPECT_EQ(keeper.stats(0).rewrites, 0u);
  EXPECT_EQ(keeper.stats(0).failures, 1u);
}

}  // namespace
}  // namespace headrace::testing_support
