// Tokens of services by OAuth 2.0 client credentials (RFC 6749, section 4.4): the client is an API key, its id the
// client_id, the key the client_secret. And what tokens are checked with from outside.
#include <fmt/format.h>

#include <algorithm>

#include "codec/url.h"
#include "routes/identity/persons.h"
#include "routes/tables.h"

namespace headrace {
namespace {

struct TokenRequest {
  std::string grant_type = "client_credentials", client_id, client_secret, scope;
  static constexpr auto shape() {
    return std::tuple{field("grant_type", &TokenRequest::grant_type, "client_credentials", optional_field),
                      field("client_id", &TokenRequest::client_id, "Id of an API key", optional_field),
                      field("client_secret", &TokenRequest::client_secret, "The API key"),
                      field("scope", &TokenRequest::scope, "Scopes, separated by blanks; else all of the key", optional_field)};
  }
};

struct ServiceToken {
  std::string access_token, token_type = "Bearer", scope;
  int64_t expires_in = 0;
  static constexpr auto shape() {
    return std::tuple{field("access_token", &ServiceToken::access_token, "For Authorization: Bearer"),
                      field("token_type", &ServiceToken::token_type, "Bearer"),
                      field("expires_in", &ServiceToken::expires_in, "Seconds"),
                      field("scope", &ServiceToken::scope, "What it may be used for")};
  }
};

struct CheckToken {
  std::string token;
  static constexpr auto shape() {
    return std::tuple{field("token", &CheckToken::token, "A token, or an API key", length(1, 4096))};
  }
};

struct CheckedToken {
  bool valid = false;
  std::optional<std::string> kind, subject, tenant, reason;
  std::vector<std::string> roles, scopes;
  static constexpr auto shape() {
    return std::tuple{field("valid", &CheckedToken::valid, "Whether it holds now"),
                      field("kind", &CheckedToken::kind, "api_key, user or service"),
                      field("subject", &CheckedToken::subject, "UUID of the account, or id of the key"),
                      field("tenant", &CheckedToken::tenant, "Whose data it reaches"),
                      field("roles", &CheckedToken::roles, "Roles"), field("scopes", &CheckedToken::scopes, "Scopes"),
                      field("reason", &CheckedToken::reason, "Why it does not hold")};
  }
};

struct Permissions {
  std::string subject, tenant;
  std::vector<std::string> roles, scopes, operations;
  static constexpr auto shape() {
    return std::tuple{field("subject", &Permissions::subject, "UUID of the account, or id of the key"),
                      field("tenant", &Permissions::tenant, "Whose data it reaches; empty: the platform's"),
                      field("roles", &Permissions::roles, "Roles"), field("scopes", &Permissions::scopes, "Scopes"),
                      field("operations", &Permissions::operations, "What may be called, by name")};
  }
};

// An error as clients of OAuth expect it.
Page oauth_error(int status, std::string_view error, std::string_view description) {
  return {fmt::format(R"({{"error":"{}","error_description":"{}"}})", error, description), "application/json", status};
}

bool is_form(std::string_view content_type) { return content_type.starts_with("application/x-www-form-urlencoded"); }

// From a form (the standard's way) or from JSON.
Result<TokenRequest> read_request(const Request& request) {
  if (!is_form(request.headers.known(Known::content_type))) return from_json<TokenRequest>(request.body);
  TokenRequest out;
  std::string_view rest = request.body, name, value;
  while (next_parameter(rest, name, value)) {
    auto text = percent_decode(value, true);
    if (!text) return Error::malformed_request;
    if (name == "grant_type") out.grant_type = *text;
    if (name == "client_id") out.client_id = *text;
    if (name == "client_secret") out.client_secret = *text;
    if (name == "scope") out.scope = *text;
  }
  return out;
}

std::string joined(ScopeSet scopes) { return fmt::format("{}", fmt::join(names_of(scopes), " ")); }

// What was asked for, of what the key may; nothing where a name is no scope or the key lacks it.
std::optional<ScopeSet> granted(const std::string& wanted, ScopeSet held) {
  if (wanted.empty()) return held;
  std::vector<std::string> names;
  for (std::string_view rest = wanted; !rest.empty();) {
    std::string_view name = rest.substr(0, rest.find(' '));
    if (!name.empty()) names.emplace_back(name);
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
  }
  std::string wrong;
  auto scopes = parse_scopes(names, wrong);
  return scopes && scopes->within(held) ? scopes : std::nullopt;
}

ServiceToken make_service_token(Call& call, const KeyEntry& key, ScopeSet scopes) {
  const TokenSettings& settings = call.app.identity.tokens();
  Micros now = call.app.clock.wall();
  TokenClaims claims;
  claims.iss = settings.issuer, claims.aud = settings.audience;
  claims.sid = id_of_number(key.caller.key_id), claims.sub = "key:" + claims.sid;
  claims.iat = now / second_us;
  claims.exp = std::min(now + limits::service_token_us, key.expires) / second_us;
  claims.roles = names_of(key.caller.roles), claims.scope = joined(scopes), claims.tenant = key.caller.tenant.view();
  return {write_token(call.here.credentials->signing_key(), claims), "Bearer", claims.scope, claims.exp - claims.iat};
}

Result<Page> issue_service_token(Call& call) {
  auto wish = read_request(call.request());
  if (!wish.ok()) return wish.problem();
  if (wish->grant_type != "client_credentials")
    return oauth_error(400, "unsupported_grant_type", "grant_type must be client_credentials");
  auto key = call.here.credentials->client(wish->client_secret, call.peer.view(), call.app.clock.wall());
  if (!key.ok() && key.problem().error == Error::rate_limit_exceeded) return key.problem();
  bool named = key.ok() && (wish->client_id.empty() || wish->client_id == id_of_number((*key)->caller.key_id));
  if (!named) return oauth_error(401, "invalid_client", "There is no such client, or its secret is another");
  auto scopes = granted(wish->scope, (*key)->caller.scopes);
  if (!scopes) return oauth_error(400, "invalid_scope", "The client lacks one of these scopes");
  return Page{to_json(make_service_token(call, **key, *scopes))};
}

std::string subject_of(const Caller& caller) {
  return caller.kind == CredentialKind::user_token ? std::string(caller.account.view()) : id_of_number(caller.key_id);
}

std::string_view kind_of(const Caller& caller) {
  switch (caller.kind) {
    case CredentialKind::user_token:
      return "user";
    case CredentialKind::service_token:
      return "service";
    default:
      return "api_key";
  }
}

Result<CheckedToken> validate_token(Call& call, const CheckToken& want) {
  auto found = call.here.credentials->identify(want.token, call.peer.view(), call.app.clock.wall());
  CheckedToken out;
  if (!found.ok()) {
    if (found.problem().error == Error::rate_limit_exceeded) return found.problem();
    out.reason = found.problem().text();
    return out;
  }
  const Caller& caller = **found;
  bool visible = call.caller.is(Role::admin) || call.caller.tenant.empty() || call.caller.tenant.view() == caller.tenant.view();
  if (!visible) {
    out.reason = "The token is of another tenant";
    return out;
  }
  out.valid = true, out.kind = kind_of(caller), out.subject = subject_of(caller), out.tenant = caller.tenant.view();
  out.roles = names_of(caller.roles), out.scopes = names_of(caller.scopes);
  return out;
}

Result<Permissions> read_permissions(Call& call) {
  Permissions out;
  out.subject = subject_of(call.caller), out.tenant = call.caller.tenant.view();
  out.roles = names_of(call.caller.roles), out.scopes = names_of(call.caller.scopes);
  for (const RouteTable& routes : call.app.tables)
    for (const Route& route : routes.rows)
      if (route.permit.admits_role(call.caller) && route.permit.admits_scope(call.caller))
        out.operations.emplace_back(route.handler.name);
  return out;
}

Result<Page> read_jwks(Call& call) {
  std::string keys;
  for (const TokenKey& key : call.here.credentials->token_keys()) {
    std::string jwk = key.jwk();
    if (!jwk.empty()) keys += (keys.empty() ? "" : ",") + jwk;
  }
  return Page{R"({"keys":[)" + keys + "]}", "application/jwk-set+json"};
}

struct RotatedKey {
  std::string kid;
  static constexpr auto shape() { return std::tuple{field("kid", &RotatedKey::kid, "Of the key that signs now")}; }
};

Task<Result<RotatedKey>> rotate_token_key(Call& call) {
  auto done = co_await call.app.identity.change(Identity::decide_rotate, Done{});
  if (!done.ok()) co_return done.problem();
  co_return RotatedKey{call.here.credentials->signing_key().kid()};
}

constexpr Route internal_auth_table[] = {
    {Method::POST,
     "/internal/auth/service-token",
     Role::anyone,
     handler<issue_service_token>,
     {.summary = "A token for a service, by OAuth 2.0 client credentials",
      .body_bytes_max = 16 * 1024,
      .body = "application/x-www-form-urlencoded,application/json",
      .produces = "application/json",
      .secret = true,
      .answer = &type_of<ServiceToken>()}},
    {Method::POST,
     "/internal/auth/validate",
     allow(Role::service).with(Scope::tokens_read),
     handler<validate_token>,
     {.summary = "Whether a token holds, and what it permits"}},
    {Method::GET,
     "/internal/auth/permissions",
     anybody_known,
     handler<read_permissions>,
     {.summary = "What the credential permits"}},
    {Method::GET,
     "/.well-known/jwks.json",
     Role::anyone,
     handler<read_jwks>,
     {.summary = "Public keys of access tokens (RFC 7517)", .produces = "application/jwk-set+json", .cache_s = 300, .counted = Counted::not_at_all}},
    {Method::POST,
     "/admin/token-keys/rotate",
     Role::admin,
     handler<rotate_token_key>,
     {.summary = "Sign tokens with another key from now on"}},
};
static_assert(well_formed(internal_auth_table));

}  // namespace

RouteTable routes::internal_auth() { return {System::cart, internal_auth_table}; }

}  // namespace headrace
