// Stores: made by administrators, looked after by those who administer the tenant.
#include "routes/identity/persons.h"
#include "routes/tables.h"
#include "src/identity/stores.h"
#include "src/identity/tables.h"

namespace headrace {
namespace {

constexpr auto name_rule = length(1, 200);

struct NewStore {
  std::string name;
  std::optional<std::string> domain, currency, timezone;
  static constexpr auto shape() {
    return std::tuple{field("name", &NewStore::name, "What it is called", name_rule),
                      field("domain", &NewStore::domain, "Where it is found", length(0, 253)),
                      field("currency", &NewStore::currency, "Of its prices, ISO 4217", length(3, 3)),
                      field("timezone", &NewStore::timezone, "Where it is, as Europe/Vienna", length(0, 64))};
  }
};

struct ChangedStore {
  std::string id;
  std::optional<std::string> name, domain, currency, timezone;
  std::optional<bool> is_active;
  static constexpr auto shape() {
    return std::tuple{field("id", &ChangedStore::id, "Of the store", length(1, 64), optional_field),
                      field("name", &ChangedStore::name, "What it is called", name_rule),
                      field("domain", &ChangedStore::domain, "Where it is found", length(0, 253)),
                      field("currency", &ChangedStore::currency, "Of its prices, ISO 4217", length(3, 3)),
                      field("timezone", &ChangedStore::timezone, "Where it is", length(0, 64)),
                      field("is_active", &ChangedStore::is_active, "Whether it sells")};
  }
};

struct NamedStore {
  std::string id;
  static constexpr auto shape() { return std::tuple{field("id", &NamedStore::id, "Of the store", length(1, 64))}; }
};

struct ListStores {
  int64_t limit = 100;
  std::optional<std::string> after;
  static constexpr auto shape() {
    return std::tuple{field("limit", &ListStores::limit, "At most this many", between(1, 1000), optional_field),
                      field("after", &ListStores::after, "The next_cursor of the page before", length(1, 64))};
  }
};

struct StoreList {
  std::vector<Store> stores;
  int64_t count = 0;
  std::optional<std::string> next_cursor;
  static constexpr auto shape() {
    return std::tuple{field("stores", &StoreList::stores, "In the order of their ids"),
                      field("count", &StoreList::count, "How many there are here"),
                      field("next_cursor", &StoreList::next_cursor, "Where the next page begins, if there is one")};
  }
};

struct NewSettings {
  std::string id;
  RawJson settings;
  std::optional<int64_t> version;
  static constexpr auto shape() {
    return std::tuple{field("id", &NewSettings::id, "Of the store", length(1, 64), optional_field),
                      field("settings", &NewSettings::settings, "All settings, an object"),
                      field("version", &NewSettings::version, "Only if the store still has this one", between(1, 1e15))};
  }
};

struct StoreSettings {
  std::string store_id;
  RawJson settings;
  int64_t version = 0;
  Timestamp updated_at;
  static constexpr auto shape() {
    return std::tuple{field("store_id", &StoreSettings::store_id, "Of the store"),
                      field("settings", &StoreSettings::settings, "What it has set"),
                      field("version", &StoreSettings::version, "Of the store"),
                      field("updated_at", &StoreSettings::updated_at, "When it was changed last")};
  }
};

struct DeletedStore {
  std::string id, status = "deleted";
  static constexpr auto shape() {
    return std::tuple{field("id", &DeletedStore::id, "Of the store"), field("status", &DeletedStore::status, "deleted")};
  }
};

Result<StoreList> list_stores_here(const Documents& documents, const ListStores& want) {
  StoreList out;
  documents.scan(tables::stores, {.after = want.after.value_or("")}, [&](std::string_view, std::string_view text) {
    if (out.stores.size() == static_cast<size_t>(want.limit)) {
      out.next_cursor = out.stores.back().id;
      return false;
    }
    auto store = from_json<Store>(text);
    CHECK(store.ok());
    out.stores.push_back(std::move(*store));
    return true;
  });
  out.count = static_cast<int64_t>(out.stores.size());
  return out;
}

StoreSettings settings_of(Store& store) {
  StoreSettings out;
  out.store_id = store.id, out.settings = std::move(store.settings);
  out.version = store.version, out.updated_at = store.updated_at;
  return out;
}

Task<Result<StoreList>> list_stores(Call& call, ListStores want) {
  co_return co_await call.app.identity.look(list_stores_here, std::move(want));
}

Task<Result<Store>> create_store(Call& call, NewStore want) {
  PutStore wish;
  wish.name = want.name, wish.domain = want.domain, wish.currency = want.currency, wish.timezone = want.timezone;
  co_return co_await call.app.identity.change(decide_create_store, std::move(wish));
}

Task<Result<Store>> read_store(Call& call, NamedStore want) {
  co_return co_await call.app.identity.look(find_store, std::move(want.id));
}

Task<Result<Store>> update_store(Call& call, ChangedStore want) {
  PutStore wish{want.id, want.name, want.domain, want.currency, want.timezone, want.is_active};
  co_return co_await call.app.identity.change(decide_update_store, std::move(wish));
}

Task<Result<DeletedStore>> delete_store(Call& call, NamedStore want) {
  auto store = co_await call.app.identity.change(decide_delete_store, std::move(want.id));
  if (!store.ok()) co_return store.problem();
  DeletedStore out;
  out.id = store->id;
  co_return out;
}

Task<Result<StoreSettings>> read_store_settings(Call& call, NamedStore want) {
  auto store = co_await call.app.identity.look(find_store, std::move(want.id));
  if (!store.ok()) co_return store.problem();
  co_return settings_of(*store);
}

Task<Result<StoreSettings>> update_store_settings(Call& call, NewSettings want) {
  PutSettings wish{want.id, std::move(want.settings.text), want.version};
  auto store = co_await call.app.identity.change(decide_put_settings, std::move(wish));
  if (!store.ok()) co_return store.problem();
  co_return settings_of(*store);
}

constexpr Permit member = anybody_known.in_tenant<&NamedStore::id>().with(Scope::stores_read);
constexpr Permit keeper = allow(Role::org_admin).with(Scope::stores_write);

constexpr Route stores_table[] = {
    {Method::GET, "/api/stores", Role::admin, handler<list_stores>, {.summary = "All stores"}},
    {Method::POST, "/api/stores", Role::admin, handler<create_store>, {.summary = "Create a store", .status = 201, .keyed = true}},
    {Method::GET, "/api/stores/{id}", member, handler<read_store>, {.summary = "One store"}},
    {Method::PUT,
     "/api/stores/{id}",
     keeper.in_tenant<&ChangedStore::id>(),
     handler<update_store>,
     {.summary = "Change a store"}},
    {Method::DELETE, "/api/stores/{id}", Role::admin, handler<delete_store>, {.summary = "Remove a store"}},
    {Method::GET,
     "/api/stores/{id}/settings",
     member,
     handler<read_store_settings>,
     {.summary = "What a store has set"}},
    {Method::PUT,
     "/api/stores/{id}/settings",
     keeper.in_tenant<&NewSettings::id>(),
     handler<update_store_settings>,
     {.summary = "Set a store's settings", .body_bytes_max = 128 * 1024}},
};
static_assert(well_formed(stores_table));

}  // namespace

RouteTable routes::stores() { return {System::cart, stores_table}; }

}  // namespace headrace
