// Posting a stream of events in batches, with a progress bar, and what was learnt of its carts on the way.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "src/base/result.h"
#include "src/simulation/event_source.h"
#include "tools/http_client.h"

namespace headrace {

// A cart as the stream showed it.
struct CartSeen {
  uint32_t events = 0;
  bool filled = false, bought = false;
};

struct FeedResult {
  uint64_t sent = 0, accepted = 0, duplicates = 0, rejected = 0;
  std::string first_rejection;
  double seconds = 0;                              // from the first batch to the last answer
  std::vector<std::string> carts;                  // in order of appearance
  std::unordered_map<std::string, CartSeen> seen;  // at most carts_max
  static constexpr size_t carts_max = 1'000'000;
};

// Sends all of `source` in batches of 1,000. `limit` 0: to its end.
Result<FeedResult> feed(EventSource& source, HttpClient& client, uint64_t limit);

}  // namespace headrace
