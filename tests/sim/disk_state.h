// DiskState: what is on a disk, and what the kernel has not yet put there.
//
// Per file its durable bytes and, in order, the writes (whole 512-byte sectors) and changes of size since its
// last sync; for names, those that are durable and the creations, renames and removals since the last sync of
// their directory. A plain value: a copy of it is the moment at which the power goes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/dice.h"

namespace headrace::sim {

inline constexpr size_t sector_bytes = 512;

struct Unsynced {
  uint64_t number = 0;                       // of the disk's operation
  uint64_t at = 0;                           // offset of a write; else the new size
  std::shared_ptr<const std::string> bytes;  // nullptr: a change of size
};

struct Node {
  bool directory = false;
  std::shared_ptr<const std::string> durable = std::make_shared<std::string>();
  std::map<uint64_t, std::string> forgotten;  // sectors by offset: shown by the kernel, never to reach the disk
  std::vector<Unsynced> unsynced;
};

struct NameChange {
  uint64_t number = 0;
  std::string from, to;  // from empty: created; to empty: removed; else renamed
  size_t node = 0;
};

using Names = std::map<std::string, size_t>;  // path within the disk -> node

struct DiskState {
  std::vector<Node> nodes;
  Names names, durable_names;
  std::vector<NameChange> unsynced_names;
};

std::string content_of(const Node& node);  // as the kernel shows it
std::string_view directory_of(std::string_view path);
void change(Names& names, const NameChange& how);

void sync(Node& node);
// What a kernel does where the disk refuses to take pages: it drops some, calls them clean, and shows them still.
void fail_to_sync(Node& node, Dice& dice);
void sync_names(DiskState& disk, std::string_view directory);

// The power goes: of what is not durable, sectors, sizes and names survive as chance has it; see the table in
// power_cut.cc. In the end nothing is un-synced.
DiskState cut_power(const DiskState& disk, Dice& dice, std::string& how);

// Flips one bit of the log or of CKPT, at a byte that is not zero where one is found; says where.
std::string damage(DiskState& disk, Dice& dice);

}  // namespace headrace::sim
