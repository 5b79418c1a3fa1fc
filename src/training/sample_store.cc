// Keys in the byte order of what they say, so that one seek finds what is due.
#include "src/training/sample_store.h"

#include "codec/checksum.h"
#include "codec/varint.h"
#include "src/base/limits.h"
#include "storage/state.h"

namespace headrace {
namespace {

constexpr StateTree samples = StateTree::documents, waiting = StateTree::indexes, answers = StateTree::meta;
constexpr size_t maybe_bits = size_t{1} << 27;

template <class T>
void append_ordered(T value, std::string& out) {
  for (size_t i = sizeof value; i-- > 0;) out += static_cast<char>(value >> (8 * i));
}

// In the order of signed numbers.
uint64_t ordered(Micros time) { return static_cast<uint64_t>(time) ^ (uint64_t{1} << 63); }

uint64_t read_ordered(std::string_view bytes) {
  uint64_t value = 0;
  for (char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

std::string key_of(uint64_t seq) {
  std::string key;
  append_ordered(seq, key);
  return key;
}

std::string key_of_home(uint32_t home) {
  std::string key;
  append_ordered(home, key);
  return key;
}

constexpr size_t seq_at = 20, moment_at = 12;  // in a key of `waiting`

}  // namespace

SampleStore::SampleStore(std::unique_ptr<ScratchState> scratch)
    : scratch_(std::move(scratch)), maybe_(maybe_bits) {}

Result<std::unique_ptr<SampleStore>> SampleStore::open(const std::string& directory) {
  auto scratch = ScratchState::open({.directory = directory,
                                     .map_bytes = limits::state_map_bytes,
                                     .row_bytes_max = limits::training_row_bytes_max});
  if (!scratch) return scratch.problem();
  return std::unique_ptr<SampleStore>(new SampleStore(std::move(*scratch)));
}

Result<uint64_t> SampleStore::add(uint32_t home, std::string_view entity, Micros moment,
                                  std::string_view head) {
  uint64_t hash = hash64(entity), seq = count_++;
  std::string fixed, key = key_of_home(home);
  put_fixed(moment, fixed);
  put_fixed(uint8_t{0}, fixed);
  scratch_->state().put(samples, key_of(seq), fixed, head);
  append_ordered(hash, key);
  append_ordered(ordered(moment), key);
  append_ordered(seq, key);
  scratch_->state().put(waiting, key, entity);
  maybe_[hash & (maybe_.size() - 1)] = true;
  TRY_DONE(relieve());
  return seq;
}

void SampleStore::answer(uint64_t seq, std::string_view features) {
  scratch_->state().put(answers, key_of(seq), features);
}

void SampleStore::mark_followed(uint64_t seq) {
  auto found = scratch_->state().get(samples, key_of(seq));
  if (!found) return;
  std::string changed(*found);
  changed[sizeof(Micros)] = 1;
  scratch_->state().put(samples, key_of(seq), changed);
}

std::vector<Sample> SampleStore::take_before(uint32_t home, std::string_view entity, Micros time) {
  uint64_t hash = hash64(entity);
  if (!may_wait(hash)) return {};
  std::string prefix = key_of_home(home);
  append_ordered(hash, prefix);
  std::string end = prefix;
  append_ordered(ordered(time), end);
  return take(prefix, end, entity, count_);
}

std::vector<Sample> SampleStore::take_some(uint32_t home) {
  constexpr size_t some = 1024;
  return take(key_of_home(home), key_of_home(home + 1), {}, some);
}

// From `prefix` to before `end`; of one entity, unless that is empty: two may share a hash.
std::vector<Sample> SampleStore::take(std::string_view prefix, std::string_view end, std::string_view entity,
                                      size_t count_max) {
  std::vector<Sample> taken;
  std::vector<std::string> keys;
  {
    StateCursor cursor(scratch_->state(), waiting);
    for (bool there = cursor.seek(prefix); there && cursor.key() < end && taken.size() < count_max;
         there = cursor.next()) {
      auto whose = cursor.value();
      if (!whose || (!entity.empty() && *whose != entity)) continue;
      auto moment = static_cast<Micros>(
          ordered(static_cast<Micros>(read_ordered(cursor.key().substr(moment_at, sizeof(Micros))))));
      taken.push_back({read_ordered(cursor.key().substr(seq_at)), moment, std::string(*whose)});
      keys.emplace_back(cursor.key());
    }
  }
  for (const std::string& key : keys) scratch_->state().erase(waiting, key);
  return taken;
}

Result<> SampleStore::each(const std::function<Result<>(const Row&)>& visit) {
  for (uint64_t seq = 0; seq < count_; ++seq) {
    auto sample = scratch_->state().get(samples, key_of(seq));
    if (!sample) return Problem(Error::storage_damaged, "samples", "A row of the training set is gone");
    auto features = scratch_->state().get(answers, key_of(seq));
    Taker taker(*sample);
    Micros moment = taker.fixed<Micros>();
    bool followed = taker.fixed<uint8_t>() != 0;
    TRY_DONE(visit({moment, followed, taker.rest(), features.value_or("")}));
  }
  return relieve();
}

}  // namespace headrace
