// One document per scope; a change is one event of the audit with every value before and after.
#include "src/settings/configuration.h"

#include <fmt/format.h>

#include "src/identity/stores.h"
#include "src/identity/tables.h"

namespace headrace {
namespace {

constexpr std::string_view store_prefix = "store/";
constexpr std::string_view service_prefix = "service/";

std::string key_of(const ConfigPlace& place) {
  switch (place.scope) {
    case ConfigScope::service:
      return std::string(service_prefix) + place.id;
    case ConfigScope::store:
      return std::string(store_prefix) + place.id;
    default:
      return "global";
  }
}

// Whether the scope may set the setting at all.
Result<> may_set(const ConfigPlace& place, const SettingRow& row) {
  if (place.scope == ConfigScope::store && !row.per_store)
    return Problem{Error::invalid_input, std::string(row.name), "is the same for all stores"};
  if (place.scope == ConfigScope::service && row.service != place.id)
    return Problem{Error::invalid_input, std::string(row.name), fmt::format("is a setting of {}", row.service)};
  return Done{};
}

// As they are kept: of equal values, equal texts.
Result<std::map<std::string, RawJson>> checked(const Configure& want) {
  std::map<std::string, RawJson> out;
  for (auto& [name, json] : want.values) {
    auto id = find_setting(name);
    if (!id) return Problem{Error::invalid_input, name, "is no setting"};
    const SettingRow& row = setting_rows()[static_cast<size_t>(*id)];
    TRY_DONE(may_set(want.place, row));
    auto value = read_setting(row, json.text);
    if (!value.ok()) return value.problem();
    out[name].text = write_setting(row, *value);
  }
  return out;
}

std::string_view text_in(const std::map<std::string, RawJson>& values, std::string_view name) {
  auto found = values.find(std::string(name));
  return found == values.end() ? std::string_view("null") : std::string_view(found->second.text);
}

// [{"setting":...,"from":...,"to":...},...] of those that differ; null where the scope sets nothing.
std::string changes_between(const std::map<std::string, RawJson>& before, const std::map<std::string, RawJson>& after) {
  std::string out = "[";
  for (const SettingRow& row : setting_rows()) {
    std::string_view from = text_in(before, row.name), to = text_in(after, row.name);
    if (from == to) continue;
    out += fmt::format(R"({}{{"setting":"{}","from":{},"to":{}}})", out.size() > 1 ? "," : "", row.name, from, to);
  }
  return out + "]";
}

void overlay(const ConfigDocument& document, ConfigSource source, ConfigInForce& out) {
  for (auto& [name, json] : document.values) {
    auto id = find_setting(name);
    if (!id) continue;  // of another version of the program
    const size_t i = static_cast<size_t>(*id);
    auto value = read_setting(setting_rows()[i], json.text);
    if (value.ok()) out.values[i] = *value, out.sources[i] = source;
  }
}

}  // namespace

std::string_view name_of(ConfigScope scope) {
  constexpr std::string_view names[] = {"global", "service", "store"};
  return names[static_cast<size_t>(scope)];
}

std::string_view name_of(ConfigSource source) {
  constexpr std::string_view names[] = {"start", "global", "service", "store"};
  return names[static_cast<size_t>(source)];
}

Author author_of(const Caller& caller) {
  return {std::string(caller.account.view()), caller.key_id ? id_of_number(caller.key_id) : std::string()};
}

Result<ConfigDocument> find_configuration(const Documents& documents, const ConfigPlace& place) {
  if (place.scope == ConfigScope::service && !is_service(place.id))
    return Problem{Error::not_found, "serviceId", "is no service"};
  if (place.scope == ConfigScope::store) {
    auto store = find_store(documents, place.id);
    if (!store.ok()) return store.problem();
  }
  return load<ConfigDocument>(documents, tables::configuration, key_of(place)).value_or(ConfigDocument{});
}

Result<ConfigDocument> decide_configure(const Documents& documents, const Configure& want, const Stamp& stamp,
                                        Effects& effects) {
  auto document = find_configuration(documents, want.place);
  if (!document.ok()) return document;
  if (want.version && *want.version != document->version)
    return Problem{Error::conflict, "version", fmt::format("is {} by now", document->version)};
  auto values = checked(want);
  if (!values.ok()) return values.problem();
  const std::string changes = changes_between(document->values, *values);
  if (changes == "[]") return document;
  document->values = std::move(*values);
  ++document->version;
  document->updated_at = {stamp.now, true};
  effects.put(tables::configuration, key_of(want.place), *document);
  effects.record(stamp, "configuration_changed", want.author.account,
                 fmt::format(R"({{"scope":"{}","id":"{}","version":{},"key":"{}","changes":{}}})", name_of(want.place.scope),
                             want.place.id, document->version, want.author.key, changes));
  return document;
}

ConfigInForce config_in_force(const Documents& documents, const SettingValues& start) {
  ConfigInForce out{start};
  if (auto global = load<ConfigDocument>(documents, tables::configuration, "global"))
    overlay(*global, ConfigSource::global, out);
  documents.scan(tables::configuration, {.prefix = service_prefix}, [&](std::string_view, std::string_view text) {
    auto service = from_json<ConfigDocument>(text);
    CHECK(service.ok());
    overlay(*service, ConfigSource::service, out);
    return true;
  });
  return out;
}

void overlay_store(const ConfigDocument& store, ConfigInForce& values) { overlay(store, ConfigSource::store, values); }

std::unordered_map<std::string, ConfigInForce> config_of_stores(const Documents& documents, const ConfigInForce& others) {
  std::unordered_map<std::string, ConfigInForce> out;
  documents.scan(tables::configuration, {.prefix = store_prefix}, [&](std::string_view key, std::string_view text) {
    auto store = from_json<ConfigDocument>(text);
    CHECK(store.ok());
    overlay_store(*store, out.try_emplace(std::string(key.substr(store_prefix.size())), others).first->second);
    return true;
  });
  return out;
}

}  // namespace headrace
