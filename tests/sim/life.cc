// The start, the deeds and the end of a life.
#include "tests/sim/life.h"

#include "codec/checksum.h"
#include "storage/base.h"
#include "storage/log_reader.h"
#include "storage/put_payload.h"
#include "tests/sim/schedule.h"

namespace headrace::sim {
namespace {

constexpr uint64_t keys = 40, documents = 60;
constexpr const char* statuses[] = {"open", "paid", "sent"};

}  // namespace

Life::Life(std::string path, Truth& truth, Dice& dice) : path_(std::move(path)), truth_(truth), dice_(dice) {}

Life::~Life() {
  if (keeper_.joinable()) keeper_.join();
  if (folder_.joinable()) folder_.join();
  coming_.reset();
  ids_.reset();
  partition_.reset();
}

std::string Life::said(const std::string& what, const Problem& problem) {
  refused_ = true;
  damage_seen_ = problem.error == Error::storage_damaged;
  return what + ": " + problem.text();
}

std::string Life::begin() {
  auto directory = DataDirectory::open(path_, {.partitions_if_new = 1});
  if (!directory) return said("the directory does not open", directory.problem());
  directory_ = std::move(*directory);
  options_.place = directory_->place(0);
  options_.tables = {document_definition()};
  options_.segment_bytes = size_t{8 * 1024} << dice_.below(4);
  options_.state_map_bytes = size_t{256} << 20;
  options_.state_check_bytes_max = 0;  // what the protocol lets through must be seen, not mended
  options_.checkpoint_age_us = static_cast<Micros>(dice_.below(3) * 400);
  options_.row_bytes_max = dice_.one_in(2) ? 16 * 1024 : 1024 * 1024;
  options_.free_bytes_min = 0;
  options_.fail_stop = [this](const Problem& problem) { failure_ = problem.text(); };
  forget_checkpoints();
  auto partition = Partition::open(options_, fold_);
  if (!partition) return said("the partition does not open", partition.problem());
  partition_ = std::move(*partition);
  choose_policy();
  std::string wrong = find_truth();
  return wrong.empty() ? index_ids() : wrong;
}

// From here on all that was found counts as acknowledged: the next duplicate is answered with it.
std::string Life::find_truth() {
  Lsn found = partition_->applied_lsn();
  Lsn least = may_lose_last_ack ? truth_.acked_before() : truth_.acked();
  std::string range = "acknowledged " + std::to_string(truth_.acked()) + ", given " +
                      std::to_string(truth_.given.size()) + ", found " + std::to_string(found);
  if (truth_.durable.size() > 1) range += ", acknowledged before that " + std::to_string(truth_.acked_before());
  if (found < least) return "acknowledged records are lost: " + range;
  if (found > truth_.given.size()) return "records are there that were never given: " + range;
  if (found > 0 && !truth_.given[found - 1].ends_change) return "a change is torn: " + range;
  uint64_t definition = fold_.definition_digest();
  bool served = definition == truth_.definition || definition == truth_.coming;
  bool other = truth_.forgot || may_lose_last_ack;  // then also those that a base was made by
  if (!served && !(other && truth_.unseen.contains(definition)))
    return "rows by definition " + std::to_string(definition) + ", served were those by " + std::to_string(truth_.definition);
  truth_.definition = definition;
  truth_.forget_behind(found);
  picture_ = truth_.picture();
  return {};
}

std::string Life::index_ids() {
  IdIndex::Options options;
  options.dir = options_.place.path + "/ids";
  options.log_identity = 77;
  options.memory_entries = 64;
  options.fail_stop = [this](const Problem& problem) { failure_ = problem.text(); };
  auto index = IdIndex::open(std::move(options), partition_->applied_lsn());
  if (!index) return said("the dedup index does not open", index.problem());
  ids_ = std::move(*index);
  auto reader = LogReader::open(options_.place, ids_->covered() + 1, partition_->applied_lsn());
  if (!reader) return said("the log cannot be read for the dedup index", reader.problem());
  RecordView record;
  while (true) {
    auto more = reader->next(record);
    if (!more) return said("the log cannot be read for the dedup index", more.problem());
    if (!*more) return {};
    if (record.kind != Kind::event || record.payload == "forget") continue;
    IdHash id = id_of(record.payload);
    if (!ids_->find(id)) ids_->add(id, record.lsn);
  }
}

void Life::note_durable() {
  if (!partition_) return;
  truth_.say_durable(acks_too_early ? partition_->applied_lsn() : partition_->durable_lsn_any_thread());
}

void Life::give(Given given) {
  picture_.add(given);
  truth_.given.push_back(std::move(given));
}

// Unlike any other.
std::string Life::text() {
  std::string text = std::to_string(dice_.next()) + "|";
  size_t size = dice_.one_in(20) ? 1000 + dice_.below(6000) : dice_.below(300);
  for (uint64_t block = dice_.next(); text.size() < size; ++block) text += std::to_string(block * block);
  return text;
}

std::string Life::append_event() {
  bool forgets = dice_.one_in(40);
  std::string key = "k" + std::to_string(dice_.below(keys)), payload = forgets ? "forget" : text();
  Micros time = system_clock().wall();
  auto lsn = partition_->append_at(time, Kind::event, 1, key, payload);
  if (!lsn) return {};  // refused
  if (!forgets) ids_->add(id_of(payload), *lsn);
  give({Kind::event, time, std::move(key), std::move(payload)});
  return {};
}

std::string Life::repeat_event() {
  if (truth_.given.empty()) return {};
  Lsn lsn = 1 + dice_.below(truth_.given.size());
  const Given& given = truth_.given[lsn - 1];
  if (given.kind != Kind::event || given.payload == "forget") return {};
  auto first = ids_->find(id_of(given.payload));
  if (first == lsn || (!first && truth_.may_be_gone(lsn, lsn + 1))) return {};
  return "the event of LSN " + std::to_string(lsn) + " is known as LSN " + std::to_string(first.value_or(0));
}

std::string Life::commit_change() {
  Change change;
  std::vector<Given> all;
  for (uint64_t i = 1 + dice_.below(6); i > 0; --i) {
    std::string key = "d" + std::to_string(dice_.below(documents));
    if (dice_.one_in(6)) {
      change.erase(document_table, key);
      all.push_back({Kind::erase, 0, key, put_payload(document_table, {})});
    } else if (dice_.one_in(6)) {
      std::string payload = text();
      change.emit(Kind::control, 1, key, payload);
      all.push_back({Kind::control, 0, key, payload});
    } else {
      std::string value = statuses[dice_.below(3)] + ("|" + text());
      change.put(document_table, key, value);
      all.push_back({Kind::put, 0, key, put_payload(document_table, value)});
    }
  }
  Micros time = system_clock().wall();
  if (!partition_->commit(change).ok()) return {};  // refused
  for (size_t i = 0; i < all.size(); ++i) {
    all[i].time = time;
    all[i].ends_change = i + 1 == all.size();
    give(std::move(all[i]));
  }
  return {};
}

void Life::pump() {
  if (seal_wanted_.exchange(false)) partition_->seal();
  if (!dice_.one_in(4)) partition_->hurry();
  partition_->pump();
  for (uint64_t i = dice_.below(4); i > 0; --i) Schedule::of_this_thread()->pass();
  partition_->synced();
}

void Life::hold() {
  if (dice_.one_in(2)) return partition_->release();
  Lsn applied = partition_->applied_lsn();
  partition_->hold(applied - std::min<Lsn>(applied, dice_.below(30)) + 1);
}

std::string Life::make_base() {
  auto lsn = partition_->make_base();
  bool later = !lsn && lsn.problem().error == Error::overloaded;
  return lsn || later ? std::string() : said("no base can be made", lsn.problem());
}

// As if CKPT were lost: the state is made anew, from the newest base if there is one.
void Life::forget_checkpoints() {
  const PartitionPlace& place = options_.place;
  auto bases = list_bases(system_disk(), place);
  if (may_lose_last_ack || !bases || bases->empty() || !dice_.one_in(3)) return;
  truth_.forgot = true;
  (void)system_disk().remove(place.checkpoint());
  (void)system_disk().sync_directory(place.path);
}

std::string Life::act() {
  std::string wrong;
  uint64_t what = dice_.below(100);
  if (what < 36) wrong = append_event();
  if (what >= 36 && what < 50) wrong = commit_change();
  if (what >= 50 && what < 55) wrong = repeat_event();
  if (what == 55) hold();
  if (what == 56 && dice_.one_in(8)) wrong = make_base();
  if (what >= 57 && what < 63) {
    constexpr Work works[] = {&Life::copy_base, &Life::repack, &Life::repack, &Life::retain, &Life::retain, &Life::read_lent};
    keep(works[dice_.below(std::size(works))]);
  }
  if (what == 63) wrong = begin_folding();
  if (what == 64 && dice_.one_in(3)) wrong = erase_person();
  if (what >= 65) pump();
  if (wrong.empty() && folded_) wrong = switch_over();
  note_durable();
  if (!failure_.empty()) return "storage stopped itself: " + failure_;
  return wrong;
}

std::string Life::close() {
  settle_keeper();
  give_up_folding();
  auto flushed = ids_->flush();
  if (!flushed) return said("the dedup index cannot be flushed", flushed.problem());
  auto closed = partition_->close();
  if (!closed) return said("the partition does not close", closed.problem());
  if (partition_->durable_lsn() != truth_.given.size()) return "closed, but not everything is durable";
  note_durable();
  return {};
}

}  // namespace headrace::sim
