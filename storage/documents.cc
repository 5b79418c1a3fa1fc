// Documents and their index entries as entries of two trees of the state.
#include "storage/documents.h"

#include <algorithm>

#include "codec/varint.h"
#include "src/base/check.h"
#include "src/base/limits.h"
#include "storage/state.h"

namespace headrace {
namespace {

constexpr size_t rebuild_step = 10'000;  // index entries
constexpr char escape = '\0', escaped_zero = '\xff', terminator = '\x01';

// Appends the escaped form of `index_key`, cut at index_key_bytes_max.
void append_escaped(std::string_view index_key, std::string& out) {
  size_t end = out.size() + index_key_bytes_max;
  for (char c : index_key) {
    if (out.size() + (c == escape ? 2 : 1) > end) return;
    out.push_back(c);
    if (c == escape) out.push_back(escaped_zero);
  }
}

std::string document_key(uint8_t table, std::string_view key) {
  std::string out(1, static_cast<char>(table));
  return out.append(key);
}

std::string index_prefix(uint8_t table, uint8_t index, std::string_view index_key) {
  std::string out{static_cast<char>(table), static_cast<char>(index)};
  append_escaped(index_key, out);
  return out;
}

void append_terminator(std::string& out) {
  out.push_back(escape);
  out.push_back(terminator);
}

// The document's key inside an index entry.
std::string_view key_of_entry(std::string_view entry) {
  for (size_t at = 2; at + 1 < entry.size(); ++at) {
    if (entry[at] != escape) continue;
    if (entry[at + 1] == terminator) return entry.substr(at + 2);
    ++at;
  }
  return {};
}

// Calls `visit` for every entry under `prefix`, strictly behind `after` (a whole key, or empty).
template <class Visit>
void walk(State& state, StateTree tree, const std::string& prefix, std::string_view after, Order order,
          Visit visit) {
  StateCursor cursor(state, tree);
  bool there;
  if (order == Order::ascending) {
    there = cursor.seek(after.empty() ? std::string_view(prefix) : after);
    if (there && !after.empty() && cursor.key() == after) there = cursor.next();
  } else if (!after.empty()) {
    there = cursor.seek_before(after);
  } else {
    std::string end = prefix;  // the smallest key behind all that have the prefix
    while (!end.empty() && end.back() == '\xff') end.pop_back();
    if (!end.empty()) end.back() = static_cast<char>(end.back() + 1);
    there = end.empty() ? cursor.last() : cursor.seek_before(end);
  }
  while (there && cursor.key().starts_with(prefix) && visit(cursor)) {
    there = order == Order::ascending ? cursor.next() : cursor.previous();
  }
}

}  // namespace

Documents::Documents(State& state, std::vector<TableDefinition> tables)
    : state_(state), tables_(std::move(tables)) {}

const TableDefinition* Documents::definition(uint8_t table) const {
  auto found = std::ranges::find(tables_, table, &TableDefinition::table);
  return found == tables_.end() ? nullptr : &*found;
}

std::optional<std::string_view> Documents::find(uint8_t table, std::string_view key) const {
  if (key.size() > limits::key_bytes_max) return std::nullopt;
  return state_.get(StateTree::documents, document_key(table, key));
}

void Documents::scan(uint8_t table, const ScanRange& range, const Visitor& visitor) const {
  std::string after = range.after.empty() ? std::string() : document_key(table, range.after);
  walk(state_, StateTree::documents, document_key(table, range.prefix), after, range.order, [&](StateCursor& at) {
    auto value = at.value();
    return value && visitor(at.key().substr(1), *value);
  });
}

void Documents::scan_index(uint8_t table, uint8_t index, Match match, const ScanRange& range,
                           const IndexVisitor& visitor) const {
  std::string prefix = index_prefix(table, index, range.prefix);
  if (match == Match::whole) append_terminator(prefix);
  walk(state_, StateTree::indexes, prefix, range.after, range.order, [&](StateCursor& at) {
    std::string_view key = key_of_entry(at.key());
    auto value = at.value() ? find(table, key) : std::nullopt;
    return value && visitor(at.key(), key, *value);
  });
}

void Documents::put(uint8_t table, std::string_view key, std::string_view value) {
  CHECK(key.size() <= limits::key_bytes_max);
  replace_index_entries(table, key, value);
  state_.put(StateTree::documents, document_key(table, key), value);
}

void Documents::erase(uint8_t table, std::string_view key) {
  if (key.size() > limits::key_bytes_max) return;
  replace_index_entries(table, key, std::nullopt);
  state_.erase(StateTree::documents, document_key(table, key));
}

// Only the difference between the stored value and `now` is written.
void Documents::replace_index_entries(uint8_t table, std::string_view key,
                                      std::optional<std::string_view> now) {
  const TableDefinition* about = definition(table);
  if (about == nullptr || about->indexes.empty()) return;
  std::optional<std::string> before;
  if (auto found = find(table, key)) before.emplace(*found);
  for (size_t index = 0; index < about->indexes.size(); ++index) {
    std::vector<std::string> old_entries, new_entries;
    if (before) old_entries = entries_of(*about, index, key, *before);
    if (now) new_entries = entries_of(*about, index, key, *now);
    for (const std::string& entry : old_entries) {
      if (!std::ranges::binary_search(new_entries, entry)) state_.erase(StateTree::indexes, entry);
    }
    for (const std::string& entry : new_entries) {
      if (!std::ranges::binary_search(old_entries, entry)) state_.put(StateTree::indexes, entry, {});
    }
  }
}

// Sorted. Two long index keys may be cut to one entry.
std::vector<std::string> Documents::entries_of(const TableDefinition& table, size_t index,
                                               std::string_view key, std::string_view value) const {
  IndexKeys index_keys;
  table.indexes[index](key, value, index_keys);
  std::vector<std::string> entries;
  for (const std::string& index_key : index_keys) {
    std::string entry = index_prefix(table.table, static_cast<uint8_t>(index), index_key);
    append_terminator(entry);
    entries.push_back(entry.append(key));
  }
  std::ranges::sort(entries);
  return entries;
}

uint64_t Documents::definition_digest() const {
  std::vector<std::string> parts;
  for (const TableDefinition& table : tables_) {
    if (table.indexes.empty()) continue;
    std::string part(1, static_cast<char>(table.table));
    put_varint(table.version, part);
    put_varint(table.indexes.size(), part);
    parts.push_back(std::move(part));
  }
  std::ranges::sort(parts);
  std::string all;
  for (const std::string& part : parts) put_text(part, all);
  return hash64(all, 1);
}

void Documents::rebuild_indexes() {
  state_.drop(StateTree::indexes);
  for (const TableDefinition& table : tables_) {
    std::string after;
    while (!table.indexes.empty() && rebuild_some(table, after)) {
    }
  }
}

// In steps, because no entry may be put while a cursor stands. True where documents are left behind `after`.
bool Documents::rebuild_some(const TableDefinition& table, std::string& after) {
  std::vector<std::string> entries;
  bool more = false;
  const std::string from = after;
  scan(table.table, {.after = from}, [&](std::string_view key, std::string_view value) {
    for (size_t index = 0; index < table.indexes.size(); ++index) {
      std::ranges::move(entries_of(table, index, key, value), std::back_inserter(entries));
    }
    after = key;
    more = entries.size() >= rebuild_step;
    return !more;
  });
  for (const std::string& entry : entries) state_.put(StateTree::indexes, entry, {});
  return more;
}

}  // namespace headrace
