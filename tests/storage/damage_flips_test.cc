// Single bits of what a start and a reader trust: each is noticed, unless it is one that nobody reads, and
// those are known. HEADRACE_FLIPS says how many there are of each kind of file.
#include <cstdlib>

#include "storage/base.h"
#include "storage/id_run.h"
#include "storage/log_begin.h"
#include "storage/log_walker.h"
#include "storage/verify.h"
#include "tests/storage/damage_world.h"

namespace headrace::testing_support {
namespace {

constexpr size_t quick_flips = 300;
constexpr size_t slot_bytes = 512, slot_distance = 4096;

struct Range {
  uint64_t begin = 0, end = 0;
};

class DamageFlips : public ::testing::Test {
 protected:
  DamageFlips() : place(world.place()) { world.restore({}); }

  uint32_t segment_of(const std::string& file) { return *segment_of_name(file.substr(file.rfind('/') + 1)); }
  bool is_last(uint32_t segment) { return list_segments(world.disk(), place)->back() == segment; }

  // What of a file is read. The rest is padding, zeros behind the end, room in a header page.
  std::vector<Range> read_ranges(const std::string& file) {
    if (file.ends_with("/CKPT")) return {{0, slot_bytes}, {slot_distance, slot_distance + slot_bytes}};
    const uint64_t size = world.content(file).size();
    if (file.ends_with(".run")) return {{0, sizeof(IdRunHeader)}, {IdRunHeader::page_bytes, size}};
    if (!file.ends_with(".seg")) return {{0, size}};
    std::vector<Range> ranges = {{0, segment_header_bytes}};
    auto walker = LogWalker::in_segment(world.disk(), place, segment_of(file), is_last(segment_of(file)));
    while (!walker->at_segment_end() && *walker->next())
      ranges.push_back({walker->position().offset, walker->position().offset + walker->batch().length});
    if (auto& its = walker->reader().header().rewritten)
      ranges.push_back({its->index_offset, its->file_bytes()});
    return ranges;
  }

  // Done where nothing is noticed.
  Result<> check(const std::string& file) {
    if (file.ends_with(".seg")) return check_segment(segment_of(file));
    if (file.ends_with(".run")) return check_run(world.path(file));
    if (file.ends_with("/CKPT")) return check_slots();
    if (file.ends_with("/BEGIN")) return check_begin();
    if (size_t at = file.find("base-"); at != std::string::npos)
      return check_base(std::stoull(file.substr(at + 5)));
    auto directory = DataDirectory::open(world.path("."), {.create = false, .disk = &world.disk()});
    return directory ? Result<>(Done{}) : Result<>(directory.problem());
  }
  Result<> check_segment(uint32_t segment) {
    auto report = inspect_segment(
        place,
        {.segment = segment, .alone = is_last(segment), .durable_bound = is_last(segment) ? last_lsn() : 0},
        world.disk());
    if (!report) return report.problem();
    return report->damage ? Result<>(*report->damage) : Result<>(Done{});
  }
  Result<> check_run(const std::string& path) {
    auto run = IdRun::open(world.disk(), path);
    if (!run) return run.problem();
    IdBlock block;
    for (uint64_t i = 0; i < (*run)->header().blocks; ++i) TRY_DONE((*run)->read_blocks(i, 1, &block));
    return Done{};
  }
  Result<> check_slots() {
    auto slots = CheckpointStore::peek(world.disk(), place);
    if (!slots) return slots.problem();
    return slots->size() == 2 ? Result<>(Done{}) : Result<>(Error::storage_damaged);
  }
  Result<> check_begin() {
    auto begin = read_log_begin(world.disk(), place);
    return begin ? Result<>(Done{}) : Result<>(begin.problem());
  }
  Result<> check_base(Lsn lsn) {
    auto base = verify_base(world.disk(), place, lsn);
    return base ? Result<>(Done{}) : Result<>(base.problem());
  }
  Lsn last_lsn() {
    static const Lsn durable = CheckpointStore::peek(world.disk(), place)->front().applied_lsn;
    return durable;
  }

  DamageWorld world;
  PartitionPlace place;
  std::mt19937_64 random{7};
};

TEST_F(DamageFlips, AreNoticedUnlessNobodyReadsTheByte) {
  const char* said = std::getenv("HEADRACE_FLIPS");
  const size_t flips = said != nullptr ? std::strtoul(said, nullptr, 10) : quick_flips;
  last_lsn();
  std::printf("%-20s %7s %9s %9s %9s\n", "file", "flips", "noticed", "unread", "UNNOTICED");
  for (auto& kind : world.kinds()) {
    if (kind.name == "data.mdb" || kind.name == "spare.tmp") continue;  // pages and zeros without a checksum
    size_t noticed = 0, unread = 0, unnoticed = 0;
    for (size_t i = 0; i < flips; ++i) {
      const std::string& file = kind.files[random() % kind.files.size()];
      std::string bytes = world.content(file);
      const size_t bit = random() % (8 * bytes.size());
      bool read = false;
      for (const Range& range : read_ranges(file))
        read = read || (bit / 8 >= range.begin && bit / 8 < range.end);
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
      spill(world.path(file), bytes);
      const bool whole = check(file).ok();
      spill(world.path(file), world.content(file));
      noticed += !whole, unread += whole && !read, unnoticed += whole && read;
      EXPECT_TRUE(!whole || !read) << file << " byte " << bit / 8 << " bit " << bit % 8;
    }
    std::printf("%-20s %7zu %9zu %9zu %9zu\n", kind.name.c_str(), flips, noticed, unread, unnoticed);
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace headrace::testing_support
