// Signing in as the system `learning` documents it.
#include "routes/identity/persons.h"
#include "routes/tables.h"

namespace headrace {
namespace {

struct LearningLogin {
  std::string email, password;
  static constexpr auto shape() {
    return std::tuple{field("email", &LearningLogin::email, "Address", length(1, 254)),
                      field("password", &LearningLogin::password, "Password", length(1, 256))};
  }
};

struct LearningUser {
  std::string id, email, fullName, organizationId;
  std::vector<std::string> roles;
  static constexpr auto shape() {
    return std::tuple{field("id", &LearningUser::id, "UUID"), field("email", &LearningUser::email, "Address"),
                      field("fullName", &LearningUser::fullName, "First and last name, else the user name"),
                      field("roles", &LearningUser::roles, "Roles"),
                      field("organizationId", &LearningUser::organizationId, "The tenant")};
  }
};

struct Preferences {
  std::string leaderboardPrivacy;
  bool predictiveAnalyticsEnabled = true;
  static constexpr auto shape() {
    return std::tuple{
        field("leaderboardPrivacy", &Preferences::leaderboardPrivacy, "Who sees the person on leaderboards"),
        field("predictiveAnalyticsEnabled", &Preferences::predictiveAnalyticsEnabled, "Whether predictions are made")};
  }
};

struct LearningMe : LearningUser {
  Preferences preferences;
  static constexpr auto shape() {
    return std::tuple_cat(LearningUser::shape(),
                          std::tuple{field("preferences", &LearningMe::preferences, "Of the person")});
  }
};

struct LearningSession {
  std::string token, refreshToken;
  int64_t expiresIn = 0;
  LearningUser user;
  static constexpr auto shape() {
    return std::tuple{field("token", &LearningSession::token, "For Authorization: Bearer"),
                      field("refreshToken", &LearningSession::refreshToken, "Good once, for /api/auth/refresh"),
                      field("expiresIn", &LearningSession::expiresIn, "Seconds until the token expires"),
                      field("user", &LearningSession::user, "Who signed in")};
  }
};

template <class T>
struct LearningAnswer {
  bool success = true;
  T data;
  static constexpr auto shape() {
    return std::tuple{field("success", &LearningAnswer::success, "true"),
                      field("data", &LearningAnswer::data, "The answer")};
  }
};

void describe(const Account& account, LearningUser& out) {
  out.id = account.id, out.email = account.email, out.roles = account.roles, out.organizationId = account.tenant;
  out.fullName = account.first_name + (account.first_name.empty() || account.last_name.empty() ? "" : " ") + account.last_name;
  if (out.fullName.empty()) out.fullName = account.username;
}

Task<Result<LearningAnswer<LearningSession>>> learning_login(Call& call, LearningLogin want) {
  auto signed_in = co_await sign_in(call, std::move(want.email), std::move(want.password));
  if (!signed_in.ok()) co_return signed_in.problem();
  LearningAnswer<LearningSession> out;
  out.data.token = std::move(signed_in->tokens.access), out.data.refreshToken = std::move(signed_in->tokens.refresh);
  out.data.expiresIn = signed_in->tokens.expires_in;
  describe(signed_in->account, out.data.user);
  co_return out;
}

Task<Result<LearningAnswer<LearningMe>>> learning_me(Call& call) {
  auto account = co_await own_account(call);
  if (!account.ok()) co_return account.problem();
  LearningAnswer<LearningMe> out;
  describe(*account, out.data);
  out.data.preferences = {account->leaderboard, account->predictive};
  co_return out;
}

constexpr Route learning_auth_table[] = {
    {Method::POST,
     "/api/v1/auth/login",
     Role::anyone,
     handler<learning_login>,
     {.summary = "Sign in with address and password", .secret = true}},
    {Method::GET,
     "/api/v1/auth/me",
     person.with(Scope::account_read),
     handler<learning_me>,
     {.summary = "Who is signed in, with preferences"}},
};
static_assert(well_formed(learning_auth_table));

}  // namespace

RouteTable routes::learning_auth() { return {System::learning, learning_auth_table}; }

}  // namespace headrace
