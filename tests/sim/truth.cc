// The fold over all that was given, in plain maps.
#include "tests/sim/truth.h"

#include <algorithm>
#include <cstring>

#include "codec/checksum.h"

namespace headrace::sim {
namespace {

constexpr size_t large_bytes = 300;

bool is_event_of(const Given& given, const std::string& key) {
  return given.kind == Kind::event && given.key == key;
}

}  // namespace

void Tally::add(const RecordView& record, uint64_t definition) {
  ++count;
  hash = hash64(record.payload, hash + definition);
  time_sum += static_cast<uint64_t>(record.time);
  if (record.payload.size() > large_bytes) large = record.payload;
}

std::string Tally::bytes() const {
  uint64_t words[] = {count, hash, time_sum};
  return std::string(reinterpret_cast<const char*>(words), sizeof words) + large;
}

Tally Tally::of(std::string_view bytes) {
  uint64_t words[3] = {};
  if (bytes.size() < sizeof words) return {};
  std::memcpy(words, bytes.data(), sizeof words);
  return {words[0], words[1], words[2], std::string(bytes.substr(sizeof words))};
}

bool TallyFold::resume(std::string_view definitions, uint64_t digest) {
  if (std::to_string(digest) != definitions) return false;
  definition_ = digest;
  return true;
}

void TallyFold::apply(const RecordView& record, Rows& rows, bool) {
  if (record.payload == "forget") return rows.erase(key_row_table, record.key, record.lsn);
  for (auto [table, key] : {std::pair{key_row_table, record.key}, {total_row_table, std::string_view("all")}}) {
    Row* row = rows.fold(table, key, record.lsn);
    if (row == nullptr) continue;
    Tally tally = Tally::of(row->bytes);
    tally.add(record, definition_);
    row->bytes.assign(tally.bytes());
  }
}

TableDefinition document_definition() {
  TableDefinition table{.table = document_table, .name = "documents", .version = 1, .indexes = {}};
  table.indexes.push_back([](std::string_view, std::string_view value, IndexKeys& out) {
    out.emplace_back(value.substr(0, value.find('|')));
  });
  return table;
}

IdHash id_of(std::string_view payload) {
  Digest digest = hash128(payload.substr(0, payload.find('|')));
  return {digest.high, digest.low};
}

bool is_glimpse(const Given& given) { return given.kind == Kind::event && given.key.size() == 2; }

void Picture::add(const Given& given, bool folded) {
  ++lsn;
  RecordView record{lsn, given.kind, 1, given.time, given.key, given.payload};
  if (given.kind == Kind::put) {
    documents[given.key] = given.payload.substr(1);
  } else if (given.kind == Kind::erase) {
    documents.erase(given.key);
  } else if (!folded) {
    return;
  } else if (given.payload == "forget") {
    rows.erase(given.key);
  } else {
    for (const std::string& key : {given.key, std::string()}) {
      Tally tally = Tally::of(rows[key]);
      tally.add(record, definition);
      rows[key] = tally.bytes();
    }
  }
}

Picture Truth::picture() const {
  Picture picture;
  picture.definition = definition;
  const std::set<Lsn>& gone = unseen.at(definition);
  for (const Given& one : given) picture.add(one, !gone.contains(picture.lsn + 1));
  return picture;
}

bool Truth::must_be_gone(Lsn lsn) const {
  const Given& one = given[lsn - 1];
  auto order = erased.find(one.key);
  return order != erased.end() && lsn <= order->second && is_event_of(one, order->first);
}

bool Truth::may_be_gone(Lsn lsn, Lsn first_in_log) const {
  const Given& one = given[lsn - 1];
  auto order = erasing.find(one.key);
  bool person = order != erasing.end() && lsn <= order->second && is_event_of(one, order->first);
  return person || must_be_gone(lsn) || (is_glimpse(one) && lsn <= thinned_through) ||
         (lsn < first_in_log && lsn <= dropped_through);
}

// A start found no more than that.
void Truth::forget_behind(Lsn last) {
  given.resize(last);
  std::erase_if(durable, [&](Lsn lsn) { return lsn >= last; });
  durable.push_back(last);
  thinned_through = std::min(thinned_through, last);
  dropped_through = std::min(dropped_through, last);
  std::erase_if(erasing, [&](const auto& one) { return one.second > last; });
  std::erase_if(erased, [&](const auto& one) { return one.second > last; });
  coming = 0;
  forgot = false;
}

}  // namespace headrace::sim
