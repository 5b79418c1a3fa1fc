// Applying what is un-synced.
#include "tests/sim/disk_state.h"

#include <algorithm>

namespace headrace::sim {

namespace {

void carry_out(const std::vector<Unsynced>& changes, std::string& bytes) {
  for (const Unsynced& change : changes) {
    if (change.bytes) {
      bytes.replace(change.at, change.bytes->size(), *change.bytes);
    } else {
      bytes.resize(change.at);
    }
  }
}

void put_sector(uint64_t at, std::string_view sector, std::string& bytes) {
  if (at < bytes.size()) bytes.replace(at, std::min(sector.size(), bytes.size() - at), sector);
}

// A write makes the kernel remember again.
void remember(const Unsynced& change, std::map<uint64_t, std::string>& forgotten) {
  auto from = forgotten.lower_bound(change.at);
  auto to = change.bytes ? forgotten.lower_bound(change.at + change.bytes->size()) : forgotten.end();
  forgotten.erase(from, to);
}

}  // namespace

std::string content_of(const Node& node) {
  std::string bytes = *node.durable;
  for (const auto& [at, sector] : node.forgotten) put_sector(at, sector.substr(0, sector_bytes), bytes);
  carry_out(node.unsynced, bytes);
  return bytes;
}

std::string_view directory_of(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

void change(Names& names, const NameChange& how) {
  if (!how.from.empty()) names.erase(how.from);
  if (!how.to.empty()) names[how.to] = how.node;
}

void sync(Node& node) {
  if (node.unsynced.empty()) return;
  std::string bytes = *node.durable;
  carry_out(node.unsynced, bytes);
  for (const Unsynced& change : node.unsynced) remember(change, node.forgotten);
  node.durable = std::make_shared<std::string>(std::move(bytes));
  node.unsynced.clear();
}

void fail_to_sync(Node& node, Dice& dice) {
  std::string before = *node.durable;
  std::vector<Unsynced> changes = node.unsynced;
  sync(node);
  std::string bytes = *node.durable;
  before.resize(bytes.size());
  for (const Unsynced& change : changes) {
    for (size_t i = 0; change.bytes && i < change.bytes->size(); i += sector_bytes) {
      uint64_t at = change.at + i;
      if (at >= bytes.size() || dice.one_in(2)) continue;
      node.forgotten[at] = node.durable->substr(at, sector_bytes);
      put_sector(at, std::string_view(before).substr(at, sector_bytes), bytes);
    }
  }
  node.durable = std::make_shared<std::string>(std::move(bytes));
}

void sync_names(DiskState& disk, std::string_view directory) {
  std::erase_if(disk.unsynced_names, [&](const NameChange& how) {
    if (directory_of(how.to.empty() ? how.from : how.to) != directory) return false;
    change(disk.durable_names, how);
    return true;
  });
}

std::string damage(DiskState& disk, Dice& dice) {
  std::vector<const Names::value_type*> files;
  for (const auto& name : disk.durable_names) {
    bool worth = name.first.ends_with("/CKPT") || name.first.ends_with(".seg");
    if (worth && !disk.nodes[name.second].durable->empty()) files.push_back(&name);
  }
  if (files.empty()) return {};
  const auto& [path, number] = *files[dice.below(files.size())];
  std::string bytes = *disk.nodes[number].durable;
  size_t at = 0;
  for (int tries = 0; tries < 50; ++tries) {
    at = dice.below(bytes.size());
    if (bytes[at] != 0) break;
  }
  bytes[at] = static_cast<char>(bytes[at] ^ (1 << dice.below(8)));
  disk.nodes[number].durable = std::make_shared<std::string>(std::move(bytes));
  return path + " damaged at byte " + std::to_string(at);
}

}  // namespace headrace::sim
