// Measures the dedup index: new ids one by one and in prefetched batches, duplicates hot and cold, reopening.
//
//   id_index_bench [millions of ids, default 10] [directory, default ./id_index_bench.tmp, emptied]
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>

#include "storage/id_filter.h"
#include "storage/id_index.h"
#include "storage/id_pages.h"

namespace headrace {
namespace {

using Steady = std::chrono::steady_clock;

double seconds_since(Steady::time_point start) {
  return std::chrono::duration<double>(Steady::now() - start).count();
}

double cpu_s(int who) {
  rusage usage;
  ::getrusage(who, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

uint64_t mix(uint64_t x) {  // splitmix64 (S. Vigna): stands for the hash of the n-th id
  x += 0x9e37'79b9'7f4a'7c15;
  x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
  x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
  return x ^ (x >> 31);
}

IdHash nth(uint64_t n) { return {mix(2 * n), mix(2 * n + 1)}; }

struct Timing {
  double wall_s, owner_s, all_s;  // CPU of this thread, and with the background thread
  uint64_t operations;
};

void print(const char* what, const Timing& timing) {
  const double count = static_cast<double>(timing.operations);
  fmt::print("{:<44}{:>9.1f} ns{:>9.1f} ns{:>9.1f} ns\n", what, timing.wall_s / count * 1e9,
             timing.owner_s / count * 1e9, timing.all_s / count * 1e9);
}

template <class Body>
Timing timed(uint64_t operations, Body body) {
  const auto start = Steady::now();
  const double owner = cpu_s(RUSAGE_THREAD), all = cpu_s(RUSAGE_SELF);
  body();
  return {seconds_since(start), cpu_s(RUSAGE_THREAD) - owner, cpu_s(RUSAGE_SELF) - all, operations};
}

void die(const std::string& why) {
  fmt::print(stderr, "{}\n", why);
  std::exit(1);
}

std::unique_ptr<IdIndex> open_or_die(const std::string& dir) {
  auto index = IdIndex::open({.dir = dir}, UINT64_MAX);
  if (!index.ok()) die(index.problem().text());
  return std::move(*index);
}

void add_new(IdIndex& index, uint64_t from, uint64_t to) {
  for (uint64_t lsn = from; lsn < to; ++lsn) {
    const IdHash id = nth(lsn);
    if (index.find(id)) die("a new id was found");
    index.add(id, lsn);
  }
}

void add_new_in_batches(IdIndex& index, uint64_t from, uint64_t to) {
  constexpr uint64_t ahead = 16;
  std::array<IdHash, ahead> ring;
  for (uint64_t i = 0; i < ahead; ++i) index.expect(ring[(from + i) % ahead] = nth(from + i));
  for (uint64_t lsn = from; lsn < to; ++lsn) {
    const IdHash id = ring[lsn % ahead];
    index.expect(ring[lsn % ahead] = nth(lsn + ahead));
    if (index.find(id)) die("a new id was found");
    index.add(id, lsn);
  }
}

void find_known(IdIndex& index, uint64_t from, uint64_t to, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t lsn = from + scale_to(mix(~i), to - from);
    if (index.find(nth(lsn)) != lsn) die("a known id was not found");
  }
}

void find_unknown(IdIndex& index, uint64_t from, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i)
    if (index.find(nth(from + i))) die("a new id was found");
}

// Until merging has caught up: full speed here is several times what a server takes in.
void settle(IdIndex& index) {
  uint64_t merges = 0;
  do {
    merges = index.stats().merges;
    std::this_thread::sleep_for(std::chrono::seconds(1));
    index.full();
  } while (index.stats().merges != merges);
}

void print_stats(const IdIndex::Stats& stats) {
  const double ids = static_cast<double>(stats.entries);
  fmt::print("\nids {}  runs {}  spills {}  merges {}  rewritten {:.2f} times  growths {}  waits {}\n",
             stats.entries, stats.runs, stats.spills, stats.merges,
             static_cast<double>(stats.merged_entries) / ids, stats.growths, stats.waits);
  fmt::print(
      "filters {:.1f} MB = {:.2f} bytes/id  tables {:.1f} MB  disk {:.1f} bytes/id  reads {} for nothing "
      "{}\n",
      static_cast<double>(stats.filter_bytes) / 1e6, static_cast<double>(stats.filter_bytes) / ids,
      static_cast<double>(stats.table_bytes) / 1e6, static_cast<double>(stats.disk_bytes) / ids,
      stats.run_reads, stats.false_positives);
}

// What everything above consists of on this machine, now: one cache line read at random out of 64 MiB, many
// under way.
Timing random_reads(uint64_t count) {
  IdPages pages(64 << 20);
  std::memset(pages.data(), 1, pages.size());
  const auto* lines = reinterpret_cast<const IdFilterLine*>(pages.data());
  uint64_t sum = 0;
  const Timing timing = timed(count, [&] {
    for (uint64_t i = 0; i < count; ++i)
      sum += lines[scale_to(mix(i), pages.size() / sizeof(IdFilterLine))].words[0];
  });
  if (sum == 0) die("unlikely");
  return timing;
}

// In parts of a million, because other work on the machine comes and goes.
void print_new_in_batches(IdIndex& index, uint64_t to) {
  constexpr uint64_t part = 1'000'000;
  Timing total{0, 0, 0, 0}, best{1e9, 1e9, 1e9, part};
  for (uint64_t from = 1; from + part <= to + 1; from += part) {
    const Timing now = timed(part, [&] { add_new_in_batches(index, from, from + part); });
    total = {total.wall_s + now.wall_s, total.owner_s + now.owner_s, total.all_s + now.all_s,
             total.operations + part};
    best = {std::min(best.wall_s, now.wall_s), std::min(best.owner_s, now.owner_s),
            std::min(best.all_s, now.all_s), part};
  }
  print("new, find + add, batches (prefetched)", total);
  print("  the best million of them", best);
}

void run(uint64_t ids, const std::string& dir) {
  std::filesystem::remove_all(dir);
  constexpr uint64_t probes = 1'000'000;
  auto index = open_or_die(dir);
  fmt::print("{:<44}{:>12}{:>12}{:>12}\n", "per id", "wall", "owner CPU", "all CPU");
  print_new_in_batches(*index, ids - probes);
  settle(*index);
  print("new, find + add, one by one, all runs there",
        timed(probes, [&] { add_new(*index, ids - probes + 1, ids + 1); }));
  print("new, find only", timed(probes, [&] { find_unknown(*index, ids + 1, probes); }));
  print("duplicate of the last 100,000",
        timed(probes, [&] { find_known(*index, ids - 100'000, ids + 1, probes); }));
  print("duplicate of any, first time", timed(probes, [&] { find_known(*index, 1, ids + 1, probes); }));
  print("computing the ids (part of all above)", timed(probes, [&] {
          uint64_t sum = 0;
          for (uint64_t i = 0; i < probes; ++i) sum += nth(i).high;
          if (sum == 0) die("unlikely");
        }));
  print("a cache line at random out of 64 MiB", random_reads(4 * probes));
  print_stats(index->stats());
  const auto flushed = timed(1, [&] {
    if (auto done = index->flush(); !done.ok()) die(done.problem().text());
  });
  index.reset();
  const auto opened = timed(1, [&] { index = open_or_die(dir); });
  fmt::print("flush {:.1f} ms  open {:.1f} ms  covered {}\n", flushed.wall_s * 1e3, opened.wall_s * 1e3,
             index->covered());
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace headrace

int main(int argc, char** argv) {
  const uint64_t millions = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10;
  headrace::run(std::max<uint64_t>(millions, 2) * 1'000'000, argc > 2 ? argv[2] : "id_index_bench.tmp");
}
