// Configuration: what flags and the TOML file can say, with defaults. The table of settings is in config.cc.
#pragma once

#include <string>
#include <vector>

#include "src/base/result.h"
#include "src/features/definition.h"

namespace headrace {

struct Config {
  std::string data = "./data";
  std::string listen = "127.0.0.1:8080";
  int64_t loops = 0;       // 0: one per core
  int64_t partitions = 0;  // of a new data directory; 0: one per core, at least 2
  std::string auth = "key";
  std::string service = "producer";
  std::string models;  // a folder whose models stand in for the built-in ones
  std::string log_level = "info";
  std::vector<features::Definition> features;  // besides the default ones

  std::string host() const;
  int port() const;  // -1 where `listen` has none
};

// Lays what the file says over `config`. Unknown keys and wrong types are problems that name them.
Result<> read_config_file(const std::string& path, Config& config);

// The rules that hold between settings.
Result<> check_config(const Config& config);

}  // namespace headrace
