// Definitions as JSON: {"definitions": [{"entity": ..., "name": ..., ...}]}
#include "codec/json.h"
#include "src/features/definition.h"

namespace headrace::features {
namespace {

struct Stored : Definition {
  static constexpr auto shape() {
    return std::tuple{field("entity", &Stored::entity, ""),       field("name", &Stored::name, ""),
                      field("aggregate", &Stored::aggregate, ""), field("events", &Stored::events, ""),
                      field("value", &Stored::value, ""),         field("window", &Stored::window, ""),
                      field("about", &Stored::about, "")};
  }
};

struct StoredList {
  std::vector<Stored> definitions;
  static constexpr auto shape() { return std::tuple{field("definitions", &StoredList::definitions, "")}; }
};

}  // namespace

std::string to_text(std::span<const Definition> definitions) {
  StoredList list;
  for (const Definition& one : definitions) list.definitions.push_back({one});
  return to_json(list);
}

Result<std::vector<Definition>> definitions_of(std::string_view text) {
  auto list = from_json<StoredList>(text);
  if (!list) return list.problem();
  return std::vector<Definition>(list->definitions.begin(), list->definitions.end());
}

}  // namespace headrace::features
