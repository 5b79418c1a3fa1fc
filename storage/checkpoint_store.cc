// The two slots of CKPT, and LMDB's meta pages as far as they must be known to pin one commit.
#include "storage/checkpoint_store.h"

#include <algorithm>
#include <cstring>

#include "storage/kill_point.h"

namespace headrace {
namespace {

constexpr uint64_t slot_magic = 0x313054504b435248;  // "HRCKPT01"
constexpr uint32_t slot_version = 1;
constexpr size_t slot_bytes = checkpoint_bytes, slot_distance = 4096, crc_at = 8;

// struct MDB_page header and MDB_meta of LMDB 0.9 on a 64-bit machine.
constexpr size_t meta_page_number_at = 0, meta_magic_at = 16, meta_last_page_at = 136, meta_txn_at = 144;
constexpr uint32_t meta_magic = 0xBEEFC0DE;

template <class T>
void store(char* out, size_t at, const T& value) {
  std::memcpy(out + at, &value, sizeof(T));
}

template <class T>
T load(const char* bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes + at, sizeof(T));
  return value;
}

uint32_t crc_of(std::string slot) {
  store(slot.data(), crc_at, uint32_t{0});
  return crc32c(slot);
}

bool decode(std::string_view slot, const PartitionPlace& place, Checkpoint& out) {
  const char* at = slot.data();
  if (slot.size() != slot_bytes) return false;
  if (load<uint64_t>(at, 0) != slot_magic || load<uint32_t>(at, 12) != slot_version) return false;
  if (load<uint32_t>(at, crc_at) != crc_of(std::string(slot))) return false;
  if (std::memcmp(at + 16, place.uuid.data(), 16) != 0 || load<uint32_t>(at, 32) != place.partition)
    return false;
  out.page_bytes = load<uint32_t>(at, 36);
  out.seq = load<uint64_t>(at, 40);
  out.txn_id = load<uint64_t>(at, 48);
  out.applied_lsn = load<uint64_t>(at, 56);
  out.replay_from = load<uint64_t>(at, 64);
  out.position = {load<uint32_t>(at, 72), load<uint64_t>(at, 80), load<uint64_t>(at, 88),
                  load<uint64_t>(at, 96)};
  out.digest = {load<uint64_t>(at, 104), load<uint64_t>(at, 112)};
  out.created = load<int64_t>(at, 120);
  std::memcpy(out.meta.data(), at + 128, lmdb_meta_bytes);
  out.data = {load<uint64_t>(at, 280), {load<uint64_t>(at, 288), load<uint64_t>(at, 296)}};
  out.generation = load<uint32_t>(at, 304);
  out.fold = load<uint64_t>(at, 312);
  return true;
}

bool is_meta_of(const Checkpoint& checkpoint) {
  const char* meta = checkpoint.meta.data();
  return load<uint32_t>(meta, meta_magic_at) == meta_magic &&
         load<uint64_t>(meta, meta_txn_at) == checkpoint.txn_id &&
         load<uint64_t>(meta, meta_page_number_at) == (checkpoint.txn_id & 1);
}

}  // namespace

std::string encode(const Checkpoint& checkpoint, const PartitionPlace& place) {
  std::string slot(slot_bytes, '\0');
  char* at = slot.data();
  store(at, 0, slot_magic);
  store(at, 12, slot_version);
  std::memcpy(at + 16, place.uuid.data(), 16);
  store(at, 32, place.partition);
  store(at, 36, checkpoint.page_bytes);
  store(at, 40, checkpoint.seq);
  store(at, 48, checkpoint.txn_id);
  store(at, 56, checkpoint.applied_lsn);
  store(at, 64, checkpoint.replay_from);
  store(at, 72, checkpoint.position.segment);
  store(at, 80, checkpoint.position.offset);
  store(at, 88, checkpoint.position.lsn);
  store(at, 96, checkpoint.position.chain);
  store(at, 104, checkpoint.digest.low);
  store(at, 112, checkpoint.digest.high);
  store(at, 120, checkpoint.created);
  std::memcpy(at + 128, checkpoint.meta.data(), lmdb_meta_bytes);
  store(at, 280, checkpoint.data.bytes);
  store(at, 288, checkpoint.data.hash.low);
  store(at, 296, checkpoint.data.hash.high);
  store(at, 304, checkpoint.generation);
  store(at, 312, checkpoint.fold);
  store(at, crc_at, crc_of(slot));
  return slot;
}

std::optional<Checkpoint> decode_checkpoint(std::string_view bytes, const PartitionPlace& place) {
  Checkpoint checkpoint;
  if (!decode(bytes, place, checkpoint) || !is_meta_of(checkpoint)) return std::nullopt;
  return checkpoint;
}

Result<> capture_meta(File& data, Checkpoint& checkpoint, const std::string& where) {
  uint64_t page = checkpoint.txn_id & 1;
  auto got = data.read_at(checkpoint.meta.data(), lmdb_meta_bytes, page * checkpoint.page_bytes);
  if (!got) return got.problem();
  if (*got == lmdb_meta_bytes && is_meta_of(checkpoint)) return Done{};
  return Problem(Error::storage_damaged, where, "The meta page is not that of the commit just made");
}

Result<std::unique_ptr<CheckpointStore>> CheckpointStore::open(Disk& disk, const PartitionPlace& place) {
  std::unique_ptr<CheckpointStore> self(new CheckpointStore(disk, place));
  auto exists = disk.exists(place.checkpoint());
  if (!exists) return exists.problem();
  auto file = disk.open(place.checkpoint(), *exists ? OpenMode::write : OpenMode::create);
  if (!file) return file.problem();
  self->slots_ = std::move(*file);
  if (!*exists) TRY_DONE(self->slots_->write_at(std::string(slot_distance + slot_bytes, '\0'), 0));
  TRY_DONE(self->slots_->sync());  // a slot that a killed process wrote may not be on the disk
  if (!*exists) TRY_DONE(disk.sync_directory(place.path));
  auto state = disk.exists(place.state() + "/data.mdb");
  if (!state) return state.problem();
  if (*state) {  // now, when descriptors are there: a checkpoint must not need one
    if (auto data = self->data(0); !data) return data.problem();
  }
  return self;
}

Result<File*> CheckpointStore::data(uint32_t generation) {
  if (!data_ || generation != generation_) {
    auto file = disk_.open(place_.state(generation) + "/data.mdb", OpenMode::write);
    if (!file) return file.problem();
    data_ = std::move(*file);
    generation_ = generation;
  }
  return data_.get();
}

Result<std::vector<Checkpoint>> CheckpointStore::read() { return read_slots(*slots_, place_); }

Result<std::vector<Checkpoint>> CheckpointStore::peek(Disk& disk, const PartitionPlace& place) {
  auto exists = disk.exists(place.checkpoint());
  if (!exists) return exists.problem();
  if (!*exists) return std::vector<Checkpoint>();
  auto file = disk.open(place.checkpoint(), OpenMode::read);
  if (!file) return file.problem();
  return read_slots(**file, place);
}

Result<std::vector<Checkpoint>> CheckpointStore::read_slots(File& file, const PartitionPlace& place) {
  std::vector<Checkpoint> found;
  for (size_t slot = 0; slot < 2; ++slot) {
    std::string bytes(slot_bytes, '\0');
    auto got = file.read_at(bytes.data(), bytes.size(), slot * slot_distance);
    if (!got) return got.problem();
    if (auto checkpoint = decode_checkpoint(bytes, place)) found.push_back(*checkpoint);
  }
  std::ranges::sort(found, std::greater{}, &Checkpoint::seq);
  return found;
}

Result<bool> CheckpointStore::restore(const Checkpoint& checkpoint) {
  auto exists = disk_.exists(place_.state(checkpoint.generation) + "/data.mdb");
  if (!exists) return exists.problem();
  if (!*exists) return false;
  auto file = data(checkpoint.generation);
  if (!file) return file.problem();
  auto size = (*file)->size();
  if (!size) return size.problem();
  uint64_t pages = load<uint64_t>(checkpoint.meta.data(), meta_last_page_at) + 1;
  if (*size / checkpoint.page_bytes < pages) return false;

  std::string own(checkpoint.meta.data(), lmdb_meta_bytes), other = own;
  uint64_t page = checkpoint.txn_id & 1;
  store(other.data(), meta_page_number_at, 1 - page);
  store(other.data(), meta_txn_at, checkpoint.txn_id - 1);
  TRY_DONE((*file)->write_at(own, page * checkpoint.page_bytes));
  TRY_DONE((*file)->write_at(other, (1 - page) * checkpoint.page_bytes));
  TRY_DONE((*file)->sync_data());
  return true;
}

Result<> CheckpointStore::capture_meta(Checkpoint& checkpoint) {
  auto file = data(checkpoint.generation);
  if (!file) return file.problem();
  return headrace::capture_meta(**file, checkpoint, place_.state(checkpoint.generation));
}

Result<> CheckpointStore::invalidate() {
  TRY_DONE(slots_->write_at(std::string(slot_distance + slot_bytes, '\0'), 0));
  return slots_->sync_data();
}

Result<> CheckpointStore::make_durable(const Checkpoint& checkpoint) {
  auto file = data(checkpoint.generation);
  if (!file) return file.problem();
  TRY_DONE((*file)->sync_data());
  kill_point("in_ckpt_write");
  return rewrite(checkpoint);
}

Result<> CheckpointStore::rewrite(const Checkpoint& checkpoint) {
  TRY_DONE(slots_->write_at(encode(checkpoint, place_), (checkpoint.seq & 1) * slot_distance));
  return slots_->sync_data();
}

}  // namespace headrace
