// Loading and writing behind one row.
#include "storage/state_rows.h"

#include <cstring>

namespace headrace {
namespace {

constexpr size_t room_to_grow = 128;  // for what the event brings for which it is loaded

}  // namespace

std::string_view StateRows::name(const Row& row) {
  name_.assign(1, static_cast<char>(row.table));
  return name_.append(row.key());
}

bool StateRows::load(Row& row) {
  auto stored = state_.get(StateTree::rows, name(row));
  if (!stored || stored->size() < sizeof(Lsn)) return false;
  std::memcpy(&row.lsn, stored->data(), sizeof(Lsn));
  std::string_view bytes = stored->substr(sizeof(Lsn));
  row.bytes.reserve(bytes.size() + bytes.size() / 8 + room_to_grow);  // a string that overflows takes twice as much
  row.bytes.assign(bytes);
  return true;
}

void StateRows::each(uint8_t table, const std::function<void(std::string_view key)>& visit) {
  StateCursor cursor(state_, StateTree::rows);
  const std::string prefix(1, static_cast<char>(table));
  for (bool there = cursor.seek(prefix); there && cursor.key().starts_with(prefix); there = cursor.next())
    visit(cursor.key().substr(1));
}

void StateRows::store(const Row& row) {
  if (row.gone) return state_.erase(StateTree::rows, name(row));
  state_.put(StateTree::rows, name(row), {reinterpret_cast<const char*>(&row.lsn), sizeof(Lsn)}, row.bytes);
}

}  // namespace headrace
