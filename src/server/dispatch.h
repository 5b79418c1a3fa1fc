// Dispatch: the whole journey of a request, in order, in one function: name, match, identify, authorise,
// decode, run.
#pragma once

#include <string>

#include "routes/kit/app.h"
#include "src/net/trusted_proxies.h"
#include "src/server/router.h"

namespace headrace {

// Lives on: one per loop.
class Dispatch final : public HttpHandler {
 public:
  Dispatch(App& app, LoopContext& here, const Router& router, const TrustedProxies& proxies)
      : app_(app), here_(here), router_(router), proxies_(proxies) {}

  size_t body_limit(const Request& head) override;
  void serve(const Request& request, Exchange exchange) override;
  Reply protocol_error(Error error, std::string_view detail, const Request& request) override;

 private:
  Router::Match find(const Request& request);
  System system_at(std::string_view path) const;
  Coding coding_for(std::string_view accept_encoding);
  static void name(Call& call, const Request& request);
  bool match(Call& call, const Request& request);
  bool authorise(Call& call, const Request& request);
  Result<> identify(Call& call, const Request& request);
  bool take_rate(Call& call);
  bool decode(Call& call, const Request& request, Request& decoded);

  App& app_;
  LoopContext& here_;
  const Router& router_;
  const TrustedProxies& proxies_;
  std::string decoded_body_;  // scratch
  std::string_view last_path_;  // of the table, without parameters; what it matched
  Method last_method_ = Method::GET;
  Router::Match last_match_;
};

}  // namespace headrace
