// `headrace erase` and `headrace compact`: on a stopped directory, the same as the running server does.
#include <fmt/format.h>

#include <cstdio>

#include "codec/json.h"
#include "src/server/server.h"
#include "tools/commands.h"

namespace headrace {

int erase_user(const Config& config, const std::string& user, const std::string& tenant) {
  auto erasure = run_erasure(config, user, tenant);
  if (!erasure.ok() && erasure.problem().error == Error::storage_locked) {
    fmt::print(stderr, "headrace: a server holds {}; ask it: POST /admin/erasures {{\"user_id\": ...}}\n",
               config.data);
    return 1;
  }
  if (!erasure.ok()) return exit_status(erasure.problem());
  fmt::print("{}\n", to_json(*erasure));
  return erasure->state == "done" ? 0 : 1;
}

int compact(const Config& config) { return exit_status(run_compaction(config)); }

}  // namespace headrace
