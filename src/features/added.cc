// What the configuration says stands before what was added.
#include "src/features/added.h"

#include <algorithm>
#include <map>
#include <optional>

#include "storage/log_reader.h"
#include "storage/put_payload.h"

namespace headrace::features {

std::string document_key(const Definition& definition) { return definition.entity + "/" + definition.name; }

Result<std::vector<Definition>> added_definitions(const Documents& documents) {
  std::vector<Definition> all;
  std::optional<Problem> problem;
  documents.scan(tables::feature_definitions, {}, [&](std::string_view, std::string_view value) {
    auto one = definitions_of(value);
    if (!one) problem = one.problem();
    if (one) all.insert(all.end(), one->begin(), one->end());
    return !problem;
  });
  if (problem) return *problem;
  return all;
}

Result<std::vector<Definition>> added_in_log(const PartitionPlace& control) {
  auto reader = LogReader::open(control);
  if (!reader) return reader.problem();
  std::map<std::string, std::vector<Definition>, std::less<>> by_key;
  RecordView record;
  while (true) {
    auto more = reader->next(record);
    if (!more) return more.problem();
    if (!*more) break;
    if (record.kind != Kind::put && record.kind != Kind::erase) continue;
    auto payload = parse_put_payload(record.payload);
    if (!payload || payload->table != tables::feature_definitions) continue;
    by_key.erase(std::string(record.key));
    if (record.kind == Kind::erase) continue;
    auto one = definitions_of(payload->value);
    if (!one) return one.problem();
    by_key.emplace(record.key, std::move(*one));
  }
  std::vector<Definition> all;
  for (auto& [key, one] : by_key) all.insert(all.end(), one.begin(), one.end());
  return all;
}

std::vector<Definition> merge(std::span<const Definition> configured, std::span<const Definition> added) {
  std::vector<Definition> all(configured.begin(), configured.end());
  for (const Definition& one : added) {
    auto same = [&](const Definition& known) { return document_key(known) == document_key(one); };
    if (std::ranges::none_of(configured, same)) all.push_back(one);
  }
  return all;
}

}  // namespace headrace::features
