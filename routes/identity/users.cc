// Users as the system `shop` knows them: profiles, verification, and what happened to them.
#include "codec/scoped_key.h"
#include "routes/identity/persons.h"
#include "routes/tables.h"

namespace headrace {
namespace {

struct NewUser {
  std::string email, username, password, first_name, last_name, phone;
  static constexpr auto shape() {
    return std::tuple{field("email", &NewUser::email, "The address", length(3, 254)),
                      field("username", &NewUser::username, "Letters, digits, '_', '-' and '.'", length(3, 50)),
                      field("password", &NewUser::password, "At least 6 bytes", length(6, 256)),
                      field("first_name", &NewUser::first_name, "", length(0, 100), optional_field),
                      field("last_name", &NewUser::last_name, "", length(0, 100), optional_field),
                      field("phone", &NewUser::phone, "", length(0, 32), optional_field)};
  }
};

struct Profile {
  std::string bio, country, city;
  static constexpr auto shape() {
    return std::tuple{field("bio", &Profile::bio, "About the person"), field("country", &Profile::country, "Country"),
                      field("city", &Profile::city, "City")};
  }
};

struct User {
  std::string id, email, username, first_name, last_name, phone;
  bool is_active = true, is_verified = false;
  Timestamp created_at;
  static constexpr auto shape() {
    return std::tuple{field("id", &User::id, "UUID"),
                      field("email", &User::email, "The address"),
                      field("username", &User::username, "User name"),
                      field("first_name", &User::first_name, "First name"),
                      field("last_name", &User::last_name, "Last name"),
                      field("phone", &User::phone, "Phone"),
                      field("is_active", &User::is_active, "May sign in"),
                      field("is_verified", &User::is_verified, "The address was verified"),
                      field("created_at", &User::created_at, "Since when")};
  }
};

struct UserWithProfile : User {
  Profile profile;
  static constexpr auto shape() {
    return std::tuple_cat(User::shape(), std::tuple{field("profile", &UserWithProfile::profile, "Of the person")});
  }
};

struct NamedUser {
  std::string user_id;
  static constexpr auto shape() {
    return std::tuple{field("user_id", &NamedUser::user_id, "UUID or number of the account", length(1, 64))};
  }
};

struct ChangedUser {
  std::string user_id;
  std::optional<std::string> first_name, last_name, phone, bio, country, city;
  static constexpr auto shape() {
    return std::tuple{field("user_id", &ChangedUser::user_id, "UUID or number", length(1, 64), optional_field),
                      field("first_name", &ChangedUser::first_name, "First name", length(0, 100)),
                      field("last_name", &ChangedUser::last_name, "Last name", length(0, 100)),
                      field("phone", &ChangedUser::phone, "Phone", length(0, 32)),
                      field("bio", &ChangedUser::bio, "About the person", length(0, 1000)),
                      field("country", &ChangedUser::country, "Country", length(0, 100)),
                      field("city", &ChangedUser::city, "City", length(0, 100))};
  }
};

struct VerifyUser {
  std::string user_id, verification_token;
  static constexpr auto shape() {
    return std::tuple{field("user_id", &VerifyUser::user_id, "UUID or number", length(1, 64), optional_field),
                      field("verification_token", &VerifyUser::verification_token, "As it was mailed", length(1, 128))};
  }
};

struct UserEvents {
  std::string user_id;
  int64_t limit = 100;
  std::optional<std::string> cursor;
  static constexpr auto shape() {
    return std::tuple{field("user_id", &UserEvents::user_id, "UUID or number", length(1, 64)),
                      field("limit", &UserEvents::limit, "At most this many", between(1, 1000), optional_field),
                      field("cursor", &UserEvents::cursor, "The next_cursor of the page before", length(1, 4096))};
  }
};

struct UserEvent {
  std::string id, event_type, source;
  RawJson data;
  Timestamp created_at;
  static constexpr auto shape() {
    return std::tuple{field("id", &UserEvent::id, "Of the event"), field("event_type", &UserEvent::event_type, "Its type"),
                      field("source", &UserEvent::source, "Who said so; headrace: this server"),
                      field("data", &UserEvent::data, "What it says"),
                      field("created_at", &UserEvent::created_at, "When it happened")};
  }
};

struct UserEventList {
  std::vector<UserEvent> events;
  std::optional<std::string> next_cursor;
  static constexpr auto shape() {
    return std::tuple{field("events", &UserEventList::events, "In the order in which they were taken in"),
                      field("next_cursor", &UserEventList::next_cursor, "Where the next page begins, if there is one")};
  }
};

void describe(const Account& account, User& out) {
  out.id = account.id, out.email = account.email, out.username = account.username;
  out.first_name = account.first_name, out.last_name = account.last_name, out.phone = account.phone;
  out.is_active = account.active, out.is_verified = account.verified, out.created_at = account.created_at;
}

UserWithProfile with_profile(const Account& account) {
  UserWithProfile out;
  describe(account, out);
  out.profile = {account.bio, account.country, account.city};
  return out;
}

Task<Result<User>> create_user(Call& call, NewUser want) {
  NewAccount account{want.username, want.email, want.password, want.first_name, want.last_name, want.phone};
  auto done = co_await register_person(call, std::move(account));
  if (!done.ok()) co_return done.problem();
  User out;
  describe(done->account, out);
  co_return out;
}

Task<Result<UserWithProfile>> read_user(Call& call, NamedUser want) {
  auto account = co_await account_for(call, std::move(want.user_id));
  if (!account.ok()) co_return account.problem();
  co_return with_profile(*account);
}

Task<Result<UserWithProfile>> update_user(Call& call, ChangedUser want) {
  auto known = co_await account_for(call, want.user_id);
  if (!known.ok()) co_return known.problem();
  UpdateProfile wish{known->id, want.first_name, want.last_name, want.phone, want.bio, want.country, want.city};
  auto account = co_await call.app.identity.change(decide_update_profile, std::move(wish));
  if (!account.ok()) co_return account.problem();
  co_return with_profile(*account);
}

Task<Result<User>> verify_user(Call& call, VerifyUser want) {
  UseProof proof;
  proof.id = want.user_id, proof.hash = hash_of_token(want.verification_token);
  auto account = co_await call.app.identity.change(decide_verify, std::move(proof));
  if (!account.ok()) co_return account.problem();
  User out;
  describe(*account, out);
  co_return out;
}

Task<Result<UserEventList>> read_user_events(Call& call, UserEvents want) {
  auto account = co_await account_for(call, std::move(want.user_id));
  if (!account.ok()) co_return account.problem();
  Shards& shards = call.app.shards;
  EventQuery query;
  query.filter.user = account->id, query.limit = static_cast<size_t>(want.limit);
  query.from.assign(shards.count(), 1);
  if (want.cursor) {
    auto position = parse_cursor(*want.cursor, shards.count());
    if (!position) co_return Problem{Error::invalid_input, "cursor", "is not a next_cursor of this server"};
    query.from = *position;
  }
  for (uint32_t p = 0; p < shards.count(); ++p) query.through.push_back(shards[p].durable_lsn_any_thread());
  auto run = [](Shards* its, EventQuery wish) { return run_query(its->directory(), wish, its->raw_indexes()); };
  Result<EventPage> page = co_await offload(call.app.workers, run, &shards, std::move(query));
  if (!page.ok()) co_return page.problem();
  UserEventList out;
  for (FoundEvent& found : page->events) {
    UserEvent& event = out.events.emplace_back();
    event.id = key_in(found.id), event.event_type = std::move(found.type);
    event.source = std::move(found.source);
    event.data.text = std::move(found.data), event.created_at = {found.time, true};
  }
  if (page->more) out.next_cursor = cursor_text(page->next);
  co_return out;
}

constexpr Route users_table[] = {
    {Method::POST,
     "/api/users",
     Role::anyone,
     handler<create_user>,
     {.summary = "Create a user", .status = 201, .secret = true, .keyed = true}},
    {Method::GET,
     "/api/users/{user_id}",
     person.own<&NamedUser::user_id>().or_any(Role::operator_, Role::org_admin, Role::service).with(Scope::users_read),
     handler<read_user>,
     {.summary = "A user with the profile"}},
    {Method::PUT,
     "/api/users/{user_id}",
     person.own<&ChangedUser::user_id>().with(Scope::users_write),
     handler<update_user>,
     {.summary = "Change names, phone and profile"}},
    {Method::POST,
     "/api/users/{user_id}/verify",
     Role::anyone,
     handler<verify_user>,
     {.summary = "Verify the address with a mailed token"}},
    {Method::GET,
     "/api/users/{user_id}/events",
     person.own<&UserEvents::user_id>().or_any(Role::operator_, Role::service).with(Scope::users_read),
     handler<read_user_events>,
     {.summary = "What happened to a user"}},
};
static_assert(well_formed(users_table));

}  // namespace

RouteTable routes::users() { return {System::shop, users_table}; }

}  // namespace headrace
