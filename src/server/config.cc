// One table of settings serves the file, its checks and its error messages.
#include "src/server/config.h"

#include <fmt/format.h>

#include <charconv>
#include <variant>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "src/base/limits.h"

namespace headrace {
namespace {

struct Setting {
  std::string_view name;
  std::variant<std::string Config::*, int64_t Config::*> member;
};

constexpr Setting settings[] = {
    {"data", &Config::data},     {"listen", &Config::listen},
    {"loops", &Config::loops},   {"partitions", &Config::partitions},
    {"auth", &Config::auth},     {"service", &Config::service},
    {"models", &Config::models}, {"log_level", &Config::log_level},
};

Problem bad(std::string_view name, std::string rule) {
  return {Error::bad_configuration, std::string(name), std::move(rule)};
}

Result<> set(const Setting& setting, const toml::node& value, Config& config) {
  if (auto member = std::get_if<std::string Config::*>(&setting.member)) {
    auto text = value.value_exact<std::string>();
    if (!text) return bad(setting.name, "must be a string");
    config.** member = *text;
    return Done{};
  }
  auto number = value.value_exact<int64_t>();
  if (!number) return bad(setting.name, "must be an integer");
  config.*std::get<int64_t Config::*>(setting.member) = *number;
  return Done{};
}

struct Text {
  std::string_view name;
  std::string features::Definition::*member;
};
constexpr Text feature_texts[] = {
    {"entity", &features::Definition::entity},       {"name", &features::Definition::name},
    {"aggregate", &features::Definition::aggregate}, {"events", &features::Definition::events},
    {"value", &features::Definition::value},         {"window", &features::Definition::window},
    {"about", &features::Definition::about},
};

Result<> read_feature(const toml::table& table, size_t index, Config& config) {
  auto& definition = config.features.emplace_back();
  for (auto& [key, value] : table) {
    std::string where = fmt::format("features[{}].{}", index, key.str());
    const Text* known = nullptr;
    for (auto& text : feature_texts)
      if (text.name == key.str()) known = &text;
    if (!known) return bad(where, "is not known");
    auto text = value.value_exact<std::string>();
    if (!text) return bad(where, "must be a string");
    definition.*known->member = *text;
  }
  return Done{};
}

Result<> read_features(const toml::node& node, Config& config) {
  auto* list = node.as_array();
  if (!list) return bad("features", "must be an array of tables");
  for (size_t i = 0; i < list->size(); ++i) {
    auto* table = list->get(i)->as_table();
    if (!table) return bad(fmt::format("features[{}]", i), "must be a table");
    TRY_DONE(read_feature(*table, i, config));
  }
  return Done{};
}

bool is_loopback(std::string_view host) {
  return host.starts_with("127.") || host == "localhost" || host == "::1";
}

}  // namespace

std::string Config::host() const {
  std::string host = listen.substr(0, listen.rfind(':'));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') return host.substr(1, host.size() - 2);
  return host;
}

int Config::port() const {
  size_t colon = listen.rfind(':');
  if (colon == listen.npos || colon + 1 == listen.size()) return -1;
  int number = -1;
  const char* end = listen.data() + listen.size();
  auto [stop, code] = std::from_chars(listen.data() + colon + 1, end, number);
  return code == std::errc() && stop == end && number >= 0 && number <= 65535 ? number : -1;
}

Result<> read_config_file(const std::string& path, Config& config) {
  toml::parse_result parsed = toml::parse_file(path);
  if (!parsed)
    return bad(fmt::format("{}:{}", path, parsed.error().source().begin.line),
               std::string(parsed.error().description()));
  for (auto& [key, value] : parsed.table()) {
    if (key.str() == "features") {
      TRY_DONE(read_features(value, config));
      continue;
    }
    const Setting* known = nullptr;
    for (auto& setting : settings)
      if (setting.name == key.str()) known = &setting;
    if (!known) return bad(key.str(), "is not known");
    TRY_DONE(set(*known, value, config));
  }
  return Done{};
}

Result<> check_config(const Config& config) {
  if (config.port() < 0) return bad("listen", "must be HOST:PORT");
  if (config.loops < 0 || config.loops > 64) return bad("loops", "must be between 0 (one per core) and 64");
  if (config.partitions < 0 || config.partitions > static_cast<int64_t>(limits::partitions_max))
    return bad("partitions", fmt::format("must be between 0 and {}", limits::partitions_max));
  if (config.auth != "key" && config.auth != "open") return bad("auth", "must be \"key\" or \"open\"");
  if (config.auth == "open" && !is_loopback(config.host()))
    return bad("auth", "may be \"open\" only where listen is a loopback address");
  for (std::string_view level : {"debug", "info", "warning", "error"})
    if (config.log_level == level) return Done{};
  return bad("log_level", "must be debug, info, warning or error");
}

}  // namespace headrace
