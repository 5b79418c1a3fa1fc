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
  Reply protocol_error(Error error, std::string_view detail) override;

 private:
  // What a connection remembers of the credential it showed last.
  struct Remembered {
    uint64_t low, high;  // its hash; 0 and 0: none yet
    Role role;
  };

  static void name(Call& call, const Request& request);
  bool match(Call& call, const Request& request);
  bool authorise(Call& call, const Request& request);
  Result<Role> identify(const Request& request);
  bool decode(Call& call, const Request& request, Request& decoded);

  App& app_;
  LoopContext& here_;
  const Router& router_;
  std::string decoded_body_;  // scratch
};

}  // namespace headrace
