// Faults come in by four doors: the simulated disk, a rule that storage asks about (storage/rule.h), the
// simulator's own acks, and two functions of ours that the linker wraps (CMakeLists.txt).
#include "tests/sim/faults.h"

#include <cstring>
#include <fstream>

#include "storage/checkpoint_store.h"
#include "storage/checkpointer.h"
#include "storage/log_walker.h"
#include "storage/rule.h"

namespace headrace {

bool is_broken(Rule rule) {
  sim::Fault fault = sim::chosen_fault();
  return (rule == Rule::one_commit_at_a_time && fault == sim::Fault::rule_r) ||
         (rule == Rule::log_before_state && fault == sim::Fault::state_before_log) ||
         (rule == Rule::views_hold_commits && fault == sim::Fault::lent_state);
}

namespace sim {
namespace {

Fault chosen = Fault::none;

}  // namespace

void choose(Fault fault) { chosen = fault; }
Fault chosen_fault() { return chosen; }

Verdict faulty(const Operation& operation) {
  bool log = operation.call == Call::sync && operation.path.ends_with(".seg");
  bool directory = operation.call == Call::sync_directory;
  return {.pretended = (chosen == Fault::log_sync && log) || (chosen == Fault::directory_sync && directory)};
}

// crc32c()

uint32_t crc32c_of(std::string_view bytes, uint32_t seed) asm(
    "__real__ZN8headrace6crc32cESt17basic_string_viewIcSt11char_traitsIcEEj");
uint32_t crc32c_wrapped(std::string_view bytes, uint32_t seed) asm(
    "__wrap__ZN8headrace6crc32cESt17basic_string_viewIcSt11char_traitsIcEEj");

uint32_t crc32c_wrapped(std::string_view bytes, uint32_t seed) {
  return chosen == Fault::no_crc ? 0 : crc32c_of(bytes, seed);
}

// CheckpointStore::read()

using Slots = Result<std::vector<Checkpoint>>;
Slots read_slots(CheckpointStore* store) asm("__real__ZN8headrace15CheckpointStore4readEv");
Slots read_slots_wrapped(CheckpointStore* store) asm("__wrap__ZN8headrace15CheckpointStore4readEv");

namespace {

constexpr size_t page_bytes = 4096, magic_at = 16, transaction_at = 144;
constexpr uint32_t magic = 0xBEEFC0DE;

template <class T>
T load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// The commit that LMDB's older meta page names, as far as a page can say.
std::optional<Checkpoint> older_meta(const std::string& path) {
  std::string pages(2 * page_bytes, '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file.read(pages.data(), static_cast<std::streamsize>(pages.size()))) return std::nullopt;
  std::optional<Checkpoint> older;
  for (const char* page : {pages.data(), pages.data() + page_bytes}) {
    uint64_t transaction = load<uint64_t>(page + transaction_at);
    if (load<uint32_t>(page + magic_at) != magic || (older && older->txn_id <= transaction)) continue;
    older.emplace();
    older->txn_id = transaction;
    std::memcpy(older->meta.data(), page, lmdb_meta_bytes);
  }
  return older;
}

// Believes the meta page, and whatever the state there says about itself.
std::optional<Checkpoint> believe(CheckpointStore& store, const std::string& partition, uint32_t generation) {
  const std::string directory = partition + (generation == 0 ? "/state" : "/state." + std::to_string(generation));
  auto older = older_meta(directory + "/data.mdb");
  if (!older) return std::nullopt;
  older->generation = generation;
  auto restored = store.restore(*older);
  if (!restored.ok() || !*restored) return std::nullopt;
  auto state = State::open(directory, size_t{256} << 20, [](const Problem&) {});
  if (!state) return std::nullopt;
  auto record = read_record(**state);
  if (!record) return std::nullopt;
  older->applied_lsn = record->applied_lsn;
  older->replay_from = record->replay_from;
  for (const Digest& digest : record->digests) older->digest += digest;
  auto opened = DataDirectory::open(SimulatedDisk::active()->root(), {.access = Access::read_only});
  if (!opened) return std::nullopt;
  auto start = LogWalker::at_start(system_disk(), (*opened)->place(0));
  if (!start) return std::nullopt;
  older->position = start->end();
  return older;
}

}  // namespace

Slots read_slots_wrapped(CheckpointStore* store) {
  auto slots = read_slots(store);
  if (chosen != Fault::older_meta || !slots) return slots;
  uint32_t generation = slots->empty() ? 0 : slots->front().generation;
  auto believed = believe(*store, SimulatedDisk::active()->root() + "/p000", generation);
  if (!believed) return slots;
  believed->seq = slots->empty() ? 0 : slots->front().seq;
  return std::vector<Checkpoint>{*believed};
}

}  // namespace sim
}  // namespace headrace
