// Configuration: what flags and the TOML file can say, with defaults. The table of settings is in config.cc.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "routes/kit/access_log.h"
#include "src/base/limits.h"
#include "src/base/log.h"
#include "src/base/result.h"
#include "src/features/definition.h"
#include "src/identity/identity_rules.h"
#include "src/net/outgoing.h"
#include "src/net/trusted_proxies.h"
#include "src/server/listen_config.h"
#include "src/settings/setting_table.h"
#include "storage/retention.h"

namespace headrace {

// How long events of one type are kept, as it was written.
struct TypeAge {
  std::string type, age;
};

// What the first listener is called where nobody says.
inline constexpr std::string_view default_service = "producer";

struct Config {
  std::string data = "./data";
  std::vector<std::string> listen = {"127.0.0.1:8080"};
  std::vector<ListenConfig> listeners;  // in their place, where there are any
  int64_t loops = 0;       // 0: one per core
  int64_t partitions = 0;  // of a new data directory; 0: one per loop
  std::string auth = "key";
  std::string service = std::string(default_service);
  std::string cors_origins;             // of pages that may read answers
  std::string websocket_origins;        // besides our own
  std::string websocket_ping = "30s";  // a silent WebSocket is asked so often whether it lives
  std::string outgoing_allow;           // what calls to URLs of others may reach beside the open internet
  std::string trusted_proxies;          // whose word counts for where a request comes from
  std::string proxy_header = "X-Forwarded-For";
  std::string environment = "production";
  std::string models;  // a folder whose models stand in for the built-in ones
  std::string log_level = "info";
  std::string access_log = "errors";
  int64_t slow_request_ms = 1000;
  std::string dedup_window = "0";
  int64_t dedup_memory_mib = limits::id_filter_bytes_max >> 20;  // per partition
  int64_t row_memory_mib = 2 * (limits::row_bytes_max >> 20);  // per partition; half of it for rows that are clean
  int64_t segment_bytes = static_cast<int64_t>(limits::segment_bytes);  // of the log
  int64_t free_bytes_min = static_cast<int64_t>(limits::free_bytes_min);
  bool repack = true;                          // sealed segments are rewritten in the background
  int64_t raw_segments = 0;                    // but for so many of the newest
  std::string retention_max_age = "0";         // of events; 0: for ever
  int64_t retention_max_bytes = 0;             // of the whole log; 0: no limit
  std::vector<TypeAge> retention_types;        // ages of their own
  int64_t base_every = 64;                     // segments from one base to the next; 0: none are made
  std::string scrub_period = "7d";             // sealed segments are read again once in it
  std::string token_algorithm = "EdDSA";
  std::string token_issuer = "headrace", token_audience = "headrace";
  int64_t access_token_s = day_us / second_us, refresh_token_s = 30 * day_us / second_us;
  int64_t logins_of_account = 10, logins_of_address = 100;  // in five minutes, in an hour
  std::string mail_server, mail_from, mail_user, mail_link;
  std::string tls_certificate, tls_key, tls_client_ca;  // files; of listeners that have none of their own
  std::string tls_client_certificates = "none";
  std::string tls_strict_transport = "365d";   // max-age of Strict-Transport-Security; 0: no such header
  bool allow_plaintext = false;                // on public addresses
  std::vector<std::string> set;                // NAME=VALUE: what settings that live are at the start
  std::vector<features::Definition> features;  // besides the default ones

  Level lowest_level() const;
  AccessRules access_rules() const;
  SettingValues start_settings() const;  // what settings that live are before anybody changes them
  Micros dedup_window_us() const;
  RetentionPolicy retention(uint32_t in_partitions) const;  // of each
  Micros scrub_period_us() const;
  IdentityRules identity_rules() const;
  Micros strict_transport_us() const;
  Micros websocket_ping_us() const;
  Result<TrustedProxies> proxies() const;
  Result<OutgoingRules> outgoing() const;
};

// One setting: a key of the file (a dot stands between a table and its key), and a flag of the same name with '-' for '_'
// and '.'.
struct Setting {
  std::string_view name, help;
  std::variant<std::string Config::*, int64_t Config::*, bool Config::*, std::vector<std::string> Config::*> member;
  std::span<const std::string_view> words = {};  // a text must be one of them, unless there are none
  int64_t min = 0, max = 0;                      // of a number
};
std::span<const Setting> settings();

// Lays what the file says over `config`. Unknown keys and wrong types are problems that name them.
Result<> read_config_file(const std::string& path, Config& config);

// The rules that hold between settings.
Result<> check_config(const Config& config);

}  // namespace headrace
