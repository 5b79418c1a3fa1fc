// Measures queries over a large log: the first page of one user's events of a week, by the indexes of segments.
//
//   query_bench [millions of events, default 5] [directory, default ./query_bench.tmp] [partitions, default 2]
//
// The log is written through storage (without syncs), rewritten, and asked. A directory that holds a log already is
// asked again. Events are visits of about eight, 10 minutes long, over 30 days; a user comes once in 10 days or so.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <random>
#include <thread>

#include "codec/event.h"
#include "src/events/event_fold.h"
#include "src/events/query.h"
#include "storage/log_reader.h"
#include "storage/log_writer.h"
#include "storage/segment_rewriter.h"
#include "storage/verify.h"

namespace headrace {
namespace {

using Steady = std::chrono::steady_clock;
constexpr Micros first_time = 1'740'000'000 * second_us, all_time = 30 * day_us, visit_time = 10 * minute_us;
constexpr size_t events_per_visit = 8, visits_per_user = 3, batch_events = 500;

double seconds_since(Steady::time_point start) {
  return std::chrono::duration<double>(Steady::now() - start).count();
}

[[noreturn]] void die(const Problem& problem) {
  fmt::print(stderr, "{}\n", problem.text());
  std::exit(1);
}
template <class T>
T must(Result<T> result) {
  if (!result.ok()) die(result.problem());
  return std::move(*result);
}

// The system's disk without syncs: a log that is only measured need not survive.
class Unsynced final : public Disk {
  struct Unsyncing final : File {
    explicit Unsyncing(std::unique_ptr<File> real) : file(std::move(real)) {}
    Result<> write_at(std::string_view bytes, uint64_t offset) override {
      return file->write_at(bytes, offset);
    }
    Result<size_t> read_at(char* out, size_t size, uint64_t offset) override {
      return file->read_at(out, size, offset);
    }
    Result<> sync_data() override { return Done{}; }
    Result<> sync() override { return Done{}; }
    Result<> truncate(uint64_t size) override { return file->truncate(size); }
    Result<uint64_t> size() override { return file->size(); }
    std::unique_ptr<File> file;
  };

 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    auto file = real_.open(path, mode);
    if (!file) return file;
    return std::unique_ptr<File>(std::make_unique<Unsyncing>(std::move(*file)));
  }
  Result<bool> exists(const std::string& path) override { return real_.exists(path); }
  Result<> create_directory(const std::string& path) override { return real_.create_directory(path); }
  Result<> sync_directory(const std::string&) override { return Done{}; }
  Result<> rename(const std::string& from, const std::string& to) override { return real_.rename(from, to); }
  Result<> remove(const std::string& path) override { return real_.remove(path); }
  Result<std::vector<std::string>> list(const std::string& path) override { return real_.list(path); }
  Result<Space> space(const std::string& path) override { return real_.space(path); }
  Result<bool> is_network(const std::string& path) override { return real_.is_network(path); }
  Result<std::shared_ptr<void>> lock(const std::string& path) override { return real_.lock(path); }

 private:
  Disk& real_ = system_disk();
};

std::string user_name(uint64_t number) { return fmt::format("user-{:08}", number); }

// Visits under way, one event at a time, in the order of time.
class Stream {
 public:
  explicit Stream(uint64_t events)
      : events_(events), users_(events / events_per_visit / visits_per_user + 1) {
    size_t under_way =
        static_cast<size_t>(static_cast<double>(events) / events_per_visit * visit_time / all_time) + 1;
    for (size_t i = 0; i < under_way; ++i) visits_.push_back(begin());
  }
  uint64_t users() const { return users_; }

  // Makes the next event; its views are good until the next call.
  Event next() {
    Visit& visit = visits_[random_() % visits_.size()];
    constexpr std::string_view types[] = {"page_view", "product_view", "product_view",   "add_to_cart",
                                          "search",    "page_view",    "checkout_start", "purchase"};
    type_ = types[random_() % std::size(types)];
    id_ = fmt::format("evt_{:016x}", random_());
    user_ = user_name(visit.user), session_ = fmt::format("s{:x}", visit.number),
    cart_ = fmt::format("c{:x}", visit.number);
    data_ = fmt::format(
        R"({{"user_id":"{}","session_id":"{}","cart_id":"{}","product_id":"p{}","price":{}.{:02},"quantity":{},"device":"{}","region":"eu-{}"}})",
        user_, session_, cart_, random_() % 20'000, random_() % 200, random_() % 100, 1 + random_() % 3,
        random_() % 3 ? "mobile" : "desktop", random_() % 9);
    Micros time = first_time +
                  static_cast<Micros>(static_cast<double>(made_++) / static_cast<double>(events_) * all_time);
    Event event{.id = id_,
                .type = type_,
                .source = "bench",
                .user = user_,
                .session = session_,
                .cart = cart_,
                .data = data_,
                .time = time};
    if (--visit.left == 0) visit = begin();
    return event;
  }

 private:
  struct Visit {
    uint64_t user, number;
    size_t left;
  };
  Visit begin() { return {random_() % users_, ++visits_begun_, 1 + random_() % (2 * events_per_visit - 1)}; }

  const uint64_t events_, users_;
  std::mt19937_64 random_{7};
  std::vector<Visit> visits_;
  uint64_t made_ = 0, visits_begun_ = 0;
  std::string id_, type_, user_, session_, cart_, data_;
};

class Writer {
 public:
  Writer(Disk& disk, const PartitionPlace& place) {
    for (const std::string& path : {place.path, place.log()}) (void)must(disk.create_directory(path));
    LogWriterOptions options{.place = place,
                             .clock = &system_clock(),
                             .disk = &disk,
                             .spares = nullptr,
                             .segment_bytes = limits::segment_bytes};
    LogPosition start{1, segment_header_bytes, 1, salt_of(place)};
    (void)must(create_segment(options, start, {}, 0));
    log_.emplace(must(LogWriter::open(options, start)));
  }
  void add(const Event& event) {
    if (batch_.count == 0)
      batch_ = {
          .body = std::move(batch_.body), .first_lsn = log_->end().lsn, .count = 0, .base_time = event.time};
    payload_.clear();
    encode(event, payload_);
    encode_record({.lsn = 0, .kind = Kind::event, .version = 1, .time = event.time, .payload = payload_},
                  batch_.base_time, batch_.body);
    if (++batch_.count == batch_events) write();
  }
  void write() {
    if (batch_.count == 0) return;
    (void)must(log_->write(batch_));
    batch_.body.clear();
    batch_.count = 0;
  }

 private:
  std::optional<LogWriter> log_;
  RawBatch batch_;
  std::string payload_;
};

void write_log(const DataDirectory& directory, uint64_t events) {
  Unsynced disk;
  std::deque<Writer> writers;
  for (uint32_t p = 0; p < directory.partitions(); ++p) writers.emplace_back(disk, directory.place(p));
  Stream stream(events);
  auto start = Steady::now();
  for (uint64_t i = 0; i < events; ++i) {
    Event event = stream.next();
    writers[home_of(event.user, directory.partitions())].add(event);
  }
  for (Writer& writer : writers) writer.write();
  fmt::print("written: {} events in {:.1f} s\n", events, seconds_since(start));
}

void rewrite_log(const DataDirectory& directory) {
  Unsynced disk;
  auto start = Steady::now();
  uint64_t before = 0, after = 0, records = 0;
  size_t segments = 0;
  for (uint32_t p = 0; p < directory.partitions(); ++p) {
    auto all = must(list_segments(disk, directory.place(p)));
    for (size_t i = 0; i + 1 < all.size(); ++i, ++segments) {
      RewriteOptions options{.place = directory.place(p),
                             .clock = &system_clock(),
                             .disk = &disk,
                             .frame_bytes = limits::frame_bytes};
      auto report = must(rewrite_segment(options, all[i], [](RecordView&) { return true; }));
      before += report.bytes_before, after += report.bytes_after, records += report.records_kept;
    }
  }
  double took = seconds_since(start);
  fmt::print("rewritten: {} segments, {} records in {:.1f} s ({:.0f} records/s on one thread), {} to {} MB\n",
             segments, records, took, static_cast<double>(records) / took, before / 1'000'000,
             after / 1'000'000);
}

void describe_log(const DataDirectory& directory) {
  uint64_t index = 0, raw = 0, bytes = 0, records = 0, frames = 0;
  for (uint32_t p = 0; p < directory.partitions(); ++p)
    for (auto& segment : must(inspect_log(directory.place(p), Depth::headers)).segments) {
      if (!segment.rewritten) continue;
      index += segment.index_bytes, raw += segment.bytes_raw, bytes += segment.file_bytes;
      records += segment.records, frames += segment.batches;
    }
  if (records == 0) return;
  fmt::print(
      "rewritten segments: {} events in {} frames, {:.2f}:1 with index, {:.2f}:1 without; index {:.1f} bytes "
      "per event\n",
      records, frames, static_cast<double>(raw) / static_cast<double>(bytes),
      static_cast<double>(raw) / static_cast<double>(bytes - index),
      static_cast<double>(index) / static_cast<double>(records));
}

double cpu_ms() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e3 + static_cast<double>(used.tv_nsec) / 1e6;
}

struct Asked {
  std::vector<double> ms, cpu;
  uint64_t events = 0, read = 0, seen = 0, records = 0;
};

std::string spread(std::vector<double>& values) {
  std::ranges::sort(values);
  auto at = [&](double part) {
    return values[static_cast<size_t>(part * static_cast<double>(values.size() - 1))];
  };
  return fmt::format("p50 {:>6.2f} p99 {:>6.2f} max {:>6.2f}", at(0.5), at(0.99), at(1));
}

void print(const char* what, Asked& asked) {
  double count = static_cast<double>(asked.ms.size());
  fmt::print("{:<32} ms: {}; processor ms: {}; {:.1f} events, {:.1f} of {:.0f} frames, {:.0f} records\n",
             what, spread(asked.ms), spread(asked.cpu), static_cast<double>(asked.events) / count,
             static_cast<double>(asked.read) / count, static_cast<double>(asked.seen) / count,
             static_cast<double>(asked.records) / count);
}

Asked ask(const DataDirectory& directory, size_t times, const RawIndexSet& raw,
          const std::function<EventFilter(std::mt19937_64&)>& make) {
  std::mt19937_64 random(11);
  Asked asked;
  EventQuery query;
  query.from.assign(directory.partitions(), 1);
  for (uint32_t p = 0; p < directory.partitions(); ++p) {
    auto report = must(inspect_log(directory.place(p), Depth::headers));
    query.through.push_back(report.segments.back().last_lsn);
  }
  for (size_t i = 0; i < times; ++i) {
    query.filter = make(random);
    auto start = Steady::now();
    double used = cpu_ms();
    auto page = must(run_query(directory, query, raw));
    asked.ms.push_back(seconds_since(start) * 1000);
    asked.cpu.push_back(cpu_ms() - used);
    asked.events += page.events.size(), asked.read += page.frames_read, asked.seen += page.frames_seen;
    asked.records += page.records_read;
  }
  return asked;
}

void ask_all(const DataDirectory& directory, uint64_t events) {
  RawIndexSet raw;
  for (uint32_t p = 0; p < directory.partitions(); ++p) raw.push_back(std::make_unique<RawIndexes>());
  uint64_t users = Stream(events).users();
  auto week = [&](std::mt19937_64& random) {
    EventFilter filter;
    filter.user = user_name(random() % users);
    filter.start = first_time + static_cast<Micros>(random() % 23) * day_us;
    filter.end = *filter.start + 7 * day_us;
    return filter;
  };
  Asked first = ask(directory, 1, raw, week);
  print("the first, which indexes tails", first);
  Asked weeks = ask(directory, 1000, raw, week);
  print("a user, a week: first page", weeks);
  Asked whole = ask(directory, 300, raw, [&](std::mt19937_64& random) {
    EventFilter filter;
    filter.user = user_name(random() % users);
    return filter;
  });
  print("a user, all 30 days: first page", whole);
  Asked absent = ask(directory, 300, raw, [&](std::mt19937_64& random) {
    EventFilter filter;
    filter.id = fmt::format("evt_absent_{}", random());
    return filter;
  });
  print("an event id that is not there", absent);
}

int run(int argc, char** argv) {
  auto events = static_cast<uint64_t>((argc > 1 ? std::atof(argv[1]) : 5.0) * 1e6);
  std::string path = argc > 2 ? argv[2] : "query_bench.tmp";
  auto partitions = static_cast<uint32_t>(argc > 3 ? std::atoi(argv[3]) : 2);
  bool fresh = !std::filesystem::exists(path + "/MANIFEST");
  auto directory = must(DataDirectory::open(path, {.partitions_if_new = partitions}));
  if (fresh) write_log(*directory, events);
  if (fresh) rewrite_log(*directory);
  describe_log(*directory);
  ask_all(*directory, events);
  return 0;
}

}  // namespace
}  // namespace headrace

int main(int argc, char** argv) { return headrace::run(argc, argv); }
