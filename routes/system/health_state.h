// How the server is, in a word: what every page of health says.
#pragma once

#include <string>

#include "routes/kit/app.h"

namespace headrace {

// The scrub knows of stored data that is damaged.
inline bool damaged(const App& app) {
  for (uint32_t p = 0; p < app.shards.count(); ++p)
    if (app.keeper.stats(p).damaged_places() > 0) return true;
  return false;
}

inline std::string state_of(const App& app) {
  if (app.draining) return "draining";
  return damaged(app) ? "degraded" : "healthy";
}

}  // namespace headrace
