// The features that ship, compiled once.
#pragma once

#include <memory>

#include "src/features/definition.h"
#include "src/features/plan.h"

namespace headrace {

inline std::shared_ptr<const features::Plan> plan() {
  static auto compiled = *features::Plan::compile(features::default_definitions());
  return compiled;
}

}  // namespace headrace
