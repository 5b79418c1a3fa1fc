// Measures what an event costs its partitions behind JSON and before the disk: at its home (dedup, rows), and
// as a fold at the homes of its other entities. Two partitions, the load generator's mix of events.
//
//   folds_bench [thousands of events, default 4000] [carts, default 20000] [directory, default
//   ./folds_bench.tmp]
//
// Instructions rather than time, on a busy machine:
//   valgrind --tool=callgrind --toggle-collect='*home_batch*' bench/folds_bench 60 200      (or
//   '*fold_batch*')
#include <fmt/format.h>

#include <ctime>
#include <filesystem>
#include <random>

#include "codec/checksum.h"
#include "codec/compress.h"
#include "codec/varint.h"
#include "src/base/check.h"
#include "src/base/stagger.h"
#include "src/events/event_fold.h"
#include "storage/id_index.h"

namespace headrace {

constexpr uint32_t partitions = 2;
constexpr size_t batch_events = 1000, look_ahead = EventFold::under_way;

double cpu_us() {
  timespec now;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

// One partition without its log.
struct Home {
  Home(std::shared_ptr<const features::Plan> plan, uint32_t its, const std::string& dir, RowBacking& backing)
      : id(its), outbox(its, partitions), fold(std::move(plan), its, partitions, &outbox), rows(&backing) {
    auto opened = IdIndex::open({.dir = dir + "/" + std::to_string(its)}, UINT64_MAX);
    CHECK(opened.ok());
    ids = std::move(*opened);
    rows.assume_complete();
  }

  uint32_t id;
  FoldOutbox outbox;
  EventFold fold;
  Rows rows;
  std::unique_ptr<IdIndex> ids;
  Lsn lsn = 0;
  std::string batch;  // stands for the open batch of the log
};

// What the load generator sends (tools/bench_payload.cc), as it reaches the home: each event behind its
// length.
class Stream {
 public:
  explicit Stream(size_t carts) : carts_(carts) {}

  void next_batch(std::array<std::string, partitions>& payloads) {
    for (std::string& one : payloads) one.clear();
    for (size_t i = 0; i < batch_events; ++i) append(payloads);
  }

 private:
  static std::string_view type_for(unsigned dice) {
    dice %= 100;
    if (dice < 40) return "page_view";
    if (dice < 85) return "product_view";
    if (dice < 93) return "add_to_cart";
    if (dice < 96) return "remove_from_cart";
    return dice < 99 ? "checkout_start" : "purchase";
  }

  void append(std::array<std::string, partitions>& payloads) {
    constexpr std::array<std::string_view, 4> regions{"eu-west", "us-east", "us-west", "ap-south"};
    size_t cart = turn_ % carts_;
    unsigned cents = 199 + dice_() % 20'000;
    std::string id = fmt::format("evt_0badcafe{:012x}", turn_++), user = fmt::format("u{}", cart / 2);
    std::string session = fmt::format("s{}", cart), key = fmt::format("cbadcafe-{}", cart);
    std::string data = fmt::format(
        R"({{"user_id":"{}","session_id":"{}","cart_id":"{}","product_id":"p{}","price":{}.{:02},"quantity":{},"region":"{}"}})",
        user, session, key, dice_() % 5'000, cents / 100, cents % 100, 1 + dice_() % 3,
        regions[cart % regions.size()]);
    Event event{.id = id,
                .type = type_for(dice_()),
                .source = "bench",
                .user = user,
                .session = session,
                .cart = key,
                .data = data,
                .time = time_ += 3};
    std::string payload;
    encode(event, payload);
    std::string& out = payloads[home_of(event.routing_key(), partitions)];
    put_fixed(static_cast<uint32_t>(payload.size()), out);
    out += payload;
  }

  size_t carts_, turn_ = 0;
  std::mt19937 dice_{1};
  Micros time_ = 1'759'233'600'000'000;
};

struct Ahead {
  IdHash id;
  std::string_view payload;
  Foldable fold;
};

// As Shard::ingest_all does it, but for the log.
[[gnu::noinline]] void home_batch(Home& home, std::string_view payloads) {
  static std::array<Ahead, look_ahead> ring;
  Taker taker(payloads);
  home.batch.clear();
  auto next = [&](Ahead& one) {
    if (taker.rest().empty()) return false;
    one.payload = taker.bytes(taker.fixed<uint32_t>());
    auto event = decode_event(one.payload);
    CHECK(event.ok());
    Digest digest = hash128(event->id);
    one.id = {digest.high, digest.low};
    home.fold.prepare(*event, one.fold);
    home.ids->expect(one.id);
    return true;
  };
  auto expect = [&](Ahead& one, size_t step) { home.fold.look_ahead(one.fold, step, home.rows); };
  auto finish = [&](Ahead& one) {
    CHECK(!home.ids->find(one.id) && !home.ids->full() && !home.outbox.full());
    encode_record({.kind = Kind::event, .version = 1, .time = 0, .key = {}, .payload = one.payload}, 0, home.batch);
    home.ids->add(one.id, ++home.lsn);
    home.fold.fold(one.fold, home.lsn, home.rows);
  };
  stagger<EventFold::look_ahead_steps>(ring, next, expect, finish);
}

struct Sent {
  uint64_t folds = 0, bytes = 0;
};

// As Shard::send_folds and receive do it.
[[gnu::noinline]] void fold_batch(Home& from, Home& to, std::string& record, Sent& sent) {
  record.clear();
  auto batch = from.outbox.take(to.id, from.lsn);
  if (!batch) return;
  from.outbox.applied(to.id);
  from.outbox.durable(to.id);
  to.fold.encode_unseen(*batch, EventFold::last_rank(from.id, to.rows), record);
  to.fold.apply({.lsn = ++to.lsn, .kind = Kind::fold, .version = 1, .time = 0, .key = {}, .payload = record},
                to.rows, false);
  sent.folds += batch->count;
  sent.bytes += record.size();
}

// What the rows hold in the end: the same before and after a change that is for speed only.
class RowSum : public RowBacking {
 public:
  bool load(Row&) override { return false; }
  void store(const Row& row) override {
    sum_ += hash128(row.bytes, row.lsn);
    sum_ += hash128(row.key(), row.table);
  }
  void each(uint8_t, const std::function<void(std::string_view)>&) override {}
  std::string text() const { return to_text(sum_); }

 private:
  Digest sum_;
};

void write_all(Rows& rows) {
  while (rows.dirty() > 0) {
    if (rows.chunk_empty()) rows.take_chunk(1000);
    rows.write_chunk(1000);
  }
}

}  // namespace headrace

using namespace headrace;

int main(int argc, char** argv) {
  const size_t batches = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 4000;
  const size_t carts = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 20'000;
  const std::string dir = argc > 3 ? argv[3] : "folds_bench.tmp";
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  auto plan = *features::Plan::compile(features::default_definitions());
  RowSum sum;
  Home homes[partitions] = {{plan, 0, dir, sum}, {plan, 1, dir, sum}};
  Stream stream(carts);
  std::array<std::string, partitions> payloads;
  Compressor compressor(1);
  std::string record, packed;
  Sent sent;
  size_t packed_from = 1;
  double home_us = 0, fold_us = 0;
  for (size_t i = 0; i < batches; ++i) {
    stream.next_batch(payloads);
    double start = cpu_us();
    for (Home& home : homes) home_batch(home, payloads[home.id]);
    double middle = cpu_us();
    for (uint32_t p = 0; p < partitions; ++p) fold_batch(homes[p], homes[1 - p], record, sent);
    home_us += middle - start;
    fold_us += cpu_us() - middle;
    if (i == batches / 2) compressor.compress(record, packed), packed_from = record.size();
  }
  double events = static_cast<double>(batches * batch_events), folds = static_cast<double>(sent.folds);
  fmt::print(
      "home {:.0f} ns/event  folds {:.0f} ns/event  {:.2f} folds/event of {:.1f} bytes, {:.0f} % packed\n",
      home_us * 1e3 / events, fold_us * 1e3 / events, folds / events, static_cast<double>(sent.bytes) / folds,
      100 * static_cast<double>(packed.size()) / static_cast<double>(packed_from));
  size_t row_bytes = homes[0].rows.bytes() + homes[1].rows.bytes();
  size_t row_count = homes[0].rows.count() + homes[1].rows.count();
  for (Home& home : homes) write_all(home.rows);
  fmt::print("{} rows of {} bytes, digest {}\n", row_count, row_bytes / row_count, sum.text());
  std::filesystem::remove_all(dir);
}
