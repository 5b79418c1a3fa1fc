// A made-up shop: visitors of several kinds come, look, fill carts, buy or leave. The same seed, the same
// day.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "src/simulation/event_source.h"

namespace headrace {

struct ShopWish {
  size_t events = 20'000;  // at least; the last session is finished
  std::string_view only = {};  // of this type, one of shop_event_types; empty: of all
  uint64_t seed = 1;
  Micros end = 0;   // the day that ends here is filled
  std::string run;  // part of every id, so that a second run is not taken for a repetition of the first
};

inline constexpr std::array<std::string_view, 7> shop_event_types{
    "page_view", "product_view", "search", "add_to_cart", "remove_from_cart", "checkout_start", "purchase"};

std::unique_ptr<EventSource> make_shop(const ShopWish& wish);

}  // namespace headrace
