// Configuration: values of settings by scope, as documents of the control partition and decisions over them. The value in
// force is the store's, else that of the service whose setting it is, else the global one, else that of the start.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "codec/json.h"
#include "src/identity/effects.h"
#include "src/settings/setting_table.h"

namespace headrace {

enum class ConfigScope : uint8_t { global, service, store };
std::string_view name_of(ConfigScope scope);

// What one scope sets. Version 0: nothing was ever set.
struct ConfigDocument {
  std::map<std::string, RawJson> values;
  int64_t version = 0;
  Timestamp updated_at;
  static constexpr auto shape() {
    return std::tuple{field("values", &ConfigDocument::values, ""), field("version", &ConfigDocument::version, ""),
                      field("updated_at", &ConfigDocument::updated_at, "")};
  }
};

struct ConfigPlace {
  ConfigScope scope = ConfigScope::global;
  std::string id = {};  // of the service or store
};

// Who changes something, for the audit.
struct Author {
  std::string account;  // a person's UUID, or empty
  std::string key;      // the id of an API key, or empty
};
Author author_of(const Caller& caller);

// All values of the scope in the place of those that were. With a version: only if it is still that one.
struct Configure {
  ConfigPlace place;
  std::map<std::string, RawJson> values;
  std::optional<int64_t> version;
  Author author;
};
Result<ConfigDocument> decide_configure(const Documents& documents, const Configure& want, const Stamp& stamp,
                                        Effects& effects);

// Error::not_found, Error::store_not_found.
Result<ConfigDocument> find_configuration(const Documents& documents, const ConfigPlace& place);

enum class ConfigSource : uint8_t { start, global, service, store };
std::string_view name_of(ConfigSource source);

struct ConfigInForce {
  SettingValues values;
  std::array<ConfigSource, setting_count> sources{};
};

// `start`: the values before any scope. Of the whole server, or as one store sees it.
ConfigInForce config_in_force(const Documents& documents, const SettingValues& start);
void overlay_store(const ConfigDocument& store, ConfigInForce& values);
// Every store that has values of its own.
std::unordered_map<std::string, ConfigInForce> config_of_stores(const Documents& documents, const ConfigInForce& others);

}  // namespace headrace
