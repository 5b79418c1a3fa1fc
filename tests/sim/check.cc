// Is everything there that the truth says, and nothing else?
#include "storage/log_reader.h"
#include "storage/partition.h"
#include "tests/sim/life.h"

namespace headrace::sim {
namespace {

std::string at(Lsn lsn) { return " at LSN " + std::to_string(lsn); }

bool same(const RecordView& record, const Given& given) {
  return record.kind == given.kind && record.version == 1 && record.time == given.time &&
         record.key == given.key && record.payload == given.payload;
}

}  // namespace

std::string Life::check() {
  for (auto one : {&Life::check_log, &Life::check_documents, &Life::check_index, &Life::check_rows,
                   &Life::check_ids, &Life::check_digest}) {
    std::string wrong = (this->*one)();
    if (!failure_.empty()) return "storage stopped itself: " + failure_;
    if (!wrong.empty()) return wrong;
  }
  return {};
}

std::string Life::check_log() {
  auto reader = LogReader::open(options_.place, 1, partition_->durable_lsn());
  if (!reader) return said("the log cannot be read", reader.problem());
  RecordView record;
  Lsn last = partition_->durable_lsn(), first = 0;
  for (Lsn lsn = 1; lsn <= last; ++lsn) {
    auto more = reader->next(record);
    if (!more) return said("the log cannot be read" + at(lsn), more.problem());
    Lsn next = *more ? record.lsn : last + 1;
    if (first == 0) first = next;
    for (; lsn < next; ++lsn)
      if (!truth_.may_be_gone(lsn, first)) return "there is no record" + at(lsn);
    if (!*more) break;
    if (lsn != next || !same(record, truth_.given[lsn - 1])) return "another record" + at(lsn);
    if (truth_.must_be_gone(lsn)) return "what was erased is there" + at(lsn);
  }
  return {};
}

std::string Life::check_documents() {
  std::map<std::string, std::string> found;
  partition_->documents().scan(document_table, {}, [&](std::string_view key, std::string_view value) {
    return found.emplace(key, value), true;
  });
  return found == picture_.documents ? "" : "documents are not what the log says";
}

std::string Life::check_index() {
  size_t found = 0;
  bool fine = true;
  for (std::string_view status : {"open", "paid", "sent"}) {
    partition_->documents().scan_index(
        document_table, 0, Documents::Match::whole, {.prefix = status},
        [&](std::string_view, std::string_view key, std::string_view value) {
          ++found;
          auto known = picture_.documents.find(std::string(key));
          return fine = known != picture_.documents.end() && known->second == value && value.starts_with(status);
        });
  }
  return fine && found == picture_.documents.size() ? "" : "an index is not what the documents say";
}

std::string Life::check_rows() {
  std::map<std::string, std::string> found;
  for (int key = 0; key < 100; ++key) {
    for (const char* prefix : {"k", "d"}) {
      std::string name = prefix + std::to_string(key);
      if (const Row* row = partition_->rows().find(key_row_table, name)) found[name] = row->bytes;
    }
  }
  if (const Row* row = partition_->rows().find(total_row_table, "all")) found[""] = row->bytes;
  return found == picture_.rows ? "" : "rows are not what the log says";
}

std::string Life::check_ids() {
  for (Lsn lsn = 1; lsn <= truth_.given.size(); ++lsn) {
    const Given& given = truth_.given[lsn - 1];
    if (given.kind != Kind::event || given.payload == "forget") continue;
    auto first = ids_->find(id_of(given.payload));
    if (!first && truth_.may_be_gone(lsn, lsn + 1)) continue;
    if (first != lsn) return "the dedup index says " + std::to_string(first.value_or(0)) + at(lsn);
  }
  for (int i = 0; i < 20; ++i) {
    if (ids_->find(id_of(text()))) return "the dedup index knows an event that never was";
  }
  return {};
}

std::string Life::check_digest() {
  auto live = partition_->full_digest();
  if (!live) return said("the state cannot be counted", live.problem());
  TallyFold fold(truth_.definition);
  auto rebuilt = rebuild(options_, options_.place.path + "/rebuild", fold);
  if (!rebuilt) return said("the state cannot be rebuilt", rebuilt.problem());
  if (rebuilt->last_lsn != truth_.given.size()) return "the rebuild ends" + at(rebuilt->last_lsn);
  return rebuilt->digest == *live ? "" : "the state is not what a rebuild from the log gives";
}

}  // namespace headrace::sim
