// A torn tail against a damaged middle: the first is cut, the second refused, and the repair names the same
// LSNs. HEADRACE_TORN_CASES says how many cases there are.
#include <cstdlib>

#include "storage/log_walker.h"
#include "storage/salvage.h"
#include "tests/storage/strange_disk.h"
#include "tests/storage/support.h"

namespace headrace::testing_support {
namespace {

constexpr size_t quick_cases = 60, cases_per_log = 20;

struct Place {
  LogPosition begin;
  uint64_t bytes = 0;
  Lsn last = 0;
};

class TornOrDamaged : public ::testing::Test {
 protected:
  TornOrDamaged() { disk.skip_syncs = true; }

  void write_log() {
    fs::remove_all(scratch.path());
    fs::create_directory(scratch.path());
    bench = std::make_unique<Bench>(scratch.path(), &disk);
    bench->options.checkpoint_age_us = hour_us;
    bench->options.segment_bytes = random() % 2 ? 4096 + 2048 : 64 * 1024;
    bench->open();
    for (size_t batch = 0, count = 3 + random() % 10; batch < count; ++batch) {
      for (size_t i = 0, records = 1 + random() % 6; i < records; ++i)
        bench->event("k", payload_of(bench->partition->applied_lsn() + 1));
      bench->settle();
    }
    bench->crash();
    places.clear();
    auto walker = LogWalker::at_start(disk, bench->options.place);
    while (*walker->next())
      places.push_back({walker->position(), walker->batch().length, walker->batch().last_lsn()});
    fs::remove_all(saved.path() + "/p");
    fs::copy(bench->options.place.path, saved.path() + "/p", fs::copy_options::recursive);
  }
  void restore() {
    fs::remove_all(bench->options.place.path);
    fs::copy(saved.path() + "/p", bench->options.place.path, fs::copy_options::recursive);
  }
  // Bits flipped, zeros or noise from a byte of the batch on; for the last one also: the file ends there.
  void damage(const Place& place, bool tail) {
    std::string path = bench->segment(place.begin.segment), bytes = slurp(path);
    size_t at = place.begin.offset + random() % place.bytes, end = place.begin.offset + place.bytes;
    const std::string before = bytes;
    switch (random() % (tail ? 4 : 3)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
        break;
      case 1:
        std::fill(bytes.begin() + static_cast<ptrdiff_t>(at), bytes.begin() + static_cast<ptrdiff_t>(end),
                  '\0');
        break;
      case 2:
        for (; at < end; ++at) bytes[at] = static_cast<char>(random());
        break;
      default:
        bytes.resize(at);
    }
    if (bytes == before) bytes[place.begin.offset] = 'x';
    spill(path, bytes);
  }

  ScratchDirectory scratch, saved;
  StrangeDisk disk;
  std::unique_ptr<Bench> bench;
  std::vector<Place> places;
  std::mt19937_64 random{20261126};
};

TEST_F(TornOrDamaged, EachIsToldFromTheOther) {
  const char* said = std::getenv("HEADRACE_TORN_CASES");
  const size_t cases = said != nullptr ? std::strtoul(said, nullptr, 10) : quick_cases;
  size_t cut = 0, refused = 0;
  for (size_t i = 0; i < cases; ++i) {
    SCOPED_TRACE(i);
    if (i % cases_per_log == 0) write_log();
    restore();
    const size_t victim = random() % places.size(), last = places.size() - 1;
    const bool torn = random() % 2 || victim == last;
    if (torn) damage(places[last], true);
    if (victim != last) damage(places[victim], false);
    auto salvage = salvage_log(disk, bench->options.place);
    ASSERT_TRUE(salvage.ok());
    std::vector<std::pair<Lsn, Lsn>> lost;
    for (auto& segment : salvage->segments)
      for (auto& loss : segment.losses) lost.push_back({loss.first, loss.last});
    auto opened = bench->try_open();
    if (victim == last) {
      ASSERT_TRUE(opened.ok()) << opened.problem().text();
      ASSERT_EQ(bench->partition->applied_lsn(), places[last - 1].last);
      ASSERT_EQ(read_payloads(bench->options.place).size(), places[last - 1].last);
      ASSERT_TRUE(lost.empty());
      bench->crash();
      ++cut;
    } else if (victim + 1 == last && torn) {
      // Nothing is left that knew the batch before the torn one to be durable, unless a segment begins behind
      // it.
      if (opened.ok()) {
        ASSERT_EQ(bench->partition->applied_lsn(), places[victim].begin.lsn - 1);
        ASSERT_NE(places[victim].begin.segment, 0u);
        bench->crash();
      }
      ASSERT_EQ(opened.ok(), lost.empty());
    } else {
      ASSERT_FALSE(opened.ok());
      ASSERT_EQ(opened.problem().error, Error::storage_damaged);
      ASSERT_EQ(lost, (std::vector{std::pair(places[victim].begin.lsn, places[victim].last)}));
      const std::string text = opened.problem().text();
      ASSERT_NE(text.find("LSN " + std::to_string(lost[0].first)), std::string::npos) << text;
      ASSERT_NE(text.find("byte " + std::to_string(places[victim].begin.offset)), std::string::npos) << text;
      ASSERT_NE(text.find(segment_name(places[victim].begin.segment)), std::string::npos) << text;
      ++refused;
    }
  }
  std::printf("%zu cases: %zu torn tails cut, %zu damaged middles refused, each by file, byte and LSNs\n",
              cases, cut, refused);
  EXPECT_GT(cut, 0u);
  EXPECT_GT(refused, 0u);
}

}  // namespace
}  // namespace headrace::testing_support
