// A small shop: events in raw, rewritten and holed segments, documents, rows, ids; read whole, again and
// again.
#include "tests/storage/damage_world.h"

#include <sys/wait.h>

#include <array>
#include <numeric>

#include "codec/event.h"
#include "storage/base.h"
#include "storage/checkpoint_store.h"
#include "storage/id_hash.h"
#include "storage/id_index.h"
#include "storage/repair.h"
#include "storage/salvage.h"
#include "storage/segment_rewriter.h"
#include "storage/verify.h"

namespace headrace::testing_support {
namespace {

constexpr Lsn records = 900;
constexpr int child_seconds = 20;

std::string name_of_document(Lsn n) { return "o" + std::to_string(n % 90); }
std::string id_of(Lsn lsn) { return "e" + std::to_string(lsn); }

std::string event_of(Lsn lsn) {
  std::mt19937_64 random(lsn);
  std::string id = id_of(lsn), user = "u" + std::to_string(random() % 12), data;
  for (int i = 0; i < 9; ++i) data += std::to_string(random());  // does not compress well
  Event event{.id = id,
              .type = lsn % 3 ? "view" : "buy",
              .source = "test",
              .user = user,
              .session = "s",
              .cart = "",
              .data = data,
              .time = static_cast<Micros>(lsn)};
  std::string out;
  encode(event, out);
  return out;
}

std::vector<EventFilter> questions() {
  std::vector<EventFilter> asked(19);
  for (size_t user = 0; user < 13; ++user) asked[user].user = "u" + std::to_string(user);
  for (size_t i = 0; i < 5; ++i) asked[13 + i].id = id_of(std::array<Lsn, 5>{5, 100, 333, 700, 5000}[i]);
  asked[18].type = "buy", asked[18].start = 200, asked[18].end = 300;
  return asked;
}

Bench& settings(Bench& bench) {
  bench.options.segment_bytes = 24 * 1024;
  bench.options.checkpoint_age_us = hour_us;
  return bench;
}

IdIndex::Options id_options(const std::string& root, Disk& disk,
                            std::function<void(const Problem&)> fail_stop) {
  IdIndex::Options options;
  options.dir = root + "/p000/ids";
  options.fail_stop = std::move(fail_stop);
  options.disk = &disk;
  return options;
}

IdHash hash_of(Lsn lsn) {
  Digest digest = hash128(id_of(lsn));
  return {digest.high, digest.low};
}

}  // namespace

DamageWorld::DamageWorld() : root_(scratch_.path() + "/d") {
  disk_.skip_syncs = true;
  fs::create_directory(root_);
  fill();
  sort_files();
  Bench bench(root_, &disk_);
  settings(bench).open();
  std::vector<size_t> all(questions().size());
  std::iota(all.begin(), all.end(), 0);
  auto truth = learn(bench, all);
  EXPECT_TRUE(truth.ok());
  truth_ = std::move(*truth);
  truth_.digest = bench.digest();
  bench.crash();
}

void DamageWorld::fill() {
  Bench bench(root_, &disk_);
  settings(bench).open();
  auto ids = IdIndex::open(id_options(root_, disk_, nullptr), 0);
  for (Lsn lsn = 1; lsn <= records; ++lsn) {
    if (lsn % 9 == 0)
      bench.put(name_of_document(lsn), (lsn % 2 ? "open|ann" : "paid|bob") + std::to_string(lsn));
    else
      bench.event("k" + std::to_string(lsn % 60), event_of(lsn)), (*ids)->add(hash_of(lsn), lsn);
    if (lsn % 7 == 0) bench.settle();
    EXPECT_TRUE(lsn % 300 != 0 || (*ids)->flush().ok());
  }
  bench.settle();
  bench.close();
  auto segments = list_segments(disk_, bench.options.place);
  EXPECT_GE(segments->size(), 8u);
  for (size_t i = 0; i < segments->size() / 2; ++i)
    EXPECT_TRUE(
        rewrite_segment(
            {.place = bench.options.place, .clock = &system_clock(), .disk = &disk_, .frame_bytes = 2048},
            (*segments)[i], [](RecordView&) { return true; })
            .ok());
  dig_hole(bench);
  bench.open();
  EXPECT_TRUE(bench.partition->make_base().ok());
  bench.event("k1", event_of(records));  // so that the log goes on behind the base
  bench.settle();
  bench.close();
  bench.open();  // both slots of CKPT are of a closed state
  bench.close();
  spill(bench.options.place.log() + "/spare.tmp", std::string(8192, '\0'));
}

// In the first raw segment.
void DamageWorld::dig_hole(Bench& bench) {
  auto segments = list_segments(disk_, bench.options.place);
  flip(bench.segment((*segments)[segments->size() / 2]), segment_header_bytes + batch_header_bytes + 20);
  auto salvage = salvage_log(disk_, bench.options.place);
  RepairOptions options{.place = bench.options.place,
                        .key = &bench.directory->signing_key(),
                        .by = "ann",
                        .accepted = {},
                        .disk = &disk_,
                        .segment_bytes = bench.options.segment_bytes,
                        .state_map_bytes = bench.options.state_map_bytes};
  for (auto& segment : salvage->segments)
    for (auto& loss : segment.losses) options.accepted.push_back({loss.first, loss.last});
  auto report = repair_log(options);
  EXPECT_TRUE(report.ok() && report->holes.size() == 1 && report->base_lsn > 0);
}

std::string DamageWorld::kind_of_segment(const PartitionPlace& place, uint32_t segment) {
  auto reader = SegmentReader::open(disk_, place, segment);
  if (auto& its = reader->header().rewritten) return its->holes ? "segment, holed" : "segment, rewritten";
  return fs::exists(place.log() + "/" + segment_name(segment + 1)) ? "segment, raw" : "segment, the last";
}

void DamageWorld::sort_files() {
  std::map<std::string, Kind> kinds;
  const PartitionPlace place = Bench(root_, &disk_).options.place;
  for (const auto& entry : fs::recursive_directory_iterator(root_)) {
    if (!entry.is_regular_file()) continue;
    std::string file = fs::relative(entry.path(), root_), name = entry.path().filename();
    contents_[file] = slurp(entry.path());
    if (name == "LOCK" || name == "lock.mdb") continue;
    std::string kind = name;
    if (auto segment = segment_of_name(name)) kind = kind_of_segment(place, *segment);
    if (file.find("base-") != std::string::npos && name == "data.mdb") kind = "base's data.mdb";
    if (name.ends_with(".run")) kind = "ids-*.run";
    kinds[kind].name = kind;
    kinds[kind].files.push_back(file);
  }
  for (auto& [name, kind] : kinds) kinds_.push_back(kind);
}

PartitionPlace DamageWorld::place() {
  return (*DataDirectory::open(root_, {.access = Access::read_only, .disk = &disk_}))->place(0);
}

void DamageWorld::restore(const Damage& damage) {
  fs::remove_all(root_ + "/p000");
  for (auto& [file, content] : contents_) {
    fs::create_directories(fs::path(root_ + "/" + file).parent_path());
    spill(root_ + "/" + file, content);
  }
  for (auto& [file, content] : damage)
    if (content)
      spill(root_ + "/" + file, *content);
    else
      fs::remove(root_ + "/" + file);
}

// Each by its name, also some that are not there, until the state notices that it is damaged.
void DamageWorld::learn_state(Bench& bench, Truth& truth) {
  for (int n = 0; n < 100; ++n) {
    std::string name = "o" + std::to_string(n);
    auto value = bench.partition->documents().find(7, name);
    if (bench.failed()) return;
    truth.state[name] = value ? std::string(*value) : "";
  }
  for (int n = 0; n < 70; ++n) {
    std::string name = "k" + std::to_string(n);
    const Row* row = bench.partition->rows().find(1, name);
    if (bench.failed()) return;
    truth.state[name] = row ? row->bytes : "";
  }
}

// Everything there is, as reads give it.
Result<DamageWorld::Truth> DamageWorld::learn(Bench& bench, const std::vector<size_t>& asked) {
  Truth truth;
  Partition& partition = *bench.partition;
  learn_state(bench, truth);
  auto reader = LogReader::open(bench.options.place, 1, partition.applied_lsn(), disk_);
  if (!reader) return reader.problem();
  RecordView record;
  while (true) {
    auto more = reader->next(record);
    if (!more) return more.problem();
    if (!*more) break;
    truth.records.push_back(std::to_string(record.lsn) + " " + std::to_string(record.time) + " " +
                            std::string(record.key) + " " + std::string(record.payload));
  }
  for (size_t number : asked) {
    const EventFilter question = questions()[number];
    auto& answer = truth.answers[number];
    auto found = LogReader::open(bench.options.place, 1, partition.applied_lsn(), question, nullptr, disk_);
    if (!found) return found.problem();
    while (true) {
      auto more = found->next(record);
      if (!more) return more.problem();
      if (!*more) break;
      if (record.kind == headrace::Kind::event && question.matches(*decode_event(record.payload)))
        answer.push_back(record.lsn);
    }
  }
  return truth;
}

// What an index of ids answers that was damaged: empty where all is right, or was detected.
std::string DamageWorld::ids_wrong() {
  bool stopped = false;
  auto ids = IdIndex::open(id_options(root_, disk_, [&](const Problem&) { stopped = true; }), records);
  if (!ids) return "";
  for (Lsn lsn = (*ids)->covered() + 1; lsn <= records; ++lsn)
    if (lsn % 9) (*ids)->add(hash_of(lsn), lsn);
  for (Lsn lsn = 1; lsn <= records + 50; ++lsn) {
    auto found = (*ids)->find(hash_of(lsn));
    std::optional<uint64_t> right;
    if (lsn <= records && lsn % 9) right = lsn;
    if (stopped) return "";
    if (found != right) return "id of LSN " + std::to_string(lsn);
  }
  return "";
}

Result<> DamageWorld::check_bases(const PartitionPlace& place) {
  auto bases = list_bases(disk_, place);
  if (!bases) return bases.problem();
  for (Lsn lsn : *bases)
    if (auto base = verify_base(disk_, place, lsn); !base) return base.problem();
  return Done{};
}

DamageWorld::Looked DamageWorld::look_here() {
  auto directory = DataDirectory::open(root_, {.disk = &disk_});
  if (!directory) return {Outcome::refused, directory.problem().text()};
  bool mended = (*directory)->key_replaced();
  auto log = inspect_log((*directory)->place(0), Depth::records, disk_);
  if (std::string wrong = ids_wrong(); !wrong.empty()) return {Outcome::wrong, wrong};
  for (auto& [file, content] : contents_)
    mended = mended || (file.ends_with(".run") && !fs::exists(root_ + "/" + file));
  auto slots = CheckpointStore::peek(disk_, (*directory)->place(0));
  mended = mended || (slots.ok() && slots->size() < 2);
  Result<> bases = check_bases((*directory)->place(0));
  directory->reset();

  Bench bench(root_, &disk_);
  if (auto opened = settings(bench).try_open(); !opened) return {Outcome::refused, opened.problem().text()};
  mended = mended || !bench.partition->recovery().state_rebuilt.empty();
  Truth found;
  learn_state(bench, found);
  for (auto& [name, value] : found.state)
    if (truth_.state.at(name) != value) return {Outcome::wrong, name};
  const size_t some = looks_ % questions().size();
  auto seen = learn(bench, {some, (some + 7) % questions().size()});
  if (bench.failed()) return {Outcome::detected, bench.failures.front().text()};
  if (!seen) return {Outcome::detected, seen.problem().text()};
  if (seen->records != truth_.records) return {Outcome::wrong, "records"};
  for (auto& [number, answer] : seen->answers)
    if (truth_.answers[number] != answer) return {Outcome::wrong, "query " + std::to_string(number)};
  auto counted = bench.partition->full_digest();
  if (!counted || bench.failed()) return {Outcome::detected, "the digest of the state"};
  if (!(*counted == truth_.digest)) return {Outcome::wrong, "digest"};
  if (!log || log->damage) return {Outcome::detected, log ? log->damage->text() : log.problem().text()};
  if (!bases) return {Outcome::detected, bases.problem().text()};
  return {mended ? Outcome::mended : Outcome::harmless, ""};
}

Outcome DamageWorld::look(std::string* why) {
  std::string report = scratch_.path() + "/outcome";
  fs::remove(report);
  ++looks_;
  pid_t child = ::fork();
  if (child == 0) {
    ::alarm(child_seconds);
    if (!std::freopen("/dev/null", "w", stderr)) ::_exit(99);
    Looked looked = look_here();
    spill(report, std::string(1, static_cast<char>('0' + static_cast<int>(looked.outcome))) + looked.why);
    ::_exit(0);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  std::string said = slurp(report);
  if (why != nullptr) *why = said.empty() ? "signal " + std::to_string(WTERMSIG(status)) : said.substr(1);
  return said.empty() ? Outcome::died : static_cast<Outcome>(said[0] - '0');
}

}  // namespace headrace::testing_support
