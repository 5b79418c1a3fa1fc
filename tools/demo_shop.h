// A made-up shop: visitors of several kinds come, look, fill carts, buy or leave. The same seed, the same
// day.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "tools/demo_event.h"

namespace headrace {

struct ShopWish {
  size_t events = 20'000;  // at least; the last session is finished
  uint64_t seed = 1;
  Micros end = 0;   // the day that ends here is filled
  std::string run;  // part of every id, so that a second run is not taken for a repetition of the first
};

std::unique_ptr<DemoSource> make_shop(const ShopWish& wish);

}  // namespace headrace
