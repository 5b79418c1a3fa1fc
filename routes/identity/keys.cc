// API keys: made, listed, changed and revoked by those whose they are.
#include <algorithm>

#include "routes/identity/persons.h"
#include "routes/tables.h"
#include "src/identity/tables.h"

namespace headrace {
namespace {

struct KeyDetails {
  std::string id, name, prefix, rate_class, tenant;
  std::optional<std::string> account;
  std::vector<std::string> roles, scopes;
  std::optional<Timestamp> expires_at, last_used_at;
  Timestamp created_at;
  static constexpr auto shape() {
    return std::tuple{field("id", &KeyDetails::id, "Of the key"),
                      field("name", &KeyDetails::name, "What it is called"),
                      field("prefix", &KeyDetails::prefix, "How the key begins"),
                      field("roles", &KeyDetails::roles, "Roles"),
                      field("scopes", &KeyDetails::scopes, "What it may be used for"),
                      field("rate_class", &KeyDetails::rate_class, "standard, elevated or unlimited"),
                      field("tenant", &KeyDetails::tenant, "Whose data it reaches; empty: the platform's"),
                      field("account", &KeyDetails::account, "UUID of the account, if it is of one"),
                      field("expires_at", &KeyDetails::expires_at, "When it ends"),
                      field("last_used_at", &KeyDetails::last_used_at, "When it was shown last"),
                      field("created_at", &KeyDetails::created_at, "Since when it is")};
  }
};

struct CreatedKey : KeyDetails {
  std::string key;
  static constexpr auto shape() {
    return std::tuple{field("id", &CreatedKey::id, "Of the key"),
                      field("name", &CreatedKey::name, "What it is called"),
                      field("key", &CreatedKey::key, "The key, shown this once"),
                      field("prefix", &CreatedKey::prefix, "How the key begins"),
                      field("roles", &CreatedKey::roles, "Roles"),
                      field("scopes", &CreatedKey::scopes, "What it may be used for"),
                      field("rate_class", &CreatedKey::rate_class, "standard, elevated or unlimited"),
                      field("tenant", &CreatedKey::tenant, "Whose data it reaches; empty: the platform's"),
                      field("expires_at", &CreatedKey::expires_at, "When it ends"),
                      field("created_at", &CreatedKey::created_at, "Since when it is")};
  }
};

struct NewKey {
  std::string name;
  std::optional<std::vector<std::string>> scopes, roles;
  std::optional<Timestamp> expires_at;
  std::optional<std::string> rate_class, tenant;
  static constexpr auto shape() {
    return std::tuple{
        field("name", &NewKey::name, "What it is called", length(1, 80)),
        field("scopes", &NewKey::scopes, "What it may be used for; without it all that your credential may be"),
        field("roles", &NewKey::roles, "Roles; without it your own, an administrator's key is of a service"),
        field("expires_at", &NewKey::expires_at, "When it ends; without it never"),
        field("rate_class", &NewKey::rate_class, "standard; an administrator may give elevated and unlimited"),
        field("tenant", &NewKey::tenant, "An administrator's to say, of a key of the platform", length(0, limits::tenant_bytes_max))};
  }
};

struct ChangedKey {
  std::string id;
  std::optional<std::string> name, rate_class;
  std::optional<std::vector<std::string>> scopes;
  std::optional<Timestamp> expires_at;
  static constexpr auto shape() {
    return std::tuple{field("id", &ChangedKey::id, "Of the key", length(1, 64), optional_field),
                      field("name", &ChangedKey::name, "What it is called", length(1, 80)),
                      field("scopes", &ChangedKey::scopes, "What it may be used for"),
                      field("expires_at", &ChangedKey::expires_at, "When it ends"),
                      field("rate_class", &ChangedKey::rate_class, "An administrator's to say")};
  }
};

struct NamedKey {
  std::string id;
  static constexpr auto shape() { return std::tuple{field("id", &NamedKey::id, "Of the key", length(1, 64))}; }
};

struct ListKeys {
  int64_t limit = 100;
  std::optional<std::string> after;
  static constexpr auto shape() {
    return std::tuple{field("limit", &ListKeys::limit, "At most this many", between(1, 1000), optional_field),
                      field("after", &ListKeys::after, "The next_cursor of the page before", length(1, 64))};
  }
};

struct KeyList {
  std::vector<KeyDetails> keys;
  int64_t count = 0;
  std::optional<std::string> next_cursor;
  static constexpr auto shape() {
    return std::tuple{field("keys", &KeyList::keys, "In the order of their ids"),
                      field("count", &KeyList::count, "How many there are here"),
                      field("next_cursor", &KeyList::next_cursor, "Where the next page begins, if there is one")};
  }
};

struct RevokedKey {
  std::string id, status = "revoked";
  static constexpr auto shape() {
    return std::tuple{field("id", &RevokedKey::id, "Of the key"), field("status", &RevokedKey::status, "revoked")};
  }
};

void describe(ApiKey& key, KeyDetails& out) {
  out.id = key.id, out.name = std::move(key.name), out.prefix = std::move(key.prefix);
  out.rate_class = std::move(key.rate_class), out.tenant = std::move(key.tenant);
  if (!key.account.empty()) out.account = std::move(key.account);
  out.roles = std::move(key.roles), out.scopes = std::move(key.scopes);
  out.expires_at = key.expires_at, out.created_at = key.created_at;
}

// With what its document tells of its last use.
KeyDetails details_of(const Documents& documents, ApiKey key) {
  KeyDetails out;
  describe(key, out);
  if (auto used = documents.find(tables::key_uses, out.id))
    out.last_used_at = Timestamp{std::stoll(std::string(*used)), true};
  return out;
}

void add_uses(const std::vector<KeyUse>& uses, KeyDetails& key) {
  for (const KeyUse& use : uses)
    if (id_of_number(use.id) == key.id && (!key.last_used_at || key.last_used_at->us < use.at))
      key.last_used_at = Timestamp{use.at, true};
}

struct ListWish {
  Asker asker;
  ListKeys page;
};

Result<KeyList> list_keys_here(const Documents& documents, const ListWish& wish) {
  KeyList out;
  std::vector<std::string> ids;
  if (wish.asker.is_admin()) {
    documents.scan(tables::api_keys, {.after = wish.page.after.value_or("")},
                   [&](std::string_view id, std::string_view) {
                     ids.emplace_back(id);
                     return ids.size() <= static_cast<size_t>(wish.page.limit);
                   });
  } else if (auto account = load<Account>(documents, tables::accounts, wish.asker.account)) {
    ids = account->keys;
    std::ranges::sort(ids);
    std::erase_if(ids, [&](const std::string& id) { return wish.page.after && id <= *wish.page.after; });
  }
  if (ids.size() > static_cast<size_t>(wish.page.limit)) {
    ids.resize(static_cast<size_t>(wish.page.limit));
    out.next_cursor = ids.back();
  }
  for (const std::string& id : ids)
    if (auto key = load<ApiKey>(documents, tables::api_keys, id))
      out.keys.push_back(details_of(documents, std::move(*key)));
  out.count = static_cast<int64_t>(out.keys.size());
  return out;
}

Result<KeyDetails> read_here(const Documents& documents, const RevokeKey& wish) {
  auto key = visible_key(documents, wish.asker, wish.id);
  if (!key.ok()) return key.problem();
  return details_of(documents, std::move(*key));
}

Task<Result<CreatedKey>> create_key(Call& call, NewKey want) {
  CreatedKey out;
  out.key = make_key();
  CreateKey wish;
  wish.asker = Asker::of(call.caller);
  wish.name = want.name, wish.hash = hash_of_token(out.key), wish.prefix = out.key.substr(0, key_prefix_bytes);
  wish.roles = want.roles, wish.scopes = want.scopes, wish.expires_at = want.expires_at;
  wish.rate_class = want.rate_class, wish.tenant = want.tenant;
  Result<ApiKey> key = co_await call.app.identity.change(decide_create_key, std::move(wish));
  if (!key.ok()) co_return key.problem();
  describe(*key, out);
  co_return out;
}

Task<Result<KeyList>> list_keys(Call& call, ListKeys want) {
  ListWish wish{Asker::of(call.caller), std::move(want)};
  auto list = co_await call.app.identity.look(list_keys_here, std::move(wish));
  if (!list.ok()) co_return list.problem();
  auto uses = co_await call.app.identity.recent_uses();
  for (KeyDetails& key : list->keys) add_uses(uses, key);
  co_return list;
}

Task<Result<KeyDetails>> read_key(Call& call, NamedKey want) {
  RevokeKey wish{Asker::of(call.caller), std::move(want.id)};
  auto key = co_await call.app.identity.look(read_here, std::move(wish));
  if (!key.ok()) co_return key.problem();
  auto uses = co_await call.app.identity.recent_uses();
  add_uses(uses, *key);
  co_return key;
}

Task<Result<KeyDetails>> update_key(Call& call, ChangedKey want) {
  UpdateKey wish;
  wish.asker = Asker::of(call.caller), wish.id = want.id;
  wish.name = want.name, wish.rate_class = want.rate_class, wish.scopes = want.scopes;
  wish.expires_at = want.expires_at;
  auto key = co_await call.app.identity.change(decide_update_key, std::move(wish));
  if (!key.ok()) co_return key.problem();
  KeyDetails out;
  describe(*key, out);
  co_return out;
}

Task<Result<RevokedKey>> revoke_key(Call& call, NamedKey want) {
  RevokeKey wish{Asker::of(call.caller), std::move(want.id)};
  auto key = co_await call.app.identity.change(decide_revoke_key, std::move(wish));
  if (!key.ok()) co_return key.problem();
  RevokedKey out;
  out.id = key->id;
  co_return out;
}

constexpr Permit owner = person.stored_own();

constexpr Route keys_table[] = {
    {Method::POST,
     "/api/keys",
     person.with(Scope::keys_write),
     handler<create_key>,
     {.summary = "Make an API key; it is shown this once", .status = 201, .secret = true, .keyed = true}},
    {Method::GET, "/api/keys", person.with(Scope::keys_read), handler<list_keys>, {.summary = "Your API keys"}},
    {Method::GET,
     "/api/keys/{id}",
     owner.with(Scope::keys_read),
     handler<read_key>,
     {.summary = "One API key, without the key itself"}},
    {Method::PUT,
     "/api/keys/{id}",
     owner.with(Scope::keys_write),
     handler<update_key>,
     {.summary = "Change name, scopes, expiry or rate class"}},
    {Method::DELETE,
     "/api/keys/{id}",
     owner.with(Scope::keys_write),
     handler<revoke_key>,
     {.summary = "Revoke an API key: it is void everywhere when this answers"}},
};
static_assert(well_formed(keys_table));

}  // namespace

RouteTable routes::keys() { return {System::cart, keys_table}; }

}  // namespace headrace
