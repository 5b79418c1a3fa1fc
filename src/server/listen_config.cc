// Listeners: defaults, and the rules between their settings.
#include "src/server/listen_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "src/base/limits.h"
#include "src/server/config.h"

namespace headrace {
namespace {

constexpr std::string_view certificate_words[] = {"none", "optional", "required"};  // as ClientCertificates

Problem bad(size_t index, std::string_view field, std::string rule) {
  return {Error::bad_configuration, fmt::format("listen[{}].{}", index, field), std::move(rule)};
}

const std::string& either(const std::string& own, const std::string& common) { return own.empty() ? common : own; }

Result<unsigned> mode_of(const std::string& text, size_t index) {
  unsigned mode = 0660;
  if (text.empty()) return mode;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (code != std::errc() || end != text.data() + text.size() || mode > 0777)
    return bad(index, "mode", "must be octal, as \"0660\"");
  return mode;
}

Result<TlsFiles> files_of(const ListenConfig& given, const Config& config, size_t index) {
  TlsFiles files{either(given.certificate, config.tls_certificate), either(given.key, config.tls_key),
                 either(given.client_ca, config.tls_client_ca), ClientCertificates::none};
  if (files.certificate.empty() || files.key.empty())
    return bad(index, "tls", "needs tls.certificate and tls.key, both");
  const std::string& word = either(given.client_certificates, config.tls_client_certificates);
  auto found = std::ranges::find(certificate_words, word);
  if (found == std::end(certificate_words))
    return bad(index, "client_certificates", fmt::format("must be one of: {}", fmt::join(certificate_words, ", ")));
  files.client_certificates = static_cast<ClientCertificates>(found - certificate_words);
  if (files.client_certificates != ClientCertificates::none && files.client_ca.empty())
    return bad(index, "client_certificates", "needs tls.client_ca, whose certificates are believed");
  return files;
}

// It stands in answers and in the log as it is.
bool is_service_name(std::string_view name) {
  auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'; };
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, plain);
}

bool wants_tls(const ListenConfig& given, const Config& config, const Address& address) {
  if (given.tls) return *given.tls;
  if (!given.certificate.empty()) return true;
  return (!config.tls_certificate.empty() || !config.tls_key.empty()) && address.kind != Address::Kind::path;
}

Result<ListenPlan> plan_one(const ListenConfig& given, const Config& config, size_t index) {
  auto address = parse_address(given.address);
  if (!address.ok()) return bad(index, "address", address.problem().detail);
  auto mode = mode_of(given.mode, index);
  if (!mode.ok()) return mode.problem();
  ListenPlan plan{.address = *address, .service = either(given.service, config.service), .tls = {}, .mode = *mode,
                  .allow_plaintext = given.allow_plaintext.value_or(config.allow_plaintext)};
  if (!is_service_name(plan.service))
    return bad(index, "service", "must have 1 to 64 letters, digits, '-', '_' or '.'");
  if (config.auth == "open" && (address->is_public() || address->kind == Address::Kind::activated))
    return Problem{Error::bad_configuration, "auth", "may be \"open\" only where listen is a loopback address"};
  if (wants_tls(given, config, *address)) {
    auto files = files_of(given, config, index);
    if (!files.ok()) return files.problem();
    plan.tls = std::move(*files);
  }
  TRY_DONE(check_plaintext(plan, address->is_public(), index));
  return plan;
}

}  // namespace

Result<> check_plaintext(const ListenPlan& plan, bool is_public, size_t index) {
  if (!is_public || plan.tls || plan.allow_plaintext) return Done{};
  return bad(index, "address",
             fmt::format("{} is a public address: give tls.certificate and tls.key, or say allow_plaintext = true "
                         "where something else keeps what is sent to it secret",
                         plan.address.text()));
}

Result<std::vector<ListenPlan>> plan_listeners(const Config& config) {
  std::vector<ListenConfig> given = config.listeners;
  if (given.empty())
    for (const std::string& address : config.listen) given.emplace_back().address = address;
  if (given.empty() || given.size() > limits::listeners_max)
    return Problem{Error::bad_configuration, "listen", fmt::format("there may be 1 to {}", limits::listeners_max)};
  std::vector<ListenPlan> plans;
  for (size_t i = 0; i < given.size(); ++i) {
    auto plan = plan_one(given[i], config, i);
    if (!plan.ok()) return plan.problem();
    plans.push_back(std::move(*plan));
  }
  return plans;
}

}  // namespace headrace
