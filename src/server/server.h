// Server: puts the crafts together, runs them until asked to stop, and takes them apart without losing a
// request.
#pragma once

#include <memory>

#include "src/base/result.h"
#include "src/events/erasure_document.h"
#include "src/features/plan.h"
#include "src/server/config.h"

namespace headrace {

struct ShardRules;  // src/events/shard.h

// Runs until SIGTERM or SIGINT. Prints "listening on http://HOST:PORT" to stderr once it takes requests.
Result<> run_server(const Config& config);

// The default definitions and those of a configuration, and the plan they make.
std::vector<features::Definition> configured_definitions(const Config& config);
Result<std::shared_ptr<const features::Plan>> feature_plan(const Config& config);

// What a configuration says of each partition.
ShardRules shard_rules(const Config& config);

// The same directory without a listener, for commands: an erasure that was interrupted goes on, then the person is
// erased...
Result<Erasure> run_erasure(const Config& config, const std::string& user, const std::string& tenant);
// ...or every partition's state is made anew.
Result<> run_compaction(const Config& config);

}  // namespace headrace
