// Signing up, in and out, and what a credential is good for: one set of routes for the systems `predict` and `cart`.
#include "routes/identity/persons.h"
#include "routes/kit/rates.h"
#include "routes/tables.h"
#include "src/identity/password.h"
#include "src/identity/tables.h"

namespace headrace {
namespace {

struct Register {
  std::string username, email, password, first_name, last_name, phone;
  static constexpr auto shape() {
    return std::tuple{field("username", &Register::username, "Letters, digits, '_', '-' and '.'", length(3, 50)),
                      field("email", &Register::email, "The address", length(3, 254)),
                      field("password", &Register::password, "At least 6 bytes", length(6, 256)),
                      field("first_name", &Register::first_name, "", length(0, 100), optional_field),
                      field("last_name", &Register::last_name, "", length(0, 100), optional_field),
                      field("phone", &Register::phone, "", length(0, 32), optional_field)};
  }
};

struct Registered {
  std::string message = "User registered successfully", id, api_key;
  int64_t user_id = 0;
  static constexpr auto shape() {
    return std::tuple{field("message", &Registered::message, "A sentence"),
                      field("user_id", &Registered::user_id, "Number of the account"),
                      field("id", &Registered::id, "UUID of the account"),
                      field("api_key", &Registered::api_key, "Shown this once")};
  }
};

struct Login {
  std::string username, password;
  static constexpr auto shape() {
    return std::tuple{field("username", &Login::username, "User name or e-mail address", length(1, 254)),
                      field("password", &Login::password, "Password", length(1, 256))};
  }
};

struct LoggedIn {
  std::string access_token, refresh_token, username, token_type = "Bearer";
  int64_t user_id = 0, expires_in = 0;
  static constexpr auto shape() {
    return std::tuple{field("access_token", &LoggedIn::access_token, "For Authorization: Bearer"),
                      field("refresh_token", &LoggedIn::refresh_token, "Good once, for /api/auth/refresh"),
                      field("token_type", &LoggedIn::token_type, "Bearer"),
                      field("user_id", &LoggedIn::user_id, "Number of the account"),
                      field("username", &LoggedIn::username, "User name"),
                      field("expires_in", &LoggedIn::expires_in, "Seconds until the access token expires")};
  }
};

struct Refresh {
  std::string refresh_token;
  static constexpr auto shape() {
    return std::tuple{field("refresh_token", &Refresh::refresh_token, "As it was issued last", length(1, 4096))};
  }
};

struct Message {
  std::string message;
  static constexpr auto shape() { return std::tuple{field("message", &Message::message, "A sentence")}; }
};

struct Me {
  std::string id, username, email, organization;
  int64_t user_id = 0;
  std::vector<std::string> roles;
  bool is_verified = false;
  Timestamp created_at;
  static constexpr auto shape() {
    return std::tuple{field("id", &Me::id, "UUID of the account"),
                      field("user_id", &Me::user_id, "Number of the account"),
                      field("username", &Me::username, "User name"),
                      field("email", &Me::email, "Address"),
                      field("roles", &Me::roles, "Roles"),
                      field("organization", &Me::organization, "The tenant"),
                      field("is_verified", &Me::is_verified, "Whether the address was verified"),
                      field("created_at", &Me::created_at, "Since when")};
  }
};

struct UserInformation {
  std::string username, email, api_key, plan;
  int64_t user_id = 0, credits_remaining = 0;
  Timestamp created_at;
  static constexpr auto shape() {
    return std::tuple{field("user_id", &UserInformation::user_id, "Number of the account"),
                      field("username", &UserInformation::username, "User name"),
                      field("email", &UserInformation::email, "Address"),
                      field("api_key", &UserInformation::api_key, "How the first API key begins; only its hash is kept"),
                      field("credits_remaining", &UserInformation::credits_remaining, "Credits left"),
                      field("plan", &UserInformation::plan, "Plan"),
                      field("created_at", &UserInformation::created_at, "Since when")};
  }
};

struct RateLimitState {
  int64_t remaining = 0, reset = 0;
  static constexpr auto shape() {
    return std::tuple{field("remaining", &RateLimitState::remaining, "Requests left"),
                      field("reset", &RateLimitState::reset, "When all are left again, seconds since 1970")};
  }
};

struct Validity {
  bool valid = true;
  std::optional<int64_t> user_id;
  RateLimitState rate_limit;
  std::vector<std::string> roles, scopes;
  static constexpr auto shape() {
    return std::tuple{field("valid", &Validity::valid, "Always true: another credential is refused"),
                      field("user_id", &Validity::user_id, "Number of the account, if it is of one"),
                      field("rate_limit", &Validity::rate_limit, "Of requests with this credential"),
                      field("roles", &Validity::roles, "Roles"), field("scopes", &Validity::scopes, "Scopes")};
  }
};

struct ForgotPassword {
  std::string email;
  static constexpr auto shape() {
    return std::tuple{field("email", &ForgotPassword::email, "Of the account", length(3, 254))};
  }
};

struct ResetPassword {
  std::string token, password;
  static constexpr auto shape() {
    return std::tuple{field("token", &ResetPassword::token, "As it was mailed", length(1, 128)),
                      field("password", &ResetPassword::password, "The new one", length(6, 256))};
  }
};

Task<Result<Registered>> register_user(Call& call, Register want) {
  NewAccount account{want.username, want.email, want.password, want.first_name, want.last_name, want.phone};
  auto done = co_await register_person(call, std::move(account));
  if (!done.ok()) co_return done.problem();
  Registered out;
  out.user_id = done->account.number, out.id = done->account.id, out.api_key = done->key;
  co_return out;
}

LoggedIn logged_in(const Account& account, Tokens tokens) {
  LoggedIn out;
  out.access_token = std::move(tokens.access), out.refresh_token = std::move(tokens.refresh);
  out.user_id = account.number, out.username = account.username, out.expires_in = tokens.expires_in;
  return out;
}

Task<Result<LoggedIn>> login(Call& call, Login want) {
  auto signed_in = co_await sign_in(call, std::move(want.username), std::move(want.password));
  if (!signed_in.ok()) co_return signed_in.problem();
  co_return logged_in(signed_in->account, std::move(signed_in->tokens));
}

Task<Result<LoggedIn>> refresh(Call& call, Refresh want) {
  Identity& identity = call.app.identity;
  auto claim = read_refresh_token(identity.refresh_secret(), want.refresh_token);
  if (!claim) co_return Problem{Error::authentication_required, "The refresh token is not valid"};
  auto grant = co_await identity.change(decide_refresh, *claim);
  if (!grant.ok()) co_return grant.problem();
  co_return logged_in(grant->account, make_tokens(call, *grant));
}

Task<Result<Message>> end_sessions(Call& call, bool all) {
  SignOut want{std::string(call.caller.account.view()), call.caller.session, all};
  if (!all && want.session == 0)
    co_return Problem{Error::invalid_input, "Authorization", "must be the access token of a session"};
  auto done = co_await call.app.identity.change(decide_sign_out, std::move(want));
  if (!done.ok()) co_return done.problem();
  co_return Message{all ? "All sessions have ended" : "The session has ended"};
}

Task<Result<Message>> logout(Call& call) { return end_sessions(call, false); }
Task<Result<Message>> logout_everywhere(Call& call) { return end_sessions(call, true); }

Task<Result<Me>> read_me(Call& call) {
  auto account = co_await own_account(call);
  if (!account.ok()) co_return account.problem();
  Me out;
  out.id = account->id, out.user_id = account->number, out.username = account->username, out.email = account->email;
  out.roles = account->roles, out.organization = account->tenant, out.is_verified = account->verified;
  out.created_at = account->created_at;
  co_return out;
}

Result<std::string> prefix_of_key(const Documents& documents, const std::string& id) {
  auto key = load<ApiKey>(documents, tables::api_keys, id);
  return key ? key->prefix + "..." : std::string();
}

Task<Result<UserInformation>> read_user_information(Call& call) {
  auto account = co_await own_account(call);
  if (!account.ok()) co_return account.problem();
  UserInformation out;
  out.user_id = account->number, out.username = account->username, out.email = account->email;
  out.plan = account->plan, out.created_at = account->created_at;
  auto balances = co_await call.app.credits->balances(std::vector<std::string>(1, account->id));
  if (!balances.ok()) co_return balances.problem();
  out.credits_remaining = balances->front();
  if (!account->keys.empty()) {
    auto prefix = co_await call.app.identity.look(prefix_of_key, account->keys.front());
    if (prefix.ok()) out.api_key = *prefix;
  }
  co_return out;
}

Result<Validity> validate_credential(Call& call) {
  const Caller& caller = call.caller;
  RateVerdict left =
      rate_left({call.app, call.here, caller, call.peer.view(), call.system, call.route->policy.counted});
  Validity out;
  if (caller.account_number != 0) out.user_id = static_cast<int64_t>(caller.account_number);
  out.rate_limit = {left.remaining, (call.app.clock.wall() + left.reset_us) / second_us};
  out.roles = names_of(caller.roles), out.scopes = names_of(caller.scopes);
  return out;
}

// The same answer at once, whoever is asked for.
Task<Result<Message>> forgot_password(Call& call, ForgotPassword want) {
  CO_TRY_DONE(check_email(want.email));
  auto admitted = co_await call.app.identity.admit(want.email, std::string(call.peer.view()));
  if (!admitted.ok()) co_return admitted.problem();
  call.app.identity.send_reset(std::move(want.email));
  co_return Message{"If there is an account with this address, a mail is on its way"};
}

Task<Result<Message>> reset_password(Call& call, ResetPassword want) {
  CO_TRY_DONE(check_password(want.password));
  Identity& identity = call.app.identity;
  UseProof proof;
  proof.hash = hash_of_token(want.token);
  auto admitted = co_await identity.admit("reset " + proof.hash, std::string(call.peer.view()));
  if (!admitted.ok()) co_return admitted.problem();
  Result<std::string> hash = co_await offload(identity.passwords(), hash_password, std::move(want.password));
  if (!hash.ok()) co_return hash.problem();
  proof.password_hash = *hash;
  auto done = co_await identity.change(decide_reset_password, std::move(proof));
  if (!done.ok()) co_return done.problem();
  co_return Message{"The password was set; all sessions have ended"};
}

constexpr Route auth_table[] = {
    {Method::POST,
     "/api/auth/register",
     Role::anyone,
     handler<register_user>,
     {.summary = "Create an account and its first API key", .status = 201, .secret = true, .keyed = true}},
    {Method::POST,
     "/api/auth/login",
     Role::anyone,
     handler<login>,
     {.summary = "Sign in with user name or address and password", .secret = true}},
    {Method::POST,
     "/api/auth/refresh",
     Role::anyone,
     handler<refresh>,
     {.summary = "New tokens for a refresh token, which is good once", .secret = true}},
    {Method::POST, "/api/auth/logout", person, handler<logout>, {.summary = "End the session of the token"}},
    {Method::POST,
     "/api/auth/logout-all",
     person.with(Scope::account_write),
     handler<logout_everywhere>,
     {.summary = "End all sessions of the account"}},
    {Method::GET, "/api/auth/me", person.with(Scope::account_read), handler<read_me>, {.summary = "Who is signed in"}},
    {Method::GET,
     "/api/auth/user",
     person.with(Scope::account_read),
     handler<read_user_information>,
     {.summary = "The account of the credential, with credits and plan"}},
    {Method::GET,
     "/api/auth/validate",
     anybody_known,
     handler<validate_credential>,
     {.summary = "Whether the credential is valid"}},
    {Method::POST,
     "/api/auth/forgot-password",
     Role::anyone,
     handler<forgot_password>,
     {.summary = "Have a token mailed that sets a new password"}},
    {Method::POST,
     "/api/auth/reset-password",
     Role::anyone,
     handler<reset_password>,
     {.summary = "Set a new password with a mailed token"}},
};
static_assert(well_formed(auth_table));

}  // namespace

RouteTable routes::auth() { return {System::predict, auth_table}; }

}  // namespace headrace
