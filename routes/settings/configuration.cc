// The configuration that lives: global, of a service, of a store.
#include "routes/identity/persons.h"
#include "routes/tables.h"
#include "src/identity/stores.h"

namespace headrace {
namespace {

struct SettingInForce {
  RawJson value;
  std::string source, service, type, description;
  bool per_store = false;
  std::optional<double> min, max;
  std::optional<std::vector<std::string>> choices;
  static constexpr auto shape() {
    return std::tuple{
        field("value", &SettingInForce::value, "In force"),
        field("source", &SettingInForce::source, "Where it comes from: start, global, service or store"),
        field("service", &SettingInForce::service, "Whose setting it is"),
        field("type", &SettingInForce::type, "integer, number or word"),
        field("description", &SettingInForce::description, "What it changes"),
        field("per_store", &SettingInForce::per_store, "Whether a store may have a value of its own"),
        field("min", &SettingInForce::min, "Of a number, the least"), field("max", &SettingInForce::max, "The greatest"),
        field("choices", &SettingInForce::choices, "The words it may be")};
  }
};

struct ConfigAnswer {
  std::string scope, id;
  int64_t version = 0;
  std::optional<Timestamp> updated_at;
  std::map<std::string, RawJson> values;
  std::map<std::string, SettingInForce> settings;
  static constexpr auto shape() {
    return std::tuple{
        field("scope", &ConfigAnswer::scope, "global, service or store"),
        field("id", &ConfigAnswer::id, "Of the service or store; else empty"),
        field("version", &ConfigAnswer::version, "Grows with every change of this scope; 0: never changed"),
        field("updated_at", &ConfigAnswer::updated_at, "When it was changed last"),
        field("values", &ConfigAnswer::values, "What this scope sets itself"),
        field("settings", &ConfigAnswer::settings, "What is in force here, and where it comes from")};
  }
};

template <class Change>
constexpr auto change_fields() {
  return std::tuple{field("values", &Change::values, "All that this scope sets from now on, by the name of the setting",
                          length(0, setting_count)),
                    field("version", &Change::version, "Only if the scope still has this one; else 409", between(0, 1e15))};
}

struct ConfigChange {
  std::map<std::string, RawJson> values;
  std::optional<int64_t> version;
  static constexpr auto shape() { return change_fields<ConfigChange>(); }
};

struct ConfigOfStore {
  std::string storeId;
  static constexpr auto shape() {
    return std::tuple{field("storeId", &ConfigOfStore::storeId, "Of the store", length(1, 64))};
  }
};

struct ConfigChangeOfStore {
  std::string storeId;
  std::map<std::string, RawJson> values;
  std::optional<int64_t> version;
  static constexpr auto shape() {
    return std::tuple_cat(
        std::tuple{field("storeId", &ConfigChangeOfStore::storeId, "Of the store", length(1, 64), optional_field)},
        change_fields<ConfigChangeOfStore>());
  }
};

struct ConfigOfService {
  std::string serviceId;
  static constexpr auto shape() {
    return std::tuple{field("serviceId", &ConfigOfService::serviceId, "Its name, as ai-engine", length(1, 64))};
  }
};

struct ConfigChangeOfService {
  std::string serviceId;
  std::map<std::string, RawJson> values;
  std::optional<int64_t> version;
  static constexpr auto shape() {
    return std::tuple_cat(
        std::tuple{field("serviceId", &ConfigChangeOfService::serviceId, "Its name", length(1, 64), optional_field)},
        change_fields<ConfigChangeOfService>());
  }
};

struct ReadPlace {
  ConfigPlace place;
  SettingValues start;
};

SettingInForce setting_of(const SettingRow& row, const SettingValue& value, ConfigSource source) {
  SettingInForce out;
  out.value.text = write_setting(row, value);
  out.source = name_of(source), out.service = row.service, out.type = name_of(row.kind);
  out.description = row.help, out.per_store = row.per_store;
  if (row.kind == SettingKind::word)
    out.choices.emplace(row.words.begin(), row.words.end());
  else
    out.min = row.min, out.max = row.max;
  return out;
}

Result<ConfigAnswer> read_here(const Documents& documents, const ReadPlace& want) {
  auto document = find_configuration(documents, want.place);
  if (!document.ok()) return document.problem();
  ConfigInForce in_force = config_in_force(documents, want.start);
  if (want.place.scope == ConfigScope::store) overlay_store(*document, in_force);
  ConfigAnswer out;
  out.scope = name_of(want.place.scope), out.id = want.place.id, out.version = document->version;
  if (document->version) out.updated_at = document->updated_at;
  for (size_t i = 0; i < setting_count; ++i) {
    const SettingRow& row = setting_rows()[i];
    if (want.place.scope == ConfigScope::service && row.service != want.place.id) continue;
    out.settings[std::string(row.name)] = setting_of(row, in_force.values[i], in_force.sources[i]);
  }
  out.values = std::move(document->values);
  return out;
}

Task<Result<ConfigAnswer>> read_at(App& app, ConfigPlace place) {
  ReadPlace want{std::move(place), app.settings->start()};
  co_return co_await app.settings->look(read_here, std::move(want));
}

template <class Change>
Task<Result<ConfigAnswer>> change_at(Call& call, ConfigPlace place, Change change) {
  Configure want{place, std::move(change.values), change.version, author_of(call.caller)};
  auto done = co_await call.app.settings->change(decide_configure, std::move(want));
  if (!done.ok()) co_return done.problem();
  co_return co_await read_at(call.app, std::move(place));
}

Task<Result<ConfigAnswer>> read_configuration(Call& call) { return read_at(call.app, {}); }

Task<Result<ConfigAnswer>> update_configuration(Call& call, ConfigChange want) {
  return change_at(call, ConfigPlace{}, std::move(want));
}

Task<Result<ConfigAnswer>> read_store_configuration(Call& call, ConfigOfStore want) {
  return read_at(call.app, {ConfigScope::store, std::move(want.storeId)});
}

Task<Result<ConfigAnswer>> update_store_configuration(Call& call, ConfigChangeOfStore want) {
  ConfigPlace place{ConfigScope::store, want.storeId};
  return change_at(call, std::move(place), std::move(want));
}

Task<Result<ConfigAnswer>> read_service_configuration(Call& call, ConfigOfService want) {
  return read_at(call.app, {ConfigScope::service, std::move(want.serviceId)});
}

Task<Result<ConfigAnswer>> update_service_configuration(Call& call, ConfigChangeOfService want) {
  ConfigPlace place{ConfigScope::service, want.serviceId};
  return change_at(call, std::move(place), std::move(want));
}

constexpr Route configuration_table[] = {
    {Method::GET,
     "/api/config",
     allow(Role::operator_, Role::service),
     handler<read_configuration>,
     {.summary = "The settings in force, and where each comes from"}},
    {Method::PUT, "/api/config", Role::admin, handler<update_configuration>, {.summary = "Set the global settings"}},
    {Method::GET,
     "/api/config/stores/{storeId}",
     anybody_known.in_tenant<&ConfigOfStore::storeId>().with(Scope::stores_read),
     handler<read_store_configuration>,
     {.summary = "The settings in force for a store"}},
    {Method::PUT,
     "/api/config/stores/{storeId}",
     allow(Role::org_admin).with(Scope::stores_write).in_tenant<&ConfigChangeOfStore::storeId>(),
     handler<update_store_configuration>,
     {.summary = "Set a store's settings of its own"}},
    {Method::GET,
     "/internal/config/{serviceId}",
     Role::service,
     handler<read_service_configuration>,
     {.summary = "The settings in force of a service"}},
    {Method::PUT,
     "/internal/config/{serviceId}",
     Role::admin,
     handler<update_service_configuration>,
     {.summary = "Set a service's settings"}},
};
static_assert(well_formed(configuration_table));

}  // namespace

RouteTable routes::configuration() { return {System::cart, configuration_table}; }

}  // namespace headrace
