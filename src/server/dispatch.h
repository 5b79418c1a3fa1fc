// Dispatch: the whole journey of a request, in order, in one function: name, match, identify, authorise,
// decode, run.
#pragma once

#include <string>

#include "routes/kit/app.h"
#include "src/server/router.h"

namespace headrace {

// Lives on: one per loop.
class Dispatch final : public HttpHandler {
 public:
  Dispatch(App& app, LoopContext& here, const Router& router) : app_(app), here_(here), router_(router) {}

  size_t body_limit(const Request& head) override;
  void serve(const Request& request, Exchange exchange) override;
  Reply protocol_error(Error error, std::string_view detail, std::string_view peer) override;

 private:
  Router::Match find(const Request& request);
  static void name(Call& call, const Request& request);
  bool match(Call& call, const Request& request);
  bool authorise(Call& call, const Request& request);
  Result<> identify(Call& call, const Request& request);
  bool decode(Call& call, const Request& request, Request& decoded);

  App& app_;
  LoopContext& here_;
  const Router& router_;
  std::string decoded_body_;  // scratch
  std::string_view last_path_;  // of the table, without parameters; what it matched
  Method last_method_ = Method::GET;
  Router::Match last_match_;
};

}  // namespace headrace
