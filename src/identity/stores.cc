// A store is one document.
#include "src/identity/stores.h"

#include <fmt/format.h>

#include "src/base/limits.h"
#include "src/identity/tables.h"

namespace headrace {
namespace {

void set(const PutStore& want, Store& store) {
  if (want.name) store.name = *want.name;
  if (want.domain) store.domain = *want.domain;
  if (want.currency) store.currency = *want.currency;
  if (want.timezone) store.timezone = *want.timezone;
  if (want.active) store.active = *want.active;
}

void put(Store& store, std::string_view event, const Stamp& stamp, Effects& effects) {
  store.updated_at = {stamp.now, true};
  effects.put(tables::stores, store.id, store);
  effects.record(stamp, event, "", fmt::format(R"({{"store_id":"{}","version":{}}})", store.id, store.version));
}

}  // namespace

Result<Store> find_store(const Documents& documents, const std::string& id) {
  auto store = load<Store>(documents, tables::stores, id);
  if (!store) return Error::store_not_found;
  return std::move(*store);
}

Result<Store> decide_create_store(const Documents& documents, const PutStore& want, const Stamp& stamp, Effects& effects) {
  IdentityCounters counters = counters_of(documents);
  if (counters.stores >= static_cast<int64_t>(limits::stores_max))
    return Problem{Error::overloaded, "The server holds as many stores as it may"};
  ++counters.stores;
  effects.put(tables::identity_counters, "all", counters);
  Store store;
  store.id = stamp.uuid(), store.created_at = {stamp.now, true};
  set(want, store);
  put(store, "store_created", stamp, effects);
  return store;
}

Result<Store> decide_update_store(const Documents& documents, const PutStore& want, const Stamp& stamp, Effects& effects) {
  auto store = find_store(documents, want.id);
  if (!store.ok()) return store;
  set(want, *store);
  ++store->version;
  put(*store, "store_updated", stamp, effects);
  return store;
}

Result<Store> decide_delete_store(const Documents& documents, const std::string& id, const Stamp& stamp, Effects& effects) {
  auto store = find_store(documents, id);
  if (!store.ok()) return store;
  IdentityCounters counters = counters_of(documents);
  --counters.stores;
  effects.put(tables::identity_counters, "all", counters);
  effects.erase(tables::stores, id);
  effects.erase(tables::configuration, "store/" + id);
  effects.record(stamp, "store_deleted", "", object_of({{"store_id", id}}));
  return store;
}

Result<Store> decide_put_settings(const Documents& documents, const PutSettings& want, const Stamp& stamp,
                                  Effects& effects) {
  auto store = find_store(documents, want.id);
  if (!store.ok()) return store;
  if (want.version && *want.version != store->version)
    return Problem{Error::conflict, "version", fmt::format("is {} by now", store->version)};
  if (want.json.empty() || want.json.front() != '{')
    return Problem{Error::invalid_input, "settings", "must be an object"};
  if (want.json.size() > limits::store_settings_bytes_max)
    return Problem{Error::invalid_input, "settings", "may have at most 64 KiB"};
  store->settings.text = want.json;
  ++store->version;
  put(*store, "store_settings_updated", stamp, effects);
  return store;
}

}  // namespace headrace
