// Which of the un-synced sectors, sizes and names survive a power cut.
#include <algorithm>
#include <array>
#include <span>

#include "codec/checksum.h"
#include "tests/sim/disk_state.h"

namespace headrace::sim {
namespace {

enum class Survives : uint8_t { none, all, sector, page, write, file, until, one, all_but_one };

struct Manner {
  Survives what;
  const char* name;
};
constexpr Manner manners[] = {
    {Survives::none, "nothing un-synced survives"},
    {Survives::all, "all survives"},
    {Survives::sector, "each sector by chance"},
    {Survives::page, "each page by chance"},
    {Survives::write, "each write by chance"},
    {Survives::file, "each file by chance"},
    {Survives::until, "all until an operation, and that one torn"},
    {Survives::one, "one sector survives"},
    {Survives::all_but_one, "all but one sector"},
};
constexpr double chances[] = {0.5, 0.1, 0.9};

class Cut {
 public:
  Cut(const DiskState& disk, Dice& dice) : disk_(disk), salt_(dice.next()), manner_(pick(manners, dice)) {
    chance_ = pick(chances, dice);
    std::vector<uint64_t> numbers;
    for (const Node& node : disk.nodes) {
      for (const Unsynced& change : node.unsynced) numbers.push_back(change.number);
      for (const Unsynced& change : node.unsynced) items_ += sectors_of(change);
    }
    for (const NameChange& how : disk.unsynced_names) numbers.push_back(how.number);
    chosen_ = dice.below(std::max<uint64_t>(1, items_));
    until_ = numbers.empty() ? 0 : numbers[dice.below(numbers.size())];
    names_by_chance_ = dice.one_in(2);
  }

  DiskState make() {
    DiskState after;
    Names names = disk_.durable_names;
    for (const NameChange& how : disk_.unsynced_names) {
      if (name_survives(how)) change(names, how);
    }
    for (const auto& [path, node] : names) {
      if (reachable(names, path)) after.names[path] = node;
    }
    std::vector<bool> named(disk_.nodes.size());
    for (const auto& [path, node] : after.names) named[node] = true;
    for (size_t i = 0; i < named.size(); ++i) after.nodes.push_back(named[i] ? survivor(disk_.nodes[i]) : passed_over(disk_.nodes[i]));
    after.durable_names = after.names;
    return after;
  }

  std::string text() const {
    return std::string(manner_.name) + ", " + std::to_string(items_) + " sectors and " +
           std::to_string(disk_.unsynced_names.size()) + " names in the air";
  }

 private:
  template <class T, size_t size>
  static const T& pick(const T (&from)[size], Dice& dice) {
    return from[dice.below(size)];
  }
  static uint64_t sectors_of(const Unsynced& change) {
    return change.bytes ? (change.bytes->size() + sector_bytes - 1) / sector_bytes : 1;
  }

  // The same answer for the same thing.
  bool lucky(std::array<uint64_t, 3> thing) const {
    uint64_t hash = hash64({reinterpret_cast<const char*>(thing.data()), sizeof thing}, salt_);
    return static_cast<double>(hash >> 11) * 0x1p-53 < chance_;
  }

  bool survives(size_t node, const Unsynced& change, uint64_t sector) {
    uint64_t item = item_++;
    uint64_t page = change.bytes ? (change.at + sector * sector_bytes) / 4096 : UINT64_MAX;
    switch (manner_.what) {
      case Survives::none:
        return false;
      case Survives::all:
        return true;
      case Survives::sector:
        return lucky({node, change.number, sector});
      case Survives::page:
        return lucky({node, page, 0});
      case Survives::write:
        return lucky({node, change.number, 0});
      case Survives::file:
        return lucky({node, 0, 0});
      case Survives::until:
        return change.number < until_ || (change.number == until_ && lucky({sector, 0, 0}));
      case Survives::one:
        return item == chosen_;
      case Survives::all_but_one:
        return item != chosen_;
    }
    return false;
  }

  bool name_survives(const NameChange& how) const {
    if (names_by_chance_) return lucky({how.number, how.node, 1});
    if (manner_.what == Survives::until) return how.number <= until_;
    return manner_.what != Survives::none && manner_.what != Survives::one;
  }

  Node survivor(const Node& node) {
    size_t number = static_cast<size_t>(&node - disk_.nodes.data());
    std::string bytes = *node.durable;
    for (const Unsynced& change : node.unsynced) {
      for (uint64_t sector = 0; sector < sectors_of(change); ++sector) {
        if (!survives(number, change, sector)) continue;
        if (change.bytes) {
          put_sector(change, sector, bytes);
        } else {
          bytes.resize(change.at);
        }
      }
    }
    Node after;
    after.directory = node.directory;
    after.durable = std::make_shared<std::string>(std::move(bytes));
    return after;
  }

  // Of what no name leads to nothing is kept.
  Node passed_over(const Node& node) {
    for (const Unsynced& change : node.unsynced) item_ += sectors_of(change);
    return {};
  }

  static void put_sector(const Unsynced& change, uint64_t sector, std::string& bytes) {
    size_t from = sector * sector_bytes, to = change.at + from;
    if (to >= bytes.size()) return;  // its size did not survive
    size_t size = std::min({sector_bytes, change.bytes->size() - from, bytes.size() - to});
    bytes.replace(to, size, *change.bytes, from, size);
  }

  static bool reachable(const Names& names, std::string_view path) {
    for (path = directory_of(path); !path.empty(); path = directory_of(path)) {
      if (!names.contains(std::string(path))) return false;
    }
    return true;
  }

  const DiskState& disk_;
  uint64_t salt_;
  Manner manner_;
  double chance_ = 0.5;
  uint64_t items_ = 0, item_ = 0, chosen_ = 0, until_ = 0;
  bool names_by_chance_ = false;
};

}  // namespace

DiskState cut_power(const DiskState& disk, Dice& dice, std::string& how) {
  Cut cut(disk, dice);
  how = cut.text();
  return cut.make();
}

}  // namespace headrace::sim
