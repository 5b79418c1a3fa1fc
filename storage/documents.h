// Documents: key -> value per table, with ordered secondary indexes, in the open write transaction of the
// state.
//
//   document := table:u8 key                          -> value
//   index    := table:u8 index:u8 escaped(index key) key -> nothing
//   escaped  := every 0x00 as 0x00 0xff, then 0x00 0x01; so that order is that of the index keys
//
// A value handed out is a view that is good until the next put or erase. Every value is checked against its
// CRC32C when read; one that fails stops the process (the disk lied). Lives on: the partition's owner thread;
// written only by Partition::commit and by replay.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"

namespace headrace {

class State;

// Appends the keys under which a document stands in one index: none, one or several. Must depend on nothing
// but its arguments.
using IndexKeys = std::vector<std::string>;
using IndexFunction = std::function<void(std::string_view key, std::string_view value, IndexKeys& out)>;

struct TableDefinition {
  uint8_t table = 0;
  std::string name;
  uint32_t version = 1;  // raise it when an index function changes: indexes are then rebuilt at open
  std::vector<IndexFunction> indexes;  // index i is the i-th
};

enum class Order : uint8_t { ascending, descending };

// What a scan looks at: entries that begin with `prefix`, and strictly after `after` in the order of the
// scan.
struct ScanRange {
  std::string_view prefix = {};
  std::string_view after = {};  // a document key (scan) or a position (scan_index); empty: from the start
  Order order = Order::ascending;
};

class Documents {
 public:
  Documents(State& state, std::vector<TableDefinition> tables);

  std::optional<std::string_view> find(uint8_t table, std::string_view key) const;

  // The visitor returns false to stop. It must not put or erase.
  using Visitor = std::function<bool(std::string_view key, std::string_view value)>;
  void scan(uint8_t table, const ScanRange& range, const Visitor& visitor) const;

  // Documents by index key. `prefix` is a prefix of the index key; with `whole` the index key itself.
  // `position` is opaque: hand it back as range.after to go on behind that document.
  using IndexVisitor =
      std::function<bool(std::string_view position, std::string_view key, std::string_view value)>;
  enum class Match : uint8_t { prefix, whole };
  void scan_index(uint8_t table, uint8_t index, Match match, const ScanRange& range,
                  const IndexVisitor& visitor) const;

  // For the partition: absolute effects, already logged.
  void put(uint8_t table, std::string_view key, std::string_view value);
  void erase(uint8_t table, std::string_view key);
  // A number that changes when tables, versions or numbers of indexes do.
  uint64_t definition_digest() const;
  void rebuild_indexes();

 private:
  const TableDefinition* definition(uint8_t table) const;
  void replace_index_entries(uint8_t table, std::string_view key, std::optional<std::string_view> now);
  std::vector<std::string> entries_of(const TableDefinition& table, size_t index, std::string_view key,
                                      std::string_view value) const;
  bool rebuild_some(const TableDefinition& table, std::string& after);

  State& state_;
  std::vector<TableDefinition> tables_;
};

// So long may an index key be, escaped; what is longer is cut, so that a scan for it finds more than it asked
// for.
inline constexpr size_t index_key_bytes_max = 240;

}  // namespace headrace
