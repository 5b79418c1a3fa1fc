// What administrators do with accounts: list them, say what they may do, give credits.
#include "routes/identity/persons.h"
#include "routes/tables.h"
#include "src/identity/tables.h"

namespace headrace {
namespace {

struct ListUsers {
  int64_t limit = 100;
  std::optional<std::string> after;
  static constexpr auto shape() {
    return std::tuple{field("limit", &ListUsers::limit, "At most this many", between(1, 1000), optional_field),
                      field("after", &ListUsers::after, "The next_cursor of the page before", length(1, 64))};
  }
};

struct AdminUser {
  std::string id, username, email, plan, tenant;
  int64_t user_id = 0, credits_remaining = 0;
  std::vector<std::string> roles;
  bool is_active = true, is_verified = false;
  Timestamp created_at;
  static constexpr auto shape() {
    return std::tuple{field("user_id", &AdminUser::user_id, "Number of the account"),
                      field("id", &AdminUser::id, "UUID of the account"),
                      field("username", &AdminUser::username, "User name"),
                      field("email", &AdminUser::email, "Address"),
                      field("roles", &AdminUser::roles, "Roles"),
                      field("tenant", &AdminUser::tenant, "Organisation"),
                      field("plan", &AdminUser::plan, "Plan"),
                      field("credits_remaining", &AdminUser::credits_remaining, "Credits left"),
                      field("is_active", &AdminUser::is_active, "May sign in"),
                      field("is_verified", &AdminUser::is_verified, "The address was verified"),
                      field("created_at", &AdminUser::created_at, "Since when")};
  }
};

struct AdminUserList {
  std::vector<AdminUser> users;
  int64_t count = 0;
  std::optional<std::string> next_cursor;
  static constexpr auto shape() {
    return std::tuple{field("users", &AdminUserList::users, "In the order of their UUIDs"),
                      field("count", &AdminUserList::count, "How many there are here"),
                      field("next_cursor", &AdminUserList::next_cursor, "Where the next page begins, if there is one")};
  }
};

struct Govern {
  std::string user_id;
  std::optional<std::vector<std::string>> roles;
  std::optional<std::string> tenant;
  std::optional<bool> is_active;
  static constexpr auto shape() {
    return std::tuple{field("user_id", &Govern::user_id, "UUID or number", length(1, 64), optional_field),
                      field("roles", &Govern::roles, "All roles the user has from now on"),
                      field("tenant", &Govern::tenant, "Organisation; empty: one of their own", length(0, limits::tenant_bytes_max)),
                      field("is_active", &Govern::is_active, "Whether the user may sign in")};
  }
};

struct GiveCredits {
  std::string user_id;
  int64_t credits = 0;
  static constexpr auto shape() {
    return std::tuple{field("user_id", &GiveCredits::user_id, "UUID or number", length(1, 64), optional_field),
                      field("credits", &GiveCredits::credits, "How many; negative takes", between(-1e12, 1e12))};
  }
};

struct CreditBalance {
  int64_t user_id = 0, credits_added = 0, credits_remaining = 0;
  static constexpr auto shape() {
    return std::tuple{field("user_id", &CreditBalance::user_id, "Number of the account"),
                      field("credits_added", &CreditBalance::credits_added, "Given now"),
                      field("credits_remaining", &CreditBalance::credits_remaining, "The balance")};
  }
};

AdminUser described(const Account& account) {
  AdminUser out;
  out.user_id = account.number, out.id = account.id, out.username = account.username, out.email = account.email;
  out.roles = account.roles, out.tenant = account.tenant, out.plan = account.plan;
  out.created_at = account.created_at;
  out.is_active = account.active, out.is_verified = account.verified;
  return out;
}

Result<AdminUserList> list_users_here(const Documents& documents, const ListUsers& want) {
  AdminUserList out;
  documents.scan(tables::accounts, {.after = want.after.value_or("")}, [&](std::string_view id, std::string_view text) {
    if (out.users.size() == static_cast<size_t>(want.limit)) {
      out.next_cursor = out.users.back().id;
      return false;
    }
    auto account = from_json<Account>(text);
    CHECK(account.ok() && account->id == id);
    out.users.push_back(described(*account));
    return true;
  });
  out.count = static_cast<int64_t>(out.users.size());
  return out;
}

Task<Result<>> add_balances(Call& call, std::vector<AdminUser>& users) {
  std::vector<std::string> ids;
  for (const AdminUser& user : users) ids.push_back(user.id);
  auto balances = co_await call.app.credits->balances(std::move(ids));
  if (!balances.ok()) co_return balances.problem();
  for (size_t i = 0; i < users.size(); ++i) users[i].credits_remaining = (*balances)[i];
  co_return Done{};
}

Task<Result<AdminUserList>> list_users(Call& call, ListUsers want) {
  auto list = co_await call.app.identity.look(list_users_here, std::move(want));
  if (!list.ok()) co_return list.problem();
  CO_TRY_DONE(co_await add_balances(call, list->users));
  co_return list;
}

Task<Result<AdminUser>> govern_user(Call& call, Govern want) {
  GovernAccount wish{want.user_id, want.roles, want.tenant, want.is_active};
  auto account = co_await call.app.identity.change(decide_govern, std::move(wish));
  if (!account.ok()) co_return account.problem();
  std::vector<AdminUser> one;
  one.push_back(described(*account));
  CO_TRY_DONE(co_await add_balances(call, one));
  co_return std::move(one.front());
}

Result<std::string> id_of_account(const Documents& documents, const std::string& id) {
  auto account = find_account(documents, id);
  if (!account) return Error::user_not_found;
  return account->id;
}

Task<Result<CreditBalance>> give_credits(Call& call, GiveCredits want) {
  AddCredits wish{want.user_id, want.credits};
  if (want.credits < 0) {  // from all that is left, wherever it was granted
    auto id = co_await call.app.identity.look(id_of_account, want.user_id);
    if (!id.ok()) co_return id.problem();
    auto settled = co_await call.app.credits->settled(std::move(*id));
    if (!settled.ok()) co_return settled.problem();
  }
  auto account = co_await call.app.identity.change(decide_add_credits, std::move(wish));
  if (!account.ok()) co_return account.problem();
  auto balance = co_await call.app.credits->balances(std::vector<std::string>(1, account->id));
  if (!balance.ok()) co_return balance.problem();
  co_return CreditBalance{account->number, want.credits, balance->front()};
}

constexpr Route admin_users_table[] = {
    {Method::GET, "/admin/users", Role::admin, handler<list_users>, {.summary = "All users"}},
    {Method::PUT,
     "/admin/users/{user_id}",
     Role::admin,
     handler<govern_user>,
     {.summary = "Say what a user may do; ends the user's sessions"}},
    {Method::POST,
     "/admin/users/{user_id}/credits",
     Role::admin,
     handler<give_credits>,
     {.summary = "Give credits to a user", .keyed = true}},
};
static_assert(well_formed(admin_users_table));

}  // namespace

RouteTable routes::admin_users() { return {System::predict, admin_users_table}; }

}  // namespace headrace
