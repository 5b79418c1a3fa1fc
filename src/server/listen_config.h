// Where the server listens, as configured, and what that comes to: `listen` in its simple form, or tables [[listen]].
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/base/result.h"
#include "src/base/time.h"
#include "src/net/address.h"
#include "src/net/tls_context.h"

namespace headrace {

struct Config;

// One [[listen]]. What is empty is as the configuration has it for all.
struct ListenConfig {
  std::string address, service;
  std::string certificate, key, client_ca, client_certificates;
  std::string mode;                    // of a Unix socket, octal
  std::optional<bool> tls;             // default: where there is a certificate, but on Unix sockets
  std::optional<bool> allow_plaintext;
};

// What one listener is, with every rule checked.
struct ListenPlan {
  Address address;
  std::string service;
  std::optional<TlsFiles> tls;
  unsigned mode = 0660;
  bool allow_plaintext = false;
};

// Errors: bad_configuration, naming the setting.
Result<std::vector<ListenPlan>> plan_listeners(const Config& config);

// A public address needs TLS, or somebody who says that it does not. Once more when the address of a socket that systemd
// has opened is known.
Result<> check_plaintext(const ListenPlan& plan, bool is_public, size_t index);

}  // namespace headrace
