// headrace call: what the server would do where somebody gives it a URL to call, and why it would not.
#include <fmt/format.h>

#include <atomic>

#include "src/net/outgoing.h"
#include "tools/commands.h"

namespace headrace {

int call_url(const Config& config, const CallCommand& command) {
  auto rules = config.outgoing();
  const std::atomic<bool> stopping = false;
  auto answer = rules.ok() ? call_out(*rules, {.url = command.url, .body = command.body}, stopping)
                           : Result<OutgoingAnswer>(rules.problem());
  if (!answer.ok()) {
    fmt::print(stderr, "headrace: {}\n", answer.problem().text());
    return 1;
  }
  fmt::print("{} answered {} with {} bytes\n{}", answer->address, answer->status, answer->body.size(), answer->body);
  return 0;
}

}  // namespace headrace
