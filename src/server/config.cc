// One table of settings serves the file, its checks and its error messages.
#include "src/server/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "codec/time_text.h"
#include "src/base/limits.h"
#include "src/identity/accounts.h"

namespace headrace {
namespace {

constexpr std::string_view auth_words[] = {"key", "open"};
constexpr std::string_view level_words[] = {"debug", "info", "warning", "error"};  // as Level
constexpr std::string_view access_words[] = {"off", "errors", "all"};              // as AccessLines
constexpr std::string_view algorithm_words[] = {"EdDSA", "HS256"};                 // as TokenAlgorithm
constexpr std::string_view proxy_words[] = {"X-Forwarded-For", "Forwarded"};
constexpr int64_t hour_ms = hour_us / 1000;

// clang-format off
constexpr Setting table[] = {
    {"data", "The data directory", &Config::data},
    {"listen", "HOST:PORT, where port 0 picks one; unix:PATH; or systemd:NAME. Several: said several times", &Config::listen},
    {"loops", "Event loops, one thread each; 0: one per core, of two cores one", &Config::loops, {}, 0, limits::loops_max},
    {"partitions", "Partitions of a new data directory; 0: one per loop",
     &Config::partitions, {}, 0, limits::partitions_max},
    {"auth", "key, or open on a loopback address", &Config::auth, auth_words},
    {"service", "The name that /health reports", &Config::service},
    {"cors_origins", "Origins of pages that may read answers, with commas; * for any; none by default", &Config::cors_origins},
    {"websocket_origins", "Origins of pages that may open WebSockets, with commas; * for any; this server's own always may",
     &Config::websocket_origins},
    {"websocket_ping", "A silent WebSocket is asked so often whether it lives, as 30s or 1m", &Config::websocket_ping},
    {"trusted_proxies", "Addresses and CIDR blocks of proxies, with commas, or unix: the client's address is what they say; none by default",
     &Config::trusted_proxies},
    {"outgoing.allow", "Addresses and CIDR blocks that calls to URLs of others may reach beside the open internet, with commas",
     &Config::outgoing_allow},
    {"proxy_header", "Where they say it: X-Forwarded-For or Forwarded", &Config::proxy_header, proxy_words},
    {"environment", "A word that /api/v1/health reports, as production", &Config::environment},
    {"models", "A folder of models that stand in for the built-in ones", &Config::models},
    {"log_level", "debug, info, warning or error", &Config::log_level, level_words},
    {"access_log", "Which requests have a log line: off, errors (and slow ones) or all",
     &Config::access_log, access_words},
    {"slow_request_ms", "A request that took longer is slow; 0: none is",
     &Config::slow_request_ms, {}, 0, hour_ms},
    {"dedup_window", "How long event ids are remembered, as 90s, 30m, 24h or 7d; 0: as long as the log",
     &Config::dedup_window},
    {"dedup_memory_mib", "Memory for their filters in each partition",
     &Config::dedup_memory_mib, {}, 8, 65'536},
    {"row_memory_mib", "Memory for feature rows in each partition; those that do not fit are read from disk when needed",
     &Config::row_memory_mib, {}, 16, 1'048'576},
    {"segment_bytes", "Size of a segment of the log",
     &Config::segment_bytes, {}, limits::segment_bytes_min, limits::segment_bytes_max},
    {"free_bytes_min", "Writes are refused while less of the disk is free (or 5 %, if that is more); 0: never",
     &Config::free_bytes_min, {}, 0, int64_t{1} << 50},
    {"repack", "Rewrite sealed segments in the background", &Config::repack},
    {"raw_segments", "But for so many of the newest", &Config::raw_segments, {}, 0, 1'000'000},
    {"retention.max_age", "How long events are kept, as 24h or 365d; 0: for ever", &Config::retention_max_age},
    {"retention.max_bytes", "Size of the log, above which the oldest segments go; 0: no limit",
     &Config::retention_max_bytes, {}, 0, int64_t{1} << 60},
    {"base_every", "Segments from one base of a partition to the next; 0: none are made",
     &Config::base_every, {}, 0, 1'000'000},
    {"tls.certificate", "A file, PEM: the certificate, then what leads to a root. TCP listeners then speak TLS", &Config::tls_certificate},
    {"tls.key", "A file, PEM: its private key", &Config::tls_key},
    {"tls.client_ca", "A file, PEM: who may sign certificates of clients", &Config::tls_client_ca},
    {"tls.client_certificates", "none, optional or required", &Config::tls_client_certificates},
    {"tls.strict_transport", "max-age of Strict-Transport-Security, as 365d; 0: no such header", &Config::tls_strict_transport},
    {"allow_plaintext", "Listen on public addresses without TLS", &Config::allow_plaintext},
    {"scrub_period", "Sealed segments are read and checked once in it, as 24h or 7d; 0: never", &Config::scrub_period},
    {"token_algorithm", "What access tokens are signed with: EdDSA or HS256", &Config::token_algorithm, algorithm_words},
    {"token_issuer", "The issuer that access tokens name", &Config::token_issuer},
    {"token_audience", "The audience that access tokens name", &Config::token_audience},
    {"access_token_s", "How long an access token is good, seconds",
     &Config::access_token_s, {}, 1, limits::token_lifetime_max_us / second_us},
    {"refresh_token_s", "How long a refresh token is good, seconds",
     &Config::refresh_token_s, {}, 1, 365 * day_us / second_us},
    {"logins_of_account", "Attempts to sign in to one account in five minutes", &Config::logins_of_account, {}, 1, 1'000'000},
    {"logins_of_address", "Attempts to sign in from one address in an hour", &Config::logins_of_address, {}, 1, 1'000'000},
    {"mail.server", "smtp://HOST:PORT or smtps://HOST:PORT; without it no mail is sent", &Config::mail_server},
    {"mail.from", "The sender of mails", &Config::mail_from},
    {"mail.user", "Who signs in to the mail server; the password is HEADRACE_MAIL_PASSWORD", &Config::mail_user},
    {"mail.link", "What stands before a token that sets a password anew, as https://shop.example/reset?token=",
     &Config::mail_link},
    {"set", "NAME=VALUE: what a setting that lives is at the start, as rates.address=1000. Several: said several times", &Config::set},
};
// clang-format on

size_t index_of(std::string_view word, std::span<const std::string_view> words) {
  return static_cast<size_t>(std::find(words.begin(), words.end(), word) - words.begin());
}

Problem bad(std::string_view name, std::string rule) {
  return {Error::bad_configuration, std::string(name), std::move(rule)};
}

constexpr std::string_view kind_of(const std::string&) { return "must be a string"; }
constexpr std::string_view kind_of(int64_t) { return "must be an integer"; }
constexpr std::string_view kind_of(bool) { return "must be true or false"; }

Result<> set_list(const Setting& setting, const toml::node& node, std::vector<std::string>& list) {
  list.clear();
  if (auto one = node.value_exact<std::string>()) list.push_back(*one);
  if (auto* several = node.as_array())
    for (auto& element : *several)
      if (auto one = element.value_exact<std::string>()) list.push_back(*one);
  const size_t wanted = node.is_array() ? node.as_array()->size() : 1;
  if (list.size() != wanted) return bad(setting.name, "must be a string or an array of strings");
  return Done{};
}

Result<> set(const Setting& setting, const toml::node& node, Config& config) {
  auto assign = [&](auto member) -> Result<> {
    if constexpr (requires { (config.*member).emplace_back(); }) {
      return set_list(setting, node, config.*member);
    } else {
      auto value = node.value_exact<std::remove_cvref_t<decltype(config.*member)>>();
      if (!value) return bad(setting.name, std::string(kind_of(config.*member)));
      config.*member = *value;
      return Done{};
    }
  };
  return std::visit(assign, setting.member);
}

// A member of a table in the file, and where it goes.
template <class T>
struct Member {
  std::string_view name;
  std::variant<std::string T::*, std::optional<bool> T::*> member;
};

template <class T, size_t N>
Result<> read_member(const Member<T> (&members)[N], std::string_view name, const toml::node& node,
                     const std::string& where, T& out) {
  auto known = std::ranges::find(members, name, &Member<T>::name);
  if (known == std::end(members)) return bad(where, "is not known");
  if (auto flag = std::get_if<std::optional<bool> T::*>(&known->member)) {
    out.**flag = node.value_exact<bool>();
    return out.**flag ? Result<>(Done{}) : bad(where, std::string(kind_of(true)));
  }
  auto text = node.value_exact<std::string>();
  if (!text) return bad(where, std::string(kind_of(std::string())));
  out.*std::get<std::string T::*>(known->member) = *text;
  return Done{};
}

// An array of tables: each an element of `list`.
template <class T, size_t N>
Result<> read_tables(const Member<T> (&members)[N], std::string_view name, const toml::node& node, std::vector<T>& list) {
  auto* given = node.as_array();
  if (!given) return bad(name, "must be an array of tables");
  for (size_t i = 0; i < given->size(); ++i) {
    auto* one = given->get(i)->as_table();
    if (!one) return bad(fmt::format("{}[{}]", name, i), "must be a table");
    T& out = list.emplace_back();
    for (auto& [key, value] : *one)
      TRY_DONE(read_member(members, key.str(), value, fmt::format("{}[{}].{}", name, i, key.str()), out));
  }
  return Done{};
}

constexpr Member<features::Definition> feature_members[] = {
    {"entity", &features::Definition::entity},       {"name", &features::Definition::name},
    {"aggregate", &features::Definition::aggregate}, {"events", &features::Definition::events},
    {"value", &features::Definition::value},         {"window", &features::Definition::window},
    {"about", &features::Definition::about},
};

Result<> read_features(const toml::node& node, Config& config) {
  return read_tables(feature_members, "features", node, config.features);
}

constexpr Member<ListenConfig> listen_members[] = {
    {"address", &ListenConfig::address},
    {"service", &ListenConfig::service},
    {"tls", &ListenConfig::tls},
    {"certificate", &ListenConfig::certificate},
    {"key", &ListenConfig::key},
    {"client_ca", &ListenConfig::client_ca},
    {"client_certificates", &ListenConfig::client_certificates},
    {"mode", &ListenConfig::mode},
    {"allow_plaintext", &ListenConfig::allow_plaintext},
};

const Setting* setting_of(std::string_view name) {
  auto found = std::ranges::find(table, name, &Setting::name);
  return found == std::end(table) ? nullptr : found;
}

Result<> read_setting(const std::string& name, const toml::node& node, Config& config) {
  const Setting* known = setting_of(name);
  return known ? set(*known, node, config) : bad(name, "is not known");
}

bool holds_tables(const toml::node& node) {
  auto* list = node.as_array();
  return list && !list->empty() && list->get(0)->is_table();
}

Result<> read_listen(const toml::node& node, Config& config) {
  return holds_tables(node) ? read_tables(listen_members, "listen", node, config.listeners)
                            : read_setting("listen", node, config);
}

Result<> read_tls(const toml::node& node, Config& config) {
  auto* given = node.as_table();
  if (!given) return bad("tls", "must be a table");
  for (auto& [key, value] : *given) TRY_DONE(read_setting(fmt::format("tls.{}", key.str()), value, config));
  return Done{};
}

Result<> read_type_ages(const toml::node& node, Config& config) {
  auto* given = node.as_table();
  if (!given) return bad("retention.types", "must be a table");
  for (auto& [key, value] : *given) {
    auto age = value.value_exact<std::string>();
    if (!age) return bad(fmt::format("retention.types.\"{}\"", key.str()), "must be a string");
    config.retention_types.push_back({std::string(key.str()), *age});
  }
  return Done{};
}

Result<> read_retention(const toml::node& node, Config& config) {
  auto* given = node.as_table();
  if (!given) return bad("retention", "must be a table");
  for (auto& [key, value] : *given)
    TRY_DONE(key.str() == "types" ? read_type_ages(value, config)
                                  : read_setting(fmt::format("retention.{}", key.str()), value, config));
  return Done{};
}

Result<> read_mail(const toml::node& node, Config& config) {
  auto* given = node.as_table();
  if (!given) return bad("mail", "must be a table");
  for (auto& [key, value] : *given) TRY_DONE(read_setting(fmt::format("mail.{}", key.str()), value, config));
  return Done{};
}

struct FileSection {
  std::string_view name;
  Result<> (*read)(const toml::node&, Config&);
};
constexpr FileSection sections[] = {{"features", read_features},
                                     {"listen", read_listen},
                                     {"mail", read_mail},
                                     {"retention", read_retention},
                                     {"tls", read_tls}};

constexpr std::string_view duration_rule = "must be 0, or a number and s, m, h or d, at most 36500d";

Result<> check_type_age(const TypeAge& rule) {
  std::string name = fmt::format("retention.types.\"{}\"", rule.type);
  if (rule.type.empty() || rule.type.size() > limits::event_type_bytes_max) return bad(name, "is no type of event");
  return parse_duration(rule.age) ? Result<>(Done{}) : bad(name, std::string(duration_rule));
}

Result<> check_retention(const Config& config) {
  if (config.retention_types.size() > limits::retention_rules_max)
    return bad("retention.types", fmt::format("may have at most {} types", limits::retention_rules_max));
  for (auto& rule : config.retention_types) TRY_DONE(check_type_age(rule));
  return Done{};
}

struct DurationSetting {
  std::string_view name;
  std::string Config::*member;
};
constexpr DurationSetting durations[] = {{"dedup_window", &Config::dedup_window},
                                         {"websocket_ping", &Config::websocket_ping},
                                         {"retention.max_age", &Config::retention_max_age},
                                         {"tls.strict_transport", &Config::tls_strict_transport}};

// "NAME=VALUE", the value as JSON or a bare word.
Result<std::pair<SettingId, SettingValue>> parse_set(const std::string& text) {
  size_t equals = text.find('=');
  auto id = find_setting(std::string_view(text).substr(0, equals));
  if (!id || equals == text.npos) return bad("set", fmt::format("\"{}\" is not NAME=VALUE with the name of a setting", text));
  const SettingRow& row = setting_rows()[static_cast<size_t>(*id)];
  std::string value = text.substr(equals + 1);
  auto read = read_setting(row, row.kind == SettingKind::word ? '"' + value + '"' : value);
  if (!read.ok()) return bad("set", read.problem().text());
  return std::pair(*id, *read);
}

Result<> check_mail(const Config& config) {
  if (config.mail_server.empty()) return Done{};
  if (!config.mail_server.starts_with("smtp://") && !config.mail_server.starts_with("smtps://"))
    return bad("mail.server", "must begin with smtp:// or smtps://");
  return check_email(config.mail_from).ok() ? Result<>(Done{}) : bad("mail.from", "must be an e-mail address");
}

Result<> check_setting(const Setting& setting, const Config& config) {
  if (auto number = std::get_if<int64_t Config::*>(&setting.member)) {
    const int64_t value = config.**number;
    if (value >= setting.min && value <= setting.max) return Done{};
    return bad(setting.name, fmt::format("must be between {} and {}", setting.min, setting.max));
  }
  auto member = std::get_if<std::string Config::*>(&setting.member);
  if (!member) return Done{};
  const std::string& text = config.**member;
  if (setting.words.empty() || index_of(text, setting.words) < setting.words.size()) return Done{};
  return bad(setting.name, fmt::format("must be one of: {}", fmt::join(setting.words, ", ")));
}

}  // namespace

std::span<const Setting> settings() { return table; }

Level Config::lowest_level() const { return static_cast<Level>(index_of(log_level, level_words)); }

AccessRules Config::access_rules() const {
  return {static_cast<AccessLines>(index_of(access_log, access_words)), slow_request_ms * 1000};
}

SettingValues Config::start_settings() const {
  SettingValues out;
  for (size_t i = 0; i < setting_count; ++i) out[i] = setting_rows()[i].standard;
  auto at = [&](SettingId id) -> SettingValue& { return out[static_cast<size_t>(id)]; };
  at(SettingId::log_level) = word_setting(SettingId::log_level, log_level);
  at(SettingId::log_access) = word_setting(SettingId::log_access, access_log);
  at(SettingId::log_slow_request_ms).number = static_cast<double>(slow_request_ms);
  for (const std::string& text : set)
    if (auto one = parse_set(text); one.ok()) at(one->first) = one->second;  // check_config has seen it
  return out;
}

Micros Config::dedup_window_us() const { return parse_duration(dedup_window).value_or(0); }

RetentionPolicy Config::retention(uint32_t in_partitions) const {
  RetentionPolicy policy{.age_us = parse_duration(retention_max_age).value_or(0),
                         .bytes_max = static_cast<uint64_t>(retention_max_bytes) / in_partitions,
                         .rules = {}};
  for (auto& [type, age] : retention_types) policy.rules.push_back({type, parse_duration(age).value_or(0)});
  return policy;
}

Micros Config::websocket_ping_us() const { return parse_duration(websocket_ping).value_or(0); }

Micros Config::scrub_period_us() const { return parse_duration(scrub_period).value_or(0); }

IdentityRules Config::identity_rules() const {
  IdentityRules rules;
  rules.algorithm = static_cast<TokenAlgorithm>(index_of(token_algorithm, algorithm_words));
  rules.issuer = token_issuer, rules.audience = token_audience;
  rules.access_us = access_token_s * second_us, rules.refresh_us = refresh_token_s * second_us;
  rules.logins_of_account = {logins_of_account, 5 * minute_us};
  rules.logins_of_address = {logins_of_address, hour_us};
  const char* password = std::getenv("HEADRACE_MAIL_PASSWORD");
  rules.mail = {mail_server, mail_from, mail_user, password ? password : ""};
  rules.mail_link = mail_link;
  return rules;
}

Result<OutgoingRules> Config::outgoing() const { return OutgoingRules::of(outgoing_allow); }

Result<TrustedProxies> Config::proxies() const { return TrustedProxies::of(trusted_proxies, proxy_header); }

Micros Config::strict_transport_us() const { return parse_duration(tls_strict_transport).value_or(0); }

Result<> read_config_file(const std::string& path, Config& config) {
  toml::parse_result parsed = toml::parse_file(path);
  if (!parsed)
    return bad(fmt::format("{}:{}", path, parsed.error().source().begin.line),
               std::string(parsed.error().description()));
  for (auto& [key, value] : parsed.table()) {
    auto section = std::ranges::find(sections, std::string_view(key.str()), &FileSection::name);
    TRY_DONE(section != std::end(sections) ? section->read(value, config)
                                           : read_setting(std::string(key.str()), value, config));
  }
  return Done{};
}

Result<> check_config(const Config& config) {
  for (auto& setting : table) TRY_DONE(check_setting(setting, config));
  for (auto& [name, member] : durations)
    if (!parse_duration(config.*member)) return bad(name, std::string(duration_rule));
  TRY_DONE(check_retention(config));
  TRY_DONE(check_mail(config));
  for (const std::string& text : config.set)
    if (auto one = parse_set(text); !one.ok()) return one.problem();
  if (auto proxies = config.proxies(); !proxies.ok()) return proxies.problem();
  if (auto outgoing = config.outgoing(); !outgoing.ok()) return outgoing.problem();
  if (config.websocket_ping_us() < second_us) return bad("websocket_ping", "must be at least 1s");
  auto listeners = plan_listeners(config);
  return listeners.ok() ? Result<>(Done{}) : listeners.problem();
}

}  // namespace headrace
