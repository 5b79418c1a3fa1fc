// Server: puts the crafts together, runs them until asked to stop, and takes them apart without losing a
// request.
#pragma once

#include <memory>

#include "src/base/result.h"
#include "src/features/plan.h"
#include "src/server/config.h"

namespace headrace {

// Runs until SIGTERM or SIGINT. Prints "listening on http://HOST:PORT" to stderr once it takes requests.
Result<> run_server(const Config& config);

// The feature plan of a configuration: the default definitions and its own.
Result<std::shared_ptr<const features::Plan>> feature_plan(const Config& config);

}  // namespace headrace
