// Loading and writing behind one row.
#include "storage/state_rows.h"

#include <cstring>

namespace headrace {

std::string_view StateRows::name(const Row& row) {
  name_.assign(1, static_cast<char>(row.table));
  return name_.append(row.key);
}

bool StateRows::load(Row& row) {
  auto stored = state_.get(Tree::rows, name(row));
  if (!stored || stored->size() < sizeof(Lsn)) return false;
  std::memcpy(&row.lsn, stored->data(), sizeof(Lsn));
  row.bytes = stored->substr(sizeof(Lsn));
  return true;
}

void StateRows::store(const Row& row) {
  if (row.gone) return state_.erase(Tree::rows, name(row));
  state_.put(Tree::rows, name(row), {reinterpret_cast<const char*>(&row.lsn), sizeof(Lsn)}, row.bytes);
}

}  // namespace headrace
